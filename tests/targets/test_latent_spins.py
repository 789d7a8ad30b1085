"""Models whose states need not be summed one by one, against those sums: equal couplings, hidden spins."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate
from scipy.special import gammaln

import convexscore as cs
from convexscore.targets import CurieWeiss, Ising, LatentIsing, RestrictedBoltzmannMachine

from .literal import cosines, counts, coupled, noisy_density, rectangle, shares, summed

B, H = rectangle(5, 4, 0.45), 0.6 * np.sin(np.arange(1, 6))
VISIBLE, HIDDEN = cosines(5, 0.25, 0.5), cosines(4, 0.3, 1.0)
THETA = [1.0, -1.0, -1.0, 1.0]


@st.composite
def layers(draw):
    rng = np.random.default_rng(draw(st.integers(0, 10**6)))
    d, k = draw(st.integers(1, 4)), draw(st.integers(1, 4))
    visible, hidden = rng.standard_normal((d, d)), rng.standard_normal((k, k))
    size = draw(st.sampled_from([0.3, 1.5]))
    return (
        visible + visible.T,
        size * rng.standard_normal((d, k)),
        hidden + hidden.T,
        rng.standard_normal((4, d)),
    )


def test_reference_values_of_a_boltzmann_machine():
    machine = RestrictedBoltzmannMachine(B)
    mean = [0.3786800777, 0.3996337049, 0.0288721812, -0.29557257, -0.4415351348]
    assert machine.posterior_mean(H) == pytest.approx(mean, abs=1e-9)
    assert machine.log_normalizer(H) == pytest.approx(7.625291796603, abs=1e-11)
    joint = np.block([[np.zeros((5, 5)), B], [B.T, np.zeros((4, 4))]])
    hidden = Ising(joint).posterior_mean(np.append(H, np.zeros(4)))[5:]
    assert hidden == pytest.approx([0.0301650401, 0.0074922495, 0.023510273, -0.0468095533], abs=1e-9)
    with pytest.warns(cs.ConvergenceWarning, match="not convex.* 1.018"):
        naive = RestrictedBoltzmannMachine(B, denoiser="naive").posterior_mean(H)
    expected = [0.4968216529, 0.5206746443, -0.0484472627, -0.37614426, -0.5333014487]
    assert naive == pytest.approx(expected, abs=1e-8)
    # The alternation between the layers has the same fixed point.
    assert np.tanh(B @ np.tanh(naive @ B) + H) == pytest.approx(naive, abs=1e-8)
    tap = [0.3616286375, 0.4017961697, 0.0289317931, -0.2977153881, -0.4284279297]
    assert RestrictedBoltzmannMachine(B, denoiser="tap").posterior_mean(H) == pytest.approx(tap, abs=1e-8)
    assert RestrictedBoltzmannMachine(B, denoiser="amp").posterior_mean(H) == pytest.approx(tap, abs=1e-8)


def test_reference_values_of_a_latent_model():
    law = LatentIsing(VISIBLE, B, HIDDEN)
    mean = [0.0795539105, 0.4471895503, 0.1411475446, -0.2887455029, -0.3712214928]
    assert law.posterior_mean(H) == pytest.approx(mean, abs=1e-9)
    assert law.log_normalizer(H) == pytest.approx(8.071234715209, abs=1e-11)
    with pytest.warns(cs.ConvergenceWarning, match="not convex.* 1.378"):
        naive = LatentIsing(VISIBLE, B, HIDDEN, denoiser="naive").posterior_mean(H)
    assert np.mean((naive - mean) ** 2) == pytest.approx(0.3124, abs=1e-4)
    tap = LatentIsing(VISIBLE, B, HIDDEN, denoiser="tap").posterior_mean(H)
    assert np.mean((tap - mean) ** 2) == pytest.approx(0.00347, abs=1e-5)
    given_hidden = law.conditional(THETA)
    exact = [0.8459862547, -0.0697651894, -0.4879372701, -0.9224537813, 0.6034111734]
    assert given_hidden.posterior_mean(H) == pytest.approx(exact, abs=1e-9)
    assert given_hidden.log_normalizer(H) == pytest.approx(5.267266881869, abs=1e-11)
    naive = LatentIsing(VISIBLE, B, HIDDEN, denoiser="naive").conditional(THETA).posterior_mean(H)
    expected = [0.8853726431, -0.0947373081, -0.5549657883, -0.9324999618, 0.6514389147]
    assert naive == pytest.approx(expected, abs=1e-8)


@given(layers())
def test_hidden_spins_are_summed_out(problem):
    visible, cross, hidden, h = problem
    d, k = cross.shape
    joint = np.block([[visible, cross], [cross.T, hidden]])
    law = LatentIsing(visible, cross, hidden)
    for row, mean, log_sum in zip(h, law.posterior_mean(h), law.log_normalizer(h), strict=True):
        expected, expected_sum = summed(lambda x: coupled(joint, x), d + k, [*row, *np.zeros(k)])
        np.testing.assert_allclose(mean, expected[:d], atol=1e-12)
        assert log_sum == pytest.approx(expected_sum, abs=1e-10)
    machine = RestrictedBoltzmannMachine(cross)
    layered = LatentIsing(np.zeros((d, d)), cross, np.zeros((k, k)))
    np.testing.assert_allclose(machine.posterior_mean(h), layered.posterior_mean(h), atol=1e-12)
    np.testing.assert_allclose(machine.log_normalizer(h), layered.log_normalizer(h), atol=1e-11)
    np.testing.assert_allclose(machine.logpdf(h, 0.7), layered.logpdf(h, 0.7), atol=1e-10)
    theta = np.sign(np.arange(k) - 0.5)
    given_hidden = summed(lambda x: coupled(visible, x) + np.array(x) @ cross @ theta, d, h[0])[0]
    np.testing.assert_allclose(law.conditional(theta).posterior_mean(h[0]), given_hidden, atol=1e-12)


@pytest.mark.parametrize("shape", [(2, 3), (3, 2)])
def test_samples_are_of_the_visible_spins(shape):
    d, k = shape
    cross, visible = rectangle(d, k, 0.9), cosines(d, 0.4)
    for law, own in (
        (RestrictedBoltzmannMachine(cross), np.zeros((d, d))),
        (LatentIsing(visible, cross, np.zeros((k, k))), visible),
    ):
        joint = np.block([[own, cross], [cross.T, np.zeros((k, k))]])
        expected = shares(lambda x, joint=joint: coupled(joint, x), d + k).reshape(2**d, 2**k).sum(axis=1)
        samples = law.sample(20000, rng=0)
        assert samples.shape == (20000, d)
        assert np.all(np.abs(counts(samples) - expected) < 4 * np.sqrt(expected / 20000))
        np.testing.assert_array_equal(law.sample(9, rng=1), law.sample(9, rng=1))


def test_one_layer_may_be_of_any_size():
    wide = RestrictedBoltzmannMachine(rectangle(100, 3, 0.2))
    tall = RestrictedBoltzmannMachine(rectangle(3, 100, 0.2))
    assert wide.sample(2, rng=0).shape == (2, 100)
    assert tall.sample(2, rng=0).shape == (2, 3)
    for law, d in ((wide, 100), (tall, 3)):
        y, step = np.cos(np.arange(d)), 1e-5 * np.eye(d)[0]
        slope = (law.logpdf(y + step, 0.8) - law.logpdf(y - step, 0.8)) / 2e-5
        assert law.score(y, 0.8)[0] == pytest.approx(slope, abs=1e-6)


@given(st.integers(1, 6), st.sampled_from([0.0, 1e-200, 0.3, 1.0, 2.5, 40.0]), st.integers(0, 10**6))
def test_equal_couplings_are_one_gaussian_variable(d, strength, seed):
    rng = np.random.default_rng(seed)
    field, h = rng.standard_normal((2, d)) * rng.choice([0.0, 1.0, 5.0], (2, 1))
    law, ising = CurieWeiss(d, strength, field), Ising(np.full((d, d), strength / d), field)
    np.testing.assert_allclose(law.posterior_mean(h), ising.posterior_mean(h), atol=1e-13)
    assert law.log_normalizer(h) == pytest.approx(ising.log_normalizer(h), abs=1e-11)
    assert law.logpdf(h, 0.8) == pytest.approx(ising.logpdf(h, 0.8), abs=1e-10)

    def energy(x):
        return strength / d * sum(x[i] * x[j] for i in range(d) for j in range(i)) + field @ x

    np.testing.assert_allclose(law.posterior_mean(h), summed(energy, d, h)[0], atol=1e-12)
    if strength < 10:
        assert law.logpdf(h, 0.8) == pytest.approx(np.log(noisy_density(energy, d, h, 0.8)), abs=1e-10)


def test_equal_couplings_in_many_dimensions():
    # Without a field the number of spins up has a law in closed form.
    d, strength = 400, 1.4
    up = np.arange(d + 1)
    magnetization = 2.0 * up - d
    logs = (
        gammaln(d + 1) - gammaln(up + 1) - gammaln(d - up + 1) + strength / (2 * d) * (magnetization**2 - d)
    )
    top = logs.max()
    law = CurieWeiss(d, strength)
    assert law.log_normalizer(np.zeros(d)) == pytest.approx(top + np.log(np.exp(logs - top).sum()), abs=1e-9)
    weights = np.exp(logs - top) / np.exp(logs - top).sum()
    size = np.abs(law.sample(4000, rng=0).sum(axis=1))
    mean = weights @ np.abs(magnetization)
    spread = np.sqrt(weights @ magnetization**2 - mean**2)
    assert abs(size.mean() - mean) < 4 * spread / np.sqrt(4000)
    # A small common field tilts that law.
    tilted = weights * np.exp(0.002 * magnetization)
    expected = tilted @ magnetization / tilted.sum() / d
    assert law.posterior_mean(np.full(d, 0.002)) == pytest.approx(np.full(d, expected), abs=1e-11)


def mean_square_error(d, name):
    """``E |m_name - m|^2 / d`` of noisy points at time 1/2, couplings .6 / d: a quadrature a state."""
    law, ising = CurieWeiss(d, 0.6), Ising(np.full((d, d), 0.6 / d), denoiser=name)
    sigma = np.sqrt(np.expm1(1.0))
    nodes, weights = np.polynomial.hermite_e.hermegauss({2: 60, 3: 30, 4: 18}[d])
    grid = np.stack(np.meshgrid(*[nodes] * d, indexing="ij"), axis=-1).reshape(-1, d)
    mass = np.prod(np.stack(np.meshgrid(*[weights / weights.sum()] * d, indexing="ij")), axis=0).ravel()
    total = normalizer = 0.0
    # All states with as many spins up are alike, or as many down.
    for up in range(d // 2 + 1):
        x = np.where(np.arange(d) < up, 1.0, -1.0)
        chance = math.comb(d, up) * math.exp(0.3 / d * x.sum() ** 2) * (1 if 2 * up == d else 2)
        y = x + sigma * grid
        error = (ising.denoise(y, sigma) - law.denoise(y, sigma)) ** 2
        total += chance * (mass @ error.mean(axis=1))
        normalizer += chance
    return total / normalizer


# With 40 nodes a dimension; in four dimensions 18 of them leave an error of 2e-7.
@pytest.mark.parametrize(
    ("d", "naive", "tap", "tolerance"),
    [
        (2, 2.964152838e-4, 6.315113e-6, 1e-9),
        (3, 2.841685e-4, 4.570e-6, 2e-9),
        (4, 2.25681e-4, 6.876e-6, 3e-7),
    ],
)
def test_errors_of_mean_field_by_quadrature(d, naive, tap, tolerance):
    assert mean_square_error(d, "naive") == pytest.approx(naive, abs=tolerance)
    assert mean_square_error(d, "tap") == pytest.approx(tap, abs=tolerance)


def test_the_error_of_mean_field_falls_like_the_square_of_the_dimension():
    sigma, errors = np.sqrt(np.expm1(1.0)), []
    for d in (8, 32, 128, 512):
        law, ising = CurieWeiss(d, 0.6), Ising(np.full((d, d), 0.6 / d), denoiser="naive")
        y = law.sample(200, rng=1) + sigma * np.random.default_rng(d).standard_normal((200, d))
        errors.append(np.mean((ising.denoise(y, sigma) - law.denoise(y, sigma)) ** 2))
    for measured, expected in zip(errors, [8.6e-5, 7.6e-6, 5.7e-7, 3.5e-8], strict=True):
        assert expected / 1.5 < measured < expected * 1.5
    slopes = np.diff(np.log(errors)) / np.log(4)
    assert np.all(slopes < -1.5)


def test_the_integral_is_that_of_quadrature():
    d, strength, h = 3, 0.8, np.array([0.4, -1.0, 0.2])

    def weight(theta, power=0):
        tilt = np.tanh(theta + h[0]) ** power
        return tilt * np.exp(-(theta**2) * d / (2 * strength)) * np.prod(2 * np.cosh(theta + h))

    total = integrate.quad(weight, -8, 8, epsabs=0, epsrel=1e-12)[0]
    mean = integrate.quad(weight, -8, 8, args=(1,), epsabs=1e-13, epsrel=1e-12)[0] / total
    assert CurieWeiss(d, strength).posterior_mean(h)[0] == pytest.approx(mean, abs=1e-11)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: CurieWeiss(0, 0.5), "d: expected an integer of at least 1"),
        (lambda: CurieWeiss(3, -0.5), "strength: expected a number at least 0"),
        (lambda: CurieWeiss(3, 1e12), "strength: expected at most"),
        (lambda: CurieWeiss(3, 0.5, [1.0]), r"field: expected shape \(3,\)"),
        (lambda: LatentIsing(VISIBLE, B.T, HIDDEN), r"cross: expected shape \(5, 4\)"),
        (
            lambda: LatentIsing(np.zeros((19, 19)), np.zeros((19, 2)), np.zeros((2, 2))),
            "cross: expected at most 20 spins",
        ),
        (
            lambda: LatentIsing(VISIBLE, B, HIDDEN, denoiser="tap_k"),
            "denoiser: expected one of 'exact', 'naive'",
        ),
        (
            lambda: LatentIsing(VISIBLE, B, HIDDEN).conditional([1.0, 1.0, 1.0, 0.5]),
            "theta: expected 4 spins of -1 or 1",
        ),
        (lambda: RestrictedBoltzmannMachine(np.zeros((21, 22))), "couplings: expected at most 20 spins"),
        (lambda: RestrictedBoltzmannMachine([1.0]), r"couplings: expected shape \(visible, hidden\)"),
        (lambda: RestrictedBoltzmannMachine(B).score(H, 0.0), "sigma: expected a number above 0"),
    ],
)
def test_wrong_models_are_named(make, message):
    with pytest.raises(ValueError, match=message):
        make()
