"""Gradients: finite differences, the line against products of matrices, batches and blocks."""

import numpy as np
import pytest

import convexscore as cs
from tests.baselines.helpers import dense_loss, evaluate, line_loss, problem, random_network, weights_of
from tests.problems import make_data, make_objective


@pytest.mark.parametrize("activation", ["relu", "abs"])
@pytest.mark.parametrize("kind", ["sm", "dsm"])
@pytest.mark.parametrize(
    ("make_loss", "d"), [(line_loss, 1), (dense_loss, 1), (dense_loss, 2), (dense_loss, 3)]
)
def test_gradients_are_finite_differences(make_loss, d, kind, activation):
    objective = problem(kind, d)
    network = random_network(7, d, activation)
    weights = weights_of(network)
    value, gradient = evaluate(make_loss(objective, network), weights)
    assert value[0] == pytest.approx(objective.loss(network), rel=1e-12)
    pre = objective.X @ network.W1.T + network.b1
    h = 1e-6
    assert np.abs(pre).min() > 10 * h
    for i in range(weights.flat.size):
        sides = []
        for step in (h, -h):
            moved = weights.repeated(1)
            moved.flat[i] += step
            sides.append(objective.loss(moved.network(0, activation, network.right_derivative)))
        assert gradient.flat[i] == pytest.approx((sides[0] - sides[1]) / (2 * h), rel=1e-6, abs=1e-6)


@pytest.mark.parametrize("name", ["random", "tied", "weighted"])
@pytest.mark.parametrize("activation", ["relu", "abs"])
@pytest.mark.parametrize("kind", ["sm", "dsm"])
def test_the_line_agrees_with_products_of_matrices(kind, activation, name):
    # Kinks on data with both conventions, neurons that see nothing, no input weight, or hardly any.
    x, mass = make_data(name)
    objective = make_objective(kind, x, mass)
    W1 = np.array([1.0, -1.0, 0.5, -0.5, 1.0, -1.0, 0.0, 0.0, -0.0, 1e-70, 0.0])
    b1 = np.array([-x[0], x[0], -0.5 * x[1], 0.5 * x[2], -9.0, -9.0, 1.0, -1.0, 1.0, 1.0, 0.0])
    W2 = np.linspace(-1, 1, W1.size) + 0.03
    right = np.arange(W1.size) % 3 != 0
    network = cs.TwoLayerNetwork(
        W1[:, None], b1, W2[None], [0.3], [[-0.7]], activation=activation, right_derivative=right
    )
    weights = weights_of(network)
    values, gradient = evaluate(line_loss(objective, network), weights)
    dense_values, dense_gradient = evaluate(dense_loss(objective, network), weights)
    np.testing.assert_allclose(values, dense_values, rtol=1e-12)
    np.testing.assert_allclose(gradient.flat, dense_gradient.flat, rtol=1e-11, atol=1e-11)
    if activation == "relu":
        blind = [4, 5, 7]
        assert not gradient.W1[0, blind].any()
        assert not gradient.b1[0, blind].any()
        assert not gradient.W2[0, blind].any()


@pytest.mark.parametrize("d", [1, 2])
@pytest.mark.parametrize("kind", ["sm", "dsm"])
def test_batches_add_up_to_the_sum_over_all_samples(kind, d):
    objective = problem(kind, d, n=12)
    network = random_network(5, d, "abs")
    weights = weights_of(network, network)
    loss = dense_loss(objective, network)
    value, gradient = evaluate(loss, weights)
    order = np.stack([np.random.default_rng(seed).permutation(12) for seed in (0, 1)])
    parts = [evaluate(loss, weights, order[:, i : i + 4]) for i in (0, 4, 8)]
    np.testing.assert_allclose(np.mean([part[0] for part in parts], axis=0), value, rtol=1e-12)
    mean = np.mean([part[1].flat for part in parts], axis=0)
    np.testing.assert_allclose(mean, gradient.flat, rtol=1e-11, atol=1e-11)
    assert not np.allclose(parts[0][0][0], parts[0][0][1])


def test_blocks_of_samples_add_up(monkeypatch):
    objective, network = problem("sm", 2, n=50), random_network(7, 2, "relu")
    weights = weights_of(network, random_network(7, 2, "relu", seed=1))
    whole = evaluate(dense_loss(objective, network), weights)
    monkeypatch.setattr("convexscore.baselines.dense._BLOCK_SIZE", 60)
    cut = evaluate(dense_loss(objective, network), weights)
    np.testing.assert_allclose(cut[0], whole[0], rtol=1e-12)
    np.testing.assert_allclose(cut[1].flat, whole[1].flat, rtol=1e-11, atol=1e-11)
