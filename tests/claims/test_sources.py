"""The page of the sources: everything it names is there, and every row names something or says why not."""

import importlib
import re
from pathlib import Path

import pytest

import convexscore as cs

ROOT = Path(__file__).parents[2]
LINES = (ROOT / "docs" / "sources.md").read_text(encoding="utf-8").splitlines()
ROWS = [[cell.strip() for cell in line.strip("|").split("|")] for line in LINES if line.startswith("| ")]
ROWS = [row for row in ROWS if row[0] != "item"]
NAMES = sorted({name for row in ROWS for cell in row[2:] for name in re.findall(r"`([^`]+)`", cell)})


def found(name):
    """Return whether a file is there, with a test's function in it, or a dotted name in the package."""
    if "/" in name:
        path, _, function = name.partition("::")
        text = (ROOT / path).read_text(encoding="utf-8") if (ROOT / path).is_file() else None
        return text is not None and (not function or f"def {function}(" in text)
    thing = cs
    for part in name.split("."):
        if not hasattr(thing, part):
            try:
                importlib.import_module(f"{thing.__name__}.{part}")
            except (ImportError, AttributeError):
                return False
        thing = getattr(thing, part)
    return True


@pytest.mark.parametrize("name", NAMES)
def test_what_the_page_names_is_there(name):
    assert found(name)


def test_names_that_are_not_there_are_seen():
    wrong = ("solv", "samplers.jointly", "examples/plot_none.py", "tests/test_theory.py::test_none")
    assert not any(map(found, wrong))


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_every_row_is_built_or_says_that_it_is_not(row):
    assert len(row) == 4
    assert "not built" in row[1] or ("`" in row[2] and "`" in row[3])


def test_every_source_has_its_rows():
    heads = [line for line in LINES if line.startswith("## ")]
    assert len(heads) == 5
    assert len(ROWS) > 50
    text = "\n".join(LINES)
    for item in ("3.1", "A.4", "A.5", "A.6", "4.1", "B.1", "B.2", "B.3", "3.2", "4.2", "3.4", "A.7", "A.1"):
        assert re.search(rf"(Theorems?|Lemmas|,) [^|]*{re.escape(item)}\b", text), item


def test_every_example_is_of_a_source_or_beyond_them():
    beyond = {"plot_adam", "plot_old_faithful", "plot_planar_generation", "plot_pooled", "plot_pooled_plane"}
    beyond |= {"plot_bring_your_own_solver", "plot_estimator", "plot_certificate", "plot_certified_iris"}
    beyond |= {"plot_anomalies", "plot_drift", "plot_empirical_bayes", "plot_limits", "plot_mean_shift"}
    beyond |= {"plot_simulated_posterior", "plot_stein_test", "plot_stein_thinning"}
    examples = {path.stem for path in (ROOT / "examples").glob("plot_*.py")}
    named = {Path(name).stem for name in NAMES if name.startswith("examples/")}
    assert examples == named | beyond
