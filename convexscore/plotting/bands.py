"""Bands around a density or a score on the line: shaded, with edges that are told apart without colour."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .._support.validation import FloatArray, as_probability, shown
from ..results import Solution
from ..scores.bands import Band, Bands
from ..scores.density import ScoreDensity
from .style import INK, SOFT

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["as_bands", "draw_band"]


def as_bands(band: Any, thing: Any) -> Bands | None:
    """Return the bands of a density or a solution at a level, or those that are given; None for none."""
    if band is None or isinstance(band, Bands):
        return band
    level = as_probability("band", band)
    density = thing.density() if isinstance(thing, Solution) else thing
    if not isinstance(density, ScoreDensity):
        raise ValueError(
            "band: expected None but for one feature and a Solution, or the density that it makes, got "
            f"{shown(band)} for {shown(thing)}"
        )
    return density.interval_bands(level, rng=0)


def draw_band(ax: Axes, points: FloatArray, band: Band, level: float, limits: tuple[float, float]) -> None:
    """Shade the simultaneous band, and draw the edges of both, as far as the limits of the law."""
    shown = (points >= limits[0]) & (points <= limits[1])
    points = points[shown]
    inner, outer = (
        (band.lower[shown], band.upper[shown]),
        (band.simultaneous_lower[shown], band.simultaneous_upper[shown]),
    )
    share = f"{100 * level:g} %"
    edges: dict[str, Any] = {"color": INK, "linewidth": 0.9, "zorder": 1.8}
    ax.fill_between(points, *outer, color=SOFT, alpha=0.5, zorder=0.5)
    ax.plot(points, outer[0], linestyle=":", label=f"{share} at once", **edges)
    ax.plot(points, outer[1], linestyle=":", **edges)
    ax.plot(points, inner[0], linestyle=(0, (5, 2)), label=f"{share} pointwise", **edges)
    ax.plot(points, inner[1], linestyle=(0, (5, 2)), **edges)
