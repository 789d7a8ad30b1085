"""The spacing of rounded data: the largest number of which all differences are whole multiples."""

from __future__ import annotations

import numpy as np

from .._support.validation import FloatArray

__all__ = ["lattice_spacing"]

# A lattice has at most this many cells: finer ones do not show.
_MOST_CELLS = 1e5
# Distances are whole multiples up to this share of the range, and the rounding of the values themselves.
_TOLERANCE = 1e-10
# Divisions of the Euclidean algorithm, at most.
_ROUNDS = 60


def lattice_spacing(values: FloatArray) -> float:
    """Return the spacing of the coarsest lattice that holds all values; zero if there is none to speak of.

    The Euclidean algorithm on the distances between neighbours.  Few values are always close to some fine
    lattice, so ``k`` of them must lie on one of at most ``10^(k - 1)`` cells.

    Parameters
    ----------
    values : ndarray of shape (n,)
        Finite numbers.

    Returns
    -------
    float

    Examples
    --------
    >>> import numpy as np
    >>> from convexscore.numerics.lattice import lattice_spacing
    >>> round(lattice_spacing(np.array([0.3, 0.7, 1.7, 1.9])), 12)
    0.2
    >>> lattice_spacing(np.array([0.3, 0.7, 2**0.5, 1.9]))
    0.0
    """
    distinct = np.unique(values)
    gaps = np.diff(distinct)
    extent = float(gaps.sum())
    error = _TOLERANCE * extent + float(np.finfo(float).eps) * float(np.abs(values).max(initial=0.0))
    # Values that rounding alone tells apart are one.
    gaps = gaps[gaps > 4 * error]
    if gaps.size == 0:
        return 0.0
    finest = extent / min(_MOST_CELLS, 10.0 ** min(gaps.size, 10))
    spacing, accuracy = float(gaps.min()), 2 * error
    for _ in range(_ROUNDS):
        if spacing < max(finest * (1 - 1e-9), 20 * accuracy):
            return 0.0
        multiples = np.rint(gaps / spacing)
        remainder = np.abs(gaps - multiples * spacing)
        allowed = 2 * (multiples + 1) * accuracy
        left = remainder > allowed
        if not left.any():
            return _verified(distinct - distinct[0], float(gaps.sum() / multiples.sum()), 8 * error)
        smallest = int(np.flatnonzero(left)[remainder[left].argmin()])
        accuracy = float(allowed[smallest])
        spacing = float(remainder[smallest])
    return 0.0


def _verified(places: FloatArray, spacing: float, tolerance: float) -> float:
    """Return the spacing if every place is a multiple: the algorithm allows for its own errors too."""
    return spacing if (np.abs(places - spacing * np.rint(places / spacing)) <= tolerance).all() else 0.0
