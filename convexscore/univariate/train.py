"""Training on the line: the eight univariate programs, with the solvers that know them."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np

from .._support.validation import as_count
from ..errors import WeightDecayError
from ..networks.two_layer import TwoLayerNetwork
from ..problem import Problem
from ..results import Certificate, Solution, SolveStats
from .bounds import line_solution, program_bounds, require_bounded
from .certificate import certified_solution, certify
from .integrable import solve_integrable
from .program import UnivariateProgram
from .refit import refit_solution
from .solvers.active_set import ActiveSetResult, solve_active_set
from .solvers.base import ConicSolver, significant_kinks
from .solvers.log_concave_active_set import solve_log_concave
from .spline import Spline, SplineProblem

__all__ = ["certify_univariate", "solve_univariate"]


def solve_univariate(
    problem: Problem, beta: float, *, solver: str, tol: float, verbose: bool, options: dict[str, Any]
) -> Solution:
    """Train on one-dimensional data; see `solve` for the parameters.

    Solves the convex program that is equivalent to training (ZP Thm 3.1, A.4-A.6 for score
    matching, 4.1, B.1-B.3 for denoising), writes its solution as a network, and certifies that
    network against every network of any width.
    """
    start = time.perf_counter()
    program = UnivariateProgram.from_problem(problem)
    require_bounded(program, beta)
    splines = SplineProblem(program, beta)
    for name in ("shape", "tails"):
        if getattr(problem, name) is not None:
            _only_active_set(f"{name}={getattr(problem, name)!r}", solver)
    if problem.shape is not None:
        spline, iterations, solver_value = _active_set(splines, options, verbose, solve_log_concave)
        solver = "active_set"
    elif solver == "closed_form":
        spline, iterations, solver_value = _closed_form(splines)
    elif solver in ("auto", "active_set"):
        spline, iterations, solver_value = _active_set(splines, options, verbose)
        if solver == "auto":
            closed = _is_closed_form(splines, spline)
            solver = "closed_form" if closed else "active_set"
            spline = _line(splines) if closed else spline
    else:
        conic = _conic_solver(solver)(splines, problem.objective, tol=tol, verbose=verbose, options=options)
        spline = solve_active_set(splines, *significant_kinks(conic.jumps)).spline
        iterations, solver_value = conic.iterations, conic.value
    bounds = None
    if problem.tails is not None:
        limit = _max_iterations(options)
        found = solve_integrable(splines, spline, problem.tail_unit, problem.shape, limit)
        if found.problem is not splines:
            solver = "active_set"
        splines, spline, bounds = found.problem, found.spline, found.bounds
        iterations += found.iterations
    status = "closed_form" if solver == "closed_form" else "optimal"
    stats = SolveStats(solver, iterations, time.perf_counter() - start, program.n_atoms, solver_value)
    if problem.refit:
        return refit_solution(splines, spline, stats, tol)
    return certified_solution(splines, spline, status, stats, tol, problem.shape, bounds)


def certify_univariate(problem: Problem, beta: float, network: TwoLayerNetwork) -> Certificate:
    """Certify a network that any method has trained on one-dimensional data."""
    return certify(UnivariateProgram.from_problem(problem), network, beta)


# A solution in function space, the solver's iterations, and the value at a conic solver's own point.
_Found = tuple[Spline, int, float | None]


def _closed_form(problem: SplineProblem) -> _Found:
    linear = program_bounds(problem.program).linear
    if problem.beta < linear:
        raise WeightDecayError(
            "beta: expected at least {linear:.10g} for solver='closed_form', got {beta:.10g}",
            linear=linear,
            beta=problem.beta,
        )
    return _line(problem), 0, None


def _is_closed_form(problem: SplineProblem, spline: Spline) -> bool:
    """Return whether the optimum is the line of the closed form: an optimal spline without kinks is.

    Unless its slope is made at a tie heavier than the weight decay, or the spline is not optimal.
    """
    if spline.kinks.size:
        return False
    program = problem.program
    made_at_ends = program.skip or program.rules.even or program.heaviest_inside_tie <= problem.beta
    if made_at_ends and problem.violations(spline)[0].size == 0:
        return True
    return problem.beta >= program_bounds(program).linear


def _line(problem: SplineProblem) -> Spline:
    slope, mean = line_solution(problem.program, problem.beta)
    values = mean + slope * problem.program.centred[[0, -1]]
    low, high = problem.kappa_range
    # The multiplier only has to say whether the line is paid for by atoms at the ends.
    kappa = high if slope < 0 else low if slope > 0 else 0.0
    return Spline(np.zeros(0, dtype=np.intp), values, kappa)


def _only_active_set(feature: str, solver: str) -> None:
    if solver not in ("auto", "active_set"):
        raise ValueError(f"solver: expected 'auto' or 'active_set' for {feature}, got {solver!r}")


def _active_set(
    problem: SplineProblem,
    options: dict[str, Any],
    progress: bool,
    method: Callable[..., ActiveSetResult] = solve_active_set,
) -> _Found:
    result = method(problem, max_iterations=_max_iterations(options), progress=progress)
    return result.spline, result.iterations, None


def _max_iterations(options: dict[str, Any]) -> int:
    return as_count("max_iterations", options.get("max_iterations", 500), minimum=1)


def _conic_solver(name: str) -> ConicSolver:
    # Imported here so that `import convexscore` stays quick.
    if name == "clarabel":
        from .solvers.clarabel import solve_clarabel

        return solve_clarabel
    if name == "osqp":
        from .solvers.osqp import solve_osqp

        return solve_osqp
    from .solvers.cvxpy import solve_cvxpy

    return solve_cvxpy
