"""The solutions of all noise levels: one started from the other, or shared by workers where none is."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from .._support.parallel import run_all
from .._support.progress import each, steps
from ..families import family_of
from ..objectives import DenoisingScoreMatching, ExpectedDenoising
from ..problem import Problem
from ..results import Solution
from ..solve import solve
from .decays import level_problem

__all__ = ["problem_of_level", "solved_levels"]

# Makes the objective of a noise level.
AtLevel = Callable[[float], DenoisingScoreMatching | ExpectedDenoising]


def solved_levels(
    at_level: AtLevel,
    levels: list[tuple[float, float]],
    activation: str,
    skip: bool,
    options: dict[str, Any],
    progress: bool,
    n_jobs: int | None,
) -> list[Solution]:
    """Return the solution of each level.

    Parameters
    ----------
    at_level : callable
        Makes the objective of a level.
    levels : list of (float, float)
        Noise level and weight decay of each, from the largest noise down.
    activation, skip, options
        Those of `solve`.
    progress : bool
        Show a progress bar (needs tqdm).
    n_jobs : int, optional
        Workers of joblib.
    """
    solve_level = partial(_solved, at_level, activation, skip, options)
    first = problem_of_level(at_level, activation, skip, options, levels[0][0])
    # Of levels without weight decay and with one the families differ, of others they do not.
    kinds = {beta == 0: beta for _, beta in levels}.values()
    if not any(_takes(first, beta, "start", options) for beta in kinds):
        return list(each(run_all(solve_level, levels, n_jobs), progress, len(levels), "noise levels"))
    solutions: list[Solution] = []
    for number in steps(len(levels), progress, "noise levels"):
        start = solutions[-1].network if solutions and solutions[-1].network.n_neurons else None
        solutions.append(solve_level(levels[number], start, n_jobs))
    return solutions


def problem_of_level(
    at_level: AtLevel,
    activation: str,
    skip: bool,
    options: dict[str, Any],
    sigma: float,
) -> Problem:
    """Return the problem of a level; `options` are those of `solve`."""
    return level_problem(at_level(sigma), activation, skip, options)


def _takes(problem: Problem, beta: float, option: str, options: dict[str, Any]) -> bool:
    """Return whether the solver of a level has an option."""
    solver = options.get("solver", "auto")
    known = family_of(problem, beta, solver).row(solver).option_names(problem)
    return known is not None and option in known


def _solved(
    at_level: AtLevel,
    activation: str,
    skip: bool,
    options: dict[str, Any],
    level: tuple[float, float],
    start: Any = None,
    n_jobs: int | None = None,
) -> Solution:
    """Solve one level, from the network of the level before where there is one."""
    sigma, beta = level
    objective, given = at_level(sigma), dict(options)
    problem = level_problem(objective, activation, skip, options)
    for name, value in (("start", start), ("n_jobs", n_jobs)):
        if value is not None and _takes(problem, beta, name, options):
            given.setdefault(name, value)
    return solve(objective, beta, activation, skip, **given)
