"""Measurements drawn all at once: the chain of their mean, the law it draws from, where it gets stuck."""

import numpy as np
import pytest

from convexscore import denoise_many
from convexscore.diagnostics import wasserstein
from convexscore.samplers import joint, sequential
from convexscore.targets import GaussianMixture

LINE = GaussianMixture([0.3, 0.7], [-3.0, 3.0], 0.5)
TWO = GaussianMixture([0.2, 0.8], [[-3.0, -3.0], [3.0, 3.0]], 1.0)
# The least square of a noise that makes the law of `LINE` log-concave: R^2 - tau^2.
ENOUGH = 9.0 - 0.25


def joint_score(Y, sigma):
    return (denoise_many(LINE.score, Y, sigma) - Y) / sigma**2


def test_the_joint_score_is_the_slope_of_the_joint_density():
    x, sigma, h = np.linspace(-9, 9, 6001), 2.0, 1e-5
    Y = np.array([[1.0, -4.0], [-2.5, 0.5], [0.3, 3.0]])

    def log_density(Y):
        logs = LINE.logpdf(x) - 0.5 * np.sum((Y[:, :, None] - x) ** 2, axis=0) / sigma**2
        return np.log(np.exp(logs).sum(axis=1))

    for k, move in enumerate(h * np.eye(3)):
        slope = (log_density(Y + move[:, None]) - log_density(Y - move[:, None])) / (2 * h)
        np.testing.assert_allclose(joint_score(Y, sigma)[k], slope, atol=1e-7)


def test_the_mean_moves_as_that_of_all_measurements_does():
    sigma, m, n, count = 2.0, 3, 5, 6
    rest = np.random.default_rng(8)
    turn = np.linalg.qr(np.column_stack([np.ones(m), rest.standard_normal((m, m - 1))]))[0]
    turn *= np.sign(turn[0, 0])
    ours = np.random.default_rng(3)

    def noise():
        # Along the mean it is what the sampler draws, and anything across.
        return turn @ np.vstack([ours.standard_normal(n), rest.standard_normal((m - 1, n))])

    Y, v = 1.5 + sigma * noise(), noise()
    for _ in range(count):
        Y = Y + sigma / 2 * v
        push = sigma / 2 * joint_score(Y, sigma)
        v = np.exp(-1) * (v + push) + np.sqrt(-np.expm1(-2)) * noise() + push
        Y = Y + sigma / 2 * v
    x, drawn = joint(
        LINE.score, sigma, m, n, None, np.random.default_rng(3), count, measurements=True, center=1.5
    )
    np.testing.assert_allclose(drawn.mean(axis=0), Y.mean(axis=0), rtol=1e-10)
    np.testing.assert_allclose(x, denoise_many(LINE.score, Y, sigma), rtol=1e-10)


@pytest.mark.parametrize("m", [1, 4, 25])
def test_laws_are_exact_where_the_mean_has_enough_noise(m):
    n, sigma = 4000, np.sqrt(ENOUGH * m)
    x, Y = joint(LINE.score, sigma, m, n, None, rng=0, n_steps=60, measurements=True)
    level = sigma / np.sqrt(m)
    edges = np.linspace(-15, 15, 31)
    fine = np.linspace(-15, 15, 3001)
    density = np.exp(LINE.logpdf(fine, level))
    expected = [np.trapezoid(part, dx=0.01) for part in (density[k : k + 101] for k in range(0, 3000, 100))]
    shares = np.histogram(Y.mean(axis=0), edges)[0] / n
    # Fresh samples of the law itself are at .03.
    assert 0.5 * np.abs(shares - expected).sum() < 0.05
    rng = np.random.default_rng(1)
    exact = LINE.denoise(LINE.sample(20_000, rng, sigma=level), level)
    assert wasserstein(x, exact) < 0.1
    assert x.mean() == pytest.approx(LINE.mean, abs=0.12)
    assert x.var() == pytest.approx(exact.var(), rel=0.05)


def test_measurements_are_one_point_with_noise():
    sigma, m = 5.0, 6
    x, Y = joint(TWO.score, sigma * np.sqrt(3), m, 3000, 2, rng=1, n_steps=60, measurements=True)
    assert (x.shape, Y.shape) == ((3000, 2), (m, 3000, 2))
    np.testing.assert_allclose(x, denoise_many(TWO.score, Y, sigma * np.sqrt(3)), rtol=1e-9, atol=1e-9)
    covariances = np.cov(Y[:, :, 0])
    expected = TWO.variance[0] + 3 * sigma**2 * np.eye(m)
    np.testing.assert_allclose(covariances, expected, atol=6.0)
    np.testing.assert_array_equal(x, joint(TWO.score, sigma * np.sqrt(3), m, 3000, 2, rng=1, n_steps=60))


def test_with_little_noise_all_at_once_is_stuck_and_one_after_another_is_not():
    # As many calls of the score; where the first measurement is log-concave the mean of 64 is far from it.
    sigma, m, n = np.sqrt(ENOUGH), 64, 2000
    start = {"rng": 0, "center": -3.0}
    at_once = joint(LINE.score, sigma, m, n, None, n_steps=100 + 6 * (m - 1), **start)
    in_turn = sequential(LINE.score, sigma, m, n, None, **start)
    assert np.mean(at_once < 0) > 0.9
    assert np.mean(in_turn < 0) == pytest.approx(0.3, abs=0.04)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"m": 0}, ValueError, "m: expected an integer of at least 1, got 0"),
        ({"sigma": 0.0}, ValueError, "sigma: expected a number above 0, got 0"),
        ({"n": 1.5}, TypeError, "n: expected an integer"),
        ({"n_steps": -1}, ValueError, "n_steps: expected an integer of at least 0"),
        ({"center": [1.0, 2.0, 3.0]}, ValueError, r"center: expected a number or shape \(2,\), got \(3,\)"),
        ({"measurements": 1}, TypeError, "measurements: expected True or False"),
    ],
)
def test_bad_arguments_are_named(arguments, error, message):
    good = {"score": lambda y, s: -y, "sigma": 1.0, "m": 2, "n": 4, "d": 2}
    with pytest.raises(error, match=message):
        joint(**{**good, **arguments})


def test_chains_do_not_depend_on_the_number_of_workers():
    runs = [
        joint(LINE.score, 3.0, 2, 5000, None, rng=1, n_steps=3, n_jobs=k, measurements=True) for k in (1, 2)
    ]
    for one, other in zip(*runs, strict=True):
        np.testing.assert_array_equal(one, other)
