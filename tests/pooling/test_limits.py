"""Pools of data with limits: laws by quadrature, members by their definitions, invariances, odd data."""

import itertools
import pickle
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, optimize, stats

import convexscore as cs
from convexscore.pooling.laws import MixtureLaw, NetworkLaw
from convexscore.pooling.logarithms import LogDistance, log_distance
from convexscore.pooling.members import KINDS
from convexscore.pooling.networks import _JITTERS, jittered
from convexscore.pooling.points import Points
from convexscore.pooling.transformation import Transformation, TransformedLaw
from convexscore.pooling.truncation import TruncatedLaw, mirrored_at_limits, straight_law

INF = np.inf
MIXTURE = MixtureLaw(np.array([0.2, 0.5, 0.3]), np.array([-2.0, 0.0, 1.5]), np.array([0.5, 1.0, 0.1]))
GAUSSIAN = MixtureLaw.gaussian(0.0, 1.0)
KNOTS, VALUES = np.array([-1.5, -0.2, 0.4, 2.0]), np.array([2.0, -0.5, 1.5, -0.7])
LIMITS = {"low": (-1.7, INF), "high": (-INF, 2.3), "both": (-1.7, 2.3)}
LAWS = {
    f"{kind} {name}": make(limits)
    for name, limits in LIMITS.items()
    for kind, make in {
        "mixture": lambda limits: TruncatedLaw(MIXTURE, limits),
        "network": lambda limits: NetworkLaw.with_tails(KNOTS, VALUES, limits),
        "outward": lambda limits: NetworkLaw.with_tails(
            np.array([-1.0, 0.0, 1.0]), np.array([-0.4, 0.1, 0.3]), limits
        ),
        "logarithm": lambda limits: TransformedLaw(
            GAUSSIAN, LogDistance(*limits, 0.2, 0.9), -1.2, 2.0, np.zeros(0)
        ),
        "logarithm of a network": lambda limits: TransformedLaw(
            NetworkLaw.with_tails(KNOTS, VALUES), LogDistance(*limits, 0.2, 0.4), -1.2, 2.0, KNOTS
        ),
        "power of a logarithm": lambda limits: TransformedLaw(
            TransformedLaw(GAUSSIAN, Transformation(2.4, 0.1, 0.9), -2.2, 2.2, np.zeros(0)),
            LogDistance(*limits, 0.2, 0.6),
            -1.2,
            2.0,
            np.array([-2.2, 2.2]),
        ),
    }.items()
}


def ends_of(name):
    return LIMITS[name.split()[-1]]


def integral(law, low, high, power=0):
    """Integrate the density by Gauss's rule on pieces that are finer towards the ends, and between knots."""
    steps = 10.0 ** np.arange(-15.0, 9.0, 0.05)
    centre = 0.1
    cuts = [np.linspace(-3.0, 3.0, 400), centre + steps, centre - steps, KNOTS, [-1.2, 2.0]]
    cuts += [end + side * steps for end, side in ((low, 1), (high, -1)) if np.isfinite(end)]
    finite = [end for end in (low, high) if np.isfinite(end)]
    cuts = np.unique(np.clip(np.concatenate([*cuts, finite]), low, high))
    nodes, weights = np.polynomial.legendre.leggauss(12)
    half = np.diff(cuts)[:, None] / 2
    z = cuts[:-1, None] + half * (nodes + 1)
    return float(np.sum(np.exp(law.logpdf(z)) * z**power * half * weights))


@pytest.mark.parametrize("name", LAWS)
def test_laws_have_their_mass_between_the_limits(name):
    law, (low, high) = LAWS[name], ends_of(name)
    assert integral(law, low, high) == pytest.approx(1, abs=2e-6)
    inner = np.array([-1.3, -0.4, 0.3, 1.9])
    masses = [integral(law, *pair) for pair in itertools.pairwise(inner)]
    np.testing.assert_allclose(masses, np.diff(np.exp(law.logcdf(inner))), atol=2e-7)
    np.testing.assert_allclose(masses, -np.diff(np.exp(law.logsf(inner))), atol=2e-7)
    np.testing.assert_allclose(np.exp(law.logcdf(inner)) + np.exp(law.logsf(inner)), 1.0, atol=1e-13)
    for outside in (low - 0.5, high + 0.5):
        if np.isfinite(outside):
            assert law.logpdf(np.array(outside)) == -INF
            assert np.exp(law.logcdf(np.array(outside))) == pytest.approx(float(outside > 0), abs=1e-14)


@pytest.mark.parametrize("name", LAWS)
def test_moments_and_samples_are_those_of_quadrature(name):
    law, (low, high) = LAWS[name], ends_of(name)
    mean, square = law.moments()
    assert mean == pytest.approx(integral(law, low, high, power=1), rel=1e-6, abs=1e-6)
    assert square == pytest.approx(integral(law, low, high, power=2), rel=1e-6)
    draws = law.sample(4000, np.random.default_rng(3))
    assert ((draws >= low) & (draws <= high)).all()
    assert stats.kstest(draws, lambda z: np.exp(law.logcdf(z))).pvalue > 1e-4


@pytest.mark.parametrize("name", LAWS)
def test_scores_are_derivatives_and_mirrored_laws_are_mirrored(name):
    law, z = LAWS[name], np.array([-1.45, -0.9, -0.03, 0.02, 0.9, 1.45, 2.2])
    step = 1e-6
    slope = (law.logpdf(z + step) - law.logpdf(z - step)) / (2 * step)
    np.testing.assert_allclose(law.score(z), slope, rtol=1e-5, atol=1e-5)
    turned = law.mirrored()
    np.testing.assert_allclose(turned.logpdf(-z), law.logpdf(z), rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(turned.logsf(-z), law.logcdf(z), rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(turned.score(-z), -law.score(z), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", LAWS)
def test_quantiles_are_between_their_bounds(name):
    law, q = LAWS[name], np.array([1e-8, 1e-3, 0.2, 0.5, 0.7, 1 - 1e-9])
    low, high = law.quantile_bounds(q)
    hair = 1e-12
    assert (np.exp(law.logcdf(low)) <= q + hair).all()
    assert (np.exp(law.logcdf(high)) >= q - hair).all()


@pytest.mark.parametrize("limits", [(0.0, INF), (-INF, 3.0), (-1.0, 4.0)])
def test_logarithms_of_distances_invert_and_have_their_derivatives(limits):
    change = LogDistance(*limits, 0.3, 0.7)
    z = np.array([0.01, 0.5, 1.2, 2.9])
    np.testing.assert_allclose(change.inverse(change(z)), z, rtol=1e-13)
    step = 1e-7
    slope = (change(z + step) - change(z - step)) / (2 * step)
    np.testing.assert_allclose(np.exp(change.log_derivative(z)), slope, rtol=1e-6)
    slope = (change.log_derivative(z + step) - change.log_derivative(z - step)) / (2 * step)
    np.testing.assert_allclose(change.log_derivative_slope(z), slope, rtol=1e-6)
    np.testing.assert_allclose(change.mirrored()(-z), -change(z), rtol=1e-13)
    points = Points(z, np.array([1.0, 2.0, 1.0, 3.0]), limits)
    y = log_distance(points)(z)
    assert np.average(y, weights=points.mass) == pytest.approx(0, abs=1e-14)
    assert np.average(y**2, weights=points.mass) == pytest.approx(1)


def best_by_descent(points):
    """Return the largest mean log-likelihood of a truncated Gaussian by SciPy's search and quadrature."""
    low, high = points.limits
    reach = 40 * np.sqrt(points.variance)
    z = np.linspace(max(low, points.mean - reach), min(high, points.mean + reach), 200_001)

    def loss(place):
        exponent = place[0] * z + 0.5 * place[1] * z**2
        top = exponent.max()
        log_mass = top + np.log(integrate.simpson(np.exp(exponent - top), x=z))
        at = place[0] * points.value + 0.5 * place[1] * points.value**2
        return log_mass - float(np.average(at, weights=points.mass))

    bounds = [(None, None), (None, None if np.isfinite([low, high]).all() else 0.0)]
    start = np.array([points.mean, -1.0]) / points.variance
    return -optimize.minimize(loss, start, bounds=bounds, method="L-BFGS-B", options={"ftol": 1e-13}).fun


@pytest.mark.parametrize(
    ("draw", "limits"),
    [
        (lambda rng: rng.exponential(size=60), (0.0, INF)),
        (lambda rng: np.abs(rng.standard_normal(60)), (0.0, INF)),
        (lambda rng: -rng.gamma(3.0, size=60), (-INF, 0.0)),
        (lambda rng: rng.gamma(0.4, size=60), (0.0, INF)),
        (lambda rng: rng.random(60), (0.0, 1.0)),
        (lambda rng: rng.beta(0.5, 0.5, size=60), (0.0, 1.0)),
        (lambda rng: 0.4 + 0.02 * rng.standard_normal(60), (0.0, 1.0)),
    ],
)
def test_the_straight_law_has_the_largest_likelihood(draw, limits):
    rng = np.random.default_rng(0)
    points = Points(np.sort(draw(rng)), rng.random(60) + 0.5, limits)
    law = straight_law(points)
    found = float(np.average(law.logpdf(points.value), weights=points.mass))
    assert found == pytest.approx(best_by_descent(points), abs=2e-5)
    mean, square = law.moments()
    assert mean == pytest.approx(points.mean, rel=1e-9, abs=1e-9)
    exponential = law.piecewise.slopes[0] == 0
    # The exponential law spreads less than data that ask for more.
    limit = points.variance + points.mean**2
    assert square == pytest.approx(limit, rel=1e-8) or (exponential and square < limit)


def test_images_and_jitter_keep_to_the_limits():
    points = Points(np.array([0.05, 0.4, 0.9]), np.array([1.0, 2.0, 1.0]), (0.0, 1.0))
    images = mirrored_at_limits(points)
    np.testing.assert_allclose(images.value, [-0.9, -0.4, -0.05, 0.05, 0.4, 0.9, 1.1, 1.6, 1.95])
    assert images.mass.tolist() == [1, 2, 1, 1, 2, 1, 1, 2, 1]
    assert not images.limited
    spread = jittered(points, 0.2)
    assert spread.limits == points.limits
    assert ((spread.value >= 0) & (spread.value <= 1)).all()
    assert spread.total == pytest.approx(points.total)
    # What would be beyond a limit comes back.
    expected = np.abs(points.value[:, None] + 0.2 * _JITTERS).ravel()
    expected = np.sort(np.where(expected > 1, 2 - expected, expected))
    np.testing.assert_allclose(spread.value, expected, rtol=1e-12)


SUPPORTS = {
    "durations": (np.random.default_rng(0).exponential(size=60), (0.0, None)),
    "gamma": (np.random.default_rng(1).gamma(3.0, size=60), (0.0, None)),
    "shares": (np.random.default_rng(2).beta(0.7, 2.0, size=60), (0.0, 1.0)),
    "debts": (-np.random.default_rng(3).lognormal(size=60), (None, 0.0)),
}
SMALL = ("line", "network")


@pytest.mark.parametrize("name", SUPPORTS)
def test_pools_have_no_mass_beyond_the_limits(name):
    x, support = SUPPORTS[name]
    pooled = cs.PooledScore.fit(x, rng=0, support=support)
    low, high = pooled.support()
    assert (low, high) == (
        -INF if support[0] is None else support[0],
        INF if support[1] is None else 1.0 * support[1],
    )
    assert pooled.members[0].support() == (low, high)
    finite = [end for end in (low, high) if np.isfinite(end)]
    outside = [end + np.sign(end - x.mean()) * step for end in finite for step in (1e-12, 0.1, 50.0)]
    assert (pooled.pdf(outside) == 0).all()
    np.testing.assert_array_equal(pooled.icdf([0.0, 1.0]), [low, high])
    assert pooled.cdf(low) == 0
    assert pooled.sf(high) == 0
    draws = pooled.sample(1000, rng=1)
    assert ((draws >= low) & (draws <= high)).all()
    q = np.array([0.01, 0.3, 0.5, 0.8, 0.999])
    np.testing.assert_allclose(pooled.cdf(pooled.icdf(q)), q, rtol=1e-9)
    # Points are known to rounding of the spread; those next to a limit are small themselves.
    assert pooled.cdf(pooled.icdf(1e-6)) == pytest.approx(1e-6, rel=1e-6)
    grid = pooled.icdf(np.linspace(0.001, 0.999, 400))
    nodes, weights = np.polynomial.legendre.leggauss(8)
    half = np.diff(grid)[:, None] / 2
    masses = (pooled.pdf(grid[:-1, None] + half * (nodes + 1)) * half) @ weights
    np.testing.assert_allclose(masses, 0.998 / 399, rtol=2e-2)
    assert masses.sum() == pytest.approx(0.998, abs=1e-4)
    inner = pooled.icdf(np.array([0.1, 0.37, 0.9]))
    step = 1e-6 * np.abs(inner)
    slope = (pooled.logpdf(inner + step) - pooled.logpdf(inner - step)) / (2 * step)
    np.testing.assert_allclose(pooled(inner), slope, rtol=1e-4, atol=1e-4)
    # At the limits and beyond, the score is that next to them.
    assert np.isfinite(pooled([*finite, *outside])).all()


@pytest.mark.parametrize("name", SUPPORTS)
def test_networks_are_those_of_generalized_score_matching(name):
    x, support = SUPPORTS[name]
    pooled = cs.PooledScore.fit(x, ("network",), rng=0, support=support)
    member = next(member for member in pooled.members if not member.jitter)
    assert member.certificate.meets(1e-8)
    assert member.solution.objective.support is not None
    # The loss has distances in the place of weights, and so a scale.
    twin = cs.solve(cs.ScoreMatching(x, support=support), member.beta * pooled._frame.scale, skip=True)
    inside = np.quantile(x, [0.0, 0.1, 0.5, 0.8, 1.0])
    np.testing.assert_allclose(member(inside), twin.network(inside), rtol=1e-6, atol=1e-7)
    network = member.solution.network
    units = pooled._frame.inward(inside)
    turn = 1 if np.allclose(network(units) / pooled._frame.scale, twin.network(inside)) else -1
    np.testing.assert_allclose(
        turn * network(turn * units) / pooled._frame.scale, twin.network(inside), rtol=1e-6, atol=1e-7
    )


def test_the_line_of_logarithms_is_the_lognormal_and_the_logit_normal():
    for name, logarithm in (("gamma", np.log), ("shares", lambda x: np.log(x / (1 - x)))):
        x, support = SUPPORTS[name]
        pooled = cs.PooledScore.fit(x, ("transformed",), rng=0, support=support)
        plain = [
            member
            for member in pooled.members
            if member.beta is None and member.exponent is None and member.n_components is None
        ]
        laws = [member for member in plain if not hasattr(member._pool.laws[0].base, "piecewise")]
        y = logarithm(x)
        log_slope = -np.log(x) - (np.log1p(-x) if name == "shares" else 0)
        expected = stats.norm(y.mean(), y.std()).logpdf(y) + log_slope
        # Within the data; beyond them the tail without a limit is exponential, and has a part of the mass.
        shifts = [np.ptp(member.logpdf(x) - expected) for member in laws]
        assert min(shifts) < 1e-9
        assert {member.kind for member in pooled.members} == {"transformed"}
        assert {member.logarithm for member in pooled.members} == {"log" if name == "gamma" else "logit"}


@settings(max_examples=8)
@given(
    seed=st.integers(0, 10**6),
    scale=st.floats(1e-3, 1e3),
    shift=st.floats(-30, 30),
    n=st.integers(8, 25),
)
def test_shifted_scaled_and_mirrored_data_have_the_same_fit(seed, scale, shift, n):
    x = np.round(np.random.default_rng(seed).gamma(1.5, size=n), 3) + 0.01
    base = cs.PooledScore.fit(x, SMALL, rng=0, support=(0.0, None))
    q = np.array([0.05, 0.3, 0.6, 0.95])
    expected = base.icdf(q)
    moved = cs.PooledScore.fit(shift + scale * x, SMALL, rng=0, support=(shift, None))
    np.testing.assert_allclose((moved.icdf(q) - shift) / scale, expected, rtol=1e-5, atol=1e-6)
    turned = cs.PooledScore.fit(-x, SMALL, rng=0, support=(None, 0.0))
    np.testing.assert_allclose(-turned.icdf(1 - q), expected, rtol=1e-9, atol=1e-9)
    weights = np.random.default_rng(seed).integers(1, 3, n)
    order = np.random.default_rng(seed).permutation(int(weights.sum()))
    repeated = cs.PooledScore.fit(np.repeat(x, weights)[order], SMALL, rng=0, support=(0.0, None))
    weighted = cs.PooledScore.fit(x, SMALL, rng=0, sample_weight=weights, support=(0.0, None))
    np.testing.assert_array_equal(weighted.icdf(q), repeated.icdf(q))


def test_powers_of_two_change_no_digit():
    x, _ = SUPPORTS["durations"]
    base = cs.PooledScore.fit(x, SMALL, rng=0, support=(0.0, None))
    scaled = cs.PooledScore.fit(x * 2.0**40, SMALL, rng=0, support=(0.0, None))
    np.testing.assert_array_equal(scaled.weights, base.weights)
    np.testing.assert_array_equal(scaled.icdf([0.1, 0.8]), base.icdf([0.1, 0.8]) * 2.0**40)


AWKWARD = {
    "five": ([1.0, 2, 3, 4, 7], (0, None)),
    "two values": ([1.0] * 5 + [2.0] * 6, (0, None)),
    "two shares": ([0.1] * 5 + [0.9] * 6, (0, 1)),
    "close to a limit": (np.concatenate([[1e-9, 1e-5], np.random.default_rng(0).random(40)]), (0, 1)),
    "a limit far away": (np.random.default_rng(1).standard_normal(40), (-1e8, None)),
    "limits far away": (np.random.default_rng(1).standard_normal(40), (-1e4, 1e7)),
    "counts": (np.random.default_rng(2).poisson(3.0, 80), (-0.5, None)),
    "at both ends": (np.random.default_rng(3).beta(0.3, 0.3, 60), (0, 1)),
    "heavy": (np.exp(3 * np.random.default_rng(4).standard_normal(60)), (0, None)),
    "outlier": (np.append(np.random.default_rng(5).exponential(size=40), 1e5), (0, None)),
    "large": (1e100 * np.random.default_rng(5).exponential(size=40), (0, None)),
    "small": (1e-100 * np.random.default_rng(5).exponential(size=40), (None, 1e-97)),
}


@pytest.mark.parametrize("name", AWKWARD)
def test_awkward_data_have_a_density_without_a_warning(name):
    values, support = AWKWARD[name]
    x = np.asarray(values, float)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        pooled = cs.PooledScore.fit(x, rng=0, support=support)
        low, middle, high = pooled.icdf([1e-3, 0.5, 1 - 1e-3])
        assert low < middle < high
        assert np.isfinite(pooled.logpdf(x)).all()
        assert np.isfinite(pooled(x)).all()
        assert not np.isnan(pooled([-INF, -1e300, 0.0, 1.0, 1e300, INF])).any()
        assert np.isfinite([pooled.mean(), pooled.variance()]).all()
    assert 0.2 < np.mean(x <= middle) < 0.8


@pytest.mark.parametrize("kinds", [(kind,) for kind in KINDS])
@pytest.mark.parametrize("name", ["five", "two shares", "counts"])
def test_every_kind_can_be_alone(name, kinds):
    values, support = AWKWARD[name]
    pooled = cs.PooledScore.fit(values, kinds, rng=0, support=support)
    assert {member.kind for member in pooled.members} == set(kinds)
    assert pooled.weights.sum() == pytest.approx(1)


def test_exponential_and_uniform_data_keep_the_line():
    alone = 0
    for seed in range(20):
        rng = np.random.default_rng(seed)
        pooled = cs.PooledScore.fit(rng.exponential(size=100), ("line", "network"), rng=0, support=(0, None))
        alone += pooled.members[0].kind == "line" and len(pooled.members) == 1
    assert alone >= 14


def test_files_and_pickles_keep_pools_of_data_with_limits(tmp_path):
    x, support = SUPPORTS["shares"]
    pooled = cs.PooledScore.fit(x, rng=0, support=support)
    assert {member.kind for member in pooled.members} >= {"transformed", "network"}
    pooled.save(tmp_path / "pool.npz")
    for again in (cs.load(tmp_path / "pool.npz"), pickle.loads(pickle.dumps(pooled))):
        assert again.support() == pooled.support()
        points = np.array([-0.1, 0.0, 0.2, 0.7, 1.0, 1.1])
        np.testing.assert_array_equal(again.logpdf(points), pooled.logpdf(points))
        np.testing.assert_array_equal(again.sample(5, rng=0), pooled.sample(5, rng=0))
        for member, twin in zip(again.members, pooled.members, strict=True):
            assert str(member) == str(twin)
            assert member.logarithm == twin.logarithm


def test_samples_on_a_limit_are_left_out_with_a_warning():
    x, support = SUPPORTS["gamma"]
    expected = cs.PooledScore.fit(x, SMALL, rng=0, support=support)
    with pytest.warns(UserWarning, match="3 of 63 samples are on an end of the support"):
        pooled = cs.PooledScore.fit(np.append(x, np.zeros(3)), SMALL, rng=0, support=support)
    np.testing.assert_array_equal(pooled.icdf([0.1, 0.9]), expected.icdf([0.1, 0.9]))


def test_wrong_supports_are_named():
    x = np.arange(1.0, 20.0)
    with pytest.raises(ValueError, match=r"X: expected values within the support from 2 to inf, got 1"):
        cs.PooledScore.fit(x, support=(2, None))
    with pytest.raises(ValueError, match="support: expected a pair of numbers"):
        cs.PooledScore.fit(x, support=3.0)
    with pytest.raises(ValueError, match="support: expected None for 2 features, got"):
        cs.PooledScore.fit(np.random.default_rng(0).random((20, 2)), support=(0, 1))
    pooled = cs.PooledScore.fit(x, ("line",), support=(None, None), rng=0)
    assert pooled.support() == (-INF, INF)
    plane = cs.PooledScore.fit(np.random.default_rng(0).standard_normal((30, 2)), ("line",), rng=0)
    with pytest.raises(ValueError, match="support: expected a law of one feature"):
        plane.support()


@pytest.mark.parametrize(("a", "b", "seed"), [(0.1, 0.1, 0), (0.1, 3.0, 0), (0.7, 2.0, 103)])
def test_moments_of_densities_with_poles_are_those_of_their_quantiles(a, b, seed):
    x = np.random.default_rng(seed).beta(a, b, size=12 if seed else 40)
    pooled = cs.PooledScore.fit(x[(x > 1e-9) & (x < 1 - 1e-9)], rng=0, support=(0, 1))
    for law in (pooled, pooled.members[0]):
        # By parts: means are integrals of the distribution function.
        nodes, weights = np.polynomial.legendre.leggauss(20)
        cuts = np.unique(np.concatenate([10.0 ** np.arange(-16.0, 0.0, 0.1), np.linspace(0, 1, 400)]))
        cuts = np.unique(np.concatenate([cuts, 1 - cuts]))
        half = np.diff(cuts)[:, None] / 2
        z = cuts[:-1, None] + half * (nodes + 1)
        above = law.sf(z) * half * weights
        mean, square = above.sum(), (2 * z * above).sum()
        assert law.mean() == pytest.approx(mean, abs=2e-6)
        assert law.variance() == pytest.approx(square - mean**2, abs=4e-6)


@pytest.mark.parametrize("limit", [-1e3, -1e6, -1e8])
def test_a_limit_far_away_is_none(limit):
    x = np.random.default_rng(4).standard_normal(12)
    pooled = cs.PooledScore.fit(x, ("line", "network"), rng=0, support=(limit, None))
    whole = cs.PooledScore.fit(x, ("line", "network"), rng=0)
    points = np.linspace(-3, 3, 13)
    np.testing.assert_allclose(pooled.logpdf(points), whole.logpdf(points), atol=1e-6)
