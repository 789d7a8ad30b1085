"""Quantiles: of a law of which draws are known, and the intervals that they are the ends of."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

from .._support.validation import FloatArray, as_probabilities

__all__ = ["central_interval", "safe_quantile"]

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


def central_interval(
    quantile: Callable[[ArrayLike], FloatArray], confidence: ArrayLike
) -> tuple[FloatArray, FloatArray]:
    """Return the quantiles at ``(1 - confidence) / 2`` and ``(1 + confidence) / 2``.

    Examples
    --------
    >>> import numpy as np
    >>> from convexscore.numerics.quantiles import central_interval
    >>> low, high = central_interval(np.asarray, 0.5)
    >>> float(low), float(high)
    (0.25, 0.75)
    """
    share = as_probabilities("confidence", confidence)
    return quantile(0.5 - 0.5 * share), quantile(0.5 + 0.5 * share)
