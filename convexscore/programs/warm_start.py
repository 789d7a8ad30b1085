"""Neurons of a trained network as neurons on other data: where a solver may start."""

from __future__ import annotations

import numpy as np

from .._validation import FloatArray
from ..network import TwoLayerNetwork
from .neurons import NeuronProgram, Neurons

__all__ = ["neurons_of"]


def neurons_of(program: NeuronProgram, network: TwoLayerNetwork) -> tuple[Neurons, FloatArray]:
    """Return a network's neurons on the points of a program, each kink moved to the nearest point.

    Parameters
    ----------
    program : NeuronProgram
        The program.
    network : TwoLayerNetwork
        A network of the same dimension; its second layer is not used but for its size.

    Returns
    -------
    neurons : Neurons
        One a neuron of the network that has an input weight.
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
    offset = (network.b1[live] / length + direction @ program.centre) / program.scale
    outputs = network.W2[:, live].T * length[:, None] * program.scale**2
    height = direction @ program.rows.T + (offset[:, None] if program.bias else 0.0)
    pivot = np.full(len(direction), -1)
    if program.bias:
        pivot = np.abs(height).argmin(axis=1)
        height -= height[np.arange(len(pivot)), pivot][:, None]
    active = height > 0
    slope = np.where(active, 1, int(program.sigma.left_slope)).astype(np.int8)
    return Neurons(slope, direction, pivot, np.full((len(pivot), 1), -1)), outputs
