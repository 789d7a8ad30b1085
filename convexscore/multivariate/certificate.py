"""Certificates of networks in any dimension, recomputed from the returned network.

With the residual ``Z = S - L`` at the data, made to meet the conditions of bias and skip, ``-1/2 ||Z||^2 -
<L, Z>`` bounds the loss of every network from below if no neuron's correlation ``|| M'u ||`` exceeds
``beta`` (`multivariate.program`).  Whether that is known depends on the pricer: exact pricing proves it for
networks of any width, search does not.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._support.validation import FloatArray
from ..networks.gated import ScoreNetwork
from ..numerics.rounding import rounding_of_sums
from ..results import Certificate, value_size
from .pricing.base import Pricer, Reach
from .pricing.gates import GatePricer
from .program import NeuronProgram

__all__ = ["certify_matrices", "certify_network", "matrix_scale", "scaled_certificate"]

# Correlations are sums over the data: relative excesses below this are rounding.
_ROUNDING = 1e-11


def certify_network(
    program: NeuronProgram,
    pricer: Pricer,
    network: ScoreNetwork,
    beta: float,
    scope: str,
    inside: FloatArray | None = None,
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
        Which networks the pricer speaks of; ``"local"`` becomes ``"global"`` where it ends with a proof.
    inside : ndarray of shape (n_points, n_features), optional
        A weighted residual that may be feasible.

    Returns
    -------
    Certificate
        For denoising the residual is shrunk until it is feasible.  For score matching, where shrinking does
        not help, an infeasible one is moved towards `inside`; its dual value is ``-inf`` if that is not
        feasible either.
    """
    scores = network(program.points)
    primal = program.loss(network) + beta * network.weight_decay()
    residual = program.root_mass * (program.scale * scores - program.target)
    residual, imbalance = program.balanced(residual)
    reach = pricer.reach(residual, beta)
    largest = reach.bound if reach.ended else reach.seen
    dual, proven = _dual(program, pricer, residual, reach, inside, beta)
    if scope == "local" and proven:
        scope = "global"
    shown = dual if scope == "global" else -np.inf
    return Certificate(
        primal,
        dual,
        primal - dual,
        max(largest - beta, 0.0, imbalance),
        scope,
        lower_bound=_proven_dual(program, residual, reach.bound, beta) if scope == "local" else shown,
        value_scale=value_size(primal, program.magnitude(network) + beta * network.weight_decay()),
        violation_scale=beta,
        rounding=_excused(program, beta),
        value_rounding=value_rounding(program, network),
    )


def _dual(
    program: NeuronProgram,
    pricer: Pricer,
    residual: FloatArray,
    reach: Reach,
    inside: FloatArray | None,
    beta: float,
) -> tuple[float, bool]:
    """Return the dual value of a residual made feasible, and whether it is proven that it is."""
    largest = reach.bound if reach.ended else reach.seen
    if not program.has_trace or largest <= beta * (1 + _ROUNDING):
        return program.dual_value(residual * _shrinkage(program, largest, beta)), reach.ended
    if inside is None:
        return -np.inf, False
    inside = program.balanced(inside)[0]
    other = pricer.reach(inside, beta)
    reached = other.bound if other.ended else other.seen
    if reached > beta:
        return -np.inf, False
    # The largest correlation is convex in the residual.  A kink moved by rounding errors already violates by
    # these times the size of the output weights, which says nothing about the network.
    share = (largest - beta) / (largest - reached)
    return program.dual_value((1 - share) * residual + share * inside), reach.ended and other.ended


def _shrinkage(program: NeuronProgram, largest: float, beta: float) -> float:
    return 1.0 if program.has_trace else min(1.0, beta / largest)


def _proven_dual(program: NeuronProgram, residual: FloatArray, bound: float, beta: float) -> float:
    """Return the dual value of a residual made feasible by a proven bound; ``-inf`` where it cannot be."""
    if not np.isfinite(bound) or (program.has_trace and bound > beta * (1 + _ROUNDING)):
        return -np.inf
    return program.dual_value(residual * _shrinkage(program, bound, beta))


def _excused(program: NeuronProgram, beta: float) -> float:
    """Return the rounding of violations that is excused: at most a tenth of the weight decay.

    Labels that are fitted without neurons leave correlations that are rounding, whatever the weight decay.
    """
    labels = float(np.linalg.norm(program.root_mass * program.target))
    left = float(np.linalg.norm(program.zero_residual))
    fitted = left <= 16 * rounding_of_sums(len(program.mass)) * labels
    return program.rounding if fitted else min(program.rounding, 0.1 * beta)


def value_rounding(program: NeuronProgram, network: ScoreNetwork) -> float:
    """Return how far rounding in a network's outputs and in correlations can move a gap.

    Outputs that are off move the dual value by as much times the labels, and neurons whose correlations are
    off cost that much times their own outputs.  At most a millionth of the zero score's scale is excused.
    """
    labels = np.abs(program.target / program.scale)
    energy = program.scatter + float(program.trace_mass.sum()) / program.scale**2
    if not program.has_trace:
        energy += 0.5 * float(np.sum(program.mass[:, None] * labels**2))
    elif program.has_labels:
        # No value has the squares of labels beside a trace: what they pull is what counts.
        reach = max(float(np.sum(program.mass[:, None] * program.rows**2)), 1e-300)
        energy += program.label_correlation**2 / reach / program.scale**2
    moved = float(np.sum(program.mass[:, None] * labels * _summed_sizes(network, program.points)))
    # Each output is a sum over neurons of sums over features.
    moved *= rounding_of_sums(program.n_features) + rounding_of_sums(network.n_neurons)
    moved += rounding_of_sums(len(program.mass)) * energy
    return min(moved, 1e-6 * energy) + program.rounding * network.weight_decay()


def _summed_sizes(network: Any, points: FloatArray) -> FloatArray:
    """Return the sizes of the numbers that add up to outputs, shape ``(n_points, n_features)``."""
    points, network = np.abs(points), getattr(network, "network", network)
    hidden = points @ np.abs(network.W1).T + np.abs(network.b1)
    sizes: FloatArray = hidden @ np.abs(network.W2).T + np.abs(network.b2) + points @ np.abs(network.V).T
    return sizes


def certify_matrices(
    program: NeuronProgram, slope: NDArray[np.int8], network: ScoreNetwork, scope: str
) -> Certificate:
    """Recompute the loss and the stationarity of every block from a network.

    A residual is dual feasible iff every block is stationary; then its dual value is the optimum.
    """
    residual = program.root_mass * (network(program.points) - program.target)
    violation = float(np.abs(GatePricer(program, slope).matrices(residual)).max(initial=0.0))
    if program.skip:
        pull = program.free.T @ (program.root_mass * residual) + program.free_trace
        violation = max(violation, float(np.abs(pull).max()))
    primal = program.loss(network)
    dual = program.dual_value(residual) if violation <= 1e-7 * matrix_scale(program) else -np.inf
    return scaled_certificate(program, primal, dual, violation, scope, network)


def scaled_certificate(
    program: NeuronProgram,
    primal: float,
    dual: float,
    violation: float,
    scope: str,
    network: ScoreNetwork,
    penalty: float = 0.0,
) -> Certificate:
    """Return a certificate with the scales of programs on patterns; `penalty` is a part of the value."""
    scales = {
        "value_scale": value_size(primal, program.magnitude(network) + penalty),
        "violation_scale": matrix_scale(program),
        "value_rounding": value_rounding(program, network),
    }
    return Certificate(primal, dual, primal - dual, violation, scope, **scales)


def matrix_scale(program: NeuronProgram) -> float:
    """Return the size that correlations have."""
    return max(program.label_correlation, float(program.trace_mass.sum()), 1e-300)
