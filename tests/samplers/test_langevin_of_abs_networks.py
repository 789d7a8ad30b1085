"""Theorem A.7: Langevin dynamics on the score of an abs network without skip, where it has a closed form."""

import numpy as np
import pytest

import convexscore as cs
from convexscore.samplers.grid import GridLaw, langevin_law
from convexscore.theory import langevin_bound, langevin_kl

X = np.random.default_rng(0).standard_normal(60)
X[:2] = [-2.625, 2.125]
N, MEAN, VARIANCE = X.size, X.mean(), X.var()
GRID = np.linspace(-25, 25, 1251)


def trained(share):
    objective = cs.ScoreMatching(X)
    assert cs.beta_bounds(objective, activation="abs").linear < share * N
    return cs.solve(objective, share * N, activation="abs").network


@pytest.mark.parametrize("share", [0.85, 0.95])
def test_the_score_is_a_line_and_then_constant(share):
    network = trained(share)
    slope = (1 - share) / VARIANCE
    x = np.linspace(-9, 9, 181)
    expected = -slope * (np.clip(x, X.min(), X.max()) - MEAN)
    np.testing.assert_allclose(network(x), expected, atol=1e-9)
    density = cs.ScoreDensity(network)
    assert density.is_log_concave
    # A Laplace tail, whose rate is the score at the largest sample.
    rate = np.diff(density.logpdf([10.0, 11.0]))[0]
    assert rate == pytest.approx(-slope * (X.max() - MEAN), rel=1e-9)


@pytest.mark.parametrize("share", [0.85, 0.95])
@pytest.mark.parametrize(("part", "n_steps"), [(0.5, 1), (0.5, 400), (0.1, 20), (0.1, 400), (1.0, 50)])
def test_the_mean_law_is_within_the_bound(share, part, n_steps):
    network = trained(share)
    slope, law = (1 - share) / VARIANCE, GridLaw.of(cs.ScoreDensity(network).logpdf, 4 * GRID)
    start = GridLaw(4 * GRID, np.exp(-(((4 * GRID - 4.0) / 0.6) ** 2) / 2))
    measured = langevin_law(start, network, part / slope, n_steps, average=True).kl(law)
    assert 1e-6 < measured <= langevin_kl(slope, 1, start.w2(law), part / slope, n_steps)


def test_the_advised_steps_reach_their_target():
    network = trained(0.85)
    slope, law = 0.15 / VARIANCE, GridLaw.of(cs.ScoreDensity(network).logpdf, 4 * GRID)
    start = GridLaw(4 * GRID, np.exp(-((4 * GRID - 2.0) ** 2) / 2))
    plan = langevin_bound(slope, 1, start.w2(law), 0.3)
    assert langevin_law(start, network, plan.step_size, plan.n_steps, average=True).kl(law) <= 0.3


@pytest.mark.parametrize("r", [-0.45, -0.2, 0.3, 0.45])
def test_other_optimal_networks_have_no_law(r):
    share = 0.85
    a = -(1 - share) / VARIANCE
    r *= abs(a)
    jumps, kinks = np.array([r + a / 2, r - a / 2]), np.array([X.min(), X.max()])
    # So few digits that their products with the kinks are exact, and the kinks lie on samples.
    sizes = np.sqrt(np.abs(jumps)).astype(np.float32).astype(float)
    # The derivative at a kink is the one towards the other samples.
    other = cs.TwoLayerNetwork(
        sizes[:, None],
        -sizes * kinks,
        (jumps / sizes)[None],
        [-np.mean(np.abs(X[:, None] - kinks) @ jumps)],
        [[0.0]],
        activation="abs",
        right_derivative=[jumps[0] < 0, jumps[1] < 0],
    )
    objective = cs.ScoreMatching(X)
    least = cs.solve(objective, share * N, activation="abs").value
    assert other.loss(objective, share * N) == pytest.approx(least, rel=1e-9)
    with pytest.raises(cs.NotNormalizableError):
        cs.ScoreDensity(other)
