"""How many modes a score on the line has, and down to which weight decay they stay few.

The score of a density is positive far to the left and negative far to the right.  A mode is where it falls
through zero, a point or a piece on which it is zero; where it only touches zero there is none.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from .._support.validation import FloatArray
from ..numerics.piecewise import PiecewiseLinear
from .bounds import boundedness_bound, program_bounds
from .grid import Grid
from .integrable import solve_integrable
from .program import UnivariateProgram
from .reconstruction import score_of
from .solvers.active_set import solve_active_set
from .solvers.many import solve_many
from .spline import Spline, SplineProblem

__all__ = ["critical_decay", "integrable_scores", "least_decay", "modes_of"]

Start = tuple[NDArray[np.intp], FloatArray]

# Weight decays keep this far from the boundedness bound.
_HAIR = 1 + 1e-9
# Neighbours in the search for a critical weight decay, how many are solved for at once, and how well it is
# known in the end.
_RATIO, _GROUP, _ACCURATE = 1.05, 8, 1 + 1e-7
# Up to so many positions problems are solved together.
_MANY = 4096
# Outer slopes below this, in units of a Gaussian's, leave no doubt that a score has a density.
_FALLING = -1e-6


def modes_of(score: PiecewiseLinear) -> FloatArray:
    """Return the modes of the density of a score, ascending; the middle where the score is zero on a piece.

    Parameters
    ----------
    score : PiecewiseLinear
        A score with a density.

    Examples
    --------
    >>> import numpy as np
    >>> from convexscore.numerics.piecewise import PiecewiseLinear
    >>> from convexscore.univariate.modes import modes_of
    >>> knots, values = np.array([-1.0, 1.0, 2.0]), np.array([-2.0, 2.0, 0.0])
    >>> modes_of(PiecewiseLinear(knots, values, np.array([-1.0, 2.0, -2.0, -1.0])))
    array([-3.,  2.])
    """
    sign = np.sign(score.values)
    index = np.concatenate([[-1], np.flatnonzero(sign), [sign.size]])
    sign = np.concatenate([[1.0], sign[sign != 0], [-1.0]])
    falls = (sign[:-1] > 0) & (sign[1:] < 0)
    before, after = index[:-1][falls], index[1:][falls]
    between = after - before > 1
    last = score.knots.size - 1
    # Knots of value zero, or a crossing inside the piece between neighbours; beyond the ends there is one.
    flat = 0.5 * (score.knots[np.minimum(before + 1, last)] + score.knots[np.maximum(after - 1, 0)])
    anchor = np.maximum(before, 0)
    slope = np.where(between, -1.0, score.slopes[after])
    crossing = score.knots[anchor] - score.values[anchor] / slope
    return np.where(between, flat, crossing)


def least_decay(program: UnivariateProgram) -> float:
    """Return the smallest weight decay that is used: just above the boundedness bound."""
    return boundedness_bound(program) * _HAIR


def integrable_scores(
    programs: Sequence[UnivariateProgram], betas: FloatArray, starts: Sequence[Start] | None = None
) -> list[PiecewiseLinear]:
    """Return the optimal scores among those that have a density, one a program and weight decay.

    Parameters
    ----------
    programs : sequence of UnivariateProgram
        ReLU with skip, score matching on the whole line.
    betas : ndarray of shape (n_problems,)
        The weight decay of each, not below its boundedness bound.
    starts : sequence of (kinks, signs), optional
        Kinks, as indices of positions, and signs of their jumps to start the searches from.
    """
    problems = [SplineProblem(*fit) for fit in zip(programs, betas.tolist(), strict=True)]
    splines = _free_splines(problems, betas, starts)
    return [_with_density(*fit) for fit in zip(problems, splines, strict=True)]


def _free_splines(
    problems: Sequence[SplineProblem], betas: FloatArray, starts: Sequence[Start] | None
) -> list[Spline]:
    if max(problem.program.position.size for problem in problems) <= _MANY:
        return solve_many([Grid(problem.program) for problem in problems], betas, starts)
    given = [problem.start() for problem in problems] if starts is None else starts
    return [solve_active_set(problem, *start).spline for problem, start in zip(problems, given, strict=True)]


def _with_density(problem: SplineProblem, spline: Spline) -> PiecewiseLinear:
    outer = problem.slopes(spline.kinks, spline.values)[[0, -1]]
    if (outer * problem.program.variance < _FALLING).all():
        # Then the constraint on the tails holds nothing.
        return score_of(problem, spline)
    found = solve_integrable(problem, spline)
    return score_of(found.problem, found.spline)


def critical_decay(program: UnivariateProgram, n_modes: int) -> float:
    """Return the smallest weight decay at and above which the density has at most so many modes.

    The number of modes need not fall as the weight decay rises.  What is looked for is the largest weight
    decay with more: from where the score is a line down, in steps of a twentieth, then between the first
    one that has more and the one above it.

    Parameters
    ----------
    program : UnivariateProgram
        ReLU with skip, score matching on the whole line.
    n_modes : int
        How many.

    Returns
    -------
    float
        Up to a relative error of 1e-7, on the side of fewer modes; `least_decay` if there are never more.
    """
    lower = least_decay(program)
    upper = max(program_bounds(program).linear, lower)
    grid = np.geomspace(upper, lower, 1 + int(np.ceil(np.log(upper / lower) / np.log(_RATIO))))
    first = _first_with_more(program, grid[1:], n_modes)
    if first is None:
        return lower
    upper, lower = grid[first], grid[first + 1]
    while upper > lower * _ACCURATE:
        middle = np.sqrt(upper * lower)
        if _first_with_more(program, np.array([middle]), n_modes) is None:
            upper = middle
        else:
            lower = middle
    return float(upper)


def _first_with_more(program: UnivariateProgram, betas: FloatArray, n_modes: int) -> int | None:
    """Return the first of some weight decays whose density has more modes."""
    for start in range(0, betas.size, _GROUP):
        part = betas[start : start + _GROUP]
        scores = integrable_scores([program] * part.size, part)
        more = [modes_of(score).size > n_modes for score in scores]
        if any(more):
            return start + more.index(True)
    return None
