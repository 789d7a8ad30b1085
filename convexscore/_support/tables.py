"""Reading columns of numbers from text, NPY, NPZ, Parquet, Excel or standard input, and writing them."""

from __future__ import annotations

import csv
import importlib.util
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TextIO

import numpy as np
from numpy.typing import NDArray

from .archives import Archive, DamagedFileError, read_npy
from .files import is_special, written_whole
from .text_tables import MISSING, Column, Format, column_of_rows, column_of_text, pick, read_stream
from .validation import FloatArray, as_float_array

__all__ = [
    "WRITTEN",
    "Column",
    "Format",
    "read_column",
    "read_columns",
    "read_table",
    "write_columns",
]

#: Suffixes that `write_columns` knows.
WRITTEN = (".csv", ".tsv", ".txt", ".dat", ".npy")
_TEXT = (".csv", ".tsv", ".txt", ".dat")
_BY_PANDAS = {".parquet": "pyarrow", ".xlsx": "openpyxl"}


def read_column(source: str, column: str | None = None) -> tuple[str, FloatArray]:
    """Return name and values of `read_table` with the usual format."""
    table = read_table(source, column)
    return table.name, table.values


def read_table(source: str, column: str | None = None, form: Format = Format()) -> Column:  # noqa: B008
    """Read one column of numbers.

    Parameters
    ----------
    source : str
        Path of a ``.csv``, ``.tsv``, ``.txt``, ``.dat`` (each may end in ``.gz`` too), ``.npy`` or ``.npz``
        file, of a ``.parquet`` or ``.xlsx`` file where pandas is installed, or a pipe or ``"-"`` for
        text on standard input.  Text is UTF-8, or what its byte-order mark says; lines that begin with
        ``#`` are comments; the separator is a tab, comma, semicolon, bar or blanks.
    column : str, optional
        Name of the column (of the array, in an NPZ file), or its number counted from 0.  May be left
        out when there is only one.  A name comes before a number.
    form : Format
        Header, decimal sign and what to do where numbers are missing.  Without a word on the header, a first
        line names the columns if it has no number and is not all missing; or if there are two columns
        or more, its numbers are distinct years from 1900 to 2100, and the rows below are not all years.

    Returns
    -------
    Column
        The name, ``"x"`` where it has none, the finite numbers, and how many rows without were left out.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the file is empty, damaged or of an unknown kind, the column is missing or ambiguous, or a cell
        is not a finite number; the message names the line.
    """
    return _reader(source)(column, form)


def read_columns(source: str, columns: Sequence[str], form: Format) -> tuple[list[str], FloatArray, int]:
    """Read several columns of a table as `read_table` reads one, row by row.

    Parameters
    ----------
    source : str
        The table, as for `read_table`.
    columns : sequence of str
        Names or numbers of at least two columns.
    form : Format
        As for `read_table`; a row that lacks a number in one of these columns is missing.

    Returns
    -------
    names : list of str
        ``"x0"`` for a column with the number 0 where columns have no names.
    values : ndarray of shape (n_rows, n_columns)
        The finite numbers.
    n_missing : int
        How many rows were left out.

    Raises
    ------
    FileNotFoundError, ValueError
        As for `read_table`, and if two of the columns are the same or differ in length.
    """
    read = _reader(source)
    form = replace(form, keep_missing=form.drop_missing)
    found = [read(column, form) for column in columns]
    unnamed = all(entry.name == "x" for entry in found)
    names = [f"x{column}" if unnamed else entry.name for entry, column in zip(found, columns, strict=True)]
    lengths = [len(entry.values) for entry in found]
    if len(set(lengths)) > 1:
        raise ValueError(f"--column: expected arrays of one length in {source}, got lengths {lengths}")
    for index, entry in enumerate(found):
        for other in range(index):
            if np.array_equal(entry.values, found[other].values, equal_nan=True):
                raise ValueError(
                    f"--column: expected columns that differ, got the same numbers for {columns[other]!r} "
                    f"and {columns[index]!r}"
                )
    table = np.column_stack([entry.values for entry in found])
    whole = ~np.isnan(table).any(axis=1)
    if not whole.any():
        raise ValueError(f"data: expected rows with all of {', '.join(names)} in {source}, got none")
    return names, table[whole], int(np.count_nonzero(~whole))


def _reader(source: str) -> Callable[[str | None, Format], Column]:
    """Return what reads a column of a table; text, which may come through a pipe, is read once."""
    if source == "-":
        if sys.stdin is None or sys.stdin.closed:
            raise ValueError("data: expected numbers on standard input, which is closed")
        received = read_stream(sys.stdin)
        return lambda column, form: column_of_text(received, "standard input", column, form)
    path = Path(source)
    suffix = path.suffix.lower()
    if suffix in (".npy", ".npz"):
        return lambda column, form: _from_numpy(path, column, form)
    if suffix in _BY_PANDAS and importlib.util.find_spec("pandas") is not None:
        return lambda column, form: _from_pandas(path, suffix, column, form)
    if suffix == ".gz":
        suffix = path.with_suffix("").suffix.lower()
    if suffix in _TEXT or (not suffix and not path.is_dir() and is_special(path)):
        raw = path.read_bytes()
        return lambda column, form: column_of_text(raw, source, column, form)
    hint = ""
    if suffix in _BY_PANDAS:
        hint = f"; {suffix} needs pandas; install it with: pip install pandas {_BY_PANDAS[suffix]}"
    raise ValueError(f"data: expected a .csv, .tsv, .txt, .npy or .npz file or '-', got {source!r}{hint}")


def write_columns(target: str | None, names: Sequence[str], values: FloatArray) -> None:
    """Write values of shape ``(n,)`` or ``(n, n_columns)`` as text with a header, or as NPY, by suffix.

    None or ``"-"`` is standard output.
    """
    if target is None or target == "-":
        _write_text(sys.stdout, names, values)
        return
    suffix = Path(target).suffix.lower()
    with written_whole(target) as temporary:
        if suffix == ".npy":
            with temporary.open("wb") as stream:
                np.save(stream, values)
        else:
            with temporary.open("w", encoding="utf-8", newline="") as stream:
                _write_text(stream, names, values, "\t" if suffix == ".tsv" else ",")


def _write_text(stream: TextIO, names: Sequence[str], values: FloatArray, separator: str = ",") -> None:
    writer = csv.writer(stream, delimiter=separator, lineterminator="\n")
    writer.writerow(names)
    rows = values.reshape(len(values), len(names))
    writer.writerows([repr(value) for value in row] for row in rows.tolist())


def _from_numpy(path: Path, column: str | None, form: Format) -> Column:
    if form.header is not None or form.decimal != ".":
        raise ValueError(f"--header, --decimal: expected only with text, got them with {path}")
    with path.open("rb") as stream:
        try:
            if path.suffix.lower() == ".npz":
                stored = Archive(stream)
                name = pick(stored.names, column, str(path))
                array = stored.read(name)
            else:
                name, array = "x", read_npy(stream)
        except DamagedFileError as error:
            raise ValueError(
                f"data: expected NumPy numbers in {path}, got a damaged or foreign file ({error})"
            ) from None
    if path.suffix.lower() == ".npy" and array.ndim == 2:
        array = array[:, int(pick([str(index) for index in range(array.shape[1])], column, str(path)))]
    elif path.suffix.lower() == ".npy":
        pick(["0"], column, str(path))
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim != 1:
        raise ValueError(f"data: expected a 1-D array {name!r} in {path}, got shape {array.shape}")
    return _of_array(name, array, str(path), form)


def _of_array(name: str, array: NDArray[Any], source: str, form: Format) -> Column:
    n_missing = 0
    if array.dtype.kind == "f":
        missing = np.isnan(array)
        n_missing = int(missing.sum())
        if n_missing and not form.drop_missing:
            raise ValueError(
                f"data: expected finite numbers in {source}, got {n_missing} NaN and "
                f"{int(np.isinf(array).sum())} infinite of {array.size} (the first at flat index "
                f"{int(np.argmax(~np.isfinite(array)))}); --drop-missing leaves NaN out"
            )
        array = array[~missing] if n_missing else array
    try:
        values = as_float_array(f"data {name!r}", array)
    except TypeError as error:
        # What a file holds is no argument of a wrong type.
        raise ValueError(str(error)) from None
    if values.size == 0:
        raise ValueError(f"data: expected numbers in {source}, got none")
    if n_missing and form.keep_missing:
        kept = np.full(missing.shape, np.nan)
        kept[~missing] = values
        values = kept
    return Column(name, values, n_missing)


def _from_pandas(path: Path, suffix: str, column: str | None, form: Format) -> Column:
    """Read Parquet, whose columns have names, or the first sheet of a workbook, which is rows of cells."""
    import pandas

    if form.decimal != ".":
        raise ValueError(f"--decimal: expected only with text, got it with {path}")
    with path.open("rb") as stream:
        try:
            if suffix == ".parquet":
                frame = pandas.read_parquet(stream)
            else:
                frame = pandas.read_excel(stream, header=None, dtype=object, keep_default_na=False)
        except ImportError as error:
            library = _BY_PANDAS[suffix]
            raise ImportError(
                f"{suffix} needs {library}; install it with: pip install {library} ({error})"
            ) from None
        except MemoryError:
            raise
        # Readers of foreign formats raise what they like.
        except Exception as error:
            raise ValueError(
                f"data: expected a table in {path}, got a damaged or foreign file ({error})"
            ) from None
    if suffix == ".parquet":
        if form.header is not None:
            raise ValueError(f"--header: expected only with text and workbooks, got it with {path}")
        names = [str(name) for name in frame.columns]
        name = pick(names, column, str(path))
        series = frame.iloc[:, names.index(name)]
        if series.isna().any():
            series = series.astype("float64")
        return _of_array(name, np.asarray(series), str(path), form)

    def rows() -> Iterator[tuple[int, list[str]]]:
        for line, row in enumerate(frame.itertuples(index=False), start=1):
            yield line, ["" if cell in MISSING or pandas.isna(cell) else str(cell) for cell in row]

    return column_of_rows(rows, str(path), column, form)
