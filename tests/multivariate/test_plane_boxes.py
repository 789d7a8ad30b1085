"""Many points in the plane: boxes lead, and agree with circles."""

import numpy as np
import pytest

import convexscore as cs
from convexscore.multivariate.pricing import choice
from convexscore.multivariate.pricing.boxes import BoxPricer
from convexscore.multivariate.pricing.planar import PlanarPricer
from convexscore.multivariate.program import NeuronProgram


def points(n=160, seed=0):
    rng = np.random.default_rng(seed)
    return np.round(rng.standard_normal((n, 2)) + 2 * rng.integers(-1, 2, (n, 2)), 2)


def objectives(X):
    return {"sm": cs.ScoreMatching(X), "dsm": cs.DenoisingScoreMatching.from_clean(X, 0.5, rng=3)}


def test_the_choice_depends_on_the_number_of_points(monkeypatch):
    program = NeuronProgram.from_objective(cs.ScoreMatching(points()), "relu", False, True)
    assert isinstance(choice.pricer_of(program, max_boxes=1000), PlanarPricer)
    monkeypatch.setattr(choice, "_CIRCLES", 100)
    assert isinstance(choice.pricer_of(program, max_boxes=1000), BoxPricer)


@pytest.mark.parametrize("conservative", [False, True])
@pytest.mark.parametrize("name", ["sm", "dsm"])
def test_boxes_and_circles_have_one_optimum(name, conservative, monkeypatch):
    objective = objectives(points())[name]
    options = {"skip": True, "conservative": conservative}
    circles = cs.solve(objective, 12.0, **options)
    monkeypatch.setattr(choice, "_CIRCLES", 100)
    boxes = cs.solve(objective, 12.0, **options)
    assert boxes.certificate.scope == circles.certificate.scope == "global"
    scale = circles.certificate.value_scale
    assert boxes.value == pytest.approx(circles.value, abs=1e-6 * scale)
    assert boxes.certificate.dual <= circles.value + 1e-9 * scale
    assert circles.certificate.dual <= boxes.value + 1e-9 * scale


def test_where_boxes_do_not_end_circles_do(monkeypatch):
    from convexscore.multivariate import train

    monkeypatch.setattr(choice, "_CIRCLES", 100)
    monkeypatch.setitem(train._BOXES, 2, 3)
    solution = cs.solve(objectives(points())["dsm"], 12.0)
    assert solution.status == "optimal"
    assert solution.certificate.scope == "global"


@pytest.mark.parametrize("d", [2, 3])
@pytest.mark.parametrize("backend", ["threading", "loky"])
def test_workers_do_not_change_the_result(backend, d, monkeypatch):
    import joblib

    monkeypatch.setattr("convexscore.multivariate.pricing.box_search._BATCH", 500)
    rng = np.random.default_rng(1)
    X = points() if d == 2 else rng.standard_normal((40, 3))
    objective = cs.ScoreMatching(X)
    beta = 10.0
    alone = cs.solve(objective, beta, skip=True)
    with joblib.parallel_config(backend=backend):
        together = cs.solve(objective, beta, skip=True, n_jobs=2)
    np.testing.assert_array_equal(together.network.W1, alone.network.W1)
    assert together.certificate == alone.certificate


def test_progress_tells_boxes_and_bounds(capsys):
    pytest.importorskip("tqdm")
    X = np.random.default_rng(0).standard_normal((30, 3))
    cs.solve(cs.ScoreMatching(X), 8.0, skip=True, verbose=True)
    shown = capsys.readouterr().err
    assert "boxes" in shown
    assert "of the level" in shown


@pytest.mark.parametrize("bad", [0, True, 1.5, "two"])
def test_workers_are_checked(bad):
    with pytest.raises((TypeError, ValueError), match="n_jobs"):
        cs.solve(cs.ScoreMatching(points(20)), 12.0, n_jobs=bad)


def test_an_unfinished_proof_of_score_matching_is_a_bound():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((40, 3)) + 2 * rng.integers(-1, 2, (40, 3))
    whole = cs.solve(cs.ScoreMatching(X), 20.0)
    assert whole.certificate.scope == "global"
    finite = []
    for boxes in (300, 6000):
        some = cs.solve(cs.ScoreMatching(X), 20.0, max_boxes=boxes).certificate
        assert some.lower_bound <= whole.value
        finite.append(np.isfinite(some.lower_bound))
    assert finite[-1]
