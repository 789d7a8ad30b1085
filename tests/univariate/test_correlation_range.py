"""Bounds that hold at every position, against the correlation on a fine grid."""

import numpy as np
import pytest

import convexscore as cs
from convexscore.numerics.piecewise import PiecewiseLinear
from convexscore.univariate.expected import correlation_range as correlation_range_file
from convexscore.univariate.expected.correlation_range import _curvature, correlation_range
from convexscore.univariate.expected.program import Cells, ExpectedProgram

# Knots inside the data and beyond, flat and steep, close to q'/q and far from it.
SCORES = [
    PiecewiseLinear(*map(np.array, parts))
    for parts in (
        ([0.0], [0.0], [-1.0, -1.0]),
        ([-1.0, 0.5], [3.0, -4.0], [-0.5, -14 / 3, 2.0]),
        ([-2.0, 0.0, 2.5], [0.0, 8.0, 8.0], [0.0, 4.0, 0.0, -6.0]),
    )
]


def program_of(noise, seed=0):
    x = np.random.default_rng(seed).standard_normal(9)
    return ExpectedProgram(cs.ExpectedDenoising(x, noise), "relu", False)


def holds(data, score, edges):
    """Whether the bound of each interval is above the curvature at points inside it."""
    left, right = edges[:-1], edges[1:]
    bound = _curvature(data, score, left, right)
    # Not at the kinks themselves: the score has one value there, and a slope on either side.
    inside = left + np.linspace(1e-9, 1 - 1e-9, 41)[:, None] * (right - left)
    density, rate = (part.reshape(inside.shape) for part in data.density(inside.ravel()))
    curvature = np.abs(score(inside.ravel()).reshape(inside.shape) * density - rate)
    return (curvature <= bound + 1e-9 * (np.abs(rate).max() + curvature.max())).all()


@pytest.mark.parametrize("noise", [0.1, 0.6])
@pytest.mark.parametrize("score", SCORES)
def test_the_curvature_of_an_interval_is_below_its_bound(noise, score):
    program = program_of(noise)
    for per_width in (1, 4, 32):
        assert holds(program.data, score, np.union1d(program.scan(per_width), score.knots))


@pytest.mark.parametrize("noise", [0.1, 0.6])
@pytest.mark.parametrize("score", SCORES)
def test_the_range_holds_the_correlation_everywhere_and_not_much_more(noise, score):
    program = program_of(noise)
    # Beyond the data's ends the correlation is a line, which is flat for the scores of solutions only.
    first, last = program.ends
    grid = np.union1d(program.scan(100.0), score.knots[(score.knots > first) & (score.knots < last)])
    height = Cells(program.data, grid).correlation(score)[1]
    lowest, highest = min(height.min(), 0.0), max(height.max(), 0.0)
    size = max(-lowest, highest)
    low, high = correlation_range(program, score, 1e-4 * size)
    assert lowest - 2e-4 * size <= low <= lowest + 1e-12 * size
    assert highest - 1e-12 * size <= high <= highest + 2e-4 * size


@pytest.mark.parametrize(("name", "most"), [("_HALVINGS", 1), ("_HALVINGS", 2), ("_MOST", 3)])
def test_intervals_that_are_not_halved_any_more_still_count(monkeypatch, name, most):
    monkeypatch.setattr(correlation_range_file, name, most)
    program = program_of(0.6)
    # With the best line the correlation vanishes at both ends: the extremes are inside.
    score = PiecewiseLinear(np.array([program.data.mean]), np.zeros(1), np.full(2, -1 / program.variance))
    height = Cells(program.data, np.linspace(*program.ends, 10_001)).correlation(score)[1]
    low, high = correlation_range(program, score, 1e-15)
    size = np.abs(height).max()
    assert low <= height.min() + 1e-12 * size
    assert high >= height.max() - 1e-12 * size
