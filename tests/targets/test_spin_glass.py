"""Spin glasses and synchronization: reference values, sums over states, statistics of large systems."""

import warnings

import numpy as np
import pytest
from scipy import integrate

import convexscore as cs
from convexscore.targets import Ising, SherringtonKirkpatrick, Z2Synchronization, overlap
from convexscore.targets.graphical import spin_glass

from .literal import counts, coupled, noisy_density, shares, summed

INDEX = np.arange(1, 11)
W = np.sin(np.outer(INDEX, INDEX) + 0.3) * np.sqrt(0.2) * (1 - np.eye(10))
Y = 0.4 * np.cos(INDEX)
EXACT = [0.3075196529, -0.1719282386, -0.390555083, -0.3344511702, -0.1853929406]
EXACT += [0.4937540344, 0.0456637193, -0.0014087027, -0.4232326354, -0.3963369758]
OVERLAPS = {
    (0.5, 0.1): 0.1148639126,
    (0.5, 0.5): 0.3979526493,
    (0.5, 1): 0.5946385559,
    (0.5, 2): 0.7963453553,
    (0.5, 5): 0.9664944041,
    (0.8, 0.1): 0.1799456398,
    (0.8, 0.5): 0.4851951644,
    (0.8, 1): 0.6639371680,
    (0.8, 2): 0.8347426797,
    (0.8, 5): 0.9730149149,
    (1.1, 0): 0.1917337792,
    (1.2, 0): 0.3576591182,
    (1.5, 0): 0.6922946549,
    (2, 0): 0.9165110110,
    (3, 0): 0.9957616800,
    (0.3, 0): 0.0,
    (0.9, 0): 0.0,
}


def noise(d, rng):
    """A symmetric matrix with entries of variance 1 / d and a zero diagonal."""
    square = rng.standard_normal((d, d))
    matrix = (square + square.T) / np.sqrt(2 * d)
    np.fill_diagonal(matrix, 0.0)
    return matrix


def energies(x, matrix):
    return np.einsum("ni,ij,nj->n", x, matrix, x) / (2 * x.shape[1])


def pair_overlaps(x):
    return (x @ x.T / x.shape[1])[np.triu_indices(len(x), 1)]


@pytest.mark.parametrize(("arguments", "expected"), OVERLAPS.items())
def test_overlaps(arguments, expected):
    q = overlap(*arguments)
    assert q == pytest.approx(expected, abs=1e-9)
    beta, tau = arguments
    g = beta**2 * q + tau
    if q > 0:
        density = integrate.quad(
            lambda x: np.tanh(g + np.sqrt(g) * x) ** 2 * np.exp(-(x**2) / 2), -12, 12, epsabs=1e-12, limit=200
        )[0]
        assert density / np.sqrt(2 * np.pi) == pytest.approx(q, abs=1e-10)


def test_an_overlap_that_does_not_settle_is_told():
    with pytest.warns(cs.ConvergenceWarning, match="overlap: did not settle in 2000 steps"):
        q = overlap(1.0, 0.0)
    assert 0 < q < 1e-3
    assert overlap(0.9999, 0.0) == 0
    assert overlap(0.5, 1e40) == pytest.approx(1.0)
    assert overlap(1e40, 0.1) == pytest.approx(1.0)


def test_reference_values():
    exact = SherringtonKirkpatrick(W, 0.5, denoiser="exact")
    assert exact.posterior_mean(Y) == pytest.approx(EXACT, abs=1e-9)
    assert exact.log_normalizer(Y) == pytest.approx(7.892773459734, abs=1e-10)
    glass = SherringtonKirkpatrick(W, 0.5)
    iterates = glass.amp(Y, 100)
    assert iterates.shape == (101, 10)
    assert (iterates[0] == 0).all()
    np.testing.assert_array_equal(iterates[1], np.tanh(Y))
    assert iterates[2][:3] == pytest.approx([0.313474384, -0.1820670483, -0.3540588862], abs=1e-9)
    assert iterates[3][:3] == pytest.approx([0.3079730673, -0.1619305543, -0.3521563721], abs=1e-9)
    assert iterates[-1][:3] == pytest.approx([0.2908065411, -0.1713913995, -0.3490996369], abs=1e-9)
    errors = [iterates[-1], SherringtonKirkpatrick(W, 0.5, denoiser="naive").posterior_mean(Y)]
    errors.append(Ising(0.5 * W, denoiser="tap").posterior_mean(Y))
    for mean, error in zip(errors, [3.5334779e-4, 8.0168e-3, 6.8117e-5], strict=True):
        assert np.mean((mean - EXACT) ** 2) == pytest.approx(error, rel=1e-4)
    assert glass.free_energy(0.5 * np.sin(INDEX), Y, 0.3) == pytest.approx(-6.992726885126, abs=1e-11)
    descended = SherringtonKirkpatrick(W, 0.5, denoiser="ngd")._descended(Y[None], 0.3)[0]
    assert descended[:3] == pytest.approx([0.3108394887, -0.1820925186, -0.3669621614], abs=1e-9)


def test_descent_ends_where_the_free_energy_is_stationary():
    glass = SherringtonKirkpatrick(W, 0.5, denoiser="ngd")
    sigma = 1.3
    m, q = glass.denoise(sigma**2 * Y, sigma), overlap(0.5, 1 / sigma**2)
    for step in 1e-5 * np.eye(10):
        slope = (glass.free_energy(m + step, Y, q) - glass.free_energy(m - step, Y, q)) / 2e-5
        assert slope == pytest.approx(0.0, abs=1e-8)
    steps = 1e-5 * np.eye(10)
    at = 0.5 * np.sin(INDEX)
    slopes = [(glass.free_energy(at + s, Y, 0.3) - glass.free_energy(at - s, Y, 0.3)) / 2e-5 for s in steps]
    gradient = -0.5 * W @ at - Y + np.arctanh(at) + 0.25 * 0.7 * at
    np.testing.assert_allclose(slopes, gradient, atol=1e-8)
    assert np.isfinite(glass.free_energy(np.ones(10), Y, 0.3))


def test_means_and_densities_are_sums_over_states():
    rng = np.random.default_rng(0)
    matrix, h = noise(5, rng), rng.standard_normal((3, 5))
    for law, size in (
        (SherringtonKirkpatrick(matrix, 0.7, denoiser="exact"), 0.7),
        (Z2Synchronization(matrix, 1.4), 1.4),
    ):
        for row, log_sum, log_density in zip(h, law.log_normalizer(h), law.logpdf(h, 0.8), strict=True):
            mean, expected = summed(lambda x, size=size: size * coupled(matrix, x), 5, row)
            assert log_sum == pytest.approx(expected, abs=1e-11)
            density = noisy_density(lambda x, size=size: size * coupled(matrix, x), 5, row, 0.8)
            assert log_density == pytest.approx(np.log(density), abs=1e-10)
            if law.denoiser == "exact":
                np.testing.assert_allclose(law.posterior_mean(row), mean, atol=1e-12)


def test_message_passing_is_the_literal_iteration():
    rng = np.random.default_rng(1)
    matrix, y = noise(12, rng), rng.standard_normal((4, 12))
    iterates = SherringtonKirkpatrick(matrix, 0.6).amp(y, 6)
    assert iterates.shape == (7, 4, 12)
    for row in range(4):
        before, m = np.zeros(12), np.zeros(12)
        for k in range(6):
            b = 0.36 * np.mean(1 - m**2)
            before, m = m, np.tanh(0.6 * matrix @ m + y[row] - b * before)
            np.testing.assert_allclose(iterates[k + 1, row], m, atol=1e-12)


def test_message_passing_beats_mean_field_and_improves_with_the_size():
    errors = {}
    for d in (6, 14):
        rng, found = np.random.default_rng(d), []
        for _ in range(40):
            matrix = noise(d, rng)
            exact = SherringtonKirkpatrick(matrix, 0.5, denoiser="exact")
            y = exact._exact.sample(10, rng) + np.sqrt(2) * rng.standard_normal((10, d))
            mean = exact.denoise(y, np.sqrt(2))
            amp = SherringtonKirkpatrick(matrix, 0.5).denoise(y, np.sqrt(2))
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", cs.ConvergenceWarning)
                naive = SherringtonKirkpatrick(matrix, 0.5, denoiser="naive").denoise(y, np.sqrt(2))
            found.append([np.mean((amp - mean) ** 2), np.mean((naive - mean) ** 2)])
        errors[d] = np.mean(found, axis=0)
        assert errors[d][0] < 0.5 * errors[d][1]
    assert errors[14][0] < errors[6][0]
    assert errors[14][0] == pytest.approx(3.5e-4, rel=1)


def test_state_evolution_in_a_large_system():
    rng = np.random.default_rng(2)
    d, beta, tau = 1000, 0.8, 1.0
    x = np.where(rng.random(d) < 0.5, 1.0, -1.0)
    # A planted spike makes this the posterior of x, to leading order the law of the model itself.
    glass = SherringtonKirkpatrick(noise(d, rng) + beta / d * np.outer(x, x), beta)
    y = tau * x + np.sqrt(tau) * rng.standard_normal((8, d))
    m = glass.posterior_mean(y)
    q = overlap(beta, tau)
    assert np.mean(m**2) == pytest.approx(q, abs=0.03)
    assert np.mean(m @ x) / d == pytest.approx(q, abs=0.03)


@pytest.mark.parametrize("denoiser", ["amp", "exact", "ngd"])
def test_localization_makes_the_law_of_few_spins(denoiser):
    rng = np.random.default_rng(3)
    matrix = noise(4, rng)
    law = shares(lambda x: 0.5 * coupled(matrix, x), 4)
    x = SherringtonKirkpatrick(matrix, 0.5, denoiser=denoiser).sample(6000, rng=0)
    assert set(np.unique(x)) == {-1.0, 1.0}
    distance = 0.5 * np.abs(counts(x) - law).sum()
    assert distance < (0.03 if denoiser == "exact" else 0.05)


@pytest.mark.parametrize("denoiser", ["amp", "ngd"])
def test_localization_is_reverse_diffusion(denoiser):
    glass, count = SherringtonKirkpatrick(W, 0.5, denoiser), 5
    steps, delta = 30, 0.2
    source = np.random.default_rng(4)
    first = source.standard_normal((count, 10))
    sigmas = (delta * np.arange(1, steps + 1)) ** -0.5
    # The first step, from no signal, is exact.
    start = np.zeros(10) + sigmas[0] * first
    y = cs.samplers.reverse(glass.score, sigmas, count, 10, rng=source, rule="ancestral", x0=start)
    m = glass.denoise(y, sigmas[-1])
    expected = np.where(source.random((count, 10)) < (1 + m) / 2, 1.0, -1.0)
    x = glass.sample(count, rng=np.random.default_rng(4), n_steps=steps, step_size=delta)
    np.testing.assert_array_equal(x, expected)


def test_samples_of_a_large_system_have_its_energy_and_overlaps():
    for beta, mean, tolerance, pairs in (
        (0.25, 0.125, 0.01, 1.067),
        (0.5, 0.25, 0.01, 1.333),
        # At this size and step below the limit of .4; overlaps even more, which are not tested.
        (0.8, 0.3794, 0.02, None),
    ):
        energy, squares = [], []
        for seed in range(2):
            matrix = noise(300, np.random.default_rng(seed))
            x = SherringtonKirkpatrick(matrix, beta).sample(64, rng=seed)
            energy.append(energies(x, matrix).mean())
            squares.append(300 * np.mean(pair_overlaps(x) ** 2))
        assert np.mean(energy) == pytest.approx(mean, abs=tolerance)
        assert pairs is None or np.mean(squares) == pytest.approx(pairs, rel=0.1)


def residual(beta, tau, seed):
    """The root mean square of the last of 100 steps of message passing, 400 spins."""
    rng = np.random.default_rng(seed)
    y = tau + np.sqrt(tau) * rng.standard_normal(400)
    last = SherringtonKirkpatrick(noise(400, rng), beta).amp(y, 100)[-2:]
    return np.sqrt(np.mean((last[1] - last[0]) ** 2))


def test_message_passing_settles_up_to_the_critical_temperature_and_at_large_signals():
    for beta, tau, largest in ((0.5, 0.05, 1e-9), (1.0, 0.05, 1e-3), (2.0, 2.0, 1e-4)):
        assert np.median([residual(beta, tau, seed) for seed in range(5)]) < largest
    assert np.median([residual(2.0, 0.05, seed) for seed in range(5)]) >= 0.86


def test_strong_couplings_are_told():
    rng = np.random.default_rng(5)
    d = 200
    glass = SherringtonKirkpatrick(noise(d, rng), 2.0)
    points = np.ones((3, d)) + np.sqrt(20) * rng.standard_normal((3, d))
    with pytest.warns(cs.ConvergenceWarning, match=r"AMP: \d of 3 rows .* temperature of 2 and tau=0.05"):
        glass.denoise(points, np.sqrt(20))
    with pytest.warns(cs.ConvergenceWarning, match="AMP: chains changed") as caught:
        glass.sample(3, rng=0, n_steps=4)
    assert len(caught) == 1
    # A strong signal, or weak couplings, need no warning: it would be an error here.
    glass.denoise(np.ones((3, d)) + np.sqrt(0.2) * rng.standard_normal((3, d)), np.sqrt(0.2))
    SherringtonKirkpatrick(noise(d, rng), 0.5).denoise(points, np.sqrt(20))


def test_rows_that_take_more_steps_do_so_alone():
    rng = np.random.default_rng(6)
    glass = SherringtonKirkpatrick(noise(100, rng), 0.95)
    y = 0.1 * rng.standard_normal((20, 100))
    y[::2] += 3
    m = glass.posterior_mean(y)
    np.testing.assert_allclose(m, [glass.posterior_mean(row) for row in y], atol=1e-12)
    fifteen = glass.amp(y, spin_glass._STEPS)[-1]
    moved = np.abs(m - fifteen).max(axis=1) > 1e-9
    assert moved.any()
    assert not moved[::2].any()
    iterates = glass.amp(y, 100)
    changes = np.sqrt(np.mean(np.diff(iterates, axis=0) ** 2, axis=2))
    for row in np.flatnonzero(moved):
        settled = 15 + np.argmax(changes[14:, row] <= 1e-3)
        np.testing.assert_allclose(m[row], iterates[settled, row], atol=1e-12)


@pytest.mark.parametrize(("strength", "tolerance"), [(1.5, 0.08), (2.0, 0.05)])
def test_synchronization_finds_its_signal(strength, tolerance):
    rng = np.random.default_rng(7)
    d = 500
    signal = np.where(rng.random(d) < 0.5, 1.0, -1.0)
    observation = strength / d * np.outer(signal, signal) + noise(d, rng)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", cs.ConvergenceWarning)
        x = Z2Synchronization(observation, strength).sample(48, rng=0, n_steps=20, step_size=0.2)
    q, found = overlap(strength, 0.0), x @ signal / d
    assert np.abs(found).mean() == pytest.approx(q, abs=tolerance)
    assert np.abs(pair_overlaps(x)).mean() == pytest.approx(q, abs=tolerance)
    assert energies(x, observation).mean() == pytest.approx(strength / 2, abs=tolerance)
    top = np.linalg.eigh(observation)[1][:, -1]
    assert np.abs(found).mean() > 1 - strength**-2
    assert np.abs(found).mean() > (top @ signal) ** 2 / d
    # One lobe as often as the other.
    assert 10 < (found > 0).sum() < 38


def test_the_posterior_has_the_sign_of_the_likelihood():
    rng = np.random.default_rng(8)
    d, beta = 6, 1.7
    signal = np.where(rng.random(d) < 0.5, 1.0, -1.0)
    observation = beta / d * np.outer(signal, signal) + noise(d, rng)
    pairs = np.triu_indices(d, 1)
    states = np.array(np.meshgrid(*[[-1.0, 1.0]] * d)).reshape(d, -1).T
    # Independent Gaussian entries of variance 1 / d above the diagonal.
    residuals = [(observation - beta / d * np.outer(x, x))[pairs] for x in states]
    likelihood = np.array([-d / 2 * np.sum(r**2) for r in residuals])
    posterior = np.exp(likelihood - likelihood.max())
    posterior /= posterior.sum()
    mean = posterior * np.exp(states @ Y[:d]) @ states / (posterior @ np.exp(states @ Y[:d]))
    exact = Z2Synchronization(observation, beta)._exact.posterior_mean(Y[:d])
    np.testing.assert_allclose(exact, mean, atol=1e-12)


def test_the_spectral_start_is_of_one_sign():
    rng = np.random.default_rng(9)
    signal = np.where(rng.random(200) < 0.5, 1.0, -1.0)
    observation = 2 / 200 * np.outer(signal, signal) + noise(200, rng)
    law = Z2Synchronization(observation, 2.0)
    first = law.amp(np.zeros(200), 0)[0]
    vector = np.linalg.eigh(observation)[1][:, -1]
    size = np.abs(np.arctanh(first))
    np.testing.assert_allclose(size, np.abs(2 * np.sqrt(3) * np.sqrt(200) * vector), rtol=1e-6)
    assert first[np.argmax(np.abs(first))] > 0
    assert (Z2Synchronization(observation, 1.0).amp(np.zeros(200), 0) == 0).all()
    assert abs(law.denoise(np.zeros(200), 50.0) @ signal) / 200 > 0.8


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: SherringtonKirkpatrick([[0.0, 1.0], [0.0, 0.0]], 0.5),
            "matrix: expected a symmetric matrix",
        ),
        (lambda: SherringtonKirkpatrick(W, -0.5), "inverse_temperature: expected a number at least 0"),
        (
            lambda: SherringtonKirkpatrick(np.zeros((21, 21)), 0.5, "exact"),
            "matrix: expected at most 20 spins",
        ),
        (lambda: SherringtonKirkpatrick(W, 0.5, "tap"), "denoiser: expected one of 'amp', 'exact'"),
        (lambda: SherringtonKirkpatrick(W, 0.5).score(Y, 0.0), "sigma: expected a number above 0"),
        (lambda: SherringtonKirkpatrick(W, 0.5).amp(Y, -1), "n_steps: expected an integer of at least 0"),
        (
            lambda: SherringtonKirkpatrick(W, 0.5).free_energy(2 * Y / 0.4, Y, 0.3),
            "m: expected means from -1 to 1",
        ),
        (lambda: SherringtonKirkpatrick(W, 0.5).free_energy(Y, Y, 1.3), "q: expected a number of at most 1"),
        (
            lambda: SherringtonKirkpatrick(W, 0.5, "ngd").posterior_mean(Y),
            "fields: expected points and their noise",
        ),
        (
            lambda: SherringtonKirkpatrick(np.zeros((30, 30)), 0.5).logpdf(np.zeros(30), 1.0),
            "matrix: expected at most 20",
        ),
        (
            lambda: SherringtonKirkpatrick(W, 0.5).sample(2, step_size=0.0),
            "step_size: expected a number above 0",
        ),
        (lambda: Z2Synchronization(W, 0.0), "strength: expected a number above 0"),
        (
            lambda: Z2Synchronization([[0.0, 1.0], [0.0, 0.0]], 1.0),
            "observation: expected a symmetric matrix",
        ),
        (
            lambda: Z2Synchronization(np.zeros((30, 30)), 2.0).logpdf(np.zeros(30), 1.0),
            "observation: expected at most",
        ),
        (lambda: overlap(-1.0, 0.0), "inverse_temperature: expected a number at least 0"),
        (lambda: overlap(1.0, -0.1), "tau: expected a number at least 0"),
    ],
)
def test_wrong_arguments_are_named(make, message):
    with pytest.raises(ValueError, match=message):
        make()
