"""Training conservative ReLU and abs networks with weight decay, by column generation.

On the line and in the plane pricing is exact and the certificate global.  In more dimensions it is where
branch and bound ends, else the scope is ``"local"``.
"""

from __future__ import annotations

from typing import Any

from ..._support.validation import FloatArray, as_count
from ...errors import SolverError, UnboundedError
from ...networks.conservative import ConservativeNetwork
from ...problem import Problem
from ...results import Certificate, Solution
from ..certificate import certify_network
from ..pricing.base import Pricer
from ..pricing.choice import pricer_of
from ..program import Neurons
from ..solvers.column_generation import Generated
from ..train import number_of_boxes, proven_solution, searching, workers_of
from .bounds import smallest_conservative_decay
from .column_generation import BottomlessError, generate_conservative
from .program import ConservativeProgram
from .reconstruction import conservative_network

__all__ = ["certify_conservative", "solve_conservative"]

# Data times features up to which an error names the boundedness bound.
_BOUND_NAMED = 300


def solve_conservative(
    problem: Problem,
    beta: float,
    *,
    solver: str = "auto",
    tol: float = 1e-6,
    verbose: bool = False,
    options: dict[str, Any] | None = None,
) -> Solution:
    """Train a conservative network with weight decay; see `solve` for the parameters."""
    given = options or {}
    limit = as_count("max_iterations", given.get("max_iterations", 200), minimum=1)
    n_starts = as_count("n_starts", given.get("n_starts", 100), minimum=2)
    program = ConservativeProgram.from_problem(problem)
    boxes, n_jobs = number_of_boxes(problem, given.get("max_boxes")), workers_of(given)
    pricer = pricer_of(program, n_starts, tied=True, max_boxes=boxes, n_jobs=n_jobs, progress=verbose)

    def write(found: Generated, stretch: float) -> ConservativeNetwork:
        return conservative_network(program, found.neurons, found.outputs, stretch)

    def generate(
        pricer: Pricer, decay: float, hair: float, tol: float, begin: tuple[Neurons, FloatArray] | None
    ) -> Generated:
        try:
            return generate_conservative(
                program,
                pricer,
                decay,
                tol=tol,
                hair=hair,
                max_iterations=limit,
                start=begin,
                progress=verbose,
            )
        except BottomlessError as error:
            if decay < beta:
                raise UnboundedError("beta: unbounded at {beta:.10g}", beta=decay) from error
            raise

    try:
        return proven_solution(program, pricer, beta, tol, generate, write)
    except BottomlessError as error:
        raise _unbounded(program, searching(pricer), beta) from error


def certify_conservative(problem: Problem, beta: float, network: ConservativeNetwork) -> Certificate:
    """Certify a network that any method has trained, as far as is known without branch and bound."""
    program = ConservativeProgram.from_problem(problem)
    pricer = pricer_of(program, tied=True)
    return certify_network(program, pricer, network, beta, "global" if pricer.exact else "local")


def _unbounded(program: ConservativeProgram, pricer: Pricer, beta: float) -> Exception:
    """Return the error of a weight decay below the bound, which it names where that takes seconds."""
    kind = f"conservative {program.activation} {'with' if program.skip else 'without'} skip"
    if len(program.points) * program.n_features > _BOUND_NAMED:
        return UnboundedError(
            f"beta: expected more, score matching ({kind}) is unbounded on these data, got {{beta:.10g}}",
            beta=beta,
        )
    bound = smallest_conservative_decay(program, pricer)
    if bound <= beta:
        return SolverError(
            "the optimum at beta={beta:.10g} is too large to be computed: the weight decay is close to "
            f"the bound, about {{bound:.6g}}, below which score matching ({kind}) is unbounded",
            beta=beta,
            bound=bound,
        )
    return UnboundedError(
        "beta: expected at least about {bound:.6g}, below which score matching "
        f"({kind}) is unbounded on these data, got {{beta:.10g}}",
        beta=beta,
        bound=bound,
    )
