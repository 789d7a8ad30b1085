"""Density and score of a fit: on the line one above the other, in the plane in one picture."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from .._support.axes import as_axes
from .._support.validation import as_text, shown
from ..errors import NotNormalizableError
from .arguments import Subject, as_subject
from .density import draw_density, histogram
from .field import draw_field
from .score import draw_score
from .style import labelled, legend, titled

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["plot_fit"]


def plot_fit(
    network: Any,
    data: ArrayLike | None = None,
    *,
    support: tuple[float | None, float | None] | None = None,
    label: str = "x",
    title: str | None = None,
    ax: Axes | None = None,
    axes: tuple[Axes, Axes] | None = None,
) -> Any:
    """Draw density and score of a fit: on the line one above the other, in the plane in one picture.

    Parameters
    ----------
    network : TwoLayerNetwork, Solution or callable
        A score of one or two features; of a solution the data are drawn too.
    data : array of shape (n_samples,) or (n_samples, n_features), optional
        The data it was fitted to.
    support : tuple of two floats or None, optional
        Limits of the law of a network with one feature, None where there is none; a solution knows its own.
    label : str
        Label of the horizontal axis; in the plane features are numbered.
    title : str, optional
        Title of the figure; long ones are wrapped.
    ax : matplotlib Axes, optional
        Where to draw; a new figure by default.  On the line the two panels are drawn inside it, and are its
        ``child_axes``.
    axes : pair of matplotlib Axes, optional
        Where to draw density and score instead, one feature only.

    Returns
    -------
    matplotlib Axes, or the pair of them that was given
        Where the score has no density, the upper panel says why.

    Raises
    ------
    TypeError, ValueError
        If an argument is of the wrong kind, there are more than two features, or both `ax` and `axes` are
        given.

    See Also
    --------
    plot_score, plot_density : The panels.
    plot_certificate : Why the fit is the optimum.

    Examples
    --------
    >>> import convexscore as cs
    >>> from convexscore.plotting import plot_fit
    >>> from matplotlib.figure import Figure
    >>> solution = cs.solve(cs.datasets.load_old_faithful()["eruptions"], beta=20, skip=True)
    >>> upper, lower = plot_fit(solution, ax=Figure().subplots()).child_axes
    >>> upper.get_ylabel(), lower.get_ylabel()
    ('density', 'score')
    """
    subject, label = as_subject("network", network, data, support=support), as_text("label", label)
    title = None if title is None else as_text("title", title)
    if axes is not None:
        if ax is not None:
            raise ValueError(f"axes: expected None beside ax, got {shown(axes)}")
        upper, lower = _as_pair(axes)
        if subject.n_features != 1:
            raise ValueError("axes: expected None for a score of 2 features, which is one picture")
        _draw_pair(upper, lower, subject, label)
        titled(upper, title)
        return upper, lower
    ax = _new_axes() if ax is None else as_axes("ax", ax)
    if subject.n_features == 2:
        draw_field(ax, subject)
    else:
        ax.set_axis_off()
        lower = ax.inset_axes((0.0, 0.0, 1.0, 0.48))
        upper = ax.inset_axes((0.0, 0.52, 1.0, 0.48), sharex=lower)
        _draw_pair(upper, lower, subject, label)
        ax.child_axes.reverse()
    titled(ax, title)
    return ax


def _new_axes() -> Axes:
    import matplotlib.pyplot as plt

    return plt.figure(figsize=(7, 6.5), layout="constrained").subplots()


def _as_pair(axes: Any) -> tuple[Axes, Axes]:
    pair = isinstance(axes, (tuple, list)) or (isinstance(axes, np.ndarray) and axes.ndim > 0)
    given: list[Any] = list(axes) if pair else []
    if len(given) != 2:
        raise TypeError(f"axes: expected a pair of matplotlib Axes, got {shown(axes)}")
    return as_axes("axes", given[0]), as_axes("axes", given[1])


def _draw_pair(upper: Axes, lower: Axes, subject: Subject, label: str) -> None:
    draw_score(lower, subject, label)
    try:
        law, reason = subject.law(), "its kind has none that is known"
    except NotNormalizableError as error:
        law, reason = None, str(error).split(":")[1].strip()
    if law is None:
        upper.text(0.02, 0.92, f"no density: {reason}", transform=upper.transAxes)
        labelled(upper, "", "density")
        if subject.column is not None:
            histogram(subject.column, upper)
            # Beside the line of words above.
            legend(upper, below=1.3 * upper.get_ylim()[1])
    else:
        draw_density(upper, law, subject.column, label)
    upper.set(xlabel="", xlim=lower.get_xlim())
    upper.tick_params(labelbottom=False)
    for ax in (upper, lower):
        ax.spines[["top", "right"]].set_visible(False)
