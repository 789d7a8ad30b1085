"""Weighted points on the line: distinct values, how often each came, and what folds make of them.

Weights are frequencies: a value of weight three is three points, here and in the folds.  Everything starts
from sorted distinct values in standard units, so that neither the order of rows, nor the units of the data,
nor their direction has a part in what is drawn at random.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._support.frozen import Frozen
from .._support.validation import FloatArray
from ..numerics.scaling import times_power, unit_scale
from ..objectives import ScoreMatching
from ..univariate.program import WHOLE_LINE

__all__ = ["Frame", "Points", "held_out_masses", "skewed_left", "standardized", "units_of_mass"]

# Points are cut into at most about this many units that go to folds as a whole.
_MOST_UNITS = 4_000_000
# Odd moments, over the absolute ones, below which data count as symmetric.
_SYMMETRIC = 1e-9


@dataclass(frozen=True, eq=False)
class Points(Frozen):
    """Distinct values and their masses.

    Parameters
    ----------
    value : ndarray of shape (n_values,)
        Ascending, distinct.
    mass : ndarray of shape (n_values,)
        Positive: how many points there are of each.
    limits : tuple of two floats
        Between which there can be points, infinite where there is no limit; none is on one.
    """

    value: FloatArray
    mass: FloatArray
    limits: tuple[float, float] = WHOLE_LINE

    @classmethod
    def merged(cls, value: FloatArray, mass: FloatArray, limits: tuple[float, float] = WHOLE_LINE) -> Points:
        """Return the points of sorted values, equal ones put together."""
        starts = np.flatnonzero(np.concatenate([[True], value[1:] > value[:-1]]))
        if starts.size == value.size:
            return cls(value, mass, limits)
        return cls(value[starts], np.add.reduceat(mass, starts), limits)

    @property
    def limited(self) -> bool:
        """Whether there is a limit."""
        return self.limits != WHOLE_LINE

    @property
    def objective(self) -> ScoreMatching:
        """Score matching of the points, between their limits."""
        return ScoreMatching(self.value, self.mass, self.limits)

    @cached_property
    def total(self) -> float:
        """The number of points."""
        return float(self.mass.sum())

    @cached_property
    def mean(self) -> float:
        """The mean."""
        return float(np.average(self.value, weights=self.mass))

    @cached_property
    def variance(self) -> float:
        """The variance, normalized by the number of points."""
        return float(np.average((self.value - self.mean) ** 2, weights=self.mass))

    @cached_property
    def spread(self) -> float:
        """The smaller of deviation and scaled interquartile range; the deviation where the latter is zero."""
        low, high = self.quantile(np.array([0.25, 0.75]))
        deviation = float(np.sqrt(self.variance))
        return min(deviation, float(high - low) / 1.34) or deviation

    def quantile(self, shares: FloatArray) -> FloatArray:
        """Return the values below which these shares of the points lie: `numpy.quantile` of all of them."""
        ranks = shares * (self.total - 1)
        below, last = np.floor(ranks), self.value.size - 1
        ends = np.cumsum(self.mass)
        low, high = (
            self.value[np.minimum(np.searchsorted(ends, rank, side="right"), last)]
            for rank in (below, below + 1)
        )
        return low + (ranks - below) * (high - low)

    def mirrored(self) -> Points:
        """Return the points turned round."""
        limits = -self.limits[1], -self.limits[0]
        return Points(-self.value[::-1], self.mass[::-1], limits)

    def with_mass(self, mass: FloatArray) -> Points:
        """Return the points with other masses, without those of mass zero."""
        kept = mass > 0
        return replace(self, value=self.value[kept], mass=mass[kept])

    def units(self, most: int) -> tuple[NDArray[np.intp], FloatArray]:
        """Take the points apart; see `units_of_mass`."""
        return units_of_mass(self.mass, most)

    def binned(self, width: float, most: int) -> Points:
        """Return the means of the points in bins of this width if there are more than `most` values."""
        if self.value.size <= most:
            return self
        return self._grouped(np.floor(self.value / width))

    def coarse(self, most: int) -> Points:
        """Return the means of neighbours, at most `most` of them."""
        each = -(-self.value.size // most)
        return self if each == 1 else self._grouped(np.arange(self.value.size) // each)

    def _grouped(self, group: NDArray[Any]) -> Points:
        starts = np.flatnonzero(np.concatenate([[True], group[1:] != group[:-1]]))
        mass = np.add.reduceat(self.mass, starts)
        return Points.merged(np.add.reduceat(self.mass * self.value, starts) / mass, mass, self.limits)


@dataclass(frozen=True)
class Frame:
    """How data are standardized: ``z = (x - origin - shift) / scale``.

    Parameters
    ----------
    origin : float
        One of the data, so that differences to it are rounded once.
    shift : float
        The mean of these differences.
    scale : float
        The standard deviation.
    support : tuple of two floats
        Limits in the units of the data, infinite where there is none.
    """

    origin: float
    shift: float
    scale: float
    support: tuple[float, float] = WHOLE_LINE

    @property
    def limits(self) -> tuple[float, float]:
        """The support in standard units."""
        low, high = self.inward(np.array(self.support)).tolist()
        return low, high

    @property
    def n_features(self) -> int:
        """One."""
        return 1

    @property
    def log_scale(self) -> float:
        """The log of the scale, by which log densities differ."""
        return float(np.log(self.scale))

    def width(self, standard: float) -> float:
        """Return a width in standard units in the data's."""
        return standard * self.scale

    def pulled_back(self, score: FloatArray) -> FloatArray:
        """Return scores in standard units in the data's."""
        return score / self.scale

    def spread_out(self, variance: FloatArray) -> FloatArray:
        """Return the covariance, shape ``(1, 1)``, of a variance in standard units."""
        return self.scale**2 * variance.reshape(1, 1)

    def outside(self, x: FloatArray) -> NDArray[np.bool_]:
        """Return which points are outside the support."""
        return (x < self.support[0]) | (x > self.support[1])

    def beyond(self, x: FloatArray, values: FloatArray, ends: tuple[float, float]) -> FloatArray:
        """Return values at points, with those given for points on the lower limit or below, and the upper."""
        low, high = self.support
        return np.where(x <= low, ends[0], np.where(x >= high, ends[1], values))

    def inward(self, x: FloatArray) -> FloatArray:
        """Return points of the data's units in standard ones."""
        with np.errstate(over="ignore"):
            return (x - self.origin - self.shift) / self.scale

    def outward(self, z: FloatArray) -> FloatArray:
        """Return points of the standard units in the data's, on the support whatever the rounding."""
        with np.errstate(over="ignore"):
            return np.clip(self.origin + (self.shift + self.scale * z), *self.support)


def standardized(data: Points) -> tuple[Points, Frame]:
    """Return data in standard units, and the frame that leads there.

    Powers of two, and shifts that round no difference, change no digit of the points.
    """
    x, mass = data.value, data.mass
    origin = float(x[x.size // 2])
    offsets, exponent = unit_scale(x - origin)
    shift = float(np.average(offsets, weights=mass))
    deviation = float(np.sqrt(np.average((offsets - shift) ** 2, weights=mass)))
    frame = Frame(origin, times_power(shift, exponent), times_power(deviation, exponent), data.limits)
    return Points.merged((offsets - shift) / deviation, mass, frame.limits), frame


def skewed_left(points: Points) -> bool:
    """Return whether the first odd moment that is not zero to rounding is negative.

    Turned round where it is, data and their mirror image lead to the same numbers, whatever is drawn at
    random on the way.
    """
    z, mass = points.value, points.mass
    reach = np.abs(z).max()
    for order in (3, 5, 7):
        powers = (z / reach) ** order
        moment = float(np.sum(mass * powers))
        if abs(moment) > _SYMMETRIC * float(np.sum(mass * np.abs(powers))):
            return moment < 0
    return False


def units_of_mass(mass: FloatArray, most: int) -> tuple[NDArray[np.intp], FloatArray]:
    """Take masses apart, and return which of them each unit is of and the mass of the unit.

    A unit is one point, or more where there would be more than about `most`; what is left of a mass after
    whole units is a smaller one.
    """
    size = max(1.0, float(mass.sum()) / most)
    count = np.ceil(mass / size).astype(np.intp)
    parts = np.full(int(count.sum()), size)
    parts[np.cumsum(count) - 1] = mass - (count - 1) * size
    return np.repeat(np.arange(mass.size), count), parts


def held_out_masses(mass: FloatArray, n_folds: int, rng: np.random.Generator) -> FloatArray:
    """Assign points to folds at random, and return the mass of each value in each, (n_folds, n_values)."""
    index, parts = units_of_mass(mass, _MOST_UNITS)
    fold = rng.permutation(np.arange(index.size) % n_folds)
    return np.stack([np.bincount(index, np.where(fold == k, parts, 0.0), mass.size) for k in range(n_folds)])
