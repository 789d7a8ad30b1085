"""Noise-conditional scores: a table of certified networks, its interpolation, and its limits."""

import pickle

import numpy as np
import pytest

import convexscore as cs

LEVELS = [2.0, 1.0, 0.5]


@pytest.fixture(scope="module")
def planar():
    X = np.random.default_rng(0).normal([1.0, -2.0], 1.0, (60, 2))
    return X, cs.NoiseConditionalScore.fit(X, LEVELS, beta=20.0, n_draws=3, rng=np.random.default_rng(1))


def test_every_level_is_the_certified_solution_of_its_own_problem(planar):
    X, score = planar
    delta = np.random.default_rng(1).standard_normal((180, 2))
    for sigma, solution in zip(LEVELS, score.solutions, strict=True):
        objective = cs.DenoisingScoreMatching(np.tile(X, (3, 1)) + sigma * delta, -delta / sigma)
        assert solution.certificate.scope == "global"
        assert solution.network.loss(objective, 20.0) == pytest.approx(solution.value, rel=1e-10)
        # The warm start changes the way, not the optimum.
        assert cs.solve(objective, 20.0, skip=True).value == pytest.approx(solution.value, rel=1e-6)


def test_at_a_level_it_is_the_network_and_between_the_denoisers_are_mixed(planar):
    _, score = planar
    y = np.random.default_rng(2).standard_normal((20, 2))
    np.testing.assert_array_equal(score(y, 1.0), score.networks[1](y))
    denoised = [y + s**2 * net(y) for s, net in zip(LEVELS, score.networks, strict=True)]
    sigma = np.sqrt(2.0)
    halfway = 0.5 * (denoised[0] + denoised[1])
    np.testing.assert_allclose(y + sigma**2 * score(y, sigma), halfway, rtol=1e-12, atol=1e-12)
    for near in (1.0 + 1e-5, 1.0 - 1e-5):
        np.testing.assert_allclose(score(y, near), score(y, 1.0), atol=1e-3)


def test_the_score_at_one_level_is_the_network_there_or_a_mixture(planar):
    _, score = planar
    y = np.random.default_rng(2).standard_normal((20, 2))
    for sigma, network in zip(LEVELS, score.networks, strict=True):
        for close in (sigma, sigma * (1 + 5e-7), sigma * (1 - 5e-7)):
            assert score.at_level(close) is network
    for sigma in (1.0 + 1e-5, 1.0 - 1e-5, 1.7):
        between = score.at_level(sigma)
        assert between not in score.networks
        np.testing.assert_array_equal(between(y), score(y, sigma))
        # Process pools send it to their workers.
        np.testing.assert_array_equal(pickle.loads(pickle.dumps(between))(y), score(y, sigma))


@pytest.mark.parametrize("sigma", [2.1, 0.4, 0.0, -1.0])
def test_there_is_no_score_at_a_level_outside_the_table(planar, sigma):
    with pytest.raises(ValueError, match=r"sigma: expected a n.*, got"):
        planar[1].at_level(sigma)


def test_gaussian_data_give_the_gaussian_score_at_every_level():
    X = np.random.default_rng(0).standard_normal((400, 2))
    score = cs.NoiseConditionalScore.fit(X, [1.5, 0.8], beta=1e4, n_draws=5, rng=0)
    y = np.random.default_rng(1).standard_normal((50, 2))
    for sigma in (1.5, 1.1, 0.8):
        exact = -(y - X.mean(axis=0)) / (1 + sigma**2)
        assert np.abs(score(y, sigma) - exact).max() < 0.15


def test_one_dimension_comes_back_one_dimensional():
    X = np.random.default_rng(0).standard_normal(50)
    score = cs.NoiseConditionalScore.fit(X, LEVELS, beta="auto", n_draws=4, rng=0)
    assert score(np.zeros(7), 0.7).shape == (7,)
    assert all(solution.certificate.scope == "global" for solution in score.solutions)


def test_the_seed_decides_and_betas_may_differ_by_level():
    X = np.random.default_rng(0).standard_normal((30, 2))
    first = cs.NoiseConditionalScore.fit(X, LEVELS, beta=[30.0, 20.0, 10.0], n_draws=2, rng=5)
    again = cs.NoiseConditionalScore.fit(X, LEVELS, beta=[30.0, 20.0, 10.0], n_draws=2, rng=5)
    np.testing.assert_array_equal(first(X, 0.7), again(X, 0.7))
    assert [solution.beta for solution in first.solutions] == [30.0, 20.0, 10.0]


def test_any_callables_make_a_table():
    mixture = cs.targets.GaussianMixture([0.5, 0.5], [[-2.0, 0.0], [2.0, 0.0]], 0.5)
    levels = np.geomspace(3.0, 0.3, 30)
    table = cs.NoiseConditionalScore(levels, [lambda y, s=s: mixture.score(y, s) for s in levels])
    y = mixture.sample(200, rng=0, sigma=1.0)
    assert np.abs(table(y, 1.02) - mixture.score(y, 1.02)).max() < 0.02


@pytest.mark.parametrize("sigma", [2.1, 0.4, 0.0, -1.0])
def test_noise_levels_outside_the_table_are_refused(planar, sigma):
    with pytest.raises(ValueError, match="sigma"):
        planar[1](np.zeros((1, 2)), sigma)


@pytest.mark.parametrize("sigmas", [[1.0, 2.0], [1.0, 1.0], [1.0, 0.0], [], [[1.0]]])
def test_levels_must_fall(sigmas):
    with pytest.raises(ValueError, match="sigmas"):
        cs.NoiseConditionalScore.fit(np.zeros((3, 2)), sigmas)


def test_bad_arguments_are_named():
    X = np.random.default_rng(0).standard_normal((10, 2))
    with pytest.raises(ValueError, match="networks"):
        cs.NoiseConditionalScore([2.0, 1.0], [None])
    with pytest.raises(ValueError, match="beta"):
        cs.NoiseConditionalScore.fit(X, [2.0, 1.0], beta=[1.0])
    with pytest.raises(ValueError, match="beta"):
        cs.NoiseConditionalScore.fit(X, [2.0, 1.0], beta="best")
    with pytest.raises(ValueError, match="n_draws"):
        cs.NoiseConditionalScore.fit(X, [2.0, 1.0], n_draws=0)
