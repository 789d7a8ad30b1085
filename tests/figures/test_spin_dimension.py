"""Plefka's expansion against sums over graphs and states, and the experiment on spins in many dimensions."""

import json
from itertools import combinations, permutations, product

import numpy as np
import pytest

import convexscore as cs
from paper_figs import spin_dimension
from paper_figs.common import plain
from paper_figs.plefka import (
    ORDERS,
    Couplings,
    EqualCouplings,
    entropy,
    fixed_point,
    log_normalizer,
    score_of,
)

from .drawings import drawn_quickly, is_finite


def random_couplings(d, rng, size=1.0):
    upper = np.triu(rng.standard_normal((d, d)), 1) * size
    return upper + upper.T


def graph_terms(A, m):
    """The four terms, graph by graph."""
    d, v, u = len(A), 1 - m**2, m * (1 - m**2)
    terms = np.zeros(4)
    for i, j in combinations(range(d), 2):
        terms[0] += A[i, j] * m[i] * m[j]
        terms[1] += A[i, j] ** 2 * v[i] * v[j] / 2
        terms[2] += 2 / 3 * A[i, j] ** 3 * u[i] * u[j]
        shape = 1 + 3 * m[i] ** 2 + 3 * m[j] ** 2 - 15 * m[i] ** 2 * m[j] ** 2
        terms[3] -= A[i, j] ** 4 * v[i] * v[j] * shape / 12
    for i, j, k in combinations(range(d), 3):
        terms[2] += A[i, j] * A[j, k] * A[k, i] * v[i] * v[j] * v[k]
        for a, b, c in ((i, j, k), (j, k, i), (k, i, j)):
            terms[3] += 2 * A[a, b] ** 2 * A[b, c] * A[c, a] * u[a] * u[b] * v[c]
    for cycle in permutations(range(d), 4):
        i, j, k, n = cycle
        # Each cycle has eight orders of its corners.
        terms[3] += A[i, j] * A[j, k] * A[k, n] * A[n, i] * v[list(cycle)].prod() / 8
    return terms


def states_of(d):
    return np.array(list(product((-1.0, 1.0), repeat=d)))


def gibbs_free_energy(A, m):
    """``-G(m)``, by Newton's method for the field that makes the means of a sum over states `m`."""
    x, h = states_of(len(m)), np.arctanh(m)
    energies = 0.5 * ((x @ A) * x).sum(1)
    for _ in range(30):
        weights = np.exp(energies + x @ h)
        total = weights.sum()
        law = weights / total
        mean = law @ x
        h = h + np.linalg.solve((x.T * law) @ x - np.outer(mean, mean), m - mean)
    return np.log(total) - h @ m


@pytest.mark.parametrize("d", [2, 4, 6])
def test_terms_are_sums_over_graphs(d):
    rng = np.random.default_rng(d)
    A, m = random_couplings(d, rng), rng.uniform(-0.9, 0.9, (3, d))
    expected = np.cumsum([graph_terms(A, row) for row in m], axis=1)
    for order in ORDERS:
        np.testing.assert_allclose(Couplings(A).interaction(m, order), expected[:, order - 1], rtol=1e-11)


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("d", [3, 4, 5])
def test_what_is_left_out_is_of_the_next_order(order, d):
    rng = np.random.default_rng(10 * d + order)
    A, m = random_couplings(d, rng), rng.uniform(-0.7, 0.7, d)
    sizes = np.array([0.04, 0.02, 0.01])
    errors = [
        gibbs_free_energy(size * A, m) - entropy(m) - Couplings(size * A).interaction(m[None], order)[0]
        for size in sizes
    ]
    # Richardson: what is left of the slope's error is of second order in the couplings.
    slopes = np.diff(np.log(np.abs(errors))) / np.log(0.5)
    assert 2 * slopes[1] - slopes[0] == pytest.approx(order + 1, abs=0.15)


@pytest.mark.parametrize("order", ORDERS)
def test_log_normalizers_at_fixed_points(order):
    rng = np.random.default_rng(order)
    A, h = random_couplings(4, rng), rng.standard_normal((1, 4))
    errors = []
    for size in (0.08, 0.04):
        model = Couplings(size * A)
        m, last = fixed_point(model, h, order)
        assert last.max() <= 1e-11
        exact = cs.targets.Ising(size * A).log_normalizer(h)
        errors.append(abs(log_normalizer(model, h, m, order) - exact)[0])
    assert np.log2(errors[0] / errors[1]) == pytest.approx(order + 1, abs=0.4)


@pytest.mark.parametrize("order", ORDERS)
def test_gradients(order):
    rng = np.random.default_rng(order)
    A, m, step = random_couplings(5, rng), rng.uniform(-0.9, 0.9, (3, 5)), 1e-5
    model = Couplings(A)
    found = model.gradient(m, order)
    for i, e in enumerate(step * np.eye(5)):
        slope = (model.interaction(m + e, order) - model.interaction(m - e, order)) / (2 * step)
        np.testing.assert_allclose(found[:, i], slope, rtol=1e-7, atol=1e-7)


@pytest.mark.parametrize("order", ORDERS)
def test_many_matrices_at_once(order):
    rng = np.random.default_rng(order)
    A = np.stack([random_couplings(4, rng) for _ in range(3)])
    m = rng.uniform(-0.9, 0.9, (3, 2, 4))
    for name in ("interaction", "gradient"):
        together = getattr(Couplings(A), name)(m, order)
        apart = [getattr(Couplings(matrix), name)(rows, order) for matrix, rows in zip(A, m, strict=True)]
        np.testing.assert_allclose(together, apart, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("order", ORDERS)
def test_equal_couplings(order):
    m = np.random.default_rng(order).uniform(-0.9, 0.9, (3, 6))
    equal, matrix = EqualCouplings(0.3), Couplings(0.3 * (1 - np.eye(6)))
    np.testing.assert_allclose(equal.interaction(m, order), matrix.interaction(m, order), rtol=1e-12)
    np.testing.assert_allclose(equal.gradient(m, order), matrix.gradient(m, order), rtol=1e-11, atol=1e-13)
    # Two spins of one mean, as one node of weight two.
    weights = np.tile([2.0, 1.0, 1.0, 1.0, 1.0], (3, 1))
    doubled = np.insert(m[:, :5], 0, m[:, 0], axis=1)
    merged = EqualCouplings(0.3, weights)
    np.testing.assert_allclose(
        merged.interaction(m[:, :5], order), equal.interaction(doubled, order), rtol=1e-12
    )
    np.testing.assert_allclose(
        merged.gradient(m[:, :5], order), equal.gradient(doubled, order)[:, 1:], rtol=1e-11, atol=1e-13
    )


@pytest.mark.parametrize(("order", "denoiser"), [(1, "naive"), (2, "tap")])
def test_the_first_two_orders_are_the_packages_denoisers(order, denoiser):
    rng = np.random.default_rng(order)
    A, h = random_couplings(6, rng, 0.2), rng.standard_normal((5, 6))
    expected = cs.targets.Ising(A, denoiser=denoiser).posterior_mean(h)
    np.testing.assert_allclose(fixed_point(Couplings(A), h, order)[0], expected, atol=1e-9)
    score = score_of(Couplings(A), order, tolerance=1e-11)(0.49 * h, 0.7)
    np.testing.assert_allclose(score, (expected - 0.49 * h) / 0.49, atol=1e-8)


def test_total_variation():
    rng = np.random.default_rng(0)
    A = random_couplings(3, rng)
    x = np.where(rng.random((50, 3)) < 0.6, 1.0, -1.0)
    states = states_of(3)
    law = np.array([np.exp(0.5 * s @ A @ s) for s in states])
    shares = np.array([np.mean((x == s).all(axis=1)) for s in states])
    expected = 0.5 * np.abs(shares - law / law.sum()).sum()
    assert spin_dimension.total_variation(x, A) == pytest.approx(expected, abs=1e-14)


def test_divergence_of_paths():
    """With no couplings and means of zero instead of ``tanh``: half the integral of ``E tanh^2``."""

    def make(d, n, rng, strength):
        return EqualCouplings(0.0), np.zeros_like, np.where(rng.random((n, d)) < 0.5, 1.0, -1.0)

    nodes, weights = np.polynomial.hermite_e.hermegauss(80)
    taus = np.geomspace(0.01, 20.0, 2001)
    means = np.tanh(taus[:, None] + np.sqrt(taus)[:, None] * nodes) ** 2 @ weights / np.sqrt(2 * np.pi)
    expected = 0.5 * 3 * np.trapezoid(means, taus)
    found = spin_dimension.path_divergence(make, 3, 20_000, np.random.default_rng(0), 40)
    np.testing.assert_allclose(found, np.full(4, expected), rtol=5e-3)


def test_samples_share_their_noise_and_have_the_law():
    A = spin_dimension.gaussian_couplings(3, 1.0, np.random.default_rng(0))
    score = cs.targets.Ising(A).score
    seeds = np.random.SeedSequence(0).spawn(2)
    x = spin_dimension.ancestral_spins(score, 3, 4000, *seeds)
    np.testing.assert_array_equal(x, spin_dimension.ancestral_spins(score, 3, 4000, *seeds))
    assert spin_dimension.total_variation(x, A) < 0.05


@pytest.fixture(scope="module")
def drawn():
    return drawn_quickly("spin_dimension")


def test_numbers(drawn):
    _, numbers = drawn
    assert is_finite(plain(numbers))
    json.dumps(plain(numbers), allow_nan=False)
    assert numbers["claim"] == "; ".join(numbers["claims"])
    assert numbers["parameters"]["quick"] is True
    assert numbers["claims"]["there each order has a smaller error"]
    assert set(numbers["standard_errors"]) == {"slopes_curie_weiss", "slopes_spin_glass"}
    # Of 40 draws of another program: 8.6e-5.
    assert numbers["curie_weiss"]["means"][0, 0] == pytest.approx(8.9e-5, rel=0.25)


def test_same_seed_same_numbers(drawn):
    assert plain(spin_dimension.draw(quick=True)[1]) == plain(drawn[1])
