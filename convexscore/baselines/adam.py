"""Training the non-convex problem by Adam (Kingma & Ba 2015), many trials at once.

What is minimized is the training loss of a network,

    sum_i w_i [...] + beta/2 (||W1||_F^2 + ||W2||_F^2),

which `solve` minimizes globally.  The trace of score matching jumps where a kink passes a sample, which no
gradient sees: Adam sees the trace through ``W1``, ``W2`` and ``V`` only, and often ends far above losses that
it passed on the way.  Hence `keep_best`.
"""

from __future__ import annotations

import copy

import numpy as np
from numpy.typing import ArrayLike

from .._support.seeds import generator
from .._support.sizes import as_size, as_workers
from .._support.validation import FloatArray, as_choice, as_count, as_flag, as_real
from ..activations import Activation, get_activation
from ..errors import ConvergenceError
from ..networks.two_layer import TwoLayerNetwork
from ..objectives import DenoisingScoreMatching, ScoreMatching
from .arguments import as_rates, as_trained_objective, check_initial, kink_convention
from .result import AdamResult
from .training import SCHEDULES, Plan, Problem, Trained, train_trials
from .weights import Weights

__all__ = ["train_adam"]


def train_adam(
    objective: ScoreMatching | DenoisingScoreMatching | ArrayLike,
    beta: float,
    activation: str | Activation = "relu",
    skip: bool = False,
    *,
    bias: bool = True,
    n_neurons: int = 100,
    learning_rate: ArrayLike = 1e-2,
    schedule: str = "constant",
    n_epochs: int = 500,
    n_trials: int = 10,
    batch_size: int | None = None,
    rng: np.random.Generator | int | None = None,
    initial: TwoLayerNetwork | None = None,
    keep_losses: bool = True,
    keep_best: bool = False,
    progress: bool = False,
    n_jobs: int | None = None,
) -> AdamResult:
    """Minimize ``network.loss(objective, beta)`` by Adam from random starts (Kingma & Ba 2015).

    The decay rates are 0.9 and 0.999 and epsilon is 1e-8, as in ``torch.optim.Adam``.  Weights start as in
    ``torch.nn.Linear``, uniform in ``+-1/sqrt(fan in)``, and the skip connection starts at zero.  Where a
    pre-activation is exactly zero, ``sigma'`` is the one-sided derivative that the network's
    `right_derivative` names, in the loss and in the gradient; PyTorch takes 0 there.

    Parameters
    ----------
    objective : ScoreMatching, DenoisingScoreMatching or array
        The data term, any number of features; an array is score matching on it.
    beta : float
        Weight decay of the summed loss, at least 0.
    activation : {"relu", "abs"}
        The activation.
    skip : bool
        Whether to train a skip connection ``V``; otherwise it is zero.
    bias : bool
        Whether to train the biases; otherwise they are zero.
    n_neurons : int
        Width of the networks.
    learning_rate : float or array of shape (n_rates,)
        Adam's step size.  Each of several rates gets `n_trials` trials, from the same starts.
    schedule : {"constant", "cosine"}
        How the rate changes: not at all, or in epoch ``e`` by ``(1 + cos(pi e / n_epochs)) / 2``.
    n_epochs : int
        Passes over the data.
    n_trials : int
        Random starts for each learning rate.  Trial ``j`` is the same whatever the number of trials.
    batch_size : int, optional
        Samples a step, at most ``n_samples``; all by default.  Each trial goes through the samples in a
        new random order each epoch, and the sum over a batch is scaled up to the sum over all samples.
    rng : Generator or seed, optional
        Source of starts and batches.
    initial : TwoLayerNetwork, optional
        Where all trials start instead; its width and kink convention are used, and `n_neurons` is not.
    keep_losses : bool
        Whether to return the loss before each epoch, which costs mini-batches a pass over the data.
    keep_best : bool
        Whether to return each trial's network of least loss before any epoch or after the last, instead of
        the last one; the last column of the losses is then the loss of that network.
    progress : bool
        Show a progress bar (needs tqdm).
    n_jobs : int, optional
        Workers of joblib, threads unless another backend is chosen there; -1 is one a core.  None is one, or
        what an enclosing `joblib.parallel_config` says.  Each has a run of the trials; the result does not
        depend on them.

    Returns
    -------
    AdamResult
        Losses and networks, by learning rate and, within it, by start.

    Raises
    ------
    TypeError, ValueError
        If an argument is of the wrong kind, out of range, or `initial` does not fit the others.
    ConvergenceError
        If all trials diverge.  A trial that diverges among others has infinite loss from then on.

    See Also
    --------
    convexscore.solve : The global optimum of the same loss.
    convexscore.baselines.tune_adam : The best of several learning rates.
    convexscore.baselines.AdamResult : What is returned.

    Examples
    --------
    >>> import numpy as np, convexscore as cs
    >>> from convexscore.baselines import train_adam
    >>> objective = cs.ScoreMatching(np.random.default_rng(0).standard_normal(50))
    >>> result = train_adam(objective, beta=5, learning_rate=[0.01, 0.1], n_epochs=100, n_trials=3, rng=0)
    >>> result.losses.shape, result.learning_rates
    ((6, 101), array([0.01, 0.01, 0.01, 0.1 , 0.1 , 0.1 ]))
    >>> result.best_loss > cs.solve(objective, beta=5).value
    True
    """
    objective = as_trained_objective(objective)
    n, d = objective.X.shape
    problem = Problem(
        objective,
        as_real("beta", beta, minimum=0.0),
        get_activation(activation),
        kink_convention(n_neurons, initial),
    )
    skip, bias = as_flag("skip", skip), as_flag("bias", bias)
    if initial is not None:
        check_initial(initial, d, activation, skip, bias)
    rates = as_rates("learning_rate", learning_rate)
    if batch_size is not None and as_count("batch_size", batch_size, minimum=1) > n:
        raise ValueError(f"batch_size: expected at most n_samples = {n}, got {batch_size}")
    progress, workers = as_flag("progress", progress), as_workers("n_jobs", n_jobs)
    # A generator, too, is a few hundred numbers.
    each = rates.size * (problem.right.size * (2 * d + 2) + d * (d + 1)) + 300
    n_trials = as_size("n_trials", n_trials, minimum=1, each=each)
    plan = Plan(
        as_size("n_epochs", n_epochs, each=n_trials * rates.size),
        as_choice("schedule", schedule, SCHEDULES),
        batch_size,
        as_flag("keep_losses", keep_losses),
        as_flag("keep_best", keep_best),
    )

    # A generator for each start, so that a trial does not depend on how many others there are.
    rngs = generator(rng, "train_adam").spawn(n_trials)
    starts = _starts(rngs, problem.right.size, d, bias, initial)
    # Every rate goes through the same batches, drawn from a copy of the start's generator.
    batch_rngs = [copy.deepcopy(its_rng) for _ in rates for its_rng in rngs]
    spread = _spread(rates, starts, skip, bias)
    trained = train_trials(problem, plan, starts.repeated(rates.size), spread, batch_rngs, progress, workers)
    return _result(problem, trained, np.repeat(rates, n_trials))


def _starts(
    rngs: list[np.random.Generator], n_neurons: int, d: int, bias: bool, initial: TwoLayerNetwork | None
) -> Weights:
    starts = Weights(len(rngs), n_neurons, d)
    if initial is not None:
        starts.set_network(initial)
        return starts
    for trial, rng in enumerate(rngs):
        starts.set_random(trial, bias, rng)
    return starts


def _spread(rates: FloatArray, starts: Weights, skip: bool, bias: bool) -> Weights:
    """Return the learning rate of each weight of each trial, zero for weights that are not trained."""
    n_trials, m, d = starts.shape
    spread = Weights(rates.size * n_trials, m, d)
    trained = [spread.W1, spread.W2]
    trained += [spread.V] if skip else []
    trained += [spread.b1, spread.b2] if bias else []
    for block in trained:
        block.T[:] = np.repeat(rates, n_trials)
    return spread


def _result(problem: Problem, trained: Trained, learning_rates: FloatArray) -> AdamResult:
    if trained.stopped.all():
        raise ConvergenceError(
            f"learning_rate: all {learning_rates.size} trials diverged; expected smaller rates than "
            f"{learning_rates.min():g} to {learning_rates.max():g}"
        )
    networks = tuple(
        trained.kept.network(trial, problem.activation.label, problem.right)
        for trial in range(learning_rates.size)
    )
    # The networks' own losses: what training sees has other rounding errors.
    own = np.full(learning_rates.size, np.inf)
    for trial in np.flatnonzero(~trained.stopped):
        own[trial] = networks[trial].loss(problem.objective, problem.beta)
    return AdamResult(np.column_stack([trained.losses, own]), learning_rates, networks)
