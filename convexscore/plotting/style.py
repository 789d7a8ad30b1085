"""How the figures look."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["ACCENT", "INK", "SOFT", "legend"]

INK, ACCENT, SOFT = "#1f3b57", "#c8553d", "#b9c6d2"


def legend(ax: Axes) -> None:
    """Draw a legend whose handles can be seen even where what they stand for is faint."""
    for handle in ax.legend(frameon=False, loc="upper right", ncols=3).legend_handles:
        if handle is not None:
            handle.set_alpha(1.0)
