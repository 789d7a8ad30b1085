"""Which violations the active sets act on, by hand."""

from types import SimpleNamespace

import numpy as np
import pytest

from convexscore.univariate.solvers.active_set import worst_of_each_run
from convexscore.univariate.solvers.log_concave_active_set import _one_worst


def test_the_worst_of_each_run_of_neighbours_of_one_sign():
    positions = np.array([2, 3, 4, 6, 7, 9])
    excess = np.array([1.0, 3.0, -2.0, -2.5, -9.0, 5.0])
    assert worst_of_each_run(positions, excess).tolist() == [1, 2, 4, 5]


def test_violations_below_a_twentieth_of_the_largest_wait():
    positions = np.array([1, 4, 8, 12])
    for scale in (1e-3, 1.0, 1e3):
        chosen = worst_of_each_run(positions, scale * np.array([100.0, 4.9, -5.1, 20.0]))
        assert chosen.tolist() == [0, 2, 3]


@pytest.mark.parametrize(
    ("released", "positions", "flat"),
    # The larger of both is acted on, and a pair of kinks of equal excess comes together.
    [([1.0, 2.0], [5, 9], []), ([1.0, 7.0], [], [1]), ([], [5, 9], [])],
)
def test_one_violation_at_a_time_is_the_largest(released, positions, flat):
    prices = SimpleNamespace(
        positions=np.array([2, 5, 9]), excess=np.array([1.0, -3.0, 3.0]), released=np.array(released)
    )
    change = _one_worst(prices)
    assert change.positions.tolist() == positions
    assert change.signs.tolist() == [-1.0, 1.0][: len(positions)]
    assert change.released.tolist() == flat
