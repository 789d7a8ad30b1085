"""The test of straightness: its correlations by a literal loop, its level, its power."""

import numpy as np
import pytest

import convexscore as cs
from convexscore.univariate.bounds import program_bounds
from convexscore.univariate.program import UnivariateProgram
from convexscore.univariate.straightness import largest_at_edges, largest_of_distinct


def literal_largest(x, spacing):
    """``max |sum over x_i beyond t of 1 - (x_i - t) (x_i - mean) / variance|`` over edges of cells."""
    largest = 0.0
    for place in np.unique(x):
        for t, beyond in ((place - spacing / 2, x >= place), (place + spacing / 2, x > place)):
            largest = max(largest, abs(np.sum(beyond * (1 - (x - t) * (x - x.mean()) / x.var()))))
    return largest


@pytest.mark.parametrize("spacing", [0.0, 0.5])
def test_correlations_at_edges_are_those_of_their_definition(spacing):
    x = np.random.default_rng(0).standard_normal(40)
    x = spacing * np.rint(x / spacing) if spacing else x
    place, mass = np.unique(x, return_counts=True)
    expected = literal_largest(x, spacing)
    assert largest_at_edges(place, mass.astype(float), spacing) == pytest.approx(expected, rel=1e-12)
    # One by one, and among others, they are the same.
    several = largest_at_edges(np.stack([np.sort(x), np.sort(-x)]), np.ones((2, 40)), spacing)
    np.testing.assert_allclose(several, [expected, literal_largest(-x, spacing)], rtol=1e-12)


def test_without_a_lattice_they_are_the_threshold_of_the_line():
    program = UnivariateProgram.from_objective(
        cs.ScoreMatching(np.random.default_rng(1).standard_normal(50)), skip=True
    )
    found = largest_at_edges(program.centred, program.mass, 0.0)
    assert found == pytest.approx(program_bounds(program).linear, rel=1e-12)


def test_samples_of_distinct_points_need_no_edges():
    samples = np.sort(np.random.default_rng(3).standard_normal((50, 30)), axis=1)
    samples[:10] = np.sort(np.random.default_rng(4).standard_exponential((10, 30)), axis=1)
    expected = largest_at_edges(samples, np.ones_like(samples), 0.0)
    np.testing.assert_allclose(largest_of_distinct(samples), expected, rtol=1e-11)
    pairs = np.array([[0.0, 1.0], [-2.0, 5.0]])
    np.testing.assert_allclose(largest_of_distinct(pairs), largest_at_edges(pairs, np.ones((2, 2)), 0.0))


def kept(objectives):
    """How many of the objectives' automatic scores are lines."""
    betas = [cs.select_beta(each, "bootstrap", 0, skip=True, n_replicates=40) for each in objectives]
    solutions = [cs.solve(each, beta, skip=True) for each, beta in zip(objectives, betas, strict=True)]
    return sum(solution.network.n_neurons == 0 for solution in solutions)


def rounded(x, width):
    return width * np.rint(x / width) if width else x


@pytest.mark.parametrize(
    ("n", "width"), [(10, 0.0), (10, 0.5), (30, 0.1), (100, 0.5), (300, 0.1), (1000, 0.01), (2000, 0.5)]
)
@pytest.mark.filterwarnings("ignore:beta. one value:UserWarning")
def test_gaussian_data_keep_their_line_however_few_and_however_rounded(n, width):
    rngs = np.random.default_rng(5).spawn(60)
    samples = [rounded(3 + rng.standard_normal(n), width) for rng in rngs]
    # Three standard errors below 54.
    assert kept([cs.ScoreMatching(x) for x in samples]) >= 47


@pytest.mark.parametrize("n", [10, 30, 300])
def test_denoising_of_gaussian_data_keeps_its_line(n):
    samples = [rng.standard_normal(n) for rng in np.random.default_rng(6).spawn(60)]
    assert kept([cs.DenoisingScoreMatching.from_clean(x, 0.5, rng=1) for x in samples]) >= 47


@pytest.mark.parametrize("width", [0.0, 0.1, 1.0])
@pytest.mark.filterwarnings("ignore:beta. one value:UserWarning")
def test_two_modes_are_no_line_rounded_or_not(width):
    rngs = np.random.default_rng(7).spawn(5)
    samples = [rounded(rng.choice([-2.0, 2.0], 300) + 0.5 * rng.standard_normal(300), width) for rng in rngs]
    assert kept([cs.ScoreMatching(x) for x in samples]) == 0


def test_a_confidence_is_a_quantile_of_the_same_noise():
    x = np.random.default_rng(2).standard_normal(80)
    betas = [cs.select_beta(x, rng=0, skip=True, confidence=level) for level in (0.8, 0.9, 0.99)]
    assert betas[0] < betas[1] < betas[2]
