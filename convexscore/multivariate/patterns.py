"""Patterns as they are given to a program: enumerated, listed, or as a boolean matrix.

Gated networks and networks without weight decay are trained on given patterns.  A pattern comes with its
gate, a half space ``g'x + h >= 0`` that has it on the data.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .._support.validation import FloatArray
from ..arrangements.enumeration import enumerate_patterns
from ..arrangements.patterns import Patterns
from ..problem import Problem
from .program import NeuronProgram

__all__ = ["GivenPatterns", "given_patterns", "on_patterns"]


@dataclass(frozen=True, eq=False)
class GivenPatterns:
    """Patterns of a program's points with their gates.

    Parameters
    ----------
    active : bool ndarray of shape (n_patterns, n_points)
        Which points are active.
    gates : ndarray of shape (n_patterns, n_features + 1)
        Half spaces, offset last.
    complete : bool
        Whether these are all patterns of the data.
    weights : ndarray of shape (n_patterns,)
        What the squared penalty of each is divided by.
    """

    active: NDArray[np.bool_]
    gates: FloatArray
    complete: bool
    weights: FloatArray

    def slope(self, left_slope: float) -> NDArray[np.int8]:
        """Return the patterns as derivatives of an activation."""
        return np.where(self.active, np.int8(1), np.int8(left_slope))

    def gates_of(self, slope: NDArray[np.int8]) -> FloatArray:
        """Return the gates of neurons, given the derivatives of the activation that make their patterns."""
        number = {row.tobytes(): k for k, row in enumerate(self.active)}
        return self.gates[[number[row.tobytes()] for row in slope == 1]]


def given_patterns(
    program: NeuronProgram,
    X: FloatArray,
    patterns: Patterns | NDArray[np.bool_] | None,
    *,
    thin: bool = False,
    weights: FloatArray | None = None,
    progress: bool = False,
) -> GivenPatterns:
    """Return patterns on the points of a program.

    Parameters
    ----------
    program : NeuronProgram
        The program, repeated points merged.
    X : ndarray of shape (n_samples, n_features)
        The data that the patterns speak of.
    patterns : Patterns, bool array of shape (n_patterns, n_samples), or None
        None enumerates all patterns of the points, with bias those of affine half spaces.  Of a pattern and
        its complement, which are the same up to sign for abs, one is kept.
    thin : bool
        Whether to keep patterns whose half spaces no floating point numbers tell from their neighbours (of
        points that are collinear but for rounding, say): no network can be written with those.
    weights : ndarray of shape (n_patterns,), optional
        Weights of these patterns, those of a pattern and its complement added for abs; ones by default.
    progress : bool
        Whether to show a bar of those that are enumerated.

    Raises
    ------
    TypeError
        If `patterns` is something else.
    ValueError
        If its shape does not fit the data, or a pattern is that of no half space.
    """
    if patterns is None:
        found = enumerate_patterns(program.points, bias=program.bias, progress=progress)
        active, witnesses, complete = found.signs, found.witnesses, True
    elif isinstance(patterns, Patterns):
        active = _on_points(patterns.signs, program, X)
        witnesses, complete = patterns.witnesses, False
        _check_columns(witnesses, X.shape[1])
    else:
        matrix = np.asarray(patterns)
        if matrix.dtype != bool:
            raise TypeError(
                "patterns: expected Patterns or a boolean array, got "
                f"{type(patterns).__name__} of {matrix.dtype}"
            )
        active = _on_points(matrix, program, X)
        witnesses, complete = _half_spaces(program.points, active, program.bias), False
    gates = np.zeros((len(active), X.shape[1] + 1))
    gates[:, : witnesses.shape[1]] = witnesses
    if program.activation == "abs":
        folded = np.where(active[:, :1], active, ~active)
        _, first, which = np.unique(
            np.packbits(folded, axis=1), axis=0, return_index=True, return_inverse=True
        )
        order = np.argsort(first)
        active, gates = active[first[order]], gates[first[order]]
        if weights is not None:
            weights = np.bincount(which.reshape(-1), weights).astype(float)[order]
    weights = np.ones(len(active)) if weights is None else weights
    kept = np.ones(len(active), dtype=bool) if thin else _are_told(program.points, active, gates)
    if not kept.any():
        raise ValueError(
            "patterns: expected half spaces that floating point numbers tell apart on these data, got none"
        )
    return GivenPatterns(active[kept], gates[kept], complete and bool(kept.all()), weights[kept])


def _are_told(points: FloatArray, active: NDArray[np.bool_], gates: FloatArray) -> NDArray[np.bool_]:
    """Whether each gate has every point on its side by more than rounding errors."""
    lifted = np.hstack([points, np.ones((len(points), 1))])
    height = np.where(active, 1.0, -1.0) * (gates @ lifted.T)
    # A gate through the origin has a point there active, exactly.
    exact = active & ~points.any(axis=1) & (gates[:, -1:] == 0)
    rounding = 4 * np.finfo(float).eps * (np.abs(gates) @ np.abs(lifted).T)
    told: NDArray[np.bool_] = (exact | (height > rounding)).all(axis=1)
    return told


def _check_columns(witnesses: FloatArray, n_features: int) -> None:
    if witnesses.shape[1] not in (n_features, n_features + 1):
        raise ValueError(
            f"patterns: expected patterns of data with {n_features} features, with or without bias, got "
            f"witnesses with {witnesses.shape[1]} columns"
        )


def _on_points(active: NDArray[np.bool_], program: NeuronProgram, X: FloatArray) -> NDArray[np.bool_]:
    """Return patterns of the samples as patterns of the distinct points."""
    if active.ndim != 2 or active.shape[1] != len(X) or len(active) == 0:
        raise ValueError(f"patterns: expected shape (n_patterns, {len(X)}), got {active.shape}")
    _, first, which = np.unique(X, axis=0, return_index=True, return_inverse=True)
    if (active != active[:, first[which.reshape(-1)]]).any():
        raise ValueError("patterns: expected the same entry for equal rows of X, got a pattern that differs")
    return active[:, first]


def _half_spaces(points: FloatArray, active: NDArray[np.bool_], bias: bool) -> FloatArray:
    """Return a half space of large margin for every pattern, without bias through the origin if it can be."""
    size = np.abs(points).max() or 1.0
    lifted = np.hstack([points / size, np.ones((len(points), 1))])
    gates = np.zeros((len(active), lifted.shape[1]))
    for k, pattern in enumerate(active):
        side = np.where(pattern, 1.0, -1.0)[:, None] * lifted
        # Points at the origin are active for every direction.
        cut = points.any(axis=1) | ~pattern
        gate = None if bias else _inside(side[cut, :-1])
        if gate is not None:
            gates[k, :-1] = gate
            continue
        gate = _inside(side)
        if gate is None:
            raise ValueError(
                f"patterns: expected patterns of half spaces, got one that none has (number {k})"
            )
        gates[k] = gate
    gates[:, :-1] /= size
    return gates


def _inside(normals: FloatArray) -> FloatArray | None:
    """Return a vector of the unit box with ``normals @ g`` as large as possible, None if not positive."""
    from scipy.optimize import linprog

    n, r = normals.shape
    found = linprog(
        np.append(np.zeros(r), -1.0),
        A_ub=np.hstack([-normals, np.ones((n, 1))]),
        b_ub=np.zeros(n),
        bounds=[(-1.0, 1.0)] * r + [(0.0, 1.0)],
    )
    if found.status != 0 or found.x[-1] <= 1e-12:
        return None
    return np.asarray(found.x[:-1], dtype=float)


def on_patterns(
    problem: Problem, progress: bool = False
) -> tuple[NeuronProgram, GivenPatterns, NDArray[np.int8]]:
    """Return the program of a problem on patterns, these, and their slopes."""
    program = NeuronProgram.from_problem(problem, gated=True)
    given = given_patterns(
        program, problem.objective.X, problem.patterns, weights=problem.weights, progress=progress
    )
    return program, given, given.slope(program.sigma.left_slope)
