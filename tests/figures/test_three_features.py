"""Adam in three dimensions: what is reported of each problem is so."""

import numpy as np
import pytest

import convexscore as cs
from paper_figs import three_features

from .drawings import drawn_quickly


@pytest.fixture(scope="module")
def drawn():
    return drawn_quickly("three_features")


def test_bounds_and_gaps_are_those_of_networks(drawn):
    _, numbers = drawn
    rows = numbers["problems"]
    assert len(rows) == numbers["parameters"]["n_problems"]
    for row, (objective, share, _) in zip(rows, three_features.problems(len(rows)), strict=True):
        known = cs.beta_bounds(objective, skip=True)
        assert row["share"] == share
        assert known.minimum < row["beta"] < known.linear
        # Search alone finds the value of the proven optimum or a larger one, never less than the bound.
        found = cs.solve(objective, row["beta"], skip=True, max_boxes=1).network
        assert found.loss(objective, row["beta"]) >= row["lower_bound"]
        straight = cs.solve(cs.ScoreMatching(objective.X), 1e6, skip=True).network
        if row["kind"] == "score matching":
            assert row["gain"] == pytest.approx(straight.loss(objective, 0.0) - row["value"], rel=1e-6)
        assert row["gain"] > 0
        best = min(min(gaps) for gaps in row["gap_by_rate"].values())
        assert row["best_gap"] == best
        assert row["least_trial_below"] == pytest.approx(best + row["lower_bound"] - row["value"], abs=1e-9)


def test_the_gain_of_denoising_is_over_least_squares(drawn):
    row, (objective, _, _) = drawn[1]["problems"][0], next(iter(three_features.problems(1)))
    A = np.column_stack([objective.X, np.ones(len(objective.X))])
    rest = objective.targets - A @ np.linalg.lstsq(A, objective.targets, rcond=None)[0]
    assert row["gain"] == pytest.approx(0.5 * np.sum(rest**2) - row["value"], rel=1e-6)


def test_claims_and_frequencies_are_counted(drawn):
    _, numbers = drawn
    shares = np.array([row["best_gap"] / row["gain"] for row in numbers["problems"]])
    for level in three_features.OPTIMAL:
        assert numbers["frequency_of_best_within"][f"{level:g}"] == np.mean(shares <= level)
    assert numbers["claims"]["no trial of Adam is below a proven bound"]
    assert numbers["n_proven"] == sum(row["proven"] for row in numbers["problems"])
