"""The commands ``fit`` and ``demo``: solve, write model and figure, report."""

from __future__ import annotations

import argparse
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..bounds import beta_bounds
from ..datasets import load_old_faithful
from ..errors import ConvergenceWarning
from ..objectives import ExpectedDenoising, Objective, ScoreMatching
from ..results import Solution
from ..solve import solve
from .data import make_expected, make_objective, read_data
from .output import FIGURE, INACCURATE, MODEL, OK, check_outputs, write
from .report import report

__all__ = ["run_demo", "run_fit"]


def run_fit(options: argparse.Namespace) -> int:
    """Train on a column of data, write what was asked for, and report."""
    targets = options.output, options.plot
    check_outputs([options.data], {"--output": (targets[0], MODEL), "--plot": (targets[1], FIGURE)})
    column = read_data(options)
    make = make_expected if options.expected else make_objective
    objective = make(options, column.values)
    if options.expected and options.beta == "auto":
        raise ValueError("--beta: expected a number with --expected, got none")
    solution, code = _solve_quietly(
        objective,
        options.beta,
        activation=options.activation,
        skip=options.skip,
        shape=options.shape,
        refit=options.refit,
        solver=options.solver,
        tol=options.tol,
    )
    # The score and its density are those of the noisy data.
    noise = f" + noise (sd {options.noise_level:g})" if options.objective == "dsm" else ""
    write(solution, objective, column.name, f"{column.name}{noise}", *targets)
    n_missing = column.n_missing if options.drop_missing else None
    _report(solution, objective, options, [column.name], n_missing)
    return code


def _solve_quietly(
    objective: Objective | ExpectedDenoising, beta: float | str, **arguments: Any
) -> tuple[Solution, int]:
    """Solve, turning a convergence warning into a line on standard error and an exit code."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", ConvergenceWarning)
        solution = solve(objective, beta, **arguments)
    for warning in caught:
        print(f"convexscore: warning: {warning.message}", file=sys.stderr)
    return solution, INACCURATE if solution.status == "inaccurate" else OK


def _report(
    solution: Solution,
    objective: Objective | ExpectedDenoising,
    options: argparse.Namespace,
    columns: Sequence[str],
    n_missing: int | None = None,
) -> None:
    bounds = beta_bounds(objective, solution.network.activation, options.skip)
    files = [name for name in (options.output, options.plot) if name]
    report(solution, objective, bounds, columns, files, n_missing=n_missing, as_json=options.json)


def run_demo(options: argparse.Namespace) -> int:
    """Fit the eruptions of Old Faithful; write model and figure."""
    directory = Path(options.output)
    directory.mkdir(parents=True, exist_ok=True)
    options.output = str(directory / "old_faithful.npz")
    options.plot = str(directory / "old_faithful.png")
    targets = options.output, options.plot
    check_outputs([], {"--output": (targets[0], MODEL), "--plot": (targets[1], FIGURE)})
    values = load_old_faithful()["eruptions"]
    objective = ScoreMatching(values)
    options.skip = True
    solution, code = _solve_quietly(objective, 20.0, skip=options.skip)
    write(solution, objective, "eruptions", "eruption duration (minutes)", *targets)
    if not options.json:
        print("Old Faithful eruptions: score matching, ReLU with skip connection")
    _report(solution, objective, options, ["eruptions"])
    return code
