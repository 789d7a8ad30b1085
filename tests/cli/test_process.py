"""The command ``demo``, and the command line in a process of its own."""

import json
import os
import subprocess

import pytest

import convexscore as cs
from tests.cli.helpers import command, is_drawn, names, refused


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
