"""Hyperplanes in general position: every small set is without broken circuits, nothing needs to be grown.

Whether data are in general position is only known once every determinant has been looked at.  So all sets
are made, the cell of each is sought in floats, and where a determinant might be zero the set is examined
exactly: data with a few coincidences cost a little more, and the answer is the same.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .cells import as_objects
from .determinants import cross_products

__all__ = ["are_general", "keep_without_broken_circuits", "looks_general"]

Row = tuple[int, ...]
Members = NDArray[np.intp]


def looks_general(normals: list[Row], rng: np.random.Generator) -> bool:
    """Whether no determinant of a sample of maximal sets is zero."""
    n, rank = len(normals), len(normals[0])
    if rank <= 2:
        return True
    array = as_objects(normals)
    # Where there are many coincidences a few sets tell.
    for tries in (10, 70):
        sets = np.argsort(rng.random((tries, n)), axis=1)[:, :rank]
        crosses = cross_products(array[sets[:, :-1]])
        if not (np.sum(crosses * array[sets[:, -1]], axis=1) != 0).all():
            return False
    return True


def are_general(normals: list[Row], members: Members) -> bool:
    """Whether each set of ``rank - 1`` spans no hyperplane but its members, exactly."""
    array = as_objects(normals)
    zero = (cross_products(array[members]) @ array.T) == 0
    return bool((zero.sum(axis=1) == members.shape[1]).all())


def keep_without_broken_circuits(normals: list[Row], members: Members) -> NDArray[np.bool_]:
    """Return which sets have no broken circuit, one by one and exactly."""
    return np.array([_has_none(normals, row) for row in members.tolist()], dtype=bool)


def _has_none(normals: list[Row], members: list[int]) -> bool:
    """Whether each member is the least of the flat spanned by it and the larger ones."""
    echelon: list[list[int]] = []
    for member in reversed(members):
        residue = _reduced(list(normals[member]), echelon)
        if not any(residue):
            return False
        echelon.append(residue)
        if any(not any(_reduced(list(normals[e]), echelon)) for e in range(member)):
            return False
    return True


def _reduced(row: list[int], echelon: list[list[int]]) -> list[int]:
    """Return a multiple of the row modulo the span of rows in echelon form."""
    for pivot_row in echelon:
        pivot = next(c for c, entry in enumerate(pivot_row) if entry)
        if row[pivot]:
            factor, scale = row[pivot], pivot_row[pivot]
            row = [scale * a - factor * b for a, b in zip(row, pivot_row, strict=True)]
    return row
