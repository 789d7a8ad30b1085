"""Literal patterns ``{1[X u >= 0] : u}``, those of lower-dimensional faces included.

On a face some hyperplanes hold ``u``; they count as active.  The faces inside a flat, an intersection of
hyperplanes, are the cells of the arrangement that the others cut into it.  So every flat is visited once,
and different faces with the same pattern are merged.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from .reduction import Reduction

__all__ = ["flats"]


def flats(reduction: Reduction) -> Iterator[tuple[NDArray[np.bool_], NDArray[np.object_]]]:
    """Yield every flat: which hyperplanes hold it, and a basis of it.

    Parameters
    ----------
    reduction : Reduction
        The arrangement.

    Yields
    ------
    holding : bool ndarray of shape (n_hyperplanes,)
    basis : integer ndarray of shape (dimension, rank)
        As Python integers; no rows for the flat that is zero alone.
    """
    n, rank = len(reduction.normals), reduction.rank
    normals = np.empty((n, rank), dtype=object)
    normals[:] = [list(normal) for normal in reduction.normals]
    whole = np.array([[int(i == j) for j in range(rank)] for i in range(rank)], dtype=object)
    found = {(False,) * n: whole}
    while found:
        smaller: dict[tuple[bool, ...], NDArray[np.object_]] = {}
        for holding, basis in found.items():
            yield np.array(holding, dtype=bool), basis
            # Heights of the basis over each hyperplane: the normals as seen inside the flat.
            heights = normals @ basis.T
            for h in range(n):
                if not holding[h]:
                    inside = _kernel(basis, heights[h])
                    held = tuple(not any(row) for row in (normals @ inside.T).tolist())
                    smaller.setdefault(held, inside)
        found = smaller


def _kernel(basis: NDArray[np.object_], heights: NDArray[np.object_]) -> NDArray[np.object_]:
    """Return a basis of the combinations of the basis of height zero."""
    pivot = next(i for i, height in enumerate(heights) if height)
    rows = [
        _primitive(heights[pivot] * row - height * basis[pivot])
        for i, (row, height) in enumerate(zip(basis, heights, strict=True))
        if i != pivot
    ]
    kernel = np.empty((len(rows), basis.shape[1]), dtype=object)
    if rows:
        kernel[:] = rows
    return kernel


def _primitive(row: NDArray[np.object_]) -> NDArray[np.object_]:
    divisor = int(np.gcd.reduce(row))
    return row // divisor if divisor > 1 else row
