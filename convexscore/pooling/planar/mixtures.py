"""Gaussian mixtures in the plane by expectation maximization, with a prior on covariances; number by BIC.

With ``n_k`` the mass of a component, ``S_k`` its scatter and ``K`` the number of components,

    covariance_k = (S_k + (c / K) I) / (n_k + c)

for data in standard coordinates; `c` is how many points the prior counts for.  Several starts, or the parts
that several folds are trained on, are iterated at once.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..._support.validation import FloatArray
from .laws import PlanarMixtureLaw
from .points import PlanarPoints

__all__ = ["choose_mixtures", "refit_mixtures"]

_MOST_COMPONENTS = 12
_STARTS = 4
_STEPS, _STEPS_OF_REFITS = 200, 60
_TOLERANCE = 1e-6
_LEAST_VARIANCE = 4e-4
_LOG_TWO_PI = np.log(2 * np.pi)
# Points that are enough to count components.
_ENOUGH = 5000


@dataclass(frozen=True, eq=False)
class _Mixtures:
    """Several mixtures of equally many components."""

    weights: FloatArray
    means: FloatArray
    covariances: FloatArray

    def law(self, number: int) -> PlanarMixtureLaw:
        return PlanarMixtureLaw(self.weights[number], self.means[number], self.covariances[number])


def choose_mixtures(
    points: PlanarPoints, rng: np.random.Generator, fewest: int, prior: float
) -> list[PlanarMixtureLaw]:
    """Return the mixtures of one component less than BIC prefers, as many, and one more.

    Parameters
    ----------
    points : PlanarPoints
        In standard coordinates.
    rng : Generator
        Draws the starts.
    fewest : int
        Components that those returned have at least: 2 where one is a member already.
    prior : float
        Points that the prior counts for.
    """
    found: dict[int, tuple[float, PlanarMixtureLaw]] = {}
    best = 1
    for size in range(1, _MOST_COMPONENTS + 1):
        if (size > 1 and 8 * size > points.total) or size > best + 2:
            break
        start = _starts(points, size, rng)
        likelihoods, mixtures = _maximized(points, points.mass[None], start, _STEPS, prior)
        winner = int(np.argmax(likelihoods))
        criterion = -2 * float(likelihoods[winner]) + (6 * size - 1) * np.log(points.total)
        found[size] = criterion, mixtures.law(winner)
        best = min(found, key=lambda size: found[size][0])
    return [found[size][1] for size in range(best - 1, best + 2) if size >= fewest and size in found]


def refit_mixtures(
    points: PlanarPoints, masses: FloatArray, mixture: PlanarMixtureLaw, prior: float
) -> list[PlanarMixtureLaw]:
    """Return a mixture moved to other masses of the same points, one for each row of `masses`."""
    many = [
        np.tile(part, (len(masses), *[1] * part.ndim))
        for part in (mixture.weights, mixture.means, mixture.covariances)
    ]
    _, moved = _maximized(points, masses, _Mixtures(*many), _STEPS_OF_REFITS, prior)
    return [moved.law(number) for number in range(len(masses))]


def _starts(points: PlanarPoints, size: int, rng: np.random.Generator) -> _Mixtures:
    """Return starts at points that are far apart by chance, as k-means++ chooses them."""
    starts = 1 if size == 1 else _STARTS
    means = np.empty((starts, size, 2))
    for start in range(starts):
        nearest = np.ones(len(points.value))
        for k in range(size):
            shares = np.cumsum(points.mass * nearest)
            place = min(
                int(np.searchsorted(shares, rng.random() * shares[-1], side="right")), len(shares) - 1
            )
            means[start, k] = points.value[place]
            squares = np.sum((points.value - means[start, k]) ** 2, axis=1)
            nearest = squares if k == 0 else np.minimum(nearest, squares)
    covariances = np.broadcast_to(np.eye(2) / max(size, 1), (starts, size, 2, 2)).copy()
    return _Mixtures(np.full((starts, size), 1 / size), means, covariances)


def _maximized(
    points: PlanarPoints, masses: FloatArray, start: _Mixtures, steps: int, prior: float
) -> tuple[FloatArray, _Mixtures]:
    """Iterate from every start, each until it gains no more; `masses` has a row for each, or one for all."""
    size = start.weights.shape[1]
    x, y = points.value.T
    powers = np.stack([np.ones_like(x), x, y, x * x, x * y, y * y], axis=1)
    weights, means, covariances = (p.copy() for p in (start.weights, start.means, start.covariances))
    masses = np.broadcast_to(masses, (len(weights), x.size))
    totals = masses.sum(axis=1)
    likelihoods = np.full(len(weights), -np.inf)
    active = np.arange(len(weights))
    for _ in range(steps):
        forms = _log_forms(weights[active], means[active], covariances[active])
        logs = forms @ powers.T
        top = logs.max(axis=1)
        shares = np.exp(logs - top[:, None])
        density = shares.sum(axis=1)
        shares *= (masses[active] / density)[:, None]
        sums = shares @ powers
        mass = sums[..., 0] + 1e-10
        mean = sums[..., 1:3] / mass[..., None]
        second = sums[..., [3, 4, 4, 5]].reshape(*mass.shape, 2, 2)
        scatter = second - mean[..., :, None] * mean[..., None, :] * mass[..., None, None]
        weights[active] = mass / mass.sum(axis=1, keepdims=True)
        means[active] = mean
        covariances[active] = (scatter + prior / size * np.eye(2)) / (mass + prior)[
            ..., None, None
        ] + _LEAST_VARIANCE * np.eye(2)
        now = np.sum(masses[active] * (top + np.log(density)), axis=1) - totals[active] * _LOG_TWO_PI
        gains = now - likelihoods[active]
        likelihoods[active] = now
        active = active[gains >= _TOLERANCE * totals[active]]
        if active.size == 0:
            break
    return likelihoods, _Mixtures(weights, means, covariances)


def _log_forms(weights: FloatArray, means: FloatArray, covariances: FloatArray) -> FloatArray:
    """Return log densities, but for a constant, as coefficients of ``1, x, y, x^2, xy, y^2``."""
    a, b, c = covariances[..., 0, 0], covariances[..., 0, 1], covariances[..., 1, 1]
    determinant = a * c - b * b
    p, q, r = c / determinant, -b / determinant, a / determinant
    m, n = means[..., 0], means[..., 1]
    constant = np.log(weights) - 0.5 * np.log(determinant)
    constant = constant - 0.5 * (p * m * m + 2 * q * m * n + r * n * n)
    return np.stack([constant, p * m + q * n, q * m + r * n, -0.5 * p, -q, -0.5 * r], axis=-1)
