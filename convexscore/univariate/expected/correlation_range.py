"""Bounds of the correlation ``H`` of expected denoising that hold at every position of the line.

On an interval ``[a, b]`` of width ``w`` without a kink ``H'' = f = s q - q'``, so

    H <= max(H(a), H(b)) + M w^2 / 8,       M = max(|f(a)|, |f(b)|) + M2 w^2 / 8,       M2 >= |f''|,

and likewise from below; where the score follows ``q'/q`` closely, ``f`` and with it ``M`` are small.  ``M2``
is made from bounds of ``q`` and its derivatives, by the extremes of each sample's bell over the interval.
Intervals whose bound is not good enough are halved.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from ..._support.validation import FloatArray
from ...numerics.gaussian_moments import BlurredData
from ...numerics.piecewise import PiecewiseLinear
from .program import Cells, ExpectedProgram

__all__ = ["correlation_range"]

_HALVINGS = 40
# Intervals looked at in one halving; more would mean a tolerance below rounding.
_MOST = 200_000


def correlation_range(
    program: ExpectedProgram, score: PiecewiseLinear, tolerance: float
) -> tuple[float, float]:
    """Return a lower and an upper bound of ``H`` over the whole line.

    Parameters
    ----------
    program : ExpectedProgram
        The program.
    score : PiecewiseLinear
        The score, whose residual is correlated.
    tolerance : float
        By how much the bounds may exceed the extremes found.

    Returns
    -------
    low, high : float
        ``low <= H(t) <= high`` for all ``t``, within `tolerance` of values that ``H`` takes.
    """
    low_end, high_end = program.ends
    inside = score.knots[(score.knots > low_end) & (score.knots < high_end)]
    edges = np.unique(np.concatenate([program.scan(4.0), inside, [low_end, high_end]]))
    tail, height = Cells(program.data, edges).correlation(score)
    open_ = _Intervals(edges[:-1], edges[1:], height[:-1], height[1:], tail[1:])
    # Values taken, and bounds of those intervals that need no halving.
    taken, bound = _Range(0.0, 0.0).with_values(height), _Range(0.0, 0.0)
    for halving in range(_HALVINGS):
        slack = _curvature(program.data, score, open_.left, open_.right) * open_.width**2 / 8
        above = np.maximum(open_.height_left, open_.height_right) + slack
        below = np.minimum(open_.height_left, open_.height_right) - slack
        done = (above <= taken.high + tolerance) & (below >= taken.low - tolerance)
        if halving == _HALVINGS - 1 or np.count_nonzero(~done) > _MOST:
            done[:] = True
        bound = bound.with_values(above[done]).with_values(below[done])
        if done.all():
            break
        open_ = open_.chosen(~done).halved(program.data, score)
        taken = taken.with_values(open_.height_left)
    bound = bound.with_values(np.array([taken.low, taken.high]))
    return bound.low, bound.high


@dataclass(frozen=True)
class _Range:
    low: float
    high: float

    def with_values(self, values: FloatArray) -> _Range:
        low, high = float(values.min(initial=self.low)), float(values.max(initial=self.high))
        return _Range(low, high)


@dataclass(frozen=True, eq=False)
class _Intervals:
    """Intervals with ``H`` at both ends and ``-H'`` at the right one."""

    left: FloatArray
    right: FloatArray
    height_left: FloatArray
    height_right: FloatArray
    tail_right: FloatArray

    @property
    def width(self) -> FloatArray:
        return self.right - self.left

    def chosen(self, which: NDArray[np.bool_]) -> _Intervals:
        return _Intervals(*(getattr(self, field.name)[which] for field in fields(self)))

    def halved(self, data: BlurredData, score: PiecewiseLinear) -> _Intervals:
        """Cut all in two, with ``H`` in the middle from what is right of it: local integrals only."""
        middle = 0.5 * (self.left + self.right)
        width = self.right - middle
        mass, first, second = data.interval_moments(middle, self.right)
        at_middle, at_right = score(middle), score(self.right)
        slope = (at_right - at_middle) / width
        density_middle, density_right = data.density(middle)[0], data.density(self.right)[0]
        residual = at_middle * mass + slope * first - (density_right - density_middle)
        lever = at_middle * first + slope * second - (width * density_right - mass)
        tail = self.tail_right + residual
        height = self.height_right + lever + width * self.tail_right
        return _Intervals(
            np.concatenate([self.left, middle]),
            np.concatenate([middle, self.right]),
            np.concatenate([self.height_left, height]),
            np.concatenate([height, self.height_right]),
            np.concatenate([tail, self.tail_right]),
        )


def _curvature(data: BlurredData, score: PiecewiseLinear, left: FloatArray, right: FloatArray) -> FloatArray:
    """Return a bound of ``|s q - q'|`` on each interval, none of which has a kink inside."""
    ends = [score(left), score(right)]
    at_ends = [
        np.abs(s * q - rate) for s, (q, rate) in zip(ends, map(data.density, (left, right)), strict=True)
    ]
    width = right - left
    slope, largest = np.abs(ends[1] - ends[0]) / width, np.maximum(*np.abs(ends))
    first, second, third = data.derivative_bounds(left, right)
    bend = 2 * slope * first + largest * second + third
    bound: FloatArray = np.maximum(*at_ends) + bend * width**2 / 8
    return bound
