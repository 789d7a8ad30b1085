"""The commands ``fit`` and ``demo``: solve, write model and figure, report."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .._support.progress import stages
from ..bounds import beta_bounds
from ..datasets import load_old_faithful
from ..objectives import ExpectedDenoising, Objective, ScoreMatching
from ..results import BetaBounds, Solution
from ..solve import solve
from .data import make_expected, make_objective, read_features
from .output import FIGURE, INACCURATE, MODEL, NO_FIGURES, OK, can_draw, check_outputs, plain_warnings, write
from .report import report

__all__ = ["run_demo", "run_fit"]


def run_fit(options: argparse.Namespace) -> int:
    """Train on columns of data, write what was asked for, and report."""
    targets = options.output, options.plot
    check_outputs([options.data], {"--output": (targets[0], MODEL), "--plot": (targets[1], FIGURE)})
    names, values, n_missing = read_features(options)
    _check_features(options, len(names))
    make = make_expected if options.expected else make_objective
    objective = make(options, values)
    if options.expected and options.beta == "auto":
        raise ValueError("--beta: expected a number with --expected, got none")
    if options.conservative and options.beta == "auto":
        raise ValueError("--beta: expected a number with --conservative, got none")
    solution, code = _solve_quietly(
        objective,
        options.beta,
        activation=options.activation,
        skip=options.skip,
        shape=options.shape,
        refit=options.refit,
        conservative=options.conservative,
        solver=options.solver,
        tol=options.tol,
        verbose=options.progress,
    )
    # The score and its density are those of the noisy data.
    noise = f" + noise (sd {options.noise_level:g})" if options.objective == "dsm" else ""
    with stages(2, options.progress, "fit") as begin:
        begin("files")
        write(solution, objective, names, [f"{name}{noise}" for name in names], *targets)
        begin("bounds")
        bounds = _bounds(solution, options)
    _report(solution, objective, options, names, bounds, n_missing if options.drop_missing else None)
    return code


def _check_features(options: argparse.Namespace, count: int) -> None:
    """Raise if options do not go with so many columns."""
    if options.conservative and count == 1:
        raise ValueError("--conservative: expected only with several columns, got it with one")
    if options.plot and count > 2:
        raise ValueError(f"--plot: expected one column or two, got {count}")


def _solve_quietly(
    objective: Objective | ExpectedDenoising, beta: float | str, **arguments: Any
) -> tuple[Solution, int]:
    """Solve, turning warnings into lines on standard error, and that of convergence into an exit code."""
    with plain_warnings():
        solution = solve(objective, beta, **arguments)
    return solution, INACCURATE if solution.status == "inaccurate" else OK


def _bounds(solution: Solution, options: argparse.Namespace) -> BetaBounds:
    # Of the samples that it was trained on: what is left out has been warned of.
    return beta_bounds(
        solution.objective, solution.network.activation, options.skip, conservative=options.conservative
    )


def _report(
    solution: Solution,
    objective: Objective | ExpectedDenoising,
    options: argparse.Namespace,
    columns: Sequence[str],
    bounds: BetaBounds,
    n_missing: int | None = None,
) -> None:
    files = [name for name in (options.output, options.plot) if name]
    report(solution, objective, bounds, columns, files, n_missing=n_missing, as_json=options.json)


def run_demo(options: argparse.Namespace) -> int:
    """Fit the eruptions of Old Faithful; write model and, where it can be drawn, figure."""
    directory = Path(options.output)
    directory.mkdir(parents=True, exist_ok=True)
    options.output = str(directory / "old_faithful.npz")
    options.plot = str(directory / "old_faithful.png") if can_draw() else None
    targets = options.output, options.plot
    check_outputs([], {"--output": (targets[0], MODEL), "--plot": (targets[1], FIGURE)})
    values = load_old_faithful()["eruptions"]
    objective = ScoreMatching(values)
    options.skip, options.conservative = True, False
    solution, code = _solve_quietly(objective, 20.0, skip=options.skip)
    write(solution, objective, ["eruptions"], ["eruption duration (minutes)"], *targets)
    if not options.json:
        print("Old Faithful eruptions: score matching, ReLU with skip connection")
    _report(solution, objective, options, ["eruptions"], _bounds(solution, options))
    if options.plot is None and not options.json:
        print(f"no figure: {NO_FIGURES}")
    return code
