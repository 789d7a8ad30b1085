"""What changes a path's piece: the events as the weight decay falls, between which all is linear."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .._support.validation import FloatArray
from .spline import Spline, SplineProblem
from .tails import Bounds, TailProblem

__all__ = ["STEP", "Piece", "first_event", "is_past_its_breakpoint"]

#: Where a piece of the path begins, its kinks are those of the solution this far (relatively) below.
STEP = 1e-9


@dataclass(frozen=True, eq=False)
class Piece:
    """A linear piece: the solution at its upper end, and its derivative.

    `pinned` says which of (low end, high end, zero) the multiplier stays at on the whole piece, if any.
    `bounds` are those of the outer slopes, if there are any, and `tailed` the problem with held tails that it
    solves then.
    """

    spline: Spline
    signs: FloatArray
    rate: Spline
    pinned: int | None = None
    bounds: Bounds | None = None
    tailed: TailProblem | None = None

    @property
    def kinks(self) -> NDArray[np.intp]:
        """Indices of the positions of the kinks, the ends of the data among them if they bend a tail."""
        before = self.tailed is not None and self.tailed.held[0] is not None
        return self.spline.kinks - int(before)


def first_event(problem: SplineProblem, piece: Piece, furthest: float) -> float:
    """Return by how much ``beta`` can fall until something changes."""
    steps = [furthest, *(problem.beta - switch for switch in problem.range_switches())]
    steps += _regime_changes(problem, piece)
    kinks = np.concatenate([_vanishing_kinks(problem, piece), _meeting_bounds(problem, piece)])
    # Smaller steps are the present breakpoint, seen from just below.
    return float(min([furthest, *(step for step in (*steps, *kinks.tolist()) if step > _nearest(problem))]))


def is_past_its_breakpoint(problem: SplineProblem, piece: Piece) -> bool:
    """Whether all kinks that come and go at a piece's beginning have done so in its solution.

    Where a correlation passes the band's edge slowly, the solution just below differs by less than rounding
    from one that still has the kinks from above; that one is not the solution further down.
    """
    events = (_vanishing_kinks(problem, piece), _meeting_bounds(problem, piece))
    return all(bool((steps > _nearest(problem)).all()) for steps in events)


def _nearest(problem: SplineProblem) -> float:
    """Return the step up to which an event is the present breakpoint."""
    return 0.5 * STEP * problem.beta


def _vanishing_kinks(problem: SplineProblem, piece: Piece) -> FloatArray:
    """Return the fall of ``beta`` at which every kink vanishes that is becoming smaller."""
    kinks = piece.spline.kinks
    size = np.diff(problem.slopes(kinks, piece.spline.values)) * piece.signs
    rate = np.diff(problem.slopes(kinks, piece.rate.values)) * piece.signs
    return size[rate > 0] / rate[rate > 0]


def _regime_changes(problem: SplineProblem, piece: Piece) -> list[float]:
    """Return where ``kappa`` leaves its regime: zero, an end of its range, or free between them."""
    low, high = problem.kappa_range
    if low == high:
        return []
    kappa, kappa_rate = piece.spline.kappa, piece.rate.kappa
    slopes = problem.slopes(piece.spline.kinks, piece.spline.values)
    rates = problem.slopes(piece.spline.kinks, piece.rate.values)
    balance, balance_rate = slopes[0] + slopes[-1], rates[0] + rates[-1]
    variation = problem.omega * piece.signs @ np.diff(slopes)
    variation_rate = problem.omega * piece.signs @ np.diff(rates)

    def zero(value: float, rate: float) -> list[float]:
        return [value / rate] if rate != 0 and value / rate > 0 else []

    if kappa == 0 and problem.omega:
        rising = zero(balance - variation, balance_rate - variation_rate)
        return rising + zero(balance + variation, balance_rate + variation_rate)
    if kappa in (low, high):
        side = np.sign(kappa)
        return zero(balance + side * variation, balance_rate + side * variation_rate)
    low_rate, high_rate = problem.kappa_range_rate
    events = zero(kappa - low, kappa_rate - low_rate) + zero(kappa - high, kappa_rate - high_rate)
    return events + (zero(kappa, kappa_rate) if problem.omega else [])


def _meeting_bounds(problem: SplineProblem, piece: Piece) -> FloatArray:
    """Return the fall of ``beta`` at which every position without a kink that nears an edge meets it."""
    program = problem.program
    residual = problem.at_positions(piece.spline) - program.target
    exclusive, inclusive, _ = program.correlation(residual)
    rate = program.smooth_correlation(problem.at_positions(piece.rate))
    kappa, kappa_rate = piece.spline.kappa, piece.rate.kappa
    half = program.atom_half_width(problem.beta, kappa)
    half_rate = program.rules.width - 0.5 * problem.omega * np.sign(kappa) * kappa_rate
    steps: list[FloatArray] = []
    for sign, height in ((1.0, exclusive), (-1.0, inclusive)):
        room = half + sign * (height - kappa / 2)
        closing = half_rate + sign * (rate - kappa_rate / 2)
        room[[0, -1]] = np.inf
        room[piece.spline.kinks[piece.signs == sign]] = np.inf
        meets = (closing > 0) & (room < np.inf)
        steps.append(room[meets] / closing[meets])
    return np.concatenate(steps)
