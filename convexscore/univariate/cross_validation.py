"""Cross-validation over the weight decay, all folds and weight decays at once.

Held-out score matching is noisy: its trace counts the slope at single points, and near a kink slopes are
what differs most between fits.  So held-out points are blurred by a little Gaussian noise of width ``h``,
over which the loss of a piecewise linear score has a closed form,

    1/w sum_i w_i E[ s'(x_i + h xi) + 1/2 s(x_i + h xi)^2 ],

which is the denoising loss at noise level ``h`` up to a constant.  Each fold makes its own program, so no
kink is placed at a held-out point.  Its fits start from the kinks of the fit to all data, which decide
nothing: the optimum is one.

Folds are made of distinct samples: equal ones are in one fold, as one of their total weight would be.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from .._support.validation import FloatArray
from ..numerics.gaussian_moments import BlurredData
from ..objectives import Objective
from .bounds import boundedness_bound
from .grid import Grid
from .moments import Blocks
from .program import UnivariateProgram
from .reconstruction import score_of
from .solvers.active_set import solve_active_set
from .solvers.many import solve_many
from .spline import Spline, SplineProblem

__all__ = ["FoldLosses", "cross_validate", "fits_on_a_grid", "refined", "smoothing_width"]

Fits = list[tuple[SplineProblem, Spline]]

# Beyond twice so many positions, kinks of fits to parts are at about so many of them.
_CELLS = 1000
# Weight decays keep this far from the boundedness bound.
_HAIR = 1 + 1e-6


@dataclass(frozen=True, eq=False)
class FoldLosses:
    """Held-out losses per unit of weight.

    Parameters
    ----------
    betas : ndarray of shape (n_betas,)
        Weight decays for the whole data.
    losses : ndarray of shape (n_betas, n_folds)
        Loss of each fold at the fit to the others.
    """

    betas: FloatArray
    losses: FloatArray

    def best(self, standard_errors: float = 0.0, allowed: NDArray[np.bool_] | None = None) -> float:
        """Return the largest weight decay within that many standard errors of the least mean loss.

        Only those marked in `allowed` count, if there are any.
        """
        mean = self.losses.mean(axis=1)
        if allowed is not None and allowed.any():
            mean = np.where(allowed, mean, np.inf)
        least = int(np.argmin(mean))
        # The folds share their difficulty; only differences between fits are noise of the choice.
        difference = self.losses - self.losses[least]
        spread = difference.std(axis=1, ddof=1) / np.sqrt(self.losses.shape[1])
        return float(self.betas[mean <= mean[least] + standard_errors * spread].max())


def cross_validate(
    objective: Objective,
    betas: FloatArray,
    activation: str,
    skip: bool,
    n_folds: int,
    rng: np.random.Generator,
    n_repeats: int = 1,
    fits: Fits | None = None,
) -> FoldLosses:
    """Fit to all folds but one, in turn, and return the losses on the one left out.

    Parameters
    ----------
    objective : ScoreMatching or DenoisingScoreMatching
        Distinct samples with one feature, sorted (`objectives.distinct_rows`).
    betas : ndarray of shape (n_betas,)
        Weight decays for the whole data; a fold's are smaller by the square root of its share, like the
        noise they are there to outweigh, but not below its boundedness bound.
    activation, skip
        The network.
    n_folds : int
        Number of folds.
    rng : Generator
        Assigns samples to folds.
    n_repeats : int
        How often all of this is done, each time with other folds.
    fits : list of (SplineProblem, Spline), optional
        `fits_on_a_grid` at these weight decays, if they are known.

    Returns
    -------
    FoldLosses
    """
    width = smoothing_width(objective)
    folds = np.arange(len(objective.X)) % n_folds
    whole = UnivariateProgram.from_objective(objective, activation, skip)
    if fits is None:
        fits = fits_on_a_grid(whole, np.maximum(betas, boundedness_bound(whole) * _HAIR))
    guides = _guides(fits)
    parts, columns = [], []
    for fold_of in (rng.permutation(folds) for _ in range(n_repeats)):
        parts += [_Fold.of(objective, whole, fold_of == fold, betas, guides) for fold in range(n_folds)]
    found = solve_many(
        [fold.grid for fold in parts for _ in betas],
        np.concatenate([fold.betas for fold in parts]),
        [start for fold in parts for start in fold.starts],
    )
    for number, fold in enumerate(parts):
        columns.append(fold.losses(found[number * betas.size : (number + 1) * betas.size], width))
    return FoldLosses(betas, np.array(columns).T)


def fits_on_a_grid(program: UnivariateProgram, betas: FloatArray) -> Fits:
    """Return the solutions at some weight decays above the boundedness bound, on the grid that folds have."""
    grid = Grid(program, _CELLS)
    splines = solve_many([grid] * betas.size, betas)
    return [
        (SplineProblem(program, float(beta), grid), spline)
        for beta, spline in zip(betas, splines, strict=True)
    ]


def refined(fit: tuple[SplineProblem, Spline], blocks: Blocks) -> tuple[SplineProblem, Spline]:
    """Return the solution itself, from that on a grid."""
    on_grid, spline = fit
    problem = SplineProblem(on_grid.program, on_grid.beta, blocks)
    return problem, solve_active_set(problem, spline.kinks, on_grid.signs(spline)).spline


def _guides(fits: Fits) -> list[tuple[FloatArray, FloatArray]]:
    """Return where the kinks of solutions are, and their signs."""
    return [(problem.program.position[spline.kinks], problem.signs(spline)) for problem, spline in fits]


@dataclass(frozen=True, eq=False)
class _Fold:
    """One part left out, and what is fitted to the rest: weight decays, and kinks to start from."""

    rest: Objective
    grid: Grid
    betas: FloatArray
    starts: list[tuple[NDArray[np.intp], FloatArray]]

    @classmethod
    def of(
        cls,
        objective: Objective,
        whole: UnivariateProgram,
        held_out: NDArray[np.bool_],
        betas: FloatArray,
        guides: list[tuple[FloatArray, FloatArray]],
    ) -> _Fold:
        training, rest = _subset(objective, ~held_out), _subset(objective, held_out)
        program = UnivariateProgram.from_objective(training, whole.activation, whole.skip)
        lowest = boundedness_bound(program) * _HAIR
        own = np.maximum(betas * np.sqrt(program.total / whole.total), lowest)
        grid = Grid(program, _CELLS)
        return cls(rest, grid, own, [grid.nearest(*guide) for guide in guides])

    def losses(self, fits: list[Spline], width: float) -> FloatArray:
        """Return the losses of fits at each weight decay on the part left out."""
        scores = [
            score_of(SplineProblem(self.grid.program, float(beta), self.grid), spline)
            for beta, spline in zip(self.betas, fits, strict=True)
        ]
        if self.rest.has_trace:
            blurred = BlurredData.from_samples(self.rest.X[:, 0], self.rest.weights, width)
            losses = blurred.score_matching_losses(scores)
        else:
            # Denoising losses need no blur: the labels stand in for the trace.
            losses = np.array([self.rest.loss(score) for score in scores])
        return losses / float(self.rest.weights.sum())


def smoothing_width(objective: Objective) -> float:
    """Return 0.4 of Silverman's bandwidth, ``0.36 min(deviation, interquartile range / 1.34) n^(-1/5)``."""
    # Weights are frequencies: their sum is the number of samples.
    x, weights = objective.X[:, 0], objective.weights
    order = np.argsort(x, kind="stable")
    share = np.cumsum(weights[order]) / weights.sum()
    quartiles = x[order][np.searchsorted(share, [0.25, 0.75])]
    deviation = np.sqrt(np.average((x - np.average(x, weights=weights)) ** 2, weights=weights))
    spread = min(deviation, (quartiles[1] - quartiles[0]) / 1.34) or deviation
    return float(0.36 * spread * weights.sum() ** -0.2)


def _subset(objective: Objective, chosen: NDArray[np.bool_]) -> Objective:
    parts = {"X": objective.X[chosen]}
    if objective.sample_weight is not None:
        parts["sample_weight"] = objective.sample_weight[chosen]
    if not objective.has_trace:
        parts["targets"] = objective.targets[chosen]
    return replace(objective, **parts)  # type: ignore[type-var]  # objectives are dataclasses

