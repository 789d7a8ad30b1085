"""The laws that data are drawn from: samples, density, score, quantiles."""

from dataclasses import dataclass

import numpy as np
from scipy.stats import norm

from convexscore.targets import GaussianMixture


@dataclass(frozen=True)
class Gaussians:
    """A mixture of Gaussians of equal shares and standard deviation 1."""

    means: tuple[float, ...] = (0.0,)

    @property
    def std(self):
        """Standard deviation."""
        return float(np.sqrt(1 + np.var(self.means)))

    @property
    def _mixture(self):
        return GaussianMixture(np.ones(len(self.means)), np.array(self.means), 1.0)

    def sample(self, n, rng):
        """Draw `n` points, the same number from each Gaussian."""
        return rng.standard_normal(n) + np.resize(self.means, n)

    def pdf(self, x):
        """Return the density."""
        return np.exp(self._mixture.logpdf(x))

    def score(self, x, sigma=0.0):
        """Return the score of the law with noise."""
        return self._mixture.score(x, sigma)

    def icdf(self, q):
        """Return quantiles, interpolated in a fine table."""
        x = np.linspace(min(self.means) - 9, max(self.means) + 9, 20001)
        return np.interp(q, norm.cdf(x[:, None] - np.array(self.means)).mean(axis=1), x)


@dataclass(frozen=True)
class Uniform:
    """The uniform law on ``[-half, half]``."""

    half: float = float(np.sqrt(3))

    @property
    def std(self):
        """Standard deviation."""
        return self.half / np.sqrt(3)

    def sample(self, n, rng):
        """Draw `n` points."""
        return rng.uniform(-self.half, self.half, n)

    def pdf(self, x):
        """Return the density."""
        return np.where(np.abs(x) <= self.half, 0.5 / self.half, 0.0)

    def score(self, x):
        """Return the score: zero inside, and none outside."""
        return np.where(np.abs(x) <= self.half, 0.0, np.nan)

    def icdf(self, q):
        """Return quantiles."""
        return self.half * (2 * np.asarray(q) - 1)


def distance(sample, law):
    """Return the Wasserstein-1 distance of a sample to a law with ``icdf``, by midpoints."""
    middle = (np.arange(sample.size) + 0.5) / sample.size
    return float(np.abs(np.sort(sample) - law.icdf(middle)).mean())
