"""The line fitted to data with a limit, a truncated Gaussian's score: its errors are those of theory."""

import numpy as np
import pytest
from scipy import stats

import convexscore as cs
from benchmarks import truncated

CASES = [(-1.0, None), (0.0, 0.5), (1.0, 1.0), (2.0, np.inf)]
SETS, SAMPLES = 200, 1000


def line(x, height):
    """Intercept and slope of the fit, and the solution."""
    objective = cs.ScoreMatching(x, support=(0, None), boundary_weight=height)
    solution = cs.solve(objective, 1e3 * len(x), skip=True)
    intercept, end = solution.network(np.array([0.0, 1.0]))
    return np.array([intercept, end - intercept]), objective


@pytest.mark.parametrize(("mean", "height"), CASES)
def test_the_line_solves_the_equations_of_generalized_score_matching(mean, height):
    x = truncated.law(mean).rvs(80, random_state=1)
    found, objective = line(x, height)
    c = objective.boundary_weight
    # At a bend the derivative is the mean of both sides: the median is one of the samples.
    h, derivative = np.minimum(x, c), 0.5 * (x < c) + 0.5 * (x <= c)
    f = np.stack([np.ones_like(x), x])
    expected = -np.linalg.solve((h * f) @ f.T, f @ derivative + [0.0, h.sum()])
    np.testing.assert_allclose(found, expected, rtol=1e-9)


@pytest.mark.parametrize(("mean", "height"), CASES)
def test_errors_have_the_covariance_of_the_sandwich(mean, height):
    # A median moves with the data, which changes nothing to first order: at the truth terms have mean zero
    # for every weight.
    c = truncated.default_height(mean) if height is None else height
    precision = np.linalg.inv(truncated.score_matching_covariance(mean, c))
    rngs = np.random.default_rng(5).spawn(SETS)
    errors = np.array(
        [line(truncated.law(mean).rvs(SAMPLES, random_state=rng), height)[0] - (mean, -1.0) for rng in rngs]
    )
    squares = SAMPLES * np.einsum("ij,jk,ik->", errors, precision, errors)
    law = stats.chi2(2 * SETS)
    assert law.ppf(0.5e-6) < squares < law.isf(0.5e-6)


@pytest.mark.parametrize("height", truncated.HEIGHTS)
@pytest.mark.parametrize("mean", truncated.MEANS)
def test_nothing_is_better_than_maximum_likelihood(mean, height):
    ours = truncated.score_matching_covariance(mean, height)
    excess = np.linalg.eigvalsh(ours - np.linalg.inv(truncated.information(mean)))
    # Where the weight never bends one direction is as good: the mean, which both fit.
    assert (excess > -1e-12).all()
    assert excess.max() > 0.01
    assert (np.array(truncated.shares(mean, height)) < 1).all()


def test_the_information_is_that_of_the_moments():
    # Of the half-normal law: E x^k = 2^(k/2) Gamma((k+1)/2) / Gamma(1/2).
    first, third = np.sqrt(2 / np.pi), np.sqrt(8 / np.pi)
    cross = (third - first) / 2
    expected = [[1 - first**2, cross], [cross, (3 - 1) / 4]]
    np.testing.assert_allclose(truncated.information(0.0), expected, rtol=1e-10)
