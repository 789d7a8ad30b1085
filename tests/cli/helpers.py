"""Networks, data and checks that the tests of the command line share."""

import os
import subprocess
import sys

import numpy as np
from matplotlib.image import imread

import convexscore as cs

NUMBERS = [0.5, 1.5, 2.0, 3.25, 3.5, 4.0]
NO_DENSITY = cs.TwoLayerNetwork([[1.0]], [0.0], [[1.0]], [0.0])


def names(directory):
    return sorted(path.name for path in directory.iterdir())


def refused(result, code, *parts):
    """Check the code, one line on standard error that holds these parts, and no output."""
    actual, out, err = result
    assert actual == code
    assert out == ""
    assert err.startswith("convexscore: ")
    assert err.count("\n") == 1
    for part in parts:
        assert part in err
    return True


def is_drawn(path):
    """Whether a PNG file has a picture in it that is not blank."""
    return path.read_bytes().startswith(b"\x89PNG\r\n\x1a\n") and imread(path)[..., :3].std() > 0.02


def write_numbers(path):
    """Write `NUMBERS` in the format of the suffix, among other columns where there can be some."""
    array = np.array(NUMBERS)
    table = np.column_stack([np.arange(6.0), array])
    if path.suffix == ".npy":
        np.save(path, table)
    elif path.suffix == ".npz":
        np.savez(path, u=table[:, 0], x=array)
    else:
        separator = {".csv": ",", ".tsv": "\t", ".txt": "  "}[path.suffix]
        rows = ["u" + separator + "x", *(f"{u:g}{separator}{x!r}" for u, x in table.tolist())]
        path.write_text("\n".join(rows))


def command(*arguments, **options):
    """Run the command line in a process of its own, with buffered output as usual."""
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONUNBUFFERED"}
    root = os.path.dirname(os.path.dirname(cs.__file__))
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, [root, environment.get("PYTHONPATH")]))
    line = [sys.executable, "-m", "convexscore", *arguments]
    return subprocess.run(line, env=environment, stderr=subprocess.PIPE, text=True, check=False, **options)
