"""Block moments against plain sums, and the fast order against NumPy's."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from convexscore.numerics.sorting import sorting_order
from convexscore.univariate.moments import Blocks
from convexscore.univariate.program import UnivariateProgram
from convexscore.univariate.solvers.active_set import solve_active_set
from convexscore.univariate.spline import Spline, SplineProblem
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
def test_violations_are_found_wherever_they_are(problem, seed, size):
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
    found = np.zeros(n)
    found[index] = excess
    exclusive, inclusive, _ = program.correlation(spline_problem.at_positions(spline) - program.target)
    half = program.atom_half_width(beta)
    literal = np.maximum(-half - exclusive, 0) - np.maximum(inclusive - half, 0)
    literal[[0, -1]] = 0.0
    scale = np.abs(exclusive).max() + np.abs(inclusive).max() + beta
    np.testing.assert_allclose(found, literal, atol=1e-9 * scale)


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
