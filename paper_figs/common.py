"""What the figure scripts share: arguments, and writing a picture with the numbers behind it."""

import argparse
import json
from pathlib import Path

INK, ACCENT, SOFT = "#1f3b57", "#c8553d", "#b9c6d2"


def output_directory(description):
    """Parse ``--out DIR`` and return the directory, made if need be."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--out", type=Path, default=Path(), help="directory, default: here")
    directory = parser.parse_args().out
    directory.mkdir(parents=True, exist_ok=True)
    return directory


def save(figure, numbers, directory, name):
    """Write ``name.png`` and ``name.json``."""
    figure.savefig(directory / f"{name}.png", dpi=150)
    (directory / f"{name}.json").write_text(json.dumps(numbers, indent=1) + "\n", encoding="utf-8")
    print(f"wrote {directory / name}.png and .json")
