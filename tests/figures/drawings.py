"""Figures drawn once, quickly, for all tests of a process."""

from functools import cache

from paper_figs.common import draw_one


@cache
def drawn_quickly(name):
    """Return a figure with its caption, and the numbers behind it."""
    return draw_one(name, quick=True)


def is_finite(value):
    """Whether plain numbers, however nested, are all there."""
    if isinstance(value, dict):
        return all(map(is_finite, value.values()))
    if isinstance(value, list):
        return all(map(is_finite, value))
    return value is not None
