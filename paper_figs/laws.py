"""The laws that data are drawn from, or in their place columns of a table: density, score, quantiles."""

from dataclasses import dataclass

import numpy as np
from scipy.stats import norm

from convexscore.targets import GaussianMixture

#: More rows than these are drawn from, so that own data end in minutes too.
MOST_ROWS = 1000
FEWEST_VALUES = 5


@dataclass(frozen=True)
class Gaussians:
    """A mixture of Gaussians of equal shares and one standard deviation."""

    means: tuple[float, ...] = (0.0,)
    scale: float = 1.0
    label = "truth"
    axis = "x"

    @property
    def std(self):
        """Standard deviation."""
        return float(np.sqrt(self.scale**2 + np.var(self.means)))

    @property
    def _mixture(self):
        return GaussianMixture(np.ones(len(self.means)), np.array(self.means), self.scale)

    def sample(self, n, rng):
        """Draw `n` points, the same number from each Gaussian."""
        return self.scale * rng.standard_normal(n) + np.resize(self.means, n)

    def pdf(self, x):
        """Return the density."""
        return np.exp(self._mixture.logpdf(x))

    def score(self, x, sigma=0.0):
        """Return the score of the law with noise."""
        return self._mixture.score(x, sigma)

    def icdf(self, q):
        """Return quantiles, interpolated in a fine table."""
        x = np.linspace(min(self.means) - 9 * self.scale, max(self.means) + 9 * self.scale, 20001)
        return np.interp(q, norm.cdf((x[:, None] - np.array(self.means)) / self.scale).mean(axis=1), x)


@dataclass(frozen=True)
class Uniform:
    """The uniform law on ``[-half, half]``."""

    half: float = float(np.sqrt(3))
    label = "truth"
    axis = "x"

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


@dataclass(frozen=True, eq=False)
class Own:
    """Standardized columns of a table, in the place of a law: what is known of it are the values themselves.

    `values` has shape ``(n,)`` or ``(n, n_columns)``, mean 0 and standard deviation 1; `means` and `stds`
    lead back to the table's units.
    """

    names: tuple[str, ...]
    values: np.ndarray
    n_rows: int
    means: tuple[float, ...]
    stds: tuple[float, ...]
    label = "data"
    std = 1.0

    def __repr__(self):
        """Name the columns, and say how many rows were taken."""
        taken = f"{len(self.values)} of {self.n_rows}" if len(self.values) < self.n_rows else self.n_rows
        return f"{', '.join(self.labels)} ({taken} rows, standardized)"

    @property
    def labels(self):
        """Return the names so short that panels have room for them."""
        return tuple(name if len(name) <= 20 else f"{name[:19]}…" for name in self.names)

    @property
    def axis(self):
        """Return the label of an axis."""
        return f"{self.labels[0]}, standardized"

    @property
    def n(self):
        """Return the number of rows."""
        return len(self.values)

    @property
    def parameters(self):
        """Return where the numbers come from, in words that JSON knows."""
        return {"columns": self.names, "rows": self.n_rows, "rows_taken": self.n} | {
            "means": self.means,
            "standard_deviations": self.stds,
        }

    def sample(self, n, rng):
        """Return all values: there are no others."""
        return self.values

    def icdf(self, q):
        """Return quantiles of the values."""
        return np.quantile(self.values, q, method="inverted_cdf")


def standardized(names, values):
    """Return columns of a table as `Own`, at most `MOST_ROWS` of their rows, drawn with a fixed seed."""
    n = len(values)
    rows = np.arange(n)
    if n > MOST_ROWS:
        rows = np.sort(np.random.default_rng(0).choice(n, MOST_ROWS, replace=False))
    table = np.asarray(values, dtype=float).reshape(n, -1)[rows]
    for name, column in zip(names, table.T, strict=True):
        if np.unique(column).size < FEWEST_VALUES:
            raise ValueError(
                f"--column: expected at least {FEWEST_VALUES} different numbers in {name}, "
                f"got {np.unique(column).size}"
            )
    # In powers of two nothing is rounded, and no square overflows; far from zero, from one of the data.
    exponents = np.frexp(np.abs(table).max(axis=0))[1]
    scaled = np.ldexp(table, -exponents)
    small = scaled - scaled[0]
    centred = small - small.mean(axis=0)
    stds = centred.std(axis=0)
    means = np.ldexp(scaled[0] + small.mean(axis=0), exponents)
    shape = (len(rows),) if np.ndim(values) == 1 else table.shape
    unit = (centred / stds).reshape(shape)
    return Own(tuple(names), unit, n, tuple(means.tolist()), tuple(np.ldexp(stds, exponents).tolist()))


def distance(sample, law):
    """Return the Wasserstein-1 distance of a sample to a law with ``icdf``, by midpoints."""
    middle = (np.arange(sample.size) + 0.5) / sample.size
    return float(np.abs(np.sort(sample) - law.icdf(middle)).mean())
