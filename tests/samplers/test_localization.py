"""The sampler of measurements: the identities it rests on, the laws it draws from, its complaints."""

import numpy as np
import pytest

import convexscore as cs
from convexscore.samplers import reverse, sequential
from convexscore.targets import GaussianMixture

LINE = GaussianMixture([0.3, 0.7], [-3.0, 3.0], 0.5)


def mixture_of(d):
    return GaussianMixture([0.2, 0.8], [[-3.0] * d, [3.0] * d], 1.0)


def conditional_density(y, earlier, sigma):
    """The density of the next measurement at `y`, up to a factor, by a sum over clean points."""
    x = np.linspace(-9, 9, 6001)
    logs = LINE.logpdf(x) - 0.5 * np.sum((np.asarray(earlier)[:, None] - x) ** 2, axis=0) / sigma**2
    weight = np.exp(logs - logs.max())
    return np.exp(-((y[:, None] - x) ** 2) / (2 * sigma**2)) @ weight


def test_the_score_of_the_next_measurement_and_its_slope():
    earlier, sigma, y, h = [1.0, -2.5], 2.0, np.array([-4.0, 0.5, 3.0]), 1e-3
    k = len(earlier) + 1
    average = (sum(earlier) + y) / k
    logs = [np.log(conditional_density(y + shift, earlier, sigma)) for shift in (-h, 0.0, h)]
    score = (LINE.denoise(average, sigma / np.sqrt(k)) - y) / sigma**2
    np.testing.assert_allclose(score, (logs[2] - logs[0]) / (2 * h), atol=1e-6)
    slope = -(1 - LINE.covariance(average, sigma / np.sqrt(k)) / sigma**2) / sigma**2
    np.testing.assert_allclose(slope, (logs[2] - 2 * logs[1] + logs[0]) / h**2, atol=1e-6)


@pytest.mark.parametrize(("square", "concave"), [(16.5, False), (17.0, True), (17.5, True)])
def test_the_noise_that_makes_measurements_log_concave(square, concave):
    # Two modes 6 (1, 1) apart: R^2 - tau^2 = 18 - 1.
    line = np.linspace(-6, 6, 1201)[:, None] * np.ones(2)
    slopes = np.linalg.eigvalsh(mixture_of(2).jacobian(line, np.sqrt(square))).max()
    assert (slopes < 1e-9) == concave
    assert slopes == pytest.approx({16.5: 0.0016, 17.0: 0.0, 17.5: -0.0015}[square], abs=2e-4)


@pytest.mark.parametrize(("d", "inner"), [(2, 0), (2, 5), (8, 2)])
def test_modes_have_their_weights_and_their_spread(d, inner):
    sigma, m = np.sqrt(9 * d - 1), 100
    x = sequential(mixture_of(d).score, sigma, m, 2000, d, rng=0, inner_steps=inner)
    sides = x.sum(axis=1) < 0
    assert abs(sides.mean() - 0.2) < 0.03
    np.testing.assert_allclose(x[~sides].mean(axis=0), 3.0, atol=0.1)
    assert x[~sides].var(axis=0).mean() == pytest.approx(1 / (1 + sigma**2 / m), rel=0.06)


def test_inner_steps_agree_with_exact_measurements():
    # The exact law: draw a clean point and its measurements, return the posterior mean.
    sigma, m, n = np.sqrt(9.0 - 0.25), 30, 4000
    rng = np.random.default_rng(1)
    averages = LINE.sample(n, rng) + sigma / np.sqrt(m) * rng.standard_normal(n)
    exact = LINE.denoise(averages, sigma / np.sqrt(m))
    ours = sequential(LINE.score, sigma, m, n, None, rng=0, inner_steps=5)
    quantiles = np.linspace(0.05, 0.95, 19)
    gap = np.abs(np.quantile(ours, quantiles) - np.quantile(exact, quantiles))
    assert np.sort(gap)[-3] < 0.25
    assert abs(np.mean(ours < 0) - np.mean(exact < 0)) < 0.03


def test_without_langevin_steps_it_is_ancestral_sampling():
    # From the first measurement on, whose noise level is sigma.
    two, sigma, m = mixture_of(2), 4.0, 12
    averages, means = sequential(
        two.score,
        sigma,
        m,
        20,
        2,
        rng=np.random.default_rng(4),
        inner_steps=0,
        first_steps=0,
        trajectory=True,
    )
    rng = np.random.default_rng(4)
    first = sigma * rng.standard_normal((20, 2))
    sigmas = sigma / np.sqrt(np.arange(1, m + 1))
    path = reverse(two.score, sigmas, 20, 2, rng=rng, rule="ancestral", x0=first, keep_levels=True)
    np.testing.assert_allclose(averages, path, rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(means[-1], two.denoise(path[-1], sigmas[-1]), rtol=1e-10)


def test_the_trajectory_ends_where_the_sampler_does():
    args = (LINE.score, 3.0, 7, 11, 1)
    averages, means = sequential(*args, rng=2, trajectory=True)
    assert averages.shape == means.shape == (7, 11, 1)
    np.testing.assert_array_equal(means[-1], sequential(*args, rng=2))
    np.testing.assert_allclose(means[3], LINE.denoise(averages[3], 1.5), rtol=1e-10)
    assert sequential(LINE.score, 3.0, 2, 11, None, rng=2).shape == (11,)


def test_a_known_mean_starts_far_data_in_the_right_place():
    far = GaussianMixture([0.2, 0.8], [[997.0, -3.0], [1003.0, 3.0]], 1.0)
    x = sequential(far.score, 4.2, 30, 2000, 2, rng=0, center=[1000.0, 0.0], first_steps=20)
    assert abs(np.mean(x[:, 0] < 1000) - 0.2) < 0.03


def test_a_trained_score_is_sampled():
    data = LINE.sample(400, rng=0)
    score = cs.NoiseConditionalScore.fit(data, np.geomspace(3.2, 0.4, 8), beta="auto", n_draws=10, rng=0)
    x = sequential(score, 3.0, 40, 2000, None, rng=0)
    assert abs(np.mean(x < 0) - np.mean(data < 0)) < 0.05
    assert np.mean(x[x > 0]) == pytest.approx(3.0, abs=0.15)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"m": 0}, ValueError, "m: expected an integer of at least 1, got 0"),
        ({"sigma": 0.0}, ValueError, "sigma: expected a number above 0, got 0"),
        ({"n": 1.5}, TypeError, "n: expected an integer"),
        ({"inner_steps": -1}, ValueError, "inner_steps: expected an integer of at least 0"),
        ({"first_steps": -1}, ValueError, "first_steps: expected an integer of at least 0"),
        ({"center": [1.0, 2.0, 3.0]}, ValueError, r"center: expected a number or shape \(2,\), got \(3,\)"),
        ({"trajectory": 1}, TypeError, "trajectory: expected True or False"),
    ],
)
def test_bad_arguments_are_named(arguments, error, message):
    good = {"score": lambda y, s: -y, "sigma": 1.0, "m": 2, "n": 4, "d": 2}
    with pytest.raises(error, match=message):
        sequential(**{**good, **arguments})


def test_the_first_measurement_is_the_written_scheme():
    # One measurement, two steps: D = sigma and gamma = 1 / sigma, so velocities keep 1 / e of themselves.
    sigma, variance = 3.0, 4.0
    rng = np.random.default_rng(5)
    y, v = 1.5 + sigma * rng.standard_normal(4), rng.standard_normal(4)

    def push(y):
        mean = y * variance / (variance + sigma**2)
        return sigma / 2 * (mean - y) / sigma**2

    for _ in range(2):
        y = y + sigma / 2 * v
        v = np.exp(-1) * (v + push(y)) + np.sqrt(-np.expm1(-2)) * rng.standard_normal(4) + push(y)
        y = y + sigma / 2 * v
    averages, means = sequential(
        lambda y, s: -y / (variance + s**2), sigma, 1, 4, None, np.random.default_rng(5),
        first_steps=2, trajectory=True, center=1.5,
    )  # fmt: skip
    np.testing.assert_allclose(averages[0], y, rtol=1e-12)
    np.testing.assert_allclose(means[0], y * variance / (variance + sigma**2), rtol=1e-12)


def test_steps_are_taken_where_they_are_asked_for():
    asked = []

    def score(y, sigma):
        asked.append(sigma)
        return -y

    sequential(score, 6.0, 3, 2, None, rng=0, first_steps=7, inner_steps=2)
    # One more a measurement, for its posterior mean.
    np.testing.assert_allclose(asked, [6.0] * 8 + [6 / np.sqrt(2)] * 3 + [6 / np.sqrt(3)] * 3)
