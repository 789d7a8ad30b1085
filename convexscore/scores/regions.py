"""Boxes in the plane and turns of them, met by vertical lines: where a density with limits is not zero.

A region is where half planes ``n'x + c >= 0`` meet, with the vertices and the directions without end that a
box has; turned with the coordinates it stays one, while its faces are parallel to the axes no longer.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from .._support.validation import FloatArray
from ..objectives.support import Box

__all__ = ["Region"]

# Normals and directions whose part along a line is below this are at right angles to it.
_FLAT = 1e-12


@dataclass(frozen=True, eq=False)
class Region:
    """Where half planes meet.

    Parameters
    ----------
    normals : ndarray of shape (n_faces, 2)
        Unit vectors that point inwards.
    offsets : ndarray of shape (n_faces,)
        The numbers ``c``.
    vertices : ndarray of shape (n_vertices, 2)
        Where faces meet; a point of each face if none do.
    rays : ndarray of shape (n_rays, 2)
        Directions that end nowhere, at right angles to each other or opposite; all others are between these.
    """

    normals: FloatArray
    offsets: FloatArray
    vertices: FloatArray
    rays: FloatArray

    @classmethod
    def of_box(cls, box: Box, origin: FloatArray) -> Region:
        """Return a box, seen from a point."""
        axes, normals, offsets, rays = np.eye(2), [], [], []
        ends: tuple[list[float], list[float]] = ([], [])
        for j, pair in enumerate(box):
            for sign, end in zip((1.0, -1.0), pair, strict=True):
                if np.isfinite(end):
                    normals.append(sign * axes[j])
                    ends[j].append(end - float(origin[j]))
                    offsets.append(-sign * ends[j][-1])
                else:
                    rays.append(-sign * axes[j])
        corners = list(product(*ends)) or [(x, 0.0) for x in ends[0]] + [(0.0, y) for y in ends[1]]
        return cls(
            np.array(normals).reshape(-1, 2),
            np.array(offsets),
            np.array(corners).reshape(-1, 2),
            np.array(rays).reshape(-1, 2),
        )

    def turned(self, R: FloatArray) -> Region:
        """Return the region of points ``R x``."""
        return Region(self.normals @ R.T, self.offsets, self.vertices @ R.T, self.rays @ R.T)

    def lines(self) -> tuple[float, float]:
        """Return the least and the largest first coordinate of a vertical line that meets the region."""
        t = self.vertices[:, 0]
        low = -np.inf if (self.rays[:, 0] < -_FLAT).any() else float(t.min())
        high = np.inf if (self.rays[:, 0] > _FLAT).any() else float(t.max())
        return low, high

    def on_lines(self, t: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return the least and the largest second coordinate on lines, equal where they miss the region."""
        low, high = np.full(t.shape, -np.inf), np.full(t.shape, np.inf)
        for (p, q), c in zip(self.normals, self.offsets, strict=True):
            if q > _FLAT:
                low = np.maximum(low, -(p * t + c) / q)
            elif q < -_FLAT:
                high = np.minimum(high, -(p * t + c) / q)
        return low, np.maximum(low, high)

    def contains(self, directions: FloatArray) -> NDArray[np.bool_]:
        """Return which directions, ``(n, 2)``, end nowhere in the region."""
        return np.asarray((directions @ self.normals.T >= 0).all(axis=1))
