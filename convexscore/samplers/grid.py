"""Laws on the line as densities on a grid, and what samplers make of them, without Monte Carlo error.

A step ``x' = f(x) + b z`` maps the density ``p`` to ``p'(x') = int N(x'; f(x), b^2) p(x) dx``, one matrix
product by the trapezoidal rule, whose error is beyond rounding while ``b`` is at least about the spacing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import rel_entr

from .._support.frozen import Frozen
from .._support.progress import steps
from .._support.sizes import as_size
from .._support.validation import (
    FloatArray,
    as_callable,
    as_flag,
    as_float_array,
    as_numbers,
    as_real,
    as_returned,
    check_finite,
    shown,
)
from ..numerics.scaling import times_power, unit_scale
from ._chains import NoisyScore, Score, as_levels, as_score_without_limits, at_level, scores_at
from .reverse_diffusion import coefficients

__all__ = ["GridLaw", "langevin_law", "reverse_law"]

# Half of the spacing of points: its inverse, and the inverse's product with their number, are floats.
_SMALLEST, _LARGEST = 1e-290, 1e290
# Mass that a step may lose, or gain by a kernel the grid does not resolve.
_LOST = 1e-5
# Logarithm below which a kernel is zero.
_FAR = 300.0


@dataclass(frozen=True, eq=False)
class GridLaw(Frozen):
    """A probability law on the line by its density at equally spaced points.

    Parameters
    ----------
    points : array of shape (n_points,)
        Equally spaced, ascending, at least three.
    density : array of shape (n_points,)
        Density, at least 0, up to a factor: it is divided by its sum times the spacing.

    Raises
    ------
    ValueError
        If points are not equally spaced, shapes differ, or the density is negative or zero everywhere.

    Examples
    --------
    >>> import numpy as np
    >>> from convexscore.samplers.grid import GridLaw
    >>> x = np.linspace(-8, 8, 801)
    >>> law = GridLaw(x, np.exp(-(x**2) / 2))
    >>> round(abs(law.mean), 12), round(law.variance, 12)
    (0.0, 1.0)
    """

    points: FloatArray
    density: FloatArray

    def __post_init__(self) -> None:
        points, density = as_float_array("points", self.points), as_float_array("density", self.density)
        gaps = np.diff(points / 2) if points.ndim == 1 else np.zeros(0)
        if gaps.size < 2 or gaps.min() <= 0 or np.ptp(gaps) > 1e-6 * gaps.max():
            raise ValueError(f"points: expected at least 3, ascending and equally spaced, got {points.shape}")
        if not _SMALLEST <= gaps[0] <= _LARGEST:
            raise ValueError(
                f"points: expected a spacing from {2 * _SMALLEST:g} to {2 * _LARGEST:g}, got {2 * gaps[0]:g}"
            )
        if density.shape != points.shape:
            raise ValueError(f"density: expected shape {points.shape}, as points, got {density.shape}")
        if density.min() < 0 or density.max() == 0:
            raise ValueError(
                f"density: expected numbers of at least 0, not all 0, got a range of {density.min():g} "
                f"to {density.max():g}"
            )
        object.__setattr__(self, "points", points)
        density = density / density.max()
        object.__setattr__(self, "density", density / (density.sum() * self.spacing))
        self.freeze_arrays()

    @classmethod
    def of(cls, logpdf: Callable[[FloatArray], FloatArray], points: ArrayLike) -> GridLaw:
        """Return the law of a log-density, known up to a constant, at `points`.

        Parameters
        ----------
        logpdf : callable
            Maps points of shape ``(n_points,)`` to logarithms of their density.
        points : array of shape (n_points,)
            The grid.

        Returns
        -------
        GridLaw

        Raises
        ------
        ValueError
            As for the class.
        """
        grid = as_float_array("points", points)
        values = as_callable("logpdf", logpdf)(grid)
        logs = as_numbers("logpdf", as_returned("logpdf", values, grid.shape, "logarithms of shape"))
        top = float(logs.max(initial=-np.inf))
        if not -np.inf < top < np.inf:
            raise ValueError(f"logpdf: expected logarithms of which one is finite, got a largest of {top:g}")
        with np.errstate(over="ignore"):
            return cls(grid, np.exp(logs - top))

    @property
    def spacing(self) -> float:
        """Distance of neighbouring points."""
        return _spacing(self.points)

    @property
    def mean(self) -> float:
        """The mean."""
        return self.expect(self.points)

    @property
    def variance(self) -> float:
        """The variance."""
        gaps, exponent = unit_scale(self.points - self.mean)
        return times_power(self.expect(gaps**2), 2 * exponent)

    def expect(self, values: ArrayLike) -> float:
        """Return the expectation of a function given by its `values` at the points."""
        array = as_float_array("values", values)
        if array.shape != self.points.shape:
            raise ValueError(f"values: expected shape {self.points.shape}, as points, got {array.shape}")
        return float((self.density * self.spacing) @ array)

    def push(self, means: ArrayLike, scale: float) -> GridLaw:
        """Return the law of ``f(x) + scale z``, where `means` are ``f`` at the points.

        Raises
        ------
        ValueError
            If `scale` is not positive, or mass falls off the grid or between its points.
        """
        return self._through(_kernel(self.points, as_float_array("means", means), scale))

    def kl(self, other: GridLaw) -> float:
        """Return the relative entropy ``KL(self || other)``, in nats; laws are on the same points."""
        self._require_same_grid(other)
        return float(rel_entr(self.density, other.density).sum()) * self.spacing

    def tv(self, other: GridLaw) -> float:
        """Return the total variation ``int |p - q| / 2``; laws are on the same points."""
        self._require_same_grid(other)
        return 0.5 * float(np.abs(self.density - other.density).sum()) * self.spacing

    def w2(self, other: GridLaw) -> float:
        """Return the second Wasserstein distance, through the quantile functions (Villani 2003, Sec. 2.2)."""
        _require_law("other", other)
        u = (np.arange(20000) + 0.5) / 20000
        gaps, exponent = unit_scale(self._quantiles(u) - other._quantiles(u))
        return times_power(float(np.sqrt(np.mean(gaps**2))), exponent)

    def _quantiles(self, u: FloatArray) -> FloatArray:
        edges = self.points[0] + self.spacing * (np.arange(self.points.size + 1) - 0.5)
        return np.interp(u, np.concatenate([[0.0], np.cumsum(self.density) * self.spacing]), edges)

    def _through(self, kernel: FloatArray) -> GridLaw:
        with np.errstate(over="ignore", invalid="ignore"):
            density = kernel @ self.density
        mass = float(density.sum()) * self.spacing
        if not abs(mass - 1) <= _LOST:
            raise ValueError(f"points: expected a grid that keeps the mass of a step, got {mass:.6g} of 1")
        return GridLaw(self.points, density)

    def _require_same_grid(self, other: GridLaw) -> None:
        _require_law("other", other)
        if not np.array_equal(self.points, other.points):
            raise ValueError("other: expected a law on the same points, got one on others")


def langevin_law(
    law: GridLaw,
    score: Score,
    step_size: float,
    n_steps: int,
    average: bool = False,
    *,
    progress: bool = False,
) -> GridLaw:
    """Return the law of `convexscore.samplers.langevin` chains that start from `law`.

    Parameters
    ----------
    law : GridLaw
        Where chains start.
    score : callable
        The score, of points of shape ``(n_points,)``.
    step_size : float
        The step ``h``, positive; ``sqrt(2 h)`` has to be above the grid's spacing.
    n_steps : int
        Number of steps, at least 1.
    average : bool
        Return the mean of the laws after steps ``1..n_steps``, which `convexscore.theory` bounds.
    progress : bool
        Show a progress bar (needs tqdm).

    Returns
    -------
    GridLaw

    Raises
    ------
    ValueError
        If an argument is out of range, or mass falls off the grid; if the score is that of a law that knows
        its limits.
    ConvergenceError
        If the score returns NaN.

    Examples
    --------
    >>> import numpy as np
    >>> from convexscore.samplers.grid import GridLaw, langevin_law
    >>> x = np.linspace(-9, 9, 401)
    >>> law = langevin_law(GridLaw(x, np.exp(-(x**2))), lambda x: -x, 0.1, 200)
    >>> round(law.variance * (1 - 0.1 / 2), 10)
    1.0
    """
    h = as_real("step_size", step_size, minimum=0.0, strict=True)
    count = as_size("n_steps", n_steps, minimum=1)
    _require_law("law", law)
    average, bar = as_flag("average", average), as_flag("progress", progress)
    values = scores_at(as_score_without_limits(score), law.points, "the grid")
    with np.errstate(over="ignore"):
        means = law.points + h * values
    kernel = _kernel(law.points, means, float(np.sqrt(2.0) * np.sqrt(h)))
    total = np.zeros_like(law.density)
    for _ in steps(count, bar, "langevin"):
        law = law._through(kernel)
        total += law.density
    return GridLaw(law.points, total) if average else law


def reverse_law(
    score: NoisyScore,
    sigmas: ArrayLike,
    points: ArrayLike,
    rule: str = "frozen",
    *,
    progress: bool = False,
) -> GridLaw:
    """Return the law of ``y / sqrt(1 + sigma^2)`` at the end of `convexscore.samplers.reverse`.

    In this coordinate, that of the variance-preserving diffusion, all levels fit one grid: the start is the
    standard normal law, and at level 0 it is ``y`` itself.

    Parameters
    ----------
    score : callable
        A noise-conditional score, of points of shape ``(n_points,)``.
    sigmas : array of shape (n_levels,)
        Noise levels, strictly decreasing, positive but perhaps for the last.
    points : array of shape (n_points,)
        The grid, equally spaced.
    rule : {"frozen", "ancestral", "euler"}
        The step, as for `convexscore.samplers.reverse`; those without noise have no kernel.
    progress : bool
        Show a progress bar (needs tqdm).

    Returns
    -------
    GridLaw

    Raises
    ------
    ValueError
        If an argument is out of range, a step has no noise, or mass falls off the grid or between its points;
        if the score is that of a law that knows its limits.
    ConvergenceError
        If the score returns NaN.

    Examples
    --------
    >>> import numpy as np, convexscore as cs
    >>> from convexscore.samplers.grid import GridLaw, reverse_law
    >>> mixture = cs.targets.GaussianMixture([0.2, 0.8], [-2.0, 2.0], 0.5)
    >>> x = np.linspace(-8, 8, 401)
    >>> law = reverse_law(mixture.score, cs.samplers.sigma_grid(50.0, 0.1, 60), x)
    >>> law.tv(GridLaw.of(mixture.logpdf, x)) < 0.1
    True
    """
    levels, grid = as_levels(sigmas, zero_last=True), as_float_array("points", points)
    score = as_score_without_limits(score)
    if not np.abs(grid).min(initial=np.inf) < _FAR:
        raise ValueError("points: expected a grid around 0, where the diffusion starts")
    law = GridLaw.of(lambda x: -(np.minimum(np.abs(x), 1e100) ** 2) / 2, grid)
    pairs = list(zip(levels[:-1].tolist(), levels[1:].tolist(), strict=True))
    for number in steps(len(pairs), as_flag("progress", progress), "noise levels"):
        s, r = pairs[number]
        c, b = coefficients(rule, s, r)
        if b == 0:
            raise ValueError(f"rule: expected a step with noise from level {s:g} to {r:g}, got {rule!r}")
        here, ahead = float(np.hypot(1, s)), float(np.hypot(1, r))
        with np.errstate(over="ignore"):
            y = here * grid
        check_finite("points", y)
        values = scores_at(at_level(score, s), y, f"sigma={s:g}")
        with np.errstate(over="ignore", invalid="ignore"):
            means = (y + c * values) / ahead
        law = law._through(_kernel(grid, means, b / ahead))
    return law


def _require_law(name: str, law: Any) -> None:
    if not isinstance(law, GridLaw):
        raise TypeError(f"{name}: expected a GridLaw, got {shown(law)}")


def _spacing(points: FloatArray) -> float:
    return float(points[-1] / (points.size - 1) - points[0] / (points.size - 1))


def _kernel(points: FloatArray, means: FloatArray, scale: float) -> FloatArray:
    """Return the matrix that takes the density of ``x`` to that of ``f(x) + scale z``."""
    scale = as_real("scale", scale, minimum=0.0, strict=True)
    if means.shape != points.shape:
        raise ValueError(f"means: expected shape {points.shape}, as points, got {means.shape}")
    spacing = _spacing(points)
    with np.errstate(over="ignore", invalid="ignore"):
        kernel = points[:, None] - means
        kernel /= scale
        np.square(kernel, out=kernel)
    kernel *= -0.5
    # Zero, not a denormal number, with which arithmetic is ten times slower.
    far = kernel < -_FAR
    np.maximum(kernel, -_FAR, out=kernel)
    np.exp(kernel, out=kernel)
    kernel[far] = 0
    with np.errstate(over="ignore", invalid="ignore"):
        kernel *= spacing / (scale * float(np.sqrt(2 * np.pi)))
    return kernel
