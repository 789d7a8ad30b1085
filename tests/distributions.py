"""Check what the two distributions in a folder hold: ``python -m tests.distributions FOLDER``."""

import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[1]


def tracked_files():
    """Return the files under version control, or None outside a checkout."""
    if not (ROOT / ".git").exists():
        return None
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
    return {name for name in listed.stdout.split("\0") if name and (ROOT / name).exists()}


def faults(sdist, wheel, tracked):
    """Yield what is missing from the names in the distributions, or too much in them."""
    if tracked is not None:
        yield from (f"not in the source distribution: {name}" for name in sorted(tracked - sdist))
        yield from (f"not under version control: {name}" for name in sorted(sdist - tracked - {"PKG-INFO"}))
    package = {name for name in sdist if name.startswith("convexscore/")}
    rest = {name.partition("/")[2] for name in wheel - package if ".dist-info/" in name}
    yield from (f"not in the wheel: {name}" for name in sorted(package - wheel))
    yield from (
        f"not of the package: {name}" for name in sorted(wheel - package) if ".dist-info/" not in name
    )
    yield from (f"not in the wheel: {name}" for name in {"METADATA", "licenses/LICENSE"} - rest)


def main(folder):
    (source,), (built,) = Path(folder).glob("*.tar.gz"), Path(folder).glob("*.whl")
    with tarfile.open(source) as archive:
        sdist = {member.name.partition("/")[2] for member in archive.getmembers() if member.isfile()}
    with zipfile.ZipFile(built) as archive:
        wheel = set(archive.namelist())
    found = list(faults(sdist, wheel, tracked_files()))
    print("\n".join(found) or f"{len(sdist)} files in {source.name}, {len(wheel)} in {built.name}: complete")
    return bool(found)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
