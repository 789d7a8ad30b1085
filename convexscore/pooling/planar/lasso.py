"""The lasso of few weight decays over given neurons, from its moments.

    min  1/2 a'G a + c'a + beta sum_k |a_k|

by active sets: one neuron enters at a time, the one that violates optimality most; those whose coefficients
would change their sign leave.  The value falls with every step, so it ends.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..._support.validation import FloatArray
from .dictionary import Moments, Projected

__all__ = ["lasso_path"]

# Coefficients of a larger sum are those of an unbounded problem, or close to one.
_HUGE = 300.0
# Correlations may exceed the weight decay by this share of it.
_ACCURACY = 1e-7


def lasso_path(moments: Moments, betas: FloatArray) -> list[tuple[float, FloatArray]]:
    """Return weight decays and coefficients of neurons and free fields.

    Parameters
    ----------
    moments : Moments
        Of the points and neurons.
    betas : ndarray of shape (n_betas,)
        Descending.

    Returns
    -------
    list of (float, ndarray)
        From the first weight decay on at which there is no minimizer, or none of reasonable size, the last
        one that has one, with its coefficients.
    """
    program = Projected.of(moments)
    a = np.zeros(len(program.c))
    # At this weight decay no neuron is used.
    reached = max(float(np.abs(program.c).max()), float(betas[0]))
    found: list[tuple[float, FloatArray]] = []
    for beta in betas:
        new = _minimized(program, a, float(beta))
        if new is None:
            found += [(reached, program.complete(a))] * (len(betas) - len(found))
            break
        a, reached = new, float(beta)
        found.append((reached, program.complete(a)))
    return found


def _minimized(program: Projected, start: FloatArray, beta: float) -> FloatArray | None:
    a = start.copy()
    active = np.flatnonzero(a)
    signs = np.sign(a[active])
    for _ in range(5 * len(a)):
        settled = _settled(program, a, active, signs, beta)
        if settled is None or np.abs(a).sum() > _HUGE:
            return None
        active, signs = settled
        gradient = program.G[:, active] @ a[active] + program.c
        gradient[active] = 0.0
        worst = int(np.argmax(np.abs(gradient)))
        if abs(gradient[worst]) <= beta * (1 + _ACCURACY):
            return a
        active, signs = np.append(active, worst), np.append(signs, -np.sign(gradient[worst]))
    return None


def _settled(
    program: Projected, a: FloatArray, active: NDArray[np.intp], signs: FloatArray, beta: float
) -> tuple[NDArray[np.intp], FloatArray] | None:
    """Minimize over active neurons, in place, and return those left; None if that is unbounded."""
    while active.size:
        try:
            target = -np.linalg.solve(program.G[np.ix_(active, active)], program.c[active] + beta * signs)
        except np.linalg.LinAlgError:
            return None
        here = a[active]
        crossing = target * signs <= 0
        if not crossing.any():
            a[active] = target
            return active, signs
        with np.errstate(divide="ignore", invalid="ignore"):
            steps = np.where(crossing, np.where(here == 0, 0.0, here / (here - target)), np.inf)
        first = float(steps.min())
        leaves = steps <= first
        a[active] = np.where(leaves, 0.0, here + first * (target - here))
        active, signs = active[~leaves], signs[~leaves]
    return active, signs
