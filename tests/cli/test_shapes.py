"""The command line: log-concave scores, refits, and denoising without draws."""

import json

import numpy as np
import pytest

import convexscore as cs
from convexscore import cli

NUMBERS = [0.5, 1.5, 2.0, 3.25, 3.5, 4.0, 9.0, 9.5, 10.0, 11.0]


@pytest.fixture
def run(capsys, tmp_path, monkeypatch):
    """Run ``fit`` on a column of numbers; return exit code, standard output and standard error."""
    monkeypatch.chdir(tmp_path)
    np.save("a.npy", np.array(NUMBERS))

    def run(line):
        code = cli.main(["fit", "a.npy", *line.split()])
        return code, *capsys.readouterr()

    return run


def fitted(result):
    code, out, err = result
    assert (code, err) == (0, "")
    return json.loads(out)


def test_a_log_concave_fit_is_the_library_s(run):
    result = fitted(run("--skip --beta 2 --shape log-concave --json -o m.npz"))
    solution = cs.solve(cs.ScoreMatching(NUMBERS), 2.0, skip=True, shape="log-concave")
    assert result["value"] == solution.value
    assert cs.ScoreDensity(cs.TwoLayerNetwork.load("m.npz")).is_log_concave
    assert result["value"] > cs.solve(cs.ScoreMatching(NUMBERS), 2.0, skip=True).value


def test_a_refit_says_that_it_is_one(run):
    result = fitted(run("--skip --beta 2 --refit --json --plot f.png"))
    assert result["status"] == "refit"
    assert result["certificate"]["scope"] == "patterns"
    assert result["value"] == cs.solve(cs.ScoreMatching(NUMBERS), 2.0, skip=True, refit=True).value


def test_denoising_without_draws(run):
    result = fitted(run("--objective dsm --noise-level 0.5 --expected --beta 2 --json --plot f.png"))
    objective = cs.DenoisingScoreMatching.expected(NUMBERS, 0.5)
    assert result["value"] == cs.solve(objective, 2.0).value
    assert result["certificate"]["scope"] == "global"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("--expected --beta 2", "--expected: expected only with --objective dsm"),
        ("--objective dsm --expected --beta 2", "--noise-level: expected a positive number"),
        ("--objective dsm --noise-level 1 --expected", "--beta: expected a number with --expected"),
        ("--objective dsm --noise-level 1 --expected --beta 0", "beta: expected a number above 0"),
        ("--objective dsm --noise-level 1 --expected --beta 2 --n-draws 3", "--expected: expected neither"),
        ("--objective dsm --noise-level 1 --expected --beta 2 --seed 3", "--expected: expected neither"),
        ("--objective dsm --noise-level 1 --expected --beta 2 --refit", "objective: expected denoising"),
        ("--beta 2 --refit --shape log-concave", "refit: expected False"),
        ("--beta 2 --shape log-concave --solver osqp", "solver: expected 'auto' or 'active_set'"),
    ],
)
def test_what_does_not_go_together_is_refused(run, line, message):
    code, out, err = run(line)
    assert (code, out) == (2, "")
    assert err.startswith(f"convexscore: {message}")
    assert err.count("\n") == 1
