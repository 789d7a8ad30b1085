"""Pricing of hyperplanes through so many data points that only one turn is left: one circle each.

In ``r`` dimensions the hyperplanes through ``r - 1`` data points (without bias: the origin and ``r - 2``)
turn around these as lines in the plane turn around a point, so the best of each is exact (`circle`).  For
score matching, where data on a hyperplane count with either slope, the best neurons mostly lie there, and
ascent, which moves inside patterns, misses some of them.  How many of the points on the axis count is for
each hyperplane at its best at an extreme, because the correlation is convex in it: all of them or none, and
without bias, where the axis itself is a line through the origin or more, those on one side of it.
"""

from __future__ import annotations

from functools import cached_property
from itertools import combinations, product
from math import comb

import numpy as np
from numpy.typing import NDArray

from ..._support.validation import FloatArray
from ..program import NeuronProgram, Neurons
from .base import Priced, Pricer, spread_out
from .circle import Arcs, Circles, best_arcs

__all__ = ["EdgePricer"]

# Pairs of a circle and a point that are looked at in one call.
_BUDGET = 100_000
# Up to this many points on an axis all their sides are tried.
_MOST_SIGNS = 6


# Sets of points, the frames in which the hyperplanes through them turn, and their circles.
_Turns = tuple[NDArray[np.intp], FloatArray, Circles]


class EdgePricer(Pricer):
    """The best hyperplanes through given numbers of data points: all of them if they are few, else some.

    Parameters
    ----------
    program : NeuronProgram
        A program whose rows have three or more columns.
    rng : Generator
        Source of the choice where there are too many.
    tied : bool
        Whether output vectors are along the directions.
    """

    exact = False

    def __init__(self, program: NeuronProgram, rng: np.random.Generator, tied: bool = False) -> None:
        self.program, self.tied, self._rng = program, tied, rng
        n, r = program.rows.shape
        self._size = r - 1 if program.bias else r - 2
        places = np.flatnonzero(program.rows.any(axis=1)) if not program.bias else np.arange(n)
        self._places, self._number = places, max(_BUDGET // n, 1)

    def price_some(self, residual: FloatArray, threshold: float, most: int = 50) -> Priced:
        """Return the same as `price`."""
        return self.price(residual, threshold, most)

    def price(self, residual: FloatArray, threshold: float, most: int = 50) -> Priced:
        """Return neurons above `threshold`; see `Pricer`."""
        program = self.program
        anchors, frames, circles = self._every or self._circles(self._drawn())
        if len(anchors) == 0:
            return Priced(threshold, Neurons.none(*program.rows.shape), np.zeros(0))
        z, trace = program.root_mass * residual, program.trace_mass
        left = program.sigma.left_slope
        central = np.zeros((len(anchors), len(trace)), dtype=bool)
        np.put_along_axis(central, circles.order, circles.turn == 0, axis=1)
        most_active, least_active = self._choices(anchors, central)
        highest, lowest = (
            central * np.where(part, 1.0, left) @ trace for part in (most_active, least_active)
        )
        outputs = frames[:, : program.n_features]
        arcs = best_arcs(circles, z, trace, (highest, lowest), outputs, left, threshold, self.tied)
        if arcs.value.size == 0:
            return Priced(threshold, Neurons.none(*program.rows.shape), np.zeros(0))
        directions = self._directions(arcs.angle, frames[arcs.circle])
        chosen = spread_out(directions, arcs.value, 1e-3, most)
        arcs = arcs.take(chosen)
        counted = np.where(arcs.centre_active[:, None], most_active[arcs.circle], least_active[arcs.circle])
        neurons = self._neurons(arcs, directions[chosen], anchors, frames, central, counted)
        return Priced(float(arcs.value[0]), neurons, arcs.value)

    @cached_property
    def _every(self) -> _Turns | None:
        """The circles around all sets of points, None where there are too many."""
        if comb(self._places.size, self._size) > self._number:
            return None
        chosen = list(combinations(self._places.tolist(), self._size))
        return self._circles(np.array(chosen, dtype=np.intp).reshape(-1, self._size))

    def _drawn(self) -> NDArray[np.intp]:
        """Return random sets of different points."""
        draws = self._rng.random((self._number, self._places.size))
        return self._places[np.argpartition(draws, self._size - 1, axis=1)[:, : self._size]]

    def _circles(self, anchors: NDArray[np.intp]) -> _Turns:
        """Return the sets that leave one turn, frames ``(n_sets, r, 2)`` of the turns, and their circles."""
        program, rows = self.program, self.program.rows
        origins, fixed = np.zeros((len(anchors), rows.shape[1])), rows[anchors]
        if program.bias:
            origins, fixed = fixed[:, 0], fixed[:, 1:] - fixed[:, :1]
        _, size, right = np.linalg.svd(fixed, full_matrices=True)
        spanning = size[:, -1] > 1e-9 * size[:, 0]
        anchors, origins, right = anchors[spanning], origins[spanning], right[spanning]
        frames = np.swapaxes(right[:, -2:], 1, 2)
        y = (rows[None] - origins[:, None]) @ frames
        rounding = 1e-13 * (np.abs(rows).max() + np.abs(program.centre).max() / program.scale)
        return anchors, frames, Circles.around(y, rounding)

    def _choices(
        self, anchors: NDArray[np.intp], central: NDArray[np.bool_]
    ) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Return which of the points on each axis are active where as many as possible are, and as few."""
        if self.program.bias or not self.program.has_trace:
            return central, np.zeros_like(central)
        rows, trace = self.program.rows, self.program.trace_mass
        at_origin = central & ~rows.any(axis=1)
        inverse = np.linalg.pinv(rows[anchors])
        most, largest = np.zeros_like(central), np.full(len(anchors), -1.0)
        least = most.copy()
        # Turned a little out of the axis, a hyperplane has each point of the set on either side; the heights
        # differ so that no other point of the axis stays on it.
        sizes = self._rng.uniform(0.9, 1.1, anchors.shape)
        for signs in self._signs(anchors.shape[1]):
            normal = inverse @ (signs * sizes)[:, :, None]
            height = np.where(central & ~at_origin, normal[:, :, 0] @ rows.T, 0.0)
            count = (height > 0) @ trace
            more = count > largest
            largest[more] = count[more]
            most[more], least[more] = (height > 0)[more], (height < 0)[more]
        return most | at_origin, least

    def _signs(self, count: int) -> FloatArray:
        """Return all vectors of signs, or some if there are too many."""
        if count <= _MOST_SIGNS:
            return np.array(list(product((1.0, -1.0), repeat=count)))
        return np.where(self._rng.random((2**_MOST_SIGNS, count)) < 0.5, 1.0, -1.0)

    @staticmethod
    def _directions(angle: FloatArray, frames: FloatArray) -> FloatArray:
        turned = np.stack([np.cos(angle), np.sin(angle)], axis=1)
        return np.einsum("krc,kc->kr", frames, turned)

    def _neurons(
        self,
        arcs: Arcs,
        directions: FloatArray,
        anchors: NDArray[np.intp],
        frames: FloatArray,
        central: NDArray[np.bool_],
        counted: NDArray[np.bool_],
    ) -> Neurons:
        program, rows = self.program, self.program.rows
        inside = self._directions(arcs.middle, frames[arcs.circle])
        anchor = anchors[arcs.circle]
        pivot = anchor[:, 0] if program.bias else np.full(len(anchor), -1)
        origin = rows[pivot] if program.bias else np.zeros_like(inside)
        active = inside @ rows.T > np.einsum("kr,kr->k", inside, origin)[:, None]
        active = np.where(central[arcs.circle], counted, active)
        slope = np.where(active, 1, int(program.sigma.left_slope)).astype(np.int8)
        held = np.column_stack([anchor[:, 1:] if program.bias else anchor, arcs.held])
        return Neurons(slope, directions, pivot, held)
