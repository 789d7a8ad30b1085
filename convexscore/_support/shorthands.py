"""Methods that are shorthands of functions in higher rooms, such as ``solution.plot()``.

What is made in a lower room is shown by a higher one, which the lower one never imports.  So a shorthand
looks its function up when it is called, by this table and nowhere else: the arrow against the flow is one of
names, and importing a room never brings in those above it.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["SHORTHANDS", "Shown", "limits_shown", "paragraph", "shorthand"]

#: Name of a shorthand: module below the package, and the function there.
SHORTHANDS = {
    "plot": ("plotting.showing", "drawn"),
    "html": ("plotting.notebook", "as_html"),
    "density": ("scores.densities", "density_of"),
}

# Characters of a repr, at most.
_LONGEST = 560


def shorthand(name: str) -> Callable[..., Any]:
    """Return the function that a shorthand stands for."""
    module, function = SHORTHANDS[name]
    package = __name__.partition(".")[0]
    found: Callable[..., Any] = getattr(importlib.import_module(f"{package}.{module}"), function)
    return found


def paragraph(kind: str, text: str) -> str:
    """Return the repr of an object of a kind: one paragraph, cut off where names in it are very long."""
    text = " ".join(text.split())
    return f"<{kind}: {text if len(text) <= _LONGEST else text[: _LONGEST - 3] + '...'}>"


def limits_shown(limits: Any) -> str:
    """Return limits of data as text: those of a pair, or of one pair a feature."""
    pairs = limits if isinstance(limits[0], tuple) else (limits,)
    return " x ".join(f"[{low:g}, {high:g}]" for low, high in pairs)


class Shown:
    """A base class of objects that show themselves, on axes and in notebooks."""

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw it.

        Parameters
        ----------
        ax : matplotlib Axes, optional
            Where to draw; the current axes by default, for a solution those of a new figure.

        Returns
        -------
        matplotlib Axes

        Raises
        ------
        ValueError
            If there are more than two features, which no axes can show.
        """
        axes: Axes = shorthand("plot")(self, ax)
        return axes

    def _repr_html_(self) -> str:
        page: str = shorthand("html")(self)
        return page
