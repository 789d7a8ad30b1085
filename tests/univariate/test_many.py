"""Many problems at once: the same optima as one by one, on all positions and on grids."""

import numpy as np
import pytest

import convexscore as cs
from convexscore.objectives import distinct_rows
from convexscore.univariate.bounds import boundedness_bound, program_bounds
from convexscore.univariate.cross_validation import cross_validate, fits_on_a_grid, refined
from convexscore.univariate.grid import Grid
from convexscore.univariate.moments import Blocks
from convexscore.univariate.program import UnivariateProgram
from convexscore.univariate.reconstruction import reconstruct, score_of
from convexscore.univariate.solvers import many
from convexscore.univariate.solvers.active_set import rounding_floor, solve_active_set
from convexscore.univariate.solvers.many import solve_many
from convexscore.univariate.spline import SplineProblem
from tests.problems import KINDS, make_data, make_objective

every_program = pytest.mark.parametrize(("name", "activation", "skip"), KINDS)


def bumpy(n, seed=0):
    rng = np.random.default_rng(seed)
    return np.where(rng.random(n) < 0.4, 0.3 * rng.standard_normal(n) - 2, rng.standard_normal(n) + 1)


def make_programs(name, activation, skip):
    """Programs of several sizes, with ties and with weights."""
    data = [(bumpy(60), None), make_data("tied", 40), make_data("weighted", 25), make_data("clustered", 30)]
    objectives = [make_objective(name, *each) for each in data]
    return [UnivariateProgram.from_objective(each, activation, skip) for each in objectives]


def shares(program):
    bounds = program_bounds(program)
    shares = np.array([1.2, 0.5, 0.1, 0.02, 0.004])
    return bounds.minimum * (1 + 1e-6) + shares * max(bounds.linear - bounds.minimum, 0.0)


def worst_violation(problem, spline):
    return np.abs(problem.violations(spline)[1]).max(initial=0.0)


@pytest.fixture
def given_up(monkeypatch):
    """Problems that were left to the solver of single ones."""
    found = []
    monkeypatch.setattr(
        many, "solve_active_set", lambda *given: found.append(given) or solve_active_set(*given)
    )
    return found


@every_program
def test_problems_are_solved_together_as_one_by_one(name, activation, skip, given_up):
    programs = make_programs(name, activation, skip)
    grids = [grid for program in programs for grid in [Grid(program)] * 5]
    betas = np.concatenate([shares(program) for program in programs])
    found = solve_many(grids, betas)
    assert len(found) == 20
    for grid, beta, spline in zip(grids, betas, found, strict=True):
        problem = SplineProblem(grid.program, float(beta))
        alone = solve_active_set(problem).spline
        values, others = problem.at_positions(spline), problem.at_positions(alone)
        np.testing.assert_allclose(values, others, rtol=0, atol=1e-9 * np.abs(others).max())
        rounding = max(rounding_floor(problem), 1e-10 * beta)
        assert worst_violation(problem, spline) <= rounding
        # Their multipliers are those of a certificate.
        assert spline.kappa == pytest.approx(alone.kappa, abs=1e-9 * max(grid.program.total, beta))
    # Next to none has to be left to the other solver.
    assert len(given_up) <= 1


def test_steps_that_lead_up_are_walked(given_up, monkeypatch):
    walks, walk = [], many._Search._walked
    monkeypatch.setattr(many._Search, "_walked", lambda *given: walks.append(given) or walk(*given))
    rng = np.random.default_rng(0)
    x = np.where(rng.random(1000) < 0.4, 0.5 * rng.standard_normal(1000) - 2, rng.standard_normal(1000) + 1)
    betas = np.geomspace(1.0, 0.25, 9) * np.sqrt(1000)
    cross_validate(distinct_rows(cs.ScoreMatching(x)), betas, "relu", True, 5, rng, 2)
    assert walks
    assert len(given_up) <= 1


@every_program
def test_where_a_search_starts_decides_nothing(name, activation, skip):
    program = UnivariateProgram.from_objective(make_objective(name, bumpy(50)), activation, skip)
    grid, betas = Grid(program), shares(program)
    rng = np.random.default_rng(0)
    starts = []
    for _ in betas:
        kinks = np.sort(rng.choice(np.arange(1, 49), 12, replace=False))
        starts.append((kinks, rng.choice([-1.0, 1.0], 12)))
    for beta, one, other in zip(
        betas, solve_many([grid] * 5, betas), solve_many([grid] * 5, betas, starts), strict=True
    ):
        problem = SplineProblem(program, float(beta))
        values = problem.at_positions(one)
        np.testing.assert_allclose(
            problem.at_positions(other), values, rtol=0, atol=1e-9 * np.abs(values).max()
        )


@pytest.mark.parametrize("entries", [1, 100, 1 << 20])
def test_groups_of_any_size_are_the_same(entries, monkeypatch):
    programs = make_programs("sm", "relu", False)
    grids = [grid for program in programs for grid in [Grid(program)] * 5]
    betas = np.concatenate([shares(program) for program in programs])
    together = solve_many(grids, betas)
    monkeypatch.setattr(many, "_ENTRIES", entries)
    for one, other in zip(together, solve_many(grids, betas), strict=True):
        assert one.kinks.tolist() == other.kinks.tolist()
        np.testing.assert_allclose(one.values, other.values, rtol=1e-9, atol=1e-12)


def test_those_that_take_too_many_steps_are_solved_one_by_one(monkeypatch):
    program = UnivariateProgram.from_objective(cs.ScoreMatching(bumpy(80)), skip=True)
    betas = shares(program)
    monkeypatch.setattr(many, "_MOST_STEPS", 1)
    for beta, spline in zip(betas, solve_many([Grid(program)] * 5, betas), strict=True):
        problem = SplineProblem(program, float(beta))
        assert worst_violation(problem, spline) <= max(rounding_floor(problem), 1e-10 * beta)


def test_a_change_of_units_by_powers_of_two_changes_no_bit():
    x = bumpy(70)
    one, other = (UnivariateProgram.from_objective(cs.ScoreMatching(scale * x)) for scale in (1.0, 2.0**7))
    betas = shares(one)
    for a, b in zip(solve_many([Grid(one)] * 5, betas), solve_many([Grid(other)] * 5, betas), strict=True):
        assert a.kinks.tolist() == b.kinks.tolist()
        assert (a.values == 2.0**7 * b.values).all()


# Grids.


@every_program
def test_a_grid_is_the_problem_with_kinks_there_only(name, activation, skip, given_up):
    objective = make_objective(name, bumpy(400))
    program = UnivariateProgram.from_objective(objective, activation, skip)
    grid = Grid(program, 60)
    n = program.position.size
    assert not grid.is_all
    assert 30 < grid.index.size < 120
    assert {0, 1, n - 2, n - 1} <= set(grid.index.tolist())
    beta = shares(program)[2]
    (spline,) = solve_many([grid], np.array([beta]))
    assert not given_up
    assert spline.kinks.size > 1
    assert np.isin(spline.kinks, grid.index).all()
    # Among all positions: obeyed at those of the grid, and kinks at their bounds.
    problem = SplineProblem(program, beta)
    residual = problem.at_positions(spline) - program.target
    exclusive, inclusive, kappa = program.correlation(residual)
    low, high = problem._band(spline)
    assert kappa == pytest.approx(spline.kappa, abs=1e-9 * program.total)
    rounding = 1e-9 * max(beta, program.total)
    inner = grid.index[1:-1]
    assert (exclusive[inner] >= low - rounding).all()
    assert (inclusive[inner] <= high + rounding).all()
    up = problem.signs_of(spline) > 0
    np.testing.assert_allclose(exclusive[spline.kinks[up]], low, rtol=0, atol=rounding)
    np.testing.assert_allclose(inclusive[spline.kinks[~up]], high, rtol=0, atol=rounding)
    # One by one they are the same.
    alone = solve_active_set(SplineProblem(program, beta, grid)).spline
    np.testing.assert_allclose(problem.at_positions(alone), problem.at_positions(spline), atol=1e-9)


def test_grids_are_dense_at_the_ends_and_even_within():
    program = UnivariateProgram.from_objective(cs.ScoreMatching(np.sort(bumpy(20_000))))
    index = Grid(program, 1000).index
    steps = np.diff(index)
    assert 500 < index.size < 1500
    assert (steps[:40] == 1).all()
    assert (steps[-40:] == 1).all()
    assert steps.max() <= 2 * 20_000 / 1000 + 1
    assert (np.diff(steps[: steps.size // 3]) >= -1).all()
    assert Grid(program, 10_000).is_all


def test_kinks_move_to_the_next_position_of_a_grid():
    program = UnivariateProgram.from_objective(cs.ScoreMatching(np.arange(10.0)))
    grid = Grid(program)
    kinks, signs = grid.nearest(np.array([-3.0, 0.2, 2.4, 2.6, 3.2, 8.9, 30.0]), np.arange(7.0))
    # Those that would be at the ends, or where one is, are left out.
    assert kinks.tolist() == [2, 3]
    assert signs.tolist() == [2.0, 3.0]


def test_a_fit_on_a_grid_is_refined_to_the_solution():
    program = UnivariateProgram.from_objective(cs.ScoreMatching(bumpy(3000)), skip=True)
    (fit,) = fits_on_a_grid(program, np.array([40.0]))
    assert not fit[0].blocks.is_all
    problem, spline = refined(fit, Blocks(program))
    assert worst_violation(problem, spline) <= 1e-9 * problem.beta
    assert worst_violation(problem, fit[1]) > 1e-3 * problem.beta


# The function that a network computes, without the network.


@pytest.mark.parametrize("data", ["random", "tied", "weighted"])
@every_program
def test_the_score_of_a_spline_is_that_of_its_network(name, activation, skip, data):
    program = UnivariateProgram.from_objective(make_objective(name, *make_data(data, 30)), activation, skip)
    betas = np.append(shares(program), boundedness_bound(program) * (1 + 1e-6) + 1e-3)
    far = np.linspace(-9, 9, 101)
    for beta in betas:
        problem = SplineProblem(program, float(beta))
        spline = solve_active_set(problem).spline
        expected = reconstruct(problem, spline).piecewise(far)
        np.testing.assert_allclose(score_of(problem, spline)(far), expected, rtol=1e-8, atol=1e-8)
