"""What holds for every sampler, and what scores may offer; MALA and underdamped steps."""

import re
from pathlib import Path

import numpy as np
import pytest
from joblib import parallel_config
from joblib.externals.loky import get_reusable_executor

import convexscore as cs
from convexscore.numerics.piecewise import PiecewiseLinear
from convexscore.samplers import _chains, annealed_langevin, langevin, mala, reverse, sequential, underdamped
from tests.samplers.scores import gaussian, normal

# Each with a noise-conditional score, 10 chains of 2 features and little to do.
START = np.ones((10, 2))
SAMPLERS = {
    "langevin": lambda s, x0=START, **k: langevin(lambda x: s(x, 1.0), x0, 0.1, 6, **k),
    "annealed_langevin": lambda s, x0=START, **k: annealed_langevin(s, x0, [2.0, 1.0], n_steps=3, **k),
    "underdamped": lambda s, x0=START, **k: underdamped(lambda x: s(x, 1.0), x0, 0.1, 6, **k),
    "mala": lambda s, x0=START, **k: mala(lambda x: s(x, 1.0), log_normal, x0, 0.1, 6, **k),
    "reverse": lambda s, x0=START, **k: reverse(s, [9.0, 2.0, 1.0], len(x0), 2, **k),
    "sequential": lambda s, x0=START, **k: sequential(
        s, 2.0, 3, len(x0), 2, first_steps=2, inner_steps=1, **k
    ),
}
PARALLEL = [name for name in SAMPLERS if name != "mala"]


def log_normal(x):
    return -np.sum(np.asarray(x) ** 2, axis=1) / 4


@pytest.mark.parametrize("name", SAMPLERS)
def test_every_sampler_repeats_its_seed(name):
    sample = SAMPLERS[name]
    one = sample(normal, rng=3)
    assert one.shape == (10, 2)
    assert one.dtype == np.float64
    np.testing.assert_array_equal(one, sample(normal, rng=3))
    given = [sample(normal, rng=np.random.default_rng(3)) for _ in range(2)]
    np.testing.assert_array_equal(*given)
    assert not np.array_equal(one, given[0])
    assert not np.array_equal(one, sample(normal, rng=4))
    np.testing.assert_array_equal(START, np.ones((10, 2)))


@pytest.mark.parametrize("name", SAMPLERS)
def test_every_sampler_runs_in_single_precision(name):
    seen = set()

    def score(y, sigma):
        seen.add(y.dtype)
        return normal(y, sigma)

    x = SAMPLERS[name](score, rng=3, dtype=np.float32)
    assert (x.dtype, seen) == (np.float32, {np.dtype(np.float32)})
    with pytest.raises(ValueError, match="dtype: expected float32 or float64, got float16"):
        SAMPLERS[name](score, dtype=np.float16)


def test_the_precision_is_that_of_the_start():
    assert langevin(gaussian, np.zeros(3, dtype=np.float32), 0.1, 2, rng=0).dtype == np.float32
    assert langevin(gaussian, np.zeros(3, dtype=np.float32), 0.1, 2, rng=0, dtype=float).dtype == np.float64
    assert langevin(gaussian, np.zeros(3, dtype=int), 0.1, 2, rng=0).dtype == np.float64


@pytest.mark.parametrize("name", SAMPLERS)
def test_every_sampler_checks_its_score(name):
    with pytest.raises(
        ValueError, match=r"score: expected an array of the shape of x, \(10, 2\), got \(10,\)"
    ):
        SAMPLERS[name](lambda y, s: y[:, 0])
    # NaN from the second evaluation on: the message says where.
    calls = []

    def failing(y, sigma):
        calls.append(sigma)
        return normal(y, sigma) if len(calls) == 1 else y * np.nan

    with pytest.raises(cs.ConvergenceError, match=r"score: returned NaN at .*(step|measurement) \d of \d"):
        SAMPLERS[name](failing)


@pytest.mark.parametrize("name", [name for name in SAMPLERS if name != "mala"])
def test_every_sampler_notices_divergence(name):
    message = r"(step_size|sigmas?): chains diverged at .*(step|measurement) \d of \d.*; expected"
    with pytest.raises(cs.ConvergenceError, match=message):
        SAMPLERS[name](lambda y, s: 1e60 * y)
    with pytest.raises(cs.ConvergenceError, match=message):
        SAMPLERS[name](lambda y, s: 1e20 * y, dtype=np.float32)


@pytest.mark.parametrize("name", PARALLEL)
def test_the_number_of_workers_changes_nothing(name, monkeypatch):
    monkeypatch.setattr(_chains, "_BLOCK", 4)
    one, two = (SAMPLERS[name](normal, rng=3, n_jobs=jobs) for jobs in (1, 2))
    np.testing.assert_array_equal(one, two)
    assert np.unique(one[:, 0]).size == 10
    assert not np.array_equal(one, SAMPLERS[name](normal, rng=4, n_jobs=2))
    # A block does not depend on those after it.
    np.testing.assert_array_equal(one[:8], SAMPLERS[name](normal, START[:8], rng=3, n_jobs=2))
    with pytest.raises(cs.ConvergenceError, match="score: returned NaN at"):
        SAMPLERS[name](lambda y, s: y * np.nan, n_jobs=2)
    with pytest.raises(ValueError, match="n_jobs: expected an integer other than 0"):
        SAMPLERS[name](normal, n_jobs=0)
    with pytest.raises(TypeError, match=r"n_jobs: expected an integer or None, got 1\.5"):
        SAMPLERS[name](normal, n_jobs=1.5)


def test_blocks_store_whole_trajectories(monkeypatch):
    monkeypatch.setattr(_chains, "_BLOCK", 4)
    states = langevin(gaussian, np.zeros(10), 0.1, 7, rng=0, n_jobs=2, keep_every=3)
    assert states.shape == (2, 10)
    np.testing.assert_array_equal(states[1], langevin(gaussian, np.zeros(10), 0.1, 6, rng=0, n_jobs=1))
    averages, means = SAMPLERS["sequential"](normal, rng=0, n_jobs=2, trajectory=True)
    assert averages.shape == (3, 10, 2)
    np.testing.assert_array_equal(means[-1], SAMPLERS["sequential"](normal, rng=0, n_jobs=1))


@pytest.fixture(scope="module")
def pool():
    yield
    get_reusable_executor().shutdown(wait=True)


@pytest.fixture
def processes(pool):
    # Workers get arrays of more than 10 bytes as files, which they cannot write to.
    with parallel_config(backend="loky", n_jobs=2, max_nbytes=10):
        yield


@pytest.mark.parametrize("name", PARALLEL)
def test_workers_may_be_processes(name, monkeypatch, processes):
    monkeypatch.setattr(_chains, "_BLOCK", 4)
    calls = []

    def score(y, sigma):
        calls.append(sigma)
        return -y / (1 + sigma**2)

    apart = SAMPLERS[name](score, rng=3, n_jobs=2)
    assert not calls  # it was copies that were called
    with parallel_config(backend="threading"):
        np.testing.assert_array_equal(apart, SAMPLERS[name](score, rng=3, n_jobs=2))
    assert calls
    with pytest.raises(cs.ConvergenceError, match=r"score: returned NaN at .*(step|measurement) \d of \d"):
        SAMPLERS[name](lambda y, s: y * np.nan, n_jobs=2)


def test_processes_get_tables_and_give_back_trajectories(monkeypatch, processes):
    monkeypatch.setattr(_chains, "_BLOCK", 20)
    networks = [cs.TwoLayerNetwork([[1.0]], [0.0], [[-v]], [0.0], [[-v]]) for v in (1.0, 2.0)]
    score, sigmas = cs.NoiseConditionalScore([2.0, 1.0], networks), [2.0, 1.5, 1.0]

    def trajectories():
        start = np.linspace(-1, 1, 50)
        yield annealed_langevin(score, start, sigmas, n_steps=3, rng=0, keep_levels=True, n_jobs=2)
        yield annealed_langevin(score, start, sigmas, n_steps=3, rng=0, denoise=True, n_jobs=2)
        yield reverse(score, sigmas, 50, None, rng=0, x0=start, keep_levels=True, n_jobs=2)
        yield from sequential(score, 2.0, 4, 50, None, rng=0, trajectory=True, n_jobs=2)

    apart = list(trajectories())
    with parallel_config(backend="threading"):
        for one, other in zip(apart, trajectories(), strict=True):
            np.testing.assert_array_equal(one, other)


def test_chains_are_copied_for_blocks_only():
    def setup(chains, rng):
        def advance(step):
            chains[:] += 1

        return advance

    options = {"rng": 0, "description": "", "progress": False, "kept": range(1, 3)}
    x = np.zeros(5)
    moved, states = _chains.run(setup, x, 3, **options)
    assert moved is x
    np.testing.assert_array_equal(states, [[2] * 5, [3] * 5])
    start = np.zeros(5)
    start.setflags(write=False)
    own, states, _ = _chains._block(setup, range(1, 3), range(3), (start, np.random.default_rng(0)))
    np.testing.assert_array_equal(own, [3] * 5)
    np.testing.assert_array_equal(states, [[2] * 5, [3] * 5])


def test_blocks_draw_a_bar_on_request(monkeypatch, capfd):
    pytest.importorskip("tqdm")
    monkeypatch.setattr(_chains, "_BLOCK", 4)
    langevin(gaussian, np.zeros(10), 0.1, 5, rng=0, n_jobs=2)
    assert capfd.readouterr() == ("", "")
    langevin(gaussian, np.zeros(10), 0.1, 5, rng=0, n_jobs=2, progress=True)
    output, errors = capfd.readouterr()
    assert output == ""
    assert "0.00/10.0" in errors


@pytest.mark.parametrize("name", SAMPLERS)
def test_every_sampler_draws_a_bar_on_request(name, capfd):
    pytest.importorskip("tqdm")
    SAMPLERS[name](normal, rng=0)
    assert capfd.readouterr() == ("", "")
    SAMPLERS[name](normal, rng=0, progress=True)
    output, errors = capfd.readouterr()
    assert output == ""
    assert re.search(r"0/\d", errors)


@pytest.mark.parametrize("shape", [(30000,), (300, 1), (0,)])
@pytest.mark.parametrize("n_kinks", [0, 3, 100])
def test_networks_on_the_line_are_moved_as_any_score_is(shape, n_kinks):
    rng = np.random.default_rng(0)
    network = cs.TwoLayerNetwork(
        rng.standard_normal((n_kinks, 1)), rng.standard_normal(n_kinks), rng.standard_normal((1, n_kinks)),
        [0.3], [[-40.0]],
    )  # fmt: skip
    x0 = 2 * rng.standard_normal(shape)
    plain = langevin(lambda x: network(x), x0, 0.01, 5, rng=1)
    np.testing.assert_array_equal(langevin(network, x0, 0.01, 5, rng=1), plain)
    single = langevin(network, x0, 0.01, 5, rng=1, dtype=np.float32)
    assert single.dtype == np.float32
    with pytest.raises(cs.ConvergenceError, match=r"step_size: chains diverged at step \d of 5; expected"):
        langevin(network, np.ones(3), 1e60, 5, rng=1)


def test_kinks_count_as_the_binary_search_has_them():
    network = cs.TwoLayerNetwork(np.ones((2, 1)), [1.0, -1.0], [[-1.0, 2.0]], [0.5], [[-1.0]])
    x = np.array([-1.0, 1.0, 0.0, -0.5, 0.5, np.nextafter(1.0, 2.0)])
    np.testing.assert_array_equal(_chains.evaluate(network.piecewise, x), network.piecewise(x))
    # Not continuous, so that it shows which piece a knot belongs to.
    stairs = PiecewiseLinear(np.array([-1.0, 1.0]), np.array([-5.0, 5.0]), np.zeros(3), 0.0)
    np.testing.assert_array_equal(_chains.evaluate(stairs, x), stairs(x))
    assert _chains.evaluate(stairs, np.array([-1.0, 1.0, 0.5, 0.49])).tolist() == [-5, 5, 5, 0]


def test_a_fitted_level_is_its_network():
    networks = [cs.TwoLayerNetwork([[1.0]], [0.0], [[-v]], [0.0], [[-v]]) for v in (1.0, 2.0)]
    score = cs.NoiseConditionalScore([2.0, 1.0], networks)
    x0 = np.linspace(-1, 1, 50)
    ours = annealed_langevin(score, x0, [2.0, 1.5, 1.0], n_steps=3, rng=0, denoise=True)
    plain = annealed_langevin(lambda y, s: score(y, s), x0, [2.0, 1.5, 1.0], n_steps=3, rng=0, denoise=True)
    np.testing.assert_array_equal(ours, plain)


class Fixed:
    """A noise-conditional score that answers for one level at a time, if at all."""

    def __init__(self, answers):
        self.answers, self.asked, self.called = answers, [], []

    def __call__(self, y, sigma):
        self.called.append(sigma)
        return normal(y, sigma)

    def at_level(self, sigma):
        self.asked.append(sigma)
        return (lambda y: normal(y, sigma)) if self.answers else None


@pytest.mark.parametrize("name", ["annealed_langevin", "reverse", "sequential"])
def test_a_score_is_asked_for_its_levels(name):
    plain = SAMPLERS[name](normal, rng=3)
    answering, silent = Fixed(True), Fixed(False)
    np.testing.assert_array_equal(SAMPLERS[name](answering, rng=3), plain)
    np.testing.assert_array_equal(SAMPLERS[name](silent, rng=3), plain)
    assert not answering.called
    assert set(answering.asked) == set(silent.asked) == set(silent.called)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_score_that_says_it_is_piecewise_linear_is_evaluated_as_such(dtype):
    network = cs.TwoLayerNetwork(np.ones((2, 1)), [1.0, -1.0], [[-1.0, 2.0]], [0.5], [[-3.0]])

    class Says:
        piecewise = network.piecewise

        def __call__(self, x):
            raise AssertionError

    x0 = np.linspace(-3, 3, 50)
    np.testing.assert_array_equal(
        langevin(Says(), x0, 0.1, 5, rng=1, dtype=dtype), langevin(network, x0, 0.1, 5, rng=1, dtype=dtype)
    )


def test_a_score_that_does_not_is_called():
    planar = cs.TwoLayerNetwork(np.eye(2), [0.0, 1.0], -np.eye(2), [0.5, 0.0], -np.eye(2))

    class Other:
        piecewise = True

        def __call__(self, x):
            return planar(x)

    plain = langevin(lambda x: planar(x), START, 0.1, 5, rng=1)
    for score in (planar, Other()):
        np.testing.assert_array_equal(langevin(score, START, 0.1, 5, rng=1), plain)


def test_samplers_know_no_class_of_scores():
    for path in Path(_chains.__file__).parent.glob("*.py"):
        source = path.read_text(encoding="utf-8")
        imported = re.findall(r"^\s*(?:from|import) (\S+)", source, flags=re.MULTILINE)
        assert not [name for name in imported if name.lstrip(".").startswith(("networks", "scores"))]


def test_mala_has_the_law_whatever_the_step():
    # Unadjusted, this step has variance 1 / (1 - 0.9 / 2).
    x, rate = mala(
        lambda x: -x, lambda x: -(x**2) / 2, np.zeros(20000), 0.9, 60, rng=0, return_acceptance=True
    )
    assert x.var() == pytest.approx(1.0, abs=0.03)
    assert np.mean(x**4) == pytest.approx(3.0, abs=0.2)
    assert 0.6 < rate < 0.9
    # A wrong score costs acceptance, not the law.
    y = mala(lambda x: 0 * x, lambda x: -((x - 1) ** 2) / 2, np.zeros(20000), 0.9, 60, rng=0)
    assert (y.mean(), y.var()) == pytest.approx((1.0, 1.0), abs=0.04)


def test_mala_needs_a_density():
    with pytest.raises(ValueError, match=r"logpdf: expected one number a chain, shape \(3,\), got \(3, 2\)"):
        mala(lambda x: -x, lambda x: x, np.zeros((3, 2)), 0.1, 1)
    with pytest.raises(ValueError, match="x0: expected positive densities, got 3 that are not"):
        mala(lambda x: -x, lambda x: np.full(3, -np.inf), np.zeros(3), 0.1, 1)
    with pytest.raises(cs.ConvergenceError, match="logpdf: returned NaN or infinity at the start"):
        mala(lambda x: -x, lambda x: x * np.nan, np.zeros(3), 0.1, 1)
    # Proposals outside the support are refused.
    x = mala(lambda x: 0 * x, lambda x: np.where(np.abs(x) < 1, 0, -np.inf), np.zeros(5000), 0.2, 50, rng=0)
    assert np.abs(x).max() < 1
    assert x.var() == pytest.approx(1 / 3, rel=0.08)
    kept = mala(lambda x: -x, lambda x: -(x**2) / 2, np.zeros(4), 0.5, 7, rng=0, keep_every=3)
    np.testing.assert_array_equal(
        kept[-1], mala(lambda x: -x, lambda x: -(x**2) / 2, np.zeros(4), 0.5, 6, rng=0)
    )


def test_underdamped_steps_are_the_splitting():
    x0, step, friction = np.array([0.5, -2.0]), 0.7, 1.3
    rng = np.random.default_rng(4)
    y, v = x0, rng.standard_normal(2)
    keep = np.exp(-friction * step)
    for _ in range(3):
        y = y + step / 2 * v
        v = v + step / 2 * gaussian(y)
        v = keep * v + np.sqrt(1 - keep**2) * rng.standard_normal(2) + step / 2 * gaussian(y)
        y = y + step / 2 * v
    np.testing.assert_allclose(
        underdamped(gaussian, x0, step, 3, friction, rng=np.random.default_rng(4)), y, rtol=1e-12
    )


def test_underdamped_has_hardly_any_bias():
    # For a normal law the splitting has none; the velocities here have variance 1.25, not 1.
    x = underdamped(lambda x: -x / 5, np.zeros(20000), 2.0, 100, 0.5, rng=0)
    assert x.var() == pytest.approx(5.0, rel=0.03)
    kept = underdamped(gaussian, np.zeros(4), 0.5, 7, rng=0, keep_every=3)
    assert kept.shape == (2, 4)
    np.testing.assert_array_equal(kept[-1], underdamped(gaussian, np.zeros(4), 0.5, 6, rng=0))
    with pytest.raises(ValueError, match="friction: expected a number above 0"):
        underdamped(gaussian, np.zeros(4), 0.5, 7, 0.0)


@pytest.mark.parametrize("d", [None, 3])
def test_the_share_that_mala_accepts_is_that_of_the_chains_that_move(d):
    start = np.zeros(200) if d is None else np.zeros((200, d))

    def logpdf(x):
        return -(x**2 if d is None else np.sum(x**2, axis=1)) / 2

    path, share = mala(lambda x: -x, logpdf, start, 1.1, 6, rng=0, return_acceptance=True, keep_every=1)
    steps = np.diff(np.concatenate([start[None], path]), axis=0).reshape(6 * 200, -1)
    assert share == (steps != 0).any(axis=1).mean()
    assert 0.2 < share < 0.9


def test_levels_are_equally_spaced_in_what_they_say():
    for most, least in ((1e3, 1e-3), (1e8, 2.0), (0.5, 1e-6)):
        levels = cs.samplers.sigma_grid(most, least, 9, "ou-uniform")
        gaps = np.diff(np.log1p(levels**2) / 2)
        np.testing.assert_allclose(gaps, gaps.mean(), rtol=1e-9)
        np.testing.assert_allclose(np.diff(cs.samplers.sigma_grid(most, least, 9)[::-1] ** 0.125), np.diff(
            np.exp(np.linspace(np.log(least), np.log(most), 9) / 8)), rtol=1e-9)  # fmt: skip


@pytest.mark.parametrize("wrong", [np.array(["a"] * 4), 1j * np.ones(4)])
def test_log_densities_are_real_numbers(wrong):
    with pytest.raises(TypeError, match=r"logpdf: expected an array of real numbers of shape .* dtype"):
        mala(lambda x: -x, lambda x: wrong, np.zeros(4), 0.1, 3, rng=0)


def test_more_noise_levels_than_floats_are_refused():
    with pytest.raises(ValueError, match="n_levels: expected fewer levels than floats from 1 to 1, got 60"):
        cs.samplers.sigma_grid(1.0, 1.0 - 1e-15, 60)
