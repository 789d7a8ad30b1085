"""The page of one feature: its numbers against problems that are solved by themselves."""

import re

import numpy as np
import pytest

import convexscore as cs
from convexscore._support.seeds import generator
from convexscore.objectives import chosen_samples, distinct_rows
from tests.report.pages import bound_at, numbers_of, score_at

# What ties do to the automatic weight decay is said where it is chosen.
pytestmark = pytest.mark.filterwarnings("ignore:beta. one value holds")

GENERATOR = np.random.default_rng(5)
ERUPTIONS = cs.datasets.load_old_faithful()["eruptions"]
DATA = {
    "eruptions": ERUPTIONS,
    "far from zero": 1e6 + GENERATOR.gamma(2.0, size=40),
    "heavy tie": np.r_[np.zeros(20), GENERATOR.normal(size=15)],
    "many": np.concatenate([GENERATOR.normal(size=1500), GENERATOR.normal(4.0, 0.5, 500)]),
    "tiny": 1e-100 * GENERATOR.normal(size=15),
}


DURATIONS = np.ceil(20 * np.random.default_rng(6).gamma(1.5, size=60)) / 20
SHARES = np.random.default_rng(7).beta(0.9, 2.0, size=50)
LIMITED = {
    "half-line": cs.ScoreMatching(DURATIONS, np.arange(60) % 3.0, support=(0, None)),
    "mirrored": cs.ScoreMatching(-DURATIONS, support=(None, 0)),
    "interval": cs.ScoreMatching(SHARES, support=(0, 1)),
    "interval far from zero": cs.ScoreMatching(1e6 + SHARES, support=(1e6, 1e6 + 1), boundary_weight=0.1),
    "another weight": cs.ScoreMatching(
        DURATIONS, support=(0, None), boundary_weight=(np.square, lambda x: 2 * x)
    ),
    "many": cs.ScoreMatching(np.random.default_rng(8).gamma(2.0, size=1800), support=(0, None)),
}


@pytest.fixture
def page(tmp_path):
    def page(objective, **options):
        return numbers_of(cs.report(objective, tmp_path / "page.html", **options))

    return page


@pytest.mark.parametrize("skip", [False, True])
@pytest.mark.parametrize("activation", ["relu", "abs"])
@pytest.mark.parametrize("data", DATA)
def test_every_weight_decay_has_the_optimum(page, data, activation, skip):
    objective = cs.ScoreMatching(DATA[data])
    numbers = page(objective, activation=activation, skip=skip, n_folds=0)
    check_optima(numbers, objective, activation, skip)


@pytest.mark.parametrize("skip", [False, True])
@pytest.mark.parametrize("activation", ["relu", "abs"])
@pytest.mark.parametrize("data", LIMITED)
def test_data_with_limits_have_their_optima(page, data, activation, skip):
    objective = LIMITED[data]
    numbers = page(objective, activation=activation, skip=skip, n_folds=0)
    check_optima(numbers, objective, activation, skip)
    ends = [None if np.isinf(end) else end for end in objective.support]
    assert numbers["support"] == ends
    origin = numbers["data"]["origin"]
    assert numbers["data"]["limits"] == [None if end is None else end - origin for end in ends]
    # The histogram counts samples, whatever the loss weighs.
    assert sum(numbers["histogram"]["height"]) * np.diff(numbers["histogram"]["edges"])[0] == pytest.approx(1)


def test_denoising_and_weights_have_theirs(page):
    weights = GENERATOR.integers(0, 4, ERUPTIONS.size).astype(float)
    weighted = cs.ScoreMatching(ERUPTIONS, weights)
    check_optima(page(weighted, skip=True, n_folds=0), weighted, "relu", True)
    noisy = cs.DenoisingScoreMatching.from_clean(ERUPTIONS, 0.3, 8, rng=0)
    numbers = page(noisy, n_folds=0, beta_min=5.0)
    assert numbers["data"]["first"] is not None
    check_optima(numbers, noisy, "relu", False)


def check_optima(numbers, objective, activation, skip):
    lowest, highest = numbers["range"]
    origin = numbers["data"]["origin"]
    x = np.unique(objective.X)
    for beta in lowest * (highest / lowest) ** np.random.default_rng(0).random(6):
        solution = cs.solve(objective, float(beta), activation, skip)
        score = score_at(numbers, beta)
        size = np.abs(score.values).max() + 1 / np.ptp(x)
        np.testing.assert_allclose(score(x - origin), solution.network(x), rtol=0, atol=1e-9 * size)
        assert bound_at(numbers, score) == pytest.approx(solution.value, rel=1e-9)


def test_an_objective_made_elsewhere_has_a_page(page):
    class Regression:
        X = ERUPTIONS[:, None]
        weights = np.ones(ERUPTIONS.size)
        sample_weight = None
        targets = -ERUPTIONS[:, None]
        has_trace = False

        def loss(self, score):
            return 0.5 * float(np.sum((score(self.X) - self.targets) ** 2))

    numbers = page(Regression(), n_folds=2)
    assert numbers["objective"] == "dsm"
    assert numbers["pieces"] == page(cs.DenoisingScoreMatching(ERUPTIONS, -ERUPTIONS), n_folds=2)["pieces"]


HELD_OUT = np.concatenate([GENERATOR.normal(size=40), GENERATOR.normal(4.0, 0.5, 20).round(1)])


@pytest.mark.parametrize("support", [None, (-5.0, None), (-5.0, 9.0)])
def test_held_out_likelihoods_are_those_of_a_plain_loop(page, support):
    weights = np.arange(HELD_OUT.size) % 3.0
    objective = cs.ScoreMatching(HELD_OUT, weights, support)
    numbers = page(objective, skip=True, n_folds=3, rng=7)
    rows = distinct_rows(objective)
    mass = rows.weights * rows.boundary[0]
    fold_of = generator(7, "report").permutation(np.arange(len(rows.X)) % 3)
    held_out = numbers["held_out"]
    assert numbers["auto"] in held_out["betas"]
    assert len(held_out["betas"]) == 25
    for beta, mean in list(zip(held_out["betas"], held_out["mean"], strict=True))[::6]:
        total = 0.0
        for fold in range(3):
            training = chosen_samples(rows, fold_of != fold)
            share = mass[fold_of != fold].sum() / mass.sum()
            own = max(beta * np.sqrt(share), cs.beta_bounds(training, skip=True).minimum * (1 + 1e-6))
            density = cs.solve(training, own, skip=True, tails="integrable").density()
            rest = chosen_samples(rows, fold_of == fold)
            total += rest.weights @ density.logpdf(rest.X[:, 0])
        assert mean == pytest.approx(total / weights.sum(), rel=1e-9)


def test_weights_are_repetitions_and_order_does_not_matter(page):
    x = np.round(GENERATOR.normal(size=40), 1)
    once = page(np.repeat(x, 2), skip=True)
    again = page(cs.ScoreMatching(x[::-1], np.full(x.size, 2.0)), skip=True)
    assert once["pieces"] == again["pieces"]
    assert once["held_out"] == again["held_out"]
    assert once["histogram"]["height"] == pytest.approx(again["histogram"]["height"])


def test_the_automatic_choice_is_that_of_solve(page):
    numbers = page(ERUPTIONS, skip=True, n_folds=0)
    assert numbers["auto"] == cs.solve(ERUPTIONS, "auto", skip=True).beta
    assert numbers["range"][0] <= numbers["auto"] <= numbers["range"][1]


def test_the_path_ends_where_it_is_told_to(page):
    numbers = page(ERUPTIONS, skip=True, beta_min=10.0, n_folds=0)
    assert numbers["range"][0] == 10.0
    assert numbers["complete"]


def test_long_paths_are_cut_and_many_values_thinned(page, tmp_path):
    x = np.random.default_rng(0).normal(size=20_000)
    numbers = page(x, beta_min=8.0, skip=True, n_folds=0)
    assert not numbers["complete"]
    assert len(numbers["pieces"]) <= 400
    assert len(numbers["data"]["position"]) < 1500
    assert numbers["range"][0] > 8.0
    assert (tmp_path / "page.html").stat().st_size < 1.2e6


def test_a_page_of_three_hundred_points_is_below_a_megabyte(page, tmp_path):
    x = np.concatenate([GENERATOR.normal(size=150), GENERATOR.normal(5.0, 0.5, 150)])
    page(x, skip=True, beta_min=1.1)
    assert (tmp_path / "page.html").stat().st_size < 1e6


@pytest.mark.parametrize("x", [[0.0, 1.0], [0.0, 0.0, 0.0, 1.0], [1.0, 2.0, 4.0]])
@pytest.mark.parametrize("activation", ["relu", "abs"])
@pytest.mark.parametrize("skip", [False, True])
def test_few_data_have_a_page_too(page, x, activation, skip):
    numbers = page(x, activation=activation, skip=skip)
    assert 0 < numbers["range"][0] < numbers["range"][1]
    noisy = cs.DenoisingScoreMatching(x, np.array(x)[::-1].copy())
    numbers = page(noisy, activation=activation, skip=skip)
    assert 0 < numbers["range"][0] < numbers["range"][1]


def test_nothing_outside_is_asked_for_and_names_are_harmless(tmp_path):
    name = '</script><b>&amp;"\u2028'
    path = cs.report(ERUPTIONS, tmp_path / "page.html", columns=name, title=name, n_folds=0)
    text = path.read_text(encoding="utf-8")
    assert "http:" not in text
    assert "https:" not in text
    assert not re.search(r"\b(src|href)\s*=|@import|fetch\(|XMLHttpRequest", text)
    assert "default-src 'none'" in text
    assert text.count("</script>") == 2
    assert "<b>" not in text
    assert "NaN" not in text.partition('id="numbers">')[2].partition("</script>")[0]
    assert numbers_of(path)["columns"] == [name]


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path):
    path = tmp_path / "page.html"
    path.write_text("old")
    with pytest.raises(ValueError, match="beta_min: expected a number below"):
        cs.report(ERUPTIONS, path, beta_min=1e9)
    assert path.read_text() == "old"
    assert cs.report(ERUPTIONS, str(path), n_folds=0) == path
    assert path.read_text(encoding="utf-8").startswith("<!doctype html>")
    assert [each.name for each in tmp_path.iterdir()] == ["page.html"]


@pytest.mark.parametrize(
    ("error", "words", "options"),
    [
        (ValueError, "betas: expected none for one feature", {"betas": [1.0]}),
        (ValueError, "beta_min: expected a number above 0", {"beta_min": 0.0}),
        (cs.UnboundedError, "beta_min: expected at least 4", {"beta_min": 3.0}),
        (ValueError, "n_folds: expected at least 2, or 0", {"n_folds": 1}),
        (ValueError, r"columns: expected 1 name", {"columns": ["a", "b"]}),
        (TypeError, "columns: expected a string", {"columns": 3}),
        (TypeError, "title: expected a string", {"title": 3}),
        (ValueError, "activation: expected", {"activation": "tanh"}),
        (TypeError, "skip: expected", {"skip": 1}),
        (ValueError, "rng: expected", {"rng": -1}),
    ],
)
def test_wrong_arguments_are_named(tmp_path, error, words, options):
    with pytest.raises(error, match=words):
        cs.report(ERUPTIONS, tmp_path / "page.html", **options)
    assert not list(tmp_path.iterdir())


def test_other_data_are_refused(tmp_path):
    with pytest.raises(ValueError, match="X: expected one feature or two, which have pictures, got 3"):
        cs.report(np.eye(3), tmp_path / "page.html")
    with pytest.raises(TypeError, match="objective: expected ScoreMatching or DenoisingScoreMatching"):
        cs.report(cs.DenoisingScoreMatching.expected(ERUPTIONS, 0.5), tmp_path / "page.html")
    with pytest.raises(ValueError, match="path: expected a file in an existing directory"):
        cs.report(ERUPTIONS, tmp_path / "none" / "page.html", n_folds=0)
