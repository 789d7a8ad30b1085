"""Iterations for the mean of a code whose entries are independent on a finite support, seen through ``B``.

With noise of variance one: ``w = B theta + xi``.  Both reduce the law of each entry to that of ``theta`` seen
through one Gaussian channel, ``F(R, V)`` the mean and variance of ``theta`` given ``theta + N(0, V) = R``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..._support.frozen import Frozen
from ..._support.validation import FloatArray
from ...errors import ConvergenceError

__all__ = ["Channel"]

_TOLERANCE, _MOST_STEPS = 1e-12, 4000
_AMP_STEPS = 300
# What each new value is worth beside the one before.
_NEW, _NEW_MESSAGE = 0.5, 0.7
# Last changes up to this have converged.
_SETTLED = 1e-6


@dataclass(frozen=True, eq=False)
class Channel(Frozen):
    """The law of one entry: values, and logarithms of their probabilities, both of shape (s,)."""

    values: FloatArray
    logs: FloatArray

    def posterior(self, R: FloatArray, V: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return mean and variance given ``theta + N(0, V) = R``, of the shape of `R`."""
        gaps = self.values - R[..., None]
        nearest = np.abs(gaps).argmin(axis=-1)
        # Squares less that of the nearest value, as a product that does not cancel where all are far.
        excess = (self.values - self.values[nearest][..., None]) * (
            gaps + np.take_along_axis(gaps, nearest[..., None], axis=-1)
        )
        with np.errstate(over="ignore"):
            # The least is taken off before the division: infinities of both signs do not meet.
            exponents = self.logs - (excess - excess.min(axis=-1, keepdims=True)) / (2 * V[..., None])
        weights = np.exp(exponents - exponents.max(axis=-1, keepdims=True))
        weights /= weights.sum(axis=-1, keepdims=True)
        mean = weights @ self.values
        variance = (weights * (self.values - mean[..., None]) ** 2).sum(axis=-1)
        return mean, variance

    def prior(self, n: int, k: int) -> tuple[FloatArray, FloatArray]:
        """Return the mean and variance of the law itself, as arrays (n, k)."""
        weights = np.exp(self.logs)
        mean = weights @ self.values
        return np.full((n, k), mean), np.full((n, k), weights @ (self.values - mean) ** 2)

    def mean_field(self, B: FloatArray, w: FloatArray) -> FloatArray:
        """Return the fixed point of mean field, damped by a half, at rows `w`, shape (n, k)."""
        g = B.T @ B
        own = np.diag(g)
        variances = np.broadcast_to(1 / own, (len(w), len(g)))
        h0 = w @ B
        mean, _ = self.prior(len(w), len(g))
        rows, change = np.arange(len(w)), np.zeros(0)
        for _ in range(_MOST_STEPS):
            old = mean[rows]
            h = h0[rows] - old @ g + old * own
            new, _ = self.posterior(h / own, variances[rows])
            change = np.abs(new - old).max(axis=1, initial=0.0)
            mean[rows] = old + _NEW * (new - old)
            moving = change > _TOLERANCE * max(1.0, np.abs(self.values).max())
            rows, change = rows[moving], change[moving]
            if not rows.size:
                return mean
        # Some rows go around in circles.  One entry after another they climb the same free energy.
        mean[rows], change = self._climb(g, h0[rows], mean[rows])
        self._check("mean field", change, len(w), _MOST_STEPS)
        return mean

    def _climb(self, g: FloatArray, h0: FloatArray, mean: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return means after updates of one entry at a time, which never go around, and their last change."""
        change = np.zeros(len(h0))
        for _ in range(_MOST_STEPS):
            old = mean.copy()
            for j in range(len(g)):
                h = h0[:, j] - mean @ g[:, j] + mean[:, j] * g[j, j]
                mean[:, j], _ = self.posterior(h / g[j, j], np.full(len(h), 1 / g[j, j]))
            change = np.abs(mean - old).max(axis=1, initial=0.0)
            if change.max(initial=0.0) <= _TOLERANCE * max(1.0, np.abs(self.values).max()):
                break
        return mean, change

    def message_passing(self, B: FloatArray, w: FloatArray) -> FloatArray:
        """Return the mean by generalized approximate message passing (Rangan 2011), shape (n, k)."""
        squares = B**2
        mean, variance = self.prior(len(w), B.shape[1])
        omega, before = mean @ B.T, np.zeros(0)
        change = np.zeros(len(w))
        for step in range(_AMP_STEPS):
            V = variance @ squares.T
            if step:
                omega = mean @ B.T - V * (w - omega) / (1 + before)
            before = V
            S = 1 / ((1 / (1 + V)) @ squares)
            R = mean + S * (((w - omega) / (1 + V)) @ B)
            new, new_variance = self.posterior(R, S)
            change = np.abs(new - mean).max(axis=1, initial=0.0)
            mean = mean + _NEW_MESSAGE * (new - mean)
            variance = variance + _NEW_MESSAGE * (new_variance - variance)
        self._check("message passing", change, len(w), _AMP_STEPS)
        return mean

    def _check(self, name: str, change: FloatArray, n_rows: int, n_steps: int) -> None:
        moving = int((change > _SETTLED * max(1.0, np.abs(self.values).max())).sum())
        if moving:
            raise ConvergenceError(
                f"{name}: {moving} of {n_rows} rows did not converge in {n_steps} steps, their last change "
                f"is up to {change.max():.2g}; denoiser='exact' sums over all codes"
            )
