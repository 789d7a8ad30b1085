"""Data of which more points than the dimension lie on one hyperplane through the origin, without bias."""

import numpy as np
import pytest

import convexscore as cs
from convexscore.multivariate.pricing.box_search import search_boxes
from convexscore.multivariate.pricing.kinks import Kinks
from convexscore.multivariate.program import NeuronProgram
from tests.multivariate.literal import largest_correlation


def flat_points(kind, seed):
    rng = np.random.default_rng(seed)
    if kind == "lattice":
        grid = np.array(np.meshgrid(*[np.arange(-1.0, 2.0)] * 3)).reshape(3, -1).T
        return grid[rng.permutation(27)[:12]]
    X = rng.standard_normal((9, 3))
    X[:6, 2] = 0.0
    if kind == "turned":
        X = X @ np.linalg.qr(rng.standard_normal((3, 3)))[0]
    return X


@pytest.mark.parametrize(("activation", "skip"), [("relu", False), ("relu", True), ("abs", False)])
@pytest.mark.parametrize("kind", ["axis", "turned", "lattice"])
def test_score_matching_is_proven_and_is_the_optimum_of_all_cells(kind, activation, skip):
    X = flat_points(kind, seed=1)
    objective = cs.ScoreMatching(X)
    lowest = cs.beta_bounds(objective, activation=activation, skip=skip, bias=False).minimum
    beta = 1.5 * max(lowest, 1.0)
    solution = cs.solve(objective, beta, activation=activation, skip=skip, bias=False)
    assert solution.status == "optimal"
    assert solution.certificate.scope == "global"
    program = NeuronProgram.from_objective(objective, activation, skip, False)
    residual = program.root_mass * (program.scale * solution.network(program.points) - program.target)
    # A residual of the program has correlations in its own units, those of its weight decay.
    assert largest_correlation(program, program.balanced(residual)[0]) <= beta * (1 + 1e-5)


def test_a_neuron_on_the_flat_is_found_and_refused_below():
    for seed in range(8):
        X = flat_points("axis", seed)
        program = NeuronProgram.from_objective(cs.ScoreMatching(X), "relu", False, False)
        normal = np.linalg.svd(X[:6])[2][-1]
        # A residual that pushes along the direction all six points' hyperplanes share.
        residual = program.project(program.zero_residual + np.tile(0.3 * normal, (len(program.rows), 1)))
        largest = largest_correlation(program, residual)
        terms = Kinks(program).sum_of(residual)
        assert search_boxes(terms, largest * (1 + 1e-6), 50_000).complete
        refused = search_boxes(terms, largest * (1 - 1e-3), 50_000)
        assert not refused.complete
        assert largest * (1 - 1e-3) < refused.seen <= largest * (1 + 1e-6)
