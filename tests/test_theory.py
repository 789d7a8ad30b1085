"""Bounds dominate what they bound, on a grid without Monte Carlo error; the grid agrees with the samplers."""

import re
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from scipy import integrate

import convexscore as cs
from convexscore import theory
from convexscore.samplers import langevin, reverse, sigma_grid
from convexscore.samplers.grid import GridLaw, langevin_law, reverse_law
from convexscore.scores.changes_of_variables import ve, vp
from convexscore.targets import GaussianMixture
from convexscore.theory import (
    ddpm_tv,
    girsanov_kl,
    is_log_concave_chain,
    langevin_bound,
    langevin_kl,
    multimeasurement_w2,
)

LINE = GaussianMixture([0.2, 0.8], [-2.0, 2.0], 0.5)
GRID = np.linspace(-8, 8, 801)
MOST = float(np.sqrt(np.expm1(10.0)))


@pytest.fixture(scope="module")
def log_concave():
    """A trained log-concave score, its law on a grid, and a start."""
    waiting = cs.datasets.load_old_faithful()["eruptions"]
    network = cs.solve(cs.ScoreMatching(waiting[waiting > 3]), 40.0, skip=True, shape="log-concave").network
    x = np.linspace(0, 9, 451)
    return network, GridLaw.of(cs.ScoreDensity(network).logpdf, x), GridLaw(x, np.exp(-2 * (x - 2.5) ** 2))


@pytest.mark.parametrize(("step", "n_steps"), [(0.002, 300), (0.01, 20), (0.01, 400), (0.03, 60)])
def test_langevins_bound_holds_for_a_trained_score(log_concave, step, n_steps):
    network, law, start = log_concave
    slope = np.abs(network.piecewise.slopes).max()
    measured = langevin_law(start, network, step, n_steps, average=True).kl(law)
    bound = langevin_kl(slope, 1, start.w2(law), step, n_steps)
    assert 0 < measured <= bound
    assert bound < 1e3 * measured


@pytest.mark.parametrize("kl", [0.5, 0.2])
def test_the_steps_it_advises_reach_the_target(log_concave, kl):
    network, law, start = log_concave
    plan = langevin_bound(np.abs(network.piecewise.slopes).max(), 1, start.w2(law), kl)
    assert plan.kl <= kl * (1 + 1e-12)
    assert langevin_law(start, network, plan.step_size, plan.n_steps, average=True).kl(law) <= plan.kl


def test_langevins_bound_is_its_formula():
    assert langevin_kl(2.0, 3, 1.5, 0.1, 40) == pytest.approx(1.5**2 / (2 * 40 * 0.1) + 2 * 3 * 0.1)
    plan = langevin_bound(2.0, 3, 1.5, 0.3)
    assert (plan.step_size, plan.n_steps) == (pytest.approx(0.3 / 12), 300)


def test_a_large_target_stays_within_the_stable_steps():
    plan = langevin_bound(lipschitz=4.0, d=1, w2=1.0, kl=100.0)
    assert plan.step_size == 0.25
    assert plan.kl <= 100


def test_the_grid_has_the_known_law_of_a_discrete_chain():
    start = GridLaw.of(lambda x: -((x - 1) ** 2) / 0.5, GRID)
    law = langevin_law(start, lambda x: -x, 0.3, 5)
    mean, variance = 1.0, 0.25
    for _ in range(5):
        mean, variance = 0.7 * mean, 0.49 * variance + 0.6
    assert (law.mean, law.variance) == pytest.approx((mean, variance), rel=1e-10)
    other = GridLaw.of(lambda x: -((x - 0.5) ** 2) / 2, GRID)
    expected = 0.5 * (variance + (mean - 0.5) ** 2 - 1 - np.log(variance))
    assert law.kl(other) == pytest.approx(expected, rel=1e-8)
    assert law.w2(other) == pytest.approx(np.hypot(mean - 0.5, 1 - np.sqrt(variance)), rel=1e-3)


def test_the_grid_agrees_with_the_samplers():
    start = 0.1 * np.random.default_rng(1).standard_normal(40000)
    x = langevin(LINE.score, start, 0.05, 20, rng=0)
    law = langevin_law(GridLaw(GRID, np.exp(-50 * GRID**2)), LINE.score, 0.05, 20)
    assert law.expect(LINE.score(GRID)) == pytest.approx(LINE.score(x).mean(), abs=0.1)
    assert law.variance == pytest.approx(x.var(), rel=0.03)
    sigmas = sigma_grid(20.0, 0.2, 15)
    y = reverse(LINE.score, sigmas, 40000, None, rng=0, rule="ancestral") / np.hypot(1, 0.2)
    law = reverse_law(LINE.score, sigmas, GRID, "ancestral")
    assert law.mean == pytest.approx(y.mean(), abs=0.03)
    assert law.expect(GRID < 0) == pytest.approx(np.mean(y < 0), abs=0.01)


@pytest.mark.parametrize(
    ("kind", "rule", "expected"),
    [
        ("ou-uniform", "frozen", (0.274, 0.069)),
        ("log", "frozen", (0.0985, 0.0242)),
        ("log", "ancestral", (0.0912, 0.0240)),
        ("log", "euler", (0.142, 0.0366)),
    ],
)
def test_total_variation_against_the_number_of_steps(kind, rule, expected):
    # Fine enough for the last step, whose noise has scale .015.
    grid = np.linspace(-7, 7, 1101)
    law = GridLaw.of(LINE.logpdf, grid)
    for n_steps, tv in zip((20, 80), expected, strict=True):
        sigmas = sigma_grid(MOST, 0.03, n_steps + 1, kind)
        assert reverse_law(LINE.score, sigmas, grid, rule).tv(law) == pytest.approx(tv, abs=2e-3)


def moments_along(times, error):
    """Fisher information, error and cross term of a perturbed score at OU times, by quadrature."""
    laws = [
        GridLaw.of(lambda z, t=t: LINE.logpdf(np.exp(t) * z, np.sqrt(np.expm1(2 * t))), GRID) for t in times
    ]
    scores = [vp(LINE.score)(GRID, t) for t in times]
    fisher = np.array([law.expect(s**2) for law, s in zip(laws, scores, strict=True)])
    cross = np.array([law.expect(s * error(GRID)) for law, s in zip(laws, scores, strict=True)])
    return fisher, np.array([law.expect(error(GRID) ** 2) for law in laws]), cross, laws[0]


@pytest.mark.parametrize(
    ("size", "rule", "n_steps", "kl", "bound"),
    [
        (0.3, "frozen", 30, 0.0298, 0.561),
        (0.3, "frozen", 120, 0.00476, 0.251),
        (0.0, "frozen", 30, None, None),
        (0.3, "euler", 30, None, None),
        (0.0, "euler", 120, None, None),
    ],
)
def test_girsanovs_bound_holds_for_exact_and_perturbed_scores(size, rule, n_steps, kl, bound):
    times = np.linspace(3.0, 0.0, n_steps + 1)

    def error(z):
        return size * np.sin(2 * z)

    _, errors, cross, first = moments_along(times, error)
    normal = GridLaw.of(lambda x: -(x**2) / 2, GRID)

    def fisher(t):
        return moments_along([t], error)[0][0]

    proved = girsanov_kl(times, fisher, first.kl(normal), errors[:-1], cross[:-1], rule)
    score = ve(lambda z, t: vp(LINE.score)(z, t) + error(z))
    made = reverse_law(score, np.sqrt(np.expm1(2 * times)), GRID, rule)
    law = GridLaw.of(LINE.logpdf, GRID)
    assert law.kl(made) <= proved
    assert law.tv(made) <= np.sqrt(proved / 2)
    if kl is not None:
        assert law.kl(made) == pytest.approx(kl, rel=0.01)
        assert proved == pytest.approx(bound, rel=0.01)


def test_girsanovs_bound_of_a_normal_law():
    def variance(t):
        return 0.25 * np.exp(-2 * t) - np.expm1(-2 * t)

    end = variance(4.0)
    kl_T = 0.5 * (end + np.exp(-8.0) - 1 - np.log(end))
    assert kl_T == pytest.approx(1.677e-4, rel=1e-3)
    bounds = [girsanov_kl(np.linspace(4, 0, n + 1), lambda t: 1 / variance(t), kl_T) for n in (40, 640)]
    assert bounds[0] - kl_T == pytest.approx(0.57219, abs=2e-5)
    assert 12 < (bounds[0] - kl_T) / (bounds[1] - kl_T) < 16
    sigmas = np.sqrt(np.expm1(2 * np.linspace(4, 0, 41)))
    law = reverse_law(lambda y, s: -(y - 1) / (0.25 + s**2), sigmas, np.linspace(-9, 9, 1501))
    assert law.mean == pytest.approx(0.9999512228, abs=1e-9)
    assert law.variance == pytest.approx(0.3806724556, abs=1e-9)
    exact = GridLaw.of(lambda x: -2 * (x - 1) ** 2, law.points)
    assert exact.kl(law) == pytest.approx(0.0386054834, abs=1e-9)


@pytest.mark.parametrize("rule", ["frozen", "euler"])
@pytest.mark.parametrize(("factor", "shift"), [(1.0, 0.0), (1.4, 0.0), (0.7, -0.3)])
def test_girsanovs_bound_is_its_expectation(rule, factor, shift):
    # For X of variance 1/4 all is normal: the mean squared difference of drifts, by quadrature in time.
    times = np.array([1.2, 1.0, 0.95, 0.7, 0.55])

    def variance(t):
        return 0.25 * np.exp(-2 * t) - np.expm1(-2 * t)

    def squared(t, u):
        """E (s_t(X_t) - g (factor s_u(X_u) + shift))^2 with s_t(x) = -x / variance(t)."""
        decay = np.exp(-(u - t))
        g = 1.0 if rule == "frozen" else decay
        covariance = decay * variance(t) / (variance(t) * variance(u))
        return 1 / variance(t) - 2 * g * factor * covariance + g**2 * (factor**2 / variance(u) + shift**2)

    expected = 0.3 + sum(
        integrate.quad(squared, r, u, args=(u,), epsabs=1e-13)[0] for u, r in pairwise(times.tolist())
    )
    fisher = 1 / variance(times[:-1])
    errors, products = (factor - 1) ** 2 * fisher + shift**2, (factor - 1) * fisher
    value = girsanov_kl(times, lambda t: 1 / variance(t), 0.3, errors, products, rule)
    assert value == pytest.approx(expected, rel=1e-10)


def test_the_three_terms():
    terms = ddpm_tv(kl0=4.0, T=2.0, h=0.01, L=2.0, d=9, m2=3.0, eps=0.1)
    root = np.sqrt(2.0)
    assert terms == pytest.approx((2 * np.exp(-2.0), (0.6 + 0.06) * root, 0.1 * root))
    assert terms.total == pytest.approx(sum(terms))
    # With a factor of one it dominates what is measured here, and is loose.
    law, normal = GridLaw.of(LINE.logpdf, GRID), GridLaw.of(lambda x: -(x**2) / 2, GRID)
    made = reverse_law(LINE.score, sigma_grid(MOST, 0.0, 81, "ou-uniform"), GRID)
    slope, m2 = 2**2 / 0.25**2 - 1 / 0.25, np.sqrt(law.expect(GRID**2))
    assert law.tv(made) < ddpm_tv(law.kl(normal), 5.0, 5 / 80, slope, 1, m2, 0.0, strict=False).total


# For many measurements the distance is that of the modes' spreads, (.5 - .25 / sqrt(.25 + 9 / m))^2.
@pytest.mark.parametrize(
    ("m", "square", "error"),
    [(1, 0.991, 3.68), (4, 0.128, 0.792), (16, 0.0501, 0.179), (100, 0.00508, 0.066), (900, 9.4e-5, 0.0096)],
)
def test_posterior_means_are_close_to_the_data_in_law(m, square, error):
    mixture, level = GaussianMixture([0.3, 0.7], [-3.0, 3.0], 0.5), 3.0 / np.sqrt(m)
    y = np.linspace(-20, 20, 20001)
    noisy, clean = GridLaw.of(lambda x: mixture.logpdf(x, level), y), GridLaw.of(mixture.logpdf, y)
    u = (np.arange(200000) + 0.5) / 200000
    # The posterior mean increases with y, so quantiles go to quantiles.
    distance = np.mean((clean._quantiles(u) - mixture.denoise(noisy._quantiles(u), level)) ** 2)
    mean_square = noisy.expect(mixture.covariance(y, level))
    assert distance <= mean_square <= multimeasurement_w2(3.0, m, 1) ** 2
    assert distance == pytest.approx(square, rel=0.05)
    assert mean_square == pytest.approx(error, rel=0.02)


def line(*slopes):
    """A network with kinks at 0, 1, ... and the given slopes."""
    jumps = np.diff(slopes)
    return cs.TwoLayerNetwork(
        np.ones((jumps.size, 1)), -np.arange(jumps.size), jumps[None], [0.0], [[slopes[0]]], activation="relu"
    )


def test_the_test_of_log_concavity_is_exact():
    # sigma = 2 and m = 4: slopes of at most 0, 1/2, 3/2 and 3 at levels 2, 1.414, 1.155 and 1.
    def chain(first, last):
        return is_log_concave_chain(cs.NoiseConditionalScore([2.0, 1.0], [first, last]), sigma=2.0, m=4)

    assert chain(line(-1.0, 0.0, -1.0), line(-1.0, 0.4, -1.0))
    assert not chain(line(-1.0, 1e-9, -1.0), line(-1.0, 0.4, -1.0))
    # At k = 2, half way in log sigma, the slope is (0.5 * 4 * 0 + 0.5 * 1 * b) / 2 on the piece of slope b.
    assert chain(line(-1.0, 0.0, -1.0), line(-1.0, 2.0, -1.0))
    assert not chain(line(-1.0, 0.0, -1.0), line(-1.0, 2.0 + 1e-9, -1.0))
    # At a level of 1.414 between 2 and 1/2 the share of the first is 3/4.
    for slope, concave in ((16.0, True), (16.0 + 1e-9, False)):
        wide = cs.NoiseConditionalScore([2.0, 0.5], [line(-1.0, 0.0, -1.0), line(-1.0, slope, -1.0)])
        assert is_log_concave_chain(wide, sigma=2.0, m=4) == concave
    assert is_log_concave_chain(cs.NoiseConditionalScore([2.0], [line(-1.0, 0.0, -1.0)]), sigma=2.0, m=1)


@pytest.mark.parametrize("slope", [0.0, 1e-9])
def test_any_score_with_slopes_at_a_level_can_be_log_concave(slope):
    class Growing:
        """Slopes up to k (k - 1) / sigma^2 at each level sigma / sqrt(k), and once more than that."""

        def at_level(self, level):
            k = round(4 / level**2)
            self.values = np.array([-1.0, k * (k - 1) / 4 + slope * (k == 3)])
            return self if k % 2 else SimpleNamespace(piecewise=SimpleNamespace(slopes=self.values))

        def slopes(self):
            return self.values

    assert is_log_concave_chain(Growing(), sigma=2.0, m=5) == (slope == 0)


def test_log_concavity_is_for_one_feature():
    planar = cs.TwoLayerNetwork(np.eye(2), [0.0, 0.0], -np.eye(2), [0.0, 0.0], -np.eye(2))
    for levels in ([2.0, 1.0], [3.0, 1.0]):
        with pytest.raises(ValueError, match="network: expected 1 feature, as kinks on a line have, got 2"):
            is_log_concave_chain(cs.NoiseConditionalScore(levels, [planar, planar]), sigma=2.0, m=4)


def test_bounds_stand_on_their_own():
    source = Path(theory.__file__).read_text(encoding="utf-8")
    imported = set(re.findall(r"^\s*from (\.\S*) import", source, flags=re.MULTILINE))
    assert imported == {"._support.sizes", "._support.validation", ".numerics.scaling"}


def test_trained_scores_are_log_concave_where_the_noise_is_large():
    data = GaussianMixture([0.3, 0.7], [-3.0, 3.0], 0.5).sample(300, rng=0)
    score = cs.NoiseConditionalScore.fit(data, np.geomspace(4.0, 0.5, 7), n_draws=5, rng=0)
    assert is_log_concave_chain(score, 4.0, 16)
    assert not is_log_concave_chain(score, 2.0, 4)
    with pytest.raises(ValueError, match="sigma: expected a noise level between"):
        is_log_concave_chain(score, 4.0, 100)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: langevin_kl(1.0, 1, 1.0, 1.1, 5), "step_size: expected at most 1 / lipschitz, 1, got 1.1"),
        (lambda: langevin_bound(0.0, 1, 1.0, 0.1), "lipschitz: expected a number above 0"),
        (
            lambda: ddpm_tv(1.0, 1.0, 0.6, 2.0, 1, 1.0, 0.0),
            "L, h: expected L of at least 1 and h L of at most",
        ),
        (lambda: ddpm_tv(1.0, 1.0, 0.1, 0.5, 1, 1.0, 0.0), "L, h: expected"),
        (lambda: girsanov_kl([0.0, 1.0], lambda t: 1.0, 0.0), "ts: expected strictly decreasing times"),
        (lambda: girsanov_kl([1.0, -1.0], lambda t: 1.0, 0.0), "ts: expected strictly decreasing times"),
        (lambda: girsanov_kl([1.0, 0.0], lambda t: -1.0, 0.0), "fisher: expected positive values, got -1"),
        (
            lambda: girsanov_kl([1.0, 0.0], lambda t: 1.0, 0.0, err=-1.0),
            "err: expected numbers of at least 0",
        ),
        (lambda: girsanov_kl([1.0, 0.0], lambda t: 1.0, 0.0, err=[1, 1]), r"err: expected a number or shape"),
        (lambda: multimeasurement_w2(1.0, 0, 1), "m: expected an integer of at least 1"),
        (lambda: GridLaw([0.0, 1.0, 3.0], [1, 1, 1]), "points: expected at least 3, ascending and equally"),
        (lambda: GridLaw([0.0, 1.0, 2.0], [1, 1]), r"density: expected shape \(3,\)"),
        (lambda: GridLaw([0.0, 1.0, 2.0], [1, -1, 1]), "density: expected numbers of at least 0"),
        (lambda: GridLaw(GRID, np.ones(801)).push(GRID, 1.0), "points: expected a grid that keeps the mass"),
        (
            lambda: GridLaw.of(LINE.logpdf, GRID).push(GRID, 1e-4),
            "points: expected a grid that keeps the mass",
        ),
        (lambda: GridLaw(GRID, np.ones(801)).kl(GridLaw(GRID + 1, np.ones(801))), "other: expected a law on"),
        (lambda: GridLaw.of(lambda x: np.zeros(4), GRID), r"logpdf: expected logarithms of shape \(801,\)"),
        (lambda: GridLaw.of(lambda x: np.full(801, -np.inf), GRID), "logpdf: expected .*finite"),
        (lambda: GridLaw.of(lambda x: np.full(801, np.nan), GRID), "logpdf: expected .*finite"),
        (lambda: reverse_law(LINE.score, [2.0, 1.0], GRID, "ode"), "rule: expected a step with noise"),
    ],
)
def test_bad_arguments_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: GridLaw.of(3, GRID), "logpdf: expected a callable, got 3"),
        (lambda: girsanov_kl([1.0, 0.0], 3.0, 0.0), "fisher: expected a callable, got 3.0"),
        (
            lambda: is_log_concave_chain(SimpleNamespace(at_level=lambda sigma: "score"), 1.0, 2),
            "score: expected slopes or a piecewise form at sigma=1, got 'score'",
        ),
    ],
)
def test_arguments_of_another_kind_are_named(call, message):
    with pytest.raises(TypeError, match=message):
        call()
