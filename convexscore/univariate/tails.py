"""The univariate programs over scores whose slopes beyond the data are bounded, so that a density exists.

Two more linear constraints, ``d_first <= c_first`` and ``d_last <= c_last`` with bounds of at most zero, add
two multipliers ``mu_1, mu_k >= 0``.  Right atoms have the outer slopes 0 and 1, left ones -1 and 0, the skip
connection 1 and 1.  So the certificate of `program` asks the same band of ``H + mu_k`` instead of ``H``, and
``K = kappa + mu_1 + mu_k`` takes the place of ``kappa``:

    |H + mu_k - K/2| <= beta - |K|/2   (ReLU),      |H + mu_k - K/2| <= beta/2   (abs),

``K = 0`` with skip, at every position, and the dual value loses ``mu_1 c_1 + mu_k c_k``.  With ``high`` the
largest ``H`` (inclusive) and ``low`` the smallest (exclusive) such multipliers exist iff

    ReLU               high <= beta,    kappa - low <= beta,    high - low <= 2 beta,
    abs with skip      high <= beta/2,  kappa - low <= beta/2,  high - low <= beta,
    abs without skip   high - low <= beta,

and, with skip, ``kappa <= 0``: the inequalities of `log_concave` with ``high - low`` in place of the largest
fall.  They leave ``mu_k <= w - high`` and ``mu_1 <= w + low - kappa``, where ``w`` is ``beta`` or ``beta/2``;
with skip the sum of both is ``-kappa``.

A kink at an end of the data, which is zero on the data and bends the tail, never pays unless the tail
is held at its bound.  A held tail becomes a piece of the spline: a position of mass zero beyond the end, at
which the value is that of the next knot but for what the tail rises.  The ends are inner positions then.

At a finite end of the data's support nothing is asked of the slope beyond the data: the bound there is
infinite and its multiplier zero.  With ``mu_1 = 0`` the smallest ``beta`` is

    ReLU, and abs with skip (twice)   max(high - K, kappa - low),  K = min(kappa, 0),
    abs without skip                  max(high - low, 2 high - kappa),

and with ``mu_k = 0`` the mirror image.

Without skip, a tail held at zero makes ``TV >= |C|``: ``K = 0``.  An abs network without skip has
opposite outer slopes, so that both are zero.  The boundedness bounds are those without the constraints: what
pays for itself below them is an outer slope that falls without end, or kinks that cancel each other.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from .._support.validation import FloatArray
from .program import UnivariateProgram
from .spline import Spline, SplineProblem, solve_joined

__all__ = [
    "Bounds",
    "Held",
    "TailProblem",
    "held_level",
    "held_tails",
    "tail_multipliers",
    "tails_correlation",
    "tridiagonal_product",
]

Index = NDArray[np.intp]
#: Slopes at which the first and the last tail are held; None where it is free.
Held = tuple[float | None, float | None]
#: Bounds ``c_first`` and ``c_last`` of the outer slopes.
Bounds = tuple[float, float]


class TailProblem(SplineProblem):
    """A program at one ``beta`` over splines whose tails are held at given slopes.

    Its own program has a position of mass zero beyond each end that is held.

    Parameters
    ----------
    problem : SplineProblem
        The problem without the constraint.
    held : tuple of two floats or None
        The slopes; None for a tail that is free.
    """

    def __init__(self, problem: SplineProblem, held: Held) -> None:
        super().__init__(_extended(problem.program, held), problem.beta)
        self.free, self.held = problem, held
        self.kappa_range = self._held_kappa_range()

    @property
    def stated(self) -> UnivariateProgram:
        """The program whose solutions these are, on the data alone."""
        return self.free.program

    def around(self, spline: Spline) -> tuple[Index, FloatArray]:
        """Return the kinks of a spline with free tails, those that bend its tails as held, and the signs."""
        slopes = self.free.slopes(spline.kinks, spline.values)
        kinks, (first, last) = spline.kinks, self.held
        if first is not None:
            kinks, slopes = np.append(0, kinks) + 1, np.append(first, slopes)
        if last is not None:
            kinks, slopes = np.append(kinks, self.program.position.size - 2), np.append(slopes, last)
        return kinks, np.where(np.diff(slopes) < 0, -1.0, 1.0)

    def _held_kappa_range(self) -> tuple[float, float]:
        """Return the range of ``K``: where no tail is free, only kinks at the heaviest tie bound it."""
        rules = self.program.rules
        if self.program.skip or rules.even or 0.0 in self.held:
            return 0.0, 0.0
        if None in self.held:
            return self.kappa_range
        room = max(2 * self.beta - self.program.heaviest_inside_tie, 0.0)
        return -room, room

    def start(self) -> tuple[Index, FloatArray]:
        """Return a kink if the tails need one: their slopes differ."""
        change = self._change
        if change == 0:
            return super().start()
        return np.ones(1, dtype=np.intp), np.sign([change])

    def without(self, kinks: Index, signs: FloatArray, wrong: NDArray[np.bool_]) -> tuple[Index, FloatArray]:
        """Return kinks and signs without those that are wrong, but for one if the tails need it."""
        left, signs = super().without(kinks, signs, wrong)
        change = self._change
        if change == 0 or left.size > 1:
            return left, signs
        return (left if left.size else kinks[:1]), np.sign([change])

    def keeps_signs(self, kinks: Index) -> NDArray[np.bool_]:
        """Return which jumps must keep the sign assumed; that of a single one is the tails' matter."""
        keeps = super().keeps_signs(kinks)
        return keeps & (kinks.size > 1 or self._change == 0)

    @property
    def _change(self) -> float:
        """The sum of all jumps, if both tails are held; else zero."""
        first, last = self.held
        return 0.0 if first is None or last is None else last - first

    def _solve(
        self, gram: FloatArray, signs: FloatArray, right: FloatArray, width: FloatArray
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        rise, tails = held_tails(width, self.held)
        columns = self._columns(signs, right - tridiagonal_product(gram, rise), width)
        base, per_kappa, per_size = solve_joined(gram, columns, tails).T
        return base + rise, per_kappa, per_size

    def _band(self, spline: Spline) -> tuple[float, float]:
        low, high = super()._band(spline)
        exclusive, inclusive, kappa = self.program.correlation(
            self.at_positions(spline) - self.program.target
        )
        shift = held_level(self, spline, low - exclusive, high - inclusive, spline.kappa - kappa)
        return low - shift, high - shift


def held_level(
    problem: SplineProblem, spline: Spline, least: FloatArray, most: FloatArray, total: float
) -> float:
    """Return ``mu_k``, with which the last kink of a spline is at the edge of the band.

    Parameters
    ----------
    problem : SplineProblem
        The problem, which knows what is held.
    spline : Spline
        Its minimizer for some kinks.
    least, most : ndarray of shape (n_positions,)
        What the band asks of ``mu_k`` at every position.
    total : float
        ``K - kappa``, the sum of both multipliers.
    """
    if problem.held[1] is None:
        return 0.0
    if spline.kinks.size:
        kink = spline.kinks[-1]
        rises = np.diff(problem.slopes(spline.kinks, spline.values))[-1] > 0
        return float(least[kink] if rises else most[kink])
    # One line: if both tails are held, any division of the sum is stationary.
    return total if problem.held[0] is None else float(0.5 * (least.max() + most.min()))


def _extended(program: UnivariateProgram, held: Held) -> UnivariateProgram:
    """Return the program with a position of mass zero beyond each end that is held."""
    reach = program.position[-1] - program.position[0]
    pad = [int(slope is not None) for slope in held]
    position = np.pad(program.position, pad)
    if pad[0]:
        position[0] = program.position[0] - reach
    if pad[1]:
        position[-1] = program.position[-1] + reach
    frequency = None if program.frequency is None else np.pad(program.frequency, pad)
    return replace(
        program,
        position=position,
        mass=np.pad(program.mass, pad),
        target=np.pad(program.target, pad),
        frequency=frequency,
    )


def held_tails(width: FloatArray, held: Held) -> tuple[FloatArray, NDArray[np.bool_]]:
    """Return by how much each knot lies above the next one inside, in a held tail, and which pieces are held.

    Parameters
    ----------
    width : ndarray of shape (n_pieces,)
        Widths of the pieces.
    held : tuple of two floats or None
        Slopes of the first and the last one.
    """
    first, last = held
    rise, tails = np.zeros(width.size + 1), np.zeros(width.size, dtype=bool)
    if first is not None:
        rise[0], tails[0] = -first * width[0], True
    if last is not None and not tails[-1]:
        rise[-1], tails[-1] = last * width[-1], True
    return rise, tails


def tridiagonal_product(gram: FloatArray, vector: FloatArray) -> FloatArray:
    """Return the product of a symmetric tridiagonal matrix, in lower banded form, with a vector."""
    product: FloatArray = gram[0] * vector
    product[1:] += gram[1, :-1] * vector[:-1]
    product[:-1] += gram[1, :-1] * vector[1:]
    return product


def tail_multipliers(
    program: UnivariateProgram,
    beta: float,
    bounds: Bounds,
    correlation: tuple[FloatArray, FloatArray, float],
) -> tuple[float, float]:
    """Return the multipliers ``mu_1``, ``mu_k`` of the largest dual value, for a feasible residual.

    Parameters
    ----------
    program : UnivariateProgram
        The program.
    beta : float
        Weight decay.
    bounds : tuple of two floats
        ``c_first`` and ``c_last``.
    correlation : tuple
        ``H`` just right of each position and at it, and ``kappa``.
    """
    exclusive, inclusive, kappa = correlation
    width = program.rules.width * beta
    first = max(width + float(exclusive.min()) - kappa, 0.0) if np.isfinite(bounds[0]) else 0.0
    last = max(width - float(inclusive.max()), 0.0) if np.isfinite(bounds[1]) else 0.0
    if program.skip:
        # What both have in sum goes to the steeper bound first.
        total = max(-kappa, 0.0)
        if bounds[0] < bounds[1]:
            first = min(first, total)
            last = min(last, total - first)
        else:
            last = min(last, total)
            first = min(first, total - last)
    return first, last


def tails_correlation(
    program: UnivariateProgram, bounds: Bounds, exclusive: FloatArray, inclusive: FloatArray, kappa: float
) -> float:
    """Return the smallest ``beta`` that satisfies the module's inequalities, ``kappa <= 0`` apart.

    Parameters
    ----------
    program : UnivariateProgram
        The program.
    bounds : tuple of two floats
        ``c_first`` and ``c_last``, of which one may be infinite.
    exclusive, inclusive : ndarray of shape (n_positions,)
        ``H`` just right of each position and at it.
    kappa : float
        Its limit on the left.
    """
    high, low = float(inclusive.max()), float(exclusive.min())
    first, last = np.isfinite(bounds)
    if first != last:
        return _one_tail_correlation(program, high, low, kappa, bool(last))
    ends = max(high, kappa - low)
    if not program.rules.even:
        return max(ends, 0.5 * (high - low))
    return max(2 * ends, high - low) if program.skip else high - low


def _one_tail_correlation(
    program: UnivariateProgram, high: float, low: float, kappa: float, last: bool
) -> float:
    """Return the smallest ``beta`` where one tail is bounded, the last one or the first one."""
    if not last:
        # The mirror image of H is kappa - H.
        high, low = kappa - low, kappa - high
    if program.rules.even and not program.skip:
        # The multiplier moves the middle of H up to that of the band, but never down.
        return max(high - low, 2 * high - kappa)
    return max(high - min(kappa, 0.0), kappa - low) / program.rules.width
