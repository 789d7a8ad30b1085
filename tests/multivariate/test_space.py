"""Networks in three and more dimensions: what is found, what is said of it, what is refused."""

import numpy as np
import pytest

import convexscore as cs
from convexscore.baselines import train_adam
from convexscore.multivariate.bounds import smallest_decay
from convexscore.multivariate.pricing.ascent import AscentPricer
from convexscore.multivariate.pricing.choice import pricer_of
from convexscore.multivariate.program import NeuronProgram
from convexscore.multivariate.warm_start import neurons_of
from tests.multivariate.problems import bounded_beta, make_points, planar_objective, random_network, units
from tests.problems import KINDS, make_data
from tests.problems import make_objective as on_the_line


def make_objective(name, n=14, d=3, seed=0):
    return planar_objective(name, np.random.default_rng(seed).standard_normal((n, d)), seed)


def bounded(objective, activation, skip, bias):
    """Return a weight decay in the bounded range of the objectives here, well below that of no neurons."""
    if not objective.has_trace:
        return 1.5
    relu, absolute = 5.0 if skip else 6.5, 10.0 if skip else 7.0 if bias else 5.0
    return relu if activation == "relu" else absolute


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize(("name", "activation", "skip"), KINDS)
def test_the_optimum_is_proven_and_beats_adam_and_the_search(name, activation, skip, bias):
    objective = make_objective(name)
    beta = bounded(objective, activation, skip, bias)
    solution = cs.solve(objective, beta, activation, skip, bias=bias)
    certificate, scale = solution.certificate, units(objective, solution.value)
    assert solution.status == "optimal"
    assert certificate.scope == "global"
    assert certificate.lower_bound == certificate.dual
    assert abs(certificate.gap) <= 1e-6 * scale
    assert certificate.max_violation <= 1e-6 * beta
    assert solution.network.loss(objective, beta) == pytest.approx(solution.value, rel=1e-10)
    hasty = cs.solve(objective, beta, activation, skip, bias=bias, max_boxes=1)
    assert hasty.certificate.scope == "local"
    assert hasty.certificate.lower_bound <= solution.value + 1e-9 * scale
    assert solution.value <= hasty.value + 1e-6 * scale
    adam = train_adam(
        objective,
        beta,
        activation,
        skip,
        bias=bias,
        n_neurons=30,
        learning_rate=0.03,
        n_epochs=200,
        n_trials=20,
        keep_best=True,
        rng=0,
    )
    assert solution.value <= adam.best_loss + 1e-7 * scale


@pytest.mark.parametrize(
    ("name", "n", "d", "beta"), [("sm", 10, 4, 7.0), ("dsm", 10, 4, 1.0), ("dsm", 8, 5, 1.0)]
)
def test_the_relaxation_bounds_every_network_without_bias(name, n, d, beta):
    objective = make_objective(name, n, d, seed=d)
    solution = cs.solve(objective, beta, bias=False, max_boxes=1)
    bound = solution.certificate.lower_bound
    assert solution.certificate.scope == "local"
    assert np.isfinite(bound)
    assert bound <= solution.value
    rng = np.random.default_rng(0)
    lowest = bound - 1e-9 * units(objective, solution.value)
    for _ in range(200):
        assert random_network(rng, objective.X, "relu", False, False).loss(objective, beta) >= lowest
    without = cs.solve(objective, beta, bias=False, max_patterns=2, max_boxes=1)
    assert without.certificate.lower_bound < bound
    proven = cs.solve(objective, beta, bias=False)
    assert proven.certificate.scope == "global"
    assert bound < proven.certificate.lower_bound <= proven.value


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize(("name", "activation", "skip"), KINDS)
def test_the_search_finds_what_exact_pricing_finds(name, activation, skip, bias):
    objective = planar_objective(name, make_points("random", 15, seed=9), 9)
    program = NeuronProgram.from_objective(objective, activation, skip, bias)
    noise = np.random.default_rng(1).standard_normal(program.points.shape)
    residual = program.zero_residual + program.project(noise)
    exact = pricer_of(program).price(residual, 1e-3).largest
    found = AscentPricer(program, n_starts=200, rng=0).price(residual, 1e-3)
    assert found.largest <= exact * (1 + 1e-9)
    assert found.largest >= 0.97 * exact
    sizes = np.linalg.norm(program.correlations(found.neurons, residual), axis=1)
    np.testing.assert_allclose(sizes, found.values, rtol=1e-9)


@pytest.mark.parametrize("dimension", [2, 3])
@pytest.mark.parametrize("name", ["sm", "dsm"])
def test_a_warm_start_leads_to_the_same_value(name, dimension):
    objective = make_objective(name, n=12, d=dimension, seed=2)
    beta = 7.0 if name == "sm" else 1.5
    cold = cs.solve(objective, beta)
    for start in (cold.network, cs.solve(objective, 1.3 * beta).network):
        warm = cs.solve(objective, beta, start=start)
        # In space each may find another local end of the search.
        slack = (2e-6 if dimension == 2 else 2e-5) * units(objective, cold.value)
        assert abs(warm.value - cold.value) <= slack


@pytest.mark.parametrize("activation", ["relu", "abs"])
@pytest.mark.parametrize("bias", [False, True])
def test_a_start_is_the_network_itself(activation, bias):
    objective = make_objective("dsm", n=12, d=2, seed=2)
    moved = cs.DenoisingScoreMatching(3 * objective.X + 5, objective.targets)
    network = cs.solve(moved, 0.5, activation, True, bias=bias).network
    program = NeuronProgram.from_objective(moved, activation, True, bias)
    residual = program.residual(*neurons_of(program, network))
    expected = program.scale * network(program.points) - program.target
    np.testing.assert_allclose(residual, expected, atol=1e-8 * np.abs(program.target).max())


@pytest.mark.parametrize(("activation", "skip"), [kind[1:] for kind in KINDS[:4]])
@pytest.mark.parametrize("data", ["random", "tied", "weighted"])
def test_the_smallest_decay_on_the_line_is_the_exact_bound(data, activation, skip):
    objective = on_the_line("sm", *make_data(data, n=12))
    program = NeuronProgram.from_objective(objective, activation, skip, True)
    exact = cs.beta_bounds(objective, activation, skip).minimum
    found = smallest_decay(program, pricer_of(program))
    assert exact * (1 - 1e-9) <= found <= exact * (1 + 1e-4)


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize(("activation", "skip"), [kind[1:] for kind in KINDS[:4]])
def test_below_the_bound_score_matching_is_unbounded_in_the_plane(activation, skip, bias):
    objective = cs.ScoreMatching(make_points("random", 9, seed=1))
    beta = cs.beta_bounds(objective, activation, skip, bias=bias).minimum
    for share in (0.1, 0.9):
        with pytest.raises(cs.UnboundedError, match="beta"):
            cs.solve(objective, share * beta, activation, skip, bias=bias)
    assert np.isfinite(cs.solve(objective, 1.05 * beta, activation, skip, bias=bias).value)


def test_below_the_bound_score_matching_is_unbounded_in_space():
    objective = cs.ScoreMatching(np.random.default_rng(0).standard_normal((8, 3)))
    with pytest.raises(cs.UnboundedError, match="beta"):
        cs.solve(objective, 0.2)


def test_denoising_has_no_smallest_decay():
    objective = make_objective("dsm", d=2)
    program = NeuronProgram.from_objective(objective, "relu", False, True)
    assert smallest_decay(program, pricer_of(program)) == 0.0
    beta = 1e-3 * bounded_beta(objective, "relu", False, True, 1.0)
    assert cs.solve(objective, beta).value >= 0


@pytest.mark.parametrize("dimension", [2, 3])
@pytest.mark.parametrize(
    ("beta", "arguments", "message"),
    [
        (20.0, {"patterns": np.ones((1, 6), dtype=bool)}, "patterns: expected None"),
        (20.0, {"shape": "log-concave"}, "shape: expected none"),
        (20.0, {"refit": True}, "refit: expected none"),
        (20.0, {"solver": "active_set"}, "solver: expected one of"),
        (20.0, {"solver": "semismooth_newton"}, "solver: expected one of"),
        (20.0, {"solver": "least_squares"}, "solver: expected one of"),
        (0.0, {"solver": "column_generation"}, "solver: expected one of"),
        (0.0, {"gated": True, "penalty": "ridge"}, "penalty: expected 'nuclear'"),
        (20.0, {"penalty": "ridge"}, "penalty: expected 'nuclear'"),
        (20.0, {"gated": True, "penalty": "ridge", "solver": "column_generation"}, "solver: expected one of"),
        (20.0, {"penalty": "lasso"}, "penalty"),
        (20.0, {"activation": "tanh"}, "activation"),
        (20.0, {"tol": 0.0}, "tol"),
        (20.0, {"max_iterations": 0}, "max_iterations"),
        (20.0, {"n_starts": 1}, "n_starts"),
        (20.0, {"no_such_option": 1}, "no_such_option"),
        (20.0, {"gated": True, "start": None}, "start"),
        (-1.0, {}, "beta"),
    ],
)
def test_wrong_arguments_are_named(dimension, beta, arguments, message):
    objective = cs.ScoreMatching(np.random.default_rng(0).standard_normal((6, dimension)))
    with pytest.raises((TypeError, ValueError), match=message):
        cs.solve(objective, beta, **arguments)


def test_a_start_must_fit():
    objective = cs.ScoreMatching(np.random.default_rng(0).standard_normal((6, 2)))
    of_three = cs.TwoLayerNetwork(np.eye(3), np.zeros(3), np.eye(3), np.zeros(3))
    with pytest.raises(ValueError, match="start: expected a network with 2 features, got 3"):
        cs.solve(objective, 20.0, start=of_three)
    with pytest.raises(TypeError, match="start: expected a TwoLayerNetwork"):
        cs.solve(objective, 20.0, start=np.eye(2))


def test_points_nearly_in_line_with_the_origin_are_solved_down_to_their_bound():
    # Outputs of a million are needed to keep the two correlations apart: that is not unbounded.
    X = [[-1.4997987888681947, 0.0009951786887514916], [-0.0636840289702414, -0.00039763643137519434]]
    objective = cs.ScoreMatching(X, [3.0, 0.5])
    bounds = cs.beta_bounds(objective, bias=False)
    assert bounds.minimum == pytest.approx(3.0, rel=1e-4)
    solution = cs.solve(objective, 3.153, bias=False)
    assert solution.status == "optimal"
    assert solution.certificate.scope == "global"
    assert solution.network.loss(objective, 3.153) == pytest.approx(solution.value, rel=1e-9)
    with pytest.raises(cs.UnboundedError, match=f"at least about {bounds.minimum:.3g} "):
        cs.solve(objective, 2.9, bias=False)


def test_labels_that_a_line_fits_exactly_need_no_neurons():
    X = np.random.default_rng(1).standard_normal((20, 2))
    solution = cs.solve(cs.DenoisingScoreMatching(2 * X, -X), "auto", skip=True)
    assert solution.status == "optimal"
    assert solution.value <= 1e-25
    np.testing.assert_allclose(solution.network.V, -0.5 * np.eye(2), atol=1e-12)
