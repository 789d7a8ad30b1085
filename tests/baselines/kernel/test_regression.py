"""Denoising at all times as one regression."""

import numpy as np
import pytest

from convexscore.baselines import DenoisingRegression, KernelDescent

from .helpers import denoiser_error, mixture_sample, posterior_mean, regressions


def test_noisy_points_are_what_their_times_say():
    X = np.array([[2.0, -1.0]])
    regression = DenoisingRegression.from_clean(X, 20_000, t_min=0.2, t_max=1.0, rng=0)
    z, t = regression.inputs[:, :2], regression.inputs[:, 2] + 0.2
    noise = (z - np.exp(-t)[:, None] * X) / np.sqrt(1 - np.exp(-2 * t))[:, None]
    assert abs(regression.kept - 0.999) < 1e-9
    assert ((t >= 0.2) & (t <= 1.0)).all()
    assert abs(t.mean() - 0.6) < 0.01
    np.testing.assert_allclose(noise.mean(axis=0), 0.0, atol=0.03)
    np.testing.assert_allclose(np.cov(noise.T), np.eye(2), atol=0.04)
    np.testing.assert_array_equal(regression.targets, np.broadcast_to(X, (len(z), 2)))
    np.testing.assert_array_equal(regression.inputs[:, 3], 1.0)
    np.testing.assert_allclose(regression.features(z, t), regression.inputs, atol=1e-15)


def test_points_beyond_the_radius_are_left_out():
    X = mixture_sample(100, np.random.default_rng(0))
    regression = DenoisingRegression.from_clean(X, 2000, radius=3.0, ones=False, rng=1)
    assert regression.inputs.shape[1] == 3
    assert np.linalg.norm(regression.inputs[:, :2], axis=1).max() <= 3.0
    assert len(regression.inputs) == round(2000 * regression.kept)
    with pytest.warns(UserWarning, match="radius: expected one that keeps at least 95 %"):
        DenoisingRegression.from_clean(X, 2000, radius=1.0, rng=1)
    with pytest.raises(ValueError, match="radius: expected one that keeps noisy points"):
        DenoisingRegression.from_clean(X, 20, radius=1e-9, rng=1)


def test_the_score_is_that_of_the_clipped_denoiser():
    regression = DenoisingRegression.from_clean([[3.0, 4.0], [0.0, 1.0]], 50, rng=0)
    z, t = np.array([[1.0, 2.0], [0.5, -1.0]]), np.array([0.3, 1.5])

    def predict(inputs):
        np.testing.assert_allclose(inputs, np.column_stack([z, t - 0.1, [1, 1]]))
        return np.array([[30.0, 40.0], [0.3, -0.4]])

    denoised = np.array([[3.0, 4.0], [0.3, -0.4]])
    np.testing.assert_allclose(regression.denoise(predict, z, t), denoised, rtol=1e-14)
    score = (np.exp(-t)[:, None] * denoised - z) / (1 - np.exp(-2 * t))[:, None]
    np.testing.assert_allclose(regression.score(predict, z, t), score, rtol=1e-13)
    huge = regression.denoise(lambda inputs: np.full((2, 2), 1.7e308), z, t)
    np.testing.assert_allclose(huge, 5 / np.sqrt(2), rtol=1e-14)


def test_the_exact_denoiser_is_the_regression_function():
    # No function does better than the posterior mean, and its error is the labels' noise.
    train, held_out, test = regressions(400, seed=11)
    z, t = test.inputs[:, :2], test.inputs[:, 2] + test.t_min
    least = np.mean((posterior_mean(z, t) - test.targets) ** 2)
    descent = KernelDescent(train.inputs, train.targets)
    predicted = descent.predict(test.inputs, descent.hold_out(held_out.inputs, held_out.targets))
    error = np.mean((predicted - test.targets) ** 2)
    excess = float(denoiser_error(predicted, test))
    assert error == pytest.approx(least + excess, rel=0.05)
    assert excess < 0.1 * least


def test_times_are_those_that_were_trained_on():
    regression = DenoisingRegression.from_clean([[0.0, 1.0]], 50, rng=0)
    with pytest.raises(ValueError, match=r"t: expected times from 0\.1 to 2, which were trained on"):
        regression.features([[0.0, 1.0]], 0.05)
    with pytest.raises(ValueError, match="t_max: expected a time above t_min"):
        DenoisingRegression.from_clean([[0.0, 1.0]], 50, t_min=1.0, t_max=0.5)
