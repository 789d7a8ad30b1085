"""Variational denoisers of spins: fixed points of ``m = tanh(G m + h)`` and of its corrected forms.

    naive   G = A                          mean field
    tap_k   G = A - diag(sum_j A_ij^2 (1 - q))   Onsager's correction at a given mean square q
    tap     m = tanh(A m + h - m * (A o A)(1 - m^2))   Thouless, Anderson & Palmer 1977
    amp     the same with the correction of one step before: approximate message passing

For the first two the map is the gradient of a free energy in ``m``, which is convex where all eigenvalues of
``G`` are below 1; mirror descent in ``u = atanh m`` then converges to its only minimum, also where the plain
map, which needs ``|G|_2 < 1``, ends in a cycle.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ..._support.caller import warn_caller
from ..._support.validation import FloatArray
from ...errors import ConvergenceError, ConvergenceWarning
from .states import blocks_of

__all__ = [
    "amp",
    "correction",
    "extremes_of",
    "iterated_overlap",
    "message_passing_step",
    "mirror",
    "tap",
    "warn_if_not_convex",
    "warn_unconverged",
]

# Residuals of fixed points in u, and steps to them; of the damped map, in m.
_TOLERANCE, _MOST_STEPS = 1e-10, 2000
_FIXED, _MOST_DAMPED = 1e-13, 2000
_MOST_NEWTON, _MOST_HALVINGS = 50, 40
#: Steps of message passing.
AMP_STEPS = 50
# Rows that still move by more than this have not converged.
_MOVING = 1e-3


def mirror(G: FloatArray, h: FloatArray, extremes: tuple[float, float]) -> FloatArray:
    """Return fixed points of ``m = tanh(G m + h)`` by mirror descent from ``m = tanh h``.

    Parameters
    ----------
    G : ndarray of shape (d, d)
        Symmetric.
    h : ndarray of shape (n, d)
        Fields.
    extremes : tuple of float
        Least and largest eigenvalue of `G`; the first sets the step.  Where the second is below 1, the few
        rows that descent leaves behind, as close to 1 it may, are finished by Newton's method.

    Returns
    -------
    ndarray of shape (n, d)

    Raises
    ------
    ConvergenceError
        If rows do not converge; the message has their share.
    """
    # w = u - h stays of the size of G, so that fields of any size leave its digits.
    w = np.zeros_like(h)
    step = 1 / (1 + max(0.0, -extremes[0]))
    tolerance = _TOLERANCE * max(1.0, float(np.abs(G).sum(axis=1).max(initial=0.0)))
    rows = np.arange(len(h))
    for _ in range(_MOST_STEPS):
        residual = _residual(G, h[rows], w[rows])
        moving = np.abs(residual).max(axis=1, initial=0.0) > tolerance
        rows = rows[moving]
        if not rows.size:
            return np.tanh(h + w)
        w[rows] -= step * residual[moving]
    if extremes[1] < 1:
        for block in blocks_of(len(rows), G.size):
            w[rows[block]] = _newton(G, h[rows[block]], w[rows[block]], tolerance)
    residual = np.abs(_residual(G, h[rows], w[rows])).max(axis=1)
    moving = residual > tolerance
    if not moving.any():
        return np.tanh(h + w)
    raise ConvergenceError(
        f"mean field: {moving.sum()} of {len(h)} rows did not converge in {_MOST_STEPS} steps, residuals up "
        f"to {residual.max():.1e}; 'exact' sums over all states, 'tap' and 'amp' warn instead"
    )


def _residual(G: FloatArray, h: FloatArray, w: FloatArray) -> FloatArray:
    return w - np.tanh(h + w) @ G


def _newton(G: FloatArray, h: FloatArray, w: FloatArray, tolerance: float) -> FloatArray:
    """Return zeros of the residuals by Newton's method, each row's steps halved until its residual falls.

    With all eigenvalues of ``G`` below 1 the Jacobian ``I - G diag(1 - m^2)`` is regular everywhere.
    """
    residual = _residual(G, h, w)
    for _ in range(_MOST_NEWTON):
        if np.abs(residual).max() <= tolerance:
            break
        slopes = 1 - np.tanh(h + w) ** 2
        direction = np.linalg.solve(np.eye(len(G)) - G * slopes[:, None], residual[..., None])[..., 0]
        size, length = (residual**2).sum(axis=1), np.ones((len(w), 1))
        for _ in range(_MOST_HALVINGS):
            nearer = w - length * direction
            following = _residual(G, h, nearer)
            worse = (following**2).sum(axis=1) > size
            if not worse.any():
                break
            length[worse] *= 0.5
        w, residual = np.where(worse[:, None], w, nearer), np.where(worse[:, None], residual, following)
    return w


def extremes_of(G: FloatArray) -> tuple[float, float]:
    """Return the least and the largest eigenvalue of a symmetric matrix."""
    eigenvalues = np.linalg.eigvalsh(G)
    return float(eigenvalues[0]), float(eigenvalues[-1])


def correction(A: FloatArray) -> FloatArray:
    """Return ``sum_j A_ij^2``, Onsager's correction at ``q = 0``, shape (d,)."""
    return (A**2).sum(axis=1)


def iterated_overlap(A: FloatArray, h: FloatArray) -> float:
    """Return the ``q`` that is the mean of ``m^2`` over the batch at the fixed points of ``tap_k``."""
    q, square = 0.0, 1.0
    for _ in range(200):
        G = A - np.diag(correction(A) * (1 - q))
        square = float(np.mean(mirror(G, h, extremes_of(G)) ** 2)) if h.size else q
        if abs(square - q) <= 1e-10:
            return square
        q = square
    raise ConvergenceError(f"overlap: the mean square did not settle in 200 steps, it is near {q:g}")


def tap(A: FloatArray, h: FloatArray) -> FloatArray:
    """Return fixed points of the equations of Thouless, Anderson & Palmer, by the map damped by a half.

    It warns, with their share, of rows that still move.
    """
    squares = A**2
    m = np.zeros_like(h)
    rows = np.arange(len(h))
    change = np.zeros(0)
    for _ in range(_MOST_DAMPED):
        old = m[rows]
        new = np.tanh(h[rows] + old @ A - old * ((1 - old**2) @ squares))
        change = np.abs(new - old).max(axis=1, initial=0.0)
        m[rows] = 0.5 * (old + new)
        rows, change = rows[change > _FIXED], change[change > _FIXED]
        if not rows.size:
            break
    warn_unconverged("TAP", change, len(h), f"{_MOST_DAMPED} damped steps")
    return m


def amp(A: FloatArray, h: FloatArray, n_steps: int = AMP_STEPS) -> FloatArray:
    """Return the last iterate of approximate message passing, warning of rows that still move."""
    squares = A**2

    def reaction(m: FloatArray) -> FloatArray:
        return (1 - m**2) @ squares

    old, m = np.zeros_like(h), np.tanh(h)
    for _ in range(n_steps - 1):
        old, m = m, message_passing_step(lambda m: m @ A, reaction, h, old, m)
    warn_unconverged("AMP", np.abs(m - old).max(axis=1, initial=0.0), len(h), f"{n_steps} steps")
    return m


def message_passing_step(
    coupled: Callable[[FloatArray], FloatArray],
    reaction: Callable[[FloatArray], FloatArray],
    h: FloatArray,
    old: FloatArray,
    m: FloatArray,
) -> FloatArray:
    """Return the next iterate from the last two: the correction takes the one before."""
    return np.tanh(h + coupled(m) - old * reaction(m))


def warn_if_not_convex(largest: float) -> None:
    """Warn where the largest eigenvalue of ``G`` lets the free energy have several minima."""
    if largest >= 1:
        warn_caller(
            f"the free energy is not convex: the largest eigenvalue of the couplings is {largest:.4g}, and "
            f"below 1 only is its minimum unique; the mean may be in a wrong lobe, compare with 'exact'",
            ConvergenceWarning,
        )


def warn_unconverged(name: str, change: FloatArray, n_rows: int, steps: str) -> None:
    """Warn, with their share, of rows whose last change is above 1e-3."""
    moving = change > _MOVING
    if moving.any():
        warn_caller(
            f"{name}: {moving.sum()} of {n_rows} rows ({moving.sum() / n_rows:.1%}) did not converge in "
            f"{steps}, their last change is up to {change.max():.2g}; couplings this strong have no message "
            f"passing, use 'exact' or `glauber`",
            ConvergenceWarning,
        )
