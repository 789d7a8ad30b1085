"""Sparse coding: a dictionary times random codes of a finite support, plus noise."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from ..._support.frozen import Frozen
from ..._support.seeds import generator
from ..._support.sizes import as_size
from ..._support.validation import (
    FloatArray,
    as_choice,
    as_float_array,
    as_real,
    as_scale,
    as_weights,
)
from .channel import Channel
from .spins import as_rows, check_floats, check_size
from .states import RunningMean, blocks_of

__all__ = ["SparseCoding"]

# States of the code that are summed, and how many at once.
_MOST_STATES = 200_000
_STATES = 1024
# Times beyond this have noise levels whose squares are not floats.
_LONGEST = 345.0
# Distances in units of the noise whose squares have room for sums.
_LARGEST_POINT = 1e100


@dataclass(frozen=True, eq=False)
class SparseCoding(Frozen):
    """The law of ``x = D theta + tau xi``, ``theta_j`` independent on a finite support, under more noise.

    For ``y = x + sigma xi'`` and ``v = tau^2 + sigma^2`` the code has the posterior::

        p(theta | y) prop. to prod_j p(theta_j) exp(-|y - D theta|^2 / (2 v)),

    and with its mean ``E[theta | y]`` come ``E[x | y] = (sigma^2 D E[theta | y] + tau^2 y) / v`` and the
    score ``(D E[theta | y] - y) / v``.  Times ``t`` and points ``z`` are those of the Ornstein-Uhlenbeck
    process, ``z = e^-t y`` and ``sigma^2 = e^{2t} - 1``; `convexscore.vp` has its score.

    Parameters
    ----------
    dictionary : array of shape (d, k)
        ``D``, a column for each entry of the code.
    support : array of shape (s,)
        Values of a code's entry, all different.
    probabilities : array of shape (s,)
        Their probabilities, positive; they are divided by their sum.
    noise_level : float
        ``tau``, at least 0.  At zero the law has no density and a score at positive noise levels only.
    denoiser : {"exact", "naive", "gamp"}
        How the mean of the code is found.  "exact" sums over all codes, at most 200,000; "naive" is mean
        field, "gamp" generalized approximate message passing, which takes the dictionary's overlaps into
        account and is the better the larger `d` and `k` are.  The latter two need columns other than zero.

    Raises
    ------
    TypeError
        If an argument, here or of a method, is not numeric.
    ValueError
        If shapes do not fit, a number is out of range or not finite, a column of the dictionary is zero, or
        there are too many codes to be summed.
    ConvergenceError
        By methods, if the iteration of "naive" or "gamp" does not end.

    See Also
    --------
    Ising : A law on spins.

    Examples
    --------
    >>> import numpy as np
    >>> from convexscore.targets import SparseCoding
    >>> dictionary = np.cos(np.outer([1, 2, 3, 4], [1, 2, 3])) / 2
    >>> law = SparseCoding(dictionary, [-1.0, 0.0, 1.0], [0.25, 0.5, 0.25], 0.3)
    >>> law.posterior_mean_code([0.7, -0.4, 0.2, 0.5], 0.05).round(6)
    array([-0.104608, -0.148113, -0.425968])
    >>> y = law.sample(3, rng=0)
    >>> law.score(y, 0.5).shape
    (3, 4)
    """

    dictionary: FloatArray
    support: FloatArray
    probabilities: FloatArray
    noise_level: float
    denoiser: str = "exact"

    def __post_init__(self) -> None:
        dictionary = as_float_array("dictionary", self.dictionary)
        if dictionary.ndim != 2 or not dictionary.size:
            raise ValueError(f"dictionary: expected shape (d, k), got {dictionary.shape}")
        support = as_float_array("support", self.support)
        if support.ndim != 1 or not support.size or len(np.unique(support)) < len(support):
            raise ValueError(f"support: expected different numbers of shape (s,), got {support.tolist()}")
        check_size("dictionary", dictionary)
        check_size("support", support)
        weights = as_weights("probabilities", self.probabilities, len(support))
        weights = weights / weights.max()
        denoiser = as_choice("denoiser", self.denoiser, ("exact", "naive", "gamp"))
        values = {
            "dictionary": dictionary,
            "support": support,
            "probabilities": weights / weights.sum(),
            "noise_level": as_scale("noise_level", self.noise_level, zero=True),
            "denoiser": denoiser,
        }
        for name, value in values.items():
            object.__setattr__(self, name, value)
        if denoiser == "exact":
            self._check_enumerable()
        elif not (np.abs(dictionary).max(axis=0) > 0).all():
            column = int(np.argmin(np.abs(dictionary).max(axis=0)))
            raise ValueError(
                f"dictionary: expected columns other than zero for the denoiser {denoiser!r}, got zeros in "
                f"column {column}; leave it out, nothing is known of its entry of the code"
            )
        self.freeze_arrays()

    @property
    def n_features(self) -> int:
        """Dimension ``d`` of the data."""
        return len(self.dictionary)

    def posterior_mean_code(self, z: ArrayLike, t: float) -> FloatArray:
        """Return ``E[theta | z]``, by the denoiser, of points of the Ornstein-Uhlenbeck process.

        Parameters
        ----------
        z : array of shape (n, d) or (d,)
            Points ``z = e^-t x + sqrt(1 - e^{-2t}) xi``.
        t : float
            Time, positive, or zero where `noise_level` is positive.

        Returns
        -------
        ndarray of shape (n, k) or (k,)

        Examples
        --------
        >>> from convexscore.targets import SparseCoding
        >>> SparseCoding([[1.0]], [-1.0, 1.0], [0.5, 0.5], 0.0).posterior_mean_code([0.5], 0.3).round(6)
        array([0.675594])
        """
        time = as_real("t", t, minimum=0.0, maximum=_LONGEST)
        points, shape = as_rows("z", z, self.n_features)
        with np.errstate(over="ignore"):
            y = math.exp(time) * points
        mean = self._code(y, self._variance("t", math.sqrt(math.expm1(2 * time))), "z")
        return mean.reshape(*shape[:-1], self.dictionary.shape[1])

    def denoise(self, y: ArrayLike, sigma: float) -> FloatArray:
        """Return the posterior mean ``E[x | x + sigma xi = y]``, by the denoiser.

        Parameters
        ----------
        y : array of shape (n, d) or (d,)
            Noisy points.
        sigma : float
            Noise level, positive, or zero where `noise_level` is positive.

        Returns
        -------
        ndarray of the shape of `y`

        Examples
        --------
        >>> from convexscore.targets import SparseCoding
        >>> SparseCoding([[1.0]], [-1.0, 1.0], [0.5, 0.5], 0.0).denoise([0.5], 1.0).round(6)
        array([0.462117])
        """
        points, shape, level, v = self._at("y", y, sigma)
        clean = self._code(points, v, "y") @ self.dictionary.T
        return ((level**2 / v) * clean + (self.noise_level**2 / v) * points).reshape(shape)

    def score(self, y: ArrayLike, sigma: float = 0.0) -> FloatArray:
        """Return the score of ``x + sigma xi``, by the denoiser.

        Parameters
        ----------
        y : array of shape (n, d) or (d,)
            Where.
        sigma : float
            Noise level, positive, or zero where `noise_level` is positive.

        Returns
        -------
        ndarray of the shape of `y`

        Examples
        --------
        >>> from convexscore.targets import SparseCoding
        >>> SparseCoding([[1.0]], [-1.0, 1.0], [0.5, 0.5], 0.0).score([0.5], 1.0).round(6)
        array([-0.037883])
        """
        points, shape, _, v = self._at("y", y, sigma)
        with np.errstate(over="ignore"):
            score = (self._code(points, v, "y") @ self.dictionary.T - points) / v
        check_floats(score, points)
        return score.reshape(shape)

    def logpdf(self, y: ArrayLike, sigma: float = 0.0) -> FloatArray:
        """Return the log density of ``x + sigma xi``, exactly, whatever the denoiser.

        Parameters
        ----------
        y : array of shape (n, d) or (d,)
            Where.
        sigma : float
            Noise level, positive, or zero where `noise_level` is positive.

        Returns
        -------
        ndarray of shape (n,) or ()

        Examples
        --------
        >>> from convexscore.targets import SparseCoding
        >>> SparseCoding([[1.0]], [-1.0, 1.0], [0.5, 0.5], 0.0).logpdf([[0.5]], 1.0).round(6)
        array([-1.423824])
        """
        points, shape, _, v = self._at("y", y, sigma)
        values = self._sum(points, v)[1] - 0.5 * self.n_features * math.log(2 * math.pi * v)
        check_floats(values, points)
        return values.reshape(shape[:-1])

    def sample(self, n: int, rng: np.random.Generator | int | None = None) -> FloatArray:
        """Draw independent samples of ``x``.

        Parameters
        ----------
        n : int
            How many.
        rng : Generator or seed, optional
            Source of randomness; the same seed gives the same samples.

        Returns
        -------
        ndarray of shape (n, d)

        Examples
        --------
        >>> from convexscore.targets import SparseCoding
        >>> SparseCoding([[1.0, 2.0]], [-1.0, 1.0], [0.5, 0.5], 0.0).sample(4, rng=0).shape
        (4, 1)
        """
        d, k = self.dictionary.shape
        count = as_size("n", n, each=d + k)
        source = generator(rng, "SparseCoding.sample")
        code = self.support[source.choice(len(self.support), (count, k), p=self.probabilities)]
        return code @ self.dictionary.T + self.noise_level * source.standard_normal((count, d))

    def _at(self, name: str, y: ArrayLike, sigma: float) -> tuple[FloatArray, tuple[int, ...], float, float]:
        level = as_scale("sigma", sigma, zero=True)
        points, shape = as_rows(name, y, self.n_features)
        return points, shape, level, self._variance("sigma", level)

    def _variance(self, name: str, level: float) -> float:
        if level == 0 and self.noise_level == 0:
            raise ValueError(f"{name}: expected a number above 0, because the noise_level is 0, got 0")
        return self.noise_level**2 + level**2

    def _code(self, y: FloatArray, v: float, name: str) -> FloatArray:
        """Return the mean of the code given rows of noisy points, shape (n, k)."""
        if not y.size or np.abs(y).max() <= _LARGEST_POINT * math.sqrt(v):
            if self.denoiser == "exact":
                return self._sum(y, v)[0]
            self._check_sizes(v)
            channel = Channel(self.support, np.log(self.probabilities))
            iterate = channel.mean_field if self.denoiser == "naive" else channel.message_passing
            scale = math.sqrt(v)
            return iterate(self.dictionary / scale, y / scale)
        raise ValueError(
            f"{name}: expected points up to {_LARGEST_POINT:g} standard deviations of the noise, got one at "
            f"{np.abs(y).max():g}"
        )

    def _check_sizes(self, v: float) -> None:
        """Raise a ValueError where squares of the dictionary in units of the noise are no floats."""
        columns = np.abs(self.dictionary).max(axis=0) / math.sqrt(v)
        largest = float(columns.max() * max(1.0, np.abs(self.support).max()))
        least = float(columns.min()) if self.denoiser != "exact" else 1.0
        if not (largest <= _LARGEST_POINT and least >= 1 / _LARGEST_POINT):
            raise ValueError(
                f"dictionary: expected columns, and their products with the support, of sizes from "
                f"{1 / _LARGEST_POINT:g} to {_LARGEST_POINT:g} times the noise of {math.sqrt(v):g}, got "
                f"{least:g} to {largest:g} times it"
            )

    def _check_enumerable(self) -> None:
        s, k = len(self.support), self.dictionary.shape[1]
        if k * math.log(s) > math.log(_MOST_STATES) + 1e-9:
            raise ValueError(
                f"dictionary: expected at most {_MOST_STATES} codes for a sum over all, got {s}^{k}; "
                "denoiser='naive' or 'gamp' has posterior means without it"
            )

    def _codes(self, scale: float) -> Iterator[tuple[FloatArray, FloatArray, FloatArray]]:
        """Yield all codes in blocks, logarithms of their probabilities, and ``D theta / scale``."""
        s, k = len(self.support), self.dictionary.shape[1]
        logs = np.log(self.probabilities)
        for start in range(0, s**k, _STATES):
            numbers = np.arange(start, min(start + _STATES, s**k))
            entries = numbers[:, None] // s ** np.arange(k) % s
            codes = self.support[entries]
            yield codes, logs[entries].sum(axis=1), codes @ (self.dictionary / scale).T

    def _sum(self, y: FloatArray, v: float) -> tuple[FloatArray, FloatArray]:
        """Return means of the code and log-sums, without the Gaussian's constant, at rows of points."""
        self._check_enumerable()
        self._check_sizes(v)
        n, (d, k) = len(y), self.dictionary.shape
        mean, log_sum = np.empty((n, k)), np.empty(n)
        scale = math.sqrt(v)
        for rows in blocks_of(n, min(_STATES, len(self.support) ** k) * d):
            running = RunningMean(len(y[rows]), k)
            scaled = y[rows] / scale
            nearest = _nearest(scaled, (clean for _, _, clean in self._codes(scale)))
            rest = scaled - nearest
            for codes, logs, clean in self._codes(scale):
                # Squares less that of the nearest code, as a product: in squares far from all codes, or
                # beside the span of the dictionary, they would cancel.
                sums = (scaled[:, None] - clean) + rest[:, None]
                excess = np.einsum("rsd,rsd->rs", nearest[:, None] - clean, sums)
                running.add(logs - 0.5 * excess, codes)
            mean[rows] = running.mean
            with np.errstate(over="ignore"):
                log_sum[rows] = running.log_total - 0.5 * (rest**2).sum(axis=1)
        return mean, log_sum


def _nearest(y: FloatArray, blocks: Iterable[FloatArray]) -> FloatArray:
    """Return for each row of points the nearest of points that come in blocks."""
    nearest, least = np.zeros_like(y), np.full(len(y), np.inf)
    for clean in blocks:
        gaps = y[:, None] - clean
        squares = np.einsum("rsd,rsd->rs", gaps, gaps)
        best = squares.argmin(axis=1)
        smallest = squares[np.arange(len(y)), best]
        nearer = smallest < least
        nearest[nearer], least[nearer] = clean[best[nearer]], smallest[nearer]
    return nearest
