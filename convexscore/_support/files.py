"""Files that appear whole or not at all."""

from __future__ import annotations

import os
import shutil
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

#: What `numpy.load` and the arrays it returns can raise on a damaged or foreign file.
DAMAGED_ARCHIVE = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    LookupError,
    OSError,
    RuntimeError,
    TypeError,
    ValueError,
)


@contextmanager
def written_whole(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Yield a temporary path beside `path`; move it to `path` on success, delete it on failure.

    A pipe or device is not replaced but written to, once everything is there.
    """
    target = Path(path)
    if target.is_dir():
        raise ValueError(f"path: expected a file, got the directory {target}")
    if not target.parent.is_dir():
        raise ValueError(f"path: expected a file in an existing directory, got {target}")
    special = target.exists() and not target.is_file()
    # The suffix stays at the end, because savefig and friends choose the format by it.
    handle, name = tempfile.mkstemp(
        dir=None if special else target.parent, prefix=f".{target.stem}-", suffix=target.suffix
    )
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        if special:
            with temporary.open("rb") as source, target.open("wb") as sink:
                shutil.copyfileobj(source, sink)
            return
        # mkstemp makes files private; give the result the permissions any new file would have.
        mask = os.umask(0)
        os.umask(mask)
        temporary.chmod(0o666 & ~mask)
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)
