"""The univariate programs stated literally in CVXPY: the readable reference.

    min  1/2 ||A y + b2 1 + V x - l||^2  +  c'y  +  n V [SM]  +  beta ||y||_1

The columns of ``A`` and the entries of ``c`` are in the table at the head of `program`.  Data with limits
have weights ``w h`` in place of ``w``, ``l = 0``, and ``+ sum w h' s`` in the objective.  This file
shares no code with the fast paths: it works on the samples as they come, with one set of atoms a
sample, repetitions included.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .._support.validation import FloatArray, as_choice, as_real
from ..objectives import Objective, boundary_of

if TYPE_CHECKING:
    import cvxpy

__all__ = ["Statement", "state_univariate"]


class Statement:
    """A stated program: the CVXPY problem and its variables.

    Parameters
    ----------
    problem : cvxpy.Problem
        The program.
    y, b2, V : cvxpy.Variable
        Its variables; `V` is None without skip.
    """

    def __init__(
        self,
        problem: cvxpy.Problem,
        y: cvxpy.Variable,
        b2: cvxpy.Variable,
        V: cvxpy.Variable | None,
    ) -> None:
        self.problem, self.y, self.b2, self.V = problem, y, b2, V


def state_univariate(
    objective: Objective,
    beta: float,
    activation: str = "relu",
    skip: bool = False,
    shape: str | None = None,
    tails: tuple[float, float] | None = None,
) -> Statement:
    """State one of the eight univariate programs (ZP Thm 3.1, A.4-A.6, 4.1, B.1-B.3) in CVXPY.

    Parameters
    ----------
    objective : ScoreMatching or DenoisingScoreMatching
        One-dimensional data.
    beta : float
        Weight decay of the summed loss.
    activation : {"relu", "abs"}
        Activation.
    skip : bool
        Whether the network has a skip connection ``V x``.
    shape : {None, "log-concave"}
        ``"log-concave"`` adds that every slope of the score is at most zero, outside the data too.
    tails : tuple of two floats, optional
        Bounds of the outer slopes of the score, left and right of the data.

    Returns
    -------
    Statement
        ``statement.problem.solve(solver=...)`` runs any CVXPY solver.  For DSM the optimal value is
        that of the training objective; for SM too.

    Raises
    ------
    ValueError
        If an argument is out of range.

    Examples
    --------
    >>> import convexscore as cs
    >>> from convexscore.univariate.statement import state_univariate
    >>> obj = cs.ScoreMatching([0.0, 1.0, 3.0])
    >>> statement = state_univariate(obj, beta=2.0, activation="relu")
    >>> round(float(statement.problem.solve(solver="CLARABEL")), 6)
    -0.107143
    """
    import cvxpy as cp

    as_choice("activation", activation, ("relu", "abs"))
    beta = as_real("beta", beta, minimum=0.0)
    x, (share, gradient) = objective.X[:, 0], boundary_of(objective)
    w, pull = objective.weights * share, objective.weights * gradient[:, 0]
    atoms = _relu_atoms if activation == "relu" else _abs_atoms
    A, c = atoms(x, w)
    if not objective.has_trace:
        c = np.zeros_like(c)

    y = cp.Variable(A.shape[1])
    b2 = cp.Variable()
    V = cp.Variable() if skip else None
    score = A @ y + b2 + (V * x if V is not None else 0)
    label = np.zeros(x.size) if objective.has_trace else objective.targets[:, 0]
    loss = 0.5 * cp.sum_squares(cp.multiply(np.sqrt(w), score - label)) + c @ y + pull @ score
    if V is not None and objective.has_trace:
        loss += w.sum() * V
    constraints = []
    slopes = _slopes(x, activation) @ y + (V if V is not None else 0)
    if shape is not None and as_choice("shape", shape, ("log-concave",)):
        constraints.append(slopes <= 0)
    if tails is not None:
        constraints += [slopes[0] <= tails[0], slopes[-1] <= tails[1]]
    return Statement(cp.Problem(cp.Minimize(loss + beta * cp.norm1(y)), constraints), y, b2, V)


def _relu_atoms(x: FloatArray, w: FloatArray) -> tuple[FloatArray, FloatArray]:
    right = np.maximum(x[:, None] - x, 0)
    left = np.maximum(x - x[:, None], 0)
    at_least, above = w @ (x[:, None] >= x), w @ (x[:, None] > x)
    at_most, below = w @ (x[:, None] <= x), w @ (x[:, None] < x)
    return np.hstack([right, right, left, left]), np.hstack([at_least, above, -at_most, -below])


def _abs_atoms(x: FloatArray, w: FloatArray) -> tuple[FloatArray, FloatArray]:
    distance = np.abs(x[:, None] - x)
    at_least, above = w @ (x[:, None] >= x), w @ (x[:, None] > x)
    at_most, below = w @ (x[:, None] <= x), w @ (x[:, None] < x)
    return np.hstack([distance, distance]), np.hstack([at_least - below, above - at_most])


def _slopes(x: FloatArray, activation: str) -> FloatArray:
    """Return the slope of every atom on every piece of the line between data, and beyond them."""
    edges = np.unique(x)
    inside = np.concatenate([[edges[0] - 1], 0.5 * (edges[1:] + edges[:-1]), [edges[-1] + 1]])[:, None]
    if activation == "abs":
        return np.tile(np.sign(inside - x), 2)
    right, left = 1.0 * (inside > x), -1.0 * (inside < x)
    return np.hstack([right, right, left, left])
