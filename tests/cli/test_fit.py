"""The command ``fit``: what it prints and writes."""

import io
import json

import pytest

import convexscore as cs
from tests.cli.helpers import NUMBERS, is_drawn, names, refused, write_numbers


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
            *("n_samples", "n_distinct", "n_neurons", "support", "kinks", "density", "files"),
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
        monkeypatch.setattr(cs.Certificate, "meets", lambda *_: False)
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
