"""The kernel of wide networks, against what it is the mean of."""

import numpy as np
import pytest

from convexscore.baselines import ntk


def test_the_kernel_has_the_values_of_its_angles():
    values = ntk([[1.0, 0.0]], [[1.0, 1.0], [0.0, 1.0], [-1.0, 1.0], [2.0, -0.5], [3.0, 0.0], [-2.0, 0.0]])
    expected = [[0.375, 0.0, -0.125, 0.9220208696, 1.5, 0.0]]
    np.testing.assert_allclose(values, expected, atol=1e-10)


@pytest.mark.parametrize("d", [1, 2, 5])
def test_the_kernel_is_the_mean_over_neurons(d):
    rng = np.random.default_rng(d)
    U, V = rng.standard_normal((6, d)), rng.standard_normal((7, d))
    n = 200_000
    neurons = rng.standard_normal((n, d))
    open_u, open_v = (U @ neurons.T > 0).astype(float), (V @ neurons.T > 0).astype(float)
    mean = (U @ V.T) * (open_u @ open_v.T) / n
    np.testing.assert_allclose(ntk(U, V), mean, atol=5 * np.abs(U @ V.T).max() * 0.5 / np.sqrt(n))


def test_diagonals_keep_their_digits():
    # The arc cosine of a cosine next to one is wrong by 1e-8.
    X = np.random.default_rng(0).standard_normal((50, 3))
    np.testing.assert_allclose(np.diagonal(ntk(X, X)), 0.5 * (X**2).sum(axis=1), rtol=1e-14)
    turned = X + 1e-7 * np.roll(X, 1, axis=1)
    near = np.diagonal(ntk(X, turned)) / np.einsum("ij,ij->i", X, turned)
    sine = np.linalg.norm(np.cross(X, turned), axis=1) / (
        np.linalg.norm(X, axis=1) * np.linalg.norm(turned, axis=1)
    )
    np.testing.assert_allclose(0.5 - near, sine / (2 * np.pi), rtol=1e-6)


def test_scale_is_taken_out_exactly_and_zero_rows_are_zero():
    rng = np.random.default_rng(1)
    U, V = rng.standard_normal((4, 3)), rng.standard_normal((5, 3))
    np.testing.assert_array_equal(ntk(2.0**200 * U, 2.0**-200 * V), ntk(U, V))
    np.testing.assert_array_equal(ntk(np.zeros((2, 3)), V), 0.0)
    assert np.isfinite(ntk([[5e-324, 1e-310]], [[1e-200, -1e-320]])).all()


def test_wrong_arrays_are_named():
    with pytest.raises(ValueError, match="V: expected 2 columns as in U, got 3"):
        ntk(np.ones((1, 2)), np.ones((1, 3)))
    with pytest.raises(ValueError, match="U: expected numbers up to 1e"):
        ntk([[1e200]], [[1.0]])
