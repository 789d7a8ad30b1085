"""The test of straightness: whether the data speak against a line.

Score matching.  A score that is a line is that of a Gaussian, so the law of the largest correlation of any
kink about the fitted line is known at every number of samples, but for nothing: location and scale drop out.
It is drawn from Gaussian samples.

Measured data are rounded, and rounding is no kink.  On a lattice of spacing ``h`` the number of samples
beyond ``t`` is known without error where ``t`` is the edge of a cell, ``x_j - h/2`` or ``x_j + h/2``, so
kinks are looked for there only; without a lattice ``h = 0`` and these are the two ways to count a sample at
its own kink.  The Gaussian samples are rounded to the same lattice before anything is computed from them, so
what rounding does to the data's moments it does to theirs.

Denoising, and score matching of data with limits, where the line is that of a truncated Gaussian or an
exponential law.  Labels scatter about the line in any way: the law is that of the multiplier bootstrap
(`univariate.bootstrap`), whose replicates lose the line through their own terms as the data do.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from .._support.parallel import run_all
from .._support.validation import FloatArray
from ..numerics.lattice import lattice_spacing
from ..numerics.quantiles import safe_quantile
from .bootstrap import SteinProcess
from .bounds import line_solution, program_bounds
from .program import UnivariateProgram

__all__ = ["largest_at_edges", "largest_of_distinct", "straight_level"]

# Samples for each replicate that was asked for: a quantile far out takes more of them than a median.
_SAMPLES = 10
# Beyond this many points a sample, and cells of a lattice, the law only grows with the root of their number.
_MOST_POINTS, _MOST_CELLS = 2000, 4000
# Without a lattice the law over that root has settled far earlier: its quantile at 0.9 is 1.35 at 100 points,
# 1.37 at 500, and 1.36 at 5000.
_MOST_DISTINCT = 500
# Samples are drawn in groups of about this many numbers, which caches hold.
_GROUP = 1 << 15
# How far out a Gaussian goes.
_REACH = 9.0
# Correlations that are the same differ by rounding.
_ROUNDING = 1e-9


def straight_level(
    program: UnivariateProgram,
    process: SteinProcess,
    confidence: float,
    replicates: int,
    rng: np.random.Generator,
    n_jobs: int | None = None,
) -> float | None:
    """Return the quantile of the noise about the line if the line's own correlations are below it.

    Parameters
    ----------
    program : UnivariateProgram
        The program with skip.
    process : SteinProcess
        Its bootstrap.
    confidence : float
        Which quantile.
    replicates : int
        Ten times as many samples are drawn.
    rng : Generator
        Source of the samples.
    n_jobs : int, optional
        Workers that look at the samples, see `run_all`.

    Returns
    -------
    float or None
        In units of the weight decay; None if the line is rejected.
    """
    if program.has_trace and not program.has_labels:
        spacing = lattice_spacing(program.position)
        found = float(largest_at_edges(program.centred, program.mass, spacing))
        noise = _gaussian_noise(program, spacing, _SAMPLES * replicates, rng, n_jobs)
    else:
        slope, mean = line_solution(program, 0.0)
        found = program_bounds(program).linear * program.rules.width
        noise = process.largest(mean + slope * program.centred, _SAMPLES * replicates, rng, n_jobs)
    level = safe_quantile(noise, confidence) if noise.size else np.inf
    if found > level * (1 + _ROUNDING):
        return None
    # Too few samples for any draw with two distinct values: nothing speaks against the line.
    return (level if np.isfinite(level) else found) / program.rules.width


def largest_at_edges(centred: FloatArray, mass: FloatArray, spacing: float) -> FloatArray:
    """Return ``max_t |H(t)|`` about the fitted line, over the edges of the occupied cells of a lattice.

    Parameters
    ----------
    centred : ndarray of shape (..., n_positions)
        Positions, ascending; equal ones are one cell.
    mass : ndarray of the shape of `centred`
        How many samples each holds.
    spacing : float
        That of the lattice, zero if there is none.

    Returns
    -------
    ndarray of shape (...)
        NaN where there are no two distinct positions.
    """
    total = mass.sum(axis=-1, keepdims=True)
    x = centred - (mass * centred).sum(axis=-1, keepdims=True) / total
    first, second = mass * x, mass * x**2
    variance = second.sum(axis=-1, keepdims=True) / total
    variance = np.where(variance > 0, variance, np.nan)
    # Sums over the positions from each one on; H = count - sum (x - t) x / variance.
    ahead = [np.cumsum(part[..., ::-1], axis=-1)[..., ::-1] for part in (mass, first, second)]
    beyond = [np.concatenate([part[..., 1:], np.zeros_like(part[..., :1])], axis=-1) for part in ahead]
    apart = np.diff(x, axis=-1) > 0.5 * spacing
    edge = np.ones_like(apart[..., :1])
    largest = []
    for sums, shift, counts in (
        (ahead, -0.5 * spacing, np.concatenate([edge, apart], axis=-1)),
        (beyond, 0.5 * spacing, np.concatenate([apart, edge], axis=-1)),
    ):
        count, line, square = sums
        height = np.abs(count - (square - (x + shift) * line) / variance)
        largest.append(np.where(counts, height, 0.0).max(axis=-1))
    return np.maximum(*largest)


def largest_of_distinct(x: FloatArray) -> FloatArray:
    """Return ``max_t |H(t)|`` about the fitted line for samples of points of mass one, all different.

    Parameters
    ----------
    x : ndarray of shape (n_samples, n_points)
        The points, ascending.

    Returns
    -------
    ndarray of shape (n_samples,)
        What `largest_at_edges` finds without a lattice.
    """
    n = x.shape[1]
    # From right to left, where sum (x_i - t)_+ x_i starts at zero.
    x = x[:, ::-1] - x.mean(axis=1, keepdims=True)
    variance = np.einsum("ij,ij->i", x, x) / n
    tail = np.cumsum(x[:, :-1], axis=1)
    tail *= x[:, :-1] - x[:, 1:]
    height = np.cumsum(tail, axis=1, out=tail)
    height /= -variance[:, None]
    height += np.arange(2, n + 1)
    # At the last point one is beyond; just right of each point one less is.
    return np.maximum(np.maximum(height.max(axis=1), 1.0), 1.0 - height.min(axis=1))


def _gaussian_noise(
    program: UnivariateProgram, spacing: float, samples: int, rng: np.random.Generator, n_jobs: int | None
) -> FloatArray:
    """Return the largest correlations of Gaussian samples as large, and as rounded, as the data."""
    # Sheppard's correction; where rounding is all there is, some of the variance must be left.
    deviation = np.sqrt(max(program.variance - spacing**2 / 12, program.variance / 4))
    n_cells = 2 * _REACH * deviation / spacing if spacing else np.inf
    if n_cells < min(program.total, _MOST_CELLS):
        noise = _counted(program, spacing, deviation, samples, rng, n_jobs)
    else:
        most = _MOST_POINTS if spacing else _MOST_DISTINCT
        n = int(np.clip(np.rint(program.total), 2, most))
        noise = _drawn(program, spacing, deviation, (samples, n), rng, n_jobs)
        noise = noise * np.sqrt(program.total / n)
    return noise[~np.isnan(noise)]


def _counted(
    program: UnivariateProgram,
    spacing: float,
    deviation: float,
    samples: int,
    rng: np.random.Generator,
    n_jobs: int | None,
) -> FloatArray:
    """Draw how many samples each cell of a lattice has."""
    origin = program.centred[0]
    cells = np.arange(
        np.floor((-_REACH * deviation - origin) / spacing),
        np.ceil((_REACH * deviation - origin) / spacing) + 1,
    )
    place = origin + spacing * cells
    below = ndtr((place[:-1] + 0.5 * spacing) / deviation)
    share = np.diff(np.concatenate([[0.0], below, [1.0]]))
    n = int(np.rint(program.total))
    counts = (rng.multinomial(n, share, size=count) for count in _groups(samples, place.size))
    return np.concatenate(list(run_all(partial(_largest_of_counts, place, spacing), counts, n_jobs)))


def _largest_of_counts(place: FloatArray, spacing: float, counts: NDArray[np.int64]) -> FloatArray:
    mass = counts.astype(np.float64)
    return largest_at_edges(np.broadcast_to(place, mass.shape), mass, spacing)


def _drawn(
    program: UnivariateProgram,
    spacing: float,
    deviation: float,
    shape: tuple[int, int],
    rng: np.random.Generator,
    n_jobs: int | None,
) -> FloatArray:
    """Draw every sample, and round it."""
    drawn: Iterator[FloatArray] = (rng.standard_normal((count, shape[1])) for count in _groups(*shape))
    look = partial(_largest_of_drawn, spacing, deviation, float(program.centred[0]))
    return np.concatenate(list(run_all(look, drawn, n_jobs)))


def _largest_of_drawn(spacing: float, deviation: float, origin: float, drawn: FloatArray) -> FloatArray:
    x = np.sort(drawn, axis=1)
    if not spacing:
        return largest_of_distinct(x)
    x = origin + spacing * np.rint((deviation * x - origin) / spacing)
    return largest_at_edges(x, np.ones_like(x), spacing)


def _groups(samples: int, size: int) -> list[int]:
    """Split samples of this size into groups that fit into memory."""
    group = max(1, _GROUP // size)
    return [min(group, samples - start) for start in range(0, samples, group)]
