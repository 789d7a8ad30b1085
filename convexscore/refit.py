"""Refitting a solution's kinks without weight decay, with a certificate of its own."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np

from .certificate import correlation_rounding, problem_scales
from .networks.two_layer import TwoLayerNetwork
from .programs.reconstruction import reconstruct
from .programs.refit import RefitProblem
from .programs.spline import Spline, SplineProblem
from .results import Certificate, Solution, SolveStats, judged
from .solvers.active_set import solve_active_set

__all__ = ["refit_solution"]


def refit_solution(problem: SplineProblem, spline: Spline, stats: SolveStats, tol: float) -> Solution:
    """Minimize the data term over networks with the kinks and signs of a solution.

    Parameters
    ----------
    problem : SplineProblem
        The program and the weight decay that selected the kinks.
    spline : Spline
        Its solution.
    stats : SolveStats
        How that was found; the time of the refit is added.
    tol : float
        Relative tolerance on the certificate's gap and violation.

    Returns
    -------
    Solution
        With status ``"refit"``; its value is its own data term, without weight decay, and its certificate
        is that of the refit.

    Warns
    -----
    ConvergenceWarning
        If the certificate misses `tol`; the status is then ``"inaccurate"``.
    """
    start = time.perf_counter()
    signs = np.sign(np.diff(problem.slopes(spline.kinks, spline.values)))
    refit = RefitProblem(problem.program, spline.kinks, signs, problem.blocks)
    result = solve_active_set(refit, spline.kinks, signs)
    network = _neutral(problem, reconstruct(problem, _with_regime(problem, result.spline)))
    certificate = _certificate(refit, network, result.spline, problem.beta)
    seconds = stats.seconds + time.perf_counter() - start
    stats = replace(stats, iterations=stats.iterations + result.iterations, seconds=seconds)
    status = judged(certificate, tol, "refit")
    return Solution(network, certificate.primal, status, certificate, stats, problem.beta)


def _with_regime(problem: SplineProblem, spline: Spline) -> Spline:
    """Return the spline with the multiplier under which it is reconstructed as it is."""
    low, high = problem.kappa_range
    slopes = problem.slopes(spline.kinks, spline.values)
    balance, variation = float(slopes[0] + slopes[-1]), float(np.abs(np.diff(slopes)).sum())
    if low == high or (problem.omega and abs(balance) <= variation):
        return replace(spline, kappa=0.0)
    return replace(spline, kappa=high if balance < 0 or not problem.omega else low)


def _neutral(problem: SplineProblem, network: TwoLayerNetwork) -> TwoLayerNetwork:
    """Let data on a kink count the mean of its slopes, by halves of each neuron, and the ends that inside."""
    if not problem.program.has_trace or network.n_neurons == 0:
        return network
    position, weight = problem.program.position, network.W1[:, 0]
    t = -network.b1 / weight
    first, last = t <= position[0], t >= position[-1]
    split = ~(first | last)
    counts = np.where(first, weight > 0, np.where(last, weight < 0, True))
    copies = np.concatenate([np.arange(t.size), np.flatnonzero(split)])
    counts = np.concatenate([counts, np.zeros(np.count_nonzero(split), dtype=bool)])
    share = np.where(split, 0.5, 1.0)[copies]
    return TwoLayerNetwork(
        network.W1[copies],
        network.b1[copies],
        network.W2[:, copies] * share,
        network.b2,
        network.V,
        activation=network.activation,
        right_derivative=counts,
    )


def _certificate(refit: RefitProblem, network: TwoLayerNetwork, spline: Spline, beta: float) -> Certificate:
    """Return the refit's own certificate: every network with these kinks, signs and no weight decay."""
    program = refit.program
    score = network(program.position)
    residual = score - program.target
    loss = program.loss(network, residual)
    mean = float(np.sum(program.mass * residual)) / program.total
    slack = refit.slack(score)
    stationary = np.where(np.isin(refit.kinks, spline.kinks), np.abs(slack), np.maximum(-slack, 0.0))
    kappa = program.correlation(residual - mean)[2]
    imbalance = abs(mean) * program.total * np.sqrt(program.variance)
    violation = max(float(stationary.max(initial=0.0)), imbalance, abs(kappa))
    dual = program.scatter - float(np.sum(program.mass * residual * (0.5 * residual + program.target)))
    rounding, scales = correlation_rounding(program, network, beta), problem_scales(program, loss, beta)
    if violation > rounding + 1e-12 * scales["violation_scale"]:
        dual = -np.inf
    return Certificate(loss, dual, loss - dual, violation, "patterns", **scales, rounding=rounding)
