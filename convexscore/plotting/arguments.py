"""What the figures are of: scores, densities and data, checked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from .._support.validation import FloatArray, as_data, as_numbers, as_returned, check_finite, shown
from ..errors import NotNormalizableError
from ..networks.conservative import ConservativeNetwork
from ..networks.two_layer import TwoLayerNetwork
from ..objectives.support import Box, Support, as_limits, box_of, support_of
from ..pooling.distribution import Distribution
from ..results import Solution
from ..scores.densities import density_of
from ..scores.density import ScoreDensity
from ..scores.planar_density import ConservativeDensity

__all__ = [
    "Law",
    "Subject",
    "Window",
    "as_law",
    "as_points",
    "as_subject",
    "limits_of",
    "mesh",
    "padded",
    "score_values",
    "spread",
    "stretch",
    "within",
]

Law = ScoreDensity | ConservativeDensity | Distribution

# Axes are scaled by differences and products of their ends.
_LARGEST = 1e150
# The share of the mass beyond a range that has no data to go by, on each side.
_BEYOND = 0.0005
# The share of that range that is shown beyond a limit, where the density is zero.
_MARGIN = 0.06


#: Ranges of both features of the plane.
Window = tuple[tuple[float, float], tuple[float, float]]


@dataclass(frozen=True, eq=False)
class Subject:
    """A score to be drawn.

    Parameters
    ----------
    score : callable
        The score, of arrays of shape ``(n, n_features)``.
    n_features : int
        One or two.
    data : ndarray of shape (n_samples, n_features) or None
        Data to draw with it.
    name : str
        The argument that the score is, for error messages.
    support : tuple of two floats, or of two such pairs, or None
        Limits of the law, if the data had some.
    """

    score: Any
    n_features: int
    data: FloatArray | None
    name: str
    support: Support | Box | None = None

    @property
    def network(self) -> TwoLayerNetwork | None:
        """The network with the kinks of the score, if it is one."""
        found = self.score.network if isinstance(self.score, ConservativeNetwork) else self.score
        return found if isinstance(found, TwoLayerNetwork) else None

    @property
    def column(self) -> FloatArray | None:
        """The data of one feature, shape ``(n_samples,)``."""
        return None if self.data is None else self.data[:, 0]

    def values(self, points: FloatArray) -> FloatArray:
        """Return the score at points of shape ``(n, n_features)``."""
        return score_values(self.name, self.score, points)

    def law(self) -> Law | None:
        """Return the law of the score; None where it is not known in closed form.

        Raises
        ------
        NotNormalizableError
            If the score has no density.
        """
        if isinstance(self.score, Distribution):
            return self.score
        try:
            return density_of(self.score, self.support)
        except NotNormalizableError:
            raise
        except ValueError:
            return None

    def ends(self) -> tuple[float, float]:
        """Return a range on the line: of the data, else of almost all mass, else of the kinks."""
        if self.column is not None:
            return padded(self.column)
        try:
            law = self.law()
        except NotNormalizableError:
            law = None
        if law is not None and not isinstance(law, ConservativeDensity):
            return stretch(law)
        network = self.network
        return padded(network.kinks if network is not None and network.kinks.size else np.zeros(1))

    def limits(self) -> tuple[float, float]:
        """Return the limits of a law on the line, infinite where there is none."""
        return limits_of(self.score) if self.support is None else box_of(self.support)[0]

    @property
    def box(self) -> Box | None:
        """The limits of a law in the plane; None where there are none."""
        return None if self.support is None else box_of(self.support)

    def window(self) -> Window:
        """Return ranges of both features of the plane: of the data, else of almost all mass."""
        if self.data is not None:
            return padded(self.data[:, 0]), padded(self.data[:, 1])
        try:
            law = self.law()
        except NotNormalizableError:
            law = None
        if law is None or isinstance(law, ScoreDensity):
            return (-3.0, 3.0), (-3.0, 3.0)
        return spread(law)


def within(window: Window, box: Box | None) -> Window:
    """Return the part of a window of the plane that is between limits."""
    if box is None:
        return window
    first, second = (
        (float(np.clip(ends[0], *pair)), float(np.clip(ends[1], *pair)))
        for ends, pair in zip(window, box, strict=True)
    )
    return first, second


def stretch(law: ScoreDensity | Distribution) -> tuple[float, float]:
    """Return a range of almost all mass of a law on the line, and a little beyond a limit that is near."""
    low, high = (float(end) for end in law.icdf([_BEYOND, 1 - _BEYOND]))
    (first, last), margin = limits_of(law), _MARGIN * (high - low)
    return (
        first - margin if low - first < margin else low,
        last + margin if last - high < margin else high,
    )


def limits_of(thing: Any) -> tuple[float, float]:
    """Return the limits of a law or a solution on the line, infinite where there is none."""
    known = getattr(thing.objective, "support", None) if isinstance(thing, Solution) else support_of(thing, 1)
    return (-np.inf, np.inf) if known is None else box_of(known)[0]


def spread(law: ConservativeDensity | Distribution) -> Window:
    """Return ranges of three standard deviations about the mean of a law in the plane."""
    mean, deviation = np.asarray(law.mean()), np.sqrt(np.diag(law.covariance()))
    low, high = mean - 3 * deviation, mean + 3 * deviation
    return (float(low[0]), float(high[0])), (float(low[1]), float(high[1]))


def as_subject(
    name: str, thing: Any, data: ArrayLike | None, given: str = "data", support: Any = None
) -> Subject:
    """Return the score of a network, a `Solution` or another callable, with the data to be drawn."""
    if isinstance(thing, Solution):
        if support is not None:
            raise ValueError(
                f"support: expected None for a Solution, which knows its own, got {shown(support)}"
            )
        data = data if data is not None or thing.problem is None else thing.objective.X
        support, thing = getattr(thing.objective, "support", None), thing.network
    if not callable(thing) or isinstance(thing, type):
        raise TypeError(f"{name}: expected a score, such as a network or a Solution, got {shown(thing)}")
    n_features = getattr(thing, "n_features", None)
    if n_features is None:
        if data is None:
            raise ValueError(f"{given}: expected data for a score that does not say its features, got None")
        n_features = as_data(given, data).shape[1]
    if n_features not in (1, 2):
        raise ValueError(f"{name}: expected 1 or 2 features, got {n_features}")
    limits = as_limits("support", support, n_features)
    return Subject(thing, n_features, as_points(given, data, n_features), name, limits)


def score_values(name: str, score: Any, points: FloatArray) -> FloatArray:
    """Return a score at points, or raise if it has another shape, or numbers that axes cannot show."""
    returned = as_returned(name, score(points), points.shape, "scores of the shape of the points,")
    values = as_numbers(name, returned)
    check_finite(name, values)
    if np.abs(values).max(initial=0.0) > _LARGEST:
        largest = float(np.abs(values).max())
        raise ValueError(f"{name}: expected scores up to {_LARGEST:g}, got one of {largest:g}")
    return values


def as_law(name: str, thing: Any) -> Law:
    """Return the law that something is, or raise."""
    if isinstance(thing, Solution):
        return thing.density()
    if not isinstance(thing, Law):
        raise TypeError(
            f"{name}: expected a density, such as a ScoreDensity, a PooledScore or a Solution, got "
            f"{shown(thing)}"
        )
    return thing


def as_points(name: str, data: ArrayLike | None, n_features: int) -> FloatArray | None:
    """Return data of some features, which axes can show; None for none."""
    if data is None:
        return None
    points = as_data(name, data)
    if points.shape[1] != n_features:
        expected = f"{n_features} feature" + "s" * (n_features != 1)
        raise ValueError(f"{name}: expected {expected}, got {points.shape[1]}")
    if np.abs(points).max() > _LARGEST:
        raise ValueError(f"{name}: expected numbers up to {_LARGEST:g}, got one of {np.abs(points).max():g}")
    return points


def padded(points: FloatArray) -> tuple[float, float]:
    """Return a range with a margin on both sides of points."""
    low, high = float(points.min()), float(points.max())
    margin = 0.12 * (high - low) or max(0.12 * abs(low), 1.0)
    return low - margin, high + margin


def mesh(window: Window, count: int) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return both coordinates of a grid as matrices, and its points as rows."""
    x, y = np.meshgrid(*(np.linspace(*ends, count) for ends in window))
    return x, y, np.column_stack([x.ravel(), y.ravel()])
