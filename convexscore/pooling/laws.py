"""What members are made of: laws on the line in standard units, with their scores.

A mixture of Gaussians, the line's Gaussian among them, has everything in closed form; the law of a network is
that of its piecewise linear score (`scores.density`).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
from scipy.special import log_ndtr, logsumexp, ndtri

from .._support.frozen import Frozen
from .._support.validation import FloatArray
from ..numerics.piecewise import PiecewiseLinear
from ..scores.density import ScoreDensity
from ..univariate.program import WHOLE_LINE

__all__ = ["FURTHEST", "Law", "MixtureLaw", "NetworkLaw", "QuantileTable", "log_difference", "softmax"]

_LOG_ROOT_TWO_PI = 0.5 * np.log(2 * np.pi)
# Points further out belong to whom those here do, whose log densities are floats: the tenth power of this has
# a square.
FURTHEST = 1e15


class Law(Protocol):
    """A law on the line; arguments are arrays of any shape, infinities included."""

    def score(self, z: FloatArray) -> FloatArray:
        """Return the derivative of the log density."""

    def logpdf(self, z: FloatArray) -> FloatArray:
        """Return the log density."""

    def logcdf(self, z: FloatArray) -> FloatArray:
        """Return the log probability of what is at most `z`."""

    def logsf(self, z: FloatArray) -> FloatArray:
        """Return the log probability of what is above `z`."""

    def quantile_bounds(self, q: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return points below and above the quantiles at `q`, strictly between 0 and 1, or these."""

    def moments(self) -> tuple[float, float]:
        """Return mean and mean square."""

    def sample(self, n: int, rng: np.random.Generator) -> FloatArray:
        """Return independent samples, shape ``(n,)``."""

    def mirrored(self) -> Law:
        """Return the law of ``-z``."""


@dataclass(frozen=True, eq=False)
class MixtureLaw(Frozen):
    """A mixture of Gaussians.

    Parameters
    ----------
    weights, means, scales : ndarray of shape (n_components,)
        Shares that sum to one, means, and standard deviations.
    """

    weights: FloatArray
    means: FloatArray
    scales: FloatArray

    @classmethod
    def gaussian(cls, mean: float, variance: float) -> MixtureLaw:
        """Return one Gaussian."""
        return cls(np.ones(1), np.array([mean]), np.array([np.sqrt(variance)]))

    def _steps(self, z: FloatArray) -> FloatArray:
        return (z[..., None] - self.means) / self.scales

    @np.errstate(over="ignore", divide="ignore")
    def _logs(self, z: FloatArray) -> FloatArray:
        """Return the log of each component's part of the density, components last."""
        return np.log(self.weights / self.scales) - 0.5 * self._steps(z) ** 2

    def score(self, z: FloatArray) -> FloatArray:
        """Return the derivative of the log density."""
        shares = softmax(self._logs(np.clip(z, -FURTHEST, FURTHEST)), axis=-1)
        with np.errstate(over="ignore", invalid="ignore"):
            return -np.sum(np.where(shares > 0, shares * self._steps(z) / self.scales, 0.0), axis=-1)

    def logpdf(self, z: FloatArray) -> FloatArray:
        """Return the log density."""
        return logsumexp(self._logs(z), axis=-1) - _LOG_ROOT_TWO_PI

    def logcdf(self, z: FloatArray) -> FloatArray:
        """Return the log probability of what is at most `z`."""
        with np.errstate(divide="ignore", over="ignore"):
            return logsumexp(log_ndtr(self._steps(z)), b=self.weights, axis=-1)

    def logsf(self, z: FloatArray) -> FloatArray:
        """Return the log probability of what is above `z`."""
        with np.errstate(divide="ignore", over="ignore"):
            return logsumexp(log_ndtr(-self._steps(z)), b=self.weights, axis=-1)

    def quantile_bounds(self, q: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return the least and the largest quantile of the components."""
        quantiles = self.means + self.scales * ndtri(q)[..., None]
        return quantiles.min(axis=-1), quantiles.max(axis=-1)

    def moments(self) -> tuple[float, float]:
        """Return mean and mean square."""
        return float(self.weights @ self.means), float(self.weights @ (self.means**2 + self.scales**2))

    def sample(self, n: int, rng: np.random.Generator) -> FloatArray:
        """Return independent samples."""
        component = rng.choice(self.weights.size, n, p=self.weights)
        return self.means[component] + self.scales[component] * rng.standard_normal(n)

    def mirrored(self) -> MixtureLaw:
        """Return the law of ``-z``."""
        return MixtureLaw(self.weights, -self.means, self.scales)


@dataclass(frozen=True, eq=False)
class NetworkLaw(Frozen):
    """The law of a piecewise linear score whose tails decay.

    Parameters
    ----------
    piecewise : PiecewiseLinear
        The score.
    limits : tuple of two floats
        Between which its density is; infinite where there is no limit.
    """

    piecewise: PiecewiseLinear
    limits: tuple[float, float] = WHOLE_LINE

    @classmethod
    def with_tails(
        cls, knots: FloatArray, values: FloatArray, limits: tuple[float, float] = WHOLE_LINE
    ) -> NetworkLaw:
        """Return the law of a score that is known on the range of the data, and goes on as its outer pieces.

        On sides without a limit the score's slope outside the data is at most zero, and at most minus one
        where the score at the end still points outward: so there is a density.
        """
        slopes = np.diff(values) / np.diff(knots)
        ends = (slopes[0], -values[0], limits[0]), (slopes[-1], values[-1], limits[1])
        outer = [
            slope if np.isfinite(limit) else min(slope, -1.0 if outward >= 0 else 0.0)
            for slope, outward, limit in ends
        ]
        return cls(PiecewiseLinear(knots, values, np.concatenate([outer[:1], slopes, outer[1:]])), limits)

    @cached_property
    def density(self) -> ScoreDensity:
        """The exact density."""
        return ScoreDensity(self.piecewise, self.limits)

    @np.errstate(over="ignore")
    def score(self, z: FloatArray) -> FloatArray:
        """Return the score."""
        # A slope of zero times infinity is the outermost value.
        bounded = np.clip(z, -np.finfo(float).max, np.finfo(float).max)
        return self.piecewise(bounded)

    def logpdf(self, z: FloatArray) -> FloatArray:
        """Return the log density."""
        return self.density.logpdf(z)

    def logcdf(self, z: FloatArray) -> FloatArray:
        """Return the log probability of what is at most `z`."""
        return self.density.logcdf(z)

    def logsf(self, z: FloatArray) -> FloatArray:
        """Return the log probability of what is above `z`."""
        return self.density.logsf(z)

    def quantile_bounds(self, q: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return the quantiles, twice."""
        quantiles = self.density.icdf(q)
        return quantiles, quantiles

    def moments(self) -> tuple[float, float]:
        """Return mean and mean square."""
        mean = self.density.mean()
        return mean, self.density.variance() + mean**2

    def sample(self, n: int, rng: np.random.Generator) -> FloatArray:
        """Return independent samples, by inversion."""
        return self.density.sample(n, rng)

    def mirrored(self) -> NetworkLaw:
        """Return the law of ``-z``."""
        score = self.piecewise
        turned = PiecewiseLinear(-score.knots[::-1], -score.values[::-1], score.slopes[::-1])
        return NetworkLaw(turned, (-self.limits[1], -self.limits[0]))


class QuantileTable:
    """Bounds of quantiles, for laws whose distribution function has no inverse in closed form.

    Parameters
    ----------
    law : Law
        The law, of which only the distribution function is asked.
    """

    def __init__(self, law: Law) -> None:
        # A grid over all floats, fine enough to start from.
        t = np.linspace(-709.0, 709.0, 2837)
        self.points = np.sign(t) * np.expm1(np.abs(t))
        self.log_cdf, self.log_sf = law.logcdf(self.points), law.logsf(self.points)

    def bounds(self, q: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return points below and above the quantiles at `q`."""
        z = self.points
        low = np.searchsorted(self.log_cdf, np.log(np.minimum(q, 0.5)))
        high = z.size - np.searchsorted(self.log_sf[::-1], np.log(np.minimum(1 - q, 0.5)))
        cell = np.clip(np.where(q <= 0.5, low, high), 1, z.size - 1)
        return z[cell - 1], z[cell]


def softmax(logs: FloatArray, axis: int) -> FloatArray:
    """Return shares in proportion to the exponentials of `logs`."""
    with np.errstate(invalid="ignore"):
        shares = np.exp(logs - logs.max(axis=axis, keepdims=True))
        return shares / shares.sum(axis=axis, keepdims=True)


def log_difference(above: FloatArray, below: FloatArray) -> FloatArray:
    """Return ``log(exp(above) - exp(below))``, of a log probability and one that is not larger."""
    with np.errstate(divide="ignore", invalid="ignore"):
        rest = above + np.log1p(-np.exp(np.minimum(below - above, 0.0)))
    return np.where(below >= above, -np.inf, rest)
