"""A score as a scikit-learn display: made from an estimator, drawn on axes, kept with what it drew."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike

from .._support.axes import as_axes
from .._support.validation import FloatArray, as_count, as_data, as_text, shown
from ..objectives.support import as_support
from ..results import Solution
from .arguments import as_points, limits_of, mesh, padded, score_values
from .field import draw_arrows, draw_points, legend_above
from .score import draw_rug
from .style import INK, SOFT, labelled, legend, titled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure

__all__ = ["ScoreDisplay"]

# Points a feature of a grid, at most.
_FINEST = 2000


class ScoreDisplay:
    """Scores at points, to be drawn: a curve on the line, arrows in the plane.

    Make one by `from_estimator` or `from_predictions`.

    Parameters
    ----------
    points : array of shape (n,) or (n, n_features)
        Where the score is known; one or two features.
    scores : array of the shape of `points`
        The score there.
    data : array of shape (n_samples,) or (n_samples, n_features), optional
        Data to draw with it.
    label : str
        Label of the horizontal axis; in the plane features are numbered.

    Attributes
    ----------
    points, scores : ndarray of shape (n, n_features)
        What was given, on the line in ascending order.
    data : ndarray of shape (n_samples, n_features) or None
        The data.
    ax_ : matplotlib Axes
        Where it was drawn.
    figure_ : matplotlib Figure
        Their figure.

    Raises
    ------
    TypeError, ValueError
        If arrays are not numeric, do not fit each other, or have more than two features.

    See Also
    --------
    plot_score : The score of a network, with its kinks.

    Examples
    --------
    >>> import numpy as np
    >>> from convexscore.plotting import ScoreDisplay
    >>> from matplotlib.figure import Figure
    >>> x = np.linspace(-2, 2, 9)
    >>> display = ScoreDisplay(x, -x).plot(ax=Figure().subplots())
    >>> display.ax_.get_ylabel(), display.figure_ is display.ax_.figure
    ('score', True)
    """

    ax_: Axes
    figure_: Figure | SubFigure

    def __init__(
        self, points: ArrayLike, scores: ArrayLike, data: ArrayLike | None = None, label: str = "x"
    ) -> None:
        n_features = as_data("points", points).shape[1]
        if n_features not in (1, 2):
            raise ValueError(f"points: expected 1 or 2 features, got {n_features}")
        places = as_points("points", points, n_features)
        values = as_data("scores", scores)
        assert places is not None
        if values.shape != places.shape:
            raise ValueError(f"scores: expected the shape of points, {places.shape}, got {values.shape}")
        order = np.argsort(places[:, 0], kind="stable") if n_features == 1 else np.arange(len(places))
        self.points: FloatArray = places[order]
        self.scores: FloatArray = values[order]
        self.data: FloatArray | None = as_points("data", data, n_features)
        self.label: str = as_text("label", label)

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: ArrayLike,
        *,
        grid_resolution: int | None = None,
        label: str = "x",
        title: str | None = None,
        ax: Axes | None = None,
    ) -> Self:
        """Draw the score of a fitted estimator over data.

        Parameters
        ----------
        estimator : object
            Anything with a method ``score_function(X)``, such as an estimator, or a score itself: a network,
            a `Solution`, a `PooledScore`.
        X : array of shape (n_samples,) or (n_samples, n_features)
            Data with one or two features; they set the range, which ends at the limits of the law, if there
            are some.
        grid_resolution : int, optional
            Points a feature, at most 2000; by default 200 on the line and 19 in the plane.
        label : str
            Label of the horizontal axis.
        title : str, optional
            Title of the axes; long ones are wrapped.
        ax : matplotlib Axes, optional
            Where to draw; the current axes by default.

        Returns
        -------
        ScoreDisplay

        Examples
        --------
        >>> import convexscore as cs
        >>> from convexscore.plotting import ScoreDisplay
        >>> from matplotlib.figure import Figure
        >>> X = cs.datasets.load_old_faithful()["eruptions"]
        >>> display = ScoreDisplay.from_estimator(cs.solve(X, 20, skip=True), X, ax=Figure().subplots())
        >>> display.points.shape
        (200, 1)
        """
        score = estimator.network if isinstance(estimator, Solution) else estimator
        score = getattr(score, "score_function", score)
        if not callable(score) or isinstance(score, type):
            raise TypeError(
                f"estimator: expected one with a method score_function, or a score, got {shown(estimator)}"
            )
        n_features = as_data("X", X).shape[1]
        if n_features not in (1, 2):
            raise ValueError(f"X: expected 1 or 2 features, got {n_features}")
        data = as_points("X", X, n_features)
        assert data is not None
        count = 200 if n_features == 1 else 19
        if grid_resolution is not None:
            count = as_count("grid_resolution", grid_resolution, minimum=2)
            if count > _FINEST:
                raise ValueError(f"grid_resolution: expected at most {_FINEST} points a feature, got {count}")
        if n_features == 1:
            first, last = np.clip(_limits(estimator), *padded(data[:, 0]))
            points = np.linspace(first, last, count)[:, None]
        else:
            points = mesh((padded(data[:, 0]), padded(data[:, 1])), count)[2]
        return cls(points, score_values("estimator", score, points), data, label).plot(title=title, ax=ax)

    @classmethod
    def from_predictions(
        cls,
        X: ArrayLike,
        scores: ArrayLike,
        *,
        label: str = "x",
        title: str | None = None,
        ax: Axes | None = None,
    ) -> Self:
        """Draw scores that were computed at data.

        Parameters
        ----------
        X : array of shape (n_samples,) or (n_samples, n_features)
            Data with one or two features.
        scores : array of the shape of `X`
            The score at each.
        label : str
            Label of the horizontal axis.
        title : str, optional
            Title of the axes; long ones are wrapped.
        ax : matplotlib Axes, optional
            Where to draw; the current axes by default.

        Returns
        -------
        ScoreDisplay
        """
        return cls(X, scores, X, label).plot(title=title, ax=ax)

    def plot(self, *, title: str | None = None, ax: Axes | None = None) -> Self:
        """Draw it.

        Parameters
        ----------
        title : str, optional
            Title of the axes; long ones are wrapped.
        ax : matplotlib Axes, optional
            Where to draw; the current axes by default.

        Returns
        -------
        ScoreDisplay
            Itself, with `ax_` and `figure_`.
        """
        title = None if title is None else as_text("title", title)
        ax = as_axes("ax", ax)
        if self.points.shape[1] == 1:
            self._draw_curve(ax)
        else:
            if self.data is not None:
                draw_points(ax, self.data)
            draw_arrows(ax, self.points, self.scores)
            labelled(ax, "first feature", "second feature")
            legend_above(ax)
        titled(ax, title)
        self.ax_, self.figure_ = ax, ax.figure
        return self

    def _draw_curve(self, ax: Axes) -> None:
        ax.axhline(0.0, color=SOFT, linewidth=0.8, zorder=0)
        ax.plot(self.points[:, 0], self.scores[:, 0], color=INK, linewidth=2, label="score")
        if self.data is not None:
            draw_rug(ax, self.data[:, 0])
        labelled(ax, self.label, "score")
        ax.spines[["top", "right"]].set_visible(False)
        legend(ax)


def _limits(estimator: Any) -> tuple[float, float]:
    """Return the limits of a fitted estimator, which has them as it was given them, or of a law."""
    given = getattr(estimator, "support", None)
    if hasattr(estimator, "score_function") and isinstance(given, (tuple, list)):
        return as_support("support", given) or (-np.inf, np.inf)
    return limits_of(estimator)
