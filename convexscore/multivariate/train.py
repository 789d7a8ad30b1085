"""Training ReLU, abs and gated networks with weight decay in any dimension, by column generation.

Exact pricing makes the certificate global: on the line, in the plane, and for gated networks within their
patterns.  Elsewhere branch and bound does, where it ends with as many boxes as are allowed.  Where it does
not, the scope is ``"local"``, with a proven lower bound from what it has shown, or from the gated program,
which relaxes the network's, where the patterns of the data can be listed.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from .._support.sizes import as_workers
from .._support.validation import FloatArray, as_count
from ..arrangements.counting import count_patterns
from ..errors import SolverError, UnboundedError
from ..networks.gated import ScoreNetwork
from ..networks.two_layer import TwoLayerNetwork
from ..problem import Problem
from ..results import Certificate, Solution, SolveStats, judged
from .bounds import decay_range
from .certificate import certify_network
from .patterns import given_patterns
from .pricing.base import Pricer
from .pricing.boxes import BoxPricer
from .pricing.choice import pricer_of
from .pricing.gates import GatePricer
from .pricing.planar import PlanarPricer
from .program import NeuronProgram, Neurons
from .proven_bound import proven_bound
from .reconstruction import displaced_network
from .solvers.column_generation import Generated, generate_columns
from .solvers.nuclear_norm import solve_nuclear_norm
from .warm_start import neurons_of

__all__ = [
    "HAIRS",
    "PROVEN_HAIRS",
    "Training",
    "certify_trained",
    "number_of_boxes",
    "proven_solution",
    "relaxed_bound",
    "searching",
    "solve_networks",
    "workers_of",
]

Generate = Callable[[Pricer, float, float, float, "tuple[Neurons, FloatArray] | None"], Generated]

# The hair by which beta is lowered, see `column_generation`, as shares of the tolerance.
HAIRS = (1e-3, 0.05, 0.5)
# Where boxes prove that no neuron is missing, which is harder the nearer the largest correlations are.
PROVEN_HAIRS = (0.3, 0.03, 0.5)
# Boxes that are cut by default, for each number of features: at most a minute's work or two.
_BOXES = {2: 1_000_000, 3: 1_000_000, 4: 2_000_000, 5: 1_500_000, 6: 300_000}
# How many times the usual margin points keep from kinks, tried in turn: narrower ones disturb data far from
# the origin less, wider ones help where a point ends on the wrong side.
_STRETCHES = (1.0, 1 / 8, 1 / 64, 8.0, 64.0)
# A written network that is off by more than this many tolerances is refused.
_GROSS = 10.0
# Data times features up to which an error names the boundedness bound, or what it exceeds, and the work that
# it does for that: a second or two.
_BOUND_NAMED, _BOUND_WORK = 300, 3e6


def solve_networks(
    problem: Problem,
    beta: float,
    *,
    solver: str = "auto",
    tol: float = 1e-6,
    verbose: bool = False,
    options: dict[str, Any] | None = None,
) -> Solution:
    """Train a ReLU or abs network with weight decay; see `solve` for the parameters."""
    given = options or {}
    limit = as_count("max_iterations", given.get("max_iterations", 200), minimum=1)
    n_starts = as_count("n_starts", given.get("n_starts", 100), minimum=2)
    most = as_count("max_patterns", given.get("max_patterns", 20_000))
    start = given.get("start")
    if start is not None and not isinstance(start, TwoLayerNetwork):
        raise TypeError(f"start: expected a TwoLayerNetwork, got {type(start).__name__}")
    program = NeuronProgram.from_problem(problem)
    boxes, n_jobs = number_of_boxes(problem, given.get("max_boxes")), workers_of(given)
    pricer = pricer_of(program, n_starts, max_boxes=boxes, n_jobs=n_jobs, progress=verbose)
    known = None if start is None else neurons_of(program, start)

    def write(found: Generated, stretch: float) -> TwoLayerNetwork:
        return displaced_network(program, found.neurons, found.outputs, stretch)

    def generate(
        pricer: Pricer, beta: float, hair: float, tol: float, begin: tuple[Neurons, FloatArray] | None
    ) -> Generated:
        return generate_columns(
            program,
            pricer,
            beta,
            tol=tol,
            hair=hair,
            max_iterations=limit,
            start=begin or known,
            progress=verbose,
        )

    kept = start if start is not None and _is_of_its_kind(program, start) else None
    solution = proven_solution(program, pricer, beta, tol, generate, write, kept)
    if solution.certificate.scope != "local" or problem.bias:
        return solution
    bound = max(solution.certificate.lower_bound, relaxed_bound(problem, beta, most, tol, verbose))
    return replace(solution, certificate=replace(solution.certificate, lower_bound=bound))


def certify_trained(problem: Problem, beta: float, network: TwoLayerNetwork) -> Certificate:
    """Certify a network that any method has trained, as far as is known without branch and bound."""
    program = NeuronProgram.from_problem(problem)
    pricer = pricer_of(program)
    return certify_network(program, pricer, network, beta, "global" if pricer.exact else "local")


def number_of_boxes(problem: Problem, given: int | None) -> int:
    """Return how many boxes may be cut to prove an answer."""
    if given is not None:
        return as_count("max_boxes", given, minimum=1)
    return _BOXES.get(problem.n_features, 0)


def workers_of(given: dict[str, Any]) -> int | None:
    """Return the number of workers that is asked for."""
    n_jobs = given.get("n_jobs")
    return None if n_jobs is None else as_workers("n_jobs", n_jobs)


def proven_solution(
    program: NeuronProgram,
    pricer: Pricer,
    beta: float,
    tol: float,
    generate: Generate,
    write: Callable[[Generated, float], ScoreNetwork],
    start: TwoLayerNetwork | None = None,
) -> Solution:
    """Train with a pricer; where its proof does not end, by circles in the plane, else find a lower bound.

    Parameters
    ----------
    program : NeuronProgram
        The program.
    pricer : Pricer
        Finds neurons.
    beta, tol : float
        Weight decay and relative tolerance.
    generate : callable
        Column generation with a pricer, at a weight decay, a hair, a tolerance, from known neurons.
    write : callable
        Writes neurons as a network.
    start : TwoLayerNetwork, optional
        The result is not above it.
    """

    def trained(pricer: Pricer) -> Solution:
        def run(hair: float, begin: tuple[Neurons, FloatArray] | None) -> Generated:
            return generate(pricer, beta, hair, tol, begin)

        scope = "global" if pricer.exact else "local"
        hairs = PROVEN_HAIRS if isinstance(pricer, BoxPricer) else HAIRS
        training = Training(program, pricer, beta, scope, tol, "column_generation", run, write, hairs)
        return training.solution(start)

    solution = trained(pricer)
    if solution.certificate.scope != "local" or not isinstance(pricer, BoxPricer):
        return solution
    if program.rows.shape[1] == 2:
        return trained(PlanarPricer(program, pricer.tied))
    search = pricer.search

    def residual(decay: float, share: float) -> FloatArray:
        return generate(search, decay, 0.1 * share, share, None).residual

    bound = max(solution.certificate.lower_bound, proven_bound(program, pricer, beta, residual))
    return replace(solution, certificate=replace(solution.certificate, lower_bound=bound))


def relaxed_bound(problem: Problem, beta: float, most: int, tol: float, progress: bool = False) -> float:
    """Return a lower bound on the loss of every network without bias, from its gated relaxation.

    A network is a gated one whose directions stay in their own cells, so the optimum over all patterns is
    below its own.  ``-inf`` if there are more than `most` patterns, or the relaxation is unbounded.
    """
    X = problem.objective.X
    if count_patterns(np.unique(X, axis=0), progress=progress) > most:
        return -np.inf
    program = NeuronProgram.from_problem(problem, gated=True)
    given = given_patterns(program, X, None, thin=True, progress=progress)
    pricer = GatePricer(program, given.slope(program.sigma.left_slope))
    found = solve_nuclear_norm(program, pricer, beta, hair=max(0.05 * tol, 3e-8), progress=progress)
    if found is None:
        return -np.inf
    residual, largest = found.residual, float(pricer.spectral_norms(found.residual).max())
    if not program.has_trace:
        return program.dual_value(residual * min(1.0, beta / largest))
    return program.dual_value(residual) if largest <= beta else -np.inf


def _is_of_its_kind(program: NeuronProgram, network: TwoLayerNetwork) -> bool:
    """Whether a network is one of those that a program minimizes over."""
    without_biases = not (network.b1.any() or network.b2.any())
    fits = (program.skip or not network.V.any()) and (program.bias or without_biases)
    return bool(fits and network.activation == program.activation)


@dataclass(frozen=True, eq=False)
class Training:
    """What is minimized, how its neurons are found, and how they are written as a network."""

    program: NeuronProgram
    pricer: Pricer
    beta: float
    scope: str
    tol: float
    solver: str
    generate: Callable[[float, tuple[Neurons, FloatArray] | None], Generated]
    write: Callable[[Generated, float], ScoreNetwork]
    hairs: tuple[float, ...] = HAIRS

    def solution(self, start: TwoLayerNetwork | None = None) -> Solution:
        """Solve, write the network, certify it; one that just misses is sought again a hair farther in.

        The result is not above `start`.
        """
        begin = time.perf_counter()
        iterations, n_priced, known, inside, stalled = 0, 0, None, None, False
        candidates: list[tuple[Certificate, ScoreNetwork]] = []
        for hair in self.hairs:
            if stalled and hair < self.hairs[-1]:
                # Only the widest one is worth another try.
                continue
            try:
                found = self.generate(hair * self.tol, known)
            except UnboundedError as error:
                raise _unbounded(self.program, searching(self.pricer), self.beta) from error
            iterations, n_priced = iterations + found.iterations, max(n_priced, found.n_priced)
            stalled = found.stalled
            if inside is None and found.largest <= self.beta:
                inside = found.residual
            candidates.append(self._written(found, inside))
            if candidates[-1][0].meets(self.tol):
                break
            known = (found.neurons, found.outputs)
        if not candidates[-1][0].meets(self.tol):
            # At the threshold of no neurons, rounding is all that neurons are.
            candidates.append(self._empty(inside))
        if start is not None and self._loss(start) < candidates[-1][0].primal:
            # Both are optimal to the tolerance, or the search found nothing better.
            candidates.append((self._certificate(start, inside), start))
        certificate, made = self._best(candidates)
        stats = SolveStats(self.solver, iterations, time.perf_counter() - begin, n_priced)
        status = judged(certificate, self.tol)
        return Solution(made, certificate.primal, status, certificate, stats, self.beta)

    def _best(self, candidates: list[tuple[Certificate, ScoreNetwork]]) -> tuple[Certificate, ScoreNetwork]:
        """Return the lowest network, those that meet the tolerance first, with the best dual value of all.

        A dual value bounds every network's loss from below, whichever network it was found with.
        """
        scopes = {certificate.scope for certificate, _ in candidates}
        if scopes == {"local", "global"}:
            # What is proven first, and by it alone.
            proven = [pair for pair in candidates if pair[0].scope == "global"]
            others = [pair for pair in candidates if pair[0].scope == "local"]
            best = self._best(proven)
            lower = [pair for pair in others if pair[0].primal < best[0].dual and not best[0].meets(self.tol)]
            return self._best(lower) if lower else best
        dual = max(certificate.dual for certificate, _ in candidates)
        bounded = [(_with_dual(certificate, dual), made) for certificate, made in candidates]
        return min(bounded, key=lambda pair: (not pair[0].meets(self.tol), pair[0].primal))

    def _empty(self, inside: FloatArray | None) -> tuple[Certificate, ScoreNetwork]:
        """Return the best network without neurons."""
        program = self.program
        neurons, outputs = Neurons.none(*program.rows.shape), np.zeros((0, program.n_features))
        made = self.write(Generated(neurons, outputs, program.zero_residual, np.inf, 0, 0), 1.0)
        return self._certificate(made, inside), made

    def _loss(self, network: ScoreNetwork) -> float:
        return self.program.loss(network) + self.beta * network.weight_decay()

    def _certificate(self, network: ScoreNetwork, inside: FloatArray | None) -> Certificate:
        return certify_network(self.program, self.pricer, network, self.beta, self.scope, inside)

    def _written(self, found: Generated, inside: FloatArray | None) -> tuple[Certificate, ScoreNetwork]:
        """Write neurons as a network that has their value: where it has not, points are lifted differently.

        Raises
        ------
        SolverError
            If every network has quite another value.
        """
        value = self.program.value(found.neurons, found.outputs, self.beta)
        closest, off = None, np.inf
        for stretch in _STRETCHES:
            made = self.write(found, stretch)
            certificate = self._certificate(made, inside)
            size = certificate.value_scale + certificate.value_rounding / self.tol
            distance = abs(certificate.primal - value) / max(size, 1e-300)
            if closest is None or distance < off:
                closest, off = (certificate, made), distance
            if distance <= 0.1 * self.tol or certificate.meets(self.tol):
                return certificate, made
        assert closest is not None
        if off <= _GROSS * self.tol:
            # Rounding, not a point on the wrong side: the certificate says how much it costs.
            return closest
        raise SolverError(
            "the optimal neurons at beta={beta:.10g} cannot be written as a network: its value would be "
            f"off by {off:.3g} of the size of its parts",
            beta=self.beta,
        )


def searching(pricer: Pricer) -> Pricer:
    """Return pricing without proofs, which are no use far from an optimum."""
    return pricer.search if isinstance(pricer, BoxPricer) else pricer


def _with_dual(certificate: Certificate, dual: float) -> Certificate:
    """Return a certificate with a dual value that may be better than its own."""
    if dual <= certificate.dual:
        return certificate
    bound = dual if certificate.scope == "global" else certificate.lower_bound
    return replace(certificate, dual=dual, gap=certificate.primal - dual, lower_bound=bound)


def _unbounded(program: NeuronProgram, pricer: Pricer, beta: float) -> Exception:
    """Return the error of a weight decay below the bound, which it names where that takes seconds."""
    kind = f"{program.activation} {'with' if program.skip else 'without'} skip"
    expected, decays = "at least the bound", {"beta": beta}
    if len(program.points) * program.n_features <= _BOUND_NAMED:
        low, high = decay_range(program, pricer, most_work=_BOUND_WORK)
        if high <= beta:
            return SolverError(
                "the optimum at beta={beta:.10g} is too large to be computed: the weight decay is close to "
                f"the bound, about {{bound:.6g}}, below which score matching ({kind}) is unbounded",
                beta=beta,
                bound=high,
            )
        if low == high:
            expected, decays["bound"] = "at least about {bound:.6g}", high
        elif low * (1 - 1e-3) > beta:
            expected, decays["bound"] = "more than {bound:.4g}, at least the bound", low * (1 - 1e-3)
    return UnboundedError(
        f"beta: expected {expected} (`beta_bounds` finds it), below which score matching ({kind}) is "
        "unbounded on these data, got {beta:.10g}",
        **decays,
    )
