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
from ..numerics.parts import parts
from .program import UnivariateProgram

__all__ = ["Blocks", "Chunks", "Moments", "moments_of_runs"]

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
        """Return positions, and ``H`` just right of and at them.

        Where ``H`` leaves ``[low, high]`` on one side for a while, the worst position is among them.
        """


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
        # The last block is always looked into, so the width after its start is never used.
        self._width = np.append(np.diff(t[self.starts]), 1.0)
        self._moments = np.zeros((5, self.starts.size))
        self._mean_label, self._above, self._below = np.zeros((3, self.starts.size))
        self._last: tuple[Index, Chunks] | None = None
        # One block is always cut at its knots and looked into.
        for part in parts(n, multiple=size) if self.starts.size > 1 else ():
            self._measure(part)

    def _measure(self, part: slice) -> None:
        """Fill in the moments of some positions' blocks, and how far ``H`` strays by counts or labels."""
        program = self.program
        blocks = slice(part.start // self.size, -(-part.stop // self.size))
        offsets = self._rows(program.position[part], "edge")
        offsets = offsets - offsets[:, :1]
        mass = self._rows(program.mass[part])
        weighted = mass * offsets
        moments = self._moments[:, blocks]
        moments[0] = mass.sum(axis=1)
        moments[1] = weighted.sum(axis=1)
        moments[2] = np.einsum("ij,ij->i", weighted, offsets)
        above, below = self._above[blocks], self._below[blocks]
        if program.has_labels:
            target = self._rows(program.target[part])
            moments[3] = np.einsum("ij,ij->i", mass, target)
            moments[4] = np.einsum("ij,ij->i", weighted, target)
            # A block of its own may be the position without mass beyond a held tail.
            mean = self._mean_label[blocks]
            np.divide(moments[3], moments[0], out=mean, where=moments[0] > 0)
            above[:], below[:] = self._label_deviation(blocks, offsets, mass * (target - mean[:, None]))
        if program.has_trace:
            for total, stray in zip(
                (above, below), self._staircase_deviation(part, blocks, offsets), strict=True
            ):
                total += stray

    def _rows(self, values: FloatArray, mode: Literal["constant", "edge"] = "constant") -> FloatArray:
        """Return one row a block, the last one padded with zeros or its last value."""
        missing = -values.size % self.size
        padded = np.pad(values, (0, missing), mode) if missing else values
        return padded.reshape(-1, self.size)

    def _staircase_deviation(
        self, part: slice, blocks: slice, offsets: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        """Return how far the counts rise above and fall below the chord over each block."""
        exclusive, inclusive = self.program.trace_counts
        ends = inclusive[self.starts]
        # The last block is looked into whatever its chord is.
        slope = np.diff(ends, append=ends[-1]) / self._width
        chord = offsets * slope[blocks, None]
        chord += ends[blocks, None]
        above = (self._rows(inclusive[part], "edge") - chord).max(axis=1)
        chord -= self._rows(exclusive[part], "edge")
        return above, chord.max(axis=1)

    def _label_deviation(
        self, blocks: slice, offsets: FloatArray, around: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        """Return how far ``-sum m (x - t)_+ (l - mean l)`` rises above and falls below its chords."""
        steps = np.cumsum(around[:, :-1], axis=1)
        steps *= np.diff(offsets, axis=1)
        sway = offsets * (np.einsum("ij,ij->i", around, offsets) / self._width[blocks])[:, None]
        sway[:, 1:] += np.cumsum(steps, axis=1)
        return -sway.min(axis=1), sway.max(axis=1)

    def chunks(self, knots: Index) -> Chunks:
        """Cut the blocks at `knots` (indices, ascending, from the first to the last position)."""
        # A spline is found, valued and checked at the same knots.
        last = self._last
        if last is None or not np.array_equal(last[0], knots):
            last = self._last = knots, self._cut(knots)
        return last[1]

    def _cut(self, knots: Index) -> Chunks:
        if self.starts.size == 1:
            lengths = np.diff(knots, append=self.program.position.size)
            moments = moments_of_runs(self.program, slice(None), knots, lengths)
            return Chunks(knots, self.program.position[knots], moments)
        bounds = np.union1d(self.starts, knots)
        block = bounds // self.size
        touched = np.unique(knots // self.size)
        moments = self._moments[:, block]
        cut = np.isin(block, touched)
        inside = self._members(touched)
        starts = np.searchsorted(inside, bounds[cut])
        lengths = np.diff(np.append(starts, inside.size))
        moments[:, cut] = moments_of_runs(self.program, inside, starts, lengths)
        return Chunks(bounds, self.program.position[bounds], moments)

    def suspicious(
        self, chunks: Chunks, values: FloatArray, slopes: FloatArray, low: float, high: float
    ) -> tuple[Index, FloatArray, FloatArray]:
        """Return positions where ``H`` might leave ``[low, high]``, and ``H`` just right of and at them.

        Among them is the worst of each stretch of blocks that ``H`` leaves the band in, on either side: as
        long as millions of positions violate the certificate, few of them are looked at.

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
        """Return the blocks that may hold the worst violation of a stretch.

        Between the ends of a block ``G`` strays from its chord by at most a quarter of the width times
        the variation of its slope, ``sum m |s - mean l|``; the staircase of the counts and what labels differ
        from their mean by what was computed once.
        """
        if self.starts.size == 1:
            return np.zeros(1, dtype=np.intp)
        exclusive, inclusive = (smooth + counts[self.starts] for counts in self.program.trace_counts)
        following = np.append(inclusive[1:], inclusive[-1])
        off = np.maximum(
            np.abs(values - self._mean_label), np.abs(np.append(values[1:], values[-1]) - self._mean_label)
        )
        stray = 0.25 * self._width * off * self._moments[0]
        most = np.maximum(inclusive, following) + stray + self._above
        least = np.minimum(inclusive, following) - stray - self._below
        # A block with a knot is not linear, and the last one has no following end.
        cut = np.unique(chunks.bounds[~np.isin(chunks.bounds, self.starts)] // self.size)
        most[cut], least[cut] = np.inf, -np.inf
        most[-1], least[-1] = np.inf, -np.inf
        return np.flatnonzero(_may_be_worst(inclusive, most, high) | _may_be_worst(-exclusive, -least, -low))

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


def _may_be_worst(start: FloatArray, most: FloatArray, limit: float) -> NDArray[np.bool_]:
    """Return the blocks that may hold the largest value above `limit` of a stretch starting above it.

    Parameters
    ----------
    start : ndarray of shape (n_blocks,)
        The value at the start of each block.
    most : ndarray of shape (n_blocks,)
        What no value in the block exceeds.
    limit : float
        The edge of the band.
    """
    outside = start > limit
    # Kinks are inside: what is at the first position, or the last one, does not count.
    outside[[0, -1]] = False
    first = np.flatnonzero(np.diff(outside, prepend=~outside[:1]))
    largest = np.repeat(np.maximum.reduceat(start, first), np.diff(np.append(first, start.size)))
    needed = np.where(outside, largest, limit)
    # A block may not exceed its own start.
    return (most > limit) & ((most >= needed) | (start >= needed))


def moments_of_runs(
    program: UnivariateProgram, members: Index | slice, starts: Index, lengths: Index
) -> FloatArray:
    """Return the five moments of consecutive runs of `members`."""
    t, mass = program.position[members], program.mass[members]
    u = t - np.repeat(t[starts], lengths)
    weighted = mass * u
    moments = np.zeros((5, starts.size))
    moments[0] = np.add.reduceat(mass, starts)
    moments[1] = np.add.reduceat(weighted, starts)
    moments[2] = np.add.reduceat(weighted * u, starts)
    if program.has_labels:
        target = program.target[members]
        moments[3] = np.add.reduceat(mass * target, starts)
        moments[4] = np.add.reduceat(weighted * target, starts)
    return moments
