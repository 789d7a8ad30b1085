"""One seed, many streams: what a function draws is independent of NumPy's and of every other function's."""

from itertools import combinations

import numpy as np
import pytest

import convexscore as cs
from convexscore._support.seeds import generator

N, UNIT = 2000, cs.targets.GaussianMixture([1.0], [0.0], 1.0)
PLANE = np.sin(np.arange(60.0) ** 2).reshape(30, 2)


def nothing(x, sigma=None):
    return 0.0 * x


def sampled_directions(rng):
    return cs.sample_patterns(np.eye(2), 4, rng=rng).witnesses.ravel()


# What each function draws first, as standard normal numbers, from scores, data and starts that are zero.
DRAWS = {
    "langevin": lambda rng: cs.samplers.langevin(nothing, np.zeros(N), 0.5, 1, rng=rng),
    "annealed_langevin": lambda rng: cs.samplers.annealed_langevin(
        nothing, np.zeros(N), [1.0], 0.5, 1, rng=rng
    ),
    "underdamped": lambda rng: cs.samplers.underdamped(nothing, np.zeros(N), 2.0, 1, 1e-12, rng=rng) / 2,
    "mala": lambda rng: cs.samplers.mala(nothing, nothing, np.zeros(N), 0.5, 1, rng=rng),
    "reverse": lambda rng: cs.samplers.reverse(nothing, [1.0], N, None, rng=rng) / np.sqrt(2),
    "sequential": lambda rng: cs.samplers.sequential(
        nothing, 1.0, 1, N, None, rng=rng, inner_steps=0, first_steps=0
    ),
    "from_clean": lambda rng: cs.DenoisingScoreMatching.from_clean(np.zeros(N), 1.0, rng=rng).X[:, 0],
    "Banana": lambda rng: cs.targets.Banana(1.0).sample(N // 2, rng=rng)[:, 0],
    "GaussianMixture": lambda rng: UNIT.sample(N, rng=rng),
    "ScoreDensity": lambda rng: cs.ScoreDensity(
        cs.TwoLayerNetwork([[0.0]], [0.0], [[0.0]], [0.0], [[-1.0]])
    ).sample(N, rng=rng),
}
# Numbers that hang on what is drawn.
NUMBERS = {
    "sliced_wasserstein": lambda rng: cs.diagnostics.sliced_wasserstein(
        np.eye(3), np.zeros((1, 3)), 1, rng=rng
    ),
    "sample_patterns": lambda rng: sampled_directions(rng)[0],
    "select_beta": lambda rng: cs.select_beta(np.sin(np.arange(40.0)) ** 3, "bootstrap", rng=rng),
    "select_beta of several": lambda rng: cs.select_beta(
        cs.DenoisingScoreMatching(PLANE, np.cos(7 * PLANE)), n_replicates=11, rng=rng
    ),
    "train_adam": lambda rng: (
        cs.baselines.train_adam(
            cs.ScoreMatching([0.0, 1.0, 3.0]), 1.0, n_neurons=3, n_epochs=1, n_trials=1, rng=rng
        ).best_loss
    ),
    "NoiseConditionalScore.fit": lambda rng: float(
        cs.NoiseConditionalScore.fit(np.arange(9.0), [1.0], beta=20.0, rng=rng)(0.3, 1.0)
    ),
}


@pytest.mark.parametrize("name", DRAWS)
def test_noise_is_independent_of_numpys_numbers_of_the_same_seed(name):
    for seed in (0, 1, 2**40):
        source = np.random.default_rng(seed)
        data = [source.standard_normal(N), np.random.default_rng(seed).random(N)]
        drawn = DRAWS[name](seed)
        assert drawn.std() == pytest.approx(1.0, abs=0.12)
        for values in data:
            assert abs(np.corrcoef(values[: drawn.size], drawn)[0, 1]) < 4 / np.sqrt(drawn.size)


@pytest.mark.parametrize(("one", "other"), list(combinations(DRAWS, 2)))
def test_two_functions_draw_independent_noise_from_one_seed(one, other):
    first, second = (DRAWS[name](0) for name in (one, other))
    size = min(first.size, second.size)
    assert abs(np.corrcoef(first[:size], second[:size])[0, 1]) < 4 / np.sqrt(size)


@pytest.mark.parametrize("name", [*DRAWS, *NUMBERS])
def test_seeds_repeat_and_generators_are_used_as_they_come(name):
    draw = {**DRAWS, **NUMBERS}[name]
    np.testing.assert_array_equal(draw(3), draw(3))
    np.testing.assert_array_equal(draw(np.int64(3)), draw(np.uint8(3)))
    assert np.any(draw(3) != draw(4))
    assert np.any(draw(3) != draw(np.random.default_rng(3)))
    np.testing.assert_array_equal(draw(np.random.default_rng(3)), draw(np.random.SeedSequence(3)))
    np.testing.assert_array_equal(draw(np.random.default_rng(3)), draw(np.random.PCG64(3)))
    source = np.random.default_rng(3)
    before = source.bit_generator.state["state"]
    first = draw(source)
    spawned = source.bit_generator.seed_seq.n_children_spawned
    assert spawned or source.bit_generator.state["state"] != before
    assert np.any(draw(source) != first)


@pytest.mark.parametrize(
    ("wrong", "error"),
    [(-1, ValueError), (np.int8(-1), ValueError), (True, TypeError), (1.0, TypeError), ("1", TypeError)],
)
@pytest.mark.parametrize("name", [*DRAWS, *NUMBERS])
def test_what_is_no_seed_is_named(name, wrong, error):
    with pytest.raises(error, match="rng: expected a"):
        {**DRAWS, **NUMBERS}[name](wrong)


def test_streams_stay_what_they_are():
    # 0x94FA67D9 is the CRC-32 of "langevin".
    sequence = np.random.SeedSequence(5, spawn_key=(0x94FA67D9,))
    expected = np.random.Generator(np.random.PCG64(sequence)).integers(1000, size=3)
    np.testing.assert_array_equal(generator(5, "langevin").integers(1000, size=3), expected)
    np.testing.assert_array_equal(expected, [280, 202, 467])


def test_fresh_entropy_differs():
    assert generator(None, "f").random() != generator(None, "f").random()


def test_the_noise_is_not_the_data():
    x = np.random.default_rng(0).standard_normal(80)
    objective = cs.DenoisingScoreMatching.from_clean(x, 0.5, rng=0)
    assert abs(np.corrcoef(x, objective.targets[:, 0])[0, 1]) < 0.4
    assert cs.solve(objective, "auto", skip=True).value > 1
