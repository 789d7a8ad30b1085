"""Refits: the literal problem with given kinks and signs, its certificate, and what it undoes."""

import cvxpy as cp
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import convexscore as cs
from tests.problems import DATA, KINDS, make_beta, make_data, make_objective, value_scale

TIGHT = {"tol_gap_abs": 1e-12, "tol_gap_rel": 1e-12, "tol_feas": 1e-12}

every_program = pytest.mark.parametrize(("name", "activation", "skip"), KINDS)


@st.composite
def samples(draw, max_size=16):
    """Draw points (a coarse grid makes ties) of any unit and origin, weights or None, and a seed."""
    size, seed = draw(st.integers(2, max_size)), draw(st.integers(0, 10**6))
    largest, grid = draw(st.sampled_from([(3, 1.0), (12, 0.5), (300, 0.01)]))
    rng = np.random.default_rng(seed)
    points = grid * rng.integers(-largest, largest + 1, size)
    assume(np.ptp(points) > 0)
    points = points * draw(st.sampled_from([1e-3, 1.0, 1e3])) + draw(st.sampled_from([0, 5])) * np.std(points)
    weights = rng.integers(1, 9, size) / 4 if draw(st.booleans()) else None
    return points, weights, seed


def selected(objective, network):
    """Return the data positions of the kinks strictly inside the data, and the signs of their jumps."""
    position, score = np.unique(objective.X), network.piecewise
    jumps = np.diff(score.slopes)
    # Two neurons that make a line at one position leave a jump of rounding size.
    there = np.abs(jumps) > 1e-9 * np.abs(score.slopes).max()
    nearest = np.abs(position[:, None] - score.knots[there]).argmin(axis=0)
    inside = (nearest > 0) & (nearest < position.size - 1)
    return position[nearest[inside]], np.sign(jumps[there][inside])


def literal_loss(objective, kinks, line, slope, jumps):
    """The data term of ``line + slope x + sum jumps (x - kinks)_+``; data on a kink count the mean slope.

    Arguments can be numbers or CVXPY variables.
    """
    x, w = objective.X[:, 0], objective.weights
    score, slopes = line + slope * x, slope + np.zeros(x.size)
    if kinks.size:
        score = score + np.maximum(x[:, None] - kinks, 0) @ jumps
        slopes = slopes + (0.5 * (x[:, None] > kinks) + 0.5 * (x[:, None] >= kinks)) @ jumps
    loss = 0.5 * cp.sum_squares(cp.multiply(np.sqrt(w), score - objective.targets[:, 0]))
    return loss + cp.sum(cp.multiply(w, slopes)) if objective.has_trace else loss


def literal_refit(objective, kinks, signs):
    """Solve the literal problem on data of unit spread: a conic solver's tolerances are absolute."""
    start, unit = objective.X.min(), np.std(objective.X)
    x = (objective.X - start) / unit
    if objective.has_trace:
        standard = cs.ScoreMatching(x, objective.sample_weight)
    else:
        labels = unit * objective.targets
        standard = cs.DenoisingScoreMatching(x, labels, sample_weight=objective.sample_weight)
    line, slope = cp.Variable(), cp.Variable()
    jumps = cp.Variable(kinks.size) if kinks.size else np.zeros(0)
    constraints = [cp.multiply(signs, jumps) >= 0] if kinks.size else []
    loss = literal_loss(standard, (kinks - start) / unit, line, slope, jumps)
    problem = cp.Problem(cp.Minimize(loss), constraints)
    value = problem.solve(solver="CLARABEL", **TIGHT)
    assume(problem.status != "optimal_inaccurate")
    assert problem.status == "optimal"
    return value / unit**2


def neutral_loss(objective, network):
    """The data term of a network's function on the data, which the refit starts from."""
    kinks, _ = selected(objective, network)
    first, last = objective.X.min(), objective.X.max()
    ends = np.concatenate([[first], kinks, [last]])
    slopes = np.diff(network(ends)) / np.diff(ends)
    line = network(first) - slopes[0] * first
    return float(literal_loss(objective, kinks, line, slopes[0], np.diff(slopes)).value)


@every_program
@pytest.mark.filterwarnings("ignore:Solution may be inaccurate")
@settings(max_examples=15)
@given(data=samples(), share=st.sampled_from([0.02, 0.1, 0.3, 0.6, 0.9, 1.2]))
def test_a_refit_solves_the_literal_problem(name, activation, skip, data, share):
    objective = make_objective(name, *data)
    beta = make_beta(objective, activation, skip, share)
    training = cs.solve(objective, beta, activation, skip)
    refit = cs.solve(objective, beta, activation, skip, refit=True)
    kinks, signs = selected(objective, training.network)
    reference = literal_refit(objective, kinks, signs)
    scale = value_scale(objective, reference)
    assert abs(refit.value - reference) <= 1e-8 * scale
    assert abs(objective.loss(refit.network) - refit.value) <= 1e-11 * scale
    assert refit.certificate.primal == refit.value
    assert refit.certificate.dual <= reference + 1e-9 * scale
    assert refit.certificate.gap == refit.certificate.primal - refit.certificate.dual

    # The training solution is one candidate of the refit, and all of them have its kinks and signs.
    assert refit.value <= neutral_loss(objective, training.network) + 1e-10 * scale
    if name == "dsm":
        assert refit.value <= objective.loss(training.network) + 1e-10 * scale
    kept, kept_signs = selected(objective, refit.network)
    assert np.isin(kept, kinks).all()
    assert (kept_signs == signs[np.searchsorted(kinks, kept)]).all()


@pytest.mark.parametrize("data", DATA)
@every_program
def test_a_refit_is_certified_as_one(name, activation, skip, data):
    objective = make_objective(name, *make_data(data, n=40))
    for share in (0.05, 0.3, 0.8, 1.2):
        beta = make_beta(objective, activation, skip, share)
        refit = cs.solve(objective, beta, activation, skip, refit=True)
        training = cs.solve(objective, beta, activation, skip)
        certificate, scale = refit.certificate, value_scale(objective, refit.value)
        assert refit.status == "refit"
        assert certificate.scope == "patterns"
        assert refit.beta == beta
        assert abs(certificate.gap) <= 1e-9 * scale
        assert certificate.max_violation <= 1e-9 * max(beta, 1.0) * scale
        assert refit.stats.solver == training.stats.solver
        # Without skip the network still has none.
        assert skip or (refit.network.V == 0).all()
        assert refit.network.activation == activation


def test_any_solver_can_select_the_kinks():
    objective = make_objective("sm", *make_data("random", n=25))
    beta = make_beta(objective, "relu", True, 0.3)
    one = cs.solve(objective, beta, skip=True, refit=True)
    for solver in ("clarabel", "active_set"):
        other = cs.solve(objective, beta, skip=True, refit=True, solver=solver)
        assert other.value == pytest.approx(one.value, rel=1e-10)


@pytest.mark.parametrize("activation", ["relu", "abs"])
@pytest.mark.parametrize("weighted", [False, True])
def test_the_shrinkage_of_the_linear_regime_is_undone(activation, weighted):
    rng = np.random.default_rng(0)
    x = rng.standard_normal(40)
    objective = cs.ScoreMatching(x, rng.uniform(0.3, 3.0, 40) if weighted else None)
    weights = objective.weights
    mean = np.average(x, weights=weights)
    line = -(x - mean) / np.average((x - mean) ** 2, weights=weights)
    bounds = cs.beta_bounds(objective, activation, False)
    for beta in (1.001 * bounds.linear, 0.5 * (bounds.linear + bounds.maximum), 2 * bounds.maximum):
        shrunk = cs.solve(objective, beta, activation).network(x)
        share = max(1 - beta / weights.sum(), 0.0)
        np.testing.assert_allclose(shrunk, share * line, rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(
            cs.solve(objective, beta, activation, refit=True).network(x), line, rtol=1e-9
        )


def test_data_on_a_kink_count_the_mean_slope_in_the_refit_and_the_smaller_one_in_training():
    objective = cs.ScoreMatching([0.0, 1.0, 1.0, 1.0, 2.0, 4.0])
    networks = [cs.solve(objective, 2.2, skip=True, refit=refit).network for refit in (False, True)]
    for network, counted in zip(networks, (min, np.mean), strict=True):
        score = network.piecewise
        kinks, _ = selected(objective, network)
        assert kinks.size > 0
        for kink in kinks:
            k = int(np.abs(score.knots - kink).argmin())
            assert network.divergence([kink])[0] == pytest.approx(counted(score.slopes[k : k + 2]), rel=1e-9)


def test_kinks_may_vanish():
    # Of the kinks at this weight decay some are there for the penalty's sake only.
    objective = cs.ScoreMatching(cs.datasets.load_old_faithful()["eruptions"])
    found = 0
    for beta in (10.0, 15.0, 20.0, 30.0):
        training = cs.solve(objective, beta, skip=True)
        refit = cs.solve(objective, beta, skip=True, refit=True)
        assert abs(refit.certificate.gap) <= 1e-10 * abs(refit.value)
        found += refit.network.kinks.size < training.network.kinks.size
    assert found > 0


@pytest.mark.parametrize(
    ("activation", "skip", "data", "seed", "share"),
    [
        ("relu", True, "random", 3, 0.01),
        ("abs", True, "random", 3, 0.01),
        ("abs", False, "random", 4, 0.1),
        ("abs", False, "tied", 2, 0.1),
    ],
)
def test_kinks_dropped_on_the_way_come_back(activation, skip, data, seed, share):
    # Here some kinks have the wrong sign at first, though not without the others that have it.
    objective = make_objective("sm", *make_data(data, n=40, seed=seed))
    beta = make_beta(objective, activation, skip, share)
    refit = cs.solve(objective, beta, activation, skip, refit=True)
    assert abs(refit.certificate.gap) <= 1e-9 * value_scale(objective, refit.value)


def test_labels_much_larger_than_the_score_leave_the_certificate_finite():
    objective = cs.DenoisingScoreMatching([2.0, 0.0, -3.0, -2.0], [-1.2, 1.7, -1.3, 0.8])
    refit = cs.solve(objective, 2.88, refit=True)
    assert abs(refit.certificate.gap) <= 1e-12


def test_a_bad_argument_is_named():
    with pytest.raises(TypeError, match="refit: expected True or False, got 'yes'"):
        cs.solve(cs.ScoreMatching([0.0, 1.0, 3.0]), 3.0, refit="yes")
