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
