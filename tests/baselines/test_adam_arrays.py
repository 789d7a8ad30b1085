"""Adam takes arrays, as the doors do."""

import numpy as np
import pytest

import convexscore as cs
from convexscore.baselines import tune_adam

X = np.random.default_rng(0).standard_normal(12)
SHORT = {"skip": True, "n_epochs": 5, "n_trials": 2, "rng": 0}


@pytest.mark.parametrize("train", [cs.train_adam, tune_adam])
@pytest.mark.parametrize("data", [X, X.tolist(), X.reshape(6, 2)], ids=["array", "list", "plane"])
def test_an_array_is_score_matching_on_it(train, data):
    of_data, of_objective = (train(given, 2.0, **SHORT) for given in (data, cs.ScoreMatching(data)))
    np.testing.assert_array_equal(of_data.losses, of_objective.losses)


@pytest.mark.parametrize("wrong", [None, "x", cs.ScoreMatching, cs.ExpectedDenoising(X, 0.5)])
def test_what_adam_does_not_train_on_is_refused(wrong):
    with pytest.raises(TypeError, match="objective: expected "):
        cs.train_adam(wrong, 2.0, **SHORT)
