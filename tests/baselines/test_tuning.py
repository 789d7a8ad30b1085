"""Trials, alone and among others, and the grid of learning rates."""

import numpy as np
import pytest

import convexscore as cs
from convexscore.baselines import train_adam, tune_adam
from tests.baselines.helpers import problem, start


@pytest.mark.parametrize("batch_size", [None, 7])
@pytest.mark.parametrize("d", [1, 2])
def test_a_trial_is_the_same_alone_and_among_others(d, batch_size):
    objective = problem("sm", d)
    arguments = {"n_neurons": 20, "n_epochs": 15, "batch_size": batch_size, "rng": 3}
    many = train_adam(objective, 3.0, learning_rate=[0.01, 0.1], n_trials=4, **arguments)
    np.testing.assert_array_equal(many.learning_rates, [0.01] * 4 + [0.1] * 4)
    assert np.unique(many.losses[:, -1]).size == 8
    for j, rate in enumerate((0.01, 0.1)):
        few = train_adam(objective, 3.0, learning_rate=rate, n_trials=2, **arguments)
        np.testing.assert_allclose(few.losses, many.losses[4 * j : 4 * j + 2], rtol=1e-12)


@pytest.mark.parametrize("d", [1, 2])
@pytest.mark.parametrize("activation", ["relu", "abs"])
def test_one_batch_of_all_samples_is_the_full_batch(activation, d):
    objective = problem("sm", d)
    arguments = {"n_neurons": 20, "n_epochs": 30, "n_trials": 2, "rng": 0}
    full = train_adam(objective, 3.0, activation, True, **arguments)
    batch = train_adam(objective, 3.0, activation, True, batch_size=30, **arguments)
    np.testing.assert_allclose(batch.losses, full.losses, rtol=1e-9)


@pytest.mark.parametrize("batch_size", [None, 7])
def test_seeds_repeat(batch_size):
    def losses(rng):
        return train_adam(problem("sm"), 3.0, n_epochs=5, n_trials=2, batch_size=batch_size, rng=rng).losses

    np.testing.assert_array_equal(losses(3), losses(3))
    np.testing.assert_array_equal(losses(np.random.default_rng(3)), losses(np.random.default_rng(3)))
    assert not np.array_equal(losses(3), losses(4))
    generator = np.random.default_rng(3)
    assert not np.array_equal(losses(generator), losses(generator))


@pytest.mark.parametrize("d", [1, 4])
def test_weights_start_as_those_of_linear_layers(d):
    network = start(problem("sm", d), "relu", True, True, n_neurons=400, rng=0)
    for array, bound in ((network.W1, d**-0.5), (network.b1, d**-0.5), (network.W2, 0.05)):
        assert 0.98 * bound < np.abs(array).max() <= bound
        assert array.std() == pytest.approx(bound / np.sqrt(3), rel=0.1)
    assert np.abs(network.b2).max() <= 0.05
    assert not network.V.any()


def test_a_trial_that_diverges_leaves_the_others_alone():
    objective = problem("sm")
    arguments = {"n_epochs": 20, "n_trials": 2, "rng": 0}
    alone = train_adam(objective, 3.0, learning_rate=0.01, **arguments)
    result = train_adam(objective, 3.0, learning_rate=[1e200, 0.01], **arguments)
    assert np.isfinite(result.losses[:2, 0]).all()
    assert (result.losses[:2, 1:] == np.inf).all()
    np.testing.assert_array_equal(result.losses[2:], alone.losses)
    assert result.best_trial >= 2
    with pytest.raises(cs.ConvergenceError, match="learning_rate: all 2 trials diverged; expected smaller"):
        train_adam(objective, 3.0, learning_rate=1e200, **arguments)


def test_tuning_goes_through_the_grid():
    objective = problem("dsm", n=40)
    rates = [0.01, 0.1]
    result = tune_adam(objective, 3.0, n_epochs=20, n_trials=2, learning_rates=rates, rng=0)
    assert result.best.n_neurons == 82
    same = train_adam(
        objective,
        3.0,
        n_neurons=82,
        learning_rate=rates,
        schedule="cosine",
        n_epochs=20,
        n_trials=2,
        keep_best=True,
        rng=0,
    )
    np.testing.assert_array_equal(result.losses, same.losses)
    assert tune_adam(problem("sm", n=5), 3.0, n_epochs=1, rng=0).best.n_neurons == 64
    assert tune_adam(problem("sm", n=300), 3.0, n_epochs=1, n_trials=1, rng=0).best.n_neurons == 512
