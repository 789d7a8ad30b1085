"""Affine coordinates in which data have mean zero and unit covariance, the same for all their affine images.

Whitening leaves a rotation open, which the eigenvectors of ``E |z|^2 z z'`` settle (Cardoso 1989), their
signs by third moments.  So the fit of mapped data is the mapped fit, for every affine map, whatever is drawn
at random on the way.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from .._support.frozen import Frozen
from .._support.validation import FloatArray
from .scaling import unit_scale

__all__ = ["AffineFrame", "whitening"]

# Deviations below this share of the largest are rounding: the data are in a hyperplane.
_IN_HYPERPLANE = 1e-10
_FURTHEST = 1e120


@dataclass(frozen=True, eq=False)
class AffineFrame(Frozen):
    """How data are mapped to standard coordinates: ``z = W (x - origin - shift)``.

    Parameters
    ----------
    origin : ndarray of shape (n_features,)
        One of the data.
    shift : ndarray of shape (n_features,)
        The mean of differences to it.
    matrix, inverse : ndarray of shape (n_features, n_features)
        ``W`` and its inverse.
    """

    origin: FloatArray
    shift: FloatArray
    matrix: FloatArray
    inverse: FloatArray

    @classmethod
    def identity(cls, n_features: int) -> AffineFrame:
        """Return the frame in which data stay as they are."""
        return cls(np.zeros(n_features), np.zeros(n_features), np.eye(n_features), np.eye(n_features))

    @property
    def n_features(self) -> int:
        """The number of coordinates."""
        return int(self.origin.size)

    def width(self, standard: float) -> float:
        """Return a width in standard coordinates, where it has one number."""
        return standard

    def pulled_back(self, score: FloatArray) -> FloatArray:
        """Return scores in standard coordinates in those of the data."""
        return score @ self.matrix

    def spread_out(self, covariance: FloatArray) -> FloatArray:
        """Return a covariance in standard coordinates in those of the data."""
        return self.inverse @ covariance @ self.inverse.T

    def outside(self, x: FloatArray) -> NDArray[np.bool_]:
        """Return which rows are where no data can be: none."""
        return np.zeros(len(x), dtype=bool)

    def inward(self, x: FloatArray) -> FloatArray:
        """Return points in standard coordinates; those too far out for squares are brought nearer."""
        limit = _FURTHEST / np.abs(self.matrix).max()
        with np.errstate(over="ignore"):
            return np.clip(x - self.origin - self.shift, -limit, limit) @ self.matrix.T

    def outward(self, z: FloatArray) -> FloatArray:
        """Return points in the coordinates of the data."""
        return self.origin + (self.shift + z @ self.inverse.T)

    @cached_property
    def log_scale(self) -> float:
        """Log of the volume that the unit cube of standard coordinates has in the data's."""
        return -float(np.linalg.slogdet(self.matrix)[1])


def whitening(value: FloatArray, mass: FloatArray) -> tuple[FloatArray, AffineFrame]:
    """Return points in standard coordinates, and the frame that leads there.

    Parameters
    ----------
    value : ndarray of shape (n_values, n_features)
        Points.
    mass : ndarray of shape (n_values,)
        How many there are of each.

    Raises
    ------
    ValueError
        If the points are in a hyperplane.
    """
    origin = value[len(value) // 2]
    columns = [unit_scale(column) for column in (value - origin).T]
    offsets, exponents = np.stack([column for column, _ in columns], axis=1), [power for _, power in columns]
    total = mass.sum()
    shift = mass @ offsets / total
    centred = offsets - shift
    W = _whitener(centred * np.sqrt(mass / total)[:, None])
    z = centred @ W.T
    R = _rotation(z, mass)
    W = R @ W
    z = z @ R.T
    frame = AffineFrame(
        origin,
        np.ldexp(shift, exponents),
        np.ldexp(W, -np.array(exponents)),
        np.ldexp(np.linalg.inv(W), np.array(exponents)[:, None]),
    )
    return z, frame


def _whitener(rows: FloatArray) -> FloatArray:
    n_features = rows.shape[1]
    # Of the rows themselves: the squares of their covariance would bury thin directions in rounding.
    _, size, axes = np.linalg.svd(rows, full_matrices=False)
    rank = int(np.sum(size > _IN_HYPERPLANE * size[0]))
    if rank < n_features:
        raise ValueError(
            f"X: expected points that are not all in line or in a hyperplane, got {len(rows)} distinct ones "
            f"of {n_features} features that span {rank} dimensions"
        )
    return axes / size[:, None]


def _rotation(z: FloatArray, mass: FloatArray) -> FloatArray:
    squares = np.sum(z**2, axis=1) * mass
    _, axes = np.linalg.eigh((z * squares[:, None]).T @ z)
    turned = z @ axes
    skewed = mass @ turned**3
    return (axes * np.where(skewed < 0, -1.0, 1.0)).T
