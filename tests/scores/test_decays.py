"""Weight decays of automatic levels: chosen at every third of them, geometric between."""

from functools import cache

import numpy as np
import pytest

import convexscore as cs
from convexscore.problem import Problem
from convexscore.scores.decays import chosen_decays

X = np.random.default_rng(0).exponential(size=40)


def problem_at(sigma):
    return Problem(cs.DenoisingScoreMatching.expected(X, sigma), skip=True)


@cache
def selected(sigma):
    return cs.select_beta(cs.DenoisingScoreMatching.expected(X, sigma), rng=0, skip=True)


@pytest.mark.parametrize(("n_levels", "stride"), [(1, 3), (2, 3), (6, 1), (6, 2), (6, 3), (6, 10)])
def test_ends_are_chosen_and_steps_are_no_longer_than_the_stride(n_levels, stride):
    levels = np.geomspace(0.9, 0.1, n_levels) if n_levels > 1 else np.array([0.5])
    decays = chosen_decays(problem_at, levels, stride, None)
    assert len(decays) == n_levels
    assert (decays[0], decays[-1]) == (selected(levels[0]), selected(levels[-1]))
    exact = np.array([decay == selected(level) for decay, level in zip(decays, levels, strict=True)])
    assert np.diff(np.flatnonzero(exact), prepend=0).max() <= stride
    assert exact.all() == (stride == 1 or n_levels <= 2)


def test_between_them_is_a_power_of_the_noise():
    decays = chosen_decays(problem_at, np.geomspace(0.9, 0.1, 7), 3, None)
    bends = np.diff(np.log(decays), 2)
    np.testing.assert_allclose(bends[[0, 1, 3, 4]], 0, atol=1e-12)


def test_a_weight_decay_of_zero_is_no_power(monkeypatch):
    known = iter([4.0, 0.0])
    monkeypatch.setattr("convexscore.scores.decays._chosen", lambda *task: next(known))
    assert chosen_decays(problem_at, np.array([0.8, 0.4, 0.2]), 2, None) == [4.0, 2.0, 0.0]


def test_a_fit_takes_them_and_given_levels_are_all_chosen():
    score = cs.NoiseConditionalScore.fit(X, "auto", "auto")
    found = [solution.beta for solution in score.solutions]
    assert (found[0], found[-1]) == (selected(score.sigmas[0]), selected(score.sigmas[-1]))
    straight = np.abs(np.diff(np.log(found), 2)) < 1e-9
    # Two of three levels are between others.
    assert np.count_nonzero(straight) >= len(found) // 2
    levels = np.array([0.9, 0.6, 0.4])
    given = cs.NoiseConditionalScore.fit(X, levels, "auto", n_draws=np.inf)
    assert [solution.beta for solution in given.solutions] == [selected(level) for level in levels]


def test_draws_of_one_sample_are_chosen_from_too():
    plane = np.random.default_rng(1).standard_normal((20, 2)) ** 2
    score = cs.NoiseConditionalScore.fit(plane, "auto", "auto", n_draws=4, rng=0)
    decays = np.array([solution.beta for solution in score.solutions])
    assert (decays > 0).all()
    bends = np.abs(np.diff(np.log(decays), 2))
    assert np.count_nonzero(bends < 1e-9) >= decays.size // 3
