"""Moments of data blurred by Gaussian noise, against their integrals."""

import numpy as np
import pytest
from hypothesis import given, settings

from convexscore.numerics.gaussian_moments import BlurredData
from tests.numerics.blurred import bell, below, integral, laws, literal_density, random_score

# Moments of the noisy data's law.


@settings(max_examples=12)
@given(laws(max_size=4))
def test_upper_moments_are_their_integrals(drawn):
    data, rng = drawn
    unit = np.sqrt(data.variance)
    t = data.mean + unit * np.array([-8.0, 8.0, *rng.uniform(-3, 3, 2)])
    moments = data.upper_moments(t)
    for k in range(3):
        literal = [unit**k * integral(data, lambda y, a=a, k=k: ((y - a) / unit) ** k, low=a) for a in t]
        np.testing.assert_allclose(moments[k], literal, rtol=1e-9, atol=1e-11 * data.total * unit**k)


@settings(max_examples=20)
@given(laws())
def test_the_density_and_its_derivative_are_the_mixtures(drawn):
    data, rng = drawn
    t = data.mean + np.sqrt(data.variance) * rng.uniform(-4, 4, 100)
    q, rate = data.density(t)
    peak = data.total / data.width
    np.testing.assert_allclose(q, literal_density(data, t), rtol=1e-11, atol=1e-15 * peak)
    np.testing.assert_allclose(rate, literal_density(data, t, 1), atol=1e-13 * peak / data.width)


@settings(max_examples=12)
@given(laws(max_size=4))
def test_interval_moments_are_their_integrals(drawn):
    data, rng = drawn
    length = data.width * np.array([1e-9, 1e-7, 0.3, 0.49, 0.51, 30.0])
    left = rng.choice(data.x, 6) + data.width * rng.uniform(-2, 1, 6)
    moments = data.interval_moments(left, left + length) / data.width ** np.arange(3.0)[:, None]
    for k in range(3):
        literal = [
            integral(data, lambda y, a=a, k=k: ((y - a) / data.width) ** k, a, a + w)
            for a, w in zip(left, length, strict=True)
        ]
        np.testing.assert_allclose(moments[k, 2:], literal[2:], rtol=1e-9, atol=1e-11 * data.total)
        # Over the shortest the density is constant; differences of upper moments would leave no digit.
        width = (left + length - left)[:2]
        constant = literal_density(data, left[:2]) * width ** (k + 1) / (k + 1) / data.width**k
        np.testing.assert_allclose(moments[k, :2], constant, rtol=1e-5)


def test_many_samples_far_apart_are_summed_as_few_are():
    # Groups of positions, samples out of reach on both sides, and positions in no order.
    rng = np.random.default_rng(0)
    data = BlurredData.from_samples(rng.uniform(-200, 200, 1000), rng.uniform(0.3, 3.0, 1000), 0.7)
    t = rng.uniform(-220, 220, 300)
    u = (data.x - t[:, None]) / data.width
    literal = [
        below(u) @ data.mass,
        data.width * (u * below(u) + bell(u)) @ data.mass,
        data.width**2 * ((u**2 + 1) * below(u) + u * bell(u)) @ data.mass,
    ]
    np.testing.assert_allclose(data.upper_moments(t), literal, rtol=1e-11, atol=1e-15 * data.total)
    np.testing.assert_allclose(data.density(t)[0], literal_density(data, t), rtol=1e-11, atol=1e-15)
    np.testing.assert_allclose(data.density(t)[1], literal_density(data, t, 1), rtol=1e-9, atol=1e-14)
    middle, reach = t[:30], rng.uniform(0.01, 30, 30)
    rate = literal_density(data, middle[:, None] + np.linspace(-1, 1, 51) * reach[:, None], 1)
    assert (np.abs(rate).max(axis=1) <= data.derivative_bounds(middle - reach, middle + reach)[0]).all()


def test_derivative_bounds_of_a_long_interval_see_the_samples_at_its_ends():
    data = BlurredData.from_samples(np.array([-50.0, 50.0]), np.array([1.0, 3.0]), 1.0)
    largest = np.abs(literal_density(data, np.linspace(-60, 60, 10_001), 1)).max()
    bounds = data.derivative_bounds(np.array([-60.0]), np.array([60.0]))
    assert bounds[0, 0] >= largest


@settings(max_examples=30)
@given(laws())
def test_derivative_bounds_hold_over_their_intervals(drawn):
    data, rng = drawn
    left = data.mean + np.sqrt(data.variance) * rng.uniform(-4, 3, 30)
    right = left + data.width * 10.0 ** rng.uniform(-6, 1, 30)
    bounds = data.derivative_bounds(left, right)
    inside = left[:, None] + np.linspace(0, 1, 201) * (right - left)[:, None]
    for order in (1, 2, 3):
        largest = np.abs(literal_density(data, inside, order)).max(axis=1)
        rounding = 1e-15 * data.total / data.width ** (order + 1)
        assert (largest <= bounds[order - 1] * (1 + 1e-9) + rounding).all()
    # On a short interval the first is a sum of what the samples' bells contribute, signs dropped.
    short = data.derivative_bounds(left, left + 1e-9 * data.width)[0]
    u = (left[:, None] - data.x) / data.width
    literal = (np.abs(u) * bell(u)) @ data.mass / data.width**2
    np.testing.assert_allclose(short, literal, rtol=1e-6, atol=1e-12 * data.total / data.width**2)


@settings(max_examples=20)
@given(laws())
def test_the_score_matching_loss_is_its_integral(drawn):
    data, rng = drawn
    score = random_score(data, rng, n_knots=int(rng.integers(1, 5)))

    def integrand(y):
        return score.slopes[np.searchsorted(score.knots, y)] + 0.5 * score(np.array(y)) ** 2

    literal = integral(data, integrand, cuts=score.knots)
    scale = data.total / data.variance
    assert data.score_matching_loss(score) == pytest.approx(literal, rel=1e-9, abs=1e-11 * scale)


@pytest.mark.parametrize("length", [0.01, 0.09, 0.1, 0.11, 0.3, 0.5])
def test_moments_of_short_intervals_are_exact_far_out_too(length):
    data = BlurredData.from_samples(np.array([0.0, 0.3]), np.array([1.0, 2.0]), 1.0)
    left = np.linspace(-7.0, 7.0, 29)
    nodes, weights = np.polynomial.legendre.leggauss(30)
    u = 0.5 * length * (nodes + 1)
    q = 0.5 * length * weights * literal_density(data, left[:, None] + u)
    literal = [q.sum(axis=1), (q * u).sum(axis=1), (q * u**2).sum(axis=1)]
    np.testing.assert_allclose(data.interval_moments(left, left + length), literal, rtol=1e-10)
