"""The weights of many networks of one shape: one flat buffer for the optimizer, views for the rest."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._support.validation import FloatArray
from ..activations import Activation
from ..networks.two_layer import TwoLayerNetwork

__all__ = ["Weights"]


class Weights:
    """Weights of `n_trials` networks, or anything else with one number a weight: gradients, rates.

    The views are contiguous blocks of one flat buffer, so that an optimizer moves all weights of all
    trials with one call, and matrix products run over the leading trials axis.

    Parameters
    ----------
    n_trials, n_neurons, n_features : int
        Sizes ``T``, ``m`` and ``d``.

    Attributes
    ----------
    flat : ndarray
        All weights.
    W1, b1, W2, V, b2 : ndarray of shapes (T, m, d), (T, m), (T, m, d), (T, d, d), (T, d)
        Views; `W2` has neurons before features, the transpose of a network's.
    blocks : tuple of ndarray
        The five views.
    """

    def __init__(self, n_trials: int, n_neurons: int, n_features: int) -> None:
        t, m, d = self.shape = (n_trials, n_neurons, n_features)
        shapes: list[tuple[int, ...]] = [(t, m, d), (t, m), (t, m, d), (t, d, d), (t, d)]
        ends = np.cumsum([math.prod(shape) for shape in shapes])
        self.flat: FloatArray = np.zeros(int(ends[-1]))
        parts = np.split(self.flat, ends[:-1])
        self.blocks = tuple(part.reshape(shape) for part, shape in zip(parts, shapes, strict=True))
        self.W1, self.b1, self.W2, self.V, self.b2 = self.blocks

    @property
    def hidden(self) -> FloatArray:
        """``W1`` and ``b1`` of networks with one feature, stacked, a view of shape ``(2, T, m)``."""
        t, m, _ = self.shape
        return self.flat[: 2 * t * m].reshape(2, t, m)

    @property
    def line(self) -> FloatArray:
        """``V`` and ``b2`` of networks with one feature, stacked, a view of shape ``(2, T)``."""
        t = self.shape[0]
        return self.flat[-2 * t :].reshape(2, t)

    def repeated(self, times: int) -> Weights:
        """Return all trials, in order, `times` over."""
        t, m, d = self.shape
        other = Weights(times * t, m, d)
        for theirs, mine in zip(other.blocks, self.blocks, strict=True):
            theirs.reshape(times, *mine.shape)[:] = mine
        return other

    def __reduce__(self) -> tuple[Any, ...]:
        # Views would be copies of their own, and what workers are sent cannot be written to.
        return _restored, (self.shape, self.flat)

    def part(self, trials: slice) -> Weights:
        """Return a copy of some trials."""
        count = len(range(*trials.indices(self.shape[0])))
        other = Weights(count, *self.shape[1:])
        for theirs, mine in zip(other.blocks, self.blocks, strict=True):
            theirs[:] = mine[trials]
        return other

    def put(self, trials: slice, other: Weights) -> None:
        """Overwrite some trials with all of `other`."""
        for mine, theirs in zip(self.blocks, other.blocks, strict=True):
            mine[trials] = theirs

    def take(self, trials: NDArray[np.bool_], other: Weights) -> None:
        """Overwrite the weights of some trials with those of `other`."""
        if trials.all():
            self.flat[:] = other.flat
            return
        for mine, theirs in zip(self.blocks, other.blocks, strict=True):
            mine[trials] = theirs[trials]

    def fill(self, trials: NDArray[np.bool_], value: float) -> None:
        """Set all weights of some trials to `value`."""
        for block in self.blocks:
            block[trials] = value

    def weight_decay(self) -> FloatArray:
        """Return ``1/2 (||W1||_F^2 + ||W2||_F^2)`` of each trial, shape ``(T,)``."""
        return 0.5 * sum(np.einsum("tmd,tmd->t", block, block) for block in (self.W1, self.W2))

    def network(self, trial: int, activation: str | Activation, right: NDArray[np.bool_]) -> TwoLayerNetwork:
        """Return one trial as a network with the kink convention `right`."""
        W1, b1, W2, V, b2 = (block[trial] for block in self.blocks)
        return TwoLayerNetwork(W1, b1, W2.T, b2, V, activation=activation, right_derivative=right)

    def set_network(self, network: TwoLayerNetwork) -> None:
        """Set every trial to `network`."""
        network = network.recentred() if network.origin.any() else network
        for block, value in zip(
            self.blocks, (network.W1, network.b1, network.W2.T, network.V, network.b2), strict=True
        ):
            block[:] = value

    def set_random(self, trial: int, bias: bool, rng: np.random.Generator) -> None:
        """Draw one trial as ``torch.nn.Linear`` does: uniform in ``+-1/sqrt(fan in)``, and ``V = 0``."""
        _, m, d = self.shape
        for block, fan_in in ((self.W1, d), (self.W2, m)) + (((self.b1, d), (self.b2, m)) if bias else ()):
            bound = 1 / math.sqrt(fan_in)
            block[trial] = rng.uniform(-bound, bound, block[trial].shape)


def _restored(shape: tuple[int, int, int], flat: FloatArray) -> Weights:
    weights = Weights(*shape)
    weights.flat[:] = flat
    return weights
