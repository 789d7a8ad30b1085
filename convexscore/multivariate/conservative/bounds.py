"""Thresholds of the weight decay of conservative networks, as `multivariate.bounds` has them for others."""

from __future__ import annotations

import numpy as np

from ...errors import SolverError
from ...problem import Problem
from ...results import BetaBounds
from ..pricing.base import Pricer
from ..pricing.choice import pricer_of
from ..program import Neurons
from ..solvers.group_lasso import solve_bounded
from .program import ConservativeProgram

__all__ = ["conservative_bounds", "smallest_conservative_decay"]

# Values of the bound on the sum of coefficients, for data of unit scale and mass.
_SIZES = (1e2, 3e3, 1e5, 3e6, 1e8)


def smallest_conservative_decay(program: ConservativeProgram, pricer: Pricer, tol: float = 1e-3) -> float:
    """Return the smallest weight decay from which on score matching is bounded, from above.

    With the bound ``sum |a| <= C`` instead of a penalty the largest correlation of the residual falls to the
    value sought as ``C`` grows; any residual shows an upper bound.  Zero for denoising.
    """
    if not program.has_trace:
        return 0.0
    neurons, known = Neurons.none(*program.rows.shape), np.inf
    for size in _SIZES:
        before = known
        for _ in range(100):
            outputs = np.zeros((0, program.n_features))
            if len(neurons):
                columns = program.project_fields(program.fields(neurons))
                pull = program.tied_correlations(neurons, program.zero_residual)[:, None]
                try:
                    solved = solve_bounded(
                        columns, pull, np.zeros_like(pull), size * program.trace_mass.sum()
                    )
                except SolverError:
                    # So large that rounding decides: what is known is an upper bound.
                    return known
                outputs = solved * neurons.direction
            residual = program.residual(neurons, outputs)
            inside = float(np.abs(program.tied_correlations(neurons, residual)).max(initial=0.0))
            priced = pricer.price(residual, max(inside * (1 + 0.1 * tol), 1e-12))
            known = min(known, max(priced.largest, inside))
            if len(priced.neurons) == 0 or priced.largest <= inside * (1 + 0.3 * tol):
                break
            length = np.linalg.norm(outputs, axis=1)
            neurons = neurons[length > 1e-9 * length.max(initial=0.0)] + priced.neurons
        if before - known <= 0.3 * tol * known:
            break
    return known


def conservative_bounds(problem: Problem) -> BetaBounds:
    """Return the thresholds of conservative networks; see `beta_bounds`."""
    program = ConservativeProgram.from_problem(problem)
    pricer = pricer_of(program, tied=True)
    maximum = pricer.price(program.zero_residual, 0.0, most=1).largest
    minimum = min(smallest_conservative_decay(program, pricer, 1e-5), maximum)
    return BetaBounds(minimum, maximum, maximum)
