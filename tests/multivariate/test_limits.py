"""Programs of data with limits in several features, with trace and labels, against their statements."""

import warnings

import numpy as np
import pytest

import convexscore as cs
from convexscore.multivariate.bootstrap import NeuronNoise
from convexscore.multivariate.conservative.statement import state_conservative
from convexscore.multivariate.pricing.ascent import AscentPricer
from convexscore.multivariate.program import NeuronProgram
from convexscore.multivariate.solvers.newton import restricted_value
from convexscore.multivariate.statement import state_gated, state_neurons, state_unpenalized
from convexscore.objectives import as_objective, distinct_rows
from tests.multivariate.literal import largest_correlation
from tests.multivariate.problems import TIGHT, random_network

BOXES = (
    [(0, None), (0, None)],
    [(0, 1), (None, 2)],
    [None, (0, 1)],
    [(0, 1), (0, 1)],
)
KINDS = [("relu", False), ("relu", True), ("abs", False), ("abs", True)]
every_program = pytest.mark.parametrize(
    ("activation", "skip", "bias"), [(*kind, bias) for kind in KINDS for bias in (False, True)]
)


def drawn(seed, n=7):
    """Return a small objective: boxes, ties, weights and heights in turn."""
    rng = np.random.default_rng(seed)
    box = BOXES[seed % 4]
    X = rng.gamma(2.0, size=(n, 2)) / 3
    if seed % 2:
        # On a lattice: ties, points equally near to two faces, and points on faces.
        X = np.ceil(8 * X) / 8
    for j, limits in enumerate(box):
        if limits is not None and limits[1] is not None:
            X[:, j] = np.minimum(X[:, j], 0.875 if seed % 2 else 0.9)
    if seed % 4 == 3:
        X[0] = [1.0, 0.5]
    weights = None if seed % 3 else rng.choice([0.5, 1.0, 2.0, 0.0], size=n)
    height = (None, 0.25, np.inf)[seed % 3]
    with warnings.catch_warnings():
        # On a face, samples are left out.
        warnings.simplefilter("ignore", UserWarning)
        return as_objective(cs.ScoreMatching(X, weights, support=box, boundary_weight=height))


def decay(objective, activation, skip, bias, share=0.3, **kind):
    bounds = cs.beta_bounds(objective, activation, skip, bias=bias, **kind)
    return 1.05 * bounds.minimum + share * (bounds.maximum - bounds.minimum)


def literal_value(statement):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        return statement.problem.solve(solver="CLARABEL", **TIGHT)


def of_the_statement(solution, objective, beta, statement):
    value = literal_value(statement)
    size = 1 + abs(value)
    assert solution.status == "optimal"
    assert abs(solution.value - value) <= 1e-6 * size
    own = objective.loss(solution.network) + beta * solution.network.weight_decay()
    assert abs(own - solution.value) <= 1e-10 * size
    assert solution.certificate.gap <= 1e-6 * size
    return solution.network.n_neurons


@every_program
def test_gated_networks_have_the_optimum_of_the_statement(activation, skip, bias):
    n_neurons = 0
    for seed in range(4):
        objective = drawn(seed)
        signs = cs.enumerate_patterns(objective.X, bias=bias).signs
        beta = decay(objective, activation, skip, bias, gated=True)
        statement = state_gated(objective, beta, signs, activation, skip, bias)
        for solver in ("semismooth_newton", "column_generation"):
            found = cs.solve(objective, beta, activation, skip, bias=bias, gated=True, solver=solver)
            n_neurons += of_the_statement(found, objective, beta, statement)
    assert n_neurons > 0


@every_program
def test_conservative_networks_have_the_optimum_of_the_statement(activation, skip, bias):
    n_neurons = 0
    for seed in range(4):
        objective = drawn(seed)
        beta = decay(objective, activation, skip, bias, conservative=True)
        statement = state_conservative(objective, beta, activation, skip, bias)
        found = cs.solve(objective, beta, activation, skip, bias=bias, conservative=True)
        assert found.certificate.scope == "global"
        n_neurons += of_the_statement(found, objective, beta, statement)
    assert n_neurons > 0


@every_program
def test_networks_are_optimal_over_their_own_neurons_and_no_other_neuron_helps(activation, skip, bias):
    n_neurons = 0
    for seed in range(4):
        objective = drawn(seed, n=6)
        beta = decay(objective, activation, skip, bias)
        found = cs.solve(objective, beta, activation, skip, bias=bias)
        net = found.network
        # Kinks are a hair off the data: which side a point is on is the network's to say.
        sides = net.W1 @ objective.X.T + net.b1[:, None] > 0
        statement = state_neurons(objective, beta, net.W1, net.b1, activation, skip, bias, ties=sides)
        assert found.certificate.scope == "global"
        n_neurons += of_the_statement(found, objective, beta, statement)
        program = NeuronProgram.from_objective(objective, activation, skip, bias)
        residual = program.root_mass * (program.scale * net(program.points) - program.target)
        assert largest_correlation(program, program.balanced(residual)[0]) <= beta * (1 + 1e-6)
    assert n_neurons > 0


@pytest.mark.parametrize(("activation", "skip"), KINDS)
@pytest.mark.parametrize("conservative", [False, True])
def test_no_network_is_below_the_certified_bound(activation, skip, conservative):
    rng = np.random.default_rng(1)
    objective = cs.ScoreMatching(rng.gamma(2.0, size=(15, 2)), support=[(0, None), (0, 9)])
    beta = decay(objective, activation, skip, True, conservative=conservative)
    best = cs.solve(objective, beta, activation, skip, conservative=conservative)
    size = 1 + abs(best.value)
    certificate = cs.certify(best.network, objective, beta, skip=skip)
    assert certificate.primal == pytest.approx(best.value, abs=1e-10 * size)
    assert certificate.primal - certificate.dual == pytest.approx(certificate.gap, abs=1e-10 * size)
    assert certificate.gap <= 1e-6 * size
    lowest = np.inf
    for _ in range(40):
        net = random_network(rng, objective.X, activation, skip, True)
        if conservative:
            u = net.W1 / np.linalg.norm(net.W1, axis=1)[:, None]
            a, S = net.W2[0], 0.5 * (net.V + net.V.T)
            net = cs.ConservativeNetwork(u, net.b1, a, net.b2, S, activation=activation)
        value = objective.loss(net) + beta * net.weight_decay()
        lowest = min(lowest, value)
        assert value >= best.certificate.dual - 1e-9 * size
    # Some of them are not far off, so that a bound without the labels' part would be seen.
    assert lowest < best.value + 1e5 * size


def test_without_weight_decay_it_is_the_least_squares_of_the_statement():
    objective = drawn(0, n=30)
    signs = cs.enumerate_patterns(objective.X, bias=True).signs
    counts = signs.sum(axis=1)
    signs = signs[[np.flatnonzero(counts == count)[0] for count in (7, 14)]]
    for activation, skip in KINDS:
        found = cs.solve(objective, 0.0, activation, skip, gated=True, patterns=signs)
        statement = state_unpenalized(objective, signs, activation, skip)
        of_the_statement(found, objective, 0.0, statement)


@pytest.mark.parametrize("skip", [False, True])
def test_a_squared_penalty_has_the_optimum_of_the_statement(skip):
    objective = drawn(2)
    signs = cs.enumerate_patterns(objective.X, bias=True).signs
    found = cs.solve(objective, 1.5, "relu", skip, gated=True, penalty="ridge")
    value = literal_value(state_gated(objective, 1.5, signs, "relu", skip, penalty="ridge"))
    assert found.status == "optimal"
    assert found.value == pytest.approx(value, rel=1e-7)
    assert abs(found.certificate.gap) <= 1e-9 * (1 + abs(value))


@pytest.mark.parametrize("kind", [{}, {"gated": True}, {"conservative": True}, {"bias": False}])
def test_where_it_is_bounded_depends_on_masses_alone(kind):
    objective = drawn(4, n=9)
    masses = objective.weights * objective.boundary[0]
    found = cs.beta_bounds(objective, skip=True, **kind)
    plain = cs.beta_bounds(cs.ScoreMatching(objective.X, masses), skip=True, **kind)
    assert found.minimum == pytest.approx(plain.minimum, rel=2e-4)
    best = cs.solve(objective, found.maximum * (1 + 1e-6), skip=True, **kind)
    assert best.network.n_neurons == 0
    assert cs.solve(objective, 0.99 * found.maximum, skip=True, **kind).network.n_neurons > 0


@pytest.mark.parametrize("distance", [1e-3, 1e-7, 1e-11])
@pytest.mark.parametrize("kind", [{}, {"gated": True}, {"conservative": True}])
def test_samples_next_to_a_face_cost_no_digits(distance, kind):
    rng = np.random.default_rng(3)
    X = rng.random((12, 2))
    X[0, 0], X[1, 1], X[2] = distance, 1 - distance, distance
    objective = cs.ScoreMatching(X, support=[(0, 1), (0, 1)])
    beta = decay(objective, "relu", True, True, share=0.1, **kind)
    best = cs.solve(objective, beta, skip=True, **kind)
    assert best.status == "optimal"
    assert best.network.n_neurons > 0
    assert abs(best.certificate.gap) <= 1e-6 * (1 + abs(best.value))
    own = objective.loss(best.network) + beta * best.network.weight_decay()
    assert own == pytest.approx(best.value, rel=1e-9)


@pytest.mark.parametrize("skip", [False, True])
def test_what_newton_steps_compare_differs_from_values_by_a_constant(skip):
    objective = drawn(1)
    program = NeuronProgram.from_objective(objective, "relu", skip, True)
    found = AscentPricer(program, 20, rng=0).price(program.zero_residual, 0.0, most=4)
    differences = []
    for outputs in np.random.default_rng(0).standard_normal((5, len(found.neurons), 2)):
        value = program.value(found.neurons, outputs, 2.0) * program.scale**2
        differences.append(value - restricted_value(program, found.neurons, outputs, 2.0))
    np.testing.assert_allclose(differences, differences[0], rtol=1e-10, atol=1e-9)


@pytest.mark.parametrize("kind", [{}, {"conservative": True}])
def test_units_and_origin_do_not_matter(kind):
    objective = drawn(0, n=10)
    beta = decay(objective, "relu", True, True, **kind)
    best = cs.solve(objective, beta, skip=True, **kind)
    for scale in (1e-30, 3.0, 2.0**60):
        moved = cs.ScoreMatching(scale * objective.X, objective.sample_weight, support=[(0, None), (0, None)])
        found = cs.solve(moved, scale * beta, skip=True, **kind)
        assert found.value * scale == pytest.approx(best.value, rel=1e-7)
    far = 2.0**20
    shifted = cs.ScoreMatching(
        np.round(2.0**20 * objective.X) / 2.0**20 + far, support=[(far, None), (far, None)]
    )
    near = cs.ScoreMatching(shifted.X - far, support=[(0, None), (0, None)])
    values = [cs.solve(data, beta, skip=True, **kind).value for data in (shifted, near)]
    assert values[0] == pytest.approx(values[1], rel=1e-9)


def test_weights_are_repetitions():
    objective = drawn(0, n=8)
    counts = np.array([1, 2, 3, 1, 1, 2, 1, 1])[: len(objective.X)]
    box = [(0, None), (0, None)]
    weighted = cs.ScoreMatching(objective.X, counts, support=box)
    repeated = cs.ScoreMatching(np.repeat(objective.X, counts, axis=0), support=box)
    assert weighted.boundary_weight == repeated.boundary_weight
    values = [cs.solve(data, 6.0, skip=True).value for data in (weighted, repeated)]
    assert values[0] == pytest.approx(values[1], rel=1e-10)


def test_patterns_are_those_of_the_samples_that_are_left():
    X = np.array([[0.5, 1.0], [0.0, 2.0], [1.0, 0.5], [2.0, 0.3], [0.2, 0.4]])
    inside = np.array([True, False, True, True, True])
    signs = cs.enumerate_patterns(X, bias=True).signs
    box = [(0, None), (0, None)]
    with pytest.warns(UserWarning, match="X: 1 of 5 samples are on an end of the support"):
        found = cs.solve(cs.ScoreMatching(X, support=box), 6.0, skip=True, gated=True, patterns=signs)
    left = np.unique(signs[:, inside], axis=0)
    fewer = cs.ScoreMatching(X[inside], support=box)
    assert found.value == pytest.approx(cs.solve(fewer, 6.0, skip=True, gated=True, patterns=left).value)


@pytest.mark.parametrize(("activation", "skip"), KINDS)
def test_on_the_line_all_ways_lead_to_one_optimum(activation, skip):
    x = np.random.default_rng(2).gamma(2.0, size=12)
    objective = cs.ScoreMatching(x, support=(0, None))
    bounds = cs.beta_bounds(objective, activation, skip)
    beta = bounds.minimum + 0.2 * (bounds.maximum - bounds.minimum) + 0.05
    best = cs.solve(objective, beta, activation, skip)
    tied = cs.solve(objective, beta, activation, skip, conservative=True)
    assert tied.value == pytest.approx(best.value, rel=1e-6)
    if skip:
        assert tied.density().support() == (0.0, np.inf)
    signs = cs.enumerate_patterns(objective.X, bias=True).signs
    weight = decay(objective, activation, skip, True, gated=True)
    gated = cs.solve(objective, weight, activation, skip, gated=True)
    of_the_statement(gated, objective, weight, state_gated(objective, weight, signs, activation, skip))


@pytest.mark.parametrize("kind", [{}, {"conservative": True}])
def test_in_space_the_proof_is_that_of_every_pattern(kind):
    X = np.random.default_rng(6).gamma(2.0, size=(5, 3))
    objective = cs.ScoreMatching(X, support=[(0, None), None, (0, 20)])
    beta = decay(objective, "relu", False, True, **kind)
    best = cs.solve(objective, beta, **kind)
    assert best.certificate.scope == "global"
    assert best.network.n_neurons > 0
    program = NeuronProgram.from_objective(objective, "relu", False, True)
    residual = program.root_mass * (program.scale * best.network(program.points) - program.target)
    # Without skip the free part of tied networks is that of others.
    found = largest_correlation(program, program.balanced(residual)[0], tied=bool(kind))
    assert found == pytest.approx(beta, rel=1e-5)


def test_the_noise_is_that_of_the_samples_terms():
    objective = distinct_rows(drawn(0, n=9))
    program = NeuronProgram.from_objective(objective, "relu", True, True)
    noise = NeuronNoise(objective, program, 3, np.random.default_rng(0), n_directions=5)
    n = len(objective.X)
    factors = np.random.default_rng(0).standard_normal((3, n)) * np.sqrt(objective.weights)
    s = cs.TwoLayerNetwork(np.zeros((0, 2)), [], np.zeros((2, 0)), [0.3, -0.2], [[-1.0, 0.1], [0.2, -0.5]])
    residual = program.root_mass * (program.scale * s(program.points) - program.target)
    h, gradient = objective.boundary
    # The derivative of each sample's term by a score g: h s'g + h tr J_g + grad h'g.
    pull = program.scale * (h[:, None] * s(objective.X) + gradient)
    found = noise.factors[:, :, None] * (residual / program.root_mass)
    np.testing.assert_allclose(found, factors[:, :, None] * pull, rtol=1e-10, atol=1e-13)
    np.testing.assert_allclose(noise.factors, factors * h, rtol=1e-12)


def test_the_weight_decay_is_chosen():
    rng, box = np.random.default_rng(5), [(0, None), (0, None)]
    # A product of exponential laws has a constant score, which is kept in nine of ten samples.
    laws = [cs.ScoreMatching(rng.exponential(size=(50, 2)), support=box) for _ in range(4)]
    kept = [cs.solve(law, "auto", skip=True).network.n_neurons == 0 for law in laws]
    assert sum(kept) >= 3
    bent = cs.solve(cs.ScoreMatching(rng.gamma(2.0, size=(100, 2)), support=box), "auto", skip=True)
    assert bent.network.n_neurons > 0


@pytest.mark.parametrize("batch_size", [None, 8])
def test_adam_trains_on_the_same_loss(batch_size):
    objective = drawn(0, n=20)
    best = cs.solve(objective, 6.0, skip=True)
    result = cs.baselines.train_adam(
        objective, 6.0, skip=True, n_epochs=300, n_trials=2, batch_size=batch_size, rng=0
    )
    values = [network.loss(objective, 6.0) for network in result.networks]
    assert min(values) >= best.value - 1e-9
    if batch_size is None:
        assert min(values) == pytest.approx(result.losses.min(), rel=1e-6)
