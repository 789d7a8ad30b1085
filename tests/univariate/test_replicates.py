"""Random masses have the moments that they are said to have, and replicates are the fits to them."""

import numpy as np
import pytest

import convexscore as cs
from convexscore.units import units_of
from convexscore.univariate.replicates import Replicates, random_masses

RNG = np.random.default_rng(0)
SKEWED = np.exp(RNG.standard_normal(60))
ROUNDED = RNG.standard_normal(80).round(1)
TWO_GROUPS = np.concatenate([RNG.normal(-2.0, 0.5, 30), RNG.normal(2.0, 0.7, 30)])
POINTS = np.linspace(-3.0, 5.0, 23)
DURATIONS = np.ceil(8 * np.random.default_rng(1).gamma(1.5, size=60)) / 8
SHARES = np.random.default_rng(2).beta(2, 3, size=70)
HALF_LINE = cs.ScoreMatching(DURATIONS, np.arange(60) % 3.0, support=(0, None))
MIRRORED = cs.ScoreMatching(2.0 - SKEWED, support=(None, 2.0))
INTERVAL = cs.ScoreMatching(SHARES, support=(0, 1))

#: Objective, weight decay and arguments of `solve`; the last says what a replicate is solved with.
KINDS = {
    "relu, skip": (TWO_GROUPS, 6.0, {"skip": True}, {"tails": "integrable"}),
    "relu": (TWO_GROUPS, 6.0, {}, {"tails": "integrable"}),
    "abs, skip": (TWO_GROUPS, 8.0, {"activation": "abs", "skip": True}, {"tails": "integrable"}),
    "abs": (ROUNDED, 16.0, {"activation": "abs", "tails": "integrable"}, {}),
    "bounded tails": (SKEWED, 6.0, {"skip": True, "tails": "integrable"}, {}),
    "log-concave": (TWO_GROUPS, 6.0, {"skip": True, "shape": "log-concave"}, {"tails": "integrable"}),
    "refit": (TWO_GROUPS, 6.0, {"skip": True, "refit": True}, {}),
    "ties": (ROUNDED, 14.0, {"skip": True}, {"tails": "integrable"}),
    "far away": (TWO_GROUPS + 2.0**20, 6.0, {"skip": True}, {"tails": "integrable"}),
    "expected": (cs.ExpectedDenoising(SKEWED[:12], 0.4), 2.0, {"skip": True}, {}),
    "half-line": (HALF_LINE, 12.0, {"skip": True}, {"tails": "integrable"}),
    "half-line, no skip": (HALF_LINE, 12.0, {}, {"tails": "integrable"}),
    "half-line, abs": (HALF_LINE, 24.0, {"activation": "abs", "tails": "integrable"}, {}),
    "half-line, refit": (HALF_LINE, 12.0, {"skip": True, "refit": True}, {}),
    "mirrored half-line": (MIRRORED, 4.0, {"skip": True}, {"tails": "integrable"}),
    "mirrored, abs": (MIRRORED, 9.0, {"activation": "abs", "skip": True, "tails": "integrable"}, {}),
    "mirrored, log-concave": (
        MIRRORED,
        4.0,
        {"skip": True, "shape": "log-concave"},
        {"tails": "integrable"},
    ),
    "interval": (INTERVAL, 1.0, {"skip": True}, {"tails": "integrable"}),
    "interval, no skip": (INTERVAL, 1.0, {}, {"tails": "integrable"}),
    "interval, abs": (INTERVAL, 2.0, {"activation": "abs"}, {"tails": "integrable"}),
    "interval, log-concave": (INTERVAL, 1.0, {"skip": True, "shape": "log-concave"}, {}),
    "interval, height": (
        cs.ScoreMatching(SHARES + 2.0**20, support=(2.0**20, 2.0**20 + 1), boundary_weight=0.1),
        1.0,
        {"skip": True, "refit": True},
        {},
    ),
}


def replicates(solution):
    units = units_of(solution.problem, frequencies=True)
    start = units.network(solution.network).piecewise
    return Replicates(units.problem(solution.problem), units.beta(solution.beta), start), units


def scores(fit, units, points):
    """A replicate's score, of points in the data's units."""
    inner = np.ldexp(points - units.origin[0], -units.length)
    return np.ldexp(fit.score(inner), units.label)


def weighted(objective, mass):
    x = np.unique(objective.X[objective.weights > 0])
    if isinstance(objective, cs.ExpectedDenoising):
        return cs.ExpectedDenoising(x, objective.noise_level, sample_weight=mass)
    # The height is that of the data, not of these weights.
    return cs.ScoreMatching(x, mass, objective.support, objective.boundary_weight)


@pytest.mark.parametrize("kind", KINDS)
def test_masses_that_are_the_weights_give_the_fit_itself(kind):
    objective, beta, options, _ = KINDS[kind]
    solution = cs.solve(objective, beta, **options)
    found, units = replicates(solution)
    (fit,) = found.fits(found.samples.weights[None])
    points = POINTS + solution.objective.X.min()
    assert not fit.raised
    np.testing.assert_allclose(scores(fit, units, points), solution.network(points), rtol=1e-7, atol=1e-7)


@pytest.mark.parametrize("kind", KINDS)
def test_replicates_are_what_solve_finds_on_weighted_data(kind):
    objective, beta, options, more = KINDS[kind]
    solution = cs.solve(objective, beta, **options)
    found, units = replicates(solution)
    masses = next(random_masses(found.samples.weights, 5, np.random.default_rng(3)))
    points = POINTS + solution.objective.X.min()
    for mass, fit in zip(masses, found.fits(masses), strict=True):
        twin = cs.solve(weighted(solution.objective, mass), beta, **{**options, **more})
        assert not fit.raised
        if fit.score is None:
            # Of refits alone, which have no bounds on their tails.
            assert options.get("refit")
            assert twin.network.piecewise.failing_ends(solution.problem.limits)
            continue
        expected = twin.network(points)
        np.testing.assert_allclose(scores(fit, units, points), expected, rtol=1e-6, atol=1e-6)


def test_many_positions_are_solved_one_by_one_to_the_same(monkeypatch):
    found, _ = replicates(cs.solve(SKEWED, 8.0, skip=True))
    masses = next(random_masses(found.samples.weights, 3, np.random.default_rng(3)))
    together = found.fits(masses)
    monkeypatch.setattr("convexscore.univariate.replicates._MANY", 10)
    for one, other in zip(found.fits(masses), together, strict=True):
        np.testing.assert_allclose(one.score(POINTS), other.score(POINTS), rtol=1e-8, atol=1e-8)


def test_below_its_bound_a_replicate_takes_its_bound():
    solution = cs.solve(SKEWED, 1.1, skip=True, tails="integrable")
    found, units = replicates(solution)
    masses = next(random_masses(found.samples.weights, 4, np.random.default_rng(1)))
    for mass, fit in zip(masses, found.fits(masses), strict=True):
        objective = cs.ScoreMatching(np.sort(SKEWED), mass)
        bound = cs.beta_bounds(objective, skip=True).minimum
        assert fit.raised
        assert bound > 1.1
        twin = cs.solve(objective, bound * (1 + 1e-6), skip=True, tails="integrable")
        np.testing.assert_allclose(scores(fit, units, POINTS), twin.network(POINTS), rtol=1e-4, atol=1e-4)


def test_without_a_density_there_is_no_score():
    # Abs neurons without skip have opposite outer slopes.
    x = np.array([0.0, 0.1, 0.2, 0.3, 0.4, 9.0])
    solution = cs.solve(x, 5.0, activation="abs")
    found, _ = replicates(solution)
    masses = next(random_masses(found.samples.weights, 25, np.random.default_rng(0)))
    for mass, fit in zip(masses, found.fits(masses), strict=True):
        try:
            cs.solve(cs.ScoreMatching(x, mass), 5.0, activation="abs", tails="integrable")
        except cs.NotNormalizableError:
            assert fit.score is None
        else:
            assert fit.score is not None


def test_masses_have_mean_and_variance_of_the_weights():
    weights = np.tile([1.0, 3.0, 0.2], 3000)
    masses = np.concatenate(list(random_masses(weights, 60, np.random.default_rng(0))))
    np.testing.assert_allclose(masses.sum(axis=1), weights.sum(), rtol=1e-12)
    for k, weight in enumerate((1.0, 3.0, 0.2)):
        drawn = masses[:, k::3].reshape(-1)
        # 180,000 draws.
        assert drawn.mean() == pytest.approx(weight, abs=5 * np.sqrt(weight / 180_000))
        assert drawn.var() == pytest.approx(weight, rel=0.02)
        # No sum of weights is far from its mean, so the largest mass is known.
        assert drawn.max() == pytest.approx(weight + 0.5 * (1 + np.sqrt(5)), rel=0.1)
        assert drawn.min() > 0
    ones = masses[:, ::3].reshape(-1)
    assert ((ones - 1) ** 3).mean() == pytest.approx(1.0, abs=0.05)


def test_groups_do_not_change_what_is_drawn():
    few = np.concatenate(list(random_masses(np.ones(7), 30, np.random.default_rng(5))))
    many = np.concatenate(list(random_masses(np.ones(7), 60, np.random.default_rng(5))))
    np.testing.assert_array_equal(few[:25], many[:25])
    assert few.shape == (30, 7)
