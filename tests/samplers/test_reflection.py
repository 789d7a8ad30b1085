"""Chains between limits: their law, where limits come from, and which samplers keep to none."""

import numpy as np
import pytest
from scipy import stats

import convexscore as cs
from convexscore.samplers._chains import reflect
from convexscore.samplers.grid import GridLaw, langevin_law, reverse_law

# A score, its logarithm, limits, and the distribution function between them.
LAWS = {
    "exponential": (lambda x: -np.ones_like(x), lambda x: -x, (0.0, None), stats.expon.cdf),
    "mirrored": (lambda x: np.ones_like(x), lambda x: x, (None, 0.0), np.exp),
    "uniform": (lambda x: np.zeros_like(x), lambda x: 0 * x, (0.0, 1.0), stats.uniform.cdf),
    "normal": (lambda x: -x, lambda x: -(x**2) / 2, (-0.5, 1.0), stats.truncnorm(-0.5, 1.0).cdf),
}

# The step has a bias where it is not corrected: these are small enough.
SAMPLERS = {
    "langevin": lambda score, logpdf, x0, **more: cs.samplers.langevin(score, x0, 2e-3, 1500, **more),
    "underdamped": lambda score, logpdf, x0, **more: cs.samplers.underdamped(score, x0, 0.1, 200, **more),
    "mala": lambda score, logpdf, x0, **more: cs.samplers.mala(score, logpdf, x0, 0.3, 150, **more),
}


@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize("sampler", SAMPLERS)
def test_chains_have_the_law_of_the_score_between_limits(sampler, law):
    score, logpdf, support, distribution = LAWS[law]
    start = np.full(4000, -0.25 if support[1] == 0 else 0.5)
    x = SAMPLERS[sampler](score, logpdf, start, rng=0, support=support)
    # One in a thousand samples is further off than 0.031.
    assert stats.kstest(x, distribution).statistic < (0.04 if sampler == "langevin" else 0.031)
    low, high = (-np.inf if support[0] is None else support[0], np.inf if support[1] is None else support[1])
    assert ((x >= low) & (x <= high)).all()


def test_reflection_goes_on_as_often_as_it_takes():
    x = np.array([-0.25, 0.5, 1.25, 2.25, -7.5, 1e6 + 0.25])
    reflect(x, (0.0, 1.0))
    np.testing.assert_allclose(x, [0.25, 0.5, 0.75, 0.25, 0.5, 0.25])
    single = np.array([-0.25, 0.5], dtype=np.float32)
    reflect(single, (0.0, np.inf))
    assert single.tolist() == [0.25, 0.5]


def test_velocities_turn_as_often_as_positions():
    x, v = np.array([-0.25, 0.5, 1.25, 2.25, -1.25]), np.arange(1.0, 6.0)
    reflect(x, (0.0, 1.0), v)
    np.testing.assert_allclose(x, [0.25, 0.5, 0.75, 0.25, 0.75])
    assert v.tolist() == [-1.0, 2.0, -3.0, 4.0, 5.0]
    x, v = np.array([-0.25, 0.5]), np.ones(2)
    reflect(x, (0.0, np.inf), v)
    assert (x.tolist(), v.tolist()) == ([0.25, 0.5], [-1.0, 1.0])
    reflect(x, (-np.inf, 0.3), v)
    assert v.tolist() == [-1.0, -1.0]


class Exponential:
    """A law that knows its limits, and is asked nowhere else."""

    def __call__(self, x):
        assert (x >= 0).all()
        return -np.ones_like(x)

    def logpdf(self, x):
        assert (x >= 0).all()
        return -x

    def support(self):
        return 0.0, np.inf


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_limits_that_a_score_knows_are_kept(sampler):
    law, start = Exponential(), np.full(50, 0.5)
    run = SAMPLERS[sampler]
    found = run(law, law.logpdf, start, rng=0)
    np.testing.assert_array_equal(found, run(law, law.logpdf, start, rng=0, support=(0, None)))
    assert (found >= 0).all()
    # Those that are given count.
    below = run(lambda x: -x, lambda x: -(x**2) / 2, start, rng=0, support=(None, 1.0))
    assert (below <= 1).all()
    with pytest.raises(ValueError, match="x0: expected values within the support from 0 to inf, got -1"):
        run(law, law.logpdf, [-1.0], rng=0)
    with pytest.raises(ValueError, match="support: expected one pair of limits, or None, for each of 2"):
        run(law, law.logpdf, [[1.0, 1.0]], rng=0, support=(0, None))


@pytest.mark.parametrize("sampler", SAMPLERS)
@pytest.mark.parametrize("shape", [(0,), (0, 1), (3, 1)])
def test_chains_of_any_number_keep_their_shape(sampler, shape):
    found = SAMPLERS[sampler](
        lambda x: -x, lambda x: -(x**2).reshape(len(x)), np.zeros(shape), rng=0, support=(-1, 1)
    )
    assert found.shape == shape
    assert (np.abs(found) <= 1).all()


def test_a_support_of_no_limits_is_the_whole_line():
    class Whole(Exponential):
        def __call__(self, x):
            return -x

    x = cs.samplers.langevin(Whole(), np.zeros(50), 0.1, 20, rng=0, support=(None, None))
    np.testing.assert_array_equal(x, cs.samplers.langevin(lambda x: -x, np.zeros(50), 0.1, 20, rng=0))


@pytest.mark.parametrize("answer", [None, (-np.inf, np.inf), "all", ((0, 1), (0, 1))])
def test_what_says_no_limits_has_none(answer):
    class Gaussian:
        def __call__(self, x):
            return -x

        def support(self):
            return answer

    found = cs.samplers.underdamped(Gaussian(), np.zeros(50), 0.1, 20, rng=0)
    np.testing.assert_array_equal(found, cs.samplers.underdamped(lambda x: -x, np.zeros(50), 0.1, 20, rng=0))
    if answer != ((0, 1), (0, 1)):
        assert langevin_law(LAW, Gaussian(), 0.1, 2).mean == pytest.approx(0.0, abs=1e-12)


LAW = GridLaw(np.linspace(-6, 6, 301), np.exp(-(np.linspace(-6, 6, 301) ** 2)))
REFUSING = {
    "annealed_langevin": lambda score: cs.samplers.annealed_langevin(score, [1.0], [1.0, 0.5]),
    "reverse": lambda score: cs.samplers.reverse(score, [1.0, 0.5], 3, None),
    "joint": lambda score: cs.samplers.joint(score, 1.0, 2, 3, None),
    "sequential": lambda score: cs.samplers.sequential(score, 1.0, 2, 3, None),
    "langevin_law": lambda score: langevin_law(LAW, score, 0.1, 2),
    "reverse_law": lambda score: reverse_law(score, [1.0, 0.5], LAW.points),
}


@pytest.mark.parametrize("sampler", REFUSING)
def test_other_samplers_refuse_what_has_limits(sampler):
    with pytest.raises(ValueError, match=r"score: expected one without limits, .* \[0, inf\]; `langevin`"):
        REFUSING[sampler](Exponential())


@pytest.mark.parametrize("sampler", REFUSING)
def test_other_samplers_refuse_a_box_too(sampler):
    class InABox(Exponential):
        def support(self):
            return [(0, None), (0, 1)]

    with pytest.raises(
        ValueError, match=r"score: expected one without limits, .* \[0, inf\] x \[0, 1\]; `langevin`"
    ):
        REFUSING[sampler](InABox())


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_refusals_name_the_argument(sampler):
    with pytest.raises(ValueError, match="support: expected a lower end below"):
        SAMPLERS[sampler](lambda x: -x, lambda x: -x, [1.0], support=(1, 0))


def test_chains_of_several_features_are_reflected_at_their_own_limits():
    x = np.array([[-0.25, -0.25], [0.5, 3.0], [2.25, -7.0]])
    reflect(x, ((0.0, 1.0), (-np.inf, 2.0)))
    np.testing.assert_allclose(x, [[0.25, -0.25], [0.5, 1.0], [0.25, -7.0]])


def test_velocities_turn_at_the_limits_of_their_feature():
    x, v = np.array([[-0.25, 1.0], [0.5, 3.0]]), np.ones((2, 2))
    reflect(x, ((0.0, 1.0), (-np.inf, 2.0)), v)
    np.testing.assert_allclose(x, [[0.25, 1.0], [0.5, 1.0]])
    assert v.tolist() == [[-1.0, 1.0], [1.0, -1.0]]


@pytest.mark.parametrize("sampler", ["mala", "underdamped"])
def test_other_chains_in_a_box_have_the_law_of_the_score_there(sampler):
    def score(x):
        return np.column_stack([-np.ones(len(x)), -x[:, 1]])

    def logpdf(x):
        assert (x[:, 0] >= 0).all()
        return -x[:, 0] - 0.5 * x[:, 1] ** 2

    start, box = np.tile([0.5, 0.0], (4000, 1)), [(0.0, None), (-0.5, 1.0)]
    if sampler == "mala":
        x = cs.samplers.mala(score, logpdf, start, 0.2, 300, rng=0, support=box)
    else:
        x = cs.samplers.underdamped(score, start, 0.1, 200, rng=0, support=box)
    for column, law in zip(x.T, (stats.expon(), stats.truncnorm(-0.5, 1.0)), strict=True):
        assert stats.kstest(column, law.cdf).statistic < 0.045
    assert (x >= [0.0, -0.5]).all()
    assert (x[:, 1] <= 1.0).all()


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
