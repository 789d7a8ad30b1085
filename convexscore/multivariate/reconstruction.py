"""From neurons to a network whose kinks are a hair off the data.

Optimal networks for score matching have their kink hyperplanes exactly through data points, each counted with
the derivative of the neuron's pattern.  In one dimension a network stores that choice; here hyperplanes are
moved by about ``1e-13`` of the data's scale, so that every point lies on the side on which it counts and the
network is an ordinary one.  Its loss differs by as much, and everything reported is recomputed from it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .._support.validation import FloatArray
from ..errors import SolverError
from ..networks.two_layer import TwoLayerNetwork
from .program import NeuronProgram, Neurons

__all__ = ["counted_at_kinks", "displaced_hyperplanes", "displaced_network", "free_weights", "kink_margin"]

# Points farther than this many margins from a hyperplane are looked at only after it has been moved.
_NEAR = 1e4


def displaced_network(
    program: NeuronProgram, neurons: Neurons, outputs: FloatArray, stretch: float = 1.0
) -> TwoLayerNetwork:
    """Return the network of some neurons, in the units of the data.

    Parameters
    ----------
    program : NeuronProgram
        The program.
    neurons : Neurons
        Neurons.
    outputs : ndarray of shape (n_neurons, n_features)
        Their output vectors, none zero.
    stretch : float
        How many times the usual margin the points are to keep from the hyperplanes.

    Returns
    -------
    TwoLayerNetwork
        Balanced: each neuron has equal input and output weights.

    Raises
    ------
    SolverError
        If no hyperplane near a neuron's has the points on the sides on which the neuron counts them.
    """
    direction, offset = displaced_hyperplanes(program, neurons, stretch * kink_margin(program))
    scale = program.scale
    root = np.sqrt(np.linalg.norm(outputs, axis=1))[:, None]
    b2, V = free_weights(program, neurons, outputs)
    return TwoLayerNetwork(
        direction * root / scale,
        (offset - direction @ program.centre / scale) * root[:, 0],
        (outputs / (root * scale)).T,
        b2,
        V,
        activation=program.activation,
        right_derivative=counted_at_kinks(program, neurons),
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


def counted_at_kinks(program: NeuronProgram, neurons: Neurons) -> NDArray[np.bool_]:
    """Return each neuron's kink convention, for a point that no displacement moves its hyperplane off.

    That is a point at the origin, for networks without bias.
    """
    at_origin = ~program.rows.any(axis=1)
    if program.bias or not at_origin.any():
        return np.ones(len(neurons), dtype=bool)
    right: NDArray[np.bool_] = neurons.slope[:, at_origin][:, 0] == 1
    return right


def kink_margin(program: NeuronProgram) -> float:
    """Return how far, in the units of the rows, points are kept from hyperplanes: well above rounding."""
    away = np.abs(program.centre).max() / program.scale
    return 2e-13 * float((1 + away) * max(1.0, np.abs(program.rows).max() / 10))


def displaced_hyperplanes(
    program: NeuronProgram, neurons: Neurons, margin: float
) -> tuple[FloatArray, FloatArray]:
    """Return directions and offsets with every point on the side where its neuron counts it."""
    rows = program.rows
    direction = neurons.direction.copy()
    offset = -np.einsum("kr,kr->k", neurons.origins(rows), direction)
    if not program.bias:
        # The hyperplane keeps going through the origin, and no turn moves it off a point there.
        offset[:] = 0.0
    if not program.has_trace:
        # Only derivatives jump at a kink: without them there is nothing to decide.
        return direction, offset
    lifted = np.hstack([rows, np.ones((len(rows), 1))]) if program.bias else rows
    movable = lifted.any(axis=1)
    side = np.where(neurons.slope == 1, 1.0, -1.0)
    height = direction @ rows.T + offset[:, None]
    for k in np.flatnonzero((side * height < margin)[:, movable].any(axis=1)):
        change = margin * _lifting(lifted[movable], side[k, movable], (side[k] * height[k])[movable] / margin)
        direction[k] += change[: rows.shape[1]]
        offset[k] += change[-1] if program.bias else 0.0
    return direction, offset


def _lifting(points: FloatArray, side: FloatArray, height: FloatArray) -> FloatArray:
    """Return a small change of a hyperplane after which every point is at least one on its own side.

    `height` is how far on its side each point is before, negative on the other side.
    """

    def is_clear(change: FloatArray) -> bool:
        return bool((height + side * (points @ change) > 0.5).all())

    low = height < 1
    missing = (side * (1 - height))[low]
    change: FloatArray = np.linalg.lstsq(points[low], missing, rcond=1e-10)[0].astype(float)
    if is_clear(change):
        return change
    # More points on the hyperplane than it takes to fix it: the smallest change with these signs.
    for near in (height < _NEAR, np.ones(len(points), dtype=bool)):
        smallest = _smallest_change(points[near] * side[near, None], 1 - height[near])
        if smallest is not None and is_clear(smallest):
            return smallest
    raise SolverError(
        "the optimal neurons cannot be written as a network: no hyperplane near a neuron's has the data on "
        "the sides on which the neuron counts them"
    )


def _smallest_change(rows: FloatArray, least: FloatArray) -> FloatArray | None:
    """Return the vector of smallest largest entry with ``rows @ change >= least``, None if there is none."""
    from scipy.optimize import linprog

    r = rows.shape[1]
    ahead = np.hstack([-rows, np.zeros((len(rows), 1))])
    box = np.vstack([np.hstack([sign * np.eye(r), -np.ones((r, 1))]) for sign in (1.0, -1.0)])
    found = linprog(
        np.append(np.zeros(r), 1.0),
        A_ub=np.vstack([ahead, box]),
        b_ub=np.append(-least, np.zeros(2 * r)),
        bounds=[(None, None)] * r + [(0.0, None)],
    )
    return np.asarray(found.x[:r], dtype=np.float64) if found.status == 0 else None
