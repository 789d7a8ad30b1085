"""Distances between scores, between samples, and between a sample and a score.

- fisher_divergence: a score against a known score
- wasserstein: two samples on the line
- sliced_wasserstein, mmd: two samples in any dimension
- kernel_stein_discrepancy: a sample against a score: no second sample, no normalizing constant
- mode_fractions: a sample against known modes

Pairs of points are visited in blocks, so memory grows with the samples, not with their squares.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ._support.seeds import generator
from ._support.sizes import as_size
from ._support.validation import (
    FloatArray,
    as_callable,
    as_choice,
    as_data,
    as_float_array,
    as_numbers,
    as_real,
    as_returned,
    check_finite,
)
from .numerics.distances import Bandwidth, distances, pair_distances
from .numerics.scaling import calm, exponent_of, times_power, unit_scale

__all__ = [
    "fisher_divergence",
    "kernel_stein_discrepancy",
    "mmd",
    "mode_fractions",
    "sliced_wasserstein",
    "wasserstein",
]

Score = Callable[[FloatArray], FloatArray]

# Pairs of points in a block.
_BLOCK = 2**17
# Points whose pairwise distances the median heuristic looks at.
_MEDIAN_POINTS = 1000
# A squared ratio to the bandwidth past which the Gaussian kernel is zero.
_GONE = 1e4


def fisher_divergence(score: Score, other: Score, X: ArrayLike) -> float:
    """Return the mean of ``||s(x) - s'(x)||^2`` over points (Hyvarinen 2005 has half of it).

    It estimates the Fisher divergence of the laws of two scores where the points are samples of one of them.

    Parameters
    ----------
    score, other : callable
        Scores ``s`` and ``s'``: map points of the shape of `X` to that shape.
    X : array of shape (n_samples,) or (n_samples, n_features)
        Points.

    Returns
    -------
    float
        In units of one over the data's square.

    Raises
    ------
    ValueError
        If `X` is not finite, or a score returns another shape or a value that is not finite.

    See Also
    --------
    kernel_stein_discrepancy : A sample against a score.

    Examples
    --------
    >>> from convexscore.diagnostics import fisher_divergence
    >>> fisher_divergence(lambda x: -x, lambda x: -x / 2, [1.0, -1.0, 2.0])
    0.5
    """
    (values, others), shift = calm(_scores("score", score, X), _scores("other", other, X))
    difference, more = unit_scale(values - others)
    return times_power(float(np.sum(difference**2) / len(difference)), 2 * (shift + more))


def wasserstein(x: ArrayLike, y: ArrayLike, p: float = 1.0) -> float:
    """Return the Wasserstein distance of two samples on the line, exactly.

    The optimal coupling is the monotone one: ``W_p^p = int_0^1 |F^-1(u) - G^-1(u)|^p du`` (Villani 2003,
    Sec. 2.2), a finite sum over the steps of the two quantile functions.

    Parameters
    ----------
    x : array of shape (n_samples,)
        A sample.
    y : array of shape (m_samples,)
        Another; sizes may differ.
    p : float
        Order, at least 1.

    Returns
    -------
    float
        In the units of the data.

    Raises
    ------
    ValueError
        If a sample has more than one feature or is not finite, or `p` is below 1.

    See Also
    --------
    sliced_wasserstein : The same in any dimension.

    Examples
    --------
    >>> from convexscore.diagnostics import wasserstein
    >>> wasserstein([0.0, 1.0], [3.0])
    2.5
    """
    samples = as_data("x", x), as_data("y", y)
    for name, sample in zip("xy", samples, strict=True):
        if sample.shape[1] != 1:
            raise ValueError(f"{name}: expected 1 feature, got {sample.shape[1]}")
    coupling, order = _monotone_coupling(*map(len, samples)), as_real("p", p, minimum=1.0)
    (points, others), shift = calm(*samples)
    return times_power(_transport(points[:, 0], others[:, 0], coupling, order), shift)


def sliced_wasserstein(
    X: ArrayLike,
    Y: ArrayLike,
    n_projections: int = 100,
    p: float = 2.0,
    rng: np.random.Generator | int | None = None,
) -> float:
    """Return the sliced Wasserstein distance ``(mean_theta W_p(<theta, X>, <theta, Y>)^p)^(1/p)``.

    Distances on the line, averaged over directions (Rabin, Peyre, Delon & Bernot 2012).

    Parameters
    ----------
    X : array of shape (n_samples,) or (n_samples, n_features)
        A sample.
    Y : array of shape (m_samples,) or (m_samples, n_features)
        Another; sizes may differ.
    n_projections : int
        Number of directions ``theta``, drawn uniformly from the sphere; at least 1.  On the line there is
        only one direction, and the result is `wasserstein`.
    p : float
        Order, at least 1.
    rng : Generator or seed, optional
        Source of the directions; the same seed gives the same ones.

    Returns
    -------
    float
        In the units of the data.

    Raises
    ------
    ValueError
        If the samples differ in features or are not finite, or a number is out of range.

    See Also
    --------
    wasserstein : The distance on the line.
    mmd : Another distance of two samples.

    Examples
    --------
    >>> from convexscore.diagnostics import sliced_wasserstein
    >>> X = [[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]]
    >>> sliced_wasserstein(X, X, rng=0)
    0.0
    """
    points, others = _two_samples(X, Y)
    count = as_size("n_projections", n_projections, minimum=1, each=points.shape[1])
    order = as_real("p", p, minimum=1.0)
    source = generator(rng, "sliced_wasserstein")
    coupling = _monotone_coupling(len(points), len(others))
    (points, others), shift = calm(points, others)
    if points.shape[1] == 1:
        return times_power(_transport(points[:, 0], others[:, 0], coupling, order), shift)
    directions = source.standard_normal((count, points.shape[1]))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    distances = np.array([_transport(points @ u, others @ u, coupling, order) for u in directions])
    return times_power(_power_mean(distances, np.full(count, 1 / count), order), shift)


def mmd(X: ArrayLike, Y: ArrayLike, bandwidth: float | None = None) -> float:
    """Return the unbiased estimate of the squared maximum mean discrepancy (Gretton and others 2012).

    With the kernel ``k(x, y) = exp(-||x - y||^2 / (2 h^2))`` it is::

        mean_{i != j} k(x_i, x_j) + mean_{i != j} k(y_i, y_j) - 2 mean_{i, j} k(x_i, y_j),

    which is often negative when the laws are equal.

    Parameters
    ----------
    X : array of shape (n_samples,) or (n_samples, n_features)
        A sample, at least two points.
    Y : array of shape (m_samples,) or (m_samples, n_features)
        Another; sizes may differ.
    bandwidth : float, optional
        The ``h``, positive, in the units of the data; by default the median of the positive distances among
        the pooled points (among 1000 of them, a fixed choice, where there are more).  Only values with the
        same bandwidth compare.

    Returns
    -------
    float
        At most 2, without unit.

    Raises
    ------
    ValueError
        If the samples differ in features, have fewer than two points or are not finite; if all points
        coincide and no bandwidth is given.

    See Also
    --------
    sliced_wasserstein : Another distance of two samples.
    kernel_stein_discrepancy : A sample against a score.

    Examples
    --------
    >>> from convexscore.diagnostics import mmd
    >>> round(mmd([0.0, 0.0], [3.0, 3.0], bandwidth=1.0), 6)
    1.977782
    """
    points, others = _two_samples(X, Y)
    for name, sample in (("X", points), ("Y", others)):
        if len(sample) < 2:
            raise ValueError(f"{name}: expected at least 2 points, got {len(sample)}")
    width = _bandwidth(bandwidth, np.concatenate([points, others]))

    def total(a: FloatArray, b: FloatArray) -> float:
        return sum(float(np.exp(-width.squares(a[rows], b) / 2).sum()) for rows in _blocks(a, b))

    def off_diagonal_mean(a: FloatArray) -> float:
        return (total(a, a) - len(a)) / (len(a) * (len(a) - 1))

    between = total(points, others) / (len(points) * len(others))
    return off_diagonal_mean(points) + off_diagonal_mean(others) - 2 * between


def kernel_stein_discrepancy(
    X: ArrayLike,
    score: Score,
    bandwidth: float | None = None,
    *,
    kernel: str = "imq",
    statistic: str = "u",
) -> float:
    """Return the squared kernel Stein discrepancy of a sample from the law of a score.

    The mean over pairs of the Stein kernel (Liu, Lee & Jordan 2016; Chwialkowski et al. 2016)::

        s(x)^T s(y) k(x, y) + s(x)^T grad_y k(x, y) + s(y)^T grad_x k(x, y) + tr grad_x grad_y k(x, y),

    whose mean over independent pairs is zero if the sample is from the law of the score, else positive.
    Like the score itself it hardly sees the weights of well separated modes (Wenliang & Kanagawa 2020): see
    `mode_fractions`.

    Parameters
    ----------
    X : array of shape (n_samples,) or (n_samples, n_features)
        The sample.
    score : callable
        The score ``s``: maps points of the shape of `X` to that shape.
    bandwidth : float, optional
        The ``h``, positive, in the units of the data; by default the median heuristic of `mmd`.  Only
        values with the same bandwidth compare.
    kernel : {"imq", "gaussian"}
        ``k = (1 + r^2 / h^2)^(-1/2)`` or ``exp(-r^2 / (2 h^2))`` with ``r = ||x - y||``.  In more than two
        dimensions the second misses samples that escape to infinity (Gorham & Mackey 2017).
    statistic : {"u", "v"}
        Mean over pairs of different points, unbiased but sometimes negative; or over all pairs, never
        negative but too large by about ``mean(||s(x)||^2 + d / h^2) / n``.

    Returns
    -------
    float
        In units of one over the data's square.

    Raises
    ------
    ValueError
        If an argument is out of range, the score returns another shape or a value that is not finite, there
        are fewer than two points for "u", or all points coincide and no bandwidth is given.

    See Also
    --------
    fisher_divergence : A score against a score.
    mmd : A sample against a sample.

    Examples
    --------
    >>> import numpy as np
    >>> from convexscore.diagnostics import kernel_stein_discrepancy
    >>> x = np.random.default_rng(0).standard_normal(500)
    >>> good, bad = (kernel_stein_discrepancy(x, s) for s in (lambda x: -x, lambda x: 1 - x))
    >>> abs(good) < 0.01 < 0.1 < bad
    True
    """
    points, scores = as_data("X", X), _scores("score", score, X)
    n, d = points.shape
    profile = _PROFILES[as_choice("kernel", kernel, _PROFILES)]
    unbiased = as_choice("statistic", statistic, ("u", "v")) == "u"
    if unbiased and n < 2:
        raise ValueError(f'X: expected at least 2 points for statistic="u", got {n}')
    width = _bandwidth(bandwidth, points)
    # In units of the bandwidth; scores that are large there are divided by a power of two.
    unit = max(0, exponent_of(scores) + width.exponent)
    scores = np.ldexp(scores, width.exponent - unit)
    curvature = times_power(width.mantissa**-2, -2 * unit)
    total = 0.0
    for rows in _blocks(points, points):
        k, first, second = profile(width.squares(points[rows], points))
        pull = width.pulls(points[rows], points, scores[rows], scores)
        stein = k * (scores[rows] @ scores.T) - curvature * (second + d * first)
        stein += times_power(width.mantissa**-2, -unit) * first * pull
        local = np.arange(len(stein))
        stein[local, rows.start + local] = 0.0
        total += float(stein.sum())
    power = 2 * (unit - width.exponent)
    if unbiased:
        return times_power(total / (n * (n - 1)), power)
    return times_power((total + float(np.sum(scores**2)) + n * d * curvature) / n**2, power)


def mode_fractions(X: ArrayLike, modes: ArrayLike, max_distance: float | None = None) -> FloatArray:
    """Return the share of points that are nearest to each mode.

    Parameters
    ----------
    X : array of shape (n_samples,) or (n_samples, n_features)
        Points.
    modes : array of shape (n_modes,) or (n_modes, n_features)
        Modes; a point as near to two of them counts for the first.
    max_distance : float, optional
        Points farther from every mode belong to none; by default all points count.

    Returns
    -------
    ndarray of shape (n_modes,)
        Shares; their sum is 1, or less by the share of points that belong to none.

    Raises
    ------
    ValueError
        If points and modes differ in features or are not finite, or `max_distance` is negative.

    Examples
    --------
    >>> from convexscore.diagnostics import mode_fractions
    >>> mode_fractions([-1.1, -0.9, 0.8, 7.0], [-1.0, 1.0], max_distance=1.0)
    array([0.5 , 0.25])
    """
    points, centers = _two_samples(X, modes, "modes")
    limit = np.inf if max_distance is None else as_real("max_distance", max_distance, minimum=0.0)
    counts = np.zeros(len(centers), dtype=np.intp)
    for rows in _blocks(points, centers):
        lengths, shift = distances(points[rows], centers)
        nearest = lengths.argmin(axis=1)
        near = lengths[np.arange(len(nearest)), nearest] <= times_power(limit, -shift)
        counts += np.bincount(nearest[near], minlength=len(centers))
    return counts / len(points)


def _two_samples(X: ArrayLike, Y: ArrayLike, second: str = "Y") -> tuple[FloatArray, FloatArray]:
    points, others = as_data("X", X), as_data(second, Y)
    if points.shape[1] != others.shape[1]:
        raise ValueError(f"{second}: expected {points.shape[1]} features as in X, got {others.shape[1]}")
    return points, others


def _scores(name: str, score: Score, X: ArrayLike) -> FloatArray:
    """Return finite scores at data, shape ``(n, d)``; the score is given the data in their own shape."""
    as_callable(name, score)
    shape = as_data("X", X).shape
    given = as_float_array("X", X)
    values = as_returned(name, score(given), given.shape, "an array of the shape of X,")
    values = as_numbers(name, values)
    check_finite(name, values)
    return values.reshape(shape)


def _blocks(a: FloatArray, b: FloatArray) -> Iterator[slice]:
    """Yield runs of rows of `a` whose pairs with all of `b` fit a block."""
    size = max(1, _BLOCK // len(b))
    return (slice(start, start + size) for start in range(0, len(a), size))


def _bandwidth(bandwidth: float | None, points: FloatArray) -> Bandwidth:
    if bandwidth is not None:
        return Bandwidth.of(as_real("bandwidth", bandwidth, minimum=0.0, strict=True))
    if len(points) > _MEDIAN_POINTS:
        points = np.random.default_rng(0).choice(points, _MEDIAN_POINTS, replace=False)
    lengths, shift = pair_distances(points)
    if not lengths.any():
        raise ValueError("bandwidth: expected a number, because all points coincide, got None")
    return Bandwidth.of(float(np.median(lengths[lengths > 0])), shift)


def _gaussian(q: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return ``k = exp(-q / 2)`` of ``q = r^2 / h^2``, ``2 k'`` and ``4 q k''``."""
    value = np.exp(-q / 2)
    return value, -value, np.minimum(q, _GONE) * value


def _imq(q: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return ``k = (1 + q)^(-1/2)`` of ``q = r^2 / h^2``, ``2 k'`` and ``4 q k''``."""
    inverse = 1 / (1 + q)
    value = np.sqrt(inverse)
    first = -value * inverse
    return value, first, -3 * first * (1 - inverse)


_PROFILES = {"imq": _imq, "gaussian": _gaussian}

Coupling = tuple[FloatArray, NDArray[np.int64], NDArray[np.int64]]


def _monotone_coupling(n: int, m: int) -> Coupling:
    """Return masses and the ranks they couple, of samples of `n` and of `m` points.

    Cuts of both quantile functions are counted in units of ``1 / (n m)``: integers tie exactly.
    """
    cuts = np.union1d(np.arange(1, n + 1) * m, np.arange(1, m + 1) * n)
    return np.diff(cuts, prepend=0) / (n * m), (cuts - 1) // m, (cuts - 1) // n


def _transport(x: FloatArray, y: FloatArray, coupling: Coupling, p: float) -> float:
    masses, i, j = coupling
    return _power_mean(np.abs(np.sort(x)[i] - np.sort(y)[j]), masses, p)


def _power_mean(values: FloatArray, weights: FloatArray, p: float) -> float:
    """Return ``(sum w v^p)^(1/p)`` without overflow."""
    top = float(values.max())
    return top * float(weights @ (values / top) ** p) ** (1 / p) if top > 0 else 0.0
