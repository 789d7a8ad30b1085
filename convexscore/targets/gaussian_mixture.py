"""Mixtures of isotropic Gaussians, exact at every noise level.

With ``Y = X + sigma xi`` the law of ``Y`` is again a mixture, with variances ``v_i = tau_i^2 + sigma^2``:

    shares       r_i(y) prop. to w_i v_i^{-d/2} exp(-||y - mu_i||^2 / (2 v_i))
    score        s(y) = sum_i r_i s_i,                 s_i = (mu_i - y) / v_i
    Jacobian     J(y) = sum_i r_i [ (s_i - s) (s_i - s)^T - I / v_i ]
    denoiser     E[X|y] = sum_i r_i m_i,               m_i = (sigma^2 mu_i + tau_i^2 y) / v_i
    covariance   cov(X|y) = sum_i r_i [ (m_i - E[X|y]) (m_i - E[X|y])^T + (tau_i^2 sigma^2 / v_i) I ]

Tweedie's formula ``E[X|y] = y + sigma^2 s(y)`` (Robbins 1956) and ``cov(X|y) = sigma^2 (I + sigma^2 J(y))``
(Efron 2011) tie the last two to the two before.  They are not used: they cancel at large noise.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from .._support.frozen import Frozen
from .._support.seeds import generator
from .._support.sizes import as_size
from .._support.validation import FloatArray, as_data, as_float_array, as_real, as_weights

__all__ = ["GaussianMixture"]

# Entries of the largest temporary array of a block of points.
_BLOCK = 2**17
# Lengths between these have squares that keep their digits.
_SMALLEST, _LARGEST = 1e-150, 1e150


@dataclass(frozen=True, eq=False)
class GaussianMixture(Frozen):
    """The law ``sum_i w_i N(mu_i, tau_i^2 I)``, and what Gaussian noise makes of it.

    Methods take points, of shape ``(n, n_features)`` or ``(n_features,)``, and a noise level ``sigma`` of at
    least 0 in the units of the data.  With one feature points may also have the shape ``(n,)`` or
    ``()``; then all that comes back has that shape, Jacobians and covariances included.
    ``mixture.score`` is a noise-conditional score for any sampler.

    Parameters
    ----------
    weights : array of shape (n_components,)
        Positive shares ``w``; they are divided by their sum.
    means : array of shape (n_components,) or (n_components, n_features)
        Means ``mu``; with the first shape samples are 1-D.
    scales : float or array of shape (n_components,)
        Standard deviations ``tau``, at least 0, in the units of `means`.  Zero makes an atom, and then
        the law has a density and a score at positive noise levels only.

    Raises
    ------
    TypeError
        If an argument, here or of a method, is not numeric.
    ValueError
        If a shape is wrong, a number is not finite, a weight is not positive, or a scale or a noise level
        is negative; if a method is asked for noise level 0 of an atom.

    See Also
    --------
    ring : Modes on a circle.
    moons : Two arcs.

    Examples
    --------
    >>> import convexscore as cs
    >>> from convexscore.targets import GaussianMixture
    >>> mixture = GaussianMixture([0.2, 0.8], [-5.0, 5.0], 1.0)
    >>> mixture.score([0.0, 1.0]).round(6)
    array([3.      , 3.999887])
    >>> start = mixture.sample(500, rng=0, sigma=8.0)
    >>> x = cs.samplers.annealed_langevin(mixture.score, start, [8.0, 4.0, 2.0, 1.0, 0.5], rng=0)
    >>> bool(abs((x < 0).mean() - 0.2) < 0.1)
    True
    """

    weights: FloatArray
    means: FloatArray
    scales: FloatArray

    def __post_init__(self) -> None:
        n_components = len(as_data("means", self.means))
        means = as_float_array("means", self.means)
        weights = as_weights("weights", self.weights, n_components)
        scales = as_float_array("scales", self.scales)
        if scales.shape not in ((), (n_components,)):
            raise ValueError(f"scales: expected a number or shape ({n_components},), got {scales.shape}")
        if scales.min() < 0:
            raise ValueError(f"scales: expected numbers of at least 0, got a minimum of {scales.min():g}")
        scales = np.full(n_components, scales)
        if np.abs(means).max() > _LARGEST:
            raise ValueError(
                f"means: expected numbers up to {_LARGEST:g}, got one of {np.abs(means).max():g}"
            )
        _check_squares("scales", scales)
        weights = weights / weights.max()
        for name, array in (("weights", weights / weights.sum()), ("means", means), ("scales", scales)):
            object.__setattr__(self, name, array)
        self.freeze_arrays()

    @property
    def n_features(self) -> int:
        """Dimension ``d`` of the data."""
        return int(self._centers.shape[1])

    @property
    def mean(self) -> FloatArray | float:
        """The mean: a number if `means` are 1-D, otherwise of shape ``(n_features,)``."""
        return self.weights @ self.means

    @property
    def variance(self) -> FloatArray | float:
        """The variance of each feature: a number if `means` are 1-D, otherwise of shape ``(n_features,)``."""
        return self.weights @ self.scales**2 + self.weights @ (self.means - self.mean) ** 2

    @property
    def cov(self) -> FloatArray:
        """The covariance matrix, shape ``(n_features, n_features)``."""
        return _covariances(self.weights[None], self._centers[None], self.scales**2)[0]

    def logpdf(self, x: ArrayLike, sigma: float = 0.0) -> FloatArray:
        """Return the log density of ``X + sigma xi`` at `x`, one number a point.

        Examples
        --------
        >>> from convexscore.targets import GaussianMixture
        >>> GaussianMixture([1.0], [[0.0, 0.0]], 1.0).logpdf([[0.0, 0.0], [1.0, 1.0]]).round(4)
        array([-1.8379, -2.8379])
        """
        return self._in_blocks("x", x, sigma, lambda posterior: posterior.log_density, 0)

    def score(self, y: ArrayLike, sigma: float = 0.0) -> FloatArray:
        """Return the score, the gradient of `logpdf`.

        Parameters
        ----------
        y : array of points
            Where.
        sigma : float
            Noise level, at least 0, in the units of the data.

        Returns
        -------
        ndarray of the shape of `y`

        Examples
        --------
        >>> from convexscore.targets import GaussianMixture
        >>> GaussianMixture([0.2, 0.8], [[-5.0, -5.0], [5.0, 5.0]], 1.0).score([[0.0, 0.0]])
        array([[3., 3.]])
        """
        return self._in_blocks("y", y, sigma, _Posterior.score, 1)

    def jacobian(self, y: ArrayLike, sigma: float = 0.0) -> FloatArray:
        """Return the Jacobian of the score at `y`, shape ``(n, n_features, n_features)``.

        Examples
        --------
        >>> from convexscore.targets import GaussianMixture
        >>> GaussianMixture([1.0], [0.0], 2.0).jacobian([0.0, 1.0])
        array([-0.25, -0.25])
        """
        return self._in_blocks("y", y, sigma, _Posterior.jacobian, 2)

    def divergence(self, y: ArrayLike, sigma: float = 0.0) -> FloatArray:
        """Return the trace of the Jacobian at `y`, which `ScoreMatching.loss` takes, one number a point.

        Examples
        --------
        >>> import convexscore as cs
        >>> from convexscore.targets import GaussianMixture
        >>> mixture = GaussianMixture([1.0], [0.0], 1.0)
        >>> cs.ScoreMatching([-1.0, 0.0, 1.0]).loss(mixture.score, mixture.divergence)
        -2.0
        """
        return self._in_blocks("y", y, sigma, _Posterior.divergence, 0)

    def denoise(self, y: ArrayLike, sigma: float) -> FloatArray:
        """Return the posterior mean ``E[X | X + sigma xi = y]``.

        Parameters
        ----------
        y : array of points
            Noisy points.
        sigma : float
            Noise level, at least 0, in the units of the data.

        Returns
        -------
        ndarray of the shape of `y`

        Examples
        --------
        >>> from convexscore.targets import GaussianMixture
        >>> GaussianMixture([1.0], [0.0], 1.0).denoise([2.0, 4.0], 1.0)
        array([1., 2.])
        """
        return self._in_blocks("y", y, sigma, _Posterior.denoised, 1)

    def covariance(self, y: ArrayLike, sigma: float) -> FloatArray:
        """Return the covariance ``cov(X | X + sigma xi = y)``, shape ``(n, n_features, n_features)``.

        Examples
        --------
        >>> from convexscore.targets import GaussianMixture
        >>> GaussianMixture([1.0], [0.0], 1.0).covariance([2.0, 4.0], 1.0)
        array([0.5, 0.5])
        """
        return self._in_blocks("y", y, sigma, _Posterior.covariance, 2)

    def sample(self, n: int, rng: np.random.Generator | int | None = None, sigma: float = 0.0) -> FloatArray:
        """Draw independent samples of ``X + sigma xi``.

        Parameters
        ----------
        n : int
            How many.
        rng : Generator or seed, optional
            Source of randomness; the same seed gives the same samples.
        sigma : float
            Noise level, at least 0, in the units of the data.

        Returns
        -------
        ndarray of shape (n,) if `means` are 1-D, otherwise (n, n_features)

        Examples
        --------
        >>> from convexscore.targets import GaussianMixture
        >>> GaussianMixture([0.5, 0.5], [[-1.0, 0.0], [1.0, 0.0]], 0.1).sample(3, rng=0).shape
        (3, 2)
        """
        n = as_size("n", n, each=self.n_features)
        level = _as_level(sigma)
        source = generator(rng, "GaussianMixture.sample")
        component = source.choice(self.weights.size, size=n, p=self.weights)
        samples = source.standard_normal((n, self.n_features))
        samples *= np.hypot(self.scales, level)[component, None]
        samples += self._centers[component]
        return samples.reshape(n, *self.means.shape[1:])

    @property
    def _centers(self) -> FloatArray:
        return self.means.reshape(len(self.means), -1)

    def _in_blocks(
        self,
        name: str,
        values: ArrayLike,
        sigma: float,
        formula: Callable[[_Posterior], FloatArray],
        n_axes: int,
    ) -> FloatArray:
        """Evaluate a formula, whose values have `n_axes` feature axes, a block of points at a time."""
        level = _as_level(sigma)
        if np.min(self.scales**2 + level**2) == 0:
            raise ValueError(f"sigma: expected a number above 0, because a scale is 0, got {level:g}")
        given = as_float_array(name, values)
        k, d = self._centers.shape
        scalar = d == 1 and given.ndim < 2
        if not scalar and (given.ndim not in (1, 2) or given.shape[-1] != d):
            expected = "(n,) or (n, 1)" if d == 1 else f"(n, {d}) or ({d},)"
            raise ValueError(f"{name}: expected shape {expected}, got {given.shape}")
        points = given.reshape(-1, d)
        result = np.empty((len(points), *(d,) * n_axes))
        size = max(1, _BLOCK // (d * max(k, d)))
        for start in range(0, len(points), size):
            block = slice(start, start + size)
            with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
                result[block] = formula(_Posterior.at(points[block], level, self, name))
            if not np.isfinite(result[block]).all():
                raise ValueError(
                    f"{name}: expected points where the result is a float, got one at "
                    f"{np.abs(points[block]).max():g}"
                )
        return result.reshape(given.shape if scalar else given.shape[:-1] + (d,) * n_axes)


@dataclass(frozen=True, eq=False)
class _Posterior:
    """The law of component and clean point given a block of noisy points ``y``.

    Besides the mixture: gaps ``mu_i - y`` of shape (n, k, d), shares ``r_i`` of shape (n, k), variances
    ``v_i`` of shape (k,), and the log density at ``y``, shape (n,).
    """

    y: FloatArray
    level: float
    mixture: GaussianMixture
    gaps: FloatArray
    variances: FloatArray
    shares: FloatArray
    log_density: FloatArray

    @classmethod
    def at(cls, y: FloatArray, level: float, mixture: GaussianMixture, name: str) -> _Posterior:
        # Differences, not expanded squares: those would cancel far from the origin.
        gaps = mixture._centers - y[:, None]
        variances = mixture.scales**2 + level**2
        scaled = gaps / np.sqrt(variances)[:, None]
        squares = np.einsum("nkd,nkd->nk", scaled, scaled)
        normalizer = np.log(mixture.weights) - 0.5 * y.shape[1] * np.log(2 * np.pi * variances)
        logs = normalizer - 0.5 * squares
        top = logs.max(axis=1, keepdims=True)
        if not np.isfinite(top).all():
            raise ValueError(
                f"{name}: expected points whose squared distance to a mean is a float, got one at "
                f"{np.abs(y).max():g}"
            )
        shares = np.exp(logs - top)
        total = shares.sum(axis=1, keepdims=True)
        # Components without a share, at any distance, have no part in any sum.
        gaps[shares == 0] = 0
        return cls(y, level, mixture, gaps, variances, shares / total, (top + np.log(total))[:, 0])

    @property
    def pull(self) -> FloatArray:
        """``sigma^2 / v_i``, how far each component moves a point to its mean."""
        return self.level**2 / self.variances

    @property
    def keep(self) -> FloatArray:
        """``tau_i^2 / v_i``, one minus the pull."""
        return self.mixture.scales**2 / self.variances

    def score(self) -> FloatArray:
        return np.einsum("nk,nkd->nd", self.shares / self.variances, self.gaps)

    def jacobian(self) -> FloatArray:
        return _covariances(self.shares, self.gaps / self.variances[:, None], -1 / self.variances)

    def divergence(self) -> FloatArray:
        return np.trace(self.jacobian(), axis1=1, axis2=2)

    def denoised(self) -> FloatArray:
        return (self.shares * self.pull) @ self.mixture._centers + (self.shares @ self.keep)[:, None] * self.y

    def covariance(self) -> FloatArray:
        means = self.pull[:, None] * self.mixture._centers + self.keep[:, None] * self.y[:, None]
        return _covariances(self.shares, means, self.keep * self.level**2)


def _as_level(sigma: float) -> float:
    level = as_real("sigma", sigma, minimum=0.0)
    _check_squares("sigma", np.array(level))
    return level


def _check_squares(name: str, lengths: FloatArray) -> None:
    wrong = (lengths > _LARGEST) | ((lengths < _SMALLEST) & (lengths > 0))
    if wrong.any():
        raise ValueError(
            f"{name}: expected 0 or numbers from {_SMALLEST:g} to {_LARGEST:g}, got {lengths[wrong].max():g}"
        )


def _covariances(shares: FloatArray, vectors: FloatArray, variances: FloatArray) -> FloatArray:
    """Return ``sum_i r_i [(u_i - u) (u_i - u)^T + a_i I]`` with ``u = sum_i r_i u_i``, shape (n, d, d).

    `shares` ``r`` have shape (n, k), `vectors` ``u`` shape (n, k, d), `variances` ``a`` shape (k,).
    """
    centred = vectors - np.einsum("nk,nkd->nd", shares, vectors)[:, None]
    weighted = shares[:, :, None] * centred
    result = np.matmul(weighted.transpose(0, 2, 1), centred)
    diagonal = np.einsum("ndd->nd", result)
    diagonal += (shares @ variances)[:, None]
    return result
