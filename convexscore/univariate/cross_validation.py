"""Cross-validation over the weight decay, one warm-started path a fold.

Held-out score matching is noisy: its trace counts the slope at single points, and near a kink slopes are
what differs most between fits.  So held-out points are blurred by a little Gaussian noise of width ``h``,
over which the loss of a piecewise linear score has a closed form,

    1/w sum_i w_i E[ s'(x_i + h xi) + 1/2 s(x_i + h xi)^2 ],

which is the denoising loss at noise level ``h`` up to a constant.  Each fold makes its own program, so no
kink is placed at a held-out point.

Folds are made of distinct samples: equal ones are in one fold, as one of their total weight would be.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from .._support.validation import FloatArray
from ..numerics.gaussian_moments import BlurredData
from ..numerics.piecewise import PiecewiseLinear
from ..objectives import Objective
from .bounds import boundedness_bound
from .path import regularization_path
from .program import UnivariateProgram

__all__ = ["FoldLosses", "cross_validate", "smoothing_width"]


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
    """
    width = smoothing_width(objective)
    folds = np.arange(len(objective.X)) % n_folds
    columns = []
    for fold_of in (rng.permutation(folds) for _ in range(n_repeats)):
        for fold in range(n_folds):
            columns.append(_fold_losses(objective, fold_of == fold, betas, (activation, skip), width))
    return FoldLosses(betas, np.array(columns).T)


def _fold_losses(
    objective: Objective,
    held_out: NDArray[np.bool_],
    betas: FloatArray,
    network: tuple[str, bool],
    width: float,
) -> list[float]:
    training, rest = _subset(objective, ~held_out), _subset(objective, held_out)
    program = UnivariateProgram.from_objective(training, *network)
    share = program.total / float(objective.weights.sum())
    own = np.maximum(betas * np.sqrt(share), boundedness_bound(program) * (1 + 1e-6))
    path = regularization_path(training, *network, betas=own)
    losses = {beta: _held_out_loss(rest, path.network(beta).piecewise, width) for beta in np.unique(own)}
    return [losses[beta] for beta in own]


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


def _held_out_loss(objective: Objective, score: PiecewiseLinear, width: float) -> float:
    total = float(objective.weights.sum())
    if not objective.has_trace:
        # Denoising losses need no blur: the labels stand in for the trace.
        return objective.loss(score) / total
    blurred = BlurredData.from_samples(objective.X[:, 0], objective.weights, width)
    return blurred.score_matching_loss(score) / total
