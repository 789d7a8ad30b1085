"""The score in the plane: arrows, the network's kink lines, contours of the density, and the data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from .._support.axes import as_axes
from .._support.validation import FloatArray, as_text
from ..errors import ConvergenceError, NotNormalizableError
from ..networks.conservative import ConservativeNetwork
from ..networks.two_layer import TwoLayerNetwork
from .arguments import Subject, as_subject, mesh, within
from .style import ACCENT, DATA, FAINT, INK, labelled, legend, titled

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = [
    "LEVELS",
    "draw_arrows",
    "draw_field",
    "draw_levels",
    "draw_points",
    "kink_span",
    "legend_above",
    "plot_field",
]

#: Contours are where the logarithm of a density is this far below its peak.
LEVELS = np.array([0.125, 0.5, 1.125, 2.0, 3.125, 4.5])
# Arrows a side, longer ones cut at this quantile of the lengths; kink lines at most.
_ARROWS, _LONG, _MOST_LINES = 19, 0.75, 150
# Points a side where contours are computed.
_FINE = 90


def plot_field(
    score: Any,
    X: ArrayLike | None = None,
    *,
    title: str | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw a score in the plane: arrows along it, kink lines dashed, contours of the density, and the data.

    Parameters
    ----------
    score : Solution, network or callable
        A score of two features; of a solution the data are drawn too.  Contours are drawn where the
        log-density is known: of conservative networks and pooled scores.
    X : array of shape (n_samples, 2), optional
        Data to show; they set the range, and a score that does not say its features needs them.
    title : str, optional
        Title of the axes; long ones are wrapped.
    ax : matplotlib Axes, optional
        Where to draw; the current axes by default.

    Returns
    -------
    matplotlib Axes
        Arrows are as long as the score is, but for the longest quarter, which are cut.

    Raises
    ------
    TypeError, ValueError
        If an argument is of the wrong kind, or there is another number of features than two.

    See Also
    --------
    plot_score : The score on the line.
    plot_density : Contours of the density alone.

    Examples
    --------
    >>> import convexscore as cs
    >>> from convexscore.plotting import plot_field
    >>> from matplotlib.figure import Figure
    >>> X = cs.targets.ring(n_modes=3, radius=4.0, scale=0.8).sample(40, rng=0)
    >>> solution = cs.solve(X, 10.0, skip=True, conservative=True)
    >>> plot_field(solution, ax=Figure().subplots()).get_xlabel()
    'first feature'
    """
    subject = as_subject("score", score, X, "X")
    if subject.n_features != 2:
        raise ValueError("score: expected 2 features, got 1; `plot_score` draws scores on the line")
    title = None if title is None else as_text("title", title)
    ax = as_axes("ax", ax)
    draw_field(ax, subject)
    titled(ax, title)
    return ax


def draw_field(ax: Axes, subject: Subject) -> None:
    """Draw a score in the plane."""
    window = subject.window()
    if subject.data is not None:
        draw_points(ax, subject.data)
    # Beyond limits there is no law that it could be the score of.
    inner = within(window, subject.box)
    if subject.network is not None:
        _draw_kinks(ax, subject.network, inner)
    _draw_contours(ax, subject, inner)
    points = mesh(inner, _ARROWS)[2]
    draw_arrows(ax, points, subject.values(points))
    labelled(ax, "first feature", "second feature")
    ax.set(xlim=window[0], ylim=window[1])
    legend_above(ax)


def draw_arrows(ax: Axes, points: FloatArray, values: FloatArray) -> None:
    """Draw a score at points of the plane as arrows, the longest of which are cut.

    Parameters
    ----------
    ax : matplotlib Axes
        Where to draw.
    points, values : ndarray of shape (n, 2)
        Points and the score there.
    """
    # In units of the window: arrows that point where the score does on axes of any two scales.
    sides = np.ptp(points, axis=0)
    sides = np.where(sides > 0, sides, 1.0)
    length = np.hypot(*(values / sides).T)
    longest = float(np.quantile(length, _LONG)) or 1.0
    arrows = values * np.minimum(1.0, longest / np.maximum(length, 1e-300))[:, None]
    steps = arrows / (longest * max(np.sqrt(len(points)), 2.0))
    ax.quiver(
        *points.T,
        *steps.T,
        angles="xy",
        scale_units="xy",
        scale=1.0,
        color=INK,
        width=0.0026,
        headwidth=4.5,
        zorder=3,
    )
    ax.plot([], [], marker=r"$\rightarrow$", color=INK, markersize=11, linestyle="none", label="score")


def legend_above(ax: Axes) -> None:
    """Draw the legend of a full picture above it."""
    legend(ax, columns=4, loc="upper left", below=ax.get_ylim()[1], small=True)


def draw_points(ax: Axes, data: FloatArray) -> None:
    """Draw data in the plane."""
    ax.plot(*data.T, **DATA, rasterized=len(data) > 2000, label=f"data (n = {len(data)})", zorder=1)


def _draw_kinks(ax: Axes, network: TwoLayerNetwork, window: Any) -> None:
    """Draw the lines on which the network bends, the strongest ones if there are very many."""
    size = np.linalg.norm(network.W1, axis=1) * np.linalg.norm(network.W2, axis=0)
    strongest = np.argsort(-size, kind="stable")[:_MOST_LINES]
    spans = [span for k in strongest if size[k] > 0 if (span := kink_span(network, k, window)) is not None]
    if not spans:
        return
    columns = np.concatenate([[*span, [np.nan, np.nan]] for span in spans])
    name = f"{len(spans)} kink line" + "s" * (len(spans) != 1)
    ax.plot(*columns.T, color=ACCENT, linewidth=1.0, linestyle=(0, (5, 3)), label=name, zorder=2)


def kink_span(network: TwoLayerNetwork, k: Any, window: Any) -> FloatArray | None:
    """Return the ends of the part of a neuron's kink line that is inside a window; None for none."""
    w, offset = network.W1[k], network.b1[k] - network.W1[k] @ network.origin
    (left, right), (low, high) = window
    with np.errstate(all="ignore"):
        y, x = (
            (-offset - w[0] * np.array([left, right])) / w[1],
            (-offset - w[1] * np.array([low, high])) / w[0],
        )
    ends = np.array([[left, y[0]], [right, y[1]], [x[0], low], [x[1], high]])
    slack = 1e-9 * np.array([right - left, high - low])
    lowest, highest = np.array([left, low]) - slack, np.array([right, high]) + slack
    inside = ((ends >= lowest) & (ends <= highest)).all(axis=1)
    if inside.sum() < 2:
        return None
    ends = ends[inside]
    along = ends @ np.array([-w[1], w[0]]) / np.linalg.norm(w)
    return ends[[int(np.argmin(along)), int(np.argmax(along))]]


def _draw_contours(ax: Axes, subject: Subject, window: Any) -> None:
    x, y, points = mesh(window, _FINE)
    if isinstance(subject.score, ConservativeNetwork):
        heights = subject.score.potential(points)
    else:
        try:
            law = subject.law()
        except (NotNormalizableError, ConvergenceError):
            return
        if law is None:
            return
        heights = law.logpdf(points)
    draw_levels(ax, x, y, heights)


def draw_levels(ax: Axes, x: FloatArray, y: FloatArray, heights: FloatArray, color: str = FAINT) -> None:
    """Draw contours of a logarithm of a density, the outer ones dotted."""
    top = float(heights.max())
    levels = np.sort(top - LEVELS)
    if not (np.isfinite(levels).all() and (np.diff(levels) > 0).all() and heights.min() < levels[-1]):
        return
    styles = ["dotted"] * 2 + ["solid"] * (LEVELS.size - 2)
    ax.contour(
        x, y, heights.reshape(x.shape), levels, colors=color, linewidths=1.1, linestyles=styles, zorder=1
    )
    ax.plot([], [], color=color, linewidth=1.1, label="density")
