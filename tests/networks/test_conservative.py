"""Conservative networks: gradients of their potentials, two-layer networks whose layers are tied."""

import copy
import pickle

import numpy as np
import pytest

import convexscore as cs
from convexscore.activations import Activation


def make(d=3, m=6, activation="relu", seed=0, **more):
    rng = np.random.default_rng(seed)
    S = rng.standard_normal((d, d))
    return cs.ConservativeNetwork(
        rng.standard_normal((m, d)),
        rng.standard_normal(m),
        rng.standard_normal(m),
        rng.standard_normal(d),
        S + S.T,
        activation=activation,
        **more,
    )


def differences(function, x, step=1e-6):
    """Central differences of a function of points along each coordinate, the last axis."""
    shifts = step * np.eye(x.shape[1])
    return np.stack([(function(x + e) - function(x - e)) / (2 * step) for e in shifts], axis=-1)


@pytest.mark.parametrize("activation", ["relu", "abs", Activation("leaky", 0.2)])
@pytest.mark.parametrize("d", [1, 2, 4])
def test_the_score_is_the_gradient_of_the_potential(d, activation):
    net = make(d, activation=activation, origin=np.arange(d) - 0.5)
    x = np.random.default_rng(1).standard_normal((50, d))
    values = net.potential(x).reshape(50)
    assert values.shape == (50,)
    found = differences(lambda points: net.potential(points).reshape(50), x)
    np.testing.assert_allclose(net(x), found, atol=1e-7 * np.abs(found).max())


@pytest.mark.parametrize("activation", ["relu", "abs"])
def test_the_jacobian_is_that_of_the_score_and_symmetric(activation):
    net = make(activation=activation)
    x = np.random.default_rng(2).standard_normal((40, 3))
    J = net.jacobian(x)
    np.testing.assert_allclose(J, differences(net, x), atol=1e-7 * np.abs(J).max())
    np.testing.assert_array_equal(J, np.swapaxes(J, 1, 2))
    np.testing.assert_allclose(net.divergence(x), np.trace(J, axis1=1, axis2=2), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("activation", ["relu", "abs"])
@pytest.mark.parametrize("d", [1, 2, 3])
def test_it_is_a_balanced_two_layer_network(d, activation):
    net = make(d, activation=activation, origin=np.ones(d), right_derivative=[True, False] * 3)
    plain, x = net.network, np.random.default_rng(3).standard_normal((30, d))
    np.testing.assert_allclose(plain(x), net(x), rtol=1e-10, atol=1e-10)
    np.testing.assert_allclose(plain.jacobian(x), net.jacobian(x), rtol=1e-10, atol=1e-10)
    np.testing.assert_array_equal(np.abs(plain.W1), np.abs(plain.W2.T))
    assert plain.weight_decay() == pytest.approx(net.weight_decay(), rel=1e-12)
    objective = cs.ScoreMatching(x)
    assert net.loss(objective, 2.0) == pytest.approx(plain.loss(objective, 2.0), rel=1e-10)
    assert (net.n_neurons, net.n_features) == (6, d)


def test_kinks_count_as_they_are_told():
    nets = [
        cs.ConservativeNetwork([[1.0, 0.0]], [0.0], [3.0], [0.0, 0.0], right_derivative=[right])
        for right in (True, False)
    ]
    assert [float(net.divergence([[0.0, 1.0]])[0]) for net in nets] == [3.0, 0.0]
    np.testing.assert_array_equal(nets[0].S, np.zeros((2, 2)))


def test_lengths_of_directions_are_part_of_the_weight_decay():
    short = cs.ConservativeNetwork([[0.6, 0.8]], [0.5], [8.0], [0.0, 0.0])
    long = cs.ConservativeNetwork([[1.2, 1.6]], [1.0], [2.0], [0.0, 0.0])
    x = np.random.default_rng(0).standard_normal((9, 2))
    assert short.weight_decay() == pytest.approx(8.0)
    assert long.weight_decay() == pytest.approx(8.0)
    np.testing.assert_allclose(short(x), long(x))


def test_one_feature_takes_any_shape():
    net = make(1)
    assert net(0.5).shape == net.potential(0.5).shape == ()
    assert net([0.5, 1.0]).shape == net.potential([0.5, 1.0]).shape == (2,)
    with pytest.raises(ValueError, match="1 feature"):
        net(np.zeros((3, 2)))


@pytest.mark.parametrize("activation", ["relu", "abs"])
def test_a_file_gives_the_network_back(tmp_path, activation):
    net = make(activation=activation, origin=[1.0, 2.0, 3.0], right_derivative=[False, True] * 3)
    net.save(tmp_path / "net.npz")
    loaded = cs.ConservativeNetwork.load(tmp_path / "net.npz")
    x = np.random.default_rng(1).standard_normal((20, 3))
    for other in (loaded, pickle.loads(pickle.dumps(net)), copy.deepcopy(net)):
        np.testing.assert_array_equal(other(x), net(x))
        np.testing.assert_array_equal(other.potential(x), net.potential(x))
        np.testing.assert_array_equal(other.right_derivative, net.right_derivative)
        with pytest.raises(ValueError, match="read-only"):
            other.S[0, 0] = 1.0
    with pytest.raises(ValueError, match="expected a model file"):
        cs.TwoLayerNetwork.load(tmp_path / "net.npz")


def test_torch_computes_the_score():
    torch = pytest.importorskip("torch")
    net, x = make(2), np.random.default_rng(0).standard_normal((10, 2))
    np.testing.assert_allclose(net.to_torch()(torch.tensor(x)).detach().numpy(), net(x), atol=1e-7)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"directions": np.zeros((6, 2))}, "directions: expected shape"),
        ({"offsets": np.zeros((6, 1))}, "offsets, b2: expected shapes"),
        ({"coefficients": np.zeros(5)}, "coefficients: expected shape"),
        ({"b2": []}, "offsets, b2: expected shapes"),
        ({"S": [[1.0, 2.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]}, "S: expected a symmetric matrix"),
        ({"S": np.full((3, 3), np.nan)}, "S: expected finite"),
        ({"origin": [0.0]}, "origin: expected shape"),
        ({"activation": "tanh"}, "activation: expected one of"),
    ],
)
def test_what_does_not_fit_is_refused(change, message):
    net = make()
    fields = {name: getattr(net, name) for name in ("directions", "offsets", "coefficients", "b2", "S")}
    with pytest.raises(ValueError, match=message):
        cs.ConservativeNetwork(**{**fields, **change})


def test_points_are_checked():
    for x in ([1.0, 2.0], np.zeros((4, 2)), [["a"]]):
        for function in (make(), make().potential, make().jacobian, make().divergence):
            with pytest.raises((TypeError, ValueError), match="x: expected"):
                function(x)
