"""The noise of the plane's certificate, over a fixed set of neurons; see `networks.measured_noise`."""

from __future__ import annotations

import numpy as np

from ..._support.validation import FloatArray
from ..voting import Noise
from .dictionary import Dictionary, Projected
from .lasso import lasso_path
from .points import PlanarPoints

__all__ = ["measured_noise"]

# Bootstrap replicates, rounds of fitting, and steps down to the weight decay of each.
_REPLICATES, _ROUNDS, _STEPS = 100, 3, 5
_CONFIDENCE = 0.9
# Beyond so many points a sample the law of the largest correlation only grows with the root of their number.
_MOST_POINTS = 500


def measured_noise(points: PlanarPoints, dictionary: Dictionary, rng: np.random.Generator) -> Noise:
    """Return the noise of points in standard coordinates."""
    moments = dictionary.moments(points)
    program = Projected.of(moments)
    threshold = float(np.abs(program.c).max())
    n_neurons = len(program.c)
    multipliers = rng.standard_normal((_REPLICATES, len(points.mass))) * np.sqrt(points.mass)

    def level(coefficients: FloatArray) -> float:
        parts = dictionary.correlations(points.value, coefficients)
        drawn = multipliers @ (parts - points.mass @ parts / points.total)
        drawn = drawn[:, :n_neurons] - drawn[:, n_neurons:] @ program.to_free
        return float(np.median(np.abs(drawn).max(axis=1)))

    beta = level(program.complete(np.zeros(n_neurons)))
    for _ in range(_ROUNDS - 1):
        betas = np.geomspace(max(threshold, beta), beta, _STEPS) if beta < threshold else np.array([beta])
        beta = level(lasso_path(moments, betas)[-1][1])
    return Noise(beta, _is_straight(points, threshold, rng))


def _is_straight(points: PlanarPoints, threshold: float, rng: np.random.Generator) -> bool:
    """Return whether Gaussian samples of as many points often have larger correlations about the line."""
    n = int(min(points.total, _MOST_POINTS))
    noise = []
    for _ in range(_REPLICATES):
        x = rng.standard_normal((n, 2))
        x -= x.mean(axis=0)
        white = np.linalg.solve(np.linalg.cholesky(x.T @ x / n), x.T).T
        drawn = PlanarPoints(white, np.ones(n))
        noise.append(float(np.abs(Dictionary.of(drawn).line_correlations(drawn)).max()))
    return bool(threshold <= np.quantile(noise, _CONFIDENCE) * np.sqrt(points.total / n))
