"""Weighted points: frequencies, standard units, folds."""

import numpy as np
import pytest

from convexscore.pooling.points import Points, held_out_masses, skewed_left, standardized


def points(values, mass=None):
    values = np.asarray(values, float)
    return Points.merged(values, np.ones(values.size) if mass is None else np.asarray(mass, float))


def test_moments_and_quantiles_are_those_of_the_repeated_values():
    rng = np.random.default_rng(0)
    value, count = np.sort(rng.standard_normal(20)), rng.integers(1, 9, 20)
    weighted, repeated = points(value, count), np.repeat(value, count)
    assert weighted.mean == pytest.approx(repeated.mean(), rel=1e-13)
    assert weighted.variance == pytest.approx(repeated.var(), rel=1e-13)
    assert weighted.total == repeated.size
    shares = np.array([0.0, 0.1, 0.25, 0.5, 0.77, 1.0])
    np.testing.assert_allclose(weighted.quantile(shares), np.quantile(repeated, shares), rtol=1e-12)


def test_equal_values_are_put_together():
    merged = points([0.0, 1.0, 1.0, 4.0], [1.0, 2.0, 0.5, 3.0])
    np.testing.assert_array_equal(merged.value, [0, 1, 4])
    np.testing.assert_array_equal(merged.mass, [1, 2.5, 3])


def test_the_spread_of_data_that_are_half_tied_is_the_deviation():
    tied = points([0.0, 1.0, 5.0], [8.0, 1.0, 1.0])
    assert tied.spread == np.sqrt(tied.variance)
    free = points(np.arange(101.0))
    assert free.spread == np.sqrt(free.variance) < 50 / 1.34
    peaked = points([-9.0, -1.0, 0.0, 1.0, 9.0], [1.0, 4.0, 4.0, 4.0, 1.0])
    assert peaked.spread == pytest.approx(2 / 1.34)


def test_units_add_up_to_the_masses():
    weighted = points([0.0, 1.0, 2.0], [3.0, 0.4, 2.5])
    index, mass = weighted.units(100)
    np.testing.assert_allclose(np.bincount(index, mass), weighted.mass)
    np.testing.assert_allclose(mass, [1, 1, 1, 0.4, 1, 1, 0.5])
    index, mass = points([0.0, 1.0], [3e9, 1e9]).units(1000)
    assert index.size <= 1001
    np.testing.assert_allclose(np.bincount(index, mass), [3e9, 1e9])


def test_folds_share_all_points_evenly_and_at_random():
    weighted = points(np.arange(40.0), np.repeat([1.0, 2.0, 3.0, 4.0], 10))
    masses = held_out_masses(weighted.mass, 5, np.random.default_rng(0))
    np.testing.assert_allclose(masses.sum(axis=0), weighted.mass)
    np.testing.assert_allclose(masses.sum(axis=1), 20.0)
    # Not in blocks, and not each value evenly.
    assert (masses[0] > 0).sum() > 10
    assert masses[:, 30:].std() > 0


@pytest.mark.parametrize("shift", [0.0, 1e6, -3e8])
def test_standard_units_have_mean_zero_and_variance_one(shift):
    rng = np.random.default_rng(1)
    x = np.sort(rng.standard_gamma(2.0, 50)) + shift
    z, frame = standardized(Points.merged(x, np.ones(50)))
    assert z.mean == pytest.approx(0, abs=1e-14)
    assert z.variance == pytest.approx(1, rel=1e-13)
    np.testing.assert_allclose(frame.outward(z.value), x, rtol=1e-15)
    np.testing.assert_allclose(frame.inward(x), z.value, atol=1e-14)


@pytest.mark.parametrize("exponent", [-330, -60, 1, 330])
def test_powers_of_two_change_no_digit(exponent):
    x = np.sort(np.random.default_rng(2).standard_normal(31))
    z, frame = standardized(Points.merged(x, np.ones(31)))
    scaled, other = standardized(Points.merged(np.ldexp(x, exponent), np.ones(31)))
    np.testing.assert_array_equal(z.value, scaled.value)
    assert other.scale == np.ldexp(frame.scale, exponent)


def test_the_direction_is_that_of_the_first_odd_moment():
    right = points([-1.0, -0.5, 0.0, 3.0])
    assert not skewed_left(right)
    assert skewed_left(right.mirrored())
    symmetric = points([-2.0, -1.0, 0.1 - 0.1, 1.0, 2.0])
    assert not skewed_left(symmetric)
    assert not skewed_left(symmetric.mirrored())
    # First and third moments zero, the fifth not: masses a, b, c at -2, 1, 3 with -2a + b + 3c = 0 and
    # -8a + b + 27c = 0, so c = a/4 and b = 5a/4; then -32a + 5a/4 + 243a/4 > 0.
    fifth = points([-2.0, 1.0, 3.0], [4.0, 5.0, 1.0])
    assert not skewed_left(fifth)
    assert skewed_left(fifth.mirrored())


def test_bins_and_neighbours_keep_mass_and_mean():
    many = points(np.sort(np.random.default_rng(3).standard_normal(1000)), np.linspace(1, 2, 1000))
    for fewer in (many.binned(0.05, 100), many.coarse(150)):
        assert fewer.value.size < 200
        assert (np.diff(fewer.value) > 0).all()
        assert fewer.total == pytest.approx(many.total, rel=1e-13)
        assert fewer.mean == pytest.approx(many.mean, abs=1e-13)
    assert many.binned(0.05, 1000) is many
    assert many.coarse(1000) is many
