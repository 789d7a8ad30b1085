"""Gated networks with weight decay: a semismooth Newton augmented Lagrangian method for nuclear norms.

    min_W  1/2 ||P (sum_j A_j W_j - L)||^2 + sum_j <T_j, W_j> + beta sum_j ||W_j||_*,     A_j = D_j X

``P`` removes the free part.  In the dual, with ``M_j(Z) = A_j'Z + T_j``, every spectral norm ``||M_j(Z)||``
is at most ``beta``.  The augmented Lagrangian at ``W`` with parameter ``sigma`` is minimized over ``Z``,

    1/2 ||Z||^2 + <P L, Z> + 1/(2 sigma) sum_j || F_j ||^2,   F_j = shrink(W_j - sigma M_j(Z), sigma beta),

by Newton's method, where ``shrink`` lowers singular values; then ``W <- F`` and ``sigma`` grows.  The
Newton system has one unknown a data point and feature however many patterns there are, and only patterns
whose ``F_j`` is not zero enter it (Li, Sun & Toh 2018 for the lasso).  Patterns far from their bound are
left out and priced again.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..._support.progress import steps as counted_steps
from ..._support.validation import FloatArray
from ..pricing.gates import GatePricer
from ..program import NeuronProgram, Neurons
from .column_generation import Generated

__all__ = ["solve_nuclear_norm"]

# First parameter of the augmented Lagrangian, in units of the features' inverse squares.
_FIRST_SIGMA = 1000.0
# Outer and inner iterations at most, patterns added between outer ones, and after which of either to doubt.
_OUTER, _INNER, _ADDED, _DOUBT, _STEPS = 60, 40, 150, 25, 120


def solve_nuclear_norm(
    program: NeuronProgram,
    pricer: GatePricer,
    beta: float,
    *,
    hair: float = 5e-8,
    progress: bool = False,
) -> Generated | None:
    """Minimize over all gated networks with the patterns of `pricer`.

    Parameters
    ----------
    program : NeuronProgram
        A gated program.
    pricer : GatePricer
        Its patterns.
    beta : float
        Weight decay, positive.
    hair : float
        By which share of `beta` the weight decay is lowered, and the violation allowed.
    progress : bool
        Show a progress bar (needs tqdm).

    Returns
    -------
    Generated or None
        None if it does not converge, as where score matching is unbounded.
    """
    aim = beta * (1 - hair)
    system = _System(program, pricer)
    residual = program.zero_residual
    fixed = residual + system.labels
    Z = residual - fixed
    size = pricer.spectral_norms(residual)
    working = system.violated(size, aim, np.zeros(0, dtype=np.intp))
    W = np.zeros((working.size, program.rows.shape[1], program.n_features))
    reach = max(float(np.linalg.norm(system.rows)), 1e-150)
    sigma = _FIRST_SIGMA / reach**2
    excess, inside, slack, steps = np.inf, np.inf, np.inf, 0
    best = excess, working, W, residual
    for number in counted_steps(_OUTER, progress, "outer steps"):
        blocks = system.on(working)
        # Loose at first, when the multiplier is wrong anyway; then so that no correlation is off by much.
        accuracy = 0.1 * aim * min(max(0.1 * max(excess, slack), hair), 0.1) / reach
        Z, W, inner = _minimized(blocks, W, Z, fixed, sigma, aim, accuracy)
        steps += inner
        if not np.isfinite(W).all() or ((steps > _STEPS or number > _DOUBT) and excess > 0.1):
            return None
        used = np.abs(W).max(axis=(1, 2), initial=0.0) > 0
        working, W = working[used], W[used]
        residual = program.zero_residual + system.on(working).scores(W)
        size = pricer.spectral_norms(residual)
        before, inside = max(inside, slack), float(size[working].max(initial=0.0)) / aim - 1
        excess = float(size.max()) / aim - 1
        slack = _slack(system.on(working), W, residual, aim)
        if max(excess, slack) < best[0]:
            best = max(excess, slack), working, W, residual
        if max(excess, slack) <= hair or (inner == _INNER and best[0] < 1e-5):
            break
        # The error falls by a factor proportional to 1 / sigma: when that is fast, keep the system sane.
        if max(inside, slack) > max(0.1 * before, 1e-8, 0.3 * excess):
            sigma *= 5.0
        more = system.violated(size, aim, working)
        union = np.union1d(working, more)
        padded = np.zeros((union.size, *W.shape[1:]))
        padded[np.searchsorted(union, working)] = W
        working, W = union, padded
    excess, working, W, residual = best
    if excess > 1e-3:
        return None
    neurons, outputs = Neurons.from_matrices(pricer.slope[working], W)
    return Generated(neurons, outputs, residual, aim * (1 + excess), steps, working.size)


@dataclass(frozen=True, eq=False)
class _Blocks:
    """The patterns in use: features ``A`` (n_blocks, n_points, n_columns), weighted, and traces ``T``."""

    program: NeuronProgram
    A: FloatArray
    T: FloatArray
    labels: FloatArray

    def correlations(self, residual: FloatArray) -> FloatArray:
        """Return ``M`` of each block."""
        M: FloatArray = np.swapaxes(self.A, 1, 2) @ residual + self.T
        return M

    def scores(self, W: FloatArray) -> FloatArray:
        """Return ``P sum_j A_j W_j``."""
        return self.program.project(np.einsum("jnr,jrd->nd", self.A, W))


class _System:
    """The program with all patterns of a pricer."""

    def __init__(self, program: NeuronProgram, pricer: GatePricer) -> None:
        self.program, self.pricer = program, pricer
        self.rows = program.root_mass * program.rows
        # Labels beside a trace, which are large near the data's limits, are left to the fixed residual.
        labels = 0.0 * program.target if program.has_trace else program.root_mass * program.target
        self.labels = program.project(labels)

    def on(self, patterns: NDArray[np.intp]) -> _Blocks:
        slope = self.pricer.slope[patterns].astype(float)
        d = self.program.n_features
        T = np.zeros((patterns.size, self.rows.shape[1], d))
        T[:, np.arange(d), np.arange(d)] = (slope @ self.program.trace_mass)[:, None]
        return _Blocks(self.program, slope[:, :, None] * self.rows, T, self.labels)

    def violated(self, size: FloatArray, beta: float, known: NDArray[np.intp]) -> NDArray[np.intp]:
        """Return patterns beyond `known` that exceed `beta`, the largest violations first."""
        size = size.copy()
        size[known] = 0.0
        order = np.argsort(-size)
        return order[: min(int(np.count_nonzero(size > beta)), _ADDED)]


def _slack(blocks: _Blocks, W: FloatArray, residual: FloatArray, beta: float) -> float:
    """Return a feasible residual's duality gap, ``sum beta ||W||_* + <W, M>``, over the value's scale."""
    nuclear = np.linalg.norm(W, "nuc", axis=(1, 2)).sum()
    gap = beta * nuclear + np.sum(W * blocks.correlations(residual))
    program = blocks.program
    if program.has_trace:
        size = np.sum((residual + program.root_mass * program.target) ** 2)
    else:
        size = np.sum(residual**2) + np.sum(program.target**2)
    scale = size + program.trace_mass.sum()
    return float(gap / max(scale, 1e-300))


def _minimized(
    blocks: _Blocks,
    W: FloatArray,
    Z: FloatArray,
    fixed: FloatArray,
    sigma: float,
    beta: float,
    accuracy: float,
) -> tuple[FloatArray, FloatArray, int]:
    """Minimize the augmented Lagrangian over the residual; return it, the new weights, and Newton steps."""
    steps = 0
    while True:
        G = W - sigma * blocks.correlations(Z + fixed)
        F, weights, columns = _shrunk(blocks, G, sigma * beta)
        gradient = Z + blocks.labels - blocks.scores(F)
        off = float(np.linalg.norm(gradient))
        if off <= accuracy or steps == _INNER:
            break
        moved = _newton_step(blocks, W, Z, fixed, F, gradient, weights, columns, sigma, beta)
        if moved is None:
            break
        Z, steps = moved, steps + 1
    return Z, F, steps


def _newton_step(
    blocks: _Blocks,
    W: FloatArray,
    Z: FloatArray,
    fixed: FloatArray,
    F: FloatArray,
    gradient: FloatArray,
    weights: FloatArray,
    columns: FloatArray,
    sigma: float,
    beta: float,
) -> FloatArray | None:
    """Return the residual after one Newton step with a line search; None where rounding allows no descent."""
    from scipy.linalg import LinAlgError, cho_factor, cho_solve

    C = columns * np.sqrt(sigma * weights)
    g = gradient.reshape(-1)
    n, k = C.shape
    # (I + C C')^-1 = I - C (I + C'C)^-1 C'.
    system = C.T @ C if k < n else C @ C.T
    system[np.diag_indices(min(n, k))] += 1.0
    try:
        factor = cho_factor(system, check_finite=False)
    except LinAlgError:
        return None
    step = cho_solve(factor, g) if k >= n else g - C @ cho_solve(factor, C.T @ g)
    step = -step.reshape(Z.shape)
    slope = float(np.sum(gradient * step))
    value = _lagrangian(blocks, Z, F, sigma)
    length = 1.0
    for _ in range(20):
        trial = Z + length * step
        new = _lagrangian(
            blocks, trial, _shrink(W - sigma * blocks.correlations(trial + fixed), sigma * beta), sigma
        )
        if new <= value + 1e-4 * length * slope + 1e-14 * abs(value):
            return trial
        length *= 0.5
    return None


def _lagrangian(blocks: _Blocks, Z: FloatArray, F: FloatArray, sigma: float) -> float:
    return float(0.5 * np.sum(Z**2) + np.sum(blocks.labels * Z) + np.sum(F**2) / (2 * sigma))


def _shrink(G: FloatArray, by: float) -> FloatArray:
    """Return the blocks with singular values lowered by `by`, at most to zero."""
    F = np.zeros_like(G)
    big = np.flatnonzero(np.einsum("jrd,jrd->j", G, G) > by**2)
    left, size, right = np.linalg.svd(G[big], full_matrices=False)
    F[big] = (left * np.maximum(size - by, 0.0)[:, None, :]) @ right
    return F


def _shrunk(blocks: _Blocks, G: FloatArray, by: float) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return the shrunken blocks, and the derivative of ``P sum A_j shrink(G_j)`` as weights and columns.

    In the basis of its singular vectors the derivative of shrinking is diagonal: symmetric parts are divided
    differences of ``f(s) = max(s - by, 0)``, antisymmetric ones ``(f_i + f_j) / (s_i + s_j)``, and directions
    outside the column space ``f_j / s_j``.
    """
    program, (r, d) = blocks.program, G.shape[1:]
    F = np.zeros_like(G)
    big = np.flatnonzero(np.einsum("jrd,jrd->j", G, G) > by**2)
    left, size, right = np.linalg.svd(G[big])
    big, left, size, right = (part[size[:, 0] > by] for part in (big, left, size, right))
    if big.size == 0:
        return F, np.zeros(0), np.zeros((program.root_mass.size * d, 0))
    size = np.concatenate([size, np.zeros((big.size, max(r, d) - size.shape[1]))], axis=1)
    f = np.maximum(size - by, 0.0)
    least = min(r, d)
    F[big] = (left[:, :, :least] * f[:, None, :least]) @ right[:, :least]
    features = blocks.A[big] @ left
    weights, columns = [], []

    def add(weight: FloatArray, parts: list[tuple[int, int, float]]) -> None:
        on = weight > 0
        column = sum(c * features[on][:, :, i, None] * right[on][:, None, j, :] for i, j, c in parts)
        weights.append(weight[on])
        columns.append(column)

    for i in range(r):
        for j in range(d):
            if i == j:
                add((size[:, i] > by).astype(float), [(i, i, 1.0)])
            elif i < least and j < least:
                if i < j:
                    gap = size[:, i] - size[:, j]
                    slope = np.where(
                        gap > 1e-12 * size[:, i], (f[:, i] - f[:, j]) / np.maximum(gap, 1e-300), 1.0
                    )
                    add(np.minimum(slope, 1.0), [(i, j, np.sqrt(0.5)), (j, i, np.sqrt(0.5))])
                    total = (f[:, i] + f[:, j]) / (size[:, i] + size[:, j])
                    add(total, [(i, j, np.sqrt(0.5)), (j, i, -np.sqrt(0.5))])
            else:
                inner = min(i, j)
                add(f[:, inner] / np.maximum(size[:, inner], 1e-300), [(i, j, 1.0)])
    stacked = np.concatenate(columns)
    basis = program.free_basis[0]
    stacked = stacked - basis @ (basis.T @ stacked)
    return F, np.concatenate(weights), stacked.reshape(len(stacked), -1).T
