"""The Adam step (Kingma & Ba 2015, Algorithm 1), on all weights of all trials.

m <- beta1 m + (1 - beta1) g      v <- beta2 v + (1 - beta2) g^2
theta <- theta - rate * (m / (1 - beta1^t)) / (sqrt(v / (1 - beta2^t)) + eps)
"""

from __future__ import annotations

import math

import numpy as np

from .weights import Weights

__all__ = ["Adam"]

_BETA1, _BETA2, _EPS = 0.9, 0.999, 1e-8


class Adam:
    """Moments of gradients, and steps along them.

    Parameters
    ----------
    rates : Weights
        Learning rate of each weight; weights of rate zero stay put.  It may change between steps.
    """

    def __init__(self, rates: Weights) -> None:
        self.rates = rates
        self.count = 0
        self.mean, self.square = Weights(*rates.shape), Weights(*rates.shape)
        self._scratch = np.empty_like(rates.flat), np.empty_like(rates.flat)

    def step(self, weights: Weights, gradient: Weights, factor: float = 1.0) -> None:
        """Move `weights`, in place, with the learning rates times `factor`."""
        self.count += 1
        change, scale = self._scratch
        mean, square, g = self.mean.flat, self.square.flat, gradient.flat
        np.subtract(g, mean, out=change)
        change *= 1 - _BETA1
        mean += change
        np.multiply(g, g, out=change)
        change *= 1 - _BETA2
        square *= _BETA2
        square += change
        np.sqrt(square, out=scale)
        scale /= math.sqrt(1 - _BETA2**self.count)
        scale += _EPS
        np.multiply(mean, self.rates.flat, out=change)
        change /= scale
        change *= factor / (1 - _BETA1**self.count)
        weights.flat -= change
