"""Points, objectives and networks in several dimensions that many tests run over."""

from itertools import product

import numpy as np

import convexscore as cs

TIGHT = {"tol_gap_abs": 1e-10, "tol_gap_rel": 1e-10, "tol_feas": 1e-10}
POINTS = ("random", "repeated", "lattice", "collinear", "through_the_origin", "with_the_origin")


def make_points(kind, n=6, seed=0):
    """Return `n` points that span the plane."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, 2))
    if kind == "repeated":
        X[-2:] = X[:2]
    if kind == "lattice":
        X = rng.permutation(np.array(list(product([-1.0, 0.0, 2.0], [-1.0, 1.0, 2.0]))))[:n]
    if kind == "collinear":
        X[: n - 2] = X[0] + np.outer(np.arange(n - 2), [1.0, 0.5])
    if kind == "through_the_origin":
        X[1], X[2] = 2 * X[0], -X[0]
    if kind == "with_the_origin":
        X[1] = 0.0
    return X


def planar_objective(name, X, seed=0, weights=None):
    """Return a score matching or a denoising objective on the points `X`."""
    if name == "sm":
        return cs.ScoreMatching(X, weights)
    labels = np.random.default_rng(seed + 1000).standard_normal(X.shape) - X
    return cs.DenoisingScoreMatching(X, labels, sample_weight=weights)


def bounded_beta(objective, activation, skip, bias, share):
    """Return the beta that is this share of the way from boundedness to no neurons, above the former."""
    bounds = cs.beta_bounds(objective, activation, skip, bias=bias)
    return 1.02 * bounds.minimum + share * (bounds.maximum - bounds.minimum)


def units(objective, value):
    """Return the size against which errors of the objective are relative."""
    weights = objective.weights
    size = abs(value) + 0.5 * float(weights @ np.sum(objective.targets**2, axis=1))
    if objective.has_trace:
        size += weights.sum() / np.var(objective.X)
    return float(size)


def random_network(rng, X, activation, skip, bias):
    m, d = int(rng.integers(1, 8)), X.shape[1]
    size = 10.0 ** rng.uniform(-2, 1)
    draw = rng.standard_normal
    b1, b2 = (draw(m) * np.std(X), draw(d)) if bias else (np.zeros(m), np.zeros(d))
    V = draw((d, d)) if skip else np.zeros((d, d))
    return cs.TwoLayerNetwork(size * draw((m, d)), size * b1, draw((d, m)), b2, V, activation=activation)
