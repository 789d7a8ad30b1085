"""The commands ``fit`` and ``demo``: solve, write model and figure, report."""

from __future__ import annotations

import argparse
import json
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from .._support.tables import Column
from ..bounds import beta_bounds
from ..datasets import load_old_faithful
from ..errors import ConvergenceWarning
from ..objectives import ExpectedDenoising, Objective, ScoreMatching
from ..results import Solution
from ..solve import solve
from .data import make_expected, make_objective, read_data
from .output import FIGURE, INACCURATE, MODEL, OK, check_outputs, write

__all__ = ["run_demo", "run_fit"]


# What of a certificate is printed as JSON.
_CERTIFICATE = ("primal", "dual", "gap", "max_violation", "scope", "lower_bound")


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
    _report(solution, objective, options, column)
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


def _as_json(entry: float | str) -> float | str | None:
    """Return None for infinite numbers, which JSON does not have."""
    return None if entry in (np.inf, -np.inf) else entry


def _report(
    solution: Solution,
    objective: Objective | ExpectedDenoising,
    options: argparse.Namespace,
    column: Column | None = None,
) -> None:
    network, certificate = solution.network, solution.certificate
    activation = network.activation
    bounds = beta_bounds(objective, activation, options.skip)
    files = [name for name in (options.output, options.plot) if name]
    if options.json:
        result = {
            "value": solution.value,
            "status": solution.status,
            "beta": solution.beta,
            "certificate": {name: _as_json(getattr(certificate, name)) for name in _CERTIFICATE},
            "beta_bounds": vars(bounds),
            "solver": solution.stats.solver,
            "seconds": solution.stats.seconds,
            "n_samples": len(objective.X),
            "n_distinct": int(np.unique(objective.X).size),
            "n_neurons": network.n_neurons,
            "kinks": network.kinks.tolist(),
            "files": files,
        }
        if column is not None and options.drop_missing:
            result["n_missing"] = column.n_missing
        print(json.dumps(result, allow_nan=False))
        return
    distinct = np.unique(objective.X).size
    print(f"data         {len(objective.X)} samples, {distinct} distinct values")
    if column is not None:
        print(f"column       {column.name}{_missing(column)}")
    print(solution)
    print(f"beta bounds  bounded from {bounds.minimum:g}, a line from {bounds.linear:g}")
    print(f"kinks        {', '.join(f'{kink:.6g}' for kink in network.kinks) or 'none'}")
    for name in files:
        print(f"wrote        {name}")


def _missing(column: Column) -> str:
    return f", {column.n_missing} rows without a number left out" if column.n_missing else ""


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
    _report(solution, objective, options)
    return code
