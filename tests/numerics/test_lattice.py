"""The spacing of rounded data."""

import numpy as np
import pytest

from convexscore.numerics.lattice import lattice_spacing


@pytest.mark.parametrize("width", [1e-3, 0.0254, 0.1, 1 / 3, 0.5, 7.0])
@pytest.mark.parametrize("n", [8, 30, 1000])
def test_the_spacing_of_rounded_data_is_found_wherever_they_are(width, n):
    for rng in np.random.default_rng(0).spawn(20):
        cells = np.rint(rng.standard_normal(n) * max(1.0, 0.2 / width)).astype(int)
        distances = np.diff(np.unique(cells))
        if distances.size < 4:
            continue
        expected = width * np.gcd.reduce(distances)
        x = width * cells
        # In other units, from another origin, standardized, in another order.
        for moved, scale in ((x, 1.0), (1024 * x + 3, 1024.0), (x + 1e5, 1.0), (x[::-1] / 2.54, 1 / 2.54)):
            assert lattice_spacing(moved) == pytest.approx(scale * expected, rel=1e-6)


@pytest.mark.parametrize("n", [3, 4, 5, 6, 10, 100, 3000])
def test_data_that_are_not_rounded_have_none(n):
    for rng in np.random.default_rng(1).spawn(50):
        assert lattice_spacing(rng.standard_normal(n)) == 0
        assert lattice_spacing(np.append(np.zeros(40), rng.standard_exponential(n))) == 0


def test_one_value_has_no_spacing_and_two_have_their_distance():
    assert lattice_spacing(np.array([3.0, 3.0])) == 0
    assert lattice_spacing(np.array([3.0, 5.5, 3.0])) == pytest.approx(2.5)


def test_multiples_need_not_be_neighbours():
    assert lattice_spacing(np.array([0.0, 6.0, 10.0, 25.0])) == pytest.approx(1.0)
    assert lattice_spacing(np.array([0.0, 6.0, 10.0, 26.0])) == pytest.approx(2.0)


def test_values_that_rounding_alone_tells_apart_are_one():
    x = np.array([0.1 + 0.2, 0.3, 0.4, 0.5, 0.9])
    assert lattice_spacing(x) == pytest.approx(0.1)
