"""The univariate programs in function space: a penalized linear spline with knots at data points.

With ``beta`` above its bound, a kink counts the smaller of its two one-sided slopes at the data on it.
Minimizing over how a given function ``s`` is written with neurons leaves, over splines with interior
kinks of size ``delta_j`` at the positions ``t_j`` and slopes ``d`` (``d_first``, ``d_last`` the outer ones),

    min_s  sum_i m_i (mean slope at t_i) [SM] + 1/2 sum_i m_i (s(t_i) - l_i)^2
           + sum_j (b - m_j [SM]/2) |delta_j|  +  max_kappa -1/2 (kappa C + omega |kappa| TV),

    C = d_first + d_last,   TV = sum_j |delta_j|,   kappa_low <= kappa <= kappa_high,

where ``b = beta, omega = 1`` for ReLU and ``b = beta/2, omega = 0`` for abs.  The last term is the price
of doing without a skip connection (its range is ``{0}`` with skip); its maximizer is the ``kappa`` of
`program`.  Without ties it is ``beta max(TV, |C|)`` in disguise (Savarese et al. 2019) for ReLU, and
"opposite outer slopes" for abs.

For fixed kinks and signs the minimizer solves a tridiagonal system in the values at the knots: hat
functions keep it well conditioned however close the kinks are.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import solveh_banded

from .._support.validation import FloatArray
from .moments import Blocks, Chunks, Moments
from .program import UnivariateProgram

__all__ = ["Spline", "SplineProblem", "from_jumps", "from_slopes", "solve_joined"]

Index = NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class Spline:
    """A linear spline with kinks at data positions, as a function on the range of the data.

    Parameters
    ----------
    kinks : int ndarray of shape (n_kinks,)
        Indices of the interior positions with a kink, ascending.
    values : ndarray of shape (n_kinks + 2,)
        The function at the first position, the kinks, and the last position.
    kappa : float
        The multiplier at which the spline was found; zero with skip.
    """

    kinks: Index
    values: FloatArray
    kappa: float = 0.0


class SplineProblem:
    """A univariate program at one ``beta``, with the minimizer for given kinks and signs.

    Parameters
    ----------
    program : UnivariateProgram
        The program.
    beta : float
        Weight decay, at least the boundedness bound.
    blocks : Moments, optional
        The program's moments, by default of its blocks of data, to share between problems; made by default.
    """

    #: Slopes at which the tails are held; None for those that are not (see `tails`).
    held: tuple[float | None, float | None] = (None, None)

    def __init__(self, program: UnivariateProgram, beta: float, blocks: Moments | None = None) -> None:
        self.program, self.beta = program, beta
        self.omega = program.rules.omega
        self.kappa_range = _kappa_range(program, beta)
        self.blocks: Moments = Blocks(program) if blocks is None else blocks

    @property
    def stated(self) -> UnivariateProgram:
        """The program whose solutions these are, on the data alone."""
        return self.program

    def penalty(self, kinks: Index) -> FloatArray:
        """Return the cost of a unit slope jump at each of the kinks, ``b - m_j [SM] / 2``."""
        return self.program.rules.width * self.beta - self.program.tie_mass[kinks] / 2

    def keeps_signs(self, kinks: Index) -> NDArray[np.bool_]:
        """Return which jumps must keep the sign assumed: those of positive cost."""
        return self.penalty(kinks) > 0

    def start(self) -> tuple[Index, FloatArray]:
        """Return kinks and signs that a search can begin with: none."""
        return np.zeros(0, dtype=np.intp), np.zeros(0)

    def without(self, kinks: Index, signs: FloatArray, wrong: NDArray[np.bool_]) -> tuple[Index, FloatArray]:
        """Return kinks and signs without those that are wrong."""
        return kinks[~wrong], signs[~wrong]

    def knots(self, kinks: Index) -> Index:
        """Return the indices of the first position, the kinks, and the last position."""
        return np.concatenate([[0], kinks, [self.program.position.size - 1]])

    def slopes(self, kinks: Index, values: FloatArray) -> FloatArray:
        """Return the slope of each piece."""
        ends = self.program.position[self.knots(kinks)]
        return (values[1:] - values[:-1]) / (ends[1:] - ends[:-1])

    def signs_of(self, spline: Spline) -> FloatArray:
        """Return the signs of the spline's slope jumps."""
        return np.sign(np.diff(self.slopes(spline.kinks, spline.values)))

    def at_positions(self, spline: Spline) -> FloatArray:
        """Return the spline's value at every position."""
        return self.function(spline)(self.program.position)

    def function(self, spline: Spline) -> Callable[[FloatArray], FloatArray]:
        """Return the spline as a function on the range of the data."""
        knots = self.program.position[self.knots(spline.kinks)]

        def function(t: FloatArray) -> FloatArray:
            return np.interp(t, knots, spline.values)

        return function

    def minimize(self, kinks: Index, signs: FloatArray, side: float = 1.0) -> Spline:
        """Return the minimizer over splines with these kinks, with ``sign_j delta_j`` for ``|delta_j|``.

        The replaced variation may be negative when signs are wrong; then both signs of ``kappa`` are
        stationary, and `side` says which is meant.

        Parameters
        ----------
        kinks : int ndarray of shape (n_kinks,)
            Indices of interior positions, ascending.
        signs : ndarray of shape (n_kinks,)
            Assumed signs of the slope jumps; the result need not obey them.
        side : {1.0, -1.0}
            Sign of ``kappa`` to try first.

        Returns
        -------
        Spline
        """
        knots = self.knots(kinks)
        width = np.diff(self.program.position[knots])
        gram, moment = self._hat_moments(knots)
        slope_costs = self._trace(knots) + from_jumps(self.penalty(kinks) * signs)
        base, per_kappa, per_size = self._solve(gram, signs, moment - from_slopes(slope_costs, width), width)
        kappa = self._best_kappa(width, signs, (base, per_kappa, per_size), side)
        low, high = self.kappa_range
        along = per_kappa + np.sign(kappa) * per_size
        values = base + kappa * along
        if low < kappa < high and (kappa != 0 or not self.omega):
            # The multiplier cancels most of `base`: one correction restores the digits that this cost.
            turn = float(np.sign(kappa))
            error = self._stationarity(values, width, signs, turn) / self._stationarity(
                along, width, signs, turn
            )
            kappa, values = kappa - error, values - error * along
        return Spline(kinks, values, kappa)

    def derivative(self, spline: Spline, signs: FloatArray) -> Spline:
        """Return the derivative of the minimizer and its multiplier with respect to ``beta``.

        Kinks, signs and the multiplier's regime are those of `spline`: its ``kappa`` stays at zero, or at
        an end of its range, or is free, as it is there.
        """
        knots = self.knots(spline.kinks)
        width = np.diff(self.program.position[knots])
        gram, _ = self._hat_moments(knots)
        costs = -from_slopes(from_jumps(self.program.rules.width * signs), width)
        base, per_kappa, per_size = self._solve(gram, signs, costs, width)
        low, high = self.kappa_range
        side = float(np.sign(spline.kappa))
        along = per_kappa + side * per_size
        if low == high or (spline.kappa == 0 and self.omega):
            rate = 0.0
        elif spline.kappa in (low, high):
            low_rate, high_rate = self.kappa_range_rate
            rate = high_rate if spline.kappa == high else low_rate
        else:
            gain = self._stationarity(along, width, signs, side)
            rate = -self._stationarity(base, width, signs, side) / gain
            # As in `minimize`, it cancels most of `base`.
            values = base + rate * along
            error = self._stationarity(values, width, signs, side) / gain
            return Spline(spline.kinks, values - error * along, rate - error)
        return Spline(spline.kinks, base + rate * along, rate)

    def _solve(
        self, gram: FloatArray, signs: FloatArray, right: FloatArray, width: FloatArray
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Solve the tridiagonal system for `right`, and for unit ``kappa`` and unit ``|kappa|``."""
        columns = self._columns(signs, right, width)
        base, per_kappa, per_size = solveh_banded(gram, columns, lower=True).T
        return base, per_kappa, per_size

    def _columns(self, signs: FloatArray, right: FloatArray, width: FloatArray) -> FloatArray:
        """Return the right-hand sides: `right`, and those of unit ``kappa`` and unit ``|kappa|``."""
        sides = np.zeros(width.size)
        sides[0] += 0.5
        sides[-1] += 0.5
        sizes = 0.5 * self.omega * from_jumps(signs)
        return np.column_stack([right, from_slopes(sides, width), from_slopes(sizes, width)])

    def _stationarity(self, values: FloatArray, width: FloatArray, signs: FloatArray, side: float) -> float:
        """Return ``C + side * TV``, which vanishes where ``kappa`` is free."""
        slopes = np.diff(values) / width
        return float(slopes[0] + slopes[-1] + side * self.omega * signs @ np.diff(slopes))

    @property
    def kappa_range_rate(self) -> tuple[float, float]:
        """The derivatives with respect to ``beta``, from below, of the ends of the multiplier's range."""
        program = self.program
        return program.rules.kappa_range_rate(program.tie_mass, program.heaviest_inside_tie, self.beta)

    def range_switches(self) -> list[float]:
        """Return the values of ``beta`` at which an end of the multiplier's range changes its rate."""
        program = self.program
        if program.skip:
            return []
        return program.rules.range_switches(program.tie_mass, program.heaviest_inside_tie)

    def value(self, spline: Spline) -> float:
        """Return the training objective of `spline` minus that of the zero score."""
        knots = self.knots(spline.kinks)
        slopes = self.slopes(spline.kinks, spline.values)
        sizes = np.abs(np.diff(slopes))
        balance, variation = slopes[0] + slopes[-1], self.omega * sizes.sum()
        low, high = self.kappa_range
        price = max(-low * balance - abs(low) * variation, -high * balance - high * variation)
        if low <= 0:
            price = max(price, 0.0)
        return float(
            self._fit(spline) + self._trace(knots) @ slopes + self.penalty(spline.kinks) @ sizes + 0.5 * price
        )

    def multiplier_switch(
        self, kinks: Index, signs: FloatArray, side: float, start: FloatArray, end: FloatArray
    ) -> float:
        """Return the fraction of the way from `start` to `end` at which ``kappa`` leaves `side`."""
        if not self.omega or self.program.skip:
            return np.inf

        def room(values: FloatArray) -> float:
            slopes = self.slopes(kinks, values)
            return float(side * (slopes[0] + slopes[-1]) - signs @ np.diff(slopes))

        # On the side of positive kappa the other multiplier must stay off: C - TV <= 0.
        before, after = room(start), room(end)
        return before / (before - after) if before < 0 < after else np.inf

    def violations(self, spline: Spline) -> tuple[Index, FloatArray]:
        """Return where the certificate asks for a kink, and how strongly.

        Returns
        -------
        positions : int ndarray of shape (n_violations,)
            Interior positions, ascending.
        excess : ndarray of shape (n_violations,)
            By how much the correlation exceeds its bound there; positive where a kink of positive
            jump would lower the objective.
        """
        knots = self.knots(spline.kinks)
        chunks, values, slopes = self._on_chunks(spline, knots)
        low, high = self._band(spline)
        index, exclusive, inclusive = self.blocks.suspicious(chunks, values, slopes, low, high)
        excess = np.maximum(low - exclusive, 0) - np.maximum(inclusive - high, 0)
        found = (excess != 0) & (index > 0) & (index < knots[-1])
        return index[found], excess[found]

    def _band(self, spline: Spline) -> tuple[float, float]:
        """Return the band that ``H`` must stay in."""
        half = self.program.atom_half_width(self.beta, spline.kappa)
        return spline.kappa / 2 - half, spline.kappa / 2 + half

    def _on_chunks(self, spline: Spline, knots: Index) -> tuple[Chunks, FloatArray, FloatArray]:
        """Return the chunks at the spline's knots, its value at each start, and its slope there."""
        chunks = self.blocks.chunks(knots)
        values = np.interp(chunks.start, self.program.position[knots], spline.values)
        slopes = self.slopes(spline.kinks, spline.values)
        return chunks, values, slopes[_piece_of(chunks, knots)]

    def _fit(self, spline: Spline) -> float:
        """Return ``1/2 sum m s^2 - sum m s l``."""
        chunks, values, slopes = self._on_chunks(spline, self.knots(spline.kinks))
        mass, first, second, label, label_first = chunks.moments
        square = values**2 * mass + 2 * values * slopes * first + slopes**2 * second
        return float(np.sum(0.5 * square - values * label - slopes * label_first))

    def _hat_moments(self, knots: Index) -> tuple[FloatArray, FloatArray]:
        """Return the tridiagonal Gram matrix of the hats (lower banded form) and their target moments."""
        chunks = self.blocks.chunks(knots)
        piece = _piece_of(chunks, knots)
        mass, first, second, label, label_first = chunks.moments
        ends = self.program.position[knots]
        width = np.diff(ends)
        # Distances from the piece's left knot to the chunk's start, and on to its right knot.
        rise = (chunks.start - ends[piece]) / width[piece]
        fall = (ends[piece + 1] - chunks.start) / width[piece]
        first, second = first / width[piece], second / width[piece] ** 2
        starts = np.searchsorted(chunks.bounds, knots[:-1])
        gram = np.zeros((2, knots.size))
        gram[0, :-1] = np.add.reduceat(fall**2 * mass - 2 * fall * first + second, starts)
        gram[0, 1:] += np.add.reduceat(rise**2 * mass + 2 * rise * first + second, starts)
        gram[1, :-1] = np.add.reduceat(rise * fall * mass + (fall - rise) * first - second, starts)
        moment = np.zeros(knots.size)
        label_first = label_first / width[piece]
        moment[:-1] = np.add.reduceat(fall * label - label_first, starts)
        moment[1:] += np.add.reduceat(rise * label + label_first, starts)
        return gram, moment

    def _trace(self, knots: Index) -> FloatArray:
        """Return the SM weight of each piece's slope: a kink's mass is shared by the pieces it joins."""
        program = self.program
        if not program.has_trace:
            return np.zeros(knots.size - 1)
        exclusive, inclusive = program.trace_counts
        # Half of a kink's mass counts as right of it; all of the ends' mass is inside.
        shared = 0.5 * (exclusive[knots] + inclusive[knots])
        shared[0], shared[-1] = inclusive[0], 0.0
        return -np.diff(shared)

    def _best_kappa(
        self,
        width: FloatArray,
        signs: FloatArray,
        parts: tuple[FloatArray, FloatArray, FloatArray],
        first: float,
    ) -> float:
        """Maximize over ``kappa`` the concave dual of the last term, on each side of zero."""
        low, high = self.kappa_range
        if low == high:
            return low

        base, per_kappa, per_size = parts
        for side in (first, -first) if self.omega else (0.0,):
            start = self._stationarity(base, width, signs, side)
            if side == 0.0 or side * start < 0:
                gain = self._stationarity(per_kappa + side * per_size, width, signs, side)
                root = -start / gain if gain > 0 else side * np.inf
                return float(np.clip(root, low, high))
        return float(np.clip(0.0, low, high))


def _kappa_range(program: UnivariateProgram, beta: float) -> tuple[float, float]:
    """Return the range of ``kappa``: zero with skip, else what the band allows."""
    if program.skip:
        return 0.0, 0.0
    return program.rules.kappa_range(program.tie_mass, program.heaviest_inside_tie, beta)


def _piece_of(chunks: Chunks, knots: Index) -> Index:
    """Return the piece that each chunk lies in; the last position belongs to the last piece."""
    piece = np.searchsorted(knots, chunks.bounds, side="right") - 1
    return np.minimum(piece, knots.size - 2)


def solve_joined(gram: FloatArray, right: FloatArray, joined: NDArray[np.bool_]) -> FloatArray:
    """Solve a tridiagonal system whose knots share one unknown where the pieces between them are joined.

    Parameters
    ----------
    gram : ndarray of shape (2, n_knots)
        The matrix in lower banded form.
    right : ndarray of shape (n_knots, n_columns)
        Right-hand sides.
    joined : bool ndarray of shape (n_knots - 1,)
        Which pieces.

    Returns
    -------
    ndarray of shape (n_knots, n_columns)
    """
    group = np.concatenate([[0], np.cumsum(~joined)])
    size = int(group[-1]) + 1
    merged = np.zeros((2, size))
    merged[0] = np.bincount(group, gram[0])
    merged[0] += 2 * np.bincount(group[:-1], np.where(joined, gram[1, :-1], 0.0), minlength=size)
    merged[1, :-1] = gram[1, :-1][~joined]
    sums = np.column_stack([np.bincount(group, column) for column in right.T])
    # SciPy's tridiagonal solver wants two unknowns.
    values: FloatArray = sums / merged[0] if size == 1 else solveh_banded(merged, sums, lower=True)
    return values[group]


def from_jumps(per_kink: FloatArray) -> FloatArray:
    """Return the coefficient of each piece's slope in ``sum_k per_kink_k (d_{k+1} - d_k)``."""
    padded = np.concatenate([[0.0], per_kink, [0.0]])
    return padded[:-1] - padded[1:]


def from_slopes(per_slope: FloatArray, width: FloatArray) -> FloatArray:
    """Return the coefficient of each knot's value in ``sum_p per_slope_p (g_{p+1} - g_p) / width_p``."""
    padded = np.concatenate([[0.0], per_slope / width, [0.0]])
    return padded[:-1] - padded[1:]
