"""The paper's figures of a user's own columns."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import convexscore as cs
from paper_figs import whole_path
from paper_figs.common import draw_one, failed, main
from paper_figs.laws import MOST_ROWS, distance, standardized

ROOT = Path(__file__).parents[2]
ERUPTIONS = cs.datasets.load_old_faithful()["eruptions"]


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    """Return what runs ``convexscore figures`` beside tables of Old Faithful and of few numbers."""
    monkeypatch.chdir(tmp_path)
    data = cs.datasets.load_old_faithful().data
    rows = "".join(f"{left!r},{right!r}\n" for left, right in data.tolist())
    (tmp_path / "data.csv").write_text("eruptions,waiting\n" + rows)
    (tmp_path / "few.csv").write_text("x\n1\n2\n3\n1\n2\n3\n")
    (tmp_path / "three.csv").write_text("a,b,c\n1,2,4\n2,3,6\n3,1,5\n4,9,0\n5,4,2\n")

    def call(line):
        code = cs.cli.main(["figures", "--quick", *line.split()])
        return code, capsys.readouterr().err

    return call


def texts(numbers):
    """Yield all sentences of a figure's numbers."""
    yield from numbers["claims"]
    yield from numbers["evidence"].values()


def test_a_column_takes_the_place_of_the_data(run, tmp_path):
    assert run("--data data.csv --column eruptions --only 3 --out out") == (0, "")
    numbers = json.loads((tmp_path / "out/fig03.json").read_text())
    assert numbers["parameters"]["n"] == ERUPTIONS.size
    data = numbers["parameters"]["data"]
    assert data["columns"] == ["eruptions"]
    assert data["means"] == pytest.approx([ERUPTIONS.mean()])
    assert data["standard_deviations"] == pytest.approx([ERUPTIONS.std()])
    unit = (ERUPTIONS - ERUPTIONS.mean()) / ERUPTIONS.std()
    bounds = cs.beta_bounds(cs.ScoreMatching(unit))
    assert numbers["beta_bounds"] == pytest.approx(vars(bounds), rel=1e-9)
    assert numbers["threshold_minus_one"]["beta"] == pytest.approx(bounds.maximum - 1)
    # Nothing is known of the law that the data are from.
    assert not any("truth" in text for text in texts(numbers))
    assert "ours: samples follow the data at weight decay 271" in numbers["claims"]


@pytest.mark.parametrize("number", [1, 6, 9, 12, 14, 16])
def test_every_kind_of_figure_is_drawn_of_a_column(number):
    own = standardized(["eruptions"], ERUPTIONS[:60])
    figure, numbers = draw_one(number, True, own)
    assert numbers["parameters"].get("n", 60) == 60
    assert numbers["parameters"]["data"]["columns"] == ("eruptions",)
    assert not any("truth" in text for text in texts(numbers))
    words = [label for ax in figure.axes for label in (ax.get_xlabel(), ax.get_ylabel())]
    assert number == 16 or any("eruptions" in word for word in words)
    labels = [label for ax in figure.axes for label in ax.get_legend_handles_labels()[1]]
    assert "truth" not in labels


@pytest.mark.parametrize("number", [1, 2])
def test_the_members_of_the_family_have_one_loss(number):
    # On which side of a kink at an extreme point that point counts must not hang on rounding.
    galaxies = cs.datasets.load_galaxies().data.ravel()
    _, numbers = draw_one(number, True, standardized(["velocity"], galaxies))
    assert numbers["bears_out"], failed(numbers)


def test_two_columns_make_the_planar_figure(run, tmp_path):
    assert run("--data data.csv --column eruptions --column waiting --out out") == (0, "")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["fig15.json", "fig15.png"]
    numbers = json.loads((tmp_path / "out/fig15.json").read_text())
    assert numbers["parameters"]["data"]["columns"] == ["eruptions", "waiting"]
    assert numbers["claims"]["no trial of Adam is below the certified optimum at any epoch"]


def test_figures_do_not_depend_on_units():
    x = np.random.default_rng(3).lognormal(size=40)
    values = [
        whole_path.draw(True, standardized(["x"], scale * x))[1]["losses"]
        for scale in (1.0, 2.0**500, 2.0**-500)
    ]
    np.testing.assert_array_equal(values[0], values[1])
    np.testing.assert_array_equal(values[0], values[2])


def test_columns_are_standardized_and_long_ones_cut():
    x = 1e9 + np.random.default_rng(4).standard_normal((MOST_ROWS + 500, 2))
    own = standardized(["u", "v"], x)
    assert own.values.shape == (MOST_ROWS, 2)
    np.testing.assert_allclose(own.values.mean(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(own.values.std(axis=0), 1, rtol=1e-12)
    back = own.values * own.stds + own.means
    assert np.isin(np.round(back[:, 0], 5), np.round(x[:, 0], 5)).all()
    assert repr(own) == f"u, v ({MOST_ROWS} of {MOST_ROWS + 500} rows, standardized)"


def test_the_empirical_law_is_at_no_distance_from_itself():
    own = standardized(["eruptions"], ERUPTIONS)
    assert distance(own.values, own) == 0
    assert distance(own.values + 0.25, own) == pytest.approx(0.25)


def test_any_name_of_a_column_can_be_drawn(tmp_path):
    own = standardized(["price in $, net of $ 3 and all that comes with it_^"], ERUPTIONS[:40])
    figure, _ = draw_one(14, True, own)
    figure.savefig(tmp_path / "a.png")
    for text in (figure._suptitle, figure.axes[0].yaxis.label):
        box = text.get_window_extent()
        assert 0 <= box.x0 < box.x1 <= figure.bbox.x1
        assert "price in $" in text.get_text()


def test_a_score_without_density_fails_the_claim_and_says_so():
    own = standardized(["x"], np.append(np.random.default_rng(0).standard_normal(50), 1e6))
    _, numbers = draw_one(9, True, own)
    sentence = next(
        sentence for sentence in numbers["claims"] if sentence.startswith("samples are consistent")
    )
    assert not numbers["claims"][sentence]
    assert "no density" in numbers["evidence"][sentence]


def test_weight_decays_are_raised_to_where_an_optimum_exists():
    x = np.repeat([0.0, 1.0, 2.0, 3.0, 5.0], [30, 5, 5, 5, 5])
    own = standardized(["x"], x)
    _, numbers = draw_one(9, True, own)
    bounds = numbers["beta_bounds"]
    assert bounds["minimum"] > 0.6 * bounds["maximum"]
    assert numbers["smaller"]["beta"] >= bounds["minimum"]


@pytest.mark.parametrize(
    ("line", "parts"),
    [
        ("--data none.csv --only 3", ["none.csv"]),
        ("--data data.csv --only 3", ["--column", "eruptions, waiting"]),
        ("--data data.csv --column x --only 3", ["--column", "'x'"]),
        ("--column x --only 3", ["--column: expected only together with --data"]),
        ("--drop-missing --only 3", ["--drop-missing", "expected only with --data"]),
        ("--data few.csv --only 3", ["--column: expected at least 5 different numbers in x, got 3"]),
        ("--data data.csv --column eruptions --only 15", ["--column: expected two columns for fig15, got 1"]),
        (
            "--data data.csv --column eruptions --column waiting --only 3",
            ["--column: expected one column for fig03, got 2"],
        ),
        (
            "--data three.csv --column a --column b --column c",
            ["--column: expected one column, or two, got 3"],
        ),
    ],
)
def test_bad_columns_are_refused(run, tmp_path, line, parts):
    before = sorted(tmp_path.iterdir())
    code, message = run(line)
    assert code == 2
    for part in parts:
        assert part in message
    assert sorted(tmp_path.iterdir()) == before


def test_ties_without_a_linear_regime_are_refused():
    own = standardized(["x"], np.repeat([0.0, 1.0, 2.0, 3.0, 5.0], [60, 2, 2, 2, 2]))
    bounds = cs.beta_bounds(cs.ScoreMatching(own.values), skip=True)
    assert bounds.minimum >= bounds.maximum
    with pytest.raises(ValueError, match="--column: expected data with optima"):
        draw_one(14, True, own)


def script(*arguments):
    command = [sys.executable, "-m", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def test_scripts_take_the_same_options(run, tmp_path):
    data, out = tmp_path / "data.csv", tmp_path / "out"
    done = script("paper_figs.fig14", "--quick", "--data", data, "--column", "waiting", "--out", out)
    assert done.returncode == 0, done.stderr
    assert json.loads((out / "fig14.json").read_text())["parameters"]["data"]["columns"] == ["waiting"]


@pytest.mark.parametrize(
    ("only", "line", "message"),
    [
        (3, "--data data.csv --column x", "--column"),
        (None, "--docs --quick", "--docs: expected without"),
    ],
)
@pytest.mark.usefixtures("run")
def test_scripts_refuse_with_a_code(monkeypatch, capsys, only, line, message):
    monkeypatch.setattr(sys, "argv", ["script", *line.split()])
    with pytest.raises(SystemExit) as stop:
        main("A script.", only)
    assert stop.value.code == 2
    assert message in capsys.readouterr().err
