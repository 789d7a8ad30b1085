"""NPY and NPZ files from anywhere: sizes are compared before anything is unpacked, and only numbers come out.

`numpy.load` trusts what a file says about itself.  Here the header of an array is read first, bounded; what
it promises is compared with the bytes that are there, with the archive's directory and with a limit; and
whatever is wrong with a file ends in one `DamagedFileError`, a ValueError.
"""

from __future__ import annotations

import ast
import math
import os
import re
import warnings
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

__all__ = ["INFLATED", "Archive", "DamagedFileError", "read_npy"]

#: How many bytes, counted as float64, a packed file may always unpack to.
INFLATED = 2**25
# More than that is believed of files that are large themselves: numbers rarely pack better than this.
_RATIO = 32
# NumPy's own limit; arrays of numbers have headers of about 100 bytes.
_LONGEST_HEADER = 10_000
_DTYPE = re.compile(r"[<>|=]?[biufcSUOVmM]\d{0,9}(\[\w{1,8}\])?")


class DamagedFileError(ValueError):
    """A file that is not what it should be, or says something untrue about itself."""


@contextmanager
def _foreign_bytes() -> Iterator[None]:
    """Turn whatever reading foreign bytes raises into a DamagedFileError."""
    try:
        yield
    except (DamagedFileError, MemoryError):
        raise
    # Unpacking raises struct.error, zlib.error, KeyError, NotImplementedError and many more.
    except Exception as error:
        # Messages of zipfile may quote half the file.
        raise DamagedFileError(str(error)[:200] or type(error).__name__) from error


def read_npy(stream: BinaryIO) -> NDArray[Any]:
    """Read the one array of an NPY file; `stream` is an open file.

    Raises
    ------
    DamagedFileError
        If the file is damaged, is none, or holds Python objects.
    """
    with _foreign_bytes():
        size = os.fstat(stream.fileno()).st_size
        return _read_array(stream, size, math.inf)


class Archive:
    """The arrays of an NPZ file, each read when it is asked for.

    Parameters
    ----------
    stream : file
        The open file.

    Raises
    ------
    DamagedFileError
        If the file is no intact NPZ file.
    """

    def __init__(self, stream: BinaryIO) -> None:
        with _foreign_bytes():
            self._size = os.fstat(stream.fileno()).st_size
            self._zip = zipfile.ZipFile(stream)
            entries = self._zip.infolist()
        self._entries = {entry.filename.removesuffix(".npy"): entry for entry in entries}
        if len(self._entries) < len(entries):
            raise DamagedFileError("several members of one name")
        self._left: float = INFLATED

    @property
    def names(self) -> list[str]:
        """The names of the arrays."""
        return list(self._entries)

    def read(self, name: str, limit: float = math.inf) -> NDArray[Any]:
        """Read one array, of at most `limit` bytes.

        Raises
        ------
        DamagedFileError
            If there is no such array, it is damaged, larger than `limit`, or holds Python objects.
        """
        if name not in self._entries:
            raise DamagedFileError(f"no array {name!r} in it")
        entry = self._entries[name]
        with _foreign_bytes(), self._zip.open(entry) as member:
            array = _read_array(member, entry.file_size, min(limit, self._allowed(entry)))
        if entry.compress_type != zipfile.ZIP_STORED:
            self._left -= _weight(array.size, array.dtype)
        return array

    def _allowed(self, entry: zipfile.ZipInfo) -> float:
        """How many bytes, counted as float64, are believed to be in a member."""
        if entry.compress_type == zipfile.ZIP_STORED:
            if entry.file_size != entry.compress_size or entry.file_size > self._size:
                raise DamagedFileError("its directory has sizes that do not fit")
            return math.inf
        if entry.compress_type != zipfile.ZIP_DEFLATED:
            raise DamagedFileError("it is packed in a way that NumPy never uses")
        return max(self._left, _RATIO * min(entry.compress_size, self._size))


def _weight(count: int, dtype: np.dtype[Any]) -> int:
    """How many bytes an array takes when it is made one of float64."""
    return count * max(dtype.itemsize, 8)


def _read_array(stream: IO[bytes], size: int, allowed: float) -> NDArray[Any]:
    """Read an array from a stream that should have `size` bytes."""
    start, shape, fortran, dtype = _read_header(stream)
    count = math.prod(shape)
    expected = count * dtype.itemsize
    if start + expected != size:
        raise DamagedFileError(
            f"its header promises shape {_short(shape)}, {expected} bytes, and there are {size - start}"
        )
    if _weight(count, dtype) > allowed:
        raise DamagedFileError(f"it unpacks to {expected} bytes, which is too much for a file of its size")
    content = stream.read(expected)
    # Reading to the end lets zipfile compare the checksum.
    if len(content) != expected or stream.read(1):
        raise DamagedFileError("it ends early")
    return np.frombuffer(content, dtype).reshape(shape, order="F" if fortran else "C")


def _read_header(stream: IO[bytes]) -> tuple[int, tuple[int, ...], bool, np.dtype[Any]]:
    """Read an array's header: its length, and the array's shape, order and dtype."""
    magic = stream.read(8)
    if len(magic) < 8 or magic[:6] != b"\x93NUMPY" or magic[6] not in (1, 2, 3):
        raise DamagedFileError("it is no array of NumPy's format")
    width = 2 if magic[6] == 1 else 4
    length = int.from_bytes(stream.read(width), "little")
    if length > _LONGEST_HEADER:
        raise DamagedFileError(f"its header has {length} bytes")
    text = stream.read(length).decode("latin-1")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            # Python 2 wrote shapes as (3L,).
            fields = ast.literal_eval(re.sub(r"(?<=\d)L", "", text))
        shape, fortran, name = fields["shape"], fields["fortran_order"], fields["descr"]
    except Exception:
        raise DamagedFileError(f"its header is {_short(text)}") from None
    whole = isinstance(shape, tuple) and all(type(length) is int and length >= 0 for length in shape)
    if not whole or len(shape) > 32 or type(fortran) is not bool:
        raise DamagedFileError(f"its header is {_short(text)}")
    return 8 + width + length, shape, fortran, _as_dtype(name)


def _as_dtype(name: object) -> np.dtype[Any]:
    if not isinstance(name, str) or not _DTYPE.fullmatch(name):
        raise DamagedFileError(f"it holds entries of type {_short(name)}, not numbers")
    dtype = np.dtype(name)
    if dtype.hasobject:
        raise DamagedFileError("it holds Python objects, which are never opened (allow_pickle=False)")
    if not dtype.itemsize:
        raise DamagedFileError("its entries are empty")
    return dtype


def _short(thing: object) -> str:
    text = repr(thing)
    return text if len(text) <= 80 else f"{text[:77]}..."
