"""Langevin dynamics between limits."""

import numpy as np
import pytest
from scipy import stats

import convexscore as cs
from convexscore.samplers._chains import reflect


@pytest.mark.parametrize(
    ("score", "support", "law"),
    [
        (lambda x: -np.ones_like(x), (0.0, None), stats.expon()),
        (lambda x: np.ones_like(x), (None, 0.0), stats.expon(loc=0.0)),
        (lambda x: np.zeros_like(x), (0.0, 1.0), stats.uniform()),
        (lambda x: -x, (-0.5, 1.0), stats.truncnorm(-0.5, 1.0)),
    ],
)
def test_chains_have_the_law_of_the_score_between_limits(score, support, law):
    mirrored = support == (None, 0.0)
    start = np.full(4000, -0.5 if mirrored else 0.5)
    x = cs.samplers.langevin(score, start, 2e-3, 1500, rng=0, support=support)
    x = -x if mirrored else x
    # Steps of finite size are wrong by about their root near a limit.
    assert stats.kstest(x, law.cdf).statistic < 0.04
    low, high = law.support()
    assert ((x >= low) & (x <= high)).all()


def test_reflection_goes_on_as_often_as_it_takes():
    x = np.array([-0.25, 0.5, 1.25, 2.25, -7.5, 1e6 + 0.25])
    reflect(x, (0.0, 1.0))
    np.testing.assert_allclose(x, [0.25, 0.5, 0.75, 0.25, 0.5, 0.25])
    single = np.array([-0.25, 0.5], dtype=np.float32)
    reflect(single, (0.0, np.inf))
    assert single.tolist() == [0.25, 0.5]


def test_refusals_name_the_argument():
    with pytest.raises(ValueError, match="x0: expected values within the support from 0 to inf, got -1"):
        cs.samplers.langevin(lambda x: -x, [-1.0], 0.1, 2, support=(0, None))
    with pytest.raises(ValueError, match="support: expected one pair of limits, or None, for each of 2"):
        cs.samplers.langevin(lambda x: -x, [[1.0, 1.0]], 0.1, 2, support=(0, None))
    with pytest.raises(ValueError, match="support: expected a lower end below"):
        cs.samplers.langevin(lambda x: -x, [1.0], 0.1, 2, support=(1, 0))


def test_chains_of_several_features_are_reflected_at_their_own_limits():
    x = np.array([[-0.25, -0.25], [0.5, 3.0], [2.25, -7.0]])
    reflect(x, ((0.0, 1.0), (-np.inf, 2.0)))
    np.testing.assert_allclose(x, [[0.25, -0.25], [0.5, 1.0], [0.25, -7.0]])


@pytest.mark.parametrize("n_jobs", [None, 2])
def test_chains_of_several_features_have_the_law_of_the_score_in_the_box(n_jobs):
    def score(x):
        return np.column_stack([-np.ones(len(x)), -x[:, 1], -x[:, 2]])

    start = np.tile([0.5, 0.0, 0.5], (4000, 1))
    box = [(0.0, None), None, (-0.5, 1.0)]
    x = cs.samplers.langevin(score, start, 2e-3, 1500, rng=0, support=box, n_jobs=n_jobs)
    laws = (stats.expon(), stats.norm(), stats.truncnorm(-0.5, 1.0))
    for column, law in zip(x.T, laws, strict=True):
        assert stats.kstest(column, law.cdf).statistic < 0.045
    assert (x[:, 0] >= 0).all()
    assert ((x[:, 2] >= -0.5) & (x[:, 2] <= 1.0)).all()
    # The middle one knows nothing of limits.
    assert x[:, 1].min() < -2


def test_chains_outside_the_box_are_refused():
    with pytest.raises(ValueError, match="x0: expected values within the support from 0 to 1 in column 1"):
        cs.samplers.langevin(lambda x: -x, [[1.0, 2.0]], 0.1, 2, support=[None, (0, 1)])
