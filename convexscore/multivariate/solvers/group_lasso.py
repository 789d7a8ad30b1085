"""The restricted problem: a group lasso over given neurons, by second-order cones.

    min_Y  1/2 || Phi Y - B ||^2 + <T, Y> + beta sum_k ||y_k||

It is solved around known output vectors ``Y0``: with ``D = Phi (Y - Y0)``, the correlations ``R = Phi'(Phi Y0
- B) + T`` there, and one cone ``||y_k|| <= t_k`` a neuron, Clarabel minimizes

    1/2 ||D||^2 + <R, Y> + beta sum_k t_k     subject to     Phi Y - D = Phi Y0.

Its accuracy is relative to ``R``, which is ``beta`` near the optimum, however large the labels ``B`` are; and
features that differ by little are not squared in a Gram matrix.
"""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp

from ..._support.validation import FloatArray
from ...errors import SolverError

__all__ = ["solve_bounded", "solve_group_lasso"]

# Shares of the largest output vector below which others may be idle, tried in turn.
_IDLE = (1e-7, 1e-9, 1e-11)


def solve_group_lasso(
    features: FloatArray, pull: FloatArray, around: FloatArray, beta: float, tol: float = 1e-9
) -> FloatArray | None:
    """Solve the restricted problem.

    Parameters
    ----------
    features : ndarray of shape (n_points, n_neurons)
        ``Phi``.
    pull : ndarray of shape (n_neurons, n_features)
        ``R``, the correlations at `around`.
    around : ndarray of shape (n_neurons, n_features)
        ``Y0``, such as zero.
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
    if len(pull) == 0:
        return np.zeros_like(pull)
    return _solved(features, pull, around, beta, None, tol)


def solve_bounded(
    features: FloatArray, pull: FloatArray, around: FloatArray, size: float, tol: float = 1e-9
) -> FloatArray:
    """Solve the problem with the bound ``sum_k ||y_k|| <= size`` instead of a penalty.

    Parameters
    ----------
    features : ndarray of shape (n_points, n_neurons)
        ``Phi``.
    pull : ndarray of shape (n_neurons, n_features)
        ``R``, the correlations at `around`.
    around : ndarray of shape (n_neurons, n_features)
        ``Y0``, such as zero.
    size : float
        The bound, positive.
    tol : float
        Clarabel's tolerances.

    Returns
    -------
    ndarray of shape (n_neurons, n_features)
        Output vectors.
    """
    found = _solved(features, pull, around, 0.0, size, tol)
    if found is None:
        raise SolverError("Clarabel calls a bounded restricted problem unbounded")
    return found


def _solved(
    features: FloatArray, pull: FloatArray, around: FloatArray, beta: float, size: float | None, tol: float
) -> FloatArray | None:
    """Return the output vectors, or None if the problem is unbounded."""
    n, d = pull.shape
    lengths = np.linalg.norm(features, axis=0)
    length = max(float(np.median(lengths)), 1e-12 * float(lengths.max()), 1e-150)
    columns = features / length
    if len(columns) > n:
        columns = np.linalg.qr(columns)[1]
    fitted = columns @ around
    # Units of correlations and outputs in which the numbers are about one; `share` is that of the residuals.
    unit = max(float(np.abs(pull).max()), beta, 1e-300)
    output = max(float(np.linalg.norm(fitted)), unit / length**2)
    share = unit / (length**2 * output)
    m = len(columns)
    linear = np.concatenate([pull.ravel() / unit, np.full(n, beta / unit), np.zeros(m * d)])
    found = _clarabel(columns, fitted / output, linear, share, None if size is None else size / output, tol)
    if found is None:
        return None
    outputs, residual = found[: n * d].reshape(n, d), share * found[n * (d + 1) :].reshape(m, d)
    return output * _without_idle(columns, outputs, fitted / output + residual, share)


def _without_idle(columns: FloatArray, outputs: FloatArray, fitted: FloatArray, share: float) -> FloatArray:
    """Return output vectors with the small ones zero, the others moved so that they fit what all did.

    Where residuals are a tiny `share` of what is fitted, the small ones of an interior-point method matter.
    """
    outputs = _basic(columns, outputs)
    size = np.linalg.norm(outputs, axis=1)
    for least in _IDLE:
        kept = size > least * size.max()
        changed = np.where(kept[:, None], outputs, 0.0)
        for _ in range(4):
            off = fitted - columns @ changed
            if np.linalg.norm(off) <= 1e-8 * share:
                return changed
            step = np.linalg.lstsq(columns[:, kept], off, rcond=1e-9)[0]
            if np.linalg.norm(step) > 1e-4 * np.linalg.norm(outputs):
                break
            changed[kept] += step
        if np.linalg.norm(fitted - columns @ changed) <= 1e-14:
            return changed
    # With twice as many as there are equations, the next problem is better off with fewer and a little error.
    return changed if len(size) > 2 * fitted.size else outputs


def _basic(columns: FloatArray, outputs: FloatArray) -> FloatArray:
    """Return output vectors of the same directions, fit and cost, no more of them than there are equations.

    An interior-point method shares outputs among neurons that are as good as one another.  Their sizes are
    those of a linear program, of which a basic solution is one as well.
    """
    from scipy.optimize import nnls

    size = np.linalg.norm(outputs, axis=1)
    kept = size > _IDLE[0] * size.max()
    n_equations = columns.shape[0] * outputs.shape[1] + 1
    if np.count_nonzero(kept) <= 4 * n_equations:
        return outputs
    directions = outputs[kept] / size[kept, None]
    products = (columns[:, kept, None] * directions).transpose(0, 2, 1).reshape(-1, directions.shape[0])
    equations = np.vstack(
        [products, np.linalg.norm(products) / len(products) ** 0.5 * np.ones(len(directions))]
    )
    try:
        sizes = nnls(equations, equations @ size[kept], maxiter=5 * n_equations)[0]
    except RuntimeError:
        return outputs
    changed = np.zeros_like(outputs)
    changed[kept] = sizes[:, None] * directions
    return changed


def _clarabel(
    columns: FloatArray, fitted: FloatArray, linear: FloatArray, share: float, size: float | None, tol: float
) -> FloatArray | None:
    """Return (y, t, residuals), or None if the problem is unbounded."""
    import clarabel

    (m, n), d = columns.shape, fitted.shape[1]
    quadratic = sp.diags(np.concatenate([np.zeros(n * (d + 1)), np.full(m * d, share)]), format="csc")
    moved = [sp.kron(sp.csc_matrix(columns), sp.eye(d)), sp.csc_matrix((m * d, n)), -share * sp.eye(m * d)]
    blocks, right = [sp.hstack(moved)], [fitted.ravel()]
    cones = [clarabel.ZeroConeT(m * d)]
    if size is not None:
        blocks.append(sp.csc_matrix(np.concatenate([np.zeros(n * d), np.ones(n), np.zeros(m * d)])))
        right.append(np.array([size]))
        cones.append(clarabel.NonnegativeConeT(1))
    # Row blocks (t_k, y_k) in the cone.
    rows = np.arange(n * (d + 1)).reshape(n, d + 1)
    places = np.hstack([n * d + np.arange(n)[:, None], np.arange(n * d).reshape(n, d)])
    entries = (-np.ones(rows.size), (rows.ravel(), places.ravel()))
    blocks.append(sp.csc_matrix(entries, shape=(rows.size, linear.size)))
    right.append(np.zeros(rows.size))
    settings = clarabel.DefaultSettings()
    settings.verbose = False
    settings.tol_gap_abs = settings.tol_gap_rel = settings.tol_feas = tol
    stacked, bounds = sp.vstack(blocks, format="csc"), np.concatenate(right)
    cones += [clarabel.SecondOrderConeT(d + 1)] * n
    result = clarabel.DefaultSolver(quadratic, linear, stacked, bounds, cones, settings).solve()
    status = str(result.status)
    if status in ("DualInfeasible", "AlmostDualInfeasible"):
        return None
    if status not in ("Solved", "AlmostSolved", "InsufficientProgress", "MaxIterations"):
        raise SolverError(f"Clarabel stopped with status {status!r} on the restricted problem")
    return np.asarray(result.x, dtype=np.float64)
