"""Moments of data blurred by Gaussian noise, in closed form.

For the law ``q = sum_i m_i N(x_i, h^2)`` and ``u = (x_i - t) / h``

    P0(t) = int_t^inf q            = sum_i m_i Phi(u)
    P1(t) = int_t^inf (y - t) q    = sum_i m_i h   [u Phi(u) + phi(u)]
    P2(t) = int_t^inf (y - t)^2 q  = sum_i m_i h^2 [(u^2 + 1) Phi(u) + u phi(u)],

from which the integral of any piecewise quadratic function follows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from .._support.frozen import Frozen
from .._support.validation import FloatArray
from .piecewise import PiecewiseLinear

__all__ = ["BlurredData"]

# Noise further out than this many standard deviations is below rounding.
_REACH = 9.0
# Positions whose samples within reach are looked at together: those this many standard deviations apart, at
# least so many of them, and no more than so many pairs.
_SPAN = 9.0
_GROUP = 64
_ENTRIES = 200_000
# Quadrature of intervals up to these widths, in standard deviations: nodes in (0, 1) and weights.
_NARROW, _NARROWER = 0.5, 0.1
_RULE, _SHORT_RULE = (
    (0.5 * (nodes + 1), 0.5 * weights) for nodes, weights in map(np.polynomial.legendre.leggauss, (8, 5))
)


@dataclass(frozen=True, eq=False)
class BlurredData(Frozen):
    """The law ``sum_i m_i N(x_i, h^2)`` of total mass ``sum m``.

    Parameters
    ----------
    x : ndarray of shape (n_samples,)
        Sample positions, ascending.
    mass : ndarray of shape (n_samples,)
        Their masses.
    width : float
        Standard deviation ``h`` of the noise, positive.
    """

    x: FloatArray
    mass: FloatArray
    width: float

    @classmethod
    def from_samples(cls, x: FloatArray, weight: FloatArray, width: float) -> BlurredData:
        """Sort the samples."""
        order = np.argsort(x, kind="stable")
        return cls(x[order], weight[order], width)

    @property
    def total(self) -> float:
        """Total mass."""
        return float(self.mass.sum())

    @property
    def mean(self) -> float:
        """Mean of the law."""
        return float(np.average(self.x, weights=self.mass))

    @property
    def variance(self) -> float:
        """Variance of the law, the noise's included."""
        return float(np.average((self.x - self.mean) ** 2, weights=self.mass) + self.width**2)

    def upper_moments(self, t: FloatArray) -> FloatArray:
        """Return ``P0, P1, P2`` at each of `t`, shape ``(3, n_positions)``."""
        moments = np.empty((3, t.size))
        for group, low, high in self._groups(t):
            u = (self.x[low:high] - t[group, None]) / self.width
            below, bell = ndtr(u), _bell(u)
            terms = np.stack([below, u * below + bell, (u * u + 1) * below + u * bell])
            scale = self.width ** np.arange(3.0)
            near = (terms @ self.mass[low:high]) * scale[:, None]
            moments[:, group] = near + self._moments_from(high, t[group])
        return moments

    def density(self, t: FloatArray) -> FloatArray:
        """Return ``q`` and its derivative at each of `t`, shape ``(2, n_positions)``."""
        result = np.empty((2, t.size))
        for group, low, high in self._groups(t):
            u = (self.x[low:high] - t[group, None]) / self.width
            bell = _bell(u)
            mass = self.mass[low:high] / self.width
            result[0, group] = bell @ mass
            u *= bell
            result[1, group] = u @ mass / self.width
        return result

    def _height(self, t: FloatArray) -> FloatArray:
        """Return ``q`` at each of `t`."""
        result = np.empty(t.size)
        for group, low, high in self._groups(t):
            u = (self.x[low:high] - t[group, None]) / self.width
            result[group] = _bell(u) @ (self.mass[low:high] / self.width)
        return result

    def interval_moments(self, left: FloatArray, right: FloatArray) -> FloatArray:
        """Return ``int (1, u, u^2) q`` over intervals, ``u`` from their left ends.

        Shape ``(3, n_intervals)``.  Where an interval is no wider than half the noise, by Gauss-Legendre
        quadrature, exact to rounding on so short a stretch; differences of `upper_moments` would cancel.
        """
        width = right - left
        moments = np.empty((3, left.size))
        narrower, wide = width <= _NARROWER * self.width, width > _NARROW * self.width
        for chosen, (nodes, weights) in ((narrower, _SHORT_RULE), (~narrower & ~wide, _RULE)):
            u = nodes * width[chosen, None]
            mass = self._height((left[chosen, None] + u).ravel()).reshape(u.shape)
            mass *= weights * width[chosen, None]
            moments[:, chosen] = [mass.sum(axis=1), (mass * u).sum(axis=1), (mass * u**2).sum(axis=1)]
        gap, inner = width[wide], self.upper_moments(left[wide])
        beyond = self.upper_moments(right[wide])
        moments[0, wide] = inner[0] - beyond[0]
        moments[1, wide] = inner[1] - beyond[1] - gap * beyond[0]
        moments[2, wide] = inner[2] - beyond[2] - gap * (2 * beyond[1] + gap * beyond[0])
        return moments

    def derivative_bounds(self, left: FloatArray, right: FloatArray) -> FloatArray:
        """Return bounds of the sizes of the first three derivatives of ``q`` over each interval."""
        result = np.empty((3, left.size))
        for group, low, high in self._groups(0.5 * (left + right), 0.5 * (right - left).max(initial=0.0)):
            below = (self.x[low:high] - right[group, None]) / self.width
            above = (self.x[low:high] - left[group, None]) / self.width
            bell = _bell(np.maximum(np.maximum(below, -above), 0.0))
            u = np.maximum(np.abs(below), np.abs(above))
            # Hermite polynomials with the bell at the nearest and the polynomial at the furthest point.
            terms = np.stack([u * bell, (u**2 + 1) * bell, (u**3 + 3 * u) * bell])
            scale = self.width ** -np.arange(2.0, 5.0)
            result[:, group] = (terms @ self.mass[low:high]) * scale[:, None]
        return result

    def score_matching_loss(self, score: PiecewiseLinear) -> float:
        """Return ``int q (s' + s^2 / 2)``."""
        return float(self.score_matching_losses([score])[0])

    def score_matching_losses(self, scores: Sequence[PiecewiseLinear]) -> FloatArray:
        """Return ``int q (s' + s^2 / 2)`` for several scores, which may have knots in common."""
        every = np.unique(np.concatenate([score.knots for score in scores]))
        upper = self.upper_moments(every)
        losses = np.empty(len(scores))
        for number, score in enumerate(scores):
            moments = self._piece_moments(score.knots, upper[:, np.searchsorted(every, score.knots)])
            values = np.concatenate([score.values[:1], score.values])
            slopes = score.slopes
            square = values**2 * moments[0] + 2 * values * slopes * moments[1] + slopes**2 * moments[2]
            losses[number] = np.sum(slopes * moments[0] + 0.5 * square)
        return losses

    def integral(self, score: PiecewiseLinear) -> float:
        """Return ``int q s``, of masses of any sign."""
        moments = self.piece_moments(score.knots)
        values = np.concatenate([score.values[:1], score.values])
        return float(np.sum(values * moments[0] + score.slopes * moments[1]))

    def piece_moments(self, knots: FloatArray) -> FloatArray:
        """Return ``int (1, u, u^2) q`` over each piece of the line that `knots` (ascending) cut.

        ``u`` is the distance from the piece's left knot, from the first knot for the piece left of all;
        shape ``(3, n_knots + 1)``.
        """
        return self._piece_moments(knots, self.upper_moments(knots))

    def _piece_moments(self, knots: FloatArray, upper: FloatArray) -> FloatArray:
        offset = self.x - knots[0]
        whole = np.array([self.total, self.mass @ offset, self.mass @ (offset**2 + self.width**2)])
        gap, beyond = np.diff(knots), upper[:, 1:]
        inner = upper.copy()
        inner[0, :-1] -= beyond[0]
        inner[1, :-1] -= beyond[1] + gap * beyond[0]
        inner[2, :-1] -= beyond[2] + gap * (2 * beyond[1] + gap * beyond[0])
        return np.column_stack([whole - upper[:, 0], inner])

    def _groups(self, t: FloatArray, margin: float = 0.0) -> Iterator[tuple[NDArray[np.intp], int, int]]:
        """Yield neighbouring positions, and the range of the samples within reach of them."""
        order = np.argsort(t, kind="stable")
        most = max(_GROUP, _ENTRIES // self.x.size)
        ordered, start = t[order], 0
        while start < t.size:
            near = int(np.searchsorted(ordered, ordered[start] + _SPAN * self.width, side="right"))
            group = order[start : min(max(near, start + _GROUP), start + most)]
            start += group.size
            reach = _REACH * self.width + margin
            edges = t[group[[0, -1]]] + reach * np.array([-1.0, 1.0])
            low, high = np.searchsorted(self.x, edges)
            yield group, int(low), int(high)

    def _moments_from(self, first: int, t: FloatArray) -> FloatArray:
        """Return the moments about `t` of the samples from `first` on, all of whose mass is above."""
        if first == self.x.size:
            return np.zeros((3, t.size))
        mass, second_mass, third_mass = self._tails[:, first]
        lever = self.x[first] - t
        first_moment = second_mass + lever * mass
        second_moment = third_mass + lever * (2 * second_mass + lever * mass) + self.width**2 * mass
        return np.stack([np.full(t.size, mass), first_moment, second_moment])

    @cached_property
    def _tails(self) -> FloatArray:
        """``sum m, sum m (x - x_j), sum m (x - x_j)^2`` over the samples from ``j`` on: no cancellation."""
        gap = np.diff(self.x, append=self.x[-1:])[::-1]
        mass = np.cumsum(self.mass[::-1])
        before = np.concatenate([[0.0], mass[:-1]])
        first = np.cumsum(gap * before)
        first_before = np.concatenate([[0.0], first[:-1]])
        second = np.cumsum(gap * (2 * first_before + gap * before))
        return np.stack([mass, first, second])[:, ::-1]


def _bell(u: FloatArray) -> FloatArray:
    bell = u * u
    bell *= -0.5
    np.exp(bell, out=bell)
    bell /= np.sqrt(2 * np.pi)
    return bell
