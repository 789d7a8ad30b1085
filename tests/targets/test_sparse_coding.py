"""Sparse coding: sums over codes against literal ones, mean field and message passing against both."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import convexscore as cs
from convexscore.targets import SparseCoding
from convexscore.targets.graphical import sparse_coding
from convexscore.targets.graphical.channel import Channel

from .literal import rectangle

LAW = {"dictionary": rectangle(4, 3, 0.5), "support": [-1.0, 0.0, 1.0], "probabilities": [0.25, 0.5, 0.25]}
LAW |= {"noise_level": 0.3}
Z, T = np.array([0.7, -0.4, 0.2, 0.5]), 0.05
Y, SIGMA = Z * np.exp(T), np.sqrt(np.expm1(2 * T))


def summed(law, y, sigma):
    """Mean of the code, and the density, one code after another."""
    v, (d, k) = law.noise_level**2 + sigma**2, law.dictionary.shape
    total, sums = 0.0, np.zeros(k)
    for chosen in itertools.product(range(len(law.support)), repeat=k):
        code = np.array([law.support[i] for i in chosen])
        weight = math.prod(law.probabilities[i] for i in chosen)
        weight *= math.exp(-sum((y - law.dictionary @ code) ** 2) / (2 * v))
        total += weight
        sums += weight * code
    return sums / total, total / (2 * math.pi * v) ** (d / 2)


@st.composite
def laws(draw):
    rng = np.random.default_rng(draw(st.integers(0, 10**6)))
    d, k, s = draw(st.integers(1, 4)), draw(st.integers(1, 3)), draw(st.integers(1, 3))
    support = rng.standard_normal(s) + draw(st.sampled_from([0.0, 5.0]))
    law = SparseCoding(
        rng.standard_normal((d, k)), support, rng.uniform(0.1, 1, s), draw(st.sampled_from([0.0, 0.5]))
    )
    return law, law.sample(4, rng), draw(st.sampled_from([0.4, 1.0]))


def test_reference_values():
    law = SparseCoding(**LAW)
    code = [-0.1046084406, -0.1481130094, -0.4259678178]
    assert law.posterior_mean_code(Z, T) == pytest.approx(code, abs=1e-9)
    clean = [0.4543437394, -0.2662956218, 0.1911114432, 0.169768991]
    assert law.denoise(Y, SIGMA) == pytest.approx(clean, abs=1e-9)
    score = np.array([-2.8142875145, 1.5414858013, -0.1913480225, -3.5571832267])
    assert cs.vp(law.score)(Z, T) == pytest.approx(score, abs=1e-8)
    assert float(SIGMA) == pytest.approx(0.32430066, abs=1e-10)
    assert law.score(Y, SIGMA) == pytest.approx(np.exp(-T) * score, abs=1e-8)
    # The density of z is that of y times the volume e^{4t}.
    assert law.logpdf(Y, SIGMA) + 4 * T == pytest.approx(-3.7455985286, abs=1e-9)
    naive = [-0.0897353455, -0.1310858668, -0.4041455592]
    assert SparseCoding(**LAW, denoiser="naive").posterior_mean_code(Z, T) == pytest.approx(naive, abs=1e-9)
    gamp = [-0.1049388186, -0.1478118263, -0.4298488954]
    assert SparseCoding(**LAW, denoiser="gamp").posterior_mean_code(Z, T) == pytest.approx(gamp, abs=1e-9)


@given(laws())
def test_sums_are_those_over_codes_one_by_one(problem):
    law, y, sigma = problem
    v = law.noise_level**2 + sigma**2
    clean = law.denoise(y, sigma)
    codes = law.posterior_mean_code(y / np.hypot(1, sigma), 0.5 * np.log1p(sigma**2))
    for row, code, mean, log_density in zip(y, codes, clean, law.logpdf(y, sigma), strict=True):
        expected, density = summed(law, row, sigma)
        np.testing.assert_allclose(code, expected, atol=1e-10)
        assert log_density == pytest.approx(math.log(density), abs=1e-10)
        np.testing.assert_allclose(
            mean, (sigma**2 * law.dictionary @ expected + law.noise_level**2 * row) / v, atol=1e-9
        )
    np.testing.assert_allclose(law.score(y, sigma), (clean - y) / sigma**2, atol=1e-9)


@given(laws())
def test_scores_are_derivatives(problem):
    law, y, sigma = problem
    for level in (sigma, *([0.0] if law.noise_level else [])):
        steps = 1e-5 * np.eye(y.shape[1])
        slopes = [(law.logpdf(y + step, level) - law.logpdf(y - step, level)) / 2e-5 for step in steps]
        np.testing.assert_allclose(law.score(y, level), np.transpose(slopes), rtol=1e-4, atol=1e-4)


def test_mean_field_and_message_passing_are_exact_for_orthogonal_columns():
    rng = np.random.default_rng(0)
    dictionary = np.linalg.qr(rng.standard_normal((6, 4)))[0] * [1.0, 2.0, 0.5, 1.5]
    law = SparseCoding(dictionary, [0.0, 1.0, 3.0], [0.6, 0.3, 0.1], 0.2)
    y = law.sample(20, rng)
    naive = SparseCoding(dictionary, [0.0, 1.0, 3.0], [0.6, 0.3, 0.1], 0.2, denoiser="naive")
    np.testing.assert_allclose(naive.score(y, 0.3), law.score(y, 0.3), atol=1e-9)


def test_message_passing_beats_mean_field():
    rng, errors = np.random.default_rng(1), {"naive": [], "gamp": []}
    for d in (6, 8, 16, 32):
        arguments = (rng.standard_normal((d, 8)) / np.sqrt(d), [-1.0, 0.0, 1.0], [0.25, 0.5, 0.25], 0.3)
        exact = SparseCoding(*arguments)
        z = np.exp(-T) * (exact.sample(40, rng) + SIGMA * rng.standard_normal((40, d)))
        mean = exact.posterior_mean_code(z, T)
        for name, found in errors.items():
            approximate = SparseCoding(*arguments, denoiser=name).posterior_mean_code(z, T)
            found.append(np.mean((approximate - mean) ** 2))
    assert np.mean(errors["gamp"]) < 0.5 * np.mean(errors["naive"])
    assert errors["naive"][0] == pytest.approx(2.7e-2, rel=2)
    assert errors["naive"][-1] == pytest.approx(1.2e-3, rel=2)
    assert np.mean(errors["gamp"]) < 3 * 6e-4


def test_rows_that_go_around_climb_instead():
    # Two columns almost alike: entries updated at once overshoot together.
    columns = np.array([[1.0, 0.99, 0.98, 1.01], [0.0, 0.05, -0.05, 0.02]])
    channel = Channel(np.array([-1.0, 1.0]), np.log([0.5, 0.5]))
    B, w = columns / 0.1, np.array([[0.3, 0.1], [20.0, 0.0], [-1.0, 0.5]])
    mean = channel.mean_field(B, w)
    g = B.T @ B
    h = w @ B - mean @ g + mean * np.diag(g)
    fixed, _ = channel.posterior(h / np.diag(g), np.broadcast_to(1 / np.diag(g), h.shape))
    np.testing.assert_allclose(mean, fixed, atol=1e-10)


def test_a_part_beside_the_dictionary_does_not_matter():
    # The second feature says nothing of the code, however far out.
    arguments = ([-1.0, 0.5, 1.0], [0.3, 0.3, 0.4], 0.5)
    near = SparseCoding([[1.0, 0.3]], *arguments)
    far = SparseCoding([[1.0, 0.3], [0.0, 0.0]], *arguments)
    code = near.posterior_mean_code([0.2], 0.4)
    assert far.posterior_mean_code([0.2, 1e20], 0.4) == pytest.approx(code, abs=1e-12)
    difference = far.logpdf([0.2, 1.0], 0.5) - near.logpdf([0.2], 0.5)
    assert difference == pytest.approx(-1.0 - 0.5 * np.log(2 * np.pi * 0.5), abs=1e-12)


def test_far_from_all_values_the_nearest_is_certain():
    channel = Channel(np.array([-1.0, 0.0, 2.0]), np.log([0.2, 0.3, 0.5]))
    mean, variance = channel.posterior(np.array([1e100, -1e100, 0.4]), np.full(3, 1e-250))
    np.testing.assert_array_equal(mean, [2.0, -1.0, 0.0])
    assert np.isfinite([mean, variance]).all()


def test_blocks_do_not_change_sums(monkeypatch):
    law = SparseCoding(**LAW)
    y = law.sample(9, rng=0)
    whole = law.score(y, 0.5), law.logpdf(y, 0.5)
    monkeypatch.setattr(sparse_coding, "_STATES", 5)
    np.testing.assert_allclose(law.score(y, 0.5), whole[0], atol=1e-12)
    np.testing.assert_allclose(law.logpdf(y, 0.5), whole[1], atol=1e-12)


def test_far_and_almost_clean_points():
    for name in ("exact", "naive", "gamp"):
        law = SparseCoding([[1.0], [0.5]], [-1.0, 1.0], [0.5, 0.5], 0.0, denoiser=name)
        assert law.denoise([1.01, 0.5], 1e-3) == pytest.approx([1.0, 0.5])
        assert law.denoise([1e8, 0.0], 1.0) == pytest.approx([1.0, 0.5])
        with pytest.raises(ValueError, match="y: expected points up to"):
            law.score([1e200, 0.0], 1.0)


def test_samples_have_the_moments_of_the_law():
    law = SparseCoding(**LAW)
    x = law.sample(40000, rng=0)
    covariance = 0.5 * law.dictionary @ law.dictionary.T + 0.09 * np.eye(4)
    np.testing.assert_allclose(x.mean(axis=0), 0, atol=0.02)
    np.testing.assert_allclose(np.cov(x.T), covariance, atol=0.02)
    np.testing.assert_array_equal(law.sample(4, rng=1), law.sample(4, rng=1))


def test_reverse_diffusion_makes_the_law():
    law = SparseCoding(**LAW)
    sigmas = cs.samplers.sigma_grid(20.0, 0.05, 60)
    x = cs.samplers.reverse(law.score, sigmas, 4000, 4, rng=0, rule="ancestral", denoise=True)
    covariance = 0.5 * law.dictionary @ law.dictionary.T + 0.09 * np.eye(4)
    np.testing.assert_allclose(np.cov(x.T), covariance, atol=0.05)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"dictionary": np.ones((2, 12))}, "dictionary: expected at most 200000 codes .*'naive' or 'gamp'"),
        ({"dictionary": [1.0]}, r"dictionary: expected shape \(d, k\)"),
        ({"dictionary": [[1.0, 0.0]], "denoiser": "naive"}, "dictionary: expected columns .* column 1"),
        ({"dictionary": [[1.0, 0.0]], "denoiser": "gamp"}, "dictionary: expected columns"),
        ({"support": [1.0, 1.0, 0.0]}, "support: expected different numbers"),
        ({"probabilities": [1.0]}, r"probabilities: expected shape \(3,\)"),
        ({"probabilities": [1.0, 0.0, 1.0]}, "probabilities: expected positive weights"),
        ({"noise_level": -1.0}, "noise_level: expected a number at least 0"),
        ({"denoiser": "amp"}, "denoiser: expected one of 'exact', 'naive', 'gamp'"),
    ],
)
def test_wrong_laws_are_named(changed, message):
    with pytest.raises(ValueError, match=message):
        SparseCoding(**LAW | changed)


@pytest.mark.parametrize("denoiser", ["exact", "naive", "gamp"])
def test_dictionaries_of_any_size_have_means_or_are_named(denoiser):
    for size in (1e-99, 1e-30, 1e30):
        law = SparseCoding([[size]], [-1.0, 1.0], [0.5, 0.5], 0.0, denoiser)
        mean = law.posterior_mean_code([size / 2], 0.5 * np.log(2))
        assert mean == pytest.approx(np.tanh(min(size, 1e3) ** 2 * 0.5 * np.sqrt(2)), abs=1e-9)
    law = SparseCoding([[1e90]], [-1.0, 1.0], [0.5, 0.5], 0.0, denoiser)
    with pytest.raises(ValueError, match=r"dictionary: expected columns, .* times the noise"):
        law.denoise([1e-30], 1e-120)
    if denoiser != "exact":
        law = SparseCoding([[1e-200]], [-1.0, 1.0], [0.5, 0.5], 0.0, denoiser)
        with pytest.raises(ValueError, match=r"dictionary: expected columns, .* times the noise"):
            law.denoise([1.0], 1.0)


def test_wrong_points_are_named():
    law = SparseCoding(**LAW | {"noise_level": 0.0})
    with pytest.raises(ValueError, match="sigma: expected a number above 0, because the noise_level is 0"):
        law.score(Y)
    with pytest.raises(ValueError, match="t: expected a number above 0, because the noise_level is 0"):
        law.posterior_mean_code(Z, 0.0)
    with pytest.raises(ValueError, match=r"z: expected shape \(n, 4\)"):
        law.posterior_mean_code([1.0], 0.1)
    large = SparseCoding(np.ones((2, 12)), LAW["support"], LAW["probabilities"], 0.3, denoiser="gamp")
    with pytest.raises(ValueError, match="dictionary: expected at most 200000 codes"):
        large.logpdf([0.0, 1.0])
