"""The tables of docs/figures.md and docs/experiments.md, written between their marks from full runs."""

import json
import re

from .common import DOCS

#: The pages that have tables.
PAGES = (DOCS.parent / "figures.md", DOCS.parent / "experiments.md")
_BLOCK = re.compile(r"(<!-- numbers of (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


def write_pages():
    """Write the pages' numbers anew."""
    for page in PAGES:
        page.write_text(with_numbers(page.read_text(encoding="utf-8")), encoding="utf-8")


def with_numbers(page):
    """Return the page with the numbers of the JSON files beside its pictures."""
    return _BLOCK.sub(lambda found: found[1] + table(results_of(found[2])) + found[3], page)


def results_of(name):
    """Return what a full run of a figure found."""
    return json.loads((DOCS / f"{name}.json").read_text(encoding="utf-8"))


def table(results):
    """Return what is claimed and measured as tables of Markdown."""
    rows = [
        [sentence, "yes" if holds else "**no**", results["evidence"].get(sentence, "")]
        for sentence, holds in results["claims"].items()
    ]
    tables = [_markdown(["claim", "borne out", "measured"], rows)]
    if "mean_capped_wasserstein" in results:
        tables.append(_distances(results))
    return "\n".join(tables)


def _distances(results):
    """Return the distances of denoising samples by learning rate."""
    first, means = results["wasserstein_samples_to_law"], results["mean_capped_wasserstein"]
    errors = results["standard_errors"]["mean_capped_wasserstein"]
    escaped = results["share_of_chains_escaped_by_seed"]
    rows = [
        [
            name if name.startswith("convex") else f"Adam, rate {float(name):g}",
            "diverges" if first[name] is None else f"{first[name]:.3g}",
            f"{means[name]:.3f} +- {errors[name]:.3f}",
            f"{sum(run[name] > 0 for run in escaped)} of {len(escaped)}",
        ]
        for name in means
    ]
    heads = [
        "scores",
        "distance, seed 0",
        "mean over seeds, chains counted at 8 at most",
        "runs with escapes",
    ]
    return _markdown(heads, rows)


def _markdown(heads, rows):
    # A bar in a cell would end it.
    lines = [[cell.replace("|", "\\|") for cell in line] for line in [heads, ["---"] * len(heads), *rows]]
    return "".join("| " + " | ".join(line) + " |\n" for line in lines)
