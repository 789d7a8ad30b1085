"""The choice of the weight decay: its noise by the definition, its confidence, its bounds."""

import numpy as np
import pytest

import convexscore as cs
from convexscore.objectives import distinct_rows
from convexscore.univariate import bootstrap, selection
from convexscore.univariate.bootstrap import SteinProcess
from convexscore.univariate.program import UnivariateProgram
from tests.problems import make_data, make_objective


def literal_largest(rows, score, factors):
    """``max_t |sum_i factors_i (phi_i z_i + phi'_i)|`` with each atom phi regressed on 1 and x."""
    x, w = rows.X[:, 0], rows.weights
    z = score - rows.targets[:, 0]
    design = np.column_stack([np.ones_like(x), x])
    largest = 0.0
    for t in np.unique(x):
        for inclusive in (True, False):
            atom = np.maximum(x - t, 0)
            slope = (x >= t) if inclusive else (x > t)
            a, b = np.linalg.lstsq(design * np.sqrt(w)[:, None], atom * np.sqrt(w), rcond=None)[0]
            trace = (slope - b) * rows.has_trace
            largest = max(largest, abs(np.sum(factors * ((atom - a - b * x) * z + trace))))
    return largest


@pytest.mark.parametrize("data", ["random", "tied", "weighted"])
@pytest.mark.parametrize("name", ["sm", "dsm"])
def test_the_noise_is_that_of_its_definition(name, data):
    rows = distinct_rows(make_objective(name, *make_data(data, n=12)))
    process = SteinProcess(rows)
    program = UnivariateProgram.from_objective(rows)
    score = np.sin(program.position)
    drawn = process.largest(score, 5, np.random.default_rng(3))
    # A sample of weight w is w equal ones, whose factors add up to one of variance w.
    factors = np.random.default_rng(3).standard_normal((5, len(rows.X))) * np.sqrt(rows.weights)
    at_samples = score[np.searchsorted(program.position, rows.X[:, 0])]
    for row, value in zip(factors, drawn, strict=True):
        assert value == pytest.approx(literal_largest(rows, at_samples, row), rel=1e-9)


@pytest.mark.parametrize("data", ["random", "tied"])
@pytest.mark.parametrize("name", ["sm", "dsm"])
def test_groups_of_replicates_are_drawn_as_one(name, data, monkeypatch):
    process = SteinProcess(distinct_rows(make_objective(name, *make_data(data, n=20))))
    score = np.sin(process.x[process.first])
    together = process.largest(score, 50, np.random.default_rng(3))
    monkeypatch.setattr(bootstrap, "_GROUP", 60)
    draws = list(process.draws(50, np.random.default_rng(3)))
    assert len(draws) > 5
    np.testing.assert_allclose(process.largest_of(score, draws), together, rtol=1e-12)
    np.testing.assert_allclose(process.largest_of(score, draws), together, rtol=1e-12)


def test_factors_that_are_not_kept_are_drawn_again(monkeypatch):
    x = np.random.default_rng(0).standard_exponential(60)
    chosen = cs.select_beta(x, rng=5)
    monkeypatch.setattr(selection, "_MOST_KEPT", 0)
    assert cs.select_beta(x, rng=5) == chosen


def test_gaussian_data_keep_their_line_with_the_chosen_confidence():
    straight = {0.9: 0, 0.5: 0}
    for seed in range(60):
        objective = cs.ScoreMatching(np.random.default_rng(seed).standard_normal(150))
        for confidence in straight:
            beta = cs.select_beta(objective, "bootstrap", 0, skip=True, confidence=confidence)
            straight[confidence] += cs.solve(objective, beta, skip=True).network.n_neurons == 0
    # Three standard errors about 54 and 30 of 60, and some error of the bootstrap at n = 150.
    assert straight[0.9] >= 45
    assert 15 <= straight[0.5] <= 45


@pytest.mark.filterwarnings("ignore:X. the score:UserWarning")
def test_separated_modes_are_found():
    rng = np.random.default_rng(0)
    x = np.concatenate([rng.standard_normal(150) - 3, rng.standard_normal(150) + 3])
    solution = cs.solve(cs.ScoreMatching(x), "auto", skip=True)
    density = cs.ScoreDensity(solution.network)
    assert density.pdf(0.0) < 0.3 * max(density.pdf(-3.0), density.pdf(3.0))
    assert solution.certificate.scope == "global"


@pytest.mark.filterwarnings("ignore:X. the score:UserWarning")
def test_auto_is_the_combined_rule_and_repeats():
    objective = cs.ScoreMatching(cs.datasets.load_old_faithful()["eruptions"])
    for activation in ("relu", "abs"):
        for skip in (True, False):
            beta = cs.select_beta(objective, rng=0, activation=activation, skip=skip)
            assert beta == cs.select_beta(objective, "combined", 0, activation=activation, skip=skip)
            assert cs.solve(objective, "auto", activation, skip).beta == beta
            assert beta >= cs.beta_bounds(objective, activation, skip).minimum
    relu, absolute = (
        cs.select_beta(objective, "bootstrap", 0, activation=activation, skip=True)
        for activation in ("relu", "abs")
    )
    assert absolute == pytest.approx(2 * relu, rel=1e-6)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"method": "luck"}, "method: expected one of"),
        ({"confidence": 1.0}, "confidence: expected a number between 0 and 1, got 1"),
        ({"share": 0.0}, "share: expected a number above 0"),
        ({"n_replicates": 0}, "n_replicates: expected an integer of at least 1"),
        ({"method": "cv", "n_folds": 1}, "n_folds: expected an integer of at least 2"),
        ({"n_iterations": 0}, "n_iterations: expected an integer of at least 1"),
    ],
)
def test_bad_arguments_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        cs.select_beta(cs.ScoreMatching([0.0, 1.0, 3.0]), **arguments)


@pytest.mark.parametrize("x", [[-1.0, -3.0, 6.0, 2.0], [-1.0, 1.0, 9.0], [0.0, 1.0]])
def test_few_distinct_values_are_not_folded(x):
    objective = cs.ScoreMatching(x)
    assert cs.select_beta(objective, rng=0) == cs.select_beta(objective, "bootstrap", 0)
    assert cs.solve(objective, "auto", skip=True).certificate.scope == "global"
    with pytest.raises(ValueError, match=r"X: expected at least 10 distinct values for method='cv'"):
        cs.select_beta(objective, "cv", rng=0)


# Ties that decide.


@pytest.mark.parametrize("method", ["combined", "bootstrap"])
@pytest.mark.parametrize("skip", [False, True])
def test_a_value_that_holds_the_weight_decay_at_its_bound_is_named(method, skip):
    x = np.concatenate([np.full(91, 2.5), 3 + np.random.default_rng(0).standard_exponential(15)])
    objective = cs.ScoreMatching(x)
    with pytest.warns(UserWarning, match=r"^beta: one value holds 86 % of the data") as caught:
        beta = cs.select_beta(objective, method, 0, skip=skip)
    assert caught[0].filename == __file__
    minimum = cs.beta_bounds(objective, skip=skip).minimum
    assert minimum <= beta <= 1.00001 * minimum


@pytest.mark.filterwarnings("ignore:X. the score:UserWarning")
def test_solve_names_it_too():
    x = np.concatenate([np.zeros(91), np.arange(1.0, 10.0)])
    with pytest.warns(UserWarning, match="one value holds 91 % of the data") as caught:
        cs.solve(x, "auto")
    assert caught[0].filename == __file__


def test_ties_that_do_not_decide_are_not_mentioned():
    x = np.random.default_rng(0).standard_normal(300)
    x[:150] += 6
    # The bound is 2 there, and regression has none.
    assert cs.select_beta(np.append(x, x[:4]), rng=0) > 4
    tied = np.concatenate([np.zeros(91), np.arange(1.0, 10.0)])
    cs.solve(cs.DenoisingScoreMatching(tied, np.sin(7 * np.arange(100.0))), "auto")
    # With skip the line of rounded Gaussian data is the same at every weight decay that keeps it.
    rounded = np.round(2 * np.random.default_rng(1).standard_normal(300)) / 2
    assert cs.solve(rounded, "auto", skip=True).network.n_neurons == 0
