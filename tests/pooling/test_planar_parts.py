"""The parts of planar pools, each against something slow and literal."""

import cvxpy as cp
import numpy as np
import pytest
from scipy.integrate import dblquad
from scipy.stats import multivariate_normal, multivariate_t

import convexscore as cs
from convexscore.pooling.planar import lasso
from convexscore.pooling.planar.dictionary import Dictionary
from convexscore.pooling.planar.lasso import lasso_path
from convexscore.pooling.planar.laws import PlanarMixtureLaw, PlanarNetworkLaw
from convexscore.pooling.planar.mixtures import _maximized, _Mixtures, choose_mixtures, refit_mixtures
from convexscore.pooling.planar.networks import network_of
from convexscore.pooling.planar.noise import measured_noise
from convexscore.pooling.planar.points import PlanarPoints, whitened
from convexscore.pooling.planar.pool import PlanarPool
from convexscore.pooling.planar.student import StudentLaw
from convexscore.pooling.planar.tails import confined, grid_log_normalizer


def drawn(n, seed, weighted=False):
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((n, 2)) + np.where(rng.random((n, 1)) < 0.5, 2.0, -1.0)
    mass = rng.integers(1, 4, n).astype(float) if weighted else np.ones(n)
    return whitened(x, mass)[0]


def small(points, n_neurons, seed):
    rng = np.random.default_rng(seed)
    whole = Dictionary.of(points)
    chosen = np.sort(rng.choice(len(whole.offsets), n_neurons, replace=False))
    return Dictionary(whole.directions[chosen], whole.offsets[chosen])


@pytest.mark.parametrize("seed", range(3))
def test_moments_are_those_of_the_loss(seed):
    points = drawn(30, seed, weighted=True)
    dictionary = small(points, 20, seed)
    moments = dictionary.moments(points)
    coefficients = np.random.default_rng(seed).standard_normal(len(moments.trace))
    network = network_of(dictionary, coefficients)
    value = 0.5 * coefficients @ moments.gram @ coefficients + moments.trace @ coefficients
    loss = cs.ScoreMatching(points.value, points.mass).loss(network)
    np.testing.assert_allclose(value, loss, rtol=1e-10)
    np.testing.assert_allclose(
        dictionary.scores(points.value, coefficients), network(points.value), atol=1e-10
    )


@pytest.mark.parametrize("seed", range(3))
def test_correlations_are_derivatives_of_the_loss(seed):
    points = drawn(25, seed, weighted=True)
    dictionary = small(points, 12, seed)
    moments = dictionary.moments(points)
    c = np.random.default_rng(seed).standard_normal(len(moments.trace))
    parts = points.mass @ dictionary.correlations(points.value, c)
    np.testing.assert_allclose(parts, moments.gram @ c + moments.trace, rtol=1e-9, atol=1e-8)
    line = np.zeros(len(c))
    line[-3:-1] = -1.0
    of_line = points.mass @ dictionary.correlations(points.value, line)
    np.testing.assert_allclose(dictionary.line_correlations(points), of_line[:12], rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("seed", range(4))
def test_the_path_is_that_of_cvxpy(seed):
    points = drawn(60, seed, weighted=True)
    dictionary = small(points, 25, seed)
    moments = dictionary.moments(points)
    betas = np.sqrt(points.total) * np.array([1.5, 0.8, 0.5])
    root = np.linalg.cholesky(moments.gram + 1e-10 * np.eye(len(moments.trace)))
    for beta, coefficients in lasso_path(moments, betas):
        a = cp.Variable(len(moments.trace))
        value = 0.5 * cp.sum_squares(root.T @ a) + moments.trace @ a + beta * cp.norm1(a[:-5])
        problem = cp.Problem(cp.Minimize(value))
        problem.solve(solver=cp.CLARABEL)
        own = 0.5 * coefficients @ moments.gram @ coefficients + moments.trace @ coefficients
        own += beta * np.abs(coefficients[:-5]).sum()
        np.testing.assert_allclose(own, problem.value, rtol=1e-6)


def test_the_path_ends_at_the_last_bounded_weight_decay(monkeypatch):
    points = drawn(12, 0)
    moments = Dictionary.of(points).moments(points)
    betas = np.sqrt(12) * np.geomspace(1.2, 1e-3, 9)
    found = lasso_path(moments, betas)
    reached = [beta for beta, _ in found]
    assert len(found) == 9
    assert reached[-1] == reached[-2] > betas[-1]
    np.testing.assert_array_equal(found[-1][1], found[-2][1])
    monkeypatch.setattr(lasso, "_HUGE", 0.0)
    (beta, coefficients), *_ = lasso_path(moments, betas)
    assert beta >= betas[0]
    assert not coefficients[:-5].any()


def test_moments_of_a_part_are_differences():
    points = drawn(40, 1)
    dictionary = Dictionary.of(points)
    first, rest = points.mass.copy(), points.mass.copy()
    first[10:], rest[:10] = 0, 0
    whole, part = dictionary.moments(points), dictionary.moments(points.with_mass(first))
    wanted = dictionary.moments(points.with_mass(rest))
    np.testing.assert_allclose((whole - part).gram, wanted.gram, atol=1e-9)
    np.testing.assert_allclose((whole - part).trace, wanted.trace, atol=1e-9)


def test_points_on_a_kink_are_counted_half():
    points = PlanarPoints(np.array([[1.0, 0.0], [2.0, 0.0], [0.0, 3.0]]), np.ones(3))
    dictionary = Dictionary(np.array([[1.0, 0.0]]), np.array([-1.0]))
    assert dictionary.moments(points).trace[0] == 1.5


@pytest.mark.parametrize("seed", range(3))
def test_confinement_changes_nothing_on_the_data_and_gives_a_density(seed):
    points = drawn(80, seed)
    dictionary = Dictionary.of(points)
    for _, coefficients in lasso_path(dictionary.moments(points), np.sqrt(80) * np.geomspace(1, 0.3, 4)):
        network = network_of(dictionary, coefficients)
        tame = confined(network, points)
        np.testing.assert_allclose(tame(points.value), network(points.value), atol=1e-9)
        np.testing.assert_allclose(tame.potential(points.value), network.potential(points.value), atol=1e-9)
        density = cs.ConservativeDensity(tame)
        assert abs(density.log_normalizer - grid_log_normalizer(tame, points)) < 1e-3


def test_a_score_that_points_outward_is_bent_inward():
    points = drawn(50, 0)
    network = cs.ConservativeNetwork(np.zeros((0, 2)), [], [], [1.0, 0.0], [[0.5, 0.0], [0.0, -1.0]])
    tame = confined(network, points)
    far = np.array([[40.0, 0.0], [-40.0, 0.0], [30.0, 30.0]])
    assert (np.sum(tame(far) * far, axis=1) < 0).all()
    cs.ConservativeDensity(tame)


def test_a_falling_potential_is_left_alone():
    network = cs.ConservativeNetwork(np.zeros((0, 2)), [], [], [0.0, 0.0], -np.eye(2))
    assert confined(network, drawn(50, 0)).n_neurons == 0


def test_moments_of_a_density_are_integrals():
    points = drawn(60, 2)
    dictionary = Dictionary.of(points)
    ((_, coefficients),) = lasso_path(dictionary.moments(points), np.array([0.6 * np.sqrt(60)]))
    network = confined(network_of(dictionary, coefficients), points)
    density = cs.ConservativeDensity(network)
    nodes = np.linspace(-12, 12, 1601)
    x = np.stack(np.meshgrid(nodes, nodes, indexing="ij"), axis=-1).reshape(-1, 2)
    mass = density.pdf(x) * (nodes[1] - nodes[0]) ** 2
    assert abs(mass.sum() - 1) < 1e-5
    mean = mass @ x
    np.testing.assert_allclose(density.mean(), mean, atol=1e-4)
    np.testing.assert_allclose(density.covariance(), ((x - mean) * mass[:, None]).T @ (x - mean), atol=1e-3)
    mean, outer = PlanarNetworkLaw(network).moments()
    np.testing.assert_allclose(outer - np.outer(mean, mean), density.covariance(), atol=1e-12)


MIXTURE = PlanarMixtureLaw(
    np.array([0.3, 0.7]),
    np.array([[0.0, 1.0], [2.0, -1.0]]),
    np.array([[[1.0, 0.3], [0.3, 0.5]], [[0.2, 0.0], [0.0, 2.0]]]),
)


def test_mixtures_are_those_of_scipy():
    z = np.random.default_rng(0).standard_normal((20, 2)) * 3
    parts = [
        w * multivariate_normal(m, C).pdf(z)
        for w, m, C in zip(MIXTURE.weights, MIXTURE.means, MIXTURE.covariances, strict=True)
    ]
    np.testing.assert_allclose(MIXTURE.logpdf(z), np.log(sum(parts)), rtol=1e-10)
    step = 1e-6 * np.eye(2)
    slopes = [(MIXTURE.logpdf(z + e) - MIXTURE.logpdf(z - e)) / 2e-6 for e in step]
    np.testing.assert_allclose(MIXTURE.score(z), np.transpose(slopes), rtol=1e-5, atol=1e-6)


def test_samples_have_the_moments():
    pool = PlanarPool((MIXTURE, PlanarMixtureLaw.gaussian(np.zeros(2), np.eye(2))), np.array([0.6, 0.4]))
    mean, covariance = pool.moments()
    samples = pool.sample(200_000, np.random.default_rng(0))
    np.testing.assert_allclose(samples.mean(axis=0), mean, atol=0.02)
    np.testing.assert_allclose(np.cov(samples.T), covariance, atol=0.05)
    total = dblquad(lambda y, x: np.exp(pool.logpdf(np.array([[x, y]]))[0]), -9, 9, -9, 9, epsabs=1e-5)[0]
    assert abs(total - 1) < 1e-4


def test_a_step_of_expectation_maximization_is_the_formula():
    points = drawn(30, 3, weighted=True)
    start = _Mixtures(MIXTURE.weights[None], MIXTURE.means[None], MIXTURE.covariances[None])
    likelihoods, moved = _maximized(points, points.mass[None], start, 1, 4.0)
    density = np.stack(
        [
            w * multivariate_normal(m, C).pdf(points.value)
            for w, m, C in zip(MIXTURE.weights, MIXTURE.means, MIXTURE.covariances, strict=True)
        ]
    )
    shares = density / density.sum(axis=0) * points.mass
    np.testing.assert_allclose(likelihoods[0], points.mass @ np.log(density.sum(axis=0)), rtol=1e-10)
    for k, share in enumerate(shares):
        mean = share @ points.value / share.sum()
        centred = points.value - mean
        covariance = ((centred * share[:, None]).T @ centred + 2 * np.eye(2)) / (share.sum() + 4)
        np.testing.assert_allclose(moved.means[0, k], mean, rtol=1e-7)
        np.testing.assert_allclose(
            moved.covariances[0, k], covariance + 4e-4 * np.eye(2), rtol=1e-6, atol=1e-9
        )


def test_the_t_law_is_that_of_scipy_and_of_the_largest_likelihood():
    law = StudentLaw(np.array([1.0, -1.0]), np.array([[2.0, 0.5], [0.5, 1.0]]), 5.0)
    z = np.random.default_rng(0).standard_normal((20, 2)) * 3
    np.testing.assert_allclose(law.logpdf(z), multivariate_t(law.mean, law.shape, 5.0).logpdf(z), rtol=1e-10)
    slopes = [(law.logpdf(z + e) - law.logpdf(z - e)) / 2e-6 for e in 1e-6 * np.eye(2)]
    np.testing.assert_allclose(law.score(z), np.transpose(slopes), rtol=1e-5, atol=1e-7)
    samples = law.sample(20_000, np.random.default_rng(1))
    mean, outer = law.moments()
    np.testing.assert_allclose(np.cov(samples.T), outer - np.outer(mean, mean), rtol=0.1, atol=0.1)
    points = PlanarPoints(samples[:400], np.random.default_rng(2).integers(1, 3, 400).astype(float))
    fitted = StudentLaw.fitted(points)
    best = points.mass @ fitted.logpdf(points.value)
    rng = np.random.default_rng(3)
    for size in (1e-1, 1e-2, 1e-3):
        for _ in range(10):
            A = size * rng.standard_normal((2, 2))
            freedom = fitted.freedom * np.exp(size * rng.standard_normal())
            other = StudentLaw(fitted.mean + A[0], fitted.shape + A @ A.T, freedom)
            assert points.mass @ other.logpdf(points.value) <= best + 1e-6


def test_gaussian_data_have_a_t_law_of_many_degrees_of_freedom():
    x = np.random.default_rng(0).standard_normal((300, 2))
    assert StudentLaw.fitted(PlanarPoints(x, np.ones(300))).freedom > 20


def test_the_number_of_components_is_found_and_refits_move():
    rng = np.random.default_rng(0)
    centres = np.array([[0.0, 0.0], [8.0, 0.0], [0.0, 8.0]])
    x = centres[rng.integers(3, size=300)] + rng.standard_normal((300, 2))
    points = whitened(x, np.ones(300))[0]
    found = choose_mixtures(points, rng, 2, 4.0)
    assert [len(mixture.weights) for mixture in found] == [2, 3, 4]
    half = np.where(np.arange(300) < 150, 1.0, 0.0)
    moved = refit_mixtures(points, np.stack([half, 1 - half]), found[1], 4.0)
    assert len(moved) == 2
    assert not np.allclose(moved[0].means, moved[1].means)


def test_standard_coordinates_are_white_and_lead_back():
    rng = np.random.default_rng(0)
    x = rng.gamma(2.0, size=(50, 2)) @ np.array([[3e5, 1e5], [0.0, 2e3]])
    points, frame = whitened(x, np.ones(50))
    np.testing.assert_allclose(points.mean, 0, atol=1e-10)
    np.testing.assert_allclose(points.covariance, np.eye(2), atol=1e-6)
    np.testing.assert_allclose(frame.outward(frame.inward(x)), x, rtol=1e-6)


@pytest.mark.parametrize("power", [-40, 30])
def test_powers_of_two_change_no_digit(power):
    x = np.random.default_rng(1).standard_normal((30, 2))
    first, second = whitened(x, np.ones(30))[0], whitened(np.ldexp(x, [power, 3]), np.ones(30))[0]
    np.testing.assert_array_equal(first.value, second.value)


def test_jitter_keeps_mean_and_covariance():
    points = drawn(40, 0, weighted=True)
    wide = points.jittered(0.4)
    np.testing.assert_allclose(wide.mean, points.mean, atol=1e-12)
    np.testing.assert_allclose(wide.covariance, points.covariance, atol=1e-12)


@pytest.mark.parametrize("most", [8, 50])
def test_cells_keep_mass_and_mean(most):
    points = drawn(100, 0, weighted=True)
    cells = points.coarse(most)
    assert len(cells.mass) == {8: 8, 50: 32}[most]
    assert cells.total == pytest.approx(points.total)
    np.testing.assert_allclose(cells.mean, points.mean, atol=1e-12)
    assert points.coarse(100) is points


def test_gaussian_data_are_straight_and_modes_are_not():
    rng = np.random.default_rng(0)
    straight = []
    for seed in range(10):
        points = whitened(np.random.default_rng(seed).standard_normal((100, 2)), np.ones(100))[0]
        straight.append(measured_noise(points, Dictionary.of(points), rng).straight)
    assert sum(straight) >= 7
    ring = cs.targets.ring(n_modes=4, radius=4.0, scale=0.3).sample(100, rng=0)
    points = whitened(ring, np.ones(100))[0]
    assert not measured_noise(points, Dictionary.of(points), rng).straight
