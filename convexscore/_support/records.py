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
    writer = _Writer()
    record = json.dumps(writer.described(thing))
    header = {"kind": f"convexscore.{type(thing).__name__}", "version": _VERSION}
    facts = {name: _Writer().described(fact) for name, fact in facts.items()}
    content = np.frombuffer(record.encode(), dtype=np.uint8)
    write_arrays(path, {**header, "facts": facts}, {**writer.arrays, RECORD: content})


class _Writer:
    """Turns values into JSON, their arrays put aside, each object and array once."""

    def __init__(self) -> None:
        self.arrays: dict[str, NDArray[Any]] = {}
        # Objects with their numbers; they are kept, so that no other gets the place of one in memory.
        self._known: dict[int, tuple[int, Any]] = {}
        self._names: dict[int, str] = {}

    def described(self, value: Any) -> Any:
        """Return a value as JSON."""
        if isinstance(value, np.generic):
            value = value.item()
        if value is None or isinstance(value, (bool, int, str)):
            return value
        if isinstance(value, float):
            return value if math.isfinite(value) else {"float": str(value)}
        if isinstance(value, (tuple, list)):
            return [self.described(entry) for entry in value]
        if isinstance(value, np.ndarray) and value.dtype.kind in "biuf":
            name = self._names.setdefault(id(value), f"array{len(self.arrays)}")
            self.arrays[name] = value
            return {"array": name}
        if id(value) in self._known:
            return {"same": self._known[id(value)][0]}
        fields = {name: self.described(entry) for name, entry in _stored(value).items()}
        self._known[id(value)] = len(self._known), value
        return {"kind": type(value).__name__, "fields": fields}


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
        return _Reader(stored, makers).made(json.loads(content.tobytes().decode()))
    except RecursionError:
        raise ValueError("its record is nested too deeply") from None


class _Reader:
    """Makes values of JSON, and counts objects as they were counted when they were written."""

    def __init__(self, stored: Archive, makers: Mapping[str, Callable[..., Any]]) -> None:
        self._stored, self._makers = stored, makers
        self._known: list[Any] = []
        self._arrays: dict[str, NDArray[Any]] = {}

    def made(self, described: Any) -> Any:
        """Return the value that JSON describes."""
        if isinstance(described, list):
            return tuple(self.made(entry) for entry in described)
        if not isinstance(described, dict):
            return described
        if set(described) == {"float"}:
            return float(described["float"])
        if set(described) == {"array"}:
            return self._array(described["array"])
        if set(described) == {"same"}:
            return self._known[described["same"]]
        make, given = self._makers[described["kind"]], described["fields"]
        found = make(**{name: self.made(entry) for name, entry in given.items()})
        self._known.append(found)
        return found

    def _array(self, name: str) -> NDArray[Any]:
        if name not in self._arrays:
            array = self._stored.read(name)
            if array.dtype.kind not in "biuf":
                raise ValueError(f"{name} has entries of type {array.dtype}")
            self._arrays[name] = array
        return self._arrays[name]
