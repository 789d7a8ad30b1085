"""What all laws on spins share: points to fields, denoisers to scores, normalizers to densities.

For a law ``p(x) = exp(E(x) + b'x) / Z(b)`` on ``{-1, 1}^d`` and ``y = x + sigma xi`` the law of ``x`` given
``y`` has the field ``b + h``, ``h = y / sigma^2``, so that

    E[x | y] = m(b + h),    score = (m - y) / sigma^2,
    log q(y) = log Z(b + h) - log Z(b) - (|y|^2 + d) / (2 sigma^2) - (d / 2) log(2 pi sigma^2).
"""

from __future__ import annotations

import math
from abc import abstractmethod

import numpy as np
from numpy.typing import ArrayLike

from ..._support.frozen import Frozen
from ..._support.validation import FloatArray, as_float_array, as_real, as_scale, check_finite
from .states import MOST_SPINS

__all__ = [
    "LARGEST",
    "SpinLaw",
    "as_couplings",
    "as_fields",
    "as_noise",
    "as_rows",
    "as_vector",
    "check_enumerable",
    "check_floats",
    "check_size",
]

#: Couplings and fields up to this size have products with room for sums.
LARGEST = 1e100


class SpinLaw(Frozen):
    """A law on spins ``x`` of -1 and 1, seen through Gaussian noise.

    Models fill in the number of spins, `_mean` and `_log_sum`, of rows of fields.
    """

    @property
    @abstractmethod
    def n_features(self) -> int:
        """Number of spins ``d`` that are seen."""

    @property
    def _own_field(self) -> FloatArray:
        """The field ``b`` of the law itself, shape (d,)."""
        return np.zeros(self.n_features)

    @abstractmethod
    def _mean(self, t: FloatArray) -> FloatArray:
        """Return the mean, or what stands for it, at total fields (n, d)."""

    @abstractmethod
    def _log_sum(self, t: FloatArray) -> FloatArray:
        """Return ``log Z(t) - |t_1| - ... - |t_d|`` at total fields (n, d), shape (n,)."""

    def posterior_mean(self, fields: ArrayLike) -> FloatArray:
        """Return the mean of the law tilted by fields, ``E[x]`` under ``p(x) exp(h'x)``, by the denoiser.

        Parameters
        ----------
        fields : array of shape (n, d) or (d,)
            Fields ``h``, one row for each tilted law; those of noisy points are ``y / sigma^2``.

        Returns
        -------
        ndarray of the shape of `fields`

        Examples
        --------
        >>> from convexscore.targets import CurieWeiss
        >>> CurieWeiss(3, 0.5).posterior_mean([0.5, -0.2, 0.1]).round(6)
        array([ 0.447213, -0.092658,  0.150507])
        """
        h, shape = as_rows("fields", fields, self.n_features)
        return self._mean(self._total("fields", h)).reshape(shape)

    def log_normalizer(self, fields: ArrayLike) -> FloatArray:
        """Return ``log Z(b + h)``, the logarithm of the sum over all states, exactly.

        Parameters
        ----------
        fields : array of shape (n, d) or (d,)
            Fields ``h``, added to the law's own.

        Returns
        -------
        ndarray of shape (n,) or ()

        Examples
        --------
        >>> from convexscore.targets import CurieWeiss
        >>> CurieWeiss(3, 0.5).log_normalizer([[0.5, -0.2, 0.1]]).round(6)
        array([2.25789])
        """
        h, shape = as_rows("fields", fields, self.n_features)
        t = self._total("fields", h)
        return (self._log_sum(t) + np.abs(t).sum(axis=1)).reshape(shape[:-1])

    def denoise(self, y: ArrayLike, sigma: float) -> FloatArray:
        """Return the posterior mean ``E[x | x + sigma xi = y]``, by the denoiser.

        Parameters
        ----------
        y : array of shape (n, d) or (d,)
            Noisy points.
        sigma : float
            Noise level, positive.

        Returns
        -------
        ndarray of the shape of `y`

        Examples
        --------
        >>> from convexscore.targets import CurieWeiss
        >>> CurieWeiss(2, 0.8).denoise([[1.0, -0.5]], 1.0).round(6)
        array([[ 0.676472, -0.199417]])
        """
        level = as_noise(sigma)
        points, shape = as_rows("y", y, self.n_features)
        return self._denoised(points, level).reshape(shape)

    def score(self, y: ArrayLike, sigma: float) -> FloatArray:
        """Return the score of ``x + sigma xi``, ``(E[x | y] - y) / sigma^2``, by the denoiser.

        Parameters
        ----------
        y : array of shape (n, d) or (d,)
            Where.
        sigma : float
            Noise level, positive: spins without noise have no density.

        Returns
        -------
        ndarray of the shape of `y`

        Examples
        --------
        >>> from convexscore.targets import CurieWeiss
        >>> CurieWeiss(2, 0.8).score([[1.0, -0.5]], 1.0).round(6)
        array([[-0.323528,  0.300583]])
        """
        level = as_noise(sigma)
        points, shape = as_rows("y", y, self.n_features)
        with np.errstate(over="ignore"):
            score = (self._denoised(points, level) - points) / level**2
        check_floats(score, points)
        return score.reshape(shape)

    def logpdf(self, y: ArrayLike, sigma: float) -> FloatArray:
        """Return the log density of ``x + sigma xi``, exactly, whatever the denoiser.

        Parameters
        ----------
        y : array of shape (n, d) or (d,)
            Where.
        sigma : float
            Noise level, positive.

        Returns
        -------
        ndarray of shape (n,) or ()

        Examples
        --------
        >>> from convexscore.targets import CurieWeiss
        >>> CurieWeiss(2, 0.8).logpdf([[1.0, -0.5]], 1.0).round(6)
        array([-3.05253])
        """
        level = as_noise(sigma)
        points, shape = as_rows("y", y, self.n_features)
        h, b = as_fields(points, level), self._own_field
        # |b + h| - |b| - |h|, and |h| against the squares, in forms that do not cancel.
        opposed = np.where(np.sign(b) * np.sign(h) < 0, np.minimum(np.abs(b), np.abs(h)), 0.0)
        with np.errstate(over="ignore"):
            squares = (((np.abs(points) - 1) / level) ** 2).sum(axis=1)
        ratio = self._log_sum(self._total("y", h)) - self._log_sum(b[None])
        constant = 0.5 * self.n_features * math.log(2 * math.pi) + self.n_features * math.log(level)
        values = ratio - 2 * opposed.sum(axis=1) - 0.5 * squares - constant
        check_floats(values, points)
        return values.reshape(shape[:-1])

    def _denoised(self, y: FloatArray, level: float) -> FloatArray:
        return self._mean(self._total("y", as_fields(y, level)))

    def _total(self, name: str, h: FloatArray) -> FloatArray:
        with np.errstate(over="ignore"):
            t = self._own_field + h
        # So that sums over all spins, and twice a field, are floats.
        if h.size and not np.abs(t).max() < np.finfo(float).max / (4 * self.n_features):
            raise ValueError(
                f"{name}: expected points whose fields have a float as their sum, got some up to "
                f"{np.abs(t).max():g}"
            )
        return t


def as_rows(name: str, values: ArrayLike, d: int) -> tuple[FloatArray, tuple[int, ...]]:
    """Return points as rows (n, d), and the shape in which they came."""
    given = as_float_array(name, values)
    if given.ndim not in (1, 2) or given.shape[-1] != d:
        raise ValueError(f"{name}: expected shape (n, {d}) or ({d},), got {given.shape}")
    return given.reshape(-1, d), given.shape


def as_couplings(name: str, values: ArrayLike) -> FloatArray:
    """Return a symmetric matrix of couplings without its diagonal, which the law does not depend on."""
    matrix = as_float_array(name, values)
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1] or not matrix.size:
        raise ValueError(f"{name}: expected a square matrix, got shape {matrix.shape}")
    check_size(name, matrix)
    size = np.abs(matrix).max()
    difference = np.abs(matrix - matrix.T).max()
    if difference > 1e-12 * size:
        raise ValueError(
            f"{name}: expected a symmetric matrix, got entries that differ from their mirror images by up to "
            f"{difference:g}; (A + A.T) / 2 has the same law"
        )
    matrix = 0.5 * (matrix + matrix.T)
    np.fill_diagonal(matrix, 0.0)
    return matrix


def as_vector(name: str, values: ArrayLike | None, d: int) -> FloatArray:
    """Return a vector of `d` numbers; None means zeros."""
    if values is None:
        return np.zeros(d)
    vector = as_float_array(name, values)
    if vector.shape != (d,):
        raise ValueError(f"{name}: expected shape ({d},), got {vector.shape}")
    check_size(name, vector)
    return vector


def check_size(name: str, array: FloatArray) -> None:
    """Raise a ValueError where a number is too large for sums of products."""
    if array.size and np.abs(array).max() > LARGEST:
        raise ValueError(
            f"{name}: expected numbers up to {LARGEST:g}, got one of size {np.abs(array).max():g}"
        )


def as_noise(sigma: float) -> float:
    """Return a noise level, which must be positive."""
    if as_real("sigma", sigma) <= 0:
        raise ValueError(
            f"sigma: expected a number above 0, as spins without noise have no density, got {sigma:g}"
        )
    return as_scale("sigma", sigma)


def check_enumerable(name: str, n_spins: int, advice: str) -> None:
    """Raise a ValueError that names the way out where there are too many states to be summed."""
    if n_spins > MOST_SPINS:
        raise ValueError(
            f"{name}: expected at most {MOST_SPINS} spins for a sum over all states, got {n_spins}; {advice}"
        )


def as_fields(y: FloatArray, level: float) -> FloatArray:
    """Return the fields ``y / sigma^2`` of rows of points."""
    with np.errstate(over="ignore"):
        h = y / level**2
    if not np.isfinite(h).all():
        raise ValueError(
            f"y: expected points whose field y / sigma^2 is a float, got one at {np.abs(y).max():g} for a "
            f"sigma of {level:g}"
        )
    return h


def check_floats(values: FloatArray, y: FloatArray) -> None:
    """Raise a ValueError where a result at points `y` is no float."""
    if not np.isfinite(values).all():
        check_finite("y", y)
        raise ValueError(f"y: expected points where the result is a float, got one at {np.abs(y).max():g}")
