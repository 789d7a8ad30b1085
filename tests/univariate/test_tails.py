"""Scores that have a density: the literal statement with bounded slopes, multipliers by linear programs.

The reference is the statement in CVXPY, on data of unit spread: a conic solver's tolerances are absolute.
"""

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

import convexscore as cs
from convexscore.univariate.certificate import certify, largest_correlation
from convexscore.univariate.integrable import _Search
from convexscore.univariate.program import UnivariateProgram
from convexscore.univariate.quadratic import build_dictionary
from convexscore.univariate.solvers.active_set import solve_active_set
from convexscore.univariate.solvers.log_concave_active_set import solve_log_concave
from convexscore.univariate.spline import SplineProblem
from convexscore.univariate.statement import state_univariate
from convexscore.univariate.tails import TailProblem, tail_multipliers
from tests.problems import KINDS, make_beta

TIGHT = {"tol_gap_abs": 1e-11, "tol_gap_rel": 1e-11, "tol_feas": 1e-11}
NETWORKS = [(activation, skip) for activation in ("relu", "abs") for skip in (False, True)]
SHARES = (0.02, 0.1, 0.3, 0.6, 0.9, 1.2, 3.0)

every_program = pytest.mark.parametrize(("name", "activation", "skip"), KINDS)


def draw(name, seed):
    """Return an objective of unit spread: ties, far points, weights, labels that rise or lie to one side."""
    rng = np.random.default_rng([seed, 7])
    size = int(rng.integers(2, 12))
    points = (
        rng.integers(-4, 5, size).astype(float),
        rng.standard_normal(size),
        rng.exponential(1, size) ** 2,
    )
    x = points[rng.integers(3)]
    x[-1] = x[0] + 1 if np.ptp(x) == 0 else x[-1]
    x = (x - x.mean()) / x.std()
    weights = rng.integers(1, 9, size) / 4 if rng.random() < 0.5 else None
    if name == "sm":
        return cs.ScoreMatching(x, weights), rng
    noise = rng.choice([0.1, 1.0, 5.0]) * rng.standard_normal(size)
    labels = rng.choice([-2.0, 0.0, 1.0]) * x + noise + rng.choice([-3.0, 0.0, 3.0])
    return cs.DenoisingScoreMatching(x, labels, sample_weight=weights), rng


def solved_literally(objective, beta, activation, skip, shape, tails):
    """Return the value of the statement; None where the conic solver gives up, which says nothing of ours."""
    import cvxpy

    statement = state_univariate(objective, beta, activation, skip, shape, tails)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Solution may be inaccurate")
            value = statement.problem.solve(solver="CLARABEL", **TIGHT)
    except cvxpy.error.SolverError:
        return None
    return value if statement.problem.status == "optimal" else None


def check_against_the_statement(name, activation, skip, shape, seed):
    """Solve, compare, and return which bounds are steep; None where no score has a density."""
    objective, rng = draw(name, seed)
    beta = make_beta(objective, activation, skip, rng.choice(SHARES))
    if beta <= 0:
        return None
    try:
        solution = cs.solve(objective, beta, activation, skip, shape=shape, tails="integrable")
    except cs.NotNormalizableError:
        assert activation == "abs"
        assert not skip
        return None
    certificate, score = solution.certificate, solution.network.piecewise
    reference = solved_literally(objective, beta, activation, skip, shape, solution.tails)
    scale = certificate.value_scale
    assert solution.status in ("optimal", "closed_form")
    assert certificate.scope == "global"
    assert abs(certificate.gap) <= 1e-9 * scale
    if reference is not None:
        assert abs(solution.value - reference) <= 1e-7 * scale
        assert certificate.dual <= reference + 1e-7 * scale
    assert solution.network.loss(objective, beta) == pytest.approx(solution.value, abs=1e-9 * scale)
    assert score.failing_tails == ()
    excess = score.slopes[[0, -1]] - solution.tails
    assert excess.max() <= 1e-12 * np.abs(score.slopes).max()
    x, weights = objective.X[:, 0], objective.weights
    variance = np.average((x - np.average(x, weights=weights)) ** 2, weights=weights)
    steep = np.array(solution.tails) != 0
    np.testing.assert_allclose(np.array(solution.tails)[steep], -1 / variance, rtol=1e-12)
    outside = (solution.network.kinks < x.min()) | (solution.network.kinks > x.max())
    assert not outside.any()
    return tuple(steep)


@every_program
def test_solve_agrees_with_the_literal_statement(name, activation, skip):
    found = {check_against_the_statement(name, activation, skip, None, seed) for seed in range(27)}
    # Both kinds of bounds occur where they can.
    assert (False, False) in found
    if name == "dsm" and (activation == "relu" or skip):
        assert {(True, False), (False, True)} & found


@pytest.mark.parametrize(("name", "activation", "skip"), [kind for kind in KINDS if kind[0] == "dsm"])
def test_log_concave_scores_agree_with_the_literal_statement(name, activation, skip):
    found = {check_against_the_statement(name, activation, skip, "log-concave", seed) for seed in range(20)}
    if activation == "relu" or skip:
        assert {(True, False), (False, True)} & found


@pytest.mark.parametrize("shape", [None, "log-concave"])
@every_program
def test_any_bounds_agree_with_the_literal_statement(name, activation, skip, shape):
    # Both tails held, or one of them, at zero or steeper; and what is left of a line then.
    held = set()
    for seed in range(30 if shape is None else 10):
        objective, rng = draw(name, 1000 + seed)
        beta = make_beta(objective, activation, skip, rng.choice(SHARES))
        bounds = [(0.0, 0.0), (0.0, -1.0), (-1.0, 0.0), (-1.0, -1.0)][rng.integers(4)]
        if beta <= 0 or (activation == "abs" and not skip and any(bounds)):
            continue
        program = UnivariateProgram.from_objective(objective, activation, skip)
        problem = SplineProblem(program, beta)
        solver = solve_active_set if shape is None else solve_log_concave
        found = _Search(problem, solver(problem).spline, shape, 500).best(bounds)
        reference = solved_literally(objective, beta, activation, skip, shape, bounds)
        assert found.certificate.meets(1e-8)
        if reference is not None:
            scale = found.certificate.value_scale
            assert abs(found.certificate.primal - reference) <= 1e-7 * scale
        held.add(tuple(slope is not None for slope in found.problem.held))
    if shape is None:
        assert (True, True) in held
        assert (activation == "abs" and not skip) or {(True, False), (False, True)} & held


def test_tails_of_different_slopes_keep_a_kink():
    problem = SplineProblem(UnivariateProgram.from_objective(cs.ScoreMatching([0.0, 1.0, 3.0])), 2.0)
    for held, sign in (((0.0, -1.0), -1.0), ((-1.0, 0.0), 1.0)):
        tails = TailProblem(problem, held)
        kinks, signs = tails.without(np.array([1, 2]), np.array([1.0, 1.0]), np.array([True, True]))
        assert (kinks.tolist(), signs.tolist()) == ([1], [sign])
        assert tails.start()[1].tolist() == [sign]
        result = solve_active_set(tails)
        slopes = tails.slopes(result.spline.kinks, result.spline.values)
        assert result.violation <= 1e-12
        np.testing.assert_allclose(slopes[[0, -1]], held, atol=1e-12)
    assert TailProblem(problem, (-1.0, -1.0)).start()[0].size == 0


def test_a_constant_score_gets_steep_tails_where_it_points_outward():
    x = np.array([0.0, 1.0, 3.0])
    zero = cs.solve(x, 50.0, tails="integrable")
    np.testing.assert_allclose(zero.tails, [-1 / x.var()] * 2)
    for labels, steep in (([3.0, 4.0, 5.0], 1), ([-5.0, -4.0, -3.0], 0)):
        objective = cs.DenoisingScoreMatching(x, labels)
        for shape in (None, "log-concave"):
            tails = cs.solve(objective, 0.5, tails="integrable", shape=shape).tails
            assert tails[1 - steep] == 0
            assert tails[steep] == pytest.approx(-1 / x.var())
    with pytest.raises(
        cs.NotNormalizableError, match="tails: expected a smaller weight decay, a skip connection"
    ):
        cs.solve(x, 50.0, "abs", tails="integrable")


@every_program
def test_an_optimum_that_obeys_is_returned_unchanged(name, activation, skip):
    x = np.random.default_rng(0).standard_normal(40)
    objective = cs.ScoreMatching(x) if name == "sm" else cs.DenoisingScoreMatching(x, -x)
    beta = make_beta(objective, activation, skip, 0.8) or 0.5
    plain = cs.solve(objective, beta, activation, skip)
    assert plain.network.piecewise.failing_tails == ()
    bounded = cs.solve(objective, beta, activation, skip, tails="integrable")
    for array in ("W1", "b1", "W2", "b2", "V"):
        np.testing.assert_array_equal(getattr(bounded.network, array), getattr(plain.network, array))
    assert (bounded.status, bounded.value, bounded.theorem) == (plain.status, plain.value, plain.theorem)
    assert (plain.tails, bounded.tails) == (None, (0.0, 0.0))


@pytest.mark.parametrize(("activation", "skip"), NETWORKS)
def test_a_held_tail_bends_exactly_at_the_end_of_the_data(activation, skip):
    x = np.random.default_rng(3).lognormal(0, 1, 200)
    x = np.concatenate([x, [x.max(), x.max()]])
    beta = 60.0 if (activation, skip) == ("abs", True) else 30.0
    plain = cs.solve(x, beta, activation, skip)
    bounded = cs.solve(x, beta, activation, skip, tails="integrable")
    assert plain.network.piecewise.failing_tails == ("right",)
    assert bounded.network.piecewise.slopes[-1] == 0
    assert bounded.network.kinks[-1] == x.max()
    assert bounded.value > plain.value + 0.5
    assert bounded.theorem is None
    assert "outer slopes at most 0 and 0" in str(bounded)
    # The ties at the end count the slope inside, or that of the tail where it is smaller.
    slope = bounded.network.divergence([x.max()])[0]
    assert slope == pytest.approx(min(bounded.network.piecewise.slopes[-2:]), abs=1e-12)


@pytest.mark.parametrize("beta", [0.0, 1e-3])
@pytest.mark.parametrize(("activation", "skip"), NETWORKS)
def test_little_weight_decay_interpolates_within_the_bounds(activation, skip, beta):
    x = np.arange(4.0)
    objective = cs.DenoisingScoreMatching(x, [3.0, 1.0, -2.0, -1.0])
    solution = cs.solve(objective, beta, activation, skip, tails="integrable")
    assert solution.status == "optimal"
    assert solution.network.piecewise.failing_tails == ()
    np.testing.assert_allclose(solution.network(x), objective.targets[:, 0], atol=40 * beta + 1e-12)


def atoms_and_slopes(program):
    """Return the atoms, their correlations with any residual as a function, and their two outer slopes."""
    atoms = build_dictionary(program)
    even = program.activation == "abs"
    first = np.where(atoms.side > 0, -1.0 if even else 0.0, -1.0)
    last = np.where(atoms.side > 0, 1.0, 0.0)
    return atoms, np.stack([first, last])


def residual_of(program, rng, kappa):
    """Return a balanced residual with this ``kappa``."""
    residual = rng.standard_normal(program.position.size)
    residual -= np.average(residual, weights=program.mass)
    moment = program.total * program.variance
    return residual + (kappa - program.correlation(residual)[2]) / moment * program.centred


def program_of(seed, size, has_trace, activation, skip):
    rng = np.random.default_rng(seed)
    x, mass = np.sort(rng.choice(np.arange(10.0), size, replace=False)), rng.integers(1, 5, size) / 2
    return UnivariateProgram(x, mass, np.zeros(size), 0.0, has_trace, activation, skip), rng


@pytest.mark.parametrize(("activation", "skip"), NETWORKS)
@settings(max_examples=40)
@given(seed=st.integers(0, 10**6), size=st.integers(2, 7), has_trace=st.booleans(), lean=st.floats(-3, 3))
def test_multipliers_exist_and_are_worth_what_the_formulas_say(activation, skip, seed, size, has_trace, lean):
    program, rng = program_of(seed, size, has_trace, activation, skip)
    residual = residual_of(program, rng, np.round(lean) * program.total / 2)
    correlation = program.correlation(residual)
    kappa = correlation[2]
    atoms, slopes = atoms_and_slopes(program)
    plain = atoms.values.T @ (program.mass * residual) + atoms.trace
    ones = np.ones((plain.size, 1))
    balance = {"A_eq": [[1.0, 1.0, 0.0]], "b_eq": [-kappa]} if skip else {}
    result = linprog(
        [0.0, 0.0, 1.0],
        A_ub=np.block([[slopes.T, -ones], [-slopes.T, -ones]]),
        b_ub=np.concatenate([-plain, plain]),
        **balance,
    )
    if skip and kappa > 1e-9:
        assert result.status == 2
        return
    assert result.status == 0
    smallest = largest_correlation(program, residual, tails=(0.0, 0.0))
    assert smallest == pytest.approx(result.fun, abs=1e-7)
    bounds = (0.0, 0.0) if activation == "abs" and not skip else tuple(-rng.integers(0, 3, 2) / 2)
    beta = smallest + rng.choice([1e-6, 0.1, 2.0])
    worth = linprog(
        bounds,
        A_ub=np.block([[slopes.T], [-slopes.T]]),
        b_ub=np.concatenate([beta - plain, beta + plain]),
        **({"A_eq": [[1.0, 1.0]], "b_eq": [-kappa]} if skip else {}),
    )
    assert worth.status == 0
    multipliers = np.array(tail_multipliers(program, beta, bounds, correlation))
    assert (multipliers >= 0).all()
    assert multipliers @ bounds == pytest.approx(worth.fun, abs=1e-5)
    if any(bounds) and not skip:
        excess = np.abs(plain + multipliers @ slopes).max()
        assert excess <= beta + 1e-9


def perturbed(network, size, rng):
    """The network with all its parameters changed by about this share; it need not obey any more."""
    arrays = [
        array + size * rng.standard_normal(array.shape) * np.abs(array)
        for array in (network.W1, network.b1, network.W2, network.b2, network.V)
    ]
    return cs.TwoLayerNetwork(
        *arrays, activation=network.activation, right_derivative=network.right_derivative
    )


@every_program
def test_the_dual_value_of_any_network_is_below_the_optimum(name, activation, skip):
    for seed in range(12):
        objective, rng = draw(name, seed)
        beta = make_beta(objective, activation, skip, rng.choice(SHARES)) or 0.5
        try:
            solution = cs.solve(objective, beta, activation, skip, tails="integrable")
        except cs.NotNormalizableError:
            continue
        program = UnivariateProgram.from_objective(objective, activation, skip)
        scale = solution.certificate.value_scale
        for size in (1e-6, 1e-2, 1.0):
            other = perturbed(solution.network, size, rng)
            certificate = certify(program, other, beta, tails=solution.tails)
            assert certificate.dual <= solution.value + 1e-9 * scale
            excess = (other.piecewise.slopes[[0, -1]] - solution.tails).max()
            if excess <= 0:
                assert certificate.primal >= solution.value - 1e-9 * scale
            else:
                # A network that breaks the constraint is found out, whatever its value.
                moment = program.total * program.variance
                assert certificate.max_violation >= excess * moment * (1 - 1e-12)


def test_a_worse_optimum_is_not_certified():
    # The optimum for zero at both ends obeys steeper bounds at neither: other bounds are another program.
    x = np.array([0.0, 1.0, 3.0])
    solution = cs.solve(x, 50.0, tails="integrable")
    program = UnivariateProgram.from_objective(cs.ScoreMatching(x))
    assert certify(program, solution.network, 50.0, tails=solution.tails).meets(1e-10)
    assert not certify(program, solution.network, 50.0, tails=(0.0, 0.0)).meets(1e-3)
    zero = cs.solve(x, 50.0).network
    assert certify(program, zero, 50.0, tails=(0.0, 0.0)).meets(1e-10)
    assert not certify(program, zero, 50.0, tails=solution.tails).meets(1e-3)


@pytest.mark.parametrize("length", [-300, -3, 40, 300])
@pytest.mark.parametrize(("activation", "skip"), NETWORKS)
def test_bounds_are_in_the_units_of_the_data(activation, skip, length):
    x = np.round(8 * np.random.default_rng(3).exponential(1, 25) ** 2) / 8
    for beta in (12.0, 26.0):
        try:
            plain = cs.solve(x, beta, activation, skip, tails="integrable")
        except cs.NotNormalizableError:
            continue
        scaled = cs.solve(np.ldexp(x, length), beta, activation, skip, tails="integrable")
        assert scaled.tails == tuple(np.ldexp(plain.tails, -2 * length))
        assert scaled.value == np.ldexp(plain.value, -2 * length)


def test_labels_are_scores_in_the_units_of_the_data():
    x, labels = np.array([0.0, 1.0, 3.0]), np.array([3.0, 4.0, 5.0])
    for unit in (1.0, 7.0, 1e5):
        solution = cs.solve(cs.DenoisingScoreMatching(unit * x, labels), 0.5, tails="integrable")
        assert solution.tails[1] == pytest.approx(-1 / np.var(unit * x))
        assert solution.network.piecewise.slopes[-1] == pytest.approx(-1 / np.var(unit * x))


@pytest.mark.parametrize(("activation", "skip"), NETWORKS)
def test_a_path_has_the_solutions_of_its_weight_decays(activation, skip):
    x = np.random.default_rng(0).lognormal(0, 1, 60)
    objective = cs.ScoreMatching(x)
    betas = [8.0, 15.0, 30.0]
    path = cs.regularization_path(objective, activation, skip, betas=betas, tails="integrable")
    plain = cs.regularization_path(objective, activation, skip, betas=betas)
    assert (path.tails, plain.tails) == ("integrable", None)
    for beta, n_kinks in zip(path.betas, path.n_kinks, strict=True):
        solution, found = cs.solve(objective, beta, activation, skip, tails="integrable"), path.solution(beta)
        assert found.value == pytest.approx(solution.value, rel=1e-12)
        assert (found.tails, found.status) == (solution.tails, "optimal")
        kinks = path.network(beta).kinks
        assert path.network(beta).piecewise.failing_tails == ()
        assert np.sum((kinks > x.min()) & (kinks < x.max())) == n_kinks
    assert any(plain.network(beta).piecewise.failing_tails for beta in betas)


def test_a_path_draws_the_kinks_at_the_ends_of_the_data_too():
    import matplotlib.pyplot as plt

    x = np.random.default_rng(3).lognormal(0, 1, 200)
    path = cs.regularization_path(x, skip=True, betas=[20.0, 30.0], tails="integrable")
    figure, ax = plt.subplots()
    path.plot(ax)
    heights = np.concatenate(
        [[segment[0, 1] for segment in lines.get_segments()] for lines in ax.collections]
    )
    np.testing.assert_allclose(np.sort(heights), path.network(30.0).kinks)
    assert heights.max() == x.max()
    plt.close(figure)


HEAVY = {
    "log-normal": np.random.default_rng(0).lognormal(0, 1, 1000),
    "t": np.random.default_rng(0).standard_t(3, 1000),
    "ties": np.concatenate([np.zeros(400), np.random.default_rng(0).exponential(1, 100)]),
}


@pytest.mark.parametrize("data", HEAVY)
@pytest.mark.parametrize(("activation", "skip"), [("relu", True), ("abs", False)])
@pytest.mark.filterwarnings("ignore:beta. one value:UserWarning")
@pytest.mark.filterwarnings("ignore:X. the score:UserWarning")
def test_the_automatic_choice_never_lacks_a_density(data, activation, skip):
    x = HEAVY[data]
    solution = cs.solve(x, "auto", activation, skip)
    plain = cs.solve(x, solution.beta, activation, skip)
    assert solution.network.piecewise.failing_tails == ()
    assert solution.status == "optimal"
    assert (solution.tails is None) == (plain.network.piecewise.failing_tails == ())
    density = cs.ScoreDensity(solution.network)
    if data != "ties":
        distance = np.abs(density.cdf(np.sort(x)) - (np.arange(x.size) + 0.5) / x.size).max()
        assert distance < 0.05


def test_the_automatic_choice_keeps_other_arguments():
    x = np.random.default_rng(0).lognormal(0, 1, 120)
    solution = cs.solve(x, "auto", skip=True, solver="clarabel", tol=1e-7)
    assert solution.network.piecewise.failing_tails == ()
    few = cs.solve(x, "auto", skip=True, max_iterations=400)
    assert few.value == pytest.approx(solution.value, rel=1e-6)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"tails": "short"}, ValueError, "tails: expected one of 'integrable', got 'short'"),
        ({"refit": True}, ValueError, "refit: expected False with tails='integrable'"),
        ({"solver": "osqp"}, ValueError, "solver: expected 'auto' or 'active_set' for tails='integrable'"),
        ({"solver": "closed_form"}, ValueError, "solver: expected 'auto' or 'active_set' for tails="),
        ({"bias": False}, ValueError, "tails: expected none but for data with one feature"),
        ({"gated": True}, ValueError, "tails: expected none but for data with one feature"),
        ({"beta": 0.5}, cs.UnboundedError, "beta: expected at least 1"),
        ({"objective": np.eye(3)}, ValueError, "tails: expected none but for data with one feature"),
        (
            {"objective": cs.ExpectedDenoising([0.0, 1.0, 3.0], 0.5)},
            ValueError,
            "tails: expected none for expected denoising, got 'integrable'",
        ),
    ],
)
def test_bad_arguments_are_named(arguments, error, message):
    given = {"objective": [0.0, 1.0, 3.0], "beta": 3.0, "tails": "integrable", **arguments}
    with pytest.raises(error, match=message):
        cs.solve(given.pop("objective"), given.pop("beta"), **given)


def test_an_exact_path_is_refused():
    with pytest.raises(ValueError, match="betas: expected weight decays with tails='integrable'"):
        cs.regularization_path([0.0, 1.0, 3.0], tails="integrable")
