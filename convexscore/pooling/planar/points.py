"""Weighted points in the plane, in the coordinates in which members are fitted."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ..._support.frozen import Frozen
from ..._support.validation import FloatArray
from ...numerics.whitening import AffineFrame, whitening

__all__ = ["PlanarPoints", "whitened"]

# Variances below this share of the largest are rounding: the data are in line.
_IN_LINE = 1e-20
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


def whitened(value: FloatArray, mass: FloatArray) -> tuple[PlanarPoints, AffineFrame]:
    """Return points in standard coordinates, ordered there, and the frame that leads there."""
    z, frame = whitening(value, mass)
    order = np.lexsort((z[:, 1], z[:, 0]))
    return PlanarPoints(z[order], mass[order]), frame
