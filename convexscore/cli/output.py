"""What the commands answer with: exit codes, and files that appear whole or not at all."""

from __future__ import annotations

import importlib.util
import os
import stat
import sys
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from .._support.files import is_special, same_file, written_whole
from .._support.validation import FloatArray
from ..networks.conservative import ConservativeNetwork
from ..networks.files import write_column_names, write_support
from ..networks.two_layer import TwoLayerNetwork
from ..objectives import ExpectedDenoising, Objective
from ..objectives.support import Support
from ..results import Solution

__all__ = [
    "BAD_INPUT",
    "FAILED",
    "FIGURE",
    "INACCURATE",
    "INTERRUPTED",
    "MODEL",
    "NO_FIGURES",
    "OK",
    "can_draw",
    "check_figure",
    "check_outputs",
    "draw",
    "plain_warnings",
    "write",
]

OK, FAILED, BAD_INPUT, INACCURATE, INTERRUPTED = 0, 1, 2, 3, 130


#: Suffixes of a model and of a figure.
MODEL, FIGURE = (".npz",), (".png", ".pdf", ".svg")

#: What is said where figures cannot be drawn.
NO_FIGURES = "figures need matplotlib; install it with: pip install matplotlib"

#: What an option says where to write, and the suffixes that it may have.
Target = tuple[str | None, tuple[str, ...]]


def check_outputs(inputs: Sequence[str | None], outputs: Mapping[str, Target]) -> None:
    """Find out before the work whether its results can be written, and that they replace no input.

    Files are the same through links, too; None and ``"-"`` are standard streams.
    """
    named = {option: target for option, (target, _) in outputs.items() if target not in (None, "-")}
    for option, target in named.items():
        assert target is not None
        path = Path(target)
        if not path.parent.is_dir():
            raise ValueError(f"{option}: output expected to be a file in an existing directory, got {target}")
        if path.is_dir():
            raise ValueError(f"{option}: expected a file, got the directory {target}")
        for source in inputs:
            if source is not None and _replaces(target, source):
                what = "standard input" if source == "-" else source
                raise ValueError(f"{option}: expected another file than the input {what}, got {target}")
        for other, taken in named.items():
            if other != option and taken is not None and same_file(target, taken):
                raise ValueError(f"{option}: expected another file than {other}, got {target!r} for both")
        # What is there already and is no file, a pipe or a device, gets what the option writes by default.
        if not is_special(path):
            _check_suffix(option, path, outputs[option][1])


def _replaces(target: str, source: str) -> bool:
    if source != "-":
        return same_file(target, source)
    try:
        opened = os.fstat(sys.stdin.fileno())
        return stat.S_ISREG(opened.st_mode) and os.path.samestat(opened, os.stat(target))
    # Standard input may be closed or none of the system's, and the target may not be there.
    except (AttributeError, OSError, ValueError):
        return False


def _check_suffix(option: str, path: Path, known: tuple[str, ...]) -> None:
    if known == FIGURE:
        check_figure(path)
    elif path.suffix.lower() not in known:
        raise ValueError(f"{option}: expected a name ending in {' or '.join(known)}, got {path.name!r}")


def can_draw() -> bool:
    """Return whether there is what figures need."""
    try:
        return importlib.util.find_spec("matplotlib") is not None
    # It stands in the list of modules as one that cannot be imported.
    except ValueError:
        return False


def check_figure(path: Path) -> None:
    """Raise unless a figure of this name can be drawn."""
    if not can_draw():
        raise ImportError(NO_FIGURES)
    if path.suffix.lower() not in FIGURE:
        raise ValueError(f"figure: expected a name ending in .png, .pdf or .svg, got {path.name!r}")


@contextmanager
def plain_warnings() -> Iterator[list[warnings.WarningMessage]]:
    """Turn the warnings of what is done inside, which are yielded, into lines on standard error."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        yield caught
    for warning in caught:
        print(f"convexscore: warning: {warning.message}", file=sys.stderr)


def write(
    solution: Solution,
    objective: Objective | ExpectedDenoising,
    columns: Sequence[str],
    labels: Sequence[str],
    model: str | None,
    figure: str | None,
) -> None:
    """Write model, with limits and the names of the data's columns, and figure: both appear, or neither."""
    support = getattr(objective, "support", None)
    with ExitStack() as stack:
        if model is not None:
            temporary = stack.enter_context(written_whole(model))
            solution.network.save(temporary)
            if support is not None:
                write_support(temporary, support)
            write_column_names(temporary, columns)
        if figure is not None:
            temporary = stack.enter_context(written_whole(figure))
            draw(solution.network, objective.X, labels, _title(solution, objective), temporary, support)


def _title(solution: Solution, objective: Objective | ExpectedDenoising) -> str:
    loss = {
        "sm": "score matching",
        "dsm": "denoising score matching",
        "expected_dsm": "expected denoising score matching",
    }[objective.name]
    activation = {"relu": "ReLU", "abs": "abs"}[solution.network.activation]
    special = {"inaccurate": "uncertified fit", "refit": "refit of the kinks"}
    quality = special.get(solution.status, "certified global optimum")
    if solution.certificate.scope == "local" and solution.status not in special:
        quality = "best network found"
    if solution.shape is not None:
        quality = f"{solution.shape}, {quality}"
    if isinstance(solution.network, ConservativeNetwork):
        activation = f"conservative {activation}"
    return f"{loss}, {activation} network: {quality} at beta = {solution.beta:g}"


def draw(
    network: TwoLayerNetwork | ConservativeNetwork,
    values: FloatArray | None,
    labels: Sequence[str],
    title: str | None,
    path: Path,
    support: Support | None = None,
) -> None:
    """Draw density and score of a network of one feature or two, and the data, to a file."""
    from matplotlib.figure import Figure

    from ..plotting import plot_fit
    from ..plotting.style import labelled

    figure = Figure(figsize=(7, 6.5), layout="constrained")
    if network.n_features == 1:
        upper, lower = figure.subplots(2, 1, sharex=True)
        plot_fit(network, values, support=support, label=labels[0], title=title, axes=(upper, lower))
    else:
        labelled(plot_fit(network, values, title=title, ax=figure.subplots()), *labels)
    figure.savefig(path, dpi=150)
