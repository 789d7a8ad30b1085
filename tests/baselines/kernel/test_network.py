"""Wide networks, against a loop over neurons and against their limit."""

import numpy as np
import pytest

from convexscore.baselines import KernelDescent, ntk, train_ntk_network

from .helpers import NEW, X, Y


def literal_step(points, labels, weights, signs, step):
    """One step of gradient descent, a neuron at a time, by differences of the loss."""
    m = len(weights)

    def loss(changed):
        made = sum(
            np.outer(np.maximum(points @ w, 0), a) for w, a in zip(changed, signs, strict=True)
        ) / np.sqrt(m)
        return 0.5 * np.sum((made - labels) ** 2)

    gradient = np.zeros_like(weights)
    for place in np.ndindex(*weights.shape):
        up, down = weights.copy(), weights.copy()
        up[place] += 1e-6
        down[place] -= 1e-6
        gradient[place] = (loss(up) - loss(down)) / 2e-6
    return weights - step * gradient, loss(weights)


@pytest.mark.parametrize("outputs", [1, 2])
def test_training_is_gradient_descent(outputs):
    rng = np.random.default_rng(outputs)
    labels = rng.standard_normal((5, outputs))
    net = train_ntk_network(X, labels, 6, 4, rng=0)
    step, weights = 1 / np.linalg.eigvalsh(ntk(X, X))[-1], net.start
    for k in range(4):
        weights, loss = literal_step(X, labels, weights, net.signs, step)
        assert net.losses[k] == pytest.approx(loss, rel=1e-6)
    np.testing.assert_allclose(net.weights, weights, atol=1e-7)
    made = np.maximum(NEW @ net.weights.T, 0) @ net.signs / np.sqrt(6)
    np.testing.assert_allclose(net(NEW), made, rtol=1e-12)


def test_neurons_come_in_pairs_that_cancel():
    net = train_ntk_network(X, Y, 10, 0, rng=3)
    np.testing.assert_allclose(net(NEW), 0.0, atol=1e-15)
    np.testing.assert_array_equal(net.start[:5], net.start[5:])
    np.testing.assert_array_equal(net.signs[:5], -net.signs[5:])
    assert net.largest_move == 0
    assert net.losses == pytest.approx([0.5 * np.sum(Y**2)])


def test_the_gap_to_the_kernel_falls_with_the_width():
    # As width^-1/2: by the root of ten each time, up to the chance of five starts.
    kernel = KernelDescent(X, Y).predict(NEW, 100)
    gaps, moves = [], []
    for width in (200, 2000, 20000):
        nets = [train_ntk_network(X, Y, width, 100, rng=seed) for seed in range(5)]
        gaps.append(np.mean([np.sqrt(np.mean((net(NEW) - kernel) ** 2)) for net in nets]))
        moves.append(np.mean([net.largest_move for net in nets]))
    np.testing.assert_allclose(gaps, [0.1, 0.0415, 0.009], rtol=0.5)
    np.testing.assert_allclose(moves, [0.73, 0.22, 0.061], rtol=0.15)


def test_what_is_wrong_is_named_with_a_way_out():
    with pytest.raises(ValueError, match="width: expected an even number"):
        train_ntk_network(X, Y, 5, 1)
    with pytest.raises(ValueError, match="step_size: expected a number below 2 / lambda_max"):
        train_ntk_network(X, Y, 6, 1, step_size=2 / np.linalg.eigvalsh(ntk(X, X))[-1])
    with pytest.raises(ValueError, match="append a column of ones"):
        train_ntk_network([[0.0], [1.0]], [1.0, 2.0], 6, 1)
