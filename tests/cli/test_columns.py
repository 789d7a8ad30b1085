"""Several columns: a network in the plane, from fit to samples and figures."""

import io
import json

import numpy as np
import pytest

import convexscore as cs
from convexscore import cli
from tests.cli.helpers import is_drawn, names, refused

POINTS = np.round(np.random.default_rng(0).standard_normal((12, 2)) * [1.0, 2.0], 3)
TWO = "--column u --column v --skip --beta 8"


@pytest.fixture
def table(tmp_path):
    rows = [f"{u},a,{v}" for u, v in POINTS.tolist()]
    (tmp_path / "p.csv").write_text("\n".join(["u,name,v", *rows]))
    return "p.csv"


@pytest.fixture
def tied(run, table):
    """Write a conservative model of two columns, which has a density."""
    assert run(f"fit {table} {TWO} --conservative -o t.npz")[0] == 0
    return "t.npz"


class TestFit:
    def test_the_value_is_the_library_s(self, run, table):
        result = json.loads(run(f"fit {table} {TWO} --json -o m.npz")[1])
        solution = cs.solve(POINTS, 8.0, skip=True)
        assert result["value"] == solution.value
        assert result["certificate"]["scope"] == "global"
        assert (result["n_samples"], result["n_distinct"]) == (12, 12)
        assert cs.load("m.npz").loss(cs.ScoreMatching(POINTS), 8.0) == pytest.approx(solution.value, rel=1e-9)
        assert "kinks" not in result

    def test_the_order_of_columns_is_the_one_asked_for(self, run, table):
        run(f"fit {table} --column 2 --column u --skip --conservative --beta 8 -o m.npz")
        expected = cs.solve(POINTS[:, ::-1], 8.0, skip=True, conservative=True).network
        np.testing.assert_array_equal(cs.load("m.npz")(POINTS), expected(POINTS))

    def test_the_report_says_columns_scope_and_density(self, run, table):
        out = run(f"fit {table} {TWO} --conservative")[1]
        assert "columns      u, v\n" in out
        assert "optimum      among conservative networks of any width\n" in out
        assert "normalized by quadrature, error " in out
        out = run(f"fit {table} {TWO}")[1]
        assert "optimum      among networks of any width\n" in out
        assert "density      none: known for one column, and for two with --conservative\n" in out

    def test_the_tolerance_is_that_of_solve_unless_given(self, run, table, monkeypatch):
        seen = []

        def solve(*_, **options):
            seen.append(options["tol"])
            raise cs.SolverError("stopped")

        monkeypatch.setattr("convexscore.cli.fit.solve", solve)
        run(f"fit {table} {TWO}")
        run(f"fit {table} {TWO} --tol 1e-5")
        assert seen == [None, 1e-5]

    def test_rows_without_one_of_the_numbers_are_left_out(self, run, table, tmp_path):
        text = (tmp_path / table).read_text()
        (tmp_path / "gaps.csv").write_text(text.replace("\n", "\n,b,7\n", 1) + "\n3,c,NA\n,d,\n")
        result = json.loads(run(f"fit gaps.csv {TWO} --drop-missing --json")[1])
        assert (result["n_samples"], result["n_missing"]) == (12, 3)
        assert result["value"] == cs.solve(POINTS, 8.0, skip=True).value
        assert refused(run(f"fit gaps.csv {TWO}"), 2, "--drop-missing")

    @pytest.mark.parametrize("suffix", ["npy", "npz"])
    def test_arrays_are_read_alike(self, run, tmp_path, suffix):
        holed = np.vstack([[np.nan, 1.0], POINTS, [2.0, np.nan]])
        if suffix == "npy":
            np.save("p.npy", holed)
            columns = "--column 0 --column 1"
        else:
            np.savez("p.npz", u=holed[:, 0], v=holed[:, 1])
            columns = "--column u --column v"
        result = json.loads(run(f"fit p.{suffix} {columns} --skip --beta 8 --drop-missing --json")[1])
        assert (result["n_samples"], result["n_missing"]) == (12, 2)
        assert result["value"] == cs.solve(POINTS, 8.0, skip=True).value

    def test_standard_input_is_read_once(self, run, table, tmp_path, monkeypatch):
        monkeypatch.setattr("sys.stdin", io.StringIO((tmp_path / table).read_text()))
        assert json.loads(run(f"fit - {TWO} --json")[1])["n_samples"] == 12

    @pytest.mark.parametrize(
        ("line", "parts"),
        [
            ("--column u --column u --beta 8", ["--column", "differ", "'u'"]),
            ("--column u --column 0 --beta 8", ["--column", "differ"]),
            ("--column u --column w --beta 8", ["--column", "expected one of", "'w'"]),
            ("--column u --column name --beta 8", ["'name'", "line 2"]),
            ("--column u --conservative --beta 8", ["--conservative", "several columns"]),
            ("--column u --column v --conservative", ["--beta", "--conservative"]),
            ("--column u --column v --refit --beta 8", ["refit", "one feature"]),
            ("--column u --column v --shape log-concave --beta 8", ["shape", "one feature"]),
        ],
    )
    def test_what_does_not_go_together_is_refused(self, run, table, tmp_path, line, parts):
        assert refused(run(f"fit {table} {line} -o m.npz"), 2, *parts)
        assert names(tmp_path) == [table]

    def test_arrays_of_different_lengths_are_refused(self, run):
        np.savez("p.npz", u=POINTS[:, 0], v=POINTS[:5, 1])
        assert refused(run("fit p.npz --column u --column v --beta 8"), 2, "one length", "[12, 5]")

    def test_three_columns_have_no_figure(self, run, tmp_path):
        np.save("p.npy", np.random.default_rng(1).standard_normal((9, 3)))
        line = "fit p.npy --column 0 --column 1 --column 2 --beta 8 --plot f.png"
        assert refused(run(line), 2, "--plot", "got 3")
        assert names(tmp_path) == ["p.npy"]

    def test_a_path_has_one_column(self, capsys, table):
        with pytest.raises(SystemExit):
            cli.main(["path", table, "--column", "u", "--column", "v"])
        assert "expected once" in capsys.readouterr().err


class TestFigures:
    @pytest.mark.parametrize("options", ["", "--conservative"])
    def test_fit_draws_the_plane(self, run, table, tmp_path, options, monkeypatch):
        assert run(f"fit {table} {TWO} {options} --plot f.png")[0] == 0
        assert is_drawn(tmp_path / "f.png")
        figures = []
        monkeypatch.setattr("matplotlib.figure.Figure.savefig", lambda self, *_, **__: figures.append(self))
        run(f"fit {table} {TWO} {options} --plot f.png")
        (ax,) = figures[0].axes
        assert (ax.get_xlabel(), ax.get_ylabel()) == ("u", "v")
        assert "certified global optimum" in ax.get_title().replace("\n", " ")
        assert ("conservative" in ax.get_title()) == bool(options)

    @pytest.mark.parametrize("options", ["", "--data p.csv --column u --column v"])
    def test_a_model_is_drawn_with_the_names_of_its_columns(self, run, tied, tmp_path, options, monkeypatch):
        assert run(f"plot {tied} -o f.png {options}") == (0, "wrote        f.png\n", "")
        assert is_drawn(tmp_path / "f.png")
        figures = []
        monkeypatch.setattr("matplotlib.figure.Figure.savefig", lambda self, *_, **__: figures.append(self))
        run(f"plot {tied} -o f.png {options}")
        assert (figures[0].axes[0].get_xlabel(), figures[0].axes[0].get_ylabel()) == ("u", "v")

    def test_data_of_another_number_of_columns_are_refused(self, run, tied, table, tmp_path):
        line = f"plot {tied} -o f.png --data {table} --column u"
        assert refused(run(line), 2, "--column", "expected 2", "got 1")
        assert names(tmp_path) == ["p.csv", "t.npz"]


class TestSample:
    def test_exact_samples_are_the_library_s(self, run, tied):
        density = cs.ConservativeDensity(cs.load(tied))
        assert run(f"sample {tied} -n 20 --seed 1 -o s.npy")[0] == 0
        np.testing.assert_array_equal(np.load("s.npy"), density.sample(20, rng=1))
        run(f"sample {tied} -n 20 --seed 1 -o s.csv")
        with open("s.csv", encoding="utf-8") as stream:
            assert stream.readline() == "u,v\n"
        np.testing.assert_array_equal(np.loadtxt("s.csv", delimiter=",", skiprows=1), np.load("s.npy"))

    def test_langevin_samples_have_the_density_s_moments(self, run, tied):
        line = f"sample {tied} -n 2000 --method langevin --seed 0 -o s.npy --json --quiet"
        summary = json.loads(run(line)[1])
        density, samples = cs.ConservativeDensity(cs.load(tied)), np.load("s.npy")
        deviations = np.sqrt(np.diag(density.covariance()))
        assert samples.shape == (2000, 2)
        assert summary["mean"] == samples.mean(axis=0).tolist()
        assert (np.abs(samples.mean(axis=0) - density.mean()) < 0.15 * deviations).all()
        np.testing.assert_allclose(samples.std(axis=0), deviations, rtol=0.15)

    def test_a_model_without_names_has_numbered_columns(self, run):
        cs.ConservativeNetwork(np.zeros((0, 2)), [], [], [0.0, 0.0], -np.eye(2)).save("m.npz")
        assert run("sample m.npz -n 2 --seed 0")[1].startswith("x0,x1\n")

    @pytest.mark.parametrize("method", ["exact", "langevin"])
    def test_a_score_that_is_no_gradient_is_refused(self, run, table, tmp_path, method):
        run(f"fit {table} {TWO} -o m.npz")
        assert refused(run(f"sample m.npz --method {method} -o s.csv"), 2, "--conservative", "got 2")
        assert names(tmp_path) == ["m.npz", table]


def test_progress_is_shown_on_standard_error(run, data):
    code, out, err = run(f"fit {data} --beta 2 --progress")
    assert code == 0
    assert "step" in err
    assert out.startswith("data ")
    assert run(f"fit {data} --beta 2")[2] == ""
    assert refused(run(f"fit {data} --beta 2 --solver closed_form --progress"), 2)
