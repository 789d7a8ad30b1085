"""Gated networks with a squared penalty: kernel ridge regression with the kernel of the patterns.

    min_W  1/2 || sum_j D_j X W_j + X V' - L ||^2  +  beta/2 sum_j ||W_j||_F^2 / p_j
           + [SM] (sum_j tr(D_j) tr(W_j) + n tr V)

Stationarity gives ``W_j = -p_j (X'D_j Z + tr(D_j) I) / beta`` with the residual ``Z``, and inserted in
``Z = S - L``, with ``K = (sum_j p_j d_j d_j') o X X'``,

    (K / beta + 1) Z = -L - (sum_j p_j tr(D_j) D_j) X / beta + X V'.

With the patterns' probabilities as ``p`` this is the neural tangent kernel's ridge regression: the convex
program with nuclear norms learns those weights.
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._support.progress import stages
from .._support.validation import FloatArray
from ..problem import Problem
from ..results import Solution, SolveStats, judged
from .certificate import scaled_certificate
from .gated import network_of_matrices
from .patterns import on_patterns
from .pricing.gates import GatePricer
from .program import NeuronProgram
from .unpenalized import pattern_kernel

__all__ = ["solve_ridge", "solve_ridge_network"]


def solve_ridge(
    program: NeuronProgram, slope: NDArray[np.int8], beta: float, weights: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Solve the program on given patterns.

    Parameters
    ----------
    program : NeuronProgram
        A gated program.
    slope : int8 ndarray of shape (n_patterns, n_points)
        The patterns, as derivatives of the activation.
    beta : float
        Weight of the penalty, positive.
    weights : ndarray of shape (n_patterns,)
        The weights ``p`` of the patterns.

    Returns
    -------
    W : ndarray of shape (n_patterns, n_columns, n_features)
        The matrices of the patterns.
    residual : ndarray of shape (n_points, n_features)
        ``root_mass (S - L)``.
    V : ndarray of shape (n_features, n_features)
        The skip connection, zero without.
    """
    d = program.n_features
    V, residual = np.zeros((d, d)), np.zeros((len(program.rows), d))
    rows = program.root_mass * program.rows
    traces = slope @ program.trace_mass
    system = pattern_kernel(rows, slope, weights) / beta + np.eye(len(rows))
    right = -program.root_mass * program.target - (slope.T @ (weights * traces))[:, None] * rows[:, :d] / beta
    if program.skip:
        # Z = system^-1 (right + X V'), and V' such that X'Z + [SM] n I = 0.
        points = rows[:, :d]
        solved = np.linalg.solve(system, np.hstack([right, points]))
        from_right, from_points = points.T @ solved[:, :d], points.T @ solved[:, d:]
        V = np.asarray(np.linalg.lstsq(from_points, -from_right - program.free_trace, rcond=1e-12)[0].T)
        residual = solved[:, :d] + solved[:, d:] @ V.T
    else:
        residual = np.asarray(np.linalg.solve(system, right))
    W = np.einsum("jn,nr,nd->jrd", slope.astype(float), rows, residual, optimize=True)
    diagonal = np.arange(d)
    W[:, diagonal, diagonal] += traces[:, None]
    return -weights[:, None, None] * W / beta, residual, V


def solve_ridge_network(
    problem: Problem, beta: float, *, solver: str, tol: float, verbose: bool, options: dict[str, Any]
) -> Solution:
    """Train a gated network with the penalty ``beta/2 sum_j ||W_j||_F^2 / p_j``; see `solve`.

    The value is that of this program, not the network's own weight decay.
    """
    start = time.perf_counter()
    with stages(3, verbose, "ridge regression") as begin:
        begin("patterns")
        program, given, slope = on_patterns(problem, verbose)
        begin("solution")
        W, residual, V = solve_ridge(program, slope, beta, given.weights)
        begin("network")
        made = network_of_matrices(program, given, W, V)
    used = given.weights > 0
    divided = W[used] / given.weights[used, None, None]
    penalty = 0.5 * beta * float(np.sum(W[used] * divided))
    primal = program.loss(made) + penalty
    # At the optimum W / p = -(A'Z + T) / beta: the dual value is the loss at Z less the same penalty.
    dual = program.dual_value(residual) - penalty
    pulled = GatePricer(program, slope).matrices(residual)[used] + beta * divided
    violation = float(np.abs(pulled).max(initial=0.0))
    certificate = scaled_certificate(program, primal, dual, violation, "patterns", made, penalty)
    stats = SolveStats("kernel", 1, time.perf_counter() - start, len(slope))
    status = judged(certificate, tol)
    return Solution(made, primal, status, certificate, stats, beta)
