"""The gallery's sources: copies of the examples, so that what they write is beside the copies.

The examples named in `STORED` take from ten seconds to a minute.  They are not run for the site: their pages
show a picture of theirs that is kept in ``docs/figures/gallery``.  To draw these pictures again:

    python docs/extensions/staged_examples.py
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[2]
PICTURES = "figures/gallery"
STORED = (
    "plot_anomalies",
    "plot_certified_iris",
    "plot_drift",
    "plot_empirical_bayes",
    "plot_generated_spins",
    "plot_imbalanced_mixture",
    "plot_joint",
    "plot_langevin_abs",
    "plot_limits",
    "plot_mean_shift",
    "plot_planar_generation",
    "plot_pooled_plane",
    "plot_reverse_convergence",
    "plot_sequential",
    "plot_simulated_posterior",
    "plot_stein_test",
    "plot_stein_thinning",
    "plot_variational_denoisers",
    "plot_wide_networks",
)
# Finds the files that are run.
PATTERN = r"plot_(?!(?:" + "|".join(stem.removeprefix("plot_") for stem in STORED) + r")\.py)"


def with_picture(source, stem):
    """Return an example's source with its stored picture at the end of the text at its head."""
    picture = f"{PICTURES}/{stem[5:]}.png"
    head, text, code = source.split('"""', 2)
    # With a width the picture leads to itself at full size, which phones need.
    note = f".. image:: /{picture}\n   :alt: The figure that this example draws\n   :width: 100%\n"
    return f'{head}"""{text.rstrip()}\n\n{note}"""\n\n# sphinx_gallery_thumbnail_path = "{picture}"\n{code}'


def stage(examples, folder):
    """Copy the examples to a folder, those with stored pictures together with these."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    shutil.copy(examples / "README.rst", folder)
    for path in sorted(examples.glob("plot_*.py")):
        source = path.read_text(encoding="utf-8")
        source = with_picture(source, path.stem) if path.stem in STORED else source
        (folder / path.name).write_text(source, encoding="utf-8")


def draw(folder):
    """Run the examples with stored pictures, and keep these, of few colors, in a folder."""
    from PIL import Image

    for stem in STORED:
        with tempfile.TemporaryDirectory() as work:
            environment = {**os.environ, "MPLBACKEND": "Agg", "PYTHONPATH": str(ROOT)}
            command = [sys.executable, str(ROOT / "examples" / f"{stem}.py")]
            subprocess.run(command, cwd=work, env=environment, check=True)
            (written,) = Path(work).glob("*.png")
            Image.open(written).convert("RGB").quantize(128).save(folder / f"{stem[5:]}.png", optimize=True)


if __name__ == "__main__":
    draw(ROOT / "docs" / PICTURES)
