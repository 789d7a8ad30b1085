"""Choosing the weight decay: a test of straightness, then a share of the certificate's noise.

Were the fitted score the true one, the correlation ``H(t)`` of every possible kink (`univariate.program`)
would be a sum of independent terms of mean zero, a Stein process over kink positions, from whose law a
multiplier bootstrap draws (`univariate.bootstrap`).  A weight decay at a quantile of ``max_t |H(t)|`` lets a
kink in only where the data ask for it more strongly than that noise would (Chernozhukov, Chetverikov & Kato
2013 for the bootstrap of maxima; Belloni & Chernozhukov 2011 for its use as a penalty level).

One quantile cannot serve all: high ones smooth everything, low ones put kinks into Gaussian data.  So the
line is kept if the data do not speak against it (`univariate.straightness`).  Otherwise the weight decay is a
share of the median of the noise about the fitted score: half of it, or what cross-validation prefers among
shares around that.  Cross-validation alone has no such guarantee, and its one-standard-error rule smooths
rough densities too much; the noise tells it where to look.

The held-out loss does not see the tails: weight decays whose score has no density, because its slope
beyond the data is positive, are passed over where there are others.

Weights are frequencies: everything is computed from distinct samples in ascending order.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import cached_property

import numpy as np

from .._support.caller import warn_caller
from .._support.progress import stages
from .._support.seeds import generator
from .._support.validation import FloatArray, as_count, as_probability, as_real
from ..activations import get_activation
from ..objectives import Objective, distinct_rows
from ..problem import Problem
from .bootstrap import SteinProcess
from .bounds import boundedness_bound, line_solution, program_bounds
from .cross_validation import Folds, cross_validate, fits_on_a_grid, refined
from .moments import Blocks
from .program import UnivariateProgram
from .reconstruction import reconstruct
from .spline import Spline, SplineProblem
from .straightness import straight_level

__all__ = ["select_univariate_decay"]

# Shares of the noise among which the combined rule cross-validates.
_SHARES = np.geomspace(1.0, 0.25, 9)
# Up to this many samples the folds' luck matters: it repeats them.
_FEW, _REPEATS = 10_000, 4
# Beyond that many distinct samples the noise is drawn less often, for time.
_REPLICATES, _REPLICATES_OF_MANY = 100, 25
# Up to so many random factors are kept for the next round.
_MOST_KEPT = 4_000_000
# Plain cross-validation goes down to this part of the linear regime.
_PART = 1e-3
# Weight decays keep this far from the thresholds of others, which are sums in another order.
_HAIR = 1 + 1e-6


def select_univariate_decay(
    problem: Problem,
    method: str,
    rng: np.random.Generator | int | None,
    *,
    confidence: float = 0.9,
    share: float = 0.5,
    n_replicates: int | None = None,
    n_iterations: int = 3,
    n_folds: int = 5,
    progress: bool = False,
    n_jobs: int | None = None,
) -> float:
    """Choose the weight decay for data with one feature; see `select_beta` for the parameters."""
    options = (confidence, share, n_replicates, n_iterations, n_folds)
    with stages(3, progress, "weight decay") as begin:
        return _selected(problem, method, rng, *options, begin, n_jobs)


def _selected(
    problem: Problem,
    method: str,
    rng: np.random.Generator | int | None,
    confidence: float,
    share: float,
    n_replicates: int | None,
    n_iterations: int,
    n_folds: int,
    begin: Callable[[str], None],
    n_jobs: int | None,
) -> float:
    confidence = as_probability("confidence", confidence)
    share = as_real("share", share, minimum=0.0, strict=True)
    if n_replicates is not None:
        n_replicates = as_count("n_replicates", n_replicates, minimum=1)
    rounds = as_count("n_iterations", n_iterations, minimum=1)
    folds = as_count("n_folds", n_folds, minimum=2)
    rows = distinct_rows(problem.objective)
    program = UnivariateProgram.from_objective(rows, problem.activation, problem.skip)
    source = generator(rng, "select_beta")
    lowest = boundedness_bound(program) * _HAIR
    if method == "cv":
        begin("folds")
        chosen, wanted = _cross_validated(program, rows, folds, source)
    else:
        noise = _Noise(rows, program, n_replicates or _default_replicates(rows), source, n_jobs)
        begin("straightness")
        level = noise.straightness(confidence)
        if level is not None:
            chosen, wanted = max(level, lowest, noise.keeps_the_line), level
            if problem.skip:
                # The line is the same at every weight decay that keeps it.
                return chosen
        elif method == "bootstrap" or program.position.size < 2 * folds:
            begin("noise")
            wanted = share * noise.about_the_fit(rounds)
            chosen = max(wanted, lowest)
        else:
            begin("noise")
            level = noise.about_the_fit(rounds)
            begin("folds")
            chosen, wanted = _share_of_noise(program, rows, level, folds, source)
    if wanted < lowest and _has_ties(program):
        warn_caller(_held_by_ties(program, wanted, lowest), UserWarning)
    return chosen


def _share_of_noise(
    program: UnivariateProgram, rows: Objective, level: float, folds: int, source: np.random.Generator
) -> tuple[float, float]:
    """Return the best of several shares of the noise, and what it would be without a bound.

    Shares whose score has a density come first.
    """
    lowest = boundedness_bound(program) * _HAIR
    betas = np.unique(np.maximum(level * _SHARES, lowest))[::-1]
    fits = fits_on_a_grid(program, betas)
    allowed = np.array([_has_density(*fit) for fit in fits])
    parts = Folds(rows, betas, fits, folds, source, _REPEATS if program.frequencies.sum() <= _FEW else 1)
    blocks = Blocks(program)
    while True:
        chosen = parts.best(allowed)
        place = int(np.flatnonzero(betas == chosen)[0])
        # A grid may have shown a density where the solution itself has none.
        if not allowed[place] or _has_density(*refined(fits[place], blocks)):
            return chosen, chosen if chosen > lowest else level * float(_SHARES[-1])
        allowed[place] = False


def _has_density(problem: SplineProblem, spline: Spline) -> bool:
    return not reconstruct(problem, spline).piecewise.failing_ends(problem.program.limits)


def _cross_validated(
    program: UnivariateProgram, rows: Objective, folds: int, source: np.random.Generator
) -> tuple[float, float]:
    """Return what cross-validation prefers, and what it would without a bound."""
    n_distinct = program.position.size
    if n_distinct < 2 * folds:
        raise ValueError(
            f"X: expected at least {2 * folds} distinct values for method='cv' and n_folds={folds}, "
            f"got {n_distinct}"
        )
    betas = _whole_range(program)
    chosen = cross_validate(rows, betas, program.activation, program.skip, folds, source).best(1.0)
    return chosen, chosen if chosen > betas[-1] else _PART * float(betas[0])


def _has_ties(program: UnivariateProgram) -> bool:
    """Whether score matching sees repeated values, which are what raises its bound."""
    return program.has_trace and float(program.frequencies.max()) > 1


def _held_by_ties(program: UnivariateProgram, wanted: float, lowest: float) -> str:
    heaviest = int(program.mass.argmax())
    share = 100 * program.frequencies[heaviest] / program.frequencies.sum()
    return (
        f"beta: one value holds {share:.2g} % of the data, and below a "
        f"weight decay of {lowest:.4g} ties make score matching unbounded; without them it would be about "
        f"{wanted:.4g}"
    )


def _default_replicates(rows: Objective) -> int:
    return _REPLICATES if len(rows.X) <= _FEW else _REPLICATES_OF_MANY


def _whole_range(program: UnivariateProgram) -> FloatArray:
    """Return weight decays from the linear regime down to a thousandth of it, or to boundedness."""
    bounds = program_bounds(program)
    lowest = max(_PART * bounds.linear, 1.05 * bounds.minimum)
    highest = max(bounds.linear, lowest)
    return np.geomspace(highest, lowest, 40) if highest > 0 else np.zeros(1)


class _Noise:
    """The certificate's noise, with the same random factors for every score.

    An iteration that refits the score then converges instead of jittering.
    """

    def __init__(
        self,
        rows: Objective,
        program: UnivariateProgram,
        replicates: int,
        rng: np.random.Generator,
        n_jobs: int | None = None,
    ) -> None:
        self.program, self.replicates, self.n_jobs = program, replicates, n_jobs
        self.with_skip = replace(program, skip=True)
        self.process = SteinProcess(rows)
        self.test_seed, self.seed = (int(seed) for seed in rng.integers(2**63, size=2))

    def straightness(self, confidence: float) -> float | None:
        """Return the quantile of the noise about the line if the line's own correlations are below it."""
        rng = np.random.default_rng(self.test_seed)
        return straight_level(self.with_skip, self.process, confidence, self.replicates, rng, self.n_jobs)

    @property
    def keeps_the_line(self) -> float:
        """The smallest weight decay, but for a hair, at which the network with skip is a line."""
        return program_bounds(self.with_skip).linear * _HAIR

    def about_the_fit(self, rounds: int) -> float:
        """Return the median of the noise about the score that is fitted at this very weight decay."""
        lowest = boundedness_bound(self.program) * _HAIR
        slope, mean = line_solution(self.with_skip, 0.0)
        level = self._median(mean + slope * self.program.centred)
        for _ in range(rounds - 1):
            ((problem, spline),) = fits_on_a_grid(self.program, np.array([max(level, lowest)]))
            level = self._median(problem.at_positions(spline))
        return level

    def _median(self, score: FloatArray) -> float:
        jump = get_activation(self.program.activation).jump
        largest = self.process.largest_of(score, self._draws(), self.n_jobs)
        return jump * float(np.median(largest))

    def _draws(self) -> Iterable[FloatArray]:
        """Return the same random factors every time: kept, or drawn anew where they are very many."""
        few = self.replicates * self.process.x.size <= _MOST_KEPT
        return self._kept_draws if few else self._fresh_draws()

    @cached_property
    def _kept_draws(self) -> list[FloatArray]:
        return list(self._fresh_draws())

    def _fresh_draws(self) -> Iterator[FloatArray]:
        return self.process.draws(self.replicates, np.random.default_rng(self.seed))
