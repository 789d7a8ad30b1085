"""Active-set solver for log-concave scores.

Like `active_set`, with flat pieces beside kinks: pieces whose slope comes out positive are held flat,
flat pieces are released when their multiplier or the positions inside them ask for it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..._support.progress import steps
from ..._support.validation import FloatArray
from ..log_concave import FallingSpline, LogConcaveProblem, Prices
from ..spline import SplineProblem
from .active_set import PATIENCE, ActiveSetResult, rounding_floor, solve_active_set, worst_of_each_run

__all__ = ["solve_log_concave"]

Index = NDArray[np.intp]
Flags = NDArray[np.bool_]


def solve_log_concave(
    problem: SplineProblem, *, max_iterations: int = 500, progress: bool = False
) -> ActiveSetResult:
    """Minimize a spline problem over scores with slopes at most zero.

    Parameters
    ----------
    problem : SplineProblem
        The problem without the constraint.
    max_iterations : int
        Bound on the passes over all positions.
    progress : bool
        Show a progress bar (needs tqdm).

    Returns
    -------
    ActiveSetResult
    """
    free = solve_active_set(problem, max_iterations=max_iterations, progress=progress)
    slopes = problem.slopes(free.spline.kinks, free.spline.values)
    # Without skip an outer slope can be zero by itself, up to rounding; the network has it exactly.
    if not problem.program.rules.even and slopes.max() <= 1e-10 * np.abs(slopes).max():
        return free
    falling = LogConcaveProblem(problem)
    search = _Search(falling)
    search.start(free.spline.kinks, np.sign(np.diff(slopes)), slopes > 0)
    floor = rounding_floor(problem)
    greedy, iteration, stalled = True, 0, 0
    best, best_violation = search.state, np.inf
    for _ in steps(max_iterations, progress, "passes"):
        if stalled >= PATIENCE:
            break
        iteration += 1
        prices = falling.prices(search.state.spline)
        stalled = 0 if prices.largest < 0.5 * best_violation else stalled
        if prices.largest < best_violation:
            best, best_violation = search.state, prices.largest
        if prices.largest <= floor:
            break
        before = search.state.value
        search.improve(_all_worst(prices) if greedy else _one_worst(prices))
        greedy = search.state.value < before
        stalled += not greedy
    return ActiveSetResult(
        best.spline, free.iterations + iteration, free.n_systems + search.n_systems, best_violation
    )


@dataclass(frozen=True, eq=False)
class _Change:
    """Kinks to add, their signs, and flat pieces to release."""

    positions: Index
    signs: FloatArray
    released: Index


def _all_worst(prices: Prices) -> _Change:
    chosen = worst_of_each_run(prices.positions, prices.excess) if prices.positions.size else slice(0)
    released = np.flatnonzero(prices.released > 0.05 * prices.largest)
    return _Change(prices.positions[chosen], np.sign(prices.excess[chosen]), released)


def _one_worst(prices: Prices) -> _Change:
    nothing = np.zeros(0, dtype=np.intp)
    size = np.abs(prices.excess)
    if prices.released.max(initial=0.0) >= size.max(initial=0.0):
        return _Change(nothing, np.zeros(0), np.array([np.argmax(prices.released)]))
    # The two kinks of a pair have equal excess and come together.
    chosen = np.flatnonzero(size == size.max())
    return _Change(prices.positions[chosen], np.sign(prices.excess[chosen]), nothing)


@dataclass(frozen=True, eq=False)
class _State:
    spline: FallingSpline
    signs: FloatArray
    value: float


class _Search:
    """The current spline, and steps that lower its objective."""

    def __init__(self, problem: LogConcaveProblem) -> None:
        self.problem = problem
        self.n_systems = 0
        self.state: _State

    def start(self, kinks: Index, signs: FloatArray, flat: Flags) -> None:
        """Begin at the minimizer for some of these kinks, with these and maybe more flat pieces."""
        self.state = self._settled(*_joined(kinks, signs, flat, np.ones(kinks.size, dtype=bool)))

    def improve(self, change: _Change) -> None:
        """Apply a change and go to the minimizer that follows, if it lowers the objective."""
        old = self.state
        kinks, signs, flat = _changed(old, change)
        candidate = self._settled(kinks, signs, flat)
        if not candidate.value < old.value:
            candidate = self._walked(kinks, signs, flat)
        rounding = 1e-11 * (abs(old.value) + self.problem.program.zero_value)
        if candidate.value <= old.value + rounding:
            self.state = candidate

    def _solve(
        self, kinks: Index, signs: FloatArray, flat: Flags
    ) -> tuple[FallingSpline, FloatArray, Flags, Flags]:
        """Return the minimizer, its slopes, which jumps have the wrong sign, and which pieces rise."""
        self.n_systems += 1
        spline = self.problem.minimize_falling(kinks, signs, flat)
        slopes = np.where(flat, 0.0, self.problem.slopes(kinks, spline.values))
        wrong = (np.diff(slopes) * signs < 0) & self.problem.keeps_signs(kinks)
        return spline, slopes, wrong, slopes > 0

    def _settled(self, kinks: Index, signs: FloatArray, flat: Flags) -> _State:
        """Drop all wrong kinks and flatten all rising pieces at once until there are none."""
        while True:
            spline, _, wrong, rising = self._solve(kinks, signs, flat)
            if not (wrong.any() or rising.any()):
                return _State(spline, signs, self.problem.value(spline))
            kinks, signs, flat = _joined(kinks, signs, flat | rising, ~wrong)

    def _walked(self, kinks: Index, signs: FloatArray, flat: Flags) -> _State:
        """Walk towards each minimizer until a kink vanishes or a piece turns flat: lowers the objective."""
        problem, t = self.problem, self.problem.program.position
        old = self.state.spline
        values = np.interp(t[problem.knots(kinks)], t[problem.knots(old.kinks)], old.values)
        while True:
            spline, goal, wrong, rising = self._solve(kinks, signs, flat)
            if not (wrong.any() or rising.any()):
                return _State(spline, signs, problem.value(spline))
            slopes = np.where(flat, 0.0, np.minimum(problem.slopes(kinks, values), 0.0))
            jumps = np.diff(slopes)
            jumps = np.where(jumps * signs > 0, jumps, 0.0)
            vanish, level = np.full(kinks.size, np.inf), np.full(flat.size, np.inf)
            vanish[wrong] = jumps[wrong] / (jumps[wrong] - np.diff(goal)[wrong])
            level[rising] = slopes[rising] / (slopes[rising] - goal[rising])
            step = float(min(vanish.min(initial=np.inf), level.min()))
            values = values + step * (spline.values - values)
            before = kinks
            kinks, signs, flat = _joined(kinks, signs, flat | (level <= step), vanish > step)
            values = values[np.concatenate([[True], np.isin(before, kinks), [True]])]


def _joined(kinks: Index, signs: FloatArray, flat: Flags, keep: Flags) -> tuple[Index, FloatArray, Flags]:
    """Drop kinks not kept and those between two flat pieces; a joined piece is flat if all its parts are."""
    keep = keep & ~(flat[:-1] & flat[1:])
    first = np.concatenate([[0], np.flatnonzero(keep) + 1])
    return kinks[keep], signs[keep], np.logical_and.reduceat(flat, first)


def _changed(state: _State, change: _Change) -> tuple[Index, FloatArray, Flags]:
    """Insert kinks; in a flat piece they release what is before a rising and after a falling one."""
    old = state.spline
    kinks = np.concatenate([old.kinks, change.positions])
    order = np.argsort(kinks)
    kinks = kinks[order]
    signs = np.concatenate([state.signs, change.signs])[order]
    new = np.concatenate([np.zeros(old.kinks.size), change.signs])[order]
    flat = old.flat.copy()
    flat[change.released] = False
    flat = flat[np.concatenate([[0], np.searchsorted(old.kinks, kinks, side="right")])]
    flat[:-1] &= ~(new > 0)
    flat[1:] &= ~(new < 0)
    return kinks, signs, flat
