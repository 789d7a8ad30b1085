"""The commands ``plot``, of a trained network, and ``path``, of the optimum as the weight decay falls."""

from __future__ import annotations

import argparse
import json
from contextlib import ExitStack
from pathlib import Path

import numpy as np

from .._support.files import written_whole
from .._support.progress import stages
from ..univariate.path import Path as RegularizationPath
from ..univariate.path import regularization_path
from .data import make_objective, read_data, read_given
from .models import column_names, load_network, read_support
from .output import FIGURE, OK, check_figure, check_outputs, draw, plain_warnings

__all__ = ["run_path", "run_plot"]


def run_plot(options: argparse.Namespace) -> int:
    """Draw a stored network, with data if there are any."""
    check_outputs([options.model, options.data], {"--output": (options.output, FIGURE)})
    check_figure(Path(options.output))
    network = load_network(options.model)
    if network.n_features > 2:
        raise ValueError(f"model: expected 1 feature or 2 to draw, got {network.n_features}")
    names, values = column_names(options.model, network.n_features), None
    given = read_given(options)
    if given is not None:
        names, values = given
        if len(names) != network.n_features:
            raise ValueError(
                f"--column: expected {network.n_features} for this model, one a feature, got {len(names)}"
            )
    with (
        stages(1, options.progress, "plot") as begin,
        written_whole(options.output) as temporary,
    ):
        begin("figure")
        draw(network, values, names, None, temporary, read_support(options.model))
    print(f"wrote        {options.output}")
    return OK


def run_path(options: argparse.Namespace) -> int:
    """Follow the optimum as the weight decay falls; write and draw its breakpoints."""
    table, figure = options.output, options.plot
    check_outputs([options.data], {"--output": (table, (".csv", ".txt")), "--plot": (figure, FIGURE)})
    column = read_data(options)
    objective = make_objective(options, column.values)
    with plain_warnings():
        path = regularization_path(
            objective,
            options.activation,
            options.skip,
            beta_min=options.beta_min,
            progress=options.progress,
        )
    with ExitStack() as stack:
        if table is not None:
            rows = np.column_stack([path.betas, path.n_kinks])
            temporary = stack.enter_context(written_whole(table))
            np.savetxt(
                temporary, rows, fmt=("%.17g", "%d"), delimiter=",", header="beta,n_kinks", comments=""
            )
        if figure is not None:
            stack.enter_context(stages(1, options.progress, "plot"))("figure")
            _draw_path(path, column.name, stack.enter_context(written_whole(figure)))
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
