"""The arguments of every command, and which function runs it."""

from __future__ import annotations

import argparse
import textwrap
from typing import Any

from .. import __version__
from ..solve import SOLVERS
from .arguments import Parser, figure_names, number, number_or_auto, whole
from .completion import SHELLS, run_completion
from .data import BUNDLED, run_data
from .figures import run_figures
from .fit import run_demo, run_fit
from .page import run_report
from .plot import run_path, run_plot
from .sample import run_sample

__all__ = ["add_figure_options", "make_parser"]

#: Lines of the shell that a command's help shows.
_EXAMPLES = {
    "fit": """
        convexscore fit data.csv --column eruptions --skip -o model.npz --plot fit.png
        convexscore fit data.csv --column eruptions --skip --beta 20 --json
        convexscore fit data.csv --column waiting --objective dsm --noise-level 2 --expected --beta 20
        convexscore fit data.csv --column eruptions --column waiting --skip --conservative --beta 20 -o m.npz
        convexscore fit data.csv --column eruptions --skip --support 0, -o model.npz
        convexscore fit - --no-header --shape log-concave < numbers.txt""",
    "sample": """
        convexscore sample model.npz -n 10000 --seed 1 -o samples.csv
        convexscore sample model.npz --method langevin --steps 2000 --seed 1 -o chains.npy""",
    "plot": """
        convexscore plot model.npz -o score.png
        convexscore plot model.npz --data data.csv --column eruptions -o score.svg""",
    "path": """
        convexscore path data.csv --column eruptions --skip --beta-min 10 -o path.csv --plot path.png""",
    "report": """
        convexscore report data.csv --column eruptions --skip -o report.html
        convexscore report data.csv --column eruptions --skip --beta-min 5 --title Eruptions -o report.html
        convexscore report data.csv --column eruptions --column waiting --beta 20 --beta 40 -o p.html""",
    "data": """
        convexscore data old_faithful -o data.csv
        convexscore data galaxies | convexscore fit - --skip""",
    "demo": """
        convexscore demo -o demo""",
    "figures": """
        convexscore figures --quick --only 3,5 --out figures
        convexscore figures --quick --only 3 --data data.csv --column eruptions""",
    "completion": """
        convexscore completion bash > ~/.local/share/bash-completion/completions/convexscore
        convexscore completion zsh > ~/.zfunc/_convexscore
        convexscore completion fish > ~/.config/fish/completions/convexscore.fish""",
}


#: What is said of the option --step-size.
_STEP = "Langevin step, default: 0.1 / (steepest slope); with limits 0.02 / (that, or 1 / variance if more)"


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of the whole command line; `command` in its result is what to run."""
    parser = Parser(
        prog="convexscore",
        description="Train score networks to a certified global optimum, and sample from them.",
        epilog="exit codes: 0 done; 1 the computation failed; 2 bad input; "
        "3 done, but the certificate misses its tolerance; 130 interrupted; 143 terminated. "
        "Every command has examples: convexscore fit --help",
    )
    parser.add_argument("--version", action="version", version=f"convexscore {__version__}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    _add_fit(commands)
    _add_sample(commands)
    _add_plot(commands)
    _add_path(commands)
    _add_report(commands)
    _add_data(commands)
    _add_demo(commands)
    _add_figures(commands)
    _add_completion(commands, parser)
    return parser


def _add_command(commands: Any, name: str, what: str, more: str = "") -> argparse.ArgumentParser:
    """Add a command whose help ends with examples, and before them what there is `more` to say."""
    epilog = f"{more}\nexamples:{textwrap.indent(textwrap.dedent(_EXAMPLES[name]), '  ')}"
    command: argparse.ArgumentParser = commands.add_parser(
        name,
        help=what,
        description=f"{what[0].upper()}{what[1:]}.",
        epilog=epilog.lstrip(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    return command


def _add_problem(command: argparse.ArgumentParser, several: bool) -> None:
    """Add the arguments that say what is trained on what."""
    command.add_argument(
        "data", help="CSV, TSV, NPY or NPZ file (Parquet, XLSX with pandas), or - for standard input"
    )
    _add_table(command, several)
    command.add_argument("--objective", choices=("sm", "dsm"), default="sm", help="default: sm")
    command.add_argument("--activation", choices=("relu", "abs"), default="relu", help="default: relu")
    command.add_argument("--skip", action="store_true", help="with a skip connection")
    command.add_argument("--noise-level", type=number, help="standard deviation of the noise (dsm)")
    command.add_argument("--n-draws", type=whole, help="noise draws a sample (dsm), default: 1")
    command.add_argument("--seed", type=whole, help="seed of the noise (dsm)")
    command.add_argument(
        "--support",
        metavar="LOW,HIGH",
        help="limits of the data, such as 0, (none above) or -1,1 (sm, one column)",
    )


def _add_table(command: argparse.ArgumentParser, several: bool) -> None:
    """Add the arguments that say how a table is read, and its column or several of them."""
    what = "name or number (from 0) of the column"
    if several:
        command.add_argument("--column", action="append", help=f"{what}; once for each feature")
    else:
        command.add_argument("--column", help=what)
    header = command.add_mutually_exclusive_group()
    header.add_argument(
        "--header", action="store_true", default=None, help="the first line names the columns"
    )
    header.add_argument(
        "--no-header", dest="header", action="store_false", default=None, help="the first line is data"
    )
    command.add_argument("--decimal", choices=(".", ","), default=".", help="decimal sign, default: .")
    command.add_argument("--drop-missing", action="store_true", help="leave out rows without a number")


def _add_progress(command: Any) -> None:
    command.add_argument(
        "--progress", action="store_true", help="show progress on standard error (needs tqdm)"
    )


def _add_path(commands: Any) -> None:
    path = _add_command(commands, "path", "follow the optimum as the weight decay falls")
    path.set_defaults(command=run_path)
    _add_problem(path, several=False)
    path.add_argument("--beta-min", type=number, help="where the path ends")
    path.add_argument("-o", "--output", metavar="TABLE", help="write breakpoints to this CSV file")
    path.add_argument("--plot", metavar="FIGURE", help="draw the kinks to this PNG, PDF or SVG file")
    _add_progress(path)
    path.add_argument("--json", action="store_true", help="print the path as JSON")


def _add_report(commands: Any) -> None:
    what = "write one HTML file with fits, certificates and held-out losses, and a slider"
    report = _add_command(commands, "report", what)
    report.set_defaults(command=run_report)
    _add_problem(report, several=True)
    report.add_argument("--beta-min", type=number, help="where the path ends (one column)")
    report.add_argument(
        "--beta", type=number, action="append", help="a weight decay; once for each (two columns)"
    )
    report.add_argument("--title", help="title of the page")
    report.add_argument(
        "--n-folds",
        type=whole,
        help="folds of the cross-validation, 0 for none; default: 5, or 3 of two columns",
    )
    report.add_argument("-o", "--output", required=True, metavar="PAGE", help="write this HTML file")


def _add_fit(commands: Any) -> None:
    fit = _add_command(commands, "fit", "train a network on a column of data, or on several")
    fit.set_defaults(command=run_fit)
    _add_problem(fit, several=True)
    fit.add_argument(
        "--beta", type=number_or_auto, default="auto", help="weight decay, or auto (the default)"
    )
    fit.add_argument("--shape", choices=("log-concave",), help="constraint on the score; default: none")
    fit.add_argument(
        "--conservative",
        action="store_true",
        help="the gradient of a potential: of two columns it has a density (needs --beta)",
    )
    fit.add_argument("--refit", action="store_true", help="fit the kinks found again, without weight decay")
    fit.add_argument(
        "--expected", action="store_true", help="integrate the noise out, draw none (dsm; needs --beta)"
    )
    fit.add_argument("--solver", choices=SOLVERS, default="auto", help="default: auto")
    fit.add_argument(
        "--tol", type=number, help="relative tolerance, default: 1e-8 for one column, 1e-6 for several"
    )
    _add_progress(fit)
    fit.add_argument("-o", "--output", metavar="MODEL", help="write the network to this NPZ file")
    fit.add_argument("--plot", metavar="FIGURE", help="draw the fit to this PNG, PDF or SVG file")
    fit.add_argument("--json", action="store_true", help="print the result as JSON")


def _add_sample(commands: Any) -> None:
    sample = _add_command(commands, "sample", "sample from a trained network")
    sample.set_defaults(command=run_sample)
    sample.add_argument("model", help="NPZ file written by fit")
    sample.add_argument("-n", type=whole, default=1000, help="number of samples, default: 1000")
    sample.add_argument("--method", choices=("exact", "langevin"), default="exact", help="default: exact")
    sample.add_argument("--steps", type=whole, default=1000, help="Langevin steps, default: 1000")
    sample.add_argument("--step-size", type=number, help=_STEP)
    sample.add_argument("--seed", type=whole, help="seed of the random numbers")
    sample.add_argument("-o", "--output", help="CSV, TSV or NPY file; standard output by default")
    bar = sample.add_mutually_exclusive_group()
    _add_progress(bar)
    bar.add_argument("--quiet", action="store_true", help="no progress bar, which terminals have otherwise")
    sample.add_argument("--json", action="store_true", help="print a summary as JSON (needs -o)")


def _add_plot(commands: Any) -> None:
    plot = _add_command(commands, "plot", "draw a trained network")
    plot.set_defaults(command=run_plot)
    plot.add_argument("model", help="NPZ file written by fit")
    plot.add_argument("-o", "--output", required=True, help="PNG, PDF or SVG file")
    plot.add_argument("--data", help="data to draw with it, as for fit")
    _add_table(plot, several=True)
    _add_progress(plot)


def _add_data(commands: Any) -> None:
    known = {name: load() for name, load in BUNDLED.items()}
    lines = [
        f"  {name:13} {len(dataset.data)} rows of {', '.join(dataset.columns)}"
        for name, dataset in known.items()
    ]
    what = f"write a bundled data set: {' or '.join(known)}"
    data = _add_command(commands, "data", what, "\n".join(["data sets:", *lines, ""]))
    data.set_defaults(command=run_data)
    data.add_argument("name", choices=tuple(known), help="name of the data set")
    data.add_argument("-o", "--output", help="CSV file; standard output by default")


def _add_demo(commands: Any) -> None:
    demo = _add_command(commands, "demo", "fit the eruptions of Old Faithful")
    demo.set_defaults(command=run_demo)
    demo.add_argument("-o", "--output", default="demo", help="directory, default: demo")
    demo.add_argument("--json", action="store_true", help="print the result as JSON")


def _add_figures(commands: Any) -> None:
    what = "draw the paper's figures (in a checkout of the repository)"
    figures = _add_command(commands, "figures", what)
    figures.set_defaults(command=run_figures)
    add_figure_options(figures, out="figures")


def add_figure_options(figures: argparse.ArgumentParser, *, out: str, only: bool = True) -> None:
    """Add the options of ``figures``: with `only`, what to draw; `out` is where by default."""
    figures.add_argument("--quick", action="store_true", help="fewer trials, epochs and samples")
    if only:
        figures.add_argument(
            "--only", type=figure_names, metavar="LIST", help="numbers, or names, such as 3,5; default: all"
        )
    figures.add_argument("--out", default=out, help=f"directory, default: {out}")
    figures.add_argument("--pdf", action="store_true", help="write PDF files too")
    figures.add_argument(
        "--data", metavar="FILE", help="draw them of a column of this table (15: of two), standardized"
    )
    _add_table(figures, several=True)


def _add_completion(commands: Any, parser: argparse.ArgumentParser) -> None:
    what = "print a script by which a shell completes convexscore's lines (needs shtab)"
    completion = _add_command(commands, "completion", what)
    completion.set_defaults(command=run_completion, parser=parser)
    completion.add_argument("shell", choices=SHELLS, help="the shell")
