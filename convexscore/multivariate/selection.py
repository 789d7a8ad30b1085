"""Choosing the weight decay in several dimensions: a test of straightness, then a share of the noise.

The rule of the line (`univariate.selection`) with the noise of `bootstrap`: the linear score is kept if the
data do not speak against it; otherwise the weight decay is a share of the median noise about a fitted score.

**Boundedness.**  A residual that meets the conditions of the free part, and whose correlation with no neuron
exceeds ``c``, proves score matching bounded at every weight decay from ``c`` on: its dual value is a lower
bound.  So the residual of one rough fit just below the weight decay chosen is the certificate, where pricing
is exact; where neurons are found by search it is as good as that, and as `solve`.  The linear score's own
residual, whose largest correlation keeps all neurons out, is one that always exists.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._support.caller import warn_caller
from .._support.progress import stages
from .._support.seeds import generator
from .._support.validation import FloatArray, as_count, as_probability, as_real
from ..errors import SolverError, UnboundedError
from ..objectives import Objective, distinct_rows
from ..problem import Problem
from .bootstrap import NeuronNoise
from .bounds import smallest_decay
from .pricing.ascent import AscentPricer
from .pricing.base import Pricer
from .pricing.choice import pricer_of
from .program import NeuronProgram, Neurons
from .solvers.column_generation import Generated, generate_columns
from .straightness import is_straight

__all__ = ["select_network_decay"]

# Distinct points times features up to which the boundedness bound is computed where a fit does not show it.
_FEW = 100
# How far from the bound weight decays are kept: nearer ones have solutions too large to be computed.
_MARGIN = 1.05
# By which the weight decay is raised until a fit shows it bounded.
_RAISE = 1.2
# Above the bound of ties, where one fit mostly is enough.
_ABOVE_TIES = 1.1
# Weight decays keep this far from the threshold of neurons, where it is exact and where it is searched for.
_HAIR, _SEARCHED_HAIR = 1 + 1e-6, 1 + 1e-3
# Rounds of pricing in preliminary fits, at most: bounded ones take a few.
_ROUNDS = 25


def select_network_decay(
    problem: Problem,
    method: str,
    rng: np.random.Generator | int | None,
    *,
    confidence: float = 0.9,
    share: float = 0.4,
    n_replicates: int = 40,
    n_iterations: int = 3,
    groups: NDArray[np.intp] | None = None,
    progress: bool = False,
    n_jobs: int | None = None,
) -> float:
    """Choose the weight decay for data with several features; see `select_beta` for the parameters.

    `groups` says which samples are noisy copies of one: their terms have one factor in the noise.
    """
    with stages(3, progress, "weight decay") as begin:
        return _selected(
            problem, rng, confidence, share, n_replicates, n_iterations, groups, _Run(begin, progress, n_jobs)
        )


@dataclass(frozen=True)
class _Run:
    """Who is told of each stage, whether there are bars, and how many workers."""

    begin: Callable[[str], None]
    progress: bool
    n_jobs: int | None

    def pricer(self, program: NeuronProgram) -> Pricer:
        return pricer_of(program, n_jobs=self.n_jobs)


def _selected(
    problem: Problem,
    rng: np.random.Generator | int | None,
    confidence: float,
    share: float,
    n_replicates: int,
    n_iterations: int,
    groups: NDArray[np.intp] | None,
    run: _Run,
) -> float:
    confidence = as_probability("confidence", confidence)
    share = as_real("share", share, minimum=0.0, strict=True)
    replicates = as_count("n_replicates", n_replicates, minimum=1)
    rounds = as_count("n_iterations", n_iterations, minimum=1)
    rows = distinct_rows(problem.objective)
    if groups is not None:
        groups = _groups_of(rows, problem.objective, groups)
    problem = replace(problem, objective=rows)
    program = NeuronProgram.from_problem(problem)
    source = generator(rng, "select_beta")
    try:
        with_skip = NeuronProgram.from_problem(replace(problem, skip=True))
    except UnboundedError:
        if problem.skip:
            raise
        # In a hyperplane no linear score is the best: the constant one is kept.
        return _threshold(program, run)
    shared: dict[str, Any] = {"groups": groups, "progress": run.progress, "n_jobs": run.n_jobs}
    run.begin("straightness")
    if is_straight(rows, with_skip, confidence, replicates, source, **shared):
        return _threshold(with_skip, run)
    run.begin("noise")
    noise = NeuronNoise(rows, with_skip, replicates, source, **shared)
    level, start = _about_the_fit(program, noise, rounds, run)
    wanted = share * level
    run.begin("boundedness")
    chosen = _bounded_decay(program, wanted, start, run)
    if chosen > wanted:
        _warn_of_ties(program, wanted, chosen)
    return chosen


def _groups_of(rows: Objective, objective: Objective, groups: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return the group of each distinct row: that of one of the samples it stands for."""
    both = np.concatenate([np.hstack([part.X, part.targets]) + 0.0 for part in (rows, objective)])
    which = np.unique(both, axis=0, return_inverse=True)[1].reshape(-1)
    found = np.empty(which.size, dtype=np.intp)
    found[which[len(rows.X) :]] = groups
    return found[which[: len(rows.X)]]


# Neurons and outputs to start from.
_Start = tuple[Neurons, FloatArray] | None


def _about_the_fit(
    program: NeuronProgram, noise: NeuronNoise, rounds: int, run: _Run
) -> tuple[float, _Start]:
    """Return the median of the noise about the score fitted at this very weight decay, and its neurons."""
    level = float(np.median(noise.largest(noise.program.zero_residual)))
    pricer = run.pricer(program)
    start: _Start = None
    for _ in range(rounds - 1):
        fit = _fit(program, pricer, level, 1e-3, start, run.progress)
        if fit is None:
            break
        start = fit.neurons, fit.outputs
        level = float(np.median(noise.largest(fit.residual)))
    return level, start


def _fit(
    program: NeuronProgram,
    pricer: Pricer,
    beta: float,
    hair: float,
    start: _Start = None,
    progress: bool = False,
) -> Generated | None:
    """Return a preliminary fit, whose accuracy matters little; None if there is none."""
    try:
        return generate_columns(
            program, pricer, beta, tol=hair, hair=hair, max_iterations=_ROUNDS, start=start, progress=progress
        )
    except (UnboundedError, SolverError):
        return None


def _bounded_decay(program: NeuronProgram, wanted: float, start: _Start, run: _Run) -> float:
    """Return the smallest weight decay from `wanted` on, in steps, that is surely bounded."""
    if not program.has_trace:
        return wanted
    pricer, most = run.pricer(program), np.inf
    ties = _tie_bound(program)
    beta = wanted if wanted > _MARGIN * ties else _ABOVE_TIES * ties
    while beta < most:
        fit = _fit(program, pricer, beta / _MARGIN, 0.8 * (_MARGIN - 1), start, run.progress)
        if fit is not None and fit.largest <= beta:
            return beta
        if np.isinf(most):
            most = _threshold(program, run)
            if program.points.size <= _FEW:
                # Seconds, and nearer than steps.
                return min(max(wanted, 1.2 * smallest_decay(program, pricer, 1e-2)), most)
        beta *= _RAISE
    return most


def _tie_bound(program: NeuronProgram) -> float:
    """Return a lower bound on the boundedness bound, from values that columns repeat.

    Two neurons with one kink hyperplane, opposite outputs, and the points on it counted by one only, cancel
    but for these points' traces: a mass of ``m`` there costs ``2 beta`` and brings the jump of the slope
    times ``m``.
    """
    heaviest = max(float(mass.max(initial=0.0)) for _, mass in _repeated(program, program.mass))
    return 0.5 * program.sigma.jump * heaviest


def _repeated(program: NeuronProgram, masses: FloatArray) -> list[tuple[FloatArray, FloatArray]]:
    """Return the values of each column that kinks at right angles to it can lie at, and their masses."""
    found = []
    for column in program.points.T:
        values, which = np.unique(column, return_inverse=True)
        mass = np.bincount(which.reshape(-1), weights=masses)
        kept = np.full(values.size, True) if program.bias else values == 0
        found.append((values[kept], mass[kept]))
    return found


def _threshold(program: NeuronProgram, run: _Run) -> float:
    """Return the smallest weight decay, but for a hair, at which there are no neurons."""
    # A search first: exact pricing is quick where it has to beat a good value only.
    residual = program.zero_residual
    found = AscentPricer(program, rng=0).price(residual, 0.0, most=1).largest
    pricer = run.pricer(program)
    hair = _HAIR if pricer.exact else _SEARCHED_HAIR
    return hair * pricer.price(residual, found * (1 - 1e-12), most=1).largest


def _warn_of_ties(program: NeuronProgram, wanted: float, chosen: float) -> None:
    """Warn if repeated values are what keeps the weight decay from being smaller."""
    columns = _repeated(program, program.frequency)
    column = int(np.argmax([mass.max(initial=0.0) for _, mass in columns]))
    _, mass = columns[column]
    if mass.max(initial=0.0) <= 1:
        return
    heaviest = int(mass.argmax())
    share = 100 * mass[heaviest] / program.frequency.sum()
    warn_caller(
        f"beta: one value holds {share:.2g} % of column {column} of X, and ties raise the weight decay to "
        f"{chosen:.4g}, somewhat below which score matching is unbounded; without them it would be about "
        f"{wanted:.4g}",
        UserWarning,
    )
