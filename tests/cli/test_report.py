"""What ``fit`` says of a solution: who its certificate speaks of, and whether its density is the data's."""

import json

import numpy as np
import pytest

import convexscore as cs
from tests.cli.helpers import NUMBERS


def line_of(out, label):
    """Return what the one line of this label says."""
    (line,) = [line for line in out.splitlines() if line.startswith(f"{label:13}")]
    return line[13:]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ("", "among networks of any width"),
        ("--skip --shape log-concave", "among networks of any width, log-concave scores"),
        ("--skip --refit", "of the data term, among networks with these kinks and signs"),
    ],
)
def test_the_scope_is_said_in_words(run, data, options, words):
    assert line_of(run(f"fit {data} --beta 2 {options}")[1], "optimum") == words


def test_bounds_of_the_tails_are_part_of_the_scope(run):
    x = np.random.default_rng(0).lognormal(size=1000)
    assert cs.solve(x, "auto").tails == (0.0, 0.0)
    np.savetxt("heavy.csv", x)
    code, out, _ = run("fit heavy.csv")
    assert code == 0
    assert line_of(out, "optimum") == "among networks of any width, outer slopes at most 0 and 0"
    assert line_of(out, "density").startswith("mean ")


def test_a_missed_tolerance_is_no_optimum(run, data, monkeypatch):
    monkeypatch.setattr(cs.Certificate, "meets", lambda *_: False)
    assert line_of(run(f"fit {data} --beta 2")[1], "optimum").startswith("not certified")


class TestDensity:
    def test_mean_and_deviation_are_the_density_s(self, run, data):
        facts = json.loads(run(f"fit {data} --beta 2 --json")[1])["density"]
        density = cs.solve(cs.ScoreMatching(NUMBERS), 2.0).density()
        assert (facts["mean"], facts["deviation"]) == (density.mean(), density.std())
        line = line_of(run(f"fit {data} --beta 2")[1], "density")
        assert line.startswith(
            f"mean {density.mean():.6g}, deviation {density.std():.6g}; its masses are the"
        )

    def test_the_difference_of_masses_is_that_of_the_distribution_functions(self, run, data):
        facts = json.loads(run(f"fit {data} --beta 2 --json")[1])["density"]
        below = cs.solve(cs.ScoreMatching(NUMBERS), 2.0).density().cdf(NUMBERS)
        steps = np.arange(7) / 6
        largest = max((below - steps[1:]).max(), (steps[:-1] - below).max())
        assert facts["mass_difference"] == pytest.approx(largest, rel=1e-9)
        assert facts["beyond_chance"] is False

    def test_masses_that_score_matching_does_not_see_are_named(self, run):
        rng = np.random.default_rng(0)
        groups = np.concatenate([rng.normal(0, 0.3, 60), rng.normal(5, 1.0, 240)])
        np.savetxt("groups.csv", groups)
        line = line_of(run("fit groups.csv --skip --beta 4")[1], "density")
        assert "its masses are not the data's" in line
        assert "where 20 % of the data are" in line
        assert json.loads(run("fit groups.csv --skip --beta 4 --json")[1])["density"]["beyond_chance"] is True

    def test_a_score_without_density_says_why(self, run):
        np.savetxt("heavy.csv", np.random.default_rng(1).lognormal(size=300))
        code, out, _ = run("fit heavy.csv --skip --beta 30")
        assert code == 0
        assert line_of(out, "density").startswith("none: ")
        assert "right tail" in line_of(out, "density")
        assert "right tail" in json.loads(run("fit heavy.csv --skip --beta 30 --json")[1])["density"]["none"]

    def test_noise_that_is_integrated_out_has_no_samples_to_compare(self, run, data):
        line = f"fit {data} --skip --objective dsm --noise-level 0.5 --expected --beta 2 --json"
        assert set(json.loads(run(line)[1])["density"]) == {"mean", "deviation"}
