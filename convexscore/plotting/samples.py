"""Samples over the data."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from .._support.axes import as_axes
from .._support.validation import FloatArray, as_data, as_text
from .arguments import as_points, padded
from .density import bin_edges, histogram
from .field import draw_points, legend_above
from .style import ACCENT, labelled, legend, titled

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["plot_samples"]

# Samples that are drawn in the plane, at most.
_MOST = 5000


def plot_samples(
    samples: ArrayLike,
    data: ArrayLike | None = None,
    *,
    label: str = "x",
    title: str | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw samples over data: on the line their histogram as an outline, in the plane as crosses.

    Parameters
    ----------
    samples : array of shape (n,) or (n, n_features)
        Samples with one or two features.
    data : array of shape (n_samples,) or (n_samples, n_features), optional
        Data to compare them with.
    label : str
        Label of the horizontal axis; in the plane features are numbered.
    title : str, optional
        Title of the axes; long ones are wrapped.
    ax : matplotlib Axes, optional
        Where to draw; the current axes by default.

    Returns
    -------
    matplotlib Axes
        The range is that of samples and data together.  In the plane the first 5000 samples are drawn.

    Raises
    ------
    TypeError, ValueError
        If an argument is of the wrong kind, or there are more than two features.

    See Also
    --------
    plot_density : The density that they are from.

    Examples
    --------
    >>> import convexscore as cs
    >>> from convexscore.plotting import plot_samples
    >>> from matplotlib.figure import Figure
    >>> eruptions = cs.datasets.load_old_faithful()["eruptions"]
    >>> samples = cs.solve(eruptions, 20, skip=True).sample(1000, rng=0)
    >>> ax = plot_samples(samples, eruptions, ax=Figure().subplots())
    >>> [text.get_text() for text in ax.get_legend().get_texts()]
    ['data (n = 272)', 'samples (n = 1000)']
    """
    n_features = as_data("samples", samples).shape[1]
    if n_features not in (1, 2):
        raise ValueError(f"samples: expected 1 or 2 features, got {n_features}")
    drawn, points = as_points("samples", samples, n_features), as_points("data", data, n_features)
    assert drawn is not None
    label, title = as_text("label", label), None if title is None else as_text("title", title)
    ax = as_axes("ax", ax)
    together = drawn if points is None else np.vstack([drawn, points])
    if n_features == 1:
        _draw_outline(ax, drawn[:, 0], None if points is None else points[:, 0], label)
    else:
        if points is not None:
            draw_points(ax, points)
        name = f"samples (n = {len(drawn)})"
        ax.plot(*drawn[:_MOST].T, "+", color=ACCENT, markersize=4, alpha=0.6, label=name, zorder=2)
        labelled(ax, "first feature", "second feature")
        ax.set_ylim(*padded(together[:, 1]))
        legend_above(ax)
    ax.set_xlim(*padded(together[:, 0]))
    titled(ax, title)
    return ax


def _draw_outline(ax: Axes, samples: FloatArray, points: FloatArray | None, label: str) -> None:
    if points is not None:
        histogram(points, ax)
    name = f"samples (n = {samples.size})"
    edges = bin_edges(samples)
    ax.hist(samples, edges, density=True, histtype="step", color=ACCENT, linewidth=1.6, label=name)
    labelled(ax, label, "density")
    top = ax.get_ylim()[1]
    ax.set_ylim(0.0, 1.02 * top)
    legend(ax, below=0.98 * top)
