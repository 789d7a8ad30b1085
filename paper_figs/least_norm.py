"""Networks of least weight among those that meet all labels, by linear programming, with a proof.

A ReLU network without skip on the line meets the labels ``l`` at the data ``x``.  Each neuron, balanced,
costs ``|v w|``, or ``|v| |(w, b)|`` where biases count too; the least sum is the linear program

    min  sum_k |y_k|   subject to   sum_k y_k phi_k(x) + b2 = l,

over atoms ``phi(x) = (w x + b)_+`` with ``|w| = 1``, or with ``|(w, b)| = 1``.  Any ``z`` with ``sum z =
0`` and ``|phi'z| <= 1`` for every atom proves ``l'z`` as a lower bound.  Between two data ``phi'z`` is ``w
sum x z + b sum z``, sums over the data that the neuron sees: linear in the kink where biases are free, so
that atoms with kinks at data are enough; a cosine on the circle of ``(w, b)`` where they count, so that the
largest is found in closed form, and atoms are added until none exceeds 1.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy.optimize import linprog

EXACT = {"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10}


@dataclass(frozen=True)
class LeastNorm:
    """A network of least weight, ``sum_k height_k (w_k x + b_k)_+ + b2``, and a lower bound on costs."""

    w: np.ndarray
    b: np.ndarray
    height: np.ndarray
    b2: float
    cost: float
    lower: float

    def __call__(self, x):
        """Return the network's values."""
        return np.maximum(np.multiply.outer(x, self.w) + self.b, 0) @ self.height + self.b2


def least_norm(x, labels, biases_count=False, gap=1e-7):
    """Return the network of least weight that meets `labels` at distinct `x`, up to a relative `gap`."""
    order = np.argsort(x)
    x, labels = np.asarray(x, dtype=float)[order], np.asarray(labels, dtype=float)[order]
    if np.any(np.diff(x) <= 0):
        raise ValueError("x: expected distinct numbers, got some twice")
    directions = np.concatenate([np.column_stack([s * np.ones(x.size), -s * x]) for s in (1.0, -1.0)])
    if biases_count:
        directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    lower = -np.inf
    for _ in range(100):
        y, b2, z = _program(x, labels, directions)
        cost = float(np.abs(y).sum())
        candidates, excess = _priced(x, z, biases_count)
        lower = max(lower, float(labels @ z) / max(1.0, excess.max()))
        if cost - lower <= gap * cost:
            used = np.abs(y) > 1e-12 * np.abs(y).max()
            return LeastNorm(*directions[used].T, y[used], b2, cost, lower)
        directions = np.vstack([directions, candidates[excess > 1]])
    raise RuntimeError(f"least norm: expected a relative gap of {gap}, got {1 - lower / cost:.3g}")


def _program(x, labels, directions):
    """Solve the linear program on some atoms; return heights, bias and dual, of mean zero."""
    atoms = np.maximum(np.outer(x, directions[:, 0]) + directions[:, 1], 0)
    one = np.ones((x.size, 1))
    columns = np.hstack([atoms, -atoms, one, -one])
    costs = np.concatenate([np.ones(2 * len(directions)), [0.0, 0.0]])
    solved = linprog(costs, A_eq=columns, b_eq=labels, method="highs", options=EXACT)
    if solved.status != 0:
        raise RuntimeError(f"linear program: {solved.message}")
    y = solved.x[: len(directions)] - solved.x[len(directions) : -2]
    z = solved.eqlin.marginals
    return y, float(solved.x[-2] - solved.x[-1]), z - z.mean()


def _priced(x, z, biases_count):
    """Return in each cell, for both sides, the direction of largest ``|phi'z|``, and that."""
    directions, values = [], []
    edges = np.concatenate([[-np.inf], x, [np.inf]])
    for sign in (1.0, -1.0):
        for low, high in pairwise(edges):
            seen = x >= high if sign > 0 else x <= low
            force = np.array([x[seen] @ z[seen], z[seen].sum()])
            tried = [(sign, -sign * t) for t in (low, high) if np.isfinite(t)]
            if biases_count:
                tried += [tuple(side * force) for side in (1, -1) if _inside(side * force, sign, low, high)]
            for direction in tried:
                size = np.linalg.norm(direction) if biases_count else 1.0
                directions.append(np.divide(direction, size))
                values.append(abs(force @ direction) / size)
    return np.array(directions), np.array(values)


def _inside(direction, sign, low, high):
    """Whether a neuron of this direction looks to a side and has its kink in a cell."""
    w, b = direction
    return w * sign > 0 and low < -b / w < high
