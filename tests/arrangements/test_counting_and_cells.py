"""Activation patterns against brute force by linear programs, known counts, and rational arithmetic."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import convexscore as cs
from tests.arrangements.literal import (
    as_set,
    braid,
    cells_by_programs,
    check_witnesses,
    cube,
    exactly_inside,
    grid,
    literal_by_programs,
    matrices,
    pattern_set,
    resonance,
    type_b,
)

# Brute force


@settings(max_examples=50)
@given(X=matrices(), bias=st.booleans())
def test_cells_of_any_matrix(X, bias):
    expected = cells_by_programs(X, bias)
    patterns = cs.enumerate_patterns(X, bias)
    assert as_set(patterns.signs) == expected
    assert patterns.complete
    assert patterns.total == len(patterns) == len(expected) == cs.count_patterns(X, bias)
    assert patterns.fraction == 1.0
    assert patterns.signs[:, ~patterns.rows.any(axis=1)].all()
    check_witnesses(patterns)
    blocks = list(cs.iter_patterns(X, bias, block_size=5))
    assert as_set(np.concatenate([block.signs for block in blocks])) == expected
    for block in blocks:
        check_witnesses(block)


@settings(max_examples=12)
@given(X=matrices(largest=5, widest=3), bias=st.booleans())
def test_literal_patterns_of_any_matrix(X, bias):
    patterns = cs.enumerate_patterns(X, bias, closed=True)
    assert as_set(patterns.signs) == literal_by_programs(X, bias)
    assert patterns.total == len(patterns)
    assert pattern_set(X, bias) <= as_set(patterns.signs)


def test_both_signs_of_the_identity():
    X = np.concatenate([np.eye(2), -np.eye(2)])
    patterns = cs.enumerate_patterns(X, closed=True)
    assert len(patterns) == 9
    assert len(cs.enumerate_patterns(X)) == cs.count_patterns(X) == 4
    # On axes of coordinates no height is rounded, so faces have their patterns exactly.
    np.testing.assert_array_equal(patterns.witnesses @ X.T >= 0, patterns.signs)


def test_rows_that_are_all_zero():
    patterns = cs.enumerate_patterns(np.zeros((3, 2)))
    assert patterns.signs.tolist() == [[True] * 3]
    assert patterns.witnesses.shape == (1, 2)
    assert cs.count_patterns(np.zeros((3, 2))) == 1
    assert [block.signs.tolist() for block in cs.iter_patterns(np.zeros((3, 2)))] == [[[True] * 3]]
    assert pattern_set(np.zeros((3, 2)), closed=True) == {(True,) * 3}
    assert pattern_set(np.zeros((3, 2)), bias=True) == {(True,) * 3, (False,) * 3}


# Known numbers


@pytest.mark.parametrize(("n", "d"), [(1, 1), (5, 1), (9, 2), (4, 6), (14, 3), (12, 4), (9, 5), (8, 6)])
def test_general_position(n, d):
    X = np.random.default_rng(n).standard_normal((n, d))
    rank = min(n, d)
    expected = 2 * sum(math.comb(n - 1, k) for k in range(rank))
    patterns = cs.enumerate_patterns(X)
    assert cs.pattern_count(n, rank) == cs.count_patterns(X) == len(as_set(patterns.signs)) == expected
    assert (patterns.margins > 0).all()
    np.testing.assert_array_equal(patterns.witnesses @ X.T >= 0, patterns.signs)


@pytest.mark.parametrize(("n", "expected"), [(1, 4), (2, 14), (3, 104), (4, 1882), (5, 94572)])
def test_linear_threshold_functions(n, expected):
    assert cs.count_patterns(cube(n), bias=True) == expected
    patterns = cs.enumerate_patterns(cube(n), bias=True)
    assert len(patterns) == expected
    assert len(np.unique(patterns.packed, axis=0)) == expected


@pytest.mark.parametrize(("n", "expected"), [(1, 2), (2, 6), (3, 32), (4, 370), (5, 11292)])
def test_resonance_arrangement(n, expected):
    assert cs.count_patterns(resonance(n)) == len(pattern_set(resonance(n))) == expected


@pytest.mark.parametrize("n", [3, 4, 5, 6])
def test_braid_arrangement(n):
    assert cs.count_patterns(braid(n)) == len(pattern_set(braid(n))) == math.factorial(n)


@pytest.mark.parametrize("n", [2, 3, 4])
def test_reflections_of_the_cube(n):
    assert cs.count_patterns(type_b(n)) == len(pattern_set(type_b(n))) == 2**n * math.factorial(n)


@pytest.mark.parametrize("n", [2, 3, 4, 5])
def test_crosspolytope(n):
    # Each coordinate is below, between or above -b and b, or b and -b; where none is between, b may be zero.
    X = np.concatenate([np.eye(n), -np.eye(n)])
    assert cs.count_patterns(X, bias=True) == len(pattern_set(X, bias=True)) == 2 * 3**n - 2**n


@pytest.mark.parametrize(("p", "expected"), [(3, 58), (4, 174), (5, 402), (6, 838)])
def test_grid_of_points(p, expected):
    patterns = cs.enumerate_patterns(grid(p), bias=True)
    assert cs.count_patterns(grid(p), bias=True) == len(as_set(patterns.signs)) == expected
    # No witness is closer to a line than the arrangement itself is fine.
    assert patterns.margins.min() > 1e-4
    assert exactly_inside(patterns).all()


def test_pattern_count_of_full_rank_is_all_sign_vectors():
    assert [cs.pattern_count(n, n) for n in range(1, 9)] == [2**n for n in range(1, 9)]
    assert cs.pattern_count(100, 4) == 323600


# Exactness


@settings(max_examples=30)
@given(X=matrices(), seed=st.integers(0, 10**6))
def test_lengths_of_rows_do_not_matter(X, seed):
    rng = np.random.default_rng(seed)
    # Odd factors of up to 40 bits, so that no product is rounded, and powers of two from 2^-150 to 2^150.
    factors = np.ldexp(2.0 * rng.integers(0, 2**39, len(X)) + 1, rng.integers(-150, 151, len(X)))
    scaled = X * factors[:, None]
    assert pattern_set(scaled) == pattern_set(X)
    assert cs.count_patterns(scaled) == cs.count_patterns(X)


@settings(max_examples=60)
@given(X=matrices(), bits=st.sampled_from([3, 8, 13, 16, 19, 25, 30, 49]), seed=st.integers(0, 10**6))
def test_coordinates_do_not_matter(X, bits, seed):
    """Rows of numbers of many lengths, hence of every type of integers, dependent as small integers are."""
    rng = np.random.default_rng(seed)
    # Sums of four products with entries up to 2: at most 53 bits.
    basis = rng.integers(-(2**bits), 2**bits, (X.shape[1], X.shape[1])).astype(float)
    assume(np.linalg.cond(basis) < 1e6)
    dense = np.ldexp(X @ basis, 200)
    assert pattern_set(dense) == pattern_set(X)
    assert cs.count_patterns(dense) == cs.count_patterns(X)


@pytest.mark.parametrize("bits", [10, 14, 18, 22, 30, 40, 50])
def test_lattices_in_skewed_coordinates(bits):
    """Many coincidences, and determinants on both sides of what floats and machine integers hold."""
    rows = np.array(list(itertools.product(range(-1, 2), repeat=3)), dtype=float)
    rng = np.random.default_rng(bits)
    basis = rng.integers(-(2**bits), 2**bits, (3, 3)).astype(float)
    assert pattern_set(rows @ basis) == pattern_set(rows)
    assert cs.count_patterns(rows @ basis) == cs.count_patterns(rows) == 96


@pytest.mark.parametrize("factor", [2.0**53 - 1, (2.0**53 - 1) * 2.0**100, (2.0**52 + 1) * 2.0**-300])
def test_degenerate_data_of_long_numbers(factor):
    assert len(pattern_set(braid(5) * factor)) == 120
    assert cs.count_patterns(type_b(3) * factor) == 48


def test_one_unit_in_the_last_place_is_a_different_line():
    above = np.nextafter(1.0, 2.0)
    assert pattern_set([[1.0, 1.0], [1.0, 1.0]]) == {(True, True), (False, False)}
    patterns = cs.enumerate_patterns([[1.0, 1.0], [1.0, above]])
    assert len(patterns) == cs.count_patterns([[1.0, 1.0], [1.0, above]]) == 4
    assert exactly_inside(patterns).all()
    fan = [[1.0, 1.0], [1.0, above], [1.0, np.nextafter(above, 2.0)], [3.0, 3.0]]
    assert len(pattern_set(fan)) == cs.count_patterns(fan) == 6


@pytest.mark.parametrize("bits", [30, 60, 200])
def test_thin_cells_that_hold_doubles_have_a_witness_inside(bits):
    """Coordinates of witnesses are as far apart as those of the rows, so these are found without rounding."""
    step = 2.0**-bits
    patterns = cs.enumerate_patterns([[1.0, step**k, step ** (2 * k)] for k in range(4)])
    assert len(patterns) == cs.pattern_count(4, 3)
    assert exactly_inside(patterns).all()


def test_three_points_on_a_line_or_not_quite():
    points = np.array([[0.0, 0.0], [1.0, 1.0], [2.0, 2.0]])
    assert len(pattern_set(points, bias=True)) == cs.count_patterns(points, bias=True) == 6
    points[2, 1] = np.nextafter(2.0, 3.0)
    assert len(pattern_set(points, bias=True)) == cs.count_patterns(points, bias=True) == 8


@pytest.mark.parametrize("seed", range(5))
def test_sums_of_rows_are_dependent_and_nothing_near_them_is(seed):
    rng = np.random.default_rng(seed)
    X = rng.integers(-(2**20), 2**20, (6, 4)) / 2.0**20
    X[2] = X[0] + X[1]
    moved = X.copy()
    column = rng.integers(4)
    moved[2, column] = np.nextafter(moved[2, column], 9.0)
    exact, general = cs.enumerate_patterns(X), cs.enumerate_patterns(moved)
    assert len(as_set(general.signs)) == cs.count_patterns(moved) == cs.pattern_count(6, 4)
    # Rows in the position of three vectors of a plane: two of the eight sign vectors of three are lost.
    assert len(as_set(exact.signs)) == cs.count_patterns(X) < len(general)
    lost = {pattern for pattern in as_set(general.signs) if pattern[0] == pattern[1] != pattern[2]}
    assert as_set(exact.signs) == as_set(general.signs) - lost
    assert exactly_inside(exact).all()
    # Cells as thin as rounding itself may hold no vector of doubles.
    assert exactly_inside(general)[general.margins > 1e-14].all()


@pytest.mark.parametrize("seed", range(5))
def test_wide_cells_beside_thin_ones_have_their_witness_inside(seed):
    rng = np.random.default_rng(seed)
    X = rng.integers(-(2**20), 2**20, (6, 4)) / 2.0**20
    X[2] = X[0] + X[1]
    # Cells of the degenerate data stay as wide when a row is moved by one unit in the last place.
    wide = as_set(cs.enumerate_patterns(X).signs)
    X[2, 0] = np.nextafter(X[2, 0], 9.0)
    patterns = cs.enumerate_patterns(X)
    are_wide = np.array([tuple(row) in wide for row in patterns.signs.tolist()])
    assert patterns.margins[are_wide].min() > 1e-8
    assert exactly_inside(patterns)[are_wide].all()


@pytest.mark.parametrize(("n", "d", "fewer"), [(40, 3, 2), (30, 4, 56)])
def test_one_coincidence_that_a_sample_of_determinants_misses(n, d, fewer):
    """Cells are made in floats then, and only those of doubtful sets exactly."""
    X = np.round(np.random.default_rng(3).standard_normal((n, d)) * 2.0**20) / 2.0**20
    general = cs.pattern_count(n, d)
    assert len(pattern_set(X)) == cs.count_patterns(X) == general
    # Of the sets that stand for half of the cells, {7, 9} is lost, and with it each of one row more.
    X[9] = X[3] - 2 * X[7]
    patterns = cs.enumerate_patterns(X)
    assert len(as_set(patterns.signs)) == cs.count_patterns(X) == general - fewer
    assert sum(len(block) for block in cs.iter_patterns(X, block_size=500)) == general - fewer
    assert (patterns.margins > 0).all()
    np.testing.assert_array_equal(patterns.witnesses @ X.T >= 0, patterns.signs)


# Symmetries and workers


@settings(max_examples=25)
@given(X=matrices(), bias=st.booleans(), seed=st.integers(0, 10**6))
def test_complements_and_orders_of_rows(X, bias, seed):
    patterns = cs.enumerate_patterns(X, bias)
    cut = patterns.rows.any(axis=1)
    found = as_set(patterns.signs)
    if cut.any():
        assert as_set(patterns.signs ^ cut) == found
    order = np.random.default_rng(seed).permutation(len(X))
    assert pattern_set(X[order], bias) == as_set(patterns.signs[:, order])


@pytest.mark.parametrize("X", [type_b(3), np.random.default_rng(0).standard_normal((12, 4))])
def test_workers_and_blocks_change_nothing(X):
    expected = pattern_set(X)
    assert pattern_set(X, n_jobs=2) == expected
    for block_size, n_jobs in [(2, 1), (3, 1), (7, 2), (100, 1), (10**6, 1)]:
        blocks = list(cs.iter_patterns(X, block_size=block_size, n_jobs=n_jobs))
        assert max(len(block) for block in blocks) <= block_size
        assert not any(block.complete for block in blocks)
        assert {(block.total, block.fraction) for block in blocks} == {(None, None)}
        assert as_set(np.concatenate([block.signs for block in blocks])) == expected
        assert all((block.margins > 0).all() for block in blocks)


def test_bar_of_progress_changes_nothing(capsys):
    X = type_b(3)
    assert pattern_set(X, progress=True) == pattern_set(X)
    assert "patterns" in capsys.readouterr().err


@pytest.mark.parametrize("scale", [1e150, [1e-200, 1.0, 1e200], 1e-250])
def test_columns_of_any_size(scale):
    X = np.random.default_rng(0).standard_normal((6, 3))
    for bias in (False, True):
        assert len(cs.enumerate_patterns(X * scale, bias)) == cs.count_patterns(X * scale, bias)
    plain, tiny = ([[size, 1.0], [1.0, size], [1.0, 1.0]] for size in (0.1, 5e-324))
    literal = [cs.enumerate_patterns(rows, closed=True).signs.tolist() for rows in (plain, tiny)]
    assert sorted(literal[0]) == sorted(literal[1])
