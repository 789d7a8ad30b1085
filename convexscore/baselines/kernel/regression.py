"""Denoising as regression over all noise times at once (Han, Razaviyayn & Xu 2024, Algorithm 1).

    z = alpha x + sqrt(h) xi,      alpha = e^-t,  h = 1 - e^-2t,      t uniform in [t_min, t_max]

Regression of ``x`` on ``(z, t - t_min, 1)`` estimates ``E[x | z, t]``, and with it the score
``(alpha E[x | z, t] - z) / h`` of the law of ``z``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from ..._support.caller import warn_caller
from ..._support.frozen import Frozen
from ..._support.seeds import generator
from ..._support.sizes import as_size
from ..._support.validation import (
    FloatArray,
    as_callable,
    as_data,
    as_flag,
    as_float_array,
    as_real,
    as_returned,
    check_finite,
)

__all__ = ["DenoisingRegression"]

# The share of noisy points that the default radius keeps, and the share below which a radius is warned of.
_QUANTILE, _KEPT = 0.999, 0.95
# Data beyond this have squares that are no floats.
_LARGEST = 1e150
# Times from which the data are lost, or the noise is, to rounding.
_LEAST_TIME, _MOST_TIME = 1e-12, 300.0


@dataclass(frozen=True, eq=False)
class DenoisingRegression(Frozen):
    """A regression whose solution denoises at all times: inputs, labels, and the way back to a score.

    `from_clean` draws one from data.

    Parameters
    ----------
    inputs : ndarray of shape (n_samples, n_features + 1 or n_features + 2)
        Rows ``(z, t - t_min)`` or ``(z, t - t_min, 1)``.
    targets : ndarray of shape (n_samples, n_features)
        The clean points, noisy labels of ``E[x | z, t]``.
    t_min, t_max : float
        The times.
    clip : float
        Length that denoised points are cut to: the largest of a clean point.
    ones : bool
        Whether inputs have the constant column.
    kept : float
        The share of the drawn points that the radius kept.

    See Also
    --------
    KernelDescent : Descends on it.
    train_ntk_network : Trains a network on it.

    Examples
    --------
    >>> import numpy as np, convexscore as cs
    >>> X = cs.targets.GaussianMixture([0.3, 0.7], [[-1.0, 0.0], [1.0, 0.5]], 0.3).sample(200, rng=0)
    >>> regression = cs.baselines.DenoisingRegression.from_clean(X, 200, rng=0)
    >>> descent = cs.baselines.KernelDescent(regression.inputs, regression.targets)
    >>> score = regression.score(lambda inputs: descent.predict(inputs, 100), [[0.5, 0.5]], 0.5)
    >>> score.shape
    (1, 2)
    """

    inputs: FloatArray
    targets: FloatArray
    t_min: float
    t_max: float
    clip: float
    ones: bool
    kept: float

    @classmethod
    def from_clean(
        cls,
        X: ArrayLike,
        n_samples: int,
        *,
        t_min: float = 0.1,
        t_max: float = 2.0,
        radius: float | None = None,
        ones: bool = True,
        rng: np.random.Generator | int | None = None,
    ) -> DenoisingRegression:
        """Draw times, clean points and noise, and keep the noisy points within a radius: Algorithm 1.

        That of Han, Razaviyayn & Xu (2024), with the choices that it leaves open: times are uniform from
        `t_min` to `t_max`, and the radius is a quantile.

        Parameters
        ----------
        X : array of shape (n_clean, n_features)
            Clean data, drawn with replacement.
        n_samples : int
            Noisy points to draw; those beyond the radius are left out.
        t_min, t_max : float
            The range of the uniform times.
        radius : float, optional
            Largest length of a noisy point; by default the 99.9 % quantile of those drawn.
        ones : bool
            Whether inputs have a constant column, without which the kernel `ntk` is far from universal.
        rng : Generator or seed, optional
            Source of randomness.

        Returns
        -------
        DenoisingRegression

        Warns
        -----
        UserWarning
            If the radius keeps less than 95 % of the points.

        Examples
        --------
        >>> import convexscore as cs
        >>> cs.baselines.DenoisingRegression.from_clean([[0.0, 1.0]], 50, rng=0).inputs.shape
        (49, 4)
        """
        points = as_data("X", X)
        if np.abs(points).max() > _LARGEST:
            raise ValueError(f"X: expected numbers up to {_LARGEST:g}, got one of {np.abs(points).max():g}")
        d = points.shape[1]
        n = as_size("n_samples", n_samples, minimum=1, each=4 * d)
        first, last = _as_times(t_min, t_max)
        source = generator(rng, "DenoisingRegression")
        t = source.uniform(first, last, n)
        clean = points[source.integers(len(points), size=n)]
        noise = source.standard_normal((n, d))
        noisy = np.exp(-t)[:, None] * clean + np.sqrt(-np.expm1(-2 * t))[:, None] * noise
        lengths = np.linalg.norm(noisy, axis=1)
        inside = lengths <= _as_radius(radius, lengths)
        kept = float(inside.mean())
        if kept < _KEPT:
            warn_caller(
                f"radius: expected one that keeps at least 95 % of the noisy points, got one that keeps "
                f"{100 * kept:.3g} %; None keeps 99.9 %",
                UserWarning,
            )
        clip = float(np.linalg.norm(points, axis=1).max())
        columns = _inputs(noisy, t - first, as_flag("ones", ones))
        return cls(columns[inside], clean[inside], first, last, clip, bool(ones), kept)

    def features(self, z: ArrayLike, t: ArrayLike) -> FloatArray:
        """Return noisy points and their times as inputs.

        Parameters
        ----------
        z : array of shape (n, n_features)
            Noisy points.
        t : float or array of shape (n,)
            Their times, from `t_min` to `t_max`.

        Returns
        -------
        ndarray of shape (n, n_features + 1 or n_features + 2)
        """
        points, times = self._as_points(z, t)
        return _inputs(points, times - self.t_min, self.ones)

    def denoise(self, predict: Callable[[FloatArray], FloatArray], z: ArrayLike, t: ArrayLike) -> FloatArray:
        """Return the estimate of ``E[x | z, t]``, cut to the length `clip`.

        Parameters
        ----------
        predict : callable
            The trained function, from inputs ``(n, n_columns)`` to ``(n, n_features)``.
        z : array of shape (n, n_features)
            Noisy points.
        t : float or array of shape (n,)
            Their times.

        Returns
        -------
        ndarray of shape (n, n_features)
        """
        points, times = self._as_points(z, t)
        inputs = _inputs(points, times - self.t_min, self.ones)
        returned = as_returned(
            "predict", as_callable("predict", predict)(inputs), points.shape, "an array of shape"
        )
        found = np.asarray(returned, dtype=np.float64)
        check_finite("predict", found)
        # Of the largest entry one first: the squares of entries near the largest float are none.
        largest = np.maximum(np.abs(found).max(axis=1, keepdims=True), np.finfo(float).tiny)
        lengths = np.linalg.norm(found / largest, axis=1, keepdims=True)
        longest = self.clip / largest
        return np.where(lengths > longest, found / largest * (self.clip / lengths), found)

    def score(self, predict: Callable[[FloatArray], FloatArray], z: ArrayLike, t: ArrayLike) -> FloatArray:
        """Return the score ``(alpha E[x | z, t] - z) / h`` of the estimate.

        Parameters
        ----------
        predict, z, t
            See `denoise`.

        Returns
        -------
        ndarray of shape (n, n_features)
        """
        points, times = self._as_points(z, t)
        alpha, h = np.exp(-times)[:, None], -np.expm1(-2 * times)[:, None]
        return (alpha * self.denoise(predict, points, times) - points) / h

    def _as_points(self, z: ArrayLike, t: ArrayLike) -> tuple[FloatArray, FloatArray]:
        points, d = as_data("z", z), self.targets.shape[1]
        if points.shape[1] != d:
            raise ValueError(f"z: expected {d} columns, got {points.shape[1]}")
        if np.abs(points).max() > _LARGEST:
            raise ValueError(f"z: expected numbers up to {_LARGEST:g}, got one of {np.abs(points).max():g}")
        times = as_float_array("t", t)
        if times.shape not in ((), (len(points),)):
            raise ValueError(f"t: expected a number or shape ({len(points)},), got {times.shape}")
        if not ((times >= self.t_min) & (times <= self.t_max)).all():
            raise ValueError(
                f"t: expected times from {self.t_min:g} to {self.t_max:g}, which were trained on, got "
                f"{times.min():g} to {times.max():g}"
            )
        return points, np.broadcast_to(times, len(points))


def _inputs(z: FloatArray, t: FloatArray, ones: bool) -> FloatArray:
    return np.column_stack([z, t, *([np.ones(len(z))] if ones else [])])


def _as_times(t_min: float, t_max: float) -> tuple[float, float]:
    first = as_real("t_min", t_min, minimum=_LEAST_TIME)
    last = as_real("t_max", t_max, maximum=_MOST_TIME)
    if not first < last:
        raise ValueError(f"t_max: expected a time above t_min = {first:g}, got {last:g}")
    return first, last


def _as_radius(radius: float | None, lengths: FloatArray) -> float:
    if radius is None:
        return float(np.quantile(lengths, _QUANTILE))
    limit = as_real("radius", radius, minimum=0.0, strict=True)
    if limit < lengths.min():
        raise ValueError(
            f"radius: expected one that keeps noisy points, of lengths from {lengths.min():g}, got {limit:g}"
        )
    return limit
