"""Failures on the way: of solvers, figures, densities and chains."""

import pytest

import convexscore as cs
from tests.cli.helpers import NO_DENSITY, names, refused


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
        assert refused(run(f"fit {data} --beta 2 -o m.npz --plot f.png"), 2, "pip install matplotlib")
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
