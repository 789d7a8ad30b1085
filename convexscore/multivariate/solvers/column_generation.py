"""Column generation: solve with few neurons, add those that correlate most with the residual, repeat.

The restricted problem over known neurons is a group lasso (`group_lasso`); pricing finds neurons whose
correlation with its residual exceeds ``beta``; neurons without output are dropped, and the others refined
(`newton`) inside their patterns.  It ends when pricing finds none.

The optimum is sought at a weight decay smaller by a hair, so that the last residual, which violates *that*
by less than the hair, satisfies the certificate at ``beta`` to the letter.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace

import numpy as np

from ..._support.progress import steps
from ..._support.validation import FloatArray
from ...errors import SolverError, UnboundedError
from ..pricing.base import Priced, Pricer
from ..pricing.boxes import BoxPricer
from ..program import NeuronProgram, Neurons
from .group_lasso import solve_group_lasso
from .newton import merge_neurons, pruned, refine, restricted_value, singular_neurons

__all__ = ["Generated", "generate_columns"]

# Outputs beyond this, for data of unit scale and mass, are those of an unbounded problem.
_HUGE = 1e8
# Neurons a point up to which they are refined: more are copies of others, and their Newton steps slow.
_REFINED = 4
# Rounds without a smaller violation, or without a lower value, after which nothing more is expected.
_STALLED = 20


@dataclass(frozen=True, eq=False)
class Generated:
    """The result of column generation.

    Parameters
    ----------
    neurons : Neurons
        The neurons.
    outputs : ndarray of shape (n_neurons, n_features)
        Their output vectors, in the units of the program.
    residual : ndarray of shape (n_points, n_features)
        ``root_mass (S - L)``.
    largest : float
        Largest correlation found at the end.
    iterations : int
        Rounds of pricing.
    n_priced : int
        Number of neurons that were ever in the restricted problem.
    stalled : bool
        Whether it ended because rounding allows no more.
    """

    neurons: Neurons
    outputs: FloatArray
    residual: FloatArray
    largest: float
    iterations: int
    n_priced: int
    stalled: bool = False


def generate_columns(
    program: NeuronProgram,
    pricer: Pricer,
    beta: float,
    *,
    tol: float = 1e-6,
    hair: float = 5e-8,
    max_iterations: int = 200,
    start: tuple[Neurons, FloatArray] | None = None,
    progress: bool = False,
) -> Generated:
    """Minimize over all neurons that `pricer` can find.

    Parameters
    ----------
    program : NeuronProgram
        The program.
    pricer : Pricer
        Finds neurons.
    beta : float
        Weight decay, positive.
    tol : float
        Accuracy that is asked for in the end, relative; the restricted problems are solved to a part of it.
    hair : float
        By which share of `beta` the weight decay is lowered, and the violation allowed.
    max_iterations : int
        Rounds of pricing, at most.
    start : (Neurons, ndarray), optional
        Neurons and output vectors to start from.
    progress : bool
        Show a progress bar (needs tqdm).

    Returns
    -------
    Generated

    Raises
    ------
    UnboundedError
        If the restricted problem has no minimum, so the whole has none.
    """
    aim = beta * (1 - hair)
    neurons, outputs = start if start is not None else (Neurons.none(*program.rows.shape), None)
    if outputs is None:
        outputs = np.zeros((0, program.n_features))
    n_priced = len(neurons)
    if len(neurons):
        with suppress(SolverError):
            neurons, outputs = _restricted(program, neurons, outputs, aim, tol)
    best: Generated | None = None
    excess = np.inf if len(neurons) == 0 else 0.0
    lowest, idle = np.inf, 0
    for number in steps(max_iterations, progress, "rounds of pricing"):
        residual = program.residual(neurons, outputs)
        priced, complete = _priced(program, pricer, residual, aim, excess, hair)
        excess = priced.largest / aim - 1
        found = Generated(neurons, outputs, residual, priced.largest, number + 1, n_priced)
        # What boxes find before they end need not be the largest: the last ones are the best then.
        if best is None or isinstance(pricer, BoxPricer) or (complete and priced.largest < best.largest):
            best, stalled = found, 0
        else:
            stalled += complete
        value = restricted_value(program, neurons, outputs, aim)
        idle = 0 if value < lowest - 1e-14 * abs(lowest) or np.isinf(lowest) else idle + 1
        lowest = min(lowest, value)
        near = pricer.exact and priced.largest <= aim * (1 + hair) + 0.5 * program.rounding
        if len(priced.neurons) == 0 or near:
            break
        if stalled > _STALLED or idle > _STALLED:
            # Rounding: the neurons found do not help.
            best = replace(best, stalled=True)
            break
        n_priced += len(priced.neurons)
        try:
            neurons, outputs = _restricted(program, neurons + priced.neurons, outputs, aim, tol)
        except SolverError:
            # Rounding as well: what is known by now is certified as it is.
            best = replace(best, stalled=True)
            break
        if program.gated:
            neurons, outputs = singular_neurons(neurons, outputs)
        if priced.largest < 1.1 * beta:
            n_steps = 3 if priced.largest > 1.001 * beta else 10
            neurons, outputs = _refined(program, neurons, outputs, aim, n_steps)
    return best if best is not None else found


def _refined(
    program: NeuronProgram, neurons: Neurons, outputs: FloatArray, beta: float, n_steps: int
) -> tuple[Neurons, FloatArray]:
    """Merge and refine; where neurons that only look alike have been merged to a loss, refine them all."""
    value = restricted_value(program, neurons, outputs, beta)
    merged = merge_neurons(program, neurons, outputs)
    most = _REFINED * len(program.rows)
    if len(merged[0]) <= most:
        merged = refine(program, *merged, beta, n_steps)
    if restricted_value(program, *merged, beta) <= value + 1e-9 * abs(value):
        return merged
    return refine(program, neurons, outputs, beta, n_steps) if len(neurons) <= most else (neurons, outputs)


def _priced(
    program: NeuronProgram, pricer: Pricer, residual: FloatArray, beta: float, excess: float, hair: float
) -> tuple[Priced, bool]:
    """Return violated neurons, and whether all were looked at.

    Far from the end any violated neurons help: the best of all are not worth the search.
    """
    threshold = beta * (1 + 0.2 * hair)
    if excess > 1e-3:
        priced = pricer.price_some(residual, threshold)
        enough = 0.2 * excess * beta if np.isfinite(excess) else 0.0
        if len(priced.neurons) and priced.largest - beta >= enough:
            return priced, False
    if not pricer.exact:
        # The largest of those found is not the largest: it ends where none are found.  A proof of that is the
        # easier the higher its level.
        threshold = beta * (1 + 0.9 * hair) + 0.5 * program.rounding
    return pricer.price(residual, threshold), True


def _restricted(
    program: NeuronProgram, neurons: Neurons, outputs: FloatArray, beta: float, tol: float
) -> tuple[Neurons, FloatArray]:
    """Solve over given neurons, the first of which have these outputs, and drop those without output."""
    features = program.project(program.features(neurons))
    around = np.zeros((len(neurons), program.n_features))
    around[: len(outputs)] = outputs
    pull = program.correlations(neurons, program.residual(neurons, around))
    found = solve_group_lasso(features, pull, around, beta, min(1e-9, 1e-2 * tol))
    huge = _HUGE * max(float(program.trace_mass.sum()), 1.0)
    if found is None and not program.has_trace:
        raise SolverError("Clarabel calls denoising unbounded, which it never is")
    if found is None or (program.has_trace and np.linalg.norm(found, axis=1).sum() > huge):
        raise UnboundedError("beta: score matching is unbounded at {beta:.10g}", beta=beta)
    return pruned(neurons, found, 0.0)
