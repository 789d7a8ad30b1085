"""The eight univariate programs: every solver, the literal statement and the fast path agree."""

import numpy as np
import pytest
from hypothesis import given

import convexscore as cs
from convexscore.univariate.program import THEOREMS, UnivariateProgram
from convexscore.univariate.quadratic import build_dictionary
from convexscore.univariate.statement import state_univariate
from tests.problems import DATA, KINDS, make_beta, make_data, make_objective, problems, value_scale

TIGHT = {"tol_gap_abs": 1e-12, "tol_gap_rel": 1e-12, "tol_feas": 1e-12}


@pytest.mark.parametrize("data", DATA)
@pytest.mark.parametrize(("name", "activation", "skip"), KINDS)
def test_all_solvers_agree(name, activation, skip, data):
    objective = make_objective(name, *make_data(data))
    beta = make_beta(objective, activation, skip, 0.3)
    exact = cs.solve(objective, beta, activation, skip)
    scale = value_scale(objective, exact.value)
    for solver in ("cvxpy", "clarabel", "osqp"):
        solution = cs.solve(objective, beta, activation, skip, solver=solver, tol=1e-9)
        # The solver's own point first: refinement must not be what makes them agree.
        assert abs(solution.stats.solver_value - exact.value) <= 1e-6 * abs(exact.value), solver
        assert abs(solution.value - exact.value) <= 1e-9 * scale, solver
        assert solution.stats.solver == solver


@given(problems())
def test_the_active_set_matches_the_literal_statement(problem):
    objective, beta, activation, skip = problem
    value = cs.solve(objective, beta, activation, skip, solver="active_set").value
    statement = state_univariate(_unit_scale(objective), beta, activation, skip)
    reference = statement.problem.solve(solver="CLARABEL", **TIGHT) / np.var(objective.X)
    assert abs(value - reference) <= 2e-7 * value_scale(objective, value)


def _unit_scale(objective):
    """The same program with data of unit spread: Clarabel's tolerances are absolute."""
    unit = np.std(objective.X)
    if objective.has_trace:
        return cs.ScoreMatching(objective.X / unit, objective.weights)
    return cs.DenoisingScoreMatching(
        objective.X / unit, objective.targets * unit, sample_weight=objective.weights
    )


@pytest.mark.parametrize("solver", ["SCS", "OSQP"])
def test_cvxpy_takes_any_of_its_solvers(solver):
    objective = cs.ScoreMatching([0.0, 1.0, 1.0, 3.0])
    solution = cs.solve(objective, 3.0, solver="cvxpy", cvxpy_solver=solver)
    assert solution.value == pytest.approx(cs.solve(objective, 3.0).value, rel=1e-12)
    assert solution.stats.solver_value == pytest.approx(solution.value, rel=1e-2)


@pytest.mark.parametrize(("name", "activation", "skip"), KINDS)
def test_dictionary_and_statement_have_the_same_atoms(name, activation, skip):
    objective = make_objective(name, *make_data("weighted", n=6))
    dictionary = build_dictionary(UnivariateProgram.from_objective(objective, activation, skip))
    statement = state_univariate(objective, 1.0, activation, skip)
    order = np.argsort(objective.X[:, 0])
    data = statement.problem.get_problem_data("CLARABEL")[0]
    assert data is not None
    n_literal = statement.y.size // (1 if objective.has_trace else 2)
    assert dictionary.values.shape == (6, n_literal)
    # Evaluate both at the same coefficients: the literal one gets them in data order.
    coefficients = np.random.default_rng(0).standard_normal(n_literal)
    if not objective.has_trace:
        coefficients_literal = _spread_over_ties(coefficients, activation)
    else:
        coefficients_literal = coefficients
    blocks = coefficients_literal.reshape(-1, 6)
    literal = np.empty_like(blocks)
    literal[:, order] = blocks
    statement.y.value = literal.reshape(-1)
    statement.b2.value = 0.25
    slope = 0.5 if skip else 0.0
    if skip:
        statement.V.value = slope
    program = UnivariateProgram.from_objective(objective, activation, skip)
    score = dictionary.values @ coefficients + 0.25 + slope * program.position
    value = 0.5 * program.mass @ (score - program.target) ** 2 + dictionary.trace @ coefficients
    value += program.trace_total * slope + np.abs(coefficients).sum() + program.scatter
    assert statement.problem.objective.value == pytest.approx(value, rel=1e-12)


def _spread_over_ties(coefficients, activation):
    """DSM has one column where the literal statement has two equal ones: put all on the first."""
    blocks = coefficients.reshape(-1, 6)
    zero = np.zeros_like(blocks[0])
    return np.concatenate([part for block in blocks for part in (block, zero)])


def test_every_program_names_its_theorem():
    assert sorted(THEOREMS.values()) == ["3.1", "4.1", "A.4", "A.5", "A.6", "B.1", "B.2", "B.3"]
    program = UnivariateProgram.from_objective(cs.ScoreMatching([0.0, 1.0]), "abs", True)
    assert program.theorem == "A.6"


@given(problems(activations=("relu",)))
def test_abs_with_skip_at_twice_beta_is_relu_with_skip(problem):
    objective, beta, _, _ = problem
    bounds = cs.beta_bounds(objective, "relu", True)
    beta = max(beta, bounds.minimum)
    relu = cs.solve(objective, beta, "relu", True)
    absolute = cs.solve(objective, 2 * beta, "abs", True)
    scale = value_scale(objective, relu.value)
    assert abs(relu.value - absolute.value) <= 1e-9 * scale
    x = np.linspace(objective.X.min(), objective.X.max(), 50)
    spread = np.abs(relu.network(x)).max() + 1 / np.std(objective.X)
    np.testing.assert_allclose(relu.network(x), absolute.network(x), atol=1e-6 * spread)


@given(problems())
def test_order_and_repetition_and_weights_are_the_same_thing(problem):
    objective, beta, activation, skip = problem
    x, targets = objective.X[:, 0], objective.targets[:, 0]
    counts = np.random.default_rng(0).integers(1, 4, len(x))
    order = np.random.default_rng(1).permutation(counts.sum())
    repeated, labels = np.repeat(x, counts)[order], np.repeat(targets, counts)[order]
    if objective.has_trace:
        weighted, flat = cs.ScoreMatching(x, counts.astype(float)), cs.ScoreMatching(repeated)
    else:
        weighted = cs.DenoisingScoreMatching(x, targets, sample_weight=counts.astype(float))
        flat = cs.DenoisingScoreMatching(repeated, labels)
    beta = max(beta, cs.beta_bounds(flat, activation, skip).minimum)
    one, other = (cs.solve(o, beta, activation, skip) for o in (weighted, flat))
    assert one.value == pytest.approx(other.value, rel=1e-8, abs=1e-8 * value_scale(flat, one.value))


@given(problems())
def test_units_of_measurement_do_not_matter(problem):
    objective, beta, activation, skip = problem
    unit = 1024.0
    if objective.has_trace:
        other = cs.ScoreMatching(unit * objective.X, objective.weights)
    else:
        other = cs.DenoisingScoreMatching(
            unit * objective.X, objective.targets / unit, sample_weight=objective.weights
        )
    one = cs.solve(objective, beta, activation, skip)
    two = cs.solve(other, beta, activation, skip)
    assert two.value * unit**2 == pytest.approx(
        one.value, rel=1e-9, abs=1e-9 * value_scale(objective, one.value)
    )


@pytest.mark.parametrize("name", ["random", "tied"])
def test_denoising_without_weight_decay_interpolates_the_mean_labels(name):
    objective = make_objective("dsm", *make_data(name, n=12))
    program = UnivariateProgram.from_objective(objective)
    for activation in ("relu", "abs"):
        for skip in (False, True):
            solution = cs.solve(objective, 0.0, activation, skip)
            np.testing.assert_allclose(solution.network(program.position), program.target, atol=1e-9)
            assert solution.value == pytest.approx(program.scatter, abs=1e-12)
