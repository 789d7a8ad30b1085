"""Refinement: Newton's method on directions and coefficients together, inside the activation patterns.

On its pattern the field of a neuron, ``A(u) = phi(u) u'`` with ``phi = D (X - 1 o') u``, is quadratic in
``u``. Turned by an angle ``t`` towards ``w`` it is ``A(u cos t + w sin t)``, whose derivatives at zero are

    A' = phi(w) u' + phi(u) w',      A'' = 2 (phi(w) w' - phi(u) u'),

while the trace that it adds stays what it is.  So gradient and Hessian of the objective are exact.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ..._support.validation import FloatArray
from ..program import Neurons
from .program import ConservativeProgram, tied_fields

__all__ = ["refined", "restricted_value"]

# Coefficients below this share of the largest are none.
_NONE = 1e-9
# A direction that could take less than this share of its step does not move.
_AT_ONCE = 1e-6


@dataclass(frozen=True, eq=False)
class _Turns:
    """The directions in which neurons may turn: which neuron, and a unit vector each."""

    which: NDArray[np.intp]
    towards: FloatArray


def restricted_value(
    program: ConservativeProgram, neurons: Neurons, coefficients: FloatArray, beta: float
) -> float:
    """Return the objective, the free part at its best, above that of no neurons, in the program's units."""
    fitted = (program.fields(neurons) @ coefficients).reshape(program.target.shape)
    smooth = 0.5 * np.sum(program.project(fitted) ** 2) + np.sum(program.zero_residual * fitted)
    trace = program.trace_counts(neurons) @ coefficients
    return float(smooth + trace + beta * np.abs(coefficients).sum())


def refined(
    program: ConservativeProgram, neurons: Neurons, coefficients: FloatArray, beta: float, n_steps: int = 10
) -> tuple[Neurons, FloatArray]:
    """Take Newton steps on all neurons at once; the objective never rises.

    Parameters
    ----------
    program : ConservativeProgram
        The program.
    neurons : Neurons
        Neurons with nonzero coefficients.
    coefficients : ndarray of shape (n_neurons,)
        These.
    beta : float
        Weight decay.
    n_steps : int
        Newton steps, at most.

    Returns
    -------
    neurons : Neurons
        With new directions.
    coefficients : ndarray of shape (n_neurons,)
        New coefficients; neurons that the steps make superfluous are gone.
    """
    value, full_steps = restricted_value(program, neurons, coefficients, beta), 0
    # Beside the full steps each neuron may vanish or meet a point, a few times in all.
    for _ in range(n_steps + 3 * len(neurons)):
        if len(neurons) == 0:
            break
        gradient, hessian, turns = _derivatives(program, neurons, coefficients, beta)
        step, vanishing = _limited(_newton_step(hessian, gradient), coefficients)
        at_once = _held_at_once(program, neurons, step[coefficients.size :], turns)
        if at_once.any():
            # Those are not to turn, and the step of the others is another one then.
            neurons = replace(neurons, held=np.column_stack([neurons.held, at_once - 1]))
            continue
        for _ in range(8):
            trial = _moved(program, neurons, coefficients, step, turns)
            trial[1][vanishing] = 0.0
            new = restricted_value(program, *trial, beta)
            if new <= value + 1e-15 * abs(value):
                break
            step, vanishing = 0.4 * step, vanishing[:0]
        else:
            break
        gain, value = value - new, new
        kept = np.abs(trial[1]) > _NONE * np.abs(trial[1]).max(initial=0.0)
        neurons, coefficients = trial[0][kept], trial[1][kept]
        full_steps += vanishing.size == 0
        if full_steps == n_steps or (vanishing.size == 0 and gain <= 1e-16 * abs(value)):
            break
    return neurons, coefficients


def _derivatives(
    program: ConservativeProgram, neurons: Neurons, coefficients: FloatArray, beta: float
) -> tuple[FloatArray, FloatArray, _Turns]:
    """Return gradient and Hessian by coefficients and then by turns, and the turns.

    Exact at an optimum; elsewhere the curvature of the turns is made positive, and what couples a neuron's
    coefficient to its own turn only away from the optimum is left out.
    """
    turns = _turns(program, neurons)
    which = turns.which
    features, turned = program.features(neurons), program.features(_with(neurons[which], turns.towards))
    fields = tied_fields(features, neurons.direction)
    slopes = tied_fields(turned, neurons.direction[which]) + tied_fields(features[:, which], turns.towards)
    residual = program.zero_residual + program.project((fields @ coefficients).reshape(program.target.shape))
    pull = program.tied_correlations(neurons, residual) + beta * np.sign(coefficients)
    scale = coefficients[which]
    gradient = np.concatenate([pull, scale * (slopes.T @ residual.ravel())])
    columns = program.project_fields(np.hstack([fields, scale * slopes]))
    hessian = columns.T @ columns
    at = len(neurons) + np.arange(which.size)
    for k in np.unique(which):
        own = np.flatnonzero(which == k)
        w, u = turns.towards[own], neurons.direction[k]
        bent = turned[:, own].T @ residual
        inner = bent @ w.T
        radial = features[:, k] @ residual @ u
        curvature = coefficients[k] * (inner + inner.T - 2 * radial * np.eye(own.size))
        hessian[np.ix_(at[own], at[own])] += _positive(curvature, 1e-6 * beta * abs(coefficients[k]))
    return gradient, hessian, turns


def _positive(matrix: FloatArray, least: float) -> FloatArray:
    """Return a symmetric matrix with its eigenvalues raised to at least some number."""
    size, vectors = np.linalg.eigh(matrix)
    raised: FloatArray = vectors * np.maximum(size, least) @ vectors.T
    return raised


def _turns(program: ConservativeProgram, neurons: Neurons) -> _Turns:
    """Return the turns that keep pivots and held points on the hyperplanes."""
    rows, held = program.rows, neurons.held
    normals = np.where(held[..., None] >= 0, rows[held] - neurons.origins(rows)[:, None], 0.0)
    length = np.linalg.norm(normals, axis=2, keepdims=True)
    fixed = np.concatenate([neurons.direction[:, None], normals / np.where(length > 0, length, 1.0)], axis=1)
    _, size, right = np.linalg.svd(fixed, full_matrices=True)
    loose = np.arange(right.shape[1]) >= (size > 1e-9).sum(axis=1)[:, None]
    which, number = np.nonzero(loose)
    return _Turns(which, right[which, number])


def _newton_step(hessian: FloatArray, gradient: FloatArray) -> FloatArray:
    """Return the Newton step; the Hessian is positive semidefinite up to rounding."""
    from scipy.linalg import LinAlgError, cho_factor, cho_solve

    diagonal = np.diag(hessian).copy()
    smallest = max(1e-14 * float(diagonal.max()), 1e-300)
    for damping in (1e-13, 1e-10, 1e-7, 1e-4):
        shifted = hessian + np.diag(damping * np.maximum(diagonal, smallest))
        try:
            return cho_solve(cho_factor(shifted, check_finite=False), -gradient)
        except LinAlgError:
            continue
    return -gradient / np.maximum(diagonal, smallest)


def _limited(step: FloatArray, coefficients: FloatArray) -> tuple[FloatArray, NDArray[np.intp]]:
    """Shorten a step to where the first coefficient vanishes, if one does; return which."""
    shrinking = -step[: coefficients.size] / coefficients
    fastest = float(shrinking.max())
    if fastest < 1:
        return step, np.zeros(0, dtype=np.intp)
    return step / fastest, np.flatnonzero(shrinking > (1 - 1e-6) * fastest)


def _moved(
    program: ConservativeProgram, neurons: Neurons, coefficients: FloatArray, step: FloatArray, turns: _Turns
) -> tuple[Neurons, FloatArray]:
    """Take a step; a direction that would leave its pattern stops at the first point, which is then held."""
    change = _change(neurons, step[coefficients.size :], turns)
    fraction, blocking = _reach(program, neurons, change)
    direction = neurons.direction + fraction[:, None] * change
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    held, stopped = neurons.held, fraction < 1
    if stopped.any():
        held = np.column_stack([held, np.where(stopped, blocking, -1)])
    moved = replace(neurons, direction=direction, held=held)
    return moved, coefficients + step[: coefficients.size]


def _held_at_once(
    program: ConservativeProgram, neurons: Neurons, angles: FloatArray, turns: _Turns
) -> NDArray[np.intp]:
    """Return one plus the point at which each direction would stop at once; zero where it moves."""
    fraction, blocking = _reach(program, neurons, _change(neurons, angles, turns))
    return np.where(fraction < _AT_ONCE, blocking + 1, 0)


def _change(neurons: Neurons, angles: FloatArray, turns: _Turns) -> FloatArray:
    change = np.zeros_like(neurons.direction)
    np.add.at(change, turns.which, angles[:, None] * turns.towards)
    return change


def _reach(
    program: ConservativeProgram, neurons: Neurons, change: FloatArray
) -> tuple[FloatArray, NDArray[np.intp]]:
    """Return which share of a change, at most one, keeps each neuron on its pattern, and what blocks more."""
    side = np.where(neurons.slope == 1, 1.0, -1.0)
    height, sink = (side * _heights(program, neurons, vectors) for vectors in (neurons.direction, change))
    on_plane = np.concatenate([neurons.pivot[:, None], neurons.held], axis=1)
    number, place = np.nonzero(on_plane >= 0)
    sink[number, on_plane[number, place]] = 0.0
    if not program.bias:
        # Points at the origin are on every hyperplane.
        sink[:, ~program.rows.any(axis=1)] = 0.0
    with np.errstate(divide="ignore", invalid="ignore"):
        reach = np.where(sink < 0, np.maximum(height, 0.0) / -sink, np.inf)
    return np.minimum(reach.min(axis=1), 1.0), reach.argmin(axis=1)


def _heights(program: ConservativeProgram, neurons: Neurons, vectors: FloatArray) -> FloatArray:
    """Return ``(x - o)'v`` for the origins of the neurons and a vector each, ``(n_neurons, n_points)``."""
    offset = np.einsum("kr,kr->k", neurons.origins(program.rows), vectors)
    heights: FloatArray = vectors @ program.rows.T - offset[:, None]
    return heights


def _with(neurons: Neurons, direction: FloatArray) -> Neurons:
    return replace(neurons, direction=direction)
