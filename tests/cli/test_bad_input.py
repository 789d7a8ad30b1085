"""Bad tables, options and models: one line that says what is wrong, and nothing is written."""

import json

import numpy as np
import pytest

import convexscore as cs
from convexscore import cli
from tests.cli.helpers import NUMBERS, names, refused

BAD_TABLES = {
    "NaN": ("x\n1\nnan\n2\n", ["line 3", "'nan'"]),
    "inf": ("x\n1\n2\n-inf\n", ["line 4", "'-inf'"]),
    "empty": ("", ["empty table"]),
    "header only": ("x\n", ["got none"]),
    "one point": ("x\n1\n", ["two distinct values"]),
    "all equal": ("3\n3\n3\n", ["two distinct values", "all equal"]),
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
    def test_a_model_of_three_features_is_refused(self, run, tmp_path, command):
        cs.TwoLayerNetwork(np.eye(3), [0] * 3, -np.eye(3), [0] * 3).save("m.npz")
        assert refused(run(command), 2, "1 feature", "got 3")
        assert names(tmp_path) == ["m.npz"]

    @pytest.mark.parametrize(
        ("options", "parts"),
        [
            ("-n 0", ["-n", "at least 1"]),
            ("-n -5", ["-n", "at least 1"]),
            ("--json", ["--output", "--json"]),
            ("--json -o -", ["--output", "--json"]),
            ("--seed -1", ["--seed: expected an integer of at least 0, got -1"]),
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
