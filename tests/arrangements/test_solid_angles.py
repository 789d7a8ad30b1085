"""Solid angles of cells, against how many directions fall into them and against what they must add up to."""

import numpy as np
import pytest

import convexscore as cs
from convexscore.arrangements.solid_angles import cell_shares, rank_of


def shares_of(X, bias=False):
    patterns = cs.enumerate_patterns(X, bias)
    return patterns, cell_shares(patterns, rank_of(patterns))


def counted(patterns, n=200_000):
    """The share of normal directions with each pattern."""
    cut = patterns.rows.any(axis=1)
    signs = np.random.default_rng(0).standard_normal((n, patterns.rows.shape[1])) @ patterns.rows.T >= 0
    signs[:, ~cut] = True
    found, times = np.unique(signs, axis=0, return_counts=True)
    number = {row.tobytes(): k for k, row in enumerate(found)}
    return (
        np.array([times[number[row.tobytes()]] if row.tobytes() in number else 0 for row in patterns.signs])
        / n
    )


CASES = {
    "nothing": (np.zeros((2, 3)), False),
    "a line": (np.array([[1.0, 2.0], [-2.0, -4.0]]), False),
    "circle": (np.random.default_rng(1).standard_normal((7, 2)), False),
    "one feature": (np.array([[-1.5], [-0.4], [0.2], [0.9], [2.0], [0.2]]), True),
    "sphere": (np.random.default_rng(2).standard_normal((8, 3)), False),
    "the plane": (np.random.default_rng(3).standard_normal((8, 2)), True),
    "a lattice": (np.array([[i, j] for i in range(3) for j in range(3)], dtype=float), True),
    "three of five columns": (np.random.default_rng(4).integers(-2, 3, (7, 3)) @ np.eye(3, 5, 1), False),
    "orthants": (np.eye(3), False),
    "zero and parallel rows": (np.array([[0.0, 0, 0], [1, 0, 0], [-2, 0, 0], [0, 1, 1], [0, 0, 3]]), False),
}


@pytest.mark.parametrize("case", CASES)
def test_shares_are_those_of_directions(case):
    patterns, shares = shares_of(*CASES[case])
    assert shares.sum() == pytest.approx(1.0, abs=1e-13)
    # Opposite cells are equal.
    number = {row.tobytes(): k for k, row in enumerate(patterns.signs)}
    cut = patterns.rows.any(axis=1)
    opposite = [number[np.where(cut, ~row, row).tobytes()] for row in patterns.signs]
    np.testing.assert_allclose(shares[opposite], shares, atol=1e-13)
    expected = counted(patterns)
    np.testing.assert_allclose(shares, expected, atol=5 * np.sqrt(0.25 / 200_000))


def test_shares_of_one_feature_are_gaps_between_angles():
    x = np.array([-1.5, -0.4, 0.2, 0.9, 2.0])
    patterns, shares = shares_of(x, True)
    lines = np.sort(np.concatenate([np.arctan2(1.0, x) + 0.5 * np.pi, np.arctan2(1.0, x) - 0.5 * np.pi]))
    gaps = np.diff(np.append(lines, lines[0] + 2 * np.pi)) / (2 * np.pi)
    middle = lines + np.pi * gaps
    signs = np.column_stack([np.cos(middle), np.sin(middle)]) @ np.vstack([x, np.ones(5)]) >= 0
    number = {row.tobytes(): k for k, row in enumerate(patterns.signs)}
    np.testing.assert_allclose(shares[[number[row.tobytes()] for row in signs]], gaps, atol=4e-16)


def test_orthants_and_slivers_have_the_shares_that_they_must():
    np.testing.assert_allclose(shares_of(np.eye(3))[1], 0.125, rtol=1e-14)
    # A lune of angle 1e-9, cut by a third plane.
    patterns, shares = shares_of([[1.0, 0, 0], [1.0, 1e-9, 0], [0, 0, 1.0]])
    thin = patterns.signs[:, 0] != patterns.signs[:, 1]
    np.testing.assert_allclose(shares[thin], 1e-9 / (4 * np.pi), rtol=1e-5)
    np.testing.assert_allclose(shares[~thin].sum(), 1 - 1e-9 / np.pi, rtol=1e-12)
    # One that no witness's digits tell from its neighbours.
    shares = shares_of([[1.0, 0, 0], [1.0, 1e-15, 0], [0, 0, 1.0], [0, 1.0, 1.0]])[1]
    assert shares.sum() == pytest.approx(1.0, abs=1e-12)
    assert shares.min() >= -1e-15


def test_scales_of_rows_do_not_count():
    X = np.random.default_rng(5).standard_normal((6, 3))
    scales = 2.0 ** np.array([-600, 0, 300, 5, -3, 1])[:, None]
    np.testing.assert_allclose(shares_of(scales * X)[1].sum(), 1.0, atol=1e-13)
    np.testing.assert_allclose(np.sort(shares_of(scales * X)[1]), np.sort(shares_of(X)[1]), atol=1e-13)


@pytest.mark.parametrize("angle", [1e-2, 1e-4, 1e-6, 1e-9, 1e-12])
def test_nearly_parallel_planes_lose_no_digits(angle):
    # The probability that two given rows are both active is known: (pi - angle) / (2 pi).
    rng = np.random.default_rng(0)
    turn = np.linalg.qr(rng.standard_normal((3, 3)))[0]
    X = np.vstack([np.array([[1.0, 0, 0], [1.0, angle, 0], [0, 0, 1.0]]) @ turn, rng.standard_normal((5, 3))])
    patterns, shares = shares_of(X)
    signs = patterns.signs.astype(float)
    both = (shares[:, None] * signs).T @ signs
    np.testing.assert_allclose(both * (X @ X.T), cs.baselines.ntk(X, X), atol=2e-14)
    assert shares.min() > 0
