"""What must not matter: units, place, order, orientation, and how weights and numbers are written.

Every family of programs is solved for random data and for the same data written differently; powers of four
and exact shifts leave every digit as it is.
"""

import os
import re
import warnings

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import convexscore as cs
from convexscore.problem import Problem
from convexscore.units import units_of

FEW = settings(
    max_examples=int(os.environ.get("CONVEXSCORE_FUZZ", "3")),
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)
seeds = st.integers(0, 10**6)


def data_of(n_features, seed):
    """Points on a lattice of 64ths, so that shifts by whole numbers are exact, with ties and weights."""
    rng = np.random.default_rng(seed)
    n = {1: 25, 2: 12, 3: 8}[n_features]
    X = np.round(64 * rng.standard_normal((n, n_features))) / 64
    X[-1] = X[0]
    return X, rng.standard_normal(X.shape), rng.integers(1, 4, n).astype(float)


class Case:
    """A problem whose data can be written differently."""

    def __init__(self, n_features, kind, beta, **options):
        self.n_features, self.kind, self.beta, self.options = n_features, kind, beta, options

    def solve(self, X, labels, weights, *, length=1.0, label=1.0, weight=1.0, noise=0.5):
        """Return the solution, and its value in units of its own."""
        beta, value = self.beta, length**-2 * weight
        if self.kind == "sm":
            objective = cs.ScoreMatching(X, weights)
        elif self.kind == "expected":
            objective = cs.ExpectedDenoising(X, noise * length, sample_weight=weights)
        else:
            objective = cs.DenoisingScoreMatching(X, labels, sample_weight=weights)
            beta, value = beta * length * label, label**2 * weight
            if self.options.get("penalty") == "ridge":
                beta *= length / label
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            solution = cs.solve(objective, beta * weight, **self.options)
        return solution, solution.value / value


CASES = {
    "line": Case(1, "sm", 8.0),
    "line abs skip": Case(1, "sm", 12.0, activation="abs", skip=True),
    "line log-concave": Case(1, "sm", 8.0, skip=True, shape="log-concave"),
    "line tails": Case(1, "sm", 100.0, tails="integrable"),
    "line refit": Case(1, "sm", 14.0, skip=True, refit=True),
    "line dsm": Case(1, "dsm", 1.0),
    "line dsm abs skip": Case(1, "dsm", 1.0, activation="abs", skip=True),
    "expected": Case(1, "expected", 2.0, skip=True),
    "expected abs": Case(1, "expected", 2.0, activation="abs"),
    "plane": Case(2, "sm", 15.0),
    "plane skip": Case(2, "sm", 15.0, skip=True),
    "plane dsm abs": Case(2, "dsm", 1.0, activation="abs"),
    "plane dsm, no bias": Case(2, "dsm", 1.0, bias=False, skip=True),
    "gated, no bias": Case(2, "dsm", 1.0, bias=False, gated=True),
    "ridge, no bias": Case(2, "dsm", 1.0, bias=False, gated=True, penalty="ridge"),
    "gated": Case(2, "dsm", 1.0, gated=True),
    "no decay": Case(2, "dsm", 0.0, patterns=None, skip=True),
    "space": Case(3, "sm", 15.0, skip=True),
}
HAS_PLACE = [
    name
    for name, case in CASES.items()
    if case.options.get("bias", True) and not case.options.get("gated") and name != "no decay"
]
HAS_SCALE = [name for name in CASES if name != "gated"]


@pytest.mark.parametrize("name", HAS_SCALE)
@FEW
@given(seeds, st.integers(-165, 165), st.integers(-75, 75), st.integers(-60, 60))
def test_powers_of_four_change_no_digit(name, seed, length, label, weight):
    case, length, label = CASES[name], 2 * length, 2 * label
    X, labels, weights = data_of(case.n_features, seed)
    plain, value = case.solve(X, labels, weights)
    units = {"length": 2.0**length, "label": 2.0**label, "weight": 2.0**weight}
    scaled, same = case.solve(
        np.ldexp(X, length), np.ldexp(labels, label), np.ldexp(weights, weight), **units
    )
    assert (same, scaled.status) == (value, plain.status)
    if name != "no decay":
        # Which of its many solutions is least depends on the scale, as long as that is near one.
        slope = -2 * length if case.kind != "dsm" else label - length
        assert np.array_equal(np.ldexp(scaled.network.V, -slope), plain.network.V)
        assert scaled.network.n_neurons == plain.network.n_neurons


@pytest.mark.parametrize("name", HAS_SCALE)
@FEW
@given(seeds, st.floats(-100, 100), st.floats(-40, 40))
def test_every_scale_is_the_scale_one(name, seed, length, label):
    case = CASES[name]
    X, labels, weights = data_of(case.n_features, seed)
    _, value = case.solve(X, labels, weights)
    units = {"length": 10.0**length, "label": 10.0**label}
    solution, same = case.solve(X * units["length"], labels * units["label"], weights, **units)
    zero = np.sum(weights) + 0.5 * np.sum(weights[:, None] * labels**2)
    assert same == pytest.approx(value, rel=1e-9, abs=1e-12 * zero)
    objective_size = solution.certificate.value_scale
    assert abs(solution.certificate.gap) <= 1e-6 * objective_size


@pytest.mark.parametrize("name", HAS_PLACE)
@FEW
@given(seeds, st.integers(10, 27), st.sampled_from([-1.0, 1.0]))
def test_exact_shifts_change_no_digit_that_counts(name, seed, exponent, sign):
    case = CASES[name]
    X, labels, weights = data_of(case.n_features, seed)
    plain, value = case.solve(X, labels, weights)
    shift = sign * 2.0**exponent * np.array([1.0, -0.5, 0.0])[: case.n_features]
    shifted, same = case.solve(X + shift, labels, weights)
    assert same == pytest.approx(value, rel=1e-11)
    np.testing.assert_allclose(
        shifted.network(X + shift), plain.network(X), atol=1e-5 * np.abs(plain.network(X)).max()
    )


@pytest.mark.parametrize("name", CASES)
@FEW
@given(seeds)
def test_order_reflection_and_repetition_do_not_matter(name, seed):
    case = CASES[name]
    X, labels, weights = data_of(case.n_features, seed)
    _, value = case.solve(X, labels, weights)
    order = np.random.default_rng(seed).permutation(len(X))
    _, permuted = case.solve(X[order], labels[order], weights[order])
    # The reflection turns labels, which are scores, around with the data.
    _, reflected = case.solve(-X, -labels, weights)
    times = weights.astype(int)
    repeated = (np.repeat(X, times, axis=0), np.repeat(labels, times, axis=0))
    _, counted = case.solve(*repeated, None)
    _, padded = case.solve(
        np.vstack([X, 7 + X[:2]]), np.vstack([labels, labels[:2]]), np.append(weights, [0.0, 0.0])
    )
    for other in (permuted, reflected, counted, padded):
        assert other == pytest.approx(value, rel=1e-7, abs=1e-12 * np.sum(weights))


@pytest.mark.parametrize("name", CASES)
def test_single_precision_is_read_as_its_double(name):
    case = CASES[name]
    X, labels, weights = data_of(case.n_features, 3)
    labels = labels.astype(np.float32)
    _, value = case.solve(X, labels.astype(float), weights)
    _, same = case.solve(X.astype(np.float32), labels, weights.astype(np.float32))
    assert same == value


@pytest.mark.parametrize("sign", [-1, 1])
def test_thresholds_paths_and_choices_have_the_units_of_the_data(sign):
    x = np.random.default_rng(1).standard_normal(40)
    length, label = 2.0 ** (sign * 260), 2.0 ** (-sign * 130)
    plain = cs.DenoisingScoreMatching(x, np.sin(9 * x))
    scaled = cs.DenoisingScoreMatching(x * length, label * np.sin(9 * x))
    bounds, other = cs.beta_bounds(plain), cs.beta_bounds(scaled)
    assert other.linear / (length * label) == bounds.linear
    path, same = cs.regularization_path(plain), cs.regularization_path(scaled)
    assert np.array_equal(same.betas / (length * label), path.betas)
    beta = float(np.sqrt(path.betas[3] * path.betas[4]))
    assert same.solution(beta * length * label).value / label**2 == path.solution(beta).value
    assert cs.select_beta(scaled, rng=0) / (length * label) == cs.select_beta(plain, rng=0)
    x2 = x.reshape(-1, 2)
    assert cs.select_beta(x2 * length, rng=0) == cs.select_beta(x2, rng=0)
    assert cs.solve(x * length, "auto").beta == cs.solve(x, "auto").beta


def test_densities_far_from_zero_have_the_quantiles_of_those_at_zero():
    x = np.round(64 * np.random.default_rng(5).standard_normal(60)) / 64
    levels = np.array([0.01, 0.3, 0.5, 0.9])
    plain = cs.ScoreDensity(cs.solve(x, 4.0, skip=True).network).icdf(levels)
    far = cs.ScoreDensity(cs.solve(x + 2.0**27, 4.0, skip=True).network).icdf(levels)
    np.testing.assert_allclose(far - 2.0**27, plain, atol=1e-6)
    for scale in (2.0**-300, 2.0**300):
        scaled = cs.ScoreDensity(cs.solve(x * scale, 4.0, skip=True).network)
        np.testing.assert_allclose(scaled.icdf(levels) / scale, plain, rtol=1e-12)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((cs.ScoreMatching([0.0, 1e130]),), "X: expected a range between"),
        ((cs.ScoreMatching([0.0, 1e-130]),), "X: expected a range between"),
        ((cs.ScoreMatching([-1.7e308, 1.7e308]),), "X: expected a range between"),
        ((cs.ScoreMatching(1e160 * np.eye(2)),), "X: expected a range between"),
        ((cs.ScoreMatching([1e12, 1e12 + 1, 1e12 + 3]),), "X: expected values within 1e"),
        ((cs.ExpectedDenoising([1e15, 1e15 + 1], 0.5),), "X: expected values within 1e"),
        ((cs.DenoisingScoreMatching([0.0, 1e100], [1e250, 0.0]),), "objective: expected data, labels and"),
    ],
)
def test_what_floats_cannot_serve_is_refused(arguments, message):
    for function in (lambda objective: cs.solve(objective, 4.0), cs.beta_bounds):
        with pytest.raises(ValueError, match=message):
            function(*arguments)


def test_gated_networks_with_bias_refuse_data_that_the_ones_swamp():
    for points in (1e-40 * np.eye(2), 1e40 * np.eye(2)):
        with pytest.raises(ValueError, match=r"X: expected values of size .* for gated networks with bias"):
            cs.solve(points, 4.0, gated=True)


def test_weights_of_any_size_give_a_number_or_a_clear_error():
    X = [[0, 1], [2, 3], [1, 5]]
    with pytest.raises(cs.UnboundedError, match=r"beta: expected at least about 1\.05.*e\+300 .* got 4$"):
        cs.solve(cs.ScoreMatching(X, [1e300, 1, 1]), 4.0, skip=True)
    with pytest.raises(cs.SolverError, match="value is too large for a float"):
        cs.solve(cs.ScoreMatching(X, [1e300, 1, 1]), 2e300, skip=True)
    light = np.r_[np.ones(3), np.full(3, 1e-200)]
    points = np.random.default_rng(0).standard_normal((6, 2))
    value = cs.solve(cs.ScoreMatching(points, light), 4.0).value
    assert value == pytest.approx(cs.solve(cs.ScoreMatching(points[:3]), 4.0).value, rel=1e-6)


def test_weight_decays_beyond_all_sizes_are_as_good_as_infinite():
    points = np.random.default_rng(0).standard_normal((8, 2))
    objective = cs.DenoisingScoreMatching(points, -points)
    for options in ({}, {"gated": True}):
        solution = cs.solve(objective, 1e200, **options)
        assert solution.beta == 1e200
        assert solution.value == pytest.approx(
            0.5 * np.sum((points - points.mean(axis=0) * (not options)) ** 2)
        )


def test_errors_name_weight_decays_in_the_units_of_the_data():
    weights = np.array([3.0, 5.0, 4.0]) * 2.0**40
    least = cs.beta_bounds(cs.ScoreMatching([0.0, 1.0, 3.0], weights)).minimum
    with pytest.raises(cs.UnboundedError, match=re.escape(f"at least {least:.10g}, ") + ".* got 1$"):
        cs.solve(cs.ScoreMatching([0.0, 1.0, 3.0], weights), 1.0)
    with pytest.raises(cs.UnboundedError, match=re.escape(f"betas: expected at least {least:.10g}")):
        cs.regularization_path(cs.ScoreMatching([0.0, 1.0, 3.0], weights), betas=[1.0])
    objective = cs.DenoisingScoreMatching([0.0, 1.0, 3.0], [1e9, 0.0, -3e9])
    linear = cs.beta_bounds(objective).linear
    with pytest.raises(ValueError, match=re.escape(f"beta: expected at least {linear:.10g} ")):
        cs.solve(objective, 1.0, solver="closed_form")


@given(seeds, st.integers(-300, 300), st.integers(-20, 20))
@settings(deadline=None, max_examples=30)
def test_networks_keep_their_scores_and_balance_in_other_units(seed, length, label):
    rng = np.random.default_rng(seed)
    network = cs.TwoLayerNetwork(*(rng.standard_normal(s) for s in ((3, 2), 3, (2, 3), 2, (2, 2))))
    label = label - length + (label % 2)
    X = np.ldexp(rng.standard_normal((4, 2)), length)
    objective = cs.DenoisingScoreMatching(X, np.ldexp(np.ones((4, 2)), label))
    units = units_of(Problem(objective, skip=True))
    inside = units.network(units.network_outside(network))
    np.testing.assert_allclose(inside(X[:1] * 0), network(X[:1] * 0), rtol=1e-9)
    x = np.ldexp(rng.standard_normal((5, 2)), units.length)
    outside = units.network_outside(network)
    np.testing.assert_allclose(
        np.ldexp(outside(x), -units.label), network(np.ldexp(x, -units.length)), rtol=1e-12
    )
