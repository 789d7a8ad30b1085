"""Neurons of a trained network as neurons of a program: where a solver may start.

The kinks of a program's neurons go through data points.  Between two neighbouring positions of its
hyperplane a neuron's outputs are linear in its bias, so one whose kink passes between points is exactly two
of the same direction and pattern, one through the nearest point on either side.  So the start has the
network's own scores and its own cost.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .._support.validation import FloatArray
from ..networks.two_layer import TwoLayerNetwork
from .program import NeuronProgram, Neurons
from .reconstruction import kink_margin

__all__ = ["neurons_of"]

# A written network keeps its kinks a margin off the points on them, a few in hard cases.
_TIED = 10.0


def neurons_of(program: NeuronProgram, network: TwoLayerNetwork) -> tuple[Neurons, FloatArray]:
    """Return a network's neurons on the points of a program, those on a kink on the network's own side.

    Parameters
    ----------
    program : NeuronProgram
        The program.
    network : TwoLayerNetwork
        A network of the same dimension; biases count where the program has some, and ``b2`` and ``V`` do
        not, since they are free.

    Returns
    -------
    neurons : Neurons
        One or two a neuron of the network that is not zero on all the points.
    outputs : ndarray of shape (n_neurons, n_features)
        Output vectors in the units of the program.
    """
    if network.n_features != program.n_features:
        raise ValueError(
            f"start: expected a network with {program.n_features} features, got {network.n_features}"
        )
    length = np.linalg.norm(network.W1, axis=1)
    live = length > 0
    length = length[live]
    direction = network.W1[live] / length[:, None]
    outputs = network.W2[:, live].T * length[:, None] * program.scale**2
    height = direction @ program.rows.T
    if program.bias:
        height += ((network.b1[live] / length + direction @ program.centre) / program.scale)[:, None]
    # The sides are those of the network's own arithmetic, in which a kink may go exactly through a point.
    pre = (program.points @ network.W1[live].T + (network.b1[live] if program.bias else 0.0)).T
    active = np.where(pre == 0, network.right_derivative[live][:, None], pre > 0)
    slope = np.where(active, 1, int(program.sigma.left_slope)).astype(np.int8)
    useful = slope.any(axis=1)
    slope, direction, outputs, height = slope[useful], direction[useful], outputs[useful], height[useful]
    tied = np.abs(height) <= _TIED * kink_margin(program)
    if not program.bias:
        # Points at the origin are on every hyperplane.
        tied &= program.rows.any(axis=1)
        return Neurons(slope, direction, np.full(len(slope), -1), _padded(tied)), outputs
    which, share, pivot = _through_points(height, tied)
    held = tied[which]
    held[np.arange(len(which)), pivot] = False
    return Neurons(slope[which], direction[which], pivot, _padded(held)), share[:, None] * outputs[which]


def _through_points(
    height: FloatArray, tied: NDArray[np.bool_]
) -> tuple[NDArray[np.intp], FloatArray, NDArray[np.intp]]:
    """Divide neurons among hyperplanes through points: which neuron, its share, the point."""
    row = np.arange(len(height))
    above = np.where(height > 0, height, np.inf)
    below = np.where(height > 0, -np.inf, height)
    high, low = above.argmin(axis=1), below.argmax(axis=1)
    up, down = above[row, high], -below[row, low]
    on = tied.any(axis=1)
    nearest = np.abs(height).argmin(axis=1)
    # All points on one side: the neuron is linear on them, and the free constant moves its hyperplane.
    single = on | ~np.isfinite(up) | ~np.isfinite(down)
    between = ~single
    with np.errstate(invalid="ignore"):
        share = down / (up + down)
    which = np.concatenate([row[single], row[between], row[between]])
    shares = np.concatenate([np.ones(single.sum()), share[between], 1 - share[between]])
    pivot = np.concatenate([nearest[single], high[between], low[between]])
    return which, shares, pivot


def _padded(members: NDArray[np.bool_]) -> NDArray[np.intp]:
    """Return the indices that are true in each row, padded with -1."""
    width = int(members.sum(axis=1).max(initial=0))
    order = np.argsort(~members, axis=1, kind="stable")[:, :width]
    return np.where(np.take_along_axis(members, order, axis=1), order, -1)
