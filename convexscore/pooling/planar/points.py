"""Weighted points in the plane, and the coordinates in which members are fitted.

Data are whitened and turned: whitening leaves a rotation open, which the eigenvectors of ``E |z|^2 z z'``
settle (Cardoso 1989), their signs by third moments.  So the fit of mapped data is the mapped fit, for every
affine map, whatever is drawn at random on the way.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ..._support.frozen import Frozen
from ..._support.validation import FloatArray
from ...numerics.scaling import unit_scale

__all__ = ["PlanarFrame", "PlanarPoints", "whitened"]

# Variances below this share of the largest are rounding: the data are in line.
_IN_LINE = 1e-20
_FURTHEST = 1e120
_GOLDEN = 0.5 * (np.sqrt(5.0) - 1)


@dataclass(frozen=True, eq=False)
class PlanarPoints(Frozen):
    """Distinct points and their masses.

    Parameters
    ----------
    value : ndarray of shape (n_values, 2)
        Distinct rows.
    mass : ndarray of shape (n_values,)
        Positive: how many points there are of each.
    """

    value: FloatArray
    mass: FloatArray

    @cached_property
    def total(self) -> float:
        """The number of points."""
        return float(self.mass.sum())

    @cached_property
    def mean(self) -> FloatArray:
        """The mean."""
        return self.mass @ self.value / self.total

    @cached_property
    def covariance(self) -> FloatArray:
        """The covariance, normalized by the number of points."""
        centred = self.value - self.mean
        return (centred * self.mass[:, None]).T @ centred / self.total

    def with_mass(self, mass: FloatArray) -> PlanarPoints:
        """Return the points with other masses, without those of mass zero."""
        kept = mass > 0
        return PlanarPoints(self.value[kept], mass[kept])

    def projected_quantiles(self, directions: FloatArray, shares: FloatArray) -> FloatArray:
        """Return the quantiles of projections, shape ``(n_directions, n_shares)``."""
        found = np.empty((len(directions), len(shares)))
        for number, u in enumerate(directions):
            heights = self.value @ u
            order = np.argsort(heights)
            ends = np.cumsum(self.mass[order])
            middle = ends - 0.5 * self.mass[order]
            found[number] = np.interp(shares * self.total, middle, heights[order])
        return found

    @property
    def spans_plane(self) -> bool:
        """Whether the points are not in line, nor all but so."""
        size = np.linalg.eigvalsh(self.covariance) if self.mass.size > 2 else np.zeros(2)
        return bool(size[0] > _IN_LINE * size[1])

    def jittered(self, width: float) -> PlanarPoints:
        """Return four points of a quarter of the mass around each; mean and covariance stay.

        They are at right angles, turned from one point to the next by the golden ratio of a turn, and `width`
        is their standard deviation in units of the points' own.
        """
        angle = 2 * np.pi * ((_GOLDEN * np.arange(len(self.mass))) % 1)[:, None] + 0.5 * np.pi * np.arange(4)
        moves = np.sqrt(2.0) * np.stack([np.cos(angle), np.sin(angle)], axis=-1)
        root = np.linalg.cholesky(self.covariance)
        moved = (self.value - self.mean)[:, None] + width * moves @ root.T
        value = self.mean + moved.reshape(-1, 2) / np.sqrt(1 + width**2)
        return PlanarPoints(value, np.repeat(self.mass / 4, 4))

    def coarse(self, most: int) -> PlanarPoints:
        """Return the means of cells of neighbours, at most `most`: halves of halves in both directions."""
        cell = np.zeros(len(self.mass), dtype=np.intp)
        count = 1
        while 2 * count <= most < len(self.mass):
            axis = int(np.log2(count)) % 2
            order = np.lexsort((self.value[:, 1 - axis], self.value[:, axis], cell))
            sizes = np.bincount(cell, minlength=count)
            place = np.arange(len(cell)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
            cell[order] = 2 * cell[order] + (place >= sizes[cell[order]] // 2)
            count *= 2
        if count == 1:
            return self
        mass = np.bincount(cell, self.mass, count).astype(float)
        sums = np.stack([np.bincount(cell, self.mass * column, count) for column in self.value.T], axis=1)
        return PlanarPoints(sums / mass[:, None], mass)


@dataclass(frozen=True, eq=False)
class PlanarFrame(Frozen):
    """How data are mapped to standard coordinates: ``z = W (x - origin - shift)``.

    Parameters
    ----------
    origin : ndarray of shape (2,)
        One of the data.
    shift : ndarray of shape (2,)
        The mean of differences to it.
    matrix, inverse : ndarray of shape (2, 2)
        ``W`` and its inverse.
    """

    origin: FloatArray
    shift: FloatArray
    matrix: FloatArray
    inverse: FloatArray

    @property
    def n_features(self) -> int:
        """Two."""
        return 2

    def width(self, standard: float) -> float:
        """Return a width in standard coordinates, where it has one number."""
        return standard

    def pulled_back(self, score: FloatArray) -> FloatArray:
        """Return scores in standard coordinates in those of the data."""
        return score @ self.matrix

    def spread_out(self, covariance: FloatArray) -> FloatArray:
        """Return a covariance in standard coordinates in those of the data."""
        return self.inverse @ covariance @ self.inverse.T

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
        """Log of the area that the unit square of standard coordinates has in the data's."""
        return -float(np.linalg.slogdet(self.matrix)[1])


def whitened(value: FloatArray, mass: FloatArray) -> tuple[PlanarPoints, PlanarFrame]:
    """Return points in standard coordinates, ordered there, and the frame that leads there."""
    origin = value[len(value) // 2]
    columns = [unit_scale(column) for column in (value - origin).T]
    offsets, exponents = np.stack([column for column, _ in columns], axis=1), [power for _, power in columns]
    total = mass.sum()
    shift = mass @ offsets / total
    centred = offsets - shift
    W = _whitener((centred * mass[:, None]).T @ centred / total)
    z = centred @ W.T
    R = _rotation(z, mass)
    W = R @ W
    z = z @ R.T
    frame = PlanarFrame(
        origin,
        np.ldexp(shift, exponents),
        np.ldexp(W, -np.array(exponents)),
        np.ldexp(np.linalg.inv(W), np.array(exponents)[:, None]),
    )
    order = np.lexsort((z[:, 1], z[:, 0]))
    return PlanarPoints(z[order], mass[order]), frame


def _whitener(covariance: FloatArray) -> FloatArray:
    size, axes = np.linalg.eigh(covariance)
    if size[0] <= _IN_LINE * size[1]:
        raise ValueError("X: expected points that are not all in line, got two features that one determines")
    return (axes / np.sqrt(size)).T


def _rotation(z: FloatArray, mass: FloatArray) -> FloatArray:
    squares = np.sum(z**2, axis=1) * mass
    _, axes = np.linalg.eigh((z * squares[:, None]).T @ z)
    turned = z @ axes
    skewed = mass @ turned**3
    return (axes * np.where(skewed < 0, -1.0, 1.0)).T
