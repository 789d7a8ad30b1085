"""Noise levels chosen from the data: from where they look Gaussian down to a tenth of their finest structure.

The largest level is three times the largest standard deviation in any direction: two equal modes, the least
Gaussian of laws by its kurtosis, -2, keep a hundredth of that, -0.02.

The finest structure is the standard deviation ``s`` of a bump.  For bumps of one width, whatever their number
and weights, if they do not overlap, the density ``f`` has

    int f^2 / int |grad f|^2 = 2 s^2 / d,

in directions of unequal width mostly the narrowest.  It is measured on the data blurred by a Gaussian kernel,
where both integrals are sums over pairs and the width is ``S`` with ``S^2 = s^2 + h^2``.  The bandwidth is
``h = k S``, with ``k = (4 / ((d + 4) n))^(1/(d + 6))`` the rule for gradients of Gaussian densities (Chacon,
Duong & Wand 2011): a fixed point, looked for from above, as one that is too small sees every sample alone.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.distance import cdist

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
_FINEST = 0.02
# Samples whose pairs are looked at, and rounds of the fixed point.
_MOST, _ROUNDS = 1000, 40
# The kernel is narrower than what it measures, however few samples there are.
_WIDEST = 0.7


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
    low = max(_LOWEST * _finest_structure(rows, counts, deviation), _ROUNDED * _rounding(rows))
    high = _HIGHEST * deviation
    low = min(low, high / ratio**2)
    # A hair, so that a whole number of steps is not rounded up.
    count = int(np.ceil(np.log(high / low) / np.log(ratio) - 1e-9)) + 1
    return np.asarray(np.ldexp(sigma_grid(high, low, count), exponent + shift))


def _rounding(rows: FloatArray) -> float:
    """Return the largest spacing of the columns that are rounded, zero if none is."""
    return max((lattice_spacing(column) for column in rows.T if np.unique(column).size >= _FEW), default=0.0)


def _finest_structure(rows: FloatArray, counts: NDArray[np.intp], deviation: float) -> float:
    """Return the width of the data's bumps, at least a fiftieth of their deviation."""
    n, d = float(counts.sum()), rows.shape[1]
    least = _FINEST * deviation
    if len(rows) > _MOST:
        # Sorted rows, so evenly among them.
        chosen = np.linspace(0, len(rows) - 1, _MOST).astype(int)
        rows, counts = rows[chosen], counts[chosen]
    share = counts / counts.sum()
    squares, pairs = cdist(rows, rows, "sqeuclidean"), np.outer(share, share)
    kernel = min((4 / ((d + 4) * n)) ** (1 / (d + 6)), _WIDEST)
    width = deviation
    for _ in range(_ROUNDS):
        before, variance = width, 2 * (kernel * width) ** 2
        bumps = pairs * np.exp(-squares / (2 * variance))
        gradient = float(np.sum((d - squares / variance) * bumps) / variance)
        width = max(float(np.sqrt(0.5 * d * bumps.sum() / gradient)), least)
        if abs(width - before) <= 1e-3 * before or width == least:
            break
    return max(width * float(np.sqrt(1 - kernel**2)), least)
