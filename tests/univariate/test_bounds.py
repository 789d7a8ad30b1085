"""Boundedness bounds against a linear program, thresholds against the solvers on both sides."""

import numpy as np
import pytest
from hypothesis import given, settings
from scipy.optimize import linprog

import convexscore as cs
from convexscore.univariate.program import UnivariateProgram
from convexscore.univariate.quadratic import build_dictionary
from tests.problems import DATA, KINDS, make_data, make_objective, problems, value_scale


def smallest_feasible_beta(objective, activation, skip):
    """Minimize beta over residuals z with |A'Mz + c| <= beta, 1'Mz = 0 and, with skip, x'Mz + n = 0."""
    program = UnivariateProgram.from_objective(objective, activation, skip)
    atoms = build_dictionary(program)
    correlation = (atoms.values * program.mass[:, None]).T
    ones = np.ones((len(correlation), 1))
    equalities, values = [program.mass], [0.0]
    if skip:
        equalities.append(program.mass * program.centred)
        values.append(-program.trace_total)
    result = linprog(
        np.append(np.zeros(program.position.size), 1.0),
        A_ub=np.vstack([np.hstack([correlation, -ones]), np.hstack([-correlation, -ones])]),
        b_ub=np.concatenate([-atoms.trace, atoms.trace]),
        A_eq=np.hstack([np.array(equalities), np.zeros((len(equalities), 1))]),
        b_eq=values,
        bounds=[(None, None)] * program.position.size + [(0, None)],
    )
    assert result.status == 0
    return result.fun


@settings(max_examples=100)
@given(problems(objectives=("sm",)))
def test_the_boundedness_bound_is_the_linear_programs(problem):
    objective, _, activation, skip = problem
    unit = cs.ScoreMatching(objective.X / np.std(objective.X), objective.weights)
    bound = cs.beta_bounds(objective, activation, skip).minimum
    assert bound == pytest.approx(smallest_feasible_beta(unit, activation, skip), rel=1e-5)


@pytest.mark.parametrize(
    ("activation", "skip", "distinct", "tied"),
    [("relu", False, 1, 2), ("relu", True, 1, 2), ("abs", False, 1, 3), ("abs", True, 2, 4)],
)
def test_bounds_of_the_theory(activation, skip, distinct, tied):
    assert cs.beta_bounds(cs.ScoreMatching([0.0, 1, 2, 4]), activation, skip).minimum == distinct
    # Multiplicities 2, 3, 1: the ends ask for 2, the inner tie for 3/2.
    ties = cs.ScoreMatching([0.0, 0, 1, 1, 1, 4])
    assert cs.beta_bounds(ties, activation, skip).minimum == tied


@pytest.mark.parametrize("data", DATA)
@pytest.mark.parametrize(("name", "activation", "skip"), KINDS)
def test_thresholds_separate_the_regimes(name, activation, skip, data):
    objective = make_objective(name, *make_data(data, n=15))
    bounds = cs.beta_bounds(objective, activation, skip)
    low, high = objective.X.min(), objective.X.max()
    inner = np.linspace(low, high, 101)[1:-1]

    def inner_kinks(beta):
        kinks = cs.solve(objective, beta, activation, skip, solver="active_set").network.kinks
        return ((kinks > low) & (kinks < high)).sum()

    def change(beta, other):
        one, two = (cs.solve(objective, b, activation, skip, solver="active_set") for b in (beta, other))
        return np.abs(one.network(inner) - two.network(inner)).max() * np.std(objective.X)

    assert inner_kinks(bounds.linear * 1.0001) == 0
    if bounds.linear > bounds.minimum:
        assert inner_kinks(bounds.linear * 0.9999) > 0
    assert change(bounds.maximum * 1.0001, bounds.maximum * 1.3) < 1e-9
    assert change(bounds.maximum * 0.9, bounds.maximum * 1.3) > 1e-6


@pytest.mark.parametrize("data", DATA)
@pytest.mark.parametrize(("name", "activation", "skip"), KINDS)
def test_closed_forms_are_the_solvers_answer_on_both_sides_of_each_threshold(name, activation, skip, data):
    objective = make_objective(name, *make_data(data, n=15))
    bounds = cs.beta_bounds(objective, activation, skip)
    for threshold in (bounds.linear, bounds.maximum):
        for share in (0.98, 0.9999, 1.0001, 1.02):
            beta = max(share * threshold, bounds.minimum)
            chosen = cs.solve(objective, beta, activation, skip)
            assert (chosen.status == "closed_form") == (beta >= bounds.linear)
            scale = value_scale(objective, chosen.value)
            for solver in ("active_set", "clarabel"):
                other = cs.solve(objective, beta, activation, skip, solver=solver)
                assert abs(chosen.value - other.value) <= 1e-10 * scale
            assert abs(other.stats.solver_value - chosen.value) <= 1e-6 * scale


def test_large_weight_decay_is_the_gaussian_line_with_skip_and_shrinks_without():
    x = np.random.default_rng(0).standard_normal(50)
    objective, grid = cs.ScoreMatching(x), np.linspace(x.min(), x.max(), 7)
    line = -(grid - x.mean()) / x.var()
    for activation in ("relu", "abs"):
        with_skip = cs.solve(objective, 60.0, activation, skip=True).network
        np.testing.assert_allclose(with_skip(grid), line, rtol=1e-12)
        assert with_skip.n_neurons == 0
        without = cs.solve(objective, 40.0, activation).network
        np.testing.assert_allclose(without(grid), (1 - 40 / 50) * line, rtol=1e-12)
        assert without.n_neurons == 2
        assert cs.solve(objective, 50.0, activation).network.n_neurons == 0


def test_outer_slopes_of_the_linear_regime_are_the_minimum_norm_choice():
    x = np.random.default_rng(0).standard_normal(50)
    slope = (40 - 50) / (50 * x.var())
    relu = cs.solve(cs.ScoreMatching(x), 40.0, "relu").network.piecewise.slopes
    np.testing.assert_allclose(relu, [slope / 2, slope, slope / 2], rtol=1e-12)
    absolute = cs.solve(cs.ScoreMatching(x), 40.0, "abs").network.piecewise.slopes
    np.testing.assert_allclose(absolute, [0, slope, 0], rtol=1e-12, atol=0)
    assert cs.ScoreDensity(cs.solve(cs.ScoreMatching(x), 40.0, "abs").network).is_log_concave


@pytest.mark.parametrize(
    ("activation", "skip"), [("relu", False), ("relu", True), ("abs", False), ("abs", True)]
)
def test_below_the_bound_is_an_error_that_names_it(activation, skip):
    objective = cs.ScoreMatching([0.0, 0, 1, 1, 1, 4])
    bound = cs.beta_bounds(objective, activation, skip).minimum
    with pytest.raises(cs.UnboundedError, match=f"beta: expected at least {bound:g}"):
        cs.solve(objective, 0.999 * bound, activation, skip)
    assert np.isfinite(cs.solve(objective, bound, activation, skip).value)


def test_cvxpy_finds_the_program_unbounded_just_below_the_bound():
    from convexscore.univariate.statement import state_univariate

    objective = cs.ScoreMatching([0.0, 0, 1, 1, 1, 4])
    for activation, skip in [("relu", False), ("relu", True), ("abs", False), ("abs", True)]:
        bound = cs.beta_bounds(objective, activation, skip).minimum
        below = state_univariate(objective, 0.98 * bound, activation, skip).problem
        below.solve(solver="CLARABEL")
        assert below.status == "unbounded"
        above = state_univariate(objective, 1.02 * bound, activation, skip).problem
        assert np.isfinite(above.solve(solver="CLARABEL"))


@pytest.mark.parametrize("activation", ["relu", "abs"])
def test_two_points_are_a_line_at_every_weight_decay(activation):
    # A difference of equal numbers: its rounding is no threshold.
    rng = np.random.default_rng(0)
    for _ in range(50):
        objective = cs.DenoisingScoreMatching(rng.standard_normal(2), rng.standard_normal(2))
        assert cs.beta_bounds(objective, activation, True).linear == 0.0
        assert cs.solve(objective, 1e-3, activation, True).status == "closed_form"


@pytest.mark.parametrize("activation", ["relu", "abs"])
@pytest.mark.parametrize("unit", [0.1, 0.3, 1 / 7])
def test_thresholds_are_in_proportion_to_weights_that_are_not_exact(activation, unit):
    """Sums of such weights differ in their last digits, by which a line would pass for a constant."""
    for seed in range(20):
        rng = np.random.default_rng(seed)
        x, weights = rng.standard_normal(40), rng.integers(1, 9, 40).astype(float)
        whole = cs.beta_bounds(cs.ScoreMatching(x, weights), activation)
        part = cs.beta_bounds(cs.ScoreMatching(x, unit * weights), activation)
        assert part.minimum == pytest.approx(unit * whole.minimum)
        assert part.linear == pytest.approx(unit * whole.linear)
        assert part.maximum == pytest.approx(unit * whole.maximum)
        assert whole.maximum == weights.sum()
        assert whole.linear < 0.99 * whole.maximum


@pytest.mark.parametrize(
    ("x", "labels", "maximum"),
    [
        ([1.0, 2, 6], [5.0, -4, 1], 17 / 3),
        ([3.0, 5, 6], [-1.0, 4, -5], 5.0),
        ([0.0, 3, 5, 8], [0.0, 0, -3, 2], 8.5),
    ],
)
def test_where_a_constant_needs_more_than_its_slope_no_line_comes_before_it(x, labels, maximum):
    """The shrunken line's inequality, which holds below ``|C|`` only, would have one."""
    objective = cs.DenoisingScoreMatching(x, labels)
    bounds = cs.beta_bounds(objective, "abs")
    assert bounds.linear == bounds.maximum == pytest.approx(maximum)
    kinks = cs.solve(objective, 0.99 * maximum, "abs", solver="active_set").network.kinks
    assert ((kinks > x[0]) & (kinks < x[-1])).any()
