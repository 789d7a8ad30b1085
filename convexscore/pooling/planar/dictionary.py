"""Conservative networks over a fixed set of neurons, and the moments that folds and weight decays share.

Score matching over networks ``s(x) = sum_k a_k u_k sigma(u_k'x + b_k) + b2 + S x``, ``S`` symmetric, with
given neurons is

    min  1/2 a'G a + c'a + beta sum_k |a_k|,

with the best ``b2`` and ``S`` for each ``a``.  Moments are sums over the points, so those of training parts
are differences, and all weight decays share them.  With ReLU and skip connection half of the directions are
enough, as ``sigma(t) - sigma(-t) = t``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..._support.validation import FloatArray
from .points import PlanarPoints

__all__ = ["Dictionary", "Moments", "Projected"]

_DIRECTIONS, _OFFSETS = 36, 24
# Free fields: two constants, and three entries of S.
_FREE = 5
# Points handled at once: points times neurons stay small.
_BLOCK = 2000
# Added to the diagonal, as a share of it.
_RIDGE = 1e-9
# Points this close to a kink are counted half.
_ON_KINK = 1e-9


@dataclass(frozen=True, eq=False)
class Moments:
    """Sums over points, neurons first and free fields last.

    Parameters
    ----------
    gram : ndarray of shape (n, n)
        Products of fields, weighted by the points' masses.
    trace : ndarray of shape (n,)
        Divergences of fields.
    """

    gram: FloatArray
    trace: FloatArray

    def __add__(self, other: Moments) -> Moments:
        return Moments(self.gram + other.gram, self.trace + other.trace)

    def __sub__(self, other: Moments) -> Moments:
        return Moments(self.gram - other.gram, self.trace - other.trace)


@dataclass(frozen=True, eq=False)
class Dictionary:
    """Neurons ``relu(u'x + b)`` with kinks at quantiles of the points' projections.

    Parameters
    ----------
    directions : ndarray of shape (n_neurons, 2)
        Unit vectors, in half a turn.
    offsets : ndarray of shape (n_neurons,)
        Biases.
    """

    directions: FloatArray
    offsets: FloatArray

    @classmethod
    def of(cls, points: PlanarPoints) -> Dictionary:
        """Return the neurons for some points."""
        angles = np.pi * (np.arange(_DIRECTIONS) + 0.5) / _DIRECTIONS
        u = np.stack([np.cos(angles), np.sin(angles)], axis=1)
        # An irrational place between quantiles, so that kinks seldom meet data.
        shares = (np.arange(_OFFSETS) + np.sqrt(2.0) - 1) / _OFFSETS
        knots = points.projected_quantiles(u, shares)
        return cls(np.repeat(u, _OFFSETS, axis=0), -knots.ravel())

    def moments(self, points: PlanarPoints) -> Moments:
        """Return the sums over some points."""
        size = len(self.offsets) + _FREE
        gram, trace = np.zeros((size, size)), np.zeros(size)
        k = len(self.offsets)
        for start in range(0, len(points.value), _BLOCK):
            part, mass = points.value[start : start + _BLOCK], points.mass[start : start + _BLOCK]
            value, slope = self._values(part)
            fields = self._free_fields(part)
            weighted = mass[:, None] * value
            gram[:k, :k] += weighted.T @ value
            for axis in range(2):
                cross = weighted.T @ fields[:, axis]
                gram[:k, k:] += self.directions[:, axis, None] * cross
                gram[k:, k:] += fields[:, axis].T @ (mass[:, None] * fields[:, axis])
            trace[:k] += mass @ slope
            trace[k + 2 : k + 4] += mass.sum()
        gram[:k, :k] *= self.directions @ self.directions.T
        gram[k:, :k] = gram[:k, k:].T
        return Moments(gram, trace)

    def scores(self, points: FloatArray, coefficients: FloatArray) -> FloatArray:
        """Return the score of coefficients of neurons and free fields, shape ``(n_points, 2)``."""
        value, _ = self._values(points)
        k = len(self.offsets)
        bent = (value * coefficients[:k]) @ self.directions
        return bent + self._free_fields(points) @ coefficients[k:]

    def correlations(self, points: FloatArray, coefficients: FloatArray) -> FloatArray:
        """Return what each point of mass one adds to the derivative by each coefficient."""
        value, slope = self._values(points)
        score = self.scores(points, coefficients)
        free = np.einsum("naf,na->nf", self._free_fields(points), score)
        free[:, 2:4] += 1.0
        return np.hstack([value * (score @ self.directions.T) + slope, free])

    def line_correlations(self, points: PlanarPoints) -> FloatArray:
        """Return the derivatives about ``-x``, the best score without neurons where the covariance is one."""
        value, slope = self._values(points.value)
        return points.mass @ (slope - value * (points.value @ self.directions.T))

    def _values(self, points: FloatArray) -> tuple[FloatArray, FloatArray]:
        height = points @ self.directions.T + self.offsets
        return np.maximum(height, 0.0), 0.5 * (np.sign(np.where(np.abs(height) < _ON_KINK, 0.0, height)) + 1)

    @staticmethod
    def _free_fields(points: FloatArray) -> FloatArray:
        """Return ``e1, e2, x1 e1, x2 e2, x2 e1 + x1 e2`` at points, shape ``(n_points, 2, 5)``."""
        fields = np.zeros((len(points), 2, _FREE))
        fields[:, 0, 0] = fields[:, 1, 1] = 1.0
        fields[:, 0, 2], fields[:, 1, 3] = points[:, 0], points[:, 1]
        fields[:, 0, 4], fields[:, 1, 4] = points[:, 1], points[:, 0]
        return fields


@dataclass(frozen=True, eq=False)
class Projected:
    """The quadratic program with the best free part for each ``a``, which is ``-free - to_free a``.

    Parameters
    ----------
    G, c : ndarray of shapes (n_neurons, n_neurons), (n_neurons,)
        Of the quadratic program.
    to_free, free : ndarray of shapes (5, n_neurons), (5,)
        Of the free part.
    """

    G: FloatArray
    c: FloatArray
    to_free: FloatArray
    free: FloatArray

    @classmethod
    def of(cls, moments: Moments) -> Projected:
        """Eliminate the free part."""
        k = len(moments.trace) - _FREE
        P, Q = moments.gram[k:, k:], moments.gram[:k, k:]
        solved = np.linalg.solve(P, np.column_stack([Q.T, moments.trace[k:]]))
        to_free, free = solved[:, :k], solved[:, k]
        G = moments.gram[:k, :k] - Q @ to_free
        c = moments.trace[:k] - Q @ free
        G[np.diag_indices(k)] *= 1 + _RIDGE
        return cls(G, c, np.asarray(to_free), np.asarray(free))

    def complete(self, a: FloatArray) -> FloatArray:
        """Return coefficients of neurons and free fields."""
        return np.concatenate([a, -self.free - self.to_free @ a])
