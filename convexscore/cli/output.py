"""What the commands answer with: exit codes, and files that appear whole or not at all."""

from __future__ import annotations

import importlib.util
from contextlib import ExitStack
from pathlib import Path

from .._support.files import written_whole
from .._support.validation import FloatArray
from ..networks.two_layer import TwoLayerNetwork
from ..objectives import ExpectedDenoising, Objective
from ..results import Solution

__all__ = [
    "BAD_INPUT",
    "FAILED",
    "INACCURATE",
    "INTERRUPTED",
    "OK",
    "check_figure",
    "check_targets",
    "draw",
    "write",
]

OK, FAILED, BAD_INPUT, INACCURATE, INTERRUPTED = 0, 1, 2, 3, 130


def check_targets(model: str | None, figure: str | None) -> tuple[Path | None, Path | None]:
    """Find out before the work whether its results can be written."""
    paths = [None if name is None else Path(name) for name in (model, figure)]
    for path in paths:
        if path is not None and not path.parent.is_dir():
            raise ValueError(f"output: expected a file in an existing directory, got {path}")
    if model is not None and model == figure:
        raise ValueError(f"--plot: expected another file than --output, got {figure!r} for both")
    if paths[1] is not None:
        check_figure(paths[1])
    return paths[0], paths[1]


def check_figure(path: Path) -> None:
    """Raise unless a figure of this name can be drawn."""
    if importlib.util.find_spec("matplotlib") is None:
        raise ImportError("figures need matplotlib; install it with: pip install 'convexscore[plot]'")
    if path.suffix.lower() not in (".png", ".pdf", ".svg"):
        raise ValueError(f"figure: expected a name ending in .png, .pdf or .svg, got {path.name!r}")


def write(
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
            draw(solution.network, objective.X, name, _title(solution, objective), temporary)


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


def draw(
    network: TwoLayerNetwork, values: FloatArray | None, name: str, title: str | None, path: Path
) -> None:
    """Draw density and score of a network, and the data, to a file."""
    from matplotlib.figure import Figure

    from ..plotting import plot_fit

    figure = Figure(figsize=(7, 6.5), layout="constrained")
    upper, lower = figure.subplots(2, 1, sharex=True)
    plot_fit(network, values, label=name, title=title, axes=(upper, lower))
    figure.savefig(path, dpi=150)
