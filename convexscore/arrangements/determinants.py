"""Generalized cross products of many sets of rows at once, exact on integers.

The cross product of ``r - 1`` rows in ``r`` dimensions is the vector of their signed maximal minors:
orthogonal to all of them, and its product with any further row is, up to sign, a determinant.  Minors are
built row by row by Laplace expansion, without divisions, so integers stay integers.
"""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["cross_products"]

Vectors = NDArray[Any]
Columns = tuple[int, ...]


def cross_products(rows: Vectors) -> Vectors:
    """Return the cross product of each set of rows.

    Parameters
    ----------
    rows : ndarray of shape (n_sets, r - 1, r)
        Floats, integers, or Python integers (dtype object).

    Returns
    -------
    ndarray of shape (n_sets, r)
    """
    n_sets, size, r = rows.shape
    if size == 0:
        return np.ones((n_sets, 1), dtype=rows.dtype)
    minors: dict[Columns, Vectors] = {(c,): rows[:, 0, c] for c in range(r)}
    for i in range(1, size):
        minors = {
            columns: _expanded(rows[:, i], columns, minors) for columns in combinations(range(r), i + 1)
        }
    result = np.empty((n_sets, r), dtype=rows.dtype)
    for c in range(r):
        minor = minors[tuple(k for k in range(r) if k != c)]
        result[:, c] = minor if c % 2 == 0 else -minor
    return result


def _expanded(row: Vectors, columns: Columns, minors: dict[Columns, Vectors]) -> Vectors:
    """Expand the minor of these columns along its last row."""
    total = row[:, columns[0]] * minors[columns[1:]]
    for place in range(1, len(columns)):
        term = row[:, columns[place]] * minors[columns[:place] + columns[place + 1 :]]
        if place % 2:
            total -= term
        else:
            total += term
    return total if len(columns) % 2 else -total
