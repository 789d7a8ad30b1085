"""Networks of great width with a fixed second layer, trained by gradient descent on the first.

    f(x) = m^{-1/2} sum_r a_r relu(w_r'x),      a_r = +-1 fixed,  w_r ~ N(0, I) at the start

Neurons come in pairs of one ``w`` and opposite signs, so that ``f = 0`` at the start.  As the width ``m``
grows, weights move less and less, as ``m^{-1/2}``, and training becomes that of `KernelDescent`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from ..._support.frozen import Frozen
from ..._support.progress import steps
from ..._support.seeds import generator
from ..._support.sizes import as_size
from ..._support.validation import FloatArray, as_data, as_flag
from .descent import as_labels, as_step_size
from .tangent import kernel_of, ntk

__all__ = ["NTKNetwork", "train_ntk_network"]


@dataclass(frozen=True, eq=False)
class NTKNetwork(Frozen):
    """A trained network ``f(x) = m^{-1/2} sum_r a_r relu(w_r'x)``.

    Parameters
    ----------
    weights : ndarray of shape (width, n_columns)
        The first layer.
    start : ndarray of shape (width, n_columns)
        The first layer before training.
    signs : ndarray of shape (width,) or (width, n_outputs)
        The second layer, 1 and -1, which is not trained.
    losses : ndarray of shape (n_steps + 1,)
        ``1/2 sum_j |f(x_j) - y_j|^2`` before each step and after the last.

    See Also
    --------
    train_ntk_network : Trains it.

    Examples
    --------
    >>> import convexscore as cs
    >>> net = cs.baselines.train_ntk_network([[1.0, 1.0], [-1.0, 1.0]], [1.0, 3.0], 400, 50, rng=0)
    >>> net([[1.0, 1.0], [-1.0, 1.0]]).round(2), net.largest_move < 1
    (array([1., 3.]), True)
    """

    weights: FloatArray
    start: FloatArray
    signs: FloatArray
    losses: FloatArray

    def __call__(self, x: ArrayLike) -> FloatArray:
        """Evaluate at rows ``(n, n_columns)``; returns ``(n,)`` or ``(n, n_outputs)``, as the labels were."""
        points = as_data("x", x)
        if points.shape[1] != self.weights.shape[1]:
            raise ValueError(f"x: expected {self.weights.shape[1]} columns, got {points.shape[1]}")
        if np.abs(points).max() > 1e150:
            raise ValueError(f"x: expected numbers up to 1e150, got one of {np.abs(points).max():g}")
        return np.maximum(points @ self.weights.T, 0.0) @ self.signs / np.sqrt(len(self.weights))

    @property
    def largest_move(self) -> float:
        """The largest distance of a neuron's weights from their start."""
        return float(np.linalg.norm(self.weights - self.start, axis=1).max())


def train_ntk_network(
    X: ArrayLike,
    Y: ArrayLike,
    width: int,
    n_steps: int,
    *,
    step_size: float | None = None,
    rng: np.random.Generator | int | None = None,
    progress: bool = False,
) -> NTKNetwork:
    """Train the first layer of a wide network by gradient descent on ``1/2 sum_j |f(x_j) - y_j|^2``.

    Parameters
    ----------
    X : array of shape (n_samples, n_columns)
        Inputs, at most 4000; no constant column is added.  1-D arrays are one column.
    Y : array of shape (n_samples,) or (n_samples, n_outputs)
        Labels.
    width : int
        Neurons, an even number: they come in pairs that cancel at the start.
    n_steps : int
        Steps.
    step_size : float, optional
        Below ``2 / lambda_max`` of the samples' kernel `ntk`; by default half of that.  A narrow
        network's own kernel may be larger, and its loss rise at first.
    rng : Generator or seed, optional
        Source of the starting weights and of the signs.
    progress : bool
        Show a progress bar (needs tqdm).

    Returns
    -------
    NTKNetwork

    Raises
    ------
    TypeError, ValueError
        If an argument is of the wrong kind or out of range, or a row of `X` is zero.

    See Also
    --------
    NTKNetwork : What is trained.
    KernelDescent : The limit of infinite width.

    Examples
    --------
    >>> import convexscore as cs
    >>> X, y = [[1.0, 1.0], [-1.0, 1.0]], [1.0, 3.0]
    >>> kernel = cs.baselines.KernelDescent(X, y).predict([[0.5, 1.0]], 50)
    >>> wide = cs.baselines.train_ntk_network(X, y, 20000, 50, rng=0)
    >>> abs(wide([[0.5, 1.0]]) - kernel) < 0.02
    array([ True])
    """
    points = as_data("X", X)
    labels = as_labels(Y, len(points))
    eta = as_step_size(step_size, np.asarray(np.linalg.eigvalsh(kernel_of(ntk, points)), dtype=float))
    each = 2 * points.shape[1] + len(points) + labels.size // len(labels)
    width = as_size("width", width, minimum=2, each=each)
    if width % 2:
        raise ValueError(f"width: expected an even number, as neurons come in pairs, got {width}")
    n_steps = as_size("n_steps", n_steps, each=1)
    source = generator(rng, "train_ntk_network")
    half = source.standard_normal((width // 2, points.shape[1]))
    signs = source.choice([-1.0, 1.0], size=(width // 2, *labels.shape[1:]))
    both = np.vstack([half, half]), np.concatenate([signs, -signs])
    return _descended(points, labels, *both, eta, n_steps, as_flag("progress", progress))


def _descended(
    X: FloatArray,
    Y: FloatArray,
    start: FloatArray,
    signs: FloatArray,
    eta: float,
    n_steps: int,
    progress: bool,
) -> NTKNetwork:
    """Take the steps."""
    root = np.sqrt(len(start))
    outer = signs.reshape(len(start), -1)
    labels = Y.reshape(len(Y), -1)
    weights = start.copy()
    losses = np.empty(n_steps + 1)
    for k in steps(n_steps + 1, progress, "descent"):
        before = X @ weights.T
        residual = np.maximum(before, 0.0) @ outer / root - labels
        losses[k] = 0.5 * np.vdot(residual, residual)
        if k < n_steps:
            weights -= eta / root * (((before > 0) * (residual @ outer.T)).T @ X)
    return NTKNetwork(weights, start, signs, losses)
