"""Objectives: their values by the definition, their data, and their complaints."""

import numpy as np
import pytest

import convexscore as cs


def test_score_matching_is_the_sum_over_samples():
    X = np.random.default_rng(0).standard_normal((5, 2))
    weights = np.arange(1.0, 6.0)
    objective = cs.ScoreMatching(X, weights)
    value = objective.loss(lambda x: -2 * x, divergence=lambda x: np.full(len(x), -4.0))
    assert value == pytest.approx(sum(w * (-4 + 0.5 * 4 * x @ x) for w, x in zip(weights, X, strict=True)))


def test_score_matching_needs_a_divergence():
    with pytest.raises(TypeError, match="divergence: expected a callable"):
        cs.ScoreMatching([0.0, 1.0]).loss(lambda x: -x)


def test_denoising_labels_are_the_scores_of_the_noising_kernel():
    clean = np.random.default_rng(0).standard_normal((7, 2))
    objective = cs.DenoisingScoreMatching.from_clean(clean, 0.5, n_draws=4, rng=1)
    assert objective.X.shape == objective.targets.shape == (28, 2)
    kernel_score = -(objective.X - np.tile(clean, (4, 1))) / 0.5**2
    np.testing.assert_allclose(objective.targets, kernel_score, rtol=1e-12, atol=1e-12)
    again = cs.DenoisingScoreMatching.from_clean(clean, 0.5, n_draws=4, rng=1)
    np.testing.assert_array_equal(again.X, objective.X)
    assert not np.array_equal(objective.X[:7], objective.X[7:14])


def test_denoising_is_half_the_squared_error():
    objective = cs.DenoisingScoreMatching([0.0, 2.0], [1.0, 0.0], sample_weight=[1.0, 3.0])
    assert objective.loss(lambda x: x) == 0.5 * (1 + 3 * 4)


def test_objectives_keep_their_own_copy_of_the_data():
    x = np.array([0.0, 1.0, 2.0])
    objective = cs.ScoreMatching(x)
    x[0] = 9.0
    assert objective.X[0, 0] == 0.0
    with pytest.raises(ValueError, match="read-only"):
        objective.X[0, 0] = 1.0


@pytest.mark.parametrize(
    ("X", "weights", "error", "message"),
    [
        ([], None, ValueError, "X: expected at least one sample"),
        (np.zeros((0, 3)), None, ValueError, r"X: expected at least one sample .* got \(0, 3\)"),
        ([0.0, np.nan], None, ValueError, "X: expected finite numbers, got 1 NaN and 0 infinite of 2"),
        ([0.0, np.inf, -np.inf], None, ValueError, "0 NaN and 2 infinite of 3 .*index 1"),
        (np.zeros((2, 2, 2)), None, ValueError, r"X: expected shape .* got \(2, 2, 2\)"),
        (5.0, None, ValueError, "X: expected shape"),
        (["a", "b"], None, TypeError, "X: expected real numbers"),
        ([1j, 2.0], None, TypeError, "X: expected real numbers, got an array of dtype complex"),
        ([0.0, 1.0], [1.0], ValueError, r"sample_weight: expected shape \(2,\), got \(1,\)"),
        ([0.0, 1.0], [1.0, -1.0], ValueError, "sample_weight: expected weights of at least 0"),
        ([0.0, 1.0], [0.0, 0.0], ValueError, "sample_weight: expected at least one positive weight"),
        ([0.0, 1.0], [1.0, np.nan], ValueError, "sample_weight: expected finite numbers"),
    ],
)
def test_bad_data_are_named(X, weights, error, message):
    with pytest.raises(error, match=message):
        cs.ScoreMatching(X, weights)


def test_bad_denoising_data_are_named():
    with pytest.raises(ValueError, match=r"targets: expected the shape of X, \(2,\), got \(3,\)"):
        cs.DenoisingScoreMatching([0.0, 1.0], [0.0, 1.0, 2.0])
    for level in (0.0, -1.0):
        with pytest.raises(ValueError, match="noise_level: expected a number above 0"):
            cs.DenoisingScoreMatching.from_clean([0.0, 1.0], level)
    with pytest.raises(ValueError, match="n_draws: expected an integer of at least 1, got 0"):
        cs.DenoisingScoreMatching.from_clean([0.0, 1.0], 1.0, n_draws=0)
    with pytest.raises(TypeError, match=r"n_draws: expected an integer, got 1\.5"):
        cs.DenoisingScoreMatching.from_clean([0.0, 1.0], 1.0, n_draws=1.5)


def test_scores_of_the_wrong_shape_are_refused():
    with pytest.raises(ValueError, match=r"score: expected an array of the shape of x, \(2, 1\), got \(1,\)"):
        cs.DenoisingScoreMatching([0.0, 1.0], [0.0, 1.0]).loss(lambda x: x[0])


def test_what_only_looks_like_an_objective_is_refused_by_name():
    class Everything:
        def __getattr__(self, name):
            return "a"

    for call in (cs.solve, cs.TwoLayerNetwork([[1.0]], [0.0], [[1.0]], [0.0]).loss):
        with pytest.raises(TypeError, match="objective: expected one whose X is an array, got"):
            call(Everything(), 1.0)


def test_more_draws_than_memory_are_refused_by_name():
    with pytest.raises(ValueError, match="n_draws: expected an integer of at most"):
        cs.DenoisingScoreMatching.from_clean([0.0, 1.0], 0.5, n_draws=2**40)
