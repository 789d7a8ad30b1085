"""Given patterns without weight decay: least squares, its networks, and where score matching is unbounded."""

import warnings

import numpy as np
import pytest

import convexscore as cs
from convexscore.multivariate import unpenalized
from convexscore.multivariate.patterns import given_patterns
from convexscore.multivariate.program import NeuronProgram
from convexscore.multivariate.statement import state_unpenalized
from tests.multivariate.problems import TIGHT, planar_objective, units

POINTS = ("random", "fewer_than_features", "rank_deficient", "repeated", "zero_rows")

every_layout = pytest.mark.parametrize(
    ("activation", "skip", "bias"),
    [(activation, skip, bias) for activation in ("relu", "abs") for skip in (0, 1) for bias in (0, 1)],
)


def make_points(kind, n=8, d=3, seed=0):
    X = np.random.default_rng(seed).standard_normal((2 if kind == "fewer_than_features" else n, d))
    if kind == "rank_deficient":
        # Small dyadic numbers: the difference is exact, and so is the rank.
        X = np.round(64 * X) / 64
        X[:, -1] = X[:, 0] - X[:, 1]
    if kind == "repeated":
        X[-3:] = X[:3]
    if kind == "zero_rows":
        X[-2:] = 0.0
    return X


def make_objective(name, kind="random", seed=0, **sizes):
    X = make_points(kind, seed=seed, **sizes)
    weights = np.random.default_rng(seed).integers(1, 4, len(X)).astype(float)
    return planar_objective(name, X, seed, weights)


def stacked(objective, patterns, activation, skip, bias):
    """Return the weighted features of all blocks side by side, and their traces."""
    X, w = objective.X, objective.weights
    n, d = X.shape
    rows = np.hstack([X, np.ones((n, 1))]) if bias else X
    D = np.where(patterns, 1.0, 0.0 if activation == "relu" else -1.0)
    blocks = [slope[:, None] * rows for slope in D] + ([X] if skip else [])
    traces = [(w @ slope) * np.eye(rows.shape[1], d) for slope in D] + ([w.sum() * np.eye(d)] if skip else [])
    return np.sqrt(w)[:, None] * np.hstack(blocks), np.vstack(traces)


def some_patterns(objective, bias, activation, count=4, seed=0):
    """Return a few patterns with their witnesses; for abs no two of them complements."""
    every = cs.enumerate_patterns(objective.X, bias=bool(bias))
    chosen = np.flatnonzero(every.signs[:, 0]) if activation == "abs" else np.arange(len(every))
    chosen = np.random.default_rng(seed).permutation(chosen)[:count]
    witnesses = every.witnesses[chosen]
    return cs.Patterns(every.signs[chosen], every.rows, False, every.total, lambda: witnesses)


@every_layout
@pytest.mark.parametrize("kind", POINTS)
def test_denoising_is_least_squares(kind, activation, skip, bias):
    objective = make_objective("dsm", kind, seed=1)
    patterns = some_patterns(objective, bias, activation, count=2)
    A, _ = stacked(objective, patterns.signs, activation, skip, bias)
    labels = np.sqrt(objective.weights)[:, None] * objective.targets
    fitted = A @ np.linalg.lstsq(A, labels, rcond=1e-11)[0]
    value = 0.5 * np.sum((fitted - labels) ** 2)
    for gated in (False, True):
        solution = cs.solve(
            objective, 0.0, activation, bool(skip), bias=bool(bias), gated=gated, patterns=patterns
        )
        assert abs(solution.value - value) <= 1e-9 * units(objective, value)
        root = np.sqrt(objective.weights)[:, None]
        scale = np.abs(labels).max()
        np.testing.assert_allclose(root * solution.network(objective.X), fitted, atol=1e-8 * scale)
        assert solution.network.loss(objective, 0.0) == pytest.approx(solution.value, rel=1e-8, abs=1e-8)


@every_layout
def test_the_value_is_that_of_the_literal_statement(activation, skip, bias):
    objective = make_objective("dsm", seed=2, n=9)
    patterns = some_patterns(objective, bias, activation, count=2)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        problem = state_unpenalized(objective, patterns.signs, activation, bool(skip), bool(bias)).problem
        value = float(problem.solve(solver="CLARABEL", **TIGHT))
    found = cs.solve(
        objective, 0.0, activation, bool(skip), bias=bool(bias), gated=True, patterns=patterns
    ).value
    assert abs(found - value) <= 1e-7 * units(objective, value)


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("activation", ["relu", "abs"])
def test_enough_patterns_interpolate_noisy_labels(activation, bias):
    X = np.random.default_rng(3).standard_normal((10, 3))
    objective = planar_objective("dsm", X, 3)
    solution = cs.solve(objective, 0.0, activation, bias=bias)
    assert solution.certificate.scope == "global"
    assert 0 <= solution.value <= 1e-12 * units(objective, 0.0)
    np.testing.assert_allclose(solution.network(X), objective.targets, atol=1e-7)
    x = 0.5 * (X[0] + X[1])
    assert np.isfinite(solution.network(x[None])).all()


@every_layout
@pytest.mark.parametrize("count", [2, 12])
@pytest.mark.parametrize("name", ["sm", "dsm"])
def test_the_solution_has_minimum_norm(name, count, activation, skip, bias):
    objective = make_objective(name, seed=4, n=20 if count == 2 else 8)
    patterns = some_patterns(objective, bias, activation, count)
    A, T = stacked(objective, patterns.signs, activation, skip, bias)
    program = NeuronProgram.from_objective(objective, activation, bool(skip), bool(bias), gated=True)
    given = given_patterns(program, objective.X, patterns)
    # Patterns come back in another order for abs, with the same matrices up to sign: compare through `A`.
    order = [_place(pattern, patterns.signs, objective.X, program.points) for pattern in given.active]
    expected = np.linalg.pinv(A, rcond=1e-11) @ (np.sqrt(objective.weights)[:, None] * objective.targets)
    if name == "sm":
        expected = -np.linalg.pinv(A.T @ A, rcond=1e-13) @ T
        if np.abs(A.T @ (A @ expected) + T).max() > 1e-7 * T.max():
            with pytest.raises(cs.UnboundedError, match="beta: expected weight decay above 0"):
                unpenalized.solve_unpenalized(program, given.slope(program.sigma.left_slope))
            return
    found = unpenalized.solve_unpenalized(program, given.slope(program.sigma.left_slope))
    size, d = np.abs(expected).max(), objective.X.shape[1]
    W = expected[: len(patterns) * program.rows.shape[1]].reshape(len(patterns), -1, d)
    np.testing.assert_allclose(found.W, W[order], atol=1e-6 * size)
    if skip:
        np.testing.assert_allclose(found.V, expected[-d:].T, atol=1e-6 * size)


def _place(pattern, patterns, X, points):
    """Return which of `patterns` (on samples) is `pattern` (on distinct points)."""
    which = np.array([int(np.flatnonzero((points == x).all(axis=1))[0]) for x in X])
    return int(np.flatnonzero((patterns == pattern[which]).all(axis=1))[0])


@every_layout
@pytest.mark.parametrize("name", ["sm", "dsm"])
def test_the_matrix_and_its_kernel_agree(name, activation, skip, bias, monkeypatch):
    objective = make_objective(name, seed=5, n=30)
    patterns = some_patterns(objective, bias, activation, count=1 if name == "sm" else 4)
    program = NeuronProgram.from_objective(objective, activation, bool(skip), bool(bias), gated=True)
    given = given_patterns(program, objective.X, patterns)
    slope = given.slope(program.sigma.left_slope)
    results = []
    for route in ("_DenseFeatures", "_KernelFeatures"):
        with monkeypatch.context() as patch:
            for other in ("_DenseFeatures", "_KernelFeatures"):
                patch.setattr(unpenalized, other, getattr(unpenalized, route))
            results.append(unpenalized.solve_unpenalized(program, slope))
    one, two = results
    np.testing.assert_allclose(one.W, two.W, atol=1e-7 * np.abs(one.W).max())
    np.testing.assert_allclose(one.V, two.V, atol=1e-7 * np.abs(one.W).max())
    np.testing.assert_allclose(one.residual, two.residual, atol=1e-7 * (1 + np.abs(one.residual).max()))


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("activation", ["relu", "abs"])
def test_score_matching_is_finite_on_few_patterns_and_unbounded_on_all(activation, bias):
    X = np.random.default_rng(6).standard_normal((30, 2))
    objective = cs.ScoreMatching(X)
    first = X[:, 0] > 0
    few = np.array([np.ones(30, dtype=bool), first]) if bias else np.array([first, X @ [1.0, 2.0] > 0])
    A, T = stacked(objective, few, activation, False, bias)
    expected = -np.linalg.pinv(A.T @ A, rcond=1e-12) @ T
    value = 0.5 * np.sum((A @ expected) ** 2) + np.sum(T * expected)
    for gated in (True, False):
        if not (bias or gated):
            # A boolean matrix says nothing about the origin: patterns with witnesses do.
            witnesses = np.array([[1.0, 0.0], [1.0, 2.0]])
            few = cs.Patterns(few, X, False, None, lambda at=witnesses: at)
        solution = cs.solve(objective, 0.0, activation, bias=bias, gated=gated, patterns=few)
        assert solution.value == pytest.approx(value, rel=1e-9)
        assert solution.certificate.scope == "patterns"
        assert abs(solution.certificate.gap) <= 1e-8 * abs(value)
        assert solution.network.loss(objective, 0.0) == pytest.approx(value, rel=1e-8)
        with pytest.raises(cs.UnboundedError, match="beta"):
            cs.solve(objective, 0.0, activation, bias=bias, gated=gated)


@pytest.mark.parametrize("kind", ["fewer_than_features", "rank_deficient"])
def test_score_matching_is_unbounded_where_the_data_do_not_span_the_space(kind):
    objective = cs.ScoreMatching(make_points(kind))
    ones = np.ones((1, len(objective.X)), dtype=bool)
    with pytest.raises(cs.UnboundedError):
        cs.solve(objective, 0.0, patterns=ones, bias=False)
    with pytest.raises(cs.UnboundedError):
        cs.solve(objective, 0.0, patterns=ones, bias=False, skip=True)


@pytest.mark.parametrize("kind", ["random", "repeated", "zero_rows"])
@pytest.mark.parametrize("activation", ["relu", "abs"])
def test_the_network_makes_the_outputs_of_the_program(kind, activation):
    for bias in (False, True):
        objective = make_objective("dsm", kind, seed=7)
        arguments = {"bias": bias, "patterns": some_patterns(objective, bias, activation, count=3)}
        network = cs.solve(objective, 0.0, activation, True, **arguments).network
        gated = cs.solve(objective, 0.0, activation, True, gated=True, **arguments).network
        assert isinstance(network, cs.TwoLayerNetwork)
        size = np.abs(objective.targets).max()
        np.testing.assert_allclose(network(objective.X), gated(objective.X), atol=1e-8 * size)
        # Both are linear on the patterns, so the derivatives agree too where data are inside their cells.
        inside = objective.X.any(axis=1)
        traces = network.divergence(objective.X[inside]), gated.divergence(objective.X[inside])
        np.testing.assert_allclose(*traces, atol=1e-7 * max(1.0, np.abs(traces[1]).max()))


def test_neurons_without_bias_have_no_offset_gates():
    X = np.random.default_rng(8).standard_normal((6, 2)) + 5
    first = X[:, 0] > np.sort(X[:, 0])[2]
    with pytest.raises(ValueError, match="through the origin"):
        cs.solve(planar_objective("dsm", X), 0.0, bias=False, patterns=first[None])


def test_a_boolean_matrix_serves_networks_without_bias():
    X = np.array([[1.0, 0.0], [0.0, 1.0], [-1.0, -1.0]])
    signs = cs.enumerate_patterns(X).signs
    assert cs.solve(cs.DenoisingScoreMatching(X, -X), 0.0, bias=False, patterns=signs).value < 1e-20


def test_patterns_of_other_samples_are_refused_beside_weights_of_zero():
    objective = cs.DenoisingScoreMatching(np.eye(3), -np.eye(3), sample_weight=[1.0, 0.0, 1.0])
    for signs in (np.ones((1, 5), dtype=bool), np.ones(3, dtype=bool), np.ones((0, 3), dtype=bool)):
        with pytest.raises(ValueError, match="patterns: expected"):
            cs.solve(objective, 0.0, patterns=signs)
