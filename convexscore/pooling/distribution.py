"""Laws in the units of the data: what a pooled score and each of its members offer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import numpy as np
from numpy.typing import ArrayLike

from .._support.frozen import Frozen
from .._support.seeds import generator
from .._support.shorthands import Shown
from .._support.sizes import as_size
from .._support.validation import FloatArray, as_numbers, as_probabilities
from ..numerics.quantiles import central_interval
from ..numerics.whitening import AffineFrame
from .laws import Law
from .planar.laws import PlanarLaw
from .planar.pool import PlanarPool
from .points import Frame
from .pool import Pool

__all__ = ["AnyFrame", "AnyPool", "Distribution", "pool_of"]

AnyFrame = Frame | AffineFrame
AnyPool = Pool | PlanarPool


def pool_of(frame: AnyFrame, laws: Sequence[Law | PlanarLaw], weights: FloatArray) -> AnyPool:
    """Return the pool of laws on the line or in the plane, wherever the frame is for."""
    if isinstance(frame, AffineFrame):
        return PlanarPool(cast("tuple[PlanarLaw, ...]", tuple(laws)), weights)
    return Pool(cast("tuple[Law, ...]", tuple(laws)), weights, frame.limits)


class Distribution(Frozen, Shown):
    """A law on the line or in the plane with its score, under SciPy's names for distributions.

    Points, probabilities and results are in the units of the data; the work is done in standard units.
    """

    _pool: AnyPool
    _frame: AnyFrame

    @property
    def n_features(self) -> int:
        """One or two."""
        return self._frame.n_features

    def __call__(self, x: ArrayLike) -> FloatArray:
        """Return the score ``grad log p(x)``; on a limit and beyond, that next to it.

        Parameters
        ----------
        x : number or array of shape (n,) or (n, 1); with two features array of shape (n, 2)
            Points.

        Returns
        -------
        ndarray of the shape of `x`
        """
        x = as_numbers("x", x)
        if self.n_features == 1 and (x.ndim > 2 or (x.ndim == 2 and x.shape[1] != 1)):
            raise ValueError(f"x: expected a number or an array of shape (n,) or (n, 1), got {x.shape}")
        with np.errstate(over="ignore", under="ignore"):
            return self._frame.pulled_back(self._pool.score(self._inward(x)))[()]

    def support(self) -> tuple[float, float]:
        """Return the ends of the support, as SciPy's distributions do; one feature only."""
        return self._on_the_line("support")[1].support

    def logpdf(self, x: ArrayLike) -> FloatArray:
        """Return ``log p(x)``, of the shape of `x`; with two features one number a row."""
        x = as_numbers("x", x)
        log_density = self._pool.logpdf(self._inward(x)) - self._frame.log_scale
        return np.where(self._frame.outside(x), -np.inf, log_density)[()]

    def pdf(self, x: ArrayLike) -> FloatArray:
        """Return ``p(x)``, of the shape of `x`; with two features one number a row."""
        return np.exp(self.logpdf(x))

    def logcdf(self, x: ArrayLike) -> FloatArray:
        """Return ``log P(X <= x)``, accurate far in the left tail; one feature only."""
        pool, frame = self._on_the_line("logcdf")
        x = as_numbers("x", x)
        return frame.beyond(x, pool.logcdf(frame.inward(x)), (-np.inf, 0.0))[()]

    def logsf(self, x: ArrayLike) -> FloatArray:
        """Return ``log P(X > x)``, accurate far in the right tail; one feature only."""
        pool, frame = self._on_the_line("logsf")
        x = as_numbers("x", x)
        return frame.beyond(x, pool.logsf(frame.inward(x)), (0.0, -np.inf))[()]

    def cdf(self, x: ArrayLike) -> FloatArray:
        """Return ``P(X <= x)``, of the shape of `x`; one feature only."""
        return np.exp(self.logcdf(x))

    def sf(self, x: ArrayLike) -> FloatArray:
        """Return ``P(X > x)``, of the shape of `x`; one feature only."""
        return np.exp(self.logsf(x))

    def icdf(self, q: ArrayLike) -> FloatArray:
        """Return the quantiles at `q`; one feature only.

        Parameters
        ----------
        q : array of any shape
            Probabilities in ``[0, 1]``.

        Returns
        -------
        ndarray of the shape of `q`
            The ends of the support, infinite without limits, at 0 and 1.

        Raises
        ------
        ValueError
            If a probability is outside ``[0, 1]`` or NaN, or there are two features.
        """
        pool, frame = self._on_the_line("icdf")
        q = as_probabilities("q", q)
        x = frame.outward(pool.quantile(q.reshape(-1))).reshape(q.shape)
        x[q == 0], x[q == 1] = frame.support
        return x[()]

    ppf = icdf

    def interval(self, confidence: ArrayLike) -> tuple[FloatArray, FloatArray]:
        """Return the ends of the interval around the median that holds a share of the mass; one feature only.

        Parameters
        ----------
        confidence : array of any shape
            Shares in ``[0, 1]``.

        Returns
        -------
        pair of ndarrays of the shape of `confidence`
        """
        self._on_the_line("interval")
        return central_interval(self.icdf, confidence)

    def sample(self, n: int, rng: np.random.Generator | int | None = None) -> FloatArray:
        """Return `n` independent samples, shape ``(n,)``, or ``(n, 2)`` with two features.

        They are exact; of networks in the plane up to the error of a quadrature, about ``1e-10``.
        """
        count = as_size("n", n, each=self.n_features)
        source = generator(rng, f"{type(self).__name__}.sample")
        return self._frame.outward(self._pool.sample(count, source))

    rvs = sample

    def mean(self) -> float | FloatArray:
        """Return ``E[X]``: a number, or with two features an array of shape ``(2,)``."""
        mean = self._frame.outward(np.array(self._pool.moments()[0]))
        return float(mean) if self.n_features == 1 else mean

    def variance(self) -> float | FloatArray:
        """Return ``E[(X - E X)^2]``: a number, or with two features that of each, shape ``(2,)``."""
        covariance = self.covariance()
        return float(covariance[0, 0]) if self.n_features == 1 else np.diag(covariance).copy()

    def covariance(self) -> FloatArray:
        """Return the matrix ``E[(X - E X)(X - E X)']``."""
        return self._frame.spread_out(np.asarray(self._pool.moments()[1]))

    def std(self) -> float | FloatArray:
        """Return the standard deviation: a number, or with two features that of each, shape ``(2,)``."""
        return np.sqrt(self.variance())

    def _inward(self, x: FloatArray) -> FloatArray:
        if self.n_features == 2 and (x.ndim != 2 or x.shape[1] != 2):
            raise ValueError(f"x: expected shape (n, 2), got {x.shape}")
        return self._frame.inward(x)

    def _on_the_line(self, name: str) -> tuple[Pool, Frame]:
        """Return pool and frame of one feature, for what only those have."""
        pool, frame = self._pool, self._frame
        if isinstance(pool, Pool) and isinstance(frame, Frame):
            return pool, frame
        raise ValueError(
            f"{name}: expected a law of one feature, got one of 2: it has no distribution function; "
            "`logpdf` and `sample` are there"
        )
