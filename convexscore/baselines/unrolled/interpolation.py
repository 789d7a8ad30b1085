"""The hyperbolic tangent as a sum of rectifiers: linear between knots, constant outside.

    f(x) = tanh(b_1) + sum_j c_j relu(x - b_j),      c = (s_1, s_2 - s_1, .., -s_{M-1})

with the slopes ``s_j`` between knots.  Its slope is nowhere above one.
"""

from __future__ import annotations

import math

import numpy as np

from ..._support.validation import FloatArray

__all__ = ["coefficients", "spread_knots", "sup_error"]

# Points of the grid on which the density of knots is integrated.
_GRID = 10_001
# What is added to the density: without it knots are too rare where tanh is nearly straight.
_LEAST = 1e-3


def spread_knots(n: int) -> FloatArray:
    """Return knots on ``+-log(4n)`` with density ``|tanh''|^(1/2)``: the error is about ``1.5 / n^2``."""
    end = math.log(4 * n)
    x = np.linspace(0.0, end, _GRID)
    density = np.sqrt(2.0 * np.tanh(x)) / np.cosh(x) + _LEAST
    mass = np.concatenate([[0.0], np.cumsum(0.5 * (density[1:] + density[:-1]))])
    # One half, mirrored: knots come in opposite pairs exactly.
    shares = np.abs(np.linspace(-1.0, 1.0, n))
    knots = np.sign(np.linspace(-1.0, 1.0, n)) * np.interp(shares, mass / mass[-1], x)
    return 0.5 * (knots - knots[::-1])


def coefficients(knots: FloatArray) -> FloatArray:
    """Return the changes ``c`` of slope at the knots."""
    slopes = np.diff(np.tanh(knots)) / np.diff(knots)
    return np.diff(np.concatenate([[0.0], slopes, [0.0]]))


def sup_error(knots: FloatArray) -> float:
    """Return ``sup |f - tanh|``, reached where ``tanh' = s_j`` or beyond the last knots."""
    ends = max(1.0 + math.tanh(knots[0]), 1.0 - math.tanh(knots[-1]))
    values = np.tanh(knots)
    slopes = np.diff(values) / np.diff(knots)
    where = np.arccosh(1.0 / np.sqrt(np.clip(slopes, np.finfo(float).tiny, 1.0)))
    worst = ends
    for x in (where, -where):
        inside = (x > knots[:-1]) & (x < knots[1:])
        chord = values[:-1] + slopes * (x - knots[:-1])
        worst = max(worst, float(np.abs(chord - np.tanh(x))[inside].max(initial=0.0)))
    return worst
