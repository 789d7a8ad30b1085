"""Training ReLU, abs and gated networks with weight decay in any dimension, by column generation.

Exact pricing makes the certificate global: on the line, in the plane, and for gated networks within their
patterns.  Elsewhere neurons are found by search; the scope then is ``"local"``, and where the patterns of the
data can be listed, the gated program, which relaxes the network's, gives a proven lower bound beside it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ._validation import FloatArray, as_count
from .arrangements.counting import count_patterns
from .arrangements.patterns import Patterns
from .errors import SolverError, UnboundedError
from .gated_network import GatedNetwork, ScoreNetwork
from .network import TwoLayerNetwork
from .neuron_certificate import certify_network, is_within
from .objectives import Objective
from .pricing.ascent import AscentPricer
from .pricing.base import Pricer
from .pricing.gates import GatePricer
from .pricing.line import LinePricer
from .pricing.planar import PlanarPricer
from .programs.displacement import displaced_network, free_weights
from .programs.given_patterns import given_patterns
from .programs.neurons import NeuronProgram, Neurons
from .programs.warm_start import neurons_of
from .solution import Solution, SolveStats, no_options, warn_of_missed_tolerance
from .solvers.column_generation import Generated, generate_columns
from .solvers.nuclear_norm import solve_nuclear_norm
from .solvers.smallest_decay import smallest_decay

__all__ = ["pricer_of", "solve_gated", "solve_networks"]

# The hair by which beta is lowered, see `column_generation`, as shares of the tolerance.
_HAIRS = (1e-3, 0.05, 0.5)
# Data times features up to which an error names the boundedness bound.
_BOUND_NAMED = 300


def pricer_of(program: NeuronProgram, n_starts: int = 100, rng: int | None = 0) -> Pricer:
    """Return exact pricing where there is one, else search."""
    columns = program.rows.shape[1]
    if columns == 1:
        return LinePricer(program)
    if columns == 2:
        return PlanarPricer(program)
    return AscentPricer(program, n_starts, rng=rng)


def solve_networks(
    objective: Objective,
    beta: float,
    activation: str,
    skip: bool,
    bias: bool,
    *,
    tol: float,
    options: dict[str, Any],
) -> Solution:
    """Train a ReLU or abs network with weight decay; see `solve` for the parameters."""
    options = dict(options)
    limit = as_count("max_iterations", options.pop("max_iterations", 200), minimum=1)
    n_starts = as_count("n_starts", options.pop("n_starts", 100), minimum=2)
    most = as_count("max_patterns", options.pop("max_patterns", 20_000))
    start = options.pop("start", None)
    if start is not None and not isinstance(start, TwoLayerNetwork):
        raise TypeError(f"start: expected a TwoLayerNetwork, got {type(start).__name__}")
    no_options("column_generation", options)
    program = NeuronProgram.from_objective(objective, activation, skip, bias)
    pricer = pricer_of(program, n_starts)
    known = None if start is None else neurons_of(program, start)

    def network(found: Generated) -> TwoLayerNetwork:
        return displaced_network(program, found.neurons, found.outputs)

    def generate(hair: float, start: tuple[Neurons, FloatArray] | None) -> Generated:
        return generate_columns(
            program, pricer, beta, tol=tol, hair=hair, max_iterations=limit, start=start or known
        )

    scope = "global" if pricer.exact else "local"
    solution = _certified(program, pricer, beta, scope, tol, generate, network, "column_generation")
    if scope == "local" and not bias:
        bound = relaxed_bound(objective, beta, activation, skip, most, tol)
        solution = replace(solution, certificate=replace(solution.certificate, lower_bound=bound))
    return solution


def solve_gated(
    objective: Objective,
    beta: float,
    activation: str,
    skip: bool,
    bias: bool,
    patterns: Patterns | NDArray[np.bool_] | None,
    *,
    solver: str = "auto",
    tol: float,
    options: dict[str, Any],
) -> Solution:
    """Train a gated network with weight decay; see `solve` for the parameters.

        min  1/2 ||sum_j D_j X W_j + X V' - L||^2  +  beta sum_j ||W_j||_*
             + [SM] (sum_j tr(D_j) tr(W_j) + n tr V)

    Rows of ``X`` have a 1 added with bias.  The nuclear norm is what weight decay costs: the singular value
    decomposition of ``W_j`` gives its neurons.
    """
    options = dict(options)
    limit = as_count("max_iterations", options.pop("max_iterations", 500), minimum=1)
    no_options(solver, options)
    program = NeuronProgram.from_objective(objective, activation, skip, bias, gated=True)
    given = given_patterns(program, objective.X, patterns)
    slope = given.slope(program.sigma.left_slope)
    pricer = GatePricer(program, slope)
    gate_of = {row.tobytes(): k for k, row in enumerate(slope)}

    def network(found: Generated) -> GatedNetwork:
        chosen = [gate_of[row.tobytes()] for row in found.neurons.slope]
        return gated_network(program, found.neurons, found.outputs, given.gates[chosen])

    def by_newton(hair: float, start: Any) -> Generated:
        # The augmented Lagrangian stops at the rounding of its penalized system.
        last = hair >= _HAIRS[-1] * tol
        found = None if last else solve_nuclear_norm(program, pricer, beta, hair=max(hair, 3e-8))
        return by_columns(hair, start) if found is None else found

    def by_columns(hair: float, start: Any) -> Generated:
        return generate_columns(program, pricer, beta, tol=tol, hair=hair, max_iterations=limit, start=start)

    solver = "semismooth_newton" if solver == "auto" else solver
    generate = by_newton if solver == "semismooth_newton" else by_columns
    return _certified(program, pricer, beta, "patterns", tol, generate, network, solver)


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


def relaxed_bound(
    objective: Objective, beta: float, activation: str, skip: bool, most: int, tol: float
) -> float:
    """Return a lower bound on the loss of every network without bias, from its gated relaxation.

    A network is a gated one whose directions stay in their own cells, so the optimum over all patterns is
    below its own.  ``-inf`` if there are more than `most` patterns, or the relaxation is unbounded.
    """
    if count_patterns(np.unique(objective.X, axis=0)) > most:
        return -np.inf
    program = NeuronProgram.from_objective(objective, activation, skip, False, gated=True)
    given = given_patterns(program, objective.X, None)
    pricer = GatePricer(program, given.slope(program.sigma.left_slope))
    found = solve_nuclear_norm(program, pricer, beta, hair=max(0.05 * tol, 3e-8))
    if found is None:
        return -np.inf
    residual, largest = found.residual, float(pricer.spectral_norms(found.residual).max())
    if not program.has_trace:
        return program.dual_value(residual * min(1.0, beta / largest))
    return program.dual_value(residual) if largest <= beta else -np.inf


def _certified(
    program: NeuronProgram,
    pricer: Pricer,
    beta: float,
    scope: str,
    tol: float,
    generate: Callable[[float, tuple[Neurons, FloatArray] | None], Generated],
    network: Callable[[Generated], ScoreNetwork],
    solver: str,
) -> Solution:
    """Solve, write the network, certify it; a residual that just misses is sought again a hair farther in."""
    begin = time.perf_counter()
    iterations, n_priced, start = 0, 0, None
    for hair in _HAIRS:
        try:
            found = generate(hair * tol, start)
        except UnboundedError as error:
            raise _unbounded(program, pricer, beta) from error
        iterations, n_priced = iterations + found.iterations, max(n_priced, found.n_priced)
        made = network(found)
        certificate = certify_network(program, pricer, made, beta, scope)
        if is_within(certificate, program, beta, tol):
            break
        start = (found.neurons, found.outputs)
    status = "optimal"
    stats = SolveStats(solver, iterations, time.perf_counter() - begin, n_priced)
    if not is_within(certificate, program, beta, tol):
        status = "inaccurate"
        warn_of_missed_tolerance(certificate, tol, stacklevel=5)
    return Solution(made, certificate.primal, status, certificate, stats, beta)


def _unbounded(program: NeuronProgram, pricer: Pricer, beta: float) -> Exception:
    """Return the error of a weight decay below the bound, which it names where that takes seconds."""
    kind = f"{program.activation} {'with' if program.skip else 'without'} skip"
    bound = "at least the bound"
    if len(program.points) * program.n_features <= _BOUND_NAMED:
        smallest = smallest_decay(program, pricer, 1e-3)
        if smallest <= beta:
            return SolverError(
                f"the optimum at beta={beta:.10g} is too large to be computed: the weight decay is close to "
                f"the bound, about {smallest:.6g}, below which score matching ({kind}) is unbounded"
            )
        bound = f"at least about {smallest:.6g}"
    return UnboundedError(
        f"beta: expected {bound} (`beta_bounds` finds it), below which score matching ({kind}) is "
        f"unbounded on these data, got {beta:.10g}"
    )
