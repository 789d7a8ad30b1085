"""Adam as a fair opponent: many learning rates, enough width, and the best network seen."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from ..activations import Activation
from ..objectives import DenoisingScoreMatching, ScoreMatching
from .adam import train_adam
from .arguments import as_rates, as_trained_objective
from .result import AdamResult

__all__ = ["tune_adam"]

_RATES = (1e-3, 3e-3, 1e-2, 3e-2, 0.1, 0.3, 1.0)
_FEWEST_NEURONS, _MOST_NEURONS = 64, 512


def tune_adam(
    objective: ScoreMatching | DenoisingScoreMatching | ArrayLike,
    beta: float,
    activation: str | Activation = "relu",
    skip: bool = False,
    *,
    bias: bool = True,
    n_neurons: int | None = None,
    n_epochs: int = 2000,
    n_trials: int = 3,
    learning_rates: ArrayLike = _RATES,
    schedule: str = "cosine",
    keep_best: bool = True,
    rng: np.random.Generator | int | None = None,
    progress: bool = False,
    n_jobs: int | None = None,
) -> AdamResult:
    """Train by Adam with every learning rate of a grid: `train_adam` as a fair opponent.

    All rates and starts are trained together on all samples.  The grid covers data of unit scale; where
    the best rate, ``result.learning_rates[result.best_trial]``, is at an end of the grid, extend it.

    Parameters
    ----------
    objective : ScoreMatching, DenoisingScoreMatching or array
        The data term, any number of features; an array is score matching on it.
    beta : float
        Weight decay of the summed loss, at least 0.
    activation : {"relu", "abs"}
        The activation.
    skip : bool
        Whether to train a skip connection.
    bias : bool
        Whether to train the biases.
    n_neurons : int, optional
        Width; by default ``2 (n_samples + 1)``, at least 64 and at most 512.
    n_epochs : int
        Steps, each on all samples.
    n_trials : int
        Random starts, the same for each learning rate.
    learning_rates : array of shape (n_rates,)
        The grid.
    schedule : {"cosine", "constant"}
        How the rates change, as for `train_adam`.
    keep_best : bool
        Whether each trial returns its network of least loss, as for `train_adam`, or its last one.
    rng : Generator or seed, optional
        Source of the starts.
    progress : bool
        Show a progress bar (needs tqdm).
    n_jobs : int, optional
        Workers of joblib, as for `train_adam`.

    Returns
    -------
    AdamResult
        All ``n_rates * n_trials`` trials; ``result.best`` is the network of least final loss.

    Raises
    ------
    TypeError, ValueError, ConvergenceError
        As for `train_adam`.

    See Also
    --------
    train_adam : One learning rate.
    AdamResult : What is returned.
    convexscore.solve : The global optimum of the same loss.

    Examples
    --------
    >>> import numpy as np, convexscore as cs
    >>> from convexscore.baselines import tune_adam
    >>> objective = cs.ScoreMatching(np.random.default_rng(0).standard_normal(50))
    >>> result = tune_adam(objective, 5, skip=True, n_epochs=300, n_trials=2, rng=0)
    >>> optimum = cs.solve(objective, 5, skip=True).value
    >>> bool(0 < result.best_loss - optimum < 0.01 * abs(optimum))
    True
    """
    objective = as_trained_objective(objective)
    if n_neurons is None:
        n_neurons = min(max(_FEWEST_NEURONS, 2 * (len(objective.X) + 1)), _MOST_NEURONS)
    return train_adam(
        objective,
        beta,
        activation,
        skip,
        bias=bias,
        n_neurons=n_neurons,
        learning_rate=as_rates("learning_rates", learning_rates),
        schedule=schedule,
        n_epochs=n_epochs,
        n_trials=n_trials,
        rng=rng,
        keep_best=keep_best,
        progress=progress,
        n_jobs=n_jobs,
    )
