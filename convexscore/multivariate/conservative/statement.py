"""The program of conservative networks in the plane stated literally in CVXPY: the readable reference.

Lines through a data point ``o`` (without bias, through zero) with directions between two neighbouring ones
``e, f`` at which the line meets another point have one pattern ``D``.  The neurons on such an arc add

    D (X - 1 o') W,      W = sum_k a_k u_k u_k',

to the score.  For positive coefficients the ``W`` are all ``p e e' + q (e f' + f e') + r f f'`` with
``p, q, r >= 0`` and ``p r >= q^2``, as 2 x 2 matrices of nonnegative numbers are sums of squares of
nonnegative vectors iff they are positive semidefinite; and ``sum_k a_k = tr W``.  So the statement is exact.
This file shares no code with the fast path.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from ..._support.validation import FloatArray, as_choice, as_real
from ...objectives import Objective, boundary_of
from ..statement import data_terms

if TYPE_CHECKING:
    import cvxpy

__all__ = ["ConservativeStatement", "state_conservative"]

# Angles closer than this are one.
_SAME = 1e-9


@dataclass(frozen=True, eq=False)
class ConservativeStatement:
    """A stated program: the CVXPY problem and its variables.

    Parameters
    ----------
    problem : cvxpy.Problem
        The program.
    b2, S : cvxpy.Variable or None
        The second-layer bias and the symmetric skip connection where the program has them.
    """

    problem: cvxpy.Problem
    b2: cvxpy.Variable | None
    S: cvxpy.Variable | None


def state_conservative(
    objective: Objective,
    beta: float,
    activation: str = "relu",
    skip: bool = False,
    bias: bool = True,
) -> ConservativeStatement:
    """State training of conservative networks of any width in CVXPY, for two features.

        min  1/2 || sum_j +-D_j (X - 1 o_j') W_j + 1 b2' + X S - L ||^2  +  beta sum_j tr W_j
             + [SM] (sum_j +-tr(D_j) tr W_j + n tr S)

    over ``W_j`` in the cones of all arcs ``j``, for coefficients of both signs.  Squares, traces and ``n``
    carry the sample weights, for data with limits times the weight of the loss, and then the sum of its
    gradient times the scores is added.

    Parameters
    ----------
    objective : ScoreMatching or DenoisingScoreMatching
        Data with two features, a few of them.
    beta : float
        Weight decay of the summed loss.
    activation : {"relu", "abs"}
        Activation.
    skip, bias : bool
        Whether ``S``, and whether ``b`` and ``b2`` exist.

    Returns
    -------
    ConservativeStatement
        ``statement.problem.solve(solver=...)`` gives the optimal training loss.

    Raises
    ------
    ValueError
        If the data have not two features, or an argument is out of range.

    Examples
    --------
    >>> import convexscore as cs
    >>> from convexscore.multivariate.conservative.statement import state_conservative
    >>> objective = cs.ScoreMatching([[0.0, 1.0], [1.0, 0.0], [-1.0, -1.0]])
    >>> statement = state_conservative(objective, 2.5, skip=True)
    >>> value = statement.problem.solve(solver="CLARABEL")
    >>> bool(abs(value - cs.solve(objective, 2.5, skip=True, conservative=True).value) < 1e-6)
    True
    """
    import cvxpy as cp

    as_choice("activation", activation, ("relu", "abs"))
    beta = as_real("beta", beta, minimum=0.0)
    X, w = objective.X, objective.weights * boundary_of(objective)[0]
    n, d = X.shape
    if d != 2:
        raise ValueError(f"objective: expected data with two features, got {d}")
    fields, counts, lengths = _arcs(objective, 0.0 if activation == "relu" else -1.0, bias)
    # Columns of fields belong to p, q and r of an arc.
    plus, minus = (cp.Variable((len(counts), 3)) for _ in range(2))
    cones = []
    for part in (plus, minus):
        p, q, r = part[:, 0], part[:, 1], part[:, 2]
        cones += [q >= 0, cp.SOC(p + r, cp.vstack([2 * q, p - r]))]
    b2 = cp.Variable((1, d)) if bias else None
    S = cp.Variable((d, d), symmetric=True) if skip else None
    made = fields.reshape(-1, n * d).T @ cp.vec(plus - minus, order="C")
    score = cp.reshape(made, (n, d), order="C")
    if b2 is not None:
        score += np.ones((n, 1)) @ b2
    if S is not None:
        score += X @ S
    loss = data_terms(objective, score)
    if objective.has_trace:
        loss += cp.sum(cp.multiply(counts[:, None] * lengths, plus - minus))
        loss += w.sum() * cp.trace(S) if S is not None else 0
    decay = cp.sum(cp.multiply(lengths, plus + minus))
    return ConservativeStatement(cp.Problem(cp.Minimize(loss + beta * decay), cones), b2, S)


def _arcs(objective: Objective, left: float, bias: bool) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return what ``p, q, r`` of each arc add to score ``(n_arcs, 3, n, 2)``, the counts, and to ``tr W``."""
    X, w = objective.X, objective.weights * boundary_of(objective)[0]
    fields, counts, lengths = [], [], []
    for origin in np.unique(X, axis=0) if bias else np.zeros((1, 2)):
        y = X - origin
        tied = ~y.any(axis=1)
        ends = _switches(y[~tied])
        for low, high in pairwise(ends):
            e, middle, f = (np.array([np.cos(t), np.sin(t)]) for t in (low, 0.5 * (low + high), high))
            bases = [np.outer(e, e), np.outer(e, f) + np.outer(f, e), np.outer(f, f)]
            for at_tie in (1.0, left):
                D = np.where(tied, at_tie, np.where(y @ middle > 0, 1.0, left))
                fields.append([D[:, None] * y @ basis for basis in bases])
                counts.append(w @ D)
                lengths.append([np.trace(basis) for basis in bases])
    return np.array(fields), np.array(counts), np.array(lengths)


def _switches(y: FloatArray) -> FloatArray:
    """Return the angles, once around, at which a line through zero meets a point, and a few more."""
    met = np.arctan2(y[:, 1], y[:, 0])
    # The further ones keep arcs below half a turn.
    every = np.concatenate([met + np.pi / 2, met - np.pi / 2, np.arange(4) * np.pi / 2]) % (2 * np.pi)
    every = np.sort(every)
    every = every[np.diff(every, prepend=-1.0) > _SAME]
    return np.append(every, every[0] + 2 * np.pi)
