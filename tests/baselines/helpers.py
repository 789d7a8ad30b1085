"""Problems, networks and losses that the tests of the baselines share."""

import numpy as np

import convexscore as cs
from convexscore.activations import get_activation
from convexscore.baselines import train_adam
from convexscore.baselines.dense import DenseLoss
from convexscore.baselines.line import LineLoss
from convexscore.baselines.weights import Weights


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
