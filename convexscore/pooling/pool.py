"""A weighted pool of laws: density, score, distribution function, quantiles, moments, samples.

    p = sum_k w_k p_k,    s = sum_k w_k p_k s_k / p,    F = sum_k w_k F_k

Everything is kept in logs, so that it holds far in the tails.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp

from .._support.frozen import Frozen
from .._support.validation import FloatArray
from ..errors import ConvergenceError
from ..univariate.program import WHOLE_LINE
from .laws import FURTHEST, Law, softmax

__all__ = ["Pool"]

# Points are evaluated in blocks, so that temporary arrays, one row a law, stay small.
_BLOCK = 2**16
# How far inside a limit, in units of one and its own, scores are taken that are asked for there.
_INSIDE = 1e-14
# Newton steps of a quantile before its last digits are let be, before every other step is a bisection, and
# steps at most.
_QUICK, _NEWTON, _MOST_STEPS = 12, 40, 200


@dataclass(frozen=True, eq=False)
class Pool(Frozen):
    """Laws in standard units and their weights.

    Parameters
    ----------
    laws : tuple of Law
        At least one.
    weights : ndarray of shape (n_laws,)
        Positive, of sum one.
    limits : tuple of two floats
        Between which all the laws are; infinite where there is no limit.
    """

    laws: tuple[Law, ...]
    weights: FloatArray
    limits: tuple[float, float] = WHOLE_LINE

    def score(self, z: FloatArray) -> FloatArray:
        """Return the derivative of the log density; beyond a limit, that next to it."""
        # At a limit itself there may be a pole.
        low, high = (
            limit + side * _INSIDE * (1 + abs(limit)) if np.isfinite(limit) else limit
            for limit, side in zip(self.limits, (1, -1), strict=True)
        )
        return self._in_blocks(self._score, np.clip(z, low, high))

    def logpdf(self, z: FloatArray) -> FloatArray:
        """Return the log density."""
        return self._in_blocks(lambda part: self._sum("logpdf", part), z)

    def logcdf(self, z: FloatArray) -> FloatArray:
        """Return the log probability of what is at most `z`."""
        inner = self._in_blocks(lambda part: self._sum("logcdf", part), z)
        return np.where(z == np.inf, 0.0, np.minimum(inner, 0.0))

    def logsf(self, z: FloatArray) -> FloatArray:
        """Return the log probability of what is above `z`."""
        inner = self._in_blocks(lambda part: self._sum("logsf", part), z)
        return np.where(z == -np.inf, 0.0, np.minimum(inner, 0.0))

    def quantile(self, q: FloatArray) -> FloatArray:
        """Return the quantiles at probabilities ``q`` in ``[0, 1]``."""
        result = np.empty(q.shape)
        low = q <= 0.5
        result[low] = self._inverted(q[low], np.log(q[low], where=q[low] > 0, out=np.zeros(low.sum())), 1)
        high = q[~low]
        result[~low] = self._inverted(high, np.log1p(-high, where=high < 1, out=np.zeros(high.size)), -1)
        result[q == 0], result[q == 1] = self.limits
        return np.clip(result, *self.limits)

    def moments(self) -> tuple[float, float]:
        """Return mean and variance."""
        mean, square = self.weights @ np.array([law.moments() for law in self.laws])
        return float(mean), float(square - mean**2)

    def sample(self, n: int, rng: np.random.Generator) -> FloatArray:
        """Return independent samples: which law, then a sample of it."""
        which = rng.choice(self.weights.size, n, p=self.weights)
        result = np.empty(n)
        for number, law in enumerate(self.laws):
            chosen = which == number
            result[chosen] = law.sample(int(chosen.sum()), rng)
        return result

    def _in_blocks(self, function: Callable[[FloatArray], FloatArray], z: FloatArray) -> FloatArray:
        flat = z.reshape(-1)
        parts = [function(flat[start : start + _BLOCK]) for start in range(0, flat.size, _BLOCK)]
        return np.concatenate(parts).reshape(z.shape) if parts else np.zeros(z.shape)

    def _logs(self, name: str, z: FloatArray) -> FloatArray:
        """Return the log of each law's weight times its density, say, one row a law."""
        rows = np.stack([getattr(law, name)(z) for law in self.laws])
        return rows + np.log(self.weights)[:, None]

    def _sum(self, name: str, z: FloatArray) -> FloatArray:
        return logsumexp(self._logs(name, z), axis=0)

    def _score(self, z: FloatArray) -> FloatArray:
        shares = softmax(self._logs("logpdf", np.clip(z, -FURTHEST, FURTHEST)), axis=0)
        scores = np.stack([law.score(z) for law in self.laws])
        with np.errstate(invalid="ignore"):
            return np.sum(np.where(shares == 0, 0.0, shares * scores), axis=0)

    @cached_property
    def _table(self) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Probabilities, and points below and above the pool's quantiles there.

        A quantile of the pool lies between the least and the largest of its laws.
        """
        tail = np.concatenate([np.arange(323.0, 20.0, -10.0), np.arange(20.0, 2.0, -0.25)])
        low = np.concatenate([[5e-324], 10.0**-tail, np.linspace(0.01, 0.5, 99)])
        high = 1 - low[low >= 2.0**-53][::-1]
        q = np.unique(np.concatenate([low, high, [1 - 2.0**-53]]))
        bounds = [law.quantile_bounds(q) for law in self.laws]
        below = np.min([lower for lower, _ in bounds], axis=0)
        above = np.max([upper for _, upper in bounds], axis=0)
        # A hair wider, for the rounding of the laws' own quantiles.
        hair = 1e-9
        return q, below - hair * (1 + np.abs(below)), above + hair * (1 + np.abs(above))

    def _inverted(self, q: FloatArray, target: FloatArray, side: int) -> FloatArray:
        """Return quantiles by safeguarded Newton steps on the log of the nearer tail's probability.

        They are taken in ``asinh z``, in which tails of powers are exponential.
        """
        grid, below, above = self._table
        cell = np.clip(np.searchsorted(grid, q, side="right") - 1, 0, grid.size - 2)
        limit = np.finfo(float).max
        low = np.arcsinh(np.clip(below[cell], -limit, limit))
        high = np.arcsinh(np.clip(above[cell + 1], -limit, limit))
        t = 0.5 * (low + high)
        active = np.arange(q.size)
        for step in range(_MOST_STEPS):
            if active.size == 0:
                break
            error, rate = self._error(t[active], target[active], side)
            t, active = _step(t, low, high, active, error, rate, step)
        if active.size:
            raise ConvergenceError(f"icdf: {active.size} quantiles did not converge in {_MOST_STEPS} steps")
        return np.sinh(t)

    def _error(self, t: FloatArray, target: FloatArray, side: int) -> tuple[FloatArray, FloatArray]:
        """Return a function of ``t`` that rises through zero at the quantile, and its derivative."""
        z = np.sinh(t)
        log_mass = self.logcdf(z) if side > 0 else self.logsf(z)
        with np.errstate(over="ignore", invalid="ignore"):
            rate = np.exp(self.logpdf(z) - log_mass) * np.cosh(t)
            return side * (log_mass - target), rate


def _step(
    t: FloatArray,
    low: FloatArray,
    high: FloatArray,
    active: NDArray[np.intp],
    error: FloatArray,
    rate: FloatArray,
    step: int,
) -> tuple[FloatArray, NDArray[np.intp]]:
    """Narrow the brackets, in place, and return the next points and which of them are not settled."""
    here, eps = t[active], np.finfo(float).eps
    high[active] = np.where(error >= 0, here, high[active])
    low[active] = np.where(error <= 0, here, low[active])
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        newton = here - error / rate
    # The ends of a bracket are points that steps have led to, and may be the quantile up to rounding.
    inside = (newton >= low[active]) & (newton <= high[active])
    if step > _NEWTON and step % 2:
        inside[:] = False
    proposal = np.where(inside, newton, 0.5 * (low[active] + high[active]))
    settled = np.abs(proposal - here) <= 2 * eps * np.maximum(1.0, np.abs(here))
    settled |= (error == 0) | (np.abs(newton - here) <= 2 * eps * np.maximum(1.0, np.abs(here)))
    if step > _QUICK:
        # Neighbours between which rounding goes to and fro.
        settled |= np.abs(error) <= 8 * eps
    t[active] = np.where(error == 0, here, proposal)
    return t, active[~settled]
