"""Training by Adam: its gradients, its steps against PyTorch's, its trials, and the optimum below it."""

import numpy as np
import pytest

import convexscore as cs
from convexscore.activations import get_activation
from convexscore.baselines import train_adam, tune_adam
from convexscore.baselines.dense import DenseLoss
from convexscore.baselines.line import LineLoss
from convexscore.baselines.weights import Weights
from tests.problems import KINDS, make_beta, make_data, make_objective, value_scale


def problem(kind, d=1, n=30, seed=0):
    """Return a weighted objective with `d` features."""
    rng = np.random.default_rng(seed)
    X, mass = rng.standard_normal((n, d)), rng.uniform(0.3, 3.0, n)
    if kind == "sm":
        return cs.ScoreMatching(X, mass)
    return cs.DenoisingScoreMatching(X, rng.standard_normal((n, d)), sample_weight=mass)


def random_network(m, d, activation, skip=True, bias=True, seed=0):
    rng = np.random.default_rng(seed)
    W1, b1, W2 = rng.standard_normal((m, d)), rng.standard_normal(m), rng.standard_normal((d, m))
    b2, V = rng.standard_normal(d), rng.standard_normal((d, d))
    return cs.TwoLayerNetwork(W1, bias * b1, W2, bias * b2, skip * V, activation=activation)


def weights_of(*networks):
    weights = Weights(len(networks), networks[0].n_neurons, networks[0].n_features)
    for trial, network in enumerate(networks):
        one = Weights(1, *weights.shape[1:])
        one.set_network(network)
        for block, values in zip(weights.blocks, one.blocks, strict=True):
            block[trial] = values[0]
    return weights


def evaluate(loss, weights, *batches):
    gradient = Weights(*weights.shape)
    return loss(weights, gradient, *batches), gradient


def line_loss(objective, network, n_trials=1):
    return LineLoss(objective, get_activation(network.activation), network.right_derivative, n_trials)


def dense_loss(objective, network):
    return DenseLoss(objective, get_activation(network.activation), network.right_derivative)


def start(objective, activation, skip, bias, **arguments):
    """Return the network that a trial starts from."""
    return train_adam(objective, 1.0, activation, skip, bias=bias, n_epochs=0, n_trials=1, **arguments).best


# Gradients


@pytest.mark.parametrize("activation", ["relu", "abs"])
@pytest.mark.parametrize("kind", ["sm", "dsm"])
@pytest.mark.parametrize(
    ("make_loss", "d"), [(line_loss, 1), (dense_loss, 1), (dense_loss, 2), (dense_loss, 3)]
)
def test_gradients_are_finite_differences(make_loss, d, kind, activation):
    objective = problem(kind, d)
    network = random_network(7, d, activation)
    weights = weights_of(network)
    value, gradient = evaluate(make_loss(objective, network), weights)
    assert value[0] == pytest.approx(objective.loss(network), rel=1e-12)
    pre = objective.X @ network.W1.T + network.b1
    h = 1e-6
    assert np.abs(pre).min() > 10 * h
    for i in range(weights.flat.size):
        sides = []
        for step in (h, -h):
            moved = weights.repeated(1)
            moved.flat[i] += step
            sides.append(objective.loss(moved.network(0, activation, network.right_derivative)))
        assert gradient.flat[i] == pytest.approx((sides[0] - sides[1]) / (2 * h), rel=1e-6, abs=1e-6)


@pytest.mark.parametrize("name", ["random", "tied", "weighted"])
@pytest.mark.parametrize("activation", ["relu", "abs"])
@pytest.mark.parametrize("kind", ["sm", "dsm"])
def test_the_line_agrees_with_products_of_matrices(kind, activation, name):
    # Kinks on data with both conventions, neurons that see nothing, no input weight, or hardly any.
    x, mass = make_data(name)
    objective = make_objective(kind, x, mass)
    W1 = np.array([1.0, -1.0, 0.5, -0.5, 1.0, -1.0, 0.0, 0.0, -0.0, 1e-70, 0.0])
    b1 = np.array([-x[0], x[0], -0.5 * x[1], 0.5 * x[2], -9.0, -9.0, 1.0, -1.0, 1.0, 1.0, 0.0])
    W2 = np.linspace(-1, 1, W1.size) + 0.03
    right = np.arange(W1.size) % 3 != 0
    network = cs.TwoLayerNetwork(
        W1[:, None], b1, W2[None], [0.3], [[-0.7]], activation=activation, right_derivative=right
    )
    weights = weights_of(network)
    values, gradient = evaluate(line_loss(objective, network), weights)
    dense_values, dense_gradient = evaluate(dense_loss(objective, network), weights)
    np.testing.assert_allclose(values, dense_values, rtol=1e-12)
    np.testing.assert_allclose(gradient.flat, dense_gradient.flat, rtol=1e-11, atol=1e-11)
    if activation == "relu":
        blind = [4, 5, 7]
        assert not gradient.W1[0, blind].any()
        assert not gradient.b1[0, blind].any()
        assert not gradient.W2[0, blind].any()


@pytest.mark.parametrize("d", [1, 2])
@pytest.mark.parametrize("kind", ["sm", "dsm"])
def test_batches_add_up_to_the_sum_over_all_samples(kind, d):
    objective = problem(kind, d, n=12)
    network = random_network(5, d, "abs")
    weights = weights_of(network, network)
    loss = dense_loss(objective, network)
    value, gradient = evaluate(loss, weights)
    order = np.stack([np.random.default_rng(seed).permutation(12) for seed in (0, 1)])
    parts = [evaluate(loss, weights, order[:, i : i + 4]) for i in (0, 4, 8)]
    np.testing.assert_allclose(np.mean([part[0] for part in parts], axis=0), value, rtol=1e-12)
    mean = np.mean([part[1].flat for part in parts], axis=0)
    np.testing.assert_allclose(mean, gradient.flat, rtol=1e-11, atol=1e-11)
    assert not np.allclose(parts[0][0][0], parts[0][0][1])


def test_blocks_of_samples_add_up(monkeypatch):
    objective, network = problem("sm", 2, n=50), random_network(7, 2, "relu")
    weights = weights_of(network, random_network(7, 2, "relu", seed=1))
    whole = evaluate(dense_loss(objective, network), weights)
    monkeypatch.setattr("convexscore.baselines.dense._BLOCK_SIZE", 60)
    cut = evaluate(dense_loss(objective, network), weights)
    np.testing.assert_allclose(cut[0], whole[0], rtol=1e-12)
    np.testing.assert_allclose(cut[1].flat, whole[1].flat, rtol=1e-11, atol=1e-11)


# PyTorch


def torch_losses(objective, beta, network, skip, bias, n_epochs, rate, schedule="constant"):
    """Train in PyTorch; the trace is that of the Jacobian that PyTorch itself differentiates."""
    torch = pytest.importorskip("torch")
    X, targets, mass = (torch.tensor(array) for array in (objective.X, objective.targets, objective.weights))
    weights = {name: torch.tensor(getattr(network, name).copy()) for name in ("W1", "b1", "W2", "b2", "V")}
    trained = ["W1", "W2", *(["b1", "b2"] if bias else []), *(["V"] if skip else [])]
    for name in trained:
        weights[name].requires_grad_(True)
    W1, b1, W2, b2, V = weights.values()
    sigma = torch.relu if network.activation == "relu" else torch.abs

    def loss():
        x = X.clone().requires_grad_(True)
        s = sigma(x @ W1.T + b1) @ W2.T + x @ V.T + b2
        terms = 0.5 * ((s - targets) ** 2).sum(1)
        for a in range(X.shape[1] if objective.has_trace else 0):
            terms = terms + torch.autograd.grad(s[:, a].sum(), x, create_graph=True)[0][:, a]
        return mass @ terms + 0.5 * beta * ((W1**2).sum() + (W2**2).sum())

    optimizer = torch.optim.Adam([weights[name] for name in trained], lr=rate)
    decay = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, n_epochs)
    losses = []
    for _ in range(n_epochs):
        optimizer.zero_grad()
        value = loss()
        losses.append(value.item())
        value.backward()
        optimizer.step()
        if schedule == "cosine":
            decay.step()
    return np.array([*losses, loss().item()]), [weights[name].detach().numpy() for name in weights]


@pytest.mark.filterwarnings("ignore:.*lr_scheduler.step.*:UserWarning")
@pytest.mark.parametrize(
    ("kind", "activation", "skip", "bias", "d"),
    [
        ("sm", "relu", False, True, 1),
        ("sm", "abs", True, True, 1),
        ("dsm", "relu", True, False, 1),
        ("dsm", "abs", False, True, 1),
        ("sm", "relu", True, True, 2),
        ("sm", "abs", False, False, 2),
        ("dsm", "relu", False, True, 2),
        ("sm", "relu", True, True, 3),
    ],
)
def test_every_step_is_that_of_pytorch(kind, activation, skip, bias, d):
    objective, beta = problem(kind, d), 4.0
    network = random_network(12, d, activation, skip, bias)
    schedule = "cosine" if d == 1 else "constant"
    expected, weights = torch_losses(objective, beta, network, skip, bias, 200, 0.01, schedule)
    result = train_adam(
        objective,
        beta,
        activation,
        skip,
        bias=bias,
        learning_rate=0.01,
        schedule=schedule,
        n_epochs=200,
        n_trials=1,
        initial=network,
    )
    np.testing.assert_allclose(result.losses[0], expected, rtol=1e-10)
    for name, array in zip(("W1", "b1", "W2", "b2", "V"), weights, strict=True):
        np.testing.assert_allclose(getattr(result.best, name), array, rtol=1e-8, atol=1e-10)


# Losses and the optimum


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
    result = tune_adam(objective, 20.0, activation, skip, n_epochs=1500, n_trials=1, rng=1)
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


# Trials


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
    np.testing.assert_array_equal(losses(3), losses(np.random.default_rng(3)))
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


# Tuning, and the rest


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


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"objective": [1.0]}, TypeError, "objective: expected ScoreMatching or Denoising.*, got list"),
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
