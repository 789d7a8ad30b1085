"""Exact pricing on the line: both sides of every data point, with and without the point itself.

The atoms of `univariate.program` in the units of `multivariate.program`; without bias there is one kink, at
zero.
"""

from __future__ import annotations

from functools import cached_property
from itertools import product

import numpy as np
from numpy.typing import NDArray

from ..._support.validation import FloatArray
from ..program import NeuronProgram, Neurons
from .base import Priced, Pricer

__all__ = ["LinePricer", "correlations_on_line"]


class LinePricer(Pricer):
    """Exact pricing of networks on data with one feature.

    Parameters
    ----------
    program : NeuronProgram
        A program whose rows have one column.
    """

    exact = True

    def __init__(self, program: NeuronProgram) -> None:
        self.program = program

    def price_some(self, residual: FloatArray, threshold: float, most: int = 50) -> Priced:
        """Return the same as `price`, which is quick."""
        return self.price(residual, threshold, most)

    def price(self, residual: FloatArray, threshold: float, most: int = 50) -> Priced:
        """Return neurons above `threshold`; see `Pricer`."""
        program = self.program
        left = program.sigma.left_slope
        choices = list(product(self._sides, self._counts))
        values = np.concatenate([np.abs(self._correlations(residual, *choice)) for choice in choices])
        order = np.argsort(-values, kind="stable")[:most]
        order = order[values[order] > threshold]
        x = program.rows[:, 0]
        choice, at = np.divmod(order, self._origins.size)
        side = np.array([side for side, _ in choices])[choice, None]
        counted = np.array([counted for _, counted in choices])[choice, None]
        height = side * (x - self._origins[at, None])
        slope = np.where((height > 0) | ((height == 0) & counted), 1, int(left)).astype(np.int8)
        pivot = at if program.bias else np.full(order.size, -1)
        neurons = Neurons(slope, side, pivot, np.full((order.size, 1), -1))
        return Priced(max(float(values.max()), threshold), neurons, values[order])

    @property
    def _sides(self) -> tuple[float, ...]:
        return (1.0, -1.0) if self.program.sigma.left_slope == 0 else (1.0,)

    @property
    def _counts(self) -> tuple[bool, ...]:
        """Whether points on a kink may count with either derivative."""
        return (True, False) if self.program.has_trace else (True,)

    @cached_property
    def _origins(self) -> FloatArray:
        return self.program.rows[:, 0] if self.program.bias else np.zeros(1)

    def _correlations(self, residual: FloatArray, side: float, counted: bool) -> FloatArray:
        """Return the correlation of the neuron at each origin, by sums from either end of the data."""
        program = self.program
        x, z, g = program.rows[:, 0], (program.root_mass * residual)[:, 0], program.trace_mass
        left = program.sigma.left_slope
        return correlations_on_line(x, z[:, None], g[:, None], self._origins, side, counted, left)[:, 0]


def correlations_on_line(
    x: FloatArray,
    z: FloatArray,
    trace: FloatArray,
    origins: FloatArray,
    side: float,
    counted: bool,
    left: float,
) -> FloatArray:
    """Return ``sum_i sigma(side (x_i - o)) z_i + side sigma'(side (x_i - o)) g_i`` for each origin ``o``.

    Parameters
    ----------
    x : ndarray of shape (n_points,)
        Ascending.
    z, trace : ndarray of shape (n_points, n_outputs)
        Residuals times masses, and the numbers ``g``.
    origins : ndarray of shape (n_origins,)
        Positions of kinks.
    side : {1, -1}
        Which way the neuron looks.
    counted : bool
        Whether the derivative at a kink is 1, or the left one.
    left : float
        The slope of ``sigma`` below zero.

    Returns
    -------
    ndarray of shape (n_origins, n_outputs)
    """
    # Points come in ascending order; what is ahead of an origin on one side is behind it on the other.
    first, behind = (np.searchsorted(x, origins, side=end) for end in ("left", "right"))
    above = _beyond(x, z, origins, behind)
    below = -_beyond(-x[::-1], z[::-1], -origins, x.size - first)
    counts = np.concatenate([np.zeros_like(trace[:1]), np.cumsum(trace, axis=0)])
    more, fewer, tied = counts[-1] - counts[behind], counts[first], counts[behind] - counts[first]
    if side < 0:
        above, below, more, fewer = -below, -above, fewer, more
    tied = tied if counted else left * tied
    found: FloatArray = above + left * below + side * (more + left * fewer + tied)
    return found


def _beyond(x: FloatArray, z: FloatArray, origins: FloatArray, first: NDArray[np.intp]) -> FloatArray:
    """Return ``sum (x - o) z`` over the points beyond each origin, the first of which is known."""
    none = np.zeros_like(z[:1])
    tail = np.concatenate([np.cumsum(z[::-1], axis=0)[::-1], none])
    # From the far end inwards over gaps: nothing large cancels.
    steps = np.diff(x)[:, None] * tail[1:-1]
    inner = np.concatenate([np.cumsum(steps[::-1], axis=0)[::-1], none, none])
    gap = np.append(x, x[-1])[first] - origins
    return np.asarray(inner[first] + gap[:, None] * tail[first])
