"""Choosing the weight decay: a test of straightness, then a share of the certificate's noise.

Were the fitted score the true one, the correlation ``H(t)`` of every possible kink (`univariate.program`)
would be a sum of independent terms of mean zero, a Stein process over kink positions.  The multiplier
bootstrap draws from its law by giving each sample's term a random sign; bias and skip, which are free,
absorb their part of it.  A weight decay at a quantile of ``max_t |H(t)|`` lets a kink in only where the data
ask for it more strongly than that noise would (Chernozhukov, Chetverikov & Kato 2013 for the bootstrap of
maxima; Belloni & Chernozhukov 2011 for its use as a penalty level).

One quantile cannot serve all: high ones smooth everything, low ones put kinks into Gaussian data.  So the
line is kept if the data do not speak against it at a high quantile.  Otherwise the weight decay is a share of
the median of the noise about the fitted score: half of it, or what cross-validation prefers among shares
around that.  Cross-validation alone has no such guarantee, and its one-standard-error rule smooths rough
densities too much; the noise tells it where to look.

The held-out loss does not see the tails: weight decays whose score has no density, because its slope
beyond the data is positive, are passed over where there are others.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from .._support.seeds import generator
from .._support.validation import FloatArray, as_count, as_probability, as_real
from ..activations import get_activation
from ..objectives import Objective
from ..problem import Problem
from .bootstrap import SteinProcess
from .bounds import boundedness_bound, line_solution, program_bounds
from .cross_validation import cross_validate
from .moments import Blocks
from .path import regularization_path
from .program import UnivariateProgram
from .solvers.active_set import solve_active_set
from .spline import SplineProblem

__all__ = ["select_univariate_decay"]

# Shares of the noise among which the combined rule cross-validates.
_SHARES = np.geomspace(1.0, 0.25, 9)
# Up to this many samples the folds' luck matters: it repeats them.
_FEW, _REPEATS = 10_000, 4


def select_univariate_decay(
    problem: Problem,
    method: str,
    rng: np.random.Generator | int | None,
    *,
    confidence: float = 0.9,
    share: float = 0.5,
    n_replicates: int = 100,
    n_iterations: int = 3,
    n_folds: int = 5,
) -> float:
    """Choose the weight decay for data with one feature; see `select_beta` for the parameters."""
    confidence = as_probability("confidence", confidence)
    share = as_real("share", share, minimum=0.0, strict=True)
    replicates = as_count("n_replicates", n_replicates, minimum=1)
    rounds = as_count("n_iterations", n_iterations, minimum=1)
    folds = as_count("n_folds", n_folds, minimum=2)
    objective, activation, skip = problem.objective, problem.activation, problem.skip
    program = UnivariateProgram.from_objective(objective, activation, skip)
    source = generator(rng, "select_beta")
    n_distinct = program.position.size
    if method == "cv":
        if n_distinct < 2 * folds:
            raise ValueError(
                f"X: expected at least {2 * folds} distinct values for method='cv' and n_folds={folds}, "
                f"got {n_distinct}"
            )
        losses = cross_validate(objective, _whole_range(program), activation, skip, folds, source)
        return losses.best(standard_errors=1.0)
    lowest = boundedness_bound(program) * (1 + 1e-6)
    noise = _Noise(objective, program, replicates, source)
    straight = noise.straightness(confidence)
    if straight is not None:
        return max(straight, lowest)
    level = noise.about_the_fit(rounds)
    if method == "bootstrap" or n_distinct < 2 * folds:
        return max(share * level, lowest)
    betas = np.unique(np.maximum(level * _SHARES, lowest))[::-1]
    path = regularization_path(objective, activation, skip, betas=betas)
    normalizable = np.array([not path.network(float(beta)).piecewise.failing_tails for beta in betas])
    repeats = _REPEATS if len(objective.X) <= _FEW else 1
    losses = cross_validate(objective, betas, activation, skip, folds, source, repeats)
    return losses.best(allowed=normalizable)


def _whole_range(program: UnivariateProgram) -> FloatArray:
    """Return weight decays from the linear regime down to a thousandth of it, or to boundedness."""
    bounds = program_bounds(program)
    lowest = max(1e-3 * bounds.linear, 1.05 * bounds.minimum)
    highest = max(bounds.linear, lowest)
    return np.geomspace(highest, lowest, 40) if highest > 0 else np.zeros(1)


class _Noise:
    """The certificate's noise, with the same random signs for every score.

    An iteration that refits the score then converges instead of jittering.
    """

    def __init__(
        self,
        objective: Objective,
        program: UnivariateProgram,
        replicates: int,
        rng: np.random.Generator,
    ) -> None:
        self.program, self.replicates = program, replicates
        self.with_skip = replace(program, skip=True)
        self.process = SteinProcess(objective)
        self.seed = int(rng.integers(2**63))
        slope, mean = line_solution(self.with_skip, 0.0)
        self.about_the_line = self._largest(mean + slope * program.centred)

    def straightness(self, confidence: float) -> float | None:
        """Return the quantile of the noise about the line if the line's own correlations are below it."""
        level = float(np.quantile(self.about_the_line, confidence))
        return level if program_bounds(self.with_skip).linear <= level else None

    def about_the_fit(self, rounds: int) -> float:
        """Return the median of the noise about the score that is fitted at this very weight decay."""
        lowest = boundedness_bound(self.program) * (1 + 1e-6)
        blocks = Blocks(self.program)
        level = max(float(np.median(self.about_the_line)), lowest)
        for _ in range(rounds - 1):
            problem = SplineProblem(self.program, level, blocks)
            fitted = problem.at_positions(solve_active_set(problem).spline)
            level = max(float(np.median(self._largest(fitted))), lowest)
        return level

    def _largest(self, score: FloatArray) -> FloatArray:
        jump = get_activation(self.program.activation).jump
        return jump * self.process.largest(score, self.replicates, np.random.default_rng(self.seed))
