"""Gradient training beside the certified optimum."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .._support.axes import as_axes
from .._support.validation import as_text, shown
from ..baselines.result import AdamResult
from ..results import Solution
from .style import ACCENT, INK, labelled, legend, plain_ticks, titled

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["plot_training"]

# Line styles of trials, in turn; more trials than these are drawn alike.
_STYLES = ("-", (0, (5, 2)), (0, (1, 1.2)), (0, (5, 2, 1, 2)))


def plot_training(
    result: AdamResult, solution: Solution | None = None, *, title: str | None = None, ax: Axes | None = None
) -> Axes:
    """Draw the losses of gradient training, epoch by epoch, and the optimum that they stay above.

    Parameters
    ----------
    result : AdamResult
        What `train_adam` returned.
    solution : Solution, optional
        The optimum of the same problem: then what is drawn is how far losses are above its lower bound, on a
        logarithmic axis.
    title : str, optional
        Title of the axes; long ones are wrapped.
    ax : matplotlib Axes, optional
        Where to draw; the current axes by default.

    Returns
    -------
    matplotlib Axes
        Trials that diverged end where they did; with a solution, losses that are the optimum to rounding are
        left out.

    Raises
    ------
    TypeError
        If an argument is of the wrong kind.

    See Also
    --------
    convexscore.train_adam : What is drawn.

    Examples
    --------
    >>> import convexscore as cs
    >>> from convexscore.plotting import plot_training
    >>> from matplotlib.figure import Figure
    >>> objective = cs.ScoreMatching([0.0, 1.0, 3.0])
    >>> result = cs.baselines.train_adam(objective, 1.5, n_epochs=20, n_trials=2, rng=0)
    >>> plot_training(result, cs.solve(objective, 1.5), ax=Figure().subplots()).get_ylabel()
    'loss above the certified optimum'
    """
    if not isinstance(result, AdamResult):
        raise TypeError(f"result: expected an AdamResult, got {shown(result)}")
    if solution is not None and not isinstance(solution, Solution):
        raise TypeError(f"solution: expected a Solution or None, got {shown(solution)}")
    title = None if title is None else as_text("title", title)
    ax = as_axes("ax", ax)
    losses = np.where(np.isfinite(result.losses), result.losses, np.nan)
    if solution is not None:
        losses = losses - solution.certificate.lower_bound
        losses[losses <= 0] = np.nan
    epochs = np.arange(losses.shape[1])
    for trial, curve in enumerate(losses):
        best = trial == result.best_trial
        ax.plot(
            epochs,
            curve,
            color=ACCENT if best else INK,
            linewidth=2.2 if best else 1.0,
            linestyle="-" if best else _STYLES[trial % len(_STYLES)],
            alpha=1.0 if best else 0.7,
            zorder=3 if best else 2,
            label="best trial" if best else "other trials" if trial == (result.best_trial == 0) else "_",
        )
    labelled(ax, "epoch", "training loss" if solution is None else "loss above the certified optimum")
    if solution is not None and np.isfinite(losses).any():
        ax.set_yscale("log")
        plain_ticks(ax.yaxis)
    ax.spines[["top", "right"]].set_visible(False)
    legend(ax)
    titled(ax, title)
    return ax
