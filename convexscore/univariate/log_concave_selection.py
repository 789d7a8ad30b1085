"""The weight decay of log-concave scores: by the held-out likelihood of their exact densities.

A log-concave score always has a density or is nearly one that has, and its masses are where the score says,
so that the likelihood sees all that matters; the loss of score matching sees little of heavy ties.  Folds are
made of distinct positions, so that weights count as repetitions do.  The mass of a heavy tie is in all of
them: left out as a whole it would say nothing of the rest.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import product

import numpy as np

from .._support.parallel import run_all
from .._support.progress import each
from .._support.seeds import generator
from .._support.validation import FloatArray
from ..errors import NotNormalizableError
from ..numerics.monotone_pieces import MonotonePieces
from ..problem import Problem
from .bounds import boundedness_bound, program_bounds
from .integrable import solve_integrable
from .program import UnivariateProgram
from .reconstruction import reconstruct
from .selection import select_univariate_decay
from .solvers.log_concave_active_set import solve_log_concave
from .spline import SplineProblem

__all__ = ["select_decay_on_the_line", "select_log_concave_decay"]

_FOLDS = 5
# Weight decays tried, from where the score is a line down to this share of the way to the boundedness bound.
_TRIED, _SMALLEST = 16, 1e-3
# Ties above this share of a fold's mass are in all folds.
_HEAVY = 0.25
# Gains in likelihood, in nats over all positions, that are not worth a smaller weight decay.
_NEGLIGIBLE = 0.75


def select_decay_on_the_line(
    problem: Problem,
    method: str,
    rng: np.random.Generator | int | None,
    *,
    progress: bool = False,
    n_jobs: int | None = None,
    **options: float | int,
) -> float:
    """Choose the weight decay for data with one feature; see `select_beta` for the parameters."""
    if problem.shape is None:
        select: Callable[..., float] = select_univariate_decay
        return select(problem, method, rng, progress=progress, n_jobs=n_jobs, **options)
    return select_log_concave_decay(problem, rng, progress, n_jobs)


def select_log_concave_decay(
    problem: Problem,
    rng: np.random.Generator | int | None = None,
    progress: bool = False,
    n_jobs: int | None = None,
) -> float:
    """Choose the weight decay of a log-concave score.

    Parameters
    ----------
    problem : Problem
        With one feature and the shape ``"log-concave"``.
    rng : Generator or seed, optional
        Source of the folds.
    progress : bool
        Show a progress bar (needs tqdm).
    n_jobs : int, optional
        Workers that fit folds, see `run_all`.

    Returns
    -------
    float
        The largest weight decay whose held-out likelihood is next to the best.
    """
    program = UnivariateProgram.from_problem(problem)
    bounds = program_bounds(program)
    lowest = bounds.minimum * (1 + 1e-6)
    room = bounds.linear - lowest
    if room <= 0:
        return lowest
    # What ties ask for is no matter of choice: the rest is.
    extra = room * np.geomspace(1.0, _SMALLEST, _TRIED)
    tasks = list(product(_folds(program, generator(rng, "select_beta")), extra.tolist()))
    fitted = run_all(partial(_held_out_likelihood, program, problem.tail_unit), tasks, n_jobs)
    likelihoods = list(each(fitted, progress, len(tasks), "fits to folds"))
    total = np.zeros(_TRIED)
    for fold in np.reshape(likelihoods, (_FOLDS, _TRIED)):
        total += fold
    if total.max() == -np.inf:
        return bounds.linear
    gain = (total - total.max()) * program.position.size / float(program.frequencies.sum())
    return float(lowest + extra[gain >= -_NEGLIGIBLE].max())


def _folds(program: UnivariateProgram, rng: np.random.Generator) -> list[FloatArray]:
    """Return the total sample weights of every fold."""
    n = program.position.size
    counts = program.frequencies
    heavy = counts > _HEAVY * counts.sum() / _FOLDS
    fold_of = rng.permutation(np.arange(n) % _FOLDS)
    return [np.where(heavy, counts / _FOLDS, counts * (fold_of == k)) for k in range(_FOLDS)]


def _held_out_likelihood(
    program: UnivariateProgram, tail_unit: float, task: tuple[FloatArray, float]
) -> float:
    """Return the log-likelihood of a fold under the density that is fitted to the others.

    `task` is the fold's sample weights, and how far above the boundedness bound the weight decay of all data
    is; that of the others is nearer by the square root of their share, like the noise that it is there to
    outweigh.
    """
    held_out, extra = task
    left = program.frequencies - held_out
    rest = program.restricted(program.mass - held_out * (program.mass / program.frequencies), left)
    if rest.position.size < 2:
        return -np.inf
    own = boundedness_bound(rest) * (1 + 1e-6) + extra * np.sqrt(rest.total / program.total)
    fitted = SplineProblem(rest, float(own))
    try:
        found = solve_integrable(fitted, solve_log_concave(fitted).spline, tail_unit, "log-concave")
    except NotNormalizableError:
        return -np.inf
    density = MonotonePieces.of(reconstruct(found.problem, found.spline).piecewise, program.limits)
    left_out = held_out > 0
    height = density.exponent(program.position[left_out]) - density.log_total
    return float(np.sum(held_out[left_out] * height))
