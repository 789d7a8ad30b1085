"""Generators from seeds: the same number means another stream in every function.

An integer given to two functions, or to one of them and to NumPy for the data, must not make them draw the
same numbers: noise would be the data, and a chain's first step its start.
"""

from __future__ import annotations

import zlib
from numbers import Integral
from typing import Any

import numpy as np
from numpy.random import PCG64, BitGenerator, Generator, SeedSequence

from .validation import shown

__all__ = ["generator"]


def generator(rng: Any, name: str) -> Generator:
    """Return the source of randomness of the function `name`.

    Parameters
    ----------
    rng : Generator, int, SeedSequence, BitGenerator or None
        A generator is used as it comes, as are NumPy's seed sequences and bit generators.  An integer of at
        least 0 is a seed, whose stream depends on `name` too.  None takes fresh entropy.
    name : str
        Name of the function; what a seed means, so it never changes.

    Returns
    -------
    Generator

    Raises
    ------
    TypeError
        If `rng` is of another kind.
    ValueError
        If a seed is negative.
    """
    if rng is None or isinstance(rng, (Generator, SeedSequence, BitGenerator)):
        return np.random.default_rng(rng)
    if isinstance(rng, (bool, np.bool_)) or not isinstance(rng, Integral):
        raise TypeError(f"rng: expected a Generator, an integer of at least 0 or None, got {shown(rng)}")
    if rng < 0:
        raise ValueError(f"rng: expected an integer of at least 0, got {shown(int(rng))}")
    key = zlib.crc32(name.encode())
    return Generator(PCG64(SeedSequence(int(rng), spawn_key=(key,))))
