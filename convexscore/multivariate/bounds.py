"""The smallest weight decay at which score matching has a minimum, by column generation.

It is the value of a convex program in the residual,

    min_Z  max over neurons of || M'u ||     subject to the conditions of the free part,

approached from the training problem with the bound ``sum ||v|| <= C`` instead of a penalty: as ``C`` grows,
the largest correlation of its residual falls to the value sought.  Any residual shows an upper bound, so
what is returned is one, above the smallest by a share of about ``1e-3`` at most in the cases checked.
"""

from __future__ import annotations

from contextlib import suppress

import numpy as np

from .._support.validation import FloatArray
from ..errors import SolverError
from ..problem import Problem
from ..results import BetaBounds
from .patterns import on_patterns
from .pricing.ascent import AscentPricer
from .pricing.base import Pricer
from .pricing.choice import pricer_of
from .pricing.gates import GatePricer
from .program import NeuronProgram, Neurons
from .solvers.group_lasso import solve_bounded
from .solvers.newton import pruned, restricted_value

__all__ = ["decay_range", "gated_bounds", "network_bounds", "smallest_decay"]

# Values of the bound C, for data of unit scale and mass.
_SIZES = (1e2, 3e3, 1e5, 3e6, 1e8)
# The work that a search for neurons is, where pricing is not exact.
_SEARCH = 1e5


def smallest_decay(program: NeuronProgram, pricer: Pricer, tol: float = 1e-5) -> float:
    """Return the smallest weight decay from which on score matching is bounded, from above.

    Parameters
    ----------
    program : NeuronProgram
        A program; zero is returned for denoising.
    pricer : Pricer
        Says which neurons there are.
    tol : float
        Relative accuracy of each step.

    Returns
    -------
    float
    """
    return decay_range(program, pricer, tol)[1]


def decay_range(
    program: NeuronProgram, pricer: Pricer, tol: float = 1e-5, most_work: float = np.inf
) -> tuple[float, float]:
    """Return the smallest weight decay from which on score matching is bounded, from below and above.

    Parameters
    ----------
    program : NeuronProgram
        A program; zeros are returned for denoising.
    pricer : Pricer
        Says which neurons there are.
    tol : float
        Relative accuracy of each step.
    most_work : float
        Sum over all restricted problems of neurons times squared ranks, at most: a second is some millions.
        A search for neurons counts as much as a middling one.

    Returns
    -------
    low, high : float
        Equal but where the work ran out: the smallest weight decay lies between them.
    """
    if not program.has_trace:
        return 0.0, 0.0
    total = float(program.trace_mass.sum())
    neurons, outputs = Neurons.none(*program.rows.shape), np.zeros((0, program.n_features))
    known, work = np.inf, 0.0
    for size in _SIZES:
        before = known
        for _ in range(100):
            if len(neurons):
                try:
                    outputs = _bounded(program, neurons, outputs, size * total)[1]
                except SolverError:
                    # Rounding, at this size: what was seen before holds.
                    return 0.0, known
            residual = program.residual(neurons, outputs)
            inside = np.linalg.norm(program.correlations(neurons, residual), axis=1).max(initial=0.0)
            priced = pricer.price(residual, max(float(inside) * (1 + 0.1 * tol), 1e-12))
            known = min(known, max(priced.largest, float(inside)))
            if len(priced.neurons) == 0 or priced.largest <= inside * (1 + 0.3 * tol):
                break
            neurons, outputs = pruned(neurons, outputs, 1e-9)
            neurons = neurons + priced.neurons
            work += len(neurons) * min(len(neurons), len(program.rows)) ** 2 + (
                0 if pricer.exact else _SEARCH
            )
            if work > most_work:
                with suppress(SolverError):
                    return _bounded(program, neurons, outputs, _SIZES[-1] * total)[0], known
                return 0.0, known
        if before - known <= 0.3 * tol * known:
            break
    return known, known


def _bounded(
    program: NeuronProgram, neurons: Neurons, outputs: FloatArray, size: float
) -> tuple[float, FloatArray]:
    """Return output vectors of total length `size` that lower the objective most, and by how much per length.

    Below that weight decay, for large `size`, such outputs lower it without end.
    """
    features = program.project(program.features(neurons))
    around = np.zeros((len(neurons), program.n_features))
    around[: len(outputs)] = outputs
    pull = program.correlations(neurons, program.residual(neurons, around))
    found = solve_bounded(features, pull, around, size)
    fall = restricted_value(program, neurons, np.zeros_like(found), 0.0)
    fall -= restricted_value(program, neurons, found, 0.0)
    return fall / size, found


def network_bounds(problem: Problem) -> BetaBounds:
    """Return the thresholds of networks that are not gated; see `beta_bounds`."""
    program = NeuronProgram.from_problem(problem)
    # A search first: exact pricing is quick where it has to beat a good value only.
    found = AscentPricer(program, rng=0).price(program.zero_residual, 0.0, most=1).largest
    return _bounds(program, pricer_of(program), found * (1 - 1e-12))


def gated_bounds(problem: Problem) -> BetaBounds:
    """Return the thresholds of gated networks; see `beta_bounds`."""
    program, _, slope = on_patterns(problem)
    return _bounds(program, GatePricer(program, slope), 0.0)


def _bounds(program: NeuronProgram, pricer: Pricer, threshold: float) -> BetaBounds:
    maximum = pricer.price(program.zero_residual, threshold, most=1).largest
    minimum = min(smallest_decay(program, pricer), maximum)
    return BetaBounds(minimum, maximum, maximum)
