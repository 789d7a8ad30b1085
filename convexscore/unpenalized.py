"""Training without weight decay on given patterns, and gated networks with a squared penalty."""

from __future__ import annotations

import time

import numpy as np
from numpy.typing import NDArray

from ._support.validation import FloatArray
from .arrangements.patterns import Patterns
from .multivariate import gated_network
from .networks.gated import GatedNetwork, ScoreNetwork
from .objectives import Objective
from .pricing.gates import GatePricer
from .programs.cone_decomposition import cone_network
from .programs.given_patterns import GivenPatterns, given_patterns
from .programs.neurons import NeuronProgram, Neurons
from .programs.ridge import solve_ridge
from .programs.unpenalized import solve_unpenalized
from .results import Certificate, Solution, SolveStats, judged

__all__ = ["solve_ridge_network", "solve_without_decay"]


def solve_without_decay(
    objective: Objective,
    activation: str,
    skip: bool,
    bias: bool,
    gated: bool,
    patterns: Patterns | NDArray[np.bool_] | None,
    *,
    tol: float,
) -> Solution:
    """Train without weight decay; see `solve` for the parameters."""
    start = time.perf_counter()
    program, given, slope = _setting(objective, activation, skip, bias, patterns)
    solution = solve_unpenalized(program, slope)
    made: ScoreNetwork = (
        _gated(program, given, solution.W, solution.V) if gated else cone_network(program, given, solution)
    )
    scope = "global" if given.complete and not gated else "patterns"
    certificate = _certificate(program, slope, made, scope)
    seconds = time.perf_counter() - start
    stats = SolveStats("least_squares", 1, seconds, len(slope))
    status = judged(certificate, tol, stacklevel=4)
    return Solution(made, certificate.primal, status, certificate, stats, 0.0)


def solve_ridge_network(
    objective: Objective,
    beta: float,
    activation: str,
    skip: bool,
    bias: bool,
    patterns: Patterns | NDArray[np.bool_] | None,
    *,
    tol: float,
) -> Solution:
    """Train a gated network with the penalty ``beta/2 sum_j ||W_j||_F^2``; see `solve` for the parameters.

    The value is that of this program, not the network's own weight decay.
    """
    start = time.perf_counter()
    program, given, slope = _setting(objective, activation, skip, bias, patterns)
    W, residual, V = solve_ridge(program, slope, beta)
    made = _gated(program, given, W, V)
    penalty = 0.5 * beta * float(np.sum(W**2))
    primal = program.loss(made) + penalty
    # At the optimum W = -(A'Z + T) / beta: the dual value is the loss at Z less the same penalty.
    dual = program.dual_value(residual) - penalty
    pulled = GatePricer(program, slope).matrices(residual) + beta * W
    violation = float(np.abs(pulled).max(initial=0.0))
    certificate = _with_scales(program, primal, dual, violation, "patterns")
    stats = SolveStats("kernel", 1, time.perf_counter() - start, len(slope))
    status = judged(certificate, tol, stacklevel=4)
    return Solution(made, primal, status, certificate, stats, beta)


def _setting(
    objective: Objective,
    activation: str,
    skip: bool,
    bias: bool,
    patterns: Patterns | NDArray[np.bool_] | None,
) -> tuple[NeuronProgram, GivenPatterns, NDArray[np.int8]]:
    program = NeuronProgram.from_objective(objective, activation, skip, bias, gated=True)
    given = given_patterns(program, objective.X, patterns)
    return program, given, given.slope(program.sigma.left_slope)


def _gated(program: NeuronProgram, given: GivenPatterns, W: FloatArray, V: FloatArray) -> GatedNetwork:
    """Return the gated network that the singular value decompositions of the blocks make."""
    slope = given.slope(program.sigma.left_slope)
    neurons, outputs = Neurons.from_matrices(slope, W, share=1e-15)
    made = gated_network(program, neurons, outputs, given.gates_of(neurons.slope))
    arrays = {name: getattr(made, name) for name in ("W1", "b1", "W2", "b2", "gates", "gate_offsets")}
    return GatedNetwork(**arrays, V=V, activation=program.activation)


def _certificate(
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
    dual = program.dual_value(residual) if violation <= 1e-7 * _scale(program) else -np.inf
    return _with_scales(program, primal, dual, violation, scope)


def _with_scales(
    program: NeuronProgram, primal: float, dual: float, violation: float, scope: str
) -> Certificate:
    scales = {"value_scale": program.value_scale(primal), "violation_scale": _scale(program)}
    return Certificate(primal, dual, primal - dual, violation, scope, **scales)


def _scale(program: NeuronProgram) -> float:
    """Return the size that correlations have."""
    reach = float(np.linalg.norm(program.root_mass * program.rows))
    labels = float(np.linalg.norm(program.root_mass * program.target))
    return max(reach * labels, float(program.trace_mass.sum()), 1e-300)
