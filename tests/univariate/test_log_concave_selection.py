"""The automatic weight decay of log-concave scores: held-out likelihood, ties, repetitions, units."""

import numpy as np
import pytest

import convexscore as cs
from convexscore.problem import Problem
from convexscore.univariate.log_concave_selection import (
    _folds,
    _held_out_likelihood,
    select_log_concave_decay,
)
from convexscore.univariate.program import UnivariateProgram

NETWORKS = [(activation, skip) for activation in ("relu", "abs") for skip in (False, True)]


def chosen(x, activation="relu", skip=True, weights=None):
    problem = Problem(cs.ScoreMatching(x, weights), activation, skip, shape="log-concave")
    return select_log_concave_decay(problem, 0)


@pytest.mark.parametrize(("activation", "skip"), NETWORKS)
def test_the_likelihood_of_a_fold_is_that_of_the_density_fitted_to_the_others(activation, skip):
    x = np.round(4 * np.random.default_rng(0).gumbel(size=60)) / 4
    weights = np.random.default_rng(1).integers(1, 4, 60).astype(float)
    program = UnivariateProgram.from_objective(cs.ScoreMatching(x, weights), activation, skip)
    folds = _folds(program, np.random.default_rng(2))
    np.testing.assert_allclose(np.sum(folds, axis=0), program.mass)
    for held_out in folds[:2]:
        rest = program.mass - held_out
        objective = cs.ScoreMatching(program.position[rest > 0], rest[rest > 0])
        minimum = cs.beta_bounds(objective, activation, skip).minimum
        own = minimum * (1 + 1e-6) + 5.0 * np.sqrt(rest.sum() / program.total)
        solution = cs.solve(objective, own, activation, skip, shape="log-concave", tails="integrable")
        expected = held_out @ cs.ScoreDensity(solution.network).logpdf(program.position)
        assert _held_out_likelihood(program, 1.0, (held_out, 5.0)) == pytest.approx(expected, rel=1e-9)


def test_heavy_ties_are_in_every_fold_and_others_in_one():
    x = np.concatenate([np.zeros(40), np.arange(1.0, 101.0)])
    folds = np.array(_folds(UnivariateProgram.from_objective(cs.ScoreMatching(x)), np.random.default_rng(0)))
    np.testing.assert_allclose(folds[:, 0], 8.0)
    assert (np.sort(folds[:, 1:], axis=0)[-1] == 1).all()
    assert (folds[:, 1:].sum(axis=0) == 1).all()


def test_heavy_ties_do_not_swallow_the_rest():
    x = np.concatenate([np.zeros(400), np.random.default_rng(0).exponential(1, 100)])
    density = cs.ScoreDensity(cs.solve(x, "auto", skip=True, shape="log-concave").network)
    # The mean of the data is 0.236; that of the density next to the boundedness bound is 0.096.
    assert 0.1 < density.mean() < 0.4
    assert density.std() > 0.1
    assert density.logpdf(x).mean() > cs.ScoreDensity(cs.solve(x, 500.0, skip=True).network).logpdf(x).mean()


@pytest.mark.parametrize("seed", range(3))
def test_gaussian_data_keep_the_line_and_exponential_ones_do_not(seed):
    rng = np.random.default_rng(seed)
    straight = cs.solve(rng.standard_normal(200), "auto", skip=True, shape="log-concave").network
    assert np.ptp(straight.piecewise.slopes) <= 0.5
    x = rng.exponential(1, 200)
    density = cs.ScoreDensity(cs.solve(x, "auto", skip=True, shape="log-concave").network)
    y = np.random.default_rng(9).exponential(1, 20_000)
    # The divergence of the best Gaussian is 0.42.
    assert np.mean(-y - density.logpdf(y)) < 0.15


def test_repetitions_count_as_weights_and_units_do_not_count():
    x = np.random.default_rng(0).exponential(1, 80)
    plain = chosen(x)
    assert chosen(np.repeat(x, 3)) == chosen(x, weights=np.full(80, 3.0))
    assert chosen(x, weights=np.full(80, 4.0)) == pytest.approx(4 * plain, rel=1e-12)
    assert chosen(x[::-1]) == plain
    first = cs.solve(x, "auto", skip=True, shape="log-concave")
    scaled = cs.solve(np.ldexp(x, 20), "auto", skip=True, shape="log-concave")
    assert (first.beta, first.value) == (scaled.beta, np.ldexp(scaled.value, 40))


def test_where_no_score_has_a_density_the_largest_weight_decay_is_taken():
    x, labels = np.arange(12.0), np.arange(12.0) ** 2
    objective = cs.DenoisingScoreMatching(x, labels)
    problem = Problem(objective, "abs", shape="log-concave")
    assert select_log_concave_decay(problem, 0) == cs.beta_bounds(objective, "abs").linear
    with pytest.raises(cs.NotNormalizableError, match="tails: expected a smaller weight decay"):
        cs.solve(objective, "auto", "abs", shape="log-concave")
