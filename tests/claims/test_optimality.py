"""Every solver of every family: value, feasibility, stationarity and complementarity of what it returns."""

import numpy as np
import pytest

import convexscore as cs
from convexscore.families import FAMILIES, family_of
from convexscore.problem import Problem

RNG = np.random.default_rng(8)
LINE, PLANE, SPACE = RNG.standard_normal(25), RNG.standard_normal((9, 2)), RNG.standard_normal((8, 3))


def denoising(X):
    return cs.DenoisingScoreMatching(X, np.random.default_rng(3).standard_normal(X.shape) - X)


# For each family: problems in it, as (objective, beta, further arguments of `solve`).
CASES = {
    "expected denoising": [(cs.DenoisingScoreMatching.expected(LINE, 0.5), 1.0, {})],
    "networks with one feature": [
        (cs.ScoreMatching(LINE), 6.0, {}),
        (denoising(LINE), 1.0, {"skip": True}),
        (cs.ScoreMatching(LINE), 30.0, {"activation": "abs"}),
    ],
    "conservative networks": [
        (cs.ScoreMatching(PLANE), 6.0, {"conservative": True}),
        (denoising(PLANE), 1.0, {"conservative": True, "activation": "abs", "skip": True}),
        (cs.ScoreMatching(PLANE), 6.0, {"conservative": True, "bias": False}),
        (cs.ScoreMatching(SPACE), 7.0, {"conservative": True}),
        (cs.ScoreMatching(LINE), 6.0, {"conservative": True}),
    ],
    "networks without weight decay": [
        (denoising(PLANE), 0.0, {"bias": False}),
        (denoising(PLANE), 0.0, {"gated": True, "skip": True}),
    ],
    "networks with several features or without bias": [
        (cs.ScoreMatching(PLANE), 6.0, {}),
        (denoising(PLANE), 1.0, {"activation": "abs", "skip": True}),
        (cs.ScoreMatching(PLANE), 6.0, {"bias": False}),
        (cs.ScoreMatching(SPACE), 7.0, {}),
        (cs.ScoreMatching(LINE), 6.0, {}),
    ],
    "gated networks": [
        (cs.ScoreMatching(PLANE), 8.0, {"gated": True}),
        (denoising(PLANE), 1.0, {"gated": True, "activation": "abs", "bias": False}),
    ],
    "gated networks with a squared penalty": [
        (cs.ScoreMatching(PLANE), 8.0, {"gated": True, "penalty": "ridge"}),
        (denoising(PLANE), 1.0, {"gated": True, "penalty": "ridge", "skip": True}),
    ],
}
ROWS = [
    pytest.param(family, solver, *case, id=f"{family.name}-{solver}-{number}")
    for family in FAMILIES
    for solver in family.solvers
    for number, case in enumerate(CASES[family.name])
]


def solved(solver, objective, beta, arguments):
    if solver == "closed_form":
        beta = 1.01 * cs.beta_bounds(objective, **arguments).maximum
    return cs.solve(objective, beta, solver=solver, **arguments), beta


def moved(network, rng, size):
    """The same network with every free weight moved a little."""
    names = ["W1", "b1", "W2", "b2", "V"]
    arrays = {name: getattr(network, name) for name in names}
    off = {name: array + size * rng.standard_normal(array.shape) for name, array in arrays.items()}
    return arrays, off


@pytest.mark.parametrize(("family", "solver", "objective", "beta", "arguments"), ROWS)
def test_every_solver_returns_an_optimum_that_is_recomputed(family, solver, objective, beta, arguments):
    solution, beta = solved(solver, objective, beta, arguments)
    certificate = solution.certificate
    assert family_of(Problem(objective, **arguments), beta, solver) is family
    assert solution.status in ("optimal", "closed_form")
    assert certificate.meets(family.tol)
    assert solution.value == certificate.primal
    assert certificate.primal - certificate.dual == certificate.gap
    if arguments.get("penalty") != "ridge":
        scale = certificate.value_scale
        assert (
            abs(solution.network.loss(objective, beta) - solution.value)
            <= 1e-9 * scale + certificate.value_rounding
        )
    # No network of the kind is below the dual value; here those nearby.
    rng = np.random.default_rng(0)
    if isinstance(solution.network, cs.TwoLayerNetwork):
        for size in (1e-3, 1e-2, 1e-1):
            _, off = moved(solution.network, rng, size)
            if not arguments.get("skip"):
                off["V"] = np.zeros_like(off["V"])
            if not arguments.get("bias", True):
                off["b1"], off["b2"] = np.zeros_like(off["b1"]), np.zeros_like(off["b2"])
            other = cs.TwoLayerNetwork(**off, activation=solution.network.activation)
            lowest = certificate.dual if certificate.scope == "global" else solution.value
            assert other.loss(objective, beta) >= lowest - 1e-7 * certificate.value_scale


@pytest.mark.parametrize(
    ("objective", "beta", "arguments"),
    [*CASES["networks with one feature"], *CASES["networks with several features or without bias"]],
)
def test_neurons_are_balanced_and_correlate_with_the_residual_by_the_weight_decay(objective, beta, arguments):
    solution = cs.solve(objective, beta, **arguments)
    network = solution.network
    X, weights = objective.X, objective.weights
    first = np.linalg.norm(network.W1, axis=1)
    # Balanced: a neuron's input and output weights are of one size.
    np.testing.assert_allclose(first, np.linalg.norm(network.W2, axis=0), rtol=1e-6)
    height = X @ network.W1.T + network.b1
    left = 0.0 if network.activation == "relu" else -1.0
    slope = np.where((height > 0) | ((height == 0) & network.right_derivative), 1.0, left)
    residual = weights[:, None] * (network(X) - objective.targets)
    pull = (slope * height).T @ residual
    if objective.has_trace:
        pull += (slope.T @ weights)[:, None] * network.W1
    # Stationary in every output vector: along minus it, of length beta.
    np.testing.assert_allclose(
        pull, -beta * network.W2.T, atol=2e-5 * beta * max(first.max(initial=1.0), 1.0)
    )
    if arguments.get("bias", True):
        np.testing.assert_allclose(residual.sum(axis=0), 0.0, atol=1e-7 * np.abs(residual).sum())


def test_every_family_has_cases():
    assert set(CASES) == {family.name for family in FAMILIES}


def test_large_labels_do_not_excuse_a_gap():
    # Two far points with large labels that are fitted nearly exactly: the value is a millionth of theirs.
    rng = np.random.default_rng(0)
    rng.standard_normal((12, 2))
    X = np.vstack([rng.standard_normal((9, 2)), [3e2, -3e2]])
    solution = cs.solve(cs.DenoisingScoreMatching(X, -X), 1.0, gated=True)
    assert solution.certificate.value_scale <= 1e-2 * 0.5 * np.sum(X**2)
    if solution.status == "optimal":
        assert abs(solution.certificate.gap) <= 1e-4 * solution.value


@pytest.mark.parametrize("seed", range(3))
def test_the_threshold_of_no_neurons_is_certified(seed):
    X = np.random.default_rng(seed).standard_normal((8, 2))
    maximum = cs.beta_bounds(cs.ScoreMatching(X), bias=False, gated=True).maximum
    solution = cs.solve(cs.ScoreMatching(X), maximum, bias=False, gated=True)
    assert solution.status == "optimal"
    assert abs(solution.value) <= 1e-8
