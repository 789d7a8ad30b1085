"""Streams that are closed, full or odd, signals, and threads: no traceback, a documented exit code."""

import io
import os
import shlex
import signal
import subprocess
import sys
import threading

import pytest

import convexscore as cs
from convexscore import cli
from convexscore.cli.parser import make_parser
from tests.cli.helpers import NUMBERS, names, refused

posix = pytest.mark.skipif(os.name != "posix", reason="POSIX streams and signals")


def environment(**more):
    """Variables under which another process imports this package, with buffered output as usual."""
    kept = {key: value for key, value in os.environ.items() if key != "PYTHONUNBUFFERED"}
    return kept | {"PYTHONPATH": os.path.dirname(os.path.dirname(cs.__file__))} | more


def python(*line, **more):
    """Run Python in a process of its own."""
    line = [sys.executable, *line]
    return subprocess.run(line, env=environment(**more), capture_output=True, text=True, check=False)


def shell(line):
    """Run a line of the shell, ``convexscore`` being this one."""
    line = line.replace("convexscore", f"{shlex.quote(sys.executable)} -m convexscore", 1)
    return subprocess.run(["sh", "-c", line], env=environment(), capture_output=True, text=True, check=False)


@posix
class TestStreams:
    @pytest.mark.parametrize("line", ["fit a.csv --beta 2 -o m.npz", "--help", "data galaxies"])
    def test_closed_standard_output_is_named(self, data, tmp_path, line):
        done = shell(f"convexscore {line} >&-")
        assert refused((done.returncode, done.stdout, done.stderr), 2, "standard output", "closed")
        assert names(tmp_path) == ["a.csv"]

    def test_closed_standard_input_is_named(self):
        done = shell("convexscore fit - --beta 2 <&-")
        assert refused((done.returncode, done.stdout, done.stderr), 2, "standard input", "closed")

    def test_closed_standard_input_does_not_matter_where_it_is_not_read(self, data):
        done = shell(f"convexscore fit {data} --beta 2 -o m.npz <&-")
        assert (done.returncode, done.stderr) == (0, "")

    def test_nothing_goes_to_standard_output_in_place_of_closed_standard_error(self, data):
        done = shell("convexscore fit none.csv --beta 2 2>&-")
        assert (done.returncode, done.stdout) == (2, "")
        done = shell(f"convexscore fit {data} --beta 2 -o m.npz 2>&-")
        assert done.returncode == 0
        assert done.stdout.startswith("data ")
        assert cs.TwoLayerNetwork.load("m.npz").n_neurons

    def test_all_closed(self, data, tmp_path):
        assert shell(f"convexscore fit {data} --beta 2 -o m.npz <&- >&- 2>&-").returncode == 2
        assert names(tmp_path) == ["a.csv"]

    @pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
    @pytest.mark.parametrize("line", ["fit a.csv --beta 2", "data galaxies", "--help", "--version"])
    def test_full_standard_output_is_named(self, data, line):
        done = shell(f"convexscore {line} >/dev/full")
        assert refused((done.returncode, done.stdout, done.stderr), 2, "No space left")

    def test_names_that_the_terminal_lacks_are_escaped(self, tmp_path):
        (tmp_path / "a.csv").write_text("\n".join(["län", *map(str, NUMBERS)]), encoding="utf-8")
        assert cli.main(["fit", "a.csv", "--beta", "2", "-o", "m.npz"]) == 0
        done = python("-m", "convexscore", "sample", "m.npz", "-n", "2", PYTHONIOENCODING="ascii")
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.startswith("l\\xe4n\n")


@posix
@pytest.mark.parametrize("after", ["numpy", "scipy", "convexscore.univariate"])
def test_an_interrupt_during_the_imports_has_no_traceback(after):
    pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    line = [sys.executable, "-X", "importtime", "-m", "convexscore", "fit", "-"]
    process = subprocess.Popen(line, env=environment(), text=True, **pipes)
    # Python says of every module that it has been imported: here the first of a library, or of a room.
    assert any(f" {after}" in told for told in process.stderr)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    left = [told for told in err.splitlines() if not told.startswith("import time:")]
    assert (process.returncode, out, left) == (130, "", ["convexscore: interrupted"])


class TestProcess:
    def test_the_hook_ends_quietly(self):
        code = "import sys; sys.argv = ['/usr/bin/convexscore']; import convexscore\nraise KeyboardInterrupt"
        done = python("-c", code)
        assert (done.returncode, done.stderr) == (130, "convexscore: interrupted\n")

    def test_who_imports_the_package_keeps_the_hook(self):
        code = "import sys; before = sys.excepthook; import convexscore; print(sys.excepthook is before)"
        done = python("-c", code)
        assert done.stdout == "True\n"

    @posix
    def test_signals_are_restored(self, run, data):
        known = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)
        before = [signal.getsignal(number) for number in known]
        run(f"fit {data} --beta 2")
        run("fit none.csv")
        with pytest.raises(SystemExit):
            run("fit")
        assert [signal.getsignal(number) for number in known] == before

    @posix
    def test_a_handler_of_somebody_else_stays(self, run, data, monkeypatch):
        seen = []

        def handler(*_):
            seen.append(1)

        def solve(*_, **__):
            os.kill(os.getpid(), signal.SIGTERM)
            raise cs.SolverError("stopped")

        monkeypatch.setattr("convexscore.cli.fit.solve", solve)
        before = signal.signal(signal.SIGTERM, handler)
        try:
            assert run(f"fit {data} --beta 2")[0] == 1
        finally:
            signal.signal(signal.SIGTERM, before)
        assert seen == [1]

    def test_another_thread_may_run_it(self, data, capsys):
        codes = []
        thread = threading.Thread(target=lambda: codes.append(cli.main(["fit", data, "--beta", "2"])))
        thread.start()
        thread.join()
        assert codes == [0]

    def test_streams_of_python_are_enough(self, data, monkeypatch):
        monkeypatch.setattr("sys.stdout", io.StringIO())
        monkeypatch.setattr("sys.stderr", None)
        assert cli.main(["fit", data, "--beta", "2"]) == 0
        assert "samples" in sys.stdout.getvalue()
        assert cli.main(["fit", "none.csv", "--beta", "2"]) == 2
        monkeypatch.setattr("sys.stdout", None)
        assert cli.main(["fit", data, "--beta", "2"]) == 2

    def test_the_unexpected_is_one_line(self, run, data, monkeypatch):
        def fail(*_, **__):
            raise ZeroDivisionError("one\nand another")

        monkeypatch.setattr("convexscore.cli.fit.solve", fail)
        assert refused(run(f"fit {data} --beta 2"), 1, "ZeroDivisionError", "CONVEXSCORE_TRACEBACK")
        monkeypatch.setenv("CONVEXSCORE_TRACEBACK", "1")
        with pytest.raises(ZeroDivisionError):
            run(f"fit {data} --beta 2")


class TestArguments:
    @pytest.mark.parametrize(
        ("line", "message"),
        [
            ("fit a.csv --beta two", "argument --beta: expected a number or auto, got 'two'"),
            ("fit a.csv --beta 1_0", "argument --beta: expected a number or auto, got '1_0'"),
            ("fit a.csv --tol x", "argument --tol: expected a number, got 'x'"),
            ("fit a.csv --n-draws 1.5", "argument --n-draws: expected a whole number, got '1.5'"),
            ("sample m.npz -n 1_000", "argument -n: expected a whole number, got '1_000'"),
            ("sample m.npz --seed x", "argument --seed: expected a whole number, got 'x'"),
            (
                "figures --only 1,X",
                "argument --only: expected whole numbers such as 3,5, or names, got '1,X'",
            ),
            ("path a.csv --column a --column b", "argument --column: expected once, got it again with 'b'"),
            ("fit a.csv --beta 1 --beta 1", "argument --beta: expected once"),
            ("sample m.npz -o a.csv --output b.csv", "argument -o/--output: expected once"),
            ("fit a.csv --header --no-header", "argument --no-header: not allowed with argument --header"),
            ("fit a.csv --decimal ;", "argument --decimal: invalid choice"),
        ],
    )
    def test_errors_are_sentences(self, capsys, line, message):
        with pytest.raises(SystemExit) as stop:
            cli.main(line.split())
        assert stop.value.code == 2
        assert message in capsys.readouterr().err

    @pytest.mark.parametrize("line", ["sample m.npz", "fit a.csv", "path a.csv"])
    def test_a_negative_seed_names_its_option(self, run, data, model, line):
        assert refused(run(f"{line} --seed -1"), 2, "--seed: expected an integer of at least 0, got -1")

    @pytest.mark.parametrize("option", ["--seed 1", "--n-draws 2", "--n-draws 1"])
    def test_draws_are_for_denoising(self, run, data, option):
        assert refused(run(f"fit {data} --beta 2 {option}"), 2, option.split()[0], "--objective dsm")

    @pytest.mark.parametrize("option", ["--header", "--drop-missing", "--decimal ,"])
    def test_a_plot_without_data_has_no_table_to_read(self, run, model, option):
        assert refused(run(f"plot {model} -o f.png {option}"), 2, "only with --data")

    def test_every_option_of_a_table_reaches_it(self, run, tmp_path):
        (tmp_path / "b.csv").write_text("7;2020\n1,5;1\nNA;2\n2,5;3\n4,5;4\n", encoding="utf-16")
        line = "fit b.csv --header --column 7 --decimal , --drop-missing --beta 4"
        code, out, _ = run(line)
        assert code == 0
        assert "3 samples" in out
        assert "column       7, 1 rows without a number left out" in out
        assert '"n_missing": 1' in run(f"{line} --json")[1]
        assert make_parser().parse_args(["fit", "a", "--no-header"]).header is False
