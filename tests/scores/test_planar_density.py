"""Densities of conservative networks in the plane: exact cases, grids, samples, potentials without one."""

from dataclasses import replace

import numpy as np
import pytest

import convexscore as cs
from convexscore.scores.slices import Slices

NONE = (np.zeros((0, 2)), [], [])


def on_a_grid(net, low, high, n=1500):
    """The logarithm of the integral of ``exp U`` by the midpoint rule."""
    sides = [a + (np.arange(n) + 0.5) / n * (b - a) for a, b in zip(low, high, strict=True)]
    points = np.stack(np.meshgrid(*sides, indexing="ij"), axis=-1).reshape(-1, 2)
    U = net.potential(points)
    cell = np.prod((np.array(high) - low) / n)
    return float(np.log(np.sum(np.exp(U - U.max())) * cell) + U.max())


def bumpy(seed, activation="relu", m=12):
    """A network with several modes and a potential that falls everywhere far out."""
    rng = np.random.default_rng(seed)
    u = rng.standard_normal((m, 2))
    u[0], u[1] = [1.0, 0.0], [0.0, -2.0]
    a = rng.uniform(-1.0, 1.0, m)
    most = np.abs(a) @ np.sum(u**2, axis=1)
    return cs.ConservativeNetwork(
        u,
        rng.standard_normal(m),
        a,
        rng.standard_normal(2),
        -(most + 0.2) * np.eye(2),
        activation=activation,
    )


@pytest.mark.parametrize("mean", [(0.0, 0.0), (3.0, -1.0), (4000.0, 1e-3)])
def test_a_gaussian_has_its_own_normalizer(mean):
    mean, precision = np.array(mean), np.array([[2.0, 0.7], [0.7, 0.5]])
    net = cs.ConservativeNetwork(*NONE, precision @ mean, -precision)
    p = cs.ConservativeDensity(net)
    exact = np.log(2 * np.pi) - 0.5 * np.log(np.linalg.det(precision)) + 0.5 * mean @ precision @ mean
    assert abs(p.log_normalizer - exact) <= p.error < 1e-6
    samples = p.sample(20_000, rng=0)
    np.testing.assert_allclose(samples.mean(axis=0), mean, atol=0.05)
    np.testing.assert_allclose(np.cov(samples.T), np.linalg.inv(precision), atol=0.1)


@pytest.mark.parametrize("activation", ["relu", "abs"])
@pytest.mark.parametrize("seed", range(4))
def test_the_normalizer_is_that_of_a_fine_grid(seed, activation):
    net = bumpy(seed, activation)
    p = cs.ConservativeDensity(net)
    assert p.log_normalizer == pytest.approx(on_a_grid(net, (-8.0, -8.0), (8.0, 8.0)), abs=1e-5)
    assert p.error < 1e-8


def test_the_error_that_is_reported_is_that_of_the_quadrature():
    net = bumpy(1)
    turned = np.array([[0.6, -0.8], [0.8, 0.6]])
    other = cs.ConservativeNetwork(
        net.directions @ turned.T, net.offsets, net.coefficients, turned @ net.b2, turned @ net.S @ turned.T
    )
    # Slices in other directions: another integral altogether.
    one, two = cs.ConservativeDensity(net), cs.ConservativeDensity(other)
    assert abs(one.log_normalizer - two.log_normalizer) <= one.error + two.error


def test_a_marginal_is_the_integral_along_its_line():
    net = bumpy(2)
    t = np.array([-1.3, 0.0, 0.7])
    y = np.linspace(-9, 9, 200_001)
    for at, found in zip(t, Slices(net).log_marginal(t), strict=True):
        values = np.exp(net.potential(np.column_stack([np.full_like(y, at), y])))
        assert found == pytest.approx(np.log(np.sum(values) * (y[1] - y[0])), abs=1e-8)


def test_tails_may_be_exponential():
    # U = t - (t - 1)_+^2 / 2 - y^2 / 2 falls linearly to the left.
    net = cs.ConservativeNetwork([[1.0, 0.0]], [-1.0], [-1.0], [1.0, 0.0], [[0.0, 0.0], [0.0, -1.0]])
    p = cs.ConservativeDensity(net)
    t = np.linspace(-60, 12, 4_000_001)
    U = t - 0.5 * np.maximum(t - 1, 0) ** 2
    exact = np.log(np.sum(np.exp(U)) * (t[1] - t[0])) + 0.5 * np.log(2 * np.pi)
    assert p.log_normalizer == pytest.approx(exact, abs=1e-8)


@pytest.mark.parametrize(
    ("net", "direction"),
    [
        (cs.ConservativeNetwork(*NONE, [0.0, 0.0], [[-1.0, 0.0], [0.0, 0.0]]), (0.0, 1.0)),
        (cs.ConservativeNetwork(*NONE, [0.0, 0.5], [[-1.0, 0.0], [0.0, 0.0]]), (0.0, 1.0)),
        (cs.ConservativeNetwork(*NONE, [0.0, 0.0], [[-1.0, 2.0], [2.0, -1.0]]), (0.5**0.5, 0.5**0.5)),
        (cs.ConservativeNetwork([[0.6, 0.8]], [3.0], [1.5], [0.0, 0.0], -np.eye(2)), (0.6, 0.8)),
    ],
)
def test_a_potential_that_rises_has_no_density_and_the_direction_is_named(net, direction):
    with pytest.raises(cs.NotNormalizableError, match="does not fall") as caught:
        cs.ConservativeDensity(net)
    named = str(caught.value).partition("(")[2].partition(")")[0]
    named = np.array([float(part) for part in named.split(",")])
    # Straight lines and forms are even: the opposite direction may be named where both rise.
    assert abs(abs(named @ direction) - 1) < 1e-5
    far = net.potential(np.outer([1e3, 1e4], named))
    assert far[1] >= far[0] - 1e-9


def test_a_kink_may_bring_the_potential_down_on_one_side_only():
    # U = t^2/2 - (t)_+^2 on the right, but rising on the left.
    one = cs.ConservativeNetwork([[1.0, 0.0]], [0.0], [-2.0], [0.0, 0.0], [[1.0, 0.0], [0.0, -1.0]])
    with pytest.raises(cs.NotNormalizableError, match=r"\(-1, "):
        cs.ConservativeDensity(one)
    both = cs.ConservativeNetwork(
        [[1.0, 0.0], [-1.0, 0.0]], [0.0, 0.0], [-2.0, -2.0], [0.0, 0.0], [[1.0, 0.0], [0.0, -1.0]]
    )
    assert cs.ConservativeDensity(both).log_normalizer == pytest.approx(np.log(2 * np.pi), abs=1e-9)


def test_samples_follow_the_density():
    net = bumpy(3)
    p = cs.ConservativeDensity(net)
    samples = p.sample(40_000, rng=1)
    edges = np.quantile(samples[:, 0], [0.2, 0.5, 0.8]), np.quantile(samples[:, 1], [0.3, 0.7])
    g = -8 + (np.arange(800) + 0.5) / 50
    grid = np.stack(np.meshgrid(g, g, indexing="ij"), axis=-1).reshape(-1, 2)
    mass = p.pdf(grid) / 50**2
    assert mass.sum() == pytest.approx(1.0, abs=1e-4)

    def cells(points):
        return 3 * np.digitize(points[:, 0], edges[0]) + np.digitize(points[:, 1], edges[1])

    found = np.bincount(cells(samples), minlength=12) / len(samples)
    expected = np.bincount(cells(grid), weights=mass, minlength=12)
    assert np.abs(found - expected).max() < 0.01
    np.testing.assert_array_equal(p.sample(5, rng=1), p.sample(5, rng=1))
    assert p.sample(0, rng=1).shape == (0, 2)


def test_the_origin_moves_the_samples_with_it():
    net = bumpy(0)
    shift = np.array([100.0, -7.0])
    there = replace(net, origin=shift)
    one, two = cs.ConservativeDensity(net), cs.ConservativeDensity(there)
    np.testing.assert_allclose(one.sample(9, rng=0) + shift, two.sample(9, rng=0), atol=1e-9)
    x = np.random.default_rng(0).standard_normal((5, 2))
    np.testing.assert_allclose(one.logpdf(x), two.logpdf(x + shift), atol=1e-9)


def test_ratios_are_differences_of_potentials():
    net = bumpy(0)
    p = cs.ConservativeDensity(net)
    x, y = np.random.default_rng(0).standard_normal((2, 6, 2))
    np.testing.assert_allclose(p.log_ratio(x, y), p.logpdf(x) - p.logpdf(y), atol=1e-10)
    with pytest.raises(ValueError, match="y: expected the shape of x"):
        p.log_ratio(x, y[:2])


def test_a_trained_network_has_a_density_that_metropolis_agrees_with():
    X = np.random.default_rng(0).standard_normal((60, 2)) * [1.0, 2.0]
    net = cs.solve(cs.ScoreMatching(X), 6.0, skip=True, conservative=True).network
    assert net.n_neurons
    p = cs.ConservativeDensity(net)
    exact = p.sample(4000, rng=0)
    moved = cs.samplers.mala(net, net.potential, exact, 0.3, 30, rng=1)
    np.testing.assert_allclose(moved.mean(axis=0), exact.mean(axis=0), atol=0.2)
    np.testing.assert_allclose(np.cov(moved.T), np.cov(exact.T), atol=0.5)


def test_what_is_no_conservative_planar_network_is_refused():
    with pytest.raises(TypeError, match="network: expected a ConservativeNetwork"):
        cs.ConservativeDensity(bumpy(0).network)
    with pytest.raises(ValueError, match="network: expected 2 features, got 3"):
        cs.ConservativeDensity(cs.ConservativeNetwork(np.zeros((0, 3)), [], [], np.zeros(3), -np.eye(3)))


def test_a_piece_that_begins_in_a_valley_rises():
    # Along each line the potential is level at a kink at zero, and rises from there to one at three.
    u, a = np.array([[0.0, 1.0], [0.0, 1.0]]), np.array([2.0, -4.0])
    net = cs.ConservativeNetwork(u, [0.0, -3.0], a, [0.0, 0.0], -np.eye(2))
    p = cs.ConservativeDensity(net)
    assert p.log_normalizer == pytest.approx(on_a_grid(net, (-9.0, -9.0), (9.0, 12.0)), abs=1e-5)
    assert p.sample(2000, rng=0)[:, 1].mean() > 3
