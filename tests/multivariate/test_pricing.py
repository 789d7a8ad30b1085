"""What pricers share: the best of two finds, and places far enough apart."""

import numpy as np

from convexscore.multivariate.pricing.base import Priced, spread_out
from convexscore.multivariate.program import Neurons


def priced(values):
    """Return a find whose neurons have their values as directions."""
    n = len(values)
    slope, nobody = np.ones((n, 2), dtype=np.int8), np.full(n, -1)
    return Priced(
        max(values), Neurons(slope, np.array(values)[:, None], nobody, nobody[:, None]), np.array(values)
    )


def test_the_best_of_two_finds_come_first():
    joined = priced([5.0, 2.0]).joined(priced([7.0, 3.0, 1.0]), 4)
    assert joined.largest == 7.0
    assert joined.values.tolist() == [7.0, 5.0, 3.0, 2.0]
    assert joined.neurons.direction[:, 0].tolist() == [7.0, 5.0, 3.0, 2.0]
    assert priced([5.0, 2.0]).joined(priced([3.0]), 2).values.tolist() == [5.0, 3.0]


def test_the_largest_stand_for_those_within_the_radius():
    places = np.array([[0.0, 0.0], [0.5, 0.0], [0.0, 0.51], [2.0, 0.0], [2.0, 0.4]])
    values = np.array([1.0, 5.0, 4.0, 2.0, 3.0])
    assert spread_out(places, values, 0.5, 10).tolist() == [1, 2, 4]
    assert spread_out(places, values, 0.5, 2).tolist() == [1, 2]
    assert spread_out(places, values, 0.3, 10).tolist() == [1, 2, 4, 3, 0]
