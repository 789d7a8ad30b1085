"""The families of programs: one row each, which says what it takes and who solves it.

A family is asked by the doors (`solve`, `bounds`, `selection`), and error messages are made from its row.  Of
the families that admit a problem, the first whose solvers include the one asked for has it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ._support.sizes import as_workers
from ._support.validation import as_choice, as_flag, as_real, shown
from .multivariate.bounds import gated_bounds, network_bounds
from .multivariate.conservative.bounds import conservative_bounds
from .multivariate.conservative.train import certify_conservative, solve_conservative
from .multivariate.gated import certify_gated, solve_gated
from .multivariate.ridge import solve_ridge_network
from .multivariate.selection import select_network_decay
from .multivariate.train import certify_trained, solve_networks
from .multivariate.unpenalized import certify_without_decay, solve_without_decay
from .networks.gated import ScoreNetwork
from .networks.two_layer import TwoLayerNetwork
from .problem import Problem
from .results import BetaBounds, Certificate, Solution
from .units import units_of
from .univariate.bounds import univariate_bounds
from .univariate.expected.selection import select_expected_decay
from .univariate.expected.train import (
    certify_expected_network,
    expected_denoising_bounds,
    solve_expected,
)
from .univariate.log_concave_selection import select_decay_on_the_line
from .univariate.train import certify_univariate, solve_univariate

__all__ = ["FAMILIES", "SOLVERS", "Family", "SolverRow", "family_of"]


@dataclass(frozen=True)
class SolverRow:
    """What a solver takes.

    Parameters
    ----------
    options : tuple of str, callable or None
        Names of its options, or a function of the problem that returns them; None for those of another
        package, which knows them itself.
    shows_progress : bool
        Whether `verbose` shows anything.
    solve : callable or None
        The solver itself, called as `Family.solve` is; None for those that the family's function knows.
    """

    options: tuple[str, ...] | Callable[[Problem], tuple[str, ...]] | None = ()
    shows_progress: bool = True
    solve: Callable[..., Solution] | None = None

    def option_names(self, problem: Problem) -> tuple[str, ...] | None:
        """Return the names of the options that have an effect on a problem; None for any."""
        return self.options(problem) if callable(self.options) else self.options


@dataclass(frozen=True, eq=False)
class Family:
    """Problems that one kind of program solves.

    Parameters
    ----------
    name : str
        For error messages: "... for {name}".
    admits : callable
        Whether a problem with this weight decay (None: some positive one) is in the family.
    solvers : mapping of str to SolverRow
        Its solvers; the first is the default.
    solve : callable
        ``solve(problem, beta, solver=, tol=, verbose=, options=)`` returns a `Solution`.
    tol : float
        Default tolerance.
    bounds : callable or None
        Returns the thresholds of a problem's weight decay.
    select : callable or None
        ``select(problem, method, rng, progress=, n_jobs=, **options)`` chooses the weight decay; None where
        it is not to be chosen.
    methods : mapping of str to tuple of str
        Its methods and the options that have an effect on each.
    grouped : bool
        Whether `select` can be told which samples are noisy copies of one.
    activations : tuple of str
        Activations that the programs know.
    certify : callable or None
        ``certify(problem, beta, network)`` recomputes the certificate of any network of the kind; None where
        another penalty than the network's weight decay is minimized.
    """

    name: str
    admits: Callable[[Problem, float | None], bool]
    solvers: Mapping[str, SolverRow]
    solve: Callable[..., Solution]
    tol: float
    bounds: Callable[[Problem], BetaBounds] | None = None
    select: Callable[..., float] | None = None
    methods: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    grouped: bool = False
    activations: tuple[str, ...] = field(default=("relu", "abs"))
    certify: Callable[..., Certificate] | None = None

    def checked_solve(
        self, problem: Problem, beta: float, solver: str, tol: float | None, verbose: bool, options: Any
    ) -> Solution:
        """Refuse what has no effect, then solve."""
        chosen = next(iter(self.solvers)) if solver == "auto" else solver
        row = self.row(solver)
        known = row.option_names(problem)
        unknown = [] if known is None else sorted(set(options) - set(known))
        if unknown:
            takes = ", ".join(known or ()) or "no options"
            raise TypeError(
                f"solver_options: solver {chosen!r} does not know {', '.join(unknown)}; for {self.name} it "
                f"takes {takes}"
            )
        if as_flag("verbose", verbose) and not row.shows_progress:
            raise ValueError(f"verbose: expected False for solver {chosen!r}, which is one step, got True")
        tolerance = self.tol if tol is None else as_real("tol", tol, minimum=0.0, strict=True, maximum=1.0)
        units = units_of(problem, least_norm=beta == 0)
        start = options.get("start")
        if isinstance(start, TwoLayerNetwork) and start.n_features == problem.n_features:
            options = {**options, "start": units.network(start)}
        run = partial(row.solve or self.solve, units.problem(problem), units.beta(beta))
        found = units.run(partial(run, solver=solver, tol=tolerance, verbose=verbose, options=options), beta)
        return replace(units.solution(found, beta), problem=problem)

    def checked_certify(self, problem: Problem, beta: float, network: ScoreNetwork) -> Certificate:
        """Return the certificate of a network, whoever has trained it, from its own residual."""
        if self.certify is None:
            raise ValueError(f"network: expected another one, those of {self.name} cannot be certified")
        units = units_of(problem, least_norm=beta == 0)
        certify = partial(self.certify, units.problem(problem), units.beta(beta), units.network(network))
        return units.certificate(units.run(certify, beta))

    def checked_bounds(self, problem: Problem) -> BetaBounds:
        """Return the thresholds of a problem's weight decay."""
        if self.bounds is None:
            raise ValueError(f"objective: expected another problem, no thresholds are known for {self.name}")
        units = units_of(problem)
        return units.bounds(units.run(partial(self.bounds, units.problem(problem))))

    def checked_select(
        self,
        problem: Problem,
        method: str,
        rng: np.random.Generator | int | None,
        options: Mapping[str, Any],
        groups: NDArray[np.intp] | None = None,
        *,
        progress: bool = False,
        n_jobs: int | None = None,
    ) -> float:
        """Refuse what has no effect, then choose the weight decay.

        `groups` says which samples are noisy copies of one, for families that can make use of it.
        """
        progress, n_jobs = as_flag("progress", progress), as_workers("n_jobs", n_jobs)
        if self.select is None:
            raise ValueError(f"beta: expected a number for {self.name}, got 'auto'")
        known = self.methods[as_choice("method", method, self.methods)]
        unknown = sorted(set(options) - set(known))
        if unknown:
            raise TypeError(
                f"{unknown[0]}: expected none for method={method!r} and {self.name}, which takes "
                f"{', '.join(known)}, got {shown(options[unknown[0]])}"
            )
        if self.grouped and groups is not None:
            options = {**options, "groups": groups}
        units = units_of(problem, frequencies=True)
        shared = {"progress": progress, "n_jobs": n_jobs}
        select = partial(self.select, units.problem(problem), method, rng, **shared, **options)
        return units.beta_outside(units.run(select))

    def row(self, solver: str) -> SolverRow:
        """Return the row of a solver, ``"auto"`` the default."""
        return self.solvers[next(iter(self.solvers)) if solver == "auto" else solver]

    def takes(self, option: str, problem: Problem, solver: str) -> bool:
        """Whether a solver (``"auto"``: the default) has an option for a problem."""
        known = self.row(solver).option_names(problem)
        return known is None or option in known


def _generation_options(problem: Problem) -> tuple[str, ...]:
    """Return the options of column generation: those of the search where there is one."""
    if problem.n_features < 3:
        return ("max_iterations", "start", *_workers(problem))
    relaxed = () if problem.bias else ("max_patterns",)
    return ("max_iterations", "start", "n_starts", "max_boxes", "n_jobs", *relaxed)


def _conservative_options(problem: Problem) -> tuple[str, ...]:
    """Return the options of column generation for conservative networks."""
    if problem.n_features < 3:
        return ("max_iterations", *_workers(problem))
    return ("max_iterations", "n_starts", "max_boxes", "n_jobs")


def _workers(problem: Problem) -> tuple[str, ...]:
    """Return the option of workers where there is work to share: many kink lines in the plane."""
    return ("n_jobs",) if problem.n_features == 2 and problem.bias else ()


def _is_plain(problem: Problem) -> bool:
    """Whether samples are all there is: no noise integrated out, constraint, second fit, potential."""
    constrained = problem.is_expected or problem.shape is not None or problem.refit
    return not constrained and not problem.conservative


_CONIC = SolverRow(None)
_NOISE_OPTIONS = ("confidence", "share", "n_replicates", "n_iterations")
_LINE_METHODS = {
    "bootstrap": _NOISE_OPTIONS,
    "cv": ("n_folds",),
    "combined": (*_NOISE_OPTIONS, "n_folds"),
}

#: All families, in the order in which they are asked.
FAMILIES = (
    Family(
        name="expected denoising",
        admits=lambda problem, beta: problem.is_expected,
        solvers={"refined_grid": SolverRow()},
        solve=solve_expected,
        certify=certify_expected_network,
        tol=1e-8,
        bounds=expected_denoising_bounds,
        select=select_expected_decay,
        methods=_LINE_METHODS,
    ),
    Family(
        name="networks with one feature",
        admits=lambda problem, beta: problem.on_the_line,
        solvers={
            "active_set": SolverRow(("max_iterations",)),
            "closed_form": SolverRow(shows_progress=False),
            "clarabel": _CONIC,
            "osqp": _CONIC,
            "cvxpy": _CONIC,
        },
        solve=solve_univariate,
        certify=certify_univariate,
        tol=1e-8,
        bounds=univariate_bounds,
        select=select_decay_on_the_line,
        methods=_LINE_METHODS,
    ),
    Family(
        name="conservative networks",
        admits=lambda problem, beta: beta != 0 and problem.conservative,
        solvers={"column_generation": SolverRow(_conservative_options)},
        solve=solve_conservative,
        certify=certify_conservative,
        tol=1e-6,
        bounds=conservative_bounds,
    ),
    Family(
        name="networks without weight decay",
        admits=lambda problem, beta: beta == 0 and _is_plain(problem) and problem.penalty == "nuclear",
        solvers={"least_squares": SolverRow()},
        solve=solve_without_decay,
        certify=certify_without_decay,
        tol=1e-6,
    ),
    Family(
        name="networks with several features or without bias",
        admits=lambda problem, beta: beta != 0 and _is_plain(problem) and not problem.on_patterns,
        solvers={"column_generation": SolverRow(_generation_options)},
        solve=solve_networks,
        certify=certify_trained,
        tol=1e-6,
        bounds=network_bounds,
        select=select_network_decay,
        methods={"bootstrap": _NOISE_OPTIONS, "combined": _NOISE_OPTIONS},
        grouped=True,
    ),
    Family(
        name="gated networks",
        admits=lambda problem, beta: beta != 0 and problem.gated and problem.penalty == "nuclear",
        solvers={
            "semismooth_newton": SolverRow(),
            "column_generation": SolverRow(("max_iterations",)),
        },
        solve=solve_gated,
        certify=certify_gated,
        tol=1e-6,
        bounds=gated_bounds,
    ),
    Family(
        name="gated networks with a squared penalty",
        admits=lambda problem, beta: beta != 0 and problem.penalty == "ridge",
        solvers={"kernel": SolverRow()},
        solve=solve_ridge_network,
        tol=1e-6,
    ),
)

#: Names that `solve` accepts as `solver`.
SOLVERS = ("auto", *dict.fromkeys(name for family in FAMILIES for name in family.solvers))


def family_of(problem: Problem, beta: float | None = None, solver: str = "auto") -> Family:
    """Return the family that solves a problem.

    Parameters
    ----------
    problem : Problem
        The problem.
    beta : float or None
        Weight decay; None for some positive one.
    solver : str
        ``"auto"`` or the name of a solver.

    Raises
    ------
    ValueError
        If no family takes the problem, the activation, or the solver for it.
    """
    admitting = [family for family in FAMILIES if family.admits(problem, beta)]
    if not admitting:
        raise ValueError(_why_none(problem))
    family = admitting[0]
    if problem.activation not in family.activations:
        listed = ", ".join(repr(name) for name in family.activations)
        raise ValueError(
            f"activation: expected one of {listed} for {family.name}, whose programs know no other, got "
            f"{problem.activation!r}; docs/own_parts.md says where others can be used"
        )
    if isinstance(solver, str) and solver == "auto":
        return family
    for candidate in admitting:
        if isinstance(solver, str) and solver in candidate.solvers:
            return candidate
    names = ["auto", *dict.fromkeys(name for candidate in admitting for name in candidate.solvers)]
    listed = ", ".join(repr(name) for name in names)
    own = "`univariate_program` gives the matrices for one" if problem.on_the_line else "`certify` judges one"
    raise ValueError(
        f"solver: expected one of {listed} for {family.name}, got {shown(solver)}; {own} of your own, see "
        "docs/own_parts.md"
    )


def _why_none(problem: Problem) -> str:
    if problem.penalty == "ridge":
        return "penalty: expected 'nuclear' unless gated=True and beta > 0, got 'ridge'"
    if problem.conservative:
        return "beta: expected a number above 0 for conservative networks, got 0"
    return (
        "patterns: expected None for a network with weight decay that is not gated, whose neurons are not "
        "confined to given patterns"
    )
