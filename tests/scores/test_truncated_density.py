"""Densities on a half-line or an interval, against quadrature and closed forms."""

from itertools import pairwise

import numpy as np
import pytest
from scipy import stats
from scipy.integrate import quad

import convexscore as cs

SUPPORTS = [(0.0, None), (None, 1.0), (0.0, 1.0), (-0.3, 0.2), (5.0, 6.0), (-40.0, None)]


def drawn(seed):
    rng = np.random.default_rng(seed)
    m = seed % 4
    return cs.TwoLayerNetwork(
        rng.normal(size=(m, 1)),
        rng.normal(size=m),
        3 * rng.normal(size=(1, m)),
        rng.normal(size=1),
        3 * rng.normal(size=(1, 1)),
    )


def density_of(seed, support):
    """Return a density and its network, a steeper one where a tail at an infinite end would not decay."""
    network = drawn(seed)
    try:
        return cs.ScoreDensity(network, support=support), network
    except cs.NotNormalizableError:
        steeper = cs.TwoLayerNetwork(network.W1, network.b1, network.W2, network.b2, network.V - 40.0)
        return cs.ScoreDensity(steeper, support=support), steeper


@pytest.mark.parametrize("support", SUPPORTS)
@pytest.mark.parametrize("seed", range(8))
def test_it_is_the_exponential_of_the_integral_on_the_support(seed, support):
    p, network = density_of(seed, support)
    low, high = p.support()
    ends = p.icdf([1e-13, 1 - 1e-13])
    breaks = p.breakpoints[(p.breakpoints > ends[0]) & (p.breakpoints < ends[1])]
    pieces = np.concatenate([ends[:1], breaks, ends[1:]])

    def integral(function):
        return sum(quad(function, a, b, epsabs=1e-12)[0] for a, b in pairwise(pieces))

    assert integral(p.pdf) == pytest.approx(1.0, abs=1e-9)
    assert integral(lambda x: x * p.pdf(x)) == pytest.approx(p.mean(), abs=1e-8)
    mean = p.mean()
    assert integral(lambda x: (x - mean) ** 2 * p.pdf(x)) == pytest.approx(p.variance(), rel=1e-6)
    assert p.expect(np.ones_like) == pytest.approx(1.0, abs=1e-12)
    # Its logarithm has the score for a derivative.
    x = p.icdf([0.2, 0.5, 0.8])
    step = 1e-6 * np.diff(ends)
    slope = (p.logpdf(x + step) - p.logpdf(x - step)) / (2 * step)
    np.testing.assert_allclose(slope, network(x), rtol=1e-3, atol=1e-3 / p.std())
    assert low <= p.mean() <= high


@pytest.mark.parametrize("support", SUPPORTS)
@pytest.mark.parametrize("seed", range(4))
def test_no_mass_is_outside(seed, support):
    p, _ = density_of(seed, support)
    low, high = p.support()
    levels = np.linspace(0, 1, 21)
    x = p.icdf(levels)
    assert x[0] == low
    assert x[-1] == high
    np.testing.assert_allclose(p.cdf(x), levels, atol=1e-12)
    np.testing.assert_allclose(p.sf(x), 1 - levels, atol=1e-12)
    assert (np.diff(x) > 0).all()
    outside = [
        end + sign for end, sign in ((low, -1e-9), (high, 1e-9), (low, -3.0), (high, 3.0)) if np.isfinite(end)
    ]
    assert (p.pdf(outside) == 0).all()
    assert set(p.cdf(outside).tolist()) <= {0.0, 1.0}
    np.testing.assert_array_equal(p.cdf(outside) + p.sf(outside), 1.0)
    samples = p.sample(500, rng=0)
    assert ((samples >= low) & (samples <= high)).all()
    assert p.interval(1.0) == (low, high)


def test_truncated_normal_exponential_and_uniform_laws():
    def line(slope, constant):
        return cs.TwoLayerNetwork([[0.0]], [0.0], [[0.0]], [constant], [[slope]])

    q = np.linspace(0.001, 0.999, 30)
    for network, support, law in (
        (line(-1.0, 0.0), (-0.5, 2.0), stats.truncnorm(-0.5, 2.0)),
        (line(-1.0, 0.0), (6.0, None), stats.truncnorm(6.0, 60.0)),
        (line(0.0, -2.0), (1.0, None), stats.expon(1.0, 0.5)),
        (line(0.0, 0.0), (2.0, 5.0), stats.uniform(2.0, 3.0)),
    ):
        p = cs.ScoreDensity(network, support=support)
        np.testing.assert_allclose(p.icdf(q), law.ppf(q), rtol=1e-9)
        x = law.ppf(q)
        np.testing.assert_allclose(p.logpdf(x), law.logpdf(x), rtol=1e-9, atol=1e-9)
        assert p.mean() == pytest.approx(law.mean(), rel=1e-9)
        assert p.variance() == pytest.approx(law.var(), rel=1e-6)
        # In a far tail SciPy's formula cancels.
        assert p.entropy() == pytest.approx(float(law.entropy()), rel=1e-5, abs=1e-9)
    # Rising towards a limit, a density needs one.
    rising = cs.ScoreDensity(line(1.0, 0.0), support=(-1.0, 1.0))
    assert not rising.is_log_concave
    assert rising.mean() == pytest.approx(0.0, abs=1e-12)


def test_a_tail_is_asked_to_decay_at_infinite_ends_only():
    rises = cs.TwoLayerNetwork([[0.0]], [0.0], [[0.0]], [0.0], [[1.0]])
    for support, tail in (((0, None), "right"), ((None, 0), "left"), (None, "left")):
        with pytest.raises(cs.NotNormalizableError, match=f"score: its {tail} tail"):
            cs.ScoreDensity(rises, support=support)
    cs.ScoreDensity(rises, support=(0, 1))


@pytest.mark.parametrize("support", [3.0, (1, 0), (0, np.nan), ("a", 1), (0, 1, 2)])
def test_refused_supports(support):
    with pytest.raises((ValueError, TypeError), match="support"):
        cs.ScoreDensity(drawn(1), support=support)


def test_without_limits_nothing_has_changed():
    network = cs.solve([0.0, 1.0, 3.0, 3.5], 2.0, skip=True).network
    plain, given = cs.ScoreDensity(network), cs.ScoreDensity(network, support=(None, None))
    assert plain.support() == (-np.inf, np.inf)
    assert plain.log_normalizer == given.log_normalizer
    assert "on [" not in repr(plain)
    assert "on [0, inf]" in repr(cs.ScoreDensity(network, support=(0, None)))


def test_pictures_end_at_the_support():
    figure = pytest.importorskip("matplotlib.figure")
    x = np.random.default_rng(0).exponential(size=50)
    solution = cs.solve(cs.ScoreMatching(x, support=(0, None)), "auto", skip=True)
    alone = cs.plotting.plot_density(solution, x, ax=figure.Figure().subplots())
    above, _ = cs.plotting.plot_fit(solution, axes=tuple(figure.Figure().subplots(2)))
    for ax in (alone, above):
        curve = ax.get_lines()[0]
        # It jumps there, from zero.
        x, height = curve.get_data()
        assert x[height > 0].min() == 0.0
        assert (height[x > 0] > 0).all()
        assert x.min() < 0


@pytest.mark.parametrize("limit", [-1e3, -1e6, -1e8])
def test_a_limit_far_away_changes_nothing(limit):
    x = np.random.default_rng(4).standard_normal(60)
    network = cs.solve(x, 1.9, skip=True).network
    whole = cs.ScoreDensity(network)
    points = np.array([-1.0, 0.0, 1.0])
    for support in ((limit, None), (None, -limit), (limit, -limit)):
        density = cs.ScoreDensity(network, support=support)
        np.testing.assert_allclose(density.logpdf(points), whole.logpdf(points), atol=1e-10)
        np.testing.assert_allclose(density.cdf(points), whole.cdf(points), atol=1e-10)
