"""Branch and bound: it proves what is true, refuses what is not, and finds what is above."""

from itertools import product

import numpy as np
import pytest

from convexscore.multivariate.conservative.program import ConservativeProgram
from convexscore.multivariate.pricing.box_search import search_boxes
from convexscore.multivariate.pricing.kinks import Kinks
from convexscore.multivariate.pricing.planar import PlanarPricer
from convexscore.multivariate.program import NeuronProgram
from tests.multivariate.literal import largest_correlation
from tests.multivariate.problems import make_points, planar_objective
from tests.problems import KINDS

BOXES = 200_000
SPACE = ("random", "repeated", "collinear", "coplanar", "through_the_origin", "with_the_origin")


def points_in_space(kind, n=7, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, 3))
    if kind == "repeated":
        X[-2:] = X[:2]
    if kind == "collinear":
        X[2] = 0.25 * X[0] + 0.75 * X[1]
    if kind == "coplanar":
        X[3] = X[0] + 0.5 * (X[1] - X[0]) - 0.75 * (X[2] - X[0])
    if kind == "through_the_origin":
        X[1], X[2] = 2 * X[0], -X[0]
    if kind == "with_the_origin":
        X[1] = 0.0
    return X


def some_residual(name, X, activation, skip, bias, tied=False, seed=0):
    """Return a program and a residual far from its optimum."""
    rng = np.random.default_rng(seed)
    weights = rng.choice([0.5, 1.0, 2.0], len(X))
    kind = ConservativeProgram if tied else NeuronProgram
    program = kind.from_objective(planar_objective(name, X, seed, weights), activation, skip, bias)
    noise = 0.7 * rng.standard_normal(program.zero_residual.shape)
    return program, program.zero_residual + program.project(noise)


def proves_and_refuses(program, residual, largest, tied=False):
    terms = Kinks(program, tied).sum_of(residual)
    proof = search_boxes(terms, largest * (1 + 1e-6), BOXES)
    assert proof.complete
    assert proof.seen <= largest * (1 + 1e-9)
    # A search ends when it knows the excess to a factor.
    refusal = search_boxes(terms, largest * (1 - 1e-4), BOXES)
    assert not refusal.complete
    assert largest * (1 - 1e-4) < refusal.seen <= largest * (1 + 1e-9)
    assert largest * (1 - 1e-9) <= refusal.bound <= largest * (1 + 2e-4)
    # However few boxes there are, what is said is true.
    for few in (1, 20, 200):
        hasty = search_boxes(terms, largest * (1 - 1e-6), few)
        assert hasty.bound >= largest * (1 - 1e-9)
        assert hasty.seen <= largest * (1 + 1e-9)


@pytest.mark.parametrize("points", SPACE)
@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize(("name", "activation", "skip"), KINDS)
def test_boxes_know_the_largest_correlation(name, activation, skip, bias, points):
    X = points_in_space(points, seed=KINDS.index((name, activation, skip)))
    program, residual = some_residual(name, X, activation, skip, bias)
    proves_and_refuses(program, residual, largest_correlation(program, residual))


@pytest.mark.parametrize("points", ["random", "through_the_origin", "with_the_origin"])
@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize(("name", "activation", "skip"), KINDS)
def test_boxes_know_the_largest_correlation_of_tied_outputs(name, activation, skip, bias, points):
    X = points_in_space(points, n=6, seed=KINDS.index((name, activation, skip)))
    program, residual = some_residual(name, X, activation, skip, bias, tied=True)
    proves_and_refuses(program, residual, largest_correlation(program, residual, tied=True), tied=True)


@pytest.mark.parametrize(("bias", "name"), list(product([False, True], ["sm", "dsm"])))
def test_four_features(bias, name):
    X = np.random.default_rng(4).standard_normal((7, 4))
    program, residual = some_residual(name, X, "relu", False, bias)
    proves_and_refuses(program, residual, largest_correlation(program, residual))


@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize("points", ["random", "repeated", "collinear", "with_the_origin"])
@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize(("name", "activation", "skip"), KINDS)
def test_boxes_agree_with_circles_in_the_plane(name, activation, skip, bias, points, tied):
    X = make_points(points, n=12, seed=3)
    program, residual = some_residual(name, X, activation, skip, bias, tied)
    largest = PlanarPricer(program, tied).price(residual, 1e-3).largest
    proves_and_refuses(program, residual, largest, tied)
