"""Reverse diffusion: its rules, the weights of modes, what it shares with stochastic localization."""

import numpy as np
import pytest

from convexscore.samplers import annealed_langevin, langevin, reverse, sigma_grid
from convexscore.scores.changes_of_variables import to_denoiser
from convexscore.targets import GaussianMixture

TWO = GaussianMixture([0.2, 0.8], [[-5.0, -5.0], [5.0, 5.0]], 1.0)
MOST = float(np.sqrt(np.expm1(10.0)))
RULES = ["frozen", "ancestral", "euler", "ode", "ddim", "heun"]


def left(x):
    return np.mean(x.sum(axis=1) < 0)


def gaussian(y, sigma):
    return -(y - 2.0) / (0.25 + sigma**2)


def test_eulers_stochastic_localization_is_ancestral_sampling():
    sigmas = sigma_grid(20.0, 0.3, 40)
    path = reverse(TWO.score, sigmas, 50, 2, rng=np.random.default_rng(3), rule="ancestral", keep_levels=True)
    rng = np.random.default_rng(3)
    taus = 1 / sigmas**2
    # S = tau y follows dS = denoise(S / tau) d tau + dB.
    state, denoise = taus[0] * path[0], to_denoiser(TWO.score)
    np.testing.assert_allclose(path[0], np.hypot(1, 20.0) * rng.standard_normal((50, 2)), rtol=1e-12)
    for k in range(39):
        gain = taus[k + 1] - taus[k]
        state = state + gain * denoise(state / taus[k], sigmas[k])
        state = state + np.sqrt(gain) * rng.standard_normal((50, 2))
        np.testing.assert_allclose(state / taus[k + 1], path[k + 1], rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize("rule", RULES)
def test_every_rule_finds_the_weights_of_modes(rule):
    # The bias of Euler's scheme at 50 steps is half as large again as what is allowed here.
    n_levels = 201 if rule == "euler" else 51
    x = reverse(TWO.score, sigma_grid(MOST, 0.03, n_levels), 2000, 2, rng=1, rule=rule)
    assert abs(left(x) - 0.2) < 0.03
    sides = x.sum(axis=1) < 0
    np.testing.assert_allclose(x[sides].mean(axis=0), [-5, -5], atol=0.25)
    np.testing.assert_allclose(x[~sides].mean(axis=0), [5, 5], atol=0.15)


def test_langevin_keeps_the_shares_of_its_start_and_annealing_does_not():
    start = np.random.default_rng(0).uniform(-8, 8, (2000, 2))
    assert left(langevin(TWO.score, start, 0.05, 1000, rng=1)) > 0.4
    sigmas = np.geomspace(20, 0.7, 20)
    noisy = annealed_langevin(TWO.score, start, sigmas, rng=1)
    assert abs(left(noisy) - 0.2) < 0.03
    right = noisy[noisy.sum(axis=1) > 0]
    np.testing.assert_allclose(right.mean(axis=0), [5, 5], atol=0.1)
    np.testing.assert_allclose(right.var(axis=0), 1.49, atol=0.1)
    clean = annealed_langevin(TWO.score, start, sigmas, rng=1, denoise=True)
    np.testing.assert_allclose(clean[noisy.sum(axis=1) > 0].var(axis=0), 1 / 1.49, atol=0.1)


@pytest.mark.parametrize("rule", RULES)
def test_rules_converge_to_a_normal_law(rule):
    errors = []
    for n_levels in (20, 80):
        x = reverse(gaussian, sigma_grid(MOST, 0.01, n_levels), 20000, 1, rng=0, rule=rule)
        errors.append(abs(x.mean() - 2.0) + abs(x.var() - 0.25))
    assert errors[1] < max(0.4 * errors[0], 0.015)


def test_heuns_rule_is_of_second_order():
    def error(rule, n_levels):
        sigmas = sigma_grid(10.0, 0.1, n_levels)
        start = np.linspace(-15, 15, 7)
        x = reverse(gaussian, sigmas, 7, None, rule=rule, x0=start)
        return np.abs(x - (2 + (start - 2) * np.sqrt(0.26 / 100.25))).max()

    assert 1.7 < error("ddim", 100) / error("ddim", 200) < 2.3
    assert 3.6 < error("heun", 100) / error("heun", 200) < 4.4


def test_a_last_level_of_zero_denoises():
    sigmas = np.array([4.0, 2.0, 1.0])
    for rule in ("ancestral", "ddim", "heun"):
        y = reverse(TWO.score, sigmas, 20, 2, rng=5, rule=rule)
        clean = TWO.denoise(y, 1.0)
        np.testing.assert_allclose(reverse(TWO.score, [*sigmas, 0.0], 20, 2, rng=5, rule=rule), clean)
        np.testing.assert_allclose(reverse(TWO.score, sigmas, 20, 2, rng=5, rule=rule, denoise=True), clean)


def test_shapes_starts_and_levels():
    sigmas = [3.0, 1.0, 0.5]
    assert reverse(gaussian, sigmas, 5, None, rng=0).shape == (5,)
    levels = reverse(gaussian, sigmas, 5, 1, rng=0, keep_levels=True)
    assert levels.shape == (3, 5, 1)
    np.testing.assert_array_equal(levels[-1][:, 0], reverse(gaussian, sigmas, 5, None, rng=0))
    start = np.ones((5, 2))
    kept = reverse(gaussian, sigmas, 5, 2, rng=0, x0=start, keep_levels=True)
    np.testing.assert_array_equal(kept[0], start)
    assert reverse(gaussian, [1.0], 5, 2, rng=0).shape == (5, 2)
    assert reverse(gaussian, sigmas, 0, 2, rng=0).shape == (0, 2)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"sigmas": [1.0, 2.0]}, "sigmas: expected positive, strictly decreasing"),
        ({"sigmas": [1.0, 0.0, -1.0]}, "sigmas: expected positive, strictly decreasing"),
        ({"sigmas": [0.0]}, "sigmas: expected positive, strictly decreasing"),
        ({"rule": "rk4"}, "rule: expected one of 'frozen', .* got 'rk4'"),
        ({"n": -1}, "n: expected an integer of at least 0"),
        ({"d": 0}, "d: expected an integer of at least 1"),
        ({"x0": np.zeros(4)}, r"x0: expected shape \(4, 2\), from n and d, got \(4,\)"),
        ({"sigmas": [1.0, 0.0], "denoise": True}, "denoise: expected False where the last noise level is 0"),
    ],
)
def test_bad_arguments_are_named(arguments, message):
    good = {"score": gaussian, "sigmas": [2.0, 1.0], "n": 4, "d": 2}
    with pytest.raises(ValueError, match=message):
        reverse(**{**good, **arguments})
