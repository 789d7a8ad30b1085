"""The univariate programs over falling scores: every slope at most zero, so that the density is log-concave.

The constraint ``s'(t) <= 0`` at every ``t`` of the line adds a multiplier ``lambda(t) >= 0``.  With its tail
``L(t) = int_t^inf lambda``, any falling function that ends at zero, the certificate of `program`
asks the same band of ``H + L`` instead of ``H``, and ``K = kappa + L(-inf)`` takes the place of ``kappa``:

    |H + L - K/2| <= beta - |K|/2   (ReLU),      |H + L - K/2| <= beta/2   (abs),

``K = 0`` with skip.  ``L`` falls only where the score is flat.  Between a lower bound ``low - H`` and an
upper bound ``high - H`` a falling ``L`` exists iff no lower bound exceeds an upper bound to its left, so with
``D = max_{t <= u} H(t) - H(u)`` (inclusive at ``t``, exclusive at ``u``) the best ``K`` leaves

    ReLU without skip   max H <= beta,    kappa - min H <= beta,    D <= 2 beta - max(kappa, 0),
    ReLU with skip      the same, and kappa <= 0,
    abs without skip    max H <= beta,    kappa - min H <= beta,    D <= beta       (K = beta),
    abs with skip       max H <= beta/2,  kappa - min H <= beta/2,  D <= beta,  and kappa <= 0.

Without skip, a ReLU solution with a flat piece has ``TV >= |C|``: going without costs nothing, and the
solution with skip is the one without.  A log-concave abs network without skip is constant outside the data.
The boundedness bounds are those without the constraint.

With bounds on the outer slopes (`tails`) beyond these, ``L`` falls by their multipliers beyond the data.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .._support.validation import FloatArray
from .program import UnivariateProgram
from .spline import Spline, SplineProblem, from_jumps, from_slopes, solve_joined
from .tails import held_level, held_tails, tridiagonal_product

__all__ = ["FallingSpline", "LogConcaveProblem", "Prices", "log_concave_correlation"]

Index = NDArray[np.intp]
Flags = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class FallingSpline(Spline):
    """A spline that knows which of its pieces are flat.

    Parameters
    ----------
    kinks, values, kappa
        As in `Spline`.
    flat : bool ndarray of shape (n_kinks + 1,)
        Which pieces have slope zero because the constraint holds them there.
    """

    flat: Flags = None  # type: ignore[assignment]  # always given


@dataclass(frozen=True, eq=False)
class Prices:
    """Where the certificate asks for a change.

    Parameters
    ----------
    positions, excess : ndarray of shape (n_violations,)
        As `SplineProblem.violations` returns them; in flat pieces at most one kink or one pair each.
    released : ndarray of shape (n_pieces,)
        Size of a flat piece's multiplier where it has the wrong sign, else zero.
    """

    positions: Index
    excess: FloatArray
    released: FloatArray

    @property
    def largest(self) -> float:
        """The largest violation."""
        return float(max(np.abs(self.excess).max(initial=0.0), self.released.max(initial=0.0)))


class LogConcaveProblem(SplineProblem):
    """A program at one ``beta`` over splines whose slopes are at most zero.

    For ReLU without skip this is the problem with skip, see the module's head.
    """

    def __init__(self, problem: SplineProblem) -> None:
        super().__init__(problem.program, problem.beta, problem.blocks)
        program, self.held = problem.program, problem.held
        total = self.beta if program.rules.even and not program.skip else 0.0
        self.kappa_range = (total, total)

    def minimize_falling(self, kinks: Index, signs: FloatArray, flat: Flags) -> FallingSpline:
        """Return the minimizer over splines with these kinks, jump signs and flat pieces.

        Signs, and the slopes of the other pieces, may come out wrong.
        """
        knots = self.knots(kinks)
        width = np.diff(self.program.position[knots])
        gram, moment = self._hat_moments(knots)
        slope_costs = self._trace(knots) + from_jumps(self.penalty(kinks) * signs)
        slope_costs[[0, -1]] -= 0.5 * self.kappa_range[0] * (1 if width.size > 1 else 2)
        right = moment - from_slopes(slope_costs, width)
        # Knots joined by flat pieces share one value, and those of held tails but for what these rise.
        rise, tails = held_tails(width, self.held)
        right -= tridiagonal_product(gram, rise)
        values = rise + solve_joined(gram, right[:, None], flat | tails)[:, 0]
        return FallingSpline(kinks, values, self.kappa_range[0], flat)

    def prices(self, spline: FallingSpline) -> Prices:
        """Return where the certificate asks for kinks, or for a flat piece to be released."""
        program, knots = self.program, self.knots(spline.kinks)
        exclusive, inclusive, kappa = program.correlation(self.at_positions(spline) - program.target)
        half = self.program.atom_half_width(self.beta, spline.kappa)
        # What the falling function must be at least and at most.
        least = spline.kappa / 2 - half - exclusive
        most = spline.kappa / 2 + half - inclusive
        start, end = self._flat_levels(spline, least, most, spline.kappa - kappa)
        level = held_level(self, spline, least, most, spline.kappa - kappa)
        excess = self._excess_outside(spline, knots, least, most, (start, end, level))
        for piece in np.flatnonzero(spline.flat):
            inside = slice(knots[piece] + 1, knots[piece + 1])
            excess[inside] = _excess_in_flat(least[inside], most[inside], start[piece], end[piece])
        excess[[0, -1]] = 0.0
        found = np.flatnonzero(excess)
        released = np.where(spline.flat, np.maximum(end - start, 0.0), 0.0)
        return Prices(found, excess[found], released)

    def _flat_levels(
        self, spline: FallingSpline, least: FloatArray, most: FloatArray, total: float
    ) -> tuple[FloatArray, FloatArray]:
        """Return ``L`` at both ends of each flat piece: kinks there are at the edges of the band."""
        start = np.concatenate([[total], least[spline.kinks]])
        end = np.concatenate([most[spline.kinks], [0.0]])
        return start, end

    def _excess_outside(
        self,
        spline: FallingSpline,
        knots: Index,
        least: FloatArray,
        most: FloatArray,
        levels: tuple[FloatArray, FloatArray, float],
    ) -> FloatArray:
        """Return the excess where ``L`` is constant: its level is that of the next flat piece, if any."""
        start, end, without = levels
        flat = np.flatnonzero(spline.flat)
        level = np.full(spline.flat.size, without)
        if flat.size:
            before = np.searchsorted(flat, np.arange(level.size), side="right") - 1
            level = np.where(before >= 0, end[flat[before]], start[flat[0]])
        per_position = np.repeat(level, np.diff(np.append(knots[:-1], knots[-1] + 1)))
        excess: FloatArray = np.maximum(least - per_position, 0) - np.maximum(per_position - most, 0)
        # Kinks of the spline itself are stationary, whichever level their piece has.
        excess[spline.kinks] = 0.0
        return excess


def _excess_in_flat(least: FloatArray, most: FloatArray, start: float, end: float) -> FloatArray:
    """Return what a flat piece asks for: a rising kink after a fall, a falling kink before one, or both."""
    excess = np.zeros(least.size)
    if least.size == 0:
        return excess
    rising, falling = int(np.argmax(least)), int(np.argmin(most))
    after, before = least[rising] - start, end - most[falling]
    if max(after, before) > 0:
        if after >= before:
            excess[rising] = after
        else:
            excess[falling] = -before
        return excess
    later = np.maximum.accumulate(least[::-1])[::-1]
    lacking = later[1:] - most[:-1]
    if lacking.size and lacking.max() > 0:
        left = int(np.argmax(lacking))
        right = left + 1 + int(np.argmax(least[left + 1 :]))
        excess[left], excess[right] = -lacking[left], lacking[left]
    return excess


def log_concave_correlation(
    program: UnivariateProgram, exclusive: FloatArray, inclusive: FloatArray, kappa: float
) -> float:
    """Return the smallest ``beta`` that satisfies the module's inequalities, ``kappa <= 0`` apart.

    Parameters
    ----------
    program : UnivariateProgram
        The program.
    exclusive, inclusive : ndarray of shape (n_positions,)
        ``H`` just right of each position and at it.
    kappa : float
        Its limit on the left.
    """
    later = np.minimum.accumulate(exclusive[::-1])[::-1]
    fall = float((inclusive - later).max())
    ends = float(max(inclusive.max(), kappa - exclusive.min()))
    if program.rules.even:
        return max(2 * ends if program.skip else ends, fall)
    return max(ends, 0.5 * (fall + max(kappa, 0.0)))
