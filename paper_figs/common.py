"""What the scripts share: the table of what can be drawn, claims, captions, pictures and numbers as files."""

import importlib
import io
import json
import sys
import textwrap
import time
from pathlib import Path

import numpy as np
from PIL import Image

from convexscore.cli.arguments import Parser
from convexscore.cli.command import run
from convexscore.cli.figures import run_figures
from convexscore.cli.parser import add_figure_options

from .laws import standardized

INK, ACCENT, SOFT, GREEN = "#1f3b57", "#c8553d", "#b9c6d2", "#4f7f52"
#: Width of every figure in inches, that of a page: no print makes its letters smaller.
WIDTH, LETTERS = 7.5, 8
DOCS = Path(__file__).parents[1] / "docs" / "figures"
#: The paper's figures, and three more.
NUMBERS = range(1, 17)
#: Everything that can be drawn, and how many columns of a table it can be drawn of instead of its own data.
#: A number is the figure of a module ``figNN``; an experiment has the name of its module.
EXPERIMENTS = (
    "spin_dimension",
    "phase_transition",
    "few_neurons",
    "least_weight",
    "certified_denoisers",
    "three_features",
)
TABLE = {**dict.fromkeys(NUMBERS, 1), 15: 2, **dict.fromkeys(EXPERIMENTS, 0)}


def module_of(name):
    """Return the module of an entry of `TABLE`; its files have that name too."""
    return f"fig{name:02d}" if isinstance(name, int) else name


def main(description, only=None):
    """Run one figure's script, or with no `only` any of them, as the command ``convexscore figures``."""
    parser = Parser(description=description)
    add_figure_options(parser, out=".", only=only is None)
    if only is None:
        parser.add_argument(
            "--docs",
            action="store_true",
            help="all of them, for the pages in docs",
        )
        parser.set_defaults(command=_run_all)
    else:
        parser.set_defaults(command=run_figures, only=[only])
    sys.exit(run(parser))


def _run_all(options):
    """Draw what is asked for, or all that the pages show, and write the page's numbers."""
    if not options.docs:
        return run_figures(options)
    from .page import write_pages

    if options.quick or options.data is not None or options.only or options.out != ".":
        raise ValueError("--docs: expected without --quick, --data, --only and --out, got it with one")
    options.out = DOCS
    code = run_figures(options)
    write_pages()
    return code


def draw_figures(directory, names=None, quick=False, pdf=False, data=None):
    """Draw one after the other, and yield what is to be said of each: the verdict, and claims that failed.

    `data` is the pair of names and values of a table's columns, ``(n,)`` or ``(n, n_columns)``.
    """
    names = _checked(names, data)
    own = None if data is None else standardized(*data)
    directory = Path(directory)
    directory.mkdir(parents=True, exist_ok=True)
    for name in names:
        start = time.perf_counter()
        figure, results = draw_one(name, quick, own)
        save(figure, results, directory, module_of(name), pdf)
        verdict = "borne out" if results["bears_out"] else "not borne out"
        seconds = time.perf_counter() - start
        line = f"{module_of(name)}  claim {verdict:14s} {seconds:5.1f} s  {directory / module_of(name)}.png"
        yield "\n".join([line, *(f"       failed: {sentence}" for sentence in failed(results))])


def draw_one(name, quick=False, own=None):
    """Return the figure, with a caption of claims that failed, and the numbers behind it."""
    draw = importlib.import_module(f"{__package__}.{module_of(name)}").draw
    figure, results = draw(quick) if own is None else draw(quick, own)
    finish(figure, results)
    if own is not None:
        read_plainly(figure)
    return figure, results


def _checked(names, data):
    """Return what to draw; raise unless it is known, and of the given columns."""
    n_columns = 0 if data is None else len(data[0])
    if names is None:
        names = [name for name, taken in TABLE.items() if data is None or taken == n_columns]
    unknown = [name for name in names if name not in TABLE]
    if unknown:
        listed = ", ".join(map(str, unknown))
        experiments = ", ".join(name for name in TABLE if isinstance(name, str))
        known = f"numbers from {NUMBERS[0]} to {NUMBERS[-1]}" + (f" or {experiments}" if experiments else "")
        raise ValueError(f"figures: expected {known}, got {listed}")
    if data is not None and (not names or n_columns > 2):
        raise ValueError(f"--column: expected one column, or two, got {n_columns}")
    for name in names if data is not None else ():
        if TABLE[name] == 0:
            raise ValueError(f"--data: {module_of(name)} expected without, for its data are part of it")
        if TABLE[name] != n_columns:
            many = {1: "one column", 2: "two columns"}[TABLE[name]]
            raise ValueError(f"--column: expected {many} for {module_of(name)}, got {n_columns}")
    return names


def finish(figure, results):
    """Give the labels a size that can be read in print, and write below the panels what failed."""
    # The last tick labels stand out of the panels by half their width.
    figure.set_layout_engine("constrained", w_pad=0.08)
    for ax in figure.axes:
        ax.tick_params(labelsize=LETTERS)
        for text in (ax.title, ax.xaxis.label, ax.yaxis.label):
            text.set_fontsize(LETTERS)
        for axis in (ax.xaxis, ax.yaxis):
            axis.get_offset_text().set_fontsize(LETTERS)
    lines = [f"Not borne out: {sentence}." for sentence in failed(results)]
    lines = lines or ["Borne out: every claim that was checked."]
    # So many letters of these sizes fit the width.
    wrapped = [textwrap.fill(line, int(15.5 * figure.get_figwidth())) for line in lines]
    figure.supxlabel("\n".join(wrapped), x=0.01, ha="left", fontsize=LETTERS)
    figure.suptitle(textwrap.fill(figure.get_suptitle(), int(12 * figure.get_figwidth())), fontsize=10)
    figure._supxlabel.set_parse_math(False)


def read_plainly(figure):
    """Take dollar signs as they are: those in names of columns begin no formula."""
    for text in [*figure.texts, *(axis.label for ax in figure.axes for axis in (ax.xaxis, ax.yaxis))]:
        text.set_parse_math(False)


def failed(results):
    """Return the claims that failed, each with what was measured."""
    evidence = results["evidence"]
    return [
        f"{sentence} ({evidence[sentence]})" if sentence in evidence else sentence
        for sentence, holds in results["claims"].items()
        if not holds
    ]


def save(figure, numbers, directory, name, pdf=False):
    """Write ``name.png``, ``name.json`` and, if asked for, ``name.pdf``."""
    buffer = io.BytesIO()
    figure.savefig(buffer, dpi=150)
    # A palette of 160 colors halves the files of line drawings.
    Image.open(buffer).convert("RGB").quantize(160).save(directory / f"{name}.png", optimize=True)
    if pdf:
        figure.savefig(directory / f"{name}.pdf")
    text = json.dumps(plain(numbers), indent=1, allow_nan=False)
    (directory / f"{name}.json").write_text(text + "\n", encoding="utf-8")


def plain(value):
    """Return `value` in terms that JSON knows: no NumPy, and ``null`` for numbers that are not finite."""
    if isinstance(value, dict):
        return {str(key): plain(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple, np.ndarray)):
        return [plain(entry) for entry in value]
    if isinstance(value, (bool, np.bool_)):
        return bool(value)
    if isinstance(value, (int, np.integer)):
        return int(value)
    if isinstance(value, (float, np.floating)):
        return float(value) if np.isfinite(value) else None
    return value


def report(claims, parameters, quick, *, standard_errors=None, **numbers):
    """Return the numbers of a figure or an experiment.

    `claims` says of each sentence whether the run bears it out, and may say in a pair with that what was
    measured: ``{"the bound holds": (True, "at most 0.4 of it")}``.  A sentence that begins with ``ours:`` is
    none of the source's.  `standard_errors` are those of numbers of the same names.
    """
    pairs = {key: value if isinstance(value, tuple) else (value, "") for key, value in claims.items()}
    return {
        "claim": "; ".join(pairs),
        "bears_out": all(holds for holds, _ in pairs.values()),
        "claims": {sentence: bool(holds) for sentence, (holds, _) in pairs.items()},
        "evidence": {sentence: measured for sentence, (_, measured) in pairs.items() if measured},
        "parameters": {**parameters, "quick": quick},
        "standard_errors": standard_errors or {},
        **numbers,
    }


def standard_error(values):
    """Return the standard error of the mean of independent runs, NaN of one."""
    return float(np.std(values, ddof=1) / np.sqrt(len(values))) if len(values) > 1 else float("nan")


def trim(axes):
    """Take away the frame's upper and right sides."""
    for ax in axes:
        ax.spines[["top", "right"]].set_visible(False)
