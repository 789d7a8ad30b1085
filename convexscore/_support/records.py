"""Saved objects: NPZ files of arrays and a description in JSON, no pickle.

An object is written as its class's name and the arguments that make it anew: the fields of a dataclass, or
what its method ``_stored`` returns.  Reading makes objects of listed classes only, and of arguments that
these check.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .archives import Archive
from .files import written_whole
from .validation import shown

__all__ = ["RECORD", "made", "package_version", "save_object", "write_arrays"]

#: The member of a file that describes its object, and the bytes that it may have.
RECORD, _LONGEST_RECORD = "record", 50_000_000
# The format of records.
_VERSION = 1


def package_version() -> str:
    """Return the version of the package, which files name."""
    from .. import __version__

    return __version__


def write_arrays(
    path: str | os.PathLike[str], header: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]
) -> None:
    """Write arrays with a header; the file appears whole or not at all."""
    text = np.array(json.dumps({**header, "package": package_version()}))
    with written_whole(path) as temporary, temporary.open("wb") as stream:
        np.savez(stream, header=text, **arrays)  # type: ignore[arg-type]


def save_object(path: str | os.PathLike[str], thing: Any, **facts: Any) -> None:
    """Write an object, and what is to be known of it without making it.

    Raises
    ------
    TypeError
        If there is something in it that no file can keep.
    """
    arrays: dict[str, NDArray[Any]] = {}
    record = json.dumps(_described(thing, arrays))
    header = {"kind": f"convexscore.{type(thing).__name__}", "version": _VERSION}
    facts = {name: _described(fact, {}) for name, fact in facts.items()}
    arrays[RECORD] = np.frombuffer(record.encode(), dtype=np.uint8)
    write_arrays(path, {**header, "facts": facts}, arrays)


def _described(value: Any, arrays: dict[str, NDArray[Any]]) -> Any:
    """Return a value as JSON, its arrays put aside."""
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else {"float": str(value)}
    if isinstance(value, (tuple, list)):
        return [_described(entry, arrays) for entry in value]
    if isinstance(value, np.ndarray) and value.dtype.kind in "biuf":
        name = f"array{len(arrays)}"
        arrays[name] = value
        return {"array": name}
    stored = _stored(value)
    return {
        "kind": type(value).__name__,
        "fields": {name: _described(entry, arrays) for name, entry in stored.items()},
    }


def _stored(thing: Any) -> dict[str, Any]:
    """Return the arguments that make an object anew."""
    kind = type(thing)
    if kind.__module__.partition(".")[0] == "convexscore":
        if hasattr(thing, "_stored"):
            return thing._stored()
        if is_dataclass(thing):
            return {field.name: getattr(thing, field.name) for field in fields(thing) if field.init}
    raise TypeError(f"self: expected what a file can keep, got {shown(thing)} in it")


def made(stored: Archive, makers: Mapping[str, Callable[..., Any]]) -> Any:
    """Make the object of a file anew.

    Parameters
    ----------
    stored : Archive
        The file's arrays.
    makers : mapping of str to callable
        What makes an object of each kind from its arguments.
    """
    content = stored.read(RECORD, _LONGEST_RECORD)
    if content.dtype != np.uint8 or content.ndim != 1:
        raise ValueError("its record is no text")
    try:
        return _made(json.loads(content.tobytes().decode()), stored, makers)
    except RecursionError:
        raise ValueError("its record is nested too deeply") from None


def _made(described: Any, stored: Archive, makers: Mapping[str, Callable[..., Any]]) -> Any:
    if isinstance(described, list):
        return tuple(_made(entry, stored, makers) for entry in described)
    if not isinstance(described, dict):
        return described
    if set(described) == {"float"}:
        return float(described["float"])
    if set(described) == {"array"}:
        array = stored.read(described["array"])
        if array.dtype.kind not in "biuf":
            raise ValueError(f"entries of type {array.dtype}")
        return array
    make, given = makers[described["kind"]], described["fields"]
    return make(**{name: _made(entry, stored, makers) for name, entry in given.items()})
