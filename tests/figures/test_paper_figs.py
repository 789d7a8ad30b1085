"""The paper's figures: Adam never beats the certified optimum, and every picture can be read."""

import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.image import imread

from convexscore import cli
from paper_figs import common
from paper_figs.common import NUMBERS, draw_figures, draw_one, failed, plain, report, save

from .legibility import CHECKS

ROOT = Path(__file__).parents[2]
WITH_ADAM = {3, 4, 5, 7, 8, 9, 10, 11, 12, 13, 15}


@pytest.fixture(scope="module", params=NUMBERS, ids=lambda number: f"fig{number:02d}")
def drawn(request):
    """Draw one figure, quickly; return its number, the figure and the numbers behind it."""
    return request.param, *draw_one(request.param, quick=True)


def nested(numbers):
    """Yield a dictionary and all dictionaries in it."""
    yield numbers
    for value in numbers.values():
        if isinstance(value, dict):
            yield from nested(value)


def test_adam_is_never_below_the_optimum(drawn):
    number, _, numbers = drawn
    compared = [entry for entry in nested(numbers) if "least_gap_at_any_epoch" in entry]
    assert bool(compared) == (number in WITH_ADAM)
    for entry in compared:
        assert entry["least_gap_at_any_epoch"] >= -1e-8 * abs(entry["convex_optimum"])
    assert min(numbers.get("least_relative_gaps_of_adam_by_level", [0])) >= -1e-8


def test_numbers_say_what_is_claimed_and_whether_it_holds(drawn):
    _, _, numbers = drawn
    claims = numbers["claims"]
    assert claims
    assert numbers["claim"] == "; ".join(claims)
    assert numbers["bears_out"] == all(claims.values())
    # Every claim of the figures says what was measured.
    assert numbers["evidence"].keys() == claims.keys()
    assert isinstance(numbers["standard_errors"], dict)
    assert numbers["parameters"]["quick"] is True
    assert "seed" in numbers["parameters"] or "data" in numbers["parameters"]


def test_what_is_exact_is_borne_out(drawn):
    number, _, numbers = drawn
    assert numbers["bears_out"] or number not in {1, 2, 14, 15, 16}


@pytest.mark.parametrize("check", CHECKS)
def test_figures_are_legible(drawn, check):
    check(drawn[1])


def test_failed_claims_stand_below_the_panels(drawn):
    _, figure, numbers = drawn
    caption = " ".join(figure._supxlabel.get_text().split())
    for sentence, holds in numbers["claims"].items():
        assert (" ".join(f"{sentence} ({numbers['evidence'][sentence]})".split()) in caption) == (not holds)


def test_pictures_are_not_blank_and_numbers_are_json(drawn, tmp_path):
    number, figure, numbers = drawn
    save(figure, numbers, tmp_path, "a")
    assert imread(tmp_path / "a.png")[..., :3].var() > 1e-3
    assert json.loads((tmp_path / "a.json").read_text()) == plain(numbers)
    assert (tmp_path / "a.png").stat().st_size < 120_000, number


def test_plain_numbers():
    given = {1: np.float64(2.0), "a": (np.True_, np.int64(3), np.inf), "b": np.array([1.5, np.nan])}
    assert plain(given) == {"1": 2.0, "a": [True, 3, None], "b": [1.5, None]}


def test_command(tmp_path, capsys):
    out = tmp_path / "new" / "directory"
    assert cli.main(["figures", "--quick", "--only", "1,14", "--out", str(out), "--pdf"]) == 0
    names = sorted(path.name for path in out.iterdir())
    assert names == [f"fig{number}.{kind}" for number in ("01", "14") for kind in ("json", "pdf", "png")]
    assert capsys.readouterr().out.count("borne out") == 2


def experiment(quick=False):
    """Draw what stands for an experiment: one claim holds, the other does not."""
    figure = Figure()
    figure.subplots().plot([0, 1])
    claims = {"one is one": True, "two is one": (False, "2 +- 0.1")}
    return figure, report(claims, {"seed": 0}, quick, standard_errors={"two": 0.1}, two=2.0)


@pytest.fixture
def spins(monkeypatch):
    """Put an experiment of that name into the table."""
    monkeypatch.setitem(common.TABLE, "spin_dimension", 0)
    module = ModuleType("paper_figs.spin_dimension")
    module.draw = experiment
    monkeypatch.setitem(sys.modules, "paper_figs.spin_dimension", module)


@pytest.mark.usefixtures("spins")
def test_experiments_have_names_and_say_what_failed(tmp_path, capsys):
    arguments = ["figures", "--quick", "--only", "1, spin_dimension", "--out", str(tmp_path)]
    assert cli.main(arguments) == 0
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["fig01.json", "fig01.png", "spin_dimension.json", "spin_dimension.png"]
    numbers = json.loads((tmp_path / "spin_dimension.json").read_text())
    assert numbers["claims"] == {"one is one": True, "two is one": False}
    assert numbers["evidence"] == {"two is one": "2 +- 0.1"}
    assert numbers["standard_errors"] == {"two": 0.1}
    assert failed(numbers) == ["two is one (2 +- 0.1)"]
    assert "failed: two is one (2 +- 0.1)" in capsys.readouterr().out


@pytest.mark.usefixtures("spins")
def test_the_table_is_drawn_whole_without_a_word(monkeypatch, tmp_path):
    for name in set(common.TABLE) - {"spin_dimension"}:
        monkeypatch.delitem(common.TABLE, name)
    (line,) = draw_figures(tmp_path)
    assert line.startswith("spin_dimension  claim not borne out")


@pytest.mark.usefixtures("spins")
def test_an_experiment_is_not_drawn_of_own_data(tmp_path, capsys):
    (tmp_path / "a.csv").write_text("x\n1\n2\n4\n8\n9\n")
    arguments = ["figures", "--only", "spin_dimension", "--data", str(tmp_path / "a.csv")]
    assert cli.main(arguments) == 2
    assert "--data: spin_dimension expected without" in capsys.readouterr().err


def test_same_seed_same_numbers(tmp_path):
    for name in ("a", "b"):
        list(draw_figures(tmp_path / name, [9], quick=True))
    assert (tmp_path / "a/fig09.json").read_text() == (tmp_path / "b/fig09.json").read_text()


def test_command_refuses_unknown_figures(tmp_path, capsys):
    assert cli.main(["figures", "--only", "17", "--out", str(tmp_path)]) == 2
    message = capsys.readouterr().err
    assert "figures: expected numbers from 1 to 16 or spin_dimension, " in message
    assert message.endswith(", got 17\n")
    assert cli.main(["figures", "--only", "three", "--out", str(tmp_path)]) == 2
    assert capsys.readouterr().err.endswith(", got three\n")
    assert not list(tmp_path.iterdir())
    with pytest.raises(SystemExit):
        cli.main(["figures", "--only", "3;5"])


def test_command_says_what_is_missing_outside_a_checkout(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(
        cli.figures, "__file__", str(tmp_path / "installed" / "convexscore" / "cli" / "figures.py")
    )
    assert cli.main(["figures"]) == 2
    assert "a checkout of the repository" in capsys.readouterr().err


def test_command_runs_no_scripts_of_the_working_directory(tmp_path, monkeypatch, capsys):
    (tmp_path / "paper_figs").mkdir()
    (tmp_path / "paper_figs" / "__init__.py").write_text("raise SystemExit('not mine')")
    monkeypatch.chdir(tmp_path)
    modules = {name: module for name, module in sys.modules.items() if name.split(".")[0] == "paper_figs"}
    try:
        for name in modules:
            del sys.modules[name]
        assert cli.main(["figures", "--only", "1", "--quick"]) == 0
        assert sys.modules["paper_figs"].__file__ == str(ROOT / "paper_figs" / "__init__.py")
    finally:
        sys.modules.update(modules)
    assert (tmp_path / "figures" / "fig01.png").exists()


def test_a_script_runs_alone(tmp_path):
    command = [sys.executable, "-m", "paper_figs.fig02", "--quick", "--out", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "fig02.png").exists()
