"""The arrangement of the rows of a matrix in its simplest exact form.

Zero rows cut nothing, parallel rows cut alike, and only the row space matters.  Floats are dyadic rationals:
each row is an integer vector up to a positive factor, and all of this is decided exactly.  A row space of
rank ``r`` is represented by ``r`` of the columns: the map from the row space to these coordinates is one to
one, and no number is rounded.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import gcd

import numpy as np
from numpy.typing import NDArray

__all__ = ["Reduction", "Row", "as_integers", "has_rank", "pivot_columns", "reduce_rows"]

Row = tuple[int, ...]

# Products of two residues are machine integers.
_PRIME = 2**31 - 1
# Rows whose rank is looked at.
_LOOKED_AT = 500


@dataclass(frozen=True, eq=False)
class Reduction:
    """Distinct hyperplanes through zero, and how the given rows map to them.

    Parameters
    ----------
    normals : list of tuple of int
        Integer normals, pairwise not parallel, of full rank.
    hyperplane : int ndarray of shape (n_rows,)
        Which hyperplane each row stands for; -1 for zero rows.
    side : ndarray of shape (n_rows,)
        1 where the row points the way of its normal, -1 where the opposite way, 0 for zero rows.
    columns : int ndarray of shape (rank,)
        The columns of the matrix that normals keep.
    """

    normals: list[Row]
    hyperplane: NDArray[np.intp]
    side: NDArray[np.int8]
    columns: NDArray[np.intp]

    @property
    def rank(self) -> int:
        """Rank of the matrix."""
        return int(self.columns.size)


def reduce_rows(rows: Sequence[Sequence[float]], n_columns: int) -> Reduction:
    """Reduce a matrix of finite floats or of integers, given row by row."""
    number: dict[Row, int] = {}
    normals: list[Row] = []
    hyperplane = np.full(len(rows), -1, dtype=np.intp)
    side = np.zeros(len(rows), dtype=np.int8)
    for i, row in enumerate(rows):
        normal = as_integers(row)
        if not any(normal):
            continue
        opposite = tuple(-entry for entry in normal)
        if normal not in number:
            # The first row of its kind lends the normal its direction.
            number[normal] = number[opposite] = len(normals)
            normals.append(normal)
        hyperplane[i] = number[normal]
        side[i] = 1 if normals[hyperplane[i]] == normal else -1
    columns = pivot_columns(normals, n_columns)
    kept = [_primitive([normal[c] for c in columns]) for normal in normals]
    return Reduction(kept, hyperplane, side, np.array(columns, dtype=np.intp))


def as_integers(row: Sequence[float]) -> Row:
    """Return the primitive integer vector that is a positive multiple of the row."""
    ratios = [entry.as_integer_ratio() for entry in row]
    # Denominators are powers of two.
    common = max((denominator for _, denominator in ratios), default=1)
    return _primitive([numerator * (common // denominator) for numerator, denominator in ratios])


def _primitive(integers: list[int]) -> Row:
    divisor = gcd(*integers)
    return tuple(entry // divisor for entry in integers) if divisor > 1 else tuple(integers)


def pivot_columns(normals: list[Row], n_columns: int) -> list[int]:
    """Return columns that carry the row space: the pivots of exact elimination."""
    basis: dict[int, Row] = {}
    for normal in normals:
        row = list(normal)
        for column, pivot in sorted(basis.items()):
            if row[column]:
                factor, scale = row[column], pivot[column]
                row = [scale * a - factor * b for a, b in zip(row, pivot, strict=True)]
        if any(row):
            basis[next(c for c, entry in enumerate(row) if entry)] = _primitive(row)
        if len(basis) == n_columns:
            break
    return sorted(basis)


def has_rank(rows: NDArray[np.float64], least: int) -> bool:
    """Whether `least` of some rows are independent modulo a prime: yes is certain, and no is not.

    Far cheaper than the exact rank where rows and columns are many.
    """
    basis: list[tuple[int, NDArray[np.int64]]] = []
    for row in rows[:: max(1, len(rows) // _LOOKED_AT)].tolist():
        residue = np.array([entry % _PRIME for entry in as_integers(row)], dtype=np.int64)
        for pivot, other in basis:
            residue = (residue - residue[pivot] * other) % _PRIME
        if residue.any():
            pivot = int(np.argmax(residue != 0))
            basis.append((pivot, residue * pow(int(residue[pivot]), -1, _PRIME) % _PRIME))
        if len(basis) >= least:
            return True
    return False
