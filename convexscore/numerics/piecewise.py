"""Continuous piecewise linear functions of one variable, evaluated by binary search."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from .._support.frozen import Frozen
from .._support.validation import FloatArray

__all__ = ["PiecewiseLinear"]

# With this many points a knot, sorted points are evaluated piece by piece.
_MANY = 64


@dataclass(frozen=True, eq=False)
class PiecewiseLinear(Frozen):
    """A continuous piecewise linear function, linear between and outside its knots.

    A piece is evaluated from the end nearer to zero.  So a knot far away, whose value has a rounding error in
    proportion, only serves points yet further out; and `at_zero` serves those that are nearer to zero than
    to any knot.

    Parameters
    ----------
    knots : ndarray of shape (n_knots,)
        Strictly increasing, at least one.
    values : ndarray of shape (n_knots,)
        The function's value at each knot.
    slopes : ndarray of shape (n_knots + 1,)
        Its slope left of the first knot, between knots, and right of the last.
    at_zero : float, optional
        The function's value at zero.  Without it the piece around zero is evaluated from its left end.

    Examples
    --------
    >>> import numpy as np
    >>> from convexscore.numerics.piecewise import PiecewiseLinear
    >>> hat = PiecewiseLinear(np.array([0.0, 1.0]), np.array([1.0, 0.0]), np.array([1.0, -1.0, 0.0]))
    >>> hat(np.array([-0.5, 0.25, 7.0]))
    array([0.5 , 0.75, 0.  ])
    """

    knots: FloatArray
    values: FloatArray
    slopes: FloatArray
    at_zero: float | None = None

    def __call__(self, x: FloatArray) -> FloatArray:
        """Return the function at `x`, any shape: a binary search a point, or less for sorted points."""
        cuts, bases, values, slopes = self._regions
        piece = _pieces_of_sorted(x, cuts)
        if piece is None:
            index = np.searchsorted(cuts, x, side="right")
            return values[index] + slopes[index] * (x - bases[index])
        result = x - np.repeat(bases, piece)
        result *= np.repeat(slopes, piece)
        result += np.repeat(values, piece)
        return result

    def derivative(self, x: FloatArray, at_knots: FloatArray) -> FloatArray:
        """Return the slope at `x`, and `at_knots` (one value a knot) where `x` is a knot."""
        piece = _pieces_of_sorted(x, self.knots)
        if piece is None:
            index = np.searchsorted(self.knots, x, side="right")
            anchor = np.maximum(index - 1, 0)
            return np.where(x == self.knots[anchor], at_knots[anchor], self.slopes[index])
        result = np.repeat(self.slopes, piece)
        first, end = (np.searchsorted(x, self.knots, side=side) for side in ("left", "right"))
        for k in np.flatnonzero(end > first):
            result[first[k] : end[k]] = at_knots[k]
        return result

    @property
    def failing_tails(self) -> tuple[str, ...]:
        """Of "left" and "right", where ``exp(int s)`` has infinite mass: s rises there or points outward."""
        tails = (("left", self.slopes[0], self.values[0]), ("right", self.slopes[-1], -self.values[-1]))
        return tuple(name for name, slope, inward in tails if slope > 0 or (slope == 0 and inward <= 0))

    def failing_ends(self, limits: tuple[float, float]) -> tuple[str, ...]:
        """Of "left" and "right", the `failing_tails` that no finite limit cuts off."""
        infinite = {name for name, end in zip(("left", "right"), limits, strict=True) if np.isinf(end)}
        return tuple(name for name in self.failing_tails if name in infinite)

    @cached_property
    def _regions(self) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
        """Return where the line is cut for evaluation; and each region's base, the value there, and slope.

        A knot belongs to the region whose base it is.
        """
        knots, values, slopes = self.knots, self.values, self.slopes
        k = int(np.searchsorted(knots, 0.0))
        cuts = np.concatenate([np.nextafter(knots[:k], np.inf), knots[k:]])
        if self.at_zero is None:
            base = np.concatenate([np.arange(k), [max(k - 1, 0)], np.arange(k, knots.size)])
            return cuts, knots[base], values[base], slopes
        # The piece around zero is up to three regions: what is nearer to one of its ends has that for a base.
        ends = knots[max(k - 1, 0) : k + 1]
        left, right = slice(max(k - 1, 0), k), slice(k, k + 1)

        def with_middle(array: FloatArray, middle: float) -> FloatArray:
            return np.concatenate([array[:k], array[left], [middle], array[right], array[k:]])

        return (
            np.concatenate([cuts[:k], 0.5 * ends, cuts[k:]]),
            with_middle(knots, 0.0),
            with_middle(values, self.at_zero),
            np.concatenate([slopes[:k], np.repeat(slopes[k], ends.size + 1), slopes[k + 1 :]]),
        )


def _pieces_of_sorted(x: FloatArray, cuts: FloatArray) -> NDArray[np.intp] | None:
    """Return how many of the sorted points `x` lie between cuts; None if they are not sorted or few."""
    if x.ndim != 1 or x.size < _MANY * cuts.size or not (x[1:] >= x[:-1]).all():
        return None
    return np.diff(np.searchsorted(x, cuts, side="left"), prepend=0, append=x.size)
