"""What each kind of object draws when it is asked to plot itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .._support.axes import as_axes
from ..arrangements.patterns import Patterns
from ..pooling.distribution import Distribution
from ..results import Certificate, Solution
from ..scores.density import ScoreDensity
from ..scores.noise_conditional import NoiseConditionalScore
from ..scores.planar_density import ConservativeDensity
from ..univariate.path import Path
from .arguments import as_subject
from .density import plot_density
from .fit import plot_fit
from .path import plot_path
from .score import plot_score
from .style import ACCENT, INK, SOFT, labelled, legend

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["chosen_levels", "drawn"]

# Curves of a noise-conditional score, and their line styles.
_STYLES = ("-", (0, (5, 2)), (0, (3, 1.5, 1, 1.5)), (0, (1, 1.2)))


def drawn(thing: Any, ax: Axes | None) -> Axes:
    """Draw an object, and return the axes."""
    if isinstance(thing, Solution):
        axes: Axes = plot_fit(thing, ax=ax)
        return axes
    if isinstance(thing, Path):
        return plot_path(thing, ax=ax)
    if isinstance(thing, ScoreDensity | ConservativeDensity | Distribution):
        return plot_density(thing, ax=ax)
    if isinstance(thing, NoiseConditionalScore):
        return _draw_levels(thing, ax)
    if isinstance(thing, Patterns):
        return _draw_patterns(thing, ax)
    if isinstance(thing, Certificate):
        return _draw_certificate(thing, ax)
    return plot_score(thing, ax=ax)


def chosen_levels(score: NoiseConditionalScore) -> list[int]:
    """Return the numbers of a few levels spread over all of them."""
    last = len(score.networks) - 1
    return sorted({round(last * k / (len(_STYLES) - 1)) for k in range(len(_STYLES))})


def _draw_levels(score: NoiseConditionalScore, ax: Axes | None) -> Axes:
    """Draw the scores of a few levels on the line, that of the least noise in the plane."""
    least = score.networks[-1]
    if getattr(least, "n_features", 1) != 1:
        return plot_score(least, ax=ax)
    chosen = chosen_levels(score)
    subjects = [as_subject("score", score.networks[k], None) for k in chosen]
    # Where the least noise is: scores far out are large, and of no interest.
    low, high = subjects[-1].ends()
    ax = as_axes("ax", ax)
    x = np.linspace(low, high, 400)
    ax.axhline(0.0, color=SOFT, linewidth=0.8, zorder=0)
    for k, subject, style in zip(chosen, subjects, _STYLES, strict=False):
        values = subject.values(x[:, None])[:, 0]
        name = f"noise {score.sigmas[k]:.3g}"
        ax.plot(x, values, color=INK, linewidth=1.6, linestyle=style, label=name)
    labelled(ax, "x", "score")
    ax.set_xlim(low, high)
    legend(ax)
    return ax


def _draw_patterns(patterns: Patterns, ax: Axes | None) -> Axes:
    """Draw signs as dark and light, a row a pattern."""
    ax = as_axes("ax", ax)
    ax.imshow(patterns.signs, aspect="auto", cmap="Greys", vmin=0, vmax=1.4, interpolation="nearest")
    labelled(ax, "sample", "pattern")
    return ax


def _draw_certificate(certificate: Certificate, ax: Axes | None) -> Axes:
    """Draw the value, and the bound that no network is below."""
    from matplotlib.ticker import MaxNLocator

    ax = as_axes("ax", ax)
    marks = (("value", certificate.primal, "o", ACCENT), ("lower bound", certificate.lower_bound, "|", INK))
    for name, value, marker, color in marks:
        if np.isfinite(value):
            name = f"{name} {value:.10g}"
            ax.plot([value], [0.0], marker, color=color, markersize=14 if marker == "|" else 8, label=name)
    ax.axhline(0.0, color=SOFT, linewidth=0.8, zorder=0)
    labelled(ax, f"loss (gap {certificate.gap:.2g}, scope {certificate.scope})", "")
    reach = max(1.5 * abs(certificate.gap), 1e-3 * abs(certificate.primal), 1e-300)
    reach = min(reach, abs(certificate.primal) + 1.0)
    ax.set(yticks=[], ylim=(-1.0, 1.0), xlim=(certificate.primal - reach, certificate.primal + reach))
    ax.xaxis.set_major_locator(MaxNLocator(3))
    legend(ax)
    return ax
