"""The finest structure that automatic levels see: true widths, copies, rounding, few samples, outliers."""

import numpy as np
import pytest

import convexscore as cs
from convexscore.scores.levels import noise_levels
from convexscore.univariate.expected.program import ExpectedProgram


def finest(X):
    """The width of which the smallest level is a tenth."""
    X = np.asarray(X, dtype=float)
    return 10 * noise_levels(X if X.ndim == 2 else X[:, None], 1.5)[-1]


def modes(centres, width):
    return lambda n, rng: (
        np.asarray(centres, dtype=float)[rng.integers(0, len(centres), n)] + width * rng.standard_normal(n)
    )


def circle(noise):
    def sample(n, rng):
        angle = rng.uniform(0, 2 * np.pi, n)
        return np.stack([np.cos(angle), np.sin(angle)], axis=1) + noise * rng.standard_normal((n, 2))

    return sample


def moons(n, rng):
    angle, lower = rng.uniform(0, np.pi, n), rng.integers(0, 2, n)[:, None]
    upper = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    return np.where(lower, [1.0, 0.5] - upper, upper) + 0.1 * rng.standard_normal((n, 2))


def ring(n, rng):
    return cs.targets.ring(n_modes=8, radius=3.0, scale=0.4).sample(n, rng=rng)


def correlated(n, rng):
    return rng.standard_normal((n, 2)) @ [[1.0, 1.0], [-0.01, 0.01]]


LAWS = {
    "Gaussian": (lambda n, rng: rng.standard_normal(n), 1.0),
    "two modes": (modes([-2, 1], 0.3), 0.3),
    "three modes": (modes([-4, 0, 3], 0.5), 0.5),
    "rounded": (lambda n, rng: np.round(modes([-2, 1], 0.3)(n, rng), 2), 0.3),
    "ten features": (lambda n, rng: rng.standard_normal((n, 10)), 1.0),
    "ring": (ring, 0.4),
}
# A law that is thin in one direction of two has sqrt(2) times its thickness, and more where it is bent.
THIN = {
    "circle, 1 %": (circle(0.01), 0.01),
    "circle, 5 %": (circle(0.05), 0.05),
    "circle, 5 %, rounded": (lambda n, rng: np.round(circle(0.05)(n, rng), 2), 0.05),
    "moons": (moons, 0.1),
    "correlated": (correlated, 0.01 * 2**0.5),
}


@pytest.mark.parametrize("n", [300, 2000])
@pytest.mark.parametrize("name", LAWS)
def test_the_finest_structure_is_the_width_of_the_modes(name, n):
    law, width = LAWS[name]
    found = [finest(law(n, np.random.default_rng(seed))) for seed in range(3)]
    assert np.median(found) == pytest.approx(width, rel=0.15)
    np.testing.assert_allclose(found, width, rtol=0.3)


@pytest.mark.parametrize("n", [300, 2000])
@pytest.mark.parametrize("name", THIN)
def test_the_finest_structure_of_a_thin_law_is_near_its_thickness(name, n):
    law, width = THIN[name]
    found = np.array([finest(law(n, np.random.default_rng(seed))) for seed in range(3)])
    assert (found > width).all()
    assert (found < 2.2 * width).all()


@pytest.mark.parametrize(("name", "least", "most"), [("circle, 1 %", 1.0, 20.0), ("circle, 5 %", 1.0, 5.0)])
def test_few_samples_of_a_thin_law_show_less_of_it(name, least, most):
    law, width = THIN[name]
    found = np.array([finest(law(50, np.random.default_rng(seed))) for seed in range(10)])
    assert (found > least * width).all()
    assert (found < most * width).all()


def test_modes_are_seen_beside_all_of_them_together():
    # From above, the fixed point of all three modes comes first.
    found = [finest(modes([-4, 0, 3], 0.5)(50, np.random.default_rng(seed))) for seed in range(10)]
    np.testing.assert_allclose(found, 0.5, rtol=0.5)


@pytest.mark.parametrize("d", [1, 2])
@pytest.mark.parametrize("n", [5, 20, 50])
def test_few_samples_have_no_structure_of_their_own(n, d):
    for seed in range(30):
        X = np.random.default_rng(seed).standard_normal((n, d))
        deviation = np.sqrt(np.linalg.eigvalsh(np.atleast_2d(np.cov(X.T, ddof=0)))[-1])
        assert 0.5 * deviation < finest(X) <= deviation * (1 + 1e-9)


@pytest.mark.parametrize("name", [*LAWS, *THIN])
def test_order_and_repetition_of_all_samples_change_nothing(name):
    X = np.asarray((LAWS | THIN)[name][0](100, np.random.default_rng(3)))
    X = X if X.ndim == 2 else X[:, None]
    levels = noise_levels(X, 1.5)
    np.testing.assert_array_equal(noise_levels(X[::-1], 1.5), levels)
    np.testing.assert_allclose(noise_levels(np.repeat(X, 3, axis=0), 1.5), levels, rtol=1e-12)
    np.testing.assert_array_equal(noise_levels(np.ldexp(X, -40), 1.5), np.ldexp(levels, -40))


def test_copies_of_some_samples_are_no_structure():
    # As a bootstrap makes them: one sample of three is there more than once.
    for seed in range(5):
        rng = np.random.default_rng(seed)
        X = circle(0.05)(300, rng)
        assert finest(X[rng.integers(0, 300, 300)]) == pytest.approx(finest(X), rel=0.4)
        # Nor are copies that rounding errors tell apart.
        shaken = np.concatenate([X, X * (1 + 1e-15)])
        assert finest(shaken) == pytest.approx(finest(X), rel=0.1)


def test_repeated_values_of_a_fine_lattice_are_copies():
    # Durations in seconds, written in minutes with three digits: far more ties than neighbours.
    eruptions = cs.datasets.load_old_faithful()["eruptions"]
    assert 0.1 < finest(eruptions) < 0.4
    x = np.round(np.random.default_rng(0).standard_normal(300), 3)
    drawn = x[np.random.default_rng(1).integers(0, 300, 300)]
    assert finest(drawn) == pytest.approx(1.0, rel=0.3)


def test_atoms_alone_are_as_wide_as_what_separates_them():
    assert finest([0.0] * 50 + [1.0] * 50) == finest([0.0, 1.0])
    assert 0.2 < finest([0.0, 1.0]) < 0.5


def test_levels_beside_an_outlier_can_be_computed():
    x = np.append(np.random.default_rng(0).standard_normal(2000), 1e9)
    level = float(noise_levels(x[:, None], 1.5)[-1])
    assert level == pytest.approx(2e-5 * np.ptp(x), rel=1e-9)
    # Refused where the noise is too small beside the range.
    ExpectedProgram(cs.DenoisingScoreMatching.expected(x, level), "relu", True)
