"""The test of straightness in several dimensions: whether the data speak against a linear score.

As on the line (`univariate.straightness`): a linear score is that of a Gaussian, so score matching's largest
correlation about it is compared with those of Gaussian samples of the data's size and covariance, rounded as
the data are; denoising's with a multiplier bootstrap.  Data and samples are searched alike, over random
directions each with its best bias, and whitened first: the noise of a thin direction would hide the others.
Data with limits, for which a linear score is that of a truncated Gaussian, take the bootstrap too, and stay
as they are: whitened, their support would be no box.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from .._support.parallel import run_all
from .._support.progress import each
from .._support.validation import FloatArray
from ..errors import UnboundedError
from ..numerics.lattice import lattice_spacing
from ..numerics.quantiles import safe_quantile
from ..objectives import DenoisingScoreMatching, ScoreMatching, has_limits
from .bootstrap import NeuronNoise
from .pricing.ascent import AscentPricer
from .program import NeuronProgram

__all__ = ["is_straight"]

# Samples for each replicate that was asked for, and directions in each.
_SAMPLES, _DIRECTIONS = 4, 100
# Beyond this many points a sample the law only grows with the root of their number.
_MOST_POINTS = 500


def is_straight(
    rows: ScoreMatching | DenoisingScoreMatching,
    program: NeuronProgram,
    confidence: float,
    replicates: int,
    rng: np.random.Generator,
    groups: NDArray[np.intp] | None = None,
    progress: bool = False,
    n_jobs: int | None = None,
) -> bool:
    """Return whether the linear score's correlations are below a quantile of the noise about it.

    Parameters
    ----------
    rows : ScoreMatching or DenoisingScoreMatching
        Distinct samples, sorted (`objectives.distinct_rows`).
    program : NeuronProgram
        Their program with skip.
    confidence : float
        Which quantile.
    replicates : int
        Four times as many samples are drawn.
    rng : Generator
        Source of samples and directions.
    groups, progress, n_jobs
        As for `NeuronNoise`.

    Returns
    -------
    bool
    """
    draws = _SAMPLES * replicates
    limited = has_limits(rows)
    white = rows if limited else _whitened(rows, program.bias)
    own = NeuronProgram.from_objective(white, program.activation, True, program.bias)
    gaussian = own.has_trace and not limited
    bootstrap = NeuronNoise(white, own, 0 if gaussian else draws, rng, _DIRECTIONS, groups, progress, n_jobs)
    found = bootstrap.largest_of_data(own.zero_residual)
    if gaussian:
        noise = _gaussian_noise(program, draws, rng, progress, n_jobs)
    else:
        noise = bootstrap.largest(own.zero_residual)
    return noise.size == 0 or found <= safe_quantile(noise, confidence) * (1 + 1e-9)


def _whitened(
    rows: ScoreMatching | DenoisingScoreMatching, bias: bool
) -> ScoreMatching | DenoisingScoreMatching:
    """Return samples in coordinates in which their covariance (without bias: second moment) is one."""
    centre = np.average(rows.X, axis=0, weights=rows.weights) if bias else 0.0
    x = rows.X - centre
    size, axes = np.linalg.eigh((x * rows.weights[:, None]).T @ x / rows.weights.sum())
    root = np.sqrt(np.where(size > 1e-12 * size.max(), size, 1.0))
    if isinstance(rows, ScoreMatching):
        return ScoreMatching(x @ axes / root, rows.weights)
    return DenoisingScoreMatching(x @ axes / root, rows.targets @ axes * root, sample_weight=rows.weights)


# A search about one sample, its directions, and its residual times mass.
_Sample = tuple[AscentPricer, FloatArray, FloatArray]


def _gaussian_noise(
    program: NeuronProgram, samples: int, rng: np.random.Generator, progress: bool, n_jobs: int | None
) -> FloatArray:
    """Return the largest correlations of Gaussian samples, those that span the space."""
    total = float(program.mass.sum())
    few = len(program.points) <= _MOST_POINTS
    n = max(int(np.rint(total if few else min(total, _MOST_POINTS))), 2)
    drawn = _drawn(program, n, samples, rng)
    noise = list(each(run_all(_largest, drawn, n_jobs), progress, samples, "Gaussian samples"))
    return np.array(noise) * np.sqrt(total / n)


def _largest(sample: _Sample) -> float:
    search, directions, z = sample
    return search.largest(directions, z, search.program.trace_mass)


def _drawn(program: NeuronProgram, n: int, samples: int, rng: np.random.Generator) -> Iterator[_Sample]:
    """Draw samples and directions, in an order that does not depend on who looks at them."""
    centred = program.points - program.centre
    factor, spacing = _law(centred, program.mass)
    for _ in range(samples):
        x = rng.standard_normal((n, len(factor))) @ factor
        for column, step, origin in zip(x.T, spacing, centred[0], strict=True):
            if step:
                column[:] = origin + step * np.rint((column - origin) / step)
        try:
            white = _whitened(ScoreMatching(x), program.bias)
            drawn = NeuronProgram.from_objective(white, program.activation, True, program.bias)
        except UnboundedError:
            continue
        search = AscentPricer(drawn, _DIRECTIONS, rng=rng)
        yield search, search.random_directions(), drawn.root_mass * drawn.zero_residual


def _law(centred: FloatArray, mass: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return a root of the covariance before rounding, and the spacing of each column's lattice."""
    spacing = np.array([lattice_spacing(column) for column in centred.T])
    covariance = (centred * mass[:, None]).T @ centred / mass.sum()
    variance = np.diag(covariance)
    # Sheppard's correction; where rounding is all there is, some of the variance must be left.
    kept = np.sqrt(np.maximum(1 - spacing**2 / (12 * np.where(variance > 0, variance, 1.0)), 0.25))
    size, axes = np.linalg.eigh(covariance)
    factor: FloatArray = (np.sqrt(np.maximum(size, 0.0))[:, None] * axes.T) * kept
    return factor, spacing
