"""The score of a network on the line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from .._support.axes import as_axes
from .._support.validation import as_text
from ..errors import NotNormalizableError
from ..networks.two_layer import TwoLayerNetwork
from ..scores.density import ScoreDensity
from .arguments import as_network, as_points, padded
from .style import ACCENT, INK, SOFT, legend

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["plot_score"]


def plot_score(
    network: TwoLayerNetwork,
    data: ArrayLike | None = None,
    *,
    label: str = "x",
    ax: Axes | None = None,
) -> Axes:
    """Draw a 1-D score with its kinks marked, and a rug of the data below.

    Parameters
    ----------
    network : TwoLayerNetwork
        A network with one feature.
    data : array of shape (n_samples,) or (n_samples, 1), optional
        Data to show as a rug; they set the range.
    label : str
        Label of the horizontal axis.
    ax : matplotlib Axes, optional
        Where to draw; the current axes by default.

    Returns
    -------
    matplotlib Axes

    Examples
    --------
    >>> import convexscore as cs
    >>> from convexscore.plotting import plot_score
    >>> from matplotlib.figure import Figure
    >>> eruptions = cs.datasets.load_old_faithful()["eruptions"]
    >>> network = cs.solve(cs.ScoreMatching(eruptions), beta=20, skip=True).network
    >>> ax = plot_score(network, eruptions, ax=Figure().subplots())
    >>> ax.get_ylabel()
    'score'
    """
    network, points, label = as_network(network), as_points(data), as_text("label", label)
    ax = as_axes("ax", ax)
    low, high = _range(network, points)
    kinks = network.kinks
    shown = kinks[(kinks >= low) & (kinks <= high)]
    x = np.unique(np.concatenate([np.linspace(low, high, 200), shown]))
    ax.axhline(0.0, color=SOFT, linewidth=0.8, zorder=0)
    ax.plot(x, network(x), color=INK, linewidth=2, label="score")
    if shown.size:
        ax.plot(
            shown,
            network(shown),
            "o",
            color=ACCENT,
            markersize=6,
            label=f"{shown.size} kink" + "s" * (shown.size != 1),
        )
    if points is not None:
        # Rug in axes coordinates: it must not depend on the scale of the score.
        ax.plot(
            points,
            np.full(points.size, 0.02),
            "|",
            color=INK,
            alpha=float(np.clip(100 / points.size, 0.02, 0.35)),
            markersize=8,
            rasterized=points.size > 2000,
            transform=ax.get_xaxis_transform(),
            label="data",
        )
    ax.set(xlabel=label, ylabel="score", xlim=(low, high))
    if points is not None:
        # Far outside the data the line runs off; its slope there is visible without its end.
        inner = network(np.append(x[(x >= points.min()) & (x <= points.max())], points[[0, -1]]))
        height = float(np.ptp(inner)) or 1.0
        ax.set_ylim(inner.min() - 0.12 * height, inner.max() + 0.05 * height)
    legend(ax)
    return ax


def _range(network: TwoLayerNetwork, points: Any) -> tuple[float, float]:
    if points is not None:
        return padded(points)
    try:
        low, high = ScoreDensity(network).icdf([0.0005, 0.9995])
        return float(low), float(high)
    except NotNormalizableError:
        return padded(network.kinks if network.kinks.size else np.zeros(1))
