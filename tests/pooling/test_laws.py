"""Laws of members: expectation maximization by hand, tails, changes of variables, quadrature."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from scipy.special import logsumexp

import convexscore as cs
from convexscore.pooling.laws import MixtureLaw, NetworkLaw
from convexscore.pooling.mixtures import _maximized, _Mixtures, choose_mixtures, refit_mixtures
from convexscore.pooling.points import Points, standardized
from convexscore.pooling.pool import Pool
from convexscore.pooling.transformation import (
    Transformation,
    TransformedLaw,
    best_transformation,
    power_transform,
)

MIXTURE = MixtureLaw(np.array([0.2, 0.5, 0.3]), np.array([-2.0, 0.0, 1.5]), np.array([0.5, 1.0, 0.1]))
GAUSSIAN = MixtureLaw.gaussian(0.0, 1.0)
NETWORK = NetworkLaw.with_tails(np.array([-1.5, -0.2, 0.4, 2.0]), np.array([2.0, -0.5, 1.5, -0.7]))
OUTWARD = NetworkLaw.with_tails(np.array([-1.0, 0.0, 1.0]), np.array([-0.4, 0.1, 0.3]))


def transformed(base, exponent, shift=0.1, scale=0.9):
    knots = base.piecewise.knots if isinstance(base, NetworkLaw) else np.zeros(0)
    return TransformedLaw(base, Transformation(exponent, shift, scale), -2.2, 2.2, knots)


LAWS = {
    "gaussian": GAUSSIAN,
    "mixture": MIXTURE,
    "network": NETWORK,
    "outward": OUTWARD,
    **{
        f"transformed {kind} {exponent:g}": transformed(base, exponent)
        for kind, base in (("gaussian", GAUSSIAN), ("network", NETWORK))
        for exponent in (-3.0, -0.6, 0.0, 0.4, 1.0, 1.7, 2.0, 2.5, 5.5)
    },
}


def mass_between(law, low, high, power=0):
    """Integrate the density in ``t = asinh z``, piece by piece, with none of the package's quadrature."""
    t = np.linspace(np.arcsinh(low), np.arcsinh(high), 2001)
    nodes, weights = np.polynomial.legendre.leggauss(6)
    half = np.diff(t)[:, None] / 2
    inner = t[:-1, None] + half * (nodes + 1)
    z = np.sinh(inner)
    return float(np.sum(np.exp(law.logpdf(z)) * z**power * np.cosh(inner) * half * weights))


@pytest.mark.parametrize("name", LAWS)
def test_densities_integrate_to_one_and_to_their_distribution_functions(name):
    law = LAWS[name]
    ends = np.array([-3.0, -1.0, 0.05, 0.8, 2.5])
    masses = [mass_between(law, low, high) for low, high in itertools.pairwise(ends)]
    np.testing.assert_allclose(masses, np.diff(np.exp(law.logcdf(ends))), atol=3e-7)
    np.testing.assert_allclose(masses, -np.diff(np.exp(law.logsf(ends))), atol=3e-7)
    np.testing.assert_allclose(np.exp(law.logcdf(ends)) + np.exp(law.logsf(ends)), 1.0, atol=1e-13)
    far = np.array([-np.inf, np.inf])
    np.testing.assert_allclose(np.exp(law.logcdf(far)), [0, 1], atol=1e-13)
    np.testing.assert_allclose(np.exp(law.logsf(far)), [1, 0], atol=1e-13)
    assert mass_between(law, -1e12, 1e12) == pytest.approx(1, abs=3e-6)


@pytest.mark.parametrize("name", LAWS)
def test_scores_are_derivatives_of_log_densities(name):
    law = LAWS[name]
    z = np.array([-40.0, -2.9, -1.1, -0.03, 0.02, 0.9, 1.45, 2.2, 30.0])
    step = 1e-6 * (1 + np.abs(z))
    slope = (law.logpdf(z + step) - law.logpdf(z - step)) / (2 * step)
    np.testing.assert_allclose(law.score(z), slope, rtol=1e-5, atol=1e-5)
    assert np.isfinite(law.score(np.array([-1e200, 1e200]))).any() or name.startswith("transformed")
    assert not np.isnan(law.score(np.array([-np.inf, -1e300, 1e300, np.inf]))).any()


@pytest.mark.parametrize("name", LAWS)
def test_mirrored_laws_are_those_of_minus_z(name):
    law, z = LAWS[name], np.array([-5.0, -1.0, 0.3, 2.0, 7.0])
    mirror = law.mirrored()
    np.testing.assert_allclose(mirror.logpdf(z), law.logpdf(-z), rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(mirror.logcdf(z), law.logsf(-z), rtol=1e-9, atol=1e-15)
    np.testing.assert_allclose(mirror.score(z), -law.score(-z), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", LAWS)
def test_quantiles_are_between_their_bounds(name):
    law = LAWS[name]
    q = np.array([1e-120, 1e-12, 0.01, 0.3, 0.5, 0.8, 0.999, 1 - 1e-12])
    low, high = law.quantile_bounds(q)
    z = Pool((law,), np.ones(1)).quantile(q)
    assert (z >= low - 1e-6 * (1 + np.abs(low))).all()
    assert (z <= high + 1e-6 * (1 + np.abs(high))).all()
    np.testing.assert_allclose(law.logcdf(z[:5]), np.log(q[:5]), rtol=1e-10)
    np.testing.assert_allclose(np.exp(law.logsf(z[4:])), 1 - q[4:], rtol=1e-10)


@pytest.mark.parametrize("name", LAWS)
def test_moments_are_those_of_quadrature(name):
    law = LAWS[name]
    mean, square = law.moments()
    assert mean == pytest.approx(mass_between(law, -1e7, 1e7, 1), rel=1e-5, abs=1e-5)
    assert square == pytest.approx(mass_between(law, -1e7, 1e7, 2), rel=1e-5)


@pytest.mark.parametrize("name", ["mixture", "network", "transformed network -3", "transformed gaussian 2.5"])
def test_samples_follow_the_distribution_function(name):
    law = LAWS[name]
    z = law.sample(4000, np.random.default_rng(0))
    assert z.shape == (4000,)
    assert stats.kstest(z, lambda z: np.exp(law.logcdf(z))).pvalue > 1e-3


def test_tails_fall_and_the_score_is_as_given_on_the_data():
    slopes = OUTWARD.piecewise.slopes
    # At both ends the score points outward: minus one; where it points inward, at most zero.
    assert slopes[0] == slopes[-1] == -1
    rising = NetworkLaw.with_tails(np.array([0.0, 1.0, 2.0]), np.array([0.5, 1.0, -2.0])).piecewise
    np.testing.assert_array_equal(rising.slopes, [0.0, 0.5, -3.0, -3.0])
    zero = NetworkLaw.with_tails(np.array([0.0, 1.0]), np.array([0.0, 0.0])).piecewise
    np.testing.assert_array_equal(zero.slopes, [-1.0, 0.0, -1.0])
    z = np.array([-1.0, -0.5, 0.0, 0.25, 1.0])
    np.testing.assert_allclose(OUTWARD.score(z), np.interp(z, [-1, 0, 1], [-0.4, 0.1, 0.3]))


def steps_of_em(z, mass, weights, means, scales, n_steps):
    """The iteration, written out for one mixture."""
    size = len(weights)
    for _ in range(n_steps):
        joint = np.array(
            [w * stats.norm.pdf(z, m, s) for w, m, s in zip(weights, means, scales, strict=True)]
        )
        share = mass * joint / joint.sum(axis=0)
        each = share.sum(axis=1)
        weights = each / each.sum()
        means = (share @ z) / each
        spread = np.array([share[k] @ (z - means[k]) ** 2 for k in range(size)])
        scales = np.sqrt((spread + 1 / size**2) / (each + 1) + 0.02**2)
    return weights, means, scales


def test_expectation_maximization_does_the_steps_written_out():
    rng = np.random.default_rng(4)
    z = np.sort(np.concatenate([rng.standard_normal(20) - 1, 0.2 * rng.standard_normal(10) + 1.5]))
    masses = rng.integers(1, 4, (2, 30)).astype(float)
    start = np.array([[0.5, 0.5]] * 2), np.array([[-1.0, 1.0], [0.0, 1.0]]), np.array([[0.5, 0.4]] * 2)
    _, found = _maximized(Points(z, masses[0]), masses, _Mixtures(*start), 7)
    for number in range(2):
        wanted = steps_of_em(z, masses[number], *(part[number] for part in start), 7)
        np.testing.assert_allclose(found.weights[number], wanted[0], rtol=1e-8)
        np.testing.assert_allclose(found.means[number], wanted[1], rtol=1e-8)
        np.testing.assert_allclose(found.scales[number], wanted[2], rtol=1e-8)


def test_mixtures_are_one_smaller_and_one_larger_than_bic_prefers():
    rng = np.random.default_rng(5)
    x = np.sort((rng.standard_normal((60, 3)) + np.array([-6, 0, 6])).ravel())
    z, _ = standardized(Points.merged(x, np.ones(180)))
    found = choose_mixtures(z, np.random.default_rng(0), 2)
    assert [law.weights.size for law in found] == [2, 3, 4]
    line, _ = standardized(Points.merged(np.sort(rng.standard_normal(200)), np.ones(200)))
    assert [law.weights.size for law in choose_mixtures(line, np.random.default_rng(0), 2)] == [2]
    assert [law.weights.size for law in choose_mixtures(line, np.random.default_rng(0), 1)] == [1, 2]


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_one_number_of_components_too_many_does_not_end_the_search(seed):
    rng = np.random.default_rng(seed)
    which = rng.choice(4, 2000, p=[0.4, 0.3, 0.2, 0.1])
    means, scales = np.array([-2.0, 0.0, 1.5, 2.5]), np.array([0.6, 0.4, 0.25, 0.15])
    x = np.sort(means[which] + scales[which] * rng.standard_normal(2000))
    z, frame = standardized(Points.merged(x, np.ones(2000)))
    truth = MixtureLaw(np.array([0.4, 0.3, 0.2, 0.1]), frame.inward(means), scales / frame.scale)
    found = choose_mixtures(z, np.random.default_rng(0), 2)
    assert max(law.logpdf(z.value).sum() for law in found) > truth.logpdf(z.value).sum()


def test_refits_of_weighted_and_of_binned_points_are_those_of_all():
    rng = np.random.default_rng(6)
    value = np.sort(np.where(rng.random(9000) < 0.4, -1.0, 1.0) + 0.4 * rng.standard_normal(9000))
    masses = np.stack([np.ones(9000), rng.integers(0, 2, 9000)])
    start = MixtureLaw(np.array([0.5, 0.5]), np.array([-0.5, 0.7]), np.array([0.5, 0.6]))
    binned = refit_mixtures(Points(value, masses[0]), masses, start)
    for mass, law in zip(masses, binned, strict=True):
        plain = steps_of_em(value, mass, start.weights, start.means, start.scales, 60)
        np.testing.assert_allclose(law.means, plain[1], atol=1e-3)
        np.testing.assert_allclose(law.scales, plain[2], atol=1e-3)


@pytest.mark.parametrize("exponent", [-3.0, -0.5, 0.0, 0.5, 1.0, 2.0, 3.5])
def test_transformations_are_scipys_and_their_inverses_and_derivatives_are_right(exponent):
    z = np.array([-7.0, -1.2, -0.01, 0.0, 0.02, 1.0, 9.0])
    np.testing.assert_allclose(
        power_transform(z, exponent), stats.yeojohnson(z, exponent), rtol=1e-12, atol=1e-15
    )
    change = Transformation(exponent, 0.3, 0.7)
    np.testing.assert_allclose(change.inverse(change(z)), z, rtol=1e-9, atol=1e-12)
    z = z[z != 0]
    step = 1e-5 * np.abs(z)
    slope = (change(z + step) - change(z - step)) / (2 * step)
    np.testing.assert_allclose(np.exp(change.log_derivative(z)), slope, rtol=1e-6)
    bend = (change.log_derivative(z + step) - change.log_derivative(z - step)) / (2 * step)
    np.testing.assert_allclose(change.log_derivative_slope(z), bend, rtol=1e-6, atol=1e-8)


@given(st.integers(0, 10**6), st.booleans())
def test_exponents_are_those_of_the_largest_weighted_likelihood(seed, skewed):
    rng = np.random.default_rng(seed)
    value = np.sort(rng.standard_gamma(1.5, 40) if skewed else rng.standard_t(3, 40))
    count = rng.integers(1, 5, 40)
    points, _ = standardized(Points.merged(value, count.astype(float)))
    found = best_transformation(points)
    repeated = np.repeat(points.value, count)
    likelihood = lambda exponent: stats.yeojohnson_llf(exponent, repeated)  # noqa: E731
    best = likelihood(found.exponent)
    assert all(likelihood(found.exponent + step) <= best + 1e-9 for step in (-1e-3, 1e-3, -0.3, 0.3))
    y = stats.yeojohnson(repeated, found.exponent)
    assert found.shift == pytest.approx(y.mean(), abs=1e-10)
    assert found.scale == pytest.approx(y.std(), rel=1e-10)


def test_bounded_transformations_have_exponential_tails_beyond_the_data():
    law = transformed(GAUSSIAN, -2.0)
    edge, far = np.array(2.2), np.array([2.2, 3.0, 50.0])
    rate = -float(law.score(edge))
    assert rate > 0
    np.testing.assert_allclose(law.score(far[1:]), -rate)
    np.testing.assert_allclose(law.logpdf(far), law.logpdf(edge) - rate * (far - 2.2), rtol=1e-12)
    # Inside it is the law of the transformation but for a factor.
    z = np.array([-3.0, 0.0, 2.0])
    change = law.transformation
    plain = stats.norm.logpdf(change(z)) + change.log_derivative(z)
    np.testing.assert_allclose(law.logpdf(z) - plain, (law.logpdf(z) - plain)[0], atol=1e-12)
    assert law._tail.side == -law.mirrored()._tail.side == 1
    # A score that points outward at the end is turned round.
    outward = transformed(MixtureLaw.gaussian(50.0, 1.0), -2.0)
    assert outward.score(edge) > 0
    np.testing.assert_array_equal(outward.score(far[1:]), -1.0)
    for exponent, side in ((-0.1, 1), (0.0, 0), (1.3, 0), (2.0, 0), (2.1, -1)):
        assert Transformation(exponent).exponential_side == side


def test_a_pool_is_the_weighted_sum_of_its_laws():
    laws = (MIXTURE, NETWORK, LAWS["transformed network -0.6"])
    weights = np.array([0.5, 0.2, 0.3])
    pool, z = Pool(laws, weights), np.linspace(-4, 6, 41)
    densities = np.exp([law.logpdf(z) for law in laws])
    np.testing.assert_allclose(np.exp(pool.logpdf(z)), weights @ densities, rtol=1e-12)
    scores = np.array([law.score(z) for law in laws])
    np.testing.assert_allclose(
        pool.score(z), (weights @ (densities * scores)) / (weights @ densities), rtol=1e-10, atol=1e-12
    )
    np.testing.assert_allclose(
        pool.logcdf(z), logsumexp([law.logcdf(z) for law in laws], b=weights[:, None], axis=0), rtol=1e-12
    )
    mean, variance = pool.moments()
    means, squares = np.transpose([law.moments() for law in laws])
    assert mean == pytest.approx(weights @ means)
    assert variance == pytest.approx(weights @ squares - mean**2)


def test_the_law_of_a_network_is_its_density():
    z = np.linspace(-3, 3, 7)
    np.testing.assert_array_equal(NETWORK.logpdf(z), cs.ScoreDensity(NETWORK.piecewise).logpdf(z))
