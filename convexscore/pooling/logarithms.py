"""Logarithms of distances from limits, for laws that begin there like powers, or not at all.

    y = log(z - low)                       above one limit
    y = -log(high - z)                     below one
    y = log((z - low) / (high - z))        between two

and standardized.  What has a density on the line of ``y`` has one between the limits, which vanishes at them
unless the tails of the one on the line are heavy.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from scipy.special import expit

from .._support.validation import FloatArray
from .points import Points

__all__ = ["LogDistance", "changed", "log_distance"]


@dataclass(frozen=True)
class LogDistance:
    """Logarithms of distances from limits, followed by standardization, ``(y - shift) / scale``.

    Parameters
    ----------
    low, high : float
        The limits, one of which may be infinite.
    shift, scale : float
        Mean and standard deviation of the logarithms.
    light : bool
        Whether the law of the logarithms has tails like a Gaussian's, with which all moments are finite.
    """

    low: float
    high: float
    shift: float = 0.0
    scale: float = 1.0
    light: bool = False

    @property
    def name(self) -> str:
        """The function: ``"log"``, or between two limits ``"logit"``."""
        return "logit" if np.isfinite(self.low) and np.isfinite(self.high) else "log"

    @property
    def exponential_side(self) -> int:
        """Where tails are exponential, since those of powers may have no moments: where there is no limit."""
        return 0 if self.light else int(self.high == np.inf) - int(self.low == -np.inf)

    @property
    def limits(self) -> tuple[float, float]:
        """The limits."""
        return self.low, self.high

    def mirrored(self) -> LogDistance:
        """Return the logarithms of ``-z``'s distances, which lead to ``-y``."""
        return replace(self, low=-self.high, high=-self.low, shift=-self.shift)

    def _distances(self, z: FloatArray) -> tuple[FloatArray | None, FloatArray | None]:
        """Return the distances from the limits, zero for what is beyond; None without a limit."""
        return (
            np.maximum(z - self.low, 0.0) if np.isfinite(self.low) else None,
            np.maximum(self.high - z, 0.0) if np.isfinite(self.high) else None,
        )

    @np.errstate(divide="ignore")
    def __call__(self, z: FloatArray) -> FloatArray:
        """Return transformed points; infinite at the limits and beyond them."""
        below, above = self._distances(z)
        y = np.zeros(np.shape(z))
        if below is not None:
            y = y + np.log(below)
        if above is not None:
            y = y - np.log(above)
        return (y - self.shift) / self.scale

    @np.errstate(divide="ignore")
    def log_derivative(self, z: FloatArray) -> FloatArray:
        """Return the log of the derivative."""
        below, above = self._distances(z)
        result = np.full(np.shape(z), -np.log(self.scale))
        for distance in (below, above):
            if distance is not None:
                result = result - np.log(distance)
        if below is not None and above is not None:
            result = result + np.log(self.high - self.low)
        return result

    @np.errstate(divide="ignore", invalid="ignore")
    def log_derivative_slope(self, z: FloatArray) -> FloatArray:
        """Return the derivative of the log of the derivative."""
        below, above = self._distances(z)
        result = np.zeros(np.shape(z))
        if below is not None:
            result = result - 1 / below
        if above is not None:
            result = result + 1 / above
        return result

    @np.errstate(over="ignore")
    def inverse(self, y: FloatArray) -> FloatArray:
        """Return the points that are transformed to `y`."""
        y = self.shift + self.scale * y
        if self.high == np.inf:
            return self.low + np.exp(y)
        if self.low == -np.inf:
            return self.high - np.exp(-y)
        # From the nearer limit.
        length = self.high - self.low
        return np.where(y < 0, self.low + length * expit(y), self.high - length * expit(-y))


def log_distance(points: Points) -> LogDistance:
    """Return the logarithms of the points' distances from their limits, standardized."""
    y = changed(points, LogDistance(*points.limits))
    return LogDistance(*points.limits, y.mean, float(np.sqrt(y.variance)))


def changed(points: Points, change: Callable[[FloatArray], FloatArray]) -> Points:
    """Return the points after a change of variables to the whole line."""
    return Points.merged(change(points.value), points.mass)
