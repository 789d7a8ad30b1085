"""Refinement: Newton's method on directions and output vectors together, inside the activation patterns.

Within its pattern a neuron's output ``phi = D (X - 1 o') u`` is linear in ``u``, so the objective

    1/2 || P Phi Y ||^2 + <Z0, Phi Y> + <c u, y> + beta sum ||y||,      ||u|| = 1

is smooth in directions and output vectors (``P`` removes the free part, ``Z0`` is the residual without
neurons).  Column generation ends with several neurons around each true one; merged, a few Newton steps take
them to the accuracy of the machine.  A direction that would leave its pattern stops at the first data point
it meets, which is then held on the hyperplane.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ..._support.validation import FloatArray
from ..program import NeuronProgram, Neurons

__all__ = ["merge_neurons", "pruned", "refine", "restricted_value", "singular_neurons"]


def pruned(neurons: Neurons, outputs: FloatArray, share: float = 1e-9) -> tuple[Neurons, FloatArray]:
    """Drop neurons whose output vector is below `share` of the largest."""
    size = np.linalg.norm(outputs, axis=1)
    kept = size > share * size.max(initial=0.0)
    return neurons[kept], outputs[kept]


def merge_neurons(
    program: NeuronProgram, neurons: Neurons, outputs: FloatArray, reach: float = 1e-2
) -> tuple[Neurons, FloatArray]:
    """Replace neurons of one pattern whose directions differ by less than `reach` by one of them.

    Their hyperplanes must have a data point in common (or the origin, without bias).  The one neuron has
    their mean direction: points on all of the hyperplanes are on its own, and the others on their sides,
    because the directions of a pattern around a point are a convex cone.
    """
    patterns, group = np.unique(neurons.slope, axis=0, return_inverse=True)
    if len(patterns) == len(neurons):
        return neurons, outputs
    group, size = group.reshape(-1), np.linalg.norm(outputs, axis=1)
    on_plane = [set(row) - {-1} for row in np.column_stack([neurons.pivot, neurons.held]).tolist()]
    direction, outputs = neurons.direction.copy(), outputs.copy()
    left = np.ones(len(neurons), dtype=bool)
    for k in np.argsort(-size):
        if not left[k]:
            continue
        near = left & (group == group[k]) & (np.abs(direction - direction[k]).max(axis=1) < reach)
        near[k] = False
        members = [int(k)]
        for j in np.flatnonzero(near):
            common = on_plane[k] & on_plane[j]
            if common or neurons.pivot[k] < 0:
                on_plane[k] = common
                members.append(int(j))
        if len(members) > 1:
            mean = size[members] @ direction[members]
            direction[k] = mean / np.linalg.norm(mean)
            outputs[k] = outputs[members].sum(axis=0)
            left[members[1:]] = False
    return _on_hyperplanes(neurons, direction, on_plane)[left], outputs[left]


def _on_hyperplanes(neurons: Neurons, direction: FloatArray, on_plane: list[set[int]]) -> Neurons:
    """Return neurons with new directions and the points that each now has on its hyperplane."""
    pivot, width = neurons.pivot.copy(), max(len(points) for points in on_plane)
    held = np.full((len(neurons), width), -1)
    for k, points in enumerate(on_plane):
        if pivot[k] >= 0 and pivot[k] not in points:
            pivot[k] = min(points)
        others = sorted(points - {int(pivot[k])})
        held[k, : len(others)] = others
    return replace(neurons, direction=direction, pivot=pivot, held=held)


def singular_neurons(neurons: Neurons, outputs: FloatArray) -> tuple[Neurons, FloatArray]:
    """Replace the neurons of each pattern by the singular vectors of their sum ``W = sum u v'``.

    For gated networks, whose directions are free: the cheapest neurons that make the same ``W``.
    """
    slope, group = np.unique(neurons.slope, axis=0, return_inverse=True)
    W = np.zeros((len(slope), neurons.direction.shape[1], outputs.shape[1]))
    np.add.at(W, group.reshape(-1), neurons.direction[:, :, None] * outputs[:, None, :])
    return Neurons.from_matrices(slope, W)


def refine(
    program: NeuronProgram, neurons: Neurons, outputs: FloatArray, beta: float, n_steps: int = 10
) -> tuple[Neurons, FloatArray]:
    """Take Newton steps on all neurons at once; the objective never rises.

    Parameters
    ----------
    program : NeuronProgram
        The program.
    neurons : Neurons
        Neurons with nonzero output vectors.
    outputs : ndarray of shape (n_neurons, n_features)
        These.
    beta : float
        Weight decay.
    n_steps : int
        Newton steps, at most.

    Returns
    -------
    neurons : Neurons
        With new directions.
    outputs : ndarray of shape (n_neurons, n_features)
        New output vectors; neurons that the steps make superfluous are gone.
    """
    value, full_steps = restricted_value(program, neurons, outputs, beta), 0
    # Each neuron may vanish once beside the full steps, but not very many of them one by one.
    for _ in range(n_steps + min(len(neurons), 40)):
        if len(neurons) == 0:
            break
        gradient, hessian, frames = _derivatives(program, neurons, outputs, beta)
        if np.abs(gradient).max(initial=0.0) <= 1e-14 * beta * max(1.0, float(np.abs(outputs).max())):
            break
        step, vanishing = _limited(_solve(hessian, -gradient), outputs)
        for _ in range(8):
            trial = _moved(program, neurons, outputs, step, frames)
            trial[1][vanishing] = 0.0
            new = restricted_value(program, *trial, beta)
            if new <= value + 1e-15 * abs(value):
                break
            step, vanishing = 0.4 * step, vanishing[:0]
        else:
            break
        gain, value = value - new, new
        neurons, outputs = pruned(*trial)
        full_steps += vanishing.size == 0
        if full_steps == n_steps or (vanishing.size == 0 and gain <= 1e-16 * abs(value)):
            break
    return neurons, outputs


def _limited(step: FloatArray, outputs: FloatArray) -> tuple[FloatArray, NDArray[np.intp]]:
    """Shorten a step to where the first output vector vanishes, if one does; return which."""
    change = step[: outputs.size].reshape(outputs.shape)
    shrinking = -np.sum(change * outputs, axis=1) / np.sum(outputs**2, axis=1)
    fastest = float(shrinking.max())
    if fastest < 1:
        return step, np.zeros(0, dtype=np.intp)
    return step / fastest, np.flatnonzero(shrinking > (1 - 1e-6) * fastest)


def _solve(hessian: FloatArray, gradient: FloatArray) -> FloatArray:
    """Return the Newton step; the Hessian is positive semidefinite up to rounding."""
    from scipy.linalg import LinAlgError, cho_factor, cho_solve

    diagonal = np.diag(hessian).copy()
    smallest = 1e-14 * diagonal.max()
    for damping in (1e-13, 1e-10, 1e-7, 1e-4):
        shift = damping * np.maximum(diagonal, smallest / damping * 1e-2)
        try:
            return cho_solve(cho_factor(hessian + np.diag(shift), check_finite=False), gradient)
        except LinAlgError:
            continue
    return gradient / np.maximum(diagonal, smallest)


def restricted_value(program: NeuronProgram, neurons: Neurons, outputs: FloatArray, beta: float) -> float:
    """Return the objective, the free part at its best, up to a constant that spares digits.

    A residual far smaller than the labels is not the difference of two large squares; nor is what is fitted
    where a trace comes with labels, which are far larger near the data's limits.
    """
    if program.has_trace and program.has_labels:
        fitted = program.features(neurons) @ outputs
        smooth = 0.5 * np.sum(program.project(fitted) ** 2) + np.sum(program.zero_residual * fitted)
    else:
        smooth = 0.5 * np.sum(program.residual(neurons, outputs) ** 2)
        if program.free_trace.any():
            smooth += np.sum(program.free_trace * program.free_part(neurons, outputs))
    penalty = beta * np.linalg.norm(outputs, axis=1).sum()
    return float(smooth + np.sum(program.traces(neurons) * outputs) + penalty)


def _frames(program: NeuronProgram, neurons: Neurons) -> tuple[NDArray[np.intp], FloatArray]:
    """Return the directions in which each neuron may turn: which neuron, and a unit vector."""
    rows, held = program.rows, neurons.held
    normals = np.where(held[..., None] >= 0, rows[held] - neurons.origins(rows)[:, None], 0.0)
    length = np.linalg.norm(normals, axis=2, keepdims=True)
    normals = normals / np.where(length > 0, length, 1.0)
    fixed = np.concatenate([neurons.direction[:, None], normals], axis=1)
    _, size, right = np.linalg.svd(fixed, full_matrices=True)
    rank = (size > 1e-9).sum(axis=1)
    loose = np.arange(right.shape[1]) >= rank[:, None]
    which, number = np.nonzero(loose)
    return which, right[which, number]


def _derivatives(
    program: NeuronProgram, neurons: Neurons, outputs: FloatArray, beta: float
) -> tuple[FloatArray, FloatArray, tuple[NDArray[np.intp], FloatArray]]:
    """Return gradient and Hessian by output vectors (neuron-major) and then by turns, and the turns.

    The Hessian is exact at an optimum and made semidefinite elsewhere.
    """
    n, d = outputs.shape
    which, turn = _frames(program, neurons)
    turned = replace(neurons[which], direction=turn)
    features, turns = program.features(neurons), program.features(turned)
    # The derivative of a turn at the pivot and at held points is zero up to rounding.
    residual = program.zero_residual + program.project(features @ outputs)
    size = np.linalg.norm(outputs, axis=1)
    unit = outputs / size[:, None]
    correlation = features.T @ residual + program.traces(neurons)
    pull = turns.T @ residual + program.traces(turned)
    gradient = np.concatenate([(correlation + beta * unit).ravel(), np.sum(pull * outputs[which], axis=1)])
    columns = program.project(np.hstack([features, turns]))
    gram = columns.T @ columns
    # Each variable moves the score by a column times a vector.
    column = np.concatenate([np.repeat(np.arange(n), d), n + np.arange(which.size)])
    vector = np.concatenate([np.tile(np.eye(d), (n, 1)), outputs[which]])
    hessian = gram[np.ix_(column, column)] * (vector @ vector.T)
    block = np.arange(n * d).reshape(n, d)
    curvature = (beta / size)[:, None, None] * (np.eye(d) - unit[:, :, None] * unit[:, None, :])
    hessian[block[:, :, None], block[:, None, :]] += curvature
    turns_at = n * d + np.arange(which.size)
    # Turning keeps the length of a direction one: u -> u - u |turn|^2 / 2.
    bend = np.maximum(-np.sum(correlation * outputs, axis=1), 0.1 * beta * size)
    hessian[turns_at, turns_at] += bend[which]
    cross = pull - np.sum(pull * unit[which], axis=1)[:, None] * unit[which]
    # At an optimum it is already orthogonal and this short, which keeps the Hessian semidefinite elsewhere.
    length = np.sqrt(np.bincount(which, weights=np.sum(cross**2, axis=1), minlength=n))
    most = 0.999 * np.sqrt(beta / size * bend)
    cross *= np.minimum(1.0, most / np.maximum(length, 1e-300))[which][:, None]
    hessian[block[which], turns_at[:, None]] += cross
    hessian[turns_at[:, None], block[which]] += cross
    return gradient, hessian, (which, turn)


def _moved(
    program: NeuronProgram,
    neurons: Neurons,
    outputs: FloatArray,
    step: FloatArray,
    frames: tuple[NDArray[np.intp], FloatArray],
) -> tuple[Neurons, FloatArray]:
    """Take a step; directions stop where they would leave their pattern."""
    which, turn = frames
    change = np.zeros_like(neurons.direction)
    np.add.at(change, which, step[outputs.size :, None] * turn)
    outputs = outputs + step[: outputs.size].reshape(outputs.shape)
    if program.gated:
        return replace(neurons, direction=_units(neurons.direction + change)), outputs
    rows = program.rows
    origins = neurons.origins(rows)
    side = np.where(neurons.slope == 1, 1.0, -1.0)
    height = side * (neurons.direction @ rows.T - np.einsum("kr,kr->k", origins, neurons.direction)[:, None])
    sink = side * (change @ rows.T - np.einsum("kr,kr->k", origins, change)[:, None])
    on_plane = np.concatenate([neurons.pivot[:, None], neurons.held], axis=1)
    number, place = np.nonzero(on_plane >= 0)
    sink[number, on_plane[number, place]] = 0.0
    with np.errstate(divide="ignore", invalid="ignore"):
        reach = np.where(sink < 0, np.maximum(height, 0.0) / -sink, np.inf)
    blocking = reach.argmin(axis=1)
    fraction = np.minimum(reach.min(axis=1, initial=np.inf), 1.0)
    direction = _units(neurons.direction + fraction[:, None] * change)
    held = neurons.held
    stopped = (fraction < 1) & np.isin(np.arange(len(neurons)), which)
    if stopped.any():
        held = np.column_stack([held, np.where(stopped, blocking, -1)])
    return replace(neurons, direction=direction, held=held), outputs


def _units(vectors: FloatArray) -> FloatArray:
    lengths: FloatArray = np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors / lengths
