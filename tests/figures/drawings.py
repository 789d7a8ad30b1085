"""Figures drawn once, quickly, for all tests of a process."""

from functools import cache

from paper_figs.common import draw_one


@cache
def drawn_quickly(name):
    """Return a figure with its caption, and the numbers behind it."""
    return draw_one(name, quick=True)
