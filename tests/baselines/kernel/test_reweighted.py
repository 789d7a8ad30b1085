"""Learned weights of the patterns' kernels, against a literal loop and the certified optimum."""

import numpy as np
import pytest

import convexscore as cs
from convexscore.baselines import KernelDescent, pattern_weights, reweighted_least_squares

from .helpers import NEW, X, Y

I8 = np.arange(8)
POINTS = np.column_stack([np.cos(1.7 * I8), np.sin(2.3 * I8 + 0.4)])
LABELS = np.column_stack([np.sin(I8), np.cos(1.3 * I8)])


def test_the_reference_is_met():
    found = reweighted_least_squares(X, Y, 0.2, 100)
    expected = [0.8321967552, 0.6660275016, 0.6158150513, 0.6098236929]
    np.testing.assert_allclose(found.values[[0, 1, 9, 99]], expected, atol=1e-9)
    ridge = reweighted_least_squares(X, Y, 0.2, 1)
    np.testing.assert_allclose(ridge(X), KernelDescent(X, Y).ridge(X, 0.2), atol=1e-12)
    assert found.values.shape == (100,)
    assert (np.diff(found.values) <= 1e-12).all()


def literal(rows, labels, penalty, n_iterations):
    """The updates, a pattern at a time."""
    signs, eta = cs.enumerate_patterns(rows).signs.astype(float), pattern_weights(rows)
    for _ in range(n_iterations):
        parts = [d[:, None] * rows for d in signs]
        K = sum(w * part @ part.T for w, part in zip(eta, parts, strict=True))
        a = np.linalg.solve(K + penalty * np.eye(len(rows)), labels)
        v = [w * part.T @ a for w, part in zip(eta, parts, strict=True)]
        made = sum(part @ one for part, one in zip(parts, v, strict=True))
        value = 0.5 * np.sum((made - labels) ** 2) + penalty * sum(np.linalg.norm(one) for one in v)
        eta = np.array([np.linalg.norm(one) for one in v])
    return value, made, np.array(v)


@pytest.mark.parametrize("seed", range(3))
def test_updates_are_those_of_the_literal_loop(seed):
    rng = np.random.default_rng(seed)
    points, labels = rng.standard_normal((7, 2)), rng.standard_normal(7)
    found = reweighted_least_squares(points, labels, 0.3, 6, bias=True)
    rows = np.column_stack([points, np.ones(7)])
    value, made, v = literal(rows, labels, 0.3, 6)
    assert found.values[-1] == pytest.approx(value, rel=1e-10)
    np.testing.assert_allclose(found.matrices, v, atol=1e-10)
    np.testing.assert_allclose(found(points), made, atol=1e-9)
    assert reweighted_least_squares(points, labels[:, None], 0.3, 6, bias=True)(points).shape == (7, 1)


@pytest.mark.parametrize("seed", range(3))
def test_one_output_comes_down_to_the_certified_optimum(seed):
    rng = np.random.default_rng(10 + seed)
    x, y = rng.standard_normal(6), rng.standard_normal(6)
    found = reweighted_least_squares(x, y, 0.3, 1000, bias=True)
    solution = cs.solve(cs.DenoisingScoreMatching(x, y), 0.3, gated=True, tol=1e-8)
    assert solution.value <= found.values[-1] + 1e-8
    assert found.values[-1] == pytest.approx(solution.value, rel=2e-4)
    assert found.values[0] > found.values[-1]
    assert 0.999 < found.dual_norm < 1.02
    np.testing.assert_allclose(found(x), solution.network(x), atol=0.01)


def test_several_outputs_come_down_to_the_nuclear_norms():
    found = reweighted_least_squares(POINTS, LABELS, 0.3, 600, bias=True)
    assert len(found.patterns) == 58
    assert found.values[-1] == pytest.approx(1.16685, abs=1e-5)
    optimum = cs.solve(cs.DenoisingScoreMatching(POINTS, LABELS), 0.3, gated=True).value
    assert optimum == pytest.approx(1.16646935, abs=1e-6)
    assert optimum - 1e-6 <= found.values[-1] <= optimum * (1 + 5e-4)
    assert found.dual_norm == pytest.approx(1.0, abs=2e-3)
    norms = np.linalg.svd(found.matrices, compute_uv=False).sum()
    value = 0.5 * np.sum((found(POINTS) - LABELS) ** 2) + 0.3 * norms
    assert found.values[-1] == pytest.approx(value, rel=1e-9)


def test_gates_are_those_of_the_patterns_between_the_data_too():
    found = reweighted_least_squares(X, Y, 0.2, 5)
    gates = NEW @ found.patterns.witnesses.T >= 0
    made = sum(gate * (NEW @ v) for gate, v in zip(gates.T, found.matrices, strict=True))
    np.testing.assert_allclose(found(NEW), made, atol=1e-12)


def test_rows_of_higher_rank_start_from_equal_weights():
    rng = np.random.default_rng(0)
    points, labels = rng.standard_normal((6, 4)), rng.standard_normal(6)
    found = reweighted_least_squares(points, labels, 0.3, 400)
    objective = cs.DenoisingScoreMatching(points, np.column_stack([labels, np.zeros((6, 3))]))
    optimum = cs.solve(objective, 0.3, bias=False, gated=True).value
    assert found.values[-1] == pytest.approx(optimum, rel=2e-3)
    assert found.values[-1] >= optimum - 1e-6


def test_what_is_wrong_is_named_with_a_way_out():
    with pytest.raises(ValueError, match="penalty: expected a number above 0"):
        reweighted_least_squares(X, Y, 0.0)
    with pytest.raises(ValueError, match=r"penalty: expected a number for which K \+ penalty I"):
        reweighted_least_squares(np.repeat(X, 2, axis=0), np.ones(10), 1e-200)
    with pytest.raises(ValueError, match=r"Y: expected shape \(5,\)"):
        reweighted_least_squares(X, Y[:3], 0.1)
    with pytest.raises(ValueError, match="x: expected 2 columns, got 1"):
        reweighted_least_squares(X, Y, 0.1, 1)([1.0])
