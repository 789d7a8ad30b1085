"""Model files: NPZ archives of named arrays with a JSON header, no pickle."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from .._support.files import DAMAGED_ARCHIVE, written_whole
from ..activations import Activation

__all__ = ["load_model", "save_model"]

_VERSION = 1
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
        raise TypeError(f"activation: expected the name of one for a model file, got {activation!r}")
    header = {"kind": f"convexscore.{kind}", "version": _VERSION, "activation": activation}
    with written_whole(path) as temporary, temporary.open("wb") as stream:
        np.savez(stream, header=np.array(json.dumps(header)), **arrays)  # type: ignore[arg-type]


def load_model(path: str | os.PathLike[str], make: Callable[..., _Model], names: Sequence[str]) -> _Model:
    """Read a model written by `save_model` and return ``make(**arrays, activation=...)``.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the file is damaged, is not a model file of this kind, or was written in a newer format.
    """
    expected = f"path: expected a model file written by save(), got {os.fspath(path)!r}"
    # The file is opened here, so that it is closed whatever np.load makes of it.
    with open(path, "rb") as stream:
        try:
            stored = np.load(stream, allow_pickle=False)
        except DAMAGED_ARCHIVE:
            raise ValueError(f"{expected}, which is not an intact NPZ file") from None
        try:
            header = json.loads(str(stored["header"]))
            _check_header(header, f"convexscore.{getattr(make, '__name__', '')}", path)
            arrays = {name: stored[name] for name in names}
            return make(**arrays, activation=header["activation"])
        except _NewerFormatError as error:
            raise ValueError(str(error)) from None
        except (AttributeError, *DAMAGED_ARCHIVE) as error:
            raise ValueError(f"{expected}, which is damaged or something else ({error})") from error


class _NewerFormatError(Exception):
    """A model file whose format this version does not know."""


def _check_header(header: dict[str, Any], kind: str, path: str | os.PathLike[str]) -> None:
    if header["kind"] != kind:
        raise ValueError(f"kind {header['kind']!r}")
    if header["version"] > _VERSION:
        raise _NewerFormatError(
            f"path: expected model format {_VERSION} or older, got format {header['version']} in "
            f"{os.fspath(path)!r}; a newer convexscore wrote it, upgrade to read it"
        )
