"""Reading one column of numbers from CSV, TSV, NPY, NPZ or standard input, and writing one."""

from __future__ import annotations

import csv
import io
import os
import sys
from pathlib import Path
from typing import TextIO

import numpy as np

from .files import DAMAGED_ARCHIVE, written_whole
from .validation import FloatArray, as_float_array, check_finite

__all__ = ["read_column", "write_column"]


def read_column(source: str, column: str | None = None) -> tuple[str, FloatArray]:
    """Read one column of numbers.

    Parameters
    ----------
    source : str
        Path of a ``.csv``, ``.tsv``, ``.txt``, ``.npy`` or ``.npz`` file, or ``"-"`` for text on standard
        input.  Text may have a header line; the separator is a tab, comma, semicolon or blanks.
    column : str, optional
        Name of the column (of the array, in an NPZ file), or its number counted from 0.  May be left
        out when there is only one.

    Returns
    -------
    name : str
        The column's name, ``"x"`` when it has none.
    values : ndarray of shape (n_samples,)
        Finite numbers.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the file is empty or of an unknown kind, the column is missing or ambiguous, or a cell is
        not a finite number; the message names the line.
    """
    if source == "-":
        return _from_text(sys.stdin, "standard input", column)
    path = Path(source)
    suffix = path.suffix.lower()
    if suffix in (".npy", ".npz"):
        return _from_numpy(path, column)
    if suffix in (".csv", ".tsv", ".txt", ".dat"):
        # utf-8-sig drops the byte-order mark that spreadsheets put in front of the header.
        with path.open(encoding="utf-8-sig") as stream:
            return _from_text(stream, str(path), column)
    raise ValueError(f"data: expected a .csv, .tsv, .txt, .npy or .npz file or '-', got {source!r}")


def write_column(target: str | None, name: str, values: FloatArray) -> None:
    """Write a column as CSV with a header, or as NPY by suffix; None or ``"-"`` is standard output."""
    if target is None or target == "-":
        _write_text(sys.stdout, name, values)
        return
    with written_whole(target) as temporary:
        if os.fspath(target).lower().endswith(".npy"):
            with temporary.open("wb") as stream:
                np.save(stream, values)
        else:
            with temporary.open("w", encoding="utf-8", newline="") as stream:
                _write_text(stream, name, values)


def _write_text(stream: TextIO, name: str, values: FloatArray) -> None:
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow([name])
    writer.writerows([repr(value)] for value in values.tolist())


def _from_numpy(path: Path, column: str | None) -> tuple[str, FloatArray]:
    with path.open("rb") as stream:
        try:
            stored = np.load(stream, allow_pickle=False)
            arrays = dict(stored) if isinstance(stored, np.lib.npyio.NpzFile) else None
        except DAMAGED_ARCHIVE as error:
            raise ValueError(
                f"data: expected NumPy numbers in {path}, got a damaged or foreign file ({error})"
            ) from None
    if arrays is not None:
        name = _pick(list(arrays), column, str(path))
        array = as_float_array(f"data {name!r}", arrays[name])
        if array.ndim == 2 and array.shape[1] == 1:
            array = array[:, 0]
        if array.ndim != 1:
            raise ValueError(f"data: expected a 1-D array {name!r} in {path}, got shape {array.shape}")
        return name, _nonempty(array, str(path))
    array = as_float_array("data", stored)
    if array.ndim == 1:
        array = array[:, None]
    if array.ndim != 2:
        raise ValueError(f"data: expected a 1-D or 2-D array in {path}, got shape {array.shape}")
    number = _pick([str(index) for index in range(array.shape[1])], column, str(path))
    return "x", _nonempty(array[:, int(number)], str(path))


def _from_text(stream: TextIO, source: str, column: str | None) -> tuple[str, FloatArray]:
    try:
        text = stream.read().removeprefix("\ufeff")
        rows = [(number, row) for number, row in _rows(text) if any(cell.strip() for cell in row)]
    except UnicodeDecodeError as error:
        raise ValueError(f"data: expected UTF-8 text in {source}, got other bytes ({error})") from None
    except csv.Error as error:
        raise ValueError(f"data: expected a table in {source}, got broken text ({error})") from None
    if not rows:
        raise ValueError(f"data: expected numbers in {source}, got an empty table")
    first = [cell.strip() for cell in rows[0][1]]
    has_header = not any(_is_number(cell) for cell in first)
    names = first if has_header else [str(index) for index in range(len(first))]
    name = _pick(names, column, source)
    index = names.index(name)
    values = [_cell(row, index, names, number, source) for number, row in rows[has_header:]]
    return (name if has_header else "x"), _nonempty(np.array(values), source)


def _rows(text: str) -> list[tuple[int, list[str]]]:
    head = next((line for line in text.splitlines() if line.strip()), "")
    for separator in ("\t", ",", ";"):
        if separator in head:
            reader = csv.reader(io.StringIO(text), delimiter=separator, strict=True)
            return [(reader.line_num, row) for row in reader]
    return [(number, line.split()) for number, line in enumerate(text.splitlines(), start=1)]


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _cell(row: list[str], index: int, names: list[str], line: int, source: str) -> float:
    if len(row) > len(names):
        raise ValueError(
            f"data: expected {len(names)} cells in {source}, line {line}, got {len(row)}: "
            "which column is which cannot be told"
        )
    cell = row[index].strip() if index < len(row) else ""
    where = f"data: expected a finite number in column {names[index]!r} of {source}, line {line}"
    if not cell:
        raise ValueError(f"{where}, got an empty cell")
    if not _is_number(cell) or not np.isfinite(float(cell)):
        raise ValueError(f"{where}, got {cell!r}")
    return float(cell)


def _pick(names: list[str], column: str | None, source: str) -> str:
    listed = ", ".join(names)
    if column is None:
        if len(names) == 1:
            return names[0]
        raise ValueError(f"--column: expected one of {listed} in {source}, got none")
    if names.count(column) > 1:
        raise ValueError(f"--column: expected a name that occurs once in {source}, got {column!r}")
    if column in names:
        return column
    if column.isdecimal() and int(column) < len(names):
        return names[int(column)]
    raise ValueError(
        f"--column: expected one of {listed} (or a number below {len(names)}) in {source}, got {column!r}"
    )


def _nonempty(values: FloatArray, source: str) -> FloatArray:
    if values.size == 0:
        raise ValueError(f"data: expected numbers in {source}, got none")
    check_finite("data", values)
    return values
