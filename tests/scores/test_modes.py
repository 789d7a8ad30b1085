"""The test of the number of modes: as a literal loop has it, moved with the data, and of its level."""

import copy
import pickle

import numpy as np
import pytest
from scipy import stats

import convexscore as cs
from convexscore.scores import modes
from convexscore.univariate.modes import critical_decay
from convexscore.univariate.program import UnivariateProgram

from ..univariate.test_modes import falls

RNG = np.random.default_rng(3)
X = np.concatenate([RNG.normal(-1.3, 1.0, 25), RNG.normal(1.5, 0.8, 20)])


def test_a_literal_loop_gives_the_same():
    found = cs.mode_test(X, 1, 30, np.random.default_rng(7))
    density = cs.solve(X, found.critical_beta, skip=True, tails="integrable").density()
    np.testing.assert_allclose(found.density.logpdf(X), density.logpdf(X), rtol=1e-12)
    uniforms = np.concatenate([np.random.default_rng(7).random((30, X.size))])
    leans_left = stats.skew(X) < 0
    numbers = []
    for row in uniforms:
        drawn = density.icdf(1 - row if leans_left else row)
        network = cs.solve(drawn, found.critical_beta, skip=True, tails="integrable").network
        places = np.concatenate([[-1e5, 1e5], network.kinks])
        numbers.append(len(falls(network(np.sort(places)))))
    np.testing.assert_array_equal(found.replicate_modes, numbers)
    assert found.pvalue == (1 + sum(number > 1 for number in numbers)) / 31
    assert found.n_raised == 0
    assert 0.05 < found.pvalue < 0.95


@pytest.mark.parametrize("rounded", [False, True])
def test_replicates_count_where_their_own_critical_weight_decay_is_larger(rounded):
    x = np.round(2 * X) / 2 if rounded else X
    program = UnivariateProgram.from_objective(cs.ScoreMatching(x), "relu", True)
    beta = 5.2 if rounded else critical_decay(program, 1)
    null = modes._Null(program, beta)
    (uniforms,) = null.uniforms(20, np.random.default_rng(2))
    numbers, raised = null.counts(uniforms)
    own = [critical_decay(null._program(row), 1) for row in null._samples(uniforms)]
    np.testing.assert_array_equal((numbers > 1) | (raised > 0), np.array(own) >= beta)
    assert 2 <= np.sum(np.array(own) >= beta) <= 18
    assert raised.any() == rounded


def test_modes_are_where_the_density_is_largest():
    found = cs.mode_test(X, 2, 1, 0)
    places = np.linspace(-6, 6, 4001)
    logpdf = found.density.logpdf(places)
    tops = places[1:-1][(logpdf[1:-1] > logpdf[:-2]) & (logpdf[1:-1] >= logpdf[2:])]
    np.testing.assert_allclose(found.modes, tops, atol=0.004)
    assert found.n_modes == 2 == found.modes.size


def test_what_is_clear_is_found():
    g = np.random.default_rng(0)
    two = np.concatenate([g.normal(0, 1, 60), g.normal(4, 1, 60)])
    assert cs.mode_test(two, 1, 99, 0).pvalue == 0.01
    assert cs.mode_test(two, 2, 99, 0).pvalue > 0.2
    three = np.concatenate([two, g.normal(8, 1, 60)])
    assert cs.mode_test(three, 2, 99, 0).pvalue <= 0.02
    assert cs.mode_test(three, 3, 99, 0).pvalue > 0.2


@pytest.mark.parametrize("law", ["normal", "rounded", "gamma"])
def test_the_level_is_kept(law):
    g = np.random.default_rng(1)
    draw = {
        "normal": lambda: g.standard_normal(40),
        "rounded": lambda: np.rint(2 * g.standard_normal(60)) / 2,
        "gamma": lambda: g.gamma(2.0, size=40),
    }[law]
    rejected = sum(cs.mode_test(draw(), 1, 19, g).pvalue <= 0.1 for _ in range(30))
    # With a share of 0.1 more would have a probability of 1e-6.
    assert rejected <= stats.binom(30, 0.1).isf(1e-6)


def changed(x, scale, shift):
    return scale * x + shift


@pytest.mark.parametrize(
    ("scale", "shift"), [(1.0, 10.0), (3.7, 0.0), (-1.0, 0.0), (2.0**80, 0.0), (-1.1e-5, 7e-4), (1.0, -1e6)]
)
@pytest.mark.parametrize("rounded", [False, True])
def test_units_and_sides_do_not_matter(scale, shift, rounded):
    x = np.round(4 * X) / 4 if rounded else X
    found, other = (cs.mode_test(data, 1, 40, 0) for data in (x, changed(x, scale, shift)))
    assert other.pvalue == found.pvalue
    assert other.critical_beta == pytest.approx(found.critical_beta, rel=1e-6)
    np.testing.assert_array_equal(other.replicate_modes, found.replicate_modes)
    moved = np.sort(changed(found.modes, scale, shift))
    np.testing.assert_allclose(other.modes, moved, rtol=1e-4, atol=1e-4 * abs(scale))


def test_frequencies_are_repetitions():
    x, times = np.round(X, 1), np.random.default_rng(0).integers(0, 4, X.size)
    found = cs.mode_test(x, 1, 30, 0, sample_weight=times)
    other = cs.mode_test(np.repeat(x, times), 1, 30, 0)
    assert other.critical_beta == pytest.approx(found.critical_beta, rel=1e-6)
    assert other.pvalue == found.pvalue
    np.testing.assert_array_equal(other.replicate_modes, found.replicate_modes)


def test_order_and_workers_do_not_matter():
    found = cs.mode_test(X, 1, 60, 0)
    for other in (cs.mode_test(X[::-1], 1, 60, 0), cs.mode_test(X, 1, 60, 0, n_jobs=2)):
        assert other.pvalue == found.pvalue
        np.testing.assert_array_equal(other.replicate_modes, found.replicate_modes)
    assert not np.array_equal(cs.mode_test(X, 1, 60, 1).replicate_modes, found.replicate_modes)


def test_replicates_are_rounded_as_the_data_are():
    x = np.round(X * 5) / 5
    program = UnivariateProgram.from_objective(cs.ScoreMatching(x), "relu", True)
    null = modes._Null(program, 5.0)
    (uniforms,) = null.uniforms(3, np.random.default_rng(0))
    drawn = null._samples(uniforms)
    np.testing.assert_allclose((drawn - x[0]) * 5, np.rint((drawn - x[0]) * 5), atol=1e-9)
    assert np.ptp(drawn) > 2
    assert modes._Null(UnivariateProgram.from_objective(cs.ScoreMatching(X)), 5.0).spacing == 0


@pytest.mark.parametrize(
    "x", [[0.0, 1.0], [0, 1, 1, 1], [1.0, 2.0, 4.1], [0, 0, 0, 0, 5], [3.0, 3.0, 3.0, 7.0, 7.0, 7.0]]
)
@pytest.mark.parametrize("n_modes", [1, 2, 10**6])
def test_tiny_data_have_a_pvalue(x, n_modes):
    found = cs.mode_test(x, n_modes, 9, 0)
    assert 0.1 <= found.pvalue <= 1
    assert found.modes.size <= n_modes
    assert found.critical_beta >= cs.beta_bounds(x, skip=True).minimum
    if n_modes >= len(set(x)):
        # So many modes are never there.
        assert found.pvalue == 1


def test_ties_raise_the_critical_weight_decay_and_are_counted():
    x = np.repeat([0.0, 1.0, 2.0, 3.0], [2, 7, 6, 2])
    found = cs.mode_test(x, 1, 60, 0)
    least = cs.beta_bounds(x, skip=True).minimum
    assert found.critical_beta == pytest.approx(least, rel=1e-8)
    assert 0 < found.n_raised < 60
    assert found.pvalue == 1


def test_replicates_whose_weight_decay_is_raised_count():
    waiting = cs.datasets.load_old_faithful()["waiting"]
    found = cs.mode_test(waiting, 2, 40, 0)
    more = int(np.sum(found.replicate_modes > 2))
    counted = round(41 * found.pvalue) - 1
    assert max(more + 1, found.n_raised) <= counted <= more + found.n_raised < 41


def test_fractional_weights_keep_their_sum():
    weights = np.random.default_rng(0).uniform(0.2, 3.0, X.size)
    program = UnivariateProgram.from_objective(cs.ScoreMatching(X, weights), "relu", True)
    null = modes._Null(program, 8.0)
    (uniforms,) = null.uniforms(2, np.random.default_rng(0))
    assert uniforms.shape == (2, round(weights.sum()))
    assert null._program(null._samples(uniforms)[0]).mass.sum() == pytest.approx(weights.sum(), rel=1e-12)
    found = cs.mode_test(X, 1, 20, 0, sample_weight=weights)
    assert found.density.interval_bands(0.5, 9, rng=0).n_replicates == 9
    with pytest.raises(ValueError, match=r"sample_weight: expected 2 to .* samples, by frequencies, got 1$"):
        cs.mode_test(X, sample_weight=weights / weights.sum())


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"x": [1.0, 1.0]}, ValueError, "x: expected at least two distinct values, got 2, all equal"),
        ({"x": [[1.0, 2.0], [3.0, 4.0]]}, ValueError, "x: expected 1 feature, got 2"),
        ({"x": [1.0, np.nan]}, ValueError, "x: expected"),
        ({"x": ["a", "b"]}, TypeError, "x: expected real numbers"),
        ({"n_modes": 0}, ValueError, "n_modes: expected an integer of at least 1, got 0"),
        ({"n_modes": 1.5}, TypeError, "n_modes: expected an integer"),
        ({"n_replicates": 0}, ValueError, "n_replicates: expected an integer of at least 1, got 0"),
        ({"rng": -1}, ValueError, "rng: expected"),
        ({"sample_weight": [1.0]}, ValueError, "sample_weight: expected"),
        ({"sample_weight": np.zeros(X.size)}, ValueError, "sample_weight: expected"),
        ({"sample_weight": np.full(X.size, 1e300)}, ValueError, "sample_weight: expected 2 to"),
        (
            {"sample_weight": np.eye(X.size)[0] * 9},
            ValueError,
            "x: expected at least two distinct values, got 1",
        ),
        ({"n_jobs": 0}, ValueError, "n_jobs: expected"),
        ({"progress": 1}, TypeError, "progress: expected"),
        ({"x": [0.0, 1e130]}, ValueError, "x: expected a range"),
        ({"x": [1e12, 1e12 + 1, 1e12 + 3]}, ValueError, "x: expected values within"),
    ],
)
def test_wrong_arguments_are_named(arguments, error, message):
    with pytest.raises(error, match=message):
        cs.mode_test(**{"x": X, **arguments})


def test_results_are_frozen_and_can_be_pickled():
    found = cs.mode_test(X, 1, 5, 0)
    for other in (copy.deepcopy(found), pickle.loads(pickle.dumps(found))):
        assert other.pvalue == found.pvalue
        with pytest.raises(ValueError, match="read-only"):
            other.modes[0] = 0.0
        assert other.density.logpdf(0.3) == found.density.logpdf(0.3)


@pytest.mark.parametrize(
    "x", [np.append(np.random.default_rng(0).exponential(size=40), 1e12), [1.0, 1.0 + 1e-15, 2.0]]
)
def test_data_of_too_many_sizes_are_refused(x):
    with pytest.raises((cs.SolverError, ValueError), match="x"):
        cs.mode_test(x, 1, 20, rng=0)
