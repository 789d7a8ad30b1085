"""Distances of points whose squares may be no floats, and their ratios to a bandwidth of any size."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.spatial.distance import cdist, pdist

from .._support.validation import FloatArray
from .scaling import calm, exponent_of

__all__ = ["Bandwidth", "distances", "pair_distances"]

# Coordinates whose largest is below 2^500 and whose smallest, but for zeros, is above 2^-450 of it have
# differences with squares that are floats.
_LARGE, _SPREAD = 500, 450
# Farther than this many bandwidths, as a power of two, every kernel is zero to rounding.
_FAR = 900


def distances(a: FloatArray, b: FloatArray) -> tuple[FloatArray, int]:
    """Return all distances of rows of `a` from rows of `b`, divided by ``2^e``, and ``e``."""
    if _squares_are_floats(a, b):
        exponent = exponent_of(a, b)
        return cdist(np.ldexp(a, -exponent), np.ldexp(b, -exponent)), exponent
    (a, b), exponent = calm(a, b)
    return _lengths(a[:, None] - b), exponent


def pair_distances(points: FloatArray) -> tuple[FloatArray, int]:
    """Return the distances of all pairs of points, divided by ``2^e``, and ``e``."""
    if _squares_are_floats(points):
        exponent = exponent_of(points)
        return pdist(np.ldexp(points, -exponent)), exponent
    (points,), exponent = calm(points)
    rows = [_lengths(points[i + 1 :] - points[i]) for i in range(len(points))]
    return np.concatenate(rows), exponent


@dataclass(frozen=True)
class Bandwidth:
    """A length ``h = mantissa 2^exponent``, and points in units of ``2^exponent``.

    Parameters
    ----------
    mantissa : float
        Between 1/2 and 1.
    exponent : int
        The power of two.
    """

    mantissa: float
    exponent: int

    @classmethod
    def of(cls, value: float, exponent: int = 0) -> Bandwidth:
        """Return the bandwidth ``value 2^exponent``."""
        mantissa, own = np.frexp(value)
        return cls(float(mantissa), int(own) + exponent)

    def squares(self, a: FloatArray, b: FloatArray) -> FloatArray:
        """Return ``||x - y||^2 / h^2`` for rows of `a` and `b`, infinite where it is no float."""
        if self._holds(a, b):
            return cdist(self._in_units(a), self._in_units(b), "sqeuclidean") / self.mantissa**2
        with np.errstate(over="ignore"):
            return (_lengths(self._differences(a, b)) / self.mantissa) ** 2

    def pulls(self, a: FloatArray, b: FloatArray, s: FloatArray, t: FloatArray) -> FloatArray:
        """Return ``<t - s, x - y>`` for points ``x`` of `a` with vectors `s` and ``y`` of `b` with `t`.

        In units of ``2^exponent``; where points are so far apart that kernels are zero, some finite number.
        """
        if self._holds(a, b):
            a, b = self._in_units(a), self._in_units(b)
            # Products far from the origin would cancel.
            center = b.mean(axis=0)
            a, b = a - center, b - center
            own, other = np.einsum("id,id->i", a, s), np.einsum("id,id->i", b, t)
            return a @ t.T + s @ b.T - own[:, None] - other
        gaps = np.clip(self._differences(a, b), -(2.0**_FAR), 2.0**_FAR)
        return np.einsum("ijd,jd->ij", gaps, t) - np.einsum("ijd,id->ij", gaps, s)

    def _holds(self, a: FloatArray, b: FloatArray) -> bool:
        return exponent_of(a, b) - self.exponent <= _LARGE

    def _in_units(self, points: FloatArray) -> FloatArray:
        return np.ldexp(points, -self.exponent)

    def _differences(self, a: FloatArray, b: FloatArray) -> FloatArray:
        (a, b), shift = calm(a, b)
        with np.errstate(over="ignore"):
            return np.ldexp(a[:, None] - b, shift - self.exponent)


def _squares_are_floats(*points: FloatArray) -> bool:
    sizes = np.abs(np.concatenate([array.ravel() for array in points]))
    least, most = sizes[sizes > 0].min(initial=np.inf), sizes.max(initial=0.0)
    return bool(most == 0 or np.frexp(most)[1] - np.frexp(least)[1] < _SPREAD)


def _lengths(vectors: FloatArray) -> FloatArray:
    """Return Euclidean lengths over the last axis, without squares that overflow or vanish."""
    with np.errstate(over="ignore"):
        return np.hypot.reduce(np.abs(vectors), axis=-1)
