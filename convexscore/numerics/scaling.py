"""Scaling by powers of two, which rounds nothing: so that no sum or square leaves the range of floats."""

from __future__ import annotations

import numpy as np

from .._support.validation import FloatArray

__all__ = ["calm", "exponent_of", "times_power", "unit_scale"]

# Numbers up to 2^1000 can be added and subtracted in any number that there is.
_CALM = 1000


def exponent_of(*arrays: FloatArray) -> int:
    """Return the least ``e`` with all magnitudes below ``2^e``; 0 if all numbers are zero."""
    return int(np.frexp(max(float(np.abs(array).max(initial=0.0)) for array in arrays))[1])


def times_power(value: float, exponent: int) -> float:
    """Return ``value 2^exponent``; infinity where it is too large for a float."""
    with np.errstate(over="ignore", under="ignore"):
        return float(np.ldexp(value, exponent))


def unit_scale(array: FloatArray) -> tuple[FloatArray, int]:
    """Return ``array / 2^e``, of largest magnitude between 1/2 and 1, and ``e``."""
    exponent = exponent_of(array)
    return np.ldexp(array, -exponent), exponent


def calm(*arrays: FloatArray) -> tuple[tuple[FloatArray, ...], int]:
    """Return arrays divided by one ``2^e``, and ``e``, so that their sums and differences are finite.

    Small numbers are scaled up and very large ones just enough down: all but the last bits of numbers next to
    the smallest float stay as they are.
    """
    exponent = exponent_of(*arrays)
    shift = min(exponent, 0) + max(exponent - _CALM, 0)
    return (tuple(np.ldexp(array, -shift) for array in arrays) if shift else arrays), shift
