"""Certificates of the univariate programs, recomputed from a network.

With the residual ``z = s(x) - l`` the dual value is ``-1/2 ||z||^2 - l'z`` (masses as weights), and ``z``
is feasible iff ``sum m z = 0``, with skip ``kappa = 0``, and ``H`` stays in its band (`program`) at
every position.  ``H`` is linear between data and constant outside, so the data are all there is to check:
the certificate covers networks of any width with kinks anywhere.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from .._support.validation import FloatArray
from ..networks.two_layer import TwoLayerNetwork
from ..numerics.parts import parts
from ..numerics.rounding import rounding_of_sums
from ..results import Certificate, Solution, SolveStats, judged, value_size
from .bounds import boundedness_bound
from .log_concave import log_concave_correlation
from .program import DataTerm, UnivariateProgram
from .reconstruction import reconstruct
from .spline import Spline, SplineProblem
from .tails import Bounds, tail_multipliers, tails_correlation

__all__ = [
    "certified_solution",
    "certify",
    "correlation_rounding",
    "correlation_scale",
    "largest_correlation",
    "problem_scales",
]


def largest_correlation(
    program: UnivariateProgram, residual: FloatArray, shape: str | None = None, tails: Bounds | None = None
) -> float:
    """Return the smallest ``beta`` whose certificate `residual` satisfies.

    Without constraints this is the largest absolute correlation of any atom at any position.

    Parameters
    ----------
    program : UnivariateProgram
        The program.
    residual : ndarray of shape (n_positions,)
        Balanced: ``sum m z = 0``.
    shape : {None, "log-concave"}
        Constraint on the scores.
    tails : tuple of two floats, optional
        Bounds of their outer slopes.
    """
    return _largest_and_kappa(program, residual, shape, tails)[0]


def _largest_and_kappa(
    program: UnivariateProgram, residual: FloatArray, shape: str | None, tails: Bounds | None
) -> tuple[float, float]:
    if shape is None and tails is None:
        low, high, kappa = program.correlation_range(residual)
        return program.rules.smallest_beta(low, high, kappa), kappa
    exclusive, inclusive, kappa = program.correlation(residual)
    if shape is None and tails is not None:
        return tails_correlation(program, tails, exclusive, inclusive, kappa), kappa
    return log_concave_correlation(program, exclusive, inclusive, kappa), kappa


def correlation_rounding(program: UnivariateProgram, network: TwoLayerNetwork, beta: float) -> float:
    """Return how far rounding in the network's weights and outputs can move a correlation.

    At most a tenth of the weight decay, or without one a millionth of the correlations' scale: worse rounding
    is not excused.
    """
    reach = program.total * np.sqrt(program.variance)
    units = rounding_of_sums(program.position.size)
    rounding = units * (_largest_output(program, network) * reach + program.trace_total)
    return float(min(rounding, 0.1 * beta if beta > 0 else 1e-6 * correlation_scale(program, beta)))


def _largest_output(program: UnivariateProgram, network: TwoLayerNetwork) -> float:
    """Return the size of the numbers that add up to a network's outputs."""
    slopes = np.abs(network.V).sum() + np.abs(network.W1[:, 0] * network.W2[0]).sum()
    return float(np.abs(network.b2).sum() + slopes * np.abs(program.position[[0, -1]]).max())


def _output_rounding(program: UnivariateProgram, network: TwoLayerNetwork) -> float:
    """Return how far rounding in a network's weights can move its outputs."""
    return 4 * rounding_of_sums(network.n_neurons) * _largest_output(program, network)


def correlation_scale(program: UnivariateProgram, beta: float) -> float:
    """Return the size that correlations of a program have."""
    return max(beta, program.trace_total, program.label_correlation)


def problem_scales(
    program: UnivariateProgram, network: TwoLayerNetwork, data_term: DataTerm, beta: float
) -> dict[str, float]:
    """Return the sizes of values and correlations, and the rounding of values."""
    pull = data_term.pull
    energy = program.zero_value + program.trace_total / program.variance
    if program.has_trace and program.has_labels:
        energy += program.label_correlation**2 / (program.total * program.variance)
    rounding = rounding_of_sums(program.position.size) * (energy + _largest_output(program, network) * pull)
    decay = beta * network.weight_decay()
    return {
        "value_scale": value_size(data_term.value + decay, data_term.magnitude + decay),
        "violation_scale": beta or correlation_scale(program, beta),
        # At most a millionth of the zero score's scale: worse rounding is not excused.
        "value_rounding": min(rounding, 1e-6 * energy),
    }


def certified_solution(
    problem: SplineProblem,
    spline: Spline,
    status: str,
    stats: SolveStats,
    tol: float,
    shape: str | None = None,
    tails: Bounds | None = None,
) -> Solution:
    """Write a spline as a network and certify that network.

    Parameters
    ----------
    problem : SplineProblem
        The program and its weight decay.
    spline : Spline
        What a solver found.
    status : str
        The status if the certificate meets `tol`.
    stats : SolveStats
        How it was found; the time of reconstruction and certificate is added.
    tol : float
        Relative tolerance on the certificate's gap and violation.
    shape : {None, "log-concave"}
        Constraint on the scores.
    tails : tuple of two floats, optional
        Bounds of their outer slopes.

    Returns
    -------
    Solution

    Warns
    -----
    ConvergenceWarning
        If the certificate misses `tol`; the status is then ``"inaccurate"``.
    """
    start = time.perf_counter()
    network = reconstruct(problem, spline)
    meant = problem.function(spline)
    certificate = certify(problem.stated, network, problem.beta, shape, tails, meant)
    status = judged(certificate, tol, status)
    stats = replace(stats, seconds=stats.seconds + time.perf_counter() - start)
    # Where the tails obey by themselves, the program is that without the constraint.
    theorem = problem.stated.theorem if shape is None and problem.held == (None, None) else None
    return Solution(
        network, certificate.primal, status, certificate, stats, problem.beta, shape, theorem, tails
    )


def certify(
    program: UnivariateProgram,
    network: TwoLayerNetwork,
    beta: float,
    shape: str | None = None,
    tails: Bounds | None = None,
    meant: Callable[[FloatArray], FloatArray] | None = None,
) -> Certificate:
    """Recompute value, lower bound and violations from a network.

    Parameters
    ----------
    program : UnivariateProgram
        The program, its data merged.
    network : TwoLayerNetwork
        The network to certify.
    beta : float
        Weight decay.
    shape : {None, "log-concave"}
        Constraint on the scores; then the certificate covers every network that obeys it, and its
        violation covers this network's slopes.
    tails : tuple of two floats, optional
        Bounds of their outer slopes; the same.
    meant : callable, optional
        Maps ascending positions to scores that the network has but for rounding in its weights.  Where data
        are close together that moves correlations by more than the weight decay, and the value not at all:
        then gap and violation are those of these scores, which prove the network's value as well as its own.

    Returns
    -------
    Certificate
        Of scope ``"global"``.
    """
    constraints = shape, tails
    data_term = program.data_term(network)
    primal = data_term.value + beta * network.weight_decay()
    scales = problem_scales(program, network, data_term, beta)
    residual = data_term.residual
    if meant is not None:
        residual = _meant_residual(program, network, residual, meant)
    mean = _weighted_sum(program, residual) / program.total
    largest, kappa = _largest_and_kappa(program, residual, *constraints)
    imbalance = abs(mean) * program.total * np.sqrt(program.variance)
    violation = max(largest - beta, 0.0, imbalance)
    # A constraint on the slopes may take a negative kappa upon its multiplier.
    takes = shape is not None or tails is not None
    unbalanced = max(kappa, 0.0) if takes else kappa
    if program.skip:
        violation = max(violation, abs(unbalanced))
    violation = max(violation, _excess_slope(network, shape, tails) * program.total * program.variance)
    weights = correlation_rounding(program, network, beta)
    rounding = weights + 1e-12 * beta
    lever = 0.0
    if program.skip:
        # Removing the mean has moved kappa.
        kappa += mean * program.total * program.from_mean(slice(0, 1))[0]
        unbalanced = max(kappa, 0.0) if takes else kappa
        lever = unbalanced / (program.total * program.variance)
    for part in parts(residual.size):
        residual[part] -= mean + lever * program.from_mean(part) if lever else mean
    feasible: FloatArray | None = residual
    if violation > rounding:
        feasible = _made_feasible(program, residual, beta, rounding, constraints)
    dual = -np.inf if feasible is None else _dual_value(program, feasible, beta, tails)
    return Certificate(primal, dual, primal - dual, float(violation), "global", **scales, rounding=weights)


def _excess_slope(network: TwoLayerNetwork, shape: str | None, tails: Bounds | None) -> float:
    """Return by how much a network's slopes exceed what the constraints allow."""
    slopes = network.piecewise.slopes if shape or tails else np.zeros(1)
    excess = float(slopes.max()) if shape else 0.0
    if tails is not None:
        excess = max(excess, *(slopes[[0, -1]] - tails))
    return max(excess, 0.0)


def _dual_value(program: UnivariateProgram, residual: FloatArray, beta: float, tails: Bounds | None) -> float:
    value = program.dual_value(residual)
    if tails is not None and any(tails):
        multipliers = tail_multipliers(program, beta, tails, program.correlation(residual))
        # Where a bound is infinite the multiplier is zero.
        value -= sum(m * bound for m, bound in zip(multipliers, tails, strict=True) if m)
    return value


def _meant_residual(
    program: UnivariateProgram,
    network: TwoLayerNetwork,
    residual: FloatArray,
    meant: Callable[[FloatArray], FloatArray],
) -> FloatArray:
    """Return the residual of the scores that are meant, or the network's own if they differ by more.

    It is written over the network's, which takes no memory and is rarely asked for again.
    """
    rounding = _output_rounding(program, network)
    for part in parts(residual.size):
        found = meant(program.position[part])
        found -= program.target[part]
        off = np.abs(found - residual[part])
        if (off > rounding + 4 * np.finfo(float).eps * np.abs(program.target[part])).any():
            return program.data_term(network).residual
        residual[part] = found
    return residual


def _weighted_sum(program: UnivariateProgram, values: FloatArray) -> float:
    return sum(float(np.sum(program.mass[part] * values[part])) for part in parts(values.size))


def _made_feasible(
    program: UnivariateProgram,
    residual: FloatArray,
    beta: float,
    rounding: float,
    constraints: tuple[str | None, Bounds | None],
) -> FloatArray | None:
    """Return a balanced residual moved towards a known feasible one as far as needed.

    An excess that rounding explains is none: close to the boundedness bound, where hardly anything
    is feasible, moving costs far more than the excess is worth.  None if no residual is feasible.
    """
    largest = largest_correlation(program, residual, *constraints)
    if largest <= beta + rounding:
        return residual
    for inside in _feasible_candidates(program, beta):
        reached = largest_correlation(program, inside, *constraints)
        if reached <= beta:
            share = (largest - beta) / (largest - reached)
            return (1 - share) * residual + share * inside
        if reached <= beta + rounding:
            return inside
    return None


def _feasible_candidates(program: UnivariateProgram, beta: float) -> list[FloatArray]:
    """Return residuals whose correlations are below `beta`, the smaller ones first.

    For DSM zero does.  For SM, ``H`` is the falling staircase of the counts plus a continuous function
    ``G`` with ``G'' = m z``: run ``G`` through the middle of the steps, along all positions or (a far
    smaller residual when data are clustered) along a few of them.
    """
    if not program.has_trace:
        return [np.zeros_like(program.mass)]
    slack = (beta - boundedness_bound(program)) / 4
    exclusive, inclusive = program.trace_counts
    ends = max(program.mass[0], program.mass[-1])
    kappa = ends if program.rules.even and not program.skip else 0.0
    path = (kappa - exclusive - inclusive) / 2
    path[0], path[-1] = kappa - program.total, 0.0
    every = np.arange(path.size)
    candidates = []
    if slack > 0:
        step = np.floor(np.cumsum(program.mass) / slack)
        knots = np.flatnonzero(np.diff(step, prepend=-1.0))
        candidates.append(np.unique(np.concatenate([[0], knots, [path.size - 1]])))
    candidates.append(every)
    t = program.position
    residuals = []
    for knots in candidates:
        slope = np.concatenate([[0.0], np.diff(path[knots]) / np.diff(t[knots]), [0.0]])
        residual = np.zeros_like(path)
        residual[knots] = np.diff(slope) / program.mass[knots]
        residuals.append(residual)
    return residuals
