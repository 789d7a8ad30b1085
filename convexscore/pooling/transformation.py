"""Power transformations of Yeo and Johnson, for laws with heavy or skewed tails.

With ``t = log(1 + |z|)`` and ``a = 2 - e`` left of zero, ``a = e`` right of it, for an exponent ``e``,

    y = sign(z) (exp(a t) - 1) / a,    log dy/dz = (a - 1) t,

(Yeo & Johnson 2000).  A negative exponent maps the right half line to a bounded interval, one above 2 the
left one, which makes tails of powers, some without moments.  There, as for networks (`laws.NetworkLaw`), the
score's slope beyond the outermost data is at most zero: the score is constant, and the tail exponential.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
from scipy.optimize import brentq, minimize_scalar

from .._support.frozen import Frozen
from .._support.validation import FloatArray
from ..numerics.integrals import unit_quadrature
from ..univariate.program import WHOLE_LINE
from .laws import Law, QuantileTable, log_difference
from .points import Points

__all__ = ["Change", "Transformation", "TransformedLaw", "best_transformation"]

# Exponents that are tried.
_LEAST, _LARGEST = -8.0, 10.0
# A likelihood needs no more digits than means of bins have.
_BIN, _FEW = 0.004, 4000
# Between limits moments are integrated over all but this share, in steps of this size within this reach.
_LITTLE, _STEP, _REACH = 1e-18, 0.05, 40.0


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

    @property
    def exponential_side(self) -> int:
        """Where the line is mapped to a bounded interval: 1 for the right, -1 for the left, 0 for nowhere."""
        return int(self.exponent < 0) - int(self.exponent > 2)

    @property
    def limits(self) -> tuple[float, float]:
        """The line that is transformed, which has no ends."""
        return WHOLE_LINE

    def mirrored(self) -> Transformation:
        """Return the transformation of ``-z`` that leads to ``-y``."""
        return Transformation(2 - self.exponent, -self.shift, self.scale)

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
        """Return the points that are transformed to `y`; infinite beyond a bound."""
        y = self.shift + self.scale * y
        a = np.where(y < 0, 2 - self.exponent, self.exponent)
        size = np.abs(y)
        log = np.where(a == 0, size, np.log1p(np.maximum(a * size, -1.0)) / np.where(a == 0, 1.0, a))
        return np.sign(y) * np.expm1(log)


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


class Change(Protocol):
    """An increasing change of variables to the whole line."""

    @property
    def exponential_side(self) -> int:
        """Where laws get exponential tails: 1 for the right, -1 for the left, 0 for nowhere."""

    @property
    def limits(self) -> tuple[float, float]:
        """The ends of what is transformed."""

    def __call__(self, z: FloatArray) -> FloatArray:
        """Return transformed points."""

    def log_derivative(self, z: FloatArray) -> FloatArray:
        """Return the log of the derivative."""

    def log_derivative_slope(self, z: FloatArray) -> FloatArray:
        """Return the derivative of the log of the derivative."""

    def inverse(self, y: FloatArray) -> FloatArray:
        """Return the points that are transformed to `y`."""

    def mirrored(self) -> Change:
        """Return the change of ``-z`` that leads to ``-y``."""


@dataclass(frozen=True, eq=False)
class TransformedLaw(Frozen):
    """The law of points whose transformation has a given law, up to the last data before an exponential tail.

    Parameters
    ----------
    base : Law
        Law of the transformed points.
    transformation : Change
        The transformation.
    low, high : float
        The outermost data.
    breakpoints : ndarray
        Where the base's log density is not smooth.
    """

    base: Law
    transformation: Change
    low: float
    high: float
    breakpoints: FloatArray

    @cached_property
    def _tail(self) -> _Tail | None:
        side = self.transformation.exponential_side
        if not side:
            return None
        edge = self.high if side > 0 else self.low
        z = np.array(edge)
        height, slope = float(self._inner_log(z)), side * float(self._inner_score(z))
        inside = self.base.logcdf if side > 0 else self.base.logsf
        return _Tail(side, edge, -slope if slope < 0 else 1.0, height, float(inside(self.transformation(z))))

    def _inner_log(self, z: FloatArray) -> FloatArray:
        y = self.transformation(z)
        with np.errstate(invalid="ignore"):
            result = self.base.logpdf(y) + self.transformation.log_derivative(z)
        return np.where(np.isinf(y) | np.isinf(z), -np.inf, result)

    def _inner_score(self, z: FloatArray) -> FloatArray:
        change = self.transformation
        z = np.clip(z, -np.finfo(float).max, np.finfo(float).max)
        inner = self.base.score(change(z))
        # In logs: of the two factors one may be too large for a float, the other too small.
        with np.errstate(over="ignore", divide="ignore"):
            size = np.exp(np.log(np.abs(inner)) + change.log_derivative(z))
        return np.sign(inner) * size + change.log_derivative_slope(z)

    def score(self, z: FloatArray) -> FloatArray:
        """Return the derivative of the log density."""
        tail = self._tail
        if tail is None:
            return self._inner_score(z)
        beyond = tail.distance(z) > 0
        return np.where(beyond, -tail.side * tail.rate, self._inner_score(np.where(beyond, tail.edge, z)))

    @np.errstate(over="ignore")
    def logpdf(self, z: FloatArray) -> FloatArray:
        """Return the log density."""
        tail = self._tail
        if tail is None:
            return self._inner_log(z)
        far = tail.distance(z)
        height = self._inner_log(np.where(far > 0, tail.edge, z))
        return height - tail.rate * np.maximum(far, 0.0) - tail.log_total

    def logcdf(self, z: FloatArray) -> FloatArray:
        """Return the log probability of what is at most `z`."""
        return self._log_mass(z, -1)

    def logsf(self, z: FloatArray) -> FloatArray:
        """Return the log probability of what is above `z`."""
        return self._log_mass(z, 1)

    @np.errstate(over="ignore")
    def _log_mass(self, z: FloatArray, side: int) -> FloatArray:
        """Return the log probability on one side of `z`, the right one or the left."""
        mass = self.base.logsf if side > 0 else self.base.logcdf
        tail = self._tail
        if tail is None:
            return mass(self.transformation(z))
        far = tail.distance(z)
        y = self.transformation(np.where(far > 0, tail.edge, z))
        if side == tail.side:
            edge = mass(self.transformation(np.array(tail.edge)))
            between = np.where(far >= 0, -np.inf, log_difference(mass(y), edge))
            return np.logaddexp(tail.log_mass - tail.rate * np.maximum(far, 0.0), between) - tail.log_total
        with np.errstate(divide="ignore"):
            added = tail.log_mass + np.log(-np.expm1(-tail.rate * np.maximum(far, 0.0)))
        return np.minimum(np.logaddexp(mass(y), added) - tail.log_total, 0.0)

    def quantile_bounds(self, q: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return points below and above the quantiles at `q`."""
        # Not by the inverse: close to a bound of the power transformation it has few digits.
        return self._table.bounds(q)

    @cached_property
    def _table(self) -> QuantileTable:
        return QuantileTable(self)

    def sample(self, n: int, rng: np.random.Generator) -> FloatArray:
        """Return independent samples: of the tail, or of the base law up to it."""
        tail = self._tail
        if tail is None:
            return self.transformation.inverse(self.base.sample(n, rng))
        result = tail.edge + tail.side * rng.exponential(1 / tail.rate, n)
        inside = np.flatnonzero(np.log1p(-rng.random(n)) >= tail.log_mass - tail.log_total)
        limit = tail.side * float(self.transformation(np.array(tail.edge)))
        while inside.size:
            y = self.base.sample(inside.size, rng)
            kept = tail.side * y <= limit
            result[inside[kept]] = self.transformation.inverse(y[kept])
            inside = inside[~kept]
        return result

    def mirrored(self) -> TransformedLaw:
        """Return the law of ``-z``."""
        change = self.transformation.mirrored()
        return TransformedLaw(self.base.mirrored(), change, -self.high, -self.low, -self.breakpoints[::-1])

    def moments(self) -> tuple[float, float]:
        """Return mean and mean square, by quadrature and the tail's own.

        The variable is ``t = sign(z) log(1 + |z|)``, or between limits, next to which there may be poles, the
        base's own.
        """
        limited = self.transformation.limits != WHOLE_LINE
        z, mass = self._quadrature(self._base_edges) if limited else self._logarithmic_quadrature()
        tail = self._tail
        if limited and tail is not None:
            mass = mass * np.exp(-tail.log_total)
        mean, square = float(mass @ z), float(mass @ z**2)
        if tail is None:
            return mean, square
        share, step = np.exp(tail.log_mass - tail.log_total), tail.side / tail.rate
        beyond = tail.edge**2 + 2 * tail.edge * step + 2 * step**2
        return float(mean + share * (tail.edge + step)), float(square + share * beyond)

    def _logarithmic_quadrature(self) -> tuple[FloatArray, FloatArray]:
        """Return nodes and their masses, on panels of ``t``."""
        t, width = _panels(self._edges)
        z = np.sign(t) * np.expm1(np.abs(t))
        return z, np.exp(self.logpdf(z) + np.abs(t)) * width

    def _quadrature(self, edges: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return nodes and their masses under the base, on panels of its variable."""
        y, width = _panels(edges)
        mass = np.exp(self.base.logpdf(y)) * width
        return self.transformation.inverse(y[mass > 0]), mass[mass > 0]

    @property
    def _base_edges(self) -> FloatArray:
        """Panels of the base's variable, up to the tail, of all mass that moments see."""
        first, last = (self.base.quantile_bounds(np.array([q])) for q in (_LITTLE, 1 - 2.0**-53))
        # Of light tails the moments see more than floats can say of shares.
        low, high = min(float(first[0][0]), -_REACH), max(float(last[1][0]), _REACH)
        tail = self._tail
        if tail is not None:
            edge = float(self.transformation(np.array(tail.edge)))
            low, high = (low, edge) if tail.side > 0 else (edge, high)
        near = np.arange(max(low, -_REACH), min(high, _REACH), _STEP)
        far = _REACH * np.geomspace(1.0, max(1.0, -low / _REACH, high / _REACH), 400)
        edges = np.concatenate([near, far, -far, self.breakpoints, [low, high]])
        return np.unique(edges[(edges >= low) & (edges <= high)])

    @property
    def _edges(self) -> FloatArray:
        """Panels, up to the tail, on each of which the density is smooth."""
        shares = 10.0 ** -np.concatenate([np.arange(0.5, 3.0, 0.5), np.arange(3.0, 300.0)])
        marks = [*self.base.quantile_bounds(shares), *self.base.quantile_bounds(1 - shares[shares > 1e-16])]
        z = self.transformation.inverse(np.concatenate([*marks, self.breakpoints]))
        tail = self._tail
        if tail is not None:
            z = np.append(z[tail.distance(z) < 0], tail.edge)
        t = np.sign(z) * np.log1p(np.abs(z))
        # Far shares of the upper tail are no floats: a multiple of the others' reach has room for them.
        steps = np.arange(0.0, min(2 * float(np.abs(t).max()), 300.0) + 0.25, 0.25)
        t = np.unique(np.concatenate([t, steps, -steps]))
        if tail is not None:
            t = t[tail.side * t <= tail.side * np.sign(tail.edge) * np.log1p(abs(tail.edge))]
        return t


def _panels(edges: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the nodes of Gauss's rule on panels, and their weights."""
    nodes, weights = unit_quadrature()
    width = np.diff(edges)[:, None]
    return (edges[:-1, None] + width * nodes).ravel(), (width * weights).ravel()


@dataclass(frozen=True)
class _Tail:
    """An exponential tail beyond the outermost data, before both parts are divided by their mass.

    Parameters
    ----------
    side : {1, -1}
        Right or left.
    edge : float
        Where it begins.
    rate : float
        Minus the outward score there; one where that points outward.
    height : float
        Log density there.
    log_inside : float
        Log of the mass up to there.
    """

    side: int
    edge: float
    rate: float
    height: float
    log_inside: float

    @property
    def log_mass(self) -> float:
        """Log of the tail's mass."""
        return self.height - float(np.log(self.rate))

    @property
    def log_total(self) -> float:
        """Log of all mass."""
        return float(np.logaddexp(self.log_inside, self.log_mass))

    def distance(self, z: FloatArray) -> FloatArray:
        """Return how far points are beyond the edge; negative inside."""
        return self.side * (z - self.edge)
