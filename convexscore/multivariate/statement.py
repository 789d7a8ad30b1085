"""The programs of many dimensions stated literally in CVXPY: the readable reference.

Gated networks, networks over a list of neurons, and given patterns without weight decay (the formulas are
with the functions).  This file shares no code with the fast paths: it works on the samples as they come,
repetitions included, in their own units.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .._support.validation import FloatArray, as_choice, as_real
from ..objectives import Objective, boundary_of
from ..objectives.support import has_no_weight

if TYPE_CHECKING:
    import cvxpy

__all__ = ["NeuronStatement", "data_terms", "state_gated", "state_neurons", "state_unpenalized"]

# Pre-activations below this share of the largest are ties.
_TIE = 1e-12


@dataclass(frozen=True, eq=False)
class NeuronStatement:
    """A stated program: the CVXPY problem and its variables.

    Parameters
    ----------
    problem : cvxpy.Problem
        The program.
    W : list of cvxpy.Variable
        One matrix a pattern, or for given neurons one matrix with a row ``v_k'`` a neuron.
    b2, V : cvxpy.Variable or None
        The second-layer bias and the skip connection where the program has them.
    """

    problem: cvxpy.Problem
    W: list[cvxpy.Variable]
    b2: cvxpy.Variable | None
    V: cvxpy.Variable | None


def state_gated(
    objective: Objective,
    beta: float,
    patterns: NDArray[np.bool_],
    activation: str = "relu",
    skip: bool = False,
    bias: bool = True,
    penalty: str = "nuclear",
    weights: FloatArray | None = None,
) -> NeuronStatement:
    """State the program of gated networks in CVXPY.

        min  1/2 || sum_j D_j X W_j + X V' - L ||^2  +  beta sum_j ||W_j||_*
             + [SM] (sum_j tr(D_j) tr(W_j) + n tr V)

    Squares, traces and ``n`` carry the sample weights.  With bias the rows of ``X`` that the ``W_j`` see have
    a 1 added; the trace is that of the other rows of ``W_j``.  For data with limits they carry the weight of
    the loss too, and the sum of its gradient times the scores is added.

    Parameters
    ----------
    objective : ScoreMatching or DenoisingScoreMatching
        Data of any dimension.
    beta : float
        Weight of the penalty.
    patterns : bool array of shape (n_patterns, n_samples)
        Which samples are active; ``D_j`` is 1 there, elsewhere 0 for ReLU and -1 for abs.
    activation : {"relu", "abs"}
        Activation.
    skip, bias : bool
        Whether ``V``, and whether the column of ones exists.
    penalty : {"nuclear", "ridge"}
        Nuclear norms, or ``1/2 ||W_j||_F^2 / p_j``.
    weights : array of shape (n_patterns,), optional
        The ``p_j``, positive; ones by default.

    Returns
    -------
    NeuronStatement
        ``statement.problem.solve(solver=...)`` gives the optimal training loss.

    Raises
    ------
    ValueError
        If an argument is out of range.

    Examples
    --------
    >>> import numpy as np, convexscore as cs
    >>> from convexscore.multivariate.statement import state_gated
    >>> objective = cs.ScoreMatching([[1.0], [-1.0]])
    >>> statement = state_gated(objective, 1.0, np.array([[True, True]]), bias=False)
    >>> round(float(statement.problem.solve(solver="CLARABEL")), 6)
    -0.25
    """
    import cvxpy as cp

    as_choice("penalty", penalty, ("nuclear", "ridge"))
    beta = as_real("beta", beta, minimum=0.0)
    W, V, loss = _on_patterns(objective, patterns, activation, skip, bias)
    if penalty == "nuclear":
        sizes = [cp.normNuc(w) for w in W]
    else:
        shares = np.ones(len(W)) if weights is None else weights
        sizes = [0.5 * cp.sum_squares(w) / p for w, p in zip(W, shares, strict=True)]
    return NeuronStatement(cp.Problem(cp.Minimize(loss + beta * sum(sizes))), W, None, V)


def state_unpenalized(
    objective: Objective,
    patterns: NDArray[np.bool_],
    activation: str = "relu",
    skip: bool = False,
    bias: bool = True,
) -> NeuronStatement:
    """State the program without weight decay on given patterns in CVXPY (ZP Thms 3.2 and 4.2).

        min  1/2 || sum_j D_j X W_j + X V' - L ||^2  +  [SM] (sum_j tr(D_j) tr(W_j) + n tr V)

    Parameters
    ----------
    objective, patterns, activation, skip, bias
        See `state_gated`.

    Returns
    -------
    NeuronStatement

    Raises
    ------
    ValueError
        If an argument is out of range.

    Examples
    --------
    >>> import numpy as np, convexscore as cs
    >>> from convexscore.multivariate.statement import state_unpenalized
    >>> objective = cs.ScoreMatching([[1.0], [-1.0]])
    >>> statement = state_unpenalized(objective, np.array([[True, True]]), bias=False)
    >>> round(float(statement.problem.solve(solver="CLARABEL")), 6)
    -1.0
    """
    import cvxpy as cp

    W, V, loss = _on_patterns(objective, patterns, activation, skip, bias)
    return NeuronStatement(cp.Problem(cp.Minimize(loss)), W, None, V)


def state_neurons(
    objective: Objective,
    beta: float,
    directions: ArrayLike,
    offsets: ArrayLike,
    activation: str = "relu",
    skip: bool = False,
    bias: bool = True,
    ties: ArrayLike = True,
) -> NeuronStatement:
    """State training over a given list of neurons in CVXPY: a group lasso over their output vectors.

        min  1/2 || sum_k sigma(X u_k + b_k) v_k' + 1 b2' + X V' - L ||^2  +  beta sum_k ||u_k|| ||v_k||
             + [SM] (sum_k c_k u_k'v_k + n tr V),      c_k = sum_i sigma'(x_i'u_k + b_k)

    Squares and sums over samples carry their weights.

    Parameters
    ----------
    objective : ScoreMatching or DenoisingScoreMatching
        Data of any dimension.
    beta : float
        Weight decay of the summed loss.
    directions : array of shape (n_neurons, n_features)
        Input weights ``u``, of any length.
    offsets : array of shape (n_neurons,)
        Biases ``b``.
    activation : {"relu", "abs"}
        Activation.
    skip, bias : bool
        Whether ``V`` and whether ``b2`` exist.
    ties : bool array, broadcast to (n_neurons, n_samples)
        Whether the right derivative of ``sigma`` counts where a pre-activation is zero (up to rounding), else
        the left one.

    Returns
    -------
    NeuronStatement
        Its `W` is one variable of shape ``(n_neurons, n_features)``.

    Raises
    ------
    ValueError
        If an argument is out of range.

    Examples
    --------
    >>> import convexscore as cs
    >>> from convexscore.multivariate.statement import state_neurons
    >>> objective = cs.ScoreMatching([[0.0], [1.0], [3.0]])
    >>> statement = state_neurons(objective, 2.0, [[1.0], [-1.0]], [0.0, 3.0])
    >>> round(float(statement.problem.solve(solver="CLARABEL")), 6)
    -0.107143
    """
    import cvxpy as cp

    as_choice("activation", activation, ("relu", "abs"))
    beta = as_real("beta", beta, minimum=0.0)
    left = 0.0 if activation == "relu" else -1.0
    X, w = objective.X, objective.weights * boundary_of(objective)[0]
    u, b = np.asarray(directions, dtype=float), np.asarray(offsets, dtype=float)
    n, d = X.shape
    height = X @ u.T + b
    height[np.abs(height) <= _TIE * np.abs(height).max(initial=0.0)] = 0.0
    right = np.broadcast_to(np.asarray(ties, dtype=bool), (len(u), n)).T
    slope = np.where((height > 0) | ((height == 0) & right), 1.0, left)

    Y = cp.Variable((len(u), d))
    b2 = cp.Variable((1, d)) if bias else None
    V = cp.Variable((d, d)) if skip else None
    score = (slope * height) @ Y
    if b2 is not None:
        score += np.ones((n, 1)) @ b2
    if V is not None:
        score += X @ V.T
    loss = data_terms(objective, score)
    if objective.has_trace:
        loss += cp.sum(cp.multiply((w @ slope)[:, None] * u, Y))
        loss += w.sum() * cp.trace(V) if V is not None else 0
    penalty = np.linalg.norm(u, axis=1) @ cp.norm(Y, 2, axis=1)
    return NeuronStatement(cp.Problem(cp.Minimize(loss + beta * penalty)), [Y], b2, V)


def _on_patterns(
    objective: Objective, patterns: NDArray[np.bool_], activation: str, skip: bool, bias: bool
) -> tuple[list[cvxpy.Variable], cvxpy.Variable | None, cvxpy.Expression]:
    """Return the variables, and the objective without penalty."""
    import cvxpy as cp

    as_choice("activation", activation, ("relu", "abs"))
    X, w = objective.X, objective.weights * boundary_of(objective)[0]
    n, d = X.shape
    patterns = np.asarray(patterns)
    if patterns.ndim != 2 or patterns.shape[1] != n:
        raise ValueError(f"patterns: expected shape (n_patterns, {n}), got {patterns.shape}")
    D = np.where(patterns, 1.0, 0.0 if activation == "relu" else -1.0)
    rows: FloatArray = np.hstack([X, np.ones((n, 1))]) if bias else X
    W = [cp.Variable((rows.shape[1], d)) for _ in D]
    V = cp.Variable((d, d)) if skip else None
    score = sum((D_j[:, None] * rows) @ W_j for D_j, W_j in zip(D, W, strict=True))
    if V is not None:
        score += X @ V.T
    loss = data_terms(objective, score)
    if objective.has_trace:
        loss += sum((w @ D_j) * cp.trace(W_j[:d]) for D_j, W_j in zip(D, W, strict=True))
        loss += w.sum() * cp.trace(V) if V is not None else 0
    return W, V, loss


def data_terms(objective: Objective, score: cvxpy.Expression) -> cvxpy.Expression:
    """Return the loss of a score but for its trace: squares, and what a weight's gradient pulls."""
    import cvxpy as cp

    share, gradient = boundary_of(objective)
    # Samples on a limit are left out.
    gradient = np.where(has_no_weight(share)[:, None], 0.0, gradient)
    labels = np.zeros(objective.X.shape) if objective.has_trace else objective.targets
    root = np.sqrt(objective.weights * share)[:, None] * np.ones(objective.X.shape)
    pull = cp.sum(cp.multiply(objective.weights[:, None] * gradient, score))
    return 0.5 * cp.sum_squares(cp.multiply(root, score - labels)) + pull
