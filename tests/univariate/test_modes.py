"""Modes of a score: counted as on a grid, and the weight decay down to which they are few."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import convexscore as cs
from convexscore.numerics.piecewise import PiecewiseLinear
from convexscore.univariate import modes
from convexscore.univariate.bounds import program_bounds
from convexscore.univariate.modes import critical_decay, integrable_scores, least_decay, modes_of
from convexscore.univariate.program import UnivariateProgram

from ..problems import make_data


def falls(values):
    """Where a row of numbers falls through zero: the index of the last positive one of each fall."""
    found, last = [], None
    for index, value in enumerate(values):
        if value > 0:
            last = index
        elif value < 0:
            if last is not None:
                found.append(last)
            last = None
    return found


@st.composite
def scores(draw):
    """Piecewise linear scores of whole numbers, zeros among them, with tails that decay."""
    values = draw(st.lists(st.integers(-2, 2), min_size=1, max_size=9))
    gaps = draw(st.lists(st.integers(1, 3), min_size=len(values), max_size=len(values)))
    knots = np.cumsum(np.array(gaps, dtype=float))
    heights = np.array(values, dtype=float)
    outer = [
        0.0 if inward > 0 and draw(st.booleans()) else -draw(st.sampled_from([0.5, 1.0, 4.0]))
        for inward in (heights[0], -heights[-1])
    ]
    slopes = np.concatenate([outer[:1], np.diff(heights) / np.diff(knots), outer[1:]])
    return PiecewiseLinear(knots, heights, slopes)


@given(scores())
def test_modes_are_those_of_a_grid(score):
    # Whole numbers and their twelfths: knots are among the places, and so are crossings up to a step.
    places = np.arange(score.knots[0] - 12, score.knots[-1] + 12, 1 / 24)
    values = score(places)
    found = falls(values)
    modes_found = modes_of(score)
    assert modes_found.size == len(found)
    for index, mode in zip(found, modes_found, strict=True):
        after = index + 1 + int(np.argmax(values[index + 1 :] < 0))
        assert mode == pytest.approx(0.5 * (places[index] + places[after]), abs=1 / 24)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([1, 0, 0, -1], [1.5]),  # flat on top
        ([1, 0, 1, -1], [2.5]),  # touches zero from above
        ([-1, 0, -1, -2], [-1.0]),  # from below: the mode is in the tail
        ([0, 0, 0, 0], [1.5]),
        ([1, -1, 1, -1], [0.5, 2.5]),
        ([1, 1, 1, 1], [4.0]),
        ([0, 0, -1, -1], [0.5]),
    ],
)
def test_modes_where_a_score_is_zero(values, expected):
    values = np.array(values, dtype=float)
    slopes = np.concatenate([[-1.0], np.diff(values), [-1.0]])
    np.testing.assert_array_equal(modes_of(PiecewiseLinear(np.arange(4.0), values, slopes)), expected)


def literal_number(x, weights, beta):
    """The number of modes of what the front door finds: the score's signs at its kinks and far away."""
    solution = cs.solve(cs.ScoreMatching(x, weights), beta, skip=True, tails="integrable")
    width = np.ptp(x)
    far = np.linspace(x.min() - 1e4 * width, x.max() + 1e4 * width, 11)
    return len(falls(solution.network(np.sort(np.concatenate([far, solution.network.kinks])))))


@pytest.mark.parametrize("n_modes", [1, 2])
@pytest.mark.parametrize("name", ["random", "clustered", "weighted", "tied", "heavy"])
def test_the_critical_decay_is_that_of_a_literal_search(name, n_modes):
    x, weights = make_data("random" if name == "heavy" else name, 30, seed=4)
    if name == "heavy":
        x = np.sinh(2 * x)
    program = UnivariateProgram.from_objective(cs.ScoreMatching(x, weights), "relu", True)
    found = critical_decay(program, n_modes)
    bounds = program_bounds(program)
    grid = np.geomspace(bounds.linear, bounds.minimum * 1.0001, 40)
    few = np.array([literal_number(x, weights, beta) <= n_modes for beta in grid])
    if few.all():
        assert found < grid[-2]
    else:
        first = int(np.argmin(few))
        assert grid[first] <= found <= grid[first - 1] * (1 + 1e-8)
    assert literal_number(x, weights, found * (1 + 1e-6)) <= n_modes
    if found > 1.001 * least_decay(program):
        assert literal_number(x, weights, found * (1 - 1e-4)) > n_modes


def test_scores_are_those_of_the_front_door():
    x, _ = make_data("random", 40, seed=2)
    heavy = np.sinh(2 * x)
    programs, betas = [], np.array([3.0, 6.0, 3.0, 6.0])
    for data in (x, x, heavy, heavy):
        programs.append(UnivariateProgram.from_objective(cs.ScoreMatching(data), "relu", True))
    for many in (modes._MANY, 1):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(modes, "_MANY", many)
            found = integrable_scores(programs, betas)
        for program, beta, score in zip(programs, betas, found, strict=True):
            solution = cs.solve(program.position, beta, skip=True, tails="integrable")
            reach = 2 * np.ptp(program.position)
            places = np.linspace(program.position[0] - reach, program.position[-1] + reach, 50)
            expected = solution.network(places)
            np.testing.assert_allclose(score(places), expected, atol=1e-8 * np.abs(expected).max())
