"""From neurons to a conservative network whose kinks are a hair off the data."""

from __future__ import annotations

import numpy as np

from ..._support.validation import FloatArray
from ...networks.conservative import ConservativeNetwork
from ..program import Neurons
from ..reconstruction import counted_at_kinks, displaced_hyperplanes, free_weights, kink_margin
from .program import ConservativeProgram

__all__ = ["conservative_network"]


def conservative_network(
    program: ConservativeProgram, neurons: Neurons, outputs: FloatArray, stretch: float = 1.0
) -> ConservativeNetwork:
    """Return the network of some neurons, in the units of the data; see `displaced_network`.

    Output vectors are tied to the displaced directions, from which theirs differ by about ``1e-13``.
    """
    direction, offset = displaced_hyperplanes(program, neurons, stretch * kink_margin(program))
    scale = program.scale
    b2, S = free_weights(program, neurons, outputs)
    return ConservativeNetwork(
        direction,
        scale * offset - direction @ program.centre,
        np.sum(outputs * neurons.direction, axis=1) / scale**2,
        b2,
        0.5 * (S + S.T),
        activation=program.activation,
        right_derivative=counted_at_kinks(program, neurons),
    )
