"""Certificates say the truth: about optima, about other networks, about every kink position."""

import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import convexscore as cs
from convexscore.univariate.certificate import (
    certify,
    correlation_rounding,
    correlation_scale,
    largest_correlation,
)
from convexscore.univariate.program import UnivariateProgram
from tests.problems import DATA, KINDS, make_beta, make_data, make_objective, problems, value_scale
from tests.univariate.literal import literal_correlation


@pytest.mark.parametrize("data", DATA)
@pytest.mark.parametrize(("name", "activation", "skip"), KINDS)
def test_optima_are_certified(name, activation, skip, data):
    objective = make_objective(name, *make_data(data))
    for share in (0.0, 0.05, 0.3, 0.8, 1.1):
        beta = make_beta(objective, activation, skip, share)
        solution = cs.solve(objective, beta, activation, skip)
        certificate, scale = solution.certificate, value_scale(objective, solution.value)
        assert certificate.scope == "global"
        assert solution.status in ("optimal", "closed_form")
        assert certificate.primal == solution.value
        assert abs(solution.network.loss(objective, beta) - solution.value) <= 1e-12 * scale
        assert certificate.gap == certificate.primal - certificate.dual
        assert abs(certificate.gap) <= 1e-9 * scale
        program = UnivariateProgram.from_objective(objective, activation, skip)
        rounding = correlation_rounding(program, solution.network, beta)
        assert certificate.max_violation <= 1e-9 * max(beta, program.total) + rounding
        if data != "clustered":
            assert rounding < 1e-7


@pytest.mark.parametrize("data", DATA)
@pytest.mark.parametrize(("name", "activation", "skip"), KINDS)
def test_no_kink_anywhere_on_the_line_violates_the_certificate(name, activation, skip, data):
    objective = make_objective(name, *make_data(data, n=12))
    beta = make_beta(objective, activation, skip, 0.2)
    network = cs.solve(objective, beta, activation, skip).network
    low, high = objective.X.min(), objective.X.max()
    anywhere = np.linspace(low - 2, high + 2, 201)
    positions = np.concatenate([objective.X[:, 0], anywhere])
    assert literal_correlation(objective, network, activation, positions) <= beta * (1 + 1e-9) + 1e-9


@given(problems(), st.integers(0, 10**6))
def test_no_network_of_any_width_beats_the_optimum(problem, seed):
    objective, beta, activation, skip = problem
    solution = cs.solve(objective, beta, activation, skip)
    rng = np.random.default_rng(seed)
    unit = np.std(objective.X)
    for width in (1, 3, 40):
        kinks = rng.choice(objective.X[:, 0], width) + unit * rng.choice([0.0, 1e-9, 0.3], width)
        weights = rng.standard_normal(width) / unit
        outputs = rng.standard_normal((1, width)) / width / unit
        skip_slope = rng.standard_normal((1, 1)) / unit**2 if skip else None
        bias = rng.standard_normal(1) / unit
        for size in (1.0, 0.1, 1e-3):
            net = cs.TwoLayerNetwork(
                size * weights[:, None],
                -size * weights * kinks,
                outputs,
                bias,
                skip_slope,
                activation=activation,
                right_derivative=rng.random(width) < 0.5,
            )
            assert net.loss(objective, beta) >= solution.value - 1e-9 * value_scale(objective, solution.value)
    # Nor do small changes of the optimal network itself.
    best = solution.network
    for _ in range(5):
        change = [1 + 1e-3 * rng.standard_normal(np.shape(a)) for a in (best.W1, best.b1, best.W2, best.b2)]
        arrays = [a * c for a, c in zip((best.W1, best.b1, best.W2, best.b2), change, strict=True)]
        net = cs.TwoLayerNetwork(*arrays, best.V, activation=activation)
        assert net.loss(objective, beta) >= solution.value - 1e-9 * value_scale(objective, solution.value)


@given(problems(), st.integers(0, 10**6))
def test_the_dual_value_of_any_network_is_a_lower_bound(problem, seed):
    objective, beta, activation, skip = problem
    solution = cs.solve(objective, beta, activation, skip)
    program = UnivariateProgram.from_objective(objective, activation, skip)
    rng = np.random.default_rng(seed)
    best = solution.network
    for size in (1e-6, 1e-2, 1.0):
        W2 = best.W2 * (1 + size * rng.standard_normal(best.W2.shape))
        b2 = best.b2 + size * rng.standard_normal(1) / np.std(objective.X)
        other = cs.TwoLayerNetwork(
            best.W1, best.b1, W2, b2, best.V, activation=activation, right_derivative=best.right_derivative
        )
        certificate = certify(program, other, beta)
        scale = value_scale(objective, solution.value)
        assert certificate.dual <= solution.value + 1e-9 * scale
        assert certificate.primal >= solution.value - 1e-9 * scale
        assert certificate.gap >= -1e-9 * scale


@given(problems())
def test_the_fast_correlation_is_the_literal_one(problem):
    objective, _, activation, skip = problem
    # A network that is not optimal, with a balanced residual.
    program = UnivariateProgram.from_objective(objective, activation, skip)
    residual = np.random.default_rng(0).standard_normal(program.position.size)
    residual -= np.average(residual, weights=program.mass)

    def network(x):
        return (
            residual[np.searchsorted(program.position, x)]
            + program.target[np.searchsorted(program.position, x)]
        )

    literal = literal_correlation(_merged(objective, program), network, activation, program.position)
    assert largest_correlation(program, residual) == pytest.approx(literal, rel=1e-9)


@pytest.mark.parametrize("kind", KINDS)
def test_the_range_of_correlations_over_parts_is_that_of_all(kind):
    name, activation, skip = kind
    objective = make_objective(name, *make_data("weighted", n=70_000))
    program = UnivariateProgram.from_objective(objective, activation, skip)
    residual = np.random.default_rng(0).standard_normal(program.position.size)
    low, high, kappa = program.correlation_range(residual)
    exclusive, inclusive, whole = program.correlation(residual)
    atol = 1e-10 * np.abs(inclusive).max()
    assert (low, high, kappa) == pytest.approx((exclusive.min(), inclusive.max(), whole), abs=atol)


def _merged(objective, program):
    if objective.has_trace:
        return cs.ScoreMatching(program.position, program.mass)
    return cs.DenoisingScoreMatching(program.position, program.target, sample_weight=program.mass)


@pytest.mark.parametrize(
    ("x", "mass", "activation", "beta", "n_at_tie"),
    [
        # A tie heavier than beta, where a right and a left neuron make the outer line.
        ([0.0, 2.0, 4.0, 7.0], [9.0, 20.0, 20.0, 2.0], "relu", 10.0, 2),
        # Outer slopes that add to more than zero: the heavier end takes the kink.
        ([0.0, 2.0, 3.0, 5.0, 9.0, 10.0], [2.0, 5.0, 20.0, 1.0, 2.0, 20.0], "abs", 20.4, 1),
        ([0.0, 1.0, 5.0, 7.0, 8.0, 10.0], [20.0, 2.0, 1.0, 20.0, 5.0, 2.0], "abs", 20.4, 1),
        # The bound itself, where rounding decides whether a residual is feasible.
        ([2.0, 6.0, 8.0, 9.0, 11.0], [20.0, 5.0, 20.0, 5.0, 3.0], "relu", 20.0, 1),
    ],
)
def test_heavy_ties_without_skip_are_certified(x, mass, activation, beta, n_at_tie):
    objective = cs.ScoreMatching(x, mass)
    solution = cs.solve(objective, beta, activation)
    reference = cs.solve(objective, beta, activation, solver="clarabel", tol=1e-10)
    assert abs(solution.certificate.gap) < 1e-9
    assert reference.stats.solver_value == pytest.approx(solution.value, abs=1e-6)
    kinks = -solution.network.b1 / solution.network.W1[:, 0]
    assert np.unique(kinks, return_counts=True)[1].max() == n_at_tie


def test_a_poor_network_is_found_out():
    objective = cs.ScoreMatching(cs.datasets.load_old_faithful()["eruptions"])
    solution = cs.solve(objective, 40.0, skip=True)
    best = solution.network
    shrunk = cs.TwoLayerNetwork(
        best.W1, best.b1, 0.9 * best.W2, best.b2, best.V, right_derivative=best.right_derivative
    )
    program = UnivariateProgram.from_objective(objective, "relu", True)
    certificate = certify(program, shrunk, 40.0)
    assert certificate.max_violation > 1
    assert certificate.gap > certificate.primal - solution.value > 1


def test_missing_the_tolerance_is_a_warning_and_a_status():
    objective = cs.ScoreMatching(cs.datasets.load_old_faithful()["eruptions"])
    with pytest.warns(cs.ConvergenceWarning, match="misses tol=1e-08"):
        solution = cs.solve(objective, 5.0, skip=True, solver="active_set", max_iterations=2)
    assert solution.status == "inaccurate"
    assert solution.certificate.gap > 0


def test_nothing_warns_at_the_bound_itself():
    objective = cs.ScoreMatching([0.0, 0.0, 0.5, 1.0, 1.0, 1.0, 4.0])
    for activation in ("relu", "abs"):
        for skip in (False, True):
            beta = cs.beta_bounds(objective, activation, skip).minimum
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                assert cs.solve(objective, beta, activation, skip).status == "optimal"


@pytest.mark.parametrize("name", ["sm", "dsm"])
def test_the_scale_of_correlations_is_their_largest_possible_size(name):
    """By Cauchy and Schwarz: the lengths of the centred points and of the labels, both weighted."""
    rng = np.random.default_rng(0)
    x, weights = 3 * rng.standard_normal(12) + 5, rng.uniform(0.5, 4.0, 12)
    program = UnivariateProgram.from_objective(make_objective(name, x, weights), "relu", False)
    spread = np.sum(
        program.mass * (program.position - np.average(program.position, weights=program.mass)) ** 2
    )
    labels = np.sum(program.mass * program.target**2)
    expected = weights.sum() if name == "sm" else np.sqrt(spread * labels)
    assert correlation_scale(program, 1e-3) == pytest.approx(expected)
    assert correlation_scale(program, 1e4) == 1e4


@pytest.mark.parametrize("first_wrong", [0, 35_000])
def test_scores_that_are_meant_count_only_if_the_network_has_them(first_wrong):
    # More positions than are looked at together: what is written over the first ones is taken back.
    x = np.sort(np.random.default_rng(0).standard_normal(40_000))
    objective = cs.ScoreMatching(x)
    program = UnivariateProgram.from_objective(objective, skip=True)
    network = cs.solve(objective, 200.0, skip=True).network
    plain = certify(program, network, 200.0)
    # Within the rounding of the weights other scores are taken at their word; else they are not.
    for meant in (network, lambda t: network(t) + 1e-3 * (t >= x[first_wrong])):
        found = certify(program, network, 200.0, meant=meant)
        assert found.primal == plain.primal
        assert found.gap == pytest.approx(plain.gap, abs=1e-9 * abs(plain.primal))
        assert found.max_violation == pytest.approx(plain.max_violation, abs=1e-6)
