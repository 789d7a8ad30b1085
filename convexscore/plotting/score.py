"""The score on the line with its kinks; in the plane its field."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from .._support.axes import as_axes
from .._support.validation import FloatArray, as_text
from ..scores.bands import Bands
from .arguments import Subject, as_subject
from .bands import as_bands, draw_band
from .field import draw_field
from .style import ACCENT, INK, SOFT, labelled, legend, titled

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["draw_rug", "draw_score", "plot_score"]


def plot_score(
    network: Any,
    data: ArrayLike | None = None,
    *,
    band: float | Bands | None = None,
    support: tuple[float | None, float | None] | None = None,
    label: str = "x",
    title: str | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw a score: on the line with its kinks marked and a rug of the data below, in the plane as a field.

    Parameters
    ----------
    network : TwoLayerNetwork, Solution or callable
        A score of one or two features; of a solution the data are drawn too.
    data : array of shape (n_samples,) or (n_samples, n_features), optional
        Data to show; they set the range, and a score that does not say its features needs them.
    band : float or Bands, optional
        A level, such as 0.9, of pointwise and simultaneous bands by 200 replicates, always the same; or bands
        that `ScoreDensity.interval_bands` has made.  One feature and a solution.
    support : tuple of two floats or None, optional
        Limits of the law of a network with one feature, None where there is none; a solution knows its own.
        The score is drawn between them.
    label : str
        Label of the horizontal axis; in the plane features are numbered.
    title : str, optional
        Title of the axes; long ones are wrapped.
    ax : matplotlib Axes, optional
        Where to draw; the current axes by default.

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    TypeError, ValueError
        If an argument is of the wrong kind, or there are more than two features.

    See Also
    --------
    plot_fit : Density and score together.
    plot_field : The score in the plane, with contours and kinks.

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
    subject, label = as_subject("network", network, data, support=support), as_text("label", label)
    bands = as_bands(band, network)
    if bands is not None and subject.n_features != 1:
        raise ValueError("band: expected None for two features, got bands of one")
    title = None if title is None else as_text("title", title)
    ax = as_axes("ax", ax)
    if subject.n_features == 2:
        draw_field(ax, subject)
    else:
        draw_score(ax, subject, label, bands)
    titled(ax, title)
    return ax


def draw_score(ax: Axes, subject: Subject, label: str, bands: Bands | None = None) -> None:
    """Draw a score on the line."""
    low, high = subject.ends()
    network, points = subject.network, subject.column
    kinks = np.zeros(0) if network is None else network.kinks
    # Beyond limits there is no law that it could be the score of.
    first, last = np.clip(subject.limits(), low, high)
    inside = kinks[(kinks >= first) & (kinks <= last)]
    x = np.unique(np.concatenate([np.linspace(first, last, 200), inside]))
    score = subject.values(x[:, None])[:, 0]
    ax.axhline(0.0, color=SOFT, linewidth=0.8, zorder=0)
    ax.plot(x, score, color=INK, linewidth=2, label="score")
    if inside.size:
        name = f"{inside.size} kink" + "s" * (inside.size != 1)
        at_kinks = subject.values(inside[:, None])[:, 0]
        ax.plot(inside, at_kinks, "o", color=ACCENT, markersize=6, label=name)
    if bands is not None:
        draw_band(ax, bands.points, bands.score, bands.level, subject.limits())
    if points is not None:
        draw_rug(ax, points)
    labelled(ax, label, "score")
    ax.set_xlim(low, high)
    if points is not None:
        # Far outside the data the line runs off; its slope there is visible without its end.
        within = score[(x >= points.min()) & (x <= points.max())]
        inner = np.append(within, subject.values(np.array([[points.min()], [points.max()]])))
        if bands is not None:
            inner = np.concatenate([inner, bands.score.simultaneous_lower, bands.score.simultaneous_upper])
        height = float(np.ptp(inner)) or 1.0
        ax.set_ylim(inner.min() - 0.12 * height, inner.max() + 0.05 * height)
    legend(ax, below=None if points is None else float(inner.max()))


def draw_rug(ax: Axes, points: FloatArray) -> None:
    """Draw data as a rug, in axes coordinates: it must not depend on the scale of what is above."""
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
