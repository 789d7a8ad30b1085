"""Where the univariate programs are bounded, and where their solution is a line (ZP 3.3, A.5-A.7).

Boundedness of score matching.  With masses ``m_j`` at the distinct positions (all 1 without ties),
the value is finite iff ``beta`` is at least

    ReLU, with or without skip   max(m_1, m_k, max_j m_j / 2)
    abs without skip             max_j m_j
    abs with skip                twice the ReLU bound

Denoising is bounded for every ``beta >= 0``.

Large weight decay.  Let ``L(t) = sum m (x - t)_+ (l - mean l)`` for DSM and ``L(t) = -c_right(t)`` for
SM, ``C = L(-inf)`` and ``g(t) = sum m (x - t)_+ (x - mu) / (n v)``, falling from 1 to 0.  On the data
the solution is a line whose slope is ``C / (n v)`` with skip and its soft-thresholded version
``sign(C) (|C| - beta)_+ / (n v)`` without; inserting its residual in the certificate gives one linear
inequality in ``beta`` a position, hence the exact thresholds below.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .._validation import FloatArray
from ..objectives import Objective
from .univariate import UnivariateProgram

__all__ = ["BetaBounds", "beta_bounds", "line_solution", "program_bounds"]


@dataclass(frozen=True)
class BetaBounds:
    """Thresholds of the weight decay.

    Parameters
    ----------
    minimum : float
        The program has a finite optimum iff ``beta >= minimum`` (zero for DSM).
    linear : float
        For ``beta >= linear`` the optimal score is a line on the range of the data (``beta_2`` of ZP
        without skip, ``beta_1`` with skip); below it has kinks strictly inside.
    maximum : float
        ``beta_1``: for ``beta >= maximum`` the optimal score does not depend on ``beta`` any more: the
        line of the closed form with skip, a constant (zero for SM) without.
    """

    minimum: float
    linear: float
    maximum: float


def beta_bounds(objective: Objective, activation: str = "relu", skip: bool = False) -> BetaBounds:
    """Return the exact weight-decay thresholds of a univariate program, ties and weights included.

    Parameters
    ----------
    objective : ScoreMatching or DenoisingScoreMatching
        One-dimensional data.
    activation : {"relu", "abs"}
        Activation.
    skip : bool
        Whether the network has a skip connection.

    Returns
    -------
    BetaBounds
        ``minimum <= linear <= maximum``, in the units of ``beta`` (the summed loss's weight decay).

    Raises
    ------
    ValueError
        If the data are not one-dimensional or have fewer than two distinct values.

    Notes
    -----
    Source: ZP section 3.3 and appendices A.5-A.7; the bounds with ties are ours and are tested
    against a linear program.

    Examples
    --------
    >>> import convexscore as cs
    >>> bounds = cs.beta_bounds(cs.ScoreMatching([0.0, 1.0, 3.0, 3.0]))
    >>> bounds.minimum, bounds.linear, bounds.maximum
    (2.0, 2.0, 4.0)
    """
    return program_bounds(UnivariateProgram.from_objective(objective, activation, skip))


def program_bounds(program: UnivariateProgram) -> BetaBounds:
    """Return the thresholds of a program already merged at distinct positions."""
    minimum = _bounded_from(program)
    lower, upper, total = _line_profile(program)
    shape = _line_shape(program)
    if program.skip:
        # kappa = 0: |L - C g| <= beta for ReLU, half of that for abs.
        largest = max(np.abs(lower - total * shape).max(), np.abs(upper - total * shape).max())
        threshold = float(largest) * (2.0 if program.activation == "abs" else 1.0)
        threshold = max(threshold, minimum)
        return BetaBounds(minimum, threshold, threshold)
    constant = max(_constant_from(program, lower, upper, total), minimum)
    if constant > abs(total):
        return BetaBounds(minimum, constant, constant)
    sloped = max(_sloped_from(lower, upper, total, shape), minimum)
    return BetaBounds(minimum, min(sloped, constant), constant)


def line_solution(program: UnivariateProgram, beta: float) -> tuple[float, float]:
    """Return slope and mean value (at the data's mean) of the closed-form line for large `beta`."""
    _, _, total = _line_profile(program)
    moment = program.total * program.variance
    mean = float(np.average(program.target, weights=program.mass))
    if program.skip:
        return total / moment, mean
    return float(np.sign(total)) * max(abs(total) - beta, 0.0) / moment, mean


def _bounded_from(program: UnivariateProgram) -> float:
    if not program.has_trace:
        return 0.0
    mass = program.mass
    if program.activation == "abs" and not program.skip:
        return float(mass.max())
    relu_bound = max(mass[0], mass[-1], mass.max() / 2)
    return float(relu_bound) * (2.0 if program.activation == "abs" else 1.0)


def _line_shape(program: UnivariateProgram) -> FloatArray:
    """Return ``g`` at the positions."""
    weighted = program.mass * program.centred
    tail = np.cumsum(weighted[::-1])[::-1]
    gap = np.diff(program.position)
    shape = np.append(np.cumsum((gap * tail[1:])[::-1])[::-1], 0.0)
    return np.clip(shape / shape[0], 0.0, 1.0)


def _line_profile(program: UnivariateProgram) -> tuple[FloatArray, FloatArray, float]:
    """Return the smaller and the larger one-sided value of ``L`` at the positions, and ``C``."""
    if program.has_trace:
        exclusive, inclusive = program.trace_counts
        # Not program.total: the two sums differ by rounding, and the thresholds compare them.
        return -inclusive, -exclusive, -float(inclusive[0])
    mean = np.average(program.target, weights=program.mass)
    profile, _, total = program.correlation(program.target - mean)
    return profile, profile, total


def _constant_from(program: UnivariateProgram, lower: FloatArray, upper: FloatArray, total: float) -> float:
    """Return the smallest beta at which a constant score satisfies the certificate."""
    values = np.concatenate([lower, upper, [0.0, total]])
    if program.activation == "abs":
        return float(np.abs(2 * values - total).max())
    return float(max(np.abs(values).max(), np.abs(values - total).max()))


def _sloped_from(lower: FloatArray, upper: FloatArray, total: float, shape: FloatArray) -> float:
    """Return the smallest beta at which the shrunken line satisfies the certificate.

    For ``C > 0`` the residual gives ``H = (C - beta) g - L`` with ``kappa = -beta``, and the band of
    either activation is ``[-beta, 0]``; ``C < 0`` is the mirror image.
    """
    if total < 0:
        lower, upper, total = -upper, -lower, -total
    positive, partial = shape > 0, shape < 1
    from_below = total - lower[positive] / shape[positive]
    from_above = (upper[partial] - total * shape[partial]) / (1 - shape[partial])
    return float(max(from_below.max(initial=0.0), from_above.max(initial=0.0)))
