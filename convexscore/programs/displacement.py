"""From neurons to a network whose kinks are a hair off the data.

Optimal networks for score matching have their kink hyperplanes exactly through data points, each counted with
the derivative of the neuron's pattern.  In one dimension a network stores that choice; here hyperplanes are
moved by about ``1e-13`` of the data's scale, so that every point lies on the side on which it counts and the
network is an ordinary one.  Its loss differs by as much, and everything reported is recomputed from it.
"""

from __future__ import annotations

import numpy as np

from .._validation import FloatArray
from ..network import TwoLayerNetwork
from .neurons import NeuronProgram, Neurons

__all__ = ["displaced_network", "free_weights"]


def displaced_network(program: NeuronProgram, neurons: Neurons, outputs: FloatArray) -> TwoLayerNetwork:
    """Return the network of some neurons, in the units of the data.

    Parameters
    ----------
    program : NeuronProgram
        The program.
    neurons : Neurons
        Neurons.
    outputs : ndarray of shape (n_neurons, n_features)
        Their output vectors, none zero.

    Returns
    -------
    TwoLayerNetwork
        Balanced: each neuron has equal input and output weights.
    """
    direction, offset = _displaced(program, neurons)
    scale = program.scale
    root = np.sqrt(np.linalg.norm(outputs, axis=1))[:, None]
    b2, V = free_weights(program, neurons, outputs)
    at_origin = ~program.rows.any(axis=1)
    right = np.ones(len(neurons), dtype=bool)
    if at_origin.any() and not program.bias:
        # No displacement moves a hyperplane through the origin off a point there.
        right = neurons.slope[:, at_origin][:, 0] == 1
    return TwoLayerNetwork(
        direction * root / scale,
        (offset - direction @ program.centre / scale) * root[:, 0],
        (outputs / (root * scale)).T,
        b2,
        V,
        activation=program.activation,
        right_derivative=right,
    )


def free_weights(
    program: NeuronProgram, neurons: Neurons, outputs: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return ``b2`` and ``V`` at their best for these neurons, in the units of the data."""
    coefficients = program.free_part(neurons, outputs)
    d, scale = program.n_features, program.scale
    V = coefficients[-d:].T / scale**2 if program.skip else np.zeros((d, d))
    with_constant = program.bias and not program.gated
    b2 = coefficients[0] / scale if with_constant else np.zeros(d)
    return b2 - V @ program.centre, V


def _displaced(program: NeuronProgram, neurons: Neurons) -> tuple[FloatArray, FloatArray]:
    """Return directions and offsets with every point on the side where its neuron counts it."""
    rows = program.rows
    direction = neurons.direction.copy()
    offset = -np.einsum("kr,kr->k", neurons.origins(rows), direction)
    side = np.where(neurons.slope == 1, 1.0, -1.0)
    distance = 1e-13 * (1 + np.abs(program.centre).max() / program.scale) * max(1.0, np.abs(rows).max() / 10)
    height = side * (direction @ rows.T + offset[:, None])
    lifted = np.hstack([rows, np.ones((len(rows), 1))])
    if not program.bias:
        lifted[:, -1] = 0.0
    if not program.has_trace:
        # Only derivatives jump at a kink: without them there is nothing to decide.
        return direction, offset
    for k in np.flatnonzero((height < 2 * distance).any(axis=1)):
        tied = np.flatnonzero((height[k] < 2 * distance) & lifted.any(axis=1))
        change = _lifting(lifted[tied], side[k, tied]) * 2 * distance
        direction[k] += change[:-1]
        offset[k] += change[-1]
    return direction, offset


def _lifting(points: FloatArray, side: FloatArray) -> FloatArray:
    """Return a small change of (direction, offset) that takes each point to its side, by at least one."""
    change: FloatArray = np.linalg.lstsq(points, side, rcond=1e-10)[0].astype(float)
    if (side * (points @ change) > 0.5).all():
        return change
    # More points on the hyperplane than it takes to fix it: the smallest change with these signs.
    from scipy.optimize import linprog

    n, r = points.shape
    ahead = np.hstack([-side[:, None] * points, np.zeros((n, 1))])
    box = np.vstack([np.hstack([np.eye(r), -np.ones((r, 1))]), np.hstack([-np.eye(r), -np.ones((r, 1))])])
    found = linprog(
        np.append(np.zeros(r), 1.0),
        A_ub=np.vstack([ahead, box]),
        b_ub=np.append(-np.ones(n), np.zeros(2 * r)),
        bounds=[(None, None)] * r + [(0.0, None)],
    )
    return np.asarray(found.x[:r], dtype=float) if found.status == 0 else change
