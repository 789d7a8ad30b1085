"""Programs of data with limits, which have a trace and labels, against their literal statement."""

import warnings

import numpy as np
import pytest
from scipy import stats

import convexscore as cs
from convexscore.objectives import as_objective
from convexscore.objectives.support import box_terms
from convexscore.univariate.bootstrap import SteinProcess
from convexscore.univariate.moments import Blocks
from convexscore.univariate.program import UnivariateProgram
from convexscore.univariate.solvers.active_set import solve_active_set
from convexscore.univariate.spline import SplineProblem
from convexscore.univariate.statement import state_univariate
from convexscore.univariate.tails import tails_correlation

KINDS = [("relu", False), ("relu", True), ("abs", False), ("abs", True)]


#: Weights of other shapes, and their derivatives, on each support of `drawn`.
WEIGHTS = {
    (0.0, np.inf): (np.square, lambda x: 2 * x),
    (0.0, 1.0): (lambda x: np.sin(np.pi * x), lambda x: np.pi * np.cos(np.pi * x)),
    (-np.inf, 2.0): (lambda x: 1 - np.exp(x - 2), lambda x: -np.exp(x - 2)),
}


def drawn(seed, weights=None):
    """Return a small objective: laws, ties, weights and heights in turn, or weights of other shapes."""
    rng = np.random.default_rng(seed)
    n = int(rng.integers(5, 13))
    support = ((0.0, None), (0.0, 1.0), (None, 2.0))[seed % 3]
    x = (rng.exponential(size=n), rng.beta(2, 2, size=n), 2 - rng.gamma(2.0, size=n))[seed % 3]
    x = x * 0.999 + 0.0005 if seed % 3 == 1 else x
    if seed % 2:
        # Ties, and at bends of the weight too.
        x = np.clip(np.ceil(8 * x) / 8, None, 0.875) if seed % 3 == 1 else np.ceil(8 * x - 1e-9) / 8
    weight = None if seed % 4 < 2 else rng.choice([0.5, 1.0, 2.0, 0.0], size=n)
    height = 0.25 if seed % 5 == 0 else None
    if weights is not None:
        height = weights[-np.inf if support[0] is None else 0.0, np.inf if support[1] is None else support[1]]
    with warnings.catch_warnings():
        # On an end, samples are left out.
        warnings.simplefilter("ignore", UserWarning)
        return as_objective(cs.ScoreMatching(x, weight, support=support, boundary_weight=height))


def decays(objective, activation, skip):
    bounds = cs.beta_bounds(objective, activation, skip)
    room = bounds.linear - bounds.minimum
    return bounds.minimum + np.array([0.1, 0.4, 0.8]) * room + 0.02, bounds


@pytest.mark.parametrize(
    ("seed", "weights"), [(seed, None) for seed in range(12)] + [(seed, WEIGHTS) for seed in range(6)]
)
@pytest.mark.parametrize(("activation", "skip"), KINDS)
def test_the_optimum_is_that_of_the_statement(seed, activation, skip, weights):
    objective = drawn(seed, weights)
    betas, bounds = decays(objective, activation, skip)
    for beta in (*betas, 1.01 * bounds.linear + 0.01, 1.01 * bounds.maximum + 0.01):
        solution = cs.solve(objective, float(beta), activation=activation, skip=skip)
        assert solution.status in ("optimal", "closed_form")
        statement = state_univariate(objective, float(beta), activation, skip)
        literal = statement.problem.solve(
            solver="CLARABEL", tol_gap_abs=1e-10, tol_gap_rel=1e-10, tol_feas=1e-10
        )
        assert solution.value == pytest.approx(literal, rel=1e-5, abs=1e-5)
        assert solution.network.loss(objective, float(beta)) == pytest.approx(
            solution.value, rel=1e-9, abs=1e-9
        )
        assert solution.theorem is None


@pytest.mark.parametrize("support", [(0.0, np.inf), (0.0, 1.0), (-np.inf, 2.0), (2.0**20, 2.0**20 + 1)])
@pytest.mark.parametrize(("activation", "skip"), KINDS)
def test_functions_that_are_the_default_weight_change_nothing(support, activation, skip):
    rng = np.random.default_rng(3)
    x = rng.beta(2, 2, size=40)
    x = 2 - x if support[1] == 2 else x + max(support[0], 0.0)
    given = cs.ScoreMatching(x, rng.choice([1.0, 2.0], size=40), support=support)
    height = given.boundary_weight
    functions = tuple(
        lambda t, part=part: box_terms(t[:, None], (support,), height)[part].ravel() for part in (0, 1)
    )
    same = cs.ScoreMatching(x, given.sample_weight, support, functions)
    for beta in (1.5 * cs.beta_bounds(given, activation, skip).minimum, "auto"):
        one, other = (cs.solve(each, beta, activation, skip) for each in (given, same))
        # Powers of two apart, nothing is another number.
        assert other.beta == one.beta
        assert other.value == one.value
        np.testing.assert_array_equal(other.network(x), one.network(x))


def test_the_weight_of_a_function_has_no_scale():
    rng = np.random.default_rng(4)
    x = rng.gamma(2.0, size=40)
    beta = (
        1.5
        * cs.beta_bounds(
            cs.ScoreMatching(x, support=(0, None), boundary_weight=WEIGHTS[0.0, np.inf]), skip=True
        ).minimum
    )
    plain = cs.solve(
        cs.ScoreMatching(x, support=(0, None), boundary_weight=WEIGHTS[0.0, np.inf]), beta, skip=True
    )
    for size, length in ((2.0**300, 1.0), (2.0**-300, 1.0), (1.0, 2.0**60), (1.0, 2.0**-60)):
        factor = size / length**2
        functions = (lambda t, f=factor: f * t**2, lambda t, f=factor: 2 * f * t)
        scaled = cs.ScoreMatching(length * x, support=(0, None), boundary_weight=functions)
        found = cs.solve(scaled, size * beta, skip=True)
        assert found.value == pytest.approx(plain.value * size / length**2, rel=1e-12)
        np.testing.assert_allclose(length * found.network(length * x), plain.network(x), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize(("activation", "skip"), KINDS)
def test_the_thresholds_are_where_the_solution_turns_straight(seed, activation, skip):
    objective = drawn(seed)
    bounds = cs.beta_bounds(objective, activation, skip)
    if bounds.linear <= bounds.minimum * (1 + 1e-9):
        return
    line = cs.solve(objective, bounds.linear * (1 + 1e-9), activation=activation, skip=skip)
    assert line.status == "closed_form"
    below = bounds.linear - 1e-3 * (bounds.linear - bounds.minimum)
    bent = cs.solve(objective, below, activation=activation, skip=skip)
    assert bent.status == "optimal"
    x = np.linspace(objective.X.min(), objective.X.max(), 5)
    line_at, bent_at = line.network(x), bent.network(x)
    assert np.abs(np.diff(line_at, 2)).max() <= 1e-9 * (1 + np.abs(line_at).max())
    assert np.isfinite(bent_at).all()


@pytest.mark.parametrize(("activation", "skip"), KINDS)
def test_every_way_to_the_optimum_leads_to_it(activation, skip):
    rng = np.random.default_rng(5)
    objective = cs.ScoreMatching(rng.gamma(2.0, size=40), rng.choice([1.0, 2.0], 40), support=(0, None))
    path = cs.regularization_path(objective, activation, skip)
    for beta in np.geomspace(1.001 * path.betas[-1], path.betas[0], 8):
        direct = cs.solve(objective, float(beta), activation=activation, skip=skip)
        assert path.solution(beta).value == pytest.approx(direct.value, rel=1e-9, abs=1e-9)
    beta = float(np.sqrt(path.betas[0] * path.betas[-1]))
    grid = cs.regularization_path(objective, activation, skip, betas=[beta, 2 * beta])
    best = cs.solve(objective, beta, activation=activation, skip=skip)
    assert grid.solution(beta).value == pytest.approx(best.value, rel=1e-10)
    for solver in ("clarabel", "osqp", "cvxpy"):
        found = cs.solve(objective, beta, activation=activation, skip=skip, solver=solver)
        assert found.value == pytest.approx(best.value, rel=1e-8)
    refit = cs.solve(objective, beta, activation=activation, skip=skip, refit=True)
    assert refit.status == "refit"
    assert refit.value <= best.value - beta * best.network.weight_decay() + 1e-9


@pytest.mark.filterwarnings("ignore:the certificate misses tol")
@pytest.mark.parametrize(("activation", "skip"), KINDS)
def test_paths_of_steep_data_lead_to_the_optimum(activation, skip):
    # Labels next to the ends are a million times those inside.
    objective = cs.ScoreMatching(np.random.default_rng(0).beta(0.3, 0.3, size=80), support=(0, 1))
    bounds = cs.beta_bounds(objective, activation, skip)
    path = cs.regularization_path(objective, activation, skip, beta_min=1.2 * bounds.minimum)
    for beta in np.geomspace(1.3 * bounds.minimum, 0.9 * bounds.maximum, 9):
        found, best = path.solution(float(beta)), cs.solve(objective, float(beta), activation, skip)
        assert found.certificate.max_violation <= 1e-6 * beta
        assert found.value == pytest.approx(best.value, rel=1e-9)


@pytest.mark.parametrize(("activation", "skip"), KINDS)
def test_matrices_have_the_same_optimum(activation, skip):
    cp = pytest.importorskip("cvxpy")
    objective = cs.ScoreMatching([0.1, 0.3, 0.3, 1.0, 2.5, 4.0], support=(0, None))
    beta = 1.3 * cs.beta_bounds(objective, activation, skip).minimum
    program = cs.univariate_program(objective, beta, activation, skip)
    x = cp.Variable(program.q.size)
    cost = 0.5 * cp.quad_form(x, program.P) + program.q @ x
    same = program.l == program.u
    rows = [program.A[same] @ x == program.l[same], program.A[~same] @ x >= program.l[~same]]
    value = cp.Problem(cp.Minimize(cost), rows).solve(solver="CLARABEL") + program.constant
    best = cs.solve(objective, beta, activation=activation, skip=skip)
    assert value == pytest.approx(best.value, rel=1e-6)
    assert program.solution(x.value, tol=1e-3).value == pytest.approx(best.value, rel=1e-6)


@pytest.mark.parametrize(("activation", "skip"), KINDS)
def test_no_network_is_below_the_certified_bound(activation, skip):
    rng = np.random.default_rng(2)
    objective = cs.ScoreMatching(rng.beta(2, 2, size=25), support=(0, 1))
    beta = float(decays(objective, activation, skip)[0][1])
    best = cs.solve(objective, beta, activation=activation, skip=skip)
    assert best.certificate.gap <= 1e-8 * (1 + abs(best.value))
    for _ in range(20):
        m = int(rng.integers(1, 6))
        network = cs.TwoLayerNetwork(
            rng.normal(size=(m, 1)),
            rng.normal(size=m),
            rng.normal(size=(1, m)),
            rng.normal(size=1),
            rng.normal(size=(1, 1)) if skip else [[0.0]],
            activation=activation,
        )
        assert network.loss(objective, beta) >= best.value - 1e-9
        judged = cs.certify(network, objective, beta, skip=skip)
        assert judged.dual == pytest.approx(best.certificate.dual, abs=1e-8)


@pytest.mark.parametrize("batch_size", [None, 8])
def test_adam_trains_on_the_same_loss(batch_size):
    objective = cs.ScoreMatching(np.random.default_rng(3).gamma(2.0, size=30), support=(0, None))
    beta = float(decays(objective, "relu", True)[0][2])
    best = cs.solve(objective, beta, skip=True)
    result = cs.baselines.train_adam(
        objective, beta, skip=True, n_epochs=3000, n_trials=2, batch_size=batch_size, rng=0
    )
    reached = min(network.loss(objective, beta) for network in result.networks)
    assert reached >= best.value - 1e-9
    zero = objective.loss(cs.TwoLayerNetwork([[0.0]], [0.0], [[0.0]], [0.0]))
    assert zero == 0.0
    # Below the zero score by most of what there is to gain.
    assert reached <= (0.9 if batch_size is None else 0.7) * best.value
    if batch_size is None:
        final = np.array([network.loss(objective, beta) for network in result.networks])
        np.testing.assert_allclose(result.losses[:, -1], final, rtol=1e-3)


@pytest.mark.parametrize("size", [1, 3, 8])
def test_blocks_leave_no_violation_unseen(size):
    objective = cs.ScoreMatching(np.random.default_rng(4).gamma(1.5, size=120), support=(0, None))
    program = UnivariateProgram.from_objective(objective, "relu", True)
    beta = 1.5 * cs.beta_bounds(objective, skip=True).minimum
    whole = solve_active_set(SplineProblem(program, beta))
    parts = solve_active_set(SplineProblem(program, beta, Blocks(program, size)))
    np.testing.assert_array_equal(whole.spline.kinks, parts.spline.kinks)
    np.testing.assert_allclose(whole.spline.values, parts.spline.values, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("support", [(0.0, None), (0.0, 40.0)])
def test_units_and_mirrors_of_the_data_with_their_support(support):
    x = np.random.default_rng(6).gamma(2.0, size=50)
    objective = cs.ScoreMatching(x, support=support)
    beta = 1.5 * cs.beta_bounds(objective, skip=True).minimum
    plain = cs.solve(objective, beta, skip=True)
    # Masses have the units of lengths, scores their inverse.
    for scale in (2.0**60, 2.0**-40):
        ends = tuple(None if end is None else scale * end for end in support)
        scaled = cs.solve(cs.ScoreMatching(scale * x, support=ends), scale * beta, skip=True)
        assert scaled.value == plain.value / scale
        np.testing.assert_array_equal(scaled.network(scale * x), plain.network(x) / scale)
    shift = 2.0**20
    ends = tuple(None if end is None else shift + end for end in support)
    moved = (x + shift) - shift
    near = cs.solve(cs.ScoreMatching(moved, support=support), beta, skip=True)
    far = cs.solve(cs.ScoreMatching(x + shift, support=ends), beta, skip=True)
    assert far.value == pytest.approx(near.value, rel=1e-10)
    ends = tuple(None if end is None else -end for end in support[::-1])
    mirrored = cs.solve(cs.ScoreMatching(-x, support=ends), beta, skip=True)
    assert mirrored.value == pytest.approx(plain.value, rel=1e-10)


def test_weights_are_repetitions():
    x = np.random.default_rng(7).gamma(2.0, size=30)
    weights = np.random.default_rng(8).integers(1, 4, size=30)
    given = cs.ScoreMatching(x, weights, support=(0, None))
    repeated = cs.ScoreMatching(np.repeat(x, weights), support=(0, None))
    assert given.boundary_weight == repeated.boundary_weight
    for method in ("combined", "bootstrap", "cv"):
        assert cs.select_beta(given, method, rng=0, skip=True) == pytest.approx(
            cs.select_beta(repeated, method, rng=0, skip=True), rel=1e-9
        )


def test_straight_laws_keep_their_line_and_others_do_not():
    rng = np.random.default_rng(9)
    kept = 0
    for _ in range(10):
        solution = cs.solve(cs.ScoreMatching(rng.exponential(size=200), support=(0, None)), "auto", skip=True)
        kept += solution.network.n_neurons == 0
    assert kept >= 6
    bent = cs.solve(cs.ScoreMatching(rng.gamma(4.0, size=400), support=(0, None)), "auto", skip=True)
    assert bent.network.n_neurons > 0


def test_scores_come_nearer_with_more_data():
    def error(n, seed):
        x = np.random.default_rng(seed).gamma(3.0, size=n)
        solution = cs.solve(cs.ScoreMatching(x, support=(0, None)), "auto", skip=True)
        t = stats.gamma(3.0).ppf((np.arange(400) + 0.5) / 400)
        return np.mean(t * (solution.network(t) - (2 / t - 1)) ** 2)

    few, more, many = (np.mean([error(n, seed) for seed in range(4)]) for n in (100, 1000, 10_000))
    assert many < more < few


@pytest.mark.parametrize(("activation", "skip"), [("relu", False), ("relu", True), ("abs", True)])
@pytest.mark.parametrize("mirror", [1.0, -1.0])
def test_tails_are_bounded_at_infinite_ends_only(activation, skip, mirror):
    x = np.random.default_rng(10).lognormal(size=60) * mirror
    support = (0, None) if mirror > 0 else (None, 0)
    objective = cs.ScoreMatching(x, support=support)
    held = 0
    for share in (1.05, 1.5, 3.0):
        beta = share * cs.beta_bounds(objective, activation, skip).minimum
        free = cs.solve(objective, beta, activation=activation, skip=skip)
        bounded = cs.solve(objective, beta, activation=activation, skip=skip, tails="integrable")
        assert bounded.status == "optimal"
        assert np.isinf(bounded.tails[0 if mirror > 0 else 1])
        literal = state_univariate(objective, beta, activation, skip)
        limits = [
            slope <= bound
            for slope, bound in zip(_outer(literal, objective, activation), bounded.tails, strict=True)
            if np.isfinite(bound)
        ]
        import cvxpy as cp

        value = cp.Problem(literal.problem.objective, limits).solve(
            solver="CLARABEL", tol_gap_abs=1e-10, tol_gap_rel=1e-10, tol_feas=1e-10
        )
        assert bounded.value == pytest.approx(value, rel=1e-5, abs=1e-6)
        held += bounded.value > free.value + 1e-9
        assert bounded.density().cdf(0.0) == (0.0 if mirror > 0 else 1.0)
    assert held > 0 or (activation, skip) == ("relu", False)


def _outer(literal, objective, activation):
    from convexscore.univariate.statement import _slopes

    slopes = _slopes(objective.X[:, 0], activation) @ literal.y
    slopes = slopes + (literal.V if literal.V is not None else 0)
    return slopes[0], slopes[-1]


def test_nothing_is_asked_of_tails_between_two_limits():
    objective = cs.ScoreMatching(np.random.default_rng(11).beta(0.9, 0.9, size=200), support=(0, 1))
    beta = 1.2 * cs.beta_bounds(objective, skip=True).minimum
    bounded = cs.solve(objective, beta, skip=True, tails="integrable")
    assert bounded.tails is None
    assert bounded.value == cs.solve(objective, beta, skip=True).value
    assert bounded.density().cdf([0.0, 1.0]).tolist() == [0.0, 1.0]


@pytest.mark.parametrize("beta", ["auto", 3.0])
def test_log_concave_scores(beta):
    objective = cs.ScoreMatching(np.random.default_rng(12).gamma(2.0, size=100), support=(0, None))
    solution = cs.solve(objective, beta, skip=True, shape="log-concave")
    assert solution.status == "optimal"
    assert solution.density().is_log_concave
    if beta != "auto":
        literal = state_univariate(objective, beta, "relu", True, shape="log-concave").problem
        value = literal.solve(solver="CLARABEL")
        assert solution.value == pytest.approx(value, rel=1e-5)


def test_samples_next_to_an_end_cost_no_digits():
    x = np.array([1e-9, 3e-7, 0.2, 0.5, 1.0, 1.5, 3.0])
    objective = cs.ScoreMatching(x, support=(0, None))
    solution = cs.solve(objective, 3.0, skip=True)
    assert solution.status in ("optimal", "closed_form")
    assert solution.network.loss(objective, 3.0) == pytest.approx(solution.value, rel=1e-9)


def test_solutions_and_paths_know_their_support(tmp_path):
    objective = cs.ScoreMatching(np.random.default_rng(13).gamma(2.0, size=60), support=(0, None))
    path = cs.regularization_path(objective, skip=True)
    solution = path.solution(float(path.betas[2]))
    assert solution.density().support() == (0.0, np.inf)
    solution.save(tmp_path / "solution.npz")
    loaded = cs.load(tmp_path / "solution.npz")
    assert loaded.objective.support == (0.0, np.inf)
    assert loaded.objective.boundary_weight == objective.boundary_weight
    assert loaded.density().support() == (0.0, np.inf)
    solution.density().save(tmp_path / "density.npz")
    assert cs.load(tmp_path / "density.npz").support() == (0.0, np.inf)


@pytest.mark.parametrize(("activation", "skip"), KINDS)
@pytest.mark.parametrize("last", [True, False])
def test_the_certificate_of_one_bounded_tail_is_the_best_over_its_multiplier(activation, skip, last):
    program = UnivariateProgram.from_objective(cs.ScoreMatching([0.0, 1.0, 3.0]), activation, skip)
    rng = np.random.default_rng(0)
    multipliers = np.linspace(0.0, 12.0, 120_001)
    for _ in range(20):
        low, high = np.sort(rng.normal(size=2))
        kappa = 2 * rng.normal()
        if skip:
            # The multiplier takes all of kappa.
            kappa = -abs(kappa)
        bounds = (np.inf, 0.0) if last else (0.0, np.inf)
        mu = np.array([-kappa]) if skip else multipliers
        total = kappa + mu
        shift = mu if last else 0.0
        above, below = high + shift - total / 2, total / 2 - low - shift
        width = np.maximum(above, below)
        needed = 2 * width if activation == "abs" else width + np.abs(total) / 2
        found = tails_correlation(program, bounds, np.array([low]), np.array([high]), kappa)
        assert found == pytest.approx(needed.min(), abs=2e-4)


def test_random_factors_have_the_variance_of_the_weights_and_the_size_of_h():
    objective = cs.ScoreMatching([0.5, 1.0, 4.0], [1.0, 4.0, 9.0], support=(0, None), boundary_weight=2.0)
    drawn = np.concatenate(list(SteinProcess(objective).draws(40_000, np.random.default_rng(0))))
    # From the last sample to the first: the root of each weight times h.
    np.testing.assert_allclose(drawn.std(axis=0), [3.0 * 2.0, 2.0 * 1.0, 1.0 * 0.5], rtol=0.03)
