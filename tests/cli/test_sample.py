"""The command ``sample``: what it prints and writes."""

import io
import json

import numpy as np
import pytest

import convexscore as cs


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
