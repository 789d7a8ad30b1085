"""How the figures look: colours, line styles, titles that fit, legends.

Everything is told apart by line style, marker or hatching as well as by colour: figures are printed in black
and white too.
"""

from __future__ import annotations

import textwrap
from functools import cache
from typing import TYPE_CHECKING, Any

from .._support.validation import as_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.text import Text

__all__ = ["ACCENT", "DATA", "FAINT", "INK", "SOFT", "labelled", "legend", "plain_ticks", "titled"]

INK, ACCENT, SOFT = "#1f3b57", "#c8553d", "#b9c6d2"
#: Contours beside other lines.
FAINT = "#66788a"
#: Data in the plane.
DATA: dict[str, Any] = {"color": "#8b99a6", "marker": ".", "linestyle": "none", "markersize": 3.5}

# Sizes of titles in points, tried in turn, and how far lines are apart.
_SIZES, _LEADING = (11.0, 9.5, 8.0, 7.0), 1.3
# The share of a figure's height that a title may take where the layout makes room for it.
_SHARE = 0.25
# Points between axes and title, and below a label of the horizontal axis with its ticks.
_PAD, _BELOW = 8.0, 26.0
# Points that a column of a legend takes, a row, and what is above and below all rows.
_COLUMN, _ROW, _EDGE = 125.0, 15.0, 14.0


def titled(ax: Axes, title: str | None) -> None:
    """Give axes a title, wrapped, set smaller and at last shortened until it fits; none for None."""
    if title is None:
        return
    points = 72.0 / ax.figure.dpi
    if ax.figure.get_layout_engine() is None:
        room = (ax.figure.bbox.y1 - ax.bbox.y1) * points - _PAD
    else:
        room = _SHARE * ax.figure.bbox.height * points
    text = ax.set_title("")
    _fit(text, as_text("title", title), ax.bbox.width * points, room)


def labelled(ax: Axes, x: str, y: str) -> None:
    """Label both axes, with labels that fit."""
    points = 72.0 / ax.figure.dpi
    flexible = ax.figure.get_layout_engine() is not None
    below = 40.0 if flexible else (ax.bbox.y0 - ax.figure.bbox.y0) * points - _BELOW
    beside = 40.0 if flexible else 15.0
    _fit(ax.xaxis.label, x, ax.bbox.width * points, below)
    _fit(ax.yaxis.label, y, ax.bbox.height * points, beside)


def _fit(text: Text, words: str, width: float, height: float) -> None:
    """Write words in a box, in points: on several lines, smaller, and at last shortened."""
    from matplotlib import mathtext

    if "$" in words:
        try:
            mathtext.MathTextParser("path").parse(words)
        except ValueError:
            # No formula after all: a column may be called "price in $, net of $ 3".
            text.set_parse_math(False)
    largest = float(text.get_fontsize())
    for size in sorted({min(size, largest) for size in _SIZES}, reverse=True):
        most = max(int(height / (_LEADING * size)), 1)
        lines = _wrapped(words, width, size)
        text.set_fontsize(size)
        if len(lines) <= most:
            break
    if len(lines) > most:
        lines = [*lines[: most - 1], f"{lines[most - 1][:-3].rstrip()}..."]
    text.set_text("\n".join(lines))


def _wrapped(words: str, width: float, size: float) -> list[str]:
    """Return lines of at most a width, in points; one that is short enough is left as it is."""
    if "\n" not in words and _length(words, size) <= width:
        return [words]
    count = max(int(len(words) * width / max(_length(words, size), 1.0)), 1)
    while True:
        lines = textwrap.wrap(words, count) or [""]
        if count == 1 or all(_length(line, size) <= width for line in lines):
            return lines
        count = max(int(0.9 * count), 1)


def _length(line: str, size: float) -> float:
    """Return the length of a line of text in points."""
    return size * sum(map(_advance, line))


@cache
def _advance(letter: str) -> float:
    """Return the width of a letter in text of size one; those of other scripts count as wide ones."""
    from matplotlib.textpath import TextPath

    if not letter.isascii() or letter in "$\\":
        letter = "W"
    # With what is between letters, and blanks too, which have no outline.
    many, one = (TextPath((0, 0), f"|{letter * n}|", size=100.0).get_extents().width for n in (11, 1))
    return float(many - one) / 1000.0


def legend(
    ax: Axes, *, columns: int = 3, loc: Any = "upper right", below: float | None = None, small: bool = False
) -> None:
    """Draw a legend in as many columns as there is room for, its handles never faint.

    With `below`, the height up to which something is drawn, the axes grow so that the legend is above it.
    """
    points = 72.0 / ax.figure.dpi
    columns = max(min(columns, int(ax.bbox.width * points / _COLUMN)), 1)
    size: dict[str, Any] = {"fontsize": 8.5} if small else {}
    drawn = ax.legend(frameon=False, loc=loc, ncols=columns, **size)
    for handle in drawn.legend_handles:
        if handle is not None:
            handle.set_alpha(1.0)
    if below is None:
        return
    rows = -(-len(drawn.get_texts()) // columns)
    share = min((rows * _ROW + _EDGE) / (ax.bbox.height * points), 0.6)
    low, high = ax.get_ylim()
    ax.set_ylim(low, max(high, (below - share * low) / (1 - share)))


def plain_ticks(axis: Any) -> None:
    """Label a logarithmic axis with short numbers, few enough that they do not run into each other."""
    from matplotlib.ticker import FormatStrFormatter, LogLocator, NullFormatter

    axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axis.set_major_formatter(FormatStrFormatter("%g"))
    axis.set_minor_formatter(NullFormatter())
