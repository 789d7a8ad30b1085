"""Files that appear whole or not at all, and files that are one and the same."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from .validation import shown

__all__ = ["as_path", "is_special", "same_file", "written_whole"]

# Bytes of a target's name that its temporary one keeps; file systems end at 255.
_KEPT = 60


def as_path(name: str, path: Any) -> Path:
    """Return `path` as a path that the system can be asked for, or raise naming `name`."""
    try:
        text = os.fsdecode(path)
        os.fsencode(text)
    except UnicodeError:
        raise ValueError(f"{name}: expected a name that the system can encode, got {shown(path)}") from None
    except Exception:  # whatever it raises when it is asked for its path
        raise TypeError(f"{name}: expected a path, got {shown(path)}") from None
    if "\0" in text:
        raise ValueError(f"{name}: expected a name without null characters, got {shown(path)}")
    return Path(text)


@contextmanager
def written_whole(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Yield a temporary path beside `path`; move it to `path` on success, delete it on failure.

    A link is followed: it stays, and what it points to is replaced.  A pipe or device is not replaced but
    written to, once everything is there.
    """
    given = as_path("path", path)
    if given.is_dir():
        raise ValueError(f"path: expected a file, got the directory {given}")
    # A link in the place of a directory or of the file itself: the temporary file lies beside the real one.
    target = Path(os.path.realpath(given))
    if not target.parent.is_dir():
        raise ValueError(f"path: expected a file in an existing directory, got {given}")
    special = is_special(given)
    # The suffix stays at the end, because savefig and friends choose the format by it; the name is known
    # before the file is there, so that no signal comes between the two.
    stem = os.fsencode(target.stem)[:_KEPT].decode(errors="ignore")
    name = f".{stem}-{secrets.token_hex(8)}{target.suffix if len(target.suffix) < _KEPT else ''}"
    temporary = (Path(_temporary_directory()) if special else target.parent) / name
    try:
        os.close(os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        yield temporary
        if special:
            with temporary.open("rb") as source, given.open("wb") as sink:
                shutil.copyfileobj(source, sink)
            return
        # Private until it is whole; then it gets the permissions that any new file would have.
        mask = os.umask(0)
        os.umask(mask)
        temporary.chmod(0o666 & ~mask)
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)


def _temporary_directory() -> str:
    import tempfile

    return tempfile.gettempdir()


def is_special(path: str | os.PathLike[str]) -> bool:
    """Whether there is a pipe, a device, or a standard stream, be it one that leads to a file."""
    exists = os.path.exists(path)
    return exists and (not os.path.isfile(path) or os.path.abspath(path).startswith("/dev/"))


def same_file(one: str | os.PathLike[str], other: str | os.PathLike[str]) -> bool:
    """Whether writing to one of two paths would change what is at the other: links count, soft and hard.

    Pipes and devices are none: they keep nothing.
    """
    if os.path.realpath(one) == os.path.realpath(other):
        return not os.path.exists(one) or os.path.isfile(one)
    try:
        return os.path.samefile(one, other) and os.path.isfile(one)
    except OSError:
        return False
