"""The command ``report``: one HTML file about a column of data, or about two."""

from __future__ import annotations

import argparse

from ..errors import ConvergenceWarning
from ..report import report
from .data import make_objective, read_features
from .output import INACCURATE, OK, check_outputs, plain_warnings

__all__ = ["run_report"]

#: Suffixes of a page.
_PAGE = (".html", ".htm")


def run_report(options: argparse.Namespace) -> int:
    """Write a page about columns of data."""
    if options.output == "-":
        raise ValueError("--output: expected a file, got standard output")
    check_outputs([options.data], {"--output": (options.output, _PAGE)})
    names, values, n_missing = read_features(options)
    _check_features(options, len(names))
    objective = make_objective(options, values)
    with plain_warnings() as caught:
        report(
            objective,
            options.output,
            activation=options.activation,
            skip=options.skip,
            beta_min=options.beta_min,
            betas=options.beta,
            title=options.title,
            columns=[_label(options, name) for name in names],
            n_folds=options.n_folds,
        )
    what = "the exact path, with a slider over the weight decay"
    if len(names) == 2:
        what = "certified conservative networks, with a slider over their weight decays"
    left_out = f", {n_missing} rows without a number left out" if n_missing else ""
    print(f"data         {len(values)} samples of {' and '.join(names)}{left_out}")
    print(f"page         {what}; open it in any browser")
    print(f"wrote        {options.output}")
    return INACCURATE if any(issubclass(each.category, ConvergenceWarning) for each in caught) else OK


def _check_features(options: argparse.Namespace, count: int) -> None:
    """Raise if options do not go with so many columns."""
    if count > 2:
        raise ValueError(f"--column: expected one column or two, which have pictures, got {count}")
    if count == 1 and options.beta is not None:
        raise ValueError("--beta: expected only with two columns, which have no path, got it with one")
    if count == 2 and options.beta_min is not None:
        raise ValueError("--beta-min: expected only with one column, which has a path, got it with two")


def _label(options: argparse.Namespace, name: str) -> str:
    # The score and its density are those of the noisy data.
    return f"{name} + noise (sd {options.noise_level:g})" if options.objective == "dsm" else name
