"""Langevin dynamics, unadjusted and annealed (ZP Algorithms 2 and 3).

    unadjusted:  x <- x + h s(x) + sqrt(2 h) z
    annealed:    for each noise level sigma, from the largest:  n_steps of the above with
                 h = r sigma^2 and the score s(., sigma)

ZP write ``eta = 2 h`` for the first and ``alpha_i = eps0 sigma_i^2 / sigma_L^2 = 2 h`` for the second, so
their ``eps0`` is ``2 r sigma_L^2`` (Song & Ermon 2019).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

from .._progress import steps
from .._validation import FloatArray, as_count, as_flag, as_float_array, as_real
from ..errors import ConvergenceError

__all__ = ["annealed_langevin", "langevin"]

# Chains farther out than this have diverged; overflow would follow, with a less helpful message.
_DIVERGED = 1e100


def langevin(
    score: Callable[[FloatArray], FloatArray],
    x0: ArrayLike,
    step_size: float,
    n_steps: int,
    rng: np.random.Generator | int | None = None,
    *,
    keep_every: int | None = None,
    progress: bool = False,
) -> FloatArray:
    """Run unadjusted Langevin dynamics ``x <- x + h s(x) + sqrt(2 h) z`` (ZP Alg. 2).

    Parameters
    ----------
    score : callable
        Any score: maps an array of the shape of `x0` to an array of that shape.
    x0 : array of shape (n_chains,) or (n_chains, n_features)
        Starting points, one a chain.
    step_size : float
        The step ``h``, positive.
    n_steps : int
        Number of steps.
    rng : Generator or seed, optional
        Source of the noise; the same seed gives the same samples.
    keep_every : int, optional
        Return the state after every `keep_every` steps; by default only the last state is kept, and
        memory does not grow with the number of steps.
    progress : bool
        Show a progress bar (needs tqdm).

    Returns
    -------
    ndarray of the shape of `x0`, or (n_steps // keep_every, *shape) with `keep_every`
        Final states, or the trajectory.

    Raises
    ------
    ValueError
        If an argument is out of range, or the score returns another shape.
    ConvergenceError
        If a chain diverges or the score returns NaN; the message names the step.

    Examples
    --------
    >>> import numpy as np, convexscore as cs
    >>> x = cs.samplers.langevin(lambda x: -x, np.zeros(1000), step_size=0.1, n_steps=200, rng=0)
    >>> x.shape, bool(abs(x.mean()) < 0.1), bool(abs(x.var() - 1 / 0.95) < 0.1)
    ((1000,), True, True)
    """
    x = _starting_points(x0)
    step_size = as_real("step_size", step_size, minimum=0.0, strict=True)
    count = as_count("n_steps", n_steps)
    generator = np.random.default_rng(rng)
    every = None if keep_every is None else as_count("keep_every", keep_every, minimum=1)
    kept = np.empty((count // every, *x.shape)) if every else None
    noise = np.empty_like(x)
    for step in steps(count, as_flag("progress", progress), "langevin"):
        _step(score, x, step_size, generator, noise, f"step {step + 1} of {count}")
        if kept is not None and every and (step + 1) % every == 0:
            kept[(step + 1) // every - 1] = x
    return x if kept is None else kept


def annealed_langevin(
    score: Callable[[FloatArray, float], FloatArray],
    x0: ArrayLike,
    sigmas: ArrayLike,
    r: float = 0.1,
    n_steps: int = 100,
    rng: np.random.Generator | int | None = None,
    *,
    denoise: bool = False,
    keep_levels: bool = False,
    progress: bool = False,
) -> FloatArray:
    """Run Langevin dynamics through decreasing noise levels (ZP Alg. 3; Song & Ermon 2019).

    Parameters
    ----------
    score : callable
        Any noise-conditional score ``score(y, sigma)``, the score of data plus noise of standard
        deviation `sigma`.
    x0 : array of shape (n_chains,) or (n_chains, n_features)
        Starting points, one a chain.
    sigmas : array of shape (n_levels,)
        Noise levels, positive and strictly decreasing.
    r : float
        The step at level ``sigma`` is ``h = r sigma^2``; between 0 and 2, beyond which the dynamics
        are unstable on the noise's own scale.
    n_steps : int
        Steps a level, at least one.
    rng : Generator or seed, optional
        Source of the noise; the same seed gives the same samples.
    denoise : bool
        End with the noise-free step ``x + sigma_L^2 score(x, sigma_L)`` (Tweedie).
    keep_levels : bool
        Return the state at the end of every level.
    progress : bool
        Show a progress bar (needs tqdm).

    Returns
    -------
    ndarray of the shape of `x0`, or (n_levels, *shape) with `keep_levels`
        Final states, or one state a level.

    Raises
    ------
    ValueError
        If an argument is out of range, or the score returns another shape.
    ConvergenceError
        If a chain diverges or the score returns NaN; the message names level and step.

    Examples
    --------
    >>> import numpy as np, convexscore as cs
    >>> def score(y, sigma):
    ...     return -(y - 3.0) / (1 + sigma**2)
    >>> x = cs.samplers.annealed_langevin(score, np.zeros(2000), [4.0, 2.0, 1.0, 0.5, 0.1], rng=0)
    >>> bool(abs(x.mean() - 3) < 0.2)
    True
    """
    x = _starting_points(x0)
    levels = as_float_array("sigmas", sigmas)
    if levels.ndim != 1 or levels.size == 0 or levels.min() <= 0 or (np.diff(levels) >= 0).any():
        raise ValueError(
            f"sigmas: expected positive, strictly decreasing noise levels, got {levels.tolist()}"
        )
    r = as_real("r", r, minimum=0.0, strict=True)
    if r >= 2:
        raise ValueError(f"r: expected a number below 2, got {r:g}")
    count = as_count("n_steps", n_steps, minimum=1)
    denoise, keep_levels = as_flag("denoise", denoise), as_flag("keep_levels", keep_levels)
    generator = np.random.default_rng(rng)
    noise = np.empty_like(x)
    kept = []
    sigma = float(levels[0])

    def at_this_level(y: FloatArray) -> FloatArray:
        return score(y, sigma)

    for number in steps(count * levels.size, as_flag("progress", progress), "annealed langevin"):
        level, step = divmod(number, count)
        sigma = float(levels[level])
        where = f"level {level + 1} of {levels.size} (sigma={sigma:g}), step {step + 1} of {count}"
        _step(at_this_level, x, r * sigma**2, generator, noise, where)
        if keep_levels and step == count - 1:
            kept.append(x.copy())
    if denoise:
        sigma = float(levels[-1])
        x += sigma**2 * _scores(at_this_level, x, "the final denoising")
    return np.stack(kept) if keep_levels else x


def _starting_points(x0: ArrayLike) -> FloatArray:
    x = as_float_array("x0", x0)
    if x.ndim not in (1, 2):
        raise ValueError(f"x0: expected shape (n_chains,) or (n_chains, n_features), got {x.shape}")
    return x


def _scores(score: Callable[[FloatArray], FloatArray], x: FloatArray, where: str) -> FloatArray:
    values = np.asarray(score(x))
    if values.shape != x.shape:
        raise ValueError(f"score: expected an array of the shape of x, {x.shape}, got {values.shape}")
    if np.isnan(values).any():
        raise ConvergenceError(f"score: returned NaN at {where}")
    return values


def _step(
    score: Callable[[FloatArray], FloatArray],
    x: FloatArray,
    step_size: float,
    rng: np.random.Generator,
    noise: FloatArray,
    where: str,
) -> None:
    """Move `x`, in place, by one unadjusted Langevin step."""
    values = _scores(score, x, where)
    rng.standard_normal(out=noise)
    noise *= np.sqrt(2 * step_size)
    x += step_size * values
    x += noise
    if x.size and not np.abs(x).max() < _DIVERGED:
        raise ConvergenceError(
            f"step_size: chains diverged at {where}; expected a smaller step than {step_size:g}"
        )
