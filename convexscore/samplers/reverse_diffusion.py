"""Reverse diffusion: from noise to data through decreasing noise levels.

`reverse` has the table of rules.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from .._support.seeds import generator
from .._support.validation import FloatArray, as_choice, as_flag
from ._chains import (
    Advance,
    Move,
    NoisyScore,
    as_float_type,
    as_levels,
    as_score_without_limits,
    at_level,
    chain_shape,
    check_bounded,
    check_squares,
    denoise_last,
    draw,
    run,
    scores_at,
    starting_points,
)

__all__ = ["coefficients", "reverse"]

Rule = Callable[[float, float], tuple[float, float]]


def _shrink(s: float, r: float) -> float:
    """Return ``A (A - B)``, without the cancellation of nearby levels."""
    a, b = float(np.hypot(1, s)), float(np.hypot(1, r))
    return a / (a + b) * (s - r) * (s + r)


def _spread(s: float, r: float) -> float:
    return float(np.sqrt((s - r) * (s + r)))


_RULES: dict[str, Rule] = {
    "frozen": lambda s, r: (2 * _shrink(s, r), _spread(s, r)),
    "ancestral": lambda s, r: ((s - r) * (s + r), r / s * _spread(s, r)),
    "euler": lambda s, r: ((s - r) * (s + r), _spread(s, r)),
    "ode": lambda s, r: (_shrink(s, r), 0.0),
    "ddim": lambda s, r: (s * (s - r), 0.0),
    "heun": lambda s, r: (s * (s - r), 0.0),
}


def coefficients(rule: str, s: float, r: float) -> tuple[float, float]:
    """Return ``(c, b)`` of a rule's step from level `s` to level `r`; `reverse` has the table."""
    check_squares("levels", (s, r))
    return _RULES[as_choice("rule", rule, _RULES)](s, r)


def reverse(
    score: NoisyScore,
    sigmas: ArrayLike,
    n: int,
    d: int | str | None = "auto",
    rng: np.random.Generator | int | None = None,
    rule: str = "frozen",
    *,
    x0: ArrayLike | None = None,
    denoise: bool = False,
    keep_levels: bool = False,
    progress: bool = False,
    dtype: DTypeLike | None = None,
    n_jobs: int | None = None,
) -> FloatArray:
    """Run a diffusion backwards through decreasing noise levels (Song and others 2021).

    Parameters
    ----------
    score : callable
        Any noise-conditional score ``score(y, sigma)``, the score of data plus noise of standard
        deviation `sigma`.
    sigmas : array of shape (n_levels,)
        Noise levels, strictly decreasing and positive; zero may be the last, as the score is asked for where
        a step starts only.
    n : int
        Number of samples.
    d : int, None or "auto"
        Number of features; None for samples of shape ``(n,)``; ``"auto"`` for those of the data that the
        score was fitted to, if it says so by an attribute `data_mean`, None if that is one.
    rng : Generator or seed, optional
        Source of the noise; the same seed gives the same samples.
    rule : {"frozen", "ancestral", "euler", "ode", "ddim", "heun"}
        The step, one row of the table below.  The last three draw no noise but the
        start; "heun" takes two scores a step.
    x0 : array of shape (n, d), or (n,) if `d` is None, optional
        Start, a sample of data plus noise ``sigmas[0]``; by default normal, of mean zero and variance
        ``1 + sigmas[0]**2``, or of the mean and covariance that the score's attributes `data_mean` and
        `data_covariance` and that noise have.
    denoise : bool
        End with ``y + sigma^2 score(y, sigma)`` at the last level, which has to be positive (Tweedie).
    keep_levels : bool
        Return the state at every level, from the start on.
    progress : bool
        Show a progress bar (needs tqdm).
    dtype : float32 or float64, optional
        Precision of the chains; by default that of `x0`, or float64.
    n_jobs : int, optional
        Workers, and blocks of chains, as for `langevin`.

    Returns
    -------
    ndarray of shape (n, d), or (n_levels, n, d) with `keep_levels`; without the last axis if `d` is None

    Raises
    ------
    ValueError
        If an argument is out of range, or the score returns another shape, or is that of a law that knows
        its limits: data plus noise have none.
    ConvergenceError
        If a chain diverges or the score returns NaN; the message names the level and the step.

    See Also
    --------
    annealed_langevin : Many steps a level.
    sigma_grid : Noise levels.
    convexscore.NoiseConditionalScore : A trained score for it.

    Notes
    -----
    In the coordinates ``Y = X + sigma xi`` every scheme is ``y <- y + c score(y, S) + b z`` from level ``S``
    to the next level ``R < S``.  With ``A = sqrt(1 + S^2)``, ``B = sqrt(1 + R^2)`` and ``v = S^2 - R^2``::

        rule        c            b              what is held fixed during the step
        frozen      2 A (A - B)  sqrt(v)        the score in the reverse Ornstein-Uhlenbeck equation
        ancestral   v            R sqrt(v) / S  the denoiser (DDPM; Euler's scheme of stochastic localization)
        euler       v            sqrt(v)        the score in the reverse equation of Y
        ode         A (A - B)    0              the score in the probability flow of the OU process
        ddim        S (S - R)    0              the denoiser in the probability flow; Euler's scheme in sigma
        heun        S (S - R)    0              ddim, corrected by the trapezoidal rule (Karras et al. 2022)

    A step of OU time from ``t = log(1 + S^2) / 2`` in the coordinate ``z = y / A`` makes the same path.

    Examples
    --------
    >>> import convexscore as cs
    >>> mixture = cs.targets.GaussianMixture([0.2, 0.8], [-5.0, 5.0], 1.0)
    >>> sigmas = cs.samplers.sigma_grid(50.0, 0.1, 50)
    >>> x = cs.samplers.reverse(mixture.score, sigmas, n=2000, d=None, rng=0)
    >>> bool(abs((x < 0).mean() - 0.2) < 0.03)
    True
    """
    levels, score = as_levels(sigmas, zero_last=True), as_score_without_limits(score)
    mean, covariance = _moments_of(score)
    if isinstance(d, str):
        as_choice("d", d, ("auto",))
        d = _features(mean)
    shape = chain_shape(n, d)
    rule, denoise = as_choice("rule", rule, _RULES), as_flag("denoise", denoise)
    keep_levels = as_flag("keep_levels", keep_levels)
    if denoise and levels[-1] == 0:
        raise ValueError("denoise: expected False where the last noise level is 0, got True")
    x, drawn = _start(x0, shape, dtype), x0 is None

    def setup(chains: FloatArray, generator: np.random.Generator) -> Advance:
        if drawn:
            draw(generator, chains)
            if mean is None or mean.size != (chains.shape[1] if chains.ndim > 1 else 1):
                chains *= float(np.hypot(1, levels[0]))
            else:
                _as_noisy_data(chains, mean, covariance, float(levels[0]))
        return _stepper(score, levels, rule, chains, generator)

    count = levels.size - 1
    kept = range(-1, count) if keep_levels else range(0)
    x, states = run(
        setup,
        x,
        count,
        generator(rng, "reverse"),
        description="reverse diffusion",
        progress=progress,
        kept=kept,
        n_jobs=n_jobs,
    )
    if denoise:
        denoise_last(score, x, float(levels[-1]))
    return states if keep_levels else x


def _moments_of(score: Any) -> tuple[FloatArray | None, FloatArray]:
    """Return the mean and covariance of the data that a score was fitted to, if it knows them."""
    mean, covariance = getattr(score, "data_mean", None), getattr(score, "data_covariance", None)
    if not (isinstance(mean, np.ndarray) and isinstance(covariance, np.ndarray)):
        return None, np.zeros((0, 0))
    return mean, covariance


def _features(mean: FloatArray | None) -> int | None:
    if mean is None:
        raise ValueError("d: expected the number of features, or None, as the score does not say, got 'auto'")
    return None if mean.size == 1 else mean.size


def _as_noisy_data(x: FloatArray, mean: FloatArray, covariance: FloatArray, sigma: float) -> None:
    """Turn standard normal chains into a Gaussian sample of data plus noise, in place."""
    size, axes = np.linalg.eigh(covariance)
    root = axes * np.hypot(np.sqrt(np.maximum(size, 0.0)), sigma)
    rows = x.reshape(len(x), -1)
    x[...] = (rows @ (root @ axes.T) + mean).reshape(x.shape)


def _start(x0: ArrayLike | None, shape: tuple[int, ...], dtype: DTypeLike | None) -> FloatArray:
    if x0 is None:
        return np.empty(shape, dtype=as_float_type(dtype))
    x = starting_points(x0, dtype)
    if x.shape != shape:
        raise ValueError(f"x0: expected shape {shape}, from n and d, got {x.shape}")
    return x


def _stepper(
    score: NoisyScore, levels: FloatArray, rule: str, x: FloatArray, rng: np.random.Generator
) -> Advance:
    move = Move(x, rng)

    def advance(step: int) -> None:
        s, r = float(levels[step]), float(levels[step + 1])
        where = f"level {step + 1} of {levels.size} (sigma={s:g}), step {step + 1} of {levels.size - 1}"
        advice = "sigmas: expected levels closer together, or a score that points inwards"
        start = x.copy() if rule == "heun" and r > 0 else None
        move(at_level(score, s), *_RULES[rule](s, r), where, advice)
        if start is not None:
            # The mean of the slopes at both ends of the step; dy / d sigma = -sigma score.
            values = scores_at(at_level(score, r), x, where)
            with np.errstate(over="ignore", invalid="ignore"):
                x[...] = 0.5 * (start + x) + 0.5 * (s - r) * r * values
            check_bounded(x, where, advice)

    return advance
