"""`certify`: the loss of any network, against the bound of its kind."""

import copy
import subprocess
import sys

import numpy as np
import pytest

import convexscore as cs

X = {d: 2 * np.random.default_rng(d).standard_normal((8, d)) for d in (1, 2, 3)}
OBJECTIVES = {
    "sm": lambda d: cs.ScoreMatching(X[d]),
    "dsm": lambda d: cs.DenoisingScoreMatching(X[d], np.random.default_rng(9).standard_normal((8, d)) - X[d]),
}
BETA = 12.0
KINDS = [(activation, skip) for activation in ("relu", "abs") for skip in (False, True)]


def random_network(d, activation, skip, m=6):
    rng = np.random.default_rng(5)
    V = rng.standard_normal((d, d)) if skip else None
    drawn = rng.standard_normal
    return cs.TwoLayerNetwork(
        drawn((m, d)), drawn(m), 0.1 * drawn((d, m)), drawn(d), V, activation=activation
    )


@pytest.mark.parametrize("name", OBJECTIVES)
@pytest.mark.parametrize(
    ("d", "activation", "skip"), [*((d, *kind) for d in (1, 2) for kind in KINDS), (3, "relu", True)]
)
def test_an_optimum_has_no_gap(d, activation, skip, name):
    objective = OBJECTIVES[name](d)
    solution = cs.solve(objective, BETA, activation, skip)
    certificate = cs.certify(solution.network, objective, BETA, activation, skip, bias=True)
    assert certificate.primal == solution.network.loss(objective, BETA)
    assert certificate.meets(1e-6)
    assert certificate.scope == solution.certificate.scope == "global"
    assert certificate.lower_bound == certificate.dual == pytest.approx(solution.certificate.dual, rel=1e-9)


@pytest.mark.parametrize("name", OBJECTIVES)
@pytest.mark.parametrize(("activation", "skip"), KINDS)
@pytest.mark.parametrize("d", [1, 2])
def test_any_network_is_above_the_bound_of_its_kind(d, activation, skip, name):
    objective, network = OBJECTIVES[name](d), random_network(d, activation, skip)
    certificate = cs.certify(network, objective, BETA)
    best = cs.solve(objective, BETA, activation, skip)
    assert certificate.primal == network.loss(objective, BETA) > best.value
    assert certificate.dual == pytest.approx(best.value, rel=1e-6)
    assert certificate.gap == certificate.primal - certificate.dual > 0
    assert certificate.max_violation > 1e-3 * BETA
    assert not certificate.meets(1e-3)


@pytest.mark.parametrize(("d", "skip"), [(1, True), (2, False)])
def test_networks_of_gradient_training_come_near_and_never_below(d, skip):
    objective = OBJECTIVES["sm"](d)
    result = cs.baselines.train_adam(
        objective, BETA, skip=skip, n_neurons=20, n_epochs=300, learning_rate=0.02, n_trials=2, rng=0
    )
    for network, loss in zip(result.networks, result.losses[:, -1], strict=True):
        certificate = cs.certify(network, objective, BETA)
        assert certificate.primal == pytest.approx(loss, rel=1e-9)
        assert certificate.dual <= certificate.primal


def test_layers_that_are_not_balanced_pay_for_it():
    network = random_network(2, "relu", False)
    scaled = cs.TwoLayerNetwork(3 * network.W1, 3 * network.b1, network.W2 / 3, network.b2)
    first, second = (cs.certify(net, X[2], BETA) for net in (network, scaled))
    excess = BETA * (scaled.weight_decay() - network.weight_decay())
    assert second.gap - first.gap == pytest.approx(excess, rel=1e-9)
    assert first.dual == second.dual
    assert first.max_violation == pytest.approx(second.max_violation, rel=1e-6)


def test_a_network_is_compared_with_those_that_have_what_it_has():
    objective = OBJECTIVES["dsm"](2)
    without = cs.TwoLayerNetwork(np.eye(2), [0.0, 0.0], -0.5 * np.eye(2), [0.0, 0.0])
    values = {bias: cs.solve(objective, BETA, bias=bias).value for bias in (False, True)}
    assert cs.certify(without, objective, BETA).dual == pytest.approx(values[False], rel=1e-6)
    assert cs.certify(without, objective, BETA, bias=True).dual == pytest.approx(values[True], rel=1e-6)
    assert values[True] < values[False]
    more = cs.certify(without, objective, BETA, skip=True)
    assert more.dual == pytest.approx(cs.solve(objective, BETA, skip=True, bias=False).value, rel=1e-6)


@pytest.mark.parametrize("d", [1, 2, 3])
def test_conservative_networks(d):
    objective = OBJECTIVES["dsm"](d)
    rng = np.random.default_rng(0)
    u, a = rng.standard_normal((4, d)), rng.standard_normal(4)
    network = cs.ConservativeNetwork(u, rng.standard_normal(4), a, np.ones(d), -np.eye(d))
    certificate = cs.certify(network, objective, BETA)
    best = cs.solve(objective, BETA, skip=True, conservative=True)
    assert certificate.primal == pytest.approx(network.loss(objective, BETA), rel=1e-12)
    assert certificate.dual == pytest.approx(best.value, rel=1e-6)
    assert certificate.max_violation > 1e-3
    assert cs.certify(best.network, objective, BETA, skip=True, bias=True).meets(1e-6)


@pytest.mark.parametrize("activation", ["relu", "abs"])
def test_gated_networks_are_compared_with_those_of_their_patterns(activation):
    objective = OBJECTIVES["dsm"](2)
    best = cs.solve(objective, 2.0, activation, gated=True, bias=False)
    certificate = cs.certify(best.network, objective, 2.0)
    assert certificate.scope == "patterns"
    assert certificate.meets(1e-5)
    few = best.network
    worse = cs.GatedNetwork(
        few.W1, few.b1, 0.5 * few.W2, few.b2, few.V, gates=few.gates, gate_offsets=few.gate_offsets,
        activation=activation,
    )  # fmt: skip
    below = cs.certify(worse, objective, 2.0)
    assert below.dual == certificate.dual < below.primal == worse.loss(objective, 2.0)
    shifted = cs.GatedNetwork(few.W1, few.b1, few.W2, [1.0, 0.0], few.V, gates=few.gates,
                              gate_offsets=few.gate_offsets, activation=activation)  # fmt: skip
    with pytest.raises(ValueError, match="network: expected a gated network without a bias"):
        cs.certify(shifted, objective, 2.0)


def test_expected_denoising_and_no_weight_decay():
    expected = cs.ExpectedDenoising(X[1], 0.5)
    network = random_network(1, "relu", True)
    certificate = cs.certify(network, expected, 1.0)
    assert certificate.primal == network.loss(expected, 1.0)
    assert certificate.dual == pytest.approx(cs.solve(expected, 1.0, skip=True).value, rel=1e-6)
    objective = OBJECTIVES["dsm"](2)
    certificate = cs.certify(random_network(2, "relu", False), objective, 0.0)
    assert certificate.dual <= 1e-9 < certificate.primal
    assert certificate.max_violation > 0


@pytest.mark.parametrize("scale", [2.0**-60, 2.0**70])
def test_units_are_the_datas(scale):
    network, base = random_network(2, "relu", True), X[2]
    scaled = cs.TwoLayerNetwork(
        network.W1 / scale, network.b1, network.W2 / scale, network.b2 / scale, network.V / scale**2
    )
    first, second = cs.certify(network, base, BETA), cs.certify(scaled, scale * base, BETA)
    assert second.dual == pytest.approx(first.dual / scale**2, rel=1e-12)
    assert second.max_violation == pytest.approx(first.max_violation, rel=1e-9)
    assert second.primal == scaled.loss(scale * base, BETA)


def test_data_far_from_zero():
    far = X[1] + 2.0**20
    best = cs.solve(far, BETA, skip=True).network
    assert best.origin.any()
    assert cs.certify(best, far, BETA).meets(1e-8)
    tied = cs.solve(X[2] + 2.0**20, BETA, skip=True, conservative=True).network
    assert cs.certify(tied, X[2] + 2.0**20, BETA).meets(1e-6)


def test_errors_say_what_is_wrong():
    network = random_network(1, "abs", True)
    result = cs.baselines.train_adam(cs.ScoreMatching(X[1]), BETA, n_neurons=2, n_epochs=1, n_trials=1, rng=0)
    for wrong, message in [
        (None, "network: expected a TwoLayerNetwork"),
        (np.eye(2), "network: expected a TwoLayerNetwork"),
        (lambda x: -x, "network: expected a TwoLayerNetwork"),
        (cs.solve(X[1], BETA), "its network is its attribute 'network'"),
        (result, "its network is its attribute 'best'"),
    ]:
        with pytest.raises(TypeError, match=message):
            cs.certify(wrong, X[1], BETA)
    with pytest.raises(ValueError, match="network: expected one with 2 features"):
        cs.certify(network, X[2], BETA)
    with pytest.raises(ValueError, match="activation: expected None or the network's, 'abs', got 'relu'"):
        cs.certify(network, X[1], BETA, "relu")
    with pytest.raises(ValueError, match="skip: expected None or True"):
        cs.certify(network, X[1], BETA, skip=False)
    with pytest.raises(cs.UnboundedError, match="beta: expected at least 2"):
        cs.certify(network, X[1], 1.5)
    assert cs.beta_bounds(X[1], "abs", True).minimum == 2.0


def modules():
    torch = pytest.importorskip("torch")

    class Named(torch.nn.Module):
        """With a skip connection, its layers in another order than they are used."""

        def __init__(self):
            super().__init__()
            self.skip = torch.nn.Linear(2, 2, bias=False)
            self.last = torch.nn.Linear(5, 2)
            self.first = torch.nn.Linear(2, 5)

        def forward(self, x):
            return self.last(self.first(x).abs()) + self.skip(x)

    class Matrices(torch.nn.Module):
        """Not a linear layer in it, and weights the other way round."""

        def __init__(self):
            super().__init__()
            self.inner = torch.nn.Parameter(torch.randn(2, 5))
            self.offset = torch.nn.Parameter(torch.randn(5))
            self.outer = torch.nn.Parameter(torch.randn(5, 2))

        def forward(self, x):
            return torch.relu(x @ self.inner + self.offset) @ self.outer

    def sequential(bias):
        layers = torch.nn.Linear(2, 5, bias=bias), torch.nn.ReLU(), torch.nn.Linear(5, 2, bias=bias)
        return torch.nn.Sequential(*layers)

    with torch.random.fork_rng():
        torch.manual_seed(0)
        named, matrices = Named(), Matrices()
        biased, plain = sequential(True), sequential(False)
    return {
        "with bias": (biased, "relu", False, True),
        "without bias": (plain, "relu", False, False),
        "double": (copy.deepcopy(biased).double(), "relu", False, True),
        "named": (named, "abs", True, True),
        "matrices": (matrices, "relu", False, True),
        "exported": (random_network(2, "abs", True).to_torch(), "abs", True, True),
        "single": (random_network(2, "relu", True).to_torch(dtype="float32"), "relu", True, True),
        "far": (random_network(2, "relu", True).recentred([3.0, -5.0]).to_torch(), "relu", True, True),
        "scripted": (torch.jit.script(random_network(2, "relu", False).to_torch()), "relu", False, True),
    }


@pytest.mark.parametrize(
    "kind",
    ["with bias", "without bias", "double", "named", "matrices", "exported", "single", "far", "scripted"],
)
def test_modules_of_pytorch(kind):
    torch = pytest.importorskip("torch")
    module, activation, skip, bias = modules()[kind]
    objective = OBJECTIVES["dsm"](2)
    certificate = cs.certify(module, objective, BETA)
    dtype = next(module.parameters()).dtype
    outputs = module(torch.tensor(objective.X.copy(), dtype=dtype)).detach().double().numpy()
    # Weights are penalized, biases and the skip connection are not.
    penalized = [p.detach().double().numpy() for name, p in module.named_parameters() if "skip" not in name]
    decay = 0.5 * sum((p**2).sum() for p in penalized if p.ndim == 2)
    loss = 0.5 * ((outputs - objective.targets) ** 2).sum() + BETA * decay
    assert certificate.primal == pytest.approx(loss, rel=1e-5)
    best = cs.solve(objective, BETA, activation, skip, bias=bias)
    assert certificate.dual == pytest.approx(best.value, rel=1e-6)


def test_modules_that_are_something_else_are_refused():
    torch = pytest.importorskip("torch")
    linear = torch.nn.Linear
    for other in (
        linear(2, 2),
        torch.nn.Sequential(linear(2, 3), torch.nn.Tanh(), linear(3, 2)),
        torch.nn.Sequential(linear(2, 3), torch.nn.ReLU(), linear(3, 3), torch.nn.ReLU(), linear(3, 2)),
        torch.nn.Sequential(linear(2, 3), torch.nn.ReLU(), linear(3, 2), torch.nn.ReLU()),
        torch.nn.Sequential(linear(2, 3), torch.nn.ReLU(), torch.nn.Dropout(0.5), linear(3, 2)),
        torch.nn.Sequential(linear(2, 3), torch.nn.ReLU(), linear(3, 1)),
        torch.nn.ReLU(),
    ):
        with pytest.raises(ValueError, match="network: expected a module that computes"):
            cs.certify(other, X[2], BETA)


def test_pytorch_is_not_imported_for_networks_of_the_package():
    code = (
        "import sys, convexscore as cs\n"
        "cs.certify(cs.TwoLayerNetwork([[1.0]], [-1.0], [[-0.5]], [0.5]), [0.0, 1.0, 3.0], 2.0)\n"
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
