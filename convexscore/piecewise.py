"""Continuous piecewise linear functions of one variable, evaluated by binary search."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ._validation import FloatArray

__all__ = ["PiecewiseLinear"]


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
        """Return the function at `x`, any shape: a binary search a point."""
        piece = np.searchsorted(self.knots, x, side="right")
        anchor = np.maximum(piece - 1, 0)
        return self.values[anchor] + self.slopes[piece] * (x - self.knots[anchor])

    def derivative(self, x: FloatArray, at_knots: FloatArray) -> FloatArray:
        """Return the slope at `x`, and `at_knots` (one value a knot) where `x` is a knot."""
        piece = np.searchsorted(self.knots, x, side="right")
        anchor = np.maximum(piece - 1, 0)
        return np.where(x == self.knots[anchor], at_knots[anchor], self.slopes[piece])
