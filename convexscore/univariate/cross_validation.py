"""Cross-validation over the weight decay, all folds and weight decays at once.

Held-out score matching is noisy: its trace counts the slope at single points, and near a kink slopes are
what differs most between fits.  So held-out points are blurred by a little Gaussian noise of width ``h``,
over which the loss of a piecewise linear score has a closed form,

    1/w sum_i w_i E[ s'(x_i + h xi) + 1/2 s(x_i + h xi)^2 ],

which is the denoising loss at noise level ``h`` up to a constant.  Data with limits keep the weight of their
loss and its derivative while they are blurred: what is minimized is then a local mean of scores.  Each fold
makes its own program, so no kink is placed at a held-out point.  Its fits start from the kinks of the fit to
all data, which decide nothing: the optimum is one.

Folds are made of distinct samples: equal ones are in one fold, as one of their total weight would be.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from .._support.validation import FloatArray
from ..numerics.gaussian_moments import BlurredData
from ..numerics.piecewise import PiecewiseLinear
from ..objectives import Objective, boundary_of, chosen_samples, has_limits
from .bounds import boundedness_bound
from .grid import Grid
from .moments import Blocks
from .program import UnivariateProgram
from .reconstruction import score_of
from .solvers.active_set import solve_active_set
from .solvers.many import solve_many
from .spline import Spline, SplineProblem

__all__ = ["FoldLosses", "Folds", "cross_validate", "fits_on_a_grid", "refined", "smoothing_width"]

Fits = list[tuple[SplineProblem, Spline]]

# On a grid, kinks are at about so many positions, at all if there are up to twice as many.
_CELLS = 1000
# Up to so many samples it is the fits themselves that decide.
_FEW = 10_000
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

    Returns
    -------
    FoldLosses
        Of very many samples, of fits whose kinks are on a grid.
    """
    whole = UnivariateProgram.from_objective(objective, activation, skip)
    fits = fits_on_a_grid(whole, np.maximum(betas, boundedness_bound(whole) * _HAIR))
    folds = Folds(objective, betas, fits, n_folds, rng, n_repeats)
    cells = _CELLS if len(objective.X) > _FEW else None
    return FoldLosses(betas, folds.losses(np.arange(betas.size), cells))


class Folds:
    """Fits to all folds but one, in turn, at several weight decays; see `cross_validate`.

    Parameters
    ----------
    objective, betas, n_folds, rng, n_repeats
        As there.
    fits : list of (SplineProblem, Spline)
        `fits_on_a_grid` to all data at these weight decays.
    """

    def __init__(
        self,
        objective: Objective,
        betas: FloatArray,
        fits: Fits,
        n_folds: int,
        rng: np.random.Generator,
        n_repeats: int,
    ) -> None:
        self.betas, self.width = betas, smoothing_width(objective)
        self.many = len(objective.X) > _FEW
        whole = fits[0][0].program
        guides = [(whole.position[spline.kinks], problem.signs_of(spline)) for problem, spline in fits]
        folds = np.arange(len(objective.X)) % n_folds
        self.parts = [
            _Part.of(objective, whole, fold_of == fold, betas, guides)
            for fold_of in (rng.permutation(folds) for _ in range(n_repeats))
            for fold in range(n_folds)
        ]

    @cached_property
    def _rough(self) -> FloatArray:
        return self.losses(np.arange(self.betas.size), _CELLS)

    @cached_property
    def _exact(self) -> FloatArray:
        """Losses of the fits themselves, NaN where they are not known."""
        every = all(Grid(part.program, _CELLS).is_all for part in self.parts)
        return self._rough if every or self.many else np.full(self._rough.shape, np.nan)

    def best(self, allowed: NDArray[np.bool_]) -> float:
        """Return the weight decay of the least loss among those allowed, if there are any.

        Fits whose kinks are on a grid show about where it is; then, but for very many samples, the fits
        themselves decide, from one weight decay to the next.
        """
        chosen = FoldLosses(self.betas, self._rough).best(allowed=allowed)
        while True:
            place = int(np.flatnonzero(self.betas == chosen)[0])
            near = np.arange(max(place - 1, 0), min(place + 2, self.betas.size))
            missing = near[np.isnan(self._exact[near, 0])]
            if missing.size == 0:
                return chosen
            self._exact[missing] = self.losses(missing, None)
            known = ~np.isnan(self._exact[:, 0])
            chosen = FoldLosses(self.betas[known], self._exact[known]).best(allowed=allowed[known])

    def losses(self, places: NDArray[np.intp], cells: int | None) -> FloatArray:
        """Return the losses at some of the weight decays, (n_betas, n_parts), with kinks on a grid or not."""
        grids = [Grid(part.program, cells) for part in self.parts]
        found = solve_many(
            [grid for grid in grids for _ in places],
            np.concatenate([part.betas[places] for part in self.parts]),
            [
                grid.nearest(*part.guides[place])
                for part, grid in zip(self.parts, grids, strict=True)
                for place in places
            ],
        )
        each = [found[start : start + places.size] for start in range(0, len(found), places.size)]
        return np.array(
            [
                part.losses(places, fits, grid, self.width)
                for part, fits, grid in zip(self.parts, each, grids, strict=True)
            ]
        ).T


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
    return problem, solve_active_set(problem, spline.kinks, on_grid.signs_of(spline)).spline


@dataclass(frozen=True, eq=False)
class _Part:
    """One fold left out, and what is fitted to the rest: its weight decays, and kinks to start from."""

    rest: Objective
    program: UnivariateProgram
    betas: FloatArray
    guides: list[tuple[FloatArray, FloatArray]]

    @classmethod
    def of(
        cls,
        objective: Objective,
        whole: UnivariateProgram,
        held_out: NDArray[np.bool_],
        betas: FloatArray,
        guides: list[tuple[FloatArray, FloatArray]],
    ) -> _Part:
        training, rest = chosen_samples(objective, ~held_out), chosen_samples(objective, held_out)
        program = UnivariateProgram.from_objective(training, whole.activation, whole.skip)
        own = np.maximum(betas * np.sqrt(program.total / whole.total), boundedness_bound(program) * _HAIR)
        return cls(rest, program, own, list(guides))

    def losses(self, places: NDArray[np.intp], fits: list[Spline], grid: Grid, width: float) -> FloatArray:
        """Return the losses of fits at some weight decays, and start from these fits the next time."""
        scores = []
        for place, spline in zip(places, fits, strict=True):
            problem = SplineProblem(self.program, float(self.betas[place]), grid)
            scores.append(score_of(problem, spline))
            self.guides[place] = self.program.position[spline.kinks], problem.signs_of(spline)
        if self.rest.has_trace:
            losses = _blurred_losses(self.rest, scores, width)
        else:
            # Denoising losses need no blur: the labels stand in for the trace.
            losses = np.array([self.rest.loss(score) for score in scores])
        return losses / float(self.rest.weights.sum())


def _blurred_losses(rest: Objective, scores: list[PiecewiseLinear], width: float) -> FloatArray:
    """Return the losses of scores at blurred samples, which keep their own weights at limits."""
    x = rest.X[:, 0]
    if not has_limits(rest):
        return BlurredData.from_samples(x, rest.weights, width).score_matching_losses(scores)
    share, gradient = boundary_of(rest)
    losses = BlurredData.from_samples(x, rest.weights * share, width).score_matching_losses(scores)
    pulls = BlurredData.from_samples(x, rest.weights * gradient[:, 0], width)
    return losses + np.array([pulls.integral(score) for score in scores])


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
