"""Pattern programs without weight decay (ZP Theorem 3.2 for score matching, 4.2 for denoising).

    score matching:  min_W  1/2 || sum_j D_j X W_j ||^2 + sum_j tr(D_j) tr(W_j)
    denoising:       min_W  1/2 || sum_j D_j X W_j - L ||^2

one matrix ``W_j`` a pattern, rows of ``X`` with a 1 added with bias, and ``X V'`` (trace ``n tr V``) with
skip, which is the block of the pattern of ones and 1.  With the blocks stacked, ``A = [D_1 X .. D_P X]``
and ``T`` the stack of ``tr(D_j) I``, denoising is solved by ``W = A^+ L`` and score matching has a minimum
iff ``T`` is in the range of ``A'``; then ``W = -A^+ B`` with ``A'B = T``, for data with limits, whose labels
``L`` stand beside the trace, ``A'B = T - A'L``.  All are solutions of minimum norm.

With more unknowns than data everything goes through the kernel ``K = A A' = (sum_j d_j d_j') o X X'``, one
row a data point: ``A^+ = A' K^+``.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._support.progress import stages
from .._support.validation import FloatArray
from ..errors import UnboundedError
from ..networks.gated import ScoreNetwork
from ..problem import Problem
from ..results import Certificate, Solution, SolveStats, judged
from .certificate import certify_matrices, matrix_scale
from .cone_decomposition import cone_network
from .gated import network_of_matrices
from .patterns import on_patterns
from .program import NeuronProgram

__all__ = [
    "UnpenalizedSolution",
    "certify_without_decay",
    "pattern_kernel",
    "solve_unpenalized",
    "solve_without_decay",
]

# Eigenvalues and residuals below this share of the largest count as zero.
_RANK = 1e-11
_IN_RANGE = 1e-8


@dataclass(frozen=True, eq=False)
class UnpenalizedSolution:
    """A solution of minimum norm.

    Parameters
    ----------
    W : ndarray of shape (n_patterns, n_columns, n_features)
        The matrices of the patterns.
    V : ndarray of shape (n_features, n_features)
        The skip connection, zero without.
    residual : ndarray of shape (n_points, n_features)
        ``root_mass (S - L)``.
    """

    W: FloatArray
    V: FloatArray
    residual: FloatArray


def pattern_kernel(
    rows: FloatArray, slope: NDArray[np.int8], weights: FloatArray | None = None
) -> FloatArray:
    """Return ``(sum_j p_j d_j d_j') o X X'``, shape ``(n_points, n_points)``; weights are one by default."""
    gram = _gram(slope) if weights is None else (weights[:, None] * slope).T @ slope
    return gram * (rows @ rows.T)


def solve_unpenalized(program: NeuronProgram, slope: NDArray[np.int8]) -> UnpenalizedSolution:
    """Solve the program on given patterns.

    Parameters
    ----------
    program : NeuronProgram
        A gated program.
    slope : int8 ndarray of shape (n_patterns, n_points)
        The patterns, as derivatives of the activation.

    Returns
    -------
    UnpenalizedSolution

    Raises
    ------
    UnboundedError
        If score matching has no minimum on these patterns.
    """
    n, r = program.rows.shape
    d = program.n_features
    labels = program.root_mass * program.target
    features = (_KernelFeatures if n <= r * len(slope) else _DenseFeatures)(program, slope)
    if program.has_trace:
        T = _stacked_traces(program, slope) - features.adjoint(labels)
        B = features.preimage(T)
        off = float(np.abs(features.adjoint(B) - T).max())
        total = matrix_scale(program)
        if off > _IN_RANGE * max(total, 1.0):
            raise UnboundedError(
                "beta: expected weight decay above 0, because score matching without it is unbounded on "
                f"these {len(slope)} patterns: the traces are not in the range of the features (off by "
                f"{off:.3g} of {total:.3g})"
            )
        stacked = -features.least_squares(B)
    else:
        stacked = features.least_squares(labels)
    W = stacked[: len(slope) * r].reshape(len(slope), r, d)
    V = stacked[len(slope) * r :].T if program.skip else np.zeros((d, d))
    return UnpenalizedSolution(W, V, features.scores(stacked) - labels)


def _stacked_traces(program: NeuronProgram, slope: NDArray[np.int8]) -> FloatArray:
    block = np.eye(program.rows.shape[1], program.n_features)
    parts = [count * block for count in slope @ program.trace_mass]
    return np.concatenate([*parts, program.free_trace])


class _DenseFeatures:
    """The matrix ``A`` itself, for more data than unknowns."""

    def __init__(self, program: NeuronProgram, slope: NDArray[np.int8]) -> None:
        rows = program.root_mass * program.rows
        self.A = np.hstack([D[:, None] * rows for D in slope] + [program.root_mass * program.free])

    def scores(self, stacked: FloatArray) -> FloatArray:
        return self.A @ stacked

    def adjoint(self, C: FloatArray) -> FloatArray:
        return self.A.T @ C

    def least_squares(self, right: FloatArray) -> FloatArray:
        """Return ``A^+ right``."""
        return np.linalg.lstsq(self.A, right, rcond=_RANK)[0]

    def preimage(self, T: FloatArray) -> FloatArray:
        """Return ``B`` with ``A'B = T``, or as nearly as can be."""
        return np.linalg.lstsq(self.A.T, T, rcond=_RANK)[0]


class _KernelFeatures:
    """``A`` by its products only, for more unknowns than data."""

    def __init__(self, program: NeuronProgram, slope: NDArray[np.int8]) -> None:
        self.slope = slope.astype(np.float64)
        self.rows, self.free = program.root_mass * program.rows, program.root_mass * program.free
        kernel = pattern_kernel(self.rows, slope) + self.free @ self.free.T
        values, vectors = np.linalg.eigh(kernel)
        kept = values > _RANK * values[-1]
        self.values, self.vectors = values[kept], vectors[:, kept]

    def scores(self, stacked: FloatArray) -> FloatArray:
        P, r = len(self.slope), self.rows.shape[1]
        W = stacked[: P * r].reshape(P, r, -1)
        mixed = np.tensordot(self.slope, W, axes=(0, 0))
        scores: FloatArray = np.einsum("nr,nrd->nd", self.rows, mixed) + self.free @ stacked[P * r :]
        return scores

    def adjoint(self, C: FloatArray) -> FloatArray:
        products = self.rows[:, :, None] * C[:, None, :]
        W = np.tensordot(self.slope, products, axes=(1, 0))
        return np.concatenate([W.reshape(-1, C.shape[1]), self.free.T @ C])

    def least_squares(self, right: FloatArray) -> FloatArray:
        """Return ``A^+ right = A'K^+ right``."""
        return self.adjoint(self._inverse(right))

    def preimage(self, T: FloatArray) -> FloatArray:
        """Return ``B`` with ``A'B = T``, or as nearly as can be."""
        return self._inverse(self.scores(T))

    def _inverse(self, right: FloatArray) -> FloatArray:
        inverse: FloatArray = (self.vectors / self.values) @ (self.vectors.T @ right)
        return inverse


def _gram(slope: NDArray[np.int8]) -> FloatArray:
    """Return ``sum_j d_j d_j'`` without making all patterns floats at once."""
    size = max(1, 4_000_000 // slope.shape[1])
    gram = np.zeros((slope.shape[1], slope.shape[1]))
    for start in range(0, len(slope), size):
        block = slope[start : start + size].astype(float)
        gram += block.T @ block
    return gram


def certify_without_decay(problem: Problem, beta: float, network: ScoreNetwork) -> Certificate:
    """Certify a network that any method has trained, for no weight decay."""
    program, given, slope = on_patterns(problem)
    return certify_matrices(
        program, slope, network, "global" if given.complete and not problem.gated else "patterns"
    )


def solve_without_decay(
    problem: Problem, beta: float, *, solver: str, tol: float, verbose: bool, options: dict[str, Any]
) -> Solution:
    """Train without weight decay; see `solve` for the parameters."""
    start = time.perf_counter()
    gated = problem.gated
    write = network_of_matrices if gated else cone_network
    with stages(4, verbose, "least squares") as begin:
        begin("patterns")
        program, given, slope = on_patterns(problem, verbose)
        begin("solution")
        solution = solve_unpenalized(program, slope)
        begin("network")
        made: ScoreNetwork = write(program, given, solution.W, solution.V)
        begin("certificate")
        scope = "global" if given.complete and not gated else "patterns"
        certificate = certify_matrices(program, slope, made, scope)
    seconds = time.perf_counter() - start
    stats = SolveStats("least_squares", 1, seconds, len(slope))
    status = judged(certificate, tol)
    theorem = None if gated or problem.skip else "3.2" if program.has_trace else "4.2"
    return Solution(made, certificate.primal, status, certificate, stats, 0.0, theorem=theorem)
