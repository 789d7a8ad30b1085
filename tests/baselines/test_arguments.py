"""Bad arguments are named."""

import numpy as np
import pytest

import convexscore as cs
from convexscore.baselines import train_adam, tune_adam
from tests.baselines.helpers import problem, random_network


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"objective": None}, TypeError, "objective: expected ScoreMatching, Denoising.*, got None"),
        (
            {"objective": cs.DenoisingScoreMatching.expected([0.0, 1.0], 1.0)},
            TypeError,
            "objective: expected .*, got ExpectedDenoising",
        ),
        ({"beta": -1.0}, ValueError, "beta: expected a number at least 0, got -1"),
        ({"beta": "auto"}, TypeError, "beta: expected a number, got 'auto'"),
        ({"activation": "tanh"}, ValueError, "activation: expected one of 'relu', 'abs', got 'tanh'"),
        ({"skip": 1}, TypeError, "skip: expected True or False, got 1"),
        ({"bias": None}, TypeError, "bias: expected True or False, got None"),
        ({"n_neurons": 0}, ValueError, "n_neurons: expected an integer of at least 1, got 0"),
        ({"learning_rate": 0.0}, ValueError, "learning_rate: expected positive numbers, .* got 0.0"),
        ({"learning_rate": []}, ValueError, r"learning_rate: expected positive numbers, .* got \[\]"),
        ({"learning_rate": [np.inf]}, ValueError, "learning_rate: expected finite numbers"),
        ({"schedule": "step"}, ValueError, "schedule: expected one of 'constant', 'cosine', got 'step'"),
        ({"n_epochs": -1}, ValueError, "n_epochs: expected an integer of at least 0, got -1"),
        ({"n_trials": 0}, ValueError, "n_trials: expected an integer of at least 1, got 0"),
        ({"batch_size": 0}, ValueError, "batch_size: expected an integer of at least 1, got 0"),
        ({"batch_size": 31}, ValueError, "batch_size: expected at most n_samples = 30, got 31"),
        ({"initial": "random"}, TypeError, "initial: expected a TwoLayerNetwork, got 'random'"),
        ({"initial": random_network(3, 2, "relu")}, ValueError, r"initial: expected 1 feature\(s\), got 2"),
        (
            {"initial": random_network(3, 1, "abs", False)},
            ValueError,
            "initial: expected activation 'relu', got 'abs'",
        ),
        (
            {"initial": random_network(3, 1, "relu")},
            ValueError,
            "initial: expected V = 0 without skip, got V",
        ),
        (
            {"initial": random_network(3, 1, "relu", False), "bias": False},
            ValueError,
            "initial: expected b1 = 0 and b2 = 0",
        ),
        ({"keep_losses": 0}, TypeError, "keep_losses: expected True or False, got 0"),
        ({"keep_best": "yes"}, TypeError, "keep_best: expected True or False, got 'yes'"),
        ({"progress": 1}, TypeError, "progress: expected True or False, got 1"),
    ],
)
def test_bad_arguments_are_named(arguments, error, message):
    good = {"objective": problem("sm"), "beta": 3.0, "n_epochs": 1, "n_trials": 1}
    with pytest.raises(error, match=message):
        train_adam(**{**good, **arguments})


def test_bad_grids_are_named():
    with pytest.raises(ValueError, match="learning_rates: expected positive numbers"):
        tune_adam(problem("sm"), 3.0, learning_rates=[[0.1]])
    with pytest.raises(TypeError, match="objective: expected"):
        tune_adam(None, 3.0)
