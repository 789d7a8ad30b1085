"""Clarabel, an interior-point solver, on the program's matrices."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sp

from ...errors import SolverError
from ...objectives import Objective
from ..quadratic import build_quadratic_program
from ..spline import SplineProblem
from .base import ConicResult

__all__ = ["solve_clarabel"]


def solve_clarabel(
    problem: SplineProblem,
    objective: Objective,
    *,
    tol: float,
    verbose: bool,
    options: dict[str, Any],
) -> ConicResult:
    """Solve `problem` with Clarabel; `options` are fields of ``clarabel.DefaultSettings``.

    Raises
    ------
    TypeError
        If an option is unknown to Clarabel.
    SolverError
        If Clarabel stops without a solution.
    """
    import clarabel

    settings = clarabel.DefaultSettings()
    settings.verbose = verbose
    settings.tol_gap_abs = settings.tol_gap_rel = settings.tol_feas = tol
    for name, value in options.items():
        if not hasattr(settings, name):
            raise TypeError(f"solver_options: expected settings of Clarabel, got {name!r}")
        setattr(settings, name, value)
    quadratic = build_quadratic_program(problem.program, problem.beta)
    n_bounds = quadratic.n_nonnegative
    bound = -sp.eye(n_bounds, quadratic.q.size, format="csc")
    result = clarabel.DefaultSolver(
        quadratic.P,
        quadratic.q,
        sp.vstack([quadratic.equality, bound], format="csc"),
        np.concatenate([quadratic.rhs, np.zeros(n_bounds)]),
        [clarabel.ZeroConeT(quadratic.rhs.size), clarabel.NonnegativeConeT(n_bounds)],
        settings,
    ).solve()
    if str(result.status) not in ("Solved", "AlmostSolved"):
        raise SolverError(
            f"Clarabel stopped with status {str(result.status)!r} after {result.iterations} iterations"
        )
    w = np.asarray(result.x)
    value = quadratic.value(w) + problem.program.scatter
    return ConicResult(quadratic.jumps(w), int(result.iterations), value)
