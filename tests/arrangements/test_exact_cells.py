"""Witnesses in rational arithmetic alone, types in which integers stay exact, what is counted at all."""

import numpy as np
import pytest

import convexscore as cs
from convexscore.arrangements import cells, counting
from convexscore.arrangements.general_position import looks_general
from convexscore.arrangements.reduction import Reduction, reduce_rows
from tests.arrangements.literal import braid, check_witnesses, cube, grid, type_b


@pytest.mark.parametrize(
    ("X", "bias"),
    [(type_b(3), False), (braid(4), False), (cube(2), True), (grid(3), True)],
)
def test_points_in_rational_arithmetic_are_inside(monkeypatch, X, bias):
    """They stand in where floats cannot tell the sides of thin cells; programs may hide their errors."""

    def exact(self, members, positive):
        return np.array([self._exact_point(members[[k]], positive[k]) for k in range(len(members))])

    monkeypatch.setattr(cells.CellMaker, "points", exact)
    patterns = cs.enumerate_patterns(X, bias)
    assert len(patterns) == cs.count_patterns(X, bias)
    check_witnesses(patterns)


def test_a_point_goes_half_the_way_to_the_nearest_hyperplane():
    """From ``(-1, 1)``, on the third line and above the first, along ``(1, 0)`` until the second is near."""
    maker = cells.CellMaker([(0, 1), (1, 0), (1, 1)], cells.as_objects([[0, 1], [1, 3]]), 1)
    members = np.array([[2]])
    positive = maker.exact_signs(members)
    assert positive.tolist() == [[True, False, True]]
    np.testing.assert_allclose(maker._exact_point(members, positive[0]), np.array([-1, 2]) / np.sqrt(5))
    np.testing.assert_allclose(maker.points(members, positive)[0], np.array([-1, 2]) / np.sqrt(5))


@pytest.mark.parametrize(("largest", "expected"), [(2**10 - 2, float), (2**10 - 1, np.int64)])
def test_floats_are_taken_while_hadamards_bound_is_below_two_to_the_53(largest, expected):
    # 4 (m + 1)^2 2^10 2^21: of the lengths 2^10, 2^21, 2^5 the smallest is left out, and the last row is no
    # part of it.
    frame = [[2**10 - 1, 0, 0, 0], [0, 2**21 - 1, 0, 0], [0, 0, 2**5 - 1, 0], [0, 0, 0, 2**40]]
    normals = [[1, 1, 1, 1], [0, 0, -largest, 0]]
    assert cells._exact_type(cells.as_objects(normals), cells.as_objects(frame), 1) is expected


@pytest.mark.parametrize(("largest", "expected"), [(2**19 - 2, np.int64), (2**19 - 1, object)])
def test_python_integers_are_taken_from_two_to_the_62_on(largest, expected):
    # 4 (m + 1)^2 2^10 2^12
    frame = [[2**10 - 1, 0, 0, 0], [0, 2**12 - 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]
    assert cells._exact_type(cells.as_objects([[largest, 0, 0, 0]]), cells.as_objects(frame), 1) is expected


def test_without_members_all_fixed_vectors_count():
    # 2 (m + 1) (2^12) (2^20), for m + 1 = 2^20
    frame = cells.as_objects([[2**12 - 1, 0], [0, 2**20 - 1]])
    assert cells._exact_type(cells.as_objects([[2**20 - 2, 0]]), frame, 0) is float
    assert cells._exact_type(cells.as_objects([[2**20 - 1, 0]]), frame, 0) is np.int64


@pytest.mark.parametrize(
    ("n", "limit", "message"),
    [
        # 2^26 patterns: counted if the limit is a tenth of that or more.
        (26, 6_710_886, "up to 67108864, got 6710886"),
        (26, 6_710_887, "the number of patterns, 67108864, got 6710887"),
        # Up to fifty million there may be any limit.
        (25, 2, "the number of patterns, 33554432, got 2"),
        (3, 7, "the number of patterns, 8, got 7"),
    ],
)
def test_numbers_out_of_reach_are_not_counted(monkeypatch, n, limit, message):
    monkeypatch.setattr(counting, "_count", lambda reduction: 2**reduction.rank)
    with pytest.raises(ValueError, match=message):
        counting.require_at_most(reduce_rows(np.eye(n).tolist(), n), limit)


def test_a_limit_that_is_reached_exactly_is_kept():
    counting.require_at_most(reduce_rows(np.eye(3).tolist(), 3), 8)
    # Of the eight sign vectors of dependent rows two are lost; the bound alone would refuse this.
    dependent = reduce_rows([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [1.0, 1.0, 0.0], [0.0, 0.0, 1.0]], 3)
    assert cs.pattern_count(4, 3) == 14
    counting.require_at_most(dependent, 12)
    with pytest.raises(ValueError, match="the number of patterns, 12, got 11"):
        counting.require_at_most(dependent, 11)


@pytest.mark.parametrize("entry", [2**31 - 1, -(2**31 - 1), 2**31, -(2**31)])
@pytest.mark.parametrize("place", [0, 1])
def test_one_long_number_makes_all_normals_python_integers(entry, place):
    normals = [(1, 0), (0, 1)]
    normals[place] = (entry, 3)
    reduction = Reduction(normals, np.arange(2), np.ones(2, dtype=np.int8), np.arange(2))
    found = counting.integer_normals(reduction)
    assert found.dtype == (np.int64 if abs(entry) < 2**31 else object)
    assert found.tolist() == [list(normal) for normal in normals]


def test_a_sample_of_determinants_tells_general_position_from_many_coincidences():
    general = np.random.default_rng(0).standard_normal((8, 4))
    for rows, expected in ((general, True), (type_b(3), False), (braid(4), False), (type_b(2), True)):
        reduction = reduce_rows(rows.tolist(), rows.shape[1])
        assert looks_general(reduction.normals, np.random.default_rng(0)) is expected
