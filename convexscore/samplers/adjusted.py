"""Langevin dynamics made exact by a Metropolis step, for scores whose log-density is known."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from .._support.seeds import generator
from .._support.sizes import as_size
from .._support.validation import FloatArray, as_callable, as_flag, as_real, as_returned
from ..errors import ConvergenceError
from ..objectives.support import Box
from ._chains import (
    Advance,
    Score,
    as_score,
    chain_limits,
    draw,
    run_counted,
    scores_at,
    starting_points,
)

__all__ = ["mala"]


def mala(
    score: Score,
    logpdf: Callable[[FloatArray], FloatArray],
    x0: ArrayLike,
    step_size: float,
    n_steps: int,
    rng: np.random.Generator | int | None = None,
    *,
    support: Any = None,
    return_acceptance: bool = False,
    keep_every: int | None = None,
    progress: bool = False,
    dtype: DTypeLike | None = None,
    n_jobs: int | None = None,
) -> FloatArray | tuple[FloatArray, float]:
    """Run the Metropolis-adjusted Langevin algorithm (Roberts & Tweedie 1996).

    A Langevin step ``x' = x + h s(x) + sqrt(2 h) z`` is accepted with probability::

        min(1, p(x') q(x | x') / (p(x) q(x' | x))),   q(x' | x) = N(x'; x + h s(x), 2 h I),

    so that ``p`` itself is stationary, whatever the step, and even where `score` is not exactly its score.

    Parameters
    ----------
    score : callable
        A score: maps an array of the shape of `x0` to an array of that shape.
    logpdf : callable
        Log-density up to a constant: maps such an array to one number a chain; ``-inf`` is never accepted.
    x0 : array of shape (n_chains,) or (n_chains, n_features)
        Starting points, one a chain, where the density is positive.
    step_size : float
        The step ``h``, positive; about .57 of proposals accepted is best in many dimensions.
    n_steps : int
        Number of steps.
    rng : Generator or seed, optional
        Source of the noise; the same seed gives the same samples.
    support : tuple of two floats or None, or a list of such pairs, optional
        Limits of the chains, ``(low, high)`` with one feature, with several a list of one pair, or None, for
        each; None (or infinite) where there is no limit.  Proposals beyond are never accepted, so that the
        law is that of `logpdf` between them.  By default those that the score knows, by a method
        ``support()`` as laws have it.
    return_acceptance : bool
        Return the share of accepted proposals as well.
    keep_every : int, optional
        Return the states after every `keep_every` steps; by default only the last are kept.
    progress : bool
        Show a progress bar (needs tqdm).
    dtype : float32 or float64, optional
        Precision of the chains; by default that of `x0`.
    n_jobs : int, optional
        Workers of joblib for blocks of 4096 chains, -1 for one a core.  The same seed gives the same samples
        for every `n_jobs`, but others than without it.  Workers are threads, unless
        `joblib.parallel_config` names other ones.

    Returns
    -------
    ndarray of the shape of `x0`, or ``(n_steps // keep_every, *shape)`` with `keep_every`
        Final states, or the trajectory; with `return_acceptance` a pair of it and the share.

    Raises
    ------
    ValueError
        If an argument is out of range, a start has density zero, or a function returns another shape.
    ConvergenceError
        If score or log-density return NaN; the message names the step.

    See Also
    --------
    langevin : Without the correction.
    underdamped : With momentum.

    Examples
    --------
    >>> import numpy as np, convexscore as cs
    >>> x0 = np.zeros(4000)
    >>> def logpdf(x):
    ...     return -(x**2) / 2
    >>> x, rate = cs.samplers.mala(lambda x: -x, logpdf, x0, 0.8, 100, rng=0, return_acceptance=True)
    >>> bool(abs(x.var() - 1) < 0.1), 0.6 < rate < 0.95
    (True, True)

    The same above 0, whose mean is ``sqrt(2 / pi)``:

    >>> y = cs.samplers.mala(lambda x: -x, logpdf, np.ones(4000), 0.4, 100, rng=0, support=(0, None))
    >>> bool(y.min() >= 0), bool(abs(y.mean() - 0.798) < 0.05)
    (True, True)
    """
    x, score = starting_points(x0, dtype), as_score(score)
    h = as_real("step_size", step_size, minimum=0.0, strict=True)
    count = as_size("n_steps", n_steps)
    as_callable("logpdf", logpdf)
    return_acceptance = as_flag("return_acceptance", return_acceptance)
    every = None if keep_every is None else as_size("keep_every", keep_every, minimum=1)
    limits = chain_limits(x, score, support)

    def setup(chains: FloatArray, generator: np.random.Generator) -> Advance:
        step_of = _metropolis(score, logpdf, chains, h, generator, limits)
        return lambda step: step_of(f"step {step + 1} of {count}")

    kept = range(every - 1, count, every) if every else range(0)
    source = generator(rng, "mala")
    x, states, accepted = run_counted(
        setup, x, count, source, description="mala", progress=progress, kept=kept, n_jobs=n_jobs
    )
    result = states if every else x
    return (result, accepted / max(count * len(x), 1)) if return_acceptance else result


def _metropolis(
    score: Score,
    logpdf: Callable[[FloatArray], FloatArray],
    x: FloatArray,
    h: float,
    rng: np.random.Generator,
    limits: Box | None,
) -> Callable[[str], int]:
    """Return the function that moves `x` once, in place, and counts the chains that moved."""
    values = np.array(scores_at(score, x, "the start"))
    logs = np.array(_log_densities(logpdf, x, "the start"))
    if np.isinf(logs).any():
        raise ValueError(f"x0: expected positive densities, got {int(np.isinf(logs).sum())} that are not")
    noise = np.empty_like(x)
    scale = x.dtype.type(np.sqrt(h) * np.sqrt(2.0))

    def step(where: str) -> int:
        draw(rng, noise)
        with np.errstate(over="ignore", invalid="ignore"):
            proposal = x + h * values + scale * noise
        if not np.isfinite(proposal).all():
            raise ConvergenceError(
                f"step_size: proposals overflow at {where}; expected a smaller step than {h:g}"
            )
        # Beyond limits there is no density, and functions need not know it: they are asked at the limit.
        asked = proposal if limits is None else np.clip(proposal, *np.array(limits).T)
        ahead = scores_at(score, asked, where)
        logs_ahead = _log_densities(logpdf, asked, where)
        if limits is not None:
            beyond = asked != proposal
            logs_ahead = np.where(beyond.any(axis=1) if x.ndim == 2 else beyond, -np.inf, logs_ahead)
        with np.errstate(over="ignore", invalid="ignore"):
            back = (x - proposal - h * ahead) / scale
            ratio = logs_ahead - logs + (_squares(noise) - _squares(back)) / 2
        # log of a uniform number, without the zero that would accept anything.
        accept = ratio > -rng.standard_exponential(len(x))
        for kept, new in ((x, proposal), (values, ahead), (logs, logs_ahead)):
            kept[accept] = new[accept]
        return int(accept.sum())

    return step


def _log_densities(logpdf: Callable[[FloatArray], FloatArray], x: FloatArray, where: str) -> FloatArray:
    logs = as_returned("logpdf", logpdf(x), x.shape[:1], "one number a chain, shape")
    if np.isnan(logs).any() or (logs == np.inf).any():
        raise ConvergenceError(f"logpdf: returned NaN or infinity at {where}")
    return logs


def _squares(x: FloatArray) -> FloatArray:
    return x**2 if x.ndim == 1 else np.einsum("nd,nd->n", x, x)
