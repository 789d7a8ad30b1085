"""The search for few neurons against every choice of cells and signs in CVXPY; the fits of counts."""

from itertools import combinations_with_replacement, pairwise, product

import cvxpy as cp
import numpy as np
import pytest

import convexscore as cs
from paper_figs import few_neurons
from paper_figs.fewest_kinks import Kinks, Places, best_networks

from .drawings import drawn_quickly

# The best network with two neurons has a kink between two data.
BETWEEN = np.array([-2.876, -2.811, -0.479, 1.488, 1.985, 2.965, 3.254])


def literal_value(x, beta, m):
    """Return the least loss with at most `m` kinks: every choice of closed cells and signs, in CVXPY."""
    n, values = x.size, []
    for cells in combinations_with_replacement(range(n - 1), m):
        seen = np.array([x >= x[cell + 1] for cell in cells], dtype=float).T
        for signs in product([-1, 1], repeat=m):
            a, c, b, V = cp.Variable(m), cp.Variable(m), cp.Variable(), cp.Variable()
            score = V * x + b + seen @ c + cp.multiply(seen, x[:, None]) @ a
            trace = n * V + seen.sum(axis=0) @ a
            constraints = []
            for k, (cell, sign) in enumerate(zip(cells, signs, strict=True)):
                ends = [-x[cell] * a[k], -x[cell + 1] * a[k]]
                low, high = ends if sign < 0 else ends[::-1]
                constraints += [sign * a[k] >= 0, c[k] >= low, c[k] <= high]
            loss = 0.5 * cp.sum_squares(score) + trace + beta * (np.array(signs) @ a)
            problem = cp.Problem(cp.Minimize(loss), constraints)
            values.append(problem.solve(solver="CLARABEL"))
    return min(values)


def random_data(seed, n):
    """Return ascending points that are not too near each other."""
    return np.sort(np.linspace(-1.5, 1.5, n) + np.random.default_rng(seed).uniform(-0.2, 0.2, n))


@pytest.mark.parametrize(("seed", "n", "m", "beta"), [(0, 7, 1, 1.2), (1, 6, 2, 1.0), (2, 6, 2, 1.5)])
def test_the_search_finds_the_best_of_all_cells_and_signs(seed, n, m, beta):
    x = random_data(seed, n)
    found = best_networks(Places(x, beta), m)[-1]
    assert found.value == pytest.approx(literal_value(x, beta, m), rel=1e-6)


def test_the_search_finds_kinks_between_data():
    places = Places(BETWEEN, 1.5)
    found = best_networks(places, 2)[-1]
    assert np.any(~np.isin(found.position, BETWEEN))
    assert found.value == pytest.approx(literal_value(BETWEEN, 1.5, 2), rel=1e-6)


def test_networks_have_the_losses_that_the_search_says():
    for x, beta in ((BETWEEN, 1.5), (random_data(3, 20), 1.3)):
        places = Places(x, beta)
        for found in best_networks(places, 2):
            assert places.network(found).loss(cs.ScoreMatching(x), beta) == pytest.approx(
                found.value, rel=1e-9
            )


@pytest.mark.parametrize("seed", range(4))
def test_no_few_neurons_are_better_than_the_certified_optimum_and_enough_are_as_good(seed):
    x = random_data(seed, 14)
    beta = 1.8
    solution = cs.solve(cs.ScoreMatching(x), beta, skip=True)
    found = best_networks(Places(x, beta), 3)
    values = [kinks.value for kinks in found]
    assert values == sorted(values, reverse=True)
    assert values[-1] >= solution.value - 1e-9
    neurons = solution.network.n_neurons
    assert 0 < neurons <= 3
    assert values[neurons] == pytest.approx(solution.value, rel=1e-10)
    assert values[neurons - 1] > solution.value * (1 - 1e-9)


def test_sets_of_places_are_those_with_independent_columns():
    x = random_data(5, 9)
    places = Places(x, 2.0)
    sets = {tuple(chosen) for chosen in places.sets(2)}
    n = x.size
    # Ends and outermost cells are left out though they may be independent of one another.
    usable = range(2, 2 * n - 3)
    for first, second in combinations_with_replacement(usable, 2):
        columns = [np.ones(n), x]
        for place in (first, second):
            knot = x[place // 2]
            columns += [(x > knot) * x, (x > knot) * 1.0] if place % 2 else [np.maximum(x - knot, 0)]
        independent = np.linalg.matrix_rank(np.transpose(columns)) == len(columns)
        assert ((first, second) in sets) == independent, (first, second)


def test_pruning_starts_at_the_optimum_and_is_never_below_the_search():
    x = np.sort(np.random.default_rng(2).standard_normal(30))
    beta = 2.0
    objective = cs.ScoreMatching(x)
    solution = cs.solve(objective, beta, skip=True)
    score = solution.network.piecewise
    places = Places(x, beta)
    pruned = places.pruned(score.knots, np.diff(score.slopes))
    assert len(pruned) == solution.network.n_neurons + 1
    assert pruned[-1].value == pytest.approx(solution.value, rel=1e-9)
    assert pruned[0].value == places.line_value
    for few, more in pairwise(pruned):
        assert few.value >= more.value
    for kinks, found in zip(pruned, best_networks(places, 2), strict=False):
        assert kinks.value >= found.value - 1e-9
        kept = Kinks(kinks.position[kinks.height != 0], kinks.height[kinks.height != 0], kinks.value)
        assert places.network(kept).loss(objective, beta) == pytest.approx(kinks.value, rel=1e-9)


def test_pruning_takes_away_the_kink_that_is_missed_least():
    x = np.sort(np.random.default_rng(2).standard_normal(30))
    beta = 2.0
    score = cs.solve(cs.ScoreMatching(x), beta, skip=True).network.piecewise
    knots, signs = score.knots, np.sign(np.diff(score.slopes))
    pruned = Places(x, beta).pruned(knots, signs)
    hinges = np.maximum(x[:, None] - knots, 0)
    counts = np.where(signs > 0, (x[:, None] > knots).sum(axis=0), (x[:, None] >= knots).sum(axis=0))
    values = []
    for missing in range(knots.size):
        size, b, V = cp.Variable(knots.size, nonneg=True), cp.Variable(), cp.Variable()
        heights = cp.multiply(signs, size)
        loss = 0.5 * cp.sum_squares(V * x + b + hinges @ heights) + x.size * V + counts @ heights
        problem = cp.Problem(cp.Minimize(loss + beta * cp.sum(size)), [size[missing] == 0])
        values.append(problem.solve(solver="CLARABEL"))
    assert pruned[-2].value == pytest.approx(min(values), rel=1e-6)
    assert max(values) > min(values) + 1e-3


def test_places_refuse_what_they_do_not_cover():
    with pytest.raises(ValueError, match="x: expected at least three ascending"):
        Places([0.0, 1.0, 1.0], 2.0)
    with pytest.raises(ValueError, match="beta: expected at least 1"):
        Places([0.0, 1.0, 2.0], 0.5)


def test_powers_and_constants_are_those_of_exact_counts():
    counts = [
        {"law": law, "share": 0.1, "scale": scale, "mean": factor * scale**0.5}
        for law, factor in (("Gaussian", 2.0), ("uniform", 2.0))
        for scale in (10.0, 100.0, 1000.0)
    ]
    counts.append({"law": "Gaussian", "share": 1.0, "scale": 1.0, "mean": 1e9})
    fit = few_neurons.fit_power(counts, 0.3)
    assert fit["power"] == pytest.approx(0.5)
    assert fit["n_counts"] == 6
    means = 2.0 / np.sqrt([10.0, 100.0, 1000.0])
    assert fit["constants"]["uniform"] == pytest.approx(means.mean())
    assert fit["constant_errors"]["uniform"] == pytest.approx(means.std(ddof=1) / np.sqrt(3))


def test_the_integral_of_the_cube_root_is_that_of_a_gaussian():
    variance = 1 + few_neurons.NOISE**2
    expected = (2 * np.pi * variance) ** (-1 / 6) * np.sqrt(6 * np.pi * variance)
    assert few_neurons.cube_root_integral("Gaussian") == pytest.approx(expected, rel=1e-6)


def test_shares_lost_are_of_the_gain_over_a_line():
    prices = [
        {"best": [0.0, -5.0], "pruned": [0.0, -4.0, -10.0], "adam": [-1.0], "optimum": -10.0},
        {"best": [2.0, -2.0], "pruned": [2.0, -2.0], "adam": [-0.0], "optimum": -2.0},
    ]
    lost = few_neurons.share_lost(prices)
    assert lost["best"]["mean"] == pytest.approx([1.0, 0.25])
    assert lost["pruned"]["mean"] == pytest.approx([1.0, 0.3, 0.0])
    assert lost["adam"]["mean"] == pytest.approx([0.7])
    assert list(lost["adam"]["neurons"]) == [1]
    assert lost["best"]["standard_error"] == pytest.approx([0.0, 0.25])


def test_a_quick_run_says_what_it_claims():
    _, numbers = drawn_quickly("few_neurons")
    claims = numbers["claims"]
    assert claims["every count is that of a certified global optimum"]
    assert claims["Adam is never below the exhaustive search"]
    assert claims["pruning is never below the exhaustive search"]
    assert numbers["bears_out"] == all(claims.values())
    assert numbers["largest_relative_gap"] < 1e-8
    assert numbers["largest_relative_error_of_best"] < 1e-9
    assert numbers["least_excess_of_adam_over_best"] > 0
    for price in numbers["prices"]:
        assert price["neurons"] > few_neurons.MOST
        assert min(price["adam"] + price["best"]) >= price["optimum"]
    for fit in numbers["fits"].values():
        assert np.isfinite([fit["power"], fit["error"], fit["constant"]]).all()
