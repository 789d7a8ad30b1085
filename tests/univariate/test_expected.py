"""Expected denoising: integrals by quadrature, many draws, optimality, the certificate of the whole line."""

from functools import cache
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from scipy.integrate import quad

import convexscore as cs
from convexscore.numerics.piecewise import PiecewiseLinear
from convexscore.univariate.expected.certificate import certify_expected
from convexscore.univariate.expected.correlation_range import correlation_range
from convexscore.univariate.expected.program import ExpectedProgram
from tests.numerics.blurred import bell, below, integral, laws, random_score

NETWORKS = [(activation, skip) for activation in ("relu", "abs") for skip in (False, True)]
_RNG = np.random.default_rng(0)
# Clean data, weights, noise level.
LAWS = {
    "three": (np.array([0.0, 1.0, 3.0]), None, 0.5),
    "tied": (np.array([-1.0, -1.0, 0.0, 2.0, 2.0, 2.0]), None, 0.5),
    "weighted": (_RNG.standard_normal(8), _RNG.uniform(0.3, 3.0, 8), 0.4),
    "clustered": (np.repeat([-2.0, 2.0], 5) + 0.05 * _RNG.standard_normal(10), None, 0.6),
}

every_network = pytest.mark.parametrize(("activation", "skip"), NETWORKS)
every_law = pytest.mark.parametrize("law", LAWS)


def expected(law):
    x, weights, level = LAWS[law]
    return cs.DenoisingScoreMatching.expected(x, level, weights)


@cache
def solved(law, activation, skip, share):
    """The objective and its solution at this share of the linear regime's weight decay."""
    objective = expected(law)
    beta = share * cs.beta_bounds(objective, activation, skip).linear
    return objective, cs.solve(objective, beta, activation, skip)


def value_scale(objective, value):
    return abs(value) + objective.constant


def random_network(objective, activation, skip, rng, width=4):
    x = objective.X[:, 0]
    unit = np.sqrt(objective.blurred.variance)
    weights = rng.standard_normal(width) / unit
    kinks = rng.choice(x, width) + objective.noise_level * rng.standard_normal(width)
    return cs.TwoLayerNetwork(
        weights[:, None],
        -weights * kinks,
        rng.standard_normal((1, width)) / unit / width,
        rng.standard_normal(1) / unit,
        rng.standard_normal((1, 1)) / unit**2 if skip else None,
        activation=activation,
    )


# The objective.


@pytest.mark.parametrize("law", ["three", "weighted"])
def test_the_loss_is_the_expected_denoising_loss(law):
    objective, rng = expected(law), np.random.default_rng(1)
    eps = objective.noise_level
    for activation, skip in (("relu", True), ("abs", False)):
        network = random_network(objective, activation, skip, rng)
        literal = 0.0
        for x, weight in zip(objective.X[:, 0], objective.weights, strict=True):
            cuts = np.clip((network.kinks - x) / eps, -10, 10)
            edges = np.unique([-10.0, 10.0, *cuts])
            for a, b in pairwise(edges):
                literal += quad(
                    lambda xi, x=x, w=weight, s=network: (
                        0.5 * w * bell(xi) * (s(x + eps * xi) + xi / eps) ** 2
                    ),
                    a,
                    b,
                    epsrel=1e-9,
                )[0]
        assert objective.loss(network) == pytest.approx(literal, rel=1e-8)
        assert objective.loss(network.piecewise) == objective.loss(network)


def test_the_loss_is_the_mean_over_many_draws():
    x, _, eps = LAWS["three"]
    objective, rng = expected("three"), np.random.default_rng(2)
    for activation, skip in NETWORKS:
        network = random_network(objective, activation, skip, rng)
        drawn = cs.DenoisingScoreMatching.from_clean(x, eps, n_draws=20_000, rng=rng)
        terms = 0.5 * (network(drawn.X) - drawn.targets) ** 2
        per_draw = terms.reshape(-1, x.size).sum(axis=1)
        error = per_draw.std(ddof=1) / np.sqrt(per_draw.size)
        assert abs(drawn.loss(network) / 20_000 - objective.loss(network)) <= 4 * error


def test_the_loss_of_a_function_without_pieces_is_an_error():
    with pytest.raises(TypeError, match="score: expected a network or a piecewise linear function, got <fun"):
        expected("three").loss(lambda x: -x)


# Solutions.


@pytest.mark.parametrize(("law", "share"), [*((law, 0.3) for law in LAWS), ("weighted", 0.05)])
@every_network
def test_optima_are_certified(activation, skip, law, share):
    objective, solution = solved(law, activation, skip, share)
    certificate, scale = solution.certificate, value_scale(objective, solution.value)
    assert solution.status == "optimal"
    assert certificate.scope == "global"
    assert certificate.primal == solution.value
    assert abs(certificate.gap) <= 1e-8 * scale
    assert certificate.max_violation <= 1e-8 * max(solution.beta, objective.weights.sum())
    assert solution.network.loss(objective, solution.beta) == pytest.approx(solution.value, rel=1e-12)
    assert skip or (solution.network.V == 0).all()
    assert solution.network.activation == activation
    # Refinement leaves no bundles of neighbouring kinks of one sign.
    score = solution.network.piecewise
    jumps = np.sign(np.diff(score.slopes))
    close = np.diff(score.knots) <= 1e-3 * objective.noise_level
    assert not (close & (jumps[1:] == jumps[:-1])).any()


@every_law
@every_network
def test_no_network_beats_the_optimum(activation, skip, law):
    objective, solution = solved(law, activation, skip, 0.3)
    rng, beta, best = np.random.default_rng(3), solution.beta, solution.network
    slack = 1e-8 * value_scale(objective, solution.value)
    for width in (1, 3, 20):
        for size in (1.0, 0.1, 1e-3):
            other = random_network(objective, activation, skip, rng, width)
            other = cs.TwoLayerNetwork(
                size * other.W1, size * other.b1, size * other.W2, other.b2, other.V, activation=activation
            )
            assert solution.certificate.dual <= other.loss(objective, beta)
            assert solution.value <= other.loss(objective, beta) + slack
    for size in (1e-4, 1e-2, 0.3):
        for _ in range(5):
            arrays = [
                array * (1 + size * rng.standard_normal(array.shape))
                for array in (best.W1, best.b1, best.W2, best.b2, best.V)
            ]
            other = cs.TwoLayerNetwork(*arrays, activation=activation)
            assert solution.value <= other.loss(objective, beta) + slack


@every_law
@every_network
def test_the_dual_value_of_any_network_is_below_the_optimum(activation, skip, law):
    objective, solution = solved(law, activation, skip, 0.3)
    program, rng = ExpectedProgram(objective, activation, skip), np.random.default_rng(4)
    best, beta = solution.network, solution.beta
    slack = 1e-8 * value_scale(objective, solution.value)
    others = [random_network(objective, activation, skip, rng)]
    for size in (1e-6, 0.03):
        arrays = [
            array * (1 + size * rng.standard_normal(array.shape))
            for array in (best.W1, best.b1, best.W2, best.b2, best.V)
        ]
        others.append(cs.TwoLayerNetwork(*arrays, activation=activation))
    for other in others:
        certificate = certify_expected(program, other, beta)
        assert certificate.dual <= solution.value + slack
        assert certificate.primal == other.loss(objective, beta)
        assert certificate.max_violation > 1e-8 * beta
    nearly = certify_expected(program, others[1], beta)
    assert nearly.gap <= 1e-3 * value_scale(objective, solution.value)
    # A wrong bias is removed from the residual before anything else: it costs the bound nothing.
    shifted = cs.TwoLayerNetwork(best.W1, best.b1, best.W2, best.b2 + 1.0, best.V, activation=activation)
    assert abs(certify_expected(program, shifted, beta).dual - solution.value) <= 2 * slack


@every_network
def test_solutions_of_sampled_noise_are_no_better_in_expectation(activation, skip):
    for law in ("three", "tied", "clustered"):
        objective, solution = solved(law, activation, skip, 0.3)
        for draws in (1, 20):
            sampled = sampled_solution(law, activation, skip, solution.beta, draws)
            assert sampled.network.loss(objective, solution.beta) >= solution.value * (1 - 1e-8)


def sampled_solution(law, activation, skip, beta, draws):
    """Solve with draws of the noise, each weighing one over their number: the same balance at `beta`."""
    x, _, eps = LAWS[law]
    drawn = cs.DenoisingScoreMatching.from_clean(x, eps, n_draws=draws, rng=draws)
    weights = np.full(len(drawn.X), 1 / draws)
    objective = cs.DenoisingScoreMatching(drawn.X, drawn.targets, sample_weight=weights)
    return cs.solve(objective, beta, activation, skip)


@every_network
def test_expected_denoising_is_the_limit_of_many_draws(activation, skip):
    x, _, eps = LAWS["three"]
    _, solution = solved("three", activation, skip, 0.3)
    drawn = cs.DenoisingScoreMatching.from_clean(x, eps, n_draws=30_000, rng=0)
    many = cs.solve(drawn, 30_000 * solution.beta, activation, skip)
    grid = np.linspace(x.min(), x.max(), 200)
    one, other = solution.network(grid), many.network(grid)
    assert np.sqrt(np.mean((one - other) ** 2)) <= 0.05 * np.sqrt(np.mean(one**2))
    assert many.value / 30_000 == pytest.approx(solution.value, rel=0.02)


# The certificate on the whole line.


def literal_correlation(data, score, t):
    """``H(t) = int_t^inf (y - t) s q + P0(t)``, by the integrals of ``(y - t)(y - k)_+`` for knots ``k``."""

    def upper(a):
        u = (data.x - a[:, None]) / data.width
        first = data.width * (u * below(u) + bell(u))
        second = data.width**2 * ((u**2 + 1) * below(u) + u * bell(u))
        return below(u) @ data.mass, first @ data.mass, second @ data.mass

    ahead, first, second = upper(t)
    slope = score.slopes[np.searchsorted(score.knots, t, side="right")]
    height = ahead + score(t) * first + slope * second
    _, at_first, at_second = upper(score.knots)
    for k, jump, one, two in zip(score.knots, np.diff(score.slopes), at_first, at_second, strict=True):
        height += np.where(k > t, jump * (two + (k - t) * one), 0.0)
    return height


@settings(max_examples=5)
@given(laws(max_size=3))
def test_the_literal_correlation_is_its_integral(drawn):
    data, rng = drawn
    score = random_score(data, rng)
    for t in data.mean + np.sqrt(data.variance) * rng.uniform(-2, 2, 3):
        literal = integral(
            data, lambda y, a=t: 1 + (y - a) * score(np.array(y)), low=float(t), cuts=score.knots
        )
        assert literal_correlation(data, score, np.array([t]))[0] == pytest.approx(
            literal, rel=1e-8, abs=1e-9 * data.total
        )


def assert_encloses(program, score, tolerance):
    data = program.data
    reach = data.x[[0, -1]] + 9 * data.width * np.array([-1, 1])
    # Beyond these ends the correlation of a score that is not balanced goes on as a line.
    inside = score.knots[(score.knots > reach[0]) & (score.knots < reach[1])]
    t = np.union1d(np.linspace(*reach, 6001), inside)
    height = literal_correlation(data, score, t)
    low, high = correlation_range(program, score, tolerance)
    rounding = 1e-12 * (data.total + np.abs(height).max())
    assert low <= height.min() + rounding
    assert height.max() - rounding <= high
    # Between positions so close, a parabola tells how much further H may reach.
    bend = np.abs(np.diff(literal_correlation(data, score, np.linspace(*reach, 6001)), 2)).max()
    assert low >= min(height.min(), 0.0) - tolerance - bend
    assert high <= max(height.max(), 0.0) + tolerance + bend


@settings(max_examples=25)
@given(laws())
def test_the_range_of_the_correlation_encloses_it_tightly(drawn):
    data, rng = drawn
    objective = cs.DenoisingScoreMatching.expected(data.x, data.width, data.mass)
    program = ExpectedProgram(objective, "relu", True)
    score = random_score(data, rng, n_knots=int(rng.integers(1, 6)))
    assert_encloses(program, score, 1e-6 * data.total)


def test_the_range_holds_for_a_score_close_to_the_true_one():
    # Where it meets q'/q, the second derivative of H is zero at both ends of an interval, and not between.
    objective = expected("clustered")
    program = ExpectedProgram(objective, "relu", True)
    for per_width in (1.0, 2.0, 4.0):
        knots = program.scan(per_width)
        density, rate = objective.blurred.density(knots)
        values = rate / density
        slopes = np.diff(values) / np.diff(knots)
        score = PiecewiseLinear(knots, values, np.concatenate([slopes[:1], slopes, slopes[-1:]]))
        assert_encloses(program, score, 1e-9 * program.total)


@every_law
@every_network
def test_no_kink_anywhere_violates_the_certificate_of_an_optimum(activation, skip, law):
    objective, solution = solved(law, activation, skip, 0.3)
    program, score = ExpectedProgram(objective, activation, skip), solution.network.piecewise
    assert_encloses(program, score, 1e-9 * solution.beta)
    reach = objective.blurred.x[[0, -1]] + 9 * objective.noise_level * np.array([-1, 1])
    t = np.linspace(*reach, 4001)
    right = literal_correlation(objective.blurred, score, t)
    kappa = literal_correlation(objective.blurred, score, reach[:1])[0]
    largest = np.maximum(np.abs(right), np.abs(right - kappa))
    if activation == "abs":
        largest = np.abs(2 * right - kappa)
    assert largest.max() <= solution.beta * (1 + 1e-6)
    # And kinks are where it is reached.
    assert largest.max() >= solution.beta * (1 - 1e-4)


# Weight decays.


def inner_kinks(objective, network):
    """Kinks where there is mass: those of the line's own neurons are beyond it."""
    reach = objective.blurred.x[[0, -1]] + 8 * objective.noise_level * np.array([-1, 1])
    return ((network.kinks > reach[0]) & (network.kinks < reach[1])).sum()


@pytest.mark.parametrize("law", ["three", "weighted"])
@every_network
def test_thresholds_separate_the_regimes(activation, skip, law):
    objective = expected(law)
    data = objective.blurred
    bounds = cs.beta_bounds(objective, activation, skip)
    assert bounds.minimum == 0
    assert 0 < bounds.linear <= bounds.maximum
    grid = np.linspace(data.x[0], data.x[-1], 9)

    line = cs.solve(objective, 1.00001 * bounds.linear, activation, skip)
    shrunk = 1.0 if skip else max(1 - 1.00001 * bounds.linear / data.total, 0.0)
    np.testing.assert_allclose(
        line.network(grid), -shrunk * (grid - data.mean) / data.variance, atol=1e-9 / np.sqrt(data.variance)
    )
    assert line.status in ("closed_form", "optimal")
    assert inner_kinks(objective, line.network) == 0
    below = cs.solve(objective, 0.9999 * bounds.linear, activation, skip)
    assert inner_kinks(objective, below.network) > 0
    beyond = [cs.solve(objective, f * bounds.maximum, activation, skip).network(grid) for f in (1.001, 2.0)]
    np.testing.assert_allclose(*beyond, atol=1e-9)
    before = cs.solve(objective, 0.9 * bounds.maximum, activation, skip).network(grid)
    assert np.abs(before - beyond[0]).max() > 1e-3


@pytest.mark.parametrize(
    ("x", "level", "activation", "skip", "beta"),
    [
        ([-18.0, 7.0], 1.0, "abs", False, 0.84),
        ([-17.0, -17.0, 12.0], 3.0, "abs", False, 1.56),
        ([-1.0, -1.0, 0.0, 2.0, 2.0, 2.0], 0.4, "relu", True, 0.4443226593266159),
        ([-3.0, -14.0, -16.0, 13.0, 17.0], 0.5, "abs", True, 3.14),
    ],
)
def test_the_grid_is_refined_until_the_certificate_holds(x, level, activation, skip, beta):
    # Here the correlation is largest close beside a kink, in a cell much wider than that distance.
    objective = cs.DenoisingScoreMatching.expected(x, level)
    solution = cs.solve(objective, beta, activation, skip)
    assert solution.status == "optimal"
    assert solution.certificate.max_violation <= 1e-8 * max(beta, len(x))


def test_one_sample_has_the_line_of_its_noise():
    objective = cs.DenoisingScoreMatching.expected([2.0], 0.5, [3.0])
    for activation in ("relu", "abs"):
        assert cs.beta_bounds(objective, activation, True).linear <= 1e-9
        solution = cs.solve(objective, 0.1, activation, skip=True)
        assert solution.network.n_neurons == 0
        assert solution.value == pytest.approx(0.0, abs=1e-10)
        np.testing.assert_allclose(solution.network([1.0, 3.0]), [4.0, -4.0], rtol=1e-9)


@every_network
def test_weights_are_repetitions(activation, skip):
    x = np.array([0.0, 1.0, 3.0])
    weighted = cs.DenoisingScoreMatching.expected(x, 0.5, [2.0, 1.0, 3.0])
    repeated = cs.DenoisingScoreMatching.expected([3.0, 0.0, 1.0, 3.0, 0.0, 3.0], 0.5)
    assert weighted.constant == repeated.constant
    one, other = (cs.solve(o, 1.0, activation, skip) for o in (weighted, repeated))
    assert one.value == pytest.approx(other.value, rel=1e-8)
    grid = np.linspace(-1, 4, 50)
    np.testing.assert_allclose(one.network(grid), other.network(grid), atol=1e-5)


@every_network
def test_units_and_origin_do_not_matter(activation, skip):
    x, weights, level = LAWS["weighted"]
    objective, one = solved("weighted", activation, skip, 0.3)
    for unit, shift in ((1024.0, 0.0), (1.0, 64.0)):
        moved = cs.DenoisingScoreMatching.expected(unit * x + shift, unit * level, weights)
        bounds = cs.beta_bounds(moved, activation, skip)
        assert bounds.linear == pytest.approx(cs.beta_bounds(objective, activation, skip).linear, rel=1e-9)
        other = cs.solve(moved, one.beta, activation, skip)
        assert unit**2 * other.value == pytest.approx(one.value, rel=1e-8)
        np.testing.assert_allclose(unit * other.network(unit * x + shift), one.network(x), atol=1e-5)


# Bad input.


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"beta": 0.0}, ValueError, "beta: expected a number above 0 for expected denoising, .* got 0"),
        ({"beta": -1.0}, ValueError, "beta: expected a number at least 0, got -1"),
        ({"beta": "automatic"}, ValueError, "beta: expected one of 'auto', got 'automatic'"),
        ({"beta": 1.0, "shape": "log-concave"}, ValueError, "takes neither shape nor refit, .*log-concave"),
        ({"beta": 1.0, "refit": True}, ValueError, "takes neither shape nor refit, .* refit=True"),
        (
            {"beta": 1.0, "solver": "clarabel"},
            ValueError,
            "solver: expected one of 'auto', 'refined_grid' for expected",
        ),
        ({"beta": 1.0, "tol": 0.0}, ValueError, "tol: expected a number above 0"),
        ({"beta": 1.0, "activation": "tanh"}, ValueError, "activation: expected one of 'relu', 'abs'"),
        ({"beta": 1.0, "max_iterations": 3}, TypeError, "'refined_grid' does not know max_iterations"),
    ],
)
def test_bad_arguments_are_named(arguments, error, message):
    with pytest.raises(error, match=message):
        cs.solve(expected("three"), **arguments)


@pytest.mark.parametrize("level", [0.0, -1.0])
def test_a_noise_level_that_is_not_positive_is_named(level):
    with pytest.raises(ValueError, match="noise_level: expected a number above 0"):
        cs.DenoisingScoreMatching.expected([0.0, 1.0], level)


def test_data_that_do_not_fit_are_named():
    with pytest.raises(ValueError, match="X: expected data with 1 feature, got 2"):
        cs.DenoisingScoreMatching.expected(np.ones((3, 2)), 1.0)
    with pytest.raises(ValueError, match="sample_weight"):
        cs.DenoisingScoreMatching.expected([0.0, 1.0], 1.0, [1.0, -1.0])


def test_what_needs_kinks_at_data_says_so():
    message = "objective: expected ScoreMatching or DenoisingScoreMatching, got ExpectedDenoising"
    with pytest.raises(TypeError, match=message):
        cs.regularization_path(expected("three"))


def test_noise_far_below_the_range_is_refused():
    for function in (lambda o: cs.solve(o, 0.1), cs.beta_bounds):
        with pytest.raises(ValueError, match="noise_level: expected at least a hundred-thousandth"):
            function(cs.DenoisingScoreMatching.expected([0.0, 1e12], 1.0))


def test_thresholds_of_little_noise_are_close_to_those_of_score_matching():
    x = np.random.default_rng(2).normal(size=1500)
    expected = cs.DenoisingScoreMatching.expected(x, 1e-4)
    assert cs.beta_bounds(expected, skip=True).linear == pytest.approx(
        cs.beta_bounds(cs.ScoreMatching(x), skip=True).linear, abs=1.0
    )
    assert cs.solve(cs.DenoisingScoreMatching.expected([0.0, 1.0], 1e-3), 0.1, skip=True).status == "optimal"
