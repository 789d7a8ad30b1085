"""The kernel of wide networks as a sum over activation patterns."""

import numpy as np
import pytest

import convexscore as cs
from convexscore.baselines import ntk, pattern_weights

from .helpers import X


@pytest.mark.parametrize("columns", [1, 2, 3])
@pytest.mark.parametrize("bias", [False, True])
def test_the_kernel_is_the_sum_over_patterns(columns, bias):
    if columns + bias > 3:
        return
    points = np.random.default_rng(columns).standard_normal((8, columns))
    rows = np.column_stack([points, np.ones(8)]) if bias else points
    signs, p = cs.enumerate_patterns(points, bias).signs, pattern_weights(points, bias)
    summed = sum(w * np.outer(d, d) * (rows @ rows.T) for w, d in zip(p, signs.astype(float), strict=True))
    np.testing.assert_allclose(summed, ntk(rows, rows), atol=1e-13)


def test_five_points_have_ten_patterns():
    assert pattern_weights(X).shape == (10,)
    assert pattern_weights(X).sum() == pytest.approx(1.0, abs=1e-15)


def test_probabilities_of_higher_rank_are_drawn():
    points = np.vstack([np.random.default_rng(0).standard_normal((6, 4)), np.zeros(4)])
    with pytest.raises(
        ValueError, match="n_draws: expected a number of directions to draw for rows of rank 4"
    ):
        pattern_weights(points)
    n = 100_000
    p, signs = pattern_weights(points, n_draws=n, rng=0), cs.enumerate_patterns(points).signs.astype(float)
    assert p.sum() == pytest.approx(1.0)
    products = points @ points.T
    kernel = ((p[:, None] * signs).T @ signs) * products
    np.testing.assert_allclose(
        kernel, ntk(points, points), atol=5 * 0.5 * np.abs(products).max() / np.sqrt(n)
    )
    plane = points[:, :3]
    drawn = pattern_weights(plane, n_draws=n, rng=0)
    np.testing.assert_allclose(drawn, pattern_weights(plane), atol=5 * np.sqrt(0.25 / n))
    with pytest.raises(ValueError, match="rng: expected None without n_draws"):
        pattern_weights(plane, rng=0)
