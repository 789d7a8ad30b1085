"""Pooled scores from outside: densities, votes, equivariance, ties."""

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, stats

import convexscore as cs
from convexscore.pooling import line as line_of_members
from convexscore.pooling.line import elect
from convexscore.pooling.networks import measured_noise
from convexscore.pooling.points import Points, held_out_masses, skewed_left, standardized
from convexscore.pooling.voting import Noise, vote

from .helpers import KINDS, SHAPES, fitted, sample


@pytest.mark.parametrize("name", SHAPES)
def test_the_density_has_mass_one_and_the_distribution_function_and_score_that_it_says(name):
    pooled = fitted(name)
    x = pooled.icdf(np.linspace(0.001, 0.999, 23))
    step = 1e-5 * (x[-1] - x[0])
    slope = (pooled.logpdf(x + step) - pooled.logpdf(x - step)) / (2 * step)
    scale = np.abs(slope).max()
    np.testing.assert_allclose(pooled(x), slope, atol=2e-3 * scale)
    for low, high in zip(x[::6], x[6::6], strict=False):
        mass = integrate.quad(pooled.pdf, low, high, limit=200)[0]
        assert mass == pytest.approx(float(pooled.cdf(high) - pooled.cdf(low)), abs=1e-7)
    far = pooled.icdf([1e-9, 1 - 1e-9])
    grid = np.unique(np.concatenate([np.linspace(x[0], x[-1], 20001), np.linspace(*far, 200001)]))
    assert np.trapezoid(pooled.pdf(grid), grid) == pytest.approx(1, abs=1e-5)
    np.testing.assert_array_equal(pooled.cdf([-np.inf, np.inf]), [0, 1])
    np.testing.assert_allclose(pooled.sf(x), 1 - pooled.cdf(x), atol=1e-13)


@pytest.mark.parametrize("name", SHAPES)
def test_quantiles_invert_the_distribution_function(name):
    pooled = fitted(name)
    q = np.concatenate([10.0 ** -np.arange(15, 0, -2.0), np.linspace(0.02, 0.98, 49)])
    np.testing.assert_allclose(pooled.cdf(pooled.icdf(q)), q, rtol=1e-11)
    near = 10.0 ** -np.arange(1, 14)
    np.testing.assert_allclose(pooled.sf(pooled.icdf(1 - near)), 1 - (1 - near), rtol=1e-10)
    np.testing.assert_array_equal(pooled.ppf([0.0, 1.0]), [-np.inf, np.inf])
    assert (np.diff(pooled.icdf(np.unique(q))) > 0).all()
    assert pooled.icdf(0.5).shape == ()
    with pytest.raises(ValueError, match=r"q: expected probabilities in \[0, 1\]"):
        pooled.icdf([0.5, 1.1])


@pytest.mark.parametrize("name", SHAPES)
def test_samples_follow_the_distribution_function(name):
    pooled = fitted(name)
    x = pooled.sample(20_000, rng=2)
    assert stats.kstest(x, pooled.cdf).pvalue > 1e-3
    np.testing.assert_array_equal(x, pooled.rvs(20_000, rng=2))
    assert not np.array_equal(x, pooled.sample(20_000, rng=6))


@pytest.mark.parametrize("name", ["gaussian", "groups", "skewed", "left"])
def test_mean_and_variance_are_those_of_quadrature(name):
    pooled = fitted(name)
    low, high = pooled.icdf([1e-15, 1 - 1e-15])
    grid = np.linspace(low, high, 400001)
    density = pooled.pdf(grid)
    mean = np.trapezoid(grid * density, grid)
    assert pooled.mean() == pytest.approx(mean, abs=1e-6)
    assert pooled.variance() == pytest.approx(np.trapezoid((grid - mean) ** 2 * density, grid), rel=1e-6)
    assert pooled.std() == pytest.approx(np.sqrt(pooled.variance()))


def test_a_pool_is_the_sum_of_its_members():
    pooled = fitted("groups")
    x = np.linspace(-4, 4, 31)
    assert len(pooled.members) == len(pooled.weights) > 3
    np.testing.assert_allclose(pooled.weights, [member.weight for member in pooled.members], rtol=1e-14)
    density = sum(member.weight * member.pdf(x) for member in pooled.members)
    np.testing.assert_allclose(pooled.pdf(x), density, rtol=1e-12)
    score = sum(member.weight * member.pdf(x) * member(x) for member in pooled.members)
    np.testing.assert_allclose(pooled(x), score / density, rtol=1e-9, atol=1e-12)
    cdf = sum(member.weight * member.cdf(x) for member in pooled.members)
    np.testing.assert_allclose(pooled.cdf(x), cdf, rtol=1e-12)


def test_weights_are_likelihoods_over_sizes_of_groups():
    kinds = ["line", "network", "network", "mixture"]
    likelihoods = np.array([-104.0, -100.0, -101.0, -100.0])
    wanted = np.exp([-4.0, 0.0, -1.0, 0.0]) / [1, 2, 2, 1]
    wanted /= wanted.sum()
    np.testing.assert_allclose(vote(kinds, likelihoods, Noise(1.0, False)), wanted)
    # Votes below 1e-4 are none.
    small = vote(kinds, np.array([-115.0, -100.0, -101.0, -100.0]), Noise(1.0, True))
    assert small[0] == 0
    assert small.sum() == pytest.approx(1)
    # The members of a fit, too.
    pooled = fitted("groups")
    members = [member for member in pooled.members if member.kind == "network"]
    logs = np.array([np.log(member.weight) - member.log_likelihood for member in members])
    np.testing.assert_allclose(logs, logs[0], atol=1e-9)
    (mixture, *_) = [member for member in pooled.members if member.kind == "mixture"]
    sizes = 22, 2
    assert np.log(mixture.weight) - mixture.log_likelihood - logs[0] == pytest.approx(
        np.log(sizes[0] / sizes[1]), abs=1e-9
    )


@pytest.mark.parametrize(
    ("gain", "straight", "alone"),
    [(0.7, False, True), (0.8, False, False), (1.9, True, True), (2.1, True, False)],
)
def test_the_line_is_alone_where_little_is_gained(gain, straight, alone):
    weights = vote(["line", "network"], np.array([-50.0, -50.0 + gain]), Noise(1.0, straight))
    assert (weights[0] == 1) == alone
    assert vote(["network", "mixture"], np.array([-50.0, -50.0]), Noise(1.0, True)).max() == 0.5


def literal_log_density(score, low, high, x):
    """The log density at `x` of a score on ``[low, high]`` with tails made to decay, by sums on a grid."""
    grid = np.linspace(low - 30, high + 30, 600_001)
    inside = score(np.clip(grid, low, high))
    edge = 1e-7 * (high - low)
    for end, sign in ((low, -1), (high, 1)):
        value = score(np.array([end, end - sign * edge]))
        slope = sign * (value[0] - value[1]) / edge
        slope = min(slope, 0.0 if sign * value[0] < 0 else -1.0)
        beyond = sign * (grid - end) > 0
        inside[beyond] += slope * (grid[beyond] - end)
    height = integrate.cumulative_trapezoid(inside, grid, initial=0.0)
    height -= height.max()
    height -= np.log(np.trapezoid(np.exp(height), grid))
    return np.interp(x, grid, height)


def test_held_out_likelihoods_are_those_of_fits_written_out():
    x = np.sort(sample("groups", 25))
    points, _ = standardized(Points.merged(x, np.ones(25)))
    points = points.mirrored() if skewed_left(points) else points
    election = elect(points, ("line", "network"), np.random.default_rng(3))
    # What the fit draws, in its order.
    sources = np.random.default_rng(3).spawn(4)
    level = measured_noise(points, sources[0]).level
    held_out = held_out_masses(points.mass, 5, sources[2]) > 0
    z, betas = points.value, level * np.geomspace(1.4, 0.15, 11)
    wanted = np.zeros(23)
    for out in held_out:
        train, test = z[~out], z[out]
        wanted[0] += stats.norm.logpdf(test, train.mean(), train.std()).sum()
        width = 0.45 * min(1.0, np.diff(np.quantile(z, [0.25, 0.75]))[0] / 1.34) * 25**-0.2
        jitter = np.array([-1.1906, -0.5, 0.0, 0.5, 1.1906])
        jitter *= width / np.sqrt(np.mean(jitter**2))
        shrink = np.sqrt(train.var() / (train.var() + width**2))
        spread = (train.mean() + (train[:, None] - train.mean() + jitter) * shrink).ravel()
        assert spread.var() == pytest.approx(train.var())
        for first, data, mass in ((1, train, None), (12, spread, np.full(spread.size, 0.2))):
            objective = cs.ScoreMatching(data, mass)
            lowest = 1.001 * cs.beta_bounds(objective, skip=True).minimum
            for number, beta in enumerate(betas * np.sqrt(train.size / 25)):
                net = cs.solve(objective, max(beta, lowest), skip=True).network
                logs = literal_log_density(net, data.min(), data.max(), test)
                wanted[first + number] += logs.sum()
    weights = np.exp(wanted - wanted.max()) / np.repeat([1, 22], [1, 22])
    weights /= weights.sum()
    weights[weights < 1e-4] = 0
    np.testing.assert_allclose(election.log_likelihoods, wanted[weights > 0], atol=2e-4)
    np.testing.assert_allclose(election.weights, weights[weights > 0] / weights.sum(), atol=1e-3)


@pytest.mark.parametrize("n", [50, 100, 500])
def test_gaussian_data_keep_the_gaussian(n):
    fresh = np.random.default_rng(99).standard_normal(4000)
    ratios, alone = [], 0
    for seed in range(5):
        x = np.random.default_rng(seed).standard_normal(n)
        pooled = cs.PooledScore.fit(x, rng=seed)
        line = -(fresh - x.mean()) / x.var()
        ratios.append(np.mean((pooled(fresh) + fresh) ** 2) / np.mean((line + fresh) ** 2))
        alone += [member.kind for member in pooled.members] == ["line"]
        if len(pooled.members) == 1:
            assert (pooled.mean(), pooled.variance()) == pytest.approx((x.mean(), x.var()))
    assert np.median(ratios) <= 1.1
    assert alone >= 3


NUMBERS = st.lists(st.integers(-40, 40), min_size=6, max_size=14).filter(lambda values: len(set(values)) > 2)
#: Members of every kind of program, few enough for many examples.
FEW = ("line", "network", "transformed")


def tables(pooled, q):
    quantiles = pooled.icdf(q)
    return quantiles, pooled.logpdf(quantiles), pooled(quantiles)


@settings(max_examples=10)
@given(
    NUMBERS,
    st.integers(0, 100),
    st.sampled_from([1e-100, 1e-3, 3.0, 1e100]),
    st.sampled_from([0.0, 7.3, -4e3]),
)
def test_shifted_and_scaled_data_have_the_shifted_and_scaled_fit(values, seed, scale, shift):
    x, q = np.array(values) / 8.0, np.linspace(0.01, 0.99, 9)
    base = cs.PooledScore.fit(x, members=FEW, rng=seed)
    moved = cs.PooledScore.fit(scale * (x + shift), members=FEW, rng=seed)
    quantiles, logs, scores = tables(base, q)
    other, other_logs, other_scores = tables(moved, q)
    unit = np.abs(quantiles).max() + abs(shift)
    np.testing.assert_allclose(other / scale - shift, quantiles, atol=1e-7 * unit)
    np.testing.assert_allclose(other_logs + np.log(scale), logs, atol=1e-6)
    np.testing.assert_allclose(other_scores * scale, scores, atol=1e-5 * np.abs(scores).max())


@settings(max_examples=10)
@given(NUMBERS, st.integers(0, 100), st.sampled_from([-300, -40, 3, 300]))
def test_powers_of_two_change_no_digit(values, seed, exponent):
    x, q = np.array(values) / 8.0, np.linspace(0.1, 0.9, 5)
    base = cs.PooledScore.fit(x, members=FEW, rng=seed)
    scaled = cs.PooledScore.fit(np.ldexp(x, exponent), members=FEW, rng=seed)
    np.testing.assert_array_equal(base.weights, scaled.weights)
    np.testing.assert_array_equal(np.ldexp(base.icdf(q), exponent), scaled.icdf(q))


@settings(max_examples=10)
@given(NUMBERS, st.integers(0, 100))
def test_mirrored_data_have_the_mirrored_fit(values, seed):
    x, q = np.array(values) / 8.0, np.linspace(0.01, 0.99, 9)
    base = cs.PooledScore.fit(x, members=FEW, rng=seed)
    turned = cs.PooledScore.fit(-x, members=FEW, rng=seed)
    quantiles = base.icdf(q)
    unit = np.abs(quantiles).max()
    np.testing.assert_allclose(-turned.icdf(1 - q), quantiles, atol=1e-8 * unit)
    np.testing.assert_allclose(turned.logpdf(-quantiles), base.logpdf(quantiles), atol=1e-7)
    scores = base(quantiles)
    np.testing.assert_allclose(turned(-quantiles), -scores, atol=1e-6 * np.abs(scores).max())
    np.testing.assert_allclose(turned.weights, base.weights, atol=1e-8)


@settings(max_examples=10)
@given(NUMBERS, st.integers(0, 100), st.permutations(range(14)))
def test_rows_in_another_order_and_weights_for_repetitions_change_nothing(values, seed, places):
    x, q = np.array(values) / 8.0, np.linspace(0.1, 0.9, 5)
    count = np.array([1 + (7 * k) % 3 for k in range(x.size)])
    base = cs.PooledScore.fit(np.repeat(x, count), members=FEW, rng=seed).icdf(q)
    order = np.array([place for place in places if place < x.size])
    weighted = cs.PooledScore.fit(x[order], members=FEW, rng=seed, sample_weight=count[order])
    np.testing.assert_array_equal(base, weighted.icdf(q))
    with_zeros = cs.PooledScore.fit(
        np.append(x, [99.0, -99.0]), members=FEW, rng=seed, sample_weight=np.append(count, [0, 0])
    )
    np.testing.assert_array_equal(base, with_zeros.icdf(q))


def test_mixtures_keep_the_invariances_too():
    x, q = sample("skewed", 40), np.linspace(0.05, 0.95, 7)
    base = fitted("skewed", 40, ("mixture",)).icdf(q)
    for moved, back in (
        (-x, lambda pooled: -pooled.icdf(1 - q)),
        (x[::-1], lambda pooled: pooled.icdf(q)),
        (4 * x, lambda pooled: pooled.icdf(q) / 4),
        (1e-90 * x, lambda pooled: pooled.icdf(q) / 1e-90),
    ):
        found = back(cs.PooledScore.fit(moved, members=("mixture",), rng=1))
        np.testing.assert_allclose(found, base, atol=1e-7)
    trebled = cs.PooledScore.fit(x, members=("mixture",), rng=1, sample_weight=np.full(40, 3.0))
    repeated = cs.PooledScore.fit(np.repeat(x, 3), members=("mixture",), rng=1)
    np.testing.assert_array_equal(trebled.icdf(q), repeated.icdf(q))


def test_likelihoods_are_in_the_units_of_the_data():
    x = sample("skewed", 40)
    plain, scaled = (cs.PooledScore.fit(c * x, members=("mixture",), rng=1) for c in (1.0, 4.0))
    for member, other in zip(plain.members, scaled.members, strict=True):
        assert other.log_likelihood == pytest.approx(member.log_likelihood - 40 * np.log(4), abs=1e-9)
    # Close to that of the fit to all points.
    best = plain.members[0]
    assert best.log_likelihood == pytest.approx(best.logpdf(x).sum(), abs=15)


def test_single_precision_and_columns_are_as_good():
    x = sample("groups", 40).astype(np.float32)
    base = cs.PooledScore.fit(x.astype(float), members=FEW, rng=1)
    np.testing.assert_array_equal(base.icdf([0.2, 0.7]), cs.PooledScore.fit(x, FEW, 1).icdf([0.2, 0.7]))
    np.testing.assert_array_equal(base.weights, cs.PooledScore.fit(x[:, None], FEW, 1).weights)
    assert base(x[:, None]).shape == (40, 1)
    assert base(x).shape == (40,)
    with pytest.raises(ValueError, match=r"x: expected a number or an array of shape \(n,\) or \(n, 1\)"):
        base(np.zeros((3, 2)))


AWKWARD = {
    "five": [0.0, 1.0, 2.0, 5.0, 9.0],
    "two values": [0, 0, 0, 1, 1, 1],
    "one apart": [0, 0, 0, 0, 1],
    "a value holds 91 percent": np.concatenate([np.zeros(91), sample("skewed", 9)]),
    "coins": (np.random.default_rng(0).random(300) < 0.3).astype(float),
    "outlier": np.append(sample("gaussian", 50), 1e9),
    "far away": sample("groups", 30) + 1e9,
    "rounded": np.round(sample("gaussian", 200)),
    "cauchy": np.random.default_rng(1).standard_cauchy(200),
}


@pytest.mark.parametrize("name", AWKWARD)
def test_awkward_data_have_a_density_without_a_warning(name):
    x = np.asarray(AWKWARD[name], float)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        pooled = cs.PooledScore.fit(x, rng=0)
        low, middle, high = pooled.icdf([1e-4, 0.5, 1 - 1e-4])
        assert low < middle < high
        assert np.isfinite(pooled.logpdf(x)).all()
        assert np.isfinite(pooled(x)).all()
        assert not np.isnan(pooled([-np.inf, -1e300, 1e300, np.inf])).any()
        assert (pooled.logpdf([-np.inf, np.inf]) == -np.inf).all()
        assert np.isfinite([pooled.mean(), pooled.variance()]).all()
    # Half of the data are where half of the mass is, give or take.
    assert np.mean(x <= middle) > 0.2 or np.mean(x < high) == 1
    assert 0.25 < float(np.mean(pooled.cdf(np.sort(x)[[x.size // 4, -1 - x.size // 4]]))) < 0.75


@pytest.mark.parametrize("kinds", [(kind,) for kind in KINDS])
@pytest.mark.parametrize("name", ["five", "two values", "rounded"])
def test_every_kind_can_be_alone(name, kinds):
    pooled = cs.PooledScore.fit(AWKWARD[name], members=kinds, rng=0)
    assert {member.kind for member in pooled.members} == set(kinds)
    assert pooled.weights.sum() == pytest.approx(1)


def test_many_points_hold_out_fewer_folds(monkeypatch):
    x = sample("groups", 300)
    monkeypatch.setattr(line_of_members, "_MANY", 100)
    two = cs.PooledScore.fit(x, members=("network",), rng=0)
    monkeypatch.setattr(line_of_members, "_VERY_MANY", 200)
    one = cs.PooledScore.fit(x, members=("network",), rng=0)
    best = [max(member.log_likelihood for member in pooled.members) for pooled in (two, one)]
    # Of two and of one fifth of the points.
    assert best[0] / best[1] == pytest.approx(2, rel=0.2)
