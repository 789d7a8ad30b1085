"""The paper's figures: Adam never beats the certified optimum, and every picture can be read."""

import importlib
import json
import subprocess
import sys
from itertools import groupby, pairwise
from pathlib import Path

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.image import imread

from convexscore import cli
from paper_figs.common import NUMBERS, draw_figures, plain, save

ROOT = Path(__file__).parents[2]
WITH_ADAM = {3, 4, 5, 7, 8, 9, 10, 11, 12, 13, 15}


@pytest.fixture(scope="module", params=NUMBERS, ids=lambda number: f"fig{number:02d}")
def drawn(request):
    """Draw one figure, quickly; return its number, the figure and the numbers behind it."""
    module = importlib.import_module(f"paper_figs.fig{request.param:02d}")
    return request.param, *module.draw(quick=True)


def nested(numbers):
    """Yield a dictionary and all dictionaries in it."""
    yield numbers
    for value in numbers.values():
        if isinstance(value, dict):
            yield from nested(value)


def panels(figure):
    """Return the axes in groups that share a place: an axis and its twin."""
    place = [(tuple(ax.get_position().bounds), ax) for ax in figure.axes]
    place.sort(key=lambda entry: entry[0])
    return [[ax for _, ax in group] for _, group in groupby(place, key=lambda entry: entry[0])]


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
    assert numbers["parameters"]["quick"] is True
    assert "seed" in numbers["parameters"] or "data" in numbers["parameters"]


def test_figures_are_labelled(drawn):
    _, figure, _ = drawn
    FigureCanvasAgg(figure).draw()
    for group in panels(figure):
        assert any(ax.get_title() for ax in group)
        assert any(ax.get_xlabel() for ax in group)
        assert all(ax.get_ylabel() for ax in group)
        assert all(ax.has_data() for ax in group)
        assert figure.legends or any(ax.get_legend() for ax in group)


def test_no_text_is_clipped_or_overlaps(drawn):
    _, figure, _ = drawn
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    titles = [ax.title.get_window_extent() for ax in figure.axes if ax.get_title()]
    for box in titles:
        assert box.x0 >= 0
        assert box.x1 <= figure.bbox.x1
        assert box.y1 <= figure.bbox.y1
    for number, box in enumerate(titles):
        assert not any(box.overlaps(other) for other in titles[:number])
    for ax in figure.axes:
        shown = [label.get_window_extent() for label in ax.get_xticklabels() if label.get_text()]
        low, high = ax.get_window_extent().intervalx
        shown = sorted((b.x0, b.x1) for b in shown if low - 1 <= (b.x0 + b.x1) / 2 <= high + 1)
        assert all(left[1] <= right[0] for left, right in pairwise(shown))


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


def test_same_seed_same_numbers(tmp_path):
    for name in ("a", "b"):
        list(draw_figures(tmp_path / name, [9], quick=True))
    assert (tmp_path / "a/fig09.json").read_text() == (tmp_path / "b/fig09.json").read_text()


def test_command_refuses_unknown_figures(tmp_path, capsys):
    assert cli.main(["figures", "--only", "17", "--out", str(tmp_path)]) == 2
    assert "from 1 to 16, got 17" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
    with pytest.raises(SystemExit):
        cli.main(["figures", "--only", "three"])


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
