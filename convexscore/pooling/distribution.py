"""Laws in the units of the data: what a pooled score and each of its members offer."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from .._support.frozen import Frozen
from .._support.seeds import generator
from .._support.sizes import as_size
from .._support.validation import FloatArray, as_numbers, as_probabilities
from .points import Frame
from .pool import Pool

__all__ = ["Distribution"]


class Distribution(Frozen):
    """A law on the line with its score, under SciPy's names for distributions.

    Points, probabilities and results are in the units of the data; the work is done in standard units.
    """

    _pool: Pool
    _frame: Frame

    def __call__(self, x: ArrayLike) -> FloatArray:
        """Return the score ``(log p)'(x)``.

        Parameters
        ----------
        x : number or array of shape (n,) or (n, 1)
            Points.

        Returns
        -------
        ndarray of the shape of `x`
        """
        x = as_numbers("x", x)
        if x.ndim > 2 or (x.ndim == 2 and x.shape[1] != 1):
            raise ValueError(f"x: expected a number or an array of shape (n,) or (n, 1), got {x.shape}")
        with np.errstate(over="ignore", under="ignore"):
            return (self._pool.score(self._frame.inward(x)) / self._frame.scale)[()]

    def logpdf(self, x: ArrayLike) -> FloatArray:
        """Return ``log p(x)``, of the shape of `x`."""
        inside = self._frame.inward(as_numbers("x", x))
        return (self._pool.logpdf(inside) - np.log(self._frame.scale))[()]

    def pdf(self, x: ArrayLike) -> FloatArray:
        """Return ``p(x)``, of the shape of `x`."""
        return np.exp(self.logpdf(x))

    def logcdf(self, x: ArrayLike) -> FloatArray:
        """Return ``log P(X <= x)``, accurate far in the left tail."""
        return self._pool.logcdf(self._frame.inward(as_numbers("x", x)))[()]

    def logsf(self, x: ArrayLike) -> FloatArray:
        """Return ``log P(X > x)``, accurate far in the right tail."""
        return self._pool.logsf(self._frame.inward(as_numbers("x", x)))[()]

    def cdf(self, x: ArrayLike) -> FloatArray:
        """Return ``P(X <= x)``, of the shape of `x`."""
        return np.exp(self.logcdf(x))

    def sf(self, x: ArrayLike) -> FloatArray:
        """Return ``P(X > x)``, of the shape of `x`."""
        return np.exp(self.logsf(x))

    def icdf(self, q: ArrayLike) -> FloatArray:
        """Return the quantiles at `q`.

        Parameters
        ----------
        q : array of any shape
            Probabilities in ``[0, 1]``.

        Returns
        -------
        ndarray of the shape of `q`
            ``-inf`` at 0 and ``inf`` at 1.

        Raises
        ------
        ValueError
            If a probability is outside ``[0, 1]`` or NaN.
        """
        q = as_probabilities("q", q)
        return self._frame.outward(self._pool.quantile(q.reshape(-1))).reshape(q.shape)[()]

    ppf = icdf

    def sample(self, n: int, rng: np.random.Generator | int | None = None) -> FloatArray:
        """Return `n` exact, independent samples, shape ``(n,)``."""
        count = as_size("n", n, each=1)
        source = generator(rng, f"{type(self).__name__}.sample")
        return self._frame.outward(self._pool.sample(count, source))

    rvs = sample

    def mean(self) -> float:
        """Return ``E[X]``."""
        return float(self._frame.outward(np.array(self._pool.moments()[0])))

    def variance(self) -> float:
        """Return ``E[(X - E X)^2]``."""
        return self._frame.scale**2 * self._pool.moments()[1]

    def std(self) -> float:
        """Return the standard deviation."""
        return self._frame.scale * float(np.sqrt(self._pool.moments()[1]))
