"""Figures: each function draws on given axes (or the current ones) and returns them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from ._support.axes import as_axes
from ._support.validation import FloatArray, as_data, as_text, shown
from .errors import NotNormalizableError
from .networks.two_layer import TwoLayerNetwork
from .scores.density import ScoreDensity

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["plot_density", "plot_fit", "plot_score"]

# Axes are scaled by differences and products of their ends.
_LARGEST = 1e150

INK, ACCENT, SOFT = "#1f3b57", "#c8553d", "#b9c6d2"


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
    network, points, label = _as_network(network), _as_points(data), as_text("label", label)
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
    _legend(ax)
    return ax


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
    points, label, ax = _as_points(data), as_text("label", label), as_axes("ax", ax)
    if points is None:
        low, high = density.icdf([0.0005, 0.9995])
    else:
        low, high = _padded(points)
        _histogram(points, ax)
    peaks = density.breakpoints[(density.breakpoints > low) & (density.breakpoints < high)]
    x = np.unique(np.concatenate([np.linspace(low, high, 600), peaks]))
    ax.plot(x, density.pdf(x), color=INK, linewidth=2, label="exact density of the score")
    ax.set(xlabel=label, ylabel="density", xlim=(low, high))
    # Room for the legend above the curve.
    ax.set_ylim(0.0, 1.25 * ax.get_ylim()[1])
    _legend(ax)
    return ax


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
    network, points, label = _as_network(network), _as_points(data), as_text("label", label)
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
            _histogram(points, upper)
            upper.set_ylim(top=1.25 * upper.get_ylim()[1])
            _legend(upper)
    upper.set(xlabel="", xlim=lower.get_xlim())
    if title:
        upper.set_title(title, fontsize=11)
    for ax in (upper, lower):
        ax.spines[["top", "right"]].set_visible(False)
    return upper, lower


def _as_network(network: Any) -> TwoLayerNetwork:
    if not isinstance(network, TwoLayerNetwork):
        raise TypeError(f"network: expected a TwoLayerNetwork, got {shown(network)}")
    if network.n_features != 1:
        raise ValueError(f"network: expected 1 feature, got {network.n_features}")
    return network


def _as_points(data: ArrayLike | None) -> FloatArray | None:
    if data is None:
        return None
    points = as_data("data", data)
    if points.shape[1] != 1:
        raise ValueError(f"data: expected 1 feature, got {points.shape[1]}")
    if np.abs(points).max() > _LARGEST:
        raise ValueError(f"data: expected numbers up to {_LARGEST:g}, got one of {np.abs(points).max():g}")
    return points[:, 0]


def _legend(ax: Axes) -> None:
    for handle in ax.legend(frameon=False, loc="upper right", ncols=3).legend_handles:
        if handle is not None:
            handle.set_alpha(1.0)


def _padded(points: FloatArray) -> tuple[float, float]:
    low, high = float(points.min()), float(points.max())
    margin = 0.12 * (high - low) or max(0.12 * abs(low), 1.0)
    return low - margin, high + margin


def _histogram(points: FloatArray, ax: Axes) -> None:
    ax.hist(points, bins=_bins(points), density=True, color=SOFT, label=f"data (n = {points.size})")


def _bins(points: FloatArray) -> list[float]:
    """Return histogram edges: twice the bins of Freedman and Diaconis, who smooth modes away, 24 to 80."""
    low, high = float(points.min()), float(points.max())
    if low == high:
        low, high = _padded(points)
    width = 2 * float(np.subtract(*np.quantile(points, [0.75, 0.25]))) / np.cbrt(points.size)
    count = np.clip(2 * (high - low) / width, 24, 80) if width > 0 else 30
    return np.linspace(low, high, round(float(count)) + 1).tolist()


def _range(network: TwoLayerNetwork, points: Any) -> tuple[float, float]:
    if points is not None:
        return _padded(points)
    try:
        low, high = ScoreDensity(network).icdf([0.0005, 0.9995])
        return float(low), float(high)
    except NotNormalizableError:
        return _padded(network.kinks if network.kinks.size else np.zeros(1))
