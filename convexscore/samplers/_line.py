"""Piecewise linear scores on the line, evaluated at a cache's worth of unsorted points."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._support.validation import FloatArray
from ..numerics.piecewise import PiecewiseLinear

# Up to so many cuts, counting those below a point is faster than a binary search.
_FEW = 40


def as_piecewise(score: Any) -> PiecewiseLinear | None:
    """Return the piecewise linear function of one variable that `score` says it is, by ``score.piecewise``.

    None where it does not say so: it has no such attribute, or refuses it, as networks of more features do.
    """
    try:
        function = score.piecewise
    except (AttributeError, ValueError):
        return None
    return function if isinstance(function, PiecewiseLinear) else None


def evaluate(function: PiecewiseLinear, x: FloatArray) -> FloatArray:
    """Return ``function(x)`` for 1-D `x`, bit for bit, in the precision of `x`.

    Chains are in no order, so each branch of a binary search is a coin toss to the processor; one comparison
    a cut has no branch.
    """
    cuts, bases, values, slopes = (table.astype(x.dtype, copy=False) for table in function._regions)
    if cuts.size > _FEW:
        region = np.searchsorted(cuts, x, side="right")
    else:
        below = np.zeros(x.shape, dtype=np.uint8)
        for cut in cuts:
            below += x >= cut
        region = below.astype(np.intp)
    result = x - bases.take(region)
    result *= slopes.take(region)
    result += values.take(region)
    return result
