"""Bands: a literal loop gives the same, they are nested, move with the data, and know what they cannot do."""

import copy
import pickle

import numpy as np
import pytest

import convexscore as cs
from convexscore.objectives import distinct_rows
from convexscore.univariate import replicates
from convexscore.univariate.replicates import Replicate, random_masses

RNG = np.random.default_rng(0)
X = np.concatenate([RNG.normal(-2.0, 0.5, 40), RNG.normal(1.0, 0.7, 40)])
SOLUTION = cs.solve(X, 7.0, skip=True)
DENSITY = SOLUTION.density()
POINTS = np.linspace(-3.0, 2.0, 15)
PROBABILITIES = np.array([0.1, 0.5, 0.7])
NAMES = ("score", "logpdf", "pdf", "quantile")
DURATIONS = np.ceil(8 * np.random.default_rng(1).gamma(1.5, size=60)) / 8
HALF_LINE = cs.ScoreMatching(DURATIONS, np.arange(60) % 3.0, support=(0, None))
INTERVAL = cs.ScoreMatching(np.random.default_rng(2).beta(2, 3, size=70), support=(0, 1))

#: Objective, weight decay and arguments of `solve`.
KINDS = {
    "whole line": (X, 7.0, {"skip": True}),
    "half-line": (HALF_LINE, 12.0, {"skip": True}),
    "half-line, no skip": (HALF_LINE, 12.0, {}),
    "half-line, log-concave": (HALF_LINE, 12.0, {"skip": True, "shape": "log-concave"}),
    "interval": (INTERVAL, 1.0, {"skip": True}),
    "interval, abs": (INTERVAL, 2.0, {"activation": "abs"}),
    "interval, refit": (INTERVAL, 2.0, {"skip": True, "refit": True}),
}


def bands(density=DENSITY, level=0.9, n_replicates=40, rng=0, points=POINTS, **options):
    return density.interval_bands(
        level, n_replicates, rng, points=points, probabilities=PROBABILITIES, **options
    )


@pytest.mark.parametrize("kind", KINDS)
def test_a_literal_loop_gives_the_same_bands(kind):
    objective, beta, options = KINDS[kind]
    solution = cs.solve(objective, beta, **options)
    density, limits = solution.density(), solution.density().support()
    points = POINTS if kind == "whole line" else np.linspace(*density.icdf([0.0, 0.98]), 15)
    found = bands(density, rng=np.random.default_rng(7), points=points)
    rows = distinct_rows(solution.objective)
    draws = {name: [] for name in ("score", "logpdf", "quantile")}
    tails = None if options.get("refit") else "integrable"
    for masses in random_masses(rows.weights, 40, np.random.default_rng(7)):
        for mass in masses:
            weighted = cs.ScoreMatching(rows.X, mass, rows.support, rows.boundary_weight)
            fit = cs.solve(weighted, beta, tails=tails, **options)
            draws["score"].append(fit.network(points))
            draws["logpdf"].append(fit.density().logpdf(points))
            draws["quantile"].append(fit.density().icdf(PROBABILITIES))
    estimates = {
        "score": solution.network(points),
        "logpdf": density.logpdf(points),
        "quantile": density.icdf(PROBABILITIES),
    }
    for name, rows in draws.items():
        band, estimate = getattr(found, name), estimates[name]
        size = np.abs(np.array(rows) - estimate)
        error = np.sqrt((size**2).mean(axis=0))
        # Of 40 draws, the 37th: a 41st would be above four of them with probability 0.1.
        half = np.sort(size, axis=0)[36]
        reach = np.sort((size / error).max(axis=1))[36]
        close = {"rtol": 1e-6, "atol": 1e-6}
        ends = limits if name == "quantile" else (-np.inf, np.inf)
        np.testing.assert_allclose(band.estimate, estimate, **close)
        np.testing.assert_allclose(band.standard_error, error, **close)
        for literal, edges in (
            (half, (band.lower, band.upper)),
            (np.maximum(reach * error, half), (band.simultaneous_lower, band.simultaneous_upper)),
        ):
            np.testing.assert_allclose(edges[0], np.clip(estimate - literal, *ends), **close)
            np.testing.assert_allclose(edges[1], np.clip(estimate + literal, *ends), **close)
    for name in ("estimate", "lower", "upper", "simultaneous_lower", "simultaneous_upper"):
        np.testing.assert_array_equal(getattr(found.pdf, name), np.exp(getattr(found.logpdf, name)))


def test_bands_are_nested_and_hold_the_estimate():
    narrow, wide = bands(level=0.5), bands(level=0.95)
    for name in NAMES:
        for found in (getattr(narrow, name), getattr(wide, name)):
            assert (found.simultaneous_lower <= found.lower).all()
            assert (found.lower < found.estimate).all()
            assert (found.estimate < found.upper).all()
            assert (found.upper <= found.simultaneous_upper).all()
        inner, outer = getattr(narrow, name), getattr(wide, name)
        assert (outer.lower < inner.lower).all()
        assert (inner.upper < outer.upper).all()
        assert (outer.simultaneous_lower < inner.simultaneous_lower).all()


@pytest.mark.parametrize(("factor", "shift"), [(2.0**40, 0.0), (3.7, -20.0), (-1.0, 0.0), (1e-30, 0.0)])
def test_bands_move_with_the_data(factor, shift):
    one = bands()
    moved = cs.solve(factor * X + shift, 7.0, skip=True).density()
    q = PROBABILITIES if factor > 0 else 1 - PROBABILITIES
    # A reflection gives masses to other samples, so that draws are reflected as well.
    rng = 0 if factor > 0 else _Reflected(0)
    other = moved.interval_bands(0.9, 40, rng, points=factor * POINTS + shift, probabilities=q)
    sign = "lower" if factor > 0 else "upper"
    np.testing.assert_allclose(getattr(other.score, sign) * factor, one.score.lower, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(other.logpdf.upper, one.logpdf.upper - np.log(abs(factor)), rtol=1e-6)
    ends = (getattr(other.quantile, sign) - shift) / factor
    np.testing.assert_allclose(ends, one.quantile.lower, rtol=1e-6)


class _Reflected(np.random.Generator):
    """Draws the columns of each row from right to left."""

    def __init__(self, seed):
        from convexscore._support.seeds import generator

        super().__init__(generator(seed, "ScoreDensity.interval_bands").bit_generator)

    def random(self, size):
        return super().random(size)[:, ::-1]


def test_weights_are_repetitions():
    weighted = cs.solve(cs.ScoreMatching(X, np.full(X.size, 3.0)), 15.0, skip=True).density()
    repeated = cs.solve(np.repeat(X, 3), 15.0, skip=True).density()
    for name in NAMES:
        one, other = getattr(bands(weighted), name), getattr(bands(repeated), name)
        np.testing.assert_allclose(one.lower, other.lower, rtol=1e-8)


def test_errors_of_a_line_are_those_of_its_mean_and_variance():
    x = np.random.default_rng(3).standard_normal(400)
    # With this weight decay every replicate is a line: (mean - x) / variance.
    density = cs.solve(x, 1e4, skip=True).density()
    mean, variance = x.mean(), x.var()
    found = density.interval_bands(0.9, 400, 0, points=[mean], probabilities=[0.5])
    assert found.score.standard_error[0] == pytest.approx(1 / np.sqrt(400 * variance), rel=0.12)
    assert found.quantile.standard_error[0] == pytest.approx(np.sqrt(variance / 400), rel=0.12)
    # The 90 % point of the normal law.
    half = found.quantile.upper[0] - found.quantile.estimate[0]
    assert half == pytest.approx(1.645 * np.sqrt(variance / 400), rel=0.15)


def test_points_by_default_are_where_the_mass_is():
    limited = cs.solve(INTERVAL, 1.0, skip=True).density()
    ends = limited.interval_bands(0.5, 4, rng=0).points[[0, -1]]
    np.testing.assert_allclose(ends, limited.icdf([0.01, 0.99]), rtol=1e-9)
    found = DENSITY.interval_bands(0.5, 4, rng=0)
    np.testing.assert_allclose(found.points[[0, -1]], DENSITY.icdf([0.01, 0.99]), rtol=1e-9)
    assert found.points.size == 101
    assert found.probabilities.size == 19
    assert (found.level, found.n_replicates, found.n_without_density, found.n_raised) == (0.5, 4, 0, 0)


def test_copies_keep_the_data_and_files_do_not(tmp_path):
    expected = bands().score.lower
    for made in (copy.copy, copy.deepcopy, lambda thing: pickle.loads(pickle.dumps(thing))):
        np.testing.assert_array_equal(bands(made(DENSITY)).score.lower, expected)
    DENSITY.save(tmp_path / "density.npz")
    with pytest.raises(ValueError, match="density: expected one made by `Solution"):
        bands(cs.load(tmp_path / "density.npz"))
    SOLUTION.save(tmp_path / "solution.npz")
    np.testing.assert_array_equal(bands(cs.load(tmp_path / "solution.npz").density()).score.lower, expected)


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"level": 1.0}, ValueError, "level: expected a number between 0 and 1"),
        ({"level": "x"}, TypeError, "level: expected a number"),
        ({"n_replicates": 8}, ValueError, "n_replicates: expected at least 9 for level=0.9"),
        ({"level": 0.1, "n_replicates": 1}, ValueError, "n_replicates: expected an integer of at least 2"),
        ({"points": [[0.0]]}, ValueError, "points: expected shape"),
        ({"points": []}, ValueError, "points: expected shape"),
        ({"points": [np.nan]}, ValueError, "points: expected finite numbers"),
        ({"points": [1e300]}, ValueError, "points: expected places within 1e.60 ranges of the data"),
        ({"progress": 1}, TypeError, "progress: expected True or False"),
        ({"n_jobs": 0}, ValueError, "n_jobs: expected an integer other than 0"),
        ({"rng": -1}, ValueError, "rng: expected an integer of at least 0"),
    ],
)
def test_wrong_arguments_are_named(options, error, words):
    with pytest.raises(error, match=words):
        bands(**options)


def test_probabilities_are_inside():
    with pytest.raises(ValueError, match="probabilities: expected numbers between 0 and 1, got 0 to"):
        DENSITY.interval_bands(probabilities=[0.0, 0.5])


def test_densities_that_know_no_samples_refuse():
    with pytest.raises(ValueError, match="density: expected one made by `Solution"):
        bands(cs.ScoreDensity(SOLUTION.network))
    other = cs.solve(X, 8.0, skip=True)
    with pytest.raises(ValueError, match="solution: expected that of the network"):
        cs.ScoreDensity(SOLUTION.network, solution=other)
    with pytest.raises(TypeError, match="solution: expected a Solution or None"):
        cs.ScoreDensity(SOLUTION.network, solution=X)
    labelled = cs.solve(cs.DenoisingScoreMatching.from_clean(X, 0.5, rng=1), 5.0, skip=True)
    with pytest.raises(ValueError, match="got one of DenoisingScoreMatching"):
        bands(labelled.density())
    with pytest.raises(ValueError, match="conservative"):
        bands(cs.solve(X, 7.0, skip=True, conservative=True).density())


def _without(share):
    """Fits of which this share has no density."""

    def fits(self, masses):
        return [Replicate(None if k < share * len(masses) else self.start, False) for k in range(len(masses))]

    return fits


def test_replicates_without_a_density_are_counted_and_many_refused(monkeypatch):
    monkeypatch.setattr(replicates.Replicates, "fits", _without(0.08))
    assert bands(n_replicates=50).n_without_density == 4
    monkeypatch.setattr(replicates.Replicates, "fits", _without(0.5))
    with pytest.raises(cs.NotNormalizableError, match="at least 90% of the replicates, got none in 26 of 50"):
        bands(n_replicates=50)


def test_raised_weight_decays_are_told():
    density = cs.solve(X, 1.2, skip=True, tails="integrable").density()
    with pytest.warns(UserWarning, match="beta: 1.2 is below the boundedness bound of .* of 20 replicates"):
        found = density.interval_bands(0.5, 20, rng=0)
    assert found.n_raised > 2


@pytest.mark.parametrize(("objective", "beta"), [(HALF_LINE, 12.0), (INTERVAL, 1.0)])
def test_beyond_limits_there_is_no_density_and_no_quantile(objective, beta):
    density = cs.solve(objective, beta, skip=True).density()
    low, high = density.support()
    points = np.array([low - 1, low, 0.25, min(high, 3.0), *([high + 1] if high < np.inf else [])])
    found = density.interval_bands(
        0.9, 40, 0, points=points, probabilities=[1e-6, 1e-4, 0.5, 1 - 1e-4, 1 - 1e-6]
    )
    outside = (points < low) | (points > high)
    for name in ("estimate", "lower", "upper", "simultaneous_lower", "simultaneous_upper"):
        assert (getattr(found.pdf, name)[outside] == 0).all()
        assert (getattr(found.logpdf, name)[outside] == -np.inf).all()
        assert np.isfinite(getattr(found.score, name)).all()
        quantile = getattr(found.quantile, name)
        assert low <= quantile.min()
        assert quantile.max() <= high
    assert found.pdf.standard_error[outside].tolist() == [0.0] * int(outside.sum())
    assert (found.pdf.lower[~outside] < found.pdf.estimate[~outside]).all()
    # Next to a limit the band of a quantile would go beyond.
    assert found.quantile.simultaneous_lower[0] == low
    # Elsewhere the points outside change nothing.
    inside = density.interval_bands(0.9, 40, 0, points=points[~outside])
    np.testing.assert_array_equal(found.pdf.simultaneous_upper[~outside], inside.pdf.simultaneous_upper)


@pytest.mark.parametrize(("factor", "shift"), [(2.0**40, 0.0), (3.7, 2.0**21), (1e-30, 0.0)])
def test_bands_move_with_the_data_and_their_limits(factor, shift):
    x = INTERVAL.X[:, 0]
    one = bands(cs.solve(INTERVAL, 1.0, skip=True).density(), points=[0.0, 0.3, 1.0])
    ends = np.array([0.0, 0.3, 1.0]) * factor + shift
    moved = cs.ScoreMatching(factor * x + shift, support=(ends[0], ends[2]))
    # Masses have the units of lengths.
    other = bands(cs.solve(moved, factor, skip=True).density(), points=ends)
    np.testing.assert_allclose(other.score.lower * factor, one.score.lower, rtol=1e-6)
    np.testing.assert_allclose(other.logpdf.upper + np.log(factor), one.logpdf.upper, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose((other.quantile.lower - shift) / factor, one.quantile.lower, rtol=1e-6)


def test_errors_of_an_exponential_law_are_those_of_its_rate():
    x = np.random.default_rng(4).exponential(size=500)
    objective = cs.ScoreMatching(x, support=(0, None), boundary_weight=np.inf)
    # A constant score of the weight h(x) = x is -1 / mean: with this weight decay there is nothing else.
    density = cs.solve(objective, 1e5).density()
    found = density.interval_bands(0.9, 400, 0, points=[1.0], probabilities=[0.5])
    assert found.score.estimate[0] == pytest.approx(-1 / x.mean(), rel=1e-9)
    assert found.score.standard_error[0] == pytest.approx(x.std() / x.mean() ** 2 / np.sqrt(500), rel=0.12)
    assert found.quantile.standard_error[0] == pytest.approx(np.log(2) * x.std() / np.sqrt(500), rel=0.12)


def test_weights_are_repetitions_with_limits():
    x = np.random.default_rng(5).gamma(1.5, size=40)
    given = cs.ScoreMatching(x, np.full(x.size, 3.0), support=(0, None))
    repeated = cs.ScoreMatching(np.repeat(x, 3), support=(0, None))
    beta = 3 * cs.beta_bounds(given, skip=True).minimum
    one, other = (
        bands(cs.solve(each, beta, skip=True, tails="integrable").density()) for each in (given, repeated)
    )
    np.testing.assert_allclose(one.score.lower, other.score.lower, rtol=1e-8)
    np.testing.assert_allclose(one.quantile.lower, other.quantile.lower, rtol=1e-8)
