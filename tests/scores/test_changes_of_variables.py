"""Changes of variables: reference values, inverses, paths that agree, measurements that add up."""

from fractions import Fraction

import numpy as np
import pytest

from convexscore.samplers import reverse, sigma_grid
from convexscore.scores.changes_of_variables import (
    denoise_many,
    from_denoiser,
    posterior_covariance,
    to_denoiser,
    ve,
    vp,
)
from convexscore.targets import GaussianMixture

TWO = GaussianMixture([0.2, 0.8], [[-5.0, -5.0], [5.0, 5.0]], 1.0)
LINE = GaussianMixture([0.3, 0.7], [-3.0, 3.0], 0.5)


@pytest.mark.parametrize("t", [0.0, 0.3, 2.0, 5.0])
def test_the_score_of_the_ou_process_is_that_of_its_law(t):
    shrunk = GaussianMixture(TWO.weights, np.exp(-t) * TWO.means, np.exp(-t))
    z = np.random.default_rng(0).standard_normal((20, 2))
    expected = shrunk.score(z, np.sqrt(-np.expm1(-2 * t)))
    np.testing.assert_allclose(vp(TWO.score)(z, t), expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("sigma", [0.0, 1e-6, 0.5, 30.0])
def test_ve_undoes_vp(sigma):
    y = np.random.default_rng(0).standard_normal((20, 2))
    np.testing.assert_allclose(ve(vp(TWO.score))(y, sigma), TWO.score(y, sigma), rtol=1e-9, atol=1e-12)


def vp_step(x, u, r, score, rule, noise):
    """One step of OU time, as papers write it."""
    h, s = u - r, score(x, u)
    kept, gone = np.exp(-u), -np.expm1(-2 * u)
    if rule == "frozen":
        return np.exp(h) * x + 2 * np.expm1(h) * s + np.sqrt(np.expm1(2 * h)) * noise()
    if rule == "euler":
        return np.exp(h) * x + 2 * np.sinh(h) * s + np.sqrt(np.expm1(2 * h)) * noise()
    if rule == "ancestral":
        spread = np.sqrt(-np.expm1(-2 * h) * -np.expm1(-2 * r) / gone)
        return np.exp(h) * x + 2 * np.sinh(h) * s + spread * noise()
    if rule == "ode":
        return np.exp(h) * x + np.expm1(h) * s
    clean = (x + gone * s) / kept
    return np.exp(-r) * clean + np.sqrt(-np.expm1(-2 * r) / gone) * (x - kept * clean)


@pytest.mark.parametrize("rule", ["frozen", "ancestral", "euler", "ode", "ddim"])
def test_both_coordinates_make_the_same_path(rule):
    times = np.linspace(4.0, 0.2, 25)
    sigmas = np.sqrt(np.expm1(2 * times))
    path = reverse(TWO.score, sigmas, 30, 2, rng=np.random.default_rng(7), rule=rule, keep_levels=True)
    rng = np.random.default_rng(7)

    def noise():
        return rng.standard_normal((30, 2))

    x = noise()
    for k, y in enumerate(path):
        np.testing.assert_allclose(x, y * np.exp(-times[k]), rtol=1e-12, atol=1e-12)
        if k + 1 < len(path):
            x = vp_step(x, times[k], times[k + 1], vp(TWO.score), rule, noise)


def test_denoisers_and_scores_are_inverse():
    y = np.array([[0.0, 0.0], [4.0, -2.0]])
    np.testing.assert_allclose(to_denoiser(TWO.score)(y, 10.0)[0], [2.97029702970] * 2, atol=1e-11)
    np.testing.assert_allclose(from_denoiser(TWO.denoise)(y, 1.0)[1], [0.49994325073, 3.49994325073])
    again = from_denoiser(to_denoiser(TWO.score))
    np.testing.assert_allclose(again(y, 2.0), TWO.score(y, 2.0), rtol=1e-12)


def test_second_order_tweedie():
    covariance = [[16.67483580, 15.68473679], [15.68473679, 16.67483580]]
    result = posterior_covariance(TWO.jacobian([[0.0, 0.0]], 10.0), 10.0)
    np.testing.assert_allclose(result, [covariance], atol=1e-8)
    y = np.array([-1.0, 0.3, 5.0])
    np.testing.assert_allclose(posterior_covariance(LINE.jacobian(y, 2.0), 2.0), LINE.covariance(y, 2.0))
    with pytest.raises(ValueError, match=r"jacobian: expected shape .* got \(3, 2\)"):
        posterior_covariance(np.zeros((3, 2)), 1.0)


def brute_force_mean(measurements, sigma):
    """The posterior mean by a sum over a grid of clean points."""
    x = np.linspace(-9, 9, 20001)
    logs = LINE.logpdf(x) - 0.5 * np.sum((measurements[:, None] - x) ** 2, axis=0) / sigma**2
    weight = np.exp(logs - logs.max())
    return weight @ x / weight.sum()


def test_several_measurements_are_worth_their_mean():
    Y = np.random.default_rng(3).normal(1.0, 3.0, (4, 6))
    expected = [brute_force_mean(Y[:, i], 3.0) for i in range(6)]
    np.testing.assert_allclose(denoise_many(LINE.score, Y, 3.0), expected, rtol=1e-9)
    planar = np.random.default_rng(3).normal(0.0, 4.0, (3, 5, 2))
    np.testing.assert_allclose(
        denoise_many(TWO.score, planar, 4.0), TWO.denoise(planar.mean(axis=0), 4.0 / np.sqrt(3)), rtol=1e-12
    )


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: vp(TWO.score)(np.zeros((1, 2)), -1.0), ValueError, "t: expected a number at least 0"),
        (lambda: ve(TWO.score)(np.zeros((1, 2)), -1.0), ValueError, "sigma: expected a number at least 0"),
        (lambda: from_denoiser(TWO.denoise)(np.zeros((1, 2)), 0.0), ValueError, "sigma: expected .* above 0"),
        (lambda: to_denoiser(TWO.score)(np.zeros((1, 2)), 0.0), ValueError, "sigma: expected .* above 0"),
        (lambda: vp(3), TypeError, "score: expected a callable, got 3"),
        (lambda: from_denoiser(None), TypeError, "denoiser: expected a callable"),
        (lambda: denoise_many(LINE.score, [1.0], 1.0), ValueError, r"Y: expected shape .* got \(1,\)"),
        (lambda: denoise_many(LINE.score, np.zeros((0, 2)), 1.0), ValueError, "Y: expected shape"),
        (lambda: denoise_many(LINE.score, [[1.0]], 0.0), ValueError, "sigma: expected a number above 0"),
        (lambda: denoise_many(lambda y, s: y[:1], [[1.0, 2.0]], 1.0), ValueError, "score: expected an array"),
        (
            lambda: sigma_grid(1.0, 2.0, 5),
            ValueError,
            "sigma_max: expected a number above sigma_min, 2, got 1",
        ),
        (lambda: sigma_grid(1.0, 0.0, 5), ValueError, "sigma_min: expected a number above 0"),
        (lambda: sigma_grid(1.0, 0.5, 1), ValueError, "n_levels: expected an integer of at least 2"),
        (lambda: sigma_grid(1.0, 0.5, 3, "cosine"), ValueError, "kind: expected one of 'log'"),
    ],
)
def test_bad_input_is_named(call, error, message):
    with pytest.raises(error, match=message):
        call()


@pytest.mark.parametrize("kind", ["log", "linear", "ou-uniform"])
def test_grids_are_equally_spaced_in_their_own_sense(kind):
    sense = {"log": np.log, "linear": np.asarray, "ou-uniform": lambda s: 0.5 * np.log1p(s**2)}[kind]
    levels = sigma_grid(100.0, 0.03, 13, kind)
    assert (levels[0], levels[-1], levels.size) == (100.0, 0.03, 13)
    steps = np.diff(sense(levels))
    np.testing.assert_allclose(steps, steps[0], rtol=1e-9)
    if kind != "log":
        assert sigma_grid(100.0, 0.0, 13, kind)[-1] == 0


@pytest.mark.parametrize("t", [0.0, 1e-300, 1e-20, 1e-8, 1.0, 20.0, 100.0, 345.0])
def test_times_from_zero_to_the_last(t):
    """Of ``N(3, 1/4)`` the score at a time is known; ``e^-t m`` and ``e^-2t`` vanish at late times."""
    score = vp(lambda y, sigma: (3.0 - y) / (0.25 + sigma**2))
    z = np.array([-2.0, 0.0, 0.5])
    expected = (np.exp(-t) * 3.0 - z) / (0.25 * np.exp(-2 * t) - np.expm1(-2 * t))
    np.testing.assert_allclose(score(z, t), expected, rtol=1e-12)


@pytest.mark.parametrize("sigma", [0.0, 1e-150, 1e-20, 1.0, 1e20, 1e150])
def test_posterior_covariances_are_those_of_fractions(sigma):
    slopes = [0.0, -0.5, 1e-280, -1e-290, 3.0]
    square = Fraction(sigma) ** 2
    expected = [square * (1 + square * Fraction(slope)) for slope in slopes]
    if max(expected) > Fraction(np.finfo(float).max):
        with pytest.raises(ValueError, match="jacobian: expected numbers where the result is a float, got"):
            posterior_covariance(slopes, sigma)
    else:
        np.testing.assert_allclose(posterior_covariance(slopes, sigma), [*map(float, expected)], rtol=1e-15)


def test_the_largest_floats_have_means_and_differences():
    largest = np.finfo(float).max
    Y = np.array([[largest, -largest, 5e-324], [largest, -largest, 5e-324]])
    np.testing.assert_array_equal(denoise_many(lambda y, s: 0 * y, Y, 1.0), Y[0])
    score = from_denoiser(lambda y, sigma: -y)
    np.testing.assert_array_equal(score(np.array([largest]), 2.0), [-largest / 2])
    for call, name in (
        (lambda: score(np.array([largest]), 1.0), "y"),
        (lambda: to_denoiser(lambda y, s: y)(np.array([largest]), 1.0), "y"),
        (lambda: vp(lambda y, s: -y)(np.array([largest]), 1.0), "z"),
        (lambda: denoise_many(lambda y, s: y, [[largest]], 1.0), "Y"),
    ):
        with pytest.raises(ValueError, match=f"{name}: expected numbers where the result is a float, got 1"):
            call()
