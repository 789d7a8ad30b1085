"""What the figure scripts share: arguments, claims, and writing a picture with the numbers behind it."""

import argparse
import importlib
import io
import json
import time
from pathlib import Path

import numpy as np
from PIL import Image

INK, ACCENT, SOFT, GREEN = "#1f3b57", "#c8553d", "#b9c6d2", "#4f7f52"
NUMBERS = range(1, 17)


def arguments(description):
    """Return the parser of the arguments that every script takes."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--out", type=Path, default=Path(), help="directory, default: here")
    parser.add_argument("--quick", action="store_true", help="fewer trials, epochs and samples")
    parser.add_argument("--pdf", action="store_true", help="write a PDF too")
    return parser


def main(description, number):
    """Run one figure's script."""
    options = arguments(description).parse_args()
    for line in draw_figures(options.out, [number], options.quick, options.pdf):
        print(line)


def draw_figures(directory, numbers=NUMBERS, quick=False, pdf=False):
    """Draw figures one after the other, and yield a line on each."""
    unknown = sorted(set(numbers) - set(NUMBERS))
    if unknown:
        listed = ", ".join(map(str, unknown))
        raise ValueError(f"figures: expected numbers from {NUMBERS[0]} to {NUMBERS[-1]}, got {listed}")
    directory = Path(directory)
    directory.mkdir(parents=True, exist_ok=True)
    for number in numbers:
        start = time.perf_counter()
        name = f"fig{number:02d}"
        figure, results = importlib.import_module(f"{__package__}.{name}").draw(quick)
        save(figure, results, directory, name, pdf)
        verdict = "borne out" if results["bears_out"] else "not borne out"
        yield f"{name}  claim {verdict:14s} {time.perf_counter() - start:5.1f} s  {directory / name}.png"


def save(figure, numbers, directory, name, pdf=False):
    """Write ``name.png``, ``name.json`` and, if asked for, ``name.pdf``."""
    buffer = io.BytesIO()
    figure.savefig(buffer, dpi=110)
    # A palette of 160 colors halves the files of line drawings.
    Image.open(buffer).convert("RGB").quantize(160).save(directory / f"{name}.png", optimize=True)
    if pdf:
        figure.savefig(directory / f"{name}.pdf")
    text = json.dumps(plain(numbers), indent=1, allow_nan=False)
    (directory / f"{name}.json").write_text(text + "\n", encoding="utf-8")


def plain(value):
    """Return `value` in terms that JSON knows: no NumPy, and ``null`` for numbers that are not finite."""
    if isinstance(value, dict):
        return {str(key): plain(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple, np.ndarray)):
        return [plain(entry) for entry in value]
    if isinstance(value, (bool, np.bool_)):
        return bool(value)
    if isinstance(value, (int, np.integer)):
        return int(value)
    if isinstance(value, (float, np.floating)):
        return float(value) if np.isfinite(value) else None
    return value


def report(claims, parameters, quick, **numbers):
    """Return the numbers of a figure: `claims` says of each sentence whether the run bears it out."""
    return {
        "claim": "; ".join(claims),
        "bears_out": all(claims.values()),
        "claims": claims,
        "parameters": {**parameters, "quick": quick},
        **numbers,
    }


def trim(axes):
    """Take away the frame's upper and right sides."""
    for ax in axes:
        ax.spines[["top", "right"]].set_visible(False)
