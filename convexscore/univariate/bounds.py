"""Where the univariate programs are bounded, and where their solution is a line (ZP 3.3, A.5-A.7).

Boundedness of score matching (ZP Lemmas A.1-A.3 for distinct data).  With masses ``m_j`` at the distinct
positions (all 1 without ties), the value is finite iff ``beta`` is at least

    ReLU, with or without skip   max(m_1, m_k, max_j m_j / 2)
    abs without skip             max_j m_j
    abs with skip                twice the ReLU bound

Denoising is bounded for every ``beta >= 0``.

Large weight decay.  Let ``L(t) = sum m (x - t)_+ (l - mean l) - c_right(t)``, the first zero for SM and the
second for DSM, ``C = L(-inf)`` and ``g(t) = sum m (x - t)_+ (x - mu) / (n v)``, falling from 1 to 0.  On the
data the solution is a line whose slope is ``C / (n v)`` with skip and its soft-thresholded version
``sign(C) (|C| - beta)_+ / (n v)`` without (rising lines cost less with a trace: a neuron at the end of the
data counts the smaller slope, zero, at the mass on its kink); inserting its residual in the certificate gives
one linear inequality in ``beta`` a position, hence the exact thresholds below.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .._support.validation import FloatArray
from ..errors import UnboundedError
from ..numerics.rounding import rounding_of_sums
from ..problem import Problem
from ..results import BetaBounds
from .program import UnivariateProgram

__all__ = [
    "boundedness_bound",
    "line_solution",
    "program_bounds",
    "require_bounded",
    "univariate_bounds",
]


def univariate_bounds(problem: Problem) -> BetaBounds:
    """Return the exact weight-decay thresholds of a univariate problem, ties and weights included."""
    return program_bounds(UnivariateProgram.from_problem(problem))


def program_bounds(program: UnivariateProgram) -> BetaBounds:
    """Return the thresholds of a program already merged at distinct positions."""
    minimum = boundedness_bound(program)
    total, lower, upper = _line_profile(program)
    shape = _falling(program, program.mass * program.centred)
    if program.skip:
        # kappa = 0: |L - C g| <= beta for ReLU, half of that for abs.
        line = total / shape.total * shape.ahead
        largest = max(np.abs(lower.ahead - line).max(), np.abs(upper.ahead - line).max())
        threshold = _above_rounding(program, float(largest), np.abs(line).max()) / program.rules.width
        threshold = max(threshold, minimum)
        return BetaBounds(minimum, threshold, threshold)
    constant = max(_constant_from(program, lower, upper, total), minimum)
    # A rising line's neuron at an end of the data does not count the mass there.
    spared = float(max(program.tie_mass[0], program.tie_mass[-1]))
    rising = total + spared / program.rules.width
    edge = max(rising, -total)
    # The two are sums of the same numbers in different orders.
    if constant > edge * (1 + 1e-12):
        return BetaBounds(minimum, constant, constant)
    if rising > -total:
        sloped = _sloped_from(lower, upper, rising, spared, shape)
    else:
        sloped = _sloped_from(-upper, -lower, -total, 0.0, shape)
    sloped = max(_above_rounding(program, sloped, edge), minimum)
    return BetaBounds(minimum, min(sloped, constant), constant)


def require_bounded(program: UnivariateProgram, beta: float, name: str = "beta") -> None:
    """Raise UnboundedError, naming the argument, if the program has no finite optimum at `beta`."""
    minimum = boundedness_bound(program)
    # Sums of weights carry rounding errors; a beta equal to the bound must pass.
    if beta < minimum * (1 - 1e-12):
        kind = f"{program.activation} {'with' if program.skip else 'without'} skip"
        raise UnboundedError(
            f"{name}: expected at least {{minimum:.10g}}, below which score matching ({kind}) is "
            "unbounded on these data, got {beta:.10g}",
            minimum=minimum,
            beta=beta,
        )


def line_solution(program: UnivariateProgram, beta: float) -> tuple[float, float]:
    """Return slope and mean value (at the data's mean) of the closed-form line for large `beta`."""
    moment = program.total * program.variance
    mean = float(np.average(program.target, weights=program.mass))
    total = -program.trace_total
    if program.has_labels:
        total += float(np.sum(program.mass * program.centred * (program.target - mean)))
    if program.skip:
        return total / moment, mean
    # What a line costs for each unit of its slope, falling and rising.
    low, high = program.rules.kappa_range(program.tie_mass, program.heaviest_inside_tie, beta)
    return (max(total + low, 0.0) + min(total + high, 0.0)) / moment, mean


def boundedness_bound(program: UnivariateProgram) -> float:
    """Return the smallest beta at which the program has a finite optimum."""
    if not program.has_trace:
        return 0.0
    return program.rules.boundedness_bound(program.mass, program.skip)


@dataclass(frozen=True)
class _Profile:
    """A function of the position as what is ahead (to the right) and what is behind: no cancellation.

    Their sum is the same at every position.
    """

    ahead: FloatArray
    behind: FloatArray

    @property
    def total(self) -> float:
        return float(self.ahead[0] + self.behind[0])

    def __neg__(self) -> _Profile:
        return _Profile(-self.ahead, -self.behind)


def _falling(program: UnivariateProgram, weights: FloatArray) -> _Profile:
    """Return ``sum_i weights_i (x_i - t)_+`` at the positions, for weights that sum to zero."""
    head = np.cumsum(weights)[:-1]
    tail = np.cumsum(weights[::-1])[::-1][1:]
    # Each half summed from its own end: the other sum has lost the small terms.
    slope = np.where(np.arange(head.size) < head.size // 2, -head, tail)
    steps = np.diff(program.position) * slope
    ahead = np.append(np.cumsum(steps[::-1])[::-1], 0.0)
    return _Profile(ahead, np.concatenate([[0.0], np.cumsum(steps)]))


def _line_profile(program: UnivariateProgram) -> tuple[float, _Profile, _Profile]:
    """Return ``C`` and the smaller and the larger one-sided value of ``L`` at the positions."""
    labels = _Profile(np.zeros(program.mass.size), np.zeros(program.mass.size))
    if program.has_labels:
        mean = np.average(program.target, weights=program.mass)
        labels = _falling(program, program.mass * (program.target - mean))
    if not program.has_trace:
        return labels.total, labels, labels
    exclusive, inclusive = program.trace_counts
    at_most = np.cumsum(program.mass)
    below = at_most - program.mass
    lower = _Profile(labels.ahead - inclusive, labels.behind - below)
    upper = _Profile(labels.ahead - exclusive, labels.behind - at_most)
    return labels.total - float(inclusive[0]), lower, upper


def _above_rounding(program: UnivariateProgram, threshold: float, size: float) -> float:
    """Return a threshold, zero if it is but the rounding of a difference of numbers of this size."""
    return threshold if threshold > rounding_of_sums(program.position.size) * size else 0.0


def _constant_from(program: UnivariateProgram, lower: _Profile, upper: _Profile, total: float) -> float:
    """Return the smallest beta at which a constant score satisfies the certificate."""
    if program.rules.even:
        low, high = 2 * lower.ahead - total, 2 * upper.ahead - total
        return float(max(np.abs(low).max(), np.abs(high).max(), abs(total)))
    sides = (lower.ahead, upper.ahead, lower.behind, upper.behind)
    return float(max(abs(total), *(np.abs(side).max() for side in sides)))


def _sloped_from(lower: _Profile, upper: _Profile, total: float, spared: float, shape: _Profile) -> float:
    """Return the smallest beta at which the shrunken line satisfies the certificate.

    For ``C > 0`` the residual gives ``H = (C - beta) g - L`` with ``kappa = -beta``, and the band of
    either activation is ``[-beta, 0]``; ``C < 0`` is the mirror image.  So ``beta`` is at least
    ``C - L / g`` and ``C - (C - L) / (1 - g)`` everywhere.  With `spared`, the mass at the heavier end, which
    a rising line does without, ``kappa`` is above ``-beta`` by that (twice that for abs), which is added to
    ``C`` in `total`, and the band is higher, by so much that it is added to ``L`` and to ``C - L``.
    """
    ahead, behind = shape.ahead / shape.total, shape.behind / shape.total
    from_below = total - (lower.ahead[:-1] + spared) / ahead[:-1]
    from_above = total - (upper.behind[1:] + spared) / behind[1:]
    return float(max(from_below.max(), from_above.max(), 0.0))
