"""The commands ``plot`` and ``path``: figures and tables."""

import json

import numpy as np
import pytest
from matplotlib.image import imread

import convexscore as cs
from tests.cli.helpers import NO_DENSITY, is_drawn, names, refused

GAUSSIAN = cs.TwoLayerNetwork([[0.0]], [0.0], [[0.0]], [2.0], [[-1.0]])


class TestPlot:
    @pytest.mark.parametrize(
        "options", ["", "--data a.csv", "--data a.csv --column x", "--data a.csv --column 0"]
    )
    def test_the_picture_is_not_blank(self, run, model, data, tmp_path, options):
        assert run(f"plot {model} -o f.png {options}") == (0, "wrote        f.png\n", "")
        assert is_drawn(tmp_path / "f.png")
        assert names(tmp_path) == ["a.csv", "f.png", "m.npz"]

    def test_axes_have_labels_and_legends(self, run, model, tmp_path, monkeypatch):
        (tmp_path / "b.csv").write_text("minutes\n1\n2\n4\n")
        figures = []
        monkeypatch.setattr("matplotlib.figure.Figure.savefig", lambda self, *_, **__: figures.append(self))
        assert run(f"plot {model} -o f.png --data b.csv")[0] == 0
        upper, lower = figures[0].axes
        assert (upper.get_ylabel(), lower.get_ylabel(), lower.get_xlabel()) == ("density", "score", "minutes")
        assert all(ax.get_legend() is not None for ax in (upper, lower))

    @pytest.mark.parametrize(
        ("status", "claim"), [("optimal", "certified global optimum"), ("inaccurate", "uncertified fit")]
    )
    def test_the_title_of_a_fit_claims_what_was_certified(self, run, data, monkeypatch, status, claim):
        if status == "inaccurate":
            monkeypatch.setattr(cs.Certificate, "meets", lambda *_: False)
        figures = []
        monkeypatch.setattr("matplotlib.figure.Figure.savefig", lambda self, *_, **__: figures.append(self))
        run(f"fit {data} --beta 2 --plot f.png")
        assert figures[0].axes[0].get_title() == f"score matching, ReLU network: {claim} at beta = 2"

    def test_a_denoising_fit_draws_the_noisy_data(self, run, data, monkeypatch):
        figures = []
        monkeypatch.setattr("matplotlib.figure.Figure.savefig", lambda self, *_, **__: figures.append(self))
        run(f"fit {data} --beta 1 --objective dsm --noise-level 0.3 --n-draws 3 --seed 0 --plot f.png")
        upper, lower = figures[0].axes
        assert lower.get_xlabel() == "x + noise (sd 0.3)"
        assert "denoising" in upper.get_title()
        assert "data (n = 18)" in [text.get_text() for text in upper.get_legend().get_texts()]

    def test_a_score_without_density_is_drawn_all_the_same(self, run, tmp_path):
        NO_DENSITY.save("m.npz")
        assert run("plot m.npz -o f.png")[0] == 0
        assert imread(tmp_path / "f.png")[..., :3].std() > 0.01

    def test_data_of_one_value_are_drawn_or_refused_by_name(self, run, tmp_path):
        GAUSSIAN.save("m.npz")
        (tmp_path / "b.csv").write_text("1.23456\n")
        code, _, err = run("plot m.npz -o f.png --data b.csv")
        assert code == 0 or "data" in err


class TestPath:
    """The path from the shell."""

    def test_a_path_is_tabled_and_drawn(self, run, tmp_path, data):
        code, out, _ = run(f"path {data} --skip --beta-min 1.2 -o p.csv --plot p.png --json")
        assert code == 0
        result = json.loads(out)
        table = np.loadtxt(tmp_path / "p.csv", delimiter=",", skiprows=1)
        np.testing.assert_array_equal(table[:, 0], result["betas"])
        np.testing.assert_array_equal(table[:, 1], result["n_kinks"])
        assert result["betas"][-1] == 1.2
        assert imread(tmp_path / "p.png")[..., :3].std() > 0.01
        code, out, _ = run(f"path {data} --skip --beta-min 1.2")
        assert code == 0
        assert f"{len(result['betas']) - 1} between" in out

    def test_an_end_below_the_bound_is_refused(self, run, tmp_path, data):
        assert refused(run(f"path {data} --beta-min 0.5 -o p.csv"), 2, "beta_min", "at least 1")
        assert names(tmp_path) == ["a.csv"]
