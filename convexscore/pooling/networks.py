"""Certified score matching at many weight decays: the networks among the members, on the line.

Members are solved for like any score, by the active-set method, all at once or, of many values, each from the
one at the weight decay above; their certificates cost more than they do and are made when asked for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import cast

import numpy as np

from .._support.parallel import run_all
from .._support.progress import each
from .._support.validation import FloatArray
from ..objectives import ScoreMatching
from ..problem import Problem
from ..results import Solution, SolveStats
from ..univariate.bounds import boundedness_bound
from ..univariate.certificate import certified_solution
from ..univariate.grid import Grid
from ..univariate.moments import Blocks
from ..univariate.path import spline_path
from ..univariate.program import UnivariateProgram
from ..univariate.selection import _Noise
from ..univariate.solvers.many import solve_many
from ..univariate.spline import Spline, SplineProblem
from .laws import NetworkLaw
from .points import Points
from .voting import Noise

__all__ = ["Fit", "fitted_networks", "jittered", "measured_noise"]

# Bootstrap replicates, rounds of fitting, and the points that are enough for it.
_REPLICATES, _ROUNDS, _ENOUGH = 100, 3, 20_000
_CONFIDENCE = 0.9
# Where a network is held by the boundedness bound it keeps this far from it.
_HAIR = 1.001
# Five values of mean zero and mean square one, as even steps of a Gaussian would have them.
_JITTERS = np.array([-1.1906, -0.5, 0.0, 0.5, 1.1906])
_JITTERS = _JITTERS / np.sqrt(np.mean(_JITTERS**2))
# Up to so many values programs are solved at once.
_SMALL = 4096
# Beyond so many values neighbours are put together before they are jittered, which hides them anyway.
_MOST_JITTERED = 40_000


def measured_noise(points: Points, rng: np.random.Generator) -> Noise:
    """Return the noise of all points; of very many, that of a random part times the root of its share."""
    part = points
    if points.value.size > _ENOUGH:
        index, mass = points.units(max(points.value.size, 10 * _ENOUGH))
        chosen = np.sort(rng.choice(index.size, _ENOUGH, replace=False))
        part = replace(points, value=points.value[index[chosen]], mass=mass[chosen])
    objective = part.objective
    program = UnivariateProgram.from_objective(objective, "relu", True)
    if program.position.size < 3:
        # Between two values there is no place for a kink.
        return Noise(boundedness_bound(program), True)
    noise = _Noise(objective, program, _REPLICATES, rng)
    level = noise.about_the_fit(_ROUNDS) * np.sqrt(points.total / program.frequencies.sum())
    return Noise(float(level), noise.straightness(_CONFIDENCE) is not None)


@dataclass(frozen=True, eq=False)
class Fit:
    """A member's program, the weight decay, and the function on the data's range that solves it.

    With limits also where the weight of the loss stops growing.
    """

    program: UnivariateProgram
    beta: float
    spline: Spline
    boundary_weight: float | None = None

    @property
    def law(self) -> NetworkLaw:
        """The law of the score, its tails made to decay."""
        knots = SplineProblem(self.program, self.beta).knots(self.spline.kinks)
        position = self.program.position[knots]
        return NetworkLaw.with_tails(position, self.spline.values, self.program.limits)

    @property
    def n_kinks(self) -> int:
        """Number of kinks."""
        return int(self.spline.kinks.size)

    def solution(self) -> Solution:
        """Return network and certificate, in the units of the program."""
        problem = SplineProblem(self.program, self.beta)
        stats = SolveStats("active_set", 0, 0.0, self.program.n_atoms)
        found = certified_solution(problem, self.spline, "optimal", stats, 1e-8)
        program = self.program
        data = ScoreMatching(program.position, program.frequencies, program.limits, self.boundary_weight)
        return replace(found, problem=Problem(data, "relu", skip=True))


def fitted_networks(
    requests: Sequence[tuple[Points, FloatArray]], progress: bool = False, n_jobs: int | None = None
) -> list[list[Fit]]:
    """Return the networks for several points, at the weight decays asked for with each.

    Weight decays below the boundedness bound are lifted to it.  Workers divide programs of many values.
    """
    programs, heights, lifted = [], [], []
    for points, betas in requests:
        objective = points.objective
        program = UnivariateProgram.from_objective(objective, "relu", True)
        programs.append(program)
        # A number: that is what points with limits have by default.
        heights.append(cast("float | None", objective.boundary_weight))
        lifted.append(np.maximum(betas, _HAIR * boundedness_bound(program)))
    grids = [np.unique(betas)[::-1] for betas in lifted]
    found: list[list[Fit]] = [[] for _ in requests]
    # Small ones all at once, those of about the same size next to one another.
    sizes = np.array([program.position.size for program in programs])
    small = [number for number in np.argsort(sizes, kind="stable") if sizes[number] <= _SMALL]
    splines = iter(_solved([(programs[number], grids[number]) for number in small]))
    for number in small:
        found[number] = [
            Fit(programs[number], float(beta), next(splines), heights[number]) for beta in grids[number]
        ]
    large = np.flatnonzero(sizes > _SMALL).tolist()
    paths = run_all(_path, [(programs[number], grids[number]) for number in large], n_jobs)
    for number, path in zip(large, each(paths, progress, len(large), "networks"), strict=True):
        found[number] = [
            Fit(programs[number], beta, spline, heights[number])
            for beta, spline in zip(grids[number].tolist(), path, strict=True)
        ]
    return [
        [fits[place] for place in np.searchsorted(-grid, -betas)]
        for fits, grid, betas in zip(found, grids, lifted, strict=True)
    ]


def _path(task: tuple[UnivariateProgram, FloatArray]) -> list[Spline]:
    """Return the solutions at descending weight decays, each from the one before."""
    program, betas = task
    return [spline for _, spline in spline_path(Blocks(program), betas)]


def _solved(problems: list[tuple[UnivariateProgram, FloatArray]]) -> list[Spline]:
    """Return the solutions at all weight decays of each program."""
    if not problems:
        return []
    grids = [grid for program, betas in problems for grid in [Grid(program)] * betas.size]
    return solve_many(grids, np.concatenate([betas for _, betas in problems]))


def jittered(points: Points, width: float) -> Points:
    """Return five points of a fifth of the mass around each, `width` wide; mean and variance stay.

    Between limits those that would be beyond one are reflected, and mean and variance change.
    """
    points = points.coarse(_MOST_JITTERED)
    low, high = points.limits
    steps = width * _JITTERS
    mean, shrink = points.mean, 1 / np.sqrt(1 + width**2 / points.variance)
    if points.limited:
        mean, shrink = 0.0, 1.0
    value = mean + ((points.value - mean)[:, None] + steps) * shrink
    if points.limited:
        value = np.where(value < low, 2 * low - value, value)
        value = np.clip(np.where(value > high, 2 * high - value, value), low, high)
    mass = np.repeat(points.mass / _JITTERS.size, _JITTERS.size)
    order = np.argsort(value, axis=None, kind="stable")
    return Points.merged(value.ravel()[order], mass[order], points.limits)
