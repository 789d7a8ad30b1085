"""Ising models: sums over states against literal ones, fixed points against reference values, warnings."""

import tracemalloc
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import convexscore as cs
from convexscore.samplers.grid import reverse_law
from convexscore.targets import CurieWeiss, Ising
from convexscore.targets.graphical import mean_field, states

from .literal import cosines, counts, coupled, noisy_density, shares, summed

A, H = cosines(8, 0.3), 0.5 * np.sin(np.arange(1, 9))
MEAN = [0.385977763543, 0.331949977285, -0.008974865371, -0.479363181504]
MEAN += [-0.622944957222, -0.162520627278, 0.612366314346, 0.451135063733]
NAIVE = [0.487067936822, 0.394533286218, -0.048505381956, -0.608889010742]
NAIVE += [-0.726421292175, -0.208796858712, 0.759345583824, 0.523624778634]
TAP = [0.379404388, 0.339755406, -0.000478759, -0.479670457, -0.619275484, -0.155733377, 0.612168904]
TAP += [0.435108719]
THREE = np.array([[0.0, 0.4, -0.3], [0.4, 0.0, 0.2], [-0.3, 0.2, 0.0]])
H3 = [0.5, -0.2, 0.1]


@st.composite
def models(draw):
    """Draw couplings, a field, tilts and a noise level."""
    rng = np.random.default_rng(draw(st.integers(0, 10**6)))
    d = draw(st.integers(1, 6))
    matrix = rng.standard_normal((d, d)) * draw(st.sampled_from([0.0, 0.3, 2.0]))
    field = rng.standard_normal(d) * draw(st.sampled_from([0.0, 1.0]))
    return matrix + matrix.T, field, 2 * rng.standard_normal((5, d)), draw(st.sampled_from([0.4, 1.0, 3.0]))


def test_reference_values():
    eigenvalues = np.linalg.eigvalsh(A)
    assert eigenvalues[[0, -1]] == pytest.approx([-0.638013856011, 0.791503291995], abs=1e-8)
    ising = Ising(A)
    assert ising.posterior_mean(H) == pytest.approx(MEAN, abs=1e-11)
    assert ising.log_normalizer(H) == pytest.approx(6.784827441077, abs=1e-11)
    y = np.cos(np.arange(8.0))
    score = [-0.101795608596, -0.151680295753, -0.200940267297, 0.075770376827]
    score += [-0.181687228836, -0.118644641338, 0.003416519721, -0.146835960634]
    assert ising.score(y, 0.9) == pytest.approx(score, abs=1e-11)
    assert ising.logpdf(y, 0.9) == pytest.approx(-10.799417690614, abs=1e-11)
    three = Ising(THREE)
    assert three.posterior_mean(H3) == pytest.approx([0.390608889591, -0.035692346351, -0.024028690818])
    assert three.log_normalizer(H3) == pytest.approx(2.301585188238, abs=1e-11)


def test_reference_values_of_the_variational_denoisers():
    for name, expected, error in (
        ("naive", NAIVE, 0.0090227502),
        ("tap", TAP, 6.16033e-5),
        ("amp", TAP, 6.16033e-5),
    ):
        mean = Ising(A, denoiser=name).posterior_mean(H)
        assert mean == pytest.approx(expected, abs=1e-8)
        assert np.mean((mean - MEAN) ** 2) == pytest.approx(error, rel=1e-5)
    sixty = mean_field.amp(A, H[None], 60)[0]
    assert sixty == pytest.approx(Ising(A, denoiser="tap").posterior_mean(H), abs=1e-11)
    naive = [0.465390960744, -0.022664019642, -0.044121428263]
    assert Ising(THREE, denoiser="naive").posterior_mean(H3) == pytest.approx(naive, abs=1e-8)
    fixed = [0.390289677186, -0.041783088525, -0.023042972028]
    assert Ising(THREE, denoiser="tap_k", overlap=0.2).posterior_mean(H3) == pytest.approx(fixed, abs=1e-8)
    tap = [0.374740125757, -0.045803967201, -0.019315193598]
    assert Ising(THREE, denoiser="tap").posterior_mean(H3) == pytest.approx(tap, abs=1e-8)


@given(models())
def test_sums_are_those_over_states_one_by_one(problem):
    matrix, field, h, sigma = problem
    d, ising = len(field), Ising(matrix, field)

    def energy(x):
        return coupled(matrix, x) + field @ x

    for row, mean, normalizer in zip(h, ising.posterior_mean(h), ising.log_normalizer(h), strict=True):
        expected, log_sum = summed(energy, d, row)
        np.testing.assert_allclose(mean, expected, atol=1e-12)
        assert normalizer == pytest.approx(log_sum, abs=1e-11)
        density = noisy_density(energy, d, row, sigma)
        assert ising.logpdf(row, sigma) == pytest.approx(np.log(density), abs=1e-10)
        np.testing.assert_allclose(
            ising.denoise(row, sigma), summed(energy, d, row / sigma**2)[0], atol=1e-12
        )


@given(models())
def test_scores_are_derivatives(problem):
    matrix, field, y, sigma = problem
    ising, d = Ising(matrix, field), len(field)
    steps = 1e-5 * np.eye(d)
    slopes = [(ising.logpdf(y + step, sigma) - ising.logpdf(y - step, sigma)) / 2e-5 for step in steps]
    np.testing.assert_allclose(ising.score(y, sigma), np.transpose(slopes), atol=1e-6 / sigma**2)


@given(models(), st.sampled_from(["naive", "tap_k", "tap", "amp"]))
def test_fixed_points_are_fixed(problem, name):
    matrix, field, h, _ = problem
    matrix = matrix * (1 - np.eye(len(matrix)))
    matrix *= 0.7 / max(0.7, np.linalg.norm(matrix, 2))
    overlap = 0.3 if name == "tap_k" else None
    m = Ising(matrix, field, name, overlap).posterior_mean(h)
    squares, u = matrix**2, h + field + m @ matrix
    if name == "tap_k":
        u -= m * squares.sum(axis=1) * 0.7
    elif name != "naive":
        u -= m * ((1 - m**2) @ squares)
    np.testing.assert_allclose(m, np.tanh(u), atol=1e-7)


def test_the_overlap_is_found_from_the_batch_where_none_is_given():
    h = np.random.default_rng(0).standard_normal((50, 8))
    m = Ising(A, denoiser="tap_k").posterior_mean(h)
    given_one = Ising(A, denoiser="tap_k", overlap=float(np.mean(m**2))).posterior_mean(h)
    np.testing.assert_allclose(m, given_one, atol=1e-8)


def test_mirror_descent_converges_where_the_plain_map_cycles():
    matrix, h = -0.35 * (np.ones((6, 6)) - np.eye(6)), 0.3 * np.cos(np.arange(6.0))
    m = np.zeros(6)
    for _ in range(1000):
        before, m = m, np.tanh(matrix @ m + h)
    assert np.abs(m - before).max() == pytest.approx(1.84, abs=0.01)
    naive = [
        0.429977013927,
        0.254949830682,
        -0.174849617278,
        -0.404711165788,
        -0.275958391524,
        0.143802254638,
    ]
    assert Ising(matrix, denoiser="naive").posterior_mean(h) == pytest.approx(naive, abs=1e-8)
    assert Ising(matrix).posterior_mean(h)[0] == pytest.approx(0.335501789277, abs=1e-11)


def test_almost_critical_couplings_converge_too():
    # Descent alone is too slow: the largest eigenvalue is 1 - 1e-6.
    d = 6
    matrix = (1 - 1e-6) / (d - 1) * (np.ones((d, d)) - np.eye(d))
    scales = np.array([[1e-6], [1e-5], [1e-3], [1.0], [0.0]])
    h = scales * np.append(np.ones(d - 1), -0.5)
    m = Ising(matrix, denoiser="naive").posterior_mean(h)
    np.testing.assert_allclose(np.arctanh(m), m @ matrix + h, atol=2e-10)
    # By symmetry and a cubic: m is near (3 h)^(1/3) at the smallest fields.
    assert m[0].mean() == pytest.approx((3 * h[0].mean()) ** (1 / 3), rel=0.02)


def test_newtons_steps_are_halved_where_they_overshoot():
    # Full steps go back and forth between -5 and 5 for ever.
    w = mean_field._newton(np.array([[-5.0]]), np.zeros((2, 1)), np.array([[2.0], [-0.1]]), 1e-12)
    np.testing.assert_allclose(w, 0.0, atol=1e-12)


def test_a_free_energy_that_is_not_convex_is_told():
    strong = Ising(np.full((8, 8), 1.8 / 8), denoiser="naive")
    with pytest.warns(cs.ConvergenceWarning, match="not convex.* 1.575"):
        up = strong.posterior_mean(np.full(8, 1e-6))
    with pytest.warns(cs.ConvergenceWarning, match="not convex"):
        down = strong.posterior_mean(np.full(8, -1e-6))
    assert up == pytest.approx(np.full(8, 0.883504903), abs=1e-5)
    assert down == pytest.approx(-up, abs=1e-9)
    with pytest.warns(cs.ConvergenceWarning, match="not convex"):
        Ising(np.full((30, 30), 2 / 30), denoiser="tap").posterior_mean(np.zeros(30))
    with pytest.warns(cs.ConvergenceWarning, match="not convex.* 1.001"):
        Ising(np.full((8, 8), 1.144 / 8), denoiser="naive").posterior_mean(np.full(8, 0.5))
    # Below one there is nothing to say, nor where Onsager's correction takes it there; warnings are errors.
    Ising(np.full((8, 8), 1.144 / 8), denoiser="tap").posterior_mean(np.full(8, 0.5))
    Ising(np.full((8, 8), 1.1 / 8), denoiser="naive").posterior_mean(np.full(8, 0.1))


def test_rows_that_do_not_converge_are_counted():
    rng = np.random.default_rng(3)
    noise = rng.standard_normal((12, 12))
    matrix = 3.0 * (noise + noise.T) / np.sqrt(24)
    h = np.concatenate([rng.standard_normal((40, 12)), 60 * np.ones((10, 12))])
    for name in ("amp", "tap"):
        with pytest.warns(cs.ConvergenceWarning) as caught:
            Ising(matrix, denoiser=name).posterior_mean(h)
        shares = [str(w.message) for w in caught if "of 50 rows" in str(w.message)]
        assert len(shares) == 1
        # Large fields leave nothing to be iterated.
        assert 0 < int(shares[0].split(" of ")[0].split()[-1]) <= 40
    with (
        pytest.warns(cs.ConvergenceWarning, match="not convex"),
        pytest.raises(cs.ConvergenceError, match="of 50 rows did not converge"),
    ):
        Ising(-2000 * np.ones((12, 12)) + 1000 * matrix, denoiser="naive").posterior_mean(h)


def test_errors_for_couplings_of_random_signs():
    # Measured for couplings of size .6 / sqrt(8) at time 1/2, over 60 instances; a factor of 1.5.
    rng, sigma, found = np.random.default_rng(8), np.sqrt(np.expm1(1.0)), []
    for _ in range(60):
        noise = rng.standard_normal((8, 8))
        matrix = 0.6 * (noise + noise.T) / 4
        exact = Ising(matrix)
        y = exact.sample(20, rng) + sigma * rng.standard_normal((20, 8))
        mean = exact.denoise(y, sigma)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", cs.ConvergenceWarning)
            others = [Ising(matrix, denoiser=name) for name in ("naive", "tap_k", "tap", "amp")]
            found.append([np.mean((other.denoise(y, sigma) - mean) ** 2) for other in others])
    for measured, expected in zip(np.mean(found, axis=0), [3.7e-3, 3.2e-4, 1.1e-4, 1.1e-4], strict=True):
        assert expected / 1.5 < measured < 1.5 * expected


def test_a_row_does_not_depend_on_the_others():
    rng = np.random.default_rng(4)
    h = 2 * rng.standard_normal((30, 8))
    for name in ("exact", "naive", "tap", "amp"):
        ising = Ising(A, denoiser=name)
        alone = np.array([ising.posterior_mean(row) for row in h])
        np.testing.assert_allclose(ising.posterior_mean(h), alone, atol=1e-12)


def test_fields_and_points_of_any_size():
    y = np.array([[1.0, -1.0, 0.5, -0.0, 1e3, 1e-300, -3.0, 0.1]])
    for name in ("exact", "naive", "tap", "amp"):
        ising = Ising(A, H, denoiser=name)
        # Almost without noise each spin is its nearest; near zero it has the mean of the law given the rest.
        assert np.abs(ising.denoise(y, 1e-8)[0, [0, 1, 2, 4, 6, 7]]) == pytest.approx(np.ones(6))
        np.testing.assert_allclose(ising.posterior_mean(1e40 * np.sign(A[:1] + 0.01)), np.sign(A[:1] + 0.01))
    # One spin a distance of 1e-9 from its state: a Gaussian about it.
    single = Ising([[0.0]], [2.0])
    log_share = -np.log1p(np.exp(-4.0))
    expected = log_share - 0.5 * 0.01**2 - np.log(1e-7) - 0.5 * np.log(2 * np.pi)
    assert single.logpdf([1 + 1e-9], 1e-7) == pytest.approx(expected, abs=1e-6)
    assert single.logpdf([-1e5], 1.0) == pytest.approx(
        np.log1p(-np.exp(log_share)) - 0.5 * (1e5 - 1) ** 2 - 0.5 * np.log(2 * np.pi), rel=1e-14
    )
    with pytest.raises(ValueError, match="y: expected points whose field"):
        single.score([1e300], 1e-100)


def test_sums_of_many_states_take_little_memory():
    ising = Ising(cosines(14, 0.1))
    fields = np.zeros((700, 14))
    ising.posterior_mean(fields[:1])
    tracemalloc.start()
    mean = ising.posterior_mean(fields)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 64e6
    assert np.abs(mean).max() < 1e-12


def test_blocks_do_not_change_sums(monkeypatch):
    h = np.random.default_rng(5).standard_normal((9, 8))
    sums = {}
    for size in (2**12, 16):
        monkeypatch.setattr(states, "_STATES", size)
        monkeypatch.setattr(states, "_ENTRIES", 2 * size)
        for model in (Ising(A), CurieWeiss(8, 0.6)):
            for call in (model.posterior_mean, model.log_normalizer):
                first = sums.setdefault((type(model), call.__name__), call(h))
                np.testing.assert_allclose(call(h), first, atol=1e-13)


def test_samples_have_the_shares_of_the_states():
    matrix, field = cosines(4, 0.5), np.array([0.3, 0.0, -0.2, 0.1])
    law = shares(lambda x: coupled(matrix, x) + field @ x, 4)
    ising = Ising(matrix, field)
    for samples in (ising.sample(20000, rng=0), ising.glauber(20000, 30, rng=0)):
        assert samples.shape == (20000, 4)
        assert set(np.unique(samples)) == {-1.0, 1.0}
        # Four standard deviations of the share of each state.
        assert np.all(np.abs(counts(samples) - law) < 4 * np.sqrt(law / 20000))
    np.testing.assert_array_equal(ising.sample(9, rng=1), ising.sample(9, rng=1))
    np.testing.assert_array_equal(ising.glauber(9, 3, rng=1), ising.glauber(9, 3, rng=1))
    assert (ising.sample(50, rng=1) != ising.glauber(50, 3, rng=1)).any()


@pytest.mark.parametrize(
    ("n_levels", "expected"),
    [
        (11, {"frozen": 0.725612, "ancestral": 0.842607, "euler": 0.694148}),
        (41, {"frozen": 0.784366, "ancestral": 0.812266, "euler": 0.772772}),
    ],
)
def test_rules_of_reverse_diffusion_by_push_forward(n_levels, expected):
    # Two points, the upper one with probability .8: the law each rule makes, on a grid.
    law = Ising([[0.0]], [np.arctanh(0.6)])
    sigmas = np.geomspace(np.sqrt(np.expm1(8)), np.sqrt(np.expm1(0.04)), n_levels)
    grid = np.linspace(-8, 8, 2001)
    for rule, share in expected.items():
        made = reverse_law(lambda y, sigma: law.score(y[:, None], sigma)[:, 0], sigmas, grid, rule)
        upper = (1 + law.denoise(np.hypot(1, sigmas[-1]) * grid[:, None], sigmas[-1])[:, 0]) / 2
        assert made.expect(upper) == pytest.approx(share, abs=2e-6)


def test_rules_of_reverse_diffusion_on_two_spins():
    law = Ising([[0.0, 0.5], [0.5, 0.0]])
    sigmas = np.geomspace(np.sqrt(np.expm1(6)), np.sqrt(np.expm1(0.2)), 11)
    for rule, share in (("frozen", 0.675698), ("ancestral", 0.724756)):
        y = cs.samplers.reverse(law.score, sigmas, 60000, 2, rng=0, rule=rule)
        assert np.mean((1 + law.denoise(y, sigmas[-1]).prod(axis=1)) / 2) == pytest.approx(share, abs=0.005)
    assert (1 + np.tanh(0.5)) / 2 == pytest.approx(0.731059, abs=1e-6)


def test_reverse_diffusion_by_each_denoiser():
    law = shares(lambda x: coupled(A, x), 8)
    sigmas = np.sqrt(np.expm1(2 * np.linspace(4.0, 0.01, 21)))
    rng = np.random.default_rng(6)
    distance = {}
    for name in ("exact", "naive", "amp"):
        ising = Ising(A, denoiser=name)
        y = cs.samplers.reverse(ising.score, sigmas, 10000, 8, rng=0, rule="ancestral")
        m = ising.denoise(y, sigmas[-1])
        x = np.where(rng.random(m.shape) < (1 + m) / 2, 1.0, -1.0)
        distance[name] = 0.5 * np.abs(counts(x) - law).sum()
    # Of 256 states and 10000 samples of the law itself: .057.
    assert distance["exact"] < 0.066
    assert distance["amp"] < 0.066
    assert distance["naive"] > distance["exact"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([[0.0, 1.0], [0.5, 0.0]],), "couplings: expected a symmetric matrix, .* has the same law"),
        (([[0.0, 1.0]],), "couplings: expected a square matrix"),
        (([[0.0, np.nan], [np.nan, 0.0]],), "couplings: expected finite numbers"),
        (([[0.0, 1e200], [1e200, 0.0]],), "couplings: expected numbers up to"),
        ((np.zeros((21, 21)),), "couplings: expected at most 20 spins .*'naive', 'tap' or 'amp'"),
        ((np.zeros((2, 2)), [1.0]), r"field: expected shape \(2,\)"),
        ((np.zeros((2, 2)), None, "mean"), "denoiser: expected one of 'exact', 'naive'"),
        ((np.zeros((2, 2)), None, "tap", 0.2), "overlap: expected None for the denoiser 'tap'"),
        ((np.zeros((2, 2)), None, "tap_k", 1.2), "overlap: expected a number of at most 1"),
    ],
)
def test_wrong_models_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        Ising(*arguments)


def test_wrong_points_are_named():
    ising = Ising(np.zeros((2, 2)))
    for method in (ising.score, ising.denoise, ising.logpdf):
        for sigma in (0.0, -1.0):
            with pytest.raises(ValueError, match="sigma: expected a number above 0, as spins without noise"):
                method([[0.0, 1.0]], sigma)
        with pytest.raises(ValueError, match=r"y: expected shape \(n, 2\) or \(2,\)"):
            method([[0.0, 1.0, 2.0]], 1.0)
    large = Ising(np.zeros((25, 25)), denoiser="naive")
    for call in (large.log_normalizer, lambda h: large.logpdf(h, 1.0), lambda h: large.sample(2)):
        with pytest.raises(ValueError, match=r"couplings: expected at most 20 spins .*glauber"):
            call(np.zeros(25))
    assert ising.score(np.zeros((0, 2)), 1.0).shape == (0, 2)
    for name in ("naive", "tap_k", "tap", "amp"):
        assert Ising(np.zeros((2, 2)), denoiser=name).denoise(np.zeros((0, 2)), 1.0).shape == (0, 2)
