"""Training by Adam: its losses, the optimum below them, and what it returns."""

import numpy as np
import pytest

import convexscore as cs
from convexscore.baselines import train_adam, tune_adam
from tests.baselines.helpers import dense_loss, evaluate, problem, random_network, weights_of
from tests.problems import KINDS, make_beta, make_data, make_objective, value_scale


@pytest.mark.parametrize(("kind", "activation", "skip"), KINDS)
def test_no_loss_is_below_the_convex_optimum(kind, activation, skip):
    objective = make_objective(kind, *make_data("weighted", n=20))
    beta = make_beta(objective, activation, skip, 0.2)
    solution = cs.solve(objective, beta, activation=activation, skip=skip)
    result = tune_adam(objective, beta, activation, skip, n_epochs=300, n_trials=2, rng=0)
    scale = value_scale(objective, solution.value)
    assert result.losses.min() > solution.value - 1e-8 * scale
    # A bound that is never approached would be no test.
    assert result.best_loss < solution.value + (0.02 if kind == "dsm" else 0.4) * scale


@pytest.mark.parametrize("name", ["random", "tied"])
@pytest.mark.parametrize(("kind", "activation", "skip"), KINDS)
def test_training_from_the_optimum_starts_at_its_value(kind, activation, skip, name):
    objective = make_objective(kind, *make_data(name))
    beta = make_beta(objective, activation, skip, 0.2)
    solution = cs.solve(objective, beta, activation=activation, skip=skip)
    result = train_adam(
        objective,
        beta,
        activation,
        skip,
        n_epochs=3,
        n_trials=2,
        initial=solution.network,
        learning_rate=1e-3,
    )
    np.testing.assert_allclose(result.losses[:, 0], solution.value, rtol=1e-10)
    assert (result.losses >= solution.value - 1e-10 * abs(solution.value)).all()
    np.testing.assert_array_equal(result.best.right_derivative, solution.network.right_derivative)


@pytest.mark.parametrize("batch_size", [None, 7])
@pytest.mark.parametrize("d", [1, 2])
@pytest.mark.parametrize(("kind", "activation", "skip"), KINDS)
def test_the_last_losses_are_the_networks_own(kind, activation, skip, d, batch_size):
    objective = problem(kind, d)
    arguments = {"n_neurons": 9, "n_trials": 3, "batch_size": batch_size, "rng": 1}
    result = train_adam(objective, 3.0, activation, skip, n_epochs=20, **arguments)
    own = [network.loss(objective, 3.0) for network in result.networks]
    np.testing.assert_array_equal(result.losses[:, -1], own)
    assert result.best_loss == result.losses[:, -1].min()
    assert result.best is result.networks[result.best_trial]
    shorter = train_adam(objective, 3.0, activation, skip, n_epochs=8, **arguments)
    np.testing.assert_array_equal(shorter.losses[:, :-1], result.losses[:, :8])
    # What training records before an epoch is the loss of the network that it would return there.
    np.testing.assert_allclose(shorter.losses[:, -1], result.losses[:, 8], rtol=1e-10)


def test_what_is_not_trained_stays_zero():
    objective = problem("sm", 2)
    result = train_adam(objective, 3.0, bias=False, n_epochs=5, n_trials=2, rng=0)
    for network in result.networks:
        assert not network.b1.any()
        assert not network.b2.any()
        assert not network.V.any()
    assert train_adam(objective, 3.0, skip=True, n_epochs=5, n_trials=1, rng=0).best.V.all()


def test_weights_count_repetitions():
    x = np.array([0.0, 0.4, 1.0, 2.5])
    repeated = cs.ScoreMatching(np.repeat(x, [1, 3, 2, 1]))
    weighted = cs.ScoreMatching(x, np.array([1.0, 3.0, 2.0, 1.0]))
    one, other = (train_adam(data, 4.0, n_epochs=30, n_trials=2, rng=0) for data in (repeated, weighted))
    np.testing.assert_allclose(one.losses, other.losses, rtol=1e-10)


def test_the_best_network_on_the_way_is_kept_on_request():
    objective = problem("sm")
    arguments = {"learning_rate": [0.03, 0.3], "n_epochs": 200, "n_trials": 3, "rng": 0}
    last = train_adam(objective, 5.0, **arguments)
    best = train_adam(objective, 5.0, keep_best=True, **arguments)
    np.testing.assert_array_equal(best.losses[:, :-1], last.losses[:, :-1])
    np.testing.assert_allclose(best.losses[:, -1], last.losses.min(axis=1), rtol=1e-10)
    own = [network.loss(objective, 5.0) for network in best.networks]
    np.testing.assert_array_equal(best.losses[:, -1], own)
    assert best.best_loss < last.best_loss


@pytest.mark.parametrize(
    ("kind", "activation", "skip"), [("sm", "relu", True), ("sm", "abs", True), ("dsm", "relu", False)]
)
def test_decayed_neurons_leave_the_losses_alone(kind, activation, skip):
    # Weight decay drives input weights to zero while biases stay: kinks wander off.
    objective = problem(kind, n=60, seed=1)
    result = tune_adam(
        objective, 20.0, activation, skip, n_epochs=1500, n_trials=1, rng=np.random.default_rng(1)
    )
    furthest = [np.abs(network.b1 / network.W1[:, 0]).max() for network in result.networks]
    assert np.median(furthest) > 1e10
    assert max(furthest) > 1e15
    own = [network.loss(objective, 20.0) for network in result.networks]
    np.testing.assert_array_equal(result.losses[:, -1], own)
    # What training recorded, by running sums of its own, and the definition, by products of matrices.
    np.testing.assert_allclose(own, result.losses.min(axis=1), rtol=1e-10)
    values, _ = evaluate(dense_loss(objective, result.best), weights_of(*result.networks))
    decays = [20.0 * network.weight_decay() for network in result.networks]
    np.testing.assert_allclose(own, values + decays, rtol=1e-10)


@pytest.mark.parametrize("batch_size", [None, 7])
def test_losses_are_dropped_on_request(batch_size):
    objective = problem("dsm")
    arguments = {"n_epochs": 6, "n_trials": 2, "batch_size": batch_size, "rng": 0}
    whole = train_adam(objective, 3.0, **arguments)
    ends = train_adam(objective, 3.0, keep_losses=False, **arguments)
    np.testing.assert_array_equal(ends.losses, whole.losses[:, [0, -1]])


def test_no_epochs_return_the_start():
    network = random_network(3, 2, "abs")
    result = train_adam(problem("sm", 2), 3.0, "abs", True, n_epochs=0, n_trials=2, initial=network)
    assert result.losses.shape == (2, 1)
    np.testing.assert_array_equal(result.best.W2, network.W2)


@pytest.mark.parametrize("d", [1, 2])
def test_without_neurons_a_line_is_trained(d):
    objective = problem("sm", d)
    nothing = random_network(0, d, "relu", skip=False, bias=False)
    result = train_adam(
        objective, 3.0, skip=True, n_epochs=3000, n_trials=1, initial=nothing, schedule="cosine"
    )
    mean, mass = np.average(objective.X, axis=0, weights=objective.weights), objective.weights
    precision = np.linalg.inv(np.atleast_2d(np.cov(objective.X.T, aweights=mass, ddof=0)))
    np.testing.assert_allclose(result.best.V, -precision, atol=1e-3)
    np.testing.assert_allclose(result.best.b2, precision @ mean, atol=1e-3)


def test_progress_draws_on_request_only(capfd):
    pytest.importorskip("tqdm")
    train_adam(problem("sm"), 3.0, n_epochs=2, n_trials=1, rng=0)
    assert capfd.readouterr() == ("", "")
    train_adam(problem("sm"), 3.0, n_epochs=2, n_trials=1, rng=0, progress=True)
    output, errors = capfd.readouterr()
    assert output == ""
    assert "adam" in errors
