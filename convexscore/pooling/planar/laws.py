"""What members in the plane are made of: laws in standard coordinates, with their scores."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
from scipy.special import logsumexp

from ..._support.frozen import Frozen
from ..._support.validation import FloatArray
from ...networks.conservative import ConservativeNetwork
from ...scores.planar_density import ConservativeDensity
from ..laws import softmax

__all__ = ["PlanarLaw", "PlanarMixtureLaw", "PlanarNetworkLaw"]

_LOG_TWO_PI = np.log(2 * np.pi)


class PlanarLaw(Protocol):
    """A law in the plane; points have shape ``(n, 2)``."""

    def score(self, z: FloatArray) -> FloatArray:
        """Return the gradient of the log density, shape ``(n, 2)``."""

    def logpdf(self, z: FloatArray) -> FloatArray:
        """Return the log density, shape ``(n,)``."""

    def moments(self) -> tuple[FloatArray, FloatArray]:
        """Return mean and mean outer product."""

    def sample(self, n: int, rng: np.random.Generator) -> FloatArray:
        """Return independent samples, shape ``(n, 2)``."""


@dataclass(frozen=True, eq=False)
class PlanarMixtureLaw(Frozen):
    """A mixture of Gaussians.

    Parameters
    ----------
    weights, means, covariances : ndarray of shapes (K,), (K, 2), (K, 2, 2)
        Shares that sum to one, means, and covariances.
    """

    weights: FloatArray
    means: FloatArray
    covariances: FloatArray

    @classmethod
    def gaussian(cls, mean: FloatArray, covariance: FloatArray) -> PlanarMixtureLaw:
        """Return one Gaussian."""
        return cls(np.ones(1), mean[None], covariance[None])

    @cached_property
    def _roots(self) -> tuple[FloatArray, FloatArray]:
        """Lower triangular roots of the covariances, and of their inverses."""
        roots = np.asarray(np.linalg.cholesky(self.covariances), dtype=float)
        return roots, np.asarray(np.linalg.inv(roots), dtype=float)

    def _steps(self, z: FloatArray) -> FloatArray:
        """Return standardized differences, shape ``(K, n, 2)``."""
        return (z - self.means[:, None]) @ np.swapaxes(self._roots[1], 1, 2)

    def _logs(self, steps: FloatArray) -> FloatArray:
        scale = np.log(self.weights) + np.log(np.einsum("kii->ki", self._roots[1])).sum(axis=1)
        return scale[:, None] - 0.5 * np.sum(steps**2, axis=2)

    def score(self, z: FloatArray) -> FloatArray:
        """Return the gradient of the log density."""
        steps = self._steps(z)
        shares = softmax(self._logs(steps), axis=0)
        return -np.einsum("kn,kni,kij->nj", shares, steps, self._roots[1], optimize=True)

    def logpdf(self, z: FloatArray) -> FloatArray:
        """Return the log density."""
        return logsumexp(self._logs(self._steps(z)), axis=0) - _LOG_TWO_PI

    def moments(self) -> tuple[FloatArray, FloatArray]:
        """Return mean and mean outer product."""
        outer = self.covariances + self.means[:, :, None] * self.means[:, None]
        mean: FloatArray = self.weights @ self.means
        return mean, np.asarray(np.einsum("k,kij->ij", self.weights, outer))

    def sample(self, n: int, rng: np.random.Generator) -> FloatArray:
        """Return independent samples."""
        component = rng.choice(self.weights.size, n, p=self.weights)
        noise = rng.standard_normal((n, 2))
        return self.means[component] + np.einsum("nij,nj->ni", self._roots[0][component], noise)


@dataclass(frozen=True, eq=False)
class PlanarNetworkLaw(Frozen):
    """The law of a conservative network whose potential falls in every direction.

    Parameters
    ----------
    network : ConservativeNetwork
        The network.
    log_normalizer : float, optional
        Where it is known; otherwise it is computed to ten digits.
    """

    network: ConservativeNetwork
    log_normalizer: float | None = None

    @cached_property
    def density(self) -> ConservativeDensity:
        """The density, normalized by quadrature."""
        return ConservativeDensity(self.network)

    def score(self, z: FloatArray) -> FloatArray:
        """Return the gradient of the log density."""
        return self.network(z)

    def logpdf(self, z: FloatArray) -> FloatArray:
        """Return the log density."""
        known = self.density.log_normalizer if self.log_normalizer is None else self.log_normalizer
        return self.network.potential(z) - known

    def moments(self) -> tuple[FloatArray, FloatArray]:
        """Return mean and mean outer product."""
        mean = self.density.mean()
        return mean, self.density.covariance() + np.outer(mean, mean)

    def sample(self, n: int, rng: np.random.Generator) -> FloatArray:
        """Return independent samples."""
        return self.density.sample(n, rng=rng)
