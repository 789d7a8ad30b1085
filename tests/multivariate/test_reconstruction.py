"""Networks written from neurons have the neurons' patterns and value, and a start is never lost."""

from itertools import combinations, product

import numpy as np
import pytest

import convexscore as cs
from convexscore.errors import SolverError
from convexscore.multivariate import train as multivariate
from convexscore.multivariate.certificate import certify_network
from convexscore.multivariate.patterns import given_patterns
from convexscore.multivariate.pricing.choice import pricer_of
from convexscore.multivariate.pricing.edges import EdgePricer
from convexscore.multivariate.program import NeuronProgram, Neurons
from convexscore.multivariate.reconstruction import displaced_network, kink_margin
from convexscore.multivariate.solvers.newton import merge_neurons
from convexscore.multivariate.warm_start import neurons_of
from tests.multivariate.problems import planar_objective, random_network, units


def program_of(X, activation="relu", skip=False, bias=True):
    return NeuronProgram.from_objective(cs.ScoreMatching(X), activation, skip, bias)


def slopes_of(network, X):
    """Return the derivative of the activation at each point, as the network itself counts it."""
    height = X @ network.W1.T + network.b1
    left = 0 if network.activation == "relu" else -1
    return np.where((height > 0) | ((height == 0) & network.right_derivative), 1, left).T


@pytest.mark.parametrize(
    ("X", "beta", "value"),
    [
        # The minimum over kinks between the rays through the data, which can be listed.
        ([[1, 0], [-2, 0], [0.5, 0], [0, 1], [0, -2]], 0.7505004505, -5.38191057),
        (list(product(range(4), range(2))), 4.404, -2.57541082),
    ],
)
def test_points_on_a_line_through_the_origin_keep_their_sides(X, beta, value):
    objective = cs.ScoreMatching(np.array(X, dtype=float))
    solution = cs.solve(objective, beta, bias=False)
    assert solution.status == "optimal"
    assert solution.value == pytest.approx(value, rel=2e-6)
    assert solution.certificate.scope == "global"
    assert not solution.network.b1.any()


@pytest.mark.parametrize("height", [-30.0, -3.0, -1.0, 0.0, 0.5])
@pytest.mark.parametrize("sides", list(product([0, 1], repeat=2)))
def test_points_are_lifted_whatever_their_present_height(height, sides):
    X = np.random.default_rng(0).standard_normal((7, 2))
    program = program_of(X)
    along = program.rows[1] - program.rows[0]
    direction = np.array([-along[1], along[0]]) / np.linalg.norm(along)
    slope = (program.rows @ direction > program.rows[0] @ direction).astype(np.int8)
    slope[[0, 1]] = sides
    # Turned so that the second point is this many margins above its own side.
    turn = height * kink_margin(program) * (1 if sides[1] else -1) / np.linalg.norm(along)
    turned = direction + turn * along / np.linalg.norm(along)
    neurons = Neurons(slope[None], turned[None], np.array([0]), np.array([[1]]))
    network = displaced_network(program, neurons, np.array([[1.0, -2.0]]))
    np.testing.assert_array_equal(slopes_of(network, program.points)[0], slope)
    value = program.value(neurons, np.array([[1.0, -2.0]]), 1.0)
    assert network.loss(cs.ScoreMatching(X), 1.0) == pytest.approx(value, abs=1e-10)


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("activation", ["relu", "abs"])
@pytest.mark.parametrize("seed", range(6))
def test_degenerate_points_are_written_with_their_patterns(seed, activation, bias):
    rng = np.random.default_rng(seed)
    X = rng.integers(-2, 3, (9, 2)).astype(float)
    program = program_of(X, activation, bias=bias)
    noise = rng.standard_normal(program.points.shape)
    residual = program.zero_residual + program.project(noise)
    neurons = pricer_of(program).price(residual, 1e-3).neurons
    outputs = rng.standard_normal((len(neurons), 2))
    network = displaced_network(program, neurons, outputs)
    origin = ~program.points.any(axis=1) & (not bias)
    np.testing.assert_array_equal(
        slopes_of(network, program.points)[:, ~origin], neurons.slope[:, ~origin].astype(int)
    )
    value = program.value(neurons, outputs, 1.0)
    assert network.loss(cs.ScoreMatching(X), 1.0) == pytest.approx(value, abs=1e-9 * abs(value))


def test_sides_that_no_hyperplane_has_are_refused():
    X = np.array([[-1.0, 0.0], [0.0, 0.0], [1.0, 0.0], [0.0, 2.0]])
    program = program_of(X)
    middle = int(np.flatnonzero(~X[program_order(program, X)].any(axis=1))[0])
    slope = np.ones((1, 4), dtype=np.int8)
    slope[0, middle] = 0
    neurons = Neurons(slope, np.array([[0.0, 1.0]]), np.array([middle]), np.full((1, 1), -1))
    with pytest.raises(SolverError, match="cannot be written as a network"):
        displaced_network(program, neurons, np.ones((1, 2)))


def program_order(program, X):
    return [int(np.flatnonzero((point == X).all(axis=1))[0]) for point in program.points]


def test_a_network_of_another_value_is_not_returned(monkeypatch):
    objective = cs.ScoreMatching(np.random.default_rng(0).standard_normal((8, 2)))

    def wrong(program, neurons, outputs, stretch=1.0):
        network = displaced_network(program, neurons, outputs, stretch)
        return cs.TwoLayerNetwork(network.W1, network.b1 + 1e-3, network.W2, network.b2, network.V)

    monkeypatch.setattr(multivariate, "displaced_network", wrong)
    with pytest.raises(SolverError, match="cannot be written as a network: its value would be"):
        cs.solve(objective, 4.0)


def test_neurons_through_the_same_two_points_are_merged():
    X = np.random.default_rng(3).standard_normal((6, 2))
    program = program_of(X)
    along = program.rows[1] - program.rows[0]
    direction = np.array([-along[1], along[0]]) / np.linalg.norm(along)
    slope = (program.rows @ direction > program.rows[0] @ direction).astype(np.int8)
    slope[[0, 1]] = 1, 0
    both = Neurons(
        np.stack([slope, slope]), np.stack([direction] * 2), np.array([0, 1]), np.array([[1], [0]])
    )
    outputs = np.array([[1.0, 2.0], [0.5, 1.0]])
    merged, output = merge_neurons(program, both, outputs)
    assert len(merged) == 1
    assert {int(merged.pivot[0]), *merged.held[0].tolist()} - {-1} == {0, 1}
    expected = program.features(both) @ outputs
    np.testing.assert_allclose(program.features(merged) @ output, expected, atol=1e-13)


def test_neurons_through_different_points_are_not_merged():
    X = np.random.default_rng(3).standard_normal((6, 2))
    program = program_of(X)
    direction = np.array([1.0, 0.0])
    order = np.argsort(program.rows[:, 0])
    low, high = order[2], order[3]
    slope = (program.rows[:, 0] >= program.rows[high, 0]).astype(np.int8)
    both = Neurons(
        np.stack([slope] * 2), np.stack([direction] * 2), np.array([low, high]), np.full((2, 1), -1)
    )
    merged, outputs = merge_neurons(program, both, np.ones((2, 2)))
    assert len(merged) == 2
    np.testing.assert_array_equal(outputs, np.ones((2, 2)))


@pytest.mark.parametrize("dimension", [1, 2, 3])
@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize(("activation", "skip"), [("relu", False), ("abs", False), ("relu", True)])
def test_a_start_has_the_networks_scores_and_cost(activation, skip, bias, dimension):
    rng = np.random.default_rng(7)
    X = rng.standard_normal((9, dimension)) + 3.0
    objective = cs.ScoreMatching(X)
    network = random_network(rng, X, activation, skip, bias)
    program = NeuronProgram.from_objective(objective, activation, skip, bias)
    neurons, outputs = neurons_of(program, network)
    cost = np.linalg.norm(outputs, axis=1).sum() / program.scale**2
    balanced = np.linalg.norm(network.W1, axis=1) @ np.linalg.norm(network.W2, axis=0)
    assert cost <= balanced * (1 + 1e-12)
    # b2 and V are free: at their best they are not above the network's own.
    balanced_loss = network.loss(objective, 0.0) + 2.0 * balanced
    assert program.value(neurons, outputs, 2.0) <= balanced_loss + 1e-9 * abs(balanced_loss)
    scores = program.features(neurons) @ outputs / program.scale
    weighted = program.root_mass * network(program.points)
    np.testing.assert_allclose(program.project(scores - weighted), 0.0, atol=1e-9 * np.abs(weighted).max())


@pytest.mark.parametrize("dimension", [2, 3])
@pytest.mark.parametrize("seed", range(3))
def test_a_warm_start_never_ends_above_it(seed, dimension):
    objective = cs.ScoreMatching(np.random.default_rng(seed).standard_normal((12, dimension)))
    known = cs.solve(objective, 7.0)
    value = known.value
    for beta in (9.0, 7.0):
        start = cs.solve(objective, beta).network
        warm = cs.solve(objective, 7.0, start=start)
        loss = start.loss(objective, 7.0)
        assert warm.value <= loss + 1e-12 * abs(loss)
        assert warm.value == pytest.approx(value, abs=2e-6 * units(objective, value))


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("right", [False, True])
def test_a_start_keeps_the_side_of_a_kink_that_goes_exactly_through_a_point(right, bias):
    # In other units than the network's own, an exact zero would be one rounding error or the other.
    X = np.array([[0.1, 0.2], [0.3, 0.7], [1.1, 0.4], [-0.6, 0.9], [0.5, -1.3]])
    for seed in range(8):
        W1 = np.random.default_rng(seed).standard_normal((1, 2))
        b1 = -(X[:1] @ W1.T)[0] if bias else np.zeros(1)
        if not bias:
            W1 = np.array([[X[0, 1], -X[0, 0]]])
        network = cs.TwoLayerNetwork(
            W1, b1, -np.ones((2, 1)), np.zeros(2), np.zeros((2, 2)), right_derivative=[right]
        )
        program = program_of(X, bias=bias)
        neurons, outputs = neurons_of(program, network)
        trace = np.sum(program.traces(neurons) * outputs) / program.scale**2
        assert trace == pytest.approx(network.divergence(X).sum(), rel=1e-12)


def test_a_better_start_keeps_the_status_and_the_bound():
    objective = cs.ScoreMatching(np.random.default_rng(15).standard_normal((12, 2)))
    bounds = cs.beta_bounds(objective)
    beta = bounds.minimum + 0.4 * (bounds.maximum - bounds.minimum)
    rough = cs.solve(objective, beta, tol=1e-2)
    fine = cs.solve(objective, beta)
    warm = cs.solve(objective, beta, start=rough.network)
    assert warm.status == fine.status == "optimal"
    assert warm.certificate.gap <= 1e-6 * warm.certificate.value_scale
    assert warm.certificate.lower_bound == warm.certificate.dual
    # The start's own value is a sum in another order.
    assert warm.value <= rough.network.loss(objective, beta) + 1e-13 * warm.certificate.value_scale


@pytest.mark.parametrize("offset", [1e4, 1e6])
@pytest.mark.parametrize(("activation", "skip"), [("relu", False), ("abs", True)])
def test_data_far_from_the_origin_are_written(activation, skip, offset):
    for seed in range(3):
        X = np.random.default_rng(seed).standard_normal((12, 2))
        beta = 8.0 if activation == "relu" else 14.0
        near = cs.solve(cs.ScoreMatching(X), beta, activation, skip)
        far = cs.solve(cs.ScoreMatching(X + offset), beta, activation, skip)
        assert far.status == "optimal"
        # The offset itself rounds the data by this much of their spread.
        slack = 1e-6 * units(cs.ScoreMatching(X), near.value) + 1e-10 * offset
        assert far.value == pytest.approx(near.value, abs=slack)


def candidate(primal, dual, violation=0.0):
    return cs.Certificate(primal, dual, primal - dual, violation, "global", value_scale=1.0)


def test_the_best_candidate_meets_the_tolerance_and_has_the_best_bound():
    training = multivariate.Training(None, None, 1.0, "global", 1e-6, "", None, None)
    made = [
        (candidate(1.0, -np.inf, 1e-3), "violates"),
        (candidate(1.0 + 2e-7, 1.0 - 1e-4), "loose"),
        (candidate(1.0 + 5e-7, 1.0 - 1e-7), "tight"),
    ]
    certificate, network = training._best(made)
    assert network == "loose"
    assert (certificate.dual, certificate.gap) == (1.0 - 1e-7, pytest.approx(3e-7))
    assert certificate.lower_bound == certificate.dual
    assert training._best(made[:1])[1] == "violates"


def test_a_start_of_another_kind_is_only_a_start():
    objective = cs.ScoreMatching(np.random.default_rng(0).standard_normal((12, 2)))
    with_skip = cs.solve(objective, 7.0, skip=True)
    without = cs.solve(objective, 7.0, start=with_skip.network)
    assert with_skip.value < without.value
    assert not without.network.V.any()


def test_the_dual_value_is_that_of_a_feasible_residual_nearby():
    objective = cs.ScoreMatching(np.random.default_rng(1).standard_normal((10, 2)))
    program = NeuronProgram.from_objective(objective, "relu", False, True)
    pricer = pricer_of(program)
    optimal, inner, outer = (cs.solve(objective, beta) for beta in (5.0, 4.9, 4.8))
    residuals = [program.root_mass * program.scale * made.network(program.points) for made in (inner, outer)]
    network = inner.network
    # The residual of a smaller weight decay violates the certificate of a larger one.
    assert certify_network(program, pricer, network, 4.95, "global").dual > -np.inf
    assert certify_network(program, pricer, outer.network, 4.85, "global").dual > -np.inf
    assert certify_network(program, pricer, optimal.network, 4.9, "global").dual == -np.inf
    moved = certify_network(program, pricer, optimal.network, 4.9, "global", residuals[1])
    assert outer.value < moved.dual <= inner.value
    alone = program.dual_value(residuals[1])
    assert moved.dual > alone
    refused = program.root_mass * program.scale * cs.solve(objective, 5.5).network(program.points)
    assert certify_network(program, pricer, optimal.network, 4.9, "global", refused).dual == -np.inf


def tie_choices(program, on):
    """Return the active points among those on a hyperplane, for every way of moving it a little."""
    rows = program.rows[on]
    lifted = np.hstack([rows, np.ones((len(rows), 1))]) if program.bias else rows
    turns = np.random.default_rng(0).standard_normal((200, lifted.shape[1]))
    return np.unique(lifted @ turns.T > 0, axis=1).T


def literal_edges(program, residual, n_angles):
    """Return the largest correlation over hyperplanes through all sets of points that leave one turn."""
    rows, r = program.rows, program.rows.shape[1]
    best = 0.0
    for points in combinations(range(len(rows)), r - 1 if program.bias else r - 2):
        origin = rows[points[0]] if program.bias else np.zeros(r)
        fixed = (rows[list(points[1:])] - origin) if program.bias else rows[list(points)]
        if np.linalg.matrix_rank(fixed, tol=1e-9) < r - 2:
            continue
        frame = np.linalg.svd(fixed)[2][-2:]
        flat = (rows - origin) @ frame.T
        # The grid, and the turns at which one more point is on the hyperplane.
        others = flat[np.abs(flat).max(axis=1) > 1e-9]
        turns = np.arctan2(others[:, 1], others[:, 0])
        grid = 2 * np.pi * np.arange(n_angles) / n_angles
        for angle in np.concatenate([grid, turns + np.pi / 2, turns - np.pi / 2]):
            u = np.array([np.cos(angle), np.sin(angle)]) @ frame
            height = (rows - origin) @ u
            on = np.abs(height) < 1e-9
            for ties in tie_choices(program, on):
                active = height > 0
                active[on] = ties
                slope = np.where(active, 1.0, program.sigma.left_slope)
                pull = (slope * height) @ (program.root_mass * residual)
                best = max(best, np.linalg.norm(pull + slope @ program.trace_mass * u))
    return best


@pytest.mark.parametrize("kind", ["random", "in line with the origin"])
@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize(("activation", "dimension"), [("relu", 3), ("abs", 3), ("relu", 4)])
def test_edges_are_priced_as_a_scan_does(activation, dimension, bias, kind):
    rng = np.random.default_rng(5)
    X = rng.standard_normal((6, dimension))
    if kind != "random":
        X[1], X[2] = -2 * X[0], 0.5 * X[0]
    program = program_of(X, activation, bias=bias)
    residual = program.zero_residual + program.project(rng.standard_normal(program.points.shape))
    priced = EdgePricer(program, rng).price(residual, 1e-3)
    n_angles = 120
    scanned = literal_edges(program, residual, n_angles)
    assert scanned * (1 - 1e-9) <= priced.largest <= scanned / np.cos(np.pi / n_angles) + 1e-9
    sizes = np.linalg.norm(program.correlations(priced.neurons, residual), axis=1)
    np.testing.assert_allclose(sizes, priced.values, rtol=1e-9)
    network = displaced_network(program, priced.neurons, np.ones((len(priced.neurons), dimension)))
    np.testing.assert_array_equal(slopes_of(network, program.points), priced.neurons.slope)


def test_some_sides_are_drawn_where_there_are_too_many(monkeypatch):
    rng = np.random.default_rng(2)
    program = program_of(rng.standard_normal((8, 6)), bias=False)
    residual = program.zero_residual + program.project(rng.standard_normal((8, 6)))
    every = EdgePricer(program, np.random.default_rng(0)).price(residual, 1e-3)
    monkeypatch.setattr("convexscore.multivariate.pricing.edges._MOST_SIGNS", 3)
    pricer = EdgePricer(program, np.random.default_rng(0))
    assert pricer._signs(4).shape == (8, 4)
    some = pricer.price(residual, 1e-3)
    assert 0 < some.largest <= every.largest * (1 + 1e-12)
    sizes = np.linalg.norm(program.correlations(some.neurons, residual), axis=1)
    np.testing.assert_allclose(sizes, some.values, rtol=1e-9)


def test_some_edges_are_drawn_where_there_are_too_many(monkeypatch):
    monkeypatch.setattr("convexscore.multivariate.pricing.edges._BUDGET", 120)
    rng = np.random.default_rng(5)
    program = program_of(rng.standard_normal((20, 3)))
    residual = program.zero_residual + program.project(rng.standard_normal((20, 3)))
    pricer = EdgePricer(program, rng)
    some = pricer.price(residual, 1e-3)
    monkeypatch.undo()
    every = EdgePricer(program, rng).price(residual, 1e-3)
    assert 0 < some.largest <= every.largest


def test_patterns_that_rounding_makes_have_no_gate():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((8, 2))
    # Collinear but for the last digit.
    X[:6] = X[0] + np.outer(np.arange(6), [1.0, 0.5])
    objective = planar_objective("dsm", X)
    program = NeuronProgram.from_objective(objective, "relu", False, True, gated=True)
    every = given_patterns(program, objective.X, None, thin=True)
    told = given_patterns(program, objective.X, None)
    assert every.complete
    assert not told.complete
    assert len(told.gates) < len(every.gates) == len(cs.enumerate_patterns(X, bias=True))
    height = program.rows @ told.gates.T
    np.testing.assert_array_equal((height >= 0).T, told.active)
    assert cs.solve(objective, 6.0, gated=True).status == "optimal"
