"""The life of every kink as the weight decay falls."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .._support.axes import as_axes
from .._support.validation import as_text, shown
from ..univariate.path import Path
from .style import ACCENT, INK, labelled, plain_ticks, titled

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["plot_path"]


def plot_path(path: Path, *, title: str | None = None, ax: Axes | None = None) -> Axes:
    """Draw the positions of the kinks against the weight decay.

    Parameters
    ----------
    path : Path
        What `regularization_path` returned.
    title : str, optional
        Title of the axes; long ones are wrapped.
    ax : matplotlib Axes, optional
        Where to draw; the current axes by default.

    Returns
    -------
    matplotlib Axes
        Kinks at which the slope falls are solid, those at which it rises dashed.

    Raises
    ------
    TypeError
        If `path` is no path.

    See Also
    --------
    convexscore.Path.kink_spans : What is drawn.

    Examples
    --------
    >>> import convexscore as cs
    >>> from convexscore.plotting import plot_path
    >>> from matplotlib.figure import Figure
    >>> path = cs.regularization_path(cs.datasets.load_galaxies()["velocity_km_s"], skip=True, beta_min=5)
    >>> plot_path(path, ax=Figure().subplots()).get_ylabel()
    'position of the kinks'
    """
    if not isinstance(path, Path):
        raise TypeError(f"path: expected a Path, got {shown(path)}")
    title = None if title is None else as_text("title", title)
    ax = as_axes("ax", ax)
    position, upper, lower, signs = path.kink_spans()
    kinds: list[tuple[int, str, Any, str]] = [
        (-1, INK, "-", "slope falls"),
        (1, ACCENT, [(0, (3, 1.5))], "slope rises"),
    ]
    for sign, color, style, label in kinds:
        drawn = signs == sign
        if drawn.any():
            ends = position[drawn], upper[drawn], lower[drawn]
            ax.hlines(*ends, color=color, linewidth=1.5, linestyles=style, label=label)
    labelled(ax, "weight decay beta", "position of the kinks")
    ax.set_xscale("log")
    plain_ticks(ax.xaxis)
    ax.set_xlim(path.betas[-1], path.betas[0] * 1.1)
    X = path.objective.X
    ax.set_ylim(X.min(), X.max())
    if ax.collections:
        ax.legend(frameon=False)
    titled(ax, title)
    return ax
