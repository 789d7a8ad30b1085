"""The page of two features: fits, densities and held-out losses against those made by themselves."""

import numpy as np
import pytest

import convexscore as cs
from convexscore._support.seeds import generator
from convexscore.objectives import chosen_samples, distinct_rows
from tests.report.pages import numbers_of

POINTS = np.random.default_rng(2).normal(size=(30, 2)) @ [[1.0, 0.4], [0.0, 1.0]]


def test_fits_are_those_of_solve(tmp_path):
    path = cs.report(
        POINTS, tmp_path / "page.html", betas=[4.0, 12.0], skip=True, n_folds=2, columns=("a", "b")
    )
    numbers = numbers_of(path)
    assert numbers["columns"] == ["a", "b"]
    assert [fit["beta"] for fit in numbers["fits"]] == [12.0, 4.0]
    for fit in numbers["fits"]:
        solution = cs.solve(POINTS, fit["beta"], skip=True, conservative=True)
        assert fit["value"] == pytest.approx(solution.value, rel=1e-9)
        assert fit["scope"] == "global"
        directions = np.reshape(fit["directions"], (-1, 2))
        others = (fit[name] for name in ("offsets", "coefficients", "b2", "S"))
        network = cs.ConservativeNetwork(directions, *others, origin=fit["origin"])
        np.testing.assert_allclose(network(POINTS), solution.network(POINTS), atol=1e-7)
        assert fit["log_normalizer"] == pytest.approx(solution.density().log_normalizer, abs=1e-6)
    check_held_out(numbers["held_out"])


def check_held_out(held_out):
    rows = distinct_rows(cs.ScoreMatching(POINTS))
    fold_of = generator(0, "report").permutation(np.arange(len(rows.X)) % 2)
    for beta, mean in zip(held_out["betas"], held_out["mean"], strict=True):
        total = 0.0
        for fold in range(2):
            training, rest = (chosen_samples(rows, chosen) for chosen in (fold_of != fold, fold_of == fold))
            own = beta * np.sqrt(len(training.X) / len(rows.X))
            total += rest.loss(cs.solve(training, own, skip=True, conservative=True).network)
        # The folds' fits stop at a tolerance of their own.
        assert mean == pytest.approx(total / len(POINTS), rel=0.05)


def test_weight_decays_are_found_around_the_automatic_one(tmp_path):
    numbers = numbers_of(cs.report(POINTS, tmp_path / "page.html", skip=True, n_folds=0))
    betas = [fit["beta"] for fit in numbers["fits"]]
    assert numbers["auto"] == cs.select_beta(POINTS, rng=0, skip=True)
    assert numbers["auto"] in betas
    assert betas == sorted(betas, reverse=True)
    assert numbers["held_out"]["mean"] == [None] * len(betas)


def test_scores_without_density_say_why(tmp_path):
    numbers = numbers_of(cs.report(POINTS, tmp_path / "page.html", betas=[60.0], n_folds=0))
    (fit,) = numbers["fits"]
    assert fit["log_normalizer"] is None
    assert "expected a potential that falls" in fit["without_density"]


@pytest.mark.parametrize(
    ("error", "words", "options"),
    [
        (ValueError, "beta_min: expected none for two features", {"beta_min": 1.0}),
        (ValueError, "betas: expected 1 to 50 numbers above 0", {"betas": []}),
        (ValueError, "betas: expected 1 to 50 numbers above 0", {"betas": [0.0, 1.0]}),
        (ValueError, "columns: expected 2 name", {"columns": "a"}),
        (cs.UnboundedError, "beta", {"betas": [20.0, 1e-3], "n_folds": 0}),
    ],
)
def test_wrong_arguments_are_named(tmp_path, error, words, options):
    with pytest.raises(error, match=words):
        cs.report(POINTS, tmp_path / "page.html", skip=True, **options)
    assert not list(tmp_path.iterdir())


def test_boxes_are_refused(tmp_path):
    objective = cs.ScoreMatching(np.random.default_rng(0).random((20, 2)), support=[(0, None), (0, 1)])
    with pytest.raises(ValueError, match="objective: expected no support with two features"):
        cs.report(objective, tmp_path / "page.html", columns=["a", "b"])
    assert not list(tmp_path.iterdir())
