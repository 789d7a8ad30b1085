"""Student's t in the plane: what is Gaussian but for its tails.

    p(z) = |C|^(-1/2) (1 + q / m)^(-(m + 2) / 2) / (2 pi),    q = (z - mean)'C^-1 (z - mean),

is the law of a Gaussian whose distances from the mean are stretched, ``m`` the degrees of freedom.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.optimize import minimize_scalar

from ..._support.frozen import Frozen
from ..._support.validation import FloatArray
from .points import PlanarPoints

__all__ = ["StudentLaw"]

# Degrees of freedom that are tried: with two the covariance is infinite, with many the law is the Gaussian.
_FEWEST, _MOST = 2.5, 200.0
_ROUNDS, _ACCURACY = 60, 1e-8
_LOG_TWO_PI = np.log(2 * np.pi)


@dataclass(frozen=True, eq=False)
class StudentLaw(Frozen):
    """A t law.

    Parameters
    ----------
    mean : ndarray of shape (2,)
        The mean.
    shape : ndarray of shape (2, 2)
        The matrix ``C``; the covariance is ``m / (m - 2)`` times it.
    freedom : float
        Degrees of freedom ``m``, above 2.
    """

    mean: FloatArray
    shape: FloatArray
    freedom: float

    @classmethod
    def fitted(cls, points: PlanarPoints) -> StudentLaw:
        """Return the law of the largest likelihood.

        Mean and shape are found by weights ``(m + 2) / (m + q)`` (expectation maximization), the degrees of
        freedom between rounds.
        """
        law = cls(points.mean, points.covariance, 10.0)
        for _ in range(_ROUNDS):
            weights = points.mass * (law.freedom + 2) / (law.freedom + law._squares(points.value))
            mean = weights @ points.value / weights.sum()
            centred = points.value - mean
            # Divided by the weights, not the number of points: the same limit, sooner (Kent, Tyler & Vardi).
            shape = (centred * weights[:, None]).T @ centred / weights.sum()
            squares = cls(mean, shape, law.freedom)._squares(points.value)
            freedom = _best_freedom(squares, points.mass)
            step = abs(np.log(freedom / law.freedom)) + np.abs(shape - law.shape).max()
            law = cls(mean, shape, freedom)
            if step < _ACCURACY:
                break
        return law

    @cached_property
    def _root(self) -> FloatArray:
        return np.asarray(np.linalg.inv(np.linalg.cholesky(self.shape)), dtype=float)

    def _squares(self, z: FloatArray) -> FloatArray:
        return np.sum(((z - self.mean) @ self._root.T) ** 2, axis=1)

    def score(self, z: FloatArray) -> FloatArray:
        """Return the gradient of the log density."""
        pull = -(self.freedom + 2) / (self.freedom + self._squares(z))
        return pull[:, None] * ((z - self.mean) @ (self._root.T @ self._root))

    def logpdf(self, z: FloatArray) -> FloatArray:
        """Return the log density."""
        log_root = float(np.log(np.diag(self._root)).sum())
        m = self.freedom
        return log_root - _LOG_TWO_PI - 0.5 * (m + 2) * np.log1p(self._squares(z) / m)

    def moments(self) -> tuple[FloatArray, FloatArray]:
        """Return mean and mean outer product."""
        return self.mean, self.freedom / (self.freedom - 2) * self.shape + np.outer(self.mean, self.mean)

    def sample(self, n: int, rng: np.random.Generator) -> FloatArray:
        """Return independent samples."""
        normal = rng.standard_normal((n, 2)) @ np.linalg.cholesky(self.shape).T
        return self.mean + normal / np.sqrt(rng.chisquare(self.freedom, (n, 1)) / self.freedom)


def _best_freedom(squares: FloatArray, mass: FloatArray) -> float:
    """Return the degrees of freedom of the largest likelihood, mean and shape given."""

    def loss(log_freedom: float) -> float:
        m = np.exp(log_freedom)
        return 0.5 * (m + 2) * float(mass @ np.log1p(squares / m))

    bounds = float(np.log(_FEWEST)), float(np.log(_MOST))
    return float(np.exp(minimize_scalar(loss, bounds=bounds, method="bounded", options={"xatol": 1e-6}).x))
