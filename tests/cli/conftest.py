"""An empty directory for each test, commands run in it, and data and a model to run them on."""

import signal

import pytest

import convexscore as cs
from convexscore import cli
from tests.cli.helpers import NUMBERS

# Shells start background jobs with interrupts ignored, which the processes of tests would inherit.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


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
