"""The test of straightness in several dimensions: whether the data speak against a linear score.

As on the line (`univariate.straightness`): a linear score is that of a Gaussian, so score matching's largest
correlation about it is compared with those of Gaussian samples of the data's size and covariance, rounded as
the data are; denoising's with a multiplier bootstrap.  Data and samples are searched alike, over random
directions each with its best bias, and whitened first: the noise of a thin direction would hide the others.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .._support.validation import FloatArray
from ..errors import UnboundedError
from ..numerics.lattice import lattice_spacing
from ..numerics.quantiles import safe_quantile
from ..objectives import DenoisingScoreMatching, ScoreMatching
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
    groups : int ndarray of shape (n_rows,), optional
        As for `NeuronNoise`.

    Returns
    -------
    bool
    """
    draws = _SAMPLES * replicates
    white = _whitened(rows, program.bias)
    own = NeuronProgram.from_objective(white, program.activation, True, program.bias)
    bootstrap = NeuronNoise(white, own, 0 if own.has_trace else draws, rng, _DIRECTIONS, groups)
    found = bootstrap.largest_of_data(own.zero_residual)
    noise = _gaussian_noise(program, draws, rng) if own.has_trace else bootstrap.largest(own.zero_residual)
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


def _gaussian_noise(program: NeuronProgram, samples: int, rng: np.random.Generator) -> FloatArray:
    """Return the largest correlations of Gaussian samples, those that span the space."""
    total = float(program.mass.sum())
    few = len(program.points) <= _MOST_POINTS
    n = max(int(np.rint(total if few else min(total, _MOST_POINTS))), 2)
    centred = program.points - program.centre
    factor, spacing = _law(centred, program.mass)
    noise = []
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
        z = drawn.root_mass * drawn.zero_residual
        noise.append(search.largest(search.random_directions(), z, drawn.trace_mass))
    return np.array(noise) * np.sqrt(total / n)


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
