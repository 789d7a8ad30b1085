"""A density over a histogram of the data."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from .._support.axes import as_axes
from .._support.validation import FloatArray, as_text, shown
from ..scores.density import ScoreDensity
from .arguments import as_points, padded
from .style import INK, SOFT, legend

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["histogram", "plot_density"]


def plot_density(
    density: ScoreDensity,
    data: ArrayLike | None = None,
    *,
    label: str = "x",
    ax: Axes | None = None,
) -> Axes:
    """Draw an exact density over a histogram of the data.

    Parameters
    ----------
    density : ScoreDensity
        The density of a score.
    data : array of shape (n_samples,) or (n_samples, 1), optional
        Data to show as a histogram; they set the range.
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
    >>> from convexscore.plotting import plot_density
    >>> from matplotlib.figure import Figure
    >>> eruptions = cs.datasets.load_old_faithful()["eruptions"]
    >>> network = cs.solve(cs.ScoreMatching(eruptions), beta=20, skip=True).network
    >>> ax = plot_density(cs.ScoreDensity(network), eruptions, ax=Figure().subplots())
    >>> ax.get_ylabel()
    'density'
    """
    if not isinstance(density, ScoreDensity):
        raise TypeError(f"density: expected a ScoreDensity, got {shown(density)}")
    points, label, ax = as_points(data), as_text("label", label), as_axes("ax", ax)
    if points is None:
        low, high = density.icdf([0.0005, 0.9995])
    else:
        low, high = padded(points)
        histogram(points, ax)
    peaks = density.breakpoints[(density.breakpoints > low) & (density.breakpoints < high)]
    x = np.unique(np.concatenate([np.linspace(low, high, 600), peaks]))
    ax.plot(x, density.pdf(x), color=INK, linewidth=2, label="exact density of the score")
    ax.set(xlabel=label, ylabel="density", xlim=(low, high))
    # Room for the legend above the curve.
    ax.set_ylim(0.0, 1.25 * ax.get_ylim()[1])
    legend(ax)
    return ax


def histogram(points: FloatArray, ax: Axes) -> None:
    """Draw a histogram of mass one."""
    ax.hist(points, bins=_bins(points), density=True, color=SOFT, label=f"data (n = {points.size})")


def _bins(points: FloatArray) -> list[float]:
    """Return histogram edges: twice the bins of Freedman and Diaconis, who smooth modes away, 24 to 80."""
    low, high = float(points.min()), float(points.max())
    if low == high:
        low, high = padded(points)
    width = 2 * float(np.subtract(*np.quantile(points, [0.75, 0.25]))) / np.cbrt(points.size)
    count = np.clip(2 * (high - low) / width, 24, 80) if width > 0 else 30
    return np.linspace(low, high, round(float(count)) + 1).tolist()
