"""OSQP, a first-order solver, on the program's matrices."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...errors import SolverError
from ...objectives import Objective
from ..quadratic import build_quadratic_program
from ..spline import SplineProblem
from .base import ConicResult

__all__ = ["solve_osqp"]


def solve_osqp(
    problem: SplineProblem,
    objective: Objective,
    *,
    tol: float,
    verbose: bool,
    options: dict[str, Any],
) -> ConicResult:
    """Solve `problem` with OSQP; `options` are its settings, such as ``max_iter``.

    Raises
    ------
    TypeError
        If an option is unknown to OSQP.
    SolverError
        If OSQP stops without a solution.
    """
    import osqp

    defaults = {
        "eps_abs": tol,
        "eps_rel": tol,
        "max_iter": 20_000,
        "polishing": True,
        # The matrices come scaled; scaling the dual of a small beta again stalls the iteration.
        "scaling": 0,
        "verbose": verbose,
    }
    quadratic = build_quadratic_program(problem.program, problem.beta)
    solver = osqp.OSQP()
    known = {name for name in dir(solver.ext.OSQPSettings()) if not name.startswith("_")}
    unknown = sorted(set(options) - known)
    if unknown:
        raise TypeError(f"solver_options: expected settings of OSQP, got {', '.join(unknown)}")
    solver.setup(quadratic.P, quadratic.q, *quadratic.intervals(), **{**defaults, **options})
    result = solver.solve(raise_error=False)
    if result.info.status not in ("solved", "solved inaccurate"):
        raise SolverError(
            f"OSQP stopped with status {result.info.status!r} after {result.info.iter} iterations"
        )
    w = np.asarray(result.x)
    value = quadratic.value(w) + problem.program.scatter
    return ConicResult(quadratic.jumps(w), int(result.info.iter), value)
