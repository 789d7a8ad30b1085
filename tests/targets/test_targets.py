"""Known scores: reference values, finite differences, Tweedie's identities, samples against densities."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate, stats

import convexscore as cs
from convexscore.targets import Banana, GaussianMixture, gaussian_mixture, moons, ring

TWO = GaussianMixture([0.2, 0.8], [[-5.0, -5.0], [5.0, 5.0]], 1.0)
PLANAR = [ring(), ring(3, radius=1.0, scale=0.5), moons(), Banana(), Banana(1.0, -0.7, 0.3)]


@st.composite
def mixtures(draw, atoms=True):
    """Draw a mixture of any size, dimension and scale, points near it, and a noise level."""
    rng = np.random.default_rng(draw(st.integers(0, 10**6)))
    k, d = draw(st.integers(1, 4)), draw(st.integers(0, 3))
    unit = draw(st.sampled_from([1e-3, 1.0, 1e4]))
    shape = (k, d) if d else (k,)
    scales = unit * rng.uniform(0.2, 2.0, k)
    sigma = unit * draw(st.sampled_from([0.0, 0.3, 1.0, 5.0]))
    if atoms and sigma > 0:
        scales[rng.random(k) < 0.3] = 0.0
    means = unit * (2 * rng.standard_normal(shape) + draw(st.sampled_from([0.0, 10.0])))
    mixture = GaussianMixture(rng.uniform(0.1, 1, k), means, scales)
    return mixture, mixture.sample(6, rng, sigma=max(sigma, 0.1 * unit)), sigma, unit


def finite_difference(f, x, step):
    """Return derivatives of `f` at points ``(n, d)``, the differentiated feature last."""
    d = x.shape[1]
    return np.stack([(f(x + step * e) - f(x - step * e)) / (2 * step) for e in np.eye(d)], axis=-1)


def columns(values, d):
    return np.asarray(values).reshape(-1, max(d, 1))


def test_reference_values():
    assert TWO.score([0.0, 0.0]) == pytest.approx([3, 3], rel=1e-14)
    assert TWO.score([4.0, -2.0], 1.0) == pytest.approx([0.49994325073, 3.49994325073], abs=1e-11)
    assert TWO.score([-0.1, 0.1], 10.0) == pytest.approx([0.03069306931, 0.02871287129], abs=1e-11)
    assert TWO.logpdf([0.0, 0.0]) == pytest.approx(-26.837877066409, abs=1e-12)
    assert TWO.logpdf([4.0, -2.0], 10.0) == pytest.approx(-6.737112960060, abs=1e-12)
    assert TWO.denoise([0.0, 0.0], 10.0) == pytest.approx([2.97029702970] * 2, abs=1e-11)
    covariance = [[16.67483580, 15.68473679], [15.68473679, 16.67483580]]
    np.testing.assert_allclose(TWO.covariance([0.0, 0.0], 10.0), covariance, atol=1e-8)


@given(mixtures())
def test_the_density_is_the_sum_of_its_components(problem):
    mixture, x, sigma, unit = problem
    points, means = columns(x, mixture.n_features), mixture.means.reshape(-1, mixture.n_features)
    spread = np.sqrt(mixture.scales**2 + sigma**2)
    density = sum(
        w * np.prod(stats.norm.pdf(points, m, s) * unit, axis=1)
        for w, m, s in zip(mixture.weights, means, spread, strict=True)
    )
    expected = np.log(density) - mixture.n_features * np.log(unit)
    np.testing.assert_allclose(mixture.logpdf(x, sigma), expected, rtol=1e-9, atol=1e-9)


@given(mixtures())
def test_score_and_jacobian_are_derivatives(problem):
    mixture, x, sigma, unit = problem
    y, d = columns(x, mixture.n_features), mixture.n_features
    step = 1e-4 * np.sqrt(np.min(mixture.scales**2 + sigma**2))
    slope = finite_difference(lambda z: mixture.logpdf(z, sigma), y, step)
    np.testing.assert_allclose(mixture.score(y, sigma), slope, rtol=1e-5, atol=1e-4 / unit)
    hessian = finite_difference(lambda z: mixture.score(z, sigma), y, step)
    jacobian = mixture.jacobian(y, sigma)
    size = np.abs(hessian).max()
    np.testing.assert_allclose(jacobian, hessian, atol=1e-5 * size)
    np.testing.assert_allclose(
        mixture.divergence(y, sigma), np.trace(hessian, axis1=1, axis2=2), atol=1e-5 * d * size
    )


@given(mixtures())
def test_tweedie_of_both_orders(problem):
    mixture, x, sigma, unit = problem
    y, identity = columns(x, mixture.n_features), np.eye(mixture.n_features)
    tweedie = y + sigma**2 * mixture.score(y, sigma)
    np.testing.assert_allclose(mixture.denoise(y, sigma), tweedie, rtol=1e-9, atol=1e-9 * unit)
    second = sigma**2 * (identity + sigma**2 * mixture.jacobian(y, sigma))
    np.testing.assert_allclose(mixture.covariance(y, sigma), second, rtol=1e-9, atol=1e-9 * unit**2)


@given(mixtures(atoms=False))
def test_blocks_have_no_seams(problem):
    mixture, y, sigma, _ = problem
    methods = ("logpdf", "score", "jacobian", "divergence", "denoise", "covariance")
    whole = [getattr(mixture, method)(y, sigma) for method in methods]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(gaussian_mixture, "_BLOCK", 2 * mixture.n_features * len(mixture.weights))
        for method, expected in zip(methods, whole, strict=True):
            np.testing.assert_allclose(getattr(mixture, method)(y, sigma), expected, rtol=1e-13)


def test_limits_of_large_and_small_noise():
    # Tweedie's formula would lose all digits here.
    np.testing.assert_allclose(TWO.denoise([[1e3, 1e3]], 1e9), [TWO.mean], rtol=1e-9)
    np.testing.assert_allclose(TWO.covariance([[0.0, 0.0]], 1e9), [TWO.cov], rtol=1e-9)
    np.testing.assert_allclose(TWO.covariance([[1.0, 1.0]], 1e-9), [1e-18 * np.eye(2)], atol=1e-30)
    np.testing.assert_allclose(TWO.covariance([[1.0, 1.0]], 0.0), np.zeros((1, 2, 2)), atol=1e-30)


def test_far_points_have_finite_scores():
    np.testing.assert_allclose(TWO.score([[1e100, 0.0]])[0, 0], -1e100)
    assert np.isfinite(TWO.logpdf([[1e100, 0.0]])).all()
    with pytest.raises(ValueError, match=r"y: expected points whose squared .* got one at 1e\+200"):
        TWO.score([[1e200, 0.0]])


def test_the_law_far_from_the_origin_keeps_its_digits():
    shift = 2.0**20
    moved = GaussianMixture(TWO.weights, TWO.means + shift, TWO.scales)
    y = np.random.default_rng(0).integers(-64, 64, (20, 2)) / 8
    np.testing.assert_allclose(moved.score(y + shift, 0.5), TWO.score(y, 0.5), rtol=1e-13, atol=1e-14)


def test_shapes_follow_the_points():
    line, column = GaussianMixture([1, 2], [0.0, 1.0], 1.0), GaussianMixture([1, 2], [[0.0], [1.0]], 1.0)
    for mixture in (line, column):
        for shape in ((), (5,), (5, 1), (1,), (0,), (0, 1)):
            y = np.zeros(shape)
            assert mixture.score(y).shape == mixture.denoise(y, 1.0).shape == shape
            assert mixture.logpdf(y).shape == mixture.divergence(y).shape == shape[:1]
            assert mixture.jacobian(y).shape == mixture.covariance(y, 1.0).shape == shape + shape[1:]
    assert line.sample(4, rng=0).shape == (4,)
    assert column.sample(4, rng=0).shape == (4, 1)
    assert np.shape(line.mean) == np.shape(line.variance) == ()
    assert (column.mean.shape, column.cov.shape, line.cov.shape) == ((1,), (1, 1), (1, 1))
    assert TWO.score([1.0, 2.0]).shape == (2,)
    assert TWO.logpdf([1.0, 2.0]).shape == ()
    assert TWO.jacobian([1.0, 2.0]).shape == (2, 2)
    np.testing.assert_array_equal(TWO.jacobian([1.0, 2.0], 0.5), TWO.jacobian([[1.0, 2.0]], 0.5)[0])


@pytest.mark.parametrize("sigma", [0.0, 1.5])
def test_samples_on_the_line_follow_the_density(sigma):
    mixture = GaussianMixture([0.3, 0.5, 0.2], [-2.0, 1.0, 1.5], [0.3, 1.0, 0.1])
    spread = np.hypot(mixture.scales, sigma)

    def cdf(x):
        return stats.norm.cdf(x[:, None], mixture.means, spread) @ mixture.weights

    samples = mixture.sample(20000, rng=3, sigma=sigma)
    assert stats.kstest(samples, cdf).pvalue > 0.01
    mass, _ = integrate.quad(
        lambda x: np.exp(mixture.logpdf(x, sigma)), -12, 12, limit=200, points=[-2, 1, 1.5]
    )
    assert mass == pytest.approx(1, abs=1e-8)


@pytest.mark.parametrize("target", [TWO, *PLANAR])
def test_samples_have_the_moments_of_the_law(target):
    samples = target.sample(40000, rng=1)
    error = np.sqrt(target.variance / len(samples))
    assert np.all(np.abs(samples.mean(axis=0) - target.mean) < 4 * error)
    fourth = np.mean((samples - target.mean) ** 4, axis=0) / len(samples)
    assert np.all(np.abs(samples.var(axis=0) - target.variance) < 4 * np.sqrt(fourth))
    if isinstance(target, GaussianMixture):
        np.testing.assert_allclose(np.cov(samples.T), target.cov, atol=6 * np.sqrt(fourth.max()))
        np.testing.assert_allclose(np.diag(target.cov), target.variance, rtol=1e-12)


@pytest.mark.parametrize("target", PLANAR)
def test_planar_scores_are_gradients_of_densities_of_mass_one(target):
    x = target.sample(20, rng=2)
    slope = finite_difference(target.logpdf, x, 1e-5)
    np.testing.assert_allclose(target.score(x), slope, rtol=1e-5, atol=1e-4)
    trace = np.trace(finite_difference(target.score, x, 1e-5), axis1=1, axis2=2)
    np.testing.assert_allclose(target.divergence(x), trace, rtol=1e-5, atol=1e-3)
    # The banana's tips are long.
    reach, size = (14, 1000) if isinstance(target, Banana) else (4, 250)
    low, high = (target.mean + sign * reach * np.sqrt(target.variance) for sign in (-1, 1))
    axes = [np.linspace(a, b, size) for a, b in zip(low, high, strict=True)]
    grid = np.stack(np.meshgrid(*axes), axis=-1).reshape(-1, 2)
    cell = np.prod([axis[1] - axis[0] for axis in axes])
    assert np.exp(target.logpdf(grid)).sum() * cell == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("target", PLANAR)
def test_steins_identity_holds_on_samples(target):
    # E[2 div s + ||s||^2] = -E ||s||^2: the sample, the score and its divergence belong to one law.
    x = target.sample(40000, rng=4)
    squares = np.sum(target.score(x) ** 2, axis=1)
    gaps = target.divergence(x) + squares
    assert abs(gaps.mean()) < 4 * gaps.std() / np.sqrt(len(gaps))
    loss = cs.ScoreMatching(x).loss(target.score, target.divergence)
    assert loss / len(x) == pytest.approx(-0.5 * squares.mean(), rel=0.05)


def test_the_banana_is_two_gaussians():
    target = Banana(length=1.5, curvature=0.4, width=0.3)
    x = target.sample(5000, rng=0)
    center = 0.4 * (x[:, 0] ** 2 - 1.5**2)
    assert stats.kstest(x[:, 0] / 1.5, "norm").pvalue > 0.01
    assert stats.kstest((x[:, 1] - center) / 0.3, "norm").pvalue > 0.01
    expected = stats.norm.logpdf(x[:, 0], 0, 1.5) + stats.norm.logpdf(x[:, 1], center, 0.3)
    np.testing.assert_allclose(target.logpdf(x), expected, rtol=1e-12)


def test_moons_are_smooth_and_lie_like_scikit_learns():
    datasets = pytest.importorskip("sklearn.datasets")
    target, scale = moons(scale=0.05), 0.05
    count = target.weights.size // 2
    on, between = (np.pi * (count // 2 + offset) / count for offset in (0.5, 1.0))
    logs = target.logpdf([[np.cos(t), np.sin(t)] for t in (on, between)])
    assert abs(logs[0] - logs[1]) < 2e-8
    points, labels = datasets.make_moons(400, noise=None, random_state=0)
    distance = np.linalg.norm(points[:, None] - target.means, axis=2)
    assert distance.min(axis=1).max() < scale
    np.testing.assert_array_equal(distance.argmin(axis=1) >= count, labels == 1)


def test_the_ring_is_a_ring():
    target = ring(5, radius=3.0, scale=0.1)
    np.testing.assert_allclose(np.linalg.norm(target.means, axis=1), 3.0)
    np.testing.assert_allclose(target.means[0], [3.0, 0.0])
    np.testing.assert_allclose(target.weights, 0.2)
    neighbours = np.roll(target.means, -1, axis=0) - target.means
    np.testing.assert_allclose(np.linalg.norm(neighbours, axis=1), 6 * np.sin(np.pi / 5))


def test_seeds_repeat_and_parts_are_frozen():
    for target in (TWO, Banana()):
        np.testing.assert_array_equal(target.sample(5, rng=3), target.sample(5, rng=3))
        given = [target.sample(5, rng=np.random.default_rng(3)) for _ in range(2)]
        np.testing.assert_array_equal(*given)
        assert not np.array_equal(target.sample(5, rng=3), target.sample(5, rng=4))
        assert target.sample(0, rng=0).shape == (0, 2)
    given_weights = np.array([1.0, 4.0])
    mixture = GaussianMixture(given_weights, [0.0, 1.0], 1.0)
    np.testing.assert_array_equal(given_weights, [1.0, 4.0])
    np.testing.assert_allclose(mixture.weights, [0.2, 0.8])
    with pytest.raises(ValueError, match="read-only"):
        mixture.means[0] = 1.0


def test_memory_does_not_grow_with_components_times_points():
    target, y = moons(), np.zeros((40000, 2))
    tracemalloc.start()
    target.jacobian(y)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    # The whole array of differences would be 41 MB; points and result are 2 MB.
    assert peak < 10e6


def test_atoms_with_noise_are_the_smoothed_empirical_law():
    data = np.array([0.0, 1.0, 1.0, 4.0])
    mixture = GaussianMixture(np.ones(4), data, 0.0)
    y, sigma = np.array([0.3, 2.0]), 0.5
    kernel = np.exp(-((y[:, None] - data) ** 2) / (2 * sigma**2))
    np.testing.assert_allclose(mixture.denoise(y, sigma), kernel @ data / kernel.sum(axis=1))
    with pytest.raises(ValueError, match="sigma: expected a number above 0, because a scale is 0, got 0"):
        mixture.score(y)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"weights": [0.5]}, ValueError, r"weights: expected shape \(2,\), got \(1,\)"),
        ({"weights": [0.0, 1.0]}, ValueError, "weights: expected positive weights, got a minimum of 0"),
        ({"means": np.zeros((2, 2, 2))}, ValueError, "means: expected shape"),
        ({"means": 0.0}, ValueError, r"means: expected shape .* got \(\)"),
        ({"means": ["a", "b"]}, TypeError, "means: expected real numbers"),
        ({"means": [0.0, np.inf]}, ValueError, "means: expected finite numbers"),
        ({"scales": [1.0, 1.0, 1.0]}, ValueError, r"scales: expected a number or shape \(2,\), got \(3,\)"),
        ({"scales": -1.0}, ValueError, "scales: expected numbers of at least 0, got a minimum of -1"),
    ],
)
def test_bad_mixtures_are_named(arguments, error, message):
    good = {"weights": [0.5, 0.5], "means": [0.0, 1.0], "scales": 1.0}
    with pytest.raises(error, match=message):
        GaussianMixture(**{**good, **arguments})


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: TWO.score(np.zeros(3)), ValueError, r"y: expected shape \(n, 2\) or \(2,\), got \(3,\)"),
        (lambda: TWO.logpdf(np.zeros((4, 3))), ValueError, r"x: expected shape .* got \(4, 3\)"),
        (lambda: TWO.score([0.0, np.nan]), ValueError, "y: expected finite numbers, got 1 NaN"),
        (lambda: TWO.denoise([0.0, 0.0], -1.0), ValueError, "sigma: expected a number at least 0, got -1"),
        (lambda: TWO.score([0.0, 0.0], [1.0]), TypeError, "sigma: expected a number, got"),
        (lambda: TWO.sample(1.5), TypeError, "n: expected an integer, got 1.5"),
        (lambda: TWO.sample(2, sigma=-1.0), ValueError, "sigma: expected a number at least 0"),
        (
            lambda: GaussianMixture([1.0], [0.0], 1.0).score(np.zeros((3, 2))),
            ValueError,
            r"y: expected shape \(n,\) or \(n, 1\), got \(3, 2\)",
        ),
        (lambda: ring(0), ValueError, "n_modes: expected an integer of at least 1, got 0"),
        (lambda: ring(radius=0.0), ValueError, "radius: expected a number above 0, got 0"),
        (lambda: ring(scale=-1.0), ValueError, "scale: expected a number above 0, got -1"),
        (lambda: moons(scale=0.0), ValueError, "scale: expected a number above 0, got 0"),
        (lambda: moons(radius="one"), TypeError, "radius: expected a number, got 'one'"),
        (lambda: Banana(length=0.0), ValueError, "length: expected a number above 0"),
        (lambda: Banana(width=-1.0), ValueError, "width: expected a number above 0"),
        (lambda: Banana(curvature=np.nan), ValueError, "curvature: expected a finite number"),
        (lambda: Banana(length=1e-160), ValueError, "length: expected a number between 1e-150 and 1e"),
        (lambda: Banana(width=1e160), ValueError, "width: expected a number between 1e-150 and 1e"),
        (lambda: Banana().score([1.0, 2.0]), ValueError, r"x: expected shape \(n, 2\), got \(2,\)"),
    ],
)
def test_bad_calls_are_named(call, error, message):
    with pytest.raises(error, match=message):
        call()
