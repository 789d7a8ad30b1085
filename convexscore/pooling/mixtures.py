"""Gaussian mixtures by expectation maximization, with a prior on the variances; their number by BIC.

The prior keeps components off single points: with ``n_k`` the mass of a component and ``K`` their number,

    variance_k = (sum_i r_ik (z_i - mean_k)^2 + 1 / K^2) / (n_k + 1) + 0.02^2

for data in standard units.  Several starts, or the training parts of several folds, are iterated at once.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .._support.validation import FloatArray
from .laws import MixtureLaw
from .points import Points

__all__ = ["choose_mixtures", "refit_mixtures"]

_MOST_COMPONENTS = 8
_STARTS = 6
_STEPS, _STEPS_OF_REFITS = 200, 100
# Gains of the log-likelihood a point at which an iteration ends.
_TOLERANCE = 1e-7
# Standard deviations are larger than this; bins of a fifth of it lose nothing.
_LEAST_SCALE = 0.02
_BIN, _FEW = 0.004, 4000


@dataclass(frozen=True, eq=False)
class _Mixtures:
    """Several mixtures of equally many components: arrays of shape (n_mixtures, n_components)."""

    weights: FloatArray
    means: FloatArray
    scales: FloatArray

    def law(self, number: int) -> MixtureLaw:
        return MixtureLaw(self.weights[number], self.means[number], self.scales[number])


def choose_mixtures(points: Points, rng: np.random.Generator, fewest: int) -> list[MixtureLaw]:
    """Return the mixtures of one component less than BIC prefers, as many, and one more.

    Parameters
    ----------
    points : Points
        In standard units.
    rng : Generator
        Draws the starts.
    fewest : int
        Components that those returned have at least: 2 where one is a member already.
    """
    data = points.binned(_BIN, _FEW)
    found: dict[int, tuple[float, MixtureLaw]] = {}
    best = 1
    for size in range(1, _MOST_COMPONENTS + 1):
        if (size > 1 and 4 * size > data.total) or size > best + 2:
            break
        likelihoods, mixtures = _maximized(data, data.mass[None], _starts(data, size, rng), _STEPS)
        winner = int(np.argmax(likelihoods))
        criterion = -2 * float(likelihoods[winner]) + (3 * size - 1) * np.log(data.total)
        found[size] = criterion, mixtures.law(winner)
        best = min(found, key=lambda size: found[size][0])
    return [found[size][1] for size in range(best - 1, best + 2) if size >= fewest and size in found]


def refit_mixtures(points: Points, masses: FloatArray, mixture: MixtureLaw) -> list[MixtureLaw]:
    """Return a mixture moved to other masses of the same values, one for each row of `masses`."""
    if points.value.size > _FEW:
        parts = [points.with_mass(mass).binned(_BIN, _FEW) for mass in masses]
        return [_moved(part, part.mass[None], mixture)[0] for part in parts]
    return _moved(points, masses, mixture)


def _moved(points: Points, masses: FloatArray, mixture: MixtureLaw) -> list[MixtureLaw]:
    many = [np.tile(part, (len(masses), 1)) for part in (mixture.weights, mixture.means, mixture.scales)]
    _, moved = _maximized(points, masses, _Mixtures(*many), _STEPS_OF_REFITS)
    return [moved.law(number) for number in range(len(masses))]


def _starts(data: Points, size: int, rng: np.random.Generator) -> _Mixtures:
    """Return starts at quantiles, at random within their share of the data."""
    starts = 1 if size == 1 else _STARTS
    shares = (np.arange(size) + 0.1 + 0.8 * rng.random((starts, size))) / size
    scale = max(0.6 / np.sqrt(size), 0.05)
    return _Mixtures(np.full((starts, size), 1 / size), data.quantile(shares), np.full((starts, size), scale))


def _maximized(
    data: Points, masses: FloatArray, start: _Mixtures, steps: int
) -> tuple[FloatArray, _Mixtures]:
    """Iterate from every start, each until it gains no more; `masses` has a row for each, or one for all."""
    size = start.weights.shape[1]
    powers = np.stack([np.ones_like(data.value), data.value, data.value**2], axis=1)
    weights, means, scales = (part.copy() for part in (start.weights, start.means, start.scales))
    masses = np.broadcast_to(masses, (len(weights), data.value.size))
    totals = masses.sum(axis=1)
    likelihoods = np.full(len(weights), -np.inf)
    active = np.arange(len(weights))
    for _ in range(steps):
        logs = (data.value - means[active, :, None]) / scales[active, :, None]
        logs *= -0.5 * logs
        logs += np.log(weights[active] / scales[active])[:, :, None]
        top = logs.max(axis=1)
        shares = np.exp(logs - top[:, None])
        density = shares.sum(axis=1)
        shares *= (masses[active] / density)[:, None]
        mass, first, second = np.moveaxis(shares @ powers, -1, 0)
        mass = mass + 1e-10
        mean = first / mass
        scatter = np.maximum(second - 2 * mean * first + mean**2 * mass, 0.0)
        weights[active] = mass / mass.sum(axis=1, keepdims=True)
        means[active] = mean
        scales[active] = np.sqrt((scatter + 1 / size**2) / (mass + 1) + _LEAST_SCALE**2)
        now = np.sum(masses[active] * (top + np.log(density)), axis=1) - totals[active] * _LOG_ROOT_TWO_PI
        gains = now - likelihoods[active]
        likelihoods[active] = now
        active = active[gains >= _TOLERANCE * totals[active]]
        if active.size == 0:
            break
    return likelihoods, _Mixtures(weights, means, scales)


_LOG_ROOT_TWO_PI = 0.5 * np.log(2 * np.pi)
