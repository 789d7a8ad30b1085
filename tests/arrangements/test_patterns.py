"""Patterns as data: samples, cones, margins, and what the functions refuse."""

import numpy as np
import pytest

import convexscore as cs
from convexscore.arrangements import sampling
from tests.arrangements.literal import as_set, check_witnesses, grid, pattern_set

# The functions of data; `iter_patterns` checks its arguments when it is first asked for a block.
OF_DATA = {
    "enumerate": cs.enumerate_patterns,
    "closed": lambda X, bias=False: cs.enumerate_patterns(X, bias, closed=True),
    "iter": lambda X, bias=False: list(cs.iter_patterns(X, bias)),
    "count": cs.count_patterns,
    "sample": lambda X, bias=False: cs.sample_patterns(X, 3, bias),
}


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
    once, again = (cs.sample_patterns(X, 50, rng=3) for _ in range(2))
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


@pytest.mark.parametrize(
    ("n_jobs", "error", "message"),
    [
        (0, ValueError, "an integer other than 0, got 0"),
        (2**40, ValueError, "at most 10000 workers"),
        (1.5, TypeError, "an integer or None, got 1.5"),
        ("a", TypeError, "an integer or None, got 'a'"),
        (True, TypeError, "an integer or None, got True"),
    ],
)
def test_the_number_of_workers_is_checked_at_once(n_jobs, error, message):
    for function in (cs.enumerate_patterns, cs.iter_patterns):
        with pytest.raises(error, match=f"n_jobs: expected {message}"):
            function(np.eye(3), n_jobs=n_jobs)
    with pytest.raises(ValueError, match="block_size: expected an integer of at least 2"):
        cs.iter_patterns(np.eye(3), block_size=1)
    with pytest.raises(ValueError, match="rank: expected at most n = 3, got 5"):
        cs.pattern_count(3, 5)


def test_samples_are_drawn_in_blocks_and_not_one_more(monkeypatch):
    monkeypatch.setattr(sampling, "_BLOCK_SIZE", 10)
    X = np.random.default_rng(0).standard_normal((9, 3))
    source = np.random.default_rng(5)
    patterns = cs.sample_patterns(X, 25, rng=source)
    literal = np.random.default_rng(5)
    directions = literal.standard_normal((25, 3))
    assert as_set(patterns.signs) == {tuple(row) for row in (directions @ X.T >= 0).tolist()}
    # The generator stands where that many numbers leave it.
    assert source.standard_normal() == literal.standard_normal()
