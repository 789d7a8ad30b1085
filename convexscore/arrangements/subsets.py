"""All sets of a given size, in blocks, and their numbers."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from math import comb

import numpy as np
from numpy.typing import NDArray

__all__ = ["all_sets", "place_of"]

Members = NDArray[np.intp]


def all_sets(n: int, size: int, block_size: int) -> Iterator[Members]:
    """Yield all sets of `size` of the numbers ``1, ..., n - 1``, each ascending, in blocks."""
    if size == 0:
        yield np.zeros((1, 0), dtype=np.intp)
        return
    for block in all_sets(n, size - 1, block_size):
        last = block[:, -1] if size > 1 else np.zeros(len(block), dtype=np.intp)
        more = n - 1 - last
        # Cut where the extensions of a run of sets fill a block.
        cuts = np.flatnonzero(np.diff(np.cumsum(more) // block_size)) + 1
        for part in np.split(np.arange(len(block)), cuts):
            count = more[part]
            start = np.repeat(last[part] + 1 - (np.cumsum(count) - count), count)
            fresh = start + np.arange(count.sum())
            yield np.concatenate([np.repeat(block[part], count, axis=0), fresh[:, None]], axis=1)


def place_of(members: Members, n: int) -> Members:
    """Return the place of each set among all sets of its size, in colexicographic order."""
    place = np.zeros(len(members), dtype=np.intp)
    for i in range(members.shape[1]):
        place += _smaller(n, i)[members[:, i]]
    return place


@lru_cache(maxsize=64)
def _smaller(n: int, i: int) -> Members:
    """Return for each ``t < n`` how many sets of ``i + 1`` numbers from 1 on are all below ``t``."""
    return np.array([comb(t - 1, i + 1) if t else 0 for t in range(n)], dtype=np.intp)
