"""The exponential of the integral of a piecewise linear function, on pieces of the line where it is monotone.

``U`` with ``U' = s`` is piecewise quadratic.  Cutting the line at the kinks and zeros of ``s`` leaves pieces
whose mass has a closed form (`integrals`); everything is kept relative to the larger end of its piece, in log
space, so that pieces may be ``1e-300`` of the mass.
"""

from __future__ import annotations

from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from .._support.validation import FloatArray
from ..errors import ConvergenceError
from .integrals import log_decreasing_integral, unit_quadrature
from .piecewise import PiecewiseLinear

__all__ = ["MonotonePieces"]

# Parts of the density whose logarithm is this far below their piece's maximum do not reach any moment.
_NEGLIGIBLE = 80.0
# Newton steps of a quantile after which every other step is a bisection.
_NEWTON = 60
# Rates at which a tail decays have to be above this, so that quantiles are floats.
_SLOWEST = 1e-290


class MonotonePieces:
    """The exponent ``U`` on monotone pieces: ``points`` cut the line, ``heights`` are ``U`` there.

    Piece 0 is left of the first point, piece i between points i-1 and i, the last right of all.  An end of
    the line that is `closed` has no mass beyond its outermost point.
    """

    def __init__(
        self,
        points: FloatArray,
        scores: FloatArray,
        heights: FloatArray,
        slopes: FloatArray,
        closed: tuple[bool, bool] = (False, False),
    ) -> None:
        self.points, self.scores, self.heights, self.slopes = points, scores, heights, slopes
        self.closed = closed
        # By the scores, one of which may be zero: the heights of a short piece can round to equal.
        self.rising = np.concatenate([[True], scores[1:] + scores[:-1] >= 0, [False]])
        tail = np.full(1, np.inf)
        length = np.concatenate([tail, np.diff(points), tail])
        # The end of each piece where U is largest, and how U falls from there.
        self.top = np.where(self.rising, np.arange(points.size + 1), np.arange(points.size + 1) - 1)
        fall = np.abs(scores[self.top])
        with np.errstate(invalid="ignore", over="ignore", divide="ignore"):
            self.log_masses = heights[self.top] + log_decreasing_integral(fall, slopes, length)
        self.log_masses[[0, -1]] = np.where(closed, -np.inf, self.log_masses[[0, -1]])
        self.log_below = np.concatenate([[-np.inf], np.logaddexp.accumulate(self.log_masses)])
        self.log_total = float(self.log_below[-1])

    @classmethod
    def of(cls, score: PiecewiseLinear, limits: tuple[float, float] = (-np.inf, np.inf)) -> MonotonePieces:
        """Cut a score's line, or what is between limits, at its kinks and zeros, and at finite limits."""
        kink = np.diff(score.slopes) != 0
        points, values = score.knots[kink], score.values[kink]
        slopes = np.concatenate([score.slopes[:1], score.slopes[1:][kink]])
        closed = bool(np.isfinite(limits[0])), bool(np.isfinite(limits[1]))
        if any(closed):
            points, values, slopes = _between(score, points, values, slopes, limits)
        if points.size == 0:
            points, values, slopes = score.knots[:1], score.values[:1], score.slopes[:2]
        anchor = np.concatenate([[0], np.arange(points.size)])
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            zeros = points[anchor] - values[anchor] / slopes
        left = np.concatenate([[-np.inf], points])
        right = np.concatenate([points, [np.inf]])
        inside = (slopes != 0) & (zeros > left) & (zeros < right)
        inside &= (zeros > limits[0]) & (zeros < limits[1])
        all_points = np.concatenate([points, zeros[inside]])
        all_scores = np.concatenate([values, np.zeros(int(inside.sum()))])
        order = np.argsort(all_points)
        all_points, all_scores = all_points[order], all_scores[order]
        middle = np.searchsorted(points, all_points, side="left")
        all_slopes = np.concatenate([slopes[middle], slopes[-1:]])
        gaps = np.diff(all_points)
        with np.errstate(over="ignore", invalid="ignore"):
            heights = _heights((0.5 * all_scores[1:] + 0.5 * all_scores[:-1]) * gaps)
        rates = np.abs(all_scores[[0, -1]]) + np.sqrt(np.abs(all_slopes[[0, -1]]))
        rates[[*closed]] = np.inf
        if not (np.isfinite(heights).all() and np.isfinite(gaps).all() and rates.min() > _SLOWEST):
            raise ValueError(
                "score: expected a log-density whose values at kinks, and whose tails' widths, are floats"
            )
        return cls(all_points, all_scores, heights - heights.max(), all_slopes, closed)

    def mirrored(self) -> MonotonePieces:
        """Return the pieces of the law of ``-X``."""
        return MonotonePieces(
            -self.points[::-1],
            -self.scores[::-1],
            self.heights[::-1],
            self.slopes[::-1],
            (self.closed[1], self.closed[0]),
        )

    def _outside(self, x: FloatArray) -> NDArray[np.bool_]:
        """Return which points are beyond closed ends."""
        return (self.closed[0] & (x < self.points[0])) | (self.closed[1] & (x > self.points[-1]))

    def _exponent_in(self, x: FloatArray, piece: NDArray[np.intp]) -> tuple[FloatArray, FloatArray]:
        """Return ``U`` and its derivative at points of the given pieces."""
        # The end of the piece where U is largest is the anchor: no cancellation.
        anchor = self.top[piece]
        step = x - self.points[anchor]
        slope, score = self.slopes[piece], self.scores[anchor]
        return self.heights[anchor] + step * (score + 0.5 * slope * step), score + slope * step

    @np.errstate(over="ignore", invalid="ignore", divide="ignore")
    def exponent(self, x: FloatArray) -> FloatArray:
        """Return ``U(x)``."""
        values = self._exponent_in(x, np.searchsorted(self.points, x))[0]
        # Products past the largest float, at infinity above all.
        return np.where((np.isnan(values) & ~np.isnan(x)) | self._outside(x), -np.inf, values)

    @np.errstate(over="ignore", invalid="ignore", divide="ignore")
    def log_mass_below(self, x: FloatArray) -> FloatArray:
        """Return ``log int_{-inf}^x exp(U)``."""
        piece = np.searchsorted(self.points, x)
        return np.logaddexp(self.log_below[piece], self._log_partial(x, piece))

    def _log_partial(self, x: FloatArray, piece: NDArray[np.intp]) -> FloatArray:
        """Return the log mass of a piece up to `x`."""
        return self._log_partial_and_rate(x, piece)[0]

    def _log_partial_and_rate(self, x: FloatArray, piece: NDArray[np.intp]) -> tuple[FloatArray, FloatArray]:
        """Return the log mass of a piece up to `x`, and its derivative there."""
        start = np.maximum(piece - 1, 0)
        with np.errstate(invalid="ignore"):
            length = np.where(piece == 0, np.inf, x - self.points[start])
        height, score = self._exponent_in(np.where(np.isfinite(x), x, self.points[start]), piece)
        rising = self.rising[piece]
        top = np.where(rising, height, self.heights[start])
        fall = np.where(rising, np.maximum(score, 0.0), np.abs(self.scores[start]))
        log_integral = log_decreasing_integral(fall, self.slopes[piece], length)
        # Not by the difference of the density and the mass: far from the largest height both are large.
        with np.errstate(over="ignore", invalid="ignore"):
            steps = x - self.points[start]
            drop = np.where(rising, 0.0, steps * (self.scores[start] + 0.5 * self.slopes[piece] * steps))
            rate = np.exp(drop - log_integral)
        result = np.minimum(top + log_integral, self.log_masses[piece])
        # So far from the piece's top that products are no floats.
        lost = np.isnan(result) & ~np.isnan(x)
        result = np.where(lost, np.where(rising, -np.inf, self.log_masses[piece]), result)
        return np.where(x == -np.inf, -np.inf, result), rate

    @np.errstate(over="ignore", invalid="ignore", divide="ignore")
    def quantile(self, log_probability: FloatArray) -> FloatArray:
        """Return ``x`` with ``log P(X <= x)`` as given, by safeguarded Newton steps in its piece."""
        target = log_probability + self.log_total
        last = self.points.size
        piece = np.minimum(np.searchsorted(self.log_below[1:], target), last - int(self.closed[1]))
        piece = np.maximum(piece, int(self.closed[0]))
        with np.errstate(invalid="ignore", divide="ignore"):
            inside = target + np.log1p(-np.exp(self.log_below[piece] - target))
        done = ~(target > -np.inf)
        low, high = self._brackets(piece, inside, done)
        x = np.where(done, -np.inf, _mean(low, high))
        self._narrow(target, x, low, high)
        active = np.flatnonzero(~done)
        eps = np.finfo(float).eps
        for iteration in range(200):
            if active.size == 0:
                return x
            here, where = x[active], piece[active]
            partial, rate = self._log_partial_and_rate(here, where)
            with np.errstate(invalid="ignore"):
                error = partial - inside[active]
            high[active] = np.where(error >= 0, here, high[active])
            low[active] = np.where(error <= 0, here, low[active])
            with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
                newton = here - error / rate
            bracketed = (newton > low[active]) & (newton < high[active])
            # Now and then half of the floats between are ruled out: 64 times is enough.
            middle = _halfway if iteration % 2 and iteration > _NEWTON else _mean
            bracketed &= middle is _mean
            proposal = np.where(bracketed, newton, middle(low[active], high[active]))
            settled = np.abs(error) <= 2 * eps * np.maximum(1.0, np.abs(inside[active]))
            x[active] = np.where(settled, here, proposal)
            settled |= np.abs(proposal - here) <= eps * np.abs(proposal)
            active = active[~settled]
        raise ConvergenceError(f"icdf: {active.size} quantiles did not converge in 200 steps")

    @cached_property
    def _table(self) -> tuple[FloatArray, FloatArray]:
        """A grid that resolves the density, and the log mass below each of its points."""
        x = np.unique(np.concatenate([self.quadrature()[0], self.points]))
        return x, self.log_mass_below(x)

    def _narrow(self, target: FloatArray, x: FloatArray, low: FloatArray, high: FloatArray) -> None:
        """Tighten brackets and set starting points, in place, by interpolating the table."""
        grid, log_mass = self._table
        cell = np.searchsorted(log_mass, target)
        covered = (cell > 0) & (cell < grid.size)
        left, right = cell[covered] - 1, cell[covered]
        low[covered] = np.maximum(low[covered], grid[left])
        high[covered] = np.minimum(high[covered], grid[right])
        with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
            share = np.expm1(target[covered] - log_mass[left]) / np.expm1(log_mass[right] - log_mass[left])
            start = low[covered] + share * (high[covered] - low[covered])
        x[covered] = np.where(np.isfinite(start), start, _mean(low[covered], high[covered]))

    def _brackets(
        self, piece: NDArray[np.intp], inside: FloatArray, done: NDArray[np.bool_]
    ) -> tuple[FloatArray, FloatArray]:
        """Return finite intervals that hold the quantiles of each piece."""
        low = self.points[np.maximum(piece - 1, 0)].copy()
        high = self.points[np.minimum(piece, self.points.size - 1)].copy()
        for tail, sign, ends in ((0, -1.0, low), (self.points.size, 1.0, high)):
            open_end = np.flatnonzero((piece == tail) & ~done)
            end = self.points[0 if tail == 0 else -1]
            rate = np.abs(self.scores[0 if tail == 0 else -1]) + np.sqrt(np.abs(self.slopes[tail]))
            step = 1.0 / rate
            for _ in range(1100):
                if open_end.size == 0:
                    break
                ends[open_end] = end + sign * step
                partial = self._log_partial(ends[open_end], piece[open_end])
                short = sign * (inside[open_end] - partial) > 0
                # In the last piece rounding can put a target above its whole mass: stop at underflow.
                short &= step * rate < 1e4
                open_end = open_end[short]
                step *= 2.0
        return low, high

    @np.errstate(over="ignore", invalid="ignore", divide="ignore")
    def quadrature(self) -> tuple[FloatArray, FloatArray]:
        """Return nodes and log weights: panels on which ``U`` drops by at most 4, 20 nodes each."""
        nodes, weights = unit_quadrature()
        length = np.concatenate([[np.inf], np.diff(self.points), [np.inf]])
        xs, logs = [], []
        for piece, (rising, top) in enumerate(zip(self.rising, self.top, strict=True)):
            if (piece == 0 and self.closed[0]) or (piece == length.size - 1 and self.closed[1]):
                continue
            fall, curvature = abs(self.scores[top]), self.slopes[piece]
            edges = _panel_edges(fall, curvature, length[piece])
            t = edges[:-1, None] + np.diff(edges)[:, None] * nodes
            xs.append((self.points[top] + (-t if rising else t)).ravel())
            log_width = np.log(np.diff(edges))[:, None] + np.log(weights)
            logs.append((self.heights[top] - fall * t + 0.5 * curvature * t**2 + log_width).ravel())
        return np.concatenate(xs), np.concatenate(logs)


def _heights(rises: FloatArray) -> FloatArray:
    """Return the heights of points from the rises between them, zero at about the highest.

    Summed from there: where all mass is, no rounding of what is far below it, next to a distant limit, say.
    """
    top = int(np.argmax(np.concatenate([[0.0], np.cumsum(rises)])))
    below = -np.cumsum(rises[:top][::-1])[::-1]
    return np.concatenate([below, [0.0], np.cumsum(rises[top:])])


def _between(
    score: PiecewiseLinear,
    points: FloatArray,
    values: FloatArray,
    slopes: FloatArray,
    limits: tuple[float, float],
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return a score's kinks between limits, and these limits, with slopes between and beyond."""
    low, high = limits
    kept = (points > low) & (points < high)
    ends = np.array([low, high])[np.isfinite(limits)]
    before = int(np.searchsorted(points, low, side="right"))
    slopes = slopes[before : before + int(kept.sum()) + 1]
    left, right = (
        slopes[:1] if np.isfinite(low) else slopes[:0],
        slopes[-1:] if np.isfinite(high) else slopes[:0],
    )
    places = np.concatenate([points[kept], ends])
    order = np.argsort(places, kind="stable")
    at_ends = score(ends)
    return (
        places[order],
        np.concatenate([values[kept], at_ends])[order],
        np.concatenate([left, slopes, right]),
    )


def _mean(low: FloatArray, high: FloatArray) -> FloatArray:
    return 0.5 * low + 0.5 * high


def _halfway(low: FloatArray, high: FloatArray) -> FloatArray:
    """Return the float with as many floats between it and `low` as between it and `high`."""

    def rank(x: FloatArray) -> NDArray[np.int64]:
        bits = (x + 0.0).view(np.int64)
        return np.where(bits < 0, np.iinfo(np.int64).min - bits, bits)

    middle = rank(low) // 2 + rank(high) // 2
    return np.where(middle < 0, np.iinfo(np.int64).min - middle, middle).view(np.float64)


def _panel_edges(fall: float, curvature: float, length: float) -> FloatArray:
    """Return where ``fall t - curvature t^2 / 2`` passes 0, 4, 8, ... up to `length` or negligibility."""
    drop = np.inf if np.isinf(length) else length * max(fall - 0.5 * curvature * length, 0.0)
    levels = np.arange(0.0, min(drop, _NEGLIGIBLE), 4.0)[1:]
    bend = np.sqrt(2 * abs(curvature) * levels)
    falling = np.sqrt(np.maximum(fall - bend, 0.0)) * np.sqrt(fall + bend)
    edges = 2 * levels / (fall + (falling if curvature > 0 else np.hypot(fall, bend)))
    if drop <= _NEGLIGIBLE:
        edges = np.append(edges[edges < length], length)
    return np.concatenate([[0.0], edges])
