"""The command line: what it prints, writes, and answers to bad input."""

import importlib
import io
import json
import os
import subprocess
import sys

import numpy as np
import pytest
from matplotlib.image import imread

import convexscore as cs
from convexscore import cli

NUMBERS = [0.5, 1.5, 2.0, 3.25, 3.5, 4.0]
GAUSSIAN = cs.TwoLayerNetwork([[0.0]], [0.0], [[0.0]], [2.0], [[-1.0]])
NO_DENSITY = cs.TwoLayerNetwork([[1.0]], [0.0], [[1.0]], [0.0])


@pytest.fixture(autouse=True)
def _in_an_empty_directory(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def run(capsys):
    """Run a command line; return exit code, standard output and standard error."""

    def run(line):
        code = cli.main(line.split())
        return code, *capsys.readouterr()

    return run


@pytest.fixture
def data(tmp_path):
    """Write a CSV file of one column."""
    (tmp_path / "a.csv").write_text("x\n" + "\n".join(map(str, NUMBERS)) + "\n")
    return "a.csv"


@pytest.fixture
def model(tmp_path):
    """Write the model of a fit with kinks and a density."""
    cs.solve(cs.ScoreMatching(NUMBERS), 2.0).network.save(tmp_path / "m.npz")
    return "m.npz"


def names(directory):
    return sorted(path.name for path in directory.iterdir())


def refused(result, code, *parts):
    """Check the code, one line on standard error that holds these parts, and no output."""
    actual, out, err = result
    assert actual == code
    assert out == ""
    assert err.startswith("convexscore: ")
    assert err.count("\n") == 1
    for part in parts:
        assert part in err
    return True


def is_drawn(path):
    """Whether a PNG file has a picture in it that is not blank."""
    return path.read_bytes().startswith(b"\x89PNG\r\n\x1a\n") and imread(path)[..., :3].std() > 0.02


def write_numbers(path):
    """Write `NUMBERS` in the format of the suffix, among other columns where there can be some."""
    array = np.array(NUMBERS)
    table = np.column_stack([np.arange(6.0), array])
    if path.suffix == ".npy":
        np.save(path, table)
    elif path.suffix == ".npz":
        np.savez(path, u=table[:, 0], x=array)
    else:
        separator = {".csv": ",", ".tsv": "\t", ".txt": "  "}[path.suffix]
        rows = ["u" + separator + "x", *(f"{u:g}{separator}{x!r}" for u, x in table.tolist())]
        path.write_text("\n".join(rows))


class TestFit:
    @pytest.mark.parametrize("suffix", ["csv", "tsv", "txt", "npy", "npz"])
    def test_every_format_gives_the_same_value(self, run, tmp_path, suffix):
        write_numbers(tmp_path / f"a.{suffix}")
        code, out, err = run(f"fit a.{suffix} --column 1 --beta 2 --json")
        assert (code, err) == (0, "")
        assert json.loads(out)["value"] == cs.solve(cs.ScoreMatching(NUMBERS), 2.0).value

    def test_standard_input_gives_the_same_value(self, run, monkeypatch):
        monkeypatch.setattr("sys.stdin", io.StringIO("\n".join(map(str, NUMBERS))))
        code, out, _ = run("fit - --beta 2 --json")
        assert code == 0
        assert json.loads(out)["value"] == cs.solve(cs.ScoreMatching(NUMBERS), 2.0).value

    @pytest.mark.parametrize("activation", ["relu", "abs"])
    @pytest.mark.parametrize("skip", ["", "--skip"])
    def test_the_printed_value_is_the_loss_of_the_written_model(self, run, data, activation, skip):
        code, out, _ = run(f"fit {data} --beta 2.1 --activation {activation} {skip} -o m.npz --json")
        result = json.loads(out)
        network = cs.TwoLayerNetwork.load("m.npz")
        assert code == 0
        assert result["value"] == result["certificate"]["primal"]
        assert result["value"] == pytest.approx(network.loss(cs.ScoreMatching(NUMBERS), 2.1), rel=1e-12)
        assert network.activation == activation
        assert result["kinks"] == network.kinks.tolist()
        assert result["n_neurons"] == network.n_neurons

    def test_the_json_result_is_complete(self, run, data):
        _, out, _ = run(f"fit {data} --beta 2 --json")
        result = json.loads(out)
        assert out.count("\n") == 1
        assert set(result) == {
            *("value", "status", "beta", "certificate", "beta_bounds", "solver", "seconds"),
            *("n_samples", "n_distinct", "n_neurons", "kinks", "files"),
        }
        entries = {"primal", "dual", "gap", "max_violation", "scope", "lower_bound"}
        assert set(result["certificate"]) == entries
        assert result["certificate"]["scope"] == "global"
        assert (result["beta"], result["status"], result["files"]) == (2.0, "optimal", [])
        assert result["beta_bounds"] == vars(cs.beta_bounds(cs.ScoreMatching(NUMBERS)))

    def test_repeated_values_are_counted(self, run, tmp_path):
        (tmp_path / "a.csv").write_text("1\n1\n2\n4\n")
        result = json.loads(run("fit a.csv --beta 3 --json")[1])
        assert (result["n_samples"], result["n_distinct"]) == (4, 3)

    def test_the_text_report_names_value_certificate_kinks_and_files(self, run, data):
        code, out, err = run(f"fit {data} --beta 2 -o m.npz --plot f.png")
        assert (code, err) == (0, "")
        solution = cs.solve(cs.ScoreMatching(NUMBERS), 2.0)
        for part in (
            "value        " + f"{solution.value:.10g}",
            "scope global",
            "6 samples",
            "bounded from 1",
        ):
            assert part in out
        assert "kinks        " + ", ".join(f"{kink:.6g}" for kink in solution.network.kinks) in out
        assert out.endswith("wrote        m.npz\nwrote        f.png\n")

    def test_a_fit_without_kinks_says_none(self, run, data):
        code, out, _ = run(f"fit {data} --beta 100 --plot f.png")
        assert code == 0
        assert "closed_form" in out
        assert "kinks        none" in out

    def test_model_and_figure_are_written_and_nothing_else(self, run, data, tmp_path):
        assert run(f"fit {data} --beta 2 -o m.npz --plot f.png")[0] == 0
        assert names(tmp_path) == ["a.csv", "f.png", "m.npz"]
        assert is_drawn(tmp_path / "f.png")

    @pytest.mark.parametrize(("suffix", "start"), [("pdf", b"%PDF"), ("svg", b"<?xml"), ("PNG", b"\x89PNG")])
    def test_the_figure_has_the_format_of_its_suffix(self, run, data, tmp_path, suffix, start):
        assert run(f"fit {data} --beta 2 --plot f.{suffix}")[0] == 0
        assert (tmp_path / f"f.{suffix}").read_bytes().startswith(start)

    def test_denoising_is_repeatable_from_its_seed(self, run, data):
        line = f"fit {data} --beta 1 --objective dsm --noise-level 0.3 --n-draws 2 --json --seed "
        first, again, other = (json.loads(run(line + seed)[1]) for seed in ("1", "1", "2"))
        assert first["value"] == again["value"] != other["value"]
        assert first["n_samples"] == 12
        objective = cs.DenoisingScoreMatching.from_clean(NUMBERS, 0.3, 2, 1)
        assert first["value"] == cs.solve(objective, 1.0).value

    @pytest.mark.parametrize("solver", ["active_set", "clarabel", "osqp"])
    def test_solvers_agree(self, run, data, solver):
        code, out, _ = run(f"fit {data} --beta 2 --solver {solver} --json")
        assert code == 0
        assert json.loads(out)["solver"] == solver
        assert json.loads(out)["value"] == pytest.approx(cs.solve(cs.ScoreMatching(NUMBERS), 2.0).value)

    def test_a_missed_tolerance_warns_writes_and_exits_with_3(self, run, data, tmp_path, monkeypatch):
        monkeypatch.setattr(
            importlib.import_module("convexscore.solution"), "meets_tolerance", lambda *_: False
        )
        code, out, err = run(f"fit {data} --beta 2 -o m.npz --json")
        assert code == 3
        assert json.loads(out)["status"] == "inaccurate"
        assert err.startswith("convexscore: warning: the certificate misses tol=1e-08")
        assert names(tmp_path) == ["a.csv", "m.npz"]

    def test_a_failing_solver_exits_with_1(self, run, data, monkeypatch):
        def fail(*args, **kwargs):
            raise cs.SolverError("solver: stopped with status 'unknown'")

        monkeypatch.setattr("convexscore.cli.fit.solve", fail)
        assert refused(run(f"fit {data} --beta 2"), 1, "status 'unknown'")

    def test_an_interrupt_exits_with_130(self, run, data, monkeypatch):
        def stop(*args, **kwargs):
            raise KeyboardInterrupt

        monkeypatch.setattr("convexscore.cli.fit.solve", stop)
        assert refused(run(f"fit {data} --beta 2"), 130, "interrupted")


BAD_TABLES = {
    "NaN": ("x\n1\nnan\n2\n", ["line 3", "'nan'"]),
    "inf": ("x\n1\n2\n-inf\n", ["line 4", "'-inf'"]),
    "empty": ("", ["empty table"]),
    "header only": ("x\n", ["got none"]),
    "one point": ("x\n1\n", ["two distinct values"]),
    "all equal": ("3\n3\n3\n", ["two distinct values", "equal to 3"]),
    "not numbers": ("x\nred\nblue\n", ["line 2", "'red'"]),
    "ambiguous": ("u,w\n1,2\n3,4\n", ["--column", "u, w"]),
}


class TestBadInput:
    @pytest.mark.parametrize("case", BAD_TABLES)
    def test_a_bad_table_is_refused(self, run, tmp_path, case):
        content, parts = BAD_TABLES[case]
        (tmp_path / "a.csv").write_text(content)
        assert refused(run("fit a.csv --beta 9 -o m.npz --plot f.png"), 2, *parts)
        assert names(tmp_path) == ["a.csv"]

    @pytest.mark.parametrize("source", ["none.csv", "none.npy", "none.npz"])
    def test_a_missing_file_is_named(self, run, source, tmp_path):
        assert refused(run(f"fit {source} --beta 2 -o m.npz"), 2, source)
        assert names(tmp_path) == []

    @pytest.mark.parametrize(
        ("options", "parts"),
        [
            ("--beta=-1", ["beta", "at least 0", "-1"]),
            ("--beta 0.5", ["beta: expected at least 1,", "got 0.5"]),
            ("--beta nan", ["beta", "finite"]),
            ("--beta inf", ["beta", "finite"]),
            ("--beta 2 --tol 0", ["tol", "above 0"]),
            ("--beta 2 --column y", ["--column", "expected one of x", "'y'"]),
            ("--beta 2 --column 1", ["--column", "below 1", "'1'"]),
            ("--beta 2 --objective dsm", ["--noise-level"]),
            ("--beta 2 --noise-level 0.1", ["--noise-level", "dsm"]),
            ("--beta 2 --objective dsm --noise-level 0", ["noise_level", "above 0"]),
            ("--beta 2 --objective dsm --noise-level 1 --n-draws 0", ["n_draws", "at least 1"]),
            ("--beta 1 --solver closed_form", ["beta", "solver='closed_form'"]),
            ("--beta 2 --plot f.jpg", [".png", "f.jpg"]),
            ("--beta 2 --plot figure", [".png", "figure"]),
            ("--beta 2 --plot none/f.png", ["existing directory", "f.png"]),
            ("--beta 2 -o none/m.npz", ["existing directory", "m.npz"]),
            ("--beta 2 -o .", ["directory"]),
        ],
    )
    def test_bad_options_are_refused_and_nothing_is_written(self, run, data, tmp_path, options, parts):
        output = "" if "-o" in options else "-o m.npz"
        assert refused(run(f"fit {data} {options} {output}"), 2, *parts)
        assert names(tmp_path) == ["a.csv"]

    @pytest.mark.parametrize(
        "line",
        [
            "",
            "fit",
            "fit a.csv --beta two",
            "fit a.csv --beta 2 --solver other",
            "fit a.csv --beta 2 --activation tanh",
            "fit a.csv --beta 2 --objective ml",
            "sample",
            "sample m.npz -n many",
            "sample m.npz --method other",
            "plot m.npz",
            "other",
        ],
    )
    def test_argparse_exits_with_2_and_the_usage(self, capsys, line):
        with pytest.raises(SystemExit) as stop:
            cli.main(line.split())
        assert stop.value.code == 2
        assert "usage: convexscore" in capsys.readouterr().err

    @pytest.mark.parametrize("command", ["", "fit ", "sample ", "plot ", "demo "])
    def test_help_exits_with_0(self, capsys, command):
        with pytest.raises(SystemExit) as stop:
            cli.main(f"{command}--help".split())
        assert stop.value.code == 0
        assert capsys.readouterr().out.startswith(f"usage: convexscore {command}")

    @pytest.mark.parametrize(
        "command", ["sample m.npz", "sample m.npz --method langevin", "plot m.npz -o f.png"]
    )
    @pytest.mark.parametrize(
        "content", [b"", b"not a model", b"PK\x03\x04"], ids=["empty", "text", "start of an archive"]
    )
    # NumPy leaves an archive that it cannot open to the garbage collector.
    @pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
    def test_a_damaged_model_is_refused(self, run, tmp_path, command, content):
        (tmp_path / "m.npz").write_bytes(content)
        assert refused(run(command), 2, "model", "m.npz")
        assert names(tmp_path) == ["m.npz"]

    @pytest.mark.parametrize("command", ["sample m.npz", "plot m.npz -o f.png"])
    def test_half_a_model_is_refused(self, run, tmp_path, model, command):
        whole = (tmp_path / model).read_bytes()
        (tmp_path / model).write_bytes(whole[: len(whole) // 2])
        assert refused(run(command), 2, "model", model)

    @pytest.mark.parametrize("command", ["sample m.npz", "plot m.npz -o f.png"])
    def test_an_archive_that_is_no_model_is_refused(self, run, tmp_path, command):
        np.savez(tmp_path / "m.npz", x=NUMBERS)
        assert refused(run(command), 2, "model", "m.npz")

    @pytest.mark.parametrize("command", ["sample m.npz", "plot m.npz -o f.png"])
    def test_a_newer_model_asks_for_an_upgrade(self, run, tmp_path, model, command):
        with np.load(model) as stored:
            arrays = dict(stored)
        header = json.loads(str(arrays.pop("header"))) | {"version": 999}
        np.savez(model, header=np.array(json.dumps(header)), **arrays)
        assert refused(run(command), 2, "999", "upgrade")

    @pytest.mark.parametrize("command", ["sample none.npz", "plot none.npz -o f.png"])
    def test_a_missing_model_is_named(self, run, tmp_path, command):
        assert refused(run(command), 2, "none.npz")
        assert names(tmp_path) == []

    @pytest.mark.parametrize("command", ["sample m.npz", "plot m.npz -o f.png"])
    def test_a_model_of_two_features_is_refused(self, run, tmp_path, command):
        cs.TwoLayerNetwork(np.eye(2), [0, 0], -np.eye(2), [0, 0]).save("m.npz")
        assert refused(run(command), 2, "1 feature", "got 2")
        assert names(tmp_path) == ["m.npz"]

    @pytest.mark.parametrize(
        ("options", "parts"),
        [
            ("-n 0", ["-n", "at least 1"]),
            ("-n -5", ["-n", "at least 1"]),
            ("--json", ["--output", "--json"]),
            ("--json -o -", ["--output", "--json"]),
            ("--seed -1", ["non-negative"]),
            ("--method langevin --step-size 0", ["--step-size", "above 0"]),
            ("--method langevin --step-size nan", ["--step-size", "finite"]),
            ("--method langevin --steps 0", ["--steps", "at least 1"]),
            ("-o none/out.csv", ["existing directory", "out.csv"]),
            ("-o .", ["directory"]),
        ],
    )
    def test_bad_sample_options_are_refused(self, run, tmp_path, model, options, parts):
        assert refused(run(f"sample {model} {options}"), 2, *parts)
        assert names(tmp_path) == ["m.npz"]

    @pytest.mark.parametrize(
        ("options", "parts"),
        [
            ("-o f.gif", [".png", "f.gif"]),
            ("-o none/f.png", ["existing directory"]),
            ("-o f.png --column x", ["--column", "--data"]),
            ("-o f.png --data none.csv", ["none.csv"]),
            ("-o f.png --data a.csv --column y", ["--column", "'y'"]),
        ],
    )
    def test_bad_plot_options_are_refused(self, run, tmp_path, model, data, options, parts):
        assert refused(run(f"plot {model} {options}"), 2, *parts)
        assert names(tmp_path) == ["a.csv", "m.npz"]

    def test_model_and_figure_of_one_name_are_refused(self, run, data, tmp_path):
        assert refused(run(f"fit {data} --beta 2 -o f.png --plot f.png"), 2, "f.png")

    def test_more_samples_than_memory_is_one_line(self, run, model):
        assert run(f"sample {model} -n {10**15}")[0] in (1, 2)

    def test_numbers_too_large_to_square_are_never_a_certified_fit(self, run, tmp_path):
        (tmp_path / "a.csv").write_text("x\n1e300\n-1e300\n2e300\n")
        assert run("fit a.csv --beta 5")[0] in (2, 3)


class TestFailures:
    """On failure nothing appears, and what was there stays."""

    @pytest.fixture(params=["plot_fit", "savefig"])
    def _no_figures(self, request, monkeypatch):
        def fail(*args, **kwargs):
            raise OSError("no space left")

        target = {"plot_fit": "convexscore.plotting.plot_fit", "savefig": "matplotlib.figure.Figure.savefig"}
        monkeypatch.setattr(target[request.param], fail)

    @pytest.mark.usefixtures("_no_figures")
    def test_a_failing_figure_takes_the_model_with_it(self, run, data, tmp_path):
        assert refused(run(f"fit {data} --beta 2 -o m.npz --plot f.png"), 2, "no space left")
        assert names(tmp_path) == ["a.csv"]

    @pytest.mark.usefixtures("_no_figures")
    def test_a_failing_figure_leaves_old_files_untouched(self, run, data, tmp_path):
        for name in ("m.npz", "f.png"):
            (tmp_path / name).write_text("old")
        run(f"fit {data} --beta 2 -o m.npz --plot f.png")
        assert names(tmp_path) == ["a.csv", "f.png", "m.npz"]
        assert [(tmp_path / name).read_text() for name in ("m.npz", "f.png")] == ["old", "old"]

    @pytest.mark.usefixtures("_no_figures")
    def test_a_failing_plot_leaves_nothing(self, run, model, tmp_path):
        assert refused(run(f"plot {model} -o f.png"), 2, "no space left")
        assert names(tmp_path) == [model]

    def test_an_interrupt_while_drawing_leaves_nothing(self, run, data, tmp_path, monkeypatch):
        def stop(*args, **kwargs):
            raise KeyboardInterrupt

        monkeypatch.setattr("convexscore.plotting.plot_fit", stop)
        assert refused(run(f"fit {data} --beta 2 -o m.npz --plot f.png"), 130)
        assert names(tmp_path) == ["a.csv"]

    def test_without_matplotlib_the_message_says_what_to_install(self, run, data, tmp_path, monkeypatch):
        monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
        assert refused(run(f"fit {data} --beta 2 -o m.npz --plot f.png"), 2, "convexscore[plot]")
        assert names(tmp_path) == ["a.csv"]

    def test_failing_samples_leave_the_old_file_untouched(self, run, tmp_path):
        NO_DENSITY.save("m.npz")
        (tmp_path / "out.csv").write_text("old")
        assert run("sample m.npz -o out.csv")[0] == 1
        assert (tmp_path / "out.csv").read_text() == "old"
        assert names(tmp_path) == ["m.npz", "out.csv"]

    @pytest.mark.parametrize("method", ["exact", "langevin"])
    @pytest.mark.parametrize(
        ("network", "tail"),
        [
            (NO_DENSITY, "left tail"),
            (cs.TwoLayerNetwork([[-1.0]], [0.0], [[1.0]], [0.0]), "right tail"),
            (cs.TwoLayerNetwork([[1.0]], [0.0], [[1.0]], [1.0], [[-0.5]]), "right tail"),
        ],
    )
    def test_a_score_without_density_names_the_tail(self, run, tmp_path, method, network, tail):
        network.save("m.npz")
        assert refused(run(f"sample m.npz --method {method} -o out.csv"), 1, tail)
        assert names(tmp_path) == ["m.npz"]

    def test_a_diverging_chain_exits_with_1(self, run, model, tmp_path):
        assert refused(run(f"sample {model} --method langevin --step-size 1000 -o x.csv"), 1, "diverged")
        assert names(tmp_path) == [model]


class TestSample:
    @pytest.mark.parametrize("method", ["exact", "langevin"])
    def test_samples_repeat_with_the_seed(self, run, model, method):
        line = f"sample {model} -n 20 --method {method} --steps 20 --seed "
        first, again, other = (run(line + seed) for seed in ("7", "7", "8"))
        assert first == again != other
        assert first[0] == 0

    def test_standard_output_is_a_table_that_fit_reads(self, run, model, monkeypatch):
        _, out, err = run(f"sample {model} -n 20 --seed 1")
        assert err == ""
        assert out.splitlines()[0] == "x"
        assert len(out.splitlines()) == 21
        monkeypatch.setattr("sys.stdin", io.StringIO(out))
        assert json.loads(run("fit - --beta 5 --json")[1])["n_samples"] == 20

    def test_every_target_gets_the_same_numbers(self, run, model):
        line = f"sample {model} -n 20 --seed 1"
        printed = np.array(run(line)[1].split()[1:], dtype=float)
        assert run(f"{line} -o s.csv") == run(f"{line} -o s.npy") == (0, "", "")
        np.testing.assert_array_equal(np.loadtxt("s.csv", skiprows=1), printed)
        np.testing.assert_array_equal(np.load("s.npy"), printed)
        assert run(f"{line} -o -")[1].split()[1:] == [repr(x) for x in printed.tolist()]

    def test_one_sample_is_enough(self, run, model):
        assert len(run(f"sample {model} -n 1 --seed 1")[1].splitlines()) == 2

    def test_exact_samples_follow_the_density(self, run, model):
        assert run(f"sample {model} -n 20000 --seed 0 -o s.npy")[0] == 0
        levels = cs.ScoreDensity(cs.TwoLayerNetwork.load(model)).cdf(np.sort(np.load("s.npy")))
        steps = np.arange(20001) / 20000
        assert max((steps[1:] - levels).max(), (levels - steps[:-1]).max()) < 0.015

    @pytest.mark.parametrize("options", ["", "--steps 400 --step-size 0.05"])
    def test_langevin_samples_have_the_density_s_mean(self, run, model, options):
        assert run(f"sample {model} -n 4000 --method langevin --seed 0 -o s.npy {options}")[0] == 0
        density = cs.ScoreDensity(cs.TwoLayerNetwork.load(model))
        values = np.load("s.npy")
        assert abs(values.mean() - density.mean()) < 0.1 * density.std()
        assert values.std() == pytest.approx(density.std(), rel=0.1)

    @pytest.mark.parametrize("method", ["exact", "langevin"])
    def test_the_json_summary_describes_the_file(self, run, model, method):
        code, out, _ = run(f"sample {model} -n 50 --method {method} --steps 9 --seed 1 -o s.npy --json")
        values = np.load("s.npy")
        assert code == 0
        assert json.loads(out) == {
            "n": 50,
            "method": method,
            "mean": values.mean(),
            "variance": values.var(),
            "files": ["s.npy"],
        }

    def test_no_progress_bar_where_nobody_watches(self, run, model):
        assert run(f"sample {model} -n 5 --method langevin --seed 1")[2] == ""


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
            monkeypatch.setattr(
                importlib.import_module("convexscore.solution"), "meets_tolerance", lambda *_: False
            )
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


class TestDemo:
    def test_it_writes_model_and_figure_and_prints_the_result(self, run, tmp_path):
        code, out, err = run("demo")
        assert (code, err) == (0, "")
        assert names(tmp_path / "demo") == ["old_faithful.npz", "old_faithful.png"]
        assert is_drawn(tmp_path / "demo" / "old_faithful.png")
        for part in ("272 samples, 126 distinct", "value ", "certificate  gap", "scope global", "kinks  "):
            assert part in out

    def test_the_json_value_is_the_loss_of_the_written_model(self, run):
        code, out, _ = run("demo -o deep/er --json")
        result = json.loads(out)
        eruptions = cs.datasets.load_old_faithful()["eruptions"]
        network = cs.TwoLayerNetwork.load("deep/er/old_faithful.npz")
        assert code == 0
        assert result["value"] == pytest.approx(network.loss(cs.ScoreMatching(eruptions), 20.0), rel=1e-12)
        assert len(result["files"]) == 2

    def test_it_may_run_twice(self, run):
        assert [run("demo --json")[0] for _ in range(2)] == [0, 0]

    def test_a_file_in_its_place_is_refused(self, run, tmp_path):
        (tmp_path / "demo").write_text("mine")
        assert refused(run("demo"), 2, "demo")
        assert (tmp_path / "demo").read_text() == "mine"


def command(*arguments, **options):
    """Run the command line in a process of its own, with buffered output as usual."""
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONUNBUFFERED"}
    root = os.path.dirname(os.path.dirname(cs.__file__))
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, [root, environment.get("PYTHONPATH")]))
    line = [sys.executable, "-m", "convexscore", *arguments]
    return subprocess.run(line, env=environment, stderr=subprocess.PIPE, text=True, check=False, **options)


class TestProcess:
    def test_the_module_runs_and_knows_its_version(self):
        done = command("--version", stdout=subprocess.PIPE)
        assert (done.returncode, done.stdout, done.stderr) == (0, f"convexscore {cs.__version__}\n", "")

    @pytest.mark.parametrize(
        "count",
        [
            "200000",
            "5",
        ],
    )
    @pytest.mark.skipif(os.name != "posix", reason="POSIX pipes")
    def test_a_reader_that_leaves_early_is_no_error(self, model, count):
        reading, writing = os.pipe()
        os.close(reading)
        try:
            done = command("sample", model, "-n", count, stdout=writing)
        finally:
            os.close(writing)
        assert (done.returncode, done.stderr) == (0, "")

    def test_a_reader_gets_what_it_reads(self, model):
        done = command("sample", model, "-n", "5", "--seed", "1", stdout=subprocess.PIPE)
        assert (done.returncode, done.stderr) == (0, "")
        expected = cs.ScoreDensity(cs.TwoLayerNetwork.load(model)).sample(5, 1)
        assert done.stdout.split() == ["x", *map(repr, expected.tolist())]


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
