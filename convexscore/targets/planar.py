"""Planar targets with known densities and scores: eight Gaussians on a circle, two moons, the banana."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from .._support.seeds import generator
from .._support.sizes import as_size
from .._support.validation import FloatArray, as_data, as_real, as_scale
from .gaussian_mixture import GaussianMixture

__all__ = ["Banana", "moons", "ring"]

# Up to here squares keep their digits.
_LARGEST = 1e150
# Radii of a moon in units of its scale.
_MOST = 1e7


def ring(n_modes: int = 8, radius: float = 2.0, scale: float = 0.2) -> GaussianMixture:
    """Return equal Gaussians, evenly spaced on a circle about the origin.

    Parameters
    ----------
    n_modes : int
        Number of Gaussians; the first is at ``(radius, 0)``, the others follow counterclockwise.
    radius : float
        Radius of the circle, positive.
    scale : float
        Standard deviation of each Gaussian in each direction, positive.

    Returns
    -------
    GaussianMixture
        With `n_modes` components; its ``means`` are the modes when they are several scales apart.

    Raises
    ------
    ValueError
        If a number is out of range.

    See Also
    --------
    moons : Two arcs.
    GaussianMixture : What is returned.

    Examples
    --------
    >>> from convexscore.targets import ring
    >>> target = ring(radius=3.0)
    >>> target.means.shape, target.variance.round(6)
    ((8, 2), array([4.54, 4.54]))
    """
    count = as_size("n_modes", n_modes, minimum=1, each=6)
    radius = as_real("radius", radius, minimum=0.0, strict=True)
    scale = as_real("scale", scale, minimum=0.0, strict=True)
    _check_radius(radius)
    angles = 2 * np.pi * np.arange(count) / count
    return GaussianMixture(np.ones(count), radius * _on_circle(angles), np.full(count, scale))


def moons(scale: float = 0.1, radius: float = 1.0) -> GaussianMixture:
    """Return two interleaving half circles with Gaussian noise, the layout of scikit-learn's ``make_moons``.

    Its law has a density in closed form: each half circle is a row of equal Gaussians, whose neighbours are
    at most one scale apart, so that the density along a moon ripples by less than one part in 10^8
    (``2 exp(-2 pi^2)``, by Poisson summation).

    Parameters
    ----------
    scale : float
        Standard deviation of the noise in each direction, positive.
    radius : float
        Radius of the half circles, positive.  The upper moon is centred at the origin, the lower one at
        ``(radius, radius / 2)``.

    Returns
    -------
    GaussianMixture
        With ``ceil(pi radius / scale)`` components a moon, the upper moon first.

    Raises
    ------
    ValueError
        If a number is out of range.

    See Also
    --------
    ring : Modes on a circle.
    GaussianMixture : What is returned.

    Examples
    --------
    >>> from convexscore.targets import moons
    >>> target = moons(scale=0.1)
    >>> target.weights.size, target.mean.round(6)
    (64, array([0.5 , 0.25]))
    """
    scale = as_real("scale", scale, minimum=0.0, strict=True)
    radius = as_real("radius", radius, minimum=0.0, strict=True)
    _check_radius(radius)
    if not radius / scale <= _MOST:
        raise ValueError(f"scale: expected at least radius / {_MOST:g}, got {scale:g} for radius {radius:g}")
    count = math.ceil(np.pi * (radius / scale))
    upper = _on_circle(np.pi * (np.arange(count) + 0.5) / count)
    lower = np.array([1.0, 0.5]) - upper
    means = radius * np.concatenate([upper, lower])
    return GaussianMixture(np.ones(2 * count), means, np.full(2 * count, scale))


@dataclass(frozen=True)
class Banana:
    """The law ``x_1 ~ N(0, a^2)``, ``x_2 | x_1 ~ N(c (x_1^2 - a^2), b^2)`` (Haario, Saksman & Tamminen 1999).

    Its mean is zero, its features are uncorrelated, and its score is exact::

        s_1 = -x_1 / a^2 + 2 c x_1 r / b^2,    s_2 = -r / b^2,    r = x_2 - c (x_1^2 - a^2)

    Parameters
    ----------
    length : float
        Standard deviation ``a`` of the first feature, positive.
    curvature : float
        The ``c`` of the parabola, of any sign; zero gives a Gaussian.
    width : float
        Standard deviation ``b`` of the second feature about the parabola, positive.

    Raises
    ------
    TypeError
        If an argument is not a number.
    ValueError
        If a length or a width is not positive.

    See Also
    --------
    ring : Another law in the plane.
    moons : Another law in the plane.

    Examples
    --------
    >>> from convexscore.targets import Banana
    >>> target = Banana(length=1.0, curvature=0.5, width=0.5)
    >>> target.score([[1.0, 1.0], [-1.0, -1.0]])
    array([[ 3., -4.],
           [ 5.,  4.]])
    >>> target.variance
    array([1.  , 0.75])
    """

    length: float = 2.0
    curvature: float = 0.25
    width: float = 0.5

    def __post_init__(self) -> None:
        length = as_scale("length", self.length)
        curvature = as_real("curvature", self.curvature)
        width = as_scale("width", self.width)
        for name, value in (("length", length), ("curvature", curvature), ("width", width)):
            object.__setattr__(self, name, value)
        if not abs(curvature) * length**2 <= _LARGEST:
            raise ValueError(
                f"curvature: expected at most {_LARGEST:g} / length^2, got {curvature:g} for a length "
                f"of {length:g}"
            )

    @property
    def mean(self) -> FloatArray:
        """The mean, zeros of shape ``(2,)``."""
        return np.zeros(2)

    @property
    def variance(self) -> FloatArray:
        """The variances ``(a^2, b^2 + 2 c^2 a^4)``, shape ``(2,)``; the features are uncorrelated."""
        return np.array([self.length**2, self.width**2 + 2 * (self.curvature * self.length**2) ** 2])

    def logpdf(self, x: ArrayLike) -> FloatArray:
        """Return the log density at points of shape ``(n, 2)``, shape ``(n,)``."""
        first, residual = self._coordinates(x)
        with np.errstate(over="ignore"):
            squares = (first / self.length) ** 2 + (residual / self.width) ** 2
        constant = math.log(2 * math.pi) + math.log(self.length) + math.log(self.width)
        return _finite(-0.5 * squares - constant, first)

    def score(self, x: ArrayLike) -> FloatArray:
        """Return the gradient of the log density at points of shape ``(n, 2)``, shape ``(n, 2)``."""
        first, residual = self._coordinates(x)
        with np.errstate(over="ignore", invalid="ignore"):
            second = -residual / self.width**2
            score = np.stack([-first / self.length**2 - 2 * self.curvature * first * second, second], axis=1)
        return _finite(score, first)

    def divergence(self, x: ArrayLike) -> FloatArray:
        """Return the trace of the score's Jacobian at points of shape ``(n, 2)``, shape ``(n,)``."""
        first, residual = self._coordinates(x)
        with np.errstate(over="ignore", invalid="ignore"):
            bend = 2 * self.curvature * (residual - 2 * self.curvature * first**2)
            return _finite((bend - 1) / self.width**2 - 1 / self.length**2, first)

    def sample(self, n: int, rng: np.random.Generator | int | None = None) -> FloatArray:
        """Draw independent samples, shape ``(n, 2)``; the same seed gives the same samples."""
        normal = generator(rng, "Banana.sample").standard_normal((as_size("n", n, each=2), 2))
        first = self.length * normal[:, 0]
        return np.stack([first, self._parabola(first) + self.width * normal[:, 1]], axis=1)

    def _parabola(self, first: FloatArray) -> FloatArray:
        return self.curvature * (first**2 - self.length**2)

    def _coordinates(self, x: ArrayLike) -> tuple[FloatArray, FloatArray]:
        """Return the first feature and the distance of the second from the parabola."""
        points = as_data("x", x)
        if points.shape[1] != 2:
            raise ValueError(f"x: expected shape (n, 2), got {np.shape(x)}")
        with np.errstate(over="ignore", invalid="ignore"):
            residual = points[:, 1] - self._parabola(points[:, 0])
        return points[:, 0], residual


def _finite(values: FloatArray, first: FloatArray) -> FloatArray:
    """Return `values` if they are finite; otherwise points are too far out."""
    if not np.isfinite(values).all():
        raise ValueError(
            f"x: expected points where the result is a float, got one with a first feature of "
            f"{np.abs(first).max():g}"
        )
    return values


def _check_radius(radius: float) -> None:
    if radius > _LARGEST / 2:
        raise ValueError(f"radius: expected at most {_LARGEST / 2:g}, got {radius:g}")


def _on_circle(angles: FloatArray) -> FloatArray:
    return np.stack([np.cos(angles), np.sin(angles)], axis=1)
