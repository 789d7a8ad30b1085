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

__all__ = ["cross_products", "cross_products_with"]

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
    return _signed(_minors(rows), rows.shape[2])


def cross_products_with(shared: Vectors, which: NDArray[np.intp], last: Vectors) -> Vectors:
    """Return the cross product of sets that differ from some fewer sets by one more row.

    Parameters
    ----------
    shared : ndarray of shape (n_shared, r - 2, r)
        All rows but one; their minors are made once.
    which : int ndarray of shape (n_sets,)
        Which of these each set has.
    last : ndarray of shape (n_sets, r)
        Its other row.

    Returns
    -------
    ndarray of shape (n_sets, r)
    """
    r = last.shape[1]
    minors = {columns: minor[which] for columns, minor in _minors(shared).items()}
    maximal = combinations(range(r), r - 1)
    return _signed({columns: _expanded(last, columns, minors) for columns in maximal}, r)


def _minors(rows: Vectors) -> dict[Columns, Vectors]:
    """Return the minors of all rows for every choice of columns."""
    n_sets, size, r = rows.shape
    minors: dict[Columns, Vectors] = {(): np.ones(n_sets, dtype=rows.dtype)}
    for i in range(size):
        chosen = combinations(range(r), i + 1)
        minors = {columns: _expanded(rows[:, i], columns, minors) for columns in chosen}
    return minors


def _signed(maximal: dict[Columns, Vectors], r: int) -> Vectors:
    """Return the vector of maximal minors with alternating signs."""
    minors = [maximal[tuple(k for k in range(r) if k != c)] for c in range(r)]
    return np.stack([-minor if c % 2 else minor for c, minor in enumerate(minors)], axis=1)


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
