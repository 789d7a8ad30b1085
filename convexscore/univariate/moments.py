"""Moments of a program's data by blocks: splines on a million points at the cost of a few thousand.

Data are cut into blocks of consecutive positions.  Each block keeps its moments relative to its own
first position, ``sum m, sum m u, sum m u^2, sum m l, sum m u l`` with ``u = x - start``: the first three have
terms of one sign on the scale of the block, so nothing cancels, however far the data are from zero or
however close together.  A spline is linear on every block without a knot, so sums over such a block follow
from its moments; only blocks with knots, or where the certificate might be violated, are looked into.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from .._support.validation import FloatArray
from .program import UnivariateProgram

__all__ = ["Blocks", "Chunks", "Moments"]

Index = NDArray[np.intp]

# Up to this many positions one block is as fast as many.
_SMALL = 4096


@dataclass(frozen=True, eq=False)
class Chunks:
    """Blocks cut further at knots, so that a spline is linear on each chunk.

    Parameters
    ----------
    bounds : int ndarray of shape (n_chunks,)
        Index of each chunk's first position.
    start : ndarray of shape (n_chunks,)
        That position.
    moments : ndarray of shape (5, n_chunks)
        ``sum m, sum m u, sum m u^2, sum m l, sum m u l`` over the chunk, ``u`` from its start.
    """

    bounds: Index
    start: FloatArray
    moments: FloatArray

    def correlation(self, values: FloatArray, slopes: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return ``sum m z`` from each chunk on, and ``G`` at its start, for a spline linear on every chunk.

        Summed from right to left over distances to the next chunk only, so that nothing large cancels.

        Parameters
        ----------
        values, slopes : ndarray of shape (n_chunks,)
            The spline's value at each chunk's start, and its slope there.
        """
        mass, first, second, label, label_first = self.moments
        residual = values * mass + slopes * first - label
        lever = values * first + slopes * second - label_first
        tail = np.cumsum(residual[::-1])[::-1]
        gap = np.diff(self.start, append=self.start[-1:])
        smooth = np.cumsum((lever + gap * np.append(tail[1:], 0.0))[::-1])[::-1]
        return tail, smooth


class Moments(Protocol):
    """What a spline problem needs of the data: moments between knots, and where ``H`` may be too large."""

    def chunks(self, knots: Index) -> Chunks:
        """Cut the data at `knots`."""

    def suspicious(
        self, chunks: Chunks, values: FloatArray, slopes: FloatArray, low: float, high: float
    ) -> tuple[Index, FloatArray, FloatArray]:
        """Return positions, among them all where ``H`` leaves ``[low, high]``, and ``H`` there."""


class Blocks:
    """The blocks of a program.

    Parameters
    ----------
    program : UnivariateProgram
        The program.
    size : int, optional
        Positions a block; by default one block up to a few thousand positions, else about half the
        square root of their number.
    """

    def __init__(self, program: UnivariateProgram, size: int | None = None) -> None:
        n = program.position.size
        if size is None:
            size = n if n <= _SMALL else 1 << round(np.log2(np.sqrt(n) / 2))
        self.program, self.size = program, size
        self.starts = np.arange(0, n, size)
        t = program.position
        offsets = self._rows(t, "edge")
        offsets = offsets - offsets[:, :1]
        mass = self._rows(program.mass)
        weighted = mass * offsets
        self._moments = np.zeros((5, self.starts.size))
        self._moments[0] = mass.sum(axis=1)
        self._moments[1] = weighted.sum(axis=1)
        self._moments[2] = np.einsum("ij,ij->i", weighted, offsets)
        self._label_size = np.zeros(self.starts.size)
        if not program.has_trace:
            target = self._rows(program.target)
            self._moments[3] = np.einsum("ij,ij->i", mass, target)
            self._moments[4] = np.einsum("ij,ij->i", weighted, target)
            self._label_size = np.einsum("ij,ij->i", mass, np.abs(target))
        # The last block is always looked into, so the width after its start is never used.
        self._width = np.diff(t[self.starts], append=t[-1])
        self._above, self._below = self._staircase_deviation(offsets)
        self._last: tuple[Index, Chunks] | None = None

    def _rows(self, values: FloatArray, mode: Literal["constant", "edge"] = "constant") -> FloatArray:
        """Return one row a block, the last one padded with zeros or its last value."""
        missing = self.starts.size * self.size - values.size
        padded = np.pad(values, (0, missing), mode) if missing else values
        return padded.reshape(self.starts.size, self.size)

    def _staircase_deviation(self, offsets: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return how far the counts rise above and fall below the chord over each block."""
        if not self.program.has_trace or self.starts.size == 1:
            return np.zeros(self.starts.size), np.zeros(self.starts.size)
        exclusive, inclusive = self.program.trace_counts
        ends = inclusive[self.starts]
        slope = np.diff(ends, append=ends[-1]) / np.append(self._width[:-1], np.inf)
        chord = offsets * slope[:, None]
        chord += ends[:, None]
        above = (self._rows(inclusive, "edge") - chord).max(axis=1)
        chord -= self._rows(exclusive, "edge")
        return above, chord.max(axis=1)

    def chunks(self, knots: Index) -> Chunks:
        """Cut the blocks at `knots` (indices, ascending, from the first to the last position)."""
        # A spline is found, valued and checked at the same knots.
        if self._last is None or not np.array_equal(self._last[0], knots):
            self._last = knots, self._cut(knots)
        return self._last[1]

    def _cut(self, knots: Index) -> Chunks:
        if self.starts.size == 1:
            lengths = np.diff(knots, append=self.program.position.size)
            moments = _moments(self.program, slice(None), knots, lengths)
            return Chunks(knots, self.program.position[knots], moments)
        bounds = np.union1d(self.starts, knots)
        block = bounds // self.size
        touched = np.unique(knots // self.size)
        moments = self._moments[:, block]
        cut = np.isin(block, touched)
        inside = self._members(touched)
        starts = np.searchsorted(inside, bounds[cut])
        lengths = np.diff(np.append(starts, inside.size))
        moments[:, cut] = _moments(self.program, inside, starts, lengths)
        return Chunks(bounds, self.program.position[bounds], moments)

    def suspicious(
        self, chunks: Chunks, values: FloatArray, slopes: FloatArray, low: float, high: float
    ) -> tuple[Index, FloatArray, FloatArray]:
        """Return the positions where ``H`` might leave ``[low, high]``, and ``H`` just right of and at them.

        Parameters
        ----------
        chunks : Chunks
            Chunks at the spline's knots.
        values, slopes : ndarray of shape (n_chunks,)
            The spline's value at each chunk's start, and its slope there.
        low, high : float
            The band.
        """
        tail, smooth = chunks.correlation(values, slopes)
        at = np.searchsorted(chunks.bounds, self.starts)
        chosen = self._suspects(chunks, smooth[at], values[at], low, high)
        tail_next, smooth_next = (np.append(part[at], 0.0)[chosen + 1] for part in (tail, smooth))
        return self._look_into(chosen, chunks, values, tail_next, smooth_next)

    def _suspects(
        self, chunks: Chunks, smooth: FloatArray, values: FloatArray, low: float, high: float
    ) -> Index:
        """Return the blocks in which ``H`` cannot be bounded away from the band's edges.

        Between the ends of a block ``G`` strays from its chord by at most a quarter of the width times
        the variation of its slope, ``sum m |z|``; the staircase of the counts by what was computed once.
        """
        if self.starts.size == 1:
            return np.zeros(1, dtype=np.intp)
        counts = self.program.trace_counts[1][self.starts]
        ends = smooth + counts
        following = np.append(ends[1:], ends[-1])
        size = np.maximum(np.abs(values), np.abs(np.append(values[1:], values[-1])))
        variation = size * self._moments[0] + self._label_size
        stray = 0.25 * self._width * variation
        inside = np.maximum(ends, following) + stray + self._above < high
        inside &= np.minimum(ends, following) - stray - self._below > low
        # A block with a knot is not linear, and the last one has no following end.
        inside[chunks.bounds[~np.isin(chunks.bounds, self.starts)] // self.size] = False
        inside[-1] = False
        return np.flatnonzero(~inside)

    def _look_into(
        self,
        chosen: Index,
        chunks: Chunks,
        values: FloatArray,
        tail_next: FloatArray,
        smooth_next: FloatArray,
    ) -> tuple[Index, FloatArray, FloatArray]:
        """Return positions of the chosen blocks and ``H`` there, from what is right of each block."""
        program, n = self.program, self.program.position.size
        rows = chosen[:, None] * self.size + np.arange(self.size)
        real = rows < n
        rows = np.minimum(rows, n - 1)
        t = program.position[rows]
        score = np.interp(t, chunks.start, values)
        weighted = np.where(real, program.mass[rows] * (score - program.target[rows]), 0.0)
        tail = np.cumsum(weighted[:, ::-1], axis=1)[:, ::-1] + tail_next[:, None]
        edge = program.position[np.minimum((chosen + 1) * self.size, n - 1)]
        gap = np.diff(t, axis=1, append=edge[:, None])
        tail_after = np.concatenate([tail[:, 1:], tail_next[:, None]], axis=1)
        smooth = np.cumsum((gap * tail_after)[:, ::-1], axis=1)[:, ::-1] + smooth_next[:, None]
        exclusive, inclusive = program.trace_counts
        index = rows[real]
        smooth = smooth[real]
        return index, smooth + exclusive[index], smooth + inclusive[index]

    def _members(self, blocks: Index) -> Index:
        """Return the indices of all positions in the given blocks, ascending."""
        rows = (blocks[:, None] * self.size + np.arange(self.size)).ravel()
        return rows[rows < self.program.position.size]


def _moments(program: UnivariateProgram, members: Index | slice, starts: Index, lengths: Index) -> FloatArray:
    """Return the five moments of consecutive runs of `members`."""
    t, mass = program.position[members], program.mass[members]
    u = t - np.repeat(t[starts], lengths)
    weighted = mass * u
    moments = np.zeros((5, starts.size))
    moments[0] = np.add.reduceat(mass, starts)
    moments[1] = np.add.reduceat(weighted, starts)
    moments[2] = np.add.reduceat(weighted * u, starts)
    if not program.has_trace:
        target = program.target[members]
        moments[3] = np.add.reduceat(mass * target, starts)
        moments[4] = np.add.reduceat(weighted * target, starts)
    return moments
