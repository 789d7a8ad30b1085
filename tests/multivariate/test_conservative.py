"""Conservative networks: the exact optimum in the plane against its literal statement and brute force."""

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import convexscore as cs
from convexscore.multivariate.certificate import certify_network
from convexscore.multivariate.conservative.basic import basic_coefficients
from convexscore.multivariate.conservative.column_generation import generate_conservative
from convexscore.multivariate.conservative.program import ConservativeProgram
from convexscore.multivariate.conservative.refinement import refined, restricted_value
from convexscore.multivariate.conservative.statement import state_conservative
from convexscore.multivariate.pricing.ascent import AscentPricer
from convexscore.multivariate.pricing.choice import pricer_of
from convexscore.multivariate.pricing.planar import PlanarPricer
from tests.multivariate.problems import POINTS, TIGHT, make_points, planar_objective, units
from tests.problems import KINDS, make_beta, make_data, make_objective, value_scale

every_program = pytest.mark.parametrize(
    ("name", "activation", "skip", "bias"), [(*kind, bias) for kind in KINDS for bias in (False, True)]
)


def some_beta(objective, activation, skip, bias, share):
    """The beta that is this share of the way from boundedness to no neurons, above the former."""
    bounds = cs.beta_bounds(objective, activation, skip, bias=bias, conservative=True)
    return 1.02 * bounds.minimum + share * (bounds.maximum - bounds.minimum)


def solved(objective, beta, activation, skip, bias, **options):
    return cs.solve(objective, beta, activation, skip, bias=bias, conservative=True, **options)


def agrees_with_the_statement(objective, activation, skip, bias, share):
    beta = some_beta(objective, activation, skip, bias, share)
    if beta == 0:
        return 0
    solution = solved(objective, beta, activation, skip, bias)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        stated = state_conservative(objective, beta, activation, skip, bias).problem
        value = stated.solve(solver="CLARABEL", **TIGHT)
    assert solution.status == "optimal"
    assert solution.certificate.scope == "global"
    assert abs(solution.value - value) <= 1e-7 * units(objective, value)
    return solution.network.n_neurons


@every_program
def test_the_optimum_is_that_of_the_literal_statement(name, activation, skip, bias):
    neurons = 0
    for number, n in enumerate((3, 5, 7)):
        objective = planar_objective(name, make_points("random", n, seed=number), number)
        neurons += agrees_with_the_statement(objective, activation, skip, bias, (0.1, 0.3, 0.6)[number])
    assert neurons > 0


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("name", ["sm", "dsm"])
@pytest.mark.parametrize("kind", POINTS[1:])
def test_the_optimum_is_that_of_the_literal_statement_on_special_points(kind, name, bias):
    weights = np.array([1.0, 2.0, 0.5, 1.0, 1.5, 1.0])
    objective = planar_objective(name, make_points(kind, 6, seed=2), 3, weights)
    agrees_with_the_statement(objective, "relu", True, bias, 0.4)
    agrees_with_the_statement(objective, "abs", False, bias, 0.2)


@settings(max_examples=25)
@given(
    points=st.lists(st.tuples(st.integers(-2, 2), st.integers(-2, 2)), min_size=2, max_size=6).filter(
        lambda p: len(set(p)) > 1
    ),
    name=st.sampled_from(["sm", "dsm"]),
    activation=st.sampled_from(["relu", "abs"]),
    bias=st.booleans(),
)
def test_the_optimum_is_that_of_the_literal_statement_on_a_lattice(points, name, activation, bias):
    objective = planar_objective(name, np.array(points, dtype=float), 1)
    agrees_with_the_statement(objective, activation, False, bias, 0.3)


def brute_force(program, z, n_angles=500, n_drawn=10_000):
    """The largest ``|H(u, b)|`` over angles with kinks at and beside data, and over random ``(u, b)``."""
    rng, left = np.random.default_rng(0), program.sigma.left_slope
    angle = 2 * np.pi * np.arange(n_angles) / n_angles
    u = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    rows, trace = program.rows, program.trace_mass
    reach = np.abs(rows).max()
    offsets = np.zeros((n_angles, 1))
    if program.bias:
        at = u @ rows.T
        offsets = -np.concatenate([at - 1e-9, at + 1e-9], axis=1)
    u, b = np.repeat(u, offsets.shape[1], axis=0), offsets.ravel()
    drawn = rng.standard_normal((n_drawn, 2))
    u = np.concatenate([u, drawn / np.linalg.norm(drawn, axis=1, keepdims=True)])
    b = np.append(b, 2 * reach * rng.uniform(-1, 1, n_drawn) * program.bias)
    height = u @ rows.T + b[:, None]
    largest = 0.0
    # Without bias a point at the origin counts with either slope.
    for active in (height > 0, height >= 0):
        slope = np.where(active, 1.0, left)
        H = np.einsum("ki,ki->k", (slope * height) @ z, u) + slope @ trace
        largest = max(largest, float(np.abs(H).max()))
    return largest


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize(("name", "activation", "skip"), KINDS)
def test_pricing_finds_the_largest_correlation_of_all_neurons(name, activation, skip, bias):
    for seed, kind in enumerate(POINTS):
        weights = np.random.default_rng(seed).uniform(0.5, 2.0, 7)
        X = make_points(kind, 7, seed)
        objective = planar_objective(name, X, seed, weights[: len(X)])
        program = ConservativeProgram.from_objective(objective, activation, skip, bias)
        noise = np.random.default_rng(seed).standard_normal(program.points.shape)
        residual = program.balanced(program.zero_residual + noise)[0]
        largest = brute_force(program, program.root_mass * residual)
        priced = PlanarPricer(program, tied=True).price(residual, 0.3 * largest, most=30)
        # A grid of 500 angles misses the top of a form in 2 t by less than this.
        assert largest * (1 - 1e-6) - 1e-7 <= priced.largest
        assert priced.largest <= largest + 1e-3 * np.abs(residual).sum() * np.abs(program.rows).max()
        found = np.abs(program.tied_correlations(priced.neurons, residual))
        np.testing.assert_allclose(found, priced.values, rtol=1e-9)


@every_program
def test_no_conservative_network_is_below_the_dual_value(name, activation, skip, bias):
    rng = np.random.default_rng(5)
    objective = planar_objective(name, make_points("random", 20, seed=7), 7, rng.uniform(0.5, 2, 20))
    beta = some_beta(objective, activation, skip, bias, 0.15)
    solution = solved(objective, beta, activation, skip, bias)
    certificate, network, scale = solution.certificate, solution.network, units(objective, solution.value)
    assert solution.status == "optimal"
    assert isinstance(network, cs.ConservativeNetwork)
    assert solution.value == certificate.primal
    assert network.loss(objective, beta) == pytest.approx(solution.value, rel=1e-10)
    assert network.network.loss(objective, beta) == pytest.approx(solution.value, rel=1e-9)
    assert 0 <= certificate.gap + 1e-12 * scale <= 1e-7 * scale
    fields = {name: getattr(network, name) for name in ("directions", "offsets", "coefficients", "b2", "S")}
    for size in 10.0 ** rng.uniform(-8, 0, 300):
        off = {name: array + size * rng.standard_normal(array.shape) for name, array in fields.items()}
        off["S"] = 0.5 * (off["S"] + off["S"].T) if skip else fields["S"]
        if not bias:
            off["offsets"], off["b2"] = fields["offsets"], fields["b2"]
        other = cs.ConservativeNetwork(**off, activation=activation)
        assert other.loss(objective, beta) >= certificate.dual - 1e-12 * scale


@every_program
def test_the_optimum_is_above_that_of_networks_that_are_no_gradients(name, activation, skip, bias):
    objective = planar_objective(name, make_points("random", 9, seed=3), 3)
    free = cs.beta_bounds(objective, activation, skip, bias=bias)
    beta = 1.02 * free.minimum + 0.3 * (free.maximum - free.minimum)
    vector = cs.solve(objective, beta, activation, skip, bias=bias)
    tied = solved(objective, beta, activation, skip, bias)
    assert tied.value >= vector.certificate.dual - 1e-9 * units(objective, tied.value)


@every_program
def test_a_wrong_network_violates_its_certificate(name, activation, skip, bias):
    objective = planar_objective(name, make_points("random", 15, seed=2), 2)
    beta = some_beta(objective, activation, skip, bias, 0.2)
    right = solved(objective, beta, activation, skip, bias).network
    fields = {name: getattr(right, name) for name in ("directions", "offsets", "b2", "S")}
    wrong = cs.ConservativeNetwork(coefficients=0.5 * right.coefficients, **fields, activation=activation)
    program = ConservativeProgram.from_objective(objective, activation, skip, bias)
    certificate = certify_network(program, PlanarPricer(program, True), wrong, beta, "global")
    assert right.n_neurons
    assert certificate.max_violation > 1e-4 * beta
    assert certificate.gap > 1e-6


@pytest.mark.parametrize(
    ("n", "value"), [(60, -191.33292735), (150, -404.4757336)], ids=["60 points", "150 points"]
)
def test_eight_gaussians_on_a_ring_are_certified(n, value):
    X = cs.targets.ring(n_modes=8, radius=3.0, scale=0.5).sample(n, rng=3)
    solution = solved(cs.ScoreMatching(X), np.sqrt(n) / 2, "relu", True, True)
    certificate = solution.certificate
    assert (solution.status, certificate.scope) == ("optimal", "global")
    assert certificate.gap <= 1e-8 * abs(value)
    assert solution.value == pytest.approx(value, rel=1e-8)
    # Neurons that gather around one line are merged.
    assert solution.network.n_neurons < n + 10


def moved_objective(objective, X, turn=None):
    if objective.has_trace:
        return cs.ScoreMatching(X, objective.sample_weight)
    labels = objective.targets if turn is None else objective.targets @ turn.T
    return cs.DenoisingScoreMatching(X, labels, sample_weight=objective.sample_weight)


@pytest.mark.parametrize(("name", "activation", "skip"), KINDS)
def test_turning_reflecting_and_reordering_the_data_change_nothing(name, activation, skip):
    objective = planar_objective(name, make_points("random", 9, seed=8), 8, np.linspace(0.5, 2, 9))
    beta = some_beta(objective, activation, skip, True, 0.2)
    one = solved(objective, beta, activation, skip, True)
    c, s = np.cos(0.7), np.sin(0.7)
    for turn in (np.array([[c, -s], [s, c]]), np.diag([1.0, -1.0]), -np.eye(2)):
        other = solved(moved_objective(objective, objective.X @ turn.T, turn), beta, activation, skip, True)
        assert other.value == pytest.approx(one.value, abs=1e-7 * units(objective, one.value))
        # The scores turn with the data.
        np.testing.assert_allclose(
            other.network(objective.X @ turn.T), one.network(objective.X) @ turn.T, atol=1e-4
        )
    order = np.random.default_rng(0).permutation(9)
    labels = {} if objective.has_trace else {"targets": objective.targets[order]}
    kind = cs.ScoreMatching if objective.has_trace else cs.DenoisingScoreMatching
    shuffled = kind(X=objective.X[order], **labels, sample_weight=objective.sample_weight[order])
    assert solved(shuffled, beta, activation, skip, True).value == one.value


@pytest.mark.parametrize(("name", "activation", "skip"), KINDS)
def test_units_and_origin_of_the_data_do_not_matter(name, activation, skip):
    objective = planar_objective(name, make_points("random", 9, seed=4), 4)
    beta = some_beta(objective, activation, skip, True, 0.2)
    one = solved(objective, beta, activation, skip, True)
    for unit, shift in ((50.0, [3.0, -200.0]), (2.0**-40, [0.0, 0.0]), (1.0, [1e6, 1e5])):
        X = unit * objective.X + shift
        other = solved(
            cs.ScoreMatching(X) if name == "sm" else cs.DenoisingScoreMatching(X, objective.targets / unit),
            beta,
            activation,
            skip,
            True,
        )
        assert unit**2 * other.value == pytest.approx(one.value, abs=1e-6 * units(objective, one.value))
        found = unit * other.network(X)
        np.testing.assert_allclose(found, one.network(objective.X), atol=1e-3)
        U = one.network.potential(objective.X)
        np.testing.assert_allclose(np.diff(other.network.potential(X)), np.diff(U), atol=1e-3)


def test_powers_of_two_of_data_labels_and_weights_change_no_bit():
    X = make_points("random", 8, seed=1)
    labels = np.random.default_rng(0).standard_normal((8, 2))
    for skip in (False, True):
        one = solved(cs.DenoisingScoreMatching(X, labels), 0.4, "relu", skip, True)
        scaled = cs.DenoisingScoreMatching(2.0**30 * X, 2.0**-10 * labels, sample_weight=np.full(8, 4.0))
        other = solved(scaled, 2.0**22 * 0.4, "relu", skip, True)
        assert one.network.n_neurons
        assert other.value == 2.0**-18 * one.value
        np.testing.assert_array_equal(other.network.directions, one.network.directions)
        np.testing.assert_array_equal(other.network(2.0**30 * X), 2.0**-10 * one.network(X))


@every_program
def test_weights_are_repetitions(name, activation, skip, bias):
    rng = np.random.default_rng(3)
    X, counts = make_points("random", 7, seed=5), rng.integers(1, 4, 7)
    weighted = planar_objective(name, X, 5, counts.astype(float))
    repeated = np.repeat(X, counts, axis=0)
    if name == "sm":
        flat = cs.ScoreMatching(repeated)
    else:
        flat = cs.DenoisingScoreMatching(repeated, np.repeat(weighted.targets, counts, axis=0))
    beta = some_beta(weighted, activation, skip, bias, 0.2)
    one, other = (solved(o, beta, activation, skip, bias).value for o in (weighted, flat))
    assert one == pytest.approx(other, abs=1e-7 * units(flat, one))


@pytest.mark.parametrize("data", ["random", "tied", "weighted"])
@pytest.mark.parametrize(("name", "activation", "skip"), KINDS)
def test_with_one_feature_every_network_is_conservative(name, activation, skip, data):
    objective = make_objective(name, *make_data(data, n=15))
    for share in (0.05, 0.4):
        beta = make_beta(objective, activation, skip, share)
        exact = cs.solve(objective, beta, activation, skip).value
        found = solved(objective, beta, activation, skip, True)
        assert found.certificate.scope == "global"
        assert abs(found.value - exact) <= 1e-6 * value_scale(objective, exact)


@pytest.mark.parametrize("activation", ["relu", "abs"])
def test_denoising_on_a_line_in_the_plane_is_that_of_one_feature(activation):
    objective = make_objective("dsm", *make_data("random", n=12))
    along = np.array([0.6, 0.8])
    planar = cs.DenoisingScoreMatching(objective.X * along + [1.0, 2.0], objective.targets * along)
    beta = make_beta(objective, activation, False, 0.1)
    one = cs.solve(objective, beta, activation)
    assert one.network.n_neurons
    found = solved(planar, beta, activation, False, True).value
    assert found == pytest.approx(one.value, abs=1e-7 * value_scale(objective, one.value))


@pytest.mark.parametrize(
    ("name", "bias", "beta"), [("sm", True, 9.0), ("sm", False, 9.0), ("dsm", True, 3.0)]
)
def test_in_space_the_optimum_is_proven(name, bias, beta):
    rng = np.random.default_rng(1)
    X = rng.standard_normal((25, 3))
    X[:, 0] += 2 * np.sign(X[:, 0])
    objective = planar_objective(name, X, 1)
    solution = solved(objective, beta, "relu", True, bias)
    assert (solution.status, solution.certificate.scope) == ("optimal", "global")
    assert solution.network.n_neurons
    # No random neuron is above beta: the best bias of each of many directions.
    program = ConservativeProgram.from_objective(objective, "relu", True, bias)
    residual = program.root_mass * (program.scale * solution.network(program.points) - program.target)
    directions = rng.standard_normal((5000, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    search = AscentPricer(program, rng=5, tied=True)
    z = program.root_mass * residual
    assert search.largest(directions, z, program.trace_mass) <= beta * (1 + 1e-5)
    # Search in the plane finds what exact pricing does.
    flat = ConservativeProgram.from_objective(planar_objective(name, X[:, :2], 1), "relu", True, bias)
    exact = pricer_of(flat, tied=True).price(flat.zero_residual, 1e-3, most=1).largest
    found = AscentPricer(flat, 300, rng=0, tied=True).price(flat.zero_residual, 1e-3, most=1).largest
    assert exact * (1 - 0.02) <= found <= exact * (1 + 1e-9)


def test_newton_steps_lower_the_objective_to_a_stationary_point():
    X = make_points("random", 20, seed=4)
    program = ConservativeProgram.from_objective(cs.ScoreMatching(X), "relu", True, True)
    pricer = pricer_of(program, tied=True)
    beta = some_beta(cs.ScoreMatching(X), "relu", True, True, 0.1)
    found = generate_conservative(program, pricer, beta, tol=1e-2, hair=1e-3, max_iterations=6)
    coefficients = np.sum(found.outputs * found.neurons.direction, axis=1)
    before = restricted_value(program, found.neurons, coefficients, beta)
    neurons, coefficients = refined(program, found.neurons, coefficients, beta, 50)
    assert restricted_value(program, neurons, coefficients, beta) <= before
    residual = program.residual(neurons, coefficients[:, None] * neurons.direction)
    pull = program.tied_correlations(neurons, residual)
    np.testing.assert_allclose(pull, -beta * np.sign(coefficients), rtol=1e-9)
    np.testing.assert_allclose(np.linalg.norm(neurons.direction, axis=1), 1.0, rtol=1e-12)
    # The Hessian is exact there: from nearby a few steps lead back.
    neurons, coefficients = refined(
        program, neurons, coefficients * (1 + 1e-3 * np.cos(coefficients)), beta, 4
    )
    residual = program.residual(neurons, coefficients[:, None] * neurons.direction)
    pull = program.tied_correlations(neurons, residual)
    np.testing.assert_allclose(pull, -beta * np.sign(coefficients), rtol=1e-9)


def test_below_the_bound_score_matching_is_unbounded_and_the_bound_is_named():
    objective = cs.ScoreMatching(make_points("random", 6, seed=0))
    minimum = cs.beta_bounds(objective, skip=True, conservative=True).minimum
    with pytest.raises(cs.UnboundedError, match="conservative relu with skip") as caught:
        solved(objective, 0.5 * minimum, "relu", True, True)
    assert caught.value.decays["bound"] == pytest.approx(minimum, rel=2e-2)
    # Twice the scale of everything: the same bound in other units.
    assert solved(objective, 1.01 * minimum, "relu", True, True).status == "optimal"
    flat = cs.ScoreMatching(np.outer(np.arange(4.0), [1.0, 2.0]))
    with pytest.raises(cs.UnboundedError, match="hyperplane"):
        solved(flat, 5.0, "relu", True, True)


def test_from_the_largest_threshold_on_there_are_no_neurons():
    objective = cs.ScoreMatching(make_points("random", 12, seed=6))
    bounds = cs.beta_bounds(objective, skip=True, conservative=True)
    free = cs.beta_bounds(objective, skip=True)
    assert bounds.maximum <= free.maximum * (1 + 1e-12)
    above = solved(objective, 1.001 * bounds.maximum, "relu", True, True)
    below = solved(objective, 0.9 * bounds.maximum, "relu", True, True)
    assert (above.network.n_neurons, above.status) == (0, "optimal")
    assert below.network.n_neurons > 0
    # Without neurons it is the Gaussian with the moments of the data.
    np.testing.assert_allclose(above.network.S, -np.linalg.inv(np.cov(objective.X.T, ddof=0)), rtol=1e-9)


def test_labels_of_zero_are_fitted_exactly():
    objective = cs.DenoisingScoreMatching(PLANE, np.zeros_like(PLANE))
    for conservative in (False, True):
        solution = cs.solve(objective, 1.0, conservative=conservative)
        assert (solution.status, solution.value, solution.network.n_neurons) == ("optimal", 0.0, 0)


@pytest.mark.parametrize("seed", range(3))
def test_superfluous_neurons_go_without_a_change_of_the_field(seed):
    rng = np.random.default_rng(seed)
    columns, price = rng.standard_normal((6, 20)), 0.1 * rng.standard_normal(20)
    coefficients = rng.standard_normal(20)
    fewer = basic_coefficients(columns, price, coefficients, 1.0)
    assert np.count_nonzero(fewer) <= 6
    np.testing.assert_allclose(columns @ fewer, columns @ coefficients, atol=1e-10)
    assert price @ fewer + np.abs(fewer).sum() <= price @ coefficients + np.abs(coefficients).sum()


def test_nearly_interpolating_networks_have_no_more_neurons_than_labels():
    X = make_points("random", 10, seed=2)
    solution = solved(planar_objective("dsm", X, 2), 1e-3, "relu", False, True)
    assert solution.status == "optimal"
    assert 0 < solution.network.n_neurons <= X.size


PLANE = make_points("random", 6)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"gated": True}, "conservative: expected False with gates"),
        ({"patterns": np.ones((1, 6), dtype=bool)}, "conservative: expected False with patterns"),
        ({"refit": True}, "conservative: expected False with refit"),
        ({"shape": "log-concave"}, "conservative: expected False with a shape"),
        ({"penalty": "ridge"}, "penalty: expected 'nuclear'"),
        ({"solver": "semismooth_newton"}, "solver: expected one of 'auto', 'column_generation'"),
        ({"beta": 0.0}, "beta: expected a number above 0 for conservative networks"),
        ({"beta": "auto"}, "beta: expected a number for conservative networks, got 'auto'"),
        ({"start": cs.TwoLayerNetwork(np.eye(2), [0, 0], np.eye(2), [0, 0])}, "does not know start"),
        ({"n_starts": 5}, "does not know n_starts"),
        ({"max_patterns": 5}, "does not know max_patterns"),
        ({"conservative": 1}, "conservative: expected True or False"),
    ],
)
def test_what_has_no_effect_or_no_meaning_is_refused(arguments, message):
    given_arguments = {"beta": 5.0, "conservative": True, **arguments}
    with pytest.raises((TypeError, ValueError), match=message):
        cs.solve(cs.ScoreMatching(PLANE), **given_arguments)


def test_expected_denoising_is_refused():
    with pytest.raises(ValueError, match="conservative: expected False with expected denoising"):
        cs.solve(cs.DenoisingScoreMatching.expected([0.0, 1.0, 2.0], 0.5), 1.0, conservative=True)


def test_levels_of_noise_may_be_conservative():
    X = np.random.default_rng(0).standard_normal((12, 2))
    score = cs.NoiseConditionalScore.fit(X, [2.0, 1.0], 3.0, n_draws=2, rng=0, conservative=True)
    assert all(isinstance(network, cs.ConservativeNetwork) for network in score.networks)
    assert score(X, 1.5).shape == X.shape


def test_the_statement_is_of_the_plane():
    with pytest.raises(ValueError, match="objective: expected data with two features, got 3"):
        state_conservative(cs.ScoreMatching(np.eye(3)), 1.0)
