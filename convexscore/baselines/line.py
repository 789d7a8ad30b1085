"""Loss and gradients on the line, for all trials at once, without an array of samples times neurons.

With the data sorted, a neuron with weights ``w, b, v`` is a line before its kink ``-b/w`` and another line
after it.  Let ``g0`` be ``sigma'`` before the kink and ``g1`` the one after it; the neuron adds to the score

    v (w x + b) times  g0 before the kink,  g1 from the kink on.

So the score at ``x_i`` is ``A_i x_i + C_i``, where slope ``A`` and intercept ``C`` are running sums of what
changes at the kinks.  Backwards, with ``r_i`` the derivative of the loss by the score at ``x_i``, the
loss has the derivatives ``r_i x_i + tau w_i`` by ``A_i`` and ``r_i`` by ``C_i`` (``tau`` is 1 for score
matching, whose trace is ``A_i``, and 0 for denoising), and a neuron's gradients follow from sums of these
over the samples before and after its kink: differences of running sums.  A binary search finds the place
of each kink.  One evaluation takes ``O(m log n + n)`` instead of ``O(m n)``.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .._support.validation import FloatArray
from ..activations import Activation
from ..objectives import DenoisingScoreMatching, ScoreMatching, boundary_of
from .weights import Weights

__all__ = ["LineLoss"]


class LineLoss:
    """The data term of an objective with one feature: values and gradients of all trials.

    Parameters
    ----------
    objective : ScoreMatching or DenoisingScoreMatching
        With one feature.
    activation : Activation
        The activation.
    right : bool array of shape (n_neurons,)
        The kink convention of each neuron (`TwoLayerNetwork.right_derivative`).
    n_trials : int
        Number of trials ``T``.
    """

    def __init__(
        self,
        objective: ScoreMatching | DenoisingScoreMatching,
        activation: Activation,
        right: NDArray[np.bool_],
        n_trials: int,
    ) -> None:
        order = np.argsort(objective.X[:, 0], kind="stable")
        self.x = objective.X[order, 0]
        share, gradient = boundary_of(objective)
        # Data with limits have a linear term, which large labels would stand for less exactly.
        self.pull = (objective.weights * gradient[:, 0])[order] if gradient.any() else None
        self.targets = np.zeros(order.size) if objective.has_trace else objective.targets[order, 0]
        self.weights = (objective.weights * share)[order]
        self.has_trace = objective.has_trace
        self.activation = activation
        self.right = right
        n = self.x.size
        # One row of n + 1 running sums for each of slope and intercept and each trial.
        self.row_starts = (np.arange(2 * n_trials) * (n + 1)).reshape(2, n_trials, 1)
        self.pieces = np.empty((2, n_trials, n + 1))
        self.sums = np.zeros((2, n_trials, n + 1))
        self.derivatives = np.empty((2, n_trials, n))

    def __call__(self, weights: Weights, gradient: Weights) -> FloatArray:
        """Return the data term of each trial, shape ``(T,)``; write its gradient to `gradient`."""
        hidden, W2 = weights.hidden, weights.W2[:, :, 0]
        kinks, change, after = self._kinks(hidden)
        entries = kinks + self.row_starts
        values = self._forward(weights, hidden * W2, entries, change, after)
        total = self.sums[:, :, -1]
        # What a neuron's line sees: the derivatives by A and C, each times sigma' on its side of the kink.
        seen = after * total[:, :, None] - change * self.sums.ravel()[entries]
        np.multiply(seen, W2, out=gradient.hidden)
        seen *= hidden
        np.add(seen[0], seen[1], out=gradient.W2[:, :, 0])
        gradient.line[:] = total
        return values

    def _kinks(self, hidden: FloatArray) -> tuple[NDArray[np.intp], FloatArray, FloatArray]:
        """Return the number of samples before each kink, the change of ``sigma'`` there, and ``g1``."""
        # Adding zero turns -0 into 0: a neuron without input weight has its kink at -inf or inf, as the
        # sign of its bias says, and counts as rising.
        slope = hidden[0] + 0.0
        with np.errstate(all="ignore"):
            position = np.divide(hidden[1], slope)
        np.negative(position, out=position)
        # Zero weight and bias give no number: every pre-activation is zero, which counts as after the kink.
        np.fmax(position, -np.inf, out=position)
        sign = np.copysign(1.0, slope)
        # A sample on the kink counts as after it where the neuron's convention says so; there is no number
        # between the kink and the next one, so that one search serves both conventions.
        np.nextafter(position, np.inf, out=position, where=(sign > 0) != self.right)
        change = self.activation.jump * sign
        after = 0.5 * (1.0 + self.activation.left_slope + change)
        return self.x.searchsorted(position), change, after

    def _forward(
        self,
        weights: Weights,
        lines: FloatArray,
        entries: NDArray[np.intp],
        change: FloatArray,
        after: FloatArray,
    ) -> FloatArray:
        """Return the data terms; leave the running sums of the derivatives by ``A`` and ``C``."""
        pieces = self.pieces
        jumps = np.bincount(entries.ravel(), (lines * change).ravel(), pieces.size).reshape(pieces.shape)
        # Without neurons these are counts, whole numbers.
        jumps = jumps.astype(np.float64, copy=False)
        jumps[:, :, 0] += (lines * (after - change)).sum(axis=-1) + weights.line
        np.cumsum(jumps, axis=-1, out=pieces)
        slope, intercept = pieces[:, :, :-1]
        by_slope, by_intercept = self.derivatives
        np.multiply(slope, self.x, out=by_slope)
        by_slope += intercept
        residual = np.subtract(by_slope, self.targets, out=by_slope)
        np.multiply(residual, self.weights, out=by_intercept)
        pulled = 0.0 if self.pull is None else residual @ self.pull
        residual *= by_intercept
        values: FloatArray = 0.5 * residual.sum(axis=-1) + pulled
        if self.pull is not None:
            by_intercept += self.pull
        np.multiply(by_intercept, self.x, out=by_slope)
        if self.has_trace:
            values += (slope * self.weights).sum(axis=-1)
            by_slope += self.weights
        # The first running sum, over no sample, stays zero: neurons that see no data get no gradient at all.
        np.cumsum(self.derivatives, axis=-1, out=self.sums[:, :, 1:])
        return values
