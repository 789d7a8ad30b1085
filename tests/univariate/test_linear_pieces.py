"""Pieces of the exact path against problems that are solved by themselves."""

import numpy as np
import pytest

import convexscore as cs
from convexscore.univariate.linear_pieces import linear_pieces

GENERATOR = np.random.default_rng(3)
DATA = {
    "small": GENERATOR.normal(size=12),
    "ties": np.round(GENERATOR.normal(size=60), 1),
    "a heavy tie inside": np.r_[np.zeros(20), GENERATOR.normal(size=15)],
    "a heavy tie at the end": np.r_[np.zeros(20), np.abs(GENERATOR.normal(size=15))],
    "far": 1e6 + GENERATOR.gamma(2, size=40),
    "tiny": 1e-100 * GENERATOR.normal(size=12),
    "three": np.array([0.0, 0.0, 0.0, 1.0]),
}


def outer_slopes(network):
    piecewise = network.piecewise
    return piecewise.slopes[[0, -1]]


@pytest.mark.parametrize("skip", [False, True])
@pytest.mark.parametrize("activation", ["relu", "abs"])
@pytest.mark.parametrize("name", ["sm", "dsm"])
@pytest.mark.parametrize("data", DATA)
def test_between_the_ends_of_a_piece_the_optimum_is_linear(data, name, activation, skip):
    x = DATA[data]
    objective = cs.ScoreMatching(x)
    if name == "dsm":
        objective = cs.DenoisingScoreMatching.from_clean(x, 0.5 * float(np.std(x)), rng=0)
    path = cs.regularization_path(objective, activation, skip)
    pieces = linear_pieces(path)
    assert pieces[0].upper == path.betas[0]
    assert pieces[-1].lower == path.betas[-1]
    position = np.unique(objective.X)
    for piece, share in zip(pieces, np.random.default_rng(0).random(len(pieces)), strict=True):
        beta = piece.upper + share * (piece.lower - piece.upper)
        network = cs.solve(objective, beta, activation, skip).network
        knots = position[np.r_[0, piece.kinks, position.size - 1]]
        values = (1 - share) * piece.values[0] + share * piece.values[1]
        size = np.abs(values).max() + np.sqrt(len(x)) / np.ptp(x)
        np.testing.assert_allclose(network(knots), values, rtol=0, atol=1e-10 * size)
        outer = (1 - share) * piece.outer[0] + share * piece.outer[1]
        np.testing.assert_allclose(outer_slopes(network), outer, rtol=0, atol=1e-10 * size / np.ptp(x) * 10)


def test_pieces_follow_each_other():
    path = cs.regularization_path(cs.datasets.load_galaxies()["velocity_km_s"], "abs", beta_min=4.0)
    pieces = linear_pieces(path)
    assert len(pieces) > len(path.betas) - 1
    assert [piece.lower for piece in pieces[:-1]] == [piece.upper for piece in pieces[1:]]
