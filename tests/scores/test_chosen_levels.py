"""Everything chosen: levels from the data, balanced draws, and data generated in one line."""

import numpy as np
import pytest

import convexscore as cs
from convexscore.diagnostics import sliced_wasserstein, wasserstein
from convexscore.families import family_of
from convexscore.multivariate.bootstrap import NeuronNoise
from convexscore.multivariate.program import NeuronProgram
from convexscore.objectives import distinct_rows
from convexscore.problem import Problem
from convexscore.scores.draws import balanced_normals
from convexscore.scores.levels import noise_levels

LINE = cs.targets.GaussianMixture([1 / 3, 2 / 3], [-2.0, 1.0], [0.3, 0.6])
PLANE = cs.targets.GaussianMixture([0.4, 0.6], [[-2.0, 0.0], [2.0, 1.0]], 0.5)


@pytest.fixture(scope="module")
def fitted():
    X = LINE.sample(120, rng=0)
    return X, cs.NoiseConditionalScore.fit(X, "auto", "auto")


# Levels.


@pytest.mark.parametrize("width", [1.0, 0.1])
@pytest.mark.parametrize("modes", [1, 3])
@pytest.mark.parametrize("d", [1, 2])
def test_the_last_level_is_a_tenth_of_the_width_of_the_modes(width, modes, d):
    rng = np.random.default_rng(0)
    X = width * rng.standard_normal((600, d))
    X[:, 0] += 10 * width * rng.integers(0, modes, 600)
    levels = noise_levels(X, 1.5)
    assert levels[-1] == pytest.approx(0.1 * width, rel=0.25)
    largest = np.sqrt(np.linalg.eigvalsh(np.cov(X.T, ddof=0).reshape(d, d))[-1])
    assert levels[0] == pytest.approx(3 * largest, rel=1e-9)
    assert (levels[:-1] / levels[1:]).max() <= 1.5 * (1 + 1e-9)


def test_levels_move_with_the_data():
    X = PLANE.sample(80, rng=1)
    levels = noise_levels(X, 1.5)
    np.testing.assert_array_equal(noise_levels(np.ldexp(X, 300), 1.5), np.ldexp(levels, 300))
    np.testing.assert_allclose(noise_levels(X[::-1] + 64, 1.5), levels, rtol=1e-9)
    turn = np.array([[0.6, -0.8], [0.8, 0.6]])
    np.testing.assert_allclose(noise_levels(X @ turn, 1.5), levels, rtol=1e-9)
    np.testing.assert_allclose(noise_levels(np.repeat(X, 2, axis=0), 1.5)[0], levels[0], rtol=1e-9)


@pytest.mark.parametrize(
    "x",
    [
        [0.0, 1.0],
        [0.0] * 50 + [1.0] * 50,
        [0.0] * 91 + list(range(1, 10)),
        np.r_[np.zeros(100), np.random.default_rng(0).exponential(size=100)],
        np.random.default_rng(0).standard_cauchy(200),
    ],
)
def test_ties_and_tails_leave_a_positive_last_level(x):
    X = np.asarray(x, dtype=float)[:, None]
    levels = noise_levels(X, 1.5)
    assert levels[-1] >= 0.0019 * X.std()
    assert levels.size <= 20


def test_rounding_is_no_structure():
    X = np.round(2 * np.random.default_rng(0).standard_normal((300, 1))) / 2
    assert noise_levels(X, 1.5)[-1] == pytest.approx(0.25, rel=1e-12)


def test_equal_samples_have_no_levels():
    for X in (np.full(5, 2.0), np.full((5, 2), 2.0), [3.0]):
        with pytest.raises(ValueError, match=r"X: expected at least two distinct samples for sigmas='auto'"):
            cs.NoiseConditionalScore.fit(X, "auto", 5.0)


# Draws.


@pytest.mark.parametrize(("d", "n_draws"), [(1, 2), (2, 4), (2, 8), (3, 6), (5, 4)])
def test_draws_are_gaussian_and_cancel(d, n_draws):
    xi = balanced_normals(2000, d, n_draws, np.random.default_rng(0))
    assert xi.shape == (n_draws, 2000, d)
    np.testing.assert_allclose(xi.sum(axis=0), 0, atol=1e-12)
    if n_draws % (2 * d) == 0:
        np.testing.assert_allclose(np.einsum("knd,knd->", xi, xi) / xi.size, 1, rtol=1e-12)
    # Each draw is Gaussian: moments of a coordinate, four standard errors or so.
    first = xi[0, :, 0]
    assert abs(np.mean(first)) < 0.09
    assert abs(np.mean(first**2) - 1) < 0.13
    assert abs(np.mean(first**4) - 3) < 0.9


def test_copies_of_one_sample_have_one_factor():
    X = np.random.default_rng(0).standard_normal((30, 2))
    objective = cs.DenoisingScoreMatching.from_clean(X, 0.5, 2, rng=1)
    rows = distinct_rows(objective)
    program = NeuronProgram.from_objective(rows, "relu", True, True)
    groups = np.arange(60) // 2
    noise = NeuronNoise(rows, program, 3, np.random.default_rng(0), groups=groups)
    factors = np.random.default_rng(0).standard_normal((3, 30))
    places = [np.flatnonzero((program.points == x).all(axis=1)) for x in rows.X]
    if all(place.size == 1 for place in places):
        order = np.concatenate(places)
        np.testing.assert_array_equal(noise.factors[:, order], np.repeat(factors, 2, axis=1))


def test_the_order_of_samples_does_not_matter_to_groups():
    objective = cs.DenoisingScoreMatching.from_clean(PLANE.sample(20, rng=0), 0.3, 3, rng=1)
    groups = np.tile(np.arange(20), 3)
    order = np.random.default_rng(2).permutation(60)
    moved = cs.DenoisingScoreMatching(objective.X[order], objective.targets[order])
    assert _decay(objective, groups) == _decay(moved, groups[order])


def test_copies_of_one_sample_have_one_factor_in_the_noise():
    objective = cs.DenoisingScoreMatching.from_clean(PLANE.sample(20, rng=0), 0.3, 3, rng=1)
    rows = distinct_rows(objective)
    program = NeuronProgram.from_objective(rows, "relu", True, True)
    # Distinct rows are sorted: these are the groups of some samples, whichever.
    groups = np.random.default_rng(2).integers(0, 20, 60)
    noise = NeuronNoise(rows, program, 4, np.random.default_rng(3), groups=groups)
    for number in np.unique(groups):
        assert np.unique(noise.factors[:, groups == number], axis=1).shape[1] == 1
    assert np.unique(noise.factors, axis=1).shape[1] == np.unique(groups).size


def _decay(objective, groups):
    problem = Problem(objective, skip=True)
    return family_of(problem).checked_select(problem, "bootstrap", 0, {"n_iterations": 1}, groups)


# Generation.


def test_one_line_generates_data_on_the_line(fitted):
    X, score = fitted
    truth = LINE.sample(4000, rng=9)
    generated = cs.samplers.reverse(score, score.sigmas, 4000, rng=1)
    assert generated.shape == (4000,)
    gaussian = X.mean() + X.std() * np.random.default_rng(2).standard_normal(4000)
    distance = {name: wasserstein(x, truth) for name, x in (("fit", generated), ("line", gaussian))}
    assert distance["fit"] < 0.4 * distance["line"]
    assert distance["fit"] < wasserstein(X, truth) + 0.1
    assert all(solution.status in ("optimal", "closed_form") for solution in score.solutions)


def test_the_noise_is_integrated_out_on_the_line(fitted):
    X, score = fitted
    sigma, solution = score.sigmas[-1], score.solutions[-1]
    objective = cs.DenoisingScoreMatching.expected(X, sigma)
    assert solution.beta == cs.select_beta(objective, rng=0, skip=True)
    assert solution.value == pytest.approx(solution.network.loss(objective, solution.beta), rel=1e-9)
    given = cs.NoiseConditionalScore.fit(X, [sigma], solution.beta, n_draws=np.inf)
    assert given.solutions[0].value == pytest.approx(solution.value, rel=1e-3)
    # What expected denoising does not know is drawn.
    drawn = cs.NoiseConditionalScore.fit(X[:20], "auto", 5.0, rng=0, shape="log-concave")
    assert drawn.sigmas.size > 5


def test_powers_of_two_and_places_change_nothing(fitted):
    X, score = fitted
    moved = cs.NoiseConditionalScore.fit(np.ldexp(X, 20), "auto", "auto")
    np.testing.assert_array_equal(moved.sigmas, np.ldexp(score.sigmas, 20))
    assert [one.beta for one in moved.solutions] == [one.beta for one in score.solutions]
    far = cs.NoiseConditionalScore(
        score.sigmas, [lambda y, net=net: net(y - 1000.0) for net in score.networks], (),
        score.data_mean + 1000.0, score.data_covariance,
    )  # fmt: skip
    one, other = (cs.samplers.reverse(s, score.sigmas, 50, rng=1) for s in (score, far))
    np.testing.assert_allclose(other, one + 1000.0, atol=1e-6)


def test_one_line_generates_data_in_the_plane():
    X = PLANE.sample(60, rng=0)
    score = cs.NoiseConditionalScore.fit(X, "auto", "auto", n_draws=4, rng=0)
    truth = PLANE.sample(2000, rng=9)
    generated = cs.samplers.reverse(score, score.sigmas, 2000, rng=1)
    gaussian = np.random.default_rng(2).multivariate_normal(X.mean(axis=0), np.cov(X.T), 2000)
    fit, rough, own = (sliced_wasserstein(x, truth, rng=0) for x in (generated, gaussian, X))
    # As near to the truth as the data that it learned from, and nearer than a Gaussian.
    assert fit < min(0.95 * rough, 1.1 * own)


# Bad input.


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"sigmas": "automatic"}, "sigmas: expected one of 'auto', got 'automatic'"),
        ({"beta": "automatic"}, "beta: expected one of 'auto', got 'automatic'"),
        ({"n_draws": np.inf, "sigmas": [1.0]}, "n_draws: expected a number for data with several features"),
    ],
)
def test_wrong_words_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        cs.NoiseConditionalScore.fit(**{"X": PLANE.sample(10, rng=0), "rng": 0, "n_draws": 2} | arguments)


def test_moments_that_do_not_fit_and_features_not_known_are_named():
    line = cs.TwoLayerNetwork([[0.0]], [0.0], [[0.0]], [0.0], [[-1.0]])
    with pytest.raises(ValueError, match="data_covariance: expected one with data_mean"):
        cs.NoiseConditionalScore([1.0], [line], (), [0.0])
    with pytest.raises(ValueError, match=r"data_covariance: expected shape \(1, 1\), as data_mean"):
        cs.NoiseConditionalScore([1.0], [line], (), [0.0], [1.0])
    with pytest.raises(ValueError, match="d: expected the number of features, or None"):
        cs.samplers.reverse(lambda y, sigma: -y, [1.0, 0.5], 3)
    with pytest.raises(ValueError, match="d: expected one of 'auto', got 'two'"):
        cs.samplers.reverse(lambda y, sigma: -y, [1.0, 0.5], 3, "two")
