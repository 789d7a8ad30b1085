"""A sample of weight zero is a sample that is not there: the same numbers, seeds included."""

import warnings

import numpy as np
import pytest

import convexscore as cs
from convexscore.multivariate.program import NeuronProgram
from convexscore.univariate.program import UnivariateProgram

RNG = np.random.default_rng(5)
KEPT = RNG.random(40) < 0.6
LINE = RNG.standard_normal(40).round(1)
PLANE = RNG.standard_normal((10, 2))
WEIGHTS = RNG.integers(1, 4, 40).astype(float)
# Far away, where it would matter; the outermost point of the data is among those left out.
LINE[~KEPT] *= 50


def pair(kind, X, kept=KEPT):
    """The same objective twice: with weights of zero, and without those samples."""
    n = len(X)
    kept, weights, labels = kept[:n], WEIGHTS[:n], np.cos(7 * X)
    zeros = np.where(kept, weights, 0.0)
    if kind == "sm":
        return cs.ScoreMatching(X, zeros), cs.ScoreMatching(X[kept], weights[kept])
    if kind == "dsm":
        return (
            cs.DenoisingScoreMatching(X, labels, sample_weight=zeros),
            cs.DenoisingScoreMatching(X[kept], labels[kept], sample_weight=weights[kept]),
        )
    return (
        cs.ExpectedDenoising(X, 0.5, sample_weight=zeros),
        cs.ExpectedDenoising(X[kept], 0.5, sample_weight=weights[kept]),
    )


def same(first, second):
    assert first.value == second.value
    for name in ("W1", "b1", "W2", "b2", "V"):
        np.testing.assert_array_equal(getattr(first.network, name), getattr(second.network, name))
    assert first.certificate == second.certificate


@pytest.mark.parametrize("kind", ["sm", "dsm", "expected"])
def test_networks_and_thresholds_on_the_line(kind):
    zeros, without = pair(kind, LINE)
    for activation, skip in (("relu", True), ("abs", False)):
        bounds = cs.beta_bounds(zeros, activation, skip)
        assert bounds == cs.beta_bounds(without, activation, skip)
        beta = 0.5 * (bounds.minimum + bounds.linear)
        same(cs.solve(zeros, beta, activation, skip), cs.solve(without, beta, activation, skip))


@pytest.mark.parametrize("kind", ["sm", "dsm"])
@pytest.mark.parametrize("solver", ["clarabel", "cvxpy"])
def test_networks_of_other_solvers(kind, solver):
    zeros, without = pair(kind, LINE)
    beta = 0.5 * cs.beta_bounds(without, skip=True).linear
    first, second = (cs.solve(each, beta, skip=True, solver=solver) for each in (zeros, without))
    same(first, second)


@pytest.mark.parametrize("kind", ["sm", "dsm"])
@pytest.mark.parametrize("options", [{}, {"bias": False}, {"gated": True}], ids=str)
def test_networks_in_the_plane(kind, options):
    zeros, without = pair(kind, PLANE)
    same(cs.solve(zeros, 30.0, skip=True, **options), cs.solve(without, 30.0, skip=True, **options))


@pytest.mark.parametrize("as_array", [True, False])
def test_given_patterns_are_those_of_the_samples_left(as_array):
    zeros, without = pair("dsm", PLANE)
    patterns = cs.enumerate_patterns(PLANE, bias=True)
    kept = zeros.sample_weight > 0
    given = patterns.signs if as_array else patterns
    first = cs.solve(zeros, 3.0, gated=True, patterns=given)
    _, distinct = np.unique(patterns.signs[:, kept], axis=0, return_index=True)
    second = cs.solve(without, 3.0, gated=True, patterns=patterns.signs[np.sort(distinct)][:, kept])
    assert first.value == pytest.approx(second.value, rel=1e-6)


@pytest.mark.parametrize("kind", ["sm", "dsm"])
def test_the_path(kind):
    zeros, without = pair(kind, LINE)
    first, second = (cs.regularization_path(each, skip=True) for each in (zeros, without))
    np.testing.assert_array_equal(first.betas, second.betas)
    np.testing.assert_array_equal(first.n_kinks, second.n_kinks)
    same(first.solution(first.betas[-1]), second.solution(first.betas[-1]))


@pytest.mark.parametrize("method", ["bootstrap", "cv", "combined"])
@pytest.mark.filterwarnings("ignore:beta. one value:UserWarning")
def test_the_choice_of_the_weight_decay(method):
    zeros, without = pair("sm", LINE)
    options = {} if method == "cv" else {"n_replicates": 10}
    first, second = (cs.select_beta(each, method, 0, **options) for each in (zeros, without))
    assert first == second


def test_the_choice_in_the_plane():
    zeros, without = pair("sm", RNG.standard_normal((40, 2)))
    assert cs.select_beta(zeros, rng=0, n_replicates=5) == cs.select_beta(without, rng=0, n_replicates=5)


def test_gradient_training():
    zeros, without = pair("sm", LINE)
    first, second = (
        cs.baselines.train_adam(each, 5.0, n_epochs=3, batch_size=4, n_trials=2, rng=0)
        for each in (zeros, without)
    )
    np.testing.assert_array_equal(first.losses, second.losses)


@pytest.mark.parametrize("kind", ["sm", "dsm", "expected"])
def test_losses_do_not_ask_for_the_score_there(kind):
    x = np.where(KEPT, LINE, 1e200)
    zeros, without = pair(kind, x)
    net = cs.TwoLayerNetwork([[1.0]], [0.1], [[-1.0]], [0.0], [[-1.0]])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert net.loss(zeros, 2.0) == net.loss(without, 2.0)
    np.testing.assert_array_equal(zeros.X[:, 0], x)
    assert (zeros.sample_weight == 0).any()


def test_programs_made_of_an_objective_leave_them_out():
    zeros, without = pair("dsm", LINE)
    first, second = UnivariateProgram.from_objective(zeros), UnivariateProgram.from_objective(without)
    np.testing.assert_array_equal(first.position, second.position)
    np.testing.assert_array_equal(first.mass, second.mass)
    zeros, without = pair("sm", PLANE)
    first, second = (NeuronProgram.from_objective(each, "relu", True, True) for each in (zeros, without))
    np.testing.assert_array_equal(first.points, second.points)
    assert first.scale == second.scale


def test_some_sample_must_be_left():
    with pytest.raises(ValueError, match="sample_weight: expected at least one positive weight"):
        cs.ScoreMatching([0.0, 1.0], [0.0, 0.0])
    with pytest.raises(ValueError, match="weights: expected positive weights"):
        cs.targets.GaussianMixture([0.0, 1.0], [0.0, 1.0], 1.0)
    with pytest.raises(ValueError, match="X: expected at least two distinct values, got 1 sample"):
        cs.solve(cs.ScoreMatching([0.0, 1.0], [0.0, 1.0]), 4.0)
