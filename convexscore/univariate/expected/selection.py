"""Choosing the weight decay of expected denoising: straightness, noise, cross-validation.

The rule of `univariate.selection` with the noise of `expected.noise`: the line is kept if the data do not
speak against it; otherwise the weight decay is a share of the median noise about the fitted score, a quarter
of it, or what cross-validation prefers among shares around that, those whose score has a density first.  The
held-out loss is the objective itself on the samples left out, in closed form.

Preliminary fits are on a grid of kinks a quarter of the noise wide, with no certificate.
Weights are frequencies: everything is computed from distinct samples in ascending order.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from ..._support.parallel import run_all
from ..._support.progress import each, stages
from ..._support.seeds import generator
from ..._support.validation import FloatArray, as_count, as_probability, as_real
from ...numerics.piecewise import PiecewiseLinear
from ...objectives import ExpectedDenoising
from ...problem import Problem
from ..cross_validation import FoldLosses
from ..reconstruction import reconstruct
from ..solvers.active_set import solve_active_set
from ..spline import SplineProblem
from .noise import SmoothStein, straight_level
from .program import ExpectedProgram, expected_bounds, grid_problem

__all__ = ["select_expected_decay"]

# Shares of the noise among which the combined rule cross-validates.
_SHARES = np.geomspace(1.0, 0.06, 9)
# Bootstrap replicates, fewer beyond so many distinct samples, and how often few samples are folded.
_FEW, _REPLICATES, _REPLICATES_OF_MANY, _REPEATS = 10_000, 100, 25, 2
# Plain cross-validation goes down to this part of the linear regime.
_PART, _STEPS = 1e-3, 25
# Grid positions to a width of the noise in preliminary fits.
_FINENESS = 4.0
# Weight decays keep this far from the threshold of the line, and this share of the weight from zero.
_HAIR, _LEAST = 1 + 1e-6, 1e-7


def select_expected_decay(
    problem: Problem,
    method: str,
    rng: np.random.Generator | int | None,
    *,
    confidence: float = 0.9,
    share: float = 0.25,
    n_replicates: int | None = None,
    n_iterations: int = 3,
    n_folds: int = 5,
    progress: bool = False,
    n_jobs: int | None = None,
) -> float:
    """Choose the weight decay of expected denoising; see `select_beta` for the parameters."""
    options = (confidence, share, n_replicates, n_iterations, n_folds)
    with stages(3, progress, "weight decay") as begin:
        return _selected(problem, method, rng, *options, _Run(begin, progress, n_jobs))


@dataclass(frozen=True)
class _Run:
    """Who is told of each stage, whether there are bars, and how many workers."""

    begin: Callable[[str], None]
    progress: bool
    n_jobs: int | None


def _selected(
    problem: Problem,
    method: str,
    rng: np.random.Generator | int | None,
    confidence: float,
    share: float,
    n_replicates: int | None,
    n_iterations: int,
    n_folds: int,
    run: _Run,
) -> float:
    confidence = as_probability("confidence", confidence)
    share = as_real("share", share, minimum=0.0, strict=True)
    replicates = None if n_replicates is None else as_count("n_replicates", n_replicates, minimum=1)
    rounds = as_count("n_iterations", n_iterations, minimum=1)
    folds = as_count("n_folds", n_folds, minimum=2)
    objective = _distinct(problem.objective)
    fits = _CoarseFits(objective, problem.activation, problem.skip)
    n_distinct, source = len(objective.X), generator(rng, "select_beta")
    least = _LEAST * fits.program.total
    if method == "cv":
        if n_distinct < 2 * folds:
            raise ValueError(
                f"X: expected at least {2 * folds} distinct values for method='cv' and n_folds={folds}, "
                f"got {n_distinct}"
            )
        linear = expected_bounds(fits.program).linear
        betas = np.geomspace(max(linear, least), max(_PART * linear, least), _STEPS)
        return _cross_validated(fits, betas, folds, source, 1, run).best(1.0)
    if replicates is None:
        replicates = _REPLICATES if n_distinct <= _FEW else _REPLICATES_OF_MANY
    seeds = [np.random.default_rng(int(seed)) for seed in source.integers(2**63, size=2)]
    run.begin("straightness")
    line = straight_level(*fits.sample, objective.noise_level, confidence, replicates, seeds[0], run.n_jobs)
    if line is not None:
        # With skip the line is the same at every weight decay that keeps it.
        return max(line / fits.program.rules.width, fits.keeps_the_line, least)
    run.begin("noise")
    level = max(_about_the_fit(fits, rounds, replicates, seeds[1], run.n_jobs), least)
    if method == "bootstrap" or n_distinct < 2 * folds:
        return max(share * level, least)
    betas = np.unique(np.maximum(level * _SHARES, least))[::-1]
    normalizable = np.array([not score.failing_tails for score in fits.scores(betas)])
    repeats = _REPEATS if n_distinct <= _FEW else 1
    return _cross_validated(fits, betas, folds, source, repeats, run).best(allowed=normalizable)


def _distinct(objective: ExpectedDenoising) -> ExpectedDenoising:
    """Return the same objective on distinct samples in ascending order, each with its total weight."""
    # Zeros of either sign are one value.
    x, weight = objective.X[:, 0] + 0.0, objective.weights
    # The weights too, so that sums over equal samples are in one order.
    order = np.lexsort((weight, x))
    x = x[order]
    starts = np.flatnonzero(np.concatenate([[True], np.diff(x) > 0]))
    return ExpectedDenoising(
        x[starts], objective.noise_level, sample_weight=np.add.reduceat(weight[order], starts)
    )


class _CoarseFits:
    """Fits whose kinks are on a coarse grid: what the certificate misses is far below the noise."""

    def __init__(self, objective: ExpectedDenoising, activation: str, skip: bool) -> None:
        self.objective = objective
        self.program = ExpectedProgram(objective, activation, skip)
        self._first = grid_problem(self.program, 1.0, self.program.scan(_FINENESS))

    @property
    def sample(self) -> tuple[FloatArray, FloatArray]:
        """Samples and their weights."""
        return self.objective.X[:, 0], self.objective.weights

    @property
    def keeps_the_line(self) -> float:
        """The smallest weight decay, but for a hair, at which the network with skip is a line."""
        program = ExpectedProgram(self.objective, self.program.activation, True)
        return expected_bounds(program).linear * _HAIR

    def scores(self, betas: FloatArray) -> list[PiecewiseLinear]:
        """Return the fitted scores of descending weight decays, each started from the one before."""
        found, kinks, signs = [], np.zeros(0, dtype=np.intp), np.zeros(0)
        for beta in betas:
            problem = SplineProblem(self._first.program, float(beta), self._first.blocks)
            spline = solve_active_set(problem, kinks, signs).spline
            kinks, signs = spline.kinks, problem.signs_of(spline)
            found.append(reconstruct(problem, spline).piecewise)
        return found


def _about_the_fit(
    fits: _CoarseFits, rounds: int, replicates: int, rng: np.random.Generator, n_jobs: int | None
) -> float:
    """Return the median of the noise about the score that is fitted at this very weight decay."""
    process, program = SmoothStein(*fits.sample, fits.objective.noise_level), fits.program
    place, seed = process.grid.position, int(rng.integers(2**63))
    score, level = -(place - program.centre) / program.variance, 0.0
    for remaining in range(rounds - 1, -1, -1):
        # The same factors every time: the iteration converges instead of jittering.
        draws = process.largest(score, replicates, np.random.default_rng(seed), n_jobs)
        level = float(np.median(draws)) / program.rules.width
        if remaining and level > 0:
            score = fits.scores(np.array([level]))[0](place)
    return level


def _cross_validated(
    fits: _CoarseFits, betas: FloatArray, n_folds: int, rng: np.random.Generator, repeats: int, run: _Run
) -> FoldLosses:
    """Fit to all folds but one, in turn, and return the losses per unit of weight on the one left out.

    Weight decays are smaller in a fold by the root of its share, like the noise they are to outweigh.
    """
    run.begin("folds")
    folds = np.arange(len(fits.objective.X)) % n_folds
    orders = [rng.permutation(folds) for _ in range(repeats)]
    held_out = [fold_of == fold for fold_of in orders for fold in range(n_folds)]
    program = fits.program
    fold_losses = partial(
        _fold_losses, fits.objective, program.activation, program.skip, betas, program.total
    )
    columns = each(run_all(fold_losses, held_out, run.n_jobs), run.progress, len(held_out), "folds")
    return FoldLosses(betas, np.array(list(columns)).T)


def _fold_losses(
    objective: ExpectedDenoising,
    activation: str,
    skip: bool,
    betas: FloatArray,
    total: float,
    held_out: NDArray[np.bool_],
) -> list[float]:
    """Return the losses on one fold of fits to the others."""
    others = _CoarseFits(_part(objective, ~held_out), activation, skip)
    rest = _part(objective, held_out)
    weight = float(rest.weights.sum())
    own = betas * np.sqrt(others.program.total / total)
    return [rest.loss(score) / weight for score in others.scores(own)]


def _part(objective: ExpectedDenoising, chosen: NDArray[np.bool_]) -> ExpectedDenoising:
    """Return the objective of some samples."""
    return ExpectedDenoising(
        objective.X[chosen, 0], objective.noise_level, sample_weight=objective.weights[chosen]
    )
