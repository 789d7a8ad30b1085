"""Sums over all states of a law: over signs, or over product laws of signs, in blocks of bounded memory.

Fields ``t`` may be of any size, so the largest factor of each state, ``exp(|t_1| + ... + |t_d|)``, is left
out of every sum before anything is added: what remains has no large terms that cancel.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from ..._support.validation import FloatArray

__all__ = [
    "MOST_SPINS",
    "RunningMean",
    "blocks_of",
    "choice",
    "coins",
    "energies_of",
    "log_cosh",
    "sign_blocks",
    "signs_of",
    "sum_over_products",
    "sum_over_signs",
]

#: Signs whose states are enumerated, at most.
MOST_SPINS = 20
# States in a block, and entries of the largest temporary array: six of them fit in 64 MB.
_STATES = 2**12
_ENTRIES = 2**20

Blocks = Callable[[], Iterator[tuple[FloatArray, FloatArray]]]


class RunningMean:
    """Means under weights ``exp(e)``, a block of states at a time.

    Parameters
    ----------
    n_rows, n_values : int
        Laws that are summed at once, and numbers averaged under each.
    """

    def __init__(self, n_rows: int, n_values: int) -> None:
        # Finite, so that a first block of weights zero has no difference of infinities.
        self.top = np.full((n_rows, 1), -np.finfo(float).max)
        self.total = np.zeros((n_rows, 1))
        self.sums = np.zeros((n_rows, n_values))

    @np.errstate(over="ignore")
    def add(self, exponents: FloatArray, values: FloatArray) -> None:
        """Add states of exponents (n_rows, s), and values (s, n_values) or (n_rows, s, n_values)."""
        top = np.maximum(self.top, exponents.max(axis=1, keepdims=True))
        kept = np.exp(self.top - top)
        weights = np.exp(exponents - top)
        self.top = top
        self.total = self.total * kept + weights.sum(axis=1, keepdims=True)
        added = weights @ values if values.ndim == 2 else np.matmul(weights[:, None], values)[:, 0]
        self.sums = self.sums * kept + added

    @property
    def mean(self) -> FloatArray:
        """The means so far, shape (n_rows, n_values)."""
        return self.sums / self.total

    @property
    def log_total(self) -> FloatArray:
        """Logarithms of the weights' sums, shape (n_rows,)."""
        logs: FloatArray = self.top + np.log(self.total)
        return logs[:, 0]


def signs_of(numbers: NDArray[np.int64], d: int) -> FloatArray:
    """Return the states of `d` signs with these numbers, from 0 to ``2^d - 1``, shape (n_states, d)."""
    signs: FloatArray = np.where((numbers[:, None] >> np.arange(d)) & 1, -1.0, 1.0)
    return signs


def sign_blocks(d: int) -> Iterator[tuple[slice, FloatArray]]:
    """Yield all states of `d` signs in blocks, each with its place among the 2^d."""
    for start in range(0, 2**d, _STATES):
        place = slice(start, min(start + _STATES, 2**d))
        yield place, signs_of(np.arange(place.start, place.stop), d)


def energies_of(energy: Callable[[FloatArray], FloatArray], d: int) -> FloatArray:
    """Return the values of a function of states (s, d) at all states of `d` signs, shape (2^d,)."""
    energies: FloatArray = np.empty(2**d)
    for place, x in sign_blocks(d):
        energies[place] = energy(x)
    return energies


def blocks_of(n_rows: int, width: int) -> Iterator[slice]:
    """Yield slices of rows, each of `width` numbers, whose arrays are of bounded size."""
    size = max(1, _ENTRIES // max(1, width))
    for start in range(0, n_rows, size):
        yield slice(start, min(start + size, n_rows))


def log_cosh(a: FloatArray) -> FloatArray:
    """Return ``log(2 cosh a)``, at any size."""
    return np.logaddexp(a, -a)


def choice(logs: FloatArray, count: int, source: np.random.Generator) -> NDArray[np.int64]:
    """Draw indices with probabilities proportional to ``exp(logs)``."""
    weights = np.exp(logs - logs.max())
    return source.choice(len(logs), size=count, p=weights / weights.sum())


def coins(tilts: FloatArray, source: np.random.Generator) -> FloatArray:
    """Draw independent signs with fields `tilts`, of means ``tanh(tilts)``."""
    return np.where(source.random(tilts.shape) < expit(2 * tilts), 1.0, -1.0)


def sum_over_signs(energies: FloatArray, t: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return means and log-sums of laws ``exp(energy(x) + t'x)`` on signs.

    Parameters
    ----------
    energies : ndarray of shape (2^d,)
        In the order of `sign_blocks`.
    t : ndarray of shape (n, d)
        Fields.

    Returns
    -------
    mean : ndarray of shape (n, d)
    log_sum : ndarray of shape (n,)
        Without the term ``|t_1| + ... + |t_d|``.
    """
    n, d = t.shape
    mean, log_sum = np.empty((n, d)), np.empty(n)
    for rows in blocks_of(n, min(2**d, _STATES)):
        # A sign against its field costs twice the field, one along it nothing.
        up, down = 2 * np.maximum(t[rows], 0.0), 2 * np.maximum(-t[rows], 0.0)
        running = RunningMean(len(up), d)
        for place, x in sign_blocks(d):
            with np.errstate(over="ignore"):
                costs = up @ (x < 0).T.astype(float) + down @ (x > 0).T.astype(float)
            running.add(energies[place] - costs, x)
        mean[rows], log_sum[rows] = running.mean, running.log_total
    return mean, log_sum


def sum_over_products(blocks: Blocks, t: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return means and log-sums of mixtures ``sum_s c_s prod_i exp((g_si + t_i) x_i)`` on signs.

    Parameters
    ----------
    blocks : callable
        Returns an iterator over ``(log c, g)`` of shapes (s,) and (s, d), a block of products at a time, the
        first the largest.
    t : ndarray of shape (n, d)
        Fields.

    Returns
    -------
    mean : ndarray of shape (n, d)
    log_sum : ndarray of shape (n,)
        Without the term ``|t_1| + ... + |t_d|``.
    """
    n, d = t.shape
    mean, log_sum = np.empty((n, d)), np.empty(n)
    widest = len(next(blocks())[0])
    for rows in blocks_of(n, widest * d):
        field = t[rows][:, None]
        running = RunningMean(len(field), d)
        for logs, tilts in blocks():
            total = field + tilts
            size = np.abs(total)
            # |g + t| - |t|, which cancels where |t| is large.
            excess = np.where(np.abs(field) >= np.abs(tilts), np.sign(field) * tilts, size - np.abs(field))
            exponents = logs + (excess + np.log1p(np.exp(-2 * size))).sum(axis=2)
            running.add(exponents, np.tanh(total))
        mean[rows], log_sum[rows] = running.mean, running.log_total
    return mean, log_sum
