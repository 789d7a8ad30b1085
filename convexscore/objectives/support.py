"""Data with limits: the weight that vanishes there, which generalized score matching multiplies the loss by.

Score matching integrates by parts and loses what stands at the ends of the data's support, which is not zero
where a density jumps or falls steeply.  With a weight ``h`` that is zero at the finite ends it loses nothing
(Hyvarinen 2007; Yu, Drton & Shojaie 2019):

    E[1/2 h (s - s_true)^2] = E[1/2 h s^2 + h s' + h' s] + constant,      h(x) = min(x - low, high - x, c).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._support.validation import (
    FloatArray,
    as_callable,
    as_numbers,
    as_real,
    as_returned,
    check_finite,
    shown,
)

__all__ = [
    "WeightFunctions",
    "as_support",
    "as_weight",
    "boundary_terms",
    "has_no_weight",
    "in_other_units",
    "median_distance",
    "require_vanishing",
    "require_within",
    "support_of",
    "weight_terms",
]

Support = tuple[float, float]
#: A weight that is given as a function of points of shape ``(n,)``, and its derivative.
WeightFunctions = tuple[Callable[[FloatArray], FloatArray], Callable[[FloatArray], FloatArray]]

# Distances this close to where the weight bends, as a share, are at the bend.
_AT = 1e-12
# Weights at an end of the support that are so small, as a share of the largest, are zero but for rounding.
_ZERO = 1e-9


def as_support(name: str, support: Any) -> Support | None:
    """Return both ends of a support, infinite where there is none; None for the whole line.

    Raises
    ------
    TypeError, ValueError
        If it is no pair of numbers or None, or the first is not below the second.
    """
    if support is None:
        return None
    if isinstance(support, np.ndarray):
        support = support.tolist()
    if not isinstance(support, (tuple, list)) or len(support) != 2:
        raise ValueError(
            f"{name}: expected a pair of numbers, None where there is no limit, got {shown(support)}"
        )
    ends = []
    for end, none in zip(support, (-math.inf, math.inf), strict=True):
        infinite = isinstance(end, (float, np.floating)) and end == none
        ends.append(none if end is None or infinite else as_real(name, end))
    low, high = ends
    if not low < high:
        raise ValueError(f"{name}: expected a lower end below the upper one, got {low:g} and {high:g}")
    return None if math.isinf(low) and math.isinf(high) else (low, high)


def support_of(law: Any) -> Support | None:
    """Return the ends of the method ``support()`` of a law or a score; None where there are none."""
    method = getattr(law, "support", None)
    if not callable(method):
        return None
    try:
        return as_support("support", method())
    # Laws of several features have none, and other objects may call something else so.
    except (TypeError, ValueError):
        return None


def require_within(X: FloatArray, support: Support) -> None:
    """Raise a ValueError that names the data if any is outside the support, or they have several features."""
    low, high = support
    if X.shape[1] != 1:
        raise ValueError(f"support: expected None but for data with 1 feature, got data with {X.shape[1]}")
    outside = (low > X) | (high < X)
    if outside.any():
        raise ValueError(
            f"X: expected values within the support from {low:g} to {high:g}, got {X[outside][0]:g}"
            f" ({int(outside.sum())} of {X.size} are outside)"
        )


def _distances(x: FloatArray, support: Support) -> FloatArray:
    """Return the distance of each point from the nearer end."""
    return np.minimum(x - support[0], support[1] - x)


def median_distance(x: FloatArray, weight: FloatArray, support: Support) -> float:
    """Return the weighted median of the distances from the nearer end, points on the ends left out.

    Raises
    ------
    ValueError
        If there are no others.
    """
    distance = _distances(x, support)
    inside = (distance > 0) & (weight > 0)
    if not inside.any():
        raise ValueError("X: expected values inside the support, got none that is not on an end of it")
    order = np.argsort(distance[inside], kind="stable")
    share = np.cumsum(weight[inside][order])
    return float(distance[inside][order][np.searchsorted(share, 0.5 * share[-1])])


def boundary_terms(x: FloatArray, support: Support, height: float) -> tuple[FloatArray, FloatArray]:
    """Return ``h`` and its derivative, ``h(x) = min(x - low, high - x, height)``.

    Where ``h`` bends, at the height and in the middle, the derivative is the mean of both sides.  Points that
    differ from a bend by rounding are on it, so that the units of the data do not matter.

    Parameters
    ----------
    x : ndarray of any shape
        Points of the support.
    support : tuple of two floats
        Its ends.
    height : float
        Where the weight stops growing.

    Examples
    --------
    >>> import numpy as np
    >>> from convexscore.objectives.support import boundary_terms
    >>> boundary_terms(np.array([0.5, 2.0, 3.0]), (0.0, np.inf), 2.0)
    (array([0.5, 2. , 2. ]), array([1. , 0.5, 0. ]))
    """
    from_low, from_high = x - support[0], support[1] - x
    weight = np.minimum(np.minimum(from_low, from_high), height)
    parts = from_low, from_high, np.full(x.shape, height)
    low, high, flat = (np.isfinite(part) & (np.abs(part - weight) <= _AT * weight) for part in parts)
    # Left of a bend the slope is the larger of those that meet there, right of it the smaller.
    before = np.where(low, 1.0, np.where(flat, 0.0, -1.0))
    after = np.where(high, -1.0, np.where(flat, 0.0, 1.0))
    return weight, 0.5 * (before + after)


def as_weight(name: str, weight: Any) -> float | WeightFunctions:
    """Return the height of the weight, infinite for none, or the functions that it and its derivative are.

    Raises
    ------
    TypeError, ValueError
        If it is neither a number above zero nor a pair of functions.
    """
    if isinstance(weight, (tuple, list)):
        if len(weight) != 2:
            raise ValueError(
                f"{name}: expected a number or a pair of functions (h, h_prime), got {shown(weight)}"
            )
        return as_callable(name, weight[0]), as_callable(name, weight[1])
    if callable(weight):
        raise TypeError(f"{name}: expected a number or a pair of functions (h, h_prime), got {shown(weight)}")
    if isinstance(weight, (float, np.floating)) and weight == np.inf:
        return math.inf
    return as_real(name, weight, minimum=0.0, strict=True)


def weight_terms(
    x: FloatArray, support: Support, weight: float | WeightFunctions
) -> tuple[FloatArray, FloatArray]:
    """Return the weight and its derivative at points: of a height, or of functions."""
    if isinstance(weight, tuple):
        return _function_terms("boundary_weight", weight, x)
    return boundary_terms(x, support, weight)


def _function_terms(name: str, functions: WeightFunctions, x: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return what weight and derivative, given as functions, are at points; `name` is their argument.

    Raises
    ------
    TypeError, ValueError
        If they return anything but finite numbers of the points' shape, or the weight is negative.
    """
    weight, derivative = (_returned(name, function, x) for function in functions)
    below = weight < -_AT * weight.max(initial=0.0)
    if below.any():
        raise ValueError(f"{name}: expected h to be at least 0, got {weight[below][0]:g} at {x[below][0]:g}")
    return np.maximum(weight, 0.0), derivative


def _returned(name: str, function: Callable[[FloatArray], FloatArray], x: FloatArray) -> FloatArray:
    values = as_numbers(name, as_returned(name, function(x), x.shape, "an array of the shape of x,"))
    check_finite(name, values)
    return values


def require_vanishing(name: str, functions: WeightFunctions, support: Support, largest: float) -> None:
    """Raise a ValueError if a weight whose largest value is this does not vanish at the finite ends."""
    ends = np.array([end for end in support if math.isfinite(end)])
    at_ends = _returned(name, functions[0], ends)
    for end, weight in zip(ends, at_ends, strict=True):
        if abs(weight) > _ZERO * largest:
            raise ValueError(f"{name}: expected h to be 0 at the end {end:g} of the support, got {weight:g}")


def in_other_units(
    name: str, functions: WeightFunctions, support: Support, origin: float, length: int, size: int
) -> WeightFunctions:
    """Return functions divided by ``2^size``, of distances from an origin divided by ``2^length``."""
    given = partial(_at_point, name, support=support, origin=origin, length=length)
    weight, derivative = functions
    return partial(given, weight, exponent=-size), partial(given, derivative, exponent=length - size)


def _at_point(
    name: str,
    function: Callable[[FloatArray], FloatArray],
    x: FloatArray,
    *,
    support: Support,
    origin: float,
    length: int,
    exponent: int,
) -> FloatArray:
    """Return a function of the point that stands for `x`, times a power of two."""
    # Rounding takes no point out of the support.
    point = np.clip(np.ldexp(x, length) + origin, *support)
    return np.ldexp(_returned(name, function, point), exponent)


def has_no_weight(weight: FloatArray) -> NDArray[np.bool_]:
    """Return which points are on an end of the support, or so close to it that floats cannot tell."""
    return weight <= _AT * weight.max(initial=0.0)
