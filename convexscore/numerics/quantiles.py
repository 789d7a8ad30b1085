"""Quantiles of a law of which draws are known."""

from __future__ import annotations

import numpy as np

from .._support.validation import FloatArray

__all__ = ["safe_quantile"]

# Standard errors that are added: the 95 % point of the normal law.
_ERRORS = 1.645


def safe_quantile(draws: FloatArray, level: float) -> float:
    """Return an upper confidence limit, at 95 %, of a quantile of the law that was drawn from.

    A test at the plain quantile of few draws has its level on average only: with one seed it is too low for
    half of them, always.  The number of draws below the true quantile is binomial; its 95 % point is taken.

    Parameters
    ----------
    draws : ndarray of shape (n_draws,)
        At least one.
    level : float
        Between 0 and 1.

    Returns
    -------
    float

    Examples
    --------
    >>> import numpy as np
    >>> from convexscore.numerics.quantiles import safe_quantile
    >>> safe_quantile(np.arange(1000.0), 0.9)
    915.0
    """
    n = draws.size
    below = n * level + _ERRORS * np.sqrt(n * level * (1 - level))
    return float(np.sort(draws)[min(int(below), n - 1)])
