"""The correlation of every atom with a network's residual, noise integrated out, along the line."""

from __future__ import annotations

import numpy as np

from ...networks.two_layer import TwoLayerNetwork
from ..correlations import Correlations, live_neurons
from .certificate import balanced_score
from .program import Cells, ExpectedProgram

__all__ = ["expected_correlations_along"]

# Positions a width of the noise at which the profile is given.
_FINENESS = 24.0


def expected_correlations_along(program: ExpectedProgram, network: TwoLayerNetwork) -> Correlations:
    """Return the correlations with a network's residual, and those of its own neurons.

    Parameters
    ----------
    program : ExpectedProgram
        The program.
    network : TwoLayerNetwork
        A network for it.

    Returns
    -------
    Correlations
        At positions that cover the line where there is mass; between them the correlations are smooth, not
        linear.
    """
    score = network.piecewise
    mean, kappa = program.balance(score)
    mean /= program.total
    score = balanced_score(program, score, mean, 0.0)
    kinks, weight, _ = live_neurons(network)
    position = np.union1d(program.scan(_FINENESS), kinks)
    height = Cells(program.data, position).correlation(score)[1]
    own = height[np.searchsorted(position, kinks)]
    if program.rules.even:
        return Correlations(position, {"abs": 2 * height - kappa}, kinks, 2 * own - kappa)
    atoms = {"right": height, "left": height - kappa}
    return Correlations(position, atoms, kinks, np.where(weight > 0, own, own - kappa))
