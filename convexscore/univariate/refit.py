"""Refitting a solution without its weight decay: kinks and their signs stay, sizes are set free.

Weight decay selects kinks and shrinks what it selects: in the linear regime of score matching without
skip the slope is ``(1 - beta/n)`` times the Gaussian one.  Over splines with kinks at the selected
positions ``t_j`` and of the selected signs ``sigma_j``, the refit minimizes the data term alone,

    min_s  sum_i m_i (mean slope at t_i) [SM] + 1/2 sum_i m_i (s(t_i) - l_i)^2
           subject to  sigma_j delta_j >= 0,

the splines at Bregman distance zero from the solution (Brinkmann, Burger, Rasch & Sutour 2017).  The line
is free, and kinks may vanish.  Data on a kink count the mean of its two slopes: without a penalty the
cheaper of the two would make sharp kinks pay for themselves.

Its optimality conditions are ``sum m z = 0``, ``kappa = 0`` and ``sigma_j H(t_j) >= 0``, with equality at
kinks that are there; ``H`` counts half of a tie here.
"""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from .._support.validation import FloatArray
from ..networks.two_layer import TwoLayerNetwork
from ..results import Certificate, Solution, SolveStats, judged
from .certificate import correlation_rounding, problem_scales
from .moments import Moments
from .program import UnivariateProgram
from .reconstruction import reconstruct
from .solvers.active_set import solve_active_set
from .spline import Spline, SplineProblem

__all__ = ["RefitProblem", "refit_solution"]


Index = NDArray[np.intp]


class RefitProblem(SplineProblem):
    """A univariate program's data term over splines with given kinks and signs.

    Parameters
    ----------
    program : UnivariateProgram
        The program.
    kinks : int ndarray of shape (n_kinks,)
        Indices of interior positions, ascending.
    signs : ndarray of shape (n_kinks,)
        Signs that the slope jumps must keep.
    blocks : Moments, optional
        The program's moments.
    """

    def __init__(
        self, program: UnivariateProgram, kinks: Index, signs: FloatArray, blocks: Moments | None = None
    ) -> None:
        super().__init__(program, 1.0, blocks)
        self.kinks, self.signs = kinks, signs
        self.kappa_range = (0.0, 0.0)

    def penalty(self, kinks: Index) -> FloatArray:
        """Return zeros: sizes are free."""
        return np.zeros(kinks.size)

    def keeps_signs(self, kinks: Index) -> NDArray[np.bool_]:
        """Return True for every kink."""
        return np.ones(kinks.size, dtype=bool)

    def violations(self, spline: Spline) -> tuple[Index, FloatArray]:
        """Return the selected kinks that are missing though they would lower the objective."""
        slack = self.slack(self.at_positions(spline) - self.program.target)
        # The minimizer's own kinks have no slack but rounding.
        found = (slack < 0) & ~np.isin(self.kinks, spline.kinks)
        return self.kinks[found], -slack[found] * self.signs[found]

    def slack(self, residual: FloatArray) -> FloatArray:
        """Return ``sigma_j H(t_j)`` at the selected kinks, for a residual given at the positions."""
        exclusive, inclusive, _ = self.program.correlation(residual)
        return 0.5 * (exclusive + inclusive)[self.kinks] * self.signs


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
    signs = problem.signs_of(spline)
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
    data_term = program.data_term(network)
    residual, value = data_term.residual, data_term.value
    mean = float(np.sum(program.mass * residual)) / program.total
    slack = refit.slack(residual)
    stationary = np.where(np.isin(refit.kinks, spline.kinks), np.abs(slack), np.maximum(-slack, 0.0))
    kappa = program.correlation(residual - mean)[2]
    imbalance = abs(mean) * program.total * np.sqrt(program.variance)
    violation = max(float(stationary.max(initial=0.0)), imbalance, abs(kappa))
    dual = program.dual_value(residual)
    rounding, scales = (
        correlation_rounding(program, network, beta),
        problem_scales(program, network, data_term, 0.0),
    )
    if violation > rounding + 1e-12 * scales["violation_scale"]:
        dual = -np.inf
    return Certificate(value, dual, value - dual, violation, "patterns", **scales, rounding=rounding)
