"""Choosing the weight decay in several dimensions: a test of straightness, then a share of the noise.

The rule of the line (`selection`) with the noise of `neuron_noise`: the linear score is kept if its
largest correlation is below a high quantile of the noise about it; otherwise the weight decay is a share of
the median noise about a fitted score.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from ..errors import ConvergenceWarning, SolverError, UnboundedError
from ..objectives import Objective
from .bootstrap import NeuronNoise
from .bounds import smallest_decay
from .pricing.ascent import AscentPricer
from .pricing.choice import pricer_of
from .program import NeuronProgram
from .train import solve_networks

__all__ = ["select_decay"]

# Distinct points times features up to which the boundedness bound of score matching is computed.
_FEW = 100


def select_decay(
    objective: Objective,
    activation: str,
    skip: bool,
    bias: bool,
    *,
    confidence: float,
    share: float,
    replicates: int,
    rounds: int,
    rng: np.random.Generator,
) -> float:
    """Return a weight decay for data with several features; see `select_beta` for the parameters."""
    with_skip = NeuronProgram.from_objective(objective, activation, True, bias)
    noise = NeuronNoise(objective, with_skip, replicates, rng)
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
                fit = solve_networks(objective, level, activation, skip, bias, tol=1e-3, options=options)
        except (UnboundedError, SolverError):
            break
        start = fit.network
        scores = with_skip.scale * fit.network(with_skip.points)
        level = float(np.median(noise.largest(with_skip.root_mass * (scores - with_skip.target))))
    return max(share * level, _lowest(objective, activation, skip, bias))


def _lowest(objective: Objective, activation: str, skip: bool, bias: bool) -> float:
    """Return a weight decay that is surely bounded; zero for many data, where the noise is far above it."""
    program = NeuronProgram.from_objective(objective, activation, skip, bias)
    if len(program.points) * program.n_features > _FEW:
        return 0.0
    return 1.2 * smallest_decay(program, pricer_of(program), 1e-2)
