"""Continuous piecewise linear functions of one variable, evaluated by binary search."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ._validation import FloatArray

__all__ = ["PiecewiseLinear"]

# With this many points a knot, sorted points are evaluated piece by piece.
_MANY = 64


@dataclass(frozen=True)
class PiecewiseLinear:
    """A continuous piecewise linear function, linear between and outside its knots.

    Parameters
    ----------
    knots : ndarray of shape (n_knots,)
        Strictly increasing, at least one.
    values : ndarray of shape (n_knots,)
        The function's value at each knot.
    slopes : ndarray of shape (n_knots + 1,)
        Its slope left of the first knot, between knots, and right of the last.

    Examples
    --------
    >>> import numpy as np
    >>> from convexscore.piecewise import PiecewiseLinear
    >>> hat = PiecewiseLinear(np.array([0.0, 1.0]), np.array([1.0, 0.0]), np.array([1.0, -1.0, 0.0]))
    >>> hat(np.array([-0.5, 0.25, 7.0]))
    array([0.5 , 0.75, 0.  ])
    """

    knots: FloatArray
    values: FloatArray
    slopes: FloatArray

    def __call__(self, x: FloatArray) -> FloatArray:
        """Return the function at `x`, any shape: a binary search a point, or less for sorted points."""
        anchor = np.concatenate([[0], np.arange(self.knots.size)])
        piece = self._pieces_of_sorted(x)
        if piece is None:
            index = np.searchsorted(self.knots, x, side="right")
            knot = anchor[index]
            return self.values[knot] + self.slopes[index] * (x - self.knots[knot])
        result = x - np.repeat(self.knots[anchor], piece)
        result *= np.repeat(self.slopes, piece)
        result += np.repeat(self.values[anchor], piece)
        return result

    def derivative(self, x: FloatArray, at_knots: FloatArray) -> FloatArray:
        """Return the slope at `x`, and `at_knots` (one value a knot) where `x` is a knot."""
        piece = self._pieces_of_sorted(x)
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

    def _pieces_of_sorted(self, x: FloatArray) -> NDArray[np.intp] | None:
        """Return how many of the sorted points `x` lie in each piece; None if they are not sorted or few."""
        if x.ndim != 1 or x.size < _MANY * self.knots.size or not (x[1:] >= x[:-1]).all():
            return None
        cuts = np.searchsorted(x, self.knots, side="left")
        return np.diff(cuts, prepend=0, append=x.size)
