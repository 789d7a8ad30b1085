"""Bands around a score, its density and its quantiles, by a multiplier bootstrap of the whole fit.

Replicates are fits to the same samples with random masses (`univariate.replicates`), at one weight decay.
With the deviations ``d_b(x)`` of the replicates from the fit and their root mean square ``e(x)``, the
pointwise band is the fit plus and minus the `level` quantile of ``|d_b(x)|`` over ``b``, and the simultaneous
one plus and minus ``e(x)`` times the `level` quantile of ``max_x |d_b(x)| / e(x)``: a bootstrap of the
studentized supremum (Chernozhukov, Chetverikov & Kato 2014).  Densities have theirs on the logarithm.

They are bands of what the program would find in infinitely many data with this weight decay a sample; they do
not know how far that is from the truth.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from .._support.caller import warn_caller
from .._support.frozen import Frozen
from .._support.parallel import run_all
from .._support.progress import counted
from .._support.seeds import generator
from .._support.sizes import as_size, as_workers
from .._support.validation import FloatArray, as_flag, as_float_array, as_probability, shown
from ..errors import NotNormalizableError
from ..numerics.monotone_pieces import MonotonePieces
from ..numerics.piecewise import PiecewiseLinear
from ..results import Solution
from ..units import Units, units_of
from ..univariate.replicates import Replicates, random_masses

__all__ = ["Band", "Bands", "bootstrap_bands", "check_source"]

# Replicates without a density may be this share of all; those whose weight decay is raised, without a word.
_MOST = 0.1
# Places of the bands by default: how many, between which quantiles; and the probabilities of quantiles.
_PLACES, _ENDS = 101, (0.01, 0.99)
# Points are at most so many ranges of the data from them.
_FURTHEST = 1e60
_PROBABILITIES = np.linspace(0.05, 0.95, 19)


@dataclass(frozen=True, eq=False)
class Band(Frozen):
    """An estimated function with its bands, all of shape ``(n_points,)``.

    Parameters
    ----------
    estimate : ndarray
        The function.
    standard_error : ndarray
        Root mean square of the replicates' deviations from it; for a density relative to the density.
    lower, upper : ndarray
        The pointwise band: each point by itself has the level.
    simultaneous_lower, simultaneous_upper : ndarray
        The simultaneous band: all points together have it.

    See Also
    --------
    Bands : Has one for each function.
    """

    estimate: FloatArray
    standard_error: FloatArray
    lower: FloatArray
    upper: FloatArray
    simultaneous_lower: FloatArray
    simultaneous_upper: FloatArray


@dataclass(frozen=True, eq=False)
class Bands(Frozen):
    """Pointwise and simultaneous bands of one fit, from one bootstrap.

    Parameters
    ----------
    points : ndarray of shape (n_points,)
        Where score and density are looked at.
    probabilities : ndarray of shape (n_probabilities,)
        Which quantiles are.
    level : float
        Nominal coverage.
    n_replicates : int
        Replicates drawn.
    score, logpdf, pdf : Band
        Of score, log-density and density at `points`; the density's is the log-density's.
    quantile : Band
        Of the quantiles at `probabilities`.
    n_without_density : int
        Replicates that have no density; they are left out.
    n_raised : int
        Replicates whose weight decay is higher: their random masses made the program unbounded below it.

    See Also
    --------
    ScoreDensity.interval_bands : Makes them.
    convexscore.plotting.plot_density : Draws them.
    """

    points: FloatArray
    probabilities: FloatArray
    level: float
    n_replicates: int
    score: Band
    logpdf: Band
    pdf: Band
    quantile: Band
    n_without_density: int
    n_raised: int


@dataclass(frozen=True, eq=False)
class _View:
    """What is looked at in each replicate: one row of score, log-density and quantiles.

    Parameters
    ----------
    points, probabilities : ndarray
        Where; points in the units of the problem.
    limits : tuple of two floats
        The data's support, in the same units; the density is zero beyond.
    """

    points: FloatArray
    probabilities: FloatArray
    limits: tuple[float, float]

    def row(self, score: PiecewiseLinear) -> FloatArray:
        """Return the numbers of one score."""
        pieces = MonotonePieces.of(score, self.limits)
        logpdf = pieces.exponent(self.points) - pieces.log_total
        quantile = pieces.quantile(np.log(self.probabilities))
        return np.concatenate([score(self.points), logpdf, np.clip(quantile, *self.limits)])

    def rows(self, replicates: Replicates, masses: FloatArray) -> _Part:
        """Return the numbers of the fits to data of these masses."""
        fits = replicates.fits(masses)
        rows = [self.row(fit.score) for fit in fits if fit.score is not None]
        return _Part(np.array(rows).reshape(len(rows), -1), len(fits), sum(fit.raised for fit in fits))

    def outside(self, rows: FloatArray, units: Units) -> list[FloatArray]:
        """Return score, log-density and quantiles in the units of the data."""
        n = self.points.size
        score, logpdf, quantile = np.split(rows, [n, 2 * n], axis=-1)
        return [
            np.ldexp(score, units.label),
            logpdf - units.length * math.log(2.0),
            np.ldexp(quantile, units.length) + units.origin[0],
        ]


@dataclass(frozen=True, eq=False)
class _Part:
    """Rows of the replicates of one group that have a density, how many it has, and how many are raised."""

    rows: FloatArray
    drawn: int
    raised: int


def check_source(solution: Any, network: Any) -> None:
    """Raise unless a network, or the one that is equal to a conservative one, is that of a solution."""
    if not isinstance(solution, Solution):
        raise TypeError(f"solution: expected a Solution or None, got {shown(solution)}")
    known = (solution.network, getattr(solution.network, "network", None))
    if network is None or not any(network is one for one in known):
        raise ValueError("solution: expected that of the network, got one of another network")


def bootstrap_bands(
    solution: Solution,
    level: float,
    n_replicates: int,
    rng: np.random.Generator | int | None,
    points: ArrayLike | None,
    probabilities: ArrayLike | None,
    progress: bool,
    n_jobs: int | None,
) -> Bands:
    """Return the bands of a solution; see `ScoreDensity.interval_bands` for the parameters."""
    level = as_probability("level", level)
    n_replicates = _as_replicates(n_replicates, level)
    progress, n_jobs = as_flag("progress", progress), as_workers("n_jobs", n_jobs)
    q = _PROBABILITIES if probabilities is None else _as_open("probabilities", probabilities)
    x = None if points is None else _as_row("points", points)
    source = generator(rng, "ScoreDensity.interval_bands")
    replicates, units, limits = _replicates(solution)
    if x is None:
        ends = MonotonePieces.of(replicates.start, replicates.limits).quantile(np.log(_ENDS))
        ends = np.ldexp(ends, units.length) + units.origin[0]
        x = np.linspace(float(ends[0]), float(ends[1]), _PLACES)
    view = _View(np.ldexp(x - units.origin[0], -units.length), q, replicates.limits)
    if np.abs(view.points).max() > _FURTHEST:
        raise ValueError(
            f"points: expected places within {_FURTHEST:g} ranges of the data, whose log-densities and their "
            f"squares are floats, got {shown(float(x[np.argmax(np.abs(view.points))]))}"
        )
    masses = random_masses(replicates.samples.weights, n_replicates, source)
    found = run_all(partial(view.rows, replicates), masses, n_jobs)
    parts = list(counted(found, lambda part: part.drawn, progress, n_replicates, "replicates"))
    rows, raised = np.concatenate([part.rows for part in parts]), sum(part.raised for part in parts)
    _check_shares(n_replicates - len(rows), raised, n_replicates, solution)
    pairs = zip(view.outside(view.row(replicates.start), units), view.outside(rows, units), strict=True)
    score, logpdf, quantile = (_band(estimate, draws, level) for estimate, draws in pairs)
    pdf, quantile = _exponential(logpdf), _within(quantile, limits)
    return Bands(x, q, level, n_replicates, score, logpdf, pdf, quantile, n_replicates - len(rows), raised)


def _as_replicates(value: Any, level: float) -> int:
    """Return a number of replicates of which a quantile of this level is one."""
    count = as_size("n_replicates", value, minimum=2, each=1)
    least = math.ceil(level / (1 - level) - 1e-9)
    if count < least:
        raise ValueError(
            f"n_replicates: expected at least {least} for level={level:g}, so that one is beyond, got {count}"
        )
    return count


def _as_row(name: str, values: ArrayLike) -> FloatArray:
    row = as_float_array(name, values)
    if row.ndim != 1 or row.size == 0:
        raise ValueError(f"{name}: expected shape (n_points,) with at least one, got {row.shape}")
    return row


def _as_open(name: str, values: ArrayLike) -> FloatArray:
    row = _as_row(name, values)
    if not ((row > 0) & (row < 1)).all():
        raise ValueError(f"{name}: expected numbers between 0 and 1, got {row.min():g} to {row.max():g}")
    return row


def _replicates(solution: Solution) -> tuple[Replicates, Units, tuple[float, float]]:
    """Return what makes replicates of a solution, the units that it does so in, and the data's limits."""
    problem = solution.problem
    if problem is None:
        raise ValueError("density: expected that of a solution with its data, got one that knows none")
    if not (problem.is_expected or (problem.on_the_line and problem.objective.has_trace)):
        raise ValueError(
            "density: expected that of score matching or expected denoising with one feature, and not "
            "conservative=True, whose samples are independent and can be weighted anew, got one of "
            f"{type(problem.objective).__name__}" + ", conservative" * problem.conservative
        )
    units = units_of(problem, frequencies=True)
    start = units.network(solution.network).piecewise
    return Replicates(units.problem(problem), units.beta(solution.beta), start), units, problem.limits


def _check_shares(missing: int, raised: int, total: int, solution: Solution) -> None:
    if missing > _MOST * total:
        raise NotNormalizableError(
            f"density: expected one in at least {1 - _MOST:.0%} of the replicates, got none in {missing} of "
            f"{total}: bands of the others would be too narrow"
        )
    if raised > _MOST * total:
        warn_caller(
            f"beta: {solution.beta:.4g} is below the boundedness bound of {raised} of {total} replicates, "
            "whose weight decay is raised to it; bands may be too narrow",
            UserWarning,
        )


def _band(estimate: FloatArray, draws: FloatArray, level: float) -> Band:
    """Return the bands of a function from its replicates, one a row."""
    # Where the density is zero, beyond the limits of the data, it is in every replicate.
    somewhere = np.isfinite(estimate)
    size = np.abs(np.subtract(draws, estimate, out=np.zeros(draws.shape), where=somewhere))
    error = np.sqrt(np.mean(size**2, axis=0))
    largest = (size / np.where(error > 0, error, 1.0)).max(axis=1)
    half = _quantile(size, level)
    # At least the pointwise one: that it is larger holds up to rounding.
    whole = np.maximum(error * _quantile(largest, level), half)
    return Band(estimate, error, estimate - half, estimate + half, estimate - whole, estimate + whole)


def _quantile(draws: FloatArray, level: float) -> FloatArray:
    """Return the draw, in each column, that a new one would exceed with probability ``1 - level``."""
    rank = min(math.ceil(level * (len(draws) + 1) - 1e-9), len(draws))
    return np.partition(draws, rank - 1, axis=0)[rank - 1]


def _exponential(band: Band) -> Band:
    """Return the band of a function from that of its logarithm; its error stays relative."""
    ends = (band.lower, band.upper, band.simultaneous_lower, band.simultaneous_upper)
    with np.errstate(over="ignore"):
        return Band(np.exp(band.estimate), band.standard_error, *map(np.exp, ends))


def _within(band: Band, limits: tuple[float, float]) -> Band:
    """Return the band of numbers that are between limits."""
    estimate = np.clip(band.estimate, *limits)
    ends = (band.lower, band.upper, band.simultaneous_lower, band.simultaneous_upper)
    return Band(estimate, band.standard_error, *(np.clip(end, *limits) for end in ends))
