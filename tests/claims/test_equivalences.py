"""`solve` against the literal statement: all eight programs, any units, any weight decay.

A conic solver's tolerances are absolute, so the statement is solved on data of unit spread.  That is the same
program: for ``x -> (x - shift) / unit`` (and labels ``l -> unit * l``) the score becomes ``unit * s``, every
coefficient ``y`` becomes ``unit^2 y``, and hence the objective ``unit^2`` times itself, at the same beta.
"""

import warnings

import cvxpy as cp
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import convexscore as cs
from convexscore.univariate.certificate import correlation_rounding
from convexscore.univariate.program import UnivariateProgram
from convexscore.univariate.statement import state_univariate
from tests.problems import KINDS, make_beta, make_objective, value_scale
from tests.univariate.literal import literal_correlation

TOL = 1e-8
TIGHT = {"tol_gap_abs": 1e-11, "tol_gap_rel": 1e-11, "tol_feas": 1e-11}
UNITS = st.sampled_from([1e-6, 1e-3, 1.0, 1e3, 1e6])
SHARES = st.sampled_from([0.02, 0.1, 0.3, 0.6, 0.9, 1.0, 1.2])

every_program = pytest.mark.parametrize(("name", "activation", "skip"), KINDS)


@st.composite
def samples(draw, max_size=12):
    """Draw points on a grid (a coarse one makes ties), weights or None, and a seed for the labels."""
    size, seed = draw(st.integers(2, max_size)), draw(st.integers(0, 10**6))
    largest, grid = draw(st.sampled_from([(3, 1.0), (12, 0.5), (300, 0.01)]))
    rng = np.random.default_rng(seed)
    points = rng.integers(-largest, largest + 1, size)
    assume(np.ptp(points) > 0)
    weights = rng.integers(1, 9, size) / 4 if draw(st.booleans()) else None
    return grid * points, weights, seed


@st.composite
def spaced(draw, smallest, largest):
    """Draw points whose spacings are powers of ten between two exponents, weights or None, and a seed."""
    size, seed = draw(st.integers(3, 8)), draw(st.integers(0, 10**6))
    rng = np.random.default_rng(seed)
    # Multiples of 2^-40 below 2^13: moving them by another such multiple is exact.
    gaps = np.ceil(10.0 ** rng.uniform(smallest, largest, size - 1) * 2.0**40)
    points = np.append(0.0, np.cumsum(gaps)) / 2.0**40
    return points, rng.uniform(0.3, 3.0, size) if draw(st.booleans()) else None, seed


def moved(objective, shift=0.0, unit=1.0):
    """The same program for the data ``(x - shift) / unit``."""
    x = (objective.X - shift) / unit
    if objective.has_trace:
        return cs.ScoreMatching(x, objective.sample_weight)
    return cs.DenoisingScoreMatching(x, unit * objective.targets, sample_weight=objective.sample_weight)


def statement_bounds(objective, beta, activation, skip):
    """Solve the literal statement; return a lower bound (weak duality) and the value at the point found."""
    statement = state_univariate(objective, beta, activation, skip)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            statement.problem.solve(solver="CLARABEL", **TIGHT)
    except cp.SolverError:
        assume(False)
    # A conic solver that gives up close to a bound says nothing about ours.
    assume(statement.problem.status != "optimal_inaccurate")
    assert statement.problem.status == "optimal"
    y, slope = statement.y.value, statement.V.value if skip else 0.0
    upper = float(statement.problem.objective.value)

    x, w, labels = objective.X[:, 0], objective.weights, objective.targets[:, 0]
    centred = x - np.average(x, weights=w)
    score = literal_atoms(x, activation) @ y + slope * x
    residual = score - labels
    residual -= np.average(residual, weights=w)
    if skip:
        trace = w.sum() if objective.has_trace else 0.0
        residual -= (w @ (centred * residual) + trace) / (w @ centred**2) * centred
    largest = literal_correlation(objective, lambda _: residual + labels, activation, x)
    dual = -0.5 * w @ residual**2 - w @ (labels * residual)
    # Correlations above beta lower the bound in proportion to the coefficients.
    return dual - max(largest - beta, 0.0) * np.abs(y).sum(), upper


def literal_atoms(x, activation):
    """The columns of the statement: two ties, and for ReLU two sides, of every sample."""
    right = x[:, None] - x
    if activation == "abs":
        return np.hstack([np.abs(right)] * 2)
    return np.hstack([np.maximum(right, 0)] * 2 + [np.maximum(-right, 0)] * 2)


def agrees_with_the_statement(objective, beta, activation, skip):
    solution = cs.solve(objective, beta, activation, skip)
    unit = np.std(objective.X)
    standard = moved(objective, objective.X.min(), unit)
    lower, upper = statement_bounds(standard, beta, activation, skip)
    slack = TOL * value_scale(standard, upper)
    assert abs(upper - lower) <= slack, "the reference is not sharp enough"
    assert lower - slack <= unit**2 * solution.value <= upper + slack
    assert abs(unit**2 * solution.certificate.dual - upper) <= slack
    assert solution.status in ("optimal", "closed_form")


@every_program
@settings(max_examples=25)
@given(data=samples(), unit=UNITS, shift=st.floats(-4, 4), share=SHARES)
def test_solve_agrees_with_the_literal_statement(name, activation, skip, data, unit, shift, share):
    x, weights, seed = data
    objective = make_objective(name, unit * (x + shift * np.std(x)), weights, seed)
    beta = make_beta(objective, activation, skip, share)
    agrees_with_the_statement(objective, beta, activation, skip)


@every_program
@settings(max_examples=12)
@given(data=samples(max_size=8), unit=UNITS, low=st.booleans())
def test_solve_agrees_at_the_ends_of_the_bounded_range(name, activation, skip, data, unit, low):
    x, weights, seed = data
    objective = make_objective(name, unit * x, weights, seed)
    bounds = cs.beta_bounds(objective, activation, skip)
    smallest = bounds.minimum * (1 + 1e-6) if objective.has_trace else 1e-6 * bounds.maximum
    agrees_with_the_statement(objective, smallest if low else 10 * bounds.maximum, activation, skip)


@every_program
@settings(max_examples=10)
@given(data=samples(), share=SHARES)
def test_solve_agrees_far_from_the_origin(name, activation, skip, data, share):
    x, weights, seed = data
    # Powers of two keep the points exact next to the mean of a million.
    points = np.round(64 * x / np.std(x)) / 64
    objective = make_objective(name, 1e6 + points, weights, seed)
    beta = make_beta(objective, activation, skip, share)
    agrees_with_the_statement(objective, beta, activation, skip)


@settings(max_examples=10)
@given(beta=st.floats(1.01, 2.5))
def test_a_tie_heavier_than_beta_may_carry_a_line(beta):
    # Below beta = 2 both neurons of the line sit at the tie and count its favourable slope.
    agrees_with_the_statement(cs.ScoreMatching([0.0, 1.0, 1.0, 2.0]), beta, "relu", False)


def is_certified(objective, solution, activation, skip):
    """Check what a status promises about the certificate; return whether it promises optimality."""
    if solution.status == "inaccurate":
        return False
    certificate, beta = solution.certificate, solution.beta
    # The parts of the value may cancel: the gap is measured against their sizes.
    network, weights = solution.network, objective.weights
    parts = 0.5 * float(weights @ (network(objective.X[:, 0]) - objective.targets[:, 0]) ** 2)
    parts += beta * network.weight_decay()
    if objective.has_trace:
        parts += abs(float(weights @ network.divergence(objective.X)))
    size = max(0.1 * parts, value_scale(objective, certificate.primal))
    assert abs(certificate.gap) <= TOL * size
    program = UnivariateProgram.from_objective(objective, activation, skip)
    label_square = float(program.mass @ program.target**2)
    size = max(beta, program.trace_total, np.sqrt(program.total * program.variance * label_square))
    rounding = correlation_rounding(program, solution.network, beta)
    assert certificate.max_violation <= TOL * size + rounding
    return True


def solve_with_warnings(objective, beta, activation, skip):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        solution = cs.solve(objective, beta, activation, skip)
    assert all(issubclass(w.category, cs.ConvergenceWarning) for w in caught)
    assert (solution.status == "inaccurate") == (len(caught) == 1)
    return solution


def same_wherever_the_data_begin(name, activation, skip, data, share, where):
    """Compare data that begin at zero and the same data moved; return whether both are certified."""
    x, weights, seed = data
    at_zero = make_objective(name, x, weights, seed)
    elsewhere = moved(at_zero, np.round(where * x[-1] * 2.0**40) / 2.0**40)
    assert (np.diff(elsewhere.X[:, 0]) == np.diff(x)).all()
    beta = make_beta(at_zero, activation, skip, share)
    one = solve_with_warnings(at_zero, beta, activation, skip)
    other = solve_with_warnings(elsewhere, beta, activation, skip)
    if not is_certified(at_zero, one, activation, skip):
        return False
    if not is_certified(elsewhere, other, activation, skip):
        return False
    assert abs(one.value - other.value) <= TOL * value_scale(at_zero, one.value)
    return True


@every_program
@settings(max_examples=25)
@given(data=spaced(-2, 3), share=SHARES, where=st.floats(0, 1))
def test_spacings_of_five_orders_of_magnitude_are_certified(name, activation, skip, data, share, where):
    assert same_wherever_the_data_begin(name, activation, skip, data, share, where)


@every_program
@settings(max_examples=25)
@given(data=spaced(-12, 3), share=SHARES, where=st.floats(0, 1))
def test_spacings_of_fifteen_orders_are_certified_or_reported(name, activation, skip, data, share, where):
    # Neurons whose slopes differ by 1e24 cancel on most of the data: then the status must say so.
    same_wherever_the_data_begin(name, activation, skip, data, share, where)


@every_program
@settings(max_examples=20)
@given(data=samples(), unit=UNITS, shares=st.lists(st.just(0.0) | st.floats(1e-6, 1), min_size=3, max_size=3))
def test_the_path_passes_through_independent_solutions(name, activation, skip, data, unit, shares):
    x, weights, seed = data
    objective = make_objective(name, unit * x, weights, seed)
    path = cs.regularization_path(objective, activation, skip)
    for share in shares:
        beta = float(path.betas[-1] + share * (1.2 * path.betas[0] - path.betas[-1]))
        value = cs.solve(objective, beta, activation, skip).value
        assert abs(path.solution(beta).value - value) <= TOL * value_scale(objective, value)


@pytest.mark.parametrize("skip", [False, True])
@pytest.mark.parametrize("activation", ["relu", "abs"])
@settings(max_examples=20)
@given(data=samples(max_size=8), exponent=st.integers(-14, -2))
def test_a_denoising_path_holds_down_to_no_weight_decay(activation, skip, data, exponent):
    x, weights, seed = data
    objective = make_objective("dsm", x, weights, seed)
    path = cs.regularization_path(objective, activation, skip, beta_min=0.0, max_pieces=200)
    beta = 10.0**exponent * path.betas[0]
    value = cs.solve(objective, beta, activation, skip).value
    assert abs(path.solution(beta).value - value) <= TOL * value_scale(objective, value)
