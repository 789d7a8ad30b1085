"""Many equal spins against sums over sites and states, and the experiment below the critical temperature."""

import json
from itertools import product

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import norm, wasserstein_distance

import convexscore as cs
from paper_figs import phase_transition as experiment
from paper_figs.common import plain
from paper_figs.equal_spins import draw_nodes, exact_means, magnetization_law, n_nodes, nodes_of
from paper_figs.plefka import EqualCouplings, fixed_point

from .drawings import drawn_quickly, is_finite


@pytest.mark.parametrize("field", [0.0, 0.3])
def test_law_of_the_magnetization(field):
    states = np.array(list(product((-1, 1), repeat=5)))
    weights = np.array([np.exp(1.5 / 10 * x.sum() ** 2 + field * x.sum()) for x in states])
    sums, law = magnetization_law(5, 1.5, field)
    expected = [weights[states.sum(1) == total].sum() / weights.sum() for total in sums]
    np.testing.assert_allclose(law, expected, rtol=1e-12)


@pytest.mark.parametrize("d", [2, 9, 60])
def test_exact_means(d):
    fields = np.random.default_rng(d).normal(0.1, 0.7, (4, d))
    expected = cs.targets.CurieWeiss(d, 1.5).posterior_mean(fields)
    np.testing.assert_allclose(exact_means(1.5, d, fields), expected, atol=1e-7)
    np.testing.assert_allclose(exact_means(1.5, d, fields + 40), np.ones((4, d)), atol=1e-12)


def test_nodes_stand_for_all_sites():
    g = np.random.default_rng(0).standard_normal(3000)
    z, w = nodes_of(g, 12)
    for power in range(12):
        assert w @ z**power == pytest.approx((g**power).sum(), rel=1e-9, abs=1e-6)
    z, w = nodes_of(g, n_nodes(0.4 * 4.5))
    assert w @ np.log(np.cosh(0.7 + 0.4 * z)) == pytest.approx(
        np.log(np.cosh(0.7 + 0.4 * g)).sum(), rel=1e-11
    )
    few, ones = nodes_of(g[:5], 8)
    np.testing.assert_array_equal(few, np.append(g[:5], np.zeros(3)))
    np.testing.assert_array_equal(ones, np.append(np.ones(5), np.zeros(3)))


@pytest.mark.parametrize("order", [1, 2])
def test_errors_by_nodes_are_errors_by_sites(order):
    d, tau, strength = 400, 0.01, 1.5
    rng = np.random.default_rng(order)
    up, down = rng.standard_normal(250), rng.standard_normal(150)
    h = tau * np.repeat([1.0, -1.0], [250, 150]) + np.sqrt(tau) * np.append(up, down)
    mean, _ = fixed_point(EqualCouplings(strength / d), h[None], order)
    expected = ((mean - cs.targets.CurieWeiss(d, strength).posterior_mean(h[None])) ** 2).sum()
    halves = [nodes_of(g, 20) for g in (up, down)]
    z, w = np.concatenate(halves, axis=1)
    fields = (tau * np.repeat([1.0, -1.0], 20) + np.sqrt(tau) * z)[None]
    nodes, _ = fixed_point(EqualCouplings(strength / d, w[None]), fields, order)
    found = (w * (nodes - exact_means(strength, d, fields, w[None])) ** 2).sum()
    assert expected > 1e-3
    assert found == pytest.approx(expected, rel=1e-6)


def test_draws_are_those_of_the_law():
    spins, noise, weights = draw_nodes(50, 1.5, 3000, 0.05, np.random.default_rng(0))
    np.testing.assert_allclose(weights.sum(1), 50, rtol=1e-11)
    sums, law = magnetization_law(50, 1.5)
    found = (weights * spins).sum(1)
    assert wasserstein_distance(found, sums, None, law) < 3
    assert np.mean(np.abs(found)) == pytest.approx(law @ np.abs(sums), rel=0.03)
    assert (weights * noise**2).sum() / (50 * 3000) == pytest.approx(1, abs=0.02)


def test_window_errors():
    """At small ``d`` against the package's denoisers, on draws of their own, and by the score's formula."""
    d, offset = 8, np.array([0.25])
    scores, means, moving = experiment.window_errors(d, 4000, np.random.default_rng(0), (1, 2), offset)
    t = 0.5 * np.log(d) + 0.25
    law, sigma = cs.targets.CurieWeiss(d, 1.5), np.sqrt(np.expm1(2 * t))
    rng = np.random.default_rng(1)
    y = law.sample(4000, rng) + sigma * rng.standard_normal((4000, d))
    model = EqualCouplings(1.5 / d)
    z, signal, noise = np.exp(-t) * y, np.exp(-t), 1 - np.exp(-2 * t)
    for row, order in enumerate((1, 2)):
        mean = fixed_point(model, y / sigma**2, order, 0.5)[0]
        gap = (signal * mean - z) / noise - (signal * law.denoise(y, sigma) - z) / noise
        assert scores[row, 0] == pytest.approx((gap**2).sum(1).mean(), rel=0.08)
        ratio = signal**2 / noise**2 * d
        assert scores[row, 0] / means[row, 0] == pytest.approx(ratio, rel=1e-12)
    assert moving < 0.01


def test_mean_field_is_the_packages():
    fields = np.random.default_rng(0).normal(0.0, 0.5, (20, 12))
    ising = cs.targets.Ising(np.full((12, 12), 1.5 / 12), denoiser="naive")
    with pytest.warns(cs.ConvergenceWarning, match="not convex"):
        expected = ising.posterior_mean(fields)
    np.testing.assert_allclose(experiment.mean_field_means(12)(fields), expected, atol=1e-4)


@pytest.mark.parametrize("signal", [0.01, 0.7, 5.0])
def test_error_in_the_limit(signal):
    def integrand(u):
        return norm.pdf(u, signal, np.sqrt(signal)) * (np.sign(u) - np.tanh(u)) ** 2

    reach = 12 * np.sqrt(signal)
    expected = quad(integrand, signal - reach, 0)[0] + quad(integrand, 0, signal + reach)[0]
    assert experiment.limit_error(signal) == pytest.approx(expected, rel=1e-7)


def test_peak_in_the_limit():
    grid = np.linspace(0.1, 4, 2000)
    values = [n * experiment.limit_error(n) for n in grid]
    signal, height = experiment.limit_peak()
    assert signal == pytest.approx(grid[np.argmax(values)], abs=0.003)
    assert height == pytest.approx(max(values), rel=1e-5)


def test_peaks_and_jackknife():
    offsets = np.arange(-1.0, 1.01, 0.25)
    place, height = experiment.peak_of(3 * np.exp(-2 * (offsets - 0.1) ** 2), offsets)
    assert (place, height) == pytest.approx((0.1, 3), abs=1e-9)
    runs = np.random.default_rng(0).standard_normal((7, 3))
    found = experiment.jackknife(lambda mean: 2 * mean, runs)
    np.testing.assert_allclose(found["mean"], 2 * runs.mean(0))
    np.testing.assert_allclose(found["standard_error"], 2 * runs.std(0, ddof=1) / np.sqrt(7))


def test_comparison_with_the_law():
    sums, law = magnetization_law(6, 1.5, 0.05)
    run = np.array([6, 4, 0, -2, 6, -6, -4, 4])
    found = experiment.compared(run, sums, law)
    assert found["upper_share"] == pytest.approx(4.5 / 8)
    assert found["wasserstein"] == pytest.approx(wasserstein_distance(run / 6, sums / 6, None, law))
    assert found["width"] == pytest.approx(np.std(np.abs(run) / 6))
    shares = np.array([np.mean(run == total) for total in sums])
    assert found["total_variation"] == pytest.approx(0.5 * np.abs(shares - law).sum())


def test_samples_by_exact_means_have_the_law():
    d, field = 6, 0.1
    sums, law = magnetization_law(d, 1.5, field)
    noise = np.random.SeedSequence(0)
    run = experiment.sample_sums(lambda h: exact_means(1.5, d, h), d, 3000, field, noise)
    assert experiment.compared(run, sums, law)["total_variation"] < 0.05


def test_lobes_by_a_drift_of_signs():
    """The predicted share, by a walk of its own with the drift ``sign U``."""
    rng, step = np.random.default_rng(0), 0.005
    u = np.full(20_000, experiment.U)
    for _ in range(1200):
        u += np.sign(u) * step + np.sqrt(step) * rng.standard_normal(u.shape)
    assert np.mean(u > 0) == pytest.approx(1 - np.exp(-2 * experiment.U) / 2, abs=0.012)


@pytest.fixture(scope="module")
def drawn():
    return drawn_quickly("phase_transition")


def test_numbers(drawn):
    _, numbers = drawn
    assert is_finite(plain(numbers))
    json.dumps(plain(numbers), allow_nan=False)
    assert numbers["claim"] == "; ".join(numbers["claims"])
    assert numbers["parameters"]["quick"] is True
    assert numbers["limit"]["path_divergence"] == pytest.approx(1 - np.log(2), abs=1e-6)
    assert numbers["claims"]["TAP does not close the window"]
    assert set(numbers["standard_errors"]) == {"slope_mean_field", "slope_tap"}


def test_same_seed_same_numbers(drawn):
    assert plain(experiment.draw(quick=True)[1]) == plain(drawn[1])
