"""The front door: arguments, solvers, statuses."""

import numpy as np
import pytest

import convexscore as cs
from convexscore.families import FAMILIES

DATA = [0.0, 1.0, 1.0, 3.0]


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"beta": -1}, ValueError, "beta: expected a number at least 0, got -1"),
        ({"beta": float("nan")}, ValueError, "beta: expected a finite number, got nan"),
        ({"beta": "big"}, ValueError, "beta: expected one of 'auto', got 'big'"),
        ({"beta": [1.0, 2.0]}, TypeError, "beta: expected a number"),
        ({"beta": True}, TypeError, "beta: expected a number, got True"),
        ({"beta": 3, "activation": "tanh"}, ValueError, "'relu', 'abs', got 'tanh'; .*docs/own_parts.md"),
        ({"beta": 3, "skip": "yes"}, TypeError, "skip: expected True or False, got 'yes'"),
        (
            {"beta": 3, "solver": "simplex"},
            ValueError,
            "'auto', .* got 'simplex'; `univariate_program` gives",
        ),
        ({"beta": 3, "tol": 0.0}, ValueError, "tol: expected a number above 0"),
        ({"beta": 2.1, "depth": 7}, TypeError, "solver_options: solver 'active_set' does not know depth"),
        (
            {"beta": 9, "depth": 7, "solver": "closed_form"},
            TypeError,
            "solver_options: solver 'closed_form' does not know depth",
        ),
        ({"beta": 3, "solver": "clarabel", "depth": 7}, TypeError, "settings of Clarabel, got 'depth'"),
        ({"beta": 3, "solver": "osqp", "depth": 7}, TypeError, "settings of OSQP, got depth"),
        ({"beta": 3, "solver": "cvxpy", "cvxpy_solver": "X"}, ValueError, "cvxpy_solver: expected one of"),
        ({"beta": 3, "solver": "active_set", "max_iterations": 0}, ValueError, "max_iterations: expected"),
        (
            {"beta": 2.1, "solver": "closed_form"},
            ValueError,
            "beta: expected at least .* solver=.closed_form",
        ),
    ],
)
def test_bad_arguments_are_named(arguments, error, message):
    with pytest.raises(error, match=message):
        cs.solve(cs.ScoreMatching(DATA), **arguments)


def test_data_that_do_not_fit_are_named():
    with pytest.raises(ValueError, match=r"X: expected at least two distinct values, got 1 sample"):
        cs.solve(cs.ScoreMatching([2.0]), 1.0)
    with pytest.raises(ValueError, match=r"X: expected at least two distinct values, got 3 .* all equal"):
        cs.solve(cs.ScoreMatching([2.0, 2.0, 2.0]), 1.0)
    with pytest.raises(ValueError, match="objective: expected data with 1 feature, got 2"):
        cs.regularization_path(cs.ScoreMatching(np.ones((3, 2))))


@pytest.mark.parametrize(("solver", "options"), [("clarabel", {"max_iter": 1}), ("osqp", {"max_iter": 1})])
def test_a_bad_solver_status_is_an_error_and_never_a_number(solver, options):
    objective = cs.ScoreMatching(cs.datasets.load_galaxies().data)
    with pytest.raises(cs.SolverError, match=r"stopped with status .*(iter|Iter)"):
        cs.solve(objective, 5.0, solver=solver, **options)


def test_a_bad_status_through_cvxpy_is_an_error():
    objective = cs.ScoreMatching(cs.datasets.load_galaxies().data)
    with pytest.raises(cs.SolverError, match="CVXPY with CLARABEL"):
        cs.solve(objective, 5.0, solver="cvxpy", max_iter=1)


def test_auto_takes_the_closed_form_where_there_is_one():
    objective = cs.ScoreMatching(DATA)
    assert cs.solve(objective, 4.0).status == "closed_form"
    assert cs.solve(objective, 4.0).stats.solver == "closed_form"
    assert cs.solve(objective, 2.1).status == "optimal"
    assert cs.solve(objective, 2.1).stats.solver == "active_set"


def test_solutions_describe_themselves():
    solution = cs.solve(cs.ScoreMatching(DATA), 3.0)
    assert "scope global" in str(solution)
    assert solution.beta == 3.0
    assert solution.stats.n_atoms == 12
    assert solution.stats.solver_value is None
    assert solution.stats.seconds > 0


def test_data_of_one_column_and_of_one_axis_are_the_same():
    flat, column = cs.ScoreMatching(DATA), cs.ScoreMatching(np.array(DATA)[:, None])
    assert cs.solve(flat, 3.0).value == cs.solve(column, 3.0).value


@pytest.mark.parametrize("solver", ["auto", *(name for name in FAMILIES[1].solvers if name != "closed_form")])
def test_old_faithful_has_one_value_whatever_the_solver(solver):
    objective = cs.ScoreMatching(cs.datasets.load_old_faithful()["eruptions"])
    options = {"tol": 1e-7} if solver == "osqp" else {}
    solution = cs.solve(objective, 20.0, skip=True, solver=solver, **options)
    assert solution.value == pytest.approx(-981.8441948196, rel=1e-10)
    assert solution.certificate.gap < 1e-8
