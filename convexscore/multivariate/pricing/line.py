"""Exact pricing on the line: both sides of every data point, with and without the point itself.

The atoms of `univariate.program` in the units of `multivariate.program`; without bias there is one kink, at
zero.
"""

from __future__ import annotations

import numpy as np

from ..._support.validation import FloatArray
from ..program import NeuronProgram, Neurons
from .base import Priced

__all__ = ["LinePricer"]


class LinePricer:
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
        x = program.rows[:, 0]
        origins = x if program.bias else np.zeros(1)
        z, g = (program.root_mass * residual)[:, 0], program.trace_mass
        left = program.sigma.left_slope
        found = []
        for side in (1.0, -1.0) if left == 0 else (1.0,):
            for counted in (True, False) if program.has_trace else (True,):
                # Sums over points ahead of each origin, and behind it.
                ahead, at = side * (x - origins[:, None]) > 0, x == origins[:, None]
                slope = np.where(ahead | (at & counted), 1.0, left)
                inner = slope * side
                value = np.sum(inner * (x - origins[:, None]) * z, axis=1) + (inner * g).sum(axis=1)
                found.append((np.abs(value), slope, np.full(origins.size, side)))
        values = np.concatenate([part[0] for part in found])
        order = np.argsort(-values)[:most]
        order = order[values[order] > threshold]
        slopes = np.concatenate([part[1] for part in found])[order].astype(np.int8)
        sides = np.concatenate([part[2] for part in found])[order]
        pivot = order % origins.size if program.bias else np.full(order.size, -1)
        neurons = Neurons(slopes, sides[:, None], pivot, np.full((order.size, 1), -1))
        return Priced(max(float(values.max()), threshold), neurons, values[order])
