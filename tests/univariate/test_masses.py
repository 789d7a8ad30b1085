"""Whether a score's density shares its mass as the data do."""

import warnings

import numpy as np
import pytest
from sklearn.datasets import load_iris

import convexscore as cs
from convexscore.univariate.masses import mass_discrepancy

PETALS = load_iris().data[:, 2]


def test_petals_are_shared_otherwise_than_score_matching_says():
    with pytest.warns(
        UserWarning, match=r"X: the score's own density has \d+ % of its mass .* data have"
    ) as caught:
        solution = cs.solve(PETALS, "auto", skip=True)
    assert caught[0].filename == __file__
    distance, position, mass, share = mass_discrepancy(solution.network, cs.ScoreMatching(PETALS))
    density = cs.ScoreDensity(solution.network)
    assert mass == pytest.approx(float(density.cdf(position)), rel=1e-9)
    assert share in (np.mean(position >= PETALS), np.mean(position > PETALS))
    assert distance == pytest.approx(abs(mass - share), abs=1e-12)
    assert distance > 0.3


def test_gaussian_data_and_ties_alone_are_no_reason():
    rng = np.random.default_rng(4)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for n in (30, 300, 3000):
            cs.solve(np.round(rng.standard_normal(n), 1), "auto", skip=True)


def test_the_distance_is_kolmogorovs_but_for_the_steps():
    rng = np.random.default_rng(5)
    x = np.round(rng.gamma(2.0, size=60), 1)
    weights = rng.integers(1, 4, 60).astype(float)
    network = cs.solve(cs.ScoreMatching(x, weights), 25.0, skip=True, tails="integrable").network
    mass = cs.ScoreDensity(network).cdf(np.unique(x))
    at_most = np.array([weights[x <= t].sum() for t in np.unique(x)]) / weights.sum()
    below = np.array([weights[x < t].sum() for t in np.unique(x)]) / weights.sum()
    expected = np.maximum(np.maximum(mass - at_most, below - mass), 0).max()
    assert mass_discrepancy(network, cs.ScoreMatching(x, weights))[0] == pytest.approx(expected, rel=1e-9)
