"""Density and score of a fit, one above the other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from .._support.axes import as_axes
from .._support.validation import as_text, shown
from ..errors import NotNormalizableError
from ..networks.two_layer import TwoLayerNetwork
from ..scores.density import ScoreDensity
from .arguments import as_network, as_points
from .density import histogram, plot_density
from .score import plot_score
from .style import legend

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["plot_fit"]


def plot_fit(
    network: TwoLayerNetwork,
    data: ArrayLike | None = None,
    *,
    label: str = "x",
    title: str | None = None,
    axes: tuple[Axes, Axes] | None = None,
) -> tuple[Axes, Axes]:
    """Draw density and score of a fitted 1-D network, one above the other.

    Parameters
    ----------
    network : TwoLayerNetwork
        A network with one feature.
    data : array of shape (n_samples,) or (n_samples, 1), optional
        The data it was fitted to.
    label : str
        Label of the horizontal axis.
    title : str, optional
        Title of the figure.
    axes : pair of matplotlib Axes, optional
        Where to draw density and score; a new figure by default.

    Returns
    -------
    pair of matplotlib Axes
        Where the score has no density, the upper panel says why.

    Examples
    --------
    >>> import convexscore as cs
    >>> from convexscore.plotting import plot_fit
    >>> from matplotlib.figure import Figure
    >>> eruptions = cs.datasets.load_old_faithful()["eruptions"]
    >>> network = cs.solve(cs.ScoreMatching(eruptions), beta=20, skip=True).network
    >>> upper, lower = plot_fit(network, eruptions, axes=Figure().subplots(2, 1, sharex=True))
    >>> upper.get_ylabel(), lower.get_ylabel()
    ('density', 'score')
    """
    network, points, label = as_network(network), as_points(data), as_text("label", label)
    title = None if title is None else as_text("title", title)
    if axes is None:
        import matplotlib.pyplot as plt

        drawn = plt.subplots(2, 1, figsize=(7, 6.5), sharex=True, layout="constrained")[1]
        axes = (drawn[0], drawn[1])
    pair = isinstance(axes, (tuple, list)) or (isinstance(axes, np.ndarray) and axes.ndim > 0)
    given: list[Any] = list(axes) if pair else []
    if len(given) != 2:
        raise TypeError(f"axes: expected a pair of matplotlib Axes, got {shown(axes)}")
    upper, lower = (as_axes("axes", ax) for ax in given)
    plot_score(network, points, label=label, ax=lower)
    try:
        plot_density(ScoreDensity(network), points, label=label, ax=upper)
    except NotNormalizableError as error:
        reason = str(error).split(":")[1].strip()
        upper.text(0.02, 0.92, f"no density: {reason}", transform=upper.transAxes)
        upper.set(ylabel="density")
        if points is not None:
            histogram(points, upper)
            upper.set_ylim(top=1.25 * upper.get_ylim()[1])
            legend(upper)
    upper.set(xlabel="", xlim=lower.get_xlim())
    if title:
        upper.set_title(title, fontsize=11)
    for ax in (upper, lower):
        ax.spines[["top", "right"]].set_visible(False)
    return upper, lower
