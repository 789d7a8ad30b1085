"""Mixtures of Gaussians learned by gradient descent on the denoising objective (Shah, Chen & Klivans 2023).

The law ``(1/K) sum_j N(mu_j, I)`` stays of its kind under the noise ``e^-t x + s xi``, ``s^2 = 1 - e^-2t``,
with means ``e^-t mu_j``.  Its score, with the means at that time as the weights of a network, is

    s(x) = sum_j w_j mu_j - x,      w_j prop. to exp(mu_j'x - |mu_j|^2 / 2)

At large times descent is power iteration on the second moments, at small ones expectation maximization: so
two means are learned at a large time first, from a random start, and then at a small one; more need a start
near the solution, and are learned at a small time only.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from .._support.parallel import run_all
from .._support.progress import steps
from .._support.seeds import generator
from .._support.sizes import as_size, as_workers
from .._support.validation import (
    FloatArray,
    as_choice,
    as_columns,
    as_data,
    as_flag,
    as_float_array,
    as_real,
    shown,
)
from ..errors import ConvergenceError

__all__ = ["fit_mixture", "mixture_objective"]

#: The objectives: with the noise as labels, and with the trace instead (in expectation the same).
FORMS = ("denoising", "implicit")

# Numbers beyond this have exponents whose differences are no numbers.
_LARGEST = 1e100
# Two means: times, steps and step size of both stages, and the length of the random start.
_STAGES = ((1.2, 300), (0.1, 200))
_STEP, _LENGTH = 0.1, 0.5
# More means: time, steps, step size.
_TIME, _STEPS, _RATE = 0.1, 150, 0.4
# Means longer than this many lengths of the data (or one) have diverged.
_DIVERGED = 1e3
# Means of the data further from zero than this many standard errors are not zero.
_OFF_CENTRE = 6.0
# Candidates for each centre of the start.
_CANDIDATES = 5
# Starts of k-means, and steps of each.
_STARTS, _LLOYD = 5, 20


def mixture_objective(
    means: ArrayLike, x: ArrayLike, xi: ArrayLike | None, t: float
) -> tuple[float, FloatArray]:
    """Return the score matching objective of an equal mixture of unit Gaussians, and its gradient.

    With noise it is denoising score matching, ``mean |s(x) + xi / s_t|^2``.  Without, it is implicit score
    matching, ``mean(|s|^2 + 2 div s) - mean |x|^2 + 2d``, which has the same expectation but for a constant
    and less variance.

    Parameters
    ----------
    means : array of shape (n_components, n_features)
        The means ``e^-t mu_j`` at the time `t`; nothing is scaled here.  With one feature 1-D arrays will do.
    x : array of shape (n, n_features)
        Noisy points ``e^-t x0 + s_t xi``.
    xi : array of shape (n, n_features) or None
        Their noise; None for implicit score matching, whose value does not depend on `t`.
    t : float
        The time, above 0; ``s_t^2 = 1 - e^-2t``.

    Returns
    -------
    value : float
    gradient : ndarray of the shape of `means`

    Raises
    ------
    TypeError, ValueError
        If an argument is not numeric, not finite, larger than 1e100, or of another shape.

    See Also
    --------
    fit_mixture : Descends on it.

    Examples
    --------
    >>> import numpy as np, convexscore as cs
    >>> x, xi = [[0.5], [-2.0]], [[0.1], [-1.0]]
    >>> value, gradient = cs.baselines.mixture_objective([[1.0], [-1.0]], x, xi, 0.5)
    >>> round(value, 6), gradient.round(6).ravel()
    (0.028459, array([ 0.06649 , -0.253844]))
    """
    given = as_float_array("means", means)
    centers = as_columns("means", given)
    points = _as_points("x", x, centers.shape[1])
    if np.abs(centers).max() > _LARGEST:
        raise ValueError(f"means: expected numbers up to {_LARGEST:g}, got {np.abs(centers).max():g}")
    scale = math.sqrt(-math.expm1(-2 * as_real("t", t, minimum=1e-12)))
    noise = None if xi is None else _as_points("xi", xi, centers.shape[1])
    if noise is not None and noise.shape != points.shape:
        raise ValueError(f"xi: expected shape {points.shape}, got {noise.shape}")
    value, gradient = _objective(centers, points, None if noise is None else noise / scale)
    if not (math.isfinite(value) and np.isfinite(gradient).all()):
        raise ValueError(
            "means: expected means for which the objective is a float, got some for which it is none"
        )
    return value, gradient.reshape(given.shape)


def fit_mixture(
    X: ArrayLike,
    n_components: int,
    *,
    form: str = "denoising",
    start: ArrayLike | None = None,
    step_size: float | None = None,
    weights: None = None,
    rng: np.random.Generator | int | None = None,
    progress: bool = False,
    n_jobs: int | None = None,
) -> FloatArray:
    """Learn the means of a mixture of equal shares and unit covariances by gradient descent on scores.

    Every step takes fresh noise.  Two components are ``+-mu``, learned in two stages from a random start: 300
    steps at time 1.2, then 200 at time 0.1.  More components, or two with a `start`, take 150 steps at time
    0.1 from a start near the solution.

    Parameters
    ----------
    X : array of shape (n_samples, n_features)
        Data.  For two components without a start their mean has to be zero, within its error.
    n_components : int
        At least 2.
    form : {"denoising", "implicit"}
        The objective; see `mixture_objective`.
    start : array of shape (n_components, n_features), optional
        Where to start; for three and more components by default those of k-means.
    step_size : float, optional
        By default 0.1 for two stages, otherwise 0.4.
    weights : None
        Equal shares are the model; anything else is refused.
    rng : Generator or seed, optional
        Source of start and noise.
    progress : bool
        Show a progress bar (needs tqdm).
    n_jobs : int, optional
        Workers of joblib, threads unless another backend is chosen there; -1 is one a core.  None is one, or
        what an enclosing `joblib.parallel_config` says.  They share the starts of k-means; descent is one
        step after the other.

    Returns
    -------
    ndarray of shape (n_components, n_features)
        The means, in no particular order.

    Raises
    ------
    TypeError, ValueError
        If an argument is of the wrong kind or out of range, or the data are not centred for two components.
    ConvergenceError
        If means grow without bound: the steps are too large.

    See Also
    --------
    mixture_objective : What is descended on.
    convexscore.targets.GaussianMixture : Mixtures with known scores.

    Examples
    --------
    >>> import numpy as np, convexscore as cs
    >>> rng = np.random.default_rng(0)
    >>> X = rng.choice([-1.0, 1.0], size=(2000, 1)) * [2.0, 0.0] + rng.standard_normal((2000, 2))
    >>> found = cs.baselines.fit_mixture(X, 2, rng=0)
    >>> bool(abs(abs(found[0]) - [2.0, 0.0]).max() < 0.1), bool((found[1] == -found[0]).all())
    (True, True)
    """
    if weights is not None:
        raise ValueError(f"weights: expected None, as the model has equal shares, got {shown(weights)}")
    data = as_data("X", X)
    if np.abs(data).max() > _LARGEST:
        raise ValueError(f"X: expected numbers up to {_LARGEST:g}, got one of {np.abs(data).max():g}")
    k = as_size("n_components", n_components, minimum=2, each=len(data))
    implicit = as_choice("form", form, FORMS) == "implicit"
    bar, workers = as_flag("progress", progress), as_workers("n_jobs", n_jobs)
    source = generator(rng, "fit_mixture")
    if k == 2 and start is None:
        _check_centred(data)
        step = _as_step(step_size, _STEP)
        *_, (pair, after) = symmetric_stages(data, implicit, source, step, bar)
        return math.exp(after) * np.array([pair, -pair])
    centers = _as_start(start, data, k, source, workers)
    rate = _as_step(step_size, _RATE)
    centers = _descended(
        data, math.exp(-_TIME) * centers, _TIME, _STEPS, rate, implicit, source, progress=bar
    )
    return math.exp(_TIME) * centers


def symmetric_stages(
    data: FloatArray,
    implicit: bool,
    source: np.random.Generator,
    step: float = _STEP,
    progress: bool = False,
) -> Iterator[tuple[FloatArray, float]]:
    """Yield the mean ``theta`` of the pair ``+-theta`` after each stage, and the stage's time."""
    theta = source.standard_normal((data.shape[1],))
    theta *= _LENGTH / np.linalg.norm(theta)
    time = _STAGES[0][0]
    for following, n_steps in _STAGES:
        theta = theta * math.exp(time - following)
        time = following
        pair = np.array([theta, -theta])
        theta = _descended(data, pair, time, n_steps, step, implicit, source, True, progress)[0]
        yield theta, time


def _descended(
    data: FloatArray,
    means: FloatArray,
    t: float,
    n_steps: int,
    rate: float,
    implicit: bool,
    source: np.random.Generator,
    symmetric: bool = False,
    progress: bool = False,
) -> FloatArray:
    """Take steps against the gradient, with fresh noise each; a symmetric pair stays one."""
    alpha, scale = math.exp(-t), math.sqrt(-math.expm1(-2 * t))
    limit = _DIVERGED * max(1.0, float(np.linalg.norm(data, axis=1).max()))
    for _ in steps(n_steps, progress, "descent"):
        noise = source.standard_normal(data.shape)
        _, gradient = _objective(means, alpha * data + scale * noise, None if implicit else noise / scale)
        if symmetric:
            # The derivative along (theta, -theta).
            along = gradient[0] - gradient[1]
            gradient = np.array([along, -along])
        means = means - rate * gradient
        if not np.linalg.norm(means, axis=1).max() <= limit:
            raise ConvergenceError(
                f"step_size: expected steps that means converge with, got {rate:g} and means longer than "
                f"{limit:g}; take smaller ones"
            )
    return means


def _objective(means: FloatArray, x: FloatArray, label: FloatArray | None) -> tuple[float, FloatArray]:
    """Return value and gradient; `label` is ``xi / s_t``, or None for implicit score matching."""
    logs = x @ means.T - 0.5 * np.einsum("kd,kd->k", means, means)
    shares = np.exp(logs - logs.max(axis=1, keepdims=True))
    shares /= shares.sum(axis=1, keepdims=True)
    mean = shares @ means
    if label is None:
        return _implicit(means, x, shares, mean)
    residual = mean - x + label
    # a_j = (mu_j - m)'r, for all components.
    pulls = residual @ means.T - np.einsum("nd,nd->n", mean, residual)[:, None]
    weighted = shares * pulls
    gradient = shares.T @ residual + weighted.T @ x - weighted.sum(axis=0)[:, None] * means
    value = float(np.einsum("nd,nd->", residual, residual)) / len(x)
    return value, 2.0 / len(x) * gradient


def _implicit(
    means: FloatArray, x: FloatArray, shares: FloatArray, mean: FloatArray
) -> tuple[float, FloatArray]:
    squares = np.einsum("kd,kd->k", means, means)
    energy = shares @ squares
    own, cross = np.einsum("nd,nd->n", mean, mean), np.einsum("nd,nd->n", mean, x)
    value = float(np.mean(2 * energy - own - 2 * cross))
    # (|mu_j|^2 - e) - (mu_j - m)'(m + x), for all components.
    pulls = squares - energy[:, None] - (mean + x) @ means.T + (own + cross)[:, None]
    weighted = shares * pulls
    gradient = 2 * shares.sum(axis=0)[:, None] * means - shares.T @ (mean + x)
    gradient += weighted.T @ x - weighted.sum(axis=0)[:, None] * means
    return value, 2.0 / len(x) * gradient


def _as_step(step_size: float | None, default: float) -> float:
    return default if step_size is None else as_real("step_size", step_size, minimum=0.0, strict=True)


def _check_centred(data: FloatArray) -> None:
    distance = float(np.linalg.norm(data.mean(axis=0)))
    error = math.sqrt(float(np.sum(data.var(axis=0))) / len(data))
    if distance > _OFF_CENTRE * error:
        raise ValueError(
            "X: expected data whose mean is zero within its error, as two components without a start are "
            f"opposite, got one of length {distance:.3g} with error {error:.3g}; subtract the "
            "mean, or give a start"
        )


def _as_start(
    start: Any, data: FloatArray, k: int, source: np.random.Generator, n_jobs: int | None
) -> FloatArray:
    """Return the start that is given, or those of k-means."""
    if start is not None:
        centers = as_columns("start", as_float_array("start", start))
        if centers.shape != (k, data.shape[1]):
            raise ValueError(f"start: expected shape {(k, data.shape[1])}, got {centers.shape}")
        if np.abs(centers).max() > _LARGEST:
            raise ValueError(f"start: expected numbers up to {_LARGEST:g}, got {np.abs(centers).max():g}")
        return centers
    if k > len(data):
        raise ValueError(f"n_components: expected at most the number of samples, {len(data)}, got {k}")
    starts = (_far_apart(data, k, source) for _ in range(_STARTS))
    tries = list(run_all(partial(_lloyd, data), starts, n_jobs))
    return tries[int(np.argmin([_spread(data, centers) for centers in tries]))]


def _far_apart(data: FloatArray, k: int, source: np.random.Generator) -> FloatArray:
    """Return samples drawn far apart (greedy k-means++, Arthur & Vassilvitskii 2007)."""
    chosen = [data[source.integers(len(data))]]
    nearest = np.sum((data - chosen[0]) ** 2, axis=1)
    for _ in range(k - 1):
        total = nearest.sum()
        chance = nearest / total if total > 0 else None
        tries = source.choice(len(data), size=_CANDIDATES, p=chance)
        reached = [np.minimum(nearest, np.sum((data - data[i]) ** 2, axis=1)) for i in tries]
        best = int(np.argmin([left.sum() for left in reached]))
        chosen.append(data[tries[best]])
        nearest = reached[best]
    return np.array(chosen)


def _spread(data: FloatArray, centers: FloatArray) -> float:
    """Return the sum of squared distances to the nearest centre."""
    squares = [np.sum((data - center) ** 2, axis=1) for center in centers]
    return float(np.min(squares, axis=0).sum())


def _lloyd(data: FloatArray, centers: FloatArray) -> FloatArray:
    """Return the centres after some steps of k-means; one without samples stays."""
    for _ in range(_LLOYD):
        heights = data @ centers.T - 0.5 * np.einsum("kd,kd->k", centers, centers)
        nearest = np.argmax(heights, axis=1)
        counts = np.bincount(nearest, minlength=len(centers))[:, None]
        sums = np.zeros_like(centers)
        np.add.at(sums, nearest, data)
        centers = np.where(counts > 0, sums / np.maximum(counts, 1), centers)
    return centers


def _as_points(name: str, values: ArrayLike, d: int) -> FloatArray:
    points = as_data(name, values)
    if points.shape[1] != d:
        raise ValueError(f"{name}: expected {d} columns, as the means have, got {points.shape[1]}")
    if np.abs(points).max() > _LARGEST:
        raise ValueError(f"{name}: expected numbers up to {_LARGEST:g}, got {np.abs(points).max():g}")
    return points
