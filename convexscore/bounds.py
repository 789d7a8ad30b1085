"""The thresholds of the weight decay, for every program."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .arrangements.patterns import Patterns
from .families import family_of
from .objectives import ExpectedDenoising, Objective
from .problem import Problem
from .results import BetaBounds

__all__ = ["beta_bounds"]


def beta_bounds(
    objective: Objective | ExpectedDenoising | ArrayLike,
    activation: str = "relu",
    skip: bool = False,
    *,
    bias: bool = True,
    gated: bool = False,
    patterns: Patterns | NDArray[np.bool_] | None = None,
    conservative: bool = False,
) -> BetaBounds:
    """Return the weight-decay thresholds of a program, ties and weights included.

    Parameters
    ----------
    objective : ScoreMatching, DenoisingScoreMatching, ExpectedDenoising or array
        The data; an array is score matching on it.
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
    conservative : bool
        Whether it is a conservative network.

    Returns
    -------
    BetaBounds
        ``minimum <= linear <= maximum``, in the units of ``beta`` (the summed loss's weight decay).

    Raises
    ------
    ValueError
        If the data do not fit the program, or have one feature and fewer than two distinct values.

    See Also
    --------
    select_beta : Chooses a weight decay.
    regularization_path : Solves for all of them at once.
    UnboundedError : What a smaller weight decay raises.

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
    problem = Problem(objective, activation, skip, bias, gated, patterns, conservative=conservative)
    return family_of(problem).checked_bounds(problem)
