"""The optimum among scores that have a density: which tails are held, and at what.

Of the four choices of the tails that are held at their bounds, the optimum's is the one whose certificate
holds: it asks for multipliers of the right sign where they are held, and for obedience where they are not.

The bounds are zero first.  A tail of slope zero needs a score that points inward; where the optimum's does
not, the bound of that end becomes ``-1/v``, with the variance ``v`` of the data: a slope that is nearly zero
would leave nearly all mass far away.  At a finite end of the data's support nothing is asked, and with both
ends finite nothing at all.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..errors import NotNormalizableError
from ..networks.two_layer import TwoLayerNetwork
from ..results import Certificate
from .certificate import certify
from .reconstruction import reconstruct
from .solvers.active_set import solve_active_set
from .solvers.log_concave_active_set import solve_log_concave
from .spline import Spline, SplineProblem
from .tails import Bounds, Held, TailProblem

__all__ = ["Integrable", "solve_integrable"]

# Certificates this good leave no doubt about which tails are held.
_SURE = 1e-10
# Slopes and scores of this size, in units of those of a Gaussian, are zero.
_ZERO = 1e-9


@dataclass(frozen=True, eq=False)
class Integrable:
    """The optimum within bounds of the outer slopes.

    Parameters
    ----------
    problem : SplineProblem
        The problem that it solves: that without the constraint, or one whose tails are held.
    spline : Spline
        The optimum.
    bounds : tuple of two floats or None
        The bounds, infinite at a finite end of the support; None if both are.
    iterations : int
        Passes over all positions, those of the optimum without the constraint left out.
    """

    problem: SplineProblem
    spline: Spline
    bounds: Bounds | None
    iterations: int


@dataclass(frozen=True, eq=False)
class _Candidate:
    problem: SplineProblem
    spline: Spline
    network: TwoLayerNetwork
    certificate: Certificate


def solve_integrable(
    problem: SplineProblem,
    spline: Spline,
    tail_unit: float = 1.0,
    shape: str | None = None,
    max_iterations: int = 500,
) -> Integrable:
    """Minimize a spline problem over scores that have a density.

    Parameters
    ----------
    problem : SplineProblem
        The problem without the constraint.
    spline : Spline
        Its optimum, which is returned if it obeys.
    tail_unit : float
        What a position times a label of one is in the data's units, in which ``v`` is measured.
    shape : {None, "log-concave"}
        Another constraint on the scores.
    max_iterations : int
        Bound on the passes over all positions, for each choice of the tails that are held.

    Raises
    ------
    NotNormalizableError
        If none has a density: an absolute-value network without skip has opposite outer slopes.
    """
    steepest = -1.0 / (tail_unit * problem.program.variance)
    search = _Search(problem, spline, shape, max_iterations)
    limited = np.isfinite(problem.program.limits)
    # Falling scores obey zero anyway.
    bounds: Bounds = tuple(np.where(limited & (shape is None), np.inf, 0.0).tolist())
    if limited.all() and shape is None:
        return Integrable(problem, spline, None, 0)
    while True:
        found = search.best(bounds)
        needed = _needed(found.network, bounds, steepest, np.sqrt(problem.program.variance))
        needed = (
            bounds[0] if limited[0] else needed[0],
            bounds[1] if limited[1] else needed[1],
        )
        if needed == bounds:
            return Integrable(found.problem, found.spline, bounds, search.iterations)
        if problem.program.rules.even and not problem.program.skip:
            raise NotNormalizableError(
                "tails: expected a smaller weight decay, a skip connection or ReLU neurons, got abs neurons "
                "without skip, both of whose outer slopes have to be zero, and an optimum that points outward"
            )
        bounds = needed


def _needed(network: TwoLayerNetwork, bounds: Bounds, steepest: float, deviation: float) -> Bounds:
    """Return the bounds, steeper where a tail does not fall and the score points outward."""
    score = network.piecewise
    ends = zip(score.slopes[[0, -1]], (score.values[0], -score.values[-1]), bounds, strict=True)
    small = _ZERO * abs(steepest)
    first, last = (
        steepest if slope >= -small and inward <= small * deviation else bound
        for slope, inward, bound in ends
    )
    return first, last


class _Search:
    """Optima of a problem for every choice of the tails that are held."""

    def __init__(self, problem: SplineProblem, spline: Spline, shape: str | None, limit: int) -> None:
        self.problem, self.spline, self.shape, self.limit = problem, spline, shape, limit
        self.free = reconstruct(problem, spline)
        self.iterations = 0

    def best(self, bounds: Bounds) -> _Candidate:
        """Return the candidate whose certificate is the best."""
        found: list[_Candidate] = []
        for held in self._choices(bounds):
            found.append(self._candidate(held, bounds))
            if found[-1].certificate.meets(_SURE):
                return found[-1]
        return min(found, key=lambda candidate: candidate.certificate.max_violation)

    def _choices(self, bounds: Bounds) -> list[Held]:
        """Return what can be held, the likeliest first: nothing, and the tails that do not obey."""
        first, last = bounds
        choices: list[Held] = [(None, None), (first, last), (first, None), (None, last)]
        rules = self.problem.program.rules
        if rules.even and not self.problem.program.skip:
            # Outer slopes are opposite: one held at zero holds the other.
            choices = [(None, None), (0.0, 0.0)] if np.inf in bounds else choices
        choices = [held for held in choices if np.inf not in held]
        slopes = self.free.piecewise.slopes[[0, -1]]
        likely = tuple(bound if slope > bound else None for slope, bound in zip(slopes, bounds, strict=True))
        return sorted(choices, key=lambda held: (held != (None, None), held != likely))

    def _candidate(self, held: Held, bounds: Bounds) -> _Candidate:
        if held == (None, None):
            problem, spline, network = self.problem, self.spline, self.free
        else:
            problem, spline = self._solved(held)
            network = reconstruct(problem, spline)
        certificate = certify(self.problem.program, network, self.problem.beta, self.shape, bounds)
        return _Candidate(problem, spline, network, certificate)

    def _solved(self, held: Held) -> tuple[SplineProblem, Spline]:
        problem = TailProblem(self.problem, held)
        if self.shape is None:
            result = solve_active_set(problem, *problem.around(self.spline), max_iterations=self.limit)
        else:
            result = solve_log_concave(problem, max_iterations=self.limit)
        self.iterations += result.iterations
        return problem, result.spline
