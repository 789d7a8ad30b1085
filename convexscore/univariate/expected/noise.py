"""The noise of the certificate where the noise of denoising is integrated out.

The data are still a sample.  With the samples' bells ``q_i = N(x_i, eps^2)`` the correlation of a kink is
``H(t) = sum_i w_i H_i(t)``, a sum of one smooth term a sample,

    H_i(t) = int_t^inf (y - t) (s q_i - q_i')(y) dy,

each of which has mean zero if the score ``s`` is that of the law the samples were drawn from, blurred.  As
in `univariate.bootstrap` random factors of the terms draw from the law of ``max_t |H(t)|``, and bias and skip
absorb their part.

All of it is smooth on the scale of the noise, so it is computed on an equally spaced grid a sixth of the
noise wide: samples are shared between the two positions beside them, and integrals are sums.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np
from scipy.signal import oaconvolve
from scipy.sparse import csr_array

from ..._support.parallel import run_all
from ..._support.validation import FloatArray
from ...numerics.lattice import lattice_spacing
from ...numerics.quantiles import safe_quantile

__all__ = ["SmoothStein", "straight_level"]

# Grid positions to a width of the noise, and where its bell ends.
_FINENESS, _REACH = 6.0, 7.0
# Grid positions at most: samples further apart are blurred more, up to this share of their range.
_MOST = 50_000
# The test of straightness looks at nothing finer than this share of the deviation.
_FINEST = 0.02
# Samples for each replicate that was asked for, and the largest of them; larger laws grow with the root.
_SAMPLES, _MOST_POINTS = 10, 2000
# How far out a Gaussian sample goes, in deviations.
_FAR = 6.0
# Numbers that are worked on together: a cache's worth.
_GROUP = 200_000
# Correlations that are the same differ by rounding.
_ROUNDING = 1e-9


class _Grid:
    """Equally spaced positions with the bell of the noise, and what samples are on them.

    Parameters
    ----------
    low, high : float
        Range of the samples.
    width : float
        Standard deviation of the noise.
    """

    def __init__(self, low: float, high: float, width: float) -> None:
        self.width = max(width, _FINENESS * (high - low) / _MOST)
        self.step = self.width / _FINENESS
        beyond = int(_REACH * _FINENESS) + 1
        count = int(np.ceil((high - low) / self.step)) + 1 + 2 * beyond
        self.position: FloatArray = np.asarray(
            low + self.step * (np.arange(count) - beyond), dtype=np.float64
        )
        u = np.arange(-beyond, beyond + 1) / _FINENESS
        # Sums over the grid of the bell and of its derivative are what integrals over them are.
        self._bell = np.exp(-0.5 * u * u) / (np.sqrt(2 * np.pi) * self.width)
        self._fall = -u / self.width * self._bell

    def shares(self, x: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return the position below each sample, and how much of the sample the one above gets."""
        place = (x - self.position[0]) / self.step
        below = np.clip(np.floor(place), 0, self.position.size - 2)
        return below, place - below

    def density(self, mass: FloatArray) -> FloatArray:
        """Return ``q`` of masses at the positions, one law a row."""
        return np.asarray(oaconvolve(mass, self._bell[None], mode="same", axes=1))

    def slope(self, mass: FloatArray) -> FloatArray:
        """Return ``q'``."""
        return np.asarray(oaconvolve(mass, self._fall[None], mode="same", axes=1))

    def hinges(self, values: FloatArray) -> FloatArray:
        """Return ``int_t^inf (y - t) f(y) dy`` at the positions, for each row of values of ``f``."""
        ahead = np.cumsum(values[:, ::-1], axis=1)[:, ::-1]
        sums = np.zeros_like(ahead)
        sums[:, :-1] = np.cumsum(ahead[:, :0:-1], axis=1)[:, ::-1]
        return self.step**2 * sums

    def about_the_line(self, mass: FloatArray) -> FloatArray:
        """Return ``max_t |H(t)|`` about the line that fits each law best; NaN for a single position."""
        density, t = self.density(mass), self.position - self.position.mean()
        total = density.sum(axis=1, keepdims=True)
        centred = t - density @ t[:, None] / total
        variance = (density * centred**2).sum(axis=1, keepdims=True) / total
        return np.asarray(np.abs(self.hinges(-density * centred / variance - self.slope(mass))).max(axis=1))


class SmoothStein:
    """The correlations of all kinks with randomly multiplied terms of the samples.

    Parameters
    ----------
    x : ndarray of shape (n,)
        Distinct clean samples, ascending.
    weight : ndarray of shape (n,)
        How many there are of each.
    width : float
        Standard deviation of the noise.
    """

    def __init__(self, x: FloatArray, weight: FloatArray, width: float) -> None:
        self.weight = weight
        self.grid = _Grid(float(x[0]), float(x[-1]), width)
        below, share = self.grid.shares(x)
        columns = np.arange(x.size)
        self.sharing = csr_array(
            (np.concatenate([1 - share, share]), (np.append(columns, columns), np.append(below, below + 1))),
            shape=(x.size, self.grid.position.size),
        )
        density = self.grid.density((weight @ self.sharing)[None])
        total, self.centred = density.sum(), self.grid.position - self.grid.position.mean()
        self.centred = self.centred - (density @ self.centred) / total
        variance = (density @ self.centred**2) / total
        # Regression of every atom (x - t)_+ on the constant and on x.
        self.on_constant = self.grid.hinges(density) / (total * self.grid.step)
        self.on_line = self.grid.hinges(density * self.centred) / (total * self.grid.step * variance)

    def largest(
        self, score: FloatArray, replicates: int, rng: np.random.Generator, n_jobs: int | None = None
    ) -> FloatArray:
        """Return ``max_t |H(t)|`` of each replicate, bias and skip profiled out.

        Parameters
        ----------
        score : ndarray of shape (n_positions,)
            The score at ``grid.position``.
        replicates : int
            Number of draws.
        rng : Generator
            Source of the factors.
        n_jobs : int, optional
            Workers among which draws are divided, see `run_all`.
        """
        draws = (
            rng.standard_normal((count, self.weight.size))
            for count in _groups(replicates, max(self.weight.size, self.centred.size))
        )
        return np.concatenate(list(run_all(partial(self._largest, score), draws, n_jobs)))

    def _largest(self, score: FloatArray, draws: FloatArray) -> FloatArray:
        mass = (draws * np.sqrt(self.weight)) @ self.sharing
        residual = score * self.grid.density(mass) - self.grid.slope(mass)
        constant = self.grid.step * residual.sum(axis=1, keepdims=True)
        line = self.grid.step * (residual @ self.centred[:, None])
        height = self.grid.hinges(residual) - constant * self.on_constant - line * self.on_line
        return np.asarray(np.abs(height).max(axis=1))


def straight_level(
    x: FloatArray,
    weight: FloatArray,
    width: float,
    confidence: float,
    replicates: int,
    rng: np.random.Generator,
    n_jobs: int | None = None,
) -> float | None:
    """Return the quantile of the noise about the line if the line's own correlations are below it.

    A line is the score of a Gaussian, whose samples give the law of the largest correlation about the
    fitted line, at the data's number of samples, ratio of noise to deviation, and rounding.

    Parameters
    ----------
    x : ndarray of shape (n,)
        Distinct clean samples, ascending.
    weight : ndarray of shape (n,)
        How many there are of each.
    width : float
        Standard deviation of the noise.
    confidence : float
        Which quantile.
    replicates : int
        Ten times as many samples are drawn.
    rng : Generator
        Source of the samples.
    n_jobs : int, optional
        Workers that look at the samples, see `run_all`.

    Returns
    -------
    float or None
        None if the line is rejected; zero if there is one sample only.
    """
    total = float(weight.sum())
    deviation = float(np.sqrt(np.average((x - np.average(x, weights=weight)) ** 2, weights=weight)))
    if x.size < 2 or deviation == 0:
        return 0.0
    width = max(width, _FINEST * deviation)
    data = _Grid(float(x[0]), float(x[-1]), width)
    found = float(data.about_the_line(_spread(data, x[None], weight[None]))[0])
    n = int(np.clip(np.rint(total), 2, _MOST_POINTS))
    law = _Grid(-_FAR * deviation, _FAR * deviation, data.width)
    samples = _gaussian_samples(x, deviation, law, (_SAMPLES * replicates, n), rng)
    noise = list(run_all(partial(_about_the_line, law), samples, n_jobs))
    level = safe_quantile(np.concatenate(noise) * np.sqrt(total / n), confidence)
    return None if found > level * (1 + _ROUNDING) else level


def _about_the_line(law: _Grid, sample: FloatArray) -> FloatArray:
    return law.about_the_line(_spread(law, sample, np.ones_like(sample)))


def _spread(grid: _Grid, x: FloatArray, weight: FloatArray) -> FloatArray:
    """Return the masses at the positions of a grid, one sample a row."""
    below, share = grid.shares(x)
    size = grid.position.size
    cell = (below + size * np.arange(len(x))[:, None]).astype(np.intp).ravel()
    low = np.bincount(cell, ((1 - share) * weight).ravel(), minlength=size * len(x))
    high = np.bincount(cell + 1, (share * weight).ravel(), minlength=size * len(x))
    return np.asarray((low + high).reshape(len(x), size), dtype=np.float64)


def _gaussian_samples(
    x: FloatArray, deviation: float, grid: _Grid, shape: tuple[int, int], rng: np.random.Generator
) -> Iterator[FloatArray]:
    """Draw samples of the data's deviation, rounded as they are."""
    spacing = lattice_spacing(x)
    # Sheppard's correction; where rounding is all there is, some of the variance must be left.
    spread = np.sqrt(max(deviation**2 - spacing**2 / 12, deviation**2 / 4))
    origin = x[0] - x.mean()
    for count in _groups(shape[0], max(shape[1], grid.position.size)):
        sample = spread * rng.standard_normal((count, shape[1]))
        if spacing:
            sample = origin + spacing * np.rint((sample - origin) / spacing)
        yield np.clip(sample, -_FAR * deviation, _FAR * deviation)


def _groups(samples: int, size: int) -> list[int]:
    """Split samples of this size into groups that fit into memory."""
    group = max(1, _GROUP // size)
    return [min(group, samples - start) for start in range(0, samples, group)]
