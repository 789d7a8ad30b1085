"""A density over the data: on the line over a histogram, in the plane as contours."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from .._support.axes import as_axes
from .._support.validation import FloatArray, as_text, shown
from ..scores.bands import Bands
from ..scores.density import ScoreDensity
from ..scores.planar_density import ConservativeDensity
from .arguments import Law, as_law, as_points, limits_of, mesh, padded, spread, stretch, within
from .bands import as_bands, draw_band
from .field import draw_levels, draw_points, legend_above
from .style import INK, SOFT, labelled, legend, titled

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["draw_density", "histogram", "plot_density"]

# Points a side of the plane.
_FINE = 120
# Bands are shown up to so many times the density's own height.
_HIGHEST = 3.0


def plot_density(
    density: Any,
    data: ArrayLike | None = None,
    *,
    band: float | Bands | None = None,
    label: str = "x",
    title: str | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw an exact density over the data: on the line over their histogram, in the plane as contours.

    Parameters
    ----------
    density : ScoreDensity, ConservativeDensity, PooledScore or Solution
        The density of a score, one or two features.
    data : array of shape (n_samples,) or (n_samples, n_features), optional
        Data to show; they set the range.
    band : float or Bands, optional
        A level, such as 0.9, of pointwise and simultaneous bands by 200 replicates, always the same; or bands
        that `ScoreDensity.interval_bands` has made.  One feature and a solution, or the density that it
        makes.  What is more than three times as high as the density is not shown.
    label : str
        Label of the horizontal axis; in the plane features are numbered.
    title : str, optional
        Title of the axes; long ones are wrapped.
    ax : matplotlib Axes, optional
        Where to draw; the current axes by default.

    Returns
    -------
    matplotlib Axes
        On the line the density is zero beyond the ends of its support.  Contours are where the density is
        ``exp(-k^2 / 2)`` of its peak, ``k`` a half, one and so on to three: ``k`` standard deviations of a
        Gaussian.

    Raises
    ------
    TypeError, ValueError
        If an argument is of the wrong kind, or a solution's density is not known, or has no bands.

    See Also
    --------
    plot_fit : Density and score together.
    plot_samples : Samples over the data.

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
    law = as_law("density", density)
    planar = isinstance(law, ConservativeDensity) or (
        not isinstance(law, ScoreDensity) and law.n_features == 2
    )
    points, label = as_points("data", data, 2 if planar else 1), as_text("label", label)
    title = None if title is None else as_text("title", title)
    bands = as_bands(band, law)
    if bands is not None and not isinstance(law, ScoreDensity):
        raise ValueError(
            f"band: expected None for {shown(law)}, whose bands are not known, got {shown(band)}"
        )
    ax = as_axes("ax", ax)
    if planar:
        _draw_contours(ax, law, points)
    else:
        draw_density(ax, law, None if points is None else points[:, 0], label, bands)
    titled(ax, title)
    return ax


def draw_density(
    ax: Axes, law: Law, points: FloatArray | None, label: str, bands: Bands | None = None
) -> None:
    """Draw a density on the line."""
    assert not isinstance(law, ConservativeDensity)
    if points is None:
        low, high = stretch(law)
    else:
        low, high = padded(points)
        histogram(points, ax)
    known = law.breakpoints if isinstance(law, ScoreDensity) else np.zeros(0)
    first, last = np.clip(limits_of(law), low, high)
    peaks = known[(known > first) & (known < last)]
    x = np.unique(np.concatenate([np.linspace(first, last, 600), peaks]))
    # At a limit the density jumps from zero, or to it.
    left, right = [low, first] if first > low else [], [last, high] if last < high else []
    height = np.concatenate([np.zeros(len(left)), law.pdf(x), np.zeros(len(right))])
    x = np.concatenate([left, x, right])
    ax.plot(x, height, color=INK, linewidth=2, label="exact density of the score")
    top = ax.get_ylim()[1]
    if bands is not None:
        draw_band(ax, bands.points, bands.pdf, bands.level, limits_of(law))
        highest = float(bands.pdf.simultaneous_upper.max())
        top = max(top, min(1.05 * highest, _HIGHEST * float(bands.pdf.estimate.max())))
    labelled(ax, label, "density")
    ax.set_xlim(low, high)
    ax.set_ylim(0.0, 1.02 * top)
    legend(ax, below=0.98 * top)


def _draw_contours(ax: Axes, law: Any, points: FloatArray | None) -> None:
    window = spread(law) if points is None else (padded(points[:, 0]), padded(points[:, 1]))
    if points is not None:
        draw_points(ax, points)
    box = law.support() if isinstance(law, ConservativeDensity) else None
    x, y, rows = mesh(within(window, box), _FINE)
    draw_levels(ax, x, y, law.logpdf(rows), INK)
    labelled(ax, "first feature", "second feature")
    ax.set(xlim=window[0], ylim=window[1])
    legend_above(ax)


def histogram(points: FloatArray, ax: Axes) -> None:
    """Draw a histogram of mass one."""
    ax.hist(points, bins=bin_edges(points), density=True, color=SOFT, label=f"data (n = {points.size})")


def bin_edges(points: FloatArray) -> list[float]:
    """Return histogram edges: twice the bins of Freedman and Diaconis, who smooth modes away, 24 to 80."""
    low, high = float(points.min()), float(points.max())
    if low == high:
        low, high = padded(points)
    width = 2 * float(np.subtract(*np.quantile(points, [0.75, 0.25]))) / np.cbrt(points.size)
    count = np.clip(2 * (high - low) / width, 24, 80) if width > 0 else 30
    return np.linspace(low, high, round(float(count)) + 1).tolist()
