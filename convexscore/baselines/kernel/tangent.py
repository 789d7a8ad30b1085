"""The neural tangent kernel of two-layer ReLU networks whose first layer is trained.

    K(u, v) = u'v E[1{w'u > 0} 1{w'v > 0}] = u'v (pi - angle(u, v)) / (2 pi),      w ~ N(0, I)

It is homogeneous: without a constant column it knows only functions with ``f(c x) = c f(x)`` for ``c > 0``.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy.spatial.distance import cdist

from ..._support.validation import FloatArray, as_callable, as_data, as_returned, check_finite
from ...arrangements.inner_points import unit_rows

__all__ = ["LARGEST_KERNEL", "kernel_between", "kernel_of", "ntk"]

#: Samples of the largest kernel matrix that is decomposed.
LARGEST_KERNEL = 4000
# Rows with larger entries have inner products that are no floats.
_LARGEST = 1e150
# Entries of kernel matrices beyond these leave no room for labels and steps.
_LEAST, _MOST = 1e-150, 1e150
# Shares of the largest entry that are rounding.
_SYMMETRY = 1e-8


def ntk(U: ArrayLike, V: ArrayLike) -> FloatArray:
    """Return the neural tangent kernel of all pairs of rows (Han, Razaviyayn & Xu 2024).

    No constant column is added; a row of zeros has the kernel 0 with every other.

    Parameters
    ----------
    U : array of shape (n, n_columns)
        Inputs; 1-D arrays are one column.
    V : array of shape (m, n_columns)
        Others.

    Returns
    -------
    ndarray of shape (n, m)
        ``u'v (pi - angle) / (2 pi)``.

    Raises
    ------
    TypeError, ValueError
        If an array is not numeric, not finite, larger than 1e150, or the columns differ in number.

    See Also
    --------
    KernelDescent : Gradient descent with the kernel.
    pattern_weights : The same kernel as weights of patterns.

    Notes
    -----
    The angle is ``2 atan2(|u^ - v^|, |u^ + v^|)`` of unit vectors: the arc cosine loses half of the digits.

    Examples
    --------
    >>> import convexscore as cs
    >>> cs.baselines.ntk([[1.0, 0.0]], [[1.0, 1.0], [0.0, 1.0], [-1.0, 1.0]])
    array([[ 0.375,  0.   , -0.125]])
    """
    first, second = _as_rows("U", U), _as_rows("V", V)
    if first.shape[1] != second.shape[1]:
        raise ValueError(f"V: expected {first.shape[1]} columns as in U, got {second.shape[1]}")
    units = [unit_rows(rows) for rows in (first, second)]
    apart, together = cdist(*units), cdist(units[0], -units[1])
    share = 0.5 - np.arctan2(apart, together) / np.pi
    return (first @ second.T) * share


def kernel_of(kernel: object, X: FloatArray) -> FloatArray:
    """Return the kernel matrix of the samples, symmetric, or raise naming what is wrong with it."""
    if len(X) > LARGEST_KERNEL:
        raise ValueError(
            f"X: expected at most {LARGEST_KERNEL} samples, whose kernel matrix is decomposed, got {len(X)}; "
            "take a random part of them"
        )
    matrix = kernel_between(kernel, X, X)
    diagonal = np.diagonal(matrix)
    if not (diagonal > 0).all():
        raise ValueError(
            f"X: expected rows whose kernel with themselves is positive, got {int((diagonal <= 0).sum())} "
            "others, such as rows of zeros, where nothing is learned; leave them out or append a column of "
            "ones"
        )
    if not _LEAST <= diagonal.max() <= _MOST:
        raise ValueError(
            f"X: expected kernel values from {_LEAST:g} to {_MOST:g}, got {diagonal.max():g}; rescale the "
            "data"
        )
    if np.abs(matrix - matrix.T).max() > _SYMMETRY * np.abs(matrix).max():
        raise ValueError("kernel: expected a symmetric function of two points, got one that is not")
    return 0.5 * (matrix + matrix.T)


def kernel_between(kernel: object, U: FloatArray, V: FloatArray) -> FloatArray:
    """Return what a kernel says of all pairs of rows, checked."""
    function = as_callable("kernel", kernel)
    found = as_returned("kernel", function(U, V), (len(U), len(V)), "a matrix of shape")
    matrix = np.asarray(found, dtype=np.float64)
    check_finite("kernel", matrix)
    return matrix


def _as_rows(name: str, values: ArrayLike) -> FloatArray:
    rows = as_data(name, values)
    if np.abs(rows).max() > _LARGEST:
        raise ValueError(f"{name}: expected numbers up to {_LARGEST:g}, got one of {np.abs(rows).max():g}")
    return rows
