"""Networks in the plane: the exact optimum against brute force over a grid of kink lines."""

import warnings
from itertools import combinations, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import convexscore as cs
from convexscore.baselines import train_adam
from convexscore.multivariate.certificate import certify_network
from convexscore.multivariate.pricing.circle import Arcs
from convexscore.multivariate.pricing.planar import PlanarPricer
from convexscore.multivariate.program import NeuronProgram
from convexscore.multivariate.statement import state_neurons
from tests.multivariate.problems import (
    POINTS,
    TIGHT,
    bounded_beta,
    make_points,
    planar_objective,
    random_network,
    units,
)
from tests.problems import KINDS, make_beta, make_data, make_objective, value_scale

N_ANGLES = 240
# A direction is a sum of the two next to it on the grid, whose lengths add up to at most this.
STRETCH = 1 / np.cos(np.pi / N_ANGLES)

every_program = pytest.mark.parametrize(
    ("name", "activation", "skip", "bias"), [(*kind, bias) for kind in KINDS for bias in (False, True)]
)


def circle(n_angles=N_ANGLES):
    angle = 2 * np.pi * np.arange(n_angles) / n_angles
    return np.stack([np.cos(angle), np.sin(angle)], axis=1)


def grid_of_neurons(X, bias, n_angles=N_ANGLES):
    """Return directions, offsets and tie choices: every kink line of the grid, and all lines through data.

    Without bias lines through data are those through the origin and a point.  What a line counts of the
    points on it is what a line beside it has active: for points along it any first or last ones.
    """
    points = np.unique(X, axis=0)
    directions, offsets, ties = [], [], []

    def add(u, origin, counted):
        directions.append(u)
        offsets.append(-origin @ u)
        ties.append(counted)

    origins = points if bias else np.zeros((1, 2))
    for origin, u in product(origins, circle(n_angles)):
        # Lines through the origin and data get their own choices below.
        if not bias and (np.abs(points @ u)[points.any(axis=1)] < 1e-9).any():
            continue
        for counted in (True, False):
            add(u, origin, np.full(len(X), counted))
    others = combinations(points, 2) if bias else ((np.zeros(2), x) for x in points if x.any())
    for one, other in others:
        along = (other - one) / np.linalg.norm(other - one)
        for u in (np.array([-along[1], along[0]]), np.array([along[1], -along[0]])):
            place = (X - one) @ along
            on = np.abs((X - one) @ u) < 1e-9
            # Without bias the line turns around the origin only, where a point counts with either slope.
            turning = np.unique(place[on]) if bias else np.zeros(1)
            for cut, side, counted in product(turning, (1, -1), (True, False)):
                add(u, one, np.where(np.abs(place - cut) < 1e-9, counted, side * (place - cut) > 0))
    return np.array(directions), np.array(offsets), np.array(ties)


def grid_value(objective, beta, activation, skip, bias):
    neurons = grid_of_neurons(objective.X, bias)
    statement = state_neurons(objective, beta, neurons[0], neurons[1], activation, skip, bias, neurons[2])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        value = statement.problem.solve(solver="CLARABEL", **TIGHT)
    return float(value)


def agrees_with_the_grid(objective, beta, activation, skip, bias):
    solution = cs.solve(objective, beta, activation, skip, bias=bias)
    value = grid_value(objective, beta, activation, skip, bias)
    slack = 1e-7 * units(objective, value)
    assert solution.status == "optimal"
    assert solution.value <= value + slack
    # The optimal neurons cost this much more when made of neurons of the grid.
    more = (STRETCH - 1) * beta * solution.network.weight_decay()
    assert solution.value + more >= value - slack
    return solution


@every_program
def test_the_optimum_is_that_of_brute_force(name, activation, skip, bias):
    kinks = 0
    for number, n in enumerate((4, 5, 7)):
        objective = planar_objective(name, make_points("random", n, seed=number), number)
        beta = bounded_beta(objective, activation, skip, bias, (0.1, 0.3, 0.6)[number])
        kinks += agrees_with_the_grid(objective, beta, activation, skip, bias).network.n_neurons
    assert kinks > 0


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("name", ["sm", "dsm"])
@pytest.mark.parametrize("kind", POINTS[1:])
def test_the_optimum_is_that_of_brute_force_on_special_points(kind, name, bias):
    agrees_on_special_points(kind, name, bias, seed=4)


def agrees_on_special_points(kind, name, bias, seed):
    X = make_points(kind, 6, seed)
    weights = np.array([1.0, 2.0, 0.5, 1.0, 1.5, 1.0])
    for activation, skip in (("relu", True), ("abs", False)):
        objective = planar_objective(name, X, 3, weights)
        beta = bounded_beta(objective, activation, skip, bias, 0.2)
        agrees_with_the_grid(objective, beta, activation, skip, bias)


def test_the_optimum_is_certified_on_a_lattice():
    agrees_on_special_points("lattice", "dsm", True, seed=3)


def test_the_optimum_is_certified_with_points_opposite_the_origin():
    agrees_on_special_points("through_the_origin", "sm", False, seed=3)


def test_the_optimum_is_certified_on_random_points():
    # The smallest weight decay is 2.93.
    cs.solve(planar_objective("sm", make_points("random", 12, seed=25)), 5.4)


def price_agrees_with_a_scan(program, residual):
    pricer = PlanarPricer(program)
    directions, offsets, ties = grid_of_neurons(program.rows, program.bias)
    height = directions @ program.rows.T + offsets[:, None]
    active = np.where(np.abs(height) < 1e-9, ties, height > 0)
    slope = np.where(active, 1.0, program.sigma.left_slope)
    scan = (slope * height) @ (program.root_mass * residual)
    scan += (slope @ program.trace_mass)[:, None] * directions
    largest = np.linalg.norm(scan, axis=1).max()
    priced = pricer.price(residual, 0.3 * largest, most=30)
    assert largest * (1 - 1e-12) - 1e-13 <= priced.largest <= largest * STRETCH + 1e-13
    if len(priced.neurons):
        assert priced.values[0] == priced.largest
        assert (priced.values > 0.3 * largest).all()
        found = np.linalg.norm(program.correlations(priced.neurons, residual), axis=1)
        np.testing.assert_allclose(found, priced.values, rtol=1e-9)
        assert_patterns_are_those_of_the_lines(program, priced.neurons)


def assert_patterns_are_those_of_the_lines(program, neurons):
    height = neurons.direction @ program.rows.T
    height -= np.einsum("kr,kr->k", neurons.origins(program.rows), neurons.direction)[:, None]
    off_the_line = np.abs(height) > 1e-9
    assert ((neurons.slope == 1) == (height > 0))[off_the_line].all()


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize(("name", "activation", "skip"), KINDS)
def test_pricing_finds_the_largest_correlation_of_all_neurons(name, activation, skip, bias):
    for seed, kind in enumerate(POINTS):
        X = make_points(kind, 7, seed)
        weights = np.random.default_rng(seed).uniform(0.5, 2.0, len(X))
        program = NeuronProgram.from_objective(
            planar_objective(name, X, seed, weights), activation, skip, bias
        )
        noise = np.random.default_rng(seed).standard_normal(program.points.shape)
        price_agrees_with_a_scan(program, program.zero_residual + program.project(noise))


@settings(max_examples=60)
@given(
    points=st.lists(st.tuples(st.integers(-2, 2), st.integers(-2, 2)), min_size=2, max_size=7).filter(
        lambda p: len(set(p)) > 1
    ),
    name=st.sampled_from(["sm", "dsm"]),
    activation=st.sampled_from(["relu", "abs"]),
    bias=st.booleans(),
    seed=st.integers(0, 1000),
)
def test_pricing_is_exact_on_points_of_a_lattice(points, name, activation, bias, seed):
    objective = planar_objective(name, np.array(points, dtype=float), seed)
    program = NeuronProgram.from_objective(objective, activation, False, bias)
    noise = np.random.default_rng(seed).standard_normal(program.points.shape)
    price_agrees_with_a_scan(program, program.project(noise))


@pytest.mark.parametrize("data", ["random", "tied", "weighted"])
@pytest.mark.parametrize(("name", "activation", "skip"), KINDS)
def test_on_the_line_neurons_are_priced_to_the_univariate_optimum(name, activation, skip, data):
    objective = make_objective(name, *make_data(data, n=20))
    for share in (0.05, 0.4):
        beta = make_beta(objective, activation, skip, share)
        exact = cs.solve(objective, beta, activation, skip).value
        value = cs.solve(objective, beta, activation, skip, solver="column_generation", tol=1e-6).value
        assert abs(value - exact) <= 1e-6 * value_scale(objective, exact)


def test_on_the_line_neurons_are_priced_to_the_default_tolerance():
    objective = make_objective("sm", *make_data("random", n=20))
    cs.solve(objective, make_beta(objective, "abs", False, 0.05), "abs", solver="column_generation")


def perturbed(rng, network, share, skip, bias):
    def near(array):
        return array + share * (np.abs(array).max(initial=0.0) + 0.1) * rng.standard_normal(array.shape)

    return cs.TwoLayerNetwork(
        near(network.W1),
        near(network.b1) if bias else network.b1,
        near(network.W2),
        near(network.b2) if bias else network.b2,
        near(network.V) if skip else network.V,
        activation=network.activation,
    )


@every_program
def test_no_network_is_below_the_dual_value(name, activation, skip, bias):
    rng = np.random.default_rng(5)
    objective = planar_objective(name, make_points("random", 25, seed=7), 7, rng.uniform(0.5, 2, 25))
    beta = bounded_beta(objective, activation, skip, bias, 0.15)
    solution = cs.solve(objective, beta, activation, skip, bias=bias)
    certificate, scale = solution.certificate, units(objective, solution.value)
    assert certificate.scope == "global"
    assert solution.value == certificate.primal
    assert solution.network.loss(objective, beta) == pytest.approx(solution.value, rel=1e-10)
    assert 0 <= certificate.gap + 1e-12 * scale <= 1e-6 * scale
    assert certificate.max_violation <= 1e-6 * beta
    lowest = certificate.dual - 1e-12 * scale
    for _ in range(200):
        assert random_network(rng, objective.X, activation, skip, bias).loss(objective, beta) >= lowest
    for share in 10.0 ** rng.uniform(-9, -1, 200):
        assert perturbed(rng, solution.network, share, skip, bias).loss(objective, beta) >= lowest


@every_program
def test_a_wrong_network_violates_its_certificate(name, activation, skip, bias):
    objective = planar_objective(name, make_points("random", 20, seed=2), 2)
    beta = bounded_beta(objective, activation, skip, bias, 0.2)
    network = cs.solve(objective, beta, activation, skip, bias=bias).network
    program = NeuronProgram.from_objective(objective, activation, skip, bias)
    wrong = perturbed(np.random.default_rng(0), network, 0.05, skip, bias)
    certificate = certify_network(program, PlanarPricer(program), wrong, beta, "global")
    assert certificate.max_violation > 1e-4 * beta
    assert certificate.gap > 1e-6
    assert certificate.primal == pytest.approx(wrong.loss(objective, beta), rel=1e-10)


@pytest.mark.parametrize(("name", "activation", "skip"), KINDS)
def test_units_and_origin_of_the_data_do_not_matter(name, activation, skip):
    unit, shift = 50.0, np.array([3.0, -200.0])
    objective = planar_objective(name, make_points("random", 12, seed=4), 4)
    if name == "sm":
        moved = cs.ScoreMatching(unit * objective.X + shift)
    else:
        moved = cs.DenoisingScoreMatching(unit * objective.X + shift, objective.targets / unit)
    beta = bounded_beta(objective, activation, skip, True, 0.2)
    one, other = (cs.solve(o, beta, activation, skip) for o in (objective, moved))
    assert unit**2 * other.value == pytest.approx(one.value, abs=2e-6 * units(objective, one.value))


@every_program
def test_weights_are_repetitions(name, activation, skip, bias):
    rng = np.random.default_rng(3)
    X, counts = make_points("random", 8, seed=5), rng.integers(1, 4, 8)
    weighted = planar_objective(name, X, 5, counts.astype(float))
    order = rng.permutation(counts.sum())
    repeated = np.repeat(X, counts, axis=0)[order]
    if name == "sm":
        flat = cs.ScoreMatching(repeated)
    else:
        flat = cs.DenoisingScoreMatching(repeated, np.repeat(weighted.targets, counts, axis=0)[order])
    beta = bounded_beta(weighted, activation, skip, bias, 0.2)
    one, other = (cs.solve(o, beta, activation, skip, bias=bias).value for o in (weighted, flat))
    assert one == pytest.approx(other, abs=2e-6 * units(flat, one))


@every_program
def test_adam_neither_improves_nor_reaches_below(name, activation, skip, bias):
    objective = planar_objective(name, make_points("random", 15, seed=6), 6)
    beta = bounded_beta(objective, activation, skip, bias, 0.2)
    solution = cs.solve(objective, beta, activation, skip, bias=bias)
    scale = units(objective, solution.value)
    if solution.network.n_neurons:
        after = train_adam(
            objective,
            beta,
            activation,
            skip,
            bias=bias,
            initial=solution.network,
            learning_rate=1e-6,
            n_epochs=100,
            n_trials=1,
            keep_best=True,
            rng=0,
        )
        assert after.best_loss >= solution.value - 1e-7 * scale
    tried = train_adam(
        objective,
        beta,
        activation,
        skip,
        bias=bias,
        n_neurons=20,
        learning_rate=0.03,
        n_epochs=200,
        n_trials=20,
        keep_best=True,
        rng=1,
    )
    assert (tried.losses[:, -1] >= solution.certificate.dual - 1e-12 * scale).all()
    assert tried.best_loss >= solution.value - 1e-7 * scale


def test_chosen_kink_lines_differ_in_direction_or_place():
    """One line through two of its points is one line; the nearer the optimum, the closer lines may be."""
    X = np.array([[0.0, 0.0], [0.0, 2.0], [3.0, 1.0], [3.1, -1.0]])
    program = NeuronProgram.from_objective(cs.ScoreMatching(X), "relu", False, True)
    row = [int(np.flatnonzero((program.points == point).all(axis=1))[0]) for point in X]
    right, up, left = 0.0, np.pi / 2, np.pi
    slanted = np.arctan2(3.0, 1.0)
    lines = [
        (right, 0),
        (right, 1),
        (right, 2),
        (right, 3),
        (up, 0),
        (up, 1),
        (left, 0),
        (slanted, 1),
        (slanted, 2),
    ]
    angle, place = np.array(lines).T
    circle = np.array(row)[place.astype(int)]
    nobody = np.full(len(lines), -1)
    arcs = Arcs(np.arange(9.0, 0.0, -1.0), circle, angle, angle, nobody < 0, nobody)
    pricer = PlanarPricer(program)
    # Far from the optimum lines a tenth of the data's scale apart are one, nearby those of a thousandth.
    assert pricer._spread(arcs, 9.0, 1.0, 50).tolist() == [0, 2, 4, 5, 6, 7]
    assert pricer._spread(arcs, 9.0, 0.0, 50).tolist() == [0, 2, 4, 5, 6, 7]
    assert pricer._spread(arcs, 9.0, 9.0 / 1.0001, 50).tolist() == [0, 2, 3, 4, 5, 6, 7]
    assert pricer._spread(arcs, 9.0, 1.0, 2).tolist() == [0, 2]
