"""Weights of the patterns' kernels, learned: from the neural tangent kernel to the gated convex program.

    min_v  1/2 |sum_i D_i X v_i - y|^2 + l sum_i |v_i|,      |v| = min_{eta >= 0} (|v|^2 / eta + eta) / 2

For given ``eta`` the minimum is kernel ridge regression with ``K = sum_i eta_i D_i X X' D_i``; for given
``v`` it is ``eta_i = |v_i|``.  Taking turns lowers the objective down to the optimum, from ``eta = p``, the
neural tangent kernel.  For several outputs the norms are nuclear norms and ``eta_i`` a matrix ``Q_i``,
``(W_i W_i')^{1/2}``.  Without smoothing that is trapped in the range of its first value; so
``Q_i = (W_i W_i' + e^2 I)^{1/2}`` with ``e`` falling from 0.1 to 1e-6.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.linalg import cho_factor, cho_solve

from ..._support.frozen import Frozen
from ..._support.progress import steps
from ..._support.sizes import as_size
from ..._support.validation import FloatArray, as_data, as_flag, as_real
from ...arrangements.enumeration import enumerate_patterns
from ...arrangements.patterns import Patterns
from .cells import start_weights
from .descent import as_labels

__all__ = ["ReweightedLeastSquares", "reweighted_least_squares"]

# Rows with larger entries have squares whose sums are no floats.
_LARGEST = 1e75
# The smoothing of several outputs: its start, its factor a step, its end.
_FIRST, _FACTOR, _LAST = 0.1, 0.97, 1e-6
# Entries of the largest temporary array.
_BLOCK = 2**22


@dataclass(frozen=True, eq=False)
class ReweightedLeastSquares(Frozen):
    """A gated network on all patterns, and the objective's way down.

    Parameters
    ----------
    values : ndarray of shape (n_iterations,)
        The objective ``1/2 |sum_i D_i X W_i - Y|^2 + penalty sum_i |W_i|`` (nuclear norms), first of ridge
        regression with the start's weights.
    matrices : ndarray of shape (n_patterns, n_columns) or (n_patterns, n_columns, n_outputs)
        The last ``W_i``.
    dual_norm : float
        ``max_i |X' D_i R| / penalty`` (spectral norms) of the residual ``R``: at an optimum at most 1.
    patterns : Patterns
        The patterns, whose witnesses are the gates.
    bias : bool
        Whether a column of ones was added.

    See Also
    --------
    reweighted_least_squares : Returns it.

    Examples
    --------
    >>> import convexscore as cs
    >>> found = cs.baselines.reweighted_least_squares([-1.0, 0.0, 2.0], [1.0, 0.0, 1.0], 0.1, 200, bias=True)
    >>> found([-1.0, 0.0, 2.0]).round(3), round(found.dual_norm, 6)
    (array([0.929, 0.017, 0.955]), 1.000001)
    """

    values: FloatArray
    matrices: FloatArray
    dual_norm: float
    patterns: Patterns
    bias: bool

    def __call__(self, x: ArrayLike) -> FloatArray:
        """Evaluate at rows ``(n, n_features)``; returns ``(n,)`` or ``(n, n_outputs)`` as the labels."""
        rows = _rows("x", x, self.bias)
        if rows.shape[1] != self.matrices.shape[1]:
            expected = self.matrices.shape[1] - self.bias
            raise ValueError(f"x: expected {expected} columns, got {rows.shape[1] - self.bias}")
        flat = self.matrices.reshape(len(self.matrices), self.matrices.shape[1], -1)
        gates = (rows @ self.patterns.witnesses.T >= 0).astype(float)
        made = np.einsum("np,nr,prq->nq", gates, rows, flat, optimize=True)
        return made.reshape(len(rows), *self.matrices.shape[2:])


def reweighted_least_squares(
    X: ArrayLike,
    Y: ArrayLike,
    penalty: float,
    n_iterations: int = 100,
    *,
    bias: bool = False,
    progress: bool = False,
) -> ReweightedLeastSquares:
    """Train a gated network by kernel ridge regressions whose weights are learned.

    The optimum for one output is that of ``solve(DenoisingScoreMatching(X, Y), penalty, gated=True)`` (there
    `bias` is on by default); for several outputs the smoothing leaves about 5e-4 of the value.

    Parameters
    ----------
    X : array of shape (n_samples, n_features)
        Inputs; 1-D arrays are one column.
    Y : array of shape (n_samples,) or (n_samples, n_outputs)
        Labels.
    penalty : float
        Weight of the norms, above 0.
    n_iterations : int
        Ridge regressions, at least 1; the first is that of the neural tangent kernel.
    bias : bool
        Whether to add a column of ones.
    progress : bool
        Show progress bars (needs tqdm).

    Returns
    -------
    ReweightedLeastSquares

    Raises
    ------
    TypeError, ValueError
        If an argument is of the wrong kind or out of range, there are too many patterns, or the penalty is so
        small that the systems are singular to rounding.

    See Also
    --------
    pattern_weights : The weights of the neural tangent kernel.
    convexscore.solve : Takes weights of patterns with ``penalty="ridge"``.

    Notes
    -----
    The start's weights are `pattern_weights` for rows of rank three and less, and equal beyond.

    Examples
    --------
    >>> import convexscore as cs
    >>> x, y = [-1.5, -0.4, 0.2, 0.9, 2.0], [0.5, -1.0, 0.3, 1.2, -0.4]
    >>> found = cs.baselines.reweighted_least_squares(x, y, 0.2, 100, bias=True)
    >>> found.values[[0, 1, 99]].round(5)
    array([0.8322 , 0.66603, 0.60982])
    >>> round(cs.solve(cs.DenoisingScoreMatching(x, y), 0.2, gated=True).value, 5)
    0.60982
    """
    bias = as_flag("bias", bias)
    rows = _rows("X", X, bias)
    labels = as_labels(Y, len(rows))
    level = as_real("penalty", penalty, minimum=0.0, strict=True)
    n = as_size("n_iterations", n_iterations, minimum=1, each=1)
    bar = as_flag("progress", progress)
    patterns = enumerate_patterns(rows, progress=bar)
    program = _Program(rows, labels.reshape(len(rows), -1), level, patterns.signs.astype(float))
    values = np.empty(n)
    start = start_weights(patterns)
    step = program.scalar if program.Y.shape[1] == 1 else program.matrix
    weights = start if program.Y.shape[1] == 1 else start[:, None, None] * np.eye(rows.shape[1])
    smoothing = _FIRST
    for k in steps(n, bar, "ridge regressions"):
        W, residual, norms, weights = step(weights, smoothing)
        values[k] = 0.5 * np.vdot(residual, residual) + level * norms
        smoothing = max(_FACTOR * smoothing, _LAST)
    dual = float(np.linalg.norm(program.correlations(residual), 2, axis=(1, 2)).max()) / level
    if not (np.isfinite(values).all() and np.isfinite(dual)):
        raise ValueError(f"Y: expected labels for which the objective is a float, got {values[-1]} for it")
    shape = (len(W), rows.shape[1], *labels.shape[1:])
    return ReweightedLeastSquares(values, W.reshape(shape), dual, patterns, bias)


@dataclass(frozen=True, eq=False)
class _Program:
    """The data of the program.

    Rows and labels are matrices, `active` has the patterns as ones and zeros, shape
    ``(n_patterns, n_samples)``.
    """

    X: FloatArray
    Y: FloatArray
    penalty: float
    active: FloatArray

    def correlations(self, residual: FloatArray) -> FloatArray:
        """Return ``X' D_i R``, shape ``(n_patterns, n_columns, n_outputs)``."""
        return np.einsum("pn,nr,nq->prq", self.active, self.X, residual, optimize=True)

    def scalar(self, eta: FloatArray, smoothing: float) -> tuple[FloatArray, FloatArray, float, FloatArray]:
        """Solve for one output; return the vectors, the residual, the sum of norms and the next weights."""
        kernel = ((eta[:, None] * self.active).T @ self.active) * (self.X @ self.X.T)
        dual = self._solved(kernel)
        v = eta[:, None, None] * self.correlations(dual)
        lengths = np.linalg.norm(v[:, :, 0], axis=1)
        return v, self.penalty * dual, float(lengths.sum()), lengths

    def matrix(self, Q: FloatArray, smoothing: float) -> tuple[FloatArray, FloatArray, float, FloatArray]:
        """Solve for several outputs; return the matrices, the residual, nuclear norms, the next weights."""
        kernel = np.zeros((len(self.X), len(self.X)))
        size = max(1, _BLOCK // self.X.size)
        for start in range(0, len(Q), size):
            active = self.active[start : start + size]
            spread = np.einsum("pn,nr,prs->pns", active, self.X, Q[start : start + size], optimize=True)
            masked = active[:, :, None] * self.X
            kernel += np.einsum("pns,pms->nm", spread, masked, optimize=True)
        dual = self._solved(0.5 * (kernel + kernel.T))
        W = Q @ self.correlations(dual)
        left, sizes, _ = np.linalg.svd(W)
        grown = np.full(W.shape[:2], smoothing**2)
        grown[:, : sizes.shape[1]] += sizes**2
        weights = (left * np.sqrt(grown)[:, None]) @ left.transpose(0, 2, 1)
        return W, self.penalty * dual, float(sizes.sum()), weights

    def _solved(self, kernel: FloatArray) -> FloatArray:
        """Return ``(K + penalty I)^-1 Y``."""
        system = kernel + self.penalty * np.eye(len(kernel))
        try:
            return np.asarray(cho_solve(cho_factor(system), self.Y), dtype=float)
        except (np.linalg.LinAlgError, ValueError) as error:
            raise ValueError(
                "penalty: expected a number for which K + penalty I is positive definite in floats, got "
                f"{self.penalty:g} beside kernel values up to {np.abs(kernel).max():g}"
            ) from error


def _rows(name: str, values: ArrayLike, bias: bool) -> FloatArray:
    data = as_data(name, values)
    if np.abs(data).max() > _LARGEST:
        raise ValueError(f"{name}: expected numbers up to {_LARGEST:g}, got one of {np.abs(data).max():g}")
    return np.hstack([data, np.ones((len(data), 1))]) if bias else data
