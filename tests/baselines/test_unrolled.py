"""Unrolled networks: explicit weights, the bound, training; against loops and enumeration."""

import math
from itertools import product

import numpy as np
import pytest

from convexscore.baselines import UnrolledDenoiser
from convexscore.baselines.unrolled.interpolation import coefficients, spread_knots, sup_error
from convexscore.baselines.unrolled.layers import explicit_layer, loss_and_gradients
from convexscore.errors import ConvergenceWarning
from convexscore.targets import Ising

STATES = np.array(list(product([-1.0, 1.0], repeat=6)))
T = 0.5
ALPHA, VARIANCE = math.exp(-T), -math.expm1(-2 * T)


def cosines(d, size, shift):
    """Couplings without random numbers."""
    i = np.arange(1, d + 1)
    made = size * np.cos(np.outer(i, i) + shift)
    np.fill_diagonal(made, 0.0)
    return made


COUPLINGS = cosines(6, 0.3, 0.2)
POINTS = np.cos(np.outer(np.arange(1, 41), np.arange(1, 7)))


def fixed_point(couplings, z, n_steps=3000):
    field, m = ALPHA / VARIANCE * z, np.zeros_like(z)
    for _ in range(n_steps):
        m = np.tanh(m @ couplings + field)
    return m


def law_of(couplings):
    weights = np.exp(0.5 * np.einsum("ni,ij,nj->n", STATES, couplings, STATES))
    return weights / weights.sum()


def posterior_mean(couplings, z):
    """By summing over all states."""
    weights = law_of(couplings) * np.exp(ALPHA / VARIANCE * z @ STATES.T)
    return weights @ STATES / weights.sum(axis=1, keepdims=True)


def draw(couplings, n, rng):
    x = STATES[rng.choice(len(STATES), size=n, p=law_of(couplings))]
    return x, ALPHA * x + math.sqrt(VARIANCE) * rng.standard_normal((n, 6))


def test_the_reference_is_met():
    assert np.linalg.norm(COUPLINGS, 2) == pytest.approx(0.769374060, abs=1e-9)
    assert np.linalg.norm(cosines(6, 0.22, 0.2), 2) == pytest.approx(0.564, abs=5e-4)
    denoiser = UnrolledDenoiser(COUPLINGS, 5, knots=np.linspace(-4, 4, 17))
    expected = [0.8351036, -0.59311008, -0.91354544, -0.63997364, 0.62643768, 0.6069231]
    np.testing.assert_allclose(denoiser(POINTS[:1], T)[0], expected, atol=1e-7)
    limit = [0.85660908, -0.61974647, -0.92161256, -0.66028707, 0.65776997, 0.62563433]
    exact = fixed_point(COUPLINGS, POINTS)
    np.testing.assert_allclose(exact[0], limit, atol=1e-8)
    sizes = {(4, 32): (0.10710, 0.86880), (8, 32): (0.01389, 0.31494), (16, 128): (3.2073e-4, 0.03786)}
    for (n_layers, n_knots), (error, bound) in sizes.items():
        denoiser = UnrolledDenoiser(COUPLINGS, n_layers, n_knots)
        found = np.linalg.norm(denoiser(POINTS, T) - exact, axis=1).max()
        assert found == pytest.approx(error, rel=1e-3)
        assert denoiser.error_bound(T) == pytest.approx(bound, abs=1e-5)
        assert found <= denoiser.error_bound(T)
    uniform = UnrolledDenoiser(COUPLINGS, 2, knots=np.linspace(-3, 3, 9))
    assert uniform.interpolation_error == pytest.approx(0.0412616615, abs=1e-10)
    # Of width h it is at most h^2 / 8 times the largest second derivative, 4 / (3 sqrt(3)).
    assert 0.75**2 / 8 * 4 / (3 * math.sqrt(3)) == pytest.approx(0.0541265877, abs=1e-10)
    assert uniform.interpolation_error < 0.0541265877


def test_spread_knots_have_small_errors():
    errors = [sup_error(spread_knots(n)) for n in (8, 16, 32, 64, 128)]
    np.testing.assert_allclose(errors, [2.85e-2, 6.46e-3, 1.526e-3, 3.63e-4, 8.99e-5], rtol=2e-3)
    for n in (2, 3, 8, 33):
        knots = spread_knots(n)
        assert len(knots) == n
        assert (np.diff(knots) > 0).all()
        np.testing.assert_array_equal(knots, -knots[::-1])
        assert knots[-1] == pytest.approx(math.log(4 * n))


@pytest.mark.parametrize("knots", [[-1.0, 1.0], [-3.0, -0.2, 0.1, 0.7, 2.0], [0.5, 1.0], [-2.0, -1.0]])
def test_errors_of_interpolation_are_those_of_a_fine_grid(knots):
    knots = np.array(knots)
    x = np.linspace(-12, 12, 240_001)
    made = math.tanh(knots[0]) + sum(
        c * np.maximum(x - b, 0) for c, b in zip(coefficients(knots), knots, strict=True)
    )
    np.testing.assert_allclose(made, np.interp(x, knots, np.tanh(knots)), atol=1e-13)
    assert sup_error(knots) == pytest.approx(np.abs(made - np.tanh(x)).max(), abs=1e-8)


@pytest.mark.parametrize("d", [1, 4])
def test_layers_are_steps_of_the_fixed_point_iteration(d):
    rng = np.random.default_rng(d)
    couplings = rng.standard_normal((d, d))
    couplings = couplings + couplings.T
    knots, z = np.array([-2.0, -0.5, 0.3, 1.0]), rng.standard_normal((7, d))
    denoiser, field, m = UnrolledDenoiser(couplings, 4, knots=knots), ALPHA / VARIANCE * z, np.zeros((7, d))
    for _ in range(4):
        m = np.interp(m @ couplings + field, knots, np.tanh(knots))
    np.testing.assert_allclose(denoiser(z, T), m, atol=1e-12)
    W1, W2 = denoiser.layer
    assert W1.shape == W2.T.shape == (2 * d + 1, 4 * d + 2 * d + 1)


def test_the_bound_holds_and_needs_contraction():
    rng = np.random.default_rng(0)
    for _ in range(10):
        couplings = rng.standard_normal((4, 4))
        couplings += couplings.T
        couplings *= rng.uniform(0.1, 0.95) / np.linalg.norm(couplings, 2)
        denoiser = UnrolledDenoiser(couplings, int(rng.integers(1, 8)), int(rng.integers(2, 20)))
        z = 2 * rng.standard_normal((50, 4))
        gaps = np.linalg.norm(denoiser(z, T) - fixed_point(couplings, z), axis=1)
        assert gaps.max() <= denoiser.error_bound(T)
    with pytest.raises(ValueError, match="couplings: expected a spectral norm below 1 for a bound"):
        UnrolledDenoiser(np.eye(3), 2).error_bound(T)


def test_gradients_are_those_of_differences():
    rng = np.random.default_rng(1)
    W1, W2 = explicit_layer(cosines(2, 0.4, 0.1), np.array([-1.0, 0.2, 1.3]))
    outer, inner = np.stack([W1] * 3), np.stack([W2] * 3)
    outer += 0.1 * rng.standard_normal(outer.shape)
    inner += 0.1 * rng.standard_normal(inner.shape)
    states = np.hstack([np.zeros((9, 2)), rng.standard_normal((9, 2)), np.ones((9, 1))])
    x = rng.choice([-1.0, 1.0], size=(9, 2))
    value, *gradients = loss_and_gradients(outer, inner, states, x)
    made = states
    for A, B in zip(outer, inner, strict=True):
        made = made + np.maximum(made @ B.T, 0) @ A.T
    assert value == pytest.approx(np.mean(np.sum((made[:, :2] - x) ** 2, axis=1)), rel=1e-12)
    for array, gradient in zip((outer, inner), gradients, strict=True):
        for place in list(np.ndindex(*array.shape))[::5]:
            kept, step = array[place], 1e-6
            array[place] = kept + step
            up = loss_and_gradients(outer, inner, states, x)[0]
            array[place] = kept - step
            down = loss_and_gradients(outer, inner, states, x)[0]
            array[place] = kept
            assert gradient[place] == pytest.approx((up - down) / (2 * step), rel=1e-6, abs=1e-7)


def excess(denoiser, z, exact):
    return np.mean((denoiser(z, T) - exact) ** 2)


def test_training_gets_better_with_data_and_fits_noise_with_time():
    couplings, rng = cosines(6, 0.22, 0.2), np.random.default_rng(0)
    _, z = draw(couplings, 20_000, rng)
    exact = posterior_mean(couplings, z)
    blind = UnrolledDenoiser(np.zeros((6, 6)), 3, 6)
    explicit = UnrolledDenoiser(couplings, 3, 6)
    assert excess(explicit, z, exact) == pytest.approx(7.4e-4, rel=0.1)
    after = {}
    for n in (1000, 4000):
        pairs = draw(couplings, n, rng)
        after[n] = excess(blind.fit(*pairs, T), z, exact)
        after[n, "long"] = excess(blind.fit(*pairs, T, n_iterations=60), z, exact)
        after[n, "explicit"] = excess(explicit.fit(*pairs, T), z, exact)
        stopped = blind.fit(*pairs, T, n_iterations=60, held_out=0.2, rng=0)
        assert excess(stopped, z, exact) < after[n, "long"]
        assert len(stopped.held_out_losses) == len(stopped.losses)
    assert after[4000] < 0.6 * after[1000]
    assert after[1000, "long"] > 1.4 * after[1000]
    # Within a factor of two of what was measured once.
    measured = {1000: 1.3e-2, 4000: 3.4e-3, (1000, "long"): 3.1e-2, (4000, "long"): 5.3e-3}
    measured |= {(1000, "explicit"): 1.5e-2, (4000, "explicit"): 3.4e-3}
    for case, expected in measured.items():
        assert expected / 2 <= after[case] <= 2 * expected, case


def test_training_beats_mean_field_where_that_is_far_off():
    couplings, rng = cosines(6, 0.4, 0.2), np.random.default_rng(5)
    _, z = draw(couplings, 20_000, rng)
    exact = posterior_mean(couplings, z)
    mean_field = Ising(couplings, denoiser="naive")
    with pytest.warns(ConvergenceWarning, match="not convex"):
        error = np.mean((mean_field.denoise(z / ALPHA, math.sqrt(VARIANCE) / ALPHA) - exact) ** 2)
    assert error == pytest.approx(9.5e-3, rel=0.1)
    trained = UnrolledDenoiser(np.zeros((6, 6)), 3, 6).fit(*draw(couplings, 4000, rng), T)
    assert 6.1e-3 / 2 < excess(trained, z, exact) < error


def test_the_error_of_the_score_is_that_of_its_three_parts():
    # Score error = (lam / s^2)^2 |m - E[x|z]|^2; the parts are the fixed point's own error, that of unrolling
    # it, and that of training.
    couplings, rng = cosines(6, 0.4, 0.2), np.random.default_rng(2)
    _, z = draw(couplings, 5000, rng)
    exact = posterior_mean(couplings, z)
    for n_layers, n_knots in ((3, 6), (8, 24)):
        denoiser = UnrolledDenoiser(0.7 * couplings, n_layers, n_knots)
        trained = denoiser.fit(*draw(couplings, 2000, rng), T)
        limit = fixed_point(0.7 * couplings, z)
        parts = [limit - exact, denoiser(z, T) - limit, trained(z, T) - denoiser(z, T)]
        score = (ALPHA * trained(z, T) - z) / VARIANCE - (ALPHA * exact - z) / VARIANCE
        factor = (ALPHA / VARIANCE) ** 2
        assert np.mean(score**2) == pytest.approx(factor * np.mean(sum(parts) ** 2), rel=1e-9)
        bound = 3 * factor * sum(np.mean(part**2) for part in parts)
        assert 0.01 * bound < np.mean(score**2) <= bound


def test_held_out_losses_decide_and_seeds_repeat():
    couplings, rng = cosines(6, 0.22, 0.2), np.random.default_rng(3)
    x, z = draw(couplings, 400, rng)
    denoiser = UnrolledDenoiser(couplings, 2, 4)
    trained = denoiser.fit(x, z, T, n_iterations=40, held_out=0.25, rng=5)
    again = denoiser.fit(x, z, T, n_iterations=40, held_out=0.25, rng=5)
    np.testing.assert_array_equal(trained.outer, again.outer)
    short = denoiser.fit(x, z, T, n_iterations=int(np.argmin(trained.held_out_losses)), held_out=0.25, rng=5)
    np.testing.assert_allclose(short(z, T), trained(z, T), atol=1e-12)
    assert trained.losses[-1] < trained.losses[0]
    untrained = denoiser.fit(x, z, T, n_iterations=0)
    np.testing.assert_allclose(untrained(z, T), denoiser(z, T), atol=1e-14)
    assert np.abs(trained(100 * z, T)).max() <= 1


def test_what_is_wrong_is_named_with_a_way_out():
    denoiser = UnrolledDenoiser(COUPLINGS, 2, 4)
    x, z = draw(COUPLINGS, 250, np.random.default_rng(0))
    with pytest.raises(ValueError, match="couplings: expected a symmetric matrix"):
        UnrolledDenoiser([[0.0, 1.0], [0.5, 0.0]], 2)
    with pytest.raises(ValueError, match=r"z: expected shape \(n, 6\)"):
        denoiser(z[:, :5], T)
    with pytest.raises(ValueError, match="t: expected a number at least"):
        denoiser(z, 0.0)
    with pytest.raises(ValueError, match="n_knots: expected 3, the number of knots"):
        UnrolledDenoiser(COUPLINGS, 2, 4, knots=[-1.0, 0.0, 1.0])
    with pytest.raises(ValueError, match="knots: expected a 1-D array of at least two increasing"):
        UnrolledDenoiser(COUPLINGS, 2, knots=[1.0, 0.0])
    with pytest.warns(UserWarning, match=r"x: expected at least 200 pairs.*draw more"):
        denoiser.fit(x[:199], z[:199], T, n_iterations=1)
    with pytest.raises(ValueError, match=r"n_layers: expected at most 1000000 parameters.*fewer layers"):
        UnrolledDenoiser(COUPLINGS, 300, 40).fit(x, z, T)
    with pytest.raises(ValueError, match="held_out: expected a share below 1"):
        denoiser.fit(x, z, T, held_out=1.0)
    with pytest.raises(ValueError, match=r"t: expected 0\.5, the time that was trained at, got 0\.6"):
        denoiser.fit(x, z, T, n_iterations=1)(z, 0.6)
