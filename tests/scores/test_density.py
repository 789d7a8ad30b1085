"""The exact density against quadrature, SciPy's distributions, and its own samples."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate, stats
from scipy.special import logsumexp

import convexscore as cs
from convexscore.numerics.integrals import log_decreasing_integral
from convexscore.numerics.monotone_pieces import _halfway
from convexscore.numerics.piecewise import PiecewiseLinear
from tests.problems import KINDS, make_beta, make_objective


@st.composite
def scores(draw):
    """Draw a normalizable piecewise linear score: slopes of either sign or zero, any scale."""
    rng = np.random.default_rng(draw(st.integers(0, 10**6)))
    n_knots, unit = draw(st.integers(1, 7)), draw(st.sampled_from([1e-3, 1.0, 1e3]))
    steep = draw(st.sampled_from([0.1, 1.0, 10.0]))
    knots = np.sort(rng.standard_normal(n_knots)) * unit
    slopes = steep * rng.standard_normal(n_knots + 1) / unit**2
    slopes[rng.random(n_knots + 1) < 0.2] = 0.0
    slopes[[0, -1]] = -np.abs(slopes[[0, -1]])
    inner = np.cumsum(slopes[1:-1] * np.diff(knots))
    values = steep * rng.standard_normal() / unit + np.concatenate([[0.0], inner])
    if slopes[0] == 0 and values[0] <= 0:
        slopes[0] = -1 / unit**2
    if slopes[-1] == 0 and values[-1] >= 0:
        slopes[-1] = -1 / unit**2
    return PiecewiseLinear(knots, values, slopes)


def fine_grid(density):
    """Nodes and weights that resolve the density, made without any of its formulas."""
    low, high = density.icdf([1e-15, 1 - 1e-15])
    edges = np.linspace(low, high, 3001)
    points = density.breakpoints
    edges = np.unique(np.concatenate([edges, points[(points > low) & (points < high)]]))
    nodes, weights = np.polynomial.legendre.leggauss(8)
    half = np.diff(edges)[:, None] / 2
    return edges, edges[:-1, None] + half * (nodes + 1), half * weights


@given(scores())
def test_mass_cdf_and_moments_match_quadrature(score):
    density = cs.ScoreDensity(score)
    edges, x, weight = fine_grid(density)
    mass = density.pdf(x) * weight
    assert abs(mass.sum() - 1) < 1e-10
    np.testing.assert_allclose(np.cumsum(mass.sum(axis=1)), density.cdf(edges[1:]), atol=1e-10)
    np.testing.assert_allclose(density.cdf(edges) + density.sf(edges), 1.0, atol=1e-13)
    mean = np.sum(mass * x)
    assert abs(mean - density.mean()) < 1e-8 * density.std()
    assert density.variance() == pytest.approx(np.sum(mass * (x - mean) ** 2), rel=1e-7)
    entropy = -np.sum(mass * density.logpdf(x))
    assert density.entropy() == pytest.approx(entropy, abs=1e-8)


@given(scores())
def test_the_density_has_the_score_it_was_made_from(score):
    density = cs.ScoreDensity(score)
    x = density.icdf(np.linspace(0.001, 0.999, 41))
    unit = 1e-5 * density.std()
    slope = (density.logpdf(x + unit) - density.logpdf(x - unit)) / (2 * unit)
    scale = np.abs(score(x)).max() + np.abs(score.slopes).max() * density.std()
    np.testing.assert_allclose(slope, score(x), atol=1e-4 * scale)
    assert density.is_log_concave == (score.slopes <= 0).all()


@given(scores())
def test_quantiles_invert_the_cdf_in_both_tails(score):
    density = cs.ScoreDensity(score)
    q = np.concatenate([10.0 ** -np.arange(1, 300, 20), np.linspace(0.01, 0.99, 51)])
    np.testing.assert_allclose(density.logcdf(density.icdf(q)), np.log(q), rtol=1e-9)
    assert (np.diff(density.icdf(np.sort(q))) > 0).all()
    near_one = 1 - 10.0 ** -np.arange(1, 15)
    np.testing.assert_allclose(density.sf(density.icdf(near_one)), 1 - near_one, rtol=1e-9)
    np.testing.assert_array_equal(density.icdf([0.0, 1.0]), [-np.inf, np.inf])
    np.testing.assert_allclose(density.cdf([-np.inf, np.inf]), [0.0, 1.0])


@given(scores(), st.integers(0, 1000))
def test_samples_follow_the_cdf(score, seed):
    density = cs.ScoreDensity(score)
    samples = density.sample(2000, rng=seed)
    assert stats.kstest(samples, density.cdf).pvalue > 1e-6
    np.testing.assert_array_equal(samples, density.sample(2000, rng=seed))


@pytest.mark.parametrize(
    ("fall", "curvature", "length"),
    [
        (p, k, length)
        for p in (0.0, 1e-8, 0.3, 40.0)
        for k in (-30.0, -1e-9, 0.0, 1e-9, 2.0)
        for length in (1e-9, 0.01, 1.0, 15.0)
        if p - k * length >= 0
    ],
)
def test_the_integral_of_a_piece_matches_adaptive_quadrature(fall, curvature, length):
    value, error = integrate.quad(
        lambda t: np.exp(-fall * t + curvature * t * t / 2), 0, length, epsabs=0, epsrel=1e-13, limit=200
    )
    result = np.exp(log_decreasing_integral(*np.array([[fall], [curvature], [length]])))[0]
    assert result == pytest.approx(value, rel=max(1e-12, 2 * error / value))


def test_a_line_is_a_gaussian_and_a_step_is_a_laplace():
    normal = stats.norm(3.0, 0.5)
    line = PiecewiseLinear(np.array([0.0]), np.array([12.0]), np.array([-4.0, -4.0]))
    density = cs.ScoreDensity(line)
    x = np.linspace(-3, 9, 50)
    np.testing.assert_allclose(density.logpdf(x), normal.logpdf(x), rtol=1e-12)
    np.testing.assert_allclose(density.logcdf(x), normal.logcdf(x), rtol=1e-9, atol=1e-15)
    np.testing.assert_allclose(density.logsf(x), normal.logsf(x), rtol=1e-9, atol=1e-15)
    assert density.entropy() == pytest.approx(normal.entropy(), rel=1e-13)

    width = 1e-9
    step = PiecewiseLinear(np.array([0.0, width]), np.array([2.0, -2.0]), np.array([0.0, -4 / width, 0.0]))
    laplace = stats.laplace(0.0, 0.5)
    np.testing.assert_allclose(cs.ScoreDensity(step).cdf(x), laplace.cdf(x), atol=1e-8)


def test_pieces_far_below_the_rest_keep_their_digits():
    # Two wells whose barrier is e^-800 of the mass: no double can hold that ratio but as a logarithm.
    slopes = np.array([-1.0, 1.0, -1.0])
    wells = PiecewiseLinear(np.array([-20.0, 20.0]), np.array([-20.0, 20.0]), slopes)
    density = cs.ScoreDensity(wells)
    assert density.logpdf(0.0) - density.logpdf(40.0) == pytest.approx(-400.0, rel=1e-12)
    assert density.cdf(0.0) == pytest.approx(0.5, abs=1e-13)
    middle = density.logpdf(np.linspace(-1, 1, 2001))
    log_mass = logsumexp(middle) + np.log(0.001)
    below, above = density.logcdf(-1.0), density.logcdf(1.0)
    assert below == pytest.approx(np.log(0.5), abs=1e-12)
    assert above == pytest.approx(np.log(0.5), abs=1e-12)
    assert log_mass < -350
    assert density.mean() == pytest.approx(0.0, abs=1e-9)


@pytest.mark.parametrize(
    ("values", "slopes", "tail"),
    [
        ([0.0], [1.0, -1.0], "left tail .* got slope 1"),
        ([0.0], [-1.0, 1.0], "right tail .* got slope 1"),
        ([-1.0], [0.0, -1.0], "left tail .* slope 0 and value -1"),
        ([1.0], [-1.0, 0.0], "right tail .* slope 0 and value 1"),
        ([0.0], [0.0, 0.0], "left tail"),
    ],
)
def test_scores_without_density_say_which_tail_fails(values, slopes, tail):
    with pytest.raises(cs.NotNormalizableError, match=tail):
        cs.ScoreDensity(PiecewiseLinear(np.array([0.0]), np.array(values), np.array(slopes)))


def test_bad_arguments_are_named():
    line = PiecewiseLinear(np.array([0.0]), np.array([0.0]), np.array([-1.0, -1.0]))
    density = cs.ScoreDensity(line)
    for bad in (-0.1, 1.1, np.nan):
        with pytest.raises(ValueError, match="q: expected probabilities"):
            density.icdf([0.5, bad])
    with pytest.raises(ValueError, match="n: expected an integer of at least 0"):
        density.sample(-1)
    plane = cs.TwoLayerNetwork(np.ones((1, 2)), [0.0], np.ones((2, 1)), [0.0, 0.0])
    with pytest.raises(ValueError, match="network: expected 1 feature, got 2"):
        cs.ScoreDensity(plane)
    assert np.isnan(density.pdf(np.nan))


@pytest.mark.parametrize(("name", "activation", "skip"), KINDS)
def test_trained_scores_have_consistent_densities(name, activation, skip):
    eruptions = cs.datasets.load_old_faithful()["eruptions"]
    objective = make_objective(name, eruptions)
    network = cs.solve(objective, make_beta(objective, activation, skip, 0.4), activation, skip).network
    try:
        density = cs.ScoreDensity(network)
    except cs.NotNormalizableError:
        # Opposite outer slopes: an abs network without skip has a density only if they vanish.
        assert activation == "abs"
        assert not skip
        return
    _, x, weight = fine_grid(density)
    assert abs(np.sum(density.pdf(x) * weight) - 1) < 1e-10
    assert stats.kstest(density.sample(5000, rng=0), density.cdf).pvalue > 1e-3


@pytest.mark.parametrize(
    ("slopes", "values", "failing"),
    [
        ((-1.0, 0.5, -1.0), (0.0, 1.0), ()),
        ((0.5, 0.5, -1.0), (0.0, 1.0), ("left",)),
        ((0.0, 1.0, 0.0), (1.0, 2.0), ("right",)),
        ((0.0, 1.0, 0.0), (-2.0, -1.0), ("left",)),
        ((0.0, -1.0, 0.0), (1.0, -1.0), ()),
        ((0.0, 0.0, 0.0), (0.0, 0.0), ("left", "right")),
    ],
)
def test_failing_tails_are_those_without_finite_mass(slopes, values, failing):
    score = PiecewiseLinear(np.array([0.0, 1.0]), np.array(values), np.array(slopes))
    assert score.failing_tails == failing


@pytest.mark.parametrize("q", [1e-310, 1e-300, 1e-16, 0.5, 1 - 2**-53])
@pytest.mark.parametrize("far", [1e8, 1e12])
def test_quantiles_beyond_knots_far_away(q, far):
    """Beyond its last knot this law is normal; all else is too light to be a float."""
    top = 1.2 + 1.9 * (far - 1)
    score = PiecewiseLinear(
        np.array([-5.0, 1.0, far]), np.array([-6.0, 1.2, top]), np.array([-1, 1.2, 1.9, -0.03])
    )
    expected = stats.norm.ppf(q, far + top / 0.03, 0.03**-0.5)
    assert abs(cs.ScoreDensity(score).icdf(q) - expected) <= 4 * np.spacing(expected)


def test_densities_of_what_has_none_are_refused_by_name():
    gated = cs.GatedNetwork([[-1.0]], [0.0], [[1.0]], [0.0], [[0.0]], gates=[[1.0]], gate_offsets=[0.0])
    for wrong in (None, "a", np.ones(3), cs.TwoLayerNetwork, gated):
        with pytest.raises(TypeError, match="network: expected a TwoLayerNetwork or PiecewiseLinear, got"):
            cs.ScoreDensity(wrong)


@pytest.mark.parametrize(
    ("low", "steps", "expected"),
    [(1.0, 10, 5), (0.0, 8, 4), (-1.0, 10, 5), (-4 * 5e-324, 4, 2), (-8 * 5e-324, 16, 8)],
)
def test_halfway_between_floats_is_counted_in_floats(low, steps, expected):
    floats = [low]
    for _ in range(steps):
        floats.append(np.nextafter(floats[-1], np.inf))
    assert _halfway(np.array([low]), np.array([floats[-1]])) == floats[expected]


def test_halfway_across_magnitudes_is_at_their_geometric_mean():
    found = _halfway(np.array([0.0, -1e300, -1e-300]), np.array([1e300, 1e300, 1e300]))
    assert 1e-5 < found[0] < 1e-3
    assert found[1] == 0.0
    assert 1e-9 < found[2] < 1e-7


def test_a_uniform_number_of_zero_makes_no_infinite_sample(monkeypatch):
    class Zeros:
        def random(self, count):
            return np.zeros(count)

    monkeypatch.setattr("convexscore.scores.density.generator", lambda rng, name: Zeros())
    density = cs.ScoreDensity(PiecewiseLinear(np.zeros(1), np.zeros(1), np.array([-1.0, -1.0])))
    # A standard normal law.
    np.testing.assert_allclose(density.sample(3), stats.norm.ppf(2.0**-54), rtol=1e-10)
