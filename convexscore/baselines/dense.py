"""Loss and gradients in any dimension, for all trials at once, over samples times neurons.

With ``z = W1 x + b1``, gates ``g = sigma'(z)``, ``s = W2 (g z) + V x + b2`` and ``r = w (s - l)``, summed
over samples:

    dW2 = (g z)' r + c W1      dW1 = (g (r W2'))' x + c W2      db1 = sum g (r W2')
    dV = r' x + (sum w) I      db2 = sum r

where ``c_k = sum_i w_i g_ik`` comes from the trace of score matching,

    sum_k c_k w2_k . w1_k + (sum w) tr V,

and is absent for denoising.  The gates count as constants: the trace jumps where they change.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from .._support.validation import FloatArray
from ..activations import Activation
from ..objectives import DenoisingScoreMatching, ScoreMatching, boundary_of
from .weights import Weights

__all__ = ["DenseLoss"]

# Numbers in a block of trials x samples x neurons: fewer cost more calls, more leave the cache.
_BLOCK_SIZE = 100_000

_Arrays = tuple[FloatArray, ...]


class DenseLoss:
    """The data term of an objective: values and gradients of all trials, on all samples or on batches.

    Parameters
    ----------
    objective : ScoreMatching or DenoisingScoreMatching
        Any number of features ``d``.
    activation : Activation
        The activation.
    right : bool array of shape (n_neurons,)
        The kink convention of each neuron (`TwoLayerNetwork.right_derivative`).
    """

    def __init__(
        self,
        objective: ScoreMatching | DenoisingScoreMatching,
        activation: Activation,
        right: NDArray[np.bool_],
    ) -> None:
        # With a column of ones, weights and biases share their products.
        self.X = np.column_stack([objective.X, np.ones(len(objective.X))])
        share, gradient = boundary_of(objective)
        # Data with limits have a linear term, which large labels would stand for less exactly.
        self.pull = objective.weights[:, None] * gradient
        self.targets = np.zeros_like(objective.X) if objective.has_trace else objective.targets
        self.weights = objective.weights * share
        self.has_trace = objective.has_trace
        self.activation = activation
        self.n_neurons = right.size
        # Pre-activations from here on count as positive: zero, or the number after it.
        self.threshold = 0.0 if right.all() else np.where(right, 0.0, np.nextafter(0.0, 1.0))
        self.buffers = np.empty((3, 0))

    def __call__(
        self, weights: Weights, gradient: Weights, batches: NDArray[np.intp] | None = None
    ) -> FloatArray:
        """Return the data term of each trial, shape ``(T,)``; write its gradient to `gradient`.

        Parameters
        ----------
        weights, gradient : Weights
            Where to evaluate, and where to write.
        batches : int array of shape (T, size), optional
            The samples that each trial sees; their sum is scaled up to a sum over all samples.
        """
        X, targets, mass, pull = self._samples(weights.shape[0], batches)
        given = (_joined(weights.W1, weights.b1), weights.W2, _joined(weights.V, weights.b2))
        hidden, by_W2, affine = sums = tuple(np.zeros_like(array) for array in given)
        open_mass, values = np.zeros(weights.b1.shape), np.zeros(weights.shape[0])
        for part in self._parts(*mass.shape):
            trials = part[0]
            of_part, value, gates = self._products(
                tuple(a[trials] for a in given), X[part], targets[part], mass[part], pull[part]
            )
            for array, term in zip(sums, of_part, strict=True):
                array[trials] += term
            values[trials] += value
            if self.has_trace:
                open_mass[trials] += (mass[part][:, None] @ gates)[:, 0]
        for array, block, last in ((hidden, gradient.W1, gradient.b1), (affine, gradient.V, gradient.b2)):
            block[:], last[:] = array[:, :, :-1], array[:, :, -1]
        gradient.W2[:] = by_W2
        if self.has_trace:
            values += _add_trace(weights, gradient, open_mass, mass.sum(axis=1))
        return values

    def _samples(self, n_trials: int, batches: NDArray[np.intp] | None) -> _Arrays:
        """Return each trial's points, targets and weights; without batches the trials share one copy."""
        n = len(self.X)
        if batches is None:
            shared = (self.X, self.targets, self.weights, self.pull)
            return tuple(np.broadcast_to(array, (n_trials, *array.shape)) for array in shared)
        up = n / batches.shape[1]
        return self.X[batches], self.targets[batches], self.weights[batches] * up, self.pull[batches] * up

    def _parts(self, n_trials: int, n_samples: int) -> Iterator[tuple[slice, slice]]:
        """Yield blocks of trials and samples; how samples are cut does not depend on the trials."""
        m = max(1, self.n_neurons)
        pieces = -(-n_samples * m // _BLOCK_SIZE)
        rows = -(-n_samples // min(pieces, n_samples))
        trials = max(1, _BLOCK_SIZE // (m * rows))
        for trial in range(0, n_trials, trials):
            for row in range(0, n_samples, rows):
                yield slice(trial, trial + trials), slice(row, row + rows)

    def _products(
        self, weights: _Arrays, X: FloatArray, targets: FloatArray, mass: FloatArray, pull: FloatArray
    ) -> tuple[_Arrays, FloatArray, FloatArray]:
        """Return gradients without the trace by (W1, b1), W2, (V, b2), the loss without it, and the gates."""
        hidden, W2, affine = weights
        gates, active, back = self._buffers((*mass.shape, self.n_neurons))
        np.matmul(X, _transposed(hidden), out=active)
        np.greater_equal(active, self.threshold, out=gates)
        if self.activation.left_slope:
            gates *= self.activation.jump
            gates += self.activation.left_slope
        active *= gates
        residual = active @ W2
        residual += X @ _transposed(affine)
        residual -= targets
        weighted = residual * mass[:, :, None]
        values = 0.5 * np.einsum("tnd,tnd->t", weighted, residual)
        if self.pull.any():
            values += np.einsum("tnd,tnd->t", residual, pull)
            weighted += pull
        _outer(weighted, W2, out=back)
        back *= gates
        products = (_transposed(back) @ X, _transposed(active) @ weighted, _transposed(weighted) @ X)
        return products, values, gates

    def _buffers(self, shape: tuple[int, ...]) -> _Arrays:
        size = math.prod(shape)
        if self.buffers.shape[1] < size:
            self.buffers = np.empty((3, size))
        return tuple(buffer[:size].reshape(shape) for buffer in self.buffers)


def _add_trace(weights: Weights, gradient: Weights, open_mass: FloatArray, mass: FloatArray) -> FloatArray:
    """Add the gradient of the summed traces and return them, given the summed weights times gates."""
    gradient.W1 += open_mass[:, :, None] * weights.W2
    gradient.W2 += open_mass[:, :, None] * weights.W1
    np.einsum("tdd->td", gradient.V)[:] += mass[:, None]
    hidden = np.einsum("tm,tmd,tmd->t", open_mass, weights.W1, weights.W2)
    return hidden + mass * np.trace(weights.V, axis1=1, axis2=2)


def _joined(matrices: FloatArray, columns: FloatArray) -> FloatArray:
    return np.concatenate([matrices, columns[:, :, None]], axis=2)


def _transposed(matrices: FloatArray) -> FloatArray:
    return matrices.transpose(0, 2, 1)


def _outer(left: FloatArray, right: FloatArray, out: FloatArray) -> None:
    """Write ``left @ right'`` to `out`; with one column, a product of matrices is a slow way to do that."""
    if left.shape[2] == 1:
        np.multiply(left, _transposed(right), out=out)
    else:
        np.matmul(left, _transposed(right), out=out)
