"""Block moments against plain sums, and the fast order against NumPy's."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import convexscore as cs
from convexscore.numerics.sorting import sort_with_order, sorting_order
from convexscore.univariate.moments import Blocks
from convexscore.univariate.program import UnivariateProgram
from convexscore.univariate.solvers.active_set import solve_active_set
from convexscore.univariate.spline import Spline, SplineProblem
from convexscore.univariate.tails import TailProblem
from tests.problems import KINDS, make_beta, make_data, make_objective, problems


def literal_hats(program, knots):
    """Gram matrix and target moments of hat functions, from every value of every hat."""
    t = program.position
    hats = np.array([np.interp(t, t[knots], row) for row in np.eye(knots.size)])
    weighted = hats * program.mass
    return weighted @ hats.T, weighted @ program.target


@given(problems(max_size=60), st.integers(0, 10**6), st.sampled_from([1, 2, 3, 7, 1000]))
def test_hat_moments_are_plain_sums(problem, seed, size):
    objective, beta, activation, skip = problem
    program = UnivariateProgram.from_objective(objective, activation, skip)
    spline_problem = SplineProblem(program, beta)
    spline_problem.blocks = Blocks(program, size)
    n = program.position.size
    kinks = np.flatnonzero(np.random.default_rng(seed).random(n) < 0.3)
    kinks = kinks[(kinks > 0) & (kinks < n - 1)]
    knots = spline_problem.knots(kinks)
    gram, moment = spline_problem._hat_moments(knots)
    full, labels = literal_hats(program, knots)
    np.testing.assert_allclose(gram[0], np.diag(full), rtol=1e-9)
    np.testing.assert_allclose(gram[1, :-1], np.diag(full, 1), rtol=1e-7, atol=1e-12 * program.total)
    scale = np.abs(program.mass * program.target).sum() + 1e-300
    np.testing.assert_allclose(moment, labels, atol=1e-12 * scale)


@given(problems(max_size=60), st.integers(0, 10**6), st.sampled_from([1, 2, 3, 7, 1000]))
def test_the_worst_violations_are_found_wherever_they_are(problem, seed, size):
    objective, beta, activation, skip = problem
    program = UnivariateProgram.from_objective(objective, activation, skip)
    spline_problem = SplineProblem(program, beta)
    spline_problem.blocks = Blocks(program, size)
    rng = np.random.default_rng(seed)
    n = program.position.size
    kinks = np.flatnonzero(rng.random(n) < 0.2)
    kinks = kinks[(kinks > 0) & (kinks < n - 1)]
    spline = Spline(kinks, rng.standard_normal(kinks.size + 2) / np.std(program.position), 0.0)
    index, excess = spline_problem.violations(spline)
    exclusive, inclusive, _ = program.correlation(spline_problem.at_positions(spline) - program.target)
    half = program.atom_half_width(beta)
    literal = np.maximum(-half - exclusive, 0) - np.maximum(inclusive - half, 0)
    literal[[0, -1]] = 0.0
    atol = 1e-9 * (np.abs(exclusive).max() + np.abs(inclusive).max() + beta)
    np.testing.assert_allclose(excess, literal[index], atol=atol)
    for side in (1.0, -1.0):
        assert max(0.0, (side * excess).max(initial=0.0)) == pytest.approx(
            max(0.0, (side * literal).max()), abs=atol
        )
        # Of violating neighbours the worst is found, or one beyond them in blocks that all begin violating.
        for run in np.split(np.arange(n), np.flatnonzero(np.diff(side * literal > atol)) + 1):
            if side * literal[run[0]] > atol:
                first, last = run[0] // size * size, (run[-1] // size + 1) * size
                while first > 0 and side * literal[first] > 0:
                    first -= size
                while last < n and side * literal[last] > 0:
                    last += size
                near = (index >= first) & (index < last)
                assert (side * excess[near]).max() >= side * literal[run].max() - atol


def test_no_position_is_looked_at_in_vain():
    """Millions of violations of one sign are one violation: of many blocks two or three are opened."""
    x = np.random.default_rng(0).exponential(size=60_000)
    for objective in (cs.ScoreMatching(x), cs.DenoisingScoreMatching.from_clean(x, 0.3, rng=0)):
        program = UnivariateProgram.from_objective(objective, "relu", True)
        problem = SplineProblem(program, 500.0)
        line = problem.minimize(np.zeros(0, dtype=np.intp), np.zeros(0))
        chunks, values, slopes = problem._on_chunks(line, problem.knots(line.kinks))
        index, exclusive, _ = problem.blocks.suspicious(chunks, values, slopes, -500.0, 500.0)
        exact, _, _ = program.correlation(problem.at_positions(line) - program.target)
        assert (np.abs(exact) > 1000).mean() > 0.3
        assert index.size <= 0.15 * x.size
        assert np.abs(exact[1:-1]).max() == pytest.approx(np.abs(exclusive).max(), rel=1e-3)


@pytest.mark.parametrize(("name", "activation", "skip"), KINDS)
def test_large_problems_are_solved_like_small_ones(name, activation, skip):
    objective = make_objective(name, *make_data("clustered", n=9000))
    program = UnivariateProgram.from_objective(objective, activation, skip)
    beta = make_beta(objective, activation, skip, 0.02)
    one, many = SplineProblem(program, beta), SplineProblem(program, beta)
    one.blocks = Blocks(program, program.position.size)
    assert many.blocks.starts.size > 50
    plain, blocked = solve_active_set(one), solve_active_set(many)
    assert plain.spline.kinks.size > 0
    np.testing.assert_array_equal(plain.spline.kinks, blocked.spline.kinks)
    scale = np.abs(plain.spline.values).max()
    np.testing.assert_allclose(plain.spline.values, blocked.spline.values, atol=1e-9 * scale)
    assert many.value(blocked.spline) == pytest.approx(one.value(plain.spline), rel=1e-10)


@pytest.mark.parametrize("size", [1, 7, 301])
@pytest.mark.parametrize(("name", "activation", "skip"), KINDS)
def test_held_tails_are_found_through_blocks(name, activation, skip, size):
    """Positions without mass lie beyond the data: with 302 of them the last block is nothing else."""
    objective = make_objective(name, *make_data("clustered", n=300))
    program = UnivariateProgram.from_objective(objective, activation, skip)
    beta = make_beta(objective, activation, skip, 0.05)
    one, many = (TailProblem(SplineProblem(program, beta), (0.0, 0.0)) for _ in range(2))
    many.blocks = Blocks(many.program, size)
    assert one.program.position.size == 302
    assert one.blocks.starts.size == 1 < many.blocks.starts.size
    plain, blocked = solve_active_set(one), solve_active_set(many)
    assert plain.spline.kinks.size > 1
    assert blocked.violation <= 1e-9 * beta
    assert one.value(blocked.spline) == pytest.approx(one.value(plain.spline), rel=1e-10)
    assert many.value(blocked.spline) == pytest.approx(one.value(blocked.spline), rel=1e-10)


@pytest.mark.parametrize("kind", ["normal", "rounded", "close", "pairs", "far", "constant", "signed zeros"])
def test_the_fast_order_sorts(kind):
    rng = np.random.default_rng(0)
    x = rng.standard_normal(120_000)
    if kind == "rounded":
        x = np.round(x, 2)
    if kind == "close":
        x = 1 + 1e-13 * x
    if kind == "pairs":
        # Neighbours of the floats, in the wrong order: one pass puts them right.
        x[1::2] = np.nextafter(x[::2], -np.inf)
    if kind == "far":
        x = x * 10.0 ** rng.integers(-300, 300, x.size)
    if kind == "constant":
        x = np.full(x.size, 3.0)
    if kind == "signed zeros":
        x = np.where(rng.random(x.size) < 0.5, 0.0, -0.0)
    order = sorting_order(x)
    np.testing.assert_array_equal(np.sort(order), np.arange(x.size))
    np.testing.assert_array_equal(x[order], np.sort(x))
    values, again = sort_with_order(x)
    np.testing.assert_array_equal(values, x[order])
    np.testing.assert_array_equal(again, order)
