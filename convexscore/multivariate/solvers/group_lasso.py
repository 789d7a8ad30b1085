"""The restricted problem: a group lasso over given neurons, in Gram form, by second-order cones.

    min_Y  1/2 tr(Y'G Y) + <R, Y> + beta sum_k ||y_k||

with ``G`` the Gram matrix of the features and ``R`` the correlations at the network without neurons.
Clarabel solves it with one cone ``||y_k|| <= t_k`` a neuron.
"""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp

from ..._support.validation import FloatArray
from ...errors import SolverError

__all__ = ["solve_bounded", "solve_group_lasso"]


def solve_group_lasso(
    gram: FloatArray, pull: FloatArray, beta: float, tol: float = 1e-9
) -> FloatArray | None:
    """Solve the restricted problem.

    Parameters
    ----------
    gram : ndarray of shape (n_neurons, n_neurons)
        ``G``.
    pull : ndarray of shape (n_neurons, n_features)
        ``R``.
    beta : float
        Weight decay, positive.
    tol : float
        Clarabel's tolerances.

    Returns
    -------
    ndarray of shape (n_neurons, n_features), or None
        Output vectors; None if the problem is unbounded.

    Raises
    ------
    SolverError
        If Clarabel stops otherwise.
    """
    n, d = pull.shape
    if n == 0:
        return np.zeros((0, d))
    for ridge in (1e-14, 1e-11):
        quadratic, linear, cone, back = _conic_form(gram, pull, beta, ridge)
        try:
            result = _clarabel(quadratic, linear, cone, np.zeros(n * (d + 1)), n, d, tol)
        except SolverError:
            # Nearly equal neurons: a little more of a ridge keeps the factorization sane.
            if ridge > 1e-12:
                raise
            continue
        break
    return None if result is None else result.reshape(n, d) * back


def solve_bounded(gram: FloatArray, pull: FloatArray, size: float, tol: float = 1e-9) -> FloatArray:
    """Solve the problem with the bound ``sum_k ||y_k|| <= size`` instead of a penalty.

    Parameters
    ----------
    gram : ndarray of shape (n_neurons, n_neurons)
        ``G``.
    pull : ndarray of shape (n_neurons, n_features)
        ``R``.
    size : float
        The bound, positive.
    tol : float
        Clarabel's tolerances.

    Returns
    -------
    ndarray of shape (n_neurons, n_features)
        Output vectors.
    """
    n, d = pull.shape
    quadratic, linear, cone, back = _conic_form(gram, pull, 0.0)
    row = sp.csc_matrix((np.ones(n), (np.zeros(n, dtype=int), n * d + np.arange(n))), shape=(1, n * (d + 1)))
    right = np.append(size / back, np.zeros(n * (d + 1)))
    result = _clarabel(quadratic, linear, sp.vstack([row, cone], format="csc"), right, n, d, tol)
    if result is None:
        raise SolverError("Clarabel calls a bounded restricted problem unbounded")
    return result.reshape(n, d) * back


def _conic_form(
    gram: FloatArray, pull: FloatArray, beta: float, ridge: float = 1e-14
) -> tuple[sp.csc_matrix, FloatArray, sp.csc_matrix, float]:
    """Return quadratic, linear part and cone rows of (y, t), and the unit of the outputs."""
    n, d = pull.shape
    # Units in which features and pulls are about one.
    size = np.sqrt(np.maximum(np.diag(gram), 1e-12 * max(float(np.diag(gram).max()), 1e-300)))
    unit = max(float(np.abs(pull).max()), beta, 1e-300)
    length = max(float(np.median(size)), 1e-150)
    scaled = gram / length**2
    scaled = scaled + ridge * np.trace(scaled) / n * np.eye(n)
    quadratic = sp.block_diag(
        [sp.kron(sp.csc_matrix(scaled), sp.eye(d)), sp.csc_matrix((n, n))], format="csc"
    )
    linear = np.concatenate([pull.ravel() / unit, np.full(n, beta / unit)])
    # Row blocks (t_k, y_k) in the cone.
    rows = np.arange(n * (d + 1)).reshape(n, d + 1)
    columns = np.hstack([n * d + np.arange(n)[:, None], np.arange(n * d).reshape(n, d)])
    cone = sp.csc_matrix((-np.ones(rows.size), (rows.ravel(), columns.ravel())))
    return quadratic, linear, cone, unit / length**2


def _clarabel(
    quadratic: sp.csc_matrix,
    linear: FloatArray,
    rows: sp.csc_matrix,
    right: FloatArray,
    n: int,
    d: int,
    tol: float,
) -> FloatArray | None:
    """Return the output vectors, or None if the problem is unbounded."""
    import clarabel

    settings = clarabel.DefaultSettings()
    settings.verbose = False
    settings.tol_gap_abs = settings.tol_gap_rel = settings.tol_feas = tol
    cones = [clarabel.NonnegativeConeT(1)] * (right.size - n * (d + 1)) + [
        clarabel.SecondOrderConeT(d + 1)
    ] * n
    result = clarabel.DefaultSolver(
        sp.triu(quadratic, format="csc"), linear, rows, right, cones, settings
    ).solve()
    status = str(result.status)
    if status in ("DualInfeasible", "AlmostDualInfeasible"):
        return None
    if status not in ("Solved", "AlmostSolved", "InsufficientProgress", "MaxIterations"):
        raise SolverError(f"Clarabel stopped with status {status!r} on the restricted problem")
    return np.asarray(result.x, dtype=np.float64)[: n * d]
