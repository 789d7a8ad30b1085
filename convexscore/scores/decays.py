"""Weight decays of noise-conditional scores: chosen at some levels, and between them powers of the noise.

The noise that a kink has to outweigh varies smoothly with the level, so a choice at every third level is as
good as one at each of them, at a third of the cost.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._support.parallel import has_workers, run_all
from .._support.progress import each
from .._support.validation import FloatArray
from ..families import family_of
from ..objectives import DenoisingScoreMatching, ExpectedDenoising
from ..problem import Problem

__all__ = ["KIND", "chosen_decays", "level_problem"]

#: Arguments of `solve` that say what kind of network is trained.
KIND = ("bias", "gated", "patterns", "penalty", "shape", "refit", "tails", "conservative")
# Replicates of the noise and preliminary fits where it is drawn.
_FEW = {"n_replicates": 20, "n_iterations": 1}


def level_problem(
    objective: DenoisingScoreMatching | ExpectedDenoising,
    activation: str,
    skip: bool,
    options: Mapping[str, Any],
) -> Problem:
    """Return the problem of one level; `options` are those of `solve`."""
    return Problem(objective, activation, skip, **{name: options[name] for name in KIND if name in options})


def chosen_decays(
    problem_at: Callable[[float], Problem],
    levels: FloatArray,
    stride: int,
    copies: int | None,
    progress: bool = False,
    n_jobs: int | None = None,
) -> list[float]:
    """Return a weight decay for each level, chosen at the first, the last, and some between.

    Parameters
    ----------
    problem_at : callable
        Makes the problem of a level.
    levels : ndarray of shape (n_levels,)
        Geometric noise levels.
    stride : int
        Levels from one whose weight decay is chosen to the next, at most.
    copies : int or None
        How many samples of a problem are draws of one; None if the noise is integrated out.
    progress : bool
        Show progress bars (needs tqdm).
    n_jobs : int, optional
        Workers of joblib that share the levels, or the one level's own work, see `select_beta`.

    Returns
    -------
    list of float

    Examples
    --------
    >>> import numpy as np, convexscore as cs
    >>> from convexscore.problem import Problem
    >>> from convexscore.scores.decays import chosen_decays
    >>> x = np.random.default_rng(0).exponential(size=40)
    >>> def problem_at(sigma):
    ...     return Problem(cs.DenoisingScoreMatching.expected(x, sigma), skip=True)
    >>> decays = chosen_decays(problem_at, np.geomspace(0.8, 0.1, 4), 3, None)
    >>> len(decays), bool(np.allclose(np.diff(np.log(decays), 2), 0))
    (4, True)
    """
    last = levels.size - 1
    places = np.rint(np.linspace(0, last, -(-last // stride) + 1)).astype(np.intp)
    # Workers have a level each, and draw no bars; one level is divided itself.
    alone = places.size == 1 or not has_workers(n_jobs)
    choose = partial(_chosen, problem_at, copies, progress and alone, n_jobs if alone else None)
    found = run_all(choose, levels[places].tolist(), 1 if alone else n_jobs)
    chosen = list(each(found, progress, places.size, "weight decays"))
    return _between(np.array(chosen), places, levels.size)


def _between(known: FloatArray, places: NDArray[np.intp], n_levels: int) -> list[float]:
    """Interpolate geometrically, where no weight decay is zero."""
    if places.size == n_levels or known.min() <= 0:
        return np.interp(np.arange(n_levels), places, known).tolist()
    # In numbers of levels, which are as good as their logarithms and the same in all units.
    between = np.exp(np.interp(np.arange(n_levels), places, np.log(known)))
    between[places] = known
    return between.tolist()


def _chosen(
    problem_at: Callable[[float], Problem],
    copies: int | None,
    progress: bool,
    n_jobs: int | None,
    level: float,
) -> float:
    """Choose the weight decay of one level."""
    problem = problem_at(level)
    bars: dict[str, Any] = {"progress": progress, "n_jobs": n_jobs}
    family = family_of(problem)
    if copies is None:
        return family.checked_select(problem, "combined", 0, {}, **bars)
    # Draws after draws of all samples.
    groups = np.tile(np.arange(len(problem.objective.X) // copies), copies) if copies > 1 else None
    return family.checked_select(problem, "bootstrap", 0, _FEW, groups, **bars)
