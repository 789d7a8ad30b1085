"""The ends of the floats: right values where they are floats, named errors where not, never NaN."""

import numpy as np
import pytest
from scipy import special

import convexscore as cs
from convexscore.diagnostics import (
    fisher_divergence,
    kernel_stein_discrepancy,
    mmd,
    mode_fractions,
    sliced_wasserstein,
    wasserstein,
)
from convexscore.numerics.piecewise import PiecewiseLinear
from convexscore.samplers import (
    annealed_langevin,
    langevin,
    mala,
    reverse,
    sequential,
    sigma_grid,
    underdamped,
)
from convexscore.samplers.grid import GridLaw, langevin_law, reverse_law
from convexscore.targets import Banana, GaussianMixture, moons, ring
from convexscore.theory import (
    ddpm_tv,
    girsanov_kl,
    is_log_concave_chain,
    langevin_bound,
    langevin_kl,
    multimeasurement_w2,
)

LARGEST = np.finfo(float).max
ENDS = [0.5, 1.0, 2.0] * 5 + [5e-324, 1e-310, 1e-200, 1e-160, 1.0, 1e100, 1e154, 1e160, 1e300, LARGEST]
DISTINCT = sorted({0.0, *ENDS})
SIGNED = [0.0, *ENDS, *(-value for value in ENDS)]
COUNTS = [1, 3, 2**40, 2**62, 10**30, 10**400]


def normal(y, sigma=0.0):
    return -y


class Levels:
    """A score whose slope is 0 at every level."""

    def at_level(self, sigma):
        return PiecewiseLinear(np.zeros(1), np.zeros(1), np.zeros(2))


def draw_points(rng, shape):
    return rng.choice(SIGNED, shape)


def constant(value):
    return lambda t: value


def falling(factor):
    return lambda x: -np.abs(x / LARGEST) * factor


def draw_score(rng):
    factor, power = rng.choice(SIGNED), rng.choice([0, 1])

    def score(y, sigma=0.0):
        with np.errstate(all="ignore"):
            return np.nan_to_num(factor * np.asarray(y) ** power, posinf=LARGEST, neginf=-LARGEST)

    return score


def grid(rng, size):
    with np.errstate(all="ignore"):
        return np.nan_to_num(
            (rng.choice(SIGNED) if rng.integers(2) else 0.0)
            + rng.choice(ENDS) * (np.arange(size) - size // 2.0)
        )


def mixture(rng):
    shape = (2,) if rng.random() < 0.5 else (2, 2)
    return GaussianMixture(
        rng.choice(ENDS, 2), draw_points(rng, shape), rng.choice([0.0, *ENDS], 2)
    ), draw_points(rng, (3, *shape[1:]))


def of_mixture(method, *level):
    def call(rng):
        law, y = mixture(rng)
        return getattr(law, method)(y, *(rng.choice([0.0, *ENDS]) for _ in level))

    return call


def density(rng):
    knots = np.unique(draw_points(rng, int(rng.integers(1, 4))))
    slopes = np.append(draw_points(rng, knots.size), -rng.choice(ENDS))
    slopes[0] = -rng.choice(ENDS)
    with np.errstate(all="ignore"):
        values = np.cumsum(np.append(rng.choice(SIGNED), slopes[1:-1] * np.diff(knots)))
    if not np.isfinite(values).all():
        raise ValueError("knots: no function")
    return cs.ScoreDensity(PiecewiseLinear(knots, values, slopes))


def count(rng, small=True):
    return COUNTS[int(rng.integers(0, 2 if small else len(COUNTS)))]


# Each draws its own arguments and returns a number, an array or a tuple of them.
CALLS = {
    "wasserstein": lambda r: wasserstein(draw_points(r, 3), draw_points(r, 2), r.choice([1, 2, 1e300])),
    "sliced_wasserstein": lambda r: sliced_wasserstein(
        draw_points(r, (3, 2)), draw_points(r, (2, 2)), 5, r.choice([1, 2, 1e300]), 0
    ),
    "mmd": lambda r: mmd(draw_points(r, (3, 2)), draw_points(r, (2, 2)), r.choice([None, *ENDS])),
    "mmd on the line": lambda r: mmd(draw_points(r, 3), draw_points(r, 2), r.choice([None, *ENDS])),
    "kernel_stein": lambda r: kernel_stein_discrepancy(
        draw_points(r, (3, 2)),
        draw_score(r),
        r.choice([None, *ENDS]),
        kernel=r.choice(["imq", "gaussian"]),
        statistic=r.choice(["u", "v"]),
    ),
    "fisher": lambda r: fisher_divergence(draw_score(r), draw_score(r), draw_points(r, (3, 2))),
    "mode_fractions": lambda r: mode_fractions(
        draw_points(r, (3, 2)), draw_points(r, (2, 2)), r.choice([None, 0.0, *ENDS])
    ),
    "langevin_kl": lambda r: langevin_kl(*r.choice(ENDS, 1), 2, *r.choice(ENDS, 2), COUNTS[r.integers(6)]),
    "langevin_bound": lambda r: langevin_bound(*r.choice(ENDS, 1), COUNTS[r.integers(6)], *r.choice(ENDS, 2))[
        ::2
    ],
    "ddpm_tv": lambda r: ddpm_tv(
        *r.choice(ENDS, 4), COUNTS[r.integers(6)], *r.choice([0.0, *ENDS], 2), strict=False
    ),
    "girsanov_kl": lambda r: girsanov_kl(
        np.sort(r.choice(DISTINCT, 3, replace=False))[::-1],
        constant(r.choice(ENDS)),
        r.choice(ENDS),
        r.choice([0.0, *ENDS]),
        r.choice(SIGNED),
        r.choice(["frozen", "euler"]),
    ),
    "multimeasurement_w2": lambda r: multimeasurement_w2(
        r.choice(ENDS), COUNTS[r.integers(6)], COUNTS[r.integers(6)]
    ),
    "is_log_concave_chain": lambda r: is_log_concave_chain(Levels(), r.choice(ENDS), 3),
    "langevin": lambda r: langevin(draw_score(r), draw_points(r, 3), r.choice(ENDS), 2, 0),
    "underdamped": lambda r: underdamped(
        draw_score(r), draw_points(r, 3), r.choice(ENDS), 2, r.choice(ENDS), 0
    ),
    "mala": lambda r: mala(
        draw_score(r),
        falling(r.choice(ENDS)),
        draw_points(r, 3),
        r.choice(ENDS),
        2,
        0,
    ),
    "annealed": lambda r: annealed_langevin(
        draw_score(r), draw_points(r, 3), r.choice(ENDS, 1), 0.1, 2, 0, denoise=bool(r.integers(2))
    ),
    "reverse": lambda r: reverse(
        draw_score(r),
        np.sort(r.choice(DISTINCT, 3, replace=False))[::-1],
        3,
        2,
        0,
        r.choice(["frozen", "ancestral", "euler", "ode", "ddim", "heun"]),
        x0=draw_points(r, (3, 2)) if r.integers(2) else None,
    ),
    "sequential": lambda r: sequential(
        draw_score(r), r.choice(ENDS), 3, 3, None, 0, 1, 1, center=r.choice(SIGNED)
    ),
    "in single precision": lambda r: langevin(
        draw_score(r), draw_points(r, 3), r.choice(ENDS), 2, 0, dtype=np.float32
    ),
    "sigma_grid": lambda r: sigma_grid(*r.choice(ENDS, 2), 5, r.choice(["log", "linear", "ou-uniform"])),
    "GridLaw": lambda r: [
        (law := GridLaw(grid(r, 4), r.choice([0.0, *ENDS], 4))).mean,
        law.variance,
        law.expect(draw_points(r, 4)),
        law.w2(law),
    ],
    "GridLaw.push": lambda r: (
        GridLaw(grid(r, 41), np.eye(41)[20]).push(np.full(41, r.choice(SIGNED)), r.choice(ENDS)).mean
    ),
    "GridLaw.of": lambda r: GridLaw.of(draw_score(r), grid(r, 4)).density,
    "langevin_law": lambda r: (
        langevin_law(GridLaw(grid(r, 41), np.eye(41)[20]), draw_score(r), r.choice(ENDS), 2).density
    ),
    "reverse_law": lambda r: (
        reverse_law(
            draw_score(r),
            np.sort(r.choice(DISTINCT, 2, replace=False))[::-1],
            grid(r, 41),
            r.choice(["frozen", "ancestral", "euler"]),
        ).density
    ),
    "logpdf": of_mixture("logpdf", 0),
    "score": of_mixture("score", 0),
    "jacobian": of_mixture("jacobian", 0),
    "divergence": of_mixture("divergence", 0),
    "denoise": of_mixture("denoise", 0),
    "covariance": of_mixture("covariance", 0),
    "moments": lambda r: [(m := mixture(r)[0]).mean, m.variance, m.cov],
    "sample": lambda r: mixture(r)[0].sample(3, 0, r.choice([0.0, *ENDS])),
    "Banana": lambda r: [
        (b := Banana(r.choice(ENDS), r.choice(SIGNED), r.choice(ENDS))).variance,
        b.sample(3, 0),
        b.logpdf(x := draw_points(r, (3, 2))),
        b.score(x).ravel(),
        b.divergence(x),
    ],
    "ring": lambda r: ring(3, r.choice(ENDS), r.choice(ENDS)).variance,
    "moons": lambda r: moons(*r.choice([1e-310, 1e-160, 1.0, 1e160, LARGEST], 2)).variance,
    "density": lambda r: [
        (p := density(r)).logpdf(x := np.sort(draw_points(r, 4))),
        p.cdf(x),
        p.sf(x),
        p.icdf(np.array([1e-300, 1e-10, 0.3, 1 - 1e-10])),
        [p.mean(), p.variance(), p.entropy()],
    ],
}
HUGE = {
    "n_projections": lambda n: sliced_wasserstein(np.eye(2), np.eye(2), n, rng=0),
    "langevin": lambda n: langevin(normal, np.zeros(3), 0.1, n, keep_every=1),
    "reverse": lambda n: reverse(normal, [1.0], n, 2),
    "reverse in many dimensions": lambda n: reverse(normal, [1.0], 2, n),
    "sequential": lambda n: sequential(normal, 1.0, 2, n, None),
    "GaussianMixture": lambda n: GaussianMixture([1.0], [0.0], 1.0).sample(n),
    "Banana": lambda n: Banana().sample(n),
    "ring": lambda n: ring(n),
    "ScoreDensity": lambda n: cs.ScoreDensity(PiecewiseLinear(np.zeros(1), np.zeros(1), -np.ones(2))).sample(
        n
    ),
    "sigma_grid": lambda n: sigma_grid(2.0, 1.0, n),
}


def values_of(result):
    parts = result if isinstance(result, (list, tuple)) else [result]
    return np.concatenate([np.ravel(np.asarray(part, dtype=float)) for part in parts])


@pytest.mark.parametrize("name", CALLS)
def test_extreme_numbers_give_numbers_or_named_errors(name):
    rng = np.random.default_rng(0)
    answers = unnamed = 0
    for _ in range(150):
        try:
            result = CALLS[name](rng)
        except (ValueError, TypeError, cs.ConvergenceError) as error:
            unnamed += ": " not in str(error)
            continue
        assert not np.isnan(values_of(result)).any()
        answers += 1
    assert answers > 0
    assert unnamed == 0


@pytest.mark.parametrize("name", HUGE)
def test_huge_counts_are_refused(name):
    for huge in (2**45, 2**70, 10**400):
        with pytest.raises(ValueError, match="expected an integer of at most"):
            HUGE[name](huge)


@pytest.mark.parametrize("power", [-1000, -530, -200, 530, 900, 1000])
def test_distances_are_invariant_under_powers_of_two(power):
    rng = np.random.default_rng(1)
    X, Y = rng.standard_normal((12, 2)), rng.standard_normal((9, 2)) + 1
    far, other = np.ldexp(X, power), np.ldexp(Y, power)
    for h in (None, 0.75):
        width = None if h is None else np.ldexp(h, power)
        assert mmd(far, other, width) == mmd(X, Y, h)
        for kernel, statistic in (("imq", "u"), ("gaussian", "v")):
            # Where the square's inverse is a float, the score of the scaled law is one too.
            if abs(power) < 500:
                options = {"kernel": kernel, "statistic": statistic}
                here = kernel_stein_discrepancy(X, lambda x: np.sin(x) - x, h, **options)
                there = kernel_stein_discrepancy(
                    far,
                    lambda x: np.ldexp(np.sin(np.ldexp(x, -power)) - np.ldexp(x, -power), -power),
                    width,
                    **options,
                )
                assert there == np.ldexp(here, -2 * power)
    assert sliced_wasserstein(far, other, 20, rng=0) == np.ldexp(sliced_wasserstein(X, Y, 20, rng=0), power)
    assert wasserstein(far[:, 0], other[:, 0], 3) == np.ldexp(wasserstein(X[:, 0], Y[:, 0], 3), power)
    modes = X[:4]
    np.testing.assert_array_equal(mode_fractions(far, np.ldexp(modes, power)), mode_fractions(X, modes))


def test_distances_at_the_ends():
    assert wasserstein([1.7e308], [1.6e308]) == pytest.approx(0.1e308, rel=1e-12)
    assert wasserstein([1.7e308], [-1.7e308]) == np.inf
    assert sliced_wasserstein([[1.7e308, 0.0]], [[1.6e308, 0.0]], 4000, rng=0) == pytest.approx(
        0.1e308 / np.sqrt(2), rel=0.05
    )
    assert 0 < sliced_wasserstein([[5e-324, 0.0]], [[0.0, 0.0]], 50, rng=0) <= 5e-324
    assert fisher_divergence(lambda x: 1e154 * x, lambda x: 0 * x, np.array([1.0, 1.0])) == pytest.approx(
        1e308
    )
    # Two clusters, each of a size that is nothing to the distance between them.
    X, Y = np.array([0.0, 1e-200]), np.array([1e200, 1e200])
    assert mmd(X, Y, 1e-200) == pytest.approx(np.exp(-0.5) + 1, rel=1e-12)
    assert mmd([[0.0, 1e200], [1e-200, 1e200]], [[0.0, 0.0], [0.0, 0.0]], 1e-200) == pytest.approx(
        np.exp(-0.5) + 1
    )
    np.testing.assert_array_equal(
        mode_fractions([[1e-200, 0.0], [1e200, 0.0]], [[0.0, 0.0], [1.1e-200, 0.0], [1.5e200, 0.0]]),
        [0, 0.5, 0.5],
    )
    # s = -x at 1e160 with its own bandwidth: s^T s' is past all floats, but not with the score of the law.
    x = 1e160 * np.random.default_rng(0).standard_normal(50)
    assert kernel_stein_discrepancy(x, lambda x: -x, statistic="v") == np.inf
    tiny = kernel_stein_discrepancy(x, lambda x: -x / 1e160 / 1e160 * 1e10, 1e160, statistic="v")
    unit = kernel_stein_discrepancy(x / 1e160, lambda x: -x * 1e10, 1.0, statistic="v")
    assert tiny == pytest.approx(unit / 1e160 / 1e160, rel=1e-2)


def test_quantiles_far_from_a_kink():
    knots = np.array([-5.0, 1.0, 1e8])
    score = PiecewiseLinear(
        knots, np.array([-6, 1.2, 1.2 + 1.9 * (1e8 - 1)]), np.array([-1, 1.2, 1.9, -0.03])
    )
    p, scale = cs.ScoreDensity(score), 0.03**-0.5
    q = np.array([1e-300, 1e-100, 1e-5, 0.5, 0.99])
    center = knots[2] + score.values[2] / 0.03
    np.testing.assert_allclose(p.icdf(q) - center, scale * special.ndtri(q), atol=1e-5)


def test_bounds_at_the_ends():
    with pytest.raises(ValueError, match="kl: expected a target whose step"):
        langevin_bound(1.0, 1, 1.0, 5e-324)
    plan = langevin_bound(1.0, 1, 1.0, 1e-300)
    assert plan.kl == pytest.approx(1e-300, rel=1e-12)
    assert plan.n_steps * 10**12 // 10**600 == pytest.approx(2e12, rel=1e-11)
    assert langevin_kl(1e-300, 1, 1e200, 1e300, 1) == pytest.approx(5e99 + 1)
    assert ddpm_tv(0.0, 1.0, 1e-300, 1e300, 1, 1e250, 0.0).discretization == pytest.approx(1e250)
    assert multimeasurement_w2(1e308, 100, 1) == pytest.approx(1e307)
    assert girsanov_kl([1e200, 0.0], lambda t: 1e200, 1.0) == np.inf
    assert girsanov_kl([1e200, 0.0], lambda t: 1e-200, 1.0) == pytest.approx(3.0)


@pytest.mark.parametrize("wrong", [None, 3.0, "score", np.zeros(3)])
def test_scores_that_cannot_be_called_are_named(wrong):
    x = np.zeros(3)
    for call in (
        lambda: langevin(wrong, x, 0.1, 1),
        lambda: underdamped(wrong, x, 0.1, 1),
        lambda: mala(wrong, normal, x, 0.1, 1),
        lambda: annealed_langevin(wrong, x, [1.0]),
        lambda: reverse(wrong, [1.0], 3, None),
        lambda: sequential(wrong, 1.0, 2, 3, None),
        lambda: langevin_law(GridLaw(np.arange(3.0), np.ones(3)), wrong, 0.1, 1),
        lambda: reverse_law(wrong, [1.0], np.arange(3.0)),
        lambda: is_log_concave_chain(wrong, 1.0, 2),
    ):
        with pytest.raises(TypeError, match="score: expected"):
            call()
    with pytest.raises(TypeError, match="logpdf: expected a callable"):
        mala(normal, wrong, x, 0.1, 1)
    for values in (None, "ab", [1j, 1j, 1j]):
        with pytest.raises(TypeError, match="score: expected an array of real numbers"):
            langevin(lambda x, v=values: v, x, 0.1, 1)


def test_noise_whose_square_is_no_float_is_named():
    for sigma in (1e155, 1e-170):
        with pytest.raises(ValueError, match="sigmas: expected noise levels"):
            annealed_langevin(normal, np.zeros(3), [sigma])
        with pytest.raises(ValueError, match="sigmas: expected noise levels"):
            reverse(normal, [sigma], 3, None)
        with pytest.raises(ValueError, match="sigma: expected noise levels"):
            sequential(normal, sigma, 2, 3, None)
        with pytest.raises(ValueError, match="sigma: expected 0 or numbers"):
            GaussianMixture([1.0], [0.0], 1.0).score([0.0], sigma)
        with pytest.raises(ValueError, match="scales: expected 0 or numbers"):
            GaussianMixture([1.0], [0.0], sigma)
    with pytest.raises(TypeError, match="dtype: expected float32 or float64"):
        langevin(normal, np.zeros(3), 0.1, 1, dtype=1.5)
