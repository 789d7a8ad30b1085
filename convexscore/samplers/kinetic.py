"""Underdamped Langevin dynamics by the ABOBA splitting (Leimkuhler & Matthews 2013)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from .._support.seeds import generator
from .._support.sizes import as_size
from .._support.validation import FloatArray, as_real
from ..objectives.support import Box
from ._chains import (
    Advance,
    Score,
    as_score,
    chain_limits,
    check_bounded,
    draw,
    reflect,
    run,
    scores_at,
    starting_points,
)

__all__ = ["Kick", "underdamped"]


class Kick:
    """Moves positions, in place, by steps of the splitting; velocities start standard normal.

    Between limits, free flight is reflected at them, and its velocity with it.
    """

    def __init__(
        self,
        y: FloatArray,
        step_size: float,
        friction: float,
        rng: np.random.Generator,
        advice: str,
        limits: Box | None = None,
    ) -> None:
        self.y, self.step_size, self.rng, self.advice = y, step_size, rng, advice
        self.limits = limits
        self.keep = float(np.exp(-friction * step_size))
        self.fresh = float(np.sqrt(-np.expm1(-2 * friction * step_size)))
        self.velocity, self.noise = np.empty_like(y), np.empty_like(y)
        draw(rng, self.velocity)

    def __call__(self, score: Score, where: str) -> None:
        """Make one step."""
        y, v, half = self.y, self.velocity, 0.5 * self.step_size
        self._fly(where)
        values = scores_at(score, y, where)
        draw(self.rng, self.noise)
        with np.errstate(over="ignore", invalid="ignore"):
            push = half * values
            v += push
            v *= self.keep
            self.noise *= self.fresh
            v += self.noise
            v += push
        self._fly(where)
        check_bounded(y, where, self.advice)

    def _fly(self, where: str) -> None:
        """Move positions by half a step."""
        # What is too large is refused as divergence.
        with np.errstate(over="ignore", invalid="ignore"):
            self.y += 0.5 * self.step_size * self.velocity
        if self.limits is not None:
            # Before limits hide it.
            check_bounded(self.y, where, self.advice)
            reflect(self.y, self.limits, self.velocity)


def underdamped(
    score: Score,
    x0: ArrayLike,
    step_size: float,
    n_steps: int,
    friction: float = 1.0,
    rng: np.random.Generator | int | None = None,
    *,
    support: Any = None,
    keep_every: int | None = None,
    progress: bool = False,
    dtype: DTypeLike | None = None,
    n_jobs: int | None = None,
) -> FloatArray:
    """Run underdamped Langevin dynamics by the ABOBA splitting (Leimkuhler & Matthews 2013).

    The pair of position and velocity follows ``dy = v dt``, ``dv = s(y) dt - gamma v dt + sqrt(2 gamma) dB``;
    its stationary law has the score's law for ``y`` and the standard normal for ``v``.  One step of size
    ``D``, with ``a = exp(-gamma D)``::

        y += D/2 v;  v += D/2 s(y);  v = a v + sqrt(1 - a^2) z;  v += D/2 s(y);  y += D/2 v

    Both half kicks use the score at the same point: one evaluation a step.

    Against `langevin` its bias is of second order in the step, and none at all for the positions of a normal
    law; and its chains move with momentum: the time to cross a wide law grows with the width, not its square.

    Parameters
    ----------
    score : callable
        Any score: maps an array of the shape of `x0` to an array of that shape.
    x0 : array of shape (n_chains,) or (n_chains, n_features)
        Starting points, one a chain.
    step_size : float
        The step ``D`` in time, positive; stable below ``2 / sqrt(L)`` where slopes of the score are ``L``.
    n_steps : int
        Number of steps.
    friction : float
        The rate ``gamma``, positive.
    rng : Generator or seed, optional
        Source of the noise; the same seed gives the same samples.
    support : tuple of two floats or None, or a list of such pairs, optional
        Limits of the chains, ``(low, high)`` with one feature, with several a list of one pair, or None, for
        each; None (or infinite) where there is no limit.  Positions, and with them velocities, are reflected
        there.  By default those that the score knows, by a method ``support()`` as laws have it.
    keep_every : int, optional
        Return the positions after every `keep_every` steps; by default only the last are kept.
    progress : bool
        Show a progress bar (needs tqdm).
    dtype : float32 or float64, optional
        Precision of the chains; by default that of `x0`.
    n_jobs : int, optional
        Workers, and blocks of chains, as for `langevin`.

    Returns
    -------
    ndarray of the shape of `x0`, or ``(n_steps // keep_every, *shape)`` with `keep_every`
        Final positions, or the trajectory.

    Raises
    ------
    ValueError
        If an argument is out of range, or the score returns another shape.
    ConvergenceError
        If a chain diverges or the score returns NaN; the message names the step.

    See Also
    --------
    langevin : Without momentum.
    mala : With a step that corrects the law.

    Examples
    --------
    >>> import numpy as np, convexscore as cs
    >>> x = cs.samplers.underdamped(lambda x: -x / 4, np.zeros(2000), step_size=1.0, n_steps=200, rng=0)
    >>> bool(abs(x.var() - 4) < 0.4)
    True

    A law with a limit, whose mean is 1:

    >>> slope, start = lambda x: -np.ones_like(x), np.ones(2000)
    >>> y = cs.samplers.underdamped(slope, start, 0.2, 200, rng=0, support=(0, None))
    >>> bool(y.min() >= 0), bool(abs(y.mean() - 1) < 0.1)
    (True, True)
    """
    x, score = starting_points(x0, dtype), as_score(score)
    step_size = as_real("step_size", step_size, minimum=0.0, strict=True)
    friction = as_real("friction", friction, minimum=0.0, strict=True)
    count = as_size("n_steps", n_steps)
    every = None if keep_every is None else as_size("keep_every", keep_every, minimum=1)
    limits = chain_limits(x, score, support)
    advice = f"step_size: expected a smaller step than {step_size:g}"

    def setup(chains: FloatArray, generator: np.random.Generator) -> Advance:
        kick = Kick(chains, step_size, friction, generator, advice, limits)
        return lambda step: kick(score, f"step {step + 1} of {count}")

    kept = range(every - 1, count, every) if every else range(0)
    x, states = run(
        setup,
        x,
        count,
        generator(rng, "underdamped"),
        description="underdamped langevin",
        progress=progress,
        kept=kept,
        n_jobs=n_jobs,
    )
    return states if every else x
