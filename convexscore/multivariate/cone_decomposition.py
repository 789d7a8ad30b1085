"""ReLU and abs networks from the matrices of patterns: each is a difference of two in its cone.

A column ``w`` of ``W_j`` need not be in the cone ``{u : (2 D_j - I) X u >= 0}`` of its pattern.  With a
direction ``g`` strictly inside, ``w = (w + t g) - t g`` is a difference of two that are, for ``t`` large
enough (Mishkin, Sahiner & Pilanci 2022): two neurons of the same pattern, hence the same score on the data.
The ``- t g`` of all columns are one neuron.
"""

from __future__ import annotations

import numpy as np

from .._support.validation import FloatArray
from ..networks.two_layer import TwoLayerNetwork
from .patterns import GivenPatterns
from .program import NeuronProgram

__all__ = ["cone_network"]


def cone_network(
    program: NeuronProgram, given: GivenPatterns, W: FloatArray, V: FloatArray
) -> TwoLayerNetwork:
    """Return the network whose neurons make ``sum_j D_j X W_j + X V'`` at the data.

    Parameters
    ----------
    program : NeuronProgram
        A gated program.
    given : GivenPatterns
        Its patterns with directions inside their cells.
    W : ndarray of shape (n_patterns, n_columns, n_features)
        The matrices of the patterns.
    V : ndarray of shape (n_features, n_features)
        The skip connection, zero without.

    Returns
    -------
    TwoLayerNetwork
        At most ``(n_features + 1)`` neurons a pattern.

    Raises
    ------
    ValueError
        If a gate with offset is given to a network without bias, which can have no such neuron.
    """
    d = program.n_features
    if not program.bias and given.gates[:, d].any():
        raise ValueError("patterns: expected patterns of half spaces through the origin without bias")
    inside = given.gates if program.bias else given.gates[:, :d]
    columns, vectors = [], []
    side = np.where(given.active, 1.0, -1.0)
    largest = np.abs(W).max(initial=0.0)
    for j in np.flatnonzero(np.abs(W).max(axis=(1, 2)) > 1e-15 * largest):
        block, g = W[j], inside[j]
        height = side[j] * (program.rows @ g)
        cut = program.rows.any(axis=1)
        needed = np.max(
            -(side[j][:, None] * (program.rows @ block))[cut] / height[cut, None], axis=0, initial=0.0
        )
        # Strictly inside: a hyperplane through data would leave their derivatives to convention.
        t = 1.5 * np.maximum(needed, 0.0) + 1e-3 * np.abs(block).max() / np.abs(g).max()
        columns.append(np.column_stack([block + t * g[:, None], g]))
        vectors.append(np.vstack([np.eye(d), -t]))
    if not columns:
        columns, vectors = [np.zeros((program.rows.shape[1], 0))], [np.zeros((0, d))]
    first, second = np.hstack(columns), np.vstack(vectors)
    return _network(program, first, second, V)


def _network(program: NeuronProgram, first: FloatArray, second: FloatArray, V: FloatArray) -> TwoLayerNetwork:
    d = program.n_features
    balance = np.sqrt(np.linalg.norm(second, axis=1) / np.linalg.norm(first, axis=0))
    first, second = first * balance, second / balance[:, None]
    b1 = first[d] if program.bias else np.zeros(first.shape[1])
    return TwoLayerNetwork(first[:d].T, b1, second.T, np.zeros(d), V, activation=program.activation)
