"""Training all layers on pairs of clean and noisy points: empirical risk minimization at one time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from ..._support.frozen import Frozen
from ..._support.progress import ticking
from ..._support.validation import FloatArray
from .layers import as_noisy, as_time, loss_and_gradients, run_layers, start_of

__all__ = ["TrainedDenoiser", "train_layers"]


@dataclass(frozen=True, eq=False)
class TrainedDenoiser(Frozen):
    """A residual network trained to denoise at one time.

    Parameters
    ----------
    outer : ndarray of shape (n_layers, 2 d + 1, n_hidden)
        The matrices ``W1``.
    inner : ndarray of shape (n_layers, n_hidden, 2 d + 1)
        The matrices ``W2``.
    t : float
        The time.
    losses : ndarray of shape (n_iterations + 1,)
        ``mean |m - x|^2`` on the training data before each iteration and after the last; fewer where descent
        ended by itself.
    held_out_losses : ndarray
        The same on the held-out data, empty without; the weights are those of the least.

    See Also
    --------
    UnrolledDenoiser : The network with explicit weights.

    Examples
    --------
    >>> import numpy as np, convexscore as cs
    >>> rng = np.random.default_rng(0)
    >>> x = rng.choice([-1.0, 1.0], size=(400, 1)) * np.ones((400, 2))
    >>> z = np.exp(-0.5) * x + np.sqrt(1 - np.exp(-1.0)) * rng.standard_normal((400, 2))
    >>> start = cs.baselines.UnrolledDenoiser(np.zeros((2, 2)), n_layers=2, n_knots=4)
    >>> trained = start.fit(x, z, 0.5)
    >>> bool(np.mean((trained(z, 0.5) - x) ** 2) < np.mean((start(z, 0.5) - x) ** 2))
    True
    """

    outer: FloatArray
    inner: FloatArray
    t: float
    losses: FloatArray
    held_out_losses: FloatArray

    def __call__(self, z: ArrayLike, t: float) -> FloatArray:
        """Return the denoised points, cut to ``[-1, 1]``, at rows ``(n, d)``; `t` is the trained time."""
        time = as_time(t)
        if abs(time - self.t) > 1e-12 * self.t:
            raise ValueError(f"t: expected {self.t:g}, the time that was trained at, got {time:g}")
        d = (self.inner.shape[2] - 1) // 2
        states = start_of(as_noisy("z", z, d), time)
        return np.clip(run_layers(self.outer, self.inner, states)[:, :d], -1.0, 1.0)


def train_layers(
    outer: FloatArray,
    inner: FloatArray,
    pairs: tuple[FloatArray, FloatArray],
    held_out: tuple[FloatArray, FloatArray] | None,
    t: float,
    n_iterations: int,
    progress: bool = False,
) -> TrainedDenoiser:
    """Minimize the loss of all layers by L-BFGS, from these weights.

    `pairs` are start states and clean points; with `held_out` ones, the weights of the least loss on those
    are kept.
    """
    from scipy.optimize import minimize

    size = outer.size

    def unpacked(weights: FloatArray) -> tuple[FloatArray, FloatArray]:
        return weights[:size].reshape(outer.shape), weights[size:].reshape(inner.shape)

    def objective(weights: FloatArray) -> tuple[float, FloatArray]:
        value, *gradients = loss_and_gradients(*unpacked(weights), *pairs)
        return value, np.concatenate([gradient.reshape(-1) for gradient in gradients])

    def loss(weights: FloatArray, states: FloatArray, x: FloatArray) -> float:
        residual = run_layers(*unpacked(weights), states)[:, : x.shape[1]] - x
        return float(np.vdot(residual, residual)) / len(x)

    iterates = [np.concatenate([outer.reshape(-1), inner.reshape(-1)])]
    losses = [loss(iterates[0], *pairs)]
    others = [] if held_out is None else [loss(iterates[0], *held_out)]

    def seen(weights: FloatArray) -> None:
        losses.append(loss(weights, *pairs))
        if held_out is None:
            iterates[0] = weights.copy()
            return
        others.append(loss(weights, *held_out))
        if others[-1] == min(others):
            iterates[0] = weights.copy()

    with ticking(n_iterations, progress, "L-BFGS") as tick:

        def counted(weights: FloatArray) -> None:
            seen(weights)
            tick()

        if n_iterations:
            minimize(
                objective,
                iterates[0],
                jac=True,
                method="L-BFGS-B",
                callback=counted,
                options={"maxiter": n_iterations, "maxfun": 20 * n_iterations},
            )
    made = [array.copy() for array in unpacked(iterates[0])]
    return TrainedDenoiser(made[0], made[1], t, np.array(losses), np.array(others))
