"""What a release consists of agrees with itself: versions, recipes, workflows, pages."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import convexscore as cs
from benchmarks import guard
from convexscore._support.old_paths import MOVED

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
# Under these names there.
IN_CONDA = {"cvxpy": "cvxpy-base"}


def text(*parts):
    return ROOT.joinpath(*parts).read_text(encoding="utf-8")


def test_one_version_everywhere():
    assert re.search(r"^version: (\S+)$", text("CITATION.cff"), re.MULTILINE)[1] == cs.__version__
    recipe = text("packaging", "conda", "meta.yaml")
    assert re.search(r'set version = "(\S+)"', recipe)[1] == cs.__version__
    assert re.search(r"^## (\S+)", text("CHANGELOG.md"), re.MULTILINE)[1] in (cs.__version__, "Unreleased")


def test_the_conda_recipe_has_the_requirements_of_the_package():
    recipe = text("packaging", "conda", "meta.yaml")
    run = re.search(r"^  run:\n((?:    - .*\n)+)", recipe, re.MULTILINE)[1]
    listed = dict(re.findall(r"- (\S+) >=(\S+)", run))
    declared = dict(requirement.split(">=") for requirement in PROJECT["dependencies"])
    expected = {IN_CONDA.get(name, name): floor for name, floor in declared.items()}
    assert listed == {"python": PROJECT["requires-python"].removeprefix(">="), **expected}
    assert PROJECT["scripts"]["convexscore"] in recipe


def test_the_matrix_has_every_python_that_the_package_names_on_three_systems():
    named = {
        found[1] for line in PROJECT["classifiers"] if (found := re.fullmatch(r".*Python :: (3\.\d+)", line))
    }
    workflow = text(".github", "workflows", "tests.yml")
    assert set(re.findall(r'"(3\.\d+)"', re.search(r"python: \[(.*)\]", workflow)[1])) == named
    for system in ("ubuntu", "macos", "windows"):
        assert f"{system}-latest" in re.search(r"system: \[(.*)\]", workflow)[1]


def test_workflows_run_what_there_is():
    makefile = text("Makefile")
    targets = set(re.findall(r"^([\w-]+):", makefile, re.MULTILINE))
    for path in (ROOT / ".github" / "workflows").glob("*.yml"):
        content = path.read_text(encoding="utf-8")
        assert "\t" not in content
        for target in re.findall(r"run: make ([\w-]+)", content):
            assert target in targets, f"{path.name}: make {target}"
        for script in re.findall(r"python ([\w/]+\.py)", content):
            assert (ROOT / script).exists(), f"{path.name}: {script}"


def test_paths_that_the_migration_page_names_are_old_ones_and_new_ones():
    page = text("docs", "migration.md")
    sentence = re.search(r"imports `convexscore(.*?)\.\nNames", page, re.DOTALL)[1]
    paths = re.findall(r"convexscore\.([\w.]+)`", "`convexscore" + sentence)
    half = len(paths) // 2
    assert half >= 4
    assert [MOVED[old] for old in paths[:half]] == paths[half:]


@pytest.mark.parametrize(
    ("head", "again", "word"),
    [
        ([1.3, 1.3, 9.0], [1.0, 1.0, 1.0], "SLOWER"),
        # The machine's noise explains as much.
        ([1.3, 1.3, 1.3], [1.2, 1.2, 1.2], ""),
        ([1.2, 1.2, 1.2], [1.0, 1.0, 1.0], ""),
        ([0.5, 0.5, 0.5], [1.0, 1.0, 1.0], "faster"),
        ([float("nan")] * 3, [1.0, 1.0, 1.0], "FAILS"),
    ],
)
def test_the_guard_of_speed_judges_against_the_noise(head, again, word):
    assert guard.judged({"head": head, "base": [1.0, 1.0, 1.0], "again": again}, 1.25)["word"] == word


def test_the_guard_of_speed_runs_its_tasks_on_copies(tmp_path):
    copies = dict.fromkeys(("head", "base"), ROOT)
    times = guard.measured(copies, ("X = G.standard_normal(50)", "cs.solve(X, 20.0)"), 1)
    assert all(0 < taken < 60 for (taken,) in times.values())
    # What a copy does not know is no number.
    assert guard.measured({"head": ROOT}, ("", "cs.unknown()"), 1)["head"][0] != 0
    assert guard.judged({**guard.measured(copies, ("", "cs.no()"), 1), "again": [1.0]}, 1.25)["word"] == "new"


def test_the_demo_needs_no_extras_and_its_hint_works(tmp_path):
    # Without the libraries of extras, as after `pip install .`.
    script = "import sys\n"
    script += "for name in ('matplotlib', 'tqdm', 'sklearn', 'pandas', 'onnx'): sys.modules[name] = None\n"
    script += "from convexscore.__main__ import run\n"
    script += "sys.argv = ['convexscore', 'demo', '--output', 'demo']\nrun()"
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "certificate" in done.stdout
    assert "no figure: figures need matplotlib; install it with: pip install matplotlib" in done.stdout
    assert [path.name for path in (tmp_path / "demo").iterdir()] == ["old_faithful.npz"]
