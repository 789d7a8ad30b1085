"""A grid of kinks: all of the data, but kinks at some of the positions only.

Between the positions of the grid only the data's moments count, so a problem has the size of its grid however
many data there are.  A grid of all positions is the problem itself; one of a thousand serves where a score is
wanted to a small part of its statistical error.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .._support.validation import FloatArray
from .moments import Chunks, moments_of_runs
from .program import UnivariateProgram

__all__ = ["Grid"]

Index = NDArray[np.intp]


class Grid:
    """The moments of a program's data between the positions of a grid; kinks are at these only.

    Parameters
    ----------
    program : UnivariateProgram
        The program.
    most : int, optional
        About how many positions: beside each other at the ends of the data, where scores bend most, then
        further and further from one another, up to an even share; by default all positions.

    Attributes
    ----------
    index : int ndarray of shape (n_cells,)
        Which positions.
    cells : Chunks
        The data from each of them up to the next.
    counts : tuple of two ndarrays of shape (n_cells,)
        ``#{x_i > t}`` and ``#{x_i >= t}`` there.
    is_all : bool
        Whether the grid has all positions.
    """

    def __init__(self, program: UnivariateProgram, most: int | None = None) -> None:
        n = program.position.size
        self.program = program
        self.index = np.arange(n) if most is None or n <= 2 * most else _thinned(n, most)
        self.is_all = self.index.size == n
        self.cells = Chunks(self.index, program.position[self.index], self._moments())
        exclusive, inclusive = program.trace_counts
        self.counts = exclusive[self.index], inclusive[self.index]

    def _moments(self) -> FloatArray:
        if not self.is_all:
            lengths = np.diff(self.index, append=self.program.position.size)
            return moments_of_runs(self.program, slice(None), self.index, lengths)
        moments = np.zeros((5, self.index.size))
        moments[0] = self.program.mass
        moments[3] = self.program.mass * self.program.target
        return moments

    def nearest(self, t: FloatArray, signs: FloatArray) -> tuple[Index, FloatArray]:
        """Return inner positions of the grid next to some kinks, and one sign for each."""
        middles = 0.5 * (self.cells.start[1:] + self.cells.start[:-1])
        place = np.searchsorted(middles, t)
        inside = (place > 0) & (place < self.index.size - 1)
        place, which = np.unique(place[inside], return_index=True)
        return self.index[place], signs[inside][which]

    def chunks(self, knots: Index) -> Chunks:
        """Return the cells, which knots on the grid do not cut."""
        return self.cells

    def suspicious(
        self, chunks: Chunks, values: FloatArray, slopes: FloatArray, low: float, high: float
    ) -> tuple[Index, FloatArray, FloatArray]:
        """Return the grid, and ``H`` just right of and at its positions."""
        _, smooth = chunks.correlation(values, slopes)
        exclusive, inclusive = self.counts
        return self.index, smooth + exclusive, smooth + inclusive


def _thinned(n: int, most: int) -> Index:
    """Return about `most` of the first `n` numbers, all of those next to the ends."""
    # Steps grow with the distance to the next end: as many positions in each of its doublings.
    step, few = 2 * n / most, most / 20
    half = 0.5 * (n - 1)
    ranks = np.concatenate([np.arange(few), few * np.exp(np.arange(0.0, np.log(step), 1 / few))])
    ranks = np.concatenate([ranks, np.arange(ranks[-1], half, step)])
    ranks = np.unique(ranks[ranks < half].astype(np.intp))
    return np.unique(np.concatenate([ranks, n - 1 - ranks]))
