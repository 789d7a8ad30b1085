"""Many problems at once: the active sets of `active_set`, one step of all of them at a time.

Problems of a few thousand positions take microseconds of arithmetic a step, and many times that to be told
what to do.  So problems that differ in their weight decays, or in the samples that they see, are rows of one
array, and a step is done for all rows: their tridiagonal systems follow one another in one.

Knots are flat indices into the rows.  Moments between them are summed anew when kinks come in, and added up
when kinks are dropped.  A row whose steps do not lower its objective is left to `solve_active_set`; so is one
that takes too many.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import solveh_banded

from ..._support.validation import FloatArray
from ..activation_rules import ActivationRules
from ..grid import Grid
from ..spline import Spline, SplineProblem
from .active_set import rounding_floor, solve_active_set

__all__ = ["solve_many"]

Index = NDArray[np.intp]
Flags = NDArray[np.bool_]

# Rows are worked on together as long as they have about this many positions.
_ENTRIES = 1 << 18
# Steps after which a row is left to the other solver, and those in a row without a gain.
_MOST_STEPS, _PATIENCE = 60, 3
# Violations, in units of the weight decay, that are small enough where no step lowers the objective.
_SMALL = 1e-10


def solve_many(
    program_of: Sequence[Grid], betas: FloatArray, starts: Sequence[tuple[Index, FloatArray]] | None = None
) -> list[Spline]:
    """Minimize spline problems on grids, all of one activation, objective and skip.

    Parameters
    ----------
    program_of : sequence of Grid
        The grid of each problem, those of one program best next to one another.
    betas : ndarray of shape (n_problems,)
        The weight decay of each.
    starts : sequence of (kinks, signs), optional
        Positions of the grid, as indices of the program's, and jump signs for each to start from; by default
        none.

    Returns
    -------
    list of Spline
        What `solve_active_set` finds, but for rounding.
    """
    problems = [
        SplineProblem(grid.program, float(beta), grid) for grid, beta in zip(program_of, betas, strict=True)
    ]
    if starts is None:
        starts = [problem.start() for problem in problems]
    found: list[Spline] = []
    for group in _groups([grid.index.size for grid in program_of]):
        search = _Search(program_of[group], problems[group])
        found += search.run(starts[group])
    return found


def _groups(sizes: list[int]) -> list[slice]:
    """Cut problems of these sizes into groups of as many as are worked on together."""
    groups, start, longest = [], 0, 0
    for number, size in enumerate(sizes):
        longest = max(longest, size)
        if number > start and longest * (number + 1 - start) > _ENTRIES:
            groups.append(slice(start, number))
            start, longest = number, size
    return [*groups, slice(start, len(sizes))]


@dataclass(frozen=True, eq=False)
class _Decays:
    """What problems have beside their data: weight decays, the range of the multiplier, the rules."""

    beta: FloatArray
    low: FloatArray
    high: FloatArray
    rules: ActivationRules
    skip: bool

    def chosen(self, rows: Flags) -> _Decays:
        """Return some of the rows."""
        return replace(self, beta=self.beta[rows], low=self.low[rows], high=self.high[rows])


@dataclass(frozen=True, eq=False)
class _Rows:
    """Grids as rows, filled up with the last position at no mass.

    Parameters
    ----------
    position : ndarray of shape (n_rows, n)
        The positions of the grids.
    moments : list of ndarrays of shape (n_rows, n)
        Of the cells, ``sum m, m u, m u^2, m l, m u l``; None for those that are zero everywhere.
    counts : tuple of two ndarrays of shape (n_rows, n), or None
        ``#{x_i > t}`` and ``#{x_i >= t}``; None for denoising.
    last : int ndarray of shape (n_rows,)
        Index of the last position.
    """

    position: FloatArray
    moments: list[FloatArray | None]
    counts: tuple[FloatArray, FloatArray] | None
    last: Index

    @classmethod
    def of(cls, grids: Sequence[Grid]) -> _Rows:
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
        every, trace = all(grid.is_all for grid in distinct), distinct[0].program.has_trace
        zero = (False, every, every, trace, trace or every)
        moments = [
            None if none else stacked([grid.cells.moments[k] for grid in distinct])
            for k, none in enumerate(zero)
        ]
        counts = None
        if trace:
            counts = (
                stacked([grid.counts[0] for grid in distinct]),
                stacked([grid.counts[1] for grid in distinct]),
            )
        return cls(position, moments, counts, last)

    def chosen(self, rows: Flags) -> _Rows:
        """Return some of the rows."""
        counts = self.counts
        return _Rows(
            self.position[rows],
            [None if part is None else part[rows] for part in self.moments],
            None if counts is None else (counts[0][rows], counts[1][rows]),
            self.last[rows],
        )

    def knots(self, kinks: Index, signs: FloatArray) -> _Knots:
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
        return _Knots(index, index // n, signs, self.position.ravel()[index], counts, self._moments(index))

    def _moments(self, index: Index) -> FloatArray:
        """Return the moments from each knot up to the next."""
        position = self.position.ravel()
        mass, first, second, label, label_first = (
            None if part is None else part.ravel() for part in self.moments
        )
        step = position - np.repeat(position[index], np.diff(index, append=position.size))
        moments = np.zeros((5, index.size))
        moments[0] = np.add.reduceat(mass, index)
        lever = step * mass
        if first is not None:
            moments[2] = np.add.reduceat(second + step * first, index)
            lever += first
        moments[1] = np.add.reduceat(lever, index)
        lever *= step
        if first is not None:
            lever += step * first
            moments[2] = np.add.reduceat(second + lever, index)
        else:
            moments[2] = np.add.reduceat(lever, index)
        if label is not None:
            moments[3] = np.add.reduceat(label, index)
            lever = step * label
            moments[4] = np.add.reduceat(lever if label_first is None else lever + label_first, index)
        return moments

    def excess(self, state: _State, decays: _Decays) -> FloatArray:
        """Return by how much ``H`` leaves its band below (positive) or above, of the shape of the data."""
        knots = state.knots
        mass, first, second, label, label_first = self.moments
        lengths = np.diff(knots.index, append=self.position.size)
        slope = np.repeat(state.slopes, lengths)
        value = self.position.ravel() - np.repeat(knots.position, lengths)
        value *= slope
        value += np.repeat(state.values, lengths)
        value, slope = value.reshape(self.position.shape), slope.reshape(self.position.shape)
        residual = value * mass
        lever = None
        if first is not None:
            residual += slope * first
            lever = value * first + slope * second
        if label is not None:
            residual -= label
            if label_first is not None:
                lever -= label_first
        # From right to left, where G starts at zero.
        tail = np.cumsum(residual[:, ::-1], axis=1)
        steps = self.position[:, :0:-1] - self.position[:, -2::-1]
        steps *= tail[:, :-1]
        if lever is not None:
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
class _Knots:
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

    def without(self, wrong: Flags) -> _Knots:
        """Return the knots without some kinks."""
        kept = np.flatnonzero(~wrong)
        step = self.position - np.repeat(self.position[kept], np.diff(kept, append=wrong.size))
        moments = self.moments.copy()
        moments[1] += step * self.moments[0]
        moments[2] += step * (self.moments[1] + moments[1])
        moments[4] += step * self.moments[3]
        return replace(self.chosen(kept), moments=np.add.reduceat(moments, kept, axis=1))

    def chosen(self, which: Flags | Index) -> _Knots:
        """Return some of the knots as they are."""
        return _Knots(
            self.index[which],
            self.row[which],
            self.signs[which],
            self.position[which],
            self.counts[:, which],
            self.moments[:, which],
        )

    def of_rows(self, rows: Flags, length: int) -> _Knots:
        """Return the knots of some rows, which are then all there are, each of this length."""
        found = self.chosen(rows[self.row])
        row = (np.cumsum(rows) - 1)[found.row]
        return replace(found, index=found.index + (row - found.row) * length, row=row)


@dataclass(frozen=True, eq=False)
class _State:
    """The splines of all rows: their knots, values there, slopes from there on, multipliers, objectives."""

    knots: _Knots
    values: FloatArray
    slopes: FloatArray
    kappa: FloatArray
    objective: FloatArray

    def of_rows(self, rows: Flags, length: int) -> _State:
        """Return the splines of some rows."""
        which = rows[self.knots.row]
        knots = self.knots.of_rows(rows, length)
        return _State(knots, self.values[which], self.slopes[which], self.kappa[rows], self.objective[rows])

    def at(self, knots: _Knots) -> FloatArray:
        """Return the splines at more knots of the same rows."""
        left = np.searchsorted(self.knots.index, knots.index, side="right") - 1
        return self.values[left] + self.slopes[left] * (knots.position - self.knots.position[left])


class _Minimizer:
    """The minimizers of all rows for given kinks and signs: `SplineProblem.minimize`, row by row."""

    def __init__(self, decays: _Decays, knots: _Knots) -> None:
        self.decays, self.knots, self.omega = decays, knots, decays.rules.omega
        self.first = np.searchsorted(knots.row, np.arange(decays.beta.size))
        self.last = np.append(self.first[1:], knots.index.size) - 1
        self.width = np.diff(knots.position, append=0.0)
        # No piece begins at a last knot.
        self.width[self.last] = 1.0
        exclusive, inclusive = knots.counts
        self.penalty = decays.rules.width * decays.beta[knots.row] - 0.5 * (inclusive - exclusive)
        shared = 0.5 * (exclusive + inclusive)
        shared[self.first], shared[self.last] = inclusive[self.first], 0.0
        self.trace = self._drops(shared)

    def _drops(self, per_knot: FloatArray) -> FloatArray:
        """Return the differences of each knot's number to the next one's; zero at last knots."""
        drops = per_knot.copy()
        drops[:-1] -= per_knot[1:]
        drops[self.last] = 0.0
        return drops

    def _at_knots(self, per_slope: FloatArray) -> FloatArray:
        """Return the coefficient of each knot's value in ``sum_p per_slope_p slope_p``."""
        part = per_slope / self.width
        result = -part
        result[1:] += part[:-1]
        return result

    def slopes(self, values: FloatArray) -> FloatArray:
        """Return the slope of the piece that begins at each knot; zero at last knots."""
        return -self._drops(values) / self.width

    def jumps(self, slopes: FloatArray) -> FloatArray:
        """Return the jump of the slope at each kink, with anything at the ends."""
        return np.diff(slopes, prepend=0.0)

    def minimize(self, side: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return the values at the knots and the multipliers."""
        mass, first, second = self.knots.moments[:3]
        first, second = first / self.width, second / self.width**2
        gram = np.stack([mass - 2 * first + second, first - second])
        gram[0, 1:] += second[:-1]
        costs = self.trace + self._drops(self.penalty * self.knots.signs)
        right = -self._at_knots(costs)
        label, label_first = self.knots.moments[3], self.knots.moments[4] / self.width
        right += label - label_first
        right[1:] += label_first[:-1]
        if self.decays.skip:
            return solveh_banded(gram, right, lower=True, check_finite=False), np.zeros(self.first.size)
        sides = np.zeros(right.size)
        sides[self.first] += 0.5
        sides[self.last - 1] += 0.5
        sizes = 0.5 * self.omega * self._drops(self.knots.signs)
        columns = np.column_stack([right, self._at_knots(sides), self._at_knots(sizes)])
        return self._with_multiplier(*solveh_banded(gram, columns, lower=True, check_finite=False).T, side)

    def _with_multiplier(
        self, base: FloatArray, per_kappa: FloatArray, per_size: FloatArray, side: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        low, high, row = self.decays.low, self.decays.high, self.knots.row
        kappa, open_ = np.zeros(side.size), low < high
        for turn in (side, -side) if self.omega else (np.zeros(side.size),):
            start = self._stationarity(base, turn)
            gain = self._stationarity(per_kappa + turn[row] * per_size, turn)
            here = open_ & ((turn == 0) | (turn * start < 0))
            with np.errstate(divide="ignore", invalid="ignore"):
                root = np.where(gain > 0, -start / gain, turn * np.inf)
            kappa = np.where(here, root, kappa)
            open_ &= ~here
        kappa = np.clip(kappa, low, high)
        turn = np.sign(kappa)
        along = per_kappa + turn[row] * per_size
        values = base + kappa[row] * along
        free = (low < kappa) & (kappa < high) & ((kappa != 0) | (not self.omega))
        with np.errstate(divide="ignore", invalid="ignore"):
            error = self._stationarity(values, turn) / self._stationarity(along, turn)
        error = np.where(free, error, 0.0)
        return values - error[row] * along, kappa - error

    def _stationarity(self, values: FloatArray, side: FloatArray) -> FloatArray:
        slopes = self.slopes(values)
        balance = slopes[self.first] + slopes[self.last - 1]
        if not self.omega:
            return balance
        return balance + side * np.add.reduceat(self.knots.signs * self.jumps(slopes), self.first)

    def wrong(self, slopes: FloatArray) -> Flags:
        """Return the kinks whose sign came out wrong and matters."""
        return (self.jumps(slopes) * self.knots.signs < 0) & (self.penalty > 0)

    def objective(self, values: FloatArray, slopes: FloatArray, kappa: FloatArray) -> FloatArray:
        """Return each row's objective: `SplineProblem.value`."""
        mass, first, second, label, label_first = self.knots.moments
        terms = 0.5 * values**2 * mass + values * slopes * first + 0.5 * slopes**2 * second
        terms -= values * label + slopes * label_first
        sizes = np.abs(self.jumps(slopes))
        sizes[self.first] = sizes[self.last] = 0.0
        total = np.add.reduceat(terms + self.trace * slopes + self.penalty * sizes, self.first)
        if self.decays.skip:
            return total
        balance = slopes[self.first] + slopes[self.last - 1]
        variation = self.omega * np.add.reduceat(sizes, self.first)
        low, high = self.decays.low, self.decays.high
        price = np.maximum(-low * balance - np.abs(low) * variation, -high * balance - high * variation)
        return total + 0.5 * np.where(low <= 0, np.maximum(price, 0.0), price)

    def switch(self, side: FloatArray, start: FloatArray, end: FloatArray) -> FloatArray:
        """Return the fraction of the way at which the multiplier leaves its side."""
        if not self.omega or self.decays.skip:
            return np.full(side.size, np.inf)
        before, after = (side * self._stationarity(values, -side) for values in (start, end))
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where((before < 0) & (after > 0), before / (before - after), np.inf)


class _Search:
    """The current splines of all rows that are not done, and steps that lower their objectives."""

    def __init__(self, grids: Sequence[Grid], problems: Sequence[SplineProblem]) -> None:
        self.grids, self.problems, self.rows = grids, problems, _Rows.of(grids)
        low, high = np.array([problem.kappa_range for problem in problems]).T
        beta, program = np.array([problem.beta for problem in problems]), problems[0].program
        self.decays = _Decays(beta, low, high, program.rules, program.skip)
        self.length = self.rows.position.shape[1]
        self.number = np.arange(len(problems))
        self.floor = np.array([rounding_floor(problem) for problem in problems])
        self.zero_value = np.array([problem.program.zero_value for problem in problems])
        # Steps in a row that did not lower the objective.
        self.strikes = np.zeros(len(problems), dtype=np.intp)
        self.found: list[Spline | None] = [None] * len(problems)
        self.state: _State

    def run(self, starts: Sequence[tuple[Index, FloatArray]]) -> list[Spline]:
        """Return the minimizers."""
        places = [
            np.searchsorted(grid.index, kinks) + row * self.length
            for row, (grid, (kinks, _)) in enumerate(zip(self.grids, starts, strict=True))
        ]
        signs = np.concatenate([signs for _, signs in starts])
        self.state = self._settled(self.rows.knots(np.concatenate(places), signs), np.ones(len(starts)))
        for _ in range(_MOST_STEPS):
            excess = self._retired(self.rows.excess(self.state, self.decays))
            if self.number.size == 0:
                break
            self._improve(*self._entering(excess))
        self._retire(np.ones(self.number.size, dtype=bool), done=False)
        return [spline for spline in self.found if spline is not None]

    def _retired(self, excess: FloatArray) -> FloatArray:
        """Take out the rows that are done, or not to be done here, and the kinks that are there."""
        violation = np.abs(excess).max(axis=1)
        excess.ravel()[self.state.knots.index] = 0.0
        done = (violation <= self.floor) | ~excess.any(axis=1)
        done |= (self.strikes > 0) & (violation <= _SMALL * self.decays.beta)
        gone = done | (self.strikes > _PATIENCE)
        if not gone.any():
            return excess
        self._retire(done, done=True)
        self._retire(gone & ~done, done=False)
        kept = ~gone
        self.state, self.decays = self.state.of_rows(kept, self.length), self.decays.chosen(kept)
        self.rows = self.rows.chosen(kept)
        self.number, self.strikes = self.number[kept], self.strikes[kept]
        self.floor, self.zero_value = self.floor[kept], self.zero_value[kept]
        return excess[kept]

    def _retire(self, rows: Flags, *, done: bool) -> None:
        """Note the splines of some rows, or let them be solved for from where they are."""
        state = self.state
        for row in np.flatnonzero(rows):
            begin, end = np.searchsorted(state.knots.row, [row, row + 1])
            number, inside = self.number[row], slice(begin + 1, end - 1)
            kinks = self.grids[number].index[state.knots.index[inside] - row * self.length]
            spline = Spline(kinks, state.values[begin:end], float(state.kappa[row]))
            if not done:
                spline = solve_active_set(self.problems[number], kinks, state.knots.signs[inside]).spline
            self.found[number] = spline

    def _entering(self, excess: FloatArray) -> tuple[Index, FloatArray]:
        """Return the worst of each run of violating positions, or of each row that a step has failed."""
        flat = excess.ravel()
        index = np.flatnonzero(flat)
        size, sign = np.abs(flat[index]), np.sign(flat[index])
        # The ends of rows violate nothing: no run goes on in the next one.
        starts = np.flatnonzero((np.diff(index, prepend=-2) > 1) | (np.diff(sign, prepend=0.0) != 0))
        largest = np.maximum.reduceat(size, starts)
        row = index[starts] // self.length
        most = np.zeros(len(excess))
        np.maximum.at(most, row, largest)
        share = np.where(self.strikes == 0, 0.05, 1.0)
        wanted = largest >= (share * most)[row]
        lengths = np.diff(starts, append=index.size)
        worst = np.flatnonzero((size == np.repeat(largest, lengths)) & np.repeat(wanted, lengths))
        return index[worst], sign[worst]

    def _improve(self, new: Index, signs: FloatArray) -> None:
        """Add kinks and go to the minimizers, by a walk where the straight way leads up."""
        old = self.state
        inside = old.knots.signs != 0
        kinks = np.concatenate([old.knots.index[inside], new])
        knots = self.rows.knots(kinks, np.concatenate([old.knots.signs[inside], signs]))
        side = np.where(old.kappa < 0, -1.0, 1.0)
        fresh = self._settled(knots, side)
        up = ~(fresh.objective < old.objective)
        if up.any():
            part = knots.of_rows(up, self.length)
            values = old.of_rows(up, self.length).at(part)
            walked = self._walked(self.decays.chosen(up), part, side[up], values)
            fresh = _mixed(fresh, walked, up, self.length)
        # Gains below rounding count too: near its bound beta leaves jumps almost free.
        allowed = fresh.objective <= old.objective + 1e-11 * (np.abs(old.objective) + self.zero_value)
        self.strikes = np.where(fresh.objective < old.objective, 0, self.strikes + 1)
        if not allowed.all():
            fresh = _mixed(fresh, old.of_rows(~allowed, self.length), ~allowed, self.length)
        self.state = fresh

    def _settled(self, knots: _Knots, side: FloatArray) -> _State:
        """Drop all wrong kinks at once until none is left."""
        while True:
            problem = _Minimizer(self.decays, knots)
            values, kappa = problem.minimize(side)
            slopes = problem.slopes(values)
            wrong = problem.wrong(slopes)
            if not wrong.any():
                return _State(knots, values, slopes, kappa, problem.objective(values, slopes, kappa))
            knots = knots.without(wrong)

    def _walked(self, decays: _Decays, knots: _Knots, side: FloatArray, values: FloatArray) -> _State:
        """Walk towards each minimizer until a kink vanishes, drop it, turn, as `active_set` does."""
        turned = np.zeros(side.size, dtype=bool)
        while True:
            problem = _Minimizer(decays, knots)
            goal, kappa = problem.minimize(side)
            slopes = problem.slopes(goal)
            wrong = problem.wrong(slopes)
            if not wrong.any():
                return _State(knots, goal, slopes, kappa, problem.objective(goal, slopes, kappa))
            jumps = problem.jumps(problem.slopes(values))
            jumps = np.where(jumps * knots.signs > 0, jumps, 0.0)[wrong]
            reach = np.full(wrong.size, np.inf)
            reach[wrong] = jumps / (jumps - problem.jumps(slopes)[wrong])
            step = np.minimum.reduceat(reach, problem.first)
            switch = problem.switch(side, values, goal)
            turned = (switch < step) & ~turned & np.isfinite(step)
            side = np.where(turned, -side, side)
            step = np.where(turned, switch, np.where(np.isfinite(step), step, 0.0))
            values = values + step[knots.row] * (goal - values)
            dropped = wrong & (reach <= step[knots.row]) & ~turned[knots.row]
            values, knots = values[~dropped], knots.without(dropped)


def _mixed(first: _State, second: _State, rows: Flags, length: int) -> _State:
    """Return the first states, but the second ones, which are of these rows alone, in these rows."""
    stay = ~rows[first.knots.row]
    row = np.flatnonzero(rows)[second.knots.row]
    moved = replace(second.knots, index=second.knots.index + (row - second.knots.row) * length, row=row)
    order = np.argsort(np.concatenate([first.knots.index[stay], moved.index]), kind="stable")

    def joined(one: FloatArray, other: FloatArray) -> FloatArray:
        return np.concatenate([one[..., stay], other], axis=-1)[..., order]

    names = ("index", "row", "signs", "position", "counts", "moments")
    knots = _Knots(*(joined(getattr(first.knots, name), getattr(moved, name)) for name in names))
    kappa, objective = first.kappa.copy(), first.objective.copy()
    kappa[rows], objective[rows] = second.kappa, second.objective
    values, slopes = joined(first.values, second.values), joined(first.slopes, second.slopes)
    return _State(knots, values, slopes, kappa, objective)
