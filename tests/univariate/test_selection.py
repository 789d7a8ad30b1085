"""The choice of the weight decay: its noise by the definition, its confidence, its bounds."""

import numpy as np
import pytest

import convexscore as cs
from convexscore.univariate.bootstrap import SteinProcess
from convexscore.univariate.program import UnivariateProgram
from tests.problems import make_data, make_objective


def literal_largest(objective, score, signs):
    """``max_t |sum_i signs_i w_i (phi_i z_i + phi'_i)|`` with each atom phi regressed on 1 and x."""
    x, w = objective.X[:, 0], objective.weights
    z = score - objective.targets[:, 0]
    design = np.column_stack([np.ones_like(x), x])
    largest = 0.0
    for t in np.unique(x):
        for inclusive in (True, False):
            atom = np.maximum(x - t, 0)
            slope = (x >= t) if inclusive else (x > t)
            a, b = np.linalg.lstsq(design * np.sqrt(w)[:, None], atom * np.sqrt(w), rcond=None)[0]
            trace = (slope - b) * objective.has_trace
            largest = max(largest, abs(np.sum(signs * w * ((atom - a - b * x) * z + trace))))
    return largest


@pytest.mark.parametrize("data", ["random", "tied", "weighted"])
@pytest.mark.parametrize("name", ["sm", "dsm"])
def test_the_noise_is_that_of_its_definition(name, data):
    objective = make_objective(name, *make_data(data, n=12))
    process = SteinProcess(objective)
    order = np.argsort(objective.X[:, 0], kind="stable")
    program = UnivariateProgram.from_objective(objective)
    score = np.sin(program.position)
    drawn = process.largest(score, 5, np.random.default_rng(3))
    signs = np.random.default_rng(3).integers(0, 2, (5, 12)) * 2.0 - 1.0
    at_samples = score[np.searchsorted(program.position, objective.X[:, 0])]
    for row, value in zip(signs, drawn, strict=True):
        by_sample = np.empty(12)
        by_sample[order] = row
        assert value == pytest.approx(literal_largest(objective, at_samples, by_sample), rel=1e-9)


def test_gaussian_data_keep_their_line_with_the_chosen_confidence():
    straight = {0.9: 0, 0.5: 0}
    for seed in range(60):
        objective = cs.ScoreMatching(np.random.default_rng(seed).standard_normal(150))
        for confidence in straight:
            beta = cs.select_beta(objective, rng=0, confidence=confidence)
            straight[confidence] += cs.solve(objective, beta, skip=True).network.n_neurons == 0
    # Three standard errors about 54 and 30 of 60, and some error of the bootstrap at n = 150.
    assert straight[0.9] >= 45
    assert 15 <= straight[0.5] <= 45


def test_separated_modes_are_found():
    rng = np.random.default_rng(0)
    x = np.concatenate([rng.standard_normal(150) - 3, rng.standard_normal(150) + 3])
    solution = cs.solve(cs.ScoreMatching(x), "auto", skip=True)
    density = cs.ScoreDensity(solution.network)
    assert density.pdf(0.0) < 0.3 * max(density.pdf(-3.0), density.pdf(3.0))
    assert solution.certificate.scope == "global"


def test_auto_is_the_combined_rule_and_repeats():
    objective = cs.ScoreMatching(cs.datasets.load_old_faithful()["eruptions"])
    for activation in ("relu", "abs"):
        for skip in (True, False):
            beta = cs.select_beta(objective, "combined", rng=0, activation=activation, skip=skip)
            assert cs.solve(objective, "auto", activation, skip).beta == beta
            assert beta >= cs.beta_bounds(objective, activation, skip).minimum
    relu = cs.select_beta(objective, rng=0)
    assert cs.select_beta(objective, rng=0, activation="abs") == pytest.approx(2 * relu, rel=1e-6)


def test_units_do_not_matter():
    x = cs.datasets.load_old_faithful()["eruptions"]
    one = cs.select_beta(cs.ScoreMatching(x), rng=0)
    assert cs.select_beta(cs.ScoreMatching(1024 * x), rng=0) == pytest.approx(one, rel=1e-6)


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


@pytest.mark.parametrize("x", [[-1.0, -3.0, 6.0, -1.0], [-1.0, 1.0, -1.0, -1.0, -1.0, -1.0], [0.0, 1.0]])
def test_few_distinct_values_are_not_folded(x):
    objective = cs.ScoreMatching(x)
    assert cs.select_beta(objective, "combined", rng=0) == cs.select_beta(objective, rng=0)
    assert cs.solve(objective, "auto", skip=True).certificate.scope == "global"
    with pytest.raises(ValueError, match=r"X: expected at least 10 distinct values for method='cv'"):
        cs.select_beta(objective, "cv", rng=0)
