"""From options to a column of data, and on to an objective; and the bundled data as files."""

from __future__ import annotations

import argparse
import csv
import sys
from typing import TextIO

from .._support.files import written_whole
from .._support.tables import Column, Format, read_columns, read_table
from .._support.validation import FloatArray, as_count
from ..datasets import Dataset, load_galaxies, load_old_faithful
from ..objectives import DenoisingScoreMatching, ExpectedDenoising, Objective, ScoreMatching
from ..objectives.support import Support, as_support
from .arguments import number
from .output import OK, check_outputs

__all__ = [
    "BUNDLED",
    "check_seed",
    "make_expected",
    "make_objective",
    "read_data",
    "read_features",
    "read_given",
    "run_data",
]

#: Data sets that the command ``data`` writes.
BUNDLED = {"old_faithful": load_old_faithful, "galaxies": load_galaxies}


def read_data(options: argparse.Namespace) -> Column:
    """Read the column that the options name."""
    return read_table(options.data, options.column, _format(options))


def read_features(options: argparse.Namespace) -> tuple[list[str], FloatArray, int]:
    """Read the columns that the options name: their names, values, one column ``(n,)``, and rows left out."""
    if options.column is not None and len(options.column) > 1:
        return read_columns(options.data, options.column, _format(options))
    column = read_table(options.data, options.column[0] if options.column else None, _format(options))
    return [column.name], column.values, column.n_missing


def read_given(options: argparse.Namespace) -> tuple[list[str], FloatArray] | None:
    """Read the columns of ``--data``, or raise if there is none but a word on how to read it."""
    if options.data is not None:
        names, values, _ = read_features(options)
        return names, values
    if options.column is not None:
        raise ValueError("--column: expected only together with --data, got it alone")
    if options.header is not None or options.decimal != "." or options.drop_missing:
        raise ValueError("--header, --decimal, --drop-missing: expected only with --data, got them alone")
    return None


def _format(options: argparse.Namespace) -> Format:
    return Format(options.header, options.decimal, options.drop_missing)


def run_data(options: argparse.Namespace) -> int:
    """Write a bundled data set as CSV."""
    check_outputs([], {"--output": (options.output, (".csv", ".txt"))})
    dataset = BUNDLED[options.name]()
    if options.output in (None, "-"):
        _write_table(sys.stdout, dataset)
        return OK
    with (
        written_whole(options.output) as temporary,
        temporary.open("w", encoding="utf-8", newline="") as file,
    ):
        _write_table(file, dataset)
    print(f"wrote        {options.output}")
    return OK


def _write_table(stream: TextIO, dataset: Dataset) -> None:
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(dataset.columns)
    writer.writerows([repr(entry) for entry in row] for row in dataset.data.tolist())


def make_objective(options: argparse.Namespace, values: FloatArray) -> Objective:
    """Return the objective of the options, its noise drawn if there is any."""
    check_seed(options)
    if options.objective == "sm":
        for name in ("noise_level", "n_draws", "seed"):
            if getattr(options, name) is not None:
                option = f"--{name.replace('_', '-')}"
                raise ValueError(f"{option}: expected only with --objective dsm, got it with sm")
        support = _support(options)
        if support is not None and values.ndim > 1 and values.shape[1] > 1:
            raise ValueError(f"--support: expected only with one column, got {values.shape[1]}")
        return ScoreMatching(values, support=support)
    _refuse_support(options)
    level = _noise_level(options)
    n_draws = 1 if options.n_draws is None else options.n_draws
    return DenoisingScoreMatching.from_clean(values, level, n_draws, options.seed)


def make_expected(options: argparse.Namespace, values: FloatArray) -> ExpectedDenoising:
    """Return the denoising objective whose noise is integrated out."""
    if options.objective != "dsm":
        raise ValueError(f"--expected: expected only with --objective dsm, got it with {options.objective}")
    if options.n_draws not in (None, 1) or options.seed is not None:
        raise ValueError("--expected: expected neither --n-draws nor --seed, for there are no draws")
    _refuse_support(options)
    return DenoisingScoreMatching.expected(values, _noise_level(options))


def check_seed(options: argparse.Namespace) -> None:
    """Raise unless the seed is one."""
    if options.seed is not None:
        as_count("--seed", options.seed)


def _support(options: argparse.Namespace) -> Support | None:
    """Return the limits that ``--support`` gives, None where there are none."""
    if options.support is None:
        return None
    words = [word.strip().lower() for word in options.support.split(",")]
    if len(words) != 2:
        raise ValueError(
            "--support: expected LOW,HIGH, a side empty where there is no limit, such as 0, or -1,1, got "
            f"{options.support!r}"
        )
    return as_support("--support", tuple(_end(options.support, word) for word in words))


def _end(text: str, word: str) -> float | None:
    if word in ("", "none"):
        return None
    try:
        return number(word)
    except argparse.ArgumentTypeError as error:
        raise ValueError(f"--support: {error}, in {text!r}") from None


def _refuse_support(options: argparse.Namespace) -> None:
    if _support(options) is not None:
        raise ValueError(f"--support: expected only with --objective sm, got it with {options.objective}")


def _noise_level(options: argparse.Namespace) -> float:
    if options.noise_level is None:
        raise ValueError("--noise-level: expected a positive number with --objective dsm, got none")
    return float(options.noise_level)
