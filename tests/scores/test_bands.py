"""Bands: a literal loop gives the same, they are nested, move with the data, and know what they cannot do."""

import copy
import pickle

import numpy as np
import pytest

import convexscore as cs
from convexscore.univariate import replicates
from convexscore.univariate.replicates import Replicate, random_masses

RNG = np.random.default_rng(0)
X = np.concatenate([RNG.normal(-2.0, 0.5, 40), RNG.normal(1.0, 0.7, 40)])
SOLUTION = cs.solve(X, 7.0, skip=True)
DENSITY = SOLUTION.density()
POINTS = np.linspace(-3.0, 2.0, 15)
PROBABILITIES = np.array([0.1, 0.5, 0.7])
NAMES = ("score", "logpdf", "pdf", "quantile")


def bands(density=DENSITY, level=0.9, n_replicates=40, rng=0, points=POINTS, **options):
    return density.interval_bands(
        level, n_replicates, rng, points=points, probabilities=PROBABILITIES, **options
    )


def test_a_literal_loop_gives_the_same_bands():
    found = bands(rng=np.random.default_rng(7))
    draws = {name: [] for name in ("score", "logpdf", "quantile")}
    x = np.sort(X)
    for masses in random_masses(np.ones(x.size), 40, np.random.default_rng(7)):
        for mass in masses:
            weighted = cs.solve(cs.ScoreMatching(x, mass), 7.0, skip=True, tails="integrable")
            draws["score"].append(weighted.network(POINTS))
            draws["logpdf"].append(weighted.density().logpdf(POINTS))
            draws["quantile"].append(weighted.density().icdf(PROBABILITIES))
    estimates = {
        "score": SOLUTION.network(POINTS),
        "logpdf": DENSITY.logpdf(POINTS),
        "quantile": DENSITY.icdf(PROBABILITIES),
    }
    for name, rows in draws.items():
        band, estimate = getattr(found, name), estimates[name]
        size = np.abs(np.array(rows) - estimate)
        error = np.sqrt((size**2).mean(axis=0))
        # Of 40 draws, the 37th: a 41st would be above four of them with probability 0.1.
        half = np.sort(size, axis=0)[36]
        reach = np.sort((size / error).max(axis=1))[36]
        close = {"rtol": 1e-6, "atol": 1e-6}
        np.testing.assert_allclose(band.estimate, estimate, **close)
        np.testing.assert_allclose(band.standard_error, error, **close)
        np.testing.assert_allclose(band.lower, estimate - half, **close)
        np.testing.assert_allclose(band.upper, estimate + half, **close)
        np.testing.assert_allclose(band.simultaneous_lower, estimate - reach * error, **close)
        np.testing.assert_allclose(band.simultaneous_upper, estimate + reach * error, **close)
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


def test_data_with_limits_have_no_bands_and_say_so():
    objective = cs.ScoreMatching(np.random.default_rng(3).exponential(size=60), support=(0.0, None))
    with pytest.raises(ValueError, match="density: expected that of data without limits"):
        cs.solve(objective, 4.0, skip=True, tails="integrable").density().interval_bands(rng=0)
