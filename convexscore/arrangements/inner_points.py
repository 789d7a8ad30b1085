"""A vector of doubles inside one cell, for cells so thin that rounding errors leave them.

Data far from the origin, or of large integers, have cells that are a rounding error wide in the units of
their rows, and yet hold many doubles: heights over rows are differences of products that cancel.  In
coordinates that are the heights over rows beside the cell nothing cancels, and a linear program finds its
middle; what that is rounded to is told by whole numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linprog

from .._support.validation import FloatArray
from .determinants import cross_products
from .patterns import scaled_rows
from .reduction import as_integers, pivot_columns

__all__ = ["are_inside", "best_point", "rounded", "unit_rows"]

Vectors = NDArray[Any]

# Ways of rounding a vector that are tried for cells a few roundings wide.
_TRIES = 16
_GOLDEN = 0x9E3779B97F4A7C15


def are_inside(points: FloatArray, units: FloatArray, positive: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Whether each point is on these sides of all rows, by more than the products' rounding errors."""
    heights = points @ units.T
    rounding = _rounding(points.shape[1]) * (np.abs(points) @ np.abs(units).T)
    return np.asarray((np.where(positive, heights, -heights) > rounding).all(axis=1))


def best_point(
    normals: Vectors,
    units: FloatArray,
    positive: NDArray[np.bool_],
    beside: NDArray[np.intp],
    point: FloatArray,
    exact_point: Callable[[], FloatArray],
) -> FloatArray:
    """Return a unit vector inside a cell, or the one nearest to it that is found.

    Parameters
    ----------
    normals : ndarray of shape (n_rows, rank)
        Python integers, of full rank.
    units : ndarray of shape (n_rows, rank)
        The same of unit length.
    positive : bool ndarray of shape (n_rows,)
        The cell's sides.
    beside : int ndarray
        Rows beside the cell, perhaps none.
    point : ndarray of shape (rank,)
        A unit vector that may be inside.
    exact_point : callable
        Returns another one, that was inside before it was rounded.

    Returns
    -------
    ndarray of shape (rank,)
    """
    side = np.where(positive, 1, -1)
    middle = _middle(normals, side, beside)
    best, clearance = point, _clearance(normals, side, point)
    for candidate in _candidates(middle, side[:, None] * units, exact_point):
        its_own = _clearance(normals, side, candidate)
        if its_own > clearance:
            best, clearance = candidate, its_own
        if clearance > _rounding(len(point)):
            break
    return best


def _candidates(
    middle: Vectors, inwards: FloatArray, exact_point: Callable[[], FloatArray]
) -> Iterator[FloatArray]:
    yield rounded(middle)
    yield exact_point()
    yield _centre(inwards)
    yield from _ways_of_rounding(middle)


def _rounding(rank: int) -> float:
    """Return the largest rounding error of a sum of products, as a share of the sum of their sizes."""
    return (rank + 3) * float(np.finfo(float).eps)


def rounded(vector: Vectors) -> FloatArray:
    """Return the unit vector of doubles next to one of fractions."""
    largest = max(map(abs, vector))
    return unit_rows(np.array([[float(entry / largest) if largest else 0.0 for entry in vector]]))[0]


def unit_rows(vectors: FloatArray) -> FloatArray:
    """Return rows scaled to unit length, however small they are; zeros stay."""
    scaled = scaled_rows(vectors)
    length = np.linalg.norm(scaled, axis=1, keepdims=True)
    unit: FloatArray = scaled / np.where(length > 0, length, 1.0)
    return unit


def _clearance(normals: Vectors, side: NDArray[np.int_], point: FloatArray) -> float:
    """Return the least height over a row on its side, a share of its products' sizes, from whole numbers."""
    whole = np.array(as_integers(point.tolist()), dtype=object)
    if not whole.any():
        return -1.0
    heights, sizes = side * (normals @ whole), np.abs(normals) @ np.abs(whole)
    return min(height / size if size else 0.0 for height, size in zip(heights, sizes, strict=True))


def _middle(normals: Vectors, side: NDArray[np.int_], beside: NDArray[np.intp]) -> Vectors:
    """Return fractions far from all sides of a cone, found in coordinates that are heights over its rows."""
    order = np.concatenate([beside, np.setdiff1d(np.arange(len(normals)), beside)])
    columns = [tuple(column) for column in normals[order].T.tolist()]
    basis = normals[order[pivot_columns(columns, len(normals))]]
    # Orthogonal to all rows of the basis but one, over which all of them are equally high.
    others = np.stack([np.delete(basis, i, axis=0) for i in range(len(basis))])
    directions = cross_products(others)
    turns = np.array([1 if row @ it > 0 else -1 for row, it in zip(basis, directions, strict=True)])
    directions = directions * (turns * np.abs(basis).max(axis=1))[:, None]
    heights = side[:, None] * (normals @ directions.T)
    scaled = [[entry / max(map(abs, row)) for entry in row] for row in heights.tolist()]
    centre = _centre(unit_rows(np.array(scaled)))
    fractions = np.array([Fraction(entry) for entry in centre.tolist()], dtype=object)
    middle: Vectors = fractions @ directions
    return middle


def _centre(inwards: FloatArray) -> FloatArray:
    """Return a unit vector far from all sides of a cone, by a linear program; zero if there is none."""
    r = inwards.shape[1]
    bounds = [(-1, 1)] * r + [(None, None)]
    constraints = np.column_stack([-inwards, np.ones(len(inwards))])
    found = linprog([0.0] * r + [-1.0], constraints, np.zeros(len(inwards)), bounds=bounds)
    return unit_rows(found.x[None, :r])[0] if found.status == 0 else np.zeros(r)


def _ways_of_rounding(vector: Vectors) -> Iterator[FloatArray]:
    """Yield vectors of doubles next to multiples of one of fractions, whose lengths are one to 1e-12."""
    start = rounded(vector)
    largest = max(map(abs, vector))
    if not largest:
        return
    length = Fraction(float(np.abs(start).max())) / largest
    for k in range(1, _TRIES + 1):
        # Multiples of the golden ratio are spread evenly, and so are their last bits.
        factor = length * (1 + Fraction(k * _GOLDEN % 2**64, 2**106))
        yield np.array([float(entry * factor) for entry in vector])
