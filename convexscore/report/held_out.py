"""Cross-validation over weight decays: the likelihood of scores on the line, the loss of those in the plane.

Folds are made of distinct samples, as where the weight decay is chosen: equal ones are in one fold, as one of
their total weight would be.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np

from .._support.seeds import generator
from .._support.validation import FloatArray
from ..bounds import beta_bounds
from ..errors import ConvergenceWarning, NotNormalizableError, SolverError, UnboundedError
from ..objectives import boundary_of, chosen_samples, distinct_rows
from ..problem import Problem
from ..scores.density import ScoreDensity
from ..solve import solve
from ..univariate.path import regularization_path

__all__ = ["held_out_likelihoods", "held_out_losses"]

# Weight decays keep this far from the boundedness bound.
_HAIR = 1 + 1e-6
# Relative tolerance of fits to all folds but one: losses differ by far more from fold to fold.
_TOLERANCE = 1e-3


def held_out_likelihoods(
    problem: Problem, betas: FloatArray, n_folds: int, rng: np.random.Generator | int | None
) -> list[float | None]:
    """Return the mean log-likelihood of held-out samples at every weight decay; None where there is none.

    A fold's scores are the best ones that have a density.
    """
    # Absolute values without skip have opposite outer slopes: their optima have a density or they have not.
    tails = None if problem.activation == "abs" and not problem.skip else "integrable"
    total, weight = np.zeros(betas.size), 0.0
    for training, rest, share in _folds(problem, n_folds, rng):
        if np.unique(training.X).size < 2:
            return [None] * betas.size
        lowest = beta_bounds(training, problem.activation, problem.skip).minimum * _HAIR
        own = np.maximum(betas * np.sqrt(share), lowest)
        path = regularization_path(training, problem.activation, problem.skip, own, tails=tails)
        weight += float(rest.weights.sum())
        for place, beta in enumerate(own):
            try:
                density = ScoreDensity(path.network(float(beta)), problem.limits)
                total[place] += rest.weights @ density.logpdf(rest.X[:, 0])
            except NotNormalizableError:
                total[place] = -np.inf
    return _listed(total, weight)


def held_out_losses(
    problem: Problem, betas: FloatArray, n_folds: int, rng: np.random.Generator | int | None
) -> list[float | None]:
    """Return the mean loss of held-out samples at every weight decay, of conservative networks."""
    total, weight = np.zeros(betas.size), 0.0
    for training, rest, share in _folds(problem, n_folds, rng):
        weight += float(rest.weights.sum())
        total += [_held_out_loss(problem, training, rest, float(beta * np.sqrt(share))) for beta in betas]
    return _listed(total, weight)


def _held_out_loss(problem: Problem, training: Any, rest: Any, beta: float) -> float:
    options: dict[str, Any] = {"conservative": True, "tol": _TOLERANCE}
    with warnings.catch_warnings():
        # What is said of fits that are shown is not asked of these.
        warnings.simplefilter("ignore", ConvergenceWarning)
        try:
            network = solve(training, beta, problem.activation, problem.skip, **options).network
        except (SolverError, UnboundedError):
            # Unbounded on fewer data.
            return np.inf
    return float(rest.loss(network))


def _folds(
    problem: Problem, n_folds: int, rng: np.random.Generator | int | None
) -> Iterator[tuple[Any, Any, float]]:
    """Yield training samples, the rest, and the share of the mass that is trained on.

    Nothing where there are fewer than two distinct samples a fold.
    """
    rows = distinct_rows(problem.objective)
    if len(rows.X) < 2 * n_folds:
        return
    # What a weight decay is weighed against: of data with limits, the weights times that of the loss.
    mass = rows.weights * boundary_of(rows)[0]
    fold_of = generator(rng, "report").permutation(np.arange(len(rows.X)) % n_folds)
    for fold in range(n_folds):
        trained = fold_of != fold
        share = float(mass[trained].sum() / mass.sum())
        yield chosen_samples(rows, trained), chosen_samples(rows, ~trained), share


def _listed(total: FloatArray, weight: float) -> list[float | None]:
    return [float(loss) / weight if weight and np.isfinite(loss) else None for loss in total]
