"""Log-concave scores: the literal statement, the certificate's formula by linear programs, the density.

The reference is the statement in CVXPY with every slope at most zero, solved on data of unit spread: a conic
solver's tolerances are absolute.
"""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

import convexscore as cs
from convexscore.univariate.certificate import certify, largest_correlation
from convexscore.univariate.program import UnivariateProgram
from convexscore.univariate.quadratic import build_dictionary
from convexscore.univariate.statement import state_univariate
from tests.problems import DATA, KINDS, make_beta, make_data, make_objective, value_scale

TIGHT = {"tol_gap_abs": 1e-11, "tol_gap_rel": 1e-11, "tol_feas": 1e-11}
NETWORKS = [(activation, skip) for activation in ("relu", "abs") for skip in (False, True)]

every_program = pytest.mark.parametrize(("name", "activation", "skip"), KINDS)


@st.composite
def samples(draw, max_size=13):
    """Draw points (a coarse grid makes ties), weights or None, a share of the linear regime, a generator."""
    size, rng = draw(st.integers(2, max_size)), np.random.default_rng(draw(st.integers(0, 10**6)))
    largest, grid = draw(st.sampled_from([(3, 1.0), (12, 0.5), (300, 0.01)]))
    points = grid * rng.integers(-largest, largest + 1, size)
    assume(np.ptp(points) > 0)
    points = points * draw(st.sampled_from([1e-3, 1.0, 1e3]))
    weights = rng.integers(1, 9, size) / 4 if draw(st.booleans()) else None
    return points, weights, draw(st.sampled_from([0.02, 0.1, 0.3, 0.6, 0.9, 1.2])), rng


def any_objective(name, x, weights, rng):
    """Score matching, or denoising whose labels rise, fall or do neither."""
    if name == "sm":
        return cs.ScoreMatching(x, weights)
    trend = rng.choice([-2.0, 0.0, 1.0]) * (x - x.mean()) / x.var()
    noise = rng.choice([0.1, 1.0, 5.0]) * rng.standard_normal(x.size) / x.std()
    return cs.DenoisingScoreMatching(x, trend + noise, sample_weight=weights)


def standardized(objective):
    """The same program for data of unit spread that begin at zero; its objective is ``unit^2`` larger."""
    unit = np.std(objective.X)
    x = (objective.X - objective.X.min()) / unit
    if objective.has_trace:
        return cs.ScoreMatching(x, objective.sample_weight), unit
    other = cs.DenoisingScoreMatching(x, unit * objective.targets, sample_weight=objective.sample_weight)
    return other, unit


def literal_value(objective, beta, activation, skip):
    statement = state_univariate(objective, beta, activation, skip, shape="log-concave")
    value = statement.problem.solve(solver="CLARABEL", **TIGHT)
    # A conic solver that gives up close to a bound says nothing about ours.
    assume(statement.problem.status != "optimal_inaccurate")
    assert statement.problem.status == "optimal"
    return value


def is_falling(network):
    return bool((network.piecewise.slopes <= 0).all())


@every_program
@pytest.mark.filterwarnings("ignore:Solution may be inaccurate")
@settings(max_examples=15)
@given(data=samples())
def test_solve_agrees_with_the_literal_statement(name, activation, skip, data):
    x, weights, share, rng = data
    objective = any_objective(name, x, weights, rng)
    beta = make_beta(objective, activation, skip, share)
    assume(beta > 0)
    solution = cs.solve(objective, beta, activation, skip, shape="log-concave")
    standard, unit = standardized(objective)
    reference = literal_value(standard, beta, activation, skip)
    scale = value_scale(standard, reference)
    certificate = solution.certificate
    assert solution.status == "optimal"
    assert is_falling(solution.network)
    assert abs(unit**2 * solution.value - reference) <= 1e-7 * scale
    assert abs(unit**2 * certificate.gap) <= 1e-8 * scale
    assert unit**2 * certificate.dual <= reference + 1e-8 * scale
    assert certificate.scope == "global"
    assert unit**2 * solution.network.loss(objective, beta) == pytest.approx(
        unit**2 * solution.value, abs=1e-10 * scale
    )


@pytest.mark.parametrize("data", DATA)
@every_program
def test_the_constraint_costs_something_only_where_it_is_active(name, activation, skip, data):
    objective = make_objective(name, *make_data(data, n=40))
    for share in (0.05, 0.3, 0.7, 1.1):
        beta = make_beta(objective, activation, skip, share)
        free = cs.solve(objective, beta, activation, skip)
        falling = cs.solve(objective, beta, activation, skip, shape="log-concave")
        scale = value_scale(objective, free.value)
        assert falling.status == "optimal"
        assert abs(falling.certificate.gap) <= 1e-9 * scale
        assert is_falling(falling.network)
        x = objective.X[:, 0]
        if is_falling(free.network):
            assert abs(falling.value - free.value) <= 1e-10 * scale
            np.testing.assert_allclose(falling.network(x), free.network(x), atol=1e-8 / np.std(x))
        else:
            assert falling.value >= free.value - 1e-10 * scale
        # On the range of the data a rising piece is never free of cost to remove.
        if not is_falling_between(free.network, x.min(), x.max()):
            assert falling.value > free.value + 1e-8 * scale


@pytest.mark.parametrize("data", ["random", "tied", "clustered"])
@every_program
def test_many_kinks_and_flat_pieces_are_found(name, activation, skip, data):
    # Near the boundedness bound, where flat pieces are released and pairs of kinks go into them.
    for seed in (1, 4, 12):
        x = make_data(data, n=40, seed=seed)[0]
        objective = any_objective(name, x, None, np.random.default_rng(seed))
        beta = make_beta(objective, activation, skip, 0.02)
        solution = cs.solve(objective, beta, activation, skip, shape="log-concave")
        assert solution.status == "optimal"
        assert is_falling(solution.network)


def is_falling_between(network, low, high):
    score = network.piecewise
    piece = np.searchsorted(score.knots, np.linspace(low, high, 2001)[1:-1])
    return bool((score.slopes[piece] <= 1e-6 * np.abs(score.slopes).max()).all())


@pytest.mark.parametrize("data", DATA)
@every_program
def test_the_density_is_log_concave_where_it_exists(name, activation, skip, data):
    objective = make_objective(name, *make_data(data, n=40))
    beta = make_beta(objective, activation, skip, 0.3)
    network = cs.solve(objective, beta, activation, skip, shape="log-concave").network
    ends = np.array([-1e6, 1e6])
    if network(ends)[0] > 0 > network(ends)[1]:
        density = cs.ScoreDensity(network)
        assert density.is_log_concave
        inside = np.linspace(objective.X.min(), objective.X.max(), 300)
        assert (np.diff(density.logpdf(inside), 2) <= 1e-12 * np.abs(density.logpdf(inside)).max()).all()
    else:
        # Only heavy shrinkage without skip, or denoising labels that do not fall, leave no density.
        assert name == "dsm" or not skip


def test_a_network_of_two_modes_becomes_one_of_one_mode():
    x = np.concatenate([np.linspace(-4, -2, 15), np.linspace(2, 4, 15)])
    for activation, skip in NETWORKS:
        beta = 1.3 * cs.beta_bounds(cs.ScoreMatching(x), activation, skip).minimum
        free = cs.solve(cs.ScoreMatching(x), beta, activation, skip)
        falling = cs.solve(cs.ScoreMatching(x), beta, activation, skip, shape="log-concave")
        density = cs.ScoreDensity(falling.network)
        middle, mode = density.pdf(0.0), density.pdf(3.0)
        assert not is_falling(free.network)
        assert middle >= mode * (1 - 1e-9)
        assert falling.value > free.value + 1


def smallest_beta(program, residual):
    """Minimize beta over multipliers of the slopes with which every atom's correlation is at most beta.

    One multiplier for every piece of the line, beyond the data too; None if bias or skip rule out any.
    """
    atoms = build_dictionary(program)
    t = program.position
    inside = np.concatenate([[t[0] - 1], 0.5 * (t[1:] + t[:-1]), [t[-1] + 1]])
    pre = atoms.side * (inside[:, None] - t[atoms.where])
    left = -1.0 if program.activation == "abs" else 0.0
    slopes = atoms.side * np.where(pre > 0, 1.0, left)
    correlation = atoms.values.T @ (program.mass * residual) + atoms.trace
    ones = np.ones((correlation.size, 1))
    kappa = program.mass @ (program.position * residual) + program.trace_total
    result = linprog(
        np.append(np.zeros(inside.size), 1.0),
        A_ub=np.block([[slopes.T, -ones], [-slopes.T, -ones]]),
        b_ub=np.concatenate([-correlation, correlation]),
        A_eq=np.append(np.ones(inside.size), 0.0)[None] if program.skip else None,
        b_eq=[-kappa] if program.skip else None,
    )
    if result.status == 2:
        return None
    assert result.status == 0
    return result.fun


@pytest.mark.parametrize(("activation", "skip"), NETWORKS)
@settings(max_examples=40)
@given(seed=st.integers(0, 10**6), size=st.integers(2, 7), has_trace=st.booleans(), lean=st.floats(-3, 3))
def test_a_falling_function_between_the_bounds_exists_as_the_formula_says(
    activation, skip, seed, size, has_trace, lean
):
    rng = np.random.default_rng(seed)
    x, mass = np.sort(rng.choice(np.arange(10.0), size, replace=False)), rng.integers(1, 5, size) / 2
    program = UnivariateProgram(x, mass, np.zeros(size), 0.0, has_trace, activation, skip)
    residual = rng.standard_normal(size)
    residual -= np.average(residual, weights=mass)
    # All values of kappa, zero included, of either sign.
    moment = program.total * program.variance
    kappa = np.round(lean) * program.total / 2
    residual += (kappa - program.correlation(residual)[2]) / moment * program.centred
    found = smallest_beta(program, residual)
    if skip and kappa > 1e-9:
        assert found is None
    else:
        assert largest_correlation(program, residual, "log-concave") == pytest.approx(found, abs=1e-7)


def perturbed(network, size, unit, skip, rng):
    """The network with all its parameters changed by about this share; it need not fall any more."""
    arrays = [
        array + size * rng.standard_normal(array.shape) * np.abs(array)
        for array in (network.W1, network.b1, network.W2)
    ]
    b2 = network.b2 + size * rng.standard_normal(1) / unit
    V = network.V + size * rng.standard_normal((1, 1)) / unit**2 if skip else None
    return cs.TwoLayerNetwork(
        *arrays, b2, V, activation=network.activation, right_derivative=network.right_derivative
    )


@every_program
@settings(max_examples=20)
@given(data=samples())
def test_the_dual_value_of_any_network_is_below_the_optimum(name, activation, skip, data):
    x, weights, share, rng = data
    objective = any_objective(name, x, weights, rng)
    beta = make_beta(objective, activation, skip, share)
    solution = cs.solve(objective, beta, activation, skip, shape="log-concave")
    scale = value_scale(objective, solution.value)
    program = UnivariateProgram.from_objective(objective, activation, skip)
    assume(abs(solution.certificate.gap) <= 1e-10 * scale)
    for size in (1e-6, 1e-3, 0.1, 1.0):
        other = perturbed(solution.network, size, np.std(x), skip, rng)
        certificate = certify(program, other, beta, "log-concave")
        assert certificate.dual <= solution.value + 1e-9 * scale
        if is_falling(other):
            assert certificate.primal >= solution.value - 1e-9 * scale
        else:
            # A network that breaks the constraint is found out, whatever its value.
            moment = program.total * program.variance
            assert certificate.max_violation >= other.piecewise.slopes.max() * moment * (1 - 1e-12)


@pytest.mark.parametrize("data", ["random", "tied", "weighted"])
@every_program
def test_the_bound_of_a_nearly_optimal_network_is_nearly_sharp(name, activation, skip, data):
    # The constraint's multiplier counts in what is moved until it is feasible, too.
    rng = np.random.default_rng(0)
    objective = any_objective(name, *make_data(data, n=12), rng)
    beta = make_beta(objective, activation, skip, 0.3)
    solution = cs.solve(objective, beta, activation, skip, shape="log-concave")
    program = UnivariateProgram.from_objective(objective, activation, skip)
    nearly = perturbed(solution.network, 1e-7, np.std(objective.X), skip, rng)
    certificate = certify(program, nearly, beta, "log-concave")
    assert certificate.max_violation > 0
    # Its own value may be far above: kinks next to data do not count their favourable slopes.
    assert solution.value - certificate.dual <= 1e-4 * value_scale(objective, solution.value)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"shape": "convex"}, "shape: expected one of 'log-concave', got 'convex'"),
        (
            {"shape": "log-concave", "solver": "clarabel"},
            "solver: expected 'auto' or 'active_set' for shape='log-concave', got 'clarabel'",
        ),
        ({"shape": "log-concave", "solver": "closed_form"}, "solver: expected 'auto' or 'active_set'"),
        ({"shape": "log-concave", "refit": True}, "refit: expected False with shape='log-concave'"),
    ],
)
def test_bad_arguments_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        cs.solve(cs.ScoreMatching([0.0, 1.0, 3.0]), 3.0, **arguments)


def test_a_bad_shape_of_the_statement_is_named():
    with pytest.raises(ValueError, match="shape: expected one of 'log-concave', got 'convex'"):
        state_univariate(cs.ScoreMatching([0.0, 1.0, 3.0]), 3.0, shape="convex")
