"""Gated networks: nuclear norms and ridge against the literal statement, and the networks themselves."""

import warnings

import numpy as np
import pytest

import convexscore as cs
from convexscore.multivariate.patterns import given_patterns
from convexscore.multivariate.pricing.gates import GatePricer
from convexscore.multivariate.program import NeuronProgram
from convexscore.multivariate.solvers.nuclear_norm import solve_nuclear_norm
from convexscore.multivariate.statement import state_gated
from tests.multivariate.problems import TIGHT, bounded_beta, make_points, planar_objective, units
from tests.problems import KINDS

SOLVERS = ("semismooth_newton", "column_generation")

GATED_KINDS = [(*kind, bias) for kind in KINDS for bias in (False, True)]
every_gated_program = pytest.mark.parametrize(("name", "activation", "skip", "bias"), GATED_KINDS)


def make_objective(name, X, seed=0, weights=None):
    """Return an objective; labels are random and pull to the origin."""
    return planar_objective(name, X, seed, weights)


def gated_beta(objective, activation, skip, bias, share=0.2):
    bounds = cs.beta_bounds(objective, activation, skip, bias=bias, gated=True)
    return 1.02 * bounds.minimum + share * (bounds.maximum - bounds.minimum)


def stated_value(objective, beta, patterns, *rest, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        problem = state_gated(objective, beta, patterns, *rest, **options).problem
        return float(problem.solve(solver="CLARABEL", **TIGHT))


@pytest.mark.parametrize("solver", SOLVERS)
@every_gated_program
def test_nuclear_programs_have_the_stated_value(name, activation, skip, bias, solver):
    rng = np.random.default_rng(1)
    objective = make_objective(name, rng.standard_normal((6, 2)), 1, rng.uniform(0.5, 2.0, 6))
    patterns = cs.enumerate_patterns(objective.X, bias=bias).signs
    beta = gated_beta(objective, activation, skip, bias, 0.2 if name == "sm" else 0.05)
    value = stated_value(objective, beta, patterns, activation, skip, bias)
    solution = cs.solve(objective, beta, activation, skip, bias=bias, gated=True, solver=solver)
    assert solution.status == "optimal"
    assert solution.stats.solver == solver
    assert solution.certificate.scope == "patterns"
    assert abs(solution.value - value) <= 2e-6 * units(objective, value)
    assert solution.network.loss(objective, beta) == pytest.approx(solution.value, rel=1e-10)
    assert solution.certificate.dual <= value + 1e-7 * units(objective, value)


@pytest.mark.parametrize(("activation", "skip"), [kind[1:] for kind in KINDS[:4]])
def test_the_newton_solver_needs_no_help(activation, skip):
    objective = make_objective("sm", make_points("random", 8, 1))
    program = NeuronProgram.from_objective(objective, activation, skip, True, gated=True)
    slope = given_patterns(program, objective.X, None).slope(program.sigma.left_slope)
    pricer = GatePricer(program, slope)
    beta = gated_beta(objective, activation, skip, True)
    found = solve_nuclear_norm(program, pricer, beta)
    assert found is not None
    assert pricer.spectral_norms(found.residual).max() <= beta * (1 + 1e-7)
    value = cs.solve(objective, beta, activation, skip, gated=True, solver="column_generation").value
    assert abs(program.dual_value(found.residual) - value) <= 2e-6 * units(objective, value)


@pytest.mark.parametrize(("name", "activation"), [("sm", "relu"), ("sm", "abs"), ("dsm", "relu")])
def test_nuclear_programs_in_space_have_the_stated_value(name, activation):
    objective = make_objective(name, np.random.default_rng(2).standard_normal((7, 3)), 2)
    patterns = cs.enumerate_patterns(objective.X).signs
    beta = gated_beta(objective, activation, False, False)
    value = stated_value(objective, beta, patterns, activation, False, False)
    for solver in SOLVERS:
        found = cs.solve(objective, beta, activation, bias=False, gated=True, solver=solver).value
        assert abs(found - value) <= 2e-6 * units(objective, value)


def test_newton_finds_the_optimum_of_large_denoising_weight_decay():
    objective = make_objective("dsm", make_points("random", 4, 1), 1)
    cs.solve(objective, 2.44363014755, bias=False, gated=True, solver="semismooth_newton")


@every_gated_program
def test_both_solvers_agree(name, activation, skip, bias):
    for seed in range(2):
        objective = make_objective(name, make_points("random", 9, seed), seed)
        # Larger weight decay of denoising is beyond the Newton solver, see above.
        share = 0.5 if name == "sm" and seed else 0.03
        beta = gated_beta(objective, activation, skip, bias, share=share)
        one, other = (
            cs.solve(objective, beta, activation, skip, bias=bias, gated=True, solver=solver)
            for solver in SOLVERS
        )
        assert abs(one.value - other.value) <= 2e-6 * units(objective, one.value)


@every_gated_program
def test_ridge_has_the_stated_value(name, activation, skip, bias):
    rng = np.random.default_rng(3)
    objective = make_objective(name, rng.standard_normal((7, 2)), 3, rng.uniform(0.5, 2.0, 7))
    patterns = cs.enumerate_patterns(objective.X, bias=bias).signs
    value = stated_value(objective, 0.7, patterns, activation, skip, bias, penalty="ridge")
    arguments = {"bias": bias, "gated": True, "penalty": "ridge"}
    solution = cs.solve(objective, 0.7, activation, skip, **arguments)
    if activation == "abs":
        # The statement has every pattern and its complement, which share their penalty: one costs twice.
        half = patterns[patterns[:, 0]]
        value = stated_value(objective, 0.7, half, activation, skip, bias, penalty="ridge")
    assert abs(solution.value - value) <= 1e-7 * units(objective, value)
    assert abs(solution.certificate.gap) <= 1e-9 * units(objective, value)
    assert solution.certificate.max_violation <= 1e-9 * len(patterns) * units(objective, value)


@pytest.mark.parametrize("activation", ["relu", "abs"])
def test_the_pattern_of_ones_gives_the_gaussian_score(activation):
    X = np.random.default_rng(0).standard_normal((30, 3)) @ np.diag([1.0, 2.0, 0.5])
    ones = np.ones((1, 30), dtype=bool)
    arguments = {"bias": False, "gated": True, "patterns": ones}
    network = cs.solve(cs.ScoreMatching(X), 0.0, activation, **arguments).network
    inside = X[(X @ network.gates[0] + network.gate_offsets[0]) > 0]
    assert len(inside) == 30
    np.testing.assert_allclose(network(X), -X @ np.linalg.inv(X.T @ X / 30), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize(("name", "activation", "skip"), KINDS)
def test_the_gated_program_relaxes_that_of_networks_without_bias(name, activation, skip):
    for seed in range(2):
        objective = make_objective(name, make_points("random", 9, seed), seed)
        beta = gated_beta(objective, activation, skip, False, 0.1)
        beta = max(beta, bounded_beta(objective, activation, skip, False, 0.0))
        gated = cs.solve(objective, beta, activation, skip, bias=False, gated=True)
        network = cs.solve(objective, beta, activation, skip, bias=False)
        assert gated.certificate.dual <= network.value + 1e-9 * units(objective, network.value)
        assert gated.value <= network.value + 1e-6 * units(objective, network.value)


@pytest.mark.parametrize("penalty", ["nuclear", "ridge"])
@pytest.mark.parametrize("bias", [False, True])
def test_patterns_may_be_given_in_several_ways(bias, penalty):
    X = make_points("repeated", 8, seed=4)
    objective = make_objective("sm", X, 4)
    patterns = cs.enumerate_patterns(X, bias=bias)
    ways = (None, patterns, patterns.signs, patterns.signs[::-1])
    values = [
        cs.solve(objective, 12.0, bias=bias, gated=True, patterns=way, penalty=penalty).value for way in ways
    ]
    np.testing.assert_allclose(values, values[0], atol=2e-6 * units(objective, values[0]))
    few = cs.solve(objective, 12.0, bias=bias, gated=True, patterns=patterns.signs[:3], penalty=penalty)
    assert few.value >= values[0] - 1e-6 * units(objective, values[0])
    value = stated_value(objective, 12.0, patterns.signs[:3], "relu", False, bias, penalty=penalty)
    assert abs(few.value - value) <= 2e-6 * units(objective, value)


def test_wrong_patterns_are_refused():
    objective = cs.ScoreMatching([[0.0, 0.0], [1.0, 0.0], [2.0, 0.0], [2.0, 0.0], [0.0, 1.0]])

    def solve(patterns, beta=20.0):
        return cs.solve(objective, beta, gated=True, patterns=patterns)

    with pytest.raises(ValueError, match="none has"):
        solve(np.array([[True, False, True, True, False]]))
    with pytest.raises(ValueError, match="equal rows"):
        solve(np.array([[False, False, True, False, False]]))
    with pytest.raises(ValueError, match=r"patterns: expected shape \(n_patterns, 5\)"):
        solve(np.ones((2, 4), dtype=bool))
    with pytest.raises(TypeError, match="boolean"):
        solve(np.ones((1, 5)))
    with pytest.raises(ValueError, match="witnesses"):
        solve(cs.enumerate_patterns(np.vstack([np.eye(5)[[0, 1, 2, 2, 3]]])))


def make_network(activation="relu", m=4, d=3, seed=0):
    draw = np.random.default_rng(seed).standard_normal
    return cs.GatedNetwork(
        draw((m, d)),
        draw(m),
        draw((d, m)),
        draw(d),
        draw((d, d)),
        gates=draw((m, d)),
        gate_offsets=draw(m),
        activation=activation,
    )


@pytest.mark.parametrize("activation", ["relu", "abs"])
def test_the_network_is_its_formula(activation):
    network = make_network(activation)
    x = np.random.default_rng(1).standard_normal((20, 3))
    below = 0.0 if activation == "relu" else -1.0
    score = x @ network.V.T + network.b2
    for k in range(4):
        gate = np.where(x @ network.gates[k] + network.gate_offsets[k] >= 0, 1.0, below)
        score += (gate * (x @ network.W1[k] + network.b1[k]))[:, None] * network.W2[:, k]
    np.testing.assert_allclose(network(x), score, rtol=1e-12)
    squares = np.sum(network.W1**2) + np.sum(network.b1**2) + np.sum(network.W2**2)
    assert network.weight_decay() == pytest.approx(0.5 * squares, rel=1e-14)


@pytest.mark.parametrize("activation", ["relu", "abs"])
def test_the_divergence_is_the_trace_of_the_jacobian(activation):
    network = make_network(activation)
    x = np.random.default_rng(2).standard_normal((40, 3))
    # Differences across a gate would see its jump.
    x = x[np.abs(x @ network.gates.T + network.gate_offsets).min(axis=1) > 1e-3]
    assert len(x) > 30
    jacobian = network.jacobian(x)
    step = 1e-5
    for j, e in enumerate(step * np.eye(3)):
        slope = (network(x + e) - network(x - e)) / (2 * step)
        np.testing.assert_allclose(jacobian[:, :, j], slope, atol=1e-8)
    np.testing.assert_allclose(network.divergence(x), np.trace(jacobian, axis1=1, axis2=2), rtol=1e-12)


@pytest.mark.parametrize("activation", ["relu", "abs"])
def test_files_keep_everything(activation, tmp_path):
    network = make_network(activation)
    network.save(tmp_path / "gated.npz")
    copy = cs.GatedNetwork.load(tmp_path / "gated.npz")
    x = np.random.default_rng(3).standard_normal((10, 3))
    np.testing.assert_array_equal(copy(x), network(x))
    assert copy.activation == activation
    with pytest.raises(ValueError, match="model"):
        cs.TwoLayerNetwork.load(tmp_path / "gated.npz")


def test_shapes_are_checked():
    network = make_network()
    assert (network.n_neurons, network.n_features) == (4, 3)
    assert network(np.zeros((5, 3))).shape == (5, 3)
    assert network.jacobian(np.zeros((5, 3))).shape == (5, 3, 3)
    with pytest.raises(ValueError, match=r"x: expected shape \(n, 3\)"):
        network(np.zeros((5, 2)))
    with pytest.raises(ValueError, match="read-only"):
        network.W1[0, 0] = 1.0
    arrays = {name: getattr(network, name) for name in ("W1", "b1", "W2", "b2", "V", "gates", "gate_offsets")}
    for name in ("W1", "W2", "V", "gates", "gate_offsets"):
        with pytest.raises(ValueError, match=f"{name}: expected shape"):
            cs.GatedNetwork(**{**arrays, name: arrays[name][:-1]})
    with pytest.raises(ValueError, match="activation"):
        cs.GatedNetwork(**arrays, activation="tanh")
