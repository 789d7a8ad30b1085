"""Sorting with an order, faster than `numpy.argsort` for many numbers."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .._support.validation import FloatArray

__all__ = ["sorting_order"]

# Below this size argsort is as fast.
_SMALL = 50_000


def sorting_order(x: FloatArray) -> NDArray[np.intp]:
    """Return indices that sort finite `x`, like `numpy.argsort`.

    NumPy sorts numbers several times faster than it finds their order.  So the index is packed into
    the low bits of a sortable integer image of each number, the integers are sorted, and the few
    neighbours that differ only in the bits given up are put right afterwards.
    """
    n = x.size
    if n < _SMALL:
        return np.argsort(x, kind="stable")
    bits = np.uint64(int(n - 1).bit_length())
    image = (x + 0.0).view(np.int64)
    # Negative numbers sort by magnitude the wrong way round: flip all their bits but the sign's.
    key = (image ^ ((image >> 63) & np.int64(0x7FFFFFFFFFFFFFFF))).view(np.uint64)
    key ^= np.uint64(1 << 63)
    key = (key >> bits) << bits
    key |= np.arange(n, dtype=np.uint64)
    key.sort()
    order = (key & ((np.uint64(1) << bits) - np.uint64(1))).astype(np.intp)
    return _repaired(x, order)


def _repaired(x: FloatArray, order: NDArray[np.intp]) -> NDArray[np.intp]:
    """Sort the short runs that the truncated keys left in index order."""
    values = x[order]
    if not (values[1:] < values[:-1]).any():
        return order
    for _ in range(8):
        wrong = np.flatnonzero(values[1:] < values[:-1])
        # Of adjacent wrong pairs every other one is swapped in a pass.
        if wrong.size == 0:
            return order
        wrong = wrong[np.concatenate([[True], np.diff(wrong) > 1])]
        order[wrong], order[wrong + 1] = order[wrong + 1], order[wrong]
        values[wrong], values[wrong + 1] = values[wrong + 1], values[wrong]
    return order[np.argsort(values, kind="stable")]
