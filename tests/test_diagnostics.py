"""Distances against literal double loops, SciPy, and values known in closed form."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

import convexscore as cs
from convexscore import diagnostics
from convexscore.diagnostics import (
    fisher_divergence,
    kernel_stein_discrepancy,
    mmd,
    mode_fractions,
    sliced_wasserstein,
    wasserstein,
)
from convexscore.targets import GaussianMixture, ring


@st.composite
def samples(draw, max_features=3):
    """Draw two samples of unequal size: continuous or tied, any scale, 1-D arrays included."""
    rng = np.random.default_rng(draw(st.integers(0, 10**6)))
    d, unit = draw(st.integers(0, max_features)), draw(st.sampled_from([1e-3, 1.0, 1e4]))
    sizes = draw(st.integers(2, 12)), draw(st.integers(2, 12))
    X, Y = (rng.standard_normal((n, d) if d else n) for n in sizes)
    if draw(st.booleans()):
        X, Y = np.round(X), np.round(Y)
    X[0] = X[1] + 1.0  # never all tied
    return unit * (X + draw(st.sampled_from([0.0, 5.0]))), unit * Y, unit


def columns(X):
    return np.asarray(X, dtype=float).reshape(len(X), -1)


def test_fisher_divergence_of_two_gaussians():
    # s - s' = x / 2 - 3 / 2, and E (x - 3)^2 = 1 + 9 under N(0, 1)
    x = np.random.default_rng(0).standard_normal(100000)
    value = fisher_divergence(lambda x: -x, lambda x: -(x + 3) / 2, x)
    assert value == pytest.approx(10 / 4, rel=0.02)
    assert value == pytest.approx(np.mean((x / 2 - 3 / 2) ** 2), rel=1e-12)
    X = x[:999].reshape(-1, 3)
    assert fisher_divergence(lambda x: -x, lambda x: -2 * x, X) == pytest.approx(
        np.mean(np.sum(X**2, axis=1))
    )
    assert fisher_divergence(ring().score, ring().score, X[:, :2]) == 0


def test_fisher_divergence_and_score_matching_differ_by_a_constant():
    # ISM loss = J(s) / 2 - E ||true||^2 / 2 in expectation (Hyvarinen 2005, Thm 1)
    target = GaussianMixture([0.3, 0.7], [-1.0, 1.0], 0.8)
    x = target.sample(200000, rng=0)
    objective = cs.ScoreMatching(x)
    for slope in (-0.5, -1.5):
        loss = objective.loss(lambda x, a=slope: a * x, lambda x, a=slope: np.full(len(x), a)) / len(x)
        divergence = fisher_divergence(lambda x, a=slope: a * x, target.score, x)
        assert loss == pytest.approx(0.5 * divergence - 0.5 * np.mean(target.score(x) ** 2), abs=0.02)


@given(samples(max_features=0))
def test_wasserstein_is_scipys_and_the_integral_of_quantiles(problem):
    x, y, unit = problem
    assert wasserstein(x, y) == pytest.approx(stats.wasserstein_distance(x, y), rel=1e-10, abs=1e-14 * unit)
    assert wasserstein(x, y, p=2) == pytest.approx(wasserstein(y, x, p=2), rel=1e-12)
    # Repeat every point until the sizes agree: then sorted points are coupled in order.
    a, b = np.sort(np.repeat(x, len(y))), np.sort(np.repeat(y, len(x)))
    for p in (1, 1.5, 2, 7):
        expected = unit * np.mean((np.abs(a - b) / unit) ** p) ** (1 / p)
        assert wasserstein(x, y, p) == pytest.approx(expected, rel=1e-10)


def test_wasserstein_of_high_order_does_not_overflow():
    assert wasserstein([0.0, 1e200], [1e200, 3e200], p=400) == pytest.approx(2e200, rel=1e-2)
    assert wasserstein([1.0, 1.0], [1.0], p=3) == 0


@given(samples())
def test_sliced_wasserstein_of_itself_is_zero_and_of_a_shift_is_known(problem):
    X, _, unit = problem
    assert sliced_wasserstein(X, np.random.default_rng(0).permutation(X), rng=1) == pytest.approx(
        0, abs=1e-12 * unit
    )
    data = columns(X)
    shift = unit * np.arange(1.0, data.shape[1] + 1)
    theta = np.random.default_rng(7).standard_normal((50, len(shift)))
    theta /= np.linalg.norm(theta, axis=1, keepdims=True)
    for p in (1, 2, 3):
        expected = unit * np.mean((np.abs(theta @ shift) / unit) ** p) ** (1 / p)
        value = sliced_wasserstein(data, data + shift, 50, p, rng=np.random.default_rng(7))
        assert value == pytest.approx(expected, rel=1e-9)


def test_sliced_wasserstein_averages_over_the_sphere():
    X = np.random.default_rng(0).standard_normal((50, 3))
    shift = np.array([3.0, 0.0, 4.0])
    # E <theta, v>^2 = ||v||^2 / d and E |<theta, v>| = ||v|| / 2 in three dimensions
    assert sliced_wasserstein(X, X + shift, 4000, rng=0) == pytest.approx(5 / np.sqrt(3), rel=0.03)
    assert sliced_wasserstein(X, X + shift, 4000, p=1, rng=0) == pytest.approx(2.5, rel=0.03)
    first, second = (sliced_wasserstein(X, X + shift, 5, rng=seed) for seed in (1, 2))
    assert first != second
    assert first == sliced_wasserstein(X, X + shift, 5, rng=1)


@given(samples(max_features=0), st.sampled_from([1, 2]))
def test_on_the_line_there_is_one_direction(problem, p):
    x, y, _ = problem
    assert sliced_wasserstein(x, y, 3, p, rng=0) == pytest.approx(wasserstein(x, y, p), rel=1e-12)


def literal_mmd(X, Y, h):
    def k(a, b):
        return np.exp(-np.sum((a - b) ** 2) / (2 * h**2))

    def inner(Z):
        n = len(Z)
        return sum(k(Z[i], Z[j]) for i in range(n) for j in range(n) if i != j) / (n * (n - 1))

    return inner(X) + inner(Y) - 2 * np.mean([k(a, b) for a in X for b in Y])


@given(samples(), st.sampled_from([0.3, 2.0]), st.booleans())
def test_mmd_is_the_literal_double_loop(problem, width, small_blocks):
    X, Y, unit = problem
    expected = literal_mmd(columns(X), columns(Y), width * unit)
    with pytest.MonkeyPatch.context() as patch:
        if small_blocks:
            patch.setattr(diagnostics, "_BLOCK", 2 * len(X))
        assert mmd(X, Y, width * unit) == pytest.approx(expected, abs=1e-12)


@given(samples())
def test_the_default_bandwidth_is_the_median_distance(problem):
    X, Y, _ = problem
    pooled = np.concatenate([columns(X), columns(Y)])
    pairs = [np.linalg.norm(a - b) for i, a in enumerate(pooled) for b in pooled[:i]]
    width = np.median([r for r in pairs if r > 0])
    assert mmd(X, Y) == pytest.approx(mmd(X, Y, width), abs=1e-12)
    own = [np.linalg.norm(a - b) for i, a in enumerate(columns(X)) for b in columns(X)[:i]]
    width = np.median([r for r in own if r > 0])
    value = kernel_stein_discrepancy(X, lambda x: -x)
    assert value == pytest.approx(kernel_stein_discrepancy(X, lambda x: -x, width), rel=1e-9)


def test_mmd_is_unbiased_and_sees_a_shift():
    rng = np.random.default_rng(0)
    draws = [mmd(rng.standard_normal((20, 2)), rng.standard_normal((30, 2)), 1.0) for _ in range(300)]
    assert abs(np.mean(draws)) < 3 * np.std(draws) / np.sqrt(300)
    assert min(draws) < 0
    # MMD^2 of N(0, 1) and N(a, 1): 2 (1 + 2/h^2)^(-1/2) (1 - exp(-a^2 / (2 h^2 + 4)))
    x, y = rng.standard_normal(2000), 1 + rng.standard_normal(2500)
    assert mmd(x, y, 1.0) == pytest.approx(2 / np.sqrt(3) * (1 - np.exp(-1 / 6)), abs=0.02)


def test_many_points_share_a_median_of_some():
    X = np.random.default_rng(0).standard_normal((1500, 2))
    assert mmd(X[:700], X[700:]) == mmd(X[:700], X[700:])
    assert mmd(X[:700], X[700:]) == pytest.approx(
        mmd(X[:700], X[700:], np.sqrt(2 * np.log(2)) * np.sqrt(2)), abs=1e-3
    )


def kernels(name, h):
    """Return the kernel of two points, as a formula."""
    if name == "gaussian":
        return lambda a, b: np.exp(-np.sum((a - b) ** 2) / (2 * h**2))
    return lambda a, b: 1 / np.sqrt(1 + np.sum((a - b) ** 2) / h**2)


def literal_stein(X, S, name, h, step):
    """Return the matrix of Stein kernels, the derivatives of the kernel by central differences."""
    k, d, n = kernels(name, h), X.shape[1], len(X)
    E = step * np.eye(d)
    matrix = np.empty((n, n))
    for i, (x, s) in enumerate(zip(X, S, strict=True)):
        for j, (y, t) in enumerate(zip(X, S, strict=True)):
            grad_x = np.array([k(x + e, y) - k(x - e, y) for e in E]) / (2 * step)
            grad_y = np.array([k(x, y + e) - k(x, y - e) for e in E]) / (2 * step)
            mixed = [k(x + e, y + e) - k(x + e, y - e) - k(x - e, y + e) + k(x - e, y - e) for e in E]
            matrix[i, j] = s @ t * k(x, y) + s @ grad_y + t @ grad_x + sum(mixed) / (4 * step**2)
    return matrix


@given(samples(), st.sampled_from(["imq", "gaussian"]), st.sampled_from([0.7, 2.0]), st.booleans())
def test_stein_discrepancy_is_the_literal_double_loop(problem, kernel, width, small_blocks):
    X, _, unit = problem
    X = X[:5]

    def score(x):
        return np.sin(3 * x / unit) / unit - x / unit**2

    data, n = columns(X), len(X)
    matrix = literal_stein(data, score(data), kernel, width * unit, 1e-3 * unit)
    close = {"rel": 1e-4, "abs": 1e-4 * np.abs(matrix).max()}
    with pytest.MonkeyPatch.context() as patch:
        if small_blocks:
            patch.setattr(diagnostics, "_BLOCK", 2 * n)
        options = {"bandwidth": width * unit, "kernel": kernel}
        v = kernel_stein_discrepancy(X, score, **options, statistic="v")
        u = kernel_stein_discrepancy(X, score, **options)
    assert v == pytest.approx(matrix.mean(), **close)
    assert u == pytest.approx((matrix.sum() - np.trace(matrix)) / (n * (n - 1)), **close)
    assert v >= 0


@pytest.mark.parametrize("kernel", ["imq", "gaussian"])
def test_stein_discrepancy_is_unbiased_and_sees_a_wrong_score(kernel):
    target, wrong = ring(5, scale=0.5), ring(5, radius=2.3, scale=0.5)
    draws = [
        kernel_stein_discrepancy(target.sample(40, rng=seed), target.score, 1.0, kernel=kernel)
        for seed in range(200)
    ]
    assert abs(np.mean(draws)) < 3 * np.std(draws) / np.sqrt(200)
    x = target.sample(1500, rng=0)
    good, bad = (kernel_stein_discrepancy(x, t.score, 1.0, kernel=kernel) for t in (target, wrong))
    assert abs(good) < 0.1 * bad


def test_weights_of_separated_modes_are_seen_by_their_fractions_only():
    target, other = (GaussianMixture([w, 1 - w], [-6.0, 6.0], 1.0) for w in (0.2, 0.5))
    x = other.sample(1000, rng=0)
    assert abs(kernel_stein_discrepancy(x, target.score)) < 0.01
    assert fisher_divergence(target.score, other.score, x) < 0.01
    np.testing.assert_allclose(mode_fractions(x, target.means), 0.5, atol=0.05)


def test_stein_discrepancy_of_gaussians_is_known():
    # Sample N(0, 1), score of N(a, 1): KSD^2 = a^2 E k(x, y), and E k = (1 + 2/h^2)^(-1/2).
    x, a, h = np.random.default_rng(0).standard_normal(2500), 1.5, 1.3
    value = kernel_stein_discrepancy(x, lambda x: a - x, h, kernel="gaussian")
    assert value == pytest.approx(a**2 / np.sqrt(1 + 2 / h**2), rel=0.06)


def test_stein_discrepancy_far_from_the_origin_keeps_its_digits():
    shift = 2.0**40
    far = shift + np.random.default_rng(0).standard_normal((30, 2))
    here = kernel_stein_discrepancy(far - shift, lambda x: -x, 1.0)
    assert kernel_stein_discrepancy(far, lambda x: shift - x, 1.0) == pytest.approx(here, rel=1e-9)


def test_scores_are_given_the_data_in_their_own_shape():
    seen = []

    def score(x):
        seen.append(x.shape)
        return -x

    for X in ([1.0, 2.0, 4.0], [[1.0], [2.0], [4.0]]):
        kernel_stein_discrepancy(X, score)
        fisher_divergence(score, score, X)
    assert seen == [(3,)] * 3 + [(3, 1)] * 3


def test_a_trained_network_and_its_samples_are_measured():
    x = cs.datasets.load_old_faithful()["eruptions"]
    network = cs.solve(cs.ScoreMatching(x), 20.0, skip=True).network
    samples = cs.ScoreDensity(network).sample(1000, rng=0)
    line = cs.solve(cs.ScoreMatching(x), 1e4, skip=True).network
    assert abs(kernel_stein_discrepancy(samples, network)) < 0.1 * kernel_stein_discrepancy(samples, line)
    assert fisher_divergence(network, line, x) > 0.1
    assert wasserstein(samples, x) < 0.3 < wasserstein(samples + 1, x)


@given(samples(), st.sampled_from([None, 0.5, 0.0]), st.booleans())
def test_mode_fractions_are_the_literal_loop(problem, limit, small_blocks):
    X, modes, unit = problem
    limit = None if limit is None else limit * unit
    counts = np.zeros(len(modes))
    for x in columns(X):
        distances = np.linalg.norm(x - columns(modes), axis=1)
        if limit is None or distances.min() <= limit:
            counts[np.argmin(distances)] += 1
    with pytest.MonkeyPatch.context() as patch:
        if small_blocks:
            patch.setattr(diagnostics, "_BLOCK", 2 * len(modes))
        fractions = mode_fractions(X, modes, limit)
    np.testing.assert_allclose(fractions, counts / len(X))


def test_mode_fractions_of_a_ring_are_equal():
    target = ring()
    fractions = mode_fractions(target.sample(20000, rng=0), target.means, max_distance=1.0)
    np.testing.assert_allclose(fractions, 1 / 8, atol=0.01)
    assert fractions.sum() == pytest.approx(1, abs=1e-3)
    np.testing.assert_array_equal(mode_fractions([[0.0, 0.0]], target.means, max_distance=1.9), np.zeros(8))


@pytest.mark.parametrize(
    "measure", [mmd, lambda X, Y: kernel_stein_discrepancy(X, lambda x: -x), mode_fractions]
)
def test_memory_does_not_grow_with_the_square_of_the_sample(measure):
    X = np.random.default_rng(0).standard_normal((3000, 2))
    measure(X[:10], X[:10] + 1)
    tracemalloc.start()
    measure(X, X + 1)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    # All pairs would be 72 MB; half of it goes to blocks and to the median's distances.
    assert peak < 36e6


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: fisher_divergence(1.0, abs, [1.0]), TypeError, "score: expected a callable, got 1.0"),
        (
            lambda: fisher_divergence(np.abs, lambda x: x[:1], [1.0, 2.0]),
            ValueError,
            r"other: expected an array of the shape of X, \(2,\), got \(1,\)",
        ),
        (
            lambda: fisher_divergence(np.abs, lambda x: x * np.nan, [1.0]),
            ValueError,
            "other: expected finite",
        ),
        (lambda: fisher_divergence(np.abs, np.abs, []), ValueError, "X: expected at least one sample"),
        (lambda: wasserstein([1.0], [[1.0, 2.0]]), ValueError, "y: expected 1 feature, got 2"),
        (lambda: wasserstein([[1.0, 2.0]], [1.0]), ValueError, "x: expected 1 feature, got 2"),
        (lambda: wasserstein([1.0], [np.nan]), ValueError, "y: expected finite numbers"),
        (lambda: wasserstein([1.0], [2.0], p=0.5), ValueError, "p: expected a number at least 1, got 0.5"),
        (lambda: wasserstein(["a"], [2.0]), TypeError, "x: expected real numbers"),
        (
            lambda: sliced_wasserstein([[1.0, 2.0]], [1.0]),
            ValueError,
            "Y: expected 2 features as in X, got 1",
        ),
        (
            lambda: sliced_wasserstein([1.0], [1.0], 0),
            ValueError,
            "n_projections: expected an integer of at least 1, got 0",
        ),
        (lambda: sliced_wasserstein([1.0], [1.0], p=0.0), ValueError, "p: expected a number at least 1"),
        (lambda: mmd([1.0], [1.0, 2.0]), ValueError, "X: expected at least 2 points, got 1"),
        (lambda: mmd([1.0, 2.0], [1.0]), ValueError, "Y: expected at least 2 points, got 1"),
        (lambda: mmd([1.0, 2.0], [1.0, 2.0], 0.0), ValueError, "bandwidth: expected a number above 0, got 0"),
        (lambda: mmd([1.0, 1.0], [1.0, 1.0]), ValueError, "bandwidth: .* all points coincide, got None"),
        (
            lambda: kernel_stein_discrepancy([1.0], np.abs, 1.0),
            ValueError,
            'X: expected at least 2 points for statistic="u", got 1',
        ),
        (
            lambda: kernel_stein_discrepancy([1.0, 2.0], np.abs, kernel="linear"),
            ValueError,
            "kernel: expected one of 'imq', 'gaussian', got 'linear'",
        ),
        (
            lambda: kernel_stein_discrepancy([1.0, 2.0], np.abs, statistic="w"),
            ValueError,
            "statistic: expected one of 'u', 'v', got 'w'",
        ),
        (
            lambda: mode_fractions([1.0], [[1.0, 2.0]]),
            ValueError,
            "modes: expected 1 features as in X, got 2",
        ),
        (
            lambda: mode_fractions([1.0], [1.0], -1.0),
            ValueError,
            "max_distance: expected a number at least 0",
        ),
        (lambda: mode_fractions([1.0], []), ValueError, "modes: expected at least one sample"),
    ],
)
def test_bad_calls_are_named(call, error, message):
    with pytest.raises(error, match=message):
        call()


@pytest.mark.parametrize("power", [-980, -500, -300, 300, 505, 1000, 1019])
def test_units_by_powers_of_two_change_nothing_but_the_unit(power):
    rng, unit = np.random.default_rng(5), 2.0**power
    X, Y = rng.standard_normal((7, 2)), rng.standard_normal((5, 2)) + 1
    for p in (1.0, 2.0, 3.5):
        assert wasserstein(X[:, 0] * unit, Y[:, 0] * unit, p) / unit == wasserstein(X[:, 0], Y[:, 0], p)
        expected = sliced_wasserstein(X, Y, 5, p, 0)
        assert sliced_wasserstein(X * unit, Y * unit, 5, p, 0) / unit == pytest.approx(expected, rel=1e-13)
    for width in (None, 0.7):
        scaled = None if width is None else width * unit
        assert mmd(X * unit, Y * unit, scaled) == pytest.approx(mmd(X, Y, width), abs=1e-14)
    np.testing.assert_array_equal(mode_fractions(X * unit, Y * unit, 1.2 * unit), mode_fractions(X, Y, 1.2))
    if abs(power) <= 500:
        value = kernel_stein_discrepancy(X * unit, lambda x: -(x / unit) / unit) * unit**2
        assert value == pytest.approx(kernel_stein_discrepancy(X, lambda x: -x), rel=1e-10)
        value = fisher_divergence(lambda x: -x / unit / unit, lambda x: 1 / unit + 0 * x, X * unit)
        assert value * unit**2 == pytest.approx(fisher_divergence(lambda x: -x, np.ones_like, X), rel=1e-12)
