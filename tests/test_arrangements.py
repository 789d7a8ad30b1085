"""Activation patterns against brute force by linear programs, known counts, and rational arithmetic."""

import itertools
import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

import convexscore as cs

# The functions of data; `iter_patterns` checks its arguments when it is first asked for a block.
OF_DATA = {
    "enumerate": cs.enumerate_patterns,
    "closed": lambda X, bias=False: cs.enumerate_patterns(X, bias, closed=True),
    "iter": lambda X, bias=False: list(cs.iter_patterns(X, bias)),
    "count": cs.count_patterns,
    "sample": lambda X, bias=False: cs.sample_patterns(X, 3, bias),
}


# Twins


def solution_of(rows, signs):
    """Return a vector with these signs (-1, 0, 1) over the first rows, at height 1 or more; else None."""
    signs = np.array(signs)
    cut = signs != 0
    program = linprog(
        np.zeros(rows.shape[1]),
        A_ub=-signs[cut, None] * rows[: signs.size][cut] if cut.any() else None,
        b_ub=-np.ones(cut.sum()) if cut.any() else None,
        A_eq=None if cut.all() else rows[: signs.size][~cut],
        b_eq=None if cut.all() else np.zeros((~cut).sum()),
        bounds=(None, None),
        method="highs-ds",
    )
    return program.x if program.status == 0 else None


def sign_vectors(rows, choices):
    """Return all sign vectors of these signs that some vector has over the rows, grown row by row."""
    grown = {(): np.zeros(rows.shape[1])}
    for row in rows:
        longer = {}
        for signs, point in grown.items():
            height = row @ point
            for choice in choices:
                # The point of the parent serves one child, and spares its program.
                serves = choice * height > 0.5
                found = point if serves else solution_of(rows, (*signs, choice))
                if found is not None:
                    longer[(*signs, choice)] = found
        grown = longer
    return list(grown)


def with_ones(X, bias):
    """The rows whose signs the patterns are."""
    return np.column_stack([X, np.ones(len(X))]) if bias else np.asarray(X, dtype=float)


def cells_by_programs(X, bias):
    """Return the set of patterns of full-dimensional cells."""
    rows = with_ones(X, bias)
    cut = rows.any(axis=1)
    patterns = set()
    for signs in sign_vectors(rows[cut], (-1, 1)):
        pattern = np.ones(len(rows), dtype=bool)
        pattern[cut] = np.array(signs) > 0
        patterns.add(tuple(pattern.tolist()))
    return patterns


def literal_by_programs(X, bias):
    """Return the set of patterns of all faces."""
    vectors = sign_vectors(with_ones(X, bias), (-1, 0, 1))
    return {tuple(sign >= 0 for sign in signs) for signs in vectors}


# What patterns are compared by


def as_set(signs):
    """Return rows of signs as a set, after checking that none comes twice."""
    rows = {tuple(row) for row in signs.tolist()}
    assert len(rows) == len(signs)
    return rows


def pattern_set(X, bias=False, **options):
    return as_set(cs.enumerate_patterns(X, bias, **options).signs)


def exact_heights(rows, points):
    """Return the heights of points over rows as rationals."""
    rows, points = (
        [[Fraction(entry) for entry in row] for row in array.tolist()] for array in (rows, points)
    )
    return [[sum(a * b for a, b in zip(row, u, strict=True)) for row in rows] for u in points]


def exactly_inside(patterns):
    """Whether each witness is strictly on its side of every row that is not zero, without rounding."""
    rows = patterns.rows[patterns.rows.any(axis=1)]
    sides = patterns.signs[:, patterns.rows.any(axis=1)].tolist()
    heights = exact_heights(rows, patterns.witnesses)
    return np.array(
        [
            all(height != 0 and (height > 0) == side for height, side in zip(*pair, strict=True))
            for pair in zip(heights, sides, strict=True)
        ]
    )


def check_witnesses(patterns):
    rows, inside = patterns.rows, patterns.witnesses
    assert inside.shape == (len(patterns), rows.shape[1])
    assert (patterns.margins > 0).all()
    np.testing.assert_array_equal(inside @ rows.T >= 0, patterns.signs)
    assert exactly_inside(patterns).all()
    if rows.any():
        np.testing.assert_allclose(np.linalg.norm(inside, axis=1), 1.0, rtol=1e-12)


@st.composite
def matrices(draw, largest=7, widest=4):
    """Draw small integer matrices; most are degenerate on purpose."""
    n, d = draw(st.integers(1, largest)), draw(st.integers(1, widest))
    rng = np.random.default_rng(draw(st.integers(0, 10**6)))
    X = rng.integers(-2, 3, (n, d))
    kind = draw(st.sampled_from(["plain", "repeated", "opposite", "collinear", "holes", "flat", "zero"]))
    others = rng.integers(0, n, n)
    chosen = rng.random(n) < 0.5
    if kind == "repeated":
        X[chosen] = X[others][chosen]
    elif kind == "opposite":
        X[chosen] = -X[others][chosen]
    elif kind == "collinear":
        X = rng.integers(-2, 3, n)[:, None] * X[0] + X[-1]
    elif kind == "holes":
        X[chosen] = 0
    elif kind == "flat":
        # Rank at most two.
        X = rng.integers(-2, 3, (n, 2)) @ rng.integers(-1, 2, (2, d))
    elif kind == "zero":
        X[:] = 0
    return X.astype(float)


def cube(n):
    return np.array(list(itertools.product([-1.0, 1.0], repeat=n)))


def resonance(n):
    return np.array(list(itertools.product([0.0, 1.0], repeat=n)))[1:]


def braid(n):
    return np.array([np.eye(n)[i] - np.eye(n)[j] for i, j in itertools.combinations(range(n), 2)])


def type_b(n):
    pairs = list(itertools.combinations(np.eye(n), 2))
    return np.array([*np.eye(n), *(a - b for a, b in pairs), *(a + b for a, b in pairs)])


def grid(p):
    return np.array(list(itertools.product(range(p), repeat=2)), dtype=float)


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


# Samples


@pytest.mark.parametrize(("n_samples", "bias"), [(1, False), (40, True), (25_000, False)])
def test_samples_are_some_of_the_patterns(n_samples, bias):
    X = np.random.default_rng(5).standard_normal((10, 3))
    X[4], X[5], X[6] = 0, X[0], -X[1]
    every = cs.enumerate_patterns(X, bias)
    found = cs.sample_patterns(X, n_samples, bias, rng=2)
    assert as_set(found.signs) <= as_set(every.signs)
    assert 1 <= len(found) <= n_samples
    assert found.total == len(every)
    assert found.fraction == len(found) / len(every)
    assert found.complete == (len(found) == len(every))
    check_witnesses(found)


def test_samples_are_reproducible():
    X = np.random.default_rng(5).standard_normal((12, 3))
    once, again = cs.sample_patterns(X, 50, rng=3), cs.sample_patterns(X, 50, rng=np.random.default_rng(3))
    np.testing.assert_array_equal(once.signs, again.signs)
    np.testing.assert_array_equal(once.witnesses, again.witnesses)
    assert as_set(once.signs) != as_set(cs.sample_patterns(X, 50, rng=4).signs)


def test_samples_of_data_with_too_many_patterns_to_count():
    found = cs.sample_patterns(np.random.default_rng(0).standard_normal((400, 8)), 30, rng=0)
    assert (found.total, found.fraction, found.complete) == (None, None, False)


# Patterns and cones


@pytest.mark.parametrize("bias", [False, True])
def test_cones_hold_their_own_witness_and_no_other(bias):
    X = np.array([[1.0, 0.5], [-0.3, 2.0], [0.0, 0.0], [1.5, -1.0], [2.0, 1.0]])
    patterns = cs.enumerate_patterns(X, bias)
    inside = np.array([patterns.cone(j).contains(patterns.witnesses) for j in range(len(patterns))])
    # Zero rows hold every vector from either side.
    np.testing.assert_array_equal(inside, np.eye(len(patterns), dtype=bool))
    assert bool(patterns.cone(0).contains(patterns.witnesses[0]))


def test_cones_are_closed_and_have_a_tolerance():
    cone = cs.Cone(np.eye(2))
    assert cone.contains([[0.0, 0.0], [1.0, 0.0], [1.0, -1e-9]]).tolist() == [True, True, False]
    assert cone.contains([1.0, -1e-9], tol=1e-8)


def test_margins_are_distances_to_the_nearest_line():
    X = np.array([[3.0, 4.0], [1.0, 0.0], [0.0, 0.0], [-20.0, 1.0]])
    patterns = cs.enumerate_patterns(X)
    lines = X[X.any(axis=1)] / np.linalg.norm(X[X.any(axis=1)], axis=1, keepdims=True)
    np.testing.assert_allclose(patterns.margins, np.abs(patterns.witnesses @ lines.T).min(axis=1))


def test_forms_of_patterns():
    patterns = cs.enumerate_patterns(np.random.default_rng(1).standard_normal((11, 3)))
    assert patterns.signs.dtype == bool
    assert patterns.plus_minus.dtype == np.int8
    np.testing.assert_array_equal(patterns.plus_minus, 2 * patterns.signs.astype(int) - 1)
    assert patterns.packed.shape == (len(patterns), 2)
    np.testing.assert_array_equal(np.unpackbits(patterns.packed, axis=1, count=11), patterns.signs)


# Arguments


def test_one_dimensional_data_are_one_feature():
    assert pattern_set([1.0, 2.0, -1.0]) == {(True, True, False), (False, False, True)}
    assert pattern_set([0.0, 1.0], bias=True) == pattern_set([[0.0, 1.0], [1.0, 1.0]])


@pytest.mark.parametrize("call", OF_DATA.values(), ids=OF_DATA)
@pytest.mark.parametrize(
    ("X", "error", "message"),
    [
        ([[1.0, np.nan]], ValueError, "X: expected finite numbers"),
        ([[1.0], [-np.inf]], ValueError, "X: expected finite numbers"),
        (np.zeros((2, 2, 2)), ValueError, r"X: expected shape .*\(2, 2, 2\)"),
        ([], ValueError, "X: expected at least one sample"),
        (np.zeros((0, 3)), ValueError, "X: expected at least one sample"),
        (np.zeros((3, 0)), ValueError, "X: expected at least one sample and one feature"),
        ([["a"]], TypeError, "X: expected real numbers"),
        ([[1j]], TypeError, "X: expected real numbers"),
    ],
)
def test_bad_data(call, X, error, message):
    with pytest.raises(error, match=message):
        call(X)


@pytest.mark.parametrize("call", OF_DATA.values(), ids=OF_DATA)
def test_bias_is_a_flag(call):
    with pytest.raises(TypeError, match="bias: expected True or False, got 1"):
        call([[1.0]], bias=1)


def test_more_patterns_than_asked_for():
    X = np.random.default_rng(0).standard_normal((10, 3))
    with pytest.raises(ValueError, match=r"max_patterns: .* 92, got 91"):
        cs.enumerate_patterns(X, max_patterns=91)
    assert len(cs.enumerate_patterns(X, max_patterns=92)) == 92
    # The true number counts, not that of general position.
    assert cs.pattern_count(25, 3) > 174
    assert len(cs.enumerate_patterns(grid(4), bias=True, max_patterns=174)) == 174
    with pytest.raises(ValueError, match=r"max_patterns: .* 174, got 173"):
        cs.enumerate_patterns(grid(4), bias=True, max_patterns=173)
    with pytest.raises(ValueError, match=rf"max_patterns: .*{cs.pattern_count(300, 6)}, got 10"):
        cs.enumerate_patterns(np.random.default_rng(0).standard_normal((300, 6)), max_patterns=10)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: cs.enumerate_patterns([1.0], closed="yes"), TypeError, "closed: "),
        (lambda: cs.enumerate_patterns([1.0], max_patterns=0), ValueError, "max_patterns: "),
        (lambda: cs.enumerate_patterns([1.0], max_patterns=2.5), TypeError, "max_patterns: "),
        (lambda: cs.enumerate_patterns([1.0], n_jobs=0), ValueError, "n_jobs"),
        (lambda: cs.enumerate_patterns([1.0], n_jobs="all"), (TypeError, ValueError), "n_jobs"),
        (lambda: next(cs.iter_patterns([1.0], block_size=1)), ValueError, "block_size: "),
        (lambda: next(cs.iter_patterns([1.0], block_size=8.0)), TypeError, "block_size: "),
        (lambda: cs.sample_patterns([1.0], 0), ValueError, "n_samples: "),
        (lambda: cs.sample_patterns([1.0], 1.5), TypeError, "n_samples: "),
        (lambda: cs.pattern_count(0, 1), ValueError, "n: "),
        (lambda: cs.pattern_count(1, 0), ValueError, "rank: "),
        (lambda: cs.pattern_count(2.0, 1), TypeError, "n: "),
    ],
)
def test_bad_arguments(call, error, message):
    with pytest.raises(error, match=message):
        call()


@pytest.mark.parametrize("size", [1e-200, 5e-324, 1e160, 1.7e307])
def test_margins_and_samples_do_not_depend_on_the_length_of_rows(size):
    X = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [2.0, 2.0, 0.0], [0.0, 1.0, 4.0]])
    plain, scaled = cs.enumerate_patterns(X), cs.enumerate_patterns(X * size)
    np.testing.assert_allclose(scaled.margins, plain.margins, rtol=1e-12)
    assert cs.sample_patterns(X * size, 2000, rng=0).fraction == 1.0


def test_a_stream_draws_another_frame_only_before_it_has_begun(monkeypatch):
    X = np.array([[1, 0, 0], [0, 1, 0], [1, 1, 0], [0, 0, 1], [1, 0, 1], [0, 1, 1]], dtype=float)
    whole = len(cs.enumerate_patterns(X))
    # Fixed vectors of so few bits are often at a right angle to something.
    monkeypatch.setattr("convexscore.arrangements.cells._BITS", (1, 1, 1))
    assert len(cs.enumerate_patterns(X)) == whole
    with pytest.raises(cs.ConvergenceError, match="enumerate_patterns can retry"):
        list(cs.iter_patterns(X))


@pytest.mark.parametrize("n_jobs", [0, 1.5, "a", True])
def test_the_number_of_workers_is_checked_at_once(n_jobs):
    for function in (cs.enumerate_patterns, cs.iter_patterns):
        with pytest.raises(ValueError, match="n_jobs: expected an integer other than 0, got"):
            function(np.eye(3), n_jobs=n_jobs)
    with pytest.raises(ValueError, match="block_size: expected an integer of at least 2"):
        cs.iter_patterns(np.eye(3), block_size=1)
    with pytest.raises(ValueError, match="rank: expected at most n = 3, got 5"):
        cs.pattern_count(3, 5)


@pytest.mark.parametrize("scale", [1e150, [1e-200, 1.0, 1e200], 1e-250])
def test_columns_of_any_size(scale):
    X = np.random.default_rng(0).standard_normal((6, 3))
    for bias in (False, True):
        assert len(cs.enumerate_patterns(X * scale, bias)) == cs.count_patterns(X * scale, bias)
    plain, tiny = ([[size, 1.0], [1.0, size], [1.0, 1.0]] for size in (0.1, 5e-324))
    literal = [cs.enumerate_patterns(rows, closed=True).signs.tolist() for rows in (plain, tiny)]
    assert sorted(literal[0]) == sorted(literal[1])
