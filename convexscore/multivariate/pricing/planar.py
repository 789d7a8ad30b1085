"""Exact pricing in the plane: every direction without bias, every kink line through a point with bias.

With a free bias the correlation of a neuron is convex in the bias between data points, so a largest one has
its kink line through a data point: one circle (`circle`) around each point, ``O(n^2 log n)`` in all.
"""

from __future__ import annotations

from functools import partial

import numpy as np
from numpy.typing import NDArray

from ..._support.parallel import has_workers, run_all
from ..._support.validation import FloatArray
from ..program import NeuronProgram, Neurons
from .base import Priced, Pricer, spread_out
from .circle import Arcs, Circles, best_arcs

__all__ = ["PlanarPricer"]

# Entries of circles handled at once (a few arrays of this many doubles stay in the cache), and kept.
_BLOCK, _KEPT = 65_536, 6_000_000
# Arcs kept of each block of circles.
_ARCS = 4_000
# A partial pass looks at one in this many blocks.
_PARTS = 6


class PlanarPricer(Pricer):
    """Exact pricing of networks on data with two features.

    Parameters
    ----------
    program : NeuronProgram
        A program whose rows have two columns.
    tied : bool
        Whether output vectors are along the directions.
    n_jobs : int, optional
        Workers of joblib that look at circles, see `run_all`.
    """

    exact = True

    def __init__(self, program: NeuronProgram, tied: bool = False, n_jobs: int | None = None) -> None:
        self.program, self.tied, self._n_jobs = program, tied, n_jobs
        rows = program.rows
        self._rounding = 1e-15 * (np.abs(rows).max() + np.abs(program.centre).max() / program.scale)
        n = len(rows)
        # Pivots of a block are spread over the data, so that some blocks tell about all.
        self._n_blocks = min(n, -(-n * n // _BLOCK)) if program.bias else 1
        self._kept: dict[int, Circles] = {}
        self._turn = 0

    def price(self, residual: FloatArray, threshold: float, most: int = 50) -> Priced:
        """Return neurons above `threshold`; see `Pricer`."""
        return self._price(residual, threshold, most, range(self._n_blocks))

    def price_some(self, residual: FloatArray, threshold: float, most: int = 50) -> Priced:
        """Look at a part of the kink lines only, another one each time: nothing is proven."""
        self._turn += 1
        return self._price(residual, threshold, most, range(self._turn % _PARTS, self._n_blocks, _PARTS))

    def _price(self, residual: FloatArray, threshold: float, most: int, blocks: range) -> Priced:
        z = self.program.root_mass * residual
        if not has_workers(self._n_jobs):
            found = [self._arcs(z, threshold, *self._circles(block)) for block in blocks]
        else:
            # Without the circles that are kept, which are more than their work.
            other = PlanarPricer(self.program, self.tied)
            found = list(run_all(partial(other._arcs_around, z, threshold), blocks, self._n_jobs))
        if sum(part.value.size for part in found) == 0:
            return Priced(threshold, Neurons.none(*self.program.rows.shape), np.zeros(0))
        arcs = Arcs.join(found)
        largest = float(arcs.value.max())
        chosen = arcs.take(self._spread(arcs, largest, threshold, most))
        return Priced(largest, self._neurons(chosen), chosen.value)

    def _arcs_around(self, z: FloatArray, threshold: float, block: int) -> Arcs:
        return self._arcs(z, threshold, *self._circles(block))

    def _arcs(self, z: FloatArray, threshold: float, pivots: NDArray[np.intp], circles: Circles) -> Arcs:
        """Return the best arcs of a block of circles."""
        program = self.program
        at_centre = program.trace_mass[pivots] if program.bias else self._at_origin
        left = program.sigma.left_slope
        centre = (at_centre, left * at_centre)
        arcs = best_arcs(circles, z, program.trace_mass, centre, np.eye(2), left, threshold, self.tied)
        arcs.circle[:] = pivots[arcs.circle] if program.bias else -1
        if arcs.value.size > _ARCS:
            arcs = arcs.take(np.argpartition(-arcs.value, _ARCS)[:_ARCS])
        return arcs

    @property
    def _at_origin(self) -> FloatArray:
        """Trace of the points at the origin, which have no side without bias."""
        program = self.program
        return np.array([program.trace_mass[~program.rows.any(axis=1)].sum()])

    def _circles(self, block: int) -> tuple[NDArray[np.intp], Circles]:
        """Return the pivots of a block and the circles around them; at first the same ones are kept."""
        rows = self.program.rows
        n = len(rows)
        pivots = np.arange(block, n, self._n_blocks) if self.program.bias else np.array([-1])
        circles = self._kept.get(block)
        if circles is None:
            if self.program.bias:
                circles = Circles.around(rows[None] - rows[pivots, None], self._rounding)
            else:
                # Data are on a ray through the origin or not: only the division by the scale rounds.
                circles = Circles.around(rows[None], 1e-15 * np.hypot(rows[:, 0], rows[:, 1]))
            if (len(self._kept) + 1) * pivots.size * n <= _KEPT:
                self._kept[block] = circles
        return pivots, circles

    def _spread(self, arcs: Arcs, largest: float, threshold: float, most: int) -> NDArray[np.intp]:
        """Choose kink lines that differ, the more the farther the optimum is."""
        directions = np.stack([np.cos(arcs.angle), np.sin(arcs.angle)], axis=1)
        places = directions
        if self.program.bias:
            offsets = np.einsum("kr,kr->k", directions, self.program.rows[arcs.circle])
            places = np.column_stack([directions, offsets])
        excess = max(largest / threshold - 1, 0.0) if threshold > 0 else 1.0
        return spread_out(places, arcs.value, 0.1 * np.sqrt(min(excess, 1.0)), most)

    def _neurons(self, arcs: Arcs) -> Neurons:
        rows, left = self.program.rows, int(self.program.sigma.left_slope)
        direction = np.stack([np.cos(arcs.angle), np.sin(arcs.angle)], axis=1)
        inside = np.stack([np.cos(arcs.middle), np.sin(arcs.middle)], axis=1)
        origin = rows[arcs.circle] if self.program.bias else np.zeros((len(inside), 2))
        height = inside @ rows.T - np.einsum("kr,kr->k", inside, origin)[:, None]
        active = height > 0
        if self.program.bias:
            active[np.arange(len(active)), arcs.circle] = arcs.centre_active
        else:
            active[:, ~rows.any(axis=1)] = arcs.centre_active[:, None]
        slope = np.where(active, 1, left).astype(np.int8)
        return Neurons(slope, direction, arcs.circle.copy(), arcs.held[:, None])
