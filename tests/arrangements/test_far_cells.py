"""Cells of data far from zero: a rounding error wide in the units of their rows, and full of doubles."""

import numpy as np
import pytest

import convexscore as cs
from convexscore.arrangements.reduction import has_rank, reduce_rows
from tests.arrangements.literal import check_witnesses, exactly_inside


def lattice(rng, n, d):
    return np.unique(rng.integers(0, 4, (n, d)), axis=0).astype(float)


def normal(rng, n, d):
    return rng.standard_normal((n, d))


@pytest.mark.parametrize("offset", [1e4, 1e8, -1e8, 1e12])
@pytest.mark.parametrize("draw", [lattice, normal])
@pytest.mark.parametrize("d", [1, 2])
def test_witnesses_of_data_far_from_zero_are_inside(offset, draw, d):
    for seed in range(4):
        X = draw(np.random.default_rng(seed), 7, d) + offset
        patterns = cs.enumerate_patterns(X, bias=True)
        assert len(patterns) == cs.count_patterns(X, bias=True)
        check_witnesses(patterns)
        for j, witness in enumerate(patterns.witnesses):
            assert patterns.cone(j).contains(witness)


@pytest.mark.parametrize("bias", [False, True])
def test_witnesses_of_large_integers_are_inside(bias):
    for seed in range(4):
        X = np.round(np.random.default_rng(seed).standard_normal((6, 2)) * 2.0**54)
        check_witnesses(cs.enumerate_patterns(X, bias=bias))


def test_witnesses_between_neighbouring_doubles_are_inside():
    """Products over such rows are equal in floats: only whole numbers tell on which side a witness is."""
    X = 2.0**54 + 4 * np.arange(4.0)
    patterns = cs.enumerate_patterns(X, bias=True)
    assert len(patterns) == 8
    assert exactly_inside(patterns).all()


@pytest.mark.parametrize("scale", [1e-300, 1e300])
def test_witnesses_are_unit_vectors_at_every_scale(scale):
    for seed in range(4):
        X = scale * np.random.default_rng(seed).standard_normal((5, 3))
        check_witnesses(cs.enumerate_patterns(X, bias=True))


def test_gates_of_data_far_from_zero_have_the_patterns():
    """What is trained on patterns takes their witnesses as gates."""
    X = lattice(np.random.default_rng(0), 8, 2) + 1e8
    patterns = cs.enumerate_patterns(X, bias=True)
    gates, offsets = patterns.witnesses[:, :2], patterns.witnesses[:, 2]
    np.testing.assert_array_equal(X @ gates.T + offsets >= 0, patterns.signs.T)


class TestLimits:
    def test_more_patterns_than_allowed_are_refused_before_anything_is_reduced(self, monkeypatch):
        def reduced(rows):
            raise AssertionError("reduced")

        X = np.vstack([np.ones(3000), np.eye(3000)])
        monkeypatch.setattr("convexscore.arrangements.enumeration.reduced", reduced)
        monkeypatch.setattr("convexscore.arrangements.counting.reduced", reduced)
        with pytest.raises(
            ValueError, match=r"max_patterns: expected at least .* 2\^24 or more, got 10000000"
        ):
            cs.enumerate_patterns(X)
        assert cs.sample_patterns(X, 3, rng=0).total is None

    def test_many_rows_of_small_rank_are_not_refused(self):
        rng = np.random.default_rng(0)
        X = rng.integers(-3, 4, (120, 2)) @ rng.integers(-3, 4, (2, 110))
        assert len(cs.enumerate_patterns(X)) == cs.count_patterns(X)

    def test_ranks_modulo_a_prime_are_never_above_the_rank(self):
        rng = np.random.default_rng(1)
        for _ in range(50):
            X = rng.integers(-2, 3, (6, 5)).astype(float)
            rank = reduce_rows(X.tolist(), 5).rank
            assert has_rank(X, rank) or rank == 0
            assert not has_rank(X, rank + 1)
        # The determinant is the prime itself.
        assert not has_rank(np.array([[1.0, 1.0], [1.0, 2.0**31]]), 2)
