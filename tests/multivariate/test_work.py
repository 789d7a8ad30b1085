"""Work that ends: tiny weight decays, budgets, memory.  Nothing is timed; work is counted."""

import tracemalloc
import warnings

import cvxpy
import numpy as np
import pytest

import convexscore as cs
from convexscore.multivariate.bounds import decay_range
from convexscore.multivariate.pricing.choice import pricer_of
from convexscore.multivariate.pricing.line import LinePricer
from convexscore.multivariate.program import NeuronProgram
from convexscore.multivariate.solvers.group_lasso import solve_bounded, solve_group_lasso

TIGHT = {"tol_gap_abs": 1e-11, "tol_gap_rel": 1e-11, "tol_feas": 1e-11}


def group_lasso(seed, n_points=9, n_neurons=6, d=2):
    rng = np.random.default_rng(seed)
    features = rng.standard_normal((n_points, n_neurons))
    labels = rng.standard_normal((n_points, d))
    return features, labels, rng.standard_normal((n_neurons, d))


def value(features, labels, traces, outputs, beta):
    misfit = 0.5 * np.sum((features @ outputs - labels) ** 2)
    return misfit + np.sum(traces * outputs) + beta * np.linalg.norm(outputs, axis=1).sum()


@pytest.mark.parametrize(("n_points", "n_neurons"), [(9, 6), (5, 12)])
@pytest.mark.parametrize("seed", range(3))
def test_restricted_problems_have_the_value_of_their_statement(seed, n_points, n_neurons):
    features, labels, traces = group_lasso(seed, n_points, n_neurons)
    traces = features.T @ (features @ traces) / 10
    Y = cvxpy.Variable(traces.shape)
    size = cvxpy.sum(cvxpy.norm(Y, axis=1))
    smooth = 0.5 * cvxpy.sum_squares(features @ Y - labels) + cvxpy.sum(cvxpy.multiply(traces, Y))
    literal = cvxpy.Problem(cvxpy.Minimize(smooth + 0.3 * size)).solve(solver="CLARABEL", **TIGHT)
    bounded = cvxpy.Problem(cvxpy.Minimize(smooth), [size <= 0.4]).solve(solver="CLARABEL", **TIGHT)
    # Wherever it starts from.
    for around in (np.zeros(traces.shape), np.random.default_rng(seed).standard_normal(traces.shape)):
        pull = features.T @ (features @ around - labels) + traces
        found = solve_group_lasso(features, pull, around, 0.3)
        assert value(features, labels, traces, found, 0.3) == pytest.approx(literal, rel=1e-7)
        found = solve_bounded(features, pull, around, 0.4)
        assert np.linalg.norm(found, axis=1).sum() <= 0.4 * (1 + 1e-8)
        assert value(features, labels, traces, found, 0.0) == pytest.approx(bounded, rel=1e-7)


@pytest.mark.parametrize("beta", [1e-6, 1e-9, 1e-12])
def test_tiny_weight_decays_cost_what_interpolation_does(beta):
    # As beta vanishes, value / beta rises to the least cost of fitting the labels exactly.
    features, labels, traces = group_lasso(1, 5, 12)
    Y = cvxpy.Variable(traces.shape)
    cost = cvxpy.sum(cvxpy.norm(Y, axis=1))
    literal = cvxpy.Problem(cvxpy.Minimize(cost), [features @ Y == labels]).solve(solver="CLARABEL", **TIGHT)
    outputs = np.zeros(traces.shape)
    for _ in range(4):
        pull = features.T @ (features @ outputs - labels)
        outputs = solve_group_lasso(features, pull, outputs, beta)
    total = value(features, labels, np.zeros(traces.shape), outputs, beta)
    assert total / beta == pytest.approx(literal, rel=max(1e-7, 100 * beta))
    assert np.count_nonzero(np.linalg.norm(outputs, axis=1)) < len(outputs)


def test_gated_training_at_tiny_weight_decay_is_proportional_to_it():
    X = np.random.default_rng(0).standard_normal((7, 3))
    objective = cs.DenoisingScoreMatching(X, -X)
    values = {}
    for beta in (1e-6, 1e-10):
        solution = cs.solve(objective, beta, gated=True)
        assert solution.status == "optimal"
        assert solution.certificate.max_violation <= 1e-3 * beta
        assert solution.stats.iterations < 500
        values[beta] = solution.value / beta
    assert values[1e-10] == pytest.approx(values[1e-6], rel=1e-4)


@pytest.mark.parametrize("far", [3e4, 1e6])
def test_a_far_point_with_large_labels_is_fitted(far):
    X = np.vstack([np.random.default_rng(0).standard_normal((9, 2)), [far, -far]])
    solution = cs.solve(cs.DenoisingScoreMatching(X, -X), 1.0, gated=True)
    assert solution.status == "optimal"
    assert abs(solution.certificate.gap) <= 1e-3 * solution.value
    assert solution.value == pytest.approx(1.92613, rel=1e-3)


@pytest.mark.parametrize(
    ("noise", "n", "d"), [(1e-8, 12, 2), (1e-10, 12, 2), (1e-8, 6, 2), (1e-8, 20, 2), (1e-8, 8, 3)]
)
def test_pairs_closer_than_rounding_can_tell_end_and_say_so(noise, n, d):
    X = np.random.default_rng(0).standard_normal((n, d))
    objective = cs.DenoisingScoreMatching.from_clean(X, noise, n_draws=2, rng=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", cs.ConvergenceWarning)
        solution = cs.solve(objective, 4.0, skip=True)
    assert solution.stats.iterations < 150
    assert solution.stats.n_atoms < 5000
    assert solution.value >= solution.certificate.dual
    if solution.status == "optimal":
        assert solution.certificate.gap <= 2e-6 * solution.value


def test_the_bound_in_an_error_is_the_one_that_is_found():
    X = np.random.default_rng(0).standard_normal((20, 2))
    minimum = cs.beta_bounds(cs.ScoreMatching(X)).minimum
    with pytest.raises(cs.UnboundedError, match=f"at least about {minimum:.6g} "):
        cs.solve(cs.ScoreMatching(X), 0.5)


def test_work_that_runs_out_leaves_a_bound_on_either_side():
    X = np.random.default_rng(0).standard_normal((20, 2))
    program = NeuronProgram.from_objective(cs.ScoreMatching(X), "relu", False, True)
    exact = cs.beta_bounds(cs.ScoreMatching(X)).minimum
    widths = []
    for work in (3e4, 1e5, 3e5):
        low, high = decay_range(program, pricer_of(program), most_work=work)
        assert low <= exact * (1 + 1e-4)
        assert high >= exact * (1 - 1e-4)
        widths.append(high - low)
    assert widths[0] > 0
    assert decay_range(program, pricer_of(program)) == (exact, exact)


def test_larger_data_are_told_what_is_proven():
    # Naming the bound to all digits would take a minute.
    X = np.random.default_rng(0).standard_normal((50, 2))
    with pytest.raises(cs.UnboundedError, match=r"expected more than [0-9.]+, at least the bound"):
        cs.solve(cs.ScoreMatching(X), 0.5)


@pytest.mark.parametrize("objective", ["sm", "dsm"])
def test_one_feature_takes_memory_in_proportion_to_the_data(objective):
    x = np.random.default_rng(0).standard_normal(2000)
    labels = -x + np.random.default_rng(1).standard_normal(2000)
    problem = cs.ScoreMatching(x) if objective == "sm" else cs.DenoisingScoreMatching(x, labels)
    exact = cs.solve(problem, 20.0)
    tracemalloc.start()
    try:
        solution = cs.solve(problem, 20.0, solver="column_generation")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert solution.value == pytest.approx(exact.value, rel=1e-6)
    # One matrix over pairs of points would be 32 MB.
    assert peak < 8e6


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("activation", ["relu", "abs"])
@pytest.mark.parametrize("objective", ["sm", "dsm"])
def test_pricing_on_the_line_misses_nothing(objective, activation, bias):
    rng = np.random.default_rng(0)
    for x in (rng.standard_normal(8), rng.integers(-3, 4, 9) / 2):
        problem = cs.ScoreMatching(x) if objective == "sm" else cs.DenoisingScoreMatching(x, -x)
        program = NeuronProgram.from_objective(problem, activation, False, bias)
        residual = rng.standard_normal((len(program.rows), 1))
        priced = LinePricer(program).price(residual, 0.0, most=1000)
        np.testing.assert_allclose(
            np.linalg.norm(program.correlations(priced.neurons, residual), axis=1), priced.values, atol=1e-12
        )
        # Literally: both sides of every origin, ties either way.
        left, z = {"relu": 0.0, "abs": -1.0}[activation], program.root_mass[:, 0] * residual[:, 0]
        x, g = program.rows[:, 0], program.trace_mass
        literal = []
        for origin in x if bias else [0.0]:
            for side in (1.0, -1.0):
                for tie in (1.0, left):
                    slope = np.where(side * (x - origin) > 0, 1.0, np.where(x == origin, tie, left))
                    literal.append(abs(side * np.sum(slope * ((x - origin) * z + g))))
        assert priced.largest == pytest.approx(max(literal), rel=1e-12)
