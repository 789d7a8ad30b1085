"""The command line: ``convexscore fit | sample | plot | path | demo | figures``.

Exit codes: 0 done; 1 the computation failed (a solver, a score without density, a diverging chain);
2 bad input; 3 done, but the certificate misses its tolerance; 130 interrupted.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import json
import os
import sys
import warnings
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from importlib.machinery import PathFinder
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from . import __version__
from ._files import written_whole
from ._tables import read_column, write_column
from ._validation import FloatArray, as_count, as_real
from .bounds import beta_bounds
from .datasets import load_old_faithful
from .density import ScoreDensity
from .errors import ConvergenceError, ConvergenceWarning, NotNormalizableError, SolverError
from .network import TwoLayerNetwork
from .objectives import DenoisingScoreMatching, ExpectedDenoising, Objective, ScoreMatching
from .path import Path as RegularizationPath
from .path import regularization_path
from .samplers import langevin
from .solution import Solution
from .solve import SOLVERS, solve

__all__ = ["main"]

OK, FAILED, BAD_INPUT, INACCURATE, INTERRUPTED = 0, 1, 2, 3, 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Parameters
    ----------
    arguments : sequence of str, optional
        Arguments; those of the process by default.

    Returns
    -------
    int
        Exit code.

    Examples
    --------
    >>> from convexscore.cli import main
    >>> main(["fit", "missing.csv", "--beta", "1"])
    2
    """
    options = _parser().parse_args(arguments)
    command: Callable[[argparse.Namespace], int] = options.command
    try:
        code = command(options)
        # Here, so that a reader that has gone is noticed here and not at exit.
        sys.stdout.flush()
        return code
    except (SolverError, NotNormalizableError, ConvergenceError) as error:
        return _complain(error, FAILED)
    except (ValueError, TypeError, ImportError, OSError) as error:
        if isinstance(error, BrokenPipeError):
            # The reader has seen enough (`| head`): leave quietly, and keep the exit from flushing.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return OK
        return _complain(error, BAD_INPUT)
    except MemoryError:
        return _complain("not enough memory", FAILED)
    except KeyboardInterrupt:
        return _complain("interrupted", INTERRUPTED)


def _complain(error: object, code: int) -> int:
    print(f"convexscore: {error}", file=sys.stderr)
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="convexscore",
        description="Train score networks to a certified global optimum, and sample from them.",
        epilog="exit codes: 0 done; 1 the computation failed; 2 bad input; "
        "3 done, but the certificate misses its tolerance; 130 interrupted",
    )
    parser.add_argument("--version", action="version", version=f"convexscore {__version__}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    _add_fit(commands)
    _add_sample(commands)
    _add_plot(commands)
    _add_path(commands)
    _add_demo(commands)
    _add_figures(commands)
    return parser


def _add_problem(command: argparse.ArgumentParser) -> None:
    """Add the arguments that say what is trained on what."""
    command.add_argument("data", help="CSV, TSV, NPY or NPZ file, or - for standard input")
    command.add_argument("--column", help="name or number (from 0) of the column")
    command.add_argument("--objective", choices=("sm", "dsm"), default="sm", help="default: sm")
    command.add_argument("--activation", choices=("relu", "abs"), default="relu", help="default: relu")
    command.add_argument("--skip", action="store_true", help="with a skip connection")
    command.add_argument("--noise-level", type=float, help="standard deviation of the noise (dsm)")
    command.add_argument("--n-draws", type=int, default=1, help="noise draws a sample (dsm)")
    command.add_argument("--seed", type=int, help="seed of the noise (dsm)")


def number_or_auto(text: str) -> float | str:
    """Parse the argument of --beta."""
    return text if text == "auto" else float(text)


def _add_path(commands: Any) -> None:
    path = commands.add_parser("path", help="follow the optimum as the weight decay falls")
    path.set_defaults(command=_path)
    _add_problem(path)
    path.add_argument("--beta-min", type=float, help="where the path ends")
    path.add_argument("-o", "--output", metavar="TABLE", help="write breakpoints to this CSV file")
    path.add_argument("--plot", metavar="FIGURE", help="draw the kinks to this PNG, PDF or SVG file")
    path.add_argument("--json", action="store_true", help="print the path as JSON")


def _add_fit(commands: Any) -> None:
    fit = commands.add_parser("fit", help="train a network on a column of data")
    fit.set_defaults(command=_fit)
    _add_problem(fit)
    fit.add_argument(
        "--beta", type=number_or_auto, default="auto", help="weight decay, or auto (the default)"
    )
    fit.add_argument("--shape", choices=("log-concave",), help="constraint on the score; default: none")
    fit.add_argument("--refit", action="store_true", help="fit the kinks found again, without weight decay")
    fit.add_argument(
        "--expected", action="store_true", help="integrate the noise out, draw none (dsm; needs --beta)"
    )
    fit.add_argument("--solver", choices=SOLVERS, default="auto", help="default: auto")
    fit.add_argument("--tol", type=float, default=1e-8, help="relative tolerance, default: 1e-8")
    fit.add_argument("-o", "--output", metavar="MODEL", help="write the network to this NPZ file")
    fit.add_argument("--plot", metavar="FIGURE", help="draw the fit to this PNG, PDF or SVG file")
    fit.add_argument("--json", action="store_true", help="print the result as JSON")


def _add_sample(commands: Any) -> None:
    sample = commands.add_parser("sample", help="sample from a trained network")
    sample.set_defaults(command=_sample)
    sample.add_argument("model", help="NPZ file written by fit")
    sample.add_argument("-n", type=int, default=1000, help="number of samples, default: 1000")
    sample.add_argument("--method", choices=("exact", "langevin"), default="exact", help="default: exact")
    sample.add_argument("--steps", type=int, default=1000, help="Langevin steps, default: 1000")
    sample.add_argument("--step-size", type=float, help="Langevin step, default: 0.1 / (steepest slope)")
    sample.add_argument("--seed", type=int, help="seed of the random numbers")
    sample.add_argument("-o", "--output", help="CSV or NPY file; standard output by default")
    sample.add_argument("--quiet", action="store_true", help="no progress bar")
    sample.add_argument("--json", action="store_true", help="print a summary as JSON (needs -o)")


def _add_plot(commands: Any) -> None:
    plot = commands.add_parser("plot", help="draw a trained network")
    plot.set_defaults(command=_plot)
    plot.add_argument("model", help="NPZ file written by fit")
    plot.add_argument("-o", "--output", required=True, help="PNG, PDF or SVG file")
    plot.add_argument("--data", help="data to draw with it, as for fit")
    plot.add_argument("--column", help="name or number (from 0) of the column")


def _add_demo(commands: Any) -> None:
    demo = commands.add_parser("demo", help="fit the eruptions of Old Faithful")
    demo.set_defaults(command=_demo)
    demo.add_argument("-o", "--output", default="demo", help="directory, default: demo")
    demo.add_argument("--json", action="store_true", help="print the result as JSON")


def figure_numbers(text: str) -> list[int]:
    """Parse the argument of --only."""
    return [int(number) for number in text.split(",")]


def _add_figures(commands: Any) -> None:
    figures = commands.add_parser(
        "figures", help="draw the paper's figures (in a checkout of the repository)"
    )
    figures.set_defaults(command=_figures)
    figures.add_argument("--quick", action="store_true", help="fewer trials, epochs and samples")
    figures.add_argument("--only", type=figure_numbers, metavar="LIST", help="such as 3,5; default: all")
    figures.add_argument("--out", default="figures", help="directory, default: figures")
    figures.add_argument("--pdf", action="store_true", help="write PDF files too")


def _fit(options: argparse.Namespace) -> int:
    name, values = read_column(options.data, options.column)
    objective = _expected(options, values) if options.expected else _objective(options, values)
    if options.expected and options.beta == "auto":
        raise ValueError("--beta: expected a number with --expected, got none")
    targets = _check_targets(options.output, options.plot)
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
    if options.objective == "dsm":
        # The score and its density are those of the noisy data.
        name = f"{name} + noise (sd {options.noise_level:g})"
    _write(solution, objective, name, *targets)
    _report(solution, objective, options)
    return code


def _objective(options: argparse.Namespace, values: FloatArray) -> Objective:
    if options.objective == "sm":
        if options.noise_level is not None:
            raise ValueError("--noise-level: expected only with --objective dsm, got it with sm")
        return ScoreMatching(values)
    level = _noise_level(options)
    return DenoisingScoreMatching.from_clean(values, level, options.n_draws, options.seed)


def _expected(options: argparse.Namespace, values: FloatArray) -> ExpectedDenoising:
    if options.objective != "dsm":
        raise ValueError(f"--expected: expected only with --objective dsm, got it with {options.objective}")
    if options.n_draws != 1 or options.seed is not None:
        raise ValueError("--expected: expected neither --n-draws nor --seed, for there are no draws")
    return DenoisingScoreMatching.expected(values, _noise_level(options))


def _noise_level(options: argparse.Namespace) -> float:
    if options.noise_level is None:
        raise ValueError("--noise-level: expected a positive number with --objective dsm, got none")
    return float(options.noise_level)


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


def _check_targets(model: str | None, figure: str | None) -> tuple[Path | None, Path | None]:
    """Find out before the work whether its results can be written."""
    paths = [None if name is None else Path(name) for name in (model, figure)]
    for path in paths:
        if path is not None and not path.parent.is_dir():
            raise ValueError(f"output: expected a file in an existing directory, got {path}")
    if model is not None and model == figure:
        raise ValueError(f"--plot: expected another file than --output, got {figure!r} for both")
    if paths[1] is not None:
        _check_figure(paths[1])
    return paths[0], paths[1]


def _check_figure(path: Path) -> None:
    if importlib.util.find_spec("matplotlib") is None:
        raise ImportError("figures need matplotlib; install it with: pip install 'convexscore[plot]'")
    if path.suffix.lower() not in (".png", ".pdf", ".svg"):
        raise ValueError(f"figure: expected a name ending in .png, .pdf or .svg, got {path.name!r}")


def _write(
    solution: Solution,
    objective: Objective | ExpectedDenoising,
    name: str,
    model: Path | None,
    figure: Path | None,
) -> None:
    """Write model and figure: both appear, or neither."""
    with ExitStack() as stack:
        if model is not None:
            solution.network.save(stack.enter_context(written_whole(model)))
        if figure is not None:
            temporary = stack.enter_context(written_whole(figure))
            _draw(solution.network, objective.X, name, _title(solution, objective), temporary)


def _title(solution: Solution, objective: Objective | ExpectedDenoising) -> str:
    loss = {
        "sm": "score matching",
        "dsm": "denoising score matching",
        "expected_dsm": "expected denoising score matching",
    }[objective.name]
    activation = {"relu": "ReLU", "abs": "abs"}[solution.network.activation]
    special = {"inaccurate": "uncertified fit", "refit": "refit of the kinks"}
    quality = special.get(solution.status, "certified global optimum")
    if solution.shape is not None:
        quality = f"{solution.shape}, {quality}"
    return f"{loss}, {activation} network: {quality} at beta = {solution.beta:g}"


def _draw(
    network: TwoLayerNetwork, values: FloatArray | None, name: str, title: str | None, path: Path
) -> None:
    from matplotlib.figure import Figure

    from .plotting import plot_fit

    figure = Figure(figsize=(7, 6.5), layout="constrained")
    upper, lower = figure.subplots(2, 1, sharex=True)
    plot_fit(network, values, label=name, title=title, axes=(upper, lower))
    figure.savefig(path, dpi=150)


def _report(
    solution: Solution, objective: Objective | ExpectedDenoising, options: argparse.Namespace
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
            "certificate": {
                key: None if entry in (np.inf, -np.inf) else entry for key, entry in vars(certificate).items()
            },
            "beta_bounds": vars(bounds),
            "solver": solution.stats.solver,
            "seconds": solution.stats.seconds,
            "n_samples": len(objective.X),
            "n_distinct": int(np.unique(objective.X).size),
            "n_neurons": network.n_neurons,
            "kinks": network.kinks.tolist(),
            "files": files,
        }
        print(json.dumps(result, allow_nan=False))
        return
    distinct = np.unique(objective.X).size
    print(f"data         {len(objective.X)} samples, {distinct} distinct values")
    print(solution)
    print(f"beta bounds  bounded from {bounds.minimum:g}, a line from {bounds.linear:g}")
    print(f"kinks        {', '.join(f'{kink:.6g}' for kink in network.kinks) or 'none'}")
    for name in files:
        print(f"wrote        {name}")


def _sample(options: argparse.Namespace) -> int:
    if options.json and options.output in (None, "-"):
        raise ValueError("--output: expected a file together with --json, got standard output")
    _check_targets(None if options.output == "-" else options.output, None)
    count = as_count("-n", options.n, minimum=1)
    network = TwoLayerNetwork.load(options.model)
    rng = np.random.default_rng(options.seed)
    if options.method == "exact":
        values = ScoreDensity(network).sample(count, rng)
    else:
        values = _langevin_samples(network, count, options, rng)
    write_column(options.output, "x", values)
    if options.json:
        summary = {
            "n": count,
            "method": options.method,
            "mean": float(values.mean()),
            "variance": float(values.var()),
            "files": [options.output],
        }
        print(json.dumps(summary, allow_nan=False))
    return OK


def _langevin_samples(
    network: TwoLayerNetwork, count: int, options: argparse.Namespace, rng: np.random.Generator
) -> FloatArray:
    # Only a score with a density has something to sample; start where that density is wide.
    density = ScoreDensity(network)
    steepest = float(np.abs(network.piecewise.slopes).max())
    step_size = 0.1 / steepest if options.step_size is None else options.step_size
    as_real("--step-size", step_size, minimum=0.0, strict=True)
    start = density.mean() + density.std() * rng.standard_normal(count)
    has_bar = importlib.util.find_spec("tqdm") is not None and sys.stderr.isatty()
    return langevin(
        network,
        start,
        step_size,
        as_count("--steps", options.steps, minimum=1),
        rng,
        progress=has_bar and not options.quiet,
    )


def _plot(options: argparse.Namespace) -> int:
    _check_targets(options.output, None)
    _check_figure(Path(options.output))
    network = TwoLayerNetwork.load(options.model)
    name, values = "x", None
    if options.data is not None:
        name, values = read_column(options.data, options.column)
    elif options.column is not None:
        raise ValueError("--column: expected only together with --data, got it alone")
    with written_whole(options.output) as temporary:
        _draw(network, values, name, None, temporary)
    print(f"wrote        {options.output}")
    return OK


def _path(options: argparse.Namespace) -> int:
    name, values = read_column(options.data, options.column)
    objective = _objective(options, values)
    table, figure = _check_targets(options.output, options.plot)
    path = regularization_path(objective, options.activation, options.skip, beta_min=options.beta_min)
    with ExitStack() as stack:
        if table is not None:
            rows = np.column_stack([path.betas, path.n_kinks])
            temporary = stack.enter_context(written_whole(table))
            np.savetxt(
                temporary, rows, fmt=("%.17g", "%d"), delimiter=",", header="beta,n_kinks", comments=""
            )
        if figure is not None:
            _draw_path(path, name, stack.enter_context(written_whole(figure)))
    files = [name for name in (options.output, options.plot) if name]
    if options.json:
        result = {"betas": path.betas.tolist(), "n_kinks": path.n_kinks.tolist(), "files": files}
        print(json.dumps(result, allow_nan=False))
        return OK
    print(f"breakpoints  {path.betas.size - 1} between beta = {path.betas[0]:g} and {path.betas[-1]:g}")
    print(f"kinks        {path.n_kinks[-1]} at the lower end, {path.n_kinks.max()} at most")
    for file in files:
        print(f"wrote        {file}")
    return OK


def _draw_path(path: RegularizationPath, name: str, target: Path) -> None:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 4.5), layout="constrained")
    ax = path.plot(figure.subplots())
    ax.set_ylabel(f"kinks: {name}")
    ax.spines[["top", "right"]].set_visible(False)
    figure.savefig(target, dpi=150)


def _demo(options: argparse.Namespace) -> int:
    directory = Path(options.output)
    directory.mkdir(parents=True, exist_ok=True)
    options.output = str(directory / "old_faithful.npz")
    options.plot = str(directory / "old_faithful.png")
    targets = _check_targets(options.output, options.plot)
    values = load_old_faithful()["eruptions"]
    objective = ScoreMatching(values)
    options.skip = True
    solution, code = _solve_quietly(objective, 20.0, skip=options.skip)
    _write(solution, objective, "eruption duration (minutes)", *targets)
    if not options.json:
        print("Old Faithful eruptions: score matching, ReLU with skip connection")
    _report(solution, objective, options)
    return code


def _figures(options: argparse.Namespace) -> int:
    _check_figure(Path("fig01.pdf"))
    scripts = _figure_scripts()
    numbers = options.only or scripts.NUMBERS
    for line in scripts.draw_figures(options.out, numbers, options.quick, options.pdf):
        print(line, flush=True)
    return OK


def _figure_scripts() -> ModuleType:
    """Load the scripts, which are no part of the installed package, from beside it or from here."""
    places = [Path(__file__).parents[1], Path.cwd()]
    for place in places:
        spec = PathFinder.find_spec("paper_figs", [str(place)])
        if spec is not None and spec.origin is not None and spec.loader is not None:
            package = importlib.util.module_from_spec(spec)
            sys.modules[spec.name] = package
            spec.loader.exec_module(package)
            return importlib.import_module("paper_figs.common")
    raise ValueError(
        "figures: expected a checkout of the repository, which has the scripts in its directory paper_figs; "
        f"found none in {' or '.join(map(str, places))}"
    )
