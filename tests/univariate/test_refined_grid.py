"""Where the grid of expected denoising is refined: tops of parabolas, by hand."""

import numpy as np

from convexscore.univariate.expected.train import _beside, _between, _clustered


def level_of(coefficients, both):
    """Return the values of a parabola ``a t^2 + b t + c``."""
    a, b, c = coefficients
    return a * both**2 + b * both + c


def test_between_ends_and_middle_the_top_of_the_parabola_is_wanted():
    grid = np.array([0.0, 2.0])
    both, middle = np.array([0.0, 1.0, 2.0]), np.array([1.0])
    # -(t - 1.25)^2 + 0.1
    top = level_of((-1.0, 2.5, 0.1 - 1.25**2), both)
    np.testing.assert_allclose(_between(top, grid, middle, 0.09), [1.25])
    assert _between(top, grid, middle, 0.11).size == 0
    # Tops beyond an end, and parabolas that open upwards: the middle, if it exceeds.
    for coefficients in ((-1.0, 5.0, 0.0), (0.25, -0.3, 1.0), (0.0, 1.0, 0.0)):
        level = level_of(coefficients, both)
        assert _between(level, grid, middle, level[1] - 0.01).tolist() == [1.0]
    upwards = level_of((0.25, -0.3, 1.0), both)
    assert _between(upwards, grid, middle, upwards[1] + 0.01).size == 0


def test_cells_are_told_apart():
    grid, middle = np.array([0.0, 2.0, 6.0]), np.array([1.0, 4.0])
    # Zero at the ends, and a top of 3/4 a quarter of the cell right of the second middle.
    level = np.array([0.0, -1.0, 0.0, 0.5, 0.5])
    np.testing.assert_allclose(_between(level, grid, middle, 0.1), [4.0 + 0.25 * 4.0])


def test_beside_a_position_the_top_of_its_own_parabola_is_wanted():
    grid, far = np.array([0.0, 1.0, 3.0]), np.full(3, -10.0)
    # 0.3 + 2 u - 4 u^2 right of 1: its top is a quarter away, and 0.25 higher.
    level, slope, bend = far.copy(), np.zeros(3), np.full(3, -1.0)
    level[1], slope[1], bend[1] = 0.3, 2.0, -8.0
    np.testing.assert_allclose(_beside(level, slope, bend, grid, 0.54), [1.25])
    assert _beside(level, slope, bend, grid, 0.56).size == 0
    np.testing.assert_allclose(_beside(level, -slope, bend, grid, 0.54), [0.75])
    # Beyond the neighbouring cell, left shorter than right, and upwards there is nothing.
    bend[1] = -1.5
    np.testing.assert_allclose(_beside(level, slope, bend, grid, 0.54), [1 + 4 / 3])
    assert _beside(level, -slope, bend, grid, 0.54).size == 0
    bend[1] = 8.0
    assert _beside(level, slope, bend, grid, 0.0).size == 0


def test_neighbours_of_one_sign_are_joined_at_their_mean():
    kinks, jumps = np.array([0.0, 0.1, 0.2, 1.0, 1.05]), np.array([1.0, 3.0, -1.0, 2.0, 2.0])
    np.testing.assert_allclose(_clustered(kinks, jumps, 0.15), [0.075, 0.2, 1.025])
    np.testing.assert_allclose(_clustered(kinks, jumps, 0.01), kinks)
    assert _clustered(kinks[:0], jumps[:0], 0.1).size == 0
