"""Many problems at once: the active sets of `active_set`, one step of all of them at a time.

Problems of a few thousand positions take microseconds of arithmetic a step, and many times that to be told
what to do.  So problems that differ in their weight decays, or in the samples that they see, are rows of one
array, and a step is done for all rows: their tridiagonal systems follow one another in one.

A row whose steps do not lower its objective is left to `solve_active_set`; so is one
that takes too many.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import solveh_banded

from ..._support.validation import FloatArray
from ..grid import Grid
from ..spline import Spline, SplineProblem
from .active_set import rounding_floor, solve_active_set
from .rows import Decays, Knots, Rows, State, mixed

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
    grids: Sequence[Grid], betas: FloatArray, starts: Sequence[tuple[Index, FloatArray]] | None = None
) -> list[Spline]:
    """Minimize spline problems on grids, all of one activation, objective and skip.

    Parameters
    ----------
    grids : sequence of Grid
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
        SplineProblem(grid.program, float(beta), grid) for grid, beta in zip(grids, betas, strict=True)
    ]
    if starts is None:
        starts = [problem.start() for problem in problems]
    found: list[Spline] = []
    for group in _groups([grid.index.size for grid in grids]):
        search = _Search(grids[group], problems[group])
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


class _Minimizer:
    """The minimizers of all rows for given kinks and signs: `SplineProblem.minimize`, row by row."""

    def __init__(self, decays: Decays, knots: Knots) -> None:
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
        base, per_kappa, per_size = solveh_banded(gram, columns, lower=True, check_finite=False).T
        return self._with_multiplier(base, per_kappa, per_size, side)

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
        self.grids, self.problems, self.rows = grids, problems, Rows.of(grids)
        low, high = np.array([problem.kappa_range for problem in problems]).T
        beta, program = np.array([problem.beta for problem in problems]), problems[0].program
        self.decays = Decays(beta, low, high, program.rules, program.skip)
        self.length = self.rows.position.shape[1]
        self.number = np.arange(len(problems))
        self.floor = np.array([rounding_floor(problem) for problem in problems])
        self.zero_value = np.array([problem.program.zero_value for problem in problems])
        # Steps in a row that did not lower the objective.
        self.strikes = np.zeros(len(problems), dtype=np.intp)
        self.found: list[Spline | None] = [None] * len(problems)
        self.state: State

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
            fresh = mixed(fresh, walked, up, self.length)
        # Gains below rounding count too: near its bound beta leaves jumps almost free.
        allowed = fresh.objective <= old.objective + 1e-11 * (np.abs(old.objective) + self.zero_value)
        self.strikes = np.where(fresh.objective < old.objective, 0, self.strikes + 1)
        if not allowed.all():
            fresh = mixed(fresh, old.of_rows(~allowed, self.length), ~allowed, self.length)
        self.state = fresh

    def _settled(self, knots: Knots, side: FloatArray) -> State:
        """Drop all wrong kinks at once until none is left."""
        while True:
            problem = _Minimizer(self.decays, knots)
            values, kappa = problem.minimize(side)
            slopes = problem.slopes(values)
            wrong = problem.wrong(slopes)
            if not wrong.any():
                return State(knots, values, slopes, kappa, problem.objective(values, slopes, kappa))
            knots = knots.without(wrong)

    def _walked(self, decays: Decays, knots: Knots, side: FloatArray, values: FloatArray) -> State:
        """Walk towards each minimizer until a kink vanishes, drop it, turn, as `active_set` does."""
        turned = np.zeros(side.size, dtype=bool)
        while True:
            problem = _Minimizer(decays, knots)
            goal, kappa = problem.minimize(side)
            slopes = problem.slopes(goal)
            wrong = problem.wrong(slopes)
            if not wrong.any():
                return State(knots, goal, slopes, kappa, problem.objective(goal, slopes, kappa))
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
