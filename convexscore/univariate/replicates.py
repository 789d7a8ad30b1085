"""Fits to randomly weighted data: the replicates of a multiplier bootstrap of a score on the line.

Each distinct sample of weight ``w`` gets one of two masses, ``g^2 w`` with ``g = (sqrt(5) - 1) / 2``, or
``w + 1 + g`` with probability ``g^2 w / (1 + g^2 w)``: a law of mean and variance ``w``, for ``w = 1`` that
of Mammen (1993), whose third central moment is one too.  Masses are scaled to the sum of the weights, so that
a weight decay means the same in every replicate.  (Generalized bootstrap of M-estimators: Chatterjee & Bose
2005.)  The masses of data with limits are what is drawn for the weights times ``h``; ``h`` is that of the
data, its height included: replicates differ by the samples' weights and nothing else.

The mass of a single sample raises the boundedness bound of score matching as a tie does.  That is why masses
are bounded, and not exponential: the largest of those is about ``log n``.  A replicate whose bound is above
the weight decay all the same is fitted just above its bound.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from .._support.validation import FloatArray
from ..errors import NotNormalizableError
from ..numerics.piecewise import PiecewiseLinear
from ..objectives import Objective, ScoreMatching, distinct_rows
from ..problem import Problem
from .bounds import boundedness_bound
from .expected.train import solve_expected
from .grid import Grid
from .integrable import solve_integrable
from .program import UnivariateProgram
from .reconstruction import reconstruct
from .solvers.active_set import solve_active_set
from .solvers.many import solve_many
from .spline import Spline, SplineProblem
from .train import solve_univariate

__all__ = ["Replicate", "Replicates", "random_masses"]

Index = NDArray[np.intp]

# The golden ratio less one.
_GOLDEN = 0.5 * (np.sqrt(5.0) - 1.0)
# Weight decays keep this far from the boundedness bound.
_HAIR = 1 + 1e-6
# Up to so many positions problems are solved together.
_MANY = 4096
# Tolerance of fits that certify themselves.
_TOL = 1e-8
# Replicates that are drawn and solved at once.
_GROUP = 25


def random_masses(mass: FloatArray, n_replicates: int, rng: np.random.Generator) -> Iterator[FloatArray]:
    """Yield random masses, shape (some replicates, n_distinct), of the sum of the given ones in each row.

    How many are drawn at once does not depend on who works on them.

    Examples
    --------
    >>> import numpy as np
    >>> from convexscore.univariate.replicates import random_masses
    >>> (rows,) = random_masses(np.array([1.0, 2.0, 1.0]), 5, np.random.default_rng(0))
    >>> rows.shape, rows.sum(axis=1).round(9).tolist()
    ((5, 3), [4.0, 4.0, 4.0, 4.0, 4.0])
    """
    low = _GOLDEN**2 * mass
    for start in range(0, n_replicates, _GROUP):
        large = rng.random((min(_GROUP, n_replicates - start), mass.size)) < low / (1.0 + low)
        draws = np.where(large, mass + 1.0 + _GOLDEN, low)
        yield draws * (mass.sum() / draws.sum(axis=1, keepdims=True))


@dataclass(frozen=True, eq=False)
class Replicate:
    """One fit to weighted data.

    Parameters
    ----------
    score : PiecewiseLinear or None
        The score; None if it has no density.
    raised : bool
        Whether its weight decay is its boundedness bound, which is above the one asked for.
    """

    score: PiecewiseLinear | None
    raised: bool


@dataclass(frozen=True, eq=False)
class Replicates:
    """Fits of a problem with other masses on its distinct samples.

    Scores have a density wherever one of the kind has: their outer slopes are bounded as with
    ``tails="integrable"``, but those of refits and of expected denoising, which know no such bounds.

    Parameters
    ----------
    problem : Problem
        One feature, score matching or expected denoising, in units of its own with frequencies for weights.
    beta : float
        The weight decay, the same for all.
    start : PiecewiseLinear
        A score whose kinks the searches start from: they decide nothing, the optimum is one.
    """

    problem: Problem
    beta: float
    start: PiecewiseLinear

    @cached_property
    def samples(self) -> Objective:
        """The distinct samples, sorted, with their weights."""
        given = self.problem.objective
        if self.problem.is_expected:
            given = ScoreMatching(given.X, given.sample_weight)
        return distinct_rows(given)

    @property
    def limits(self) -> tuple[float, float]:
        """The data's support, infinite where there is no limit."""
        return self.problem.limits

    def fits(self, masses: FloatArray) -> list[Replicate]:
        """Return the fits to data of these masses, shape (n_replicates, n_distinct)."""
        problem = self.problem
        if problem.is_expected or problem.refit or problem.shape is not None:
            return [self._solved(mass) for mass in masses]
        whole = UnivariateProgram.from_objective(self.samples, problem.activation, problem.skip)
        programs = [whole.weighted_anew(mass) for mass in masses]
        betas = np.array([self._decay(program) for program in programs])
        splines = self._splines(programs, betas)
        return [self._with_density(*fit) for fit in zip(programs, betas, splines, strict=True)]

    def _decay(self, program: UnivariateProgram) -> float:
        bound = boundedness_bound(program)
        return self.beta if self.beta >= bound else bound * _HAIR

    def _splines(self, programs: list[UnivariateProgram], betas: FloatArray) -> list[Spline]:
        jumps = np.diff(self.start.slopes)
        bends = jumps != 0
        kinks, signs = Grid(programs[0]).nearest(self.start.knots[bends], np.sign(jumps[bends]))
        if programs[0].position.size <= _MANY:
            return solve_many(list(map(Grid, programs)), betas, [(kinks, signs)] * betas.size)
        problems = (SplineProblem(*fit) for fit in zip(programs, betas, strict=True))
        return [solve_active_set(problem, kinks, signs).spline for problem in problems]

    def _with_density(self, program: UnivariateProgram, beta: float, spline: Spline) -> Replicate:
        raised, free = bool(beta > self.beta), SplineProblem(program, float(beta))
        try:
            found = solve_integrable(free, spline, self.problem.tail_unit)
        except NotNormalizableError:
            return Replicate(None, raised)
        return Replicate(self._decaying(reconstruct(found.problem, found.spline).piecewise), raised)

    def _solved(self, mass: FloatArray) -> Replicate:
        """Return the fit by the wing's own door, one at a time."""
        problem, beta, rows = self.problem, self.beta, self.samples
        weighted = replace(problem.objective, X=rows.X, sample_weight=mass)
        solve = solve_expected if problem.is_expected else solve_univariate
        if not problem.is_expected:
            beta = self._decay(UnivariateProgram.from_objective(weighted, problem.activation, problem.skip))
        free = problem.is_expected or problem.refit
        problem = replace(problem, objective=weighted, tails=None if free else "integrable")
        try:
            found = solve(problem, beta, solver="auto", tol=_TOL, verbose=False, options={})
        except NotNormalizableError:
            return Replicate(None, beta > self.beta)
        return Replicate(self._decaying(found.network.piecewise), beta > self.beta)

    def _decaying(self, score: PiecewiseLinear) -> PiecewiseLinear | None:
        return None if score.failing_ends(self.limits) else score
