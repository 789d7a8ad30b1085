"""Tables in text: encoding, separator, header, and one column of numbers out of them, line by line.

Nothing larger than the file's bytes and the numbers is kept.
"""

from __future__ import annotations

import codecs
import csv
import gzip
import importlib.util
import io
import math
import re
import warnings
from array import array
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import TextIO

import numpy as np

from .validation import FloatArray

__all__ = ["MISSING", "Column", "Format", "column_of_rows", "column_of_text", "pick"]

#: Cells that say that there is no number.
MISSING = frozenset({"", "NA", "N/A", "n/a", "#N/A", "<NA>", "NaN", "nan", "NAN", "null", "NULL", "None"})
# float() knows more than numbers in tables: 1_0, and digits of other scripts.
_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?|[+-]?(inf|infinity)", re.IGNORECASE)
_YEARS = range(1900, 2101)
# Rows that are looked at before it is decided what they are.
_PEEK = 100
# A packed table may always unpack to so much; one that is itself large, to so many times its size.
_INFLATED, _RATIO = 2**24, 50
# From so many bytes on, pandas is worth its import.
_LARGE = 1_000_000
_SEPARATORS = ("\t", ";", "|", ",")
_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)

Rows = Iterable[tuple[int, list[str]]]


@dataclass(frozen=True)
class Format:
    """How a table is to be read.

    Parameters
    ----------
    header : bool, optional
        Whether the first line names the columns; None decides by what is in it.
    decimal : {".", ","}
        The decimal sign.
    drop_missing : bool
        Whether rows without a number are left out instead of refused.
    keep_missing : bool
        Whether they are kept as NaN, so that several columns have the same rows.
    """

    header: bool | None = None
    decimal: str = "."
    drop_missing: bool = False
    keep_missing: bool = False

    def is_number(self, cell: str) -> bool:
        """Whether a cell is a number, perhaps an infinite one."""
        if self.decimal == ",":
            return "." not in cell and _NUMBER.fullmatch(cell.replace(",", ".")) is not None
        return _NUMBER.fullmatch(cell) is not None

    def number(self, cell: str) -> float:
        """Return the number in a cell that `is_number`."""
        return float(cell.replace(self.decimal, "."))


@dataclass(frozen=True, eq=False)
class Column:
    """A column of numbers: its name, finite values, and how many rows without a number were left out."""

    name: str
    values: FloatArray
    n_missing: int = 0


def column_of_text(raw: bytes, source: str, column: str | None, form: Format) -> Column:
    """Read one column from the bytes of a text file, packed by gzip or not."""
    raw = _unpacked(raw, source)
    encoding = next((name for mark, name in _BYTE_ORDER_MARKS if raw.startswith(mark)), "utf-8")

    def lines() -> Iterator[str]:
        stream = io.TextIOWrapper(io.BytesIO(raw), encoding=encoding, newline="")
        # As an empty line, so that line numbers stay those of the file.
        return ("\n" if line.lstrip().startswith("#") else line for line in stream)

    try:
        separator = _separator(lines(), form)

        def rows() -> Iterator[tuple[int, list[str]]]:
            return _rows(lines(), separator)

        def fast(first_line: int, width: int, index: int) -> FloatArray | None:
            if len(raw) < _LARGE or form.decimal != "." or importlib.util.find_spec("pandas") is None:
                return None
            return _by_pandas(io.BytesIO(raw), encoding, separator, first_line, width, index)

        return column_of_rows(rows, source, column, form, fast)
    except UnicodeError as error:
        raise ValueError(f"data: expected UTF-8 text in {source}, got other bytes ({error})") from None
    except csv.Error as error:
        raise ValueError(f"data: expected a table in {source}, got broken text ({error})") from None


def column_of_rows(
    rows: Callable[[], Rows],
    source: str,
    column: str | None,
    form: Format,
    fast: Callable[[int, int, int], FloatArray | None] | None = None,
) -> Column:
    """Read one column from rows of cells with their line numbers.

    `fast`, given the line before the numbers, the number of columns and the one that is wanted, may return
    all the numbers; or None where it met anything but finite ones.
    """
    first_rows = list(islice(_filled(rows()), _PEEK))
    if not first_rows:
        raise ValueError(f"data: expected numbers in {source}, got an empty table")
    first = first_rows[0][1]
    has_header = form.header
    if has_header is None:
        has_header = _is_header(first, [row for _, row in first_rows[1:]], form)
    names = first if has_header else [str(index) for index in range(len(first))]
    name = pick(names, column, source)
    index = names.index(name)
    values = fast(first_rows[0][0] if has_header else 0, len(names), index) if fast else None
    n_missing = 0
    if values is None:
        body = islice(_filled(rows()), int(has_header), None)
        values, n_missing = _numbers(body, index, names, source, form, has_header)
    if values.size == 0:
        rest = f" beside {n_missing} missing ones" if n_missing else ""
        raise ValueError(f"data: expected numbers in {source}, got none{rest}")
    return Column(name if has_header else "x", values, n_missing)


def pick(names: list[str], column: str | None, source: str) -> str:
    """Return the name that `column` means: a name, or else a number counted from 0."""
    listed = ", ".join(names)
    listed = listed if len(listed) <= 500 else f"{listed[:500]}..."
    if column is None:
        if len(names) == 1:
            return names[0]
        raise ValueError(f"--column: expected one of {listed} in {source}, got none")
    if names.count(column) > 1:
        raise ValueError(f"--column: expected a name that occurs once in {source}, got {column!r}")
    if column in names:
        return column
    if column.isascii() and column.isdecimal() and len(column) < 10 and int(column) < len(names):
        name = names[int(column)]
        if names.count(name) == 1:
            return name
        raise ValueError(f"--column: expected names that occur once in {source}, got {name!r} for {column}")
    raise ValueError(
        f"--column: expected one of {listed} (or a number below {len(names)}) in {source}, got {column!r}"
    )


def _unpacked(raw: bytes, source: str) -> bytes:
    if not raw.startswith(b"\x1f\x8b"):
        return raw
    limit = max(_INFLATED, _RATIO * len(raw))
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(raw)) as stream:
            text = stream.read(limit + 1)
    # zlib.error is no OSError, and headers may end early.
    except Exception as error:
        raise ValueError(f"data: expected a table in {source}, got a damaged gzip file ({error})") from None
    if len(text) > limit:
        raise ValueError(f"data: expected less than {limit} bytes in {source}, got more: unpack it first")
    return text


def _separator(lines: Iterable[str], form: Format) -> str | None:
    """Return what stands between the cells, None for blanks.

    The first sign that all of the first lines have equally often; else the first in the first line.
    """
    filled = (line for line in lines if line.strip())
    bare = [re.sub(r'"[^"]*"?', '""', line.strip("\r\n")) for line in islice(filled, _PEEK)]
    known = [sign for sign in _SEPARATORS if sign != form.decimal and bare and sign in bare[0]]
    for sign in known:
        if len({line.count(sign) for line in bare}) == 1:
            return sign
    return min(known, key="\t,;|".index, default=None)


def _rows(lines: Iterator[str], separator: str | None) -> Iterator[tuple[int, list[str]]]:
    if separator is not None:
        reader = csv.reader(lines, delimiter=separator, strict=True)
        return ((reader.line_num, row) for row in reader)
    return (
        (number, [cell.strip('"') for cell in re.findall(r'"[^"]*"|\S+', line)])
        for number, line in enumerate(lines, start=1)
    )


def _filled(rows: Rows) -> Iterator[tuple[int, list[str]]]:
    """Yield the rows that are not empty, cells stripped."""
    for number, row in rows:
        cells = [cell.strip() for cell in row]
        if any(cells):
            yield number, cells


def _is_header(first: list[str], below: list[list[str]], form: Format) -> bool:
    """Decide whether the first row names the columns.

    It does if none of its cells is a number, unless all are missing; and if all its numbers are distinct
    years, in two columns or more, and not all rows below are years as well.
    """
    numbers = [cell for cell in first if form.is_number(cell)]
    if not numbers:
        return not all(cell in MISSING for cell in first)
    text = [cell for cell in first if cell not in numbers]
    if len(first) < 2 or not below or any(cell in MISSING for cell in text):
        return False
    years = all(_is_year(cell) for cell in numbers) and len(set(numbers)) == len(numbers)
    return years and not all(_is_year(cell) for row in below for cell in row)


def _is_year(cell: str) -> bool:
    return len(cell) == 4 and cell.isascii() and cell.isdecimal() and int(cell) in _YEARS


def _numbers(
    rows: Rows, index: int, names: list[str], source: str, form: Format, has_header: bool
) -> tuple[FloatArray, int]:
    """Return the numbers of a column and how many rows had none; raise naming the first line in error."""
    values, n_missing, first_missing, n_rows = array("d"), 0, None, 0
    for line, row in rows:
        n_rows += 1
        if len(row) > len(names):
            raise ValueError(
                f"data: expected {len(names)} cells in {source}, line {line}, got {len(row)}: "
                "which column is which cannot be told"
            )
        cell = row[index] if index < len(row) else ""
        if cell in MISSING:
            n_missing += 1
            first_missing = first_missing or (line, cell)
            if form.keep_missing:
                values.append(math.nan)
            continue
        number = form.number(cell) if form.is_number(cell) else math.nan
        if not math.isfinite(number):
            hint = _hint(cell, form, has_header and n_rows == 1)
            raise ValueError(f"{_expected(names, index, source, line)}, got {cell[:80]!r}{hint}")
        values.append(number)
    if first_missing is not None and not form.drop_missing:
        line, cell = first_missing
        got = repr(cell) if cell else "an empty cell"
        raise ValueError(
            f"{_expected(names, index, source, line)}, got {got}; "
            f"{n_missing} of {n_rows} are missing, --drop-missing leaves them out"
        )
    return np.array(values, dtype=np.float64), n_missing


def _expected(names: list[str], index: int, source: str, line: int) -> str:
    return f"data: expected a finite number in column {names[index][:80]!r} of {source}, line {line}"


def _hint(cell: str, form: Format, under_header: bool) -> str:
    """Return what may be meant by a cell that is no number."""
    if form.decimal == "." and "," in cell and Format(decimal=",").is_number(cell):
        return " (for decimal commas: --decimal ,)"
    if under_header and not any(digit in cell for digit in "0123456789"):
        return " (if this is a line of units: leave it out, or begin it with #)"
    return ""


def _by_pandas(
    stream: io.BytesIO, encoding: str, separator: str | None, skipped: int, width: int, index: int
) -> FloatArray | None:
    """Read a column by pandas, or return None where it meets anything but rows of finite numbers."""
    import pandas

    raw = stream.getvalue()
    head = raw.split(b"\n", skipped)[:skipped]
    # Comments, bytes of other encodings, and a name of several lines: pandas would count them otherwise.
    if b"#" in raw or encoding not in ("utf-8", "utf-8-sig") or any(line.count(b'"') % 2 for line in head):
        return None
    try:
        # Releases that round exactly without being asked warn of the question.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            frame = pandas.read_csv(
                stream,
                sep=r"\s+" if separator is None else separator,
                header=None,
                skiprows=skipped,
                dtype={other: np.float64 if other == index else str for other in range(width)},
                na_values=[],
                keep_default_na=False,
                float_precision="round_trip",
                encoding=encoding,
            )
        values = frame[index].to_numpy(dtype=np.float64)
    # Whatever it is, the reader above says it with its line.
    except Exception:
        return None
    return values if frame.shape[1] == width and np.isfinite(values).all() else None


def read_stream(stream: TextIO) -> bytes:
    """Return all of a stream as bytes; its own decoding is not wanted, because files may be of another."""
    buffer = getattr(stream, "buffer", None)
    return stream.read().encode("utf-8", "surrogateescape") if buffer is None else buffer.read()
