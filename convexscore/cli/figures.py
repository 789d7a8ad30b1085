"""The command ``figures``: the scripts of the repository that draw the paper's figures."""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import sys
from importlib.machinery import PathFinder
from pathlib import Path
from types import ModuleType

from .data import read_given
from .output import OK, check_figure

__all__ = ["run_figures"]


def run_figures(options: argparse.Namespace) -> int:
    """Draw the paper's figures, of the data that the options name or of their own."""
    check_figure(Path("fig01.pdf"))
    scripts = _figure_scripts()
    data = read_given(options)
    for line in scripts.draw_figures(options.out, options.only, options.quick, options.pdf, data):
        print(line, flush=True)
    return OK


def _figure_scripts() -> ModuleType:
    """Load the scripts, which are no part of the installed package, from beside it in its checkout.

    Never from the working directory: what lies there may be anybody's.
    """
    place = Path(__file__).resolve().parents[2]
    spec = PathFinder.find_spec("paper_figs", [str(place)]) if (place / "pyproject.toml").is_file() else None
    if spec is not None and spec.origin is not None and spec.loader is not None:
        package = importlib.util.module_from_spec(spec)
        sys.modules[spec.name] = package
        spec.loader.exec_module(package)
        return importlib.import_module("paper_figs.common")
    raise ValueError(
        "figures: expected a checkout of the repository, which has the scripts in its directory paper_figs; "
        f"found none in {place}"
    )
