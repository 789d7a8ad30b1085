"""Where commands write: never onto what they read, through links, and under names that say what is inside."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest

import convexscore as cs
from convexscore.networks.files import read_column_names
from tests.cli.helpers import NUMBERS, command, names, refused

LINKS = [os.symlink, os.link]


def contents(directory):
    return {path.name: path.read_bytes() for path in directory.iterdir()}


class TestInputsStay:
    @pytest.mark.parametrize(
        "line",
        [
            "fit n.npz --beta 2 -o n.npz",
            "fit n.npz --beta 2 -o ./n.npz",
            "fit d.csv --beta 2 -o m.npz --plot d.csv",
            "path d.csv -o d.csv",
            "path d.csv --plot ../{here}/d.csv",
            "sample m.npz -o m.npz",
            "sample m.npz --method langevin -o m.npz",
            "plot m.npz -o m.npz",
            "plot m.npz --data d.csv -o d.csv",
        ],
    )
    def test_an_output_that_is_an_input_is_refused(self, run, model, tmp_path, line, monkeypatch):
        np.savez("n.npz", x=NUMBERS)
        (tmp_path / "d.csv").write_text("\n".join(map(str, NUMBERS)))
        before = contents(tmp_path)
        monkeypatch.setattr("convexscore.cli.fit.solve", None)
        assert refused(run(line.format(here=tmp_path.name)), 2, "expected another file than the input")
        assert contents(tmp_path) == before

    def test_a_table_of_numpy_is_no_target_of_its_own_fit(self, run, tmp_path):
        np.save("n.npy", NUMBERS)
        before = contents(tmp_path)
        assert refused(run("fit n.npy -o n.npy"), 2, "--output", "n.npy")
        assert contents(tmp_path) == before

    @pytest.mark.skipif(os.name != "posix", reason="links")
    @pytest.mark.parametrize("link", LINKS)
    @pytest.mark.parametrize("way", ["{} -o other.npz", "other.npz -o {}"])
    def test_links_are_seen_through(self, run, model, tmp_path, link, way):
        link(model, "other.npz")
        before = contents(tmp_path)
        assert refused(run(f"plot {way.format(model)}"), 2, "expected another file than the input")
        assert refused(run(f"sample {way.format(model)}"), 2, "expected another file than the input")
        assert contents(tmp_path) == before

    @pytest.mark.skipif(os.name != "posix", reason="links")
    @pytest.mark.parametrize("link", LINKS)
    def test_two_outputs_are_two_files(self, run, data, tmp_path, link):
        (tmp_path / "m.npz").write_text("old")
        link("m.npz", "f.png")
        assert refused(run(f"fit {data} --beta 2 -o m.npz --plot f.png"), 2, "for both")
        assert (tmp_path / "m.npz").read_text() == "old"

    @pytest.mark.skipif(os.name != "posix", reason="redirections")
    def test_the_file_on_standard_input_counts(self, tmp_path):
        (tmp_path / "d.csv").write_text("\n".join(map(str, NUMBERS)))
        before = contents(tmp_path)
        with open("d.csv", "rb") as stream:
            done = command("path", "-", "-o", "d.csv", stdin=stream, stdout=subprocess.PIPE)
        assert refused((done.returncode, done.stdout, done.stderr), 2, "the input standard input")
        assert contents(tmp_path) == before


@pytest.mark.skipif(os.name != "posix", reason="links")
class TestPipesAsInputs:
    def test_a_table_from_a_pipe_is_text(self, run, data, tmp_path):
        reading, writing = os.pipe()
        os.write(writing, (tmp_path / data).read_bytes())
        os.close(writing)
        try:
            code, out, _ = run(f"fit /dev/fd/{reading} --beta 2")
        finally:
            os.close(reading)
        assert code == 0
        assert "6 samples" in out


@pytest.mark.skipif(os.name != "posix", reason="links")
class TestLinksAsOutputs:
    def test_a_link_stays_and_its_target_is_replaced(self, run, model, tmp_path):
        (tmp_path / "deep").mkdir()
        (tmp_path / "deep" / "s.csv").write_text("old")
        os.symlink("deep/s.csv", "link.csv")
        assert run(f"sample {model} -n 3 --seed 0 -o link.csv")[0] == 0
        assert os.readlink("link.csv") == "deep/s.csv"
        assert len((tmp_path / "deep" / "s.csv").read_text().splitlines()) == 4
        assert names(tmp_path / "deep") == ["s.csv"]

    def test_a_link_to_nothing_makes_its_target(self, run, model, tmp_path):
        os.symlink("new.csv", "link.csv")
        assert run(f"sample {model} -n 3 --seed 0 -o link.csv")[0] == 0
        assert names(tmp_path) == ["link.csv", "m.npz", "new.csv"]
        assert os.path.islink("link.csv")

    def test_a_link_into_a_missing_directory_is_refused(self, run, model, tmp_path):
        os.symlink("none/new.csv", "link.csv")
        assert refused(run(f"sample {model} -n 3 -o link.csv"), 2, "existing directory")

    def test_a_link_to_itself_is_one_line(self, run, model):
        os.symlink("link.csv", "link.csv")
        code, out, err = run(f"sample {model} -n 3 -o link.csv")
        assert (code, out, err.count("\n")) in [(2, "", 1), (0, "", 0)]


class TestSuffixes:
    @pytest.mark.parametrize(
        ("line", "parts"),
        [
            ("sample m.npz -o s.json", ["--output", ".csv or .tsv or .txt or .dat or .npy", "s.json"]),
            ("sample m.npz -o s", ["--output", ".csv", "'s'"]),
            ("fit a.csv --beta 2 -o m.csv", ["--output", ".npz", "m.csv"]),
            ("path a.csv -o p.npz", ["--output", ".csv", "p.npz"]),
            ("data galaxies -o g.npy", ["--output", ".csv", "g.npy"]),
        ],
    )
    def test_an_unknown_one_is_refused_and_the_known_are_named(self, run, data, model, tmp_path, line, parts):
        assert refused(run(line), 2, *parts)
        assert names(tmp_path) == ["a.csv", "m.npz"]

    @pytest.mark.skipif(os.name != "posix", reason="devices")
    def test_a_device_needs_none(self, run, data, model, tmp_path):
        assert run(f"sample {model} -n 3 -o /dev/null") == (0, "", "")
        assert run(f"fit {data} --beta 2 -o /dev/null")[0] == 0
        with open("s.txt", "wb") as stream:
            done = command("sample", model, "-n", "3", "-o", "/dev/stdout", stdout=stream)
        assert (done.returncode, done.stderr) == (0, "")
        assert len((tmp_path / "s.txt").read_text().splitlines()) == 4
        assert not os.path.isfile("/dev/null")


class TestNames:
    def test_samples_have_the_name_of_the_data(self, run, tmp_path):
        (tmp_path / "b.csv").write_text(
            'id,"len, mm"\n' + "\n".join(f"{i},{x}" for i, x in enumerate(NUMBERS))
        )
        assert run("fit b.csv --column 1 --beta 2 -o m.npz")[0] == 0
        assert read_column_names("m.npz", 1) == ["len, mm"]
        assert run("sample m.npz -n 2 --seed 0")[1].splitlines()[0] == '"len, mm"'
        run("sample m.npz -n 9 --seed 0 -o s.csv")
        assert "len, mm" in run("fit s.csv --beta 4")[1]

    def test_a_model_with_a_name_is_read_as_one_without(self, run, data):
        run(f"fit {data} --beta 2 -o m.npz")
        network = cs.TwoLayerNetwork.load("m.npz")
        assert network.kinks.tolist() == cs.solve(cs.ScoreMatching(NUMBERS), 2.0).network.kinks.tolist()
        with np.load("m.npz") as stored:
            assert json.loads(str(stored["header"]))["version"] == 1

    def test_a_model_without_a_name_gives_x(self, run, model):
        assert read_column_names(model, 1) is None
        assert run(f"sample {model} -n 2 --seed 0")[1].splitlines()[0] == "x"


class TestData:
    def test_bundled_data_are_written_and_read_back(self, run):
        assert run("data old_faithful -o d.csv") == (0, "wrote        d.csv\n", "")
        result = json.loads(run("fit d.csv --column waiting --beta 500 --json")[1])
        assert result["n_samples"] == 272
        table = np.loadtxt("d.csv", delimiter=",", skiprows=1)
        np.testing.assert_array_equal(table, cs.datasets.load_old_faithful().data)

    def test_standard_output_is_the_default(self, run):
        _, out, _ = run("data galaxies")
        assert out.splitlines()[0] == "velocity_km_s"
        assert run("data galaxies -o -")[1] == out

    def test_an_unknown_name_lists_the_known(self, run, capsys):
        with pytest.raises(SystemExit):
            run("data iris")
        assert "old_faithful" in capsys.readouterr().err


TERMINATED = """
import os, signal, sys
import numpy as np
from convexscore import cli
import convexscore._support.tables as tables
def stop(stream, *rest):
    stream.write("half")
    stream.flush()
    os.kill(os.getpid(), getattr(signal, sys.argv[1]))
    while True:
        signal.pause()
tables._write_text = stop
raise SystemExit(cli.main(["sample", "m.npz", "-n", "3", "-o", "s.csv"]))
"""


@pytest.mark.skipif(os.name != "posix", reason="POSIX signals")
@pytest.mark.parametrize(("name", "code"), [("SIGTERM", 143), ("SIGHUP", 129), ("SIGINT", 130)])
def test_a_signal_while_writing_leaves_nothing(model, tmp_path, name, code):
    (tmp_path / "s.csv").write_text("old")
    environment = os.environ | {"PYTHONPATH": os.path.dirname(os.path.dirname(cs.__file__))}
    line = [sys.executable, "-c", TERMINATED, name]
    done = subprocess.run(line, env=environment, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == code
    assert "Traceback" not in done.stderr
    assert names(tmp_path) == ["m.npz", "s.csv"]
    assert (tmp_path / "s.csv").read_text() == "old"
