"""Members between limits: a mixture cut off there, and the straight score of the largest likelihood."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.special import ndtr

from .._support.frozen import Frozen
from .._support.validation import FloatArray
from ..numerics.piecewise import PiecewiseLinear
from ..scores.density import ScoreDensity
from .laws import MixtureLaw, NetworkLaw, QuantileTable, log_difference
from .points import Points

__all__ = ["TruncatedLaw", "mirrored_at_limits", "straight_law"]

# Newton's steps to the straight score, halvings of one, and the error of the moments in deviations of theirs.
_STEPS, _HALVINGS, _TOLERANCE = 60, 40, 1e-13


@dataclass(frozen=True, eq=False)
class TruncatedLaw(Frozen):
    """A mixture of Gaussians, cut off at limits and divided by what is left.

    Parameters
    ----------
    base : MixtureLaw
        The mixture on the line.
    limits : tuple of two floats
        Where it is cut off; infinite for nowhere.
    """

    base: MixtureLaw
    limits: tuple[float, float]

    @property
    def weights(self) -> FloatArray:
        """The shares of the Gaussians before they are cut off."""
        return self.base.weights

    @cached_property
    def _log_total(self) -> float:
        low, high = np.array(self.limits)
        return float(self._log_between(low, high))

    def _log_between(self, low: FloatArray, high: FloatArray) -> FloatArray:
        """Return the log of the base's mass between points, from the side where less is subtracted."""
        below, above = self.base.logcdf(high), self.base.logsf(low)
        return np.where(
            below <= above,
            log_difference(below, self.base.logcdf(low)),
            log_difference(above, self.base.logsf(high)),
        )

    def score(self, z: FloatArray) -> FloatArray:
        """Return the derivative of the log density, that of the mixture."""
        return self.base.score(z)

    def logpdf(self, z: FloatArray) -> FloatArray:
        """Return the log density."""
        low, high = self.limits
        return np.where((z < low) | (z > high), -np.inf, self.base.logpdf(z) - self._log_total)

    def logcdf(self, z: FloatArray) -> FloatArray:
        """Return the log probability of what is at most `z`."""
        low, high = self.limits
        return np.minimum(self._log_between(np.array(low), np.clip(z, low, high)) - self._log_total, 0.0)

    def logsf(self, z: FloatArray) -> FloatArray:
        """Return the log probability of what is above `z`."""
        low, high = self.limits
        return np.minimum(self._log_between(np.clip(z, low, high), np.array(high)) - self._log_total, 0.0)

    def quantile_bounds(self, q: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return points below and above the quantiles at `q`."""
        return self._table.bounds(q)

    @cached_property
    def _table(self) -> QuantileTable:
        return QuantileTable(self)

    def moments(self) -> tuple[float, float]:
        """Return mean and mean square, in closed form."""
        base = self.base
        ends = (np.array(self.limits)[:, None] - base.means) / base.scales
        heights = np.exp(-0.5 * ends**2) / np.sqrt(2 * np.pi)
        # Zero times infinity: where there is no limit nothing is lost.
        reach = np.where(np.isfinite(ends), ends, 0.0) * heights
        shares = base.weights * np.where(
            ends[0] > 0, ndtr(-ends[0]) - ndtr(-ends[1]), ndtr(ends[1]) - ndtr(ends[0])
        )
        pull = base.weights * (heights[0] - heights[1])
        first = base.means * shares + base.scales * pull
        spread = shares + base.weights * (reach[0] - reach[1])
        second = base.means**2 * shares + 2 * base.means * base.scales * pull + base.scales**2 * spread
        total = float(shares.sum())
        return float(first.sum()) / total, float(second.sum()) / total

    def sample(self, n: int, rng: np.random.Generator) -> FloatArray:
        """Return independent samples: those of the mixture that are between the limits."""
        low, high = self.limits
        result = np.empty(n)
        missing = np.arange(n)
        while missing.size:
            drawn = self.base.sample(missing.size, rng)
            kept = (drawn > low) & (drawn < high)
            result[missing[kept]] = drawn[kept]
            missing = missing[~kept]
        return result

    def mirrored(self) -> TruncatedLaw:
        """Return the law of ``-z``."""
        return TruncatedLaw(self.base.mirrored(), (-self.limits[1], -self.limits[0]))


def mirrored_at_limits(points: Points) -> Points:
    """Return points without limits: these and their images on the other side of each limit.

    What is fitted to them goes on evenly across the limits, as the estimate by reflection does.
    """
    low, high = points.limits
    values, masses = [points.value], [points.mass]
    if np.isfinite(low):
        values.insert(0, 2 * low - points.value[::-1])
        masses.insert(0, points.mass[::-1])
    if np.isfinite(high):
        values.append(2 * high - points.value[::-1])
        masses.append(points.mass[::-1])
    return Points.merged(np.concatenate(values), np.concatenate(masses))


def straight_law(points: Points) -> NetworkLaw:
    """Return the law ``exp(a z + b z^2 / 2)`` between the points' limits that has the largest likelihood.

    It is the truncated Gaussian with the mean and mean square of the points.  Where a limit is missing ``b``
    is at most zero: if the points spread more widely than that allows, it is the exponential law.
    """
    score = _straight_score(points)
    return NetworkLaw(score, points.limits)


def _straight_score(points: Points) -> PiecewiseLinear:
    low, high = points.limits
    centre, unit = points.mean, float(np.sqrt(points.variance))
    limits = (low - centre) / unit, (high - centre) / unit
    reach = min(-limits[0], limits[1])
    half_line = not (np.isfinite(low) and np.isfinite(high))
    # Of all laws of the family on a half-line the exponential one, at its boundary, spreads the most: its
    # deviation is the mean distance from the end.
    if half_line and reach <= 1:
        return _line(-1 / reach if np.isfinite(low) else 1 / reach, 0.0, centre, unit)
    return _line(*_maximized(limits, half_line), centre, unit)


def _line(linear: float, curvature: float, centre: float, unit: float) -> PiecewiseLinear:
    """Return ``a + b t`` of ``t = (z - centre) / unit`` as a score of ``z``."""
    slope = curvature / unit**2
    return PiecewiseLinear(np.array([centre]), np.array([linear / unit]), np.array([slope, slope]))


def _maximized(limits: tuple[float, float], half_line: bool) -> tuple[float, float]:
    """Return ``a`` and ``b`` of the law between limits that has mean zero and mean square one.

    Newton's method on the log-likelihood, which is concave.
    """
    target = np.array([0.0, 0.5])
    place = np.array([0.0, -1.0])
    value, gradient, hessian = _likelihood(place, limits, target)
    for _ in range(_STEPS):
        step = np.linalg.solve(hessian, gradient)
        gain = float(gradient @ step)
        if gain <= _TOLERANCE**2:
            break
        share = 1.0
        for _ in range(_HALVINGS):
            trial = place + share * step
            if not (half_line and trial[1] >= 0):
                found = _likelihood(trial, limits, target)
                # Close to the optimum gains are below the rounding of the value.
                if found[0] >= value + 0.25 * share * gain or gain < 1e-6:
                    break
            share *= 0.5
        else:
            break
        place, (value, gradient, hessian) = trial, found
    return float(place[0]), float(place[1])


def _likelihood(
    place: FloatArray, limits: tuple[float, float], target: FloatArray
) -> tuple[float, FloatArray, FloatArray]:
    """Return the mean log-likelihood, its gradient, and minus its second derivatives."""
    linear, curvature = place
    law = ScoreDensity(_line(linear, curvature, 0.0, 1.0), limits)
    means = [_moment(law, power) for power in (1, 2, 3, 4)]
    mean = np.array([means[0], 0.5 * means[1]])
    cross = 0.5 * (means[2] - means[0] * means[1])
    hessian = np.array([[means[1] - means[0] ** 2, cross], [cross, 0.25 * (means[3] - means[1] ** 2)]])
    # The log of the mass of exp(a t + b t^2 / 2): at zero the exponent is zero.
    log_mass = -float(law.logpdf(0.0))
    return float(place @ target) - log_mass, target - mean, hessian


def _moment(law: ScoreDensity, power: int) -> float:
    return law.expect(lambda t: t**power)
