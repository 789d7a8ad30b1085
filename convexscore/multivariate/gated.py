"""Gated networks with weight decay: gates fixed to patterns, weights free, nuclear norms as their cost."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._support.validation import FloatArray, as_count
from ..networks.gated import GatedNetwork
from ..problem import Problem
from ..results import Certificate, Solution
from .certificate import certify_network
from .patterns import GivenPatterns, on_patterns
from .pricing.gates import GatePricer
from .program import NeuronProgram, Neurons
from .reconstruction import free_weights
from .solvers.column_generation import Generated, generate_columns
from .solvers.nuclear_norm import solve_nuclear_norm
from .train import HAIRS, Training

__all__ = ["certify_gated", "gated_network", "network_of_matrices", "solve_gated"]


def solve_gated(
    problem: Problem, beta: float, *, solver: str, tol: float, verbose: bool, options: dict[str, Any]
) -> Solution:
    """Train a gated network with weight decay; see `solve` for the parameters.

        min  1/2 ||sum_j D_j X W_j + X V' - L||^2  +  beta sum_j ||W_j||_*
             + [SM] (sum_j tr(D_j) tr(W_j) + n tr V)

    Rows of ``X`` have a 1 added with bias.  The nuclear norm is what weight decay costs: the singular value
    decomposition of ``W_j`` gives its neurons.
    """
    limit = as_count("max_iterations", options.get("max_iterations", 500), minimum=1)
    program, given, slope = on_patterns(problem, verbose)
    pricer = GatePricer(program, slope)

    def write(found: Generated, stretch: float) -> GatedNetwork:
        return gated_network(program, found.neurons, found.outputs, given.gates_of(found.neurons.slope))

    def by_newton(hair: float, start: Any) -> Generated:
        # The augmented Lagrangian stops at the rounding of its penalized system.
        last = hair >= HAIRS[-1] * tol
        found = None
        if not last:
            found = solve_nuclear_norm(program, pricer, beta, hair=max(hair, 3e-8), progress=verbose)
        return by_columns(hair, start) if found is None else found

    def by_columns(hair: float, start: Any) -> Generated:
        return generate_columns(
            program, pricer, beta, tol=tol, hair=hair, max_iterations=limit, start=start, progress=verbose
        )

    solver = "semismooth_newton" if solver == "auto" else solver
    generate = by_newton if solver == "semismooth_newton" else by_columns
    return Training(program, pricer, beta, "patterns", tol, solver, generate, write).solution()


def certify_gated(problem: Problem, beta: float, network: GatedNetwork) -> Certificate:
    """Certify a gated network that any method has trained."""
    program, _, slope = on_patterns(problem)
    return certify_network(program, GatePricer(program, slope), network, beta, "patterns")


def gated_network(
    program: NeuronProgram, neurons: Neurons, outputs: FloatArray, gates: FloatArray
) -> GatedNetwork:
    """Return the balanced gated network of some neurons."""
    d = program.n_features
    root = np.sqrt(np.linalg.norm(outputs, axis=1))[:, None]
    b2, V = free_weights(program, neurons, outputs)
    offsets = neurons.direction[:, d] if program.bias else np.zeros(len(neurons))
    return GatedNetwork(
        neurons.direction[:, :d] * root,
        offsets * root[:, 0],
        (outputs / np.where(root > 0, root, 1.0)).T,
        b2,
        V,
        gates=gates[:, :d],
        gate_offsets=gates[:, d],
        activation=program.activation,
    )


def network_of_matrices(
    program: NeuronProgram, given: GivenPatterns, W: FloatArray, V: FloatArray
) -> GatedNetwork:
    """Return the gated network that the singular value decompositions of the blocks make."""
    slope = given.slope(program.sigma.left_slope)
    neurons, outputs = Neurons.from_matrices(slope, W, share=1e-15)
    made = gated_network(program, neurons, outputs, given.gates_of(neurons.slope))
    arrays = {name: getattr(made, name) for name in ("W1", "b1", "W2", "b2", "gates", "gate_offsets")}
    return GatedNetwork(**arrays, V=V, activation=program.activation)
