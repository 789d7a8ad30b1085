"""Ridge penalties with a weight a pattern: the stated value, orders, repetitions, kernels."""

import numpy as np
import pytest

import convexscore as cs
from convexscore.multivariate.statement import state_gated

from .test_gated import make_objective, units

RIDGE = {"gated": True, "penalty": "ridge"}


def problem(name, n=7, seed=3):
    rng = np.random.default_rng(seed)
    return make_objective(name, rng.standard_normal((n, 2)), seed, rng.uniform(0.5, 2.0, n))


@pytest.mark.parametrize("name", ["sm", "dsm"])
@pytest.mark.parametrize(("skip", "bias"), [(False, True), (True, False)])
def test_weighted_ridge_has_the_stated_value(name, skip, bias):
    objective = problem(name)
    patterns = cs.enumerate_patterns(objective.X, bias=bias).signs
    weights = np.random.default_rng(0).uniform(0.01, 2.0, len(patterns))
    statement = state_gated(objective, 0.7, patterns, "relu", skip, bias, "ridge", weights)
    stated = float(statement.problem.solve(solver="CLARABEL"))
    solution = cs.solve(objective, 0.7, "relu", skip, bias=bias, weights=weights, **RIDGE)
    assert solution.status == "optimal"
    assert abs(solution.value - stated) <= 1e-6 * units(objective, stated)
    assert abs(solution.certificate.gap) <= 1e-9 * units(objective, stated)
    plain = cs.solve(objective, 0.7, "relu", skip, bias=bias, **RIDGE)
    assert abs(plain.value - stated) > 1e-4 * units(objective, stated)


@pytest.mark.parametrize("activation", ["relu", "abs"])
def test_weights_are_those_of_their_patterns_in_any_order(activation):
    objective = problem("sm", 6)
    patterns = cs.enumerate_patterns(objective.X, bias=True)
    weights = np.random.default_rng(1).uniform(0.1, 1.0, len(patterns))
    order = np.random.default_rng(2).permutation(len(patterns))
    ways = [(None, weights), (patterns, weights), (patterns.signs[order], weights[order])]
    # A pattern of twice the weight is that pattern twice.
    ways.append((np.vstack([patterns.signs] * 2), np.append(0.25 * weights, 0.75 * weights)))
    values = [
        cs.solve(objective, 2.0, activation, patterns=way, weights=its, **RIDGE).value for way, its in ways
    ]
    np.testing.assert_allclose(values, values[0], atol=1e-8 * units(objective, values[0]))


def test_zero_weights_leave_patterns_out_and_ones_are_the_default():
    objective = problem("dsm")
    patterns = cs.enumerate_patterns(objective.X, bias=True).signs
    weights = np.arange(len(patterns)) % 3 == 0
    some = cs.solve(objective, 1.0, weights=weights.astype(float), **RIDGE)
    assert some.value == pytest.approx(cs.solve(objective, 1.0, patterns=patterns[weights], **RIDGE).value)
    ones = cs.solve(objective, 1.0, weights=np.ones(len(patterns)), **RIDGE)
    assert ones.value == pytest.approx(cs.solve(objective, 1.0, **RIDGE).value)


def test_samples_of_weight_zero_and_repeated_ones_change_nothing():
    rng = np.random.default_rng(4)
    X, L = rng.standard_normal((6, 2)), rng.standard_normal((6, 2))
    weights = cs.baselines.pattern_weights(X, bias=True)
    objective = cs.DenoisingScoreMatching(X, L, sample_weight=[1, 1, 0, 2, 1, 0])
    found = cs.solve(objective, 0.5, weights=weights, **RIDGE)
    kept = [0, 1, 3, 3, 4]
    expected = cs.solve(
        cs.DenoisingScoreMatching(X[kept], L[kept]),
        0.5,
        weights=cs.baselines.pattern_weights(X[kept], bias=True),
        **RIDGE,
    )
    assert found.value == pytest.approx(expected.value, rel=1e-9)
    np.testing.assert_allclose(found.network(X[kept]), expected.network(X[kept]), atol=1e-9)


@pytest.mark.parametrize("bias", [False, True])
def test_probabilities_give_the_ridge_regression_of_the_tangent_kernel(bias):
    rng = np.random.default_rng(5)
    X, L = rng.standard_normal((8, 2)), rng.standard_normal((8, 2))
    rows = np.column_stack([X, np.ones(8)]) if bias else X
    weights = cs.baselines.pattern_weights(X, bias)
    found = cs.solve(cs.DenoisingScoreMatching(X, L), 0.3, bias=bias, weights=weights, **RIDGE)
    expected = cs.baselines.KernelDescent(rows, L).ridge(rows, 0.3)
    np.testing.assert_allclose(found.network(X), expected, atol=1e-10)


@pytest.mark.parametrize("scale", [2.0**-40, 2.0**60])
def test_units_do_not_count(scale):
    objective = problem("dsm", 6)
    weights = np.random.default_rng(6).uniform(0.1, 1.0, len(cs.enumerate_patterns(objective.X)))
    value = cs.solve(objective, 0.7, bias=False, weights=weights, **RIDGE).value
    scaled = cs.DenoisingScoreMatching(
        scale * objective.X, objective.targets, sample_weight=objective.weights
    )
    found = cs.solve(scaled, 0.7 * scale**2, bias=False, weights=weights, **RIDGE).value
    assert found == pytest.approx(value, rel=1e-9)


def test_weights_without_effect_or_of_another_number_are_refused():
    objective = problem("dsm", 6)
    with pytest.raises(ValueError, match="weights: expected None unless penalty='ridge'"):
        cs.solve(objective, 1.0, gated=True, weights=[1.0])
    with pytest.raises(ValueError, match=r"weights: expected shape \(\d+,\), got \(1,\)"):
        cs.solve(objective, 1.0, weights=[1.0], **RIDGE)
    with pytest.raises(ValueError, match="weights: expected weights of at least 0"):
        cs.solve(objective, 1.0, patterns=np.ones((1, 6), bool), weights=[-1.0], **RIDGE)
