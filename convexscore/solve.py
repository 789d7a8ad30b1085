"""The one front door: `solve`."""

from __future__ import annotations

from typing import Any

from ._validation import as_choice, as_flag, as_real
from .expected import solve_expected
from .objectives import ExpectedDenoising, Objective
from .selection import select_beta
from .solution import Solution, no_options
from .univariate import UNIVARIATE_SOLVERS, solve_univariate

__all__ = ["SOLVERS", "solve"]

#: Names that `solve` accepts as `solver`.
SOLVERS = UNIVARIATE_SOLVERS


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
    return solve_univariate(
        objective,
        beta,
        activation,
        skip,
        shape=shape,
        refit=refit,
        solver=solver,
        tol=tol,
        verbose=verbose,
        options=solver_options,
    )


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
    no_options("refined_grid", options)
    beta = as_real("beta", beta, minimum=0.0)
    tol = as_real("tol", tol, minimum=0.0, strict=True)
    return solve_expected(objective, beta, activation, skip, tol)
