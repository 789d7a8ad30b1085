"""Active-set solver for the univariate programs, exact to rounding.

Works in function space (`univariate.spline`).  Repeat: solve for the current kinks and signs, drop kinks
whose sign came out wrong, price all positions (looking only where the worst may be, see
`univariate.moments`), add the worst violator of each run of violating positions.  Accepted steps lower the
objective, so no set of kinks comes back until gains are rounding; then a few more are allowed, and the
spline of least violation is kept.  Its certificate holds to rounding because its system was solved exactly.

It can start from nothing or from the kinks that another solver found, which is how solutions of
interior-point and first-order solvers are refined.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..._support.progress import steps
from ..._support.validation import FloatArray
from ..spline import Spline, SplineProblem

__all__ = ["PATIENCE", "ActiveSetResult", "rounding_floor", "solve_active_set", "worst_of_each_run"]

Index = NDArray[np.intp]

# Steps without a measurable gain that may follow one another before the search gives up.
PATIENCE = 12


@dataclass(frozen=True, eq=False)
class ActiveSetResult:
    """What the active-set solver found.

    Parameters
    ----------
    spline : Spline
        The solution.
    iterations : int
        Passes over all positions.
    n_systems : int
        Tridiagonal systems solved.
    violation : float
        Largest remaining violation of the certificate, in units of ``beta``.
    """

    spline: Spline
    iterations: int
    n_systems: int
    violation: float


def solve_active_set(
    problem: SplineProblem,
    kinks: Index | None = None,
    signs: FloatArray | None = None,
    *,
    max_iterations: int = 500,
    progress: bool = False,
) -> ActiveSetResult:
    """Minimize a spline problem.

    Parameters
    ----------
    problem : SplineProblem
        The problem.
    kinks, signs : ndarray, optional
        Interior positions and jump signs to start from; by default none (for ``beta = 0`` all).
    max_iterations : int
        Bound on the passes over all positions.
    progress : bool
        Show a progress bar (needs tqdm).

    Returns
    -------
    ActiveSetResult
        The best spline found; its `violation` says how good it is.
    """
    search = _Search(problem)
    if problem.beta == 0:
        kinks = np.arange(1, problem.program.position.size - 1)
        signs = np.ones(kinks.size)
    elif kinks is None or signs is None:
        kinks, signs = problem.start()
    search.start(kinks, signs)
    floor = rounding_floor(problem)
    greedy, iteration, stalled = True, 0, 0
    best, best_violation = search.state, np.inf
    for _ in steps(max_iterations, progress, "passes"):
        if stalled >= PATIENCE:
            break
        iteration += 1
        positions, excess = problem.violations(search.state.spline)
        violation = float(np.abs(excess).max(initial=0.0))
        stalled = 0 if violation < 0.5 * best_violation else stalled
        if violation < best_violation:
            best, best_violation = search.state, violation
        fresh = ~np.isin(positions, search.state.spline.kinks)
        positions, excess = positions[fresh], excess[fresh]
        if violation <= floor or positions.size == 0:
            break
        chosen = worst_of_each_run(positions, excess) if greedy else [np.argmax(np.abs(excess))]
        before = search.state.value
        search.improve(positions[chosen], np.sign(excess[chosen]))
        greedy = search.state.value < before
        stalled += not greedy
    return ActiveSetResult(best.spline, iteration, search.n_systems, best_violation)


def rounding_floor(problem: SplineProblem) -> float:
    """Return the size of violation that is rounding error of the correlations."""
    program = problem.program
    scale = program.trace_total + program.label_correlation
    return float(8 * np.finfo(float).eps * max(scale, problem.beta))


def worst_of_each_run(positions: Index, excess: FloatArray) -> Index:
    """Return, for each run of adjacent positions with excess of one sign, the entry of the largest."""
    sign = np.sign(excess)
    starts = np.flatnonzero((np.diff(positions, prepend=-2) > 1) | (np.diff(sign, prepend=0.0) != 0))
    size = np.abs(excess)
    largest = np.maximum.reduceat(size, starts)
    # Small violations usually vanish once the large ones are dealt with.
    chosen = largest >= 0.05 * largest.max()
    ends = np.append(starts[1:], size.size)
    return np.array(
        [start + np.argmax(size[start:end]) for start, end in zip(starts[chosen], ends[chosen], strict=True)],
        dtype=np.intp,
    )


@dataclass(frozen=True, eq=False)
class _State:
    spline: Spline
    signs: FloatArray
    value: float


class _Search:
    """The current spline, and steps that lower its objective."""

    def __init__(self, problem: SplineProblem) -> None:
        self.problem = problem
        self.n_systems = 0
        self.state: _State

    def start(self, kinks: Index, signs: FloatArray) -> None:
        """Begin at the minimizer over any subset of the given kinks that keeps their signs."""
        self.state = self._settled(np.asarray(kinks, dtype=np.intp), np.asarray(signs, float), 1.0)

    def improve(self, new: Index, new_signs: FloatArray) -> None:
        """Add kinks and go to the minimizer over the enlarged set, dropping those that vanish."""
        old = self.state
        kinks = np.concatenate([old.spline.kinks, new])
        order = np.argsort(kinks)
        kinks, signs = kinks[order], np.concatenate([old.signs, new_signs])[order]
        side = -1.0 if old.spline.kappa < 0 else 1.0
        candidate = self._settled(kinks, signs, side)
        if not candidate.value < old.value:
            candidate = self._walked(kinks, signs, side)
        # Gains below rounding count too: near its bound beta leaves jumps almost free.
        rounding = 1e-11 * (abs(old.value) + self.problem.program.zero_value)
        if candidate.value <= old.value + rounding:
            self.state = candidate

    def _solve(
        self, kinks: Index, signs: FloatArray, side: float
    ) -> tuple[Spline, FloatArray, NDArray[np.bool_]]:
        """Return the minimizer, its slope jumps, and which of them have the wrong sign."""
        self.n_systems += 1
        spline = self.problem.minimize(kinks, signs, side)
        jumps = np.diff(self.problem.slopes(kinks, spline.values))
        return spline, jumps, (jumps * signs < 0) & self.problem.keeps_signs(kinks)

    def _settled(self, kinks: Index, signs: FloatArray, side: float) -> _State:
        """Drop all wrong kinks at once until none is left: fast, but need not lower the objective."""
        while True:
            spline, _, wrong = self._solve(kinks, signs, side)
            if not wrong.any():
                return _State(spline, signs, self.problem.value(spline))
            kinks, signs = self.problem.without(kinks, signs, wrong)

    def _walked(self, kinks: Index, signs: FloatArray, side: float) -> _State:
        """Walk towards each minimizer until a kink vanishes, drop it, turn: lowers the objective.

        Where the multiplier's sign would have to change on the way, stop there and change it.
        """
        problem = self.problem
        t = problem.program.position
        values = np.interp(
            t[problem.knots(kinks)],
            t[problem.knots(self.state.spline.kinks)],
            self.state.spline.values,
        )
        turned = False
        while True:
            spline, goal, wrong = self._solve(kinks, signs, side)
            if not wrong.any():
                return _State(spline, signs, problem.value(spline))
            jumps = np.diff(problem.slopes(kinks, values))
            jumps = np.where(jumps * signs > 0, jumps, 0.0)
            reach = np.full(kinks.size, np.inf)
            reach[wrong] = jumps[wrong] / (jumps[wrong] - goal[wrong])
            step = float(reach.min())
            switch = problem.multiplier_switch(kinks, signs, side, values, spline.values)
            if switch < step and not turned:
                values = values + switch * (spline.values - values)
                side, turned = -side, True
                continue
            values, turned = values + step * (spline.values - values), False
            keep = reach > step
            inner = np.concatenate([[True], keep, [True]])
            kinks, signs, values = kinks[keep], signs[keep], values[inner]
