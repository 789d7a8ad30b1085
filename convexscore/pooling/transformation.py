"""Power transformations of Yeo and Johnson, for laws with heavy or skewed tails.

With ``t = log(1 + |z|)`` and ``a = 2 - e`` left of zero, ``a = e`` right of it, for an exponent ``e``,

    y = sign(z) (exp(a t) - 1) / a,    log dy/dz = (a - 1) t,

(Yeo & Johnson 2000).  A negative exponent maps the right half line to a bounded interval, one above 2 the
left one: what a law of ``y`` has beyond is cut off, and the tail of ``z`` is that of a power.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.optimize import brentq, minimize_scalar

from .._support.frozen import Frozen
from .._support.validation import FloatArray
from ..numerics.integrals import unit_quadrature
from .laws import Law
from .points import Points

__all__ = ["Transformation", "TransformedLaw", "best_transformation"]

# Exponents that are tried.
_LEAST, _LARGEST = -8.0, 10.0
# A likelihood needs no more digits than means of bins have.
_BIN, _FEW = 0.004, 4000
# Standard units before a finite end of the transformed line within which masses are integrated numerically.
_CLOSE = 0.05


@dataclass(frozen=True)
class Transformation:
    """A power transformation followed by standardization, ``(y - shift) / scale``.

    Parameters
    ----------
    exponent : float
        One for no transformation.
    shift, scale : float
        Mean and standard deviation of the transformed data.
    """

    exponent: float
    shift: float = 0.0
    scale: float = 1.0

    @np.errstate(over="ignore")
    def __call__(self, z: FloatArray) -> FloatArray:
        """Return transformed points."""
        return (power_transform(z, self.exponent) - self.shift) / self.scale

    @np.errstate(invalid="ignore")
    def log_derivative(self, z: FloatArray) -> FloatArray:
        """Return the log of the derivative."""
        return (self.exponent - 1) * np.sign(z) * np.log1p(np.abs(z)) - np.log(self.scale)

    def log_derivative_slope(self, z: FloatArray) -> FloatArray:
        """Return the derivative of the log of the derivative."""
        return (self.exponent - 1) / (1 + np.abs(z))

    @np.errstate(over="ignore", divide="ignore", invalid="ignore")
    def inverse(self, y: FloatArray) -> FloatArray:
        """Return the points that are transformed to `y`; infinite at and beyond a finite end."""
        y = self.shift + self.scale * y
        a = np.where(y < 0, 2 - self.exponent, self.exponent)
        size = np.abs(y)
        log = np.where(a == 0, size, np.log1p(np.maximum(a * size, -1.0)) / np.where(a == 0, 1.0, a))
        return np.sign(y) * np.expm1(log)

    @cached_property
    def ends(self) -> tuple[float, float]:
        """What the line is mapped to: an interval."""
        low = 1 / (2 - self.exponent) if self.exponent > 2 else -np.inf
        high = -1 / self.exponent if self.exponent < 0 else np.inf
        return (low - self.shift) / self.scale, (high - self.shift) / self.scale

    def to_end(self, z: FloatArray) -> FloatArray:
        """Return the distance of the transformed points to the finite end, without cancellation."""
        a = self.exponent if self.exponent < 0 else 2 - self.exponent
        outward = np.log1p(np.maximum(z if self.exponent < 0 else -z, 0.0))
        return np.exp(a * outward) / (-a * self.scale)


@np.errstate(over="ignore")
def power_transform(z: FloatArray, exponent: float) -> FloatArray:
    """Return points transformed with an exponent."""
    t = np.log1p(np.abs(z))
    result = np.empty_like(t)
    for side, a in ((z < 0, 2 - exponent), (~(z < 0), exponent)):
        result[side] = np.expm1(a * t[side]) / a if a else t[side]
    return np.copysign(result, z)


def best_transformation(points: Points) -> Transformation:
    """Return the transformation after which a Gaussian has the largest likelihood."""
    exponent = _best_exponent(points.binned(_BIN, _FEW))
    y = Points(power_transform(points.value, exponent), points.mass)
    return Transformation(exponent, y.mean, float(np.sqrt(y.variance)))


def _best_exponent(points: Points) -> float:
    z, mass = points.value, points.mass
    t = np.log1p(np.abs(z))
    jacobian = float(mass @ (np.sign(z) * t))

    def loss(exponent: float) -> float:
        spread = Points(power_transform(z, exponent), mass).variance
        return 0.5 * points.total * np.log(spread) - exponent * jacobian

    def slope(exponent: float) -> float:
        y = Points(power_transform(z, exponent), mass)
        rates = _rates(z, t, exponent)
        return float(mass @ ((y.value - y.mean) * rates)) / y.variance - jacobian

    near = float(minimize_scalar(loss, bounds=(_LEAST, _LARGEST), method="bounded").x)
    # The minimum of a function is known to half of its digits, the zero of its derivative to all.
    low, high = max(near - 0.01, _LEAST), min(near + 0.01, _LARGEST)
    if slope(low) < 0 < slope(high):
        return float(brentq(slope, low, high, xtol=1e-13))
    return near


def _rates(z: FloatArray, t: FloatArray, exponent: float) -> FloatArray:
    """Return the derivatives of the transformed points with respect to the exponent."""
    a = np.where(z < 0, 2 - exponent, exponent)
    x = a * t
    series = 0.5 + x / 3 + x**2 / 8 + x**3 / 30 + x**4 / 144
    safe = np.where(np.abs(x) < 1e-2, 1.0, x)
    return t**2 * np.where(np.abs(x) < 1e-2, series, (safe * np.exp(safe) - np.expm1(safe)) / safe**2)


@dataclass(frozen=True, eq=False)
class TransformedLaw(Frozen):
    """The law of points whose transformation has a given law, between the ends of what there is.

    Parameters
    ----------
    base : Law
        Law of the transformed points.
    transformation : Transformation
        The transformation.
    breakpoints : ndarray
        Where the base's log density is not smooth.
    """

    base: Law
    transformation: Transformation
    breakpoints: FloatArray

    @cached_property
    def log_total(self) -> float:
        """The log mass that the base law has between the ends."""
        low, high = (np.array(end) for end in self.transformation.ends)
        if np.isfinite(high):
            return float(self.base.logcdf(high))
        return float(self.base.logsf(low)) if np.isfinite(low) else 0.0

    def score(self, z: FloatArray) -> FloatArray:
        """Return the derivative of the log density."""
        change = self.transformation
        z = np.clip(z, -np.finfo(float).max, np.finfo(float).max)
        inner = self.base.score(change(z))
        # In logs: of the two factors one may be too large for a float, the other too small.
        with np.errstate(over="ignore", divide="ignore"):
            size = np.exp(np.log(np.abs(inner)) + change.log_derivative(z))
        return np.sign(inner) * size + change.log_derivative_slope(z)

    def logpdf(self, z: FloatArray) -> FloatArray:
        """Return the log density."""
        inner = self.base.logpdf(self.transformation(z)) - self.log_total
        with np.errstate(invalid="ignore"):
            result = inner + self.transformation.log_derivative(z)
        return np.where(np.isinf(z), -np.inf, result)

    def logcdf(self, z: FloatArray) -> FloatArray:
        """Return the log probability of what is at most `z`."""
        return self._log_mass(z, -1)

    def logsf(self, z: FloatArray) -> FloatArray:
        """Return the log probability of what is above `z`."""
        return self._log_mass(z, 1)

    def _log_mass(self, z: FloatArray, side: int) -> FloatArray:
        """Return the log mass on one side of `z`, the right one or the left."""
        y, end = self.transformation(z), self.transformation.ends[(side + 1) // 2]
        tail = self.base.logsf if side > 0 else self.base.logcdf
        result = tail(y)
        if np.isfinite(end):
            with np.errstate(divide="ignore", invalid="ignore"):
                result = result + np.log1p(-np.exp(np.minimum(tail(np.array(end)) - result, 0.0)))
            result = self._close_to_end(z, y, end, result)
        return np.minimum(result - self.log_total, 0.0)

    def _close_to_end(self, z: FloatArray, y: FloatArray, end: float, log_mass: FloatArray) -> FloatArray:
        """Replace differences of masses by integrals where there is next to nothing up to the end."""
        gap = np.abs(self.breakpoints - end).min(initial=np.inf)
        left = self.transformation.to_end(z)
        close = left < min(_CLOSE, float(gap))
        nodes, weights = unit_quadrature()
        inward = -np.sign(end)
        heights = self.base.logpdf(end + inward * left[close][..., None] * nodes)
        with np.errstate(divide="ignore"):
            integral = np.log(left[close]) + np.log(np.exp(heights) @ weights)
        result = log_mass.copy()
        result[close] = integral
        return result

    def quantile_bounds(self, q: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return points below and above the quantiles at `q`."""
        z, log_cdf, log_sf = self._table
        low = np.searchsorted(log_cdf, np.log(np.minimum(q, 0.5)))
        high = z.size - np.searchsorted(log_sf[::-1], np.log(np.minimum(1 - q, 0.5)))
        cell = np.clip(np.where(q <= 0.5, low, high), 1, z.size - 1)
        return z[cell - 1], z[cell]

    @cached_property
    def _table(self) -> tuple[FloatArray, FloatArray, FloatArray]:
        """A grid over all floats, fine enough to start from, and the log probabilities below and above."""
        t = np.linspace(-709.0, 709.0, 2837)
        z = np.sign(t) * np.expm1(np.abs(t))
        return z, self.logcdf(z), self.logsf(z)

    def sample(self, n: int, rng: np.random.Generator) -> FloatArray:
        """Return independent samples: those of the base law that are between the ends."""
        low, high = self.transformation.ends
        found = np.empty(0)
        while found.size < n:
            y = self.base.sample(n - found.size, rng)
            found = np.concatenate([found, y[(y > low) & (y < high)]])
        return self.transformation.inverse(found)

    def mirrored(self) -> TransformedLaw:
        """Return the law of ``-z``."""
        change = self.transformation
        turned = Transformation(2 - change.exponent, -change.shift, change.scale)
        return TransformedLaw(self.base.mirrored(), turned, -self.breakpoints[::-1])

    def moments(self) -> tuple[float, float]:
        """Return mean and mean square; infinite where a tail of a power makes them so."""
        t, log_weight = self._quadrature
        z = np.sign(t) * np.expm1(np.abs(t))
        mass = np.exp(log_weight + self.logpdf(z) + np.abs(t))
        exponent = self.transformation.exponent
        power, last = (-exponent, t[-1]) if exponent < 0 else (exponent - 2, t[0])
        found = []
        for order in (1, 2):
            value = float(mass @ z**order)
            if power > 0:
                value += self._beyond(last, order, power)
            found.append(value)
        return found[0], found[1]

    def _beyond(self, last: float, order: int, power: float) -> float:
        """Return the part of a moment in the tail of a power beyond the last node, where nothing else is."""
        sign = np.sign(last) ** order
        if power <= order:
            return float(sign * np.inf)
        z = np.sign(last) * np.expm1(abs(last))
        return float(z**order * np.exp(self.logpdf(np.array(z)) + abs(last)) / (power - order))

    @cached_property
    def _quadrature(self) -> tuple[FloatArray, FloatArray]:
        """Nodes ``t = sign(z) log(1 + |z|)`` and log weights that resolve the density."""
        change = self.transformation
        exponent = change.exponent
        shares = 10.0 ** -np.concatenate([np.arange(0.5, 3.0, 0.5), np.arange(3.0, 300.0)])
        marks = np.concatenate([*self.base.quantile_bounds(shares), *self._upper_bounds(shares)])
        marks = np.concatenate([marks, self.breakpoints])
        low, high = change.ends
        z = change.inverse(marks[(marks > low) & (marks < high)])
        edges = np.sign(z) * np.log1p(np.abs(z))
        reach = 45 / max(-exponent, exponent - 2) if exponent < 0 or exponent > 2 else np.inf
        reach = min(reach, 700.0)
        # Far shares of the upper tail are no floats: a power of the size of the others reaches them.
        steps = np.arange(0.0, min(reach, 3 * float(np.abs(edges).max())) + 0.25, 0.25)
        tail = [reach if exponent < 0 else -reach] if reach < 700 else []
        edges = np.unique(np.concatenate([edges, steps, -steps, tail]))
        edges = edges[np.abs(edges) <= reach]
        nodes, weights = unit_quadrature()
        width = np.diff(edges)[:, None]
        return (edges[:-1, None] + width * nodes).ravel(), np.log(width * weights).ravel()

    def _upper_bounds(self, shares: FloatArray) -> tuple[FloatArray, FloatArray]:
        return self.base.quantile_bounds(np.minimum(1 - shares, 1 - 2.0**-53))
