"""Changes of variables between the clothes in which scores and denoisers come.

A noise-conditional score ``score(y, sigma)`` is the score of ``Y = X + sigma xi``.  With it come

    Tweedie (Robbins 1956)            E[X | y]   = y + sigma^2 score(y, sigma)
    second order (Efron 2011)         cov(X | y) = sigma^2 (I + sigma^2 J(y, sigma)),  J the score's Jacobian
    m measurements of noise sigma     the score of their mean has the noise level sigma / sqrt(m)
    OU time t, sigma^2 = e^{2t} - 1    z = e^-t y  and  s(z, t) = e^t score(e^t z, sigma)

where ``z = e^-t X + sqrt(1 - e^{-2t}) xi`` is the variance-preserving diffusion of most papers.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from .._support.validation import (
    FloatArray,
    as_callable,
    as_float_array,
    as_numbers,
    as_real,
    as_returned,
    as_scale,
)
from ..errors import ConvergenceError
from ..numerics.scaling import calm

__all__ = ["denoise_many", "from_denoiser", "posterior_covariance", "to_denoiser", "ve", "vp"]

# Of points and a noise level, or of points and a time.
Conditional = Callable[[FloatArray, float], FloatArray]
# Times beyond this have noise levels whose squares are not floats.
_LONGEST = 345.0


def vp(score: Conditional) -> Conditional:
    """Return the score of the Ornstein-Uhlenbeck process, ``s(z, t) = e^t score(e^t z, sqrt(e^{2t} - 1))``.

    Parameters
    ----------
    score : callable
        A noise-conditional score ``score(y, sigma)``.

    Returns
    -------
    callable
        ``s(z, t)`` for times ``t`` of at least 0; it raises ValueError for others.

    See Also
    --------
    ve : The inverse.
    samplers.reverse : Takes noise-conditional scores.

    Examples
    --------
    >>> import numpy as np, convexscore as cs
    >>> from convexscore.scores.changes_of_variables import vp
    >>> mixture = cs.targets.GaussianMixture([1.0], [0.0], 1.0)
    >>> vp(mixture.score)(np.array([2.0]), 0.7)
    array([-2.])
    """
    return _VariancePreserving(as_callable("score", score))


def ve(score: Conditional) -> Conditional:
    """Return the noise-conditional score of a variance-preserving one, the inverse of `vp`.

    Parameters
    ----------
    score : callable
        A score ``s(z, t)`` of the Ornstein-Uhlenbeck process.

    Returns
    -------
    callable
        ``score(y, sigma) = e^-t s(e^-t y, t)`` with ``t = log(1 + sigma^2) / 2``, for levels of at least 0;
        it raises ValueError for others.

    See Also
    --------
    vp : The inverse.

    Examples
    --------
    >>> import numpy as np
    >>> from convexscore.scores.changes_of_variables import ve
    >>> ve(lambda z, t: -z)(np.array([2.0]), 1.0)
    array([-1.])
    """
    return _VarianceExploding(as_callable("score", score))


def from_denoiser(denoiser: Conditional) -> Conditional:
    """Return the score ``(m(y, sigma) - y) / sigma^2`` of a denoiser ``m(y, sigma) = E[X | y]`` (Tweedie).

    Parameters
    ----------
    denoiser : callable
        Posterior mean ``m(y, sigma)``.

    Returns
    -------
    callable
        ``score(y, sigma)`` for positive levels; it raises ValueError for others.

    See Also
    --------
    to_denoiser : The inverse.

    Examples
    --------
    >>> import numpy as np
    >>> from convexscore.scores.changes_of_variables import from_denoiser
    >>> from_denoiser(lambda y, sigma: y / (1 + sigma**2))(np.array([3.0]), 2.0)
    array([-0.6])
    """
    return _FromDenoiser(as_callable("denoiser", denoiser))


def to_denoiser(score: Conditional) -> Conditional:
    """Return the denoiser ``m(y, sigma) = y + sigma^2 score(y, sigma)``, the inverse of `from_denoiser`.

    Parameters
    ----------
    score : callable
        A noise-conditional score ``score(y, sigma)``.

    Returns
    -------
    callable
        ``m(y, sigma)`` for positive levels; it raises ValueError for others.

    See Also
    --------
    from_denoiser : The inverse.
    denoise_many : The posterior mean given several measurements.
    posterior_covariance : The posterior covariance.

    Examples
    --------
    >>> import numpy as np
    >>> from convexscore.scores.changes_of_variables import to_denoiser
    >>> to_denoiser(lambda y, sigma: -y / (1 + sigma**2))(np.array([5.0]), 2.0)
    array([1.])
    """
    return _Denoiser(as_callable("score", score))


def posterior_covariance(jacobian: ArrayLike, sigma: float) -> FloatArray:
    """Return ``cov(X | y) = sigma^2 (I + sigma^2 J)`` from the score's Jacobian at ``y`` (Efron 2011).

    The Jacobian of a learned score need not be symmetric, nor this a covariance; that of the law is both.

    Parameters
    ----------
    jacobian : array of shape (n, n_features, n_features), or (n,)
        Jacobians ``J`` of the score at noise level `sigma`; slopes, with one feature, may be plain numbers.
    sigma : float
        The noise level, at least 0.

    Returns
    -------
    ndarray of the shape of `jacobian`

    Raises
    ------
    ValueError
        If Jacobians are not square, or the level is negative.

    See Also
    --------
    to_denoiser : The posterior mean.

    Examples
    --------
    >>> from convexscore.scores.changes_of_variables import posterior_covariance
    >>> posterior_covariance([-0.5], 1.0)
    array([0.5])
    """
    slopes, level = as_float_array("jacobian", jacobian), as_scale("sigma", sigma, zero=True)
    if slopes.ndim >= 2 and slopes.shape[-1] != slopes.shape[-2]:
        raise ValueError(f"jacobian: expected shape (n,) or (n, d, d), got {slopes.shape}")
    one = np.eye(slopes.shape[-1]) if slopes.ndim >= 2 else 1.0
    with np.errstate(over="ignore"):
        covariance = level**2 * (one + level**2 * slopes)
    _check_floats("jacobian", covariance, slopes)
    return covariance


def denoise_many(score: Conditional, Y: ArrayLike, sigma: float) -> FloatArray:
    """Return the posterior mean given several measurements of each point (Saremi, Park & Bach 2023).

    The mean ``ybar`` of ``m`` measurements ``X + sigma xi_i`` is all that matters, and its noise is
    ``sigma / sqrt(m)``:  ``E[X | Y_1..m] = ybar + (sigma^2 / m) score(ybar, sigma / sqrt(m))``.

    Parameters
    ----------
    score : callable
        A noise-conditional score ``score(y, sigma)``.
    Y : array of shape (m, n) or (m, n, n_features)
        Measurements, those of the same point along the first axis.
    sigma : float
        Noise of one measurement, positive.

    Returns
    -------
    ndarray of shape (n,) or (n, n_features)

    Raises
    ------
    ValueError
        If an argument is out of range, or the score returns another shape.

    See Also
    --------
    to_denoiser : The posterior mean given one measurement.
    samplers.sequential : Draws measurements one after another.

    Examples
    --------
    >>> import convexscore as cs
    >>> from convexscore.scores.changes_of_variables import denoise_many
    >>> mixture = cs.targets.GaussianMixture([1.0], [0.0], 1.0)
    >>> denoise_many(mixture.score, [[1.0], [2.0], [3.0]], sigma=1.0)
    array([1.5])
    """
    measurements = as_float_array("Y", Y)
    if measurements.ndim not in (2, 3) or len(measurements) == 0:
        raise ValueError(f"Y: expected shape (m, n) or (m, n, n_features), got {measurements.shape}")
    as_callable("score", score)
    level = as_scale("sigma", sigma) / float(np.sqrt(len(measurements)))
    with np.errstate(over="ignore", invalid="ignore"):
        average = measurements.mean(axis=0)
    # Sums of measurements may be no floats where their means are.
    (scaled,), shift = calm(measurements)
    average = np.where(np.isfinite(average), average, np.ldexp(scaled.mean(axis=0), shift))
    return _moved("Y", average, score, level)


# Classes and not functions inside functions, so that they can be pickled and sent to other processes.


@dataclass(frozen=True, eq=False)
class _VariancePreserving:
    score: Conditional

    def __call__(self, z: ArrayLike, t: float) -> FloatArray:
        points, time = as_numbers("z", z), as_real("t", t, minimum=0.0, maximum=_LONGEST)
        growth, level = float(np.exp(time)), float(np.sqrt(np.expm1(2 * time)))
        with np.errstate(over="ignore"):
            grown = growth * points
        _check_floats("z", grown, points)
        values = _values(self.score, grown, level)
        with np.errstate(over="ignore"):
            result = growth * values
        _check_floats("z", result, values)
        return result


@dataclass(frozen=True, eq=False)
class _VarianceExploding:
    score: Conditional

    def __call__(self, y: ArrayLike, sigma: float) -> FloatArray:
        points, level = as_numbers("y", y), as_scale("sigma", sigma, zero=True)
        shrinkage, time = 1 / float(np.hypot(1, level)), 0.5 * float(np.log1p(level**2))
        return shrinkage * _values(self.score, shrinkage * points, time)


@dataclass(frozen=True, eq=False)
class _FromDenoiser:
    denoiser: Conditional

    def __call__(self, y: ArrayLike, sigma: float) -> FloatArray:
        points, level = as_numbers("y", y), as_scale("sigma", sigma)
        means = _values(self.denoiser, points, level, "denoiser")
        (ends, starts), shift = calm(means, points)
        with np.errstate(over="ignore", invalid="ignore"):
            result = np.ldexp((ends - starts) / level**2, shift)
        _check_floats("y", result, means, points)
        return result


@dataclass(frozen=True, eq=False)
class _Denoiser:
    score: Conditional

    def __call__(self, y: ArrayLike, sigma: float) -> FloatArray:
        points, level = as_numbers("y", y), as_scale("sigma", sigma)
        return _moved("y", points, self.score, level)


def _values(score: Conditional, points: FloatArray, level: float, name: str = "score") -> FloatArray:
    """Return a score at `points`, or raise if it has another shape, or a NaN where the points have none."""
    values = as_returned(name, score(points, level), points.shape, "an array of shape")
    if (np.isnan(values) & ~np.isnan(points)).any():
        raise ConvergenceError(f"{name}: returned NaN at {level:g}")
    return as_numbers(name, values)


def _moved(name: str, points: FloatArray, score: Conditional, level: float) -> FloatArray:
    """Return ``y + sigma^2 score(y, sigma)`` at points, the argument `name`."""
    values = _values(score, points, level)
    with np.errstate(over="ignore", invalid="ignore"):
        result = points + level**2 * values
    _check_floats(name, result, points, values)
    return result


def _check_floats(name: str, result: FloatArray, *given: FloatArray) -> None:
    """Raise a ValueError where all that is given is finite, and the result is not."""
    lost = np.logical_and.reduce([~np.isfinite(result), *map(np.isfinite, given)])
    if lost.any():
        raise ValueError(
            f"{name}: expected numbers where the result is a float, got {int(lost.sum())} where not"
        )
