"""The exact path as numbers: on each of its pieces the score is linear in the weight decay.

What is linear are the score's values at its knots, its slopes beyond the data, and the ends of the
multiplier's range; the two ends of a piece say them all.  The slopes beyond the data of absolute-value
networks without skip connection are the flattest that the optimum leaves free, so that they bend where a
slope inside changes its sign: there pieces are cut.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from .._support.validation import FloatArray
from .path import Path
from .reconstruction import score_of
from .spline import SplineProblem

__all__ = ["LinearPiece", "linear_pieces"]

# Where inside a piece it is looked at: at its ends two regimes meet.
_INSIDE = np.array([0.25, 0.75])


@dataclass(frozen=True, eq=False)
class LinearPiece:
    """A range of weight decays in which the optimal score is linear in them, in the data's units.

    Parameters
    ----------
    upper, lower : float
        The ends of the range.
    kinks : int ndarray of shape (n_kinks,)
        Indices of the kinks among the distinct positions of the data, ascending, all inside.
    values : ndarray of shape (2, n_kinks + 2)
        The score at the first position, the kinks and the last position; at both ends of the range.
    outer : ndarray of shape (2, 2)
        Its slopes left and right of the data, at both ends.
    multiplier : ndarray of shape (2, 2)
        Least and largest value of the multiplier ``kappa``, at both ends.
    """

    upper: float
    lower: float
    kinks: NDArray[np.intp]
    values: FloatArray
    outer: FloatArray
    multiplier: FloatArray


def linear_pieces(path: Path) -> list[LinearPiece]:
    """Return the pieces of an exact path, from the largest weight decay down.

    Parameters
    ----------
    path : Path
        An exact path.  One that ends where it begins has one piece, of a single weight decay.
    """
    betas = path.betas.tolist()
    found: list[LinearPiece] = []
    for upper, lower in pairwise(betas):
        cuts = [upper, *_cuts(path, upper, lower), lower]
        found += [_piece(path, *ends) for ends in pairwise(cuts)]
    return found or [_piece(path, betas[0], betas[0])]


def _piece(path: Path, upper: float, lower: float) -> LinearPiece:
    seen = [_seen(path, float(beta)) for beta in upper + _INSIDE * (lower - upper)]
    units = path._units
    values, outer, multiplier = (_at_ends(first, second) for first, second in zip(*seen, strict=True))
    return LinearPiece(
        upper,
        lower,
        path._at(0.5 * (upper + lower))[1].kinks,
        np.ldexp(values, units.label),
        np.ldexp(outer, units.label - units.length),
        np.ldexp(multiplier, units.correlation),
    )


def _seen(path: Path, beta: float) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return values at knots, outer slopes and the multiplier's range at a weight decay."""
    problem, spline, _ = path._at(beta)
    score = score_of(problem, spline)
    return spline.values, score.slopes[[0, -1]], np.array(problem.kappa_range)


def _at_ends(first: FloatArray, second: FloatArray) -> FloatArray:
    """Return what is linear at both ends of a piece, from what it is inside."""
    change = second - first
    return np.stack([first - 0.5 * change, second + 0.5 * change])


def _cuts(path: Path, upper: float, lower: float) -> list[float]:
    """Return where slopes beyond the data bend though the score on the data does not, descending."""
    if path.skip or not path._program.rules.even:
        return []
    places = upper + _INSIDE * (lower - upper)
    slopes = []
    for beta in places:
        problem, spline, _ = path._at(float(beta))
        inner = _inner_slopes(problem, spline.kinks, spline.values)
        slopes.append([*inner, sum(inner)])
    (start, end) = np.array(slopes)
    with np.errstate(divide="ignore", invalid="ignore"):
        roots = places[0] + (places[1] - places[0]) * start / (start - end)
    margin = 1e-9 * (upper - lower)
    return sorted({float(root) for root in roots if lower + margin < root < upper - margin}, reverse=True)


def _inner_slopes(problem: SplineProblem, kinks: NDArray[np.intp], values: FloatArray) -> tuple[float, float]:
    slopes = problem.slopes(kinks, values)
    return float(slopes[0]), float(slopes[-1])
