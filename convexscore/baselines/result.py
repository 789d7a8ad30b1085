"""What training by Adam returns: every trial's losses and network."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .._support.frozen import Frozen
from .._support.validation import FloatArray
from ..networks.two_layer import TwoLayerNetwork

__all__ = ["AdamResult"]


@dataclass(frozen=True, eq=False)
class AdamResult(Frozen):
    """Trained networks of many trials, and their losses on the way.

    Parameters
    ----------
    losses : ndarray of shape (n_trials_total, n_epochs + 1)
        Each trial's training loss, weight decay included, before each epoch and after the last; of shape
        ``(n_trials_total, 2)``, before the first and after the last, if the losses were not kept.  The last
        column is ``network.loss(objective, beta)`` of `networks`.  A trial that diverged has infinite loss
        from then on.
    learning_rates : ndarray of shape (n_trials_total,)
        Each trial's learning rate.
    networks : tuple of TwoLayerNetwork
        Each trial's final network, or its best one if that was asked for; of a trial that diverged, one
        from before.

    See Also
    --------
    train_adam : Returns it.
    tune_adam : Returns it.
    convexscore.plotting.plot_training : Draws it beside the optimum.

    Examples
    --------
    >>> import convexscore as cs
    >>> from convexscore.baselines import train_adam
    >>> result = train_adam(cs.ScoreMatching([0.0, 1.0, 3.0]), 1.5, n_epochs=5, n_trials=2, rng=0)
    >>> result.losses.shape, len(result.networks), result.best is result.networks[result.best_trial]
    ((2, 6), 2, True)
    """

    losses: FloatArray
    learning_rates: FloatArray
    networks: tuple[TwoLayerNetwork, ...]

    @property
    def best_trial(self) -> int:
        """Index of the trial of least final loss."""
        return int(np.argmin(self.losses[:, -1]))

    @property
    def best(self) -> TwoLayerNetwork:
        """The network of least final loss."""
        return self.networks[self.best_trial]

    @property
    def best_loss(self) -> float:
        """The least final loss."""
        return float(self.losses[self.best_trial, -1])
