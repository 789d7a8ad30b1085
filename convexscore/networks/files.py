"""Model files: NPZ archives of named arrays with a JSON header, no pickle."""

from __future__ import annotations

import json
import os
import zipfile
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from .._support.archives import Archive, DamagedFileError
from .._support.files import as_path
from .._support.records import write_arrays
from .._support.validation import shown
from ..activations import Activation
from ..objectives.support import Support, as_support

__all__ = [
    "load_model",
    "read_column_names",
    "read_header",
    "read_support",
    "save_model",
    "write_column_names",
    "write_support",
]

# The first format; that of models with arrays that readers of the first would pass over; and the newest, of
# models with limits, without which a reader would have another density.
_FIRST, _WITH_LATER, _VERSION = 1, 2, 3
# Arrays that the first format does not have.
_LATER = {"origin"}
# Bytes of a header, four a character, and characters of a column's name.
_LONGEST_HEADER, _LONGEST_NAME = 100_000, 1000
_Model = TypeVar("_Model")


def save_model(
    path: str | os.PathLike[str], kind: str, arrays: Mapping[str, NDArray[Any]], activation: str | Activation
) -> None:
    """Write a model; the file appears whole or not at all.

    Raises
    ------
    TypeError
        If the activation is none that a file can name.
    """
    if not isinstance(activation, str):
        raise TypeError(f"activation: expected the name of one for a model file, got {shown(activation)}")
    version = _WITH_LATER if _LATER & set(arrays) else _FIRST
    header = {"kind": f"convexscore.{kind}", "version": version, "activation": activation}
    write_arrays(path, header, arrays)


def load_model(
    path: str | os.PathLike[str],
    make: Callable[..., _Model],
    names: Sequence[str],
    later: Sequence[str] = (),
) -> _Model:
    """Read a model written by `save_model` and return ``make(**arrays, activation=...)``.

    Arrays in `later` are read where a file has them.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the file is damaged, is not a model file of this kind, or was written in a newer format.
    """
    given = as_path("path", path)
    expected = f"path: expected a model file written by save(), got {str(given)!r}"
    with given.open("rb") as stream:
        try:
            stored = Archive(stream)
        except DamagedFileError as error:
            raise ValueError(f"{expected}, which is not an intact NPZ file ({error})") from None
        try:
            activation = _check_header(
                read_header(stored), f"convexscore.{getattr(make, '__name__', '')}", given
            )
            found = [*names, *(name for name in later if name in stored.names)]
            return make(**{name: _read_weights(stored, name) for name in found}, activation=activation)
        except _NewerFormatError as error:
            raise ValueError(str(error)) from None
        except (LookupError, TypeError, ValueError) as error:
            raise ValueError(f"{expected}, which is damaged or something else ({error})") from error


class _NewerFormatError(Exception):
    """A model file whose format this version does not know."""


def read_header(stored: Archive) -> dict[str, Any]:
    """Return what a file says of itself."""
    text = stored.read("header", _LONGEST_HEADER)
    if text.ndim or text.dtype.kind != "U":
        raise ValueError("its header is no text")
    try:
        header = json.loads(str(text))
    except RecursionError:
        raise ValueError("its header is nested too deeply") from None
    if not isinstance(header, dict):
        raise ValueError("its header names nothing")
    return header


def _check_header(header: dict[str, Any], kind: str, path: str | os.PathLike[str]) -> str:
    """Return the activation if the header is one of this kind and of a known version."""
    if header["kind"] != kind:
        raise ValueError(f"kind {header['kind']!r}")
    version, activation = header["version"], header["activation"]
    # True == 1, but it is no version.
    if type(version) is not int or version < 1:
        raise ValueError(f"version {version!r}, expected a whole number from 1")
    if version > _VERSION:
        raise _NewerFormatError(
            f"path: expected model format {_VERSION} or older, got format {version} in "
            f"{os.fspath(path)!r}; a newer convexscore wrote it, upgrade to read it"
        )
    if not isinstance(activation, str):
        raise ValueError(f"activation {activation!r}")
    return activation


def _read_weights(stored: Archive, name: str) -> NDArray[Any]:
    array = stored.read(name)
    # A convention of the kinks is True or False; text would count as True.
    if (array.dtype.kind == "b") != (name == "right_derivative"):
        raise ValueError(f"{name} has entries of type {array.dtype}")
    return array


def write_support(path: str | os.PathLike[str], support: Support) -> None:
    """Write the limits of the data to the header of a model file, as one of the facts that it tells."""
    with open(path, "rb") as stream:
        stored = Archive(stream)
        header = read_header(stored)
        arrays = {name: stored.read(name) for name in stored.names if name != "header"}
    ends = [end if np.isfinite(end) else None for end in support]
    write_arrays(path, {**header, "version": _VERSION, "facts": {"support": ends}}, arrays)


def read_support(path: str | os.PathLike[str]) -> Support | None:
    """Return the limits of the data of a model file, None where it has none.

    Raises
    ------
    ValueError
        If what it says of them is damaged.
    """
    with open(path, "rb") as stream:
        try:
            facts = read_header(Archive(stream)).get("facts", {})
            return as_support("support", facts.get("support"))
        except (AttributeError, DamagedFileError, LookupError, TypeError, ValueError) as error:
            raise ValueError(
                f"path: expected a model file written by save(), got {os.fspath(path)!r}, whose support is "
                f"damaged or something else ({error})"
            ) from None


def write_column_names(path: str | os.PathLike[str], columns: Sequence[str]) -> None:
    """Add the names of the data's columns to a model file; older readers pass them over."""
    with zipfile.ZipFile(path, "a") as archive:
        for index, column in enumerate(columns):
            with archive.open(f"{_column_member(index)}.npy", "w") as member:
                np.lib.format.write_array(member, np.array(column[:_LONGEST_NAME]), allow_pickle=False)


def read_column_names(path: str | os.PathLike[str], count: int) -> list[str] | None:
    """Return the names of the data's columns, if a model file has as many."""
    names = []
    with open(path, "rb") as stream:
        try:
            stored = Archive(stream)
            for index in range(count):
                name = stored.read(_column_member(index), 8 * _LONGEST_NAME)
                if name.ndim or name.dtype.kind != "U":
                    return None
                names.append(str(name))
        except (DamagedFileError, LookupError):
            return None
    return names


def _column_member(index: int) -> str:
    # The first has had its name since models of one column.
    return f"column_{index}" if index else "column"
