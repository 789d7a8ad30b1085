"""Small pictures as text: SVG without matplotlib, for notebooks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._support.validation import FloatArray

__all__ = ["bars", "cells", "curves", "spans"]

_WIDTH, _HEIGHT, _MARGIN = 320, 110, 6
_INK, _ACCENT = "#1f3b57", "#c8553d"
# Dash patterns of curves, in turn.
_DASHES = ("", "6 3", "4 2 1 2", "1 2")
# Marks and segments that are drawn, at most, spread over all: pages stay small.
_MOST_MARKS, _MOST_SPANS, _MOST_BARS = 150, 300, 80


def curves(
    x: FloatArray, ys: Sequence[FloatArray], marks: tuple[FloatArray, FloatArray] | None = None
) -> str:
    """Return curves over common positions, told apart by dashes, and points on them."""
    at, on = (np.zeros(0), np.zeros(0)) if marks is None else marks
    heights = np.concatenate([*ys, on])
    across, down = _scale(x, _WIDTH), _scale(heights, _HEIGHT)
    drawn = []
    for number, y in enumerate(ys):
        known = np.isfinite(x) & np.isfinite(y)
        places = zip(across(x[known]), down(y[known]), strict=True)
        points = " ".join(f"{a:.1f},{_HEIGHT - b:.1f}" for a, b in places)
        dash = _DASHES[number % len(_DASHES)]
        style = f' stroke-dasharray="{dash}"' if dash else ""
        drawn.append(f'<polyline fill="none" stroke="{_INK}" stroke-width="1.6"{style} points="{points}"/>')
    kept = _spread_over(at.size, _MOST_MARKS)
    for a, b in zip(across(at[kept]), down(on[kept]), strict=True):
        if np.isfinite(a) and np.isfinite(b):
            drawn.append(f'<circle cx="{a:.1f}" cy="{_HEIGHT - b:.1f}" r="2.6" fill="{_ACCENT}"/>')
    return _picture(drawn)


def spans(segments: FloatArray, rising: NDArray[np.bool_], window: Any = None) -> str:
    """Return segments ``(x1, y1, x2, y2)``, those that are rising dashed, in a window that holds them."""
    x, y = (segments[:, [0, 2]], segments[:, [1, 3]]) if window is None else map(np.array, window)
    across, down = _scale(x, _WIDTH), _scale(y, _HEIGHT)
    kept = _spread_over(len(segments), _MOST_SPANS)
    paths = []
    for dashed, color in ((False, _INK), (True, _ACCENT)):
        chosen = segments[kept][rising[kept] == dashed]
        x, y = across(chosen[:, [0, 2]]), _HEIGHT - down(chosen[:, [1, 3]])
        pieces = zip(x.tolist(), y.tolist(), strict=True)
        known = (piece for piece in pieces if np.isfinite(piece).all())
        path = "".join(f"M{a:.1f} {b:.1f}L{c:.1f} {d:.1f}" for (a, c), (b, d) in known)
        if path:
            style = ' stroke-dasharray="4 2"' if dashed else ""
            paths.append(f'<path fill="none" stroke="{color}"{style} d="{path}"/>')
    return _picture(paths)


def cells(shades: NDArray[np.intp]) -> str:
    """Return a matrix of shades from 0 to 4 as cells of grey, the first row on top."""
    rows, columns = shades.shape
    width, height = (_WIDTH - 2 * _MARGIN) / columns, (_HEIGHT - 2 * _MARGIN) / rows
    drawn = []
    for shade in range(1, 5):
        path = ""
        for i, row in enumerate(shades == shade):
            changes = np.flatnonzero(np.diff(np.concatenate([[0], row.astype(np.int8), [0]])))
            for start, end in zip(changes[::2], changes[1::2], strict=True):
                left, top, long = _MARGIN + start * width, _MARGIN + i * height, (end - start) * width
                path += f"M{left:.1f} {top:.1f}h{long:.1f}v{height:.1f}h-{long:.1f}z"
        if path:
            drawn.append(f'<path fill="{_INK}" fill-opacity="{0.22 * shade:.2f}" d="{path}"/>')
    return _picture(drawn)


def bars(values: FloatArray) -> str:
    """Return numbers of at least zero as bars, the largest ones if there are very many."""
    values = np.nan_to_num(values, nan=0.0)[:_MOST_BARS]
    top = float(values.max(initial=0.0)) or 1.0
    width = (_WIDTH - 2 * _MARGIN) / max(values.size, 1)
    drawn = []
    for number, share in enumerate(values / top):
        height = (_HEIGHT - 2 * _MARGIN) * float(share)
        place = f'x="{_MARGIN + number * width:.1f}" y="{_HEIGHT - _MARGIN - height:.1f}"'
        drawn.append(f'<rect {place} width="{0.8 * width:.1f}" height="{height:.1f}" fill="{_INK}"/>')
    return _picture(drawn)


class _Scale:
    """Maps a range to the inside of the picture; halves first, whose difference is a number."""

    def __init__(self, low: float, high: float, size: int) -> None:
        self.low, self.span, self.size = 0.5 * low, 0.5 * high - 0.5 * low, size

    def __call__(self, values: FloatArray) -> FloatArray:
        share = (0.5 * values - self.low) / self.span if self.span > 0 else np.full(np.shape(values), 0.5)
        return _MARGIN + (self.size - 2 * _MARGIN) * np.clip(share, -0.5, 1.5)


def _scale(values: FloatArray, size: int) -> _Scale:
    known = values[np.isfinite(values)]
    return _Scale(float(known.min()), float(known.max()), size) if known.size else _Scale(0.0, 0.0, size)


def _spread_over(count: int, most: int) -> NDArray[np.intp]:
    if count <= most:
        return np.arange(count)
    return np.linspace(0, count - 1, most).astype(np.intp)


def _picture(drawn: Sequence[str]) -> str:
    frame = f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="white" stroke="#b9c6d2"/>'
    head = f'<svg width="{_WIDTH}" height="{_HEIGHT}" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img">'
    return f"{head}{frame}{''.join(drawn)}</svg>"
