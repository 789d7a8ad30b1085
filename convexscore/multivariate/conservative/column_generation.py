"""Column generation for conservative networks: a lasso over few neurons, those that pricing finds added.

As for other networks (`multivariate.solvers.column_generation`), with one number a neuron: the restricted
problem is the group lasso with groups of one.  Several neurons gather around each optimal hyperplane; they
are merged and refined inside their patterns (`refinement`).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..._support.progress import steps
from ..._support.validation import FloatArray
from ...errors import SolverError
from ..pricing.base import Priced, Pricer
from ..pricing.boxes import BoxPricer
from ..program import Neurons
from ..solvers.column_generation import Generated
from ..solvers.group_lasso import solve_group_lasso
from ..solvers.newton import merge_neurons
from .basic import basic_coefficients
from .program import ConservativeProgram
from .refinement import refined, restricted_value

__all__ = ["BottomlessError", "generate_conservative"]

# Coefficients beyond this, for data of unit scale and mass, are those of an unbounded problem.
_HUGE = 1e8
# Rounds without a smaller violation, or without a lower value, after which nothing more is expected.
_STALLED = 25
# Newton steps of a refinement, at most: fewer leave a rest that pricing takes for new neurons.
_NEWTON = 30
# How often neurons are refined or solved for again where none is missing and they are not optimal.
_REPAIRS = 6
# Neurons whose coefficient is below this share of the largest are dropped.
_NONE = 1e-7


class BottomlessError(Exception):
    """The restricted problem has no minimum, so the whole has none."""


def generate_conservative(
    program: ConservativeProgram,
    pricer: Pricer,
    beta: float,
    *,
    tol: float,
    hair: float,
    max_iterations: int,
    start: tuple[Neurons, FloatArray] | None = None,
    progress: bool = False,
) -> Generated:
    """Minimize over all neurons that `pricer` can find.

    Parameters
    ----------
    program : ConservativeProgram
        The program.
    pricer : Pricer
        Finds neurons, with tied outputs.
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
        Output vectors are multiples of the directions.

    Raises
    ------
    BottomlessError
        If the restricted problem has no minimum.
    """
    aim = beta * (1 - hair)
    neurons, coefficients = Neurons.none(*program.rows.shape), np.zeros(0)
    if start is not None:
        neurons, coefficients = start[0], np.sum(start[1] * start[0].direction, axis=1)
    n_priced = len(neurons)
    best: tuple[float, Generated] | None = None
    excess, lowest, stalled, idle, repairs = np.inf, np.inf, 0, 0, 0
    for number in steps(max_iterations, progress, "rounds of pricing"):
        outputs = coefficients[:, None] * neurons.direction
        residual = program.residual(neurons, outputs)
        priced, complete = _priced(pricer, residual, aim, excess, hair, program.rounding)
        excess = priced.largest / aim - 1
        slack = _slack(program, neurons, coefficients, residual, aim)
        found = Generated(neurons, outputs, residual, priced.largest, number + 1, n_priced)
        miss = max(excess, 0.0) + slack
        if best is None or isinstance(pricer, BoxPricer) or (complete and miss < best[0]):
            best, stalled = (miss, found), 0
        else:
            stalled += complete
        value = restricted_value(program, neurons, coefficients, aim)
        idle = 0 if value < lowest - 1e-14 * abs(lowest) or np.isinf(lowest) else idle + 1
        lowest = min(lowest, value)
        if stalled > _STALLED or idle > _STALLED:
            # Rounding: the neurons found do not help.
            break
        near = pricer.exact and priced.largest <= aim * (1 + hair) + 0.5 * program.rounding
        if len(priced.neurons) == 0 or near:
            if slack <= 1e-3 * tol or repairs == _REPAIRS:
                break
            # No neuron is missing, but those there have not been refined, or solved for, to the end.
            repairs += 1
            if repairs % 2:
                neurons, coefficients = refined(program, neurons, coefficients, aim, _NEWTON)
            else:
                neurons, coefficients = _restricted(program, neurons, aim, tol)
            continue
        n_priced += len(priced.neurons)
        neurons, coefficients = _restricted(program, neurons + priced.neurons, aim, tol)
        if priced.largest < 1.1 * beta:
            neurons, coefficients = _merged(program, neurons, coefficients, aim)
    assert best is not None
    return best[1]


def _slack(
    program: ConservativeProgram,
    neurons: Neurons,
    coefficients: FloatArray,
    residual: FloatArray,
    beta: float,
) -> float:
    """Return by how much the neurons miss complementarity, ``beta |a| + a H = 0``, relatively."""
    decay = beta * np.abs(coefficients)
    off = decay + coefficients * program.tied_correlations(neurons, residual)
    return float(np.abs(off).sum() / max(decay.sum(), 1e-300))


def _priced(
    pricer: Pricer, residual: FloatArray, beta: float, excess: float, hair: float, rounding: float
) -> tuple[Priced, bool]:
    """Return violated neurons, and whether all were looked at: far from the end some of them will do."""
    threshold = beta * (1 + 0.2 * hair)
    if excess > 1e-3:
        priced = pricer.price_some(residual, threshold)
        enough = 0.2 * excess * beta if np.isfinite(excess) else 0.0
        if len(priced.neurons) and priced.largest - beta >= enough:
            return priced, False
    if not pricer.exact:
        # As for other networks: a proof is the easier the higher its level.
        threshold = beta * (1 + 0.9 * hair) + 0.5 * rounding
    return pricer.price(residual, threshold), True


def _restricted(
    program: ConservativeProgram, neurons: Neurons, beta: float, tol: float
) -> tuple[Neurons, FloatArray]:
    """Solve over given neurons and drop those without a coefficient."""
    columns = program.project_fields(program.fields(neurons))
    pull = program.tied_correlations(neurons, program.zero_residual)[:, None]
    solved = solve_group_lasso(columns, pull, np.zeros_like(pull), beta, min(1e-9, 1e-2 * tol))
    if solved is None and not program.has_trace:
        raise SolverError("Clarabel calls denoising unbounded, which it never is")
    huge = _HUGE * max(float(program.trace_mass.sum()), 1.0)
    if solved is None or (program.has_trace and np.abs(solved).sum() > huge):
        raise BottomlessError
    kept = _sizeable(solved[:, 0])
    if kept.sum() > columns.shape[0] - program.free.shape[1]:
        found = basic_coefficients(columns[:, kept], pull[kept, 0], solved[kept, 0], beta)
        solved[kept, 0] = found
        kept = _sizeable(solved[:, 0])
    return neurons[kept], solved[kept, 0]


def _sizeable(coefficients: FloatArray) -> NDArray[np.bool_]:
    size = np.abs(coefficients)
    return np.asarray(size > _NONE * size.max(initial=0.0))


def _merged(
    program: ConservativeProgram, neurons: Neurons, coefficients: FloatArray, beta: float
) -> tuple[Neurons, FloatArray]:
    """Merge and refine; where neurons that only look alike have been merged to a loss, refine them all."""
    value = restricted_value(program, neurons, coefficients, beta)
    fewer, sums = merge_neurons(program, neurons, coefficients[:, None])
    left = sums[:, 0] != 0
    merged = refined(program, fewer[left], sums[left, 0], beta, _NEWTON)
    if restricted_value(program, *merged, beta) <= value + 1e-9 * abs(value):
        return merged
    return refined(program, neurons, coefficients, beta, _NEWTON)
