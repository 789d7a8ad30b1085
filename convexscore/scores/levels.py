"""Noise levels chosen from the data: from where they look Gaussian down to a tenth of their finest structure.

The largest level is three times the largest standard deviation in any direction: two equal modes, the least
Gaussian of laws by its kurtosis, -2, keep a hundredth of that, -0.02.

The finest structure is the standard deviation ``s`` of a bump.  For bumps of one width, whatever their number
and weights, if they do not overlap, the density ``f`` has

    int f^2 / int |grad f|^2 = 2 s^2 / d,

in directions of unequal width mostly the narrowest: of a curve in the plane it finds ``sqrt(2)`` times its
thickness.  It is measured on the data blurred by a Gaussian kernel, where both integrals are means over pairs
of different samples, without bias, and the width is ``S`` with ``S^2 = s^2 + h^2``.  The bandwidth is
``h = k S``, with ``k = (4 / ((d + 4) n))^(1/(d + 6))`` the rule for gradients of Gaussian densities (Chacon,
Duong & Wand 2011): a fixed point.  There is one for the modes of the data and another for all of them
together, so it is looked for from the smallest width that the pairs disprove, and only as far as they are
enough to say anything.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.distance import pdist

from .._support.validation import FloatArray, shown
from ..numerics.lattice import lattice_spacing
from ..numerics.scaling import calm, unit_scale
from ..samplers import sigma_grid

__all__ = ["noise_levels"]

# The ends of the range: in deviations, in widths of the finest structure, in spacings of rounded data.
_HIGHEST, _LOWEST, _ROUNDED = 3.0, 0.1, 0.5
# A column of at least so many distinct values on a lattice is rounded; fewer are structure.
_FEW = 5
# Structures below this share of the largest deviation are not looked for: atoms have no width.
_FINEST = 0.005
# No level is below this share of the range: moments of noise that small would cancel.
_LEAST = 2e-5
# Samples whose pairs are looked at, and rounds of the fixed point.
_MOST, _ROUNDS = 1000, 40
# The kernel is narrower than what it measures, however few samples there are.
_WIDEST = 0.7
# Widths that are tried, each this share of the one before.
_STEP = 0.8
# Standard errors by which a sum over pairs must differ from zero to be believed.
_BEYOND_DOUBT = 4.0
# Neighbours on a lattice are nearer than this many spacings.
_NEXT = 1.5
# Samples closer than this share of the deviation are copies of one.
_COPIES = 1e-9


def noise_levels(X: FloatArray, ratio: float) -> FloatArray:
    """Return geometric noise levels for data, each at most `ratio` times the next.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        Data with at least two distinct samples.
    ratio : float
        Above 1.

    Returns
    -------
    ndarray of shape (n_levels,)
        Strictly decreasing, in the units of `X`.

    Raises
    ------
    ValueError
        If all samples are equal.

    Examples
    --------
    >>> import numpy as np
    >>> from convexscore.scores.levels import noise_levels
    >>> X = np.random.default_rng(0).standard_normal((500, 1))
    >>> levels = noise_levels(X, 1.5)
    >>> levels.size, bool(levels[0] == 3 * X.std()), bool(0.05 < levels[-1] < 0.15)
    (10, True, True)
    """
    # Zeros of either sign are one value.
    (points,), shift = calm(X + 0.0)
    rows, counts = np.unique(points, axis=0, return_counts=True)
    if len(rows) < 2:
        raise ValueError(
            f"X: expected at least two distinct samples for sigmas='auto', got {shown(X[0].tolist())} only"
        )
    rows, exponent = unit_scale(rows - rows.min(axis=0))
    centred = rows - np.average(rows, axis=0, weights=counts)
    covariance = (centred * counts[:, None]).T @ centred / counts.sum()
    deviation = float(np.sqrt(np.linalg.eigvalsh(covariance)[-1]))
    spacings = _spacings(rows)
    shares = _FINEST * deviation, _ROUNDED * max(spacings) / _LOWEST, _LEAST * float(rows.max()) / _LOWEST
    pairs = _Pairs(rows, counts, deviation, spacings)
    low = _LOWEST * max(_finest_structure(pairs, deviation, max(shares)), *shares)
    high = _HIGHEST * deviation
    low = min(low, high / ratio**2)
    # A hair, so that a whole number of steps is not rounded up.
    count = int(np.ceil(np.log(high / low) / np.log(ratio) - 1e-9)) + 1
    return np.asarray(np.ldexp(sigma_grid(high, low, count), exponent + shift))


def _spacings(rows: FloatArray) -> list[float]:
    """Return the spacing of each column, zero where it is not rounded."""
    return [lattice_spacing(column) if np.unique(column).size >= _FEW else 0.0 for column in rows.T]


class _Pairs:
    """Pairs of different samples, and the width of bumps that they show.

    Equal samples of rounded data are different ones that happen to meet, and pairs like all others, if there
    are no more of them than of neighbours.  Else they are one sample with a weight: no width could be seen
    between them.  A number of copies that all samples have says nothing.

    Parameters
    ----------
    rows : ndarray of shape (n_distinct, n_features)
        Distinct samples.
    counts : ndarray of shape (n_distinct,)
        How often each of them occurs.
    deviation : float
        Largest standard deviation in any direction.
    spacings : list of float
        Spacing of each column, zero where it is not rounded.
    """

    def __init__(
        self, rows: FloatArray, counts: NDArray[np.intp], deviation: float, spacings: list[float]
    ) -> None:
        counts, self.n_features = counts // np.gcd.reduce(counts), rows.shape[1]
        n, n_distinct = int(counts.sum()), len(rows)
        if n_distinct > _MOST:
            # Sorted rows, so evenly among them.
            chosen = np.linspace(0, n_distinct - 1, _MOST).astype(int)
            rows, counts = rows[chosen], counts[chosen]
        first, second = np.triu_indices(len(rows), 1)
        squares, times = pdist(rows, "sqeuclidean"), np.asarray(counts[first] * counts[second], dtype=float)
        # Of the rows left out ties are lost once, other pairs twice.
        ties = 0.5 * float(np.sum(counts * (counts - 1.0))) * len(rows) / n_distinct
        neighbours = float(times[squares <= _NEXT**2 * float(np.square(spacings).sum())].sum())
        if all(spacings) and ties <= neighbours:
            self._squares, self._times = np.append(squares, 0.0), np.append(times, ties)
            self._variance = self._times
        else:
            n, apart = n_distinct, squares > (_COPIES * deviation) ** 2
            self._squares, self._times = squares[apart], times[apart]
            self._variance = self._times**2
        #: Bandwidth, as a share of the width.
        self.kernel = min((4 / ((self.n_features + 4) * n)) ** (1 / (self.n_features + 6)), _WIDEST)

    def width(self, assumed: float) -> float | None:
        """Return the width seen with the bandwidth of an assumed one, None where too few pairs see it."""
        d, variance = self.n_features, 2 * (self.kernel * assumed) ** 2
        ratios = self._squares / variance
        bumps = np.exp(-0.5 * ratios)
        bends = (d - ratios) * bumps
        gradient = float(self._times @ bends)
        if not gradient > _BEYOND_DOUBT * float(np.sqrt(self._variance @ bends**2)):
            return None
        return float(np.sqrt(0.5 * d * variance * (self._times @ bumps) / gradient))


def _finest_structure(pairs: _Pairs, deviation: float, least: float) -> float:
    """Return the width of the data's bumps, from their deviation down to the least that is of interest."""
    width = deviation
    for trial in deviation * _STEP ** np.arange(
        int(np.log(max(deviation / least, 1)) / -np.log(_STEP)), 0, -1
    ):
        seen = pairs.width(float(trial))
        if seen is not None and seen < trial:
            width = float(trial)
            break
    for _ in range(_ROUNDS):
        before, seen = width, pairs.width(width)
        if seen is None:
            break
        width = max(seen, least)
        if abs(width - before) <= 1e-3 * before or width == least:
            break
    return min(width * float(np.sqrt(1 - pairs.kernel**2)), deviation)
