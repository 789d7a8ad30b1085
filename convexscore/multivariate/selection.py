"""Choosing the weight decay in several dimensions: a test of straightness, then a share of the noise.

The rule of the line (`univariate.selection`) with the noise of `bootstrap`: the linear score is kept if its
largest correlation is below a high quantile of the noise about it; otherwise the weight decay is a share of
the median noise about a fitted score.
"""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import Any

import numpy as np

from .._support.seeds import generator
from .._support.validation import as_count, as_probability, as_real
from ..errors import ConvergenceWarning, SolverError, UnboundedError
from ..problem import Problem
from .bootstrap import NeuronNoise
from .bounds import smallest_decay
from .pricing.ascent import AscentPricer
from .pricing.choice import pricer_of
from .program import NeuronProgram
from .train import solve_networks

__all__ = ["select_network_decay"]

# Distinct points times features up to which the boundedness bound of score matching is computed.
_FEW = 100


def select_network_decay(
    problem: Problem,
    method: str,
    rng: np.random.Generator | int | None,
    *,
    confidence: float = 0.9,
    share: float = 0.4,
    n_replicates: int = 40,
    n_iterations: int = 3,
) -> float:
    """Choose the weight decay for data with several features; see `select_beta` for the parameters."""
    confidence = as_probability("confidence", confidence)
    share = as_real("share", share, minimum=0.0, strict=True)
    replicates = as_count("n_replicates", n_replicates, minimum=1)
    rounds = as_count("n_iterations", n_iterations, minimum=1)
    with_skip = NeuronProgram.from_problem(replace(problem, skip=True))
    noise = NeuronNoise(problem.objective, with_skip, replicates, generator(rng, "select_beta"))
    residual = with_skip.zero_residual
    about_the_line = noise.largest(residual)
    level = float(np.quantile(about_the_line, confidence))
    search = AscentPricer(with_skip, rng=0).price(residual, 0.0, most=1)
    if search.largest <= level:
        largest = pricer_of(with_skip).price(residual, search.largest * (1 - 1e-12), most=1).largest
        if largest <= level:
            return level
    level = float(np.median(about_the_line))
    start = None
    for _ in range(rounds - 1):
        try:
            with warnings.catch_warnings():
                # A preliminary fit: its accuracy matters little.
                warnings.simplefilter("ignore", ConvergenceWarning)
                options: dict[str, Any] = {} if start is None else {"start": start}
                fit = solve_networks(problem, level, tol=1e-3, options=options)
        except (UnboundedError, SolverError):
            break
        start = fit.network
        scores = with_skip.scale * fit.network(with_skip.points)
        level = float(np.median(noise.largest(with_skip.root_mass * (scores - with_skip.target))))
    return max(share * level, _lowest(problem))


def _lowest(problem: Problem) -> float:
    """Return a weight decay that is surely bounded; zero for many data, where the noise is far above it."""
    program = NeuronProgram.from_problem(problem)
    if len(program.points) * program.n_features > _FEW:
        return 0.0
    return 1.2 * smallest_decay(program, pricer_of(program), 1e-2)
