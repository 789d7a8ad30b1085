"""Spline problems as rows of arrays: data, knots and splines, for a step of all of them at a time (`many`).

Knots are flat indices into the rows.  Moments between them are summed anew when kinks come in, and added up
when kinks are dropped.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ..._support.validation import FloatArray
from ..activation_rules import ActivationRules
from ..grid import Grid

__all__ = ["Decays", "Knots", "Rows", "State", "mixed"]

Index = NDArray[np.intp]
Flags = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Decays:
    """What problems have beside their data: weight decays, the range of the multiplier, the rules."""

    beta: FloatArray
    low: FloatArray
    high: FloatArray
    rules: ActivationRules
    skip: bool

    def chosen(self, rows: Flags) -> Decays:
        """Return some of the rows."""
        return replace(self, beta=self.beta[rows], low=self.low[rows], high=self.high[rows])


@dataclass(frozen=True, eq=False)
class Rows:
    """Grids as rows, filled up with the last position at no mass.

    Parameters
    ----------
    position : ndarray of shape (n_rows, n)
        The positions of the grids.
    mass : ndarray of shape (n_rows, n)
        Of the cells.
    label : ndarray of shape (n_rows, n), or None
        ``sum m l``; None without labels.
    within : tuple of three ndarrays of shape (n_rows, n), or None
        ``sum m u, m u^2, m u l``; None where a cell is one position.
    counts : tuple of two ndarrays of shape (n_rows, n), or None
        ``#{x_i > t}`` and ``#{x_i >= t}``; None for denoising.
    last : int ndarray of shape (n_rows,)
        Index of the last position.
    """

    position: FloatArray
    mass: FloatArray
    label: FloatArray | None
    within: tuple[FloatArray, FloatArray, FloatArray] | None
    counts: tuple[FloatArray, FloatArray] | None
    last: Index

    @classmethod
    def of(cls, grids: Sequence[Grid]) -> Rows:
        """Return the rows of some grids, of which many may be the same."""
        numbers = {grid: number for number, grid in enumerate(dict.fromkeys(grids))}
        distinct, which = list(numbers), np.array([numbers[grid] for grid in grids])
        n = max(grid.index.size for grid in distinct)

        def stacked(arrays: Sequence[FloatArray]) -> FloatArray:
            result = np.zeros((len(arrays), n))
            for row, array in zip(result, arrays, strict=True):
                row[: array.size] = array
            return result[which]

        last = np.array([grid.index.size - 1 for grid in distinct])[which]
        position = stacked([grid.cells.start for grid in distinct])
        for row, end in zip(position, last, strict=True):
            row[end:] = row[end]
        moments = [grid.cells.moments for grid in distinct]
        mass = stacked([part[0] for part in moments])
        within = None
        if not all(grid.is_all for grid in distinct):
            first, second, label_first = (stacked([part[k] for part in moments]) for k in (1, 2, 4))
            within = first, second, label_first
        label = counts = None
        if any(grid.program.has_labels for grid in distinct):
            label = stacked([part[3] for part in moments])
        if distinct[0].program.has_trace:
            exclusive, inclusive = (stacked([grid.counts[k] for grid in distinct]) for k in (0, 1))
            counts = exclusive, inclusive
        return cls(position, mass, label, within, counts, last)

    def chosen(self, rows: Flags) -> Rows:
        """Return some of the rows."""
        counts, within = self.counts, self.within
        return Rows(
            self.position[rows],
            self.mass[rows],
            None if self.label is None else self.label[rows],
            None if within is None else (within[0][rows], within[1][rows], within[2][rows]),
            None if counts is None else (counts[0][rows], counts[1][rows]),
            self.last[rows],
        )

    def knots(self, kinks: Index, signs: FloatArray) -> Knots:
        """Return kinks, flat and in any order, with the ends of each row, and the moments between them."""
        n = self.position.shape[1]
        begin = np.arange(self.last.size) * n
        index = np.concatenate([begin, kinks, begin + self.last])
        order = np.argsort(index, kind="stable")
        index = index[order]
        signs = np.concatenate([np.zeros(begin.size), signs, np.zeros(begin.size)])[order]
        counts = np.zeros((2, index.size))
        if self.counts is not None:
            counts[:] = [part.ravel()[index] for part in self.counts]
        return Knots(index, index // n, signs, self.position.ravel()[index], counts, self._moments(index))

    def _moments(self, index: Index) -> FloatArray:
        """Return the moments from each knot up to the next."""
        position, mass = self.position.ravel(), self.mass.ravel()
        step = position - np.repeat(position[index], np.diff(index, append=position.size))
        moments = np.zeros((5, index.size))
        moments[0] = np.add.reduceat(mass, index)
        lever = step * mass
        square = step * lever
        if self.within is not None:
            first, second = self.within[0].ravel(), self.within[1].ravel()
            square += 2 * step * first
            square += second
            lever += first
        moments[1], moments[2] = np.add.reduceat(lever, index), np.add.reduceat(square, index)
        if self.label is not None:
            label = self.label.ravel()
            step *= label
            if self.within is not None:
                step += self.within[2].ravel()
            moments[3], moments[4] = np.add.reduceat(label, index), np.add.reduceat(step, index)
        return moments

    def excess(self, state: State, decays: Decays) -> FloatArray:
        """Return by how much ``H`` leaves its band below (positive) or above, of the shape of the data."""
        knots = state.knots
        lengths = np.diff(knots.index, append=self.position.size)
        shape = self.position.shape
        slope = np.repeat(state.slopes, lengths).reshape(shape)
        value = (self.position.ravel() - np.repeat(knots.position, lengths)).reshape(shape)
        value *= slope
        value += np.repeat(state.values, lengths).reshape(shape)
        residual = value * self.mass
        if self.label is not None:
            residual -= self.label
        if self.within is not None:
            residual += slope * self.within[0]
        # From right to left, where G starts at zero.
        tail = np.cumsum(residual[:, ::-1], axis=1)
        steps = self.position[:, :0:-1] - self.position[:, -2::-1]
        steps *= tail[:, :-1]
        if self.within is not None:
            lever = value * self.within[0] + slope * self.within[1] - self.within[2]
            steps += lever[:, -2::-1]
        smooth = np.zeros_like(tail)
        np.cumsum(steps, axis=1, out=smooth[:, 1:])
        smooth = smooth[:, ::-1]
        half = decays.rules.width * decays.beta - 0.5 * decays.rules.omega * np.abs(state.kappa)
        low, high = (0.5 * state.kappa - half)[:, None], (0.5 * state.kappa + half)[:, None]
        above, below = (smooth, smooth) if self.counts is None else (smooth + c for c in self.counts[::-1])
        excess = np.maximum(low - below, 0.0)
        excess -= np.maximum(above - high, 0.0)
        # Kinks are inside: not at the ends, nor beyond the last position.
        excess[:, 0] = 0.0
        for row, last in zip(excess, self.last, strict=True):
            row[last:] = 0.0
        return excess


@dataclass(frozen=True, eq=False)
class Knots:
    """Knots of all rows: the first position, the kinks, and the last position of each.

    Parameters
    ----------
    index : int ndarray of shape (n_knots,)
        Flat indices, ascending.
    row : int ndarray of shape (n_knots,)
        The row of each.
    signs : ndarray of shape (n_knots,)
        Signs of the jumps; zero at the ends.
    position : ndarray of shape (n_knots,)
        Where they are.
    counts : ndarray of shape (2, n_knots)
        ``#{x_i > t}`` and ``#{x_i >= t}``; zeros for denoising.
    moments : ndarray of shape (5, n_knots)
        From each knot up to the next.
    """

    index: Index
    row: Index
    signs: FloatArray
    position: FloatArray
    counts: FloatArray
    moments: FloatArray

    def without(self, wrong: Flags) -> Knots:
        """Return the knots without some kinks."""
        kept = np.flatnonzero(~wrong)
        step = self.position - np.repeat(self.position[kept], np.diff(kept, append=wrong.size))
        moments = self.moments.copy()
        moments[1] += step * self.moments[0]
        moments[2] += step * (self.moments[1] + moments[1])
        moments[4] += step * self.moments[3]
        return replace(self.chosen(kept), moments=np.add.reduceat(moments, kept, axis=1))

    def chosen(self, which: Flags | Index) -> Knots:
        """Return some of the knots as they are."""
        return Knots(
            self.index[which],
            self.row[which],
            self.signs[which],
            self.position[which],
            self.counts[:, which],
            self.moments[:, which],
        )

    def of_rows(self, rows: Flags, length: int) -> Knots:
        """Return the knots of some rows, which are then all there are, each of this length."""
        found = self.chosen(rows[self.row])
        row = (np.cumsum(rows) - 1)[found.row]
        return replace(found, index=found.index + (row - found.row) * length, row=row)


@dataclass(frozen=True, eq=False)
class State:
    """The splines of all rows: their knots, values there, slopes from there on, multipliers, objectives."""

    knots: Knots
    values: FloatArray
    slopes: FloatArray
    kappa: FloatArray
    objective: FloatArray

    def of_rows(self, rows: Flags, length: int) -> State:
        """Return the splines of some rows."""
        which = rows[self.knots.row]
        knots = self.knots.of_rows(rows, length)
        return State(knots, self.values[which], self.slopes[which], self.kappa[rows], self.objective[rows])

    def at(self, knots: Knots) -> FloatArray:
        """Return the splines at more knots of the same rows."""
        left = np.searchsorted(self.knots.index, knots.index, side="right") - 1
        return self.values[left] + self.slopes[left] * (knots.position - self.knots.position[left])


def mixed(first: State, second: State, rows: Flags, length: int) -> State:
    """Return the first states, but the second ones, which are of these rows alone, in these rows."""
    stay = ~rows[first.knots.row]
    row = np.flatnonzero(rows)[second.knots.row]
    moved = replace(second.knots, index=second.knots.index + (row - second.knots.row) * length, row=row)
    order = np.argsort(np.concatenate([first.knots.index[stay], moved.index]), kind="stable")

    def joined(one: FloatArray, other: FloatArray) -> FloatArray:
        return np.concatenate([one[..., stay], other], axis=-1)[..., order]

    def place(one: Index, other: Index) -> Index:
        return np.concatenate([one[stay], other])[order]

    knots = Knots(
        place(first.knots.index, moved.index),
        place(first.knots.row, moved.row),
        *(
            joined(getattr(first.knots, name), getattr(moved, name))
            for name in ("signs", "position", "counts", "moments")
        ),
    )
    kappa, objective = first.kappa.copy(), first.objective.copy()
    kappa[rows], objective[rows] = second.kappa, second.objective
    values, slopes = joined(first.values, second.values), joined(first.slopes, second.slopes)
    return State(knots, values, slopes, kappa, objective)
