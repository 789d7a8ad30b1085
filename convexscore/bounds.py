"""The thresholds of the weight decay, for every program."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ._support.validation import as_flag
from .arrangements.patterns import Patterns
from .multivariate.bounds import smallest_decay
from .multivariate.patterns import given_patterns
from .multivariate.pricing.ascent import AscentPricer
from .multivariate.pricing.base import Pricer
from .multivariate.pricing.choice import pricer_of
from .multivariate.pricing.gates import GatePricer
from .multivariate.program import NeuronProgram
from .objectives import ExpectedDenoising, Objective
from .results import BetaBounds
from .univariate.bounds import program_bounds
from .univariate.expected.program import ExpectedProgram, expected_bounds
from .univariate.program import UnivariateProgram

__all__ = ["beta_bounds"]


def beta_bounds(
    objective: Objective | ExpectedDenoising,
    activation: str = "relu",
    skip: bool = False,
    *,
    bias: bool = True,
    gated: bool = False,
    patterns: Patterns | NDArray[np.bool_] | None = None,
) -> BetaBounds:
    """Return the weight-decay thresholds of a program, ties and weights included.

    Parameters
    ----------
    objective : ScoreMatching, DenoisingScoreMatching or ExpectedDenoising
        The data.
    activation : {"relu", "abs"}
        Activation.
    skip : bool
        Whether the network has a skip connection.
    bias : bool
        Whether it has biases.
    gated : bool
        Whether it is a gated network.
    patterns : Patterns or bool array of shape (n_patterns, n_samples), optional
        Patterns of the gated network, all by default.

    Returns
    -------
    BetaBounds
        ``minimum <= linear <= maximum``, in the units of ``beta`` (the summed loss's weight decay).

    Raises
    ------
    ValueError
        If the data do not fit the program, or have one feature and fewer than two distinct values.

    Notes
    -----
    With one feature all three are exact (ZP section 3.3 and appendices A.5-A.7; the bounds with ties are ours
    and are tested against a linear program).  With two, and for gated networks, `maximum` is the exact
    largest correlation at the network without neurons; the regimes are not told apart, `linear` equals it.
    `minimum` is the value of a convex program, approached from above to a part in a thousand; it takes
    seconds.  With three and more features both come from a search and are lower than the true values, if
    they differ.

    Examples
    --------
    >>> import convexscore as cs
    >>> bounds = cs.beta_bounds(cs.ScoreMatching([0.0, 1.0, 3.0, 3.0]))
    >>> bounds.minimum, bounds.linear, bounds.maximum
    (2.0, 2.0, 4.0)
    >>> bounds = cs.beta_bounds(cs.ScoreMatching([[0.0, 1.0], [1.0, 0.0], [-1.0, -1.0]]), bias=False)
    >>> bounds.maximum
    2.0
    """
    as_flag("bias", bias)
    if patterns is not None and not as_flag("gated", gated):
        raise ValueError("patterns: expected None for networks that are not gated, got patterns")
    if isinstance(objective, ExpectedDenoising):
        return expected_bounds(ExpectedProgram(objective, activation, skip))
    if objective.X.shape[1] == 1 and bias and not gated:
        return program_bounds(UnivariateProgram.from_objective(objective, activation, skip))
    program = NeuronProgram.from_objective(objective, activation, skip, bias, gated=gated)
    pricer: Pricer = pricer_of(program)
    if gated:
        slope = given_patterns(program, objective.X, patterns).slope(program.sigma.left_slope)
        pricer = GatePricer(program, slope)
    residual = program.zero_residual
    # A search first: exact pricing is quick where it has to beat a good value only.
    found = 0.0 if gated else AscentPricer(program, rng=0).price(residual, 0.0, most=1).largest
    maximum = pricer.price(residual, found * (1 - 1e-12), most=1).largest
    minimum = min(smallest_decay(program, pricer), maximum)
    return BetaBounds(minimum, maximum, maximum)
