"""Solving expected denoising: the grid of kinks is refined until its certificate holds on the whole line."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from ..._support.progress import steps
from ..._support.validation import FloatArray
from ...networks.two_layer import TwoLayerNetwork
from ...numerics.piecewise import PiecewiseLinear
from ...problem import Problem
from ...results import BetaBounds, Certificate, Solution, SolveStats, judged
from ..reconstruction import reconstruct
from ..solvers.active_set import solve_active_set
from ..spline import Spline, SplineProblem
from .certificate import certify_expected
from .program import Cells, ExpectedProgram, expected_bounds, grid_problem

__all__ = ["certify_expected_network", "expected_denoising_bounds", "solve_expected"]

# Grid positions to a width of the noise at first, and how often the grid may be refined.
_FINENESS = 12.0
_REFINEMENTS = 16


def expected_denoising_bounds(problem: Problem) -> BetaBounds:
    """Return the weight-decay thresholds of an expected denoising problem."""
    return expected_bounds(ExpectedProgram(problem.objective, problem.activation, problem.skip))


def solve_expected(
    problem: Problem, beta: float, *, solver: str, tol: float, verbose: bool, options: dict[str, Any]
) -> Solution:
    """Train a network on expected denoising to a certified global optimum; see `solve` for the parameters.

    The weight decay must be positive: without it no finite number of kinks is optimal.  Where the
    certificate misses `tol` on the finest grid too the status is ``"inaccurate"``.
    """
    if beta == 0:
        raise ValueError(
            "beta: expected a number above 0 for expected denoising, whose optimum without weight decay "
            "has infinitely many kinks, got 0"
        )
    start = time.perf_counter()
    program = ExpectedProgram(problem.objective, problem.activation, problem.skip)
    grid, iterations, share = program.scan(_FINENESS), 0, 0.1
    kinks, signs = np.zeros(0), np.zeros(0)
    for _ in steps(_REFINEMENTS, verbose, "refinements"):
        gridded = grid_problem(program, beta, grid)
        result = solve_active_set(gridded, np.searchsorted(grid, kinks), signs)
        iterations += result.iterations
        spline = result.spline
        kinks, signs = grid[spline.kinks], np.sign(np.diff(gridded.slopes(spline.kinks, spline.values)))
        network = reconstruct(gridded, spline)
        score = network.piecewise
        tolerance = max(share * tol * beta, program.rounding(score))
        half = gridded.program.atom_half_width(beta, spline.kappa)
        missing = _wanted(program, score, (spline.kappa, half), grid, tolerance)
        if missing.size == 0:
            written, certificate = _certified(program, network, gridded, spline, tol)
            if certificate.meets(tol):
                break
            share /= 10
        grid = np.union1d(grid, missing)
    else:
        written, certificate = _certified(program, network, gridded, spline, tol)
    status = judged(certificate, tol, "optimal" if kinks.size else "closed_form")
    stats = SolveStats("refined_grid", iterations, time.perf_counter() - start, grid.size)
    return Solution(written, certificate.primal, status, certificate, stats, beta)


def certify_expected_network(problem: Problem, beta: float, network: TwoLayerNetwork) -> Certificate:
    """Certify a network that any method has trained."""
    program = ExpectedProgram(problem.objective, problem.activation, problem.skip)
    return certify_expected(program, network, beta)


def _certified(
    program: ExpectedProgram, network: TwoLayerNetwork, problem: SplineProblem, spline: Spline, tol: float
) -> tuple[TwoLayerNetwork, Certificate]:
    """Return the network with neighbouring kinks joined if its certificate holds, else with all of them."""
    fewer = _fewer_kinks(program, problem, spline)
    certificate = certify_expected(program, fewer, problem.beta)
    if certificate.meets(tol):
        return fewer, certificate
    return network, certify_expected(program, network, problem.beta)


def _wanted(
    program: ExpectedProgram,
    score: PiecewiseLinear,
    band: tuple[float, float],
    grid: FloatArray,
    tolerance: float,
) -> FloatArray:
    """Return positions inside grid cells where the correlation exceeds its band: at most three a cell.

    A parabola through the ends and the middle of a cell finds it where the cell is narrow, and Taylor's
    from either end where the excess is close beside a kink.  The band is ``kappa`` and its half width.
    """
    middle = 0.5 * (grid[1:] + grid[:-1])
    both = np.insert(grid, np.arange(1, grid.size), middle)
    tail, height = Cells(program.data, both).correlation(score)
    density, derivative = program.data.density(grid)
    bend = score(grid) * density - derivative
    kappa, half = band
    wanted = []
    for sign in (1.0, -1.0):
        level = sign * (height - kappa / 2) - half
        wanted.append(_between(level, grid, middle, tolerance))
        wanted.append(_beside(level[::2], -sign * tail[::2], sign * bend, grid, tolerance))
    return np.concatenate(wanted)


def _between(level: FloatArray, grid: FloatArray, middle: FloatArray, tolerance: float) -> FloatArray:
    """Return where the parabola through ends and middle of a cell is too high: its top."""
    left, centre, right = level[:-2:2], level[1::2], level[2::2]
    bend, tilt = left - 2 * centre + right, 0.5 * (right - left)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        top = np.where(bend < 0, np.clip(-tilt / bend, -1, 1), 0.0)
    found = np.maximum(centre + tilt * top + 0.5 * bend * top**2, centre) > tolerance
    # A top at an end is there already; then the middle is what exceeds.
    top = np.where(np.abs(top) < 1, top, 0.0)
    return np.asarray((middle + 0.5 * top * np.diff(grid))[found])


def _beside(
    level: FloatArray, slope: FloatArray, bend: FloatArray, grid: FloatArray, tolerance: float
) -> FloatArray:
    """Return where the Taylor parabola of a position is too high, if its top is in a neighbouring cell."""
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        step = np.where(bend < 0, -slope / bend, 0.0)
    room = np.where(step > 0, np.diff(grid, append=grid[-1]), np.diff(grid, prepend=grid[0]))
    found = (np.abs(step) < room) & (step != 0) & (level + 0.5 * slope * step > tolerance)
    return np.asarray((grid + step)[found])


def _fewer_kinks(program: ExpectedProgram, problem: SplineProblem, spline: Spline) -> TwoLayerNetwork:
    """Join kinks of one sign that refinement has brought next to each other."""
    grid = problem.program.position
    kinks, jumps = grid[spline.kinks], np.diff(problem.slopes(spline.kinks, spline.values))
    joined = _clustered(kinks, jumps, 1e-3 * program.data.width)
    # Kinks with no mass beyond them change nothing, and nothing would determine them on a coarse grid.
    share = program.data.upper_moments(joined)[0] / program.total
    joined = joined[(share > 1e-13) & (share < 1 - 1e-13)]
    coarse = grid_problem(program, problem.beta, np.concatenate([grid[:1], joined, grid[-1:]]))
    return reconstruct(coarse, solve_active_set(coarse).spline)


def _clustered(kinks: FloatArray, jumps: FloatArray, width: float) -> FloatArray:
    """Return the mean positions of neighbours of one sign at most `width` apart."""
    if kinks.size == 0:
        return kinks
    new = (np.diff(kinks) > width) | (np.sign(jumps[1:]) != np.sign(jumps[:-1]))
    starts = np.concatenate([[0], np.flatnonzero(new) + 1])
    size = np.abs(jumps)
    joined: FloatArray = np.add.reduceat(kinks * size, starts) / np.add.reduceat(size, starts)
    return joined
