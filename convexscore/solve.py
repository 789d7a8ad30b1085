"""The one front door: `solve`."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np

from ._validation import as_choice, as_count, as_flag, as_real
from .expected import solve_expected
from .objectives import ExpectedDenoising, Objective
from .programs.bounds import line_solution, program_bounds, require_bounded
from .programs.spline import Spline, SplineProblem
from .programs.univariate import UnivariateProgram
from .refit import refit_solution
from .selection import select_beta
from .solution import Solution, SolveStats, certified_solution
from .solvers.active_set import ActiveSetResult, solve_active_set
from .solvers.base import ConicSolver, significant_kinks
from .solvers.log_concave import solve_log_concave

__all__ = ["SOLVERS", "solve"]

#: Names that `solve` accepts as `solver`.
SOLVERS = ("auto", "closed_form", "active_set", "clarabel", "osqp", "cvxpy")


def solve(
    objective: Objective | ExpectedDenoising,
    beta: float | str,
    activation: str = "relu",
    skip: bool = False,
    *,
    shape: str | None = None,
    refit: bool = False,
    solver: str = "auto",
    tol: float = 1e-8,
    verbose: bool = False,
    **solver_options: Any,
) -> Solution:
    """Train a two-layer network on one-dimensional data to a certified global optimum.

    Solves the convex program that is equivalent to training (ZP Thm 3.1, A.4-A.6 for score
    matching, 4.1, B.1-B.3 for denoising), writes its solution as a network, and certifies that
    network against every network of any width.

    Parameters
    ----------
    objective : ScoreMatching, DenoisingScoreMatching or ExpectedDenoising
        The data and the loss; any order, repetitions and weights allowed.  Expected denoising takes a
        number for `beta`, and neither `shape`, `refit` nor a choice of solver.
    beta : float or "auto"
        Weight decay of the summed loss, at least ``beta_bounds(...).minimum``; ``"auto"`` takes
        ``select_beta(objective, "combined", rng=0, ...)``, the same for the same data.
    activation : {"relu", "abs"}
        Activation.
    skip : bool
        Whether the network has a skip connection ``V x``.
    shape : {None, "log-concave"}
        ``"log-concave"`` minimizes over networks whose slope is nowhere positive, so that the density
        of the score is log-concave; the certificate then covers all of these.
    refit : bool
        Fit the selected kinks again without weight decay, keeping their signs: this removes the
        shrinkage, ``(1 - beta/n)`` in the linear regime.  The result is no training optimum; its
        status is ``"refit"``, its value its own data term, its certificate that of the refit.
    solver : {"auto", "closed_form", "active_set", "clarabel", "osqp", "cvxpy"}
        ``"auto"`` takes the closed form where it applies and the active-set solver elsewhere.
        The conic solvers work on the dense program, up to a few hundred points; the kinks they
        find are refined to an exact solution by the active-set solver.
    tol : float
        Relative tolerance on the certificate's gap and violation, and the conic solvers' tolerance.
    verbose : bool
        Let a conic solver print its progress.
    **solver_options
        ``max_iterations`` for ``"active_set"``; settings of Clarabel or OSQP; for ``"cvxpy"`` the
        name ``cvxpy_solver`` and whatever ``cvxpy.Problem.solve`` takes.

    Returns
    -------
    Solution
        Network, value, status, certificate (scope ``"global"``; of a refit ``"patterns"``), statistics.

    Raises
    ------
    UnboundedError
        If `beta` is below the bound under which score matching has no minimum.
    SolverError
        If a conic solver stops with a bad status.
    TypeError, ValueError
        If an argument is of the wrong kind or out of range, or a solver option is unknown.

    Warns
    -----
    ConvergenceWarning
        If the certificate misses `tol`; the status is then ``"inaccurate"``.

    Examples
    --------
    >>> import convexscore as cs
    >>> eruptions = cs.datasets.load_old_faithful()["eruptions"]
    >>> solution = cs.solve(cs.ScoreMatching(eruptions), beta=20, skip=True)
    >>> solution.status, solution.network.n_neurons, solution.certificate.scope
    ('optimal', 7, 'global')
    >>> solution.network(2.0).shape
    ()
    """
    start = time.perf_counter()
    as_choice("solver", solver, SOLVERS)
    skip, verbose = as_flag("skip", skip), as_flag("verbose", verbose)
    if shape is not None:
        as_choice("shape", shape, ("log-concave",))
    if as_flag("refit", refit) and shape is not None:
        raise ValueError(f"refit: expected False with shape={shape!r}, which a refit need not keep, got True")
    if isinstance(objective, ExpectedDenoising):
        if shape is not None or refit or solver != "auto":
            raise ValueError(
                "objective: expected denoising takes neither shape nor refit, and solver='auto' only, got "
                f"shape={shape!r}, refit={refit}, solver={solver!r}"
            )
        return _expected(objective, beta, activation, skip, tol, solver_options)
    if isinstance(beta, str):
        as_choice("beta", beta, ("auto",))
        beta = select_beta(objective, "combined", rng=0, activation=activation, skip=skip)
    beta = as_real("beta", beta, minimum=0.0)
    tol = as_real("tol", tol, minimum=0.0, strict=True)
    program = UnivariateProgram.from_objective(objective, activation, skip)
    require_bounded(program, beta)
    problem = SplineProblem(program, beta)
    if shape is not None:
        _only_active_set(f"shape={shape!r}", solver)
        spline, iterations, solver_value = _active_set(problem, solver_options, solve_log_concave)
        solver = "active_set"
    elif solver == "closed_form":
        spline, iterations, solver_value = _closed_form(problem, solver_options)
    elif solver in ("auto", "active_set"):
        spline, iterations, solver_value = _active_set(problem, solver_options)
        if solver == "auto":
            # Without kinks on the data the optimum is the line of the closed form.
            closed = spline.kinks.size == 0 and beta >= program_bounds(program).linear
            solver = "closed_form" if closed else "active_set"
            spline = _line(problem) if closed else spline
    else:
        found = _conic_solver(solver)(problem, objective, tol=tol, verbose=verbose, options=solver_options)
        spline = solve_active_set(problem, *significant_kinks(found.jumps)).spline
        iterations, solver_value = found.iterations, found.value
    status = "closed_form" if solver == "closed_form" else "optimal"
    stats = SolveStats(solver, iterations, time.perf_counter() - start, program.n_atoms, solver_value)
    if refit:
        return refit_solution(problem, spline, stats, tol)
    return certified_solution(problem, spline, status, stats, tol, shape)


def _expected(
    objective: ExpectedDenoising,
    beta: float | str,
    activation: str,
    skip: bool,
    tol: float,
    options: dict[str, Any],
) -> Solution:
    if isinstance(beta, str):
        raise ValueError(f"beta: expected a number for expected denoising, got {beta!r}")
    _no_options("refined_grid", options)
    beta = as_real("beta", beta, minimum=0.0)
    tol = as_real("tol", tol, minimum=0.0, strict=True)
    return solve_expected(objective, beta, activation, skip, tol)


# A solution in function space, the solver's iterations, and the value at a conic solver's own point.
_Found = tuple[Spline, int, float | None]


def _closed_form(problem: SplineProblem, options: dict[str, Any]) -> _Found:
    _no_options("closed_form", options)
    linear = program_bounds(problem.program).linear
    if problem.beta < linear:
        raise ValueError(
            f"beta: expected at least {linear:.10g} for solver='closed_form', got {problem.beta:.10g}"
        )
    return _line(problem), 0, None


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
    method: Callable[..., ActiveSetResult] = solve_active_set,
) -> _Found:
    options = dict(options)
    limit = as_count("max_iterations", options.pop("max_iterations", 500), minimum=1)
    _no_options("active_set", options)
    result = method(problem, max_iterations=limit)
    return result.spline, result.iterations, None


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


def _no_options(solver: str, options: dict[str, Any]) -> None:
    if options:
        raise TypeError(f"solver_options: solver {solver!r} does not know {', '.join(sorted(options))}")
