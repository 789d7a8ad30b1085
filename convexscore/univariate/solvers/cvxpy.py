"""Any solver that CVXPY knows, on the literal statement of the program."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from ..._support.validation import as_choice
from ...activations import get_activation
from ...errors import SolverError
from ...objectives import Objective
from ..spline import SplineProblem
from ..statement import state_univariate
from .base import ConicResult

__all__ = ["solve_cvxpy"]


def solve_cvxpy(
    problem: SplineProblem,
    objective: Objective,
    *,
    tol: float,
    verbose: bool,
    options: dict[str, Any],
) -> ConicResult:
    """Solve `problem` through CVXPY; the option ``cvxpy_solver`` names the solver, Clarabel by default.

    The other options go to ``cvxpy.Problem.solve``; `tol` applies to Clarabel only, because every
    solver names its tolerances differently.

    Raises
    ------
    ValueError
        If the solver is not installed.
    SolverError
        If it stops without a solution.
    """
    import cvxpy

    program = problem.program
    options = dict(options)
    name = options.pop("cvxpy_solver", "CLARABEL")
    as_choice("cvxpy_solver", name, cvxpy.installed_solvers())
    if name == "CLARABEL":
        options = {"tol_gap_abs": tol, "tol_gap_rel": tol, "tol_feas": tol, **options}
    statement = state_univariate(objective, problem.beta, program.activation, program.skip)
    try:
        with warnings.catch_warnings():
            # The certificate says how accurate the result is; CVXPY's guess would come on top.
            warnings.filterwarnings("ignore", message="Solution may be inaccurate")
            value = statement.problem.solve(solver=name, verbose=verbose, **options)
    except cvxpy.error.SolverError as error:
        raise SolverError(f"CVXPY with {name} failed: {error}") from error
    status = statement.problem.status
    if status not in (cvxpy.OPTIMAL, cvxpy.OPTIMAL_INACCURATE):
        raise SolverError(f"CVXPY with {name} stopped with status {status!r}")
    y = np.asarray(statement.y.value)
    where = np.searchsorted(program.position, objective.X[:, 0])
    jumps = np.bincount(
        np.tile(where, y.size // where.size),
        weights=get_activation(program.activation).jump * y,
        minlength=program.position.size,
    )
    iterations = statement.problem.solver_stats.num_iters or 0
    return ConicResult(jumps.astype(float), int(iterations), float(value))
