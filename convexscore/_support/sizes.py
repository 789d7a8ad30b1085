"""Counts that a computer can hold, and workers that it can run."""

from __future__ import annotations

from numbers import Integral
from typing import Any

from .validation import as_count, shown

__all__ = ["as_size", "as_workers"]

# Numbers in the largest array that is tried, half a terabyte; and the largest count of anything.
_MOST_ENTRIES = 2**36
_MOST = 2**62
# Workers, at most: libraries make each of them at once.
_MOST_WORKERS = 10_000


def as_size(name: str, value: Any, *, minimum: int = 0, each: int = 0) -> int:
    """Return `value` as an int that is at least `minimum` and of a size that can be worked with.

    Parameters
    ----------
    name : str
        The argument's name.
    value : int
        The count.
    minimum : int
        The least that is allowed.
    each : int
        Numbers that are stored for each; none by default, and then only counts beyond 2^62 are refused.

    Returns
    -------
    int

    Raises
    ------
    TypeError, ValueError
        If `value` is no integer, or out of range; the message names the argument.
    """
    count = as_count(name, value, minimum=minimum)
    most = _MOST_ENTRIES // each if each else _MOST
    if count > most:
        came = str(count) if count < 10**20 else f"one of {count.bit_length()} bits"
        raise ValueError(f"{name}: expected an integer of at most {most}, got {came}")
    return count


def as_workers(name: str, value: Any) -> int | None:
    """Return a number of workers, -1 for one a core, as an int other than 0; None as it is."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, Integral):
        raise TypeError(f"{name}: expected an integer or None, got {shown(value)}")
    if value == 0:
        raise ValueError(f"{name}: expected an integer other than 0, got 0")
    if abs(int(value)) > _MOST_WORKERS:
        raise ValueError(f"{name}: expected at most {_MOST_WORKERS} workers, got {shown(value)}")
    return int(value)
