"""Langevin dynamics, unadjusted and annealed (ZP Algorithms 2 and 3).

    unadjusted:  x <- x + h s(x) + sqrt(2 h) z
    annealed:    for each noise level sigma, from the largest:  n_steps of the above with
                 h = r sigma^2 and the score s(., sigma)

ZP write ``eta = 2 h`` for the first and ``alpha_i = eps0 sigma_i^2 / sigma_L^2 = 2 h`` for the second, so
their ``eps0`` is ``2 r sigma_L^2`` (Song & Ermon 2019).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from .._support.seeds import generator
from .._support.sizes import as_size
from .._support.validation import FloatArray, as_flag, as_real
from ._chains import (
    Advance,
    Move,
    NoisyScore,
    Score,
    as_levels,
    as_score,
    as_score_without_limits,
    at_level,
    chain_limits,
    denoise_last,
    reflect,
    run,
    starting_points,
)

__all__ = ["annealed_langevin", "langevin"]


def langevin(
    score: Score,
    x0: ArrayLike,
    step_size: float,
    n_steps: int,
    rng: np.random.Generator | int | None = None,
    *,
    support: Any = None,
    keep_every: int | None = None,
    progress: bool = False,
    dtype: DTypeLike | None = None,
    n_jobs: int | None = None,
) -> FloatArray:
    """Run unadjusted Langevin dynamics ``x <- x + h s(x) + sqrt(2 h) z`` (ZP Algorithm 2).

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
    support : tuple of two floats or None, or a list of such pairs, optional
        Limits of the chains, ``(low, high)`` with one feature, with several a list of one pair, or None, for
        each; None (or infinite) where there is no limit.  What a step carries past one is reflected there.
        By default those that the score knows, by a method ``support()`` as laws have it.
    keep_every : int, optional
        Return the state after every `keep_every` steps; by default only the last state is kept, and
        memory does not grow with the number of steps.
    progress : bool
        Show a progress bar (needs tqdm).
    dtype : float32 or float64, optional
        Precision of the chains; by default that of `x0`.
    n_jobs : int, optional
        Workers (-1: one a core).  Chains are then moved in blocks of 4096 with a generator each: the same
        seed gives the same samples for every `n_jobs`, but others than without it.  Workers are threads,
        which call the score at once, unless `joblib.parallel_config` names another backend: processes, say,
        which call copies of it.

    Returns
    -------
    ndarray of the shape of `x0`, or ``(n_steps // keep_every, *shape)`` with `keep_every`
        Final states, or the trajectory.

    Raises
    ------
    ValueError
        If an argument is out of range, or the score returns another shape.
    ConvergenceError
        If a chain diverges or the score returns NaN; the message names the step.

    See Also
    --------
    mala : With a step that corrects the law.
    underdamped : With momentum.
    annealed_langevin : From large noise to small.
    convexscore.theory.langevin_bound : How many steps are enough.

    Examples
    --------
    >>> import numpy as np, convexscore as cs
    >>> x = cs.samplers.langevin(lambda x: -x, np.zeros(1000), step_size=0.1, n_steps=200, rng=0)
    >>> x.shape, bool(abs(x.mean()) < 0.1), bool(abs(x.var() - 1 / 0.95) < 0.1)
    ((1000,), True, True)

    A law with a limit, whose mean is 1:

    >>> y = cs.samplers.langevin(lambda x: -np.ones_like(x), np.ones(2000), 0.01, 400, 0, support=(0, None))
    >>> bool(y.min() >= 0), bool(abs(y.mean() - 1) < 0.1)
    (True, True)
    """
    x, score = starting_points(x0, dtype), as_score(score)
    h = as_real("step_size", step_size, minimum=0.0, strict=True)
    count = as_size("n_steps", n_steps)
    every = None if keep_every is None else as_size("keep_every", keep_every, minimum=1)
    noise_scale = float(np.sqrt(2.0) * np.sqrt(h))
    box = chain_limits(x, score, support)

    def setup(chains: FloatArray, generator: np.random.Generator) -> Advance:
        move = Move(chains, generator)

        def advance(step: int) -> None:
            move(score, h, noise_scale, f"step {step + 1} of {count}", _smaller_than(h))
            if box is not None:
                reflect(chains, box)

        return advance

    kept = range(every - 1, count, every) if every else range(0)
    x, states = run(
        setup,
        x,
        count,
        generator(rng, "langevin"),
        description="langevin",
        progress=progress,
        kept=kept,
        n_jobs=n_jobs,
    )
    return states if every else x


def annealed_langevin(
    score: NoisyScore,
    x0: ArrayLike,
    sigmas: ArrayLike,
    r: float = 0.1,
    n_steps: int = 100,
    rng: np.random.Generator | int | None = None,
    *,
    denoise: bool = False,
    keep_levels: bool = False,
    progress: bool = False,
    dtype: DTypeLike | None = None,
    n_jobs: int | None = None,
) -> FloatArray:
    """Run Langevin dynamics through decreasing noise levels (ZP Algorithm 3; Song & Ermon 2019).

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
    dtype : float32 or float64, optional
        Precision of the chains; by default that of `x0`.
    n_jobs : int, optional
        Workers, and blocks of chains, as for `langevin`.

    Returns
    -------
    ndarray of the shape of `x0`, or ``(n_levels, *shape)`` with `keep_levels`
        Final states, or one state a level.

    Raises
    ------
    ValueError
        If an argument is out of range, or the score returns another shape, or is that of a law that knows
        its limits: data plus noise have none.
    ConvergenceError
        If a chain diverges or the score returns NaN; the message names level and step.

    See Also
    --------
    langevin : One noise level.
    reverse : Fewer steps a level.
    sigma_grid : Noise levels.
    convexscore.NoiseConditionalScore : A trained score for it.

    Examples
    --------
    >>> import numpy as np, convexscore as cs
    >>> def score(y, sigma):
    ...     return -(y - 3.0) / (1 + sigma**2)
    >>> x = cs.samplers.annealed_langevin(score, np.zeros(2000), [4.0, 2.0, 1.0, 0.5, 0.1], rng=0)
    >>> bool(abs(x.mean() - 3) < 0.2)
    True
    """
    x, levels = starting_points(x0, dtype), as_levels(sigmas)
    score = as_score_without_limits(score)
    r = as_real("r", r, minimum=0.0, strict=True)
    if r >= 2:
        raise ValueError(f"r: expected a number below 2, got {r:g}")
    count = as_size("n_steps", n_steps, minimum=1)
    denoise, keep_levels = as_flag("denoise", denoise), as_flag("keep_levels", keep_levels)

    def setup(chains: FloatArray, generator: np.random.Generator) -> Advance:
        move = Move(chains, generator)

        def advance(number: int) -> None:
            level, step = divmod(number, count)
            sigma = float(levels[level])
            h = r * sigma**2
            where = f"level {level + 1} of {levels.size} (sigma={sigma:g}), step {step + 1} of {count}"
            move(at_level(score, sigma), h, float(np.sqrt(2 * h)), where, _smaller_than(h))

        return advance

    total = count * levels.size
    kept = range(count - 1, total, count) if keep_levels else range(0)
    x, states = run(
        setup,
        x,
        total,
        generator(rng, "annealed_langevin"),
        description="annealed langevin",
        progress=progress,
        kept=kept,
        n_jobs=n_jobs,
    )
    if denoise:
        denoise_last(score, x, float(levels[-1]))
    return states if keep_levels else x


def _smaller_than(step_size: float) -> str:
    return f"step_size: expected a smaller step than {step_size:g}"
