"""The training loop: epochs, batches, learning rates over time, and trials that diverge."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from .._support.parallel import n_workers, run_all
from .._support.progress import each, steps
from .._support.validation import FloatArray
from ..activations import Activation
from ..objectives import DenoisingScoreMatching, ScoreMatching
from .dense import DenseLoss
from .line import LineLoss
from .optimizer import Adam
from .weights import Weights

__all__ = ["SCHEDULES", "Plan", "Problem", "Training", "train_trials"]

# The factor on the learning rate, as a function of the share of epochs done.
SCHEDULES: dict[str, Callable[[float], float]] = {
    "constant": lambda done: 1.0,
    "cosine": lambda done: 0.5 * (1 + math.cos(math.pi * done)),
}


@dataclass(frozen=True, eq=False)
class Problem:
    """What is minimized: objective, weight decay, activation, and each neuron's kink convention."""

    objective: ScoreMatching | DenoisingScoreMatching
    beta: float
    activation: Activation
    right: NDArray[np.bool_]


@dataclass(frozen=True)
class Plan:
    """How long to train, on what, and what to keep; see `train_adam`."""

    n_epochs: int
    schedule: str
    batch_size: int | None
    keep_losses: bool
    keep_best: bool


@dataclass(frozen=True, eq=False)
class Trained:
    """What trials end with: their weights, their losses, and which of them diverged."""

    kept: Weights
    losses: FloatArray
    stopped: NDArray[np.bool_]


def train_trials(
    problem: Problem,
    plan: Plan,
    weights: Weights,
    rates: Weights,
    batch_rngs: list[np.random.Generator],
    progress: bool,
    n_jobs: int | None,
) -> Trained:
    """Train all trials; workers have a run of them each, in which every trial is what it is alone.

    See `Training` for the other parameters.
    """
    n_trials = weights.shape[0]
    count = min(n_workers(n_jobs), n_trials)
    if count == 1:
        return _trained(problem, plan, progress, (weights, rates, batch_rngs))
    ends = np.linspace(0, n_trials, count + 1).astype(int).tolist()
    runs = [slice(start, end) for start, end in pairwise(ends)]
    tasks = ((weights.part(run), rates.part(run), batch_rngs[run]) for run in runs)
    done = run_all(partial(_trained, problem, plan, False), tasks, n_jobs)
    parts = list(each(done, progress, count, "adam, runs of trials"))
    kept = Weights(*weights.shape)
    for run, part in zip(runs, parts, strict=True):
        kept.put(run, part.kept)
    return Trained(
        kept,
        np.concatenate([part.losses for part in parts]),
        np.concatenate([part.stopped for part in parts]),
    )


def _trained(
    problem: Problem, plan: Plan, progress: bool, task: tuple[Weights, Weights, list[np.random.Generator]]
) -> Trained:
    training = Training(problem, plan, *task)
    losses = training.run(progress)
    return Trained(training.kept, losses, training.stopped)


class Training:
    """All trials of one call: weights, gradients and moments, which change in place.

    Parameters
    ----------
    problem : Problem
        What is minimized.
    plan : Plan
        How.
    weights : Weights
        Where the trials start.
    rates : Weights
        Learning rate of each weight; zero for weights that are not trained.
    batch_rngs : list of Generator
        Where each trial's orders of samples come from.

    Attributes
    ----------
    kept : Weights
        Each trial's result: its last weights of finite loss, or those of least loss on record.
    stopped : bool array of shape (T,)
        Which trials diverged.
    """

    def __init__(
        self,
        problem: Problem,
        plan: Plan,
        weights: Weights,
        rates: Weights,
        batch_rngs: list[np.random.Generator],
    ) -> None:
        self.plan, self.beta = plan, problem.beta
        self.n_samples = len(problem.objective.X)
        self.batch_rngs = batch_rngs
        n_trials, _, d = weights.shape
        of_problem = (problem.objective, problem.activation, problem.right)
        self._dense = DenseLoss(*of_problem)
        self._full = LineLoss(*of_problem, n_trials) if d == 1 else self._dense
        self._weights, self.kept = weights, weights.repeated(1)
        self._gradient, self._adam = Weights(*weights.shape), Adam(rates)
        self.stopped = np.zeros(n_trials, dtype=bool)
        self._least = np.full(n_trials, np.inf)

    def run(self, progress: bool) -> FloatArray:
        """Train; return the losses before each epoch, or before the first only."""
        plan, n_trials = self.plan, self.stopped.size
        losses = np.full((n_trials, plan.n_epochs), np.inf)
        # Overflow is a trial's own failure, noticed in its loss.
        with np.errstate(all="ignore"):
            for epoch in steps(plan.n_epochs, progress, "adam"):
                losses[:, epoch] = self._epoch(epoch)
            self._recorded()
        return losses if plan.keep_losses else losses[:, :1]

    def _epoch(self, epoch: int) -> FloatArray | float:
        """Go through the samples once; return the losses before, or infinity if they are not asked for."""
        plan = self.plan
        factor = SCHEDULES[plan.schedule](epoch / plan.n_epochs)
        if plan.batch_size is None:
            losses = self._recorded()
            self._adam.step(self._weights, self._gradient, factor)
            return losses
        asked = plan.keep_losses or plan.keep_best or epoch == 0
        before = self._recorded() if asked else np.inf
        for batches in self._batches(plan.batch_size):
            self._evaluate(batches)
            self._adam.step(self._weights, self._gradient, factor)
        return before

    def _batches(self, size: int) -> Iterator[NDArray[np.intp]]:
        """Yield each trial's next samples, shape ``(T, size)``, until all samples have been seen once."""
        orders = np.stack([rng.permutation(self.n_samples) for rng in self.batch_rngs])
        for start in range(0, self.n_samples, size):
            yield orders[:, start : start + size]

    def _recorded(self) -> FloatArray:
        """Return the losses on all samples, and keep the weights that improve on a trial's best."""
        losses = self._evaluate()
        if self.plan.keep_best:
            better = losses < self._least
            self._least[better] = losses[better]
            self.kept.take(better, self._weights)
        return losses

    def _evaluate(self, batches: NDArray[np.intp] | None = None) -> FloatArray:
        """Return the losses, leave their gradients, and stop the trials whose loss is not finite."""
        weights, gradient = self._weights, self._gradient
        losses = self._full(weights, gradient) if batches is None else self._dense(weights, gradient, batches)
        losses += self.beta * weights.weight_decay()
        gradient.W1 += self.beta * weights.W1
        gradient.W2 += self.beta * weights.W2
        self._stop(~np.isfinite(losses) & ~self.stopped)
        if not self.plan.keep_best:
            self.kept.take(~self.stopped, weights)
        losses[self.stopped] = np.inf
        return losses

    def _stop(self, trials: NDArray[np.bool_]) -> None:
        """Give up on trials: zero weights and rates, from which nothing infinite can come."""
        if trials.any():
            self.stopped |= trials
            adam = self._adam
            for quantity in (self._weights, self._gradient, adam.rates, adam.mean, adam.square):
                quantity.fill(trials, 0.0)
