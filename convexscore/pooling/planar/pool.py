"""A weighted pool of laws in the plane: density, score, moments, samples; see `pooling.pool`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.special import logsumexp

from ..._support.frozen import Frozen
from ..._support.validation import FloatArray
from ..laws import FURTHEST, softmax
from .laws import PlanarLaw

__all__ = ["PlanarPool"]

# Points are evaluated in blocks, so that temporary arrays stay small.
_BLOCK = 2**14


@dataclass(frozen=True, eq=False)
class PlanarPool(Frozen):
    """Laws in standard coordinates and their weights.

    Parameters
    ----------
    laws : tuple of PlanarLaw
        At least one.
    weights : ndarray of shape (n_laws,)
        Positive, of sum one.
    """

    laws: tuple[PlanarLaw, ...]
    weights: FloatArray

    def score(self, z: FloatArray) -> FloatArray:
        """Return the gradient of the log density, shape ``(n, 2)``."""
        return self._in_blocks(self._score, z, z.shape)

    def logpdf(self, z: FloatArray) -> FloatArray:
        """Return the log density, shape ``(n,)``."""
        return self._in_blocks(lambda part: logsumexp(self._logs(part), axis=0), z, z.shape[:1])

    def moments(self) -> tuple[FloatArray, FloatArray]:
        """Return mean and covariance."""
        pairs = [law.moments() for law in self.laws]
        mean = self.weights @ np.array([mean for mean, _ in pairs])
        outer = np.einsum("k,kij->ij", self.weights, np.array([outer for _, outer in pairs]))
        return mean, outer - np.outer(mean, mean)

    def sample(self, n: int, rng: np.random.Generator) -> FloatArray:
        """Return independent samples: which law, then a sample of it."""
        which = rng.choice(self.weights.size, n, p=self.weights)
        result = np.empty((n, 2))
        for number, law in enumerate(self.laws):
            chosen = which == number
            if chosen.any():
                result[chosen] = law.sample(int(chosen.sum()), rng)
        return result

    def _in_blocks(
        self, function: Callable[[FloatArray], FloatArray], z: FloatArray, shape: tuple[int, ...]
    ) -> FloatArray:
        parts = [function(z[start : start + _BLOCK]) for start in range(0, len(z), _BLOCK)]
        return np.concatenate(parts) if parts else np.zeros(shape)

    def _logs(self, z: FloatArray) -> FloatArray:
        """Return the log of each law's weight times its density, one row a law."""
        rows = np.stack([law.logpdf(np.clip(z, -FURTHEST, FURTHEST)) for law in self.laws])
        return rows + np.log(self.weights)[:, None]

    def _score(self, z: FloatArray) -> FloatArray:
        shares = softmax(self._logs(z), axis=0)
        scores = np.stack([law.score(z) for law in self.laws])
        return np.sum(np.where(shares[..., None] == 0, 0.0, shares[..., None] * scores), axis=0)
