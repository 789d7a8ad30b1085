"""Langevin samplers: their law, their complaints, memory and bars."""

import tracemalloc

import numpy as np
import pytest

import convexscore as cs
from convexscore.samplers import annealed_langevin, langevin, mala, reverse, sequential, underdamped
from tests.samplers.scores import gaussian, normal


def test_each_step_is_the_formula():
    x0, h = np.array([0.0, 2.0, -1.0]), 0.3
    noise = np.random.default_rng(5).standard_normal((2, 3))
    expected = x0
    for z in noise:
        expected = expected + h * gaussian(expected) + np.sqrt(2 * h) * z
    np.testing.assert_allclose(
        langevin(gaussian, x0, h, 2, rng=np.random.default_rng(5)), expected, rtol=1e-14
    )


def test_annealed_steps_scale_with_the_squared_noise_level():
    def score(y, sigma):
        return -y / (1 + sigma**2)

    x0, sigmas, r = np.array([[0.5], [1.5]]), [2.0, 0.5], 0.1
    rng = np.random.default_rng(5)
    expected = x0
    for sigma in sigmas:
        for _ in range(3):
            h = r * sigma**2
            expected = expected + h * score(expected, sigma) + np.sqrt(2 * h) * rng.standard_normal((2, 1))
    result = annealed_langevin(score, x0, sigmas, r, 3, rng=np.random.default_rng(5))
    np.testing.assert_allclose(result, expected, rtol=1e-14)
    denoised = annealed_langevin(score, x0, sigmas, r, 3, rng=np.random.default_rng(5), denoise=True)
    np.testing.assert_allclose(denoised, expected + 0.25 * score(expected, 0.5), rtol=1e-14)


def test_the_discrete_chain_has_its_known_variance():
    # x <- (1 - h/v) x + sqrt(2h) z has variance v / (1 - h/(2v)).
    samples = langevin(gaussian, np.zeros(40000), 0.8, 200, rng=0)
    assert samples.mean() == pytest.approx(1.0, abs=0.05)
    assert samples.var() == pytest.approx(4 / (1 - 0.8 / 8), rel=0.03)


def test_langevin_samples_a_trained_score():
    eruptions = cs.datasets.load_old_faithful()["eruptions"]
    network = cs.solve(cs.ScoreMatching(eruptions), 60.0, skip=True).network
    density = cs.ScoreDensity(network)
    start = np.random.default_rng(1).choice(eruptions, 20000)
    samples = langevin(network, start, 0.01, 2000, rng=0)
    distance = np.abs(np.sort(samples) - density.icdf((np.arange(20000) + 0.5) / 20000)).mean()
    assert distance < 0.03


def test_annealing_finds_the_weights_of_separated_modes():
    means, weights, variance = np.array([-4.0, 4.0]), np.array([0.2, 0.8]), 1.0

    def score(y, sigma):
        scale = variance + sigma**2
        log_share = np.log(weights) - (y[:, None] - means) ** 2 / (2 * scale)
        share = np.exp(log_share - log_share.max(axis=1, keepdims=True))
        share /= share.sum(axis=1, keepdims=True)
        return np.sum(share * (means - y[:, None]), axis=1) / scale

    sigmas = np.geomspace(8, 0.7, 20)
    annealed = annealed_langevin(score, 8 * np.random.default_rng(0).standard_normal(5000), sigmas, rng=1)
    assert np.mean(annealed < 0) == pytest.approx(0.2, abs=0.03)
    plain = langevin(
        lambda x: score(x, 0.0), np.random.default_rng(0).standard_normal(5000), 0.05, 500, rng=1
    )
    assert np.mean(plain < 0) > 0.4


@pytest.mark.parametrize("shape", [(6,), (6, 1), (6, 3)])
def test_shapes_are_kept_and_seeds_repeat(shape):
    x0 = np.ones(shape)
    one = langevin(gaussian, x0, 0.1, 5, rng=3)
    assert one.shape == shape
    np.testing.assert_array_equal(one, langevin(gaussian, x0, 0.1, 5, rng=3))
    assert not np.array_equal(one, langevin(gaussian, x0, 0.1, 5, rng=4))
    np.testing.assert_array_equal(x0, np.ones(shape))
    kept = langevin(gaussian, x0, 0.1, 5, rng=3, keep_every=2)
    assert kept.shape == (2, *shape)
    np.testing.assert_array_equal(kept[-1], langevin(gaussian, x0, 0.1, 4, rng=3))
    levels = annealed_langevin(lambda y, s: -y, x0, [1.0, 0.5], n_steps=2, rng=3, keep_levels=True)
    assert levels.shape == (2, *shape)
    np.testing.assert_array_equal(
        levels[-1], annealed_langevin(lambda y, s: -y, x0, [1.0, 0.5], n_steps=2, rng=3)
    )


def test_no_steps_move_nothing():
    np.testing.assert_array_equal(langevin(gaussian, [1.0, 2.0], 0.1, 0), [1.0, 2.0])


def test_memory_does_not_grow_with_the_number_of_steps():
    def peak(n_steps):
        tracemalloc.start()
        langevin(gaussian, np.zeros(2000), 0.1, n_steps, rng=0)
        size = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return size

    peak(2)
    assert peak(2000) < 1.5 * peak(20)


@pytest.mark.parametrize("name", ["reverse", "sequential", "underdamped", "mala"])
def test_memory_of_the_others_does_not_grow_either(name):
    x0 = np.zeros(2000)
    runs = {
        "reverse": lambda n: reverse(normal, np.geomspace(9, 1, n + 1), 2000, None, rng=0),
        "sequential": lambda n: sequential(normal, 2.0, n, 2000, None, rng=0, inner_steps=1, first_steps=1),
        "underdamped": lambda n: underdamped(gaussian, x0, 0.1, n, rng=0),
        "mala": lambda n: mala(gaussian, lambda x: -((x - 1) ** 2) / 8, x0, 0.1, n, rng=0),
    }

    def peak(n_steps):
        tracemalloc.start()
        runs[name](n_steps)
        size = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return size

    peak(2)
    assert peak(400) < 1.5 * peak(10)


def test_progress_draws_on_request_only(capfd):
    pytest.importorskip("tqdm")
    langevin(gaussian, [0.0], 0.1, 5, rng=0)
    assert capfd.readouterr() == ("", "")
    langevin(gaussian, [0.0], 0.1, 5, rng=0, progress=True)
    output, errors = capfd.readouterr()
    assert output == ""
    assert "langevin" in errors


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"step_size": 0.0}, ValueError, "step_size: expected a number above 0"),
        ({"n_steps": -1}, ValueError, "n_steps: expected an integer of at least 0"),
        ({"x0": np.zeros((2, 2, 2))}, ValueError, "x0: expected shape"),
        ({"x0": [np.nan]}, ValueError, "x0: expected finite"),
        ({"keep_every": 0}, ValueError, "keep_every: expected an integer of at least 1"),
        (
            {"score": lambda x: x[:1]},
            ValueError,
            r"score: expected an array of the shape of x, \(2,\), got \(1,\)",
        ),
        ({"score": lambda x: x * np.nan}, cs.ConvergenceError, "score: returned NaN at step 1 of 9"),
        (
            {"score": lambda x: 1e80 * x, "x0": [1.0, 1.0]},
            cs.ConvergenceError,
            "step_size: .* diverged at step 2",
        ),
        ({"progress": 1}, TypeError, "progress: expected True or False"),
    ],
)
def test_bad_langevin_arguments_are_named(arguments, error, message):
    good = {"score": gaussian, "x0": np.zeros(2), "step_size": 0.1, "n_steps": 9}
    with pytest.raises(error, match=message):
        langevin(**{**good, **arguments})


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"sigmas": [1.0, 2.0]}, ValueError, "sigmas: expected positive, strictly decreasing"),
        ({"sigmas": [1.0, 1.0]}, ValueError, "sigmas: expected positive, strictly decreasing"),
        ({"sigmas": [1.0, 0.0]}, ValueError, "sigmas: expected positive"),
        ({"sigmas": []}, ValueError, "sigmas: expected positive"),
        ({"sigmas": 1.0}, ValueError, "sigmas: expected positive"),
        ({"r": 2.0}, ValueError, "r: expected a number below 2"),
        ({"n_steps": 0}, ValueError, "n_steps: expected an integer of at least 1, got 0"),
        ({"r": 0.0}, ValueError, "r: expected a number above 0"),
        ({"score": lambda y, s: y * np.nan}, cs.ConvergenceError, r"level 1 of 2 \(sigma=1\), step 1 of 4"),
    ],
)
def test_bad_annealing_arguments_are_named(arguments, error, message):
    good = {"score": lambda y, s: -y, "x0": np.zeros(2), "sigmas": [1.0, 0.5], "n_steps": 4}
    with pytest.raises(error, match=message):
        annealed_langevin(**{**good, **arguments})
