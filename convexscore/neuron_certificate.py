"""Certificates of networks in any dimension, recomputed from the returned network.

With the residual ``Z = S - L`` at the data, made to meet the conditions of bias and skip, ``-1/2 ||Z||^2 -
<L, Z>`` bounds the loss of every network from below if no neuron's correlation ``|| M'u ||`` exceeds
``beta`` (`programs.neurons`).  Whether that is known depends on the pricer: exact pricing proves it for
networks of any width, search does not.
"""

from __future__ import annotations

import numpy as np

from ._validation import FloatArray
from .certificate import Certificate
from .gated_network import ScoreNetwork
from .pricing.base import Pricer
from .programs.neurons import NeuronProgram

__all__ = ["certify_network", "is_within"]

# Correlations are sums over the data: relative excesses below this are rounding.
_ROUNDING = 1e-11


def certify_network(
    program: NeuronProgram, pricer: Pricer, network: ScoreNetwork, beta: float, scope: str
) -> Certificate:
    """Recompute value, lower bound and violations from a network.

    Parameters
    ----------
    program : NeuronProgram
        The program.
    pricer : Pricer
        Finds the largest correlation.
    network : TwoLayerNetwork or GatedNetwork
        The network to certify.
    beta : float
        Weight decay.
    scope : {"global", "patterns", "local"}
        Which networks the pricer speaks of.

    Returns
    -------
    Certificate
        For denoising the residual is shrunk until it is feasible.  For score matching, where shrinking does
        not help, an infeasible one has the dual value ``-inf``.
    """
    scores = network(program.points)
    primal = program.scatter + 0.5 * float(
        np.sum(program.mass[:, None] * (scores - program.target / program.scale) ** 2)
    )
    if program.has_trace:
        primal += float(np.sum(program.mass * network.divergence(program.points)))
    primal += beta * network.weight_decay()
    residual = program.root_mass * (program.scale * scores - program.target)
    residual, imbalance = _balanced(program, residual)
    largest = pricer.price(residual, beta * (1 - 1e-3), most=1).largest
    violation = max(largest - beta, 0.0, imbalance)
    dual = -np.inf
    if not program.has_trace:
        dual = program.dual_value(residual * min(1.0, beta / largest))
    elif largest <= beta * (1 + _ROUNDING):
        dual = program.dual_value(residual)
    return Certificate(primal, dual, primal - dual, violation, scope)


def _balanced(program: NeuronProgram, residual: FloatArray) -> tuple[FloatArray, float]:
    """Make a residual meet the conditions of the free part; return how far it was from that."""
    basis, change = program.free_basis
    off = basis.T @ residual + change.T @ program.free_trace
    imbalance = np.abs(program.free.T @ (program.root_mass * residual) + program.free_trace)
    return residual - basis @ off, float(imbalance.max(initial=0.0))


def is_within(certificate: Certificate, program: NeuronProgram, beta: float, tol: float) -> bool:
    """Whether gap and violation are within `tol` of the problem's own scales."""
    labels = 0.5 * float(np.sum(program.mass[:, None] * program.target**2))
    scale = abs(certificate.primal) + (labels + program.trace_mass.sum()) / program.scale**2
    reach = float(np.linalg.norm(program.root_mass * program.rows))
    rounding = 1e-13 * reach * float(np.linalg.norm(program.root_mass * program.target))
    allowed = tol * beta + rounding
    return bool(abs(certificate.gap) <= tol * scale and certificate.max_violation <= allowed)
