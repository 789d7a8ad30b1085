"""Axes of matplotlib to draw on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .validation import shown

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["as_axes"]


def as_axes(name: str, ax: Any) -> Axes:
    """Return the axes given, the current ones for None, or raise a TypeError naming `name`.

    Where there is no figure yet, one is made whose layout leaves room for titles and labels.
    """
    from matplotlib.axes import Axes

    if ax is None:
        import matplotlib.pyplot as plt

        return plt.gca() if plt.get_fignums() else plt.figure(layout="constrained").gca()
    if not isinstance(ax, Axes):
        raise TypeError(f"{name}: expected matplotlib Axes or None, got {shown(ax)}")
    return ax
