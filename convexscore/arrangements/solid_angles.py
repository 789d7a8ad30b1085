"""Shares of all directions that the cells of an arrangement have: solid angles, exact up to rank three.

A cell of rank two is an arc, one of rank three a spherical polygon.  Its corners are taken with a tolerance:
a neighbour's corner that is as good as its own moves no angle by more, while a decision about it would have
to be exact.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from .._support.validation import FloatArray
from .counting import reduced
from .inner_points import unit_rows
from .patterns import Patterns

__all__ = ["MOST_RANK", "cell_shares", "rank_of"]

#: Cells of a higher rank have no closed form.
MOST_RANK = 3

# Distances from a unit normal's plane that are rounding.
_TOLERANCE = 1e-14
# Entries of the largest temporary matrix.
_BLOCK = 2**24
# Directions on a plane beside its crossings.
_AROUND = 7


def rank_of(patterns: Patterns) -> int:
    """Return the rank of the rows, decided exactly."""
    return reduced(patterns.rows).rank


def cell_shares(patterns: Patterns, rank: int) -> FloatArray:
    """Return the probability that a normal direction lies in each cell.

    Parameters
    ----------
    patterns : Patterns
        Patterns of full cells.
    rank : int
        The rank of their rows, at most 3.

    Returns
    -------
    ndarray of shape (n_patterns,)
    """
    if rank <= 1:
        return np.full(len(patterns), 0.5**rank)
    cut = patterns.rows.any(axis=1)
    normals = unit_rows(patterns.rows[cut])
    if rank < normals.shape[1]:
        # Directions count only by their part in the span of the rows.
        span = np.linalg.svd(normals, full_matrices=False)[2][:rank]
        normals = normals @ span.T
    corners = _quarter_turns(normals) if rank == 2 else _crossings(normals)
    angle = _arc if rank == 2 else _solid_angle
    shares = np.empty(len(patterns))
    size = max(1, _BLOCK // len(corners))
    for start in range(0, len(patterns), size):
        block = slice(start, start + size)
        own = _corners_of(patterns.signs[block][:, cut], corners @ normals.T)
        shares[block] = [angle(corners[mine]) for mine in own]
    return shares


def _corners_of(signs: np.ndarray, heights: FloatArray) -> np.ndarray:
    """Which corners are in each closed cell, shape ``(n_cells, n_corners)``."""
    above, below = (heights > _TOLERANCE).astype(np.float32), (heights < -_TOLERANCE).astype(np.float32)
    active = signs.astype(np.float32)
    found: np.ndarray = active @ below.T + (1 - active) @ above.T == 0
    return found


def _quarter_turns(normals: FloatArray) -> FloatArray:
    """Return the two directions on each line."""
    turned = np.column_stack([-normals[:, 1], normals[:, 0]])
    return np.vstack([turned, -turned])


def _crossings(normals: FloatArray) -> FloatArray:
    """Return the two directions on each pair of planes, and some more on each plane.

    The plane of two corners that are nearly opposite is lost to rounding; points between them have it.
    """
    first, second = np.triu_indices(len(normals), 1)
    one, other = normals[first], normals[second]
    # Orthogonal to both normals to rounding, also where these are nearly parallel: Gram-Schmidt, twice.
    apart = other - _dots(one, other) * one
    told = np.linalg.norm(apart, axis=1) > _TOLERANCE
    one, apart = one[told], unit_rows(apart[told])
    apart = unit_rows(apart - _dots(one, apart) * one)
    found = unit_rows(np.cross(one, apart))
    return np.vstack([found, -found, *_circles(normals)])


def _circles(normals: FloatArray) -> list[FloatArray]:
    """Return directions on each plane, less than a quarter turn apart."""
    smallest = np.eye(3)[np.argmin(np.abs(normals), axis=1)]
    one = unit_rows(np.cross(normals, smallest))
    other = np.cross(normals, one)
    angles = np.arange(_AROUND) * (2 * np.pi / _AROUND)
    return [np.cos(angle) * one + np.sin(angle) * other for angle in angles]


def _dots(a: FloatArray, b: FloatArray) -> FloatArray:
    return np.einsum("ij,ij->i", a, b)[:, None]


def _middle(corners: FloatArray) -> FloatArray:
    """Return a direction well inside the cell of some corners; one known to be inside may be at its edge."""
    middle: FloatArray = unit_rows(corners.mean(axis=0)[None])[0]
    return middle


def _arc(corners: FloatArray) -> float:
    """Return the share of the circle between the outermost corners, seen from inside."""
    inside = _middle(corners)
    sines = inside[0] * corners[:, 1] - inside[1] * corners[:, 0]
    angles = np.arctan2(sines, corners @ inside)
    return float(np.ptp(angles)) / (2 * np.pi)


def _solid_angle(corners: FloatArray) -> float:
    """Return the share of the sphere that a polygon has (van Oosterom & Strackee 1983, a triangle each)."""
    inside = _middle(corners)
    one = np.cross(inside, np.eye(3)[np.argmin(np.abs(inside))])
    other = np.cross(inside, one)
    around = corners[np.argsort(np.arctan2(corners @ other, corners @ one))]
    total = 0.0
    for a, b in pairwise([*around, around[0]]):
        below = 1.0 + inside @ a + a @ b + b @ inside
        total += 2.0 * np.arctan2(inside @ np.cross(a, b), below)
    return total / (4 * np.pi)
