"""Consecutive parts of long arrays, short enough for a processor's caches."""

from __future__ import annotations

from collections.abc import Iterator

__all__ = ["parts"]

# Of this many numbers a dozen arrays fit into a second-level cache.
_LENGTH = 1 << 15


def parts(size: int, *, multiple: int = 1, backwards: bool = False) -> Iterator[slice]:
    """Yield slices that cover `size` entries one after the other.

    Arithmetic on one part at a time takes no memory of the size of the whole, and a fraction of the time.

    Parameters
    ----------
    size : int
        Number of entries.
    multiple : int
        What the number of entries of a part is a multiple of, but for the last one.
    backwards : bool
        Begin with the last part.

    Examples
    --------
    >>> from convexscore.numerics.parts import parts
    >>> [(part.start, part.stop) for part in parts(40_000)]
    [(0, 32768), (32768, 40000)]
    """
    length = max(_LENGTH // multiple, 1) * multiple
    starts = range(0, size, length)
    for start in reversed(starts) if backwards else starts:
        yield slice(start, min(start + length, size))
