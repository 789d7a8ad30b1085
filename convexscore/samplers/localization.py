"""Sampling by noisy measurements of one unknown point, drawn all at once or one after another.

With ``Y_k = X + sigma xi_k`` and the running mean ``ybar_k``, whose noise is ``sigma_k = sigma / sqrt(k)``,

    E[X | Y_1..k] = ybar_k + sigma_k^2 score(ybar_k, sigma_k)
    grad_y log p(y_k | y_1..k-1) = (E[X | y_1..k] - y_k) / sigma^2

(Saremi, Park & Bach 2023).  The noise is large enough when each of these conditional laws is log-concave, so
that plain Langevin dynamics mixes; the law of the last posterior mean is within ``sigma sqrt(d / m)`` of the
law of ``X`` in the second Wasserstein distance.

All at once, ``grad_{y_i} log p(y_1..m) = (E[X | y_1..m] - y_i) / sigma^2``.  In orthonormal coordinates along
the measurements the first is ``sqrt(m) ybar_m`` and the others are independent of it and normal; Langevin
steps rotate with the coordinates.  So the mean of `m` measurements moves as one measurement of noise
``sigma_m`` does, and needs that the law of ``X + sigma_m xi`` is log-concave: more noise by ``sqrt(m)``.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from .._support.seeds import generator
from .._support.sizes import as_size
from .._support.validation import FloatArray, as_flag, as_float_array, as_real
from ._chains import (
    Advance,
    NoisyScore,
    as_float_type,
    as_score_without_limits,
    at_level,
    chain_shape,
    check_bounded,
    check_squares,
    draw,
    run,
    scores_at,
)
from .kinetic import Kick

__all__ = ["joint", "sequential"]

_ADVICE = "sigma: expected a larger noise level, or a score that points inwards"


def joint(
    score: NoisyScore,
    sigma: float,
    m: int,
    n: int,
    d: int | None,
    rng: np.random.Generator | int | None = None,
    n_steps: int = 500,
    measurements: bool = False,
    *,
    center: ArrayLike = 0.0,
    progress: bool = False,
    dtype: DTypeLike | None = None,
    n_jobs: int | None = None,
) -> FloatArray | tuple[FloatArray, FloatArray]:
    """Draw `m` measurements of noise `sigma` all at once by Langevin dynamics and return the posterior mean.

    All measurements take steps of `underdamped` Langevin dynamics, of step ``sigma`` and friction
    ``1 / sigma``, on their joint law.  Only their mean is moved: it is what the score and the result depend
    on, and the rest of the chain, which is normal and independent of it, is drawn at the end where asked for.

    Parameters
    ----------
    score : callable
        Any noise-conditional score ``score(y, sigma)``, asked for at ``sigma / sqrt(m)``.
    sigma : float
        Noise of one measurement, positive; mixing is fast where the law at noise ``sigma / sqrt(m)`` is
        log-concave, for `sequential` already where that at noise ``sigma`` is.
    m : int
        Number of measurements, at least 1.
    n : int
        Number of samples.
    d : int or None
        Number of features; None for samples of shape ``(n,)``.
    rng : Generator or seed, optional
        Source of the noise; the same seed gives the same samples.
    n_steps : int
        Langevin steps; one more call of the score gives the posterior mean.
    measurements : bool
        Return the measurements too.
    center : float or array of shape (d,)
        Where all measurements start, up to their noise: the mean of the data, if known.
    progress : bool
        Show a progress bar (needs tqdm).
    dtype : float32 or float64, optional
        Precision of the chains, float64 by default.
    n_jobs : int, optional
        Workers, and blocks of chains, as for `langevin`.

    Returns
    -------
    ndarray of shape (n, d), or (n,) if `d` is None; with `measurements` a pair with one of shape (m, n, d)
        Posterior means, and the measurements that they are the means given.

    Raises
    ------
    ValueError
        If an argument is out of range, or the score returns another shape, or is that of a law that knows
        its limits: data plus noise have none.
    ConvergenceError
        If a chain diverges or the score returns NaN; the message names the step.

    See Also
    --------
    sequential : The same measurements, one after another.
    convexscore.denoise_many : The posterior mean given all of them.

    Examples
    --------
    >>> import convexscore as cs
    >>> mixture = cs.targets.GaussianMixture([0.2, 0.8], [-3.0, 3.0], 1.0)
    >>> x, Y = cs.samplers.joint(mixture.score, sigma=4.0, m=2, n=2000, d=None, rng=0, measurements=True)
    >>> bool(abs(Y[0].mean() - 1.8) < 0.3), bool(abs(x - cs.denoise_many(mixture.score, Y, 4.0)).max() < 1e-9)
    (True, True)
    """
    sigma, score = as_real("sigma", sigma, minimum=0.0, strict=True), as_score_without_limits(score)
    check_squares("sigma", sigma)
    m, shape = as_size("m", m, minimum=1), chain_shape(n, d)
    count, every = as_size("n_steps", n_steps), as_flag("measurements", measurements)
    origin, level = _as_center(center, shape), sigma / float(np.sqrt(m))
    at_mean, own = at_level(score, level), generator(rng, "joint")
    means = np.empty(shape, dtype=as_float_type(dtype))

    def setup(chains: FloatArray, generator: np.random.Generator) -> Advance:
        draw(generator, chains)
        with np.errstate(over="ignore", invalid="ignore"):
            chains *= level
            chains += origin
        kick = Kick(chains, level, 1 / level, generator, _ADVICE)
        return lambda step: kick(at_mean, f"step {step + 1} of {count} (sigma / sqrt(m)={level:g})")

    means, _ = run(setup, means, count, own, description="joint", progress=progress, n_jobs=n_jobs)
    where = "the posterior mean"
    values = scores_at(at_mean, means, where)
    with np.errstate(over="ignore", invalid="ignore"):
        result = (means + level**2 * values).astype(means.dtype, copy=False)
    check_bounded(result, where, _ADVICE)
    return (result, _around(means, sigma, m, own)) if every else result


def _around(means: FloatArray, sigma: float, m: int, rng: np.random.Generator) -> FloatArray:
    """Return `m` measurements drawn given their means."""
    as_size("m", m, each=means.size)
    drawn = np.empty((m, *means.shape), dtype=means.dtype)
    draw(rng, drawn)
    drawn -= drawn.mean(axis=0)
    drawn *= sigma
    drawn += means
    return drawn


def _as_center(center: ArrayLike, shape: tuple[int, ...]) -> FloatArray:
    origin = as_float_array("center", center)
    if origin.ndim and origin.shape != shape[1:]:
        raise ValueError(f"center: expected a number or shape {shape[1:]}, got {origin.shape}")
    return origin


def sequential(
    score: NoisyScore,
    sigma: float,
    m: int,
    n: int,
    d: int | None,
    rng: np.random.Generator | int | None = None,
    inner_steps: int = 5,
    first_steps: int = 100,
    trajectory: bool = False,
    *,
    center: ArrayLike = 0.0,
    progress: bool = False,
    dtype: DTypeLike | None = None,
    n_jobs: int | None = None,
) -> FloatArray | tuple[FloatArray, FloatArray]:
    """Draw `m` measurements of noise `sigma` one after another and return the posterior mean.

    Measurement ``k`` starts at the last posterior mean plus noise and takes steps of `underdamped` Langevin
    dynamics, of step ``sigma`` and friction ``1 / sigma``, on its law given those before.  Without any this
    is Euler's scheme of stochastic localization, ``rule="ancestral"`` of `reverse`.

    Parameters
    ----------
    score : callable
        Any noise-conditional score ``score(y, sigma)``, asked for at ``sigma / sqrt(k)``, ``k = 1..m``.
    sigma : float
        Noise of one measurement, positive; large enough for log-concavity, see
        `convexscore.theory.is_log_concave_chain`.
    m : int
        Number of measurements, at least 1: ``sigma^2 d / eps^2`` for an accuracy of ``eps``.
    n : int
        Number of samples.
    d : int or None
        Number of features; None for samples of shape ``(n,)``.
    rng : Generator or seed, optional
        Source of the noise; the same seed gives the same samples.
    inner_steps : int
        Langevin steps a measurement after the first.
    first_steps : int
        Langevin steps of the first measurement, whose start is the crudest.
    trajectory : bool
        Return running means and posterior means after every measurement.
    center : float or array of shape (d,)
        Where the first measurement starts, up to noise: the mean of the data, if known.
    progress : bool
        Show a progress bar (needs tqdm).
    dtype : float32 or float64, optional
        Precision of the chains, float64 by default.
    n_jobs : int, optional
        Workers, and blocks of chains, as for `langevin`.

    Returns
    -------
    ndarray of shape (n, d), or (n,) if `d` is None; with `trajectory` a pair of shape (m, n, d) each
        Posterior means, or all running means ``ybar_k`` and all posterior means.

    Raises
    ------
    ValueError
        If an argument is out of range, or the score returns another shape, or is that of a law that knows
        its limits: data plus noise have none.
    ConvergenceError
        If a chain diverges or the score returns NaN; the message names the measurement and the step.

    See Also
    --------
    joint : The same measurements, all at once.
    convexscore.theory.is_log_concave_chain : Whether the noise is large enough.

    Examples
    --------
    >>> import convexscore as cs
    >>> mixture = cs.targets.GaussianMixture([0.2, 0.8], [-3.0, 3.0], 1.0)
    >>> x = cs.samplers.sequential(mixture.score, sigma=8**0.5, m=50, n=2000, d=None, rng=0)
    >>> bool(abs((x < 0).mean() - 0.2) < 0.03)
    True
    """
    sigma, score = as_real("sigma", sigma, minimum=0.0, strict=True), as_score_without_limits(score)
    check_squares("sigma", sigma)
    m, shape = as_size("m", m, minimum=1), chain_shape(n, d)
    inner, first = as_size("inner_steps", inner_steps), as_size("first_steps", first_steps)
    trajectory, origin = as_flag("trajectory", trajectory), _as_center(center, shape)
    # Both means of a chain lie side by side, so that blocks of chains hold them together.
    means = np.empty((shape[0], 2, *shape[1:]), dtype=as_float_type(dtype))

    def setup(chains: FloatArray, generator: np.random.Generator) -> Advance:
        with np.errstate(over="ignore"):
            chains[:, 1] = origin
        return _measurements(score, sigma, m, inner, first, chains, generator)

    kept = range(m) if trajectory else range(0)
    means, states = run(
        setup,
        means,
        m,
        generator(rng, "sequential"),
        description="measurements",
        progress=progress,
        kept=kept,
        n_jobs=n_jobs,
    )
    return (states[:, :, 0], states[:, :, 1]) if trajectory else means[:, 1].copy()


def _measurements(
    score: NoisyScore,
    sigma: float,
    m: int,
    inner: int,
    first: int,
    means: FloatArray,
    rng: np.random.Generator,
) -> Advance:
    total = np.zeros_like(means[:, 0])
    y = np.empty_like(total)

    def advance(number: int) -> None:
        k, count = number + 1, first if number == 0 else inner
        level = sigma / float(np.sqrt(k))
        at_k = at_level(score, level)
        where = f"measurement {k} of {m} (sigma={level:g})"

        def posterior_mean(average: FloatArray) -> FloatArray:
            values = scores_at(at_k, average, where)
            with np.errstate(over="ignore", invalid="ignore"):
                return average + level**2 * values

        def conditional(point: FloatArray) -> FloatArray:
            mean = posterior_mean((total + point) / k)
            with np.errstate(over="ignore", invalid="ignore"):
                return (mean - point) / sigma**2

        draw(rng, y)
        y[...] *= sigma
        y[...] += means[:, 1]
        if count:
            kick = Kick(y, sigma, 1 / sigma, rng, _ADVICE)
            for step in range(count):
                kick(conditional, f"{where}, step {step + 1} of {count}")
        total[...] += y
        means[:, 0] = total / k
        means[:, 1] = posterior_mean(total / k)
        check_bounded(means, where, _ADVICE)

    return advance
