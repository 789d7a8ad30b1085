"""Data with limits: the weight that vanishes there, which generalized score matching multiplies the loss by.

Score matching integrates by parts and loses what stands at the ends of the data's support, which is not zero
where a density jumps or falls steeply.  With a weight ``h`` that is zero at the finite ends it loses nothing
(Hyvarinen 2007; Yu, Drton & Shojaie 2019):

    E[1/2 h (s - s_true)^2] = E[1/2 h s^2 + h s' + h' s] + constant,      h(x) = min(x - low, high - x, c).

With several features the support is a box, one pair of limits a feature, and the weight the distance from its
nearest face (Liu, Kanamori & Williams 2022):

    E[1/2 h ||s - s_true||^2] = E[1/2 h ||s||^2 + h tr J_s + grad h's] + constant,
    h(x) = min over j of (x_j - low_j, high_j - x_j, c).
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
    "Box",
    "Support",
    "WeightFunctions",
    "as_box",
    "as_limits",
    "as_support",
    "as_weight",
    "box_of",
    "box_terms",
    "has_no_weight",
    "in_other_units",
    "median_distance",
    "require_vanishing",
    "require_within",
    "support_of",
    "weight_terms",
]

#: Both ends of data with one feature; one such pair a feature.
Support = tuple[float, float]
Box = tuple[Support, ...]
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


def support_of(law: Any, n_features: int | None = None) -> Support | Box | None:
    """Return what the method ``support()`` of a law or a score says; None where there are no limits.

    Parameters
    ----------
    law : object
        Anything; what has no such method, or means something else by it, has no limits.
    n_features : int, optional
        How many it should have; by default as many as it says.
    """
    method = getattr(law, "support", None)
    if not callable(method):
        return None
    try:
        said = method()
        if n_features is None:
            nested = isinstance(said, (tuple, list)) and any(isinstance(part, (tuple, list)) for part in said)
            n_features = len(said) if nested else 1
        return as_limits("support", said, n_features)
    # Some laws of several features have none, and other objects may call something else so.
    except (TypeError, ValueError):
        return None


def as_box(name: str, support: Any, n_features: int) -> Box | None:
    """Return both ends for each of several features, infinite where there is none; None for the whole space.

    Raises
    ------
    TypeError, ValueError
        If it is no list of one pair, or None, a feature.
    """
    if support is None:
        return None
    if isinstance(support, np.ndarray):
        support = support.tolist()
    is_list = isinstance(support, (tuple, list)) and len(support) == n_features
    if is_list:
        support = [part.tolist() if isinstance(part, np.ndarray) else part for part in support]
    if not is_list or not all(part is None or isinstance(part, (tuple, list)) for part in support):
        one = "[(0, None), None" + ", ..." * (n_features > 2) + "]"
        raise ValueError(
            f"{name}: expected one pair of limits, or None, for each of {n_features} features, as in {one}, "
            f"got {shown(support)}"
        )
    pairs = [as_support(name, part) for part in support]
    if not any(pairs):
        return None
    return tuple(pair or (-math.inf, math.inf) for pair in pairs)


def as_limits(name: str, support: Any, n_features: int) -> Support | Box | None:
    """Return the limits of data: a pair for one feature, a box for several; None for no limits."""
    return as_support(name, support) if n_features == 1 else as_box(name, support, n_features)


def box_of(limits: Support | Box) -> Box:
    """Return limits as a box: a pair is one with one feature."""
    found: Any = limits if isinstance(limits[0], tuple) else (limits,)
    return found


def require_within(name: str, X: FloatArray, box: Box) -> None:
    """Raise a ValueError that names the data, of shape ``(n, d)``, if any is outside the box."""
    for j, (low, high) in enumerate(box):
        column = X[:, j]
        outside = (low > column) | (high < column)
        if outside.any():
            where = f" in column {j}" if len(box) > 1 else ""
            raise ValueError(
                f"{name}: expected values within the support from {low:g} to {high:g}{where}, got "
                f"{column[outside][0]:g} ({int(outside.sum())} of {column.size} are outside)"
            )


def _distances(X: FloatArray, box: Box) -> FloatArray:
    """Return the distance of each point from each face, lower ones first, shape ``(n, 2 d)``."""
    low, high = np.array(box).T
    return np.hstack([X - low, high - X])


def median_distance(X: FloatArray, weight: FloatArray, box: Box) -> float:
    """Return the weighted median of the distances from the nearest face, points on faces left out.

    Raises
    ------
    ValueError
        If there are no others.
    """
    distance = _distances(X, box).min(axis=1)
    inside = (distance > 0) & (weight > 0)
    if not inside.any():
        raise ValueError("X: expected values inside the support, got all of them on an end of it")
    order = np.argsort(distance[inside], kind="stable")
    share = np.cumsum(weight[inside][order])
    return float(distance[inside][order][np.searchsorted(share, 0.5 * share[-1])])


def box_terms(X: FloatArray, box: Box, height: float) -> tuple[FloatArray, FloatArray]:
    """Return ``h`` and its gradient, ``h(x) = min(distance of x from the nearest face, height)``.

    Where ``h`` bends, points are equally near to several faces, or to one and the height: the gradient is the
    mean of theirs.  Points that differ from a bend by rounding are on it.

    Parameters
    ----------
    X : ndarray of shape (n, d)
        Points of the box.
    box : tuple of d pairs of floats
        Its limits.
    height : float
        Where the weight stops growing.

    Examples
    --------
    >>> import numpy as np
    >>> from convexscore.objectives.support import box_terms
    >>> box_terms(np.array([[0.5, 3.0], [1.0, 1.0]]), ((0.0, np.inf), (0.0, np.inf)), 2.0)
    (array([0.5, 1. ]), array([[1. , 0. ],
           [0.5, 0.5]]))
    """
    d = X.shape[1]
    parts = np.hstack([_distances(X, box), np.full((len(X), 1), height)])
    weight = parts.min(axis=1)
    at = np.isfinite(parts) & (np.abs(parts - weight[:, None]) <= _AT * np.abs(weight[:, None]))
    slopes = at[:, :d].astype(float) - at[:, d : 2 * d]
    return weight, slopes / at.sum(axis=1, keepdims=True)


def as_weight(name: str, weight: Any, n_features: int = 1) -> float | WeightFunctions:
    """Return the height of the weight, infinite for none, or the functions that it and its derivative are.

    Raises
    ------
    TypeError, ValueError
        If it is neither a number above zero nor, for one feature, a pair of functions.
    """
    if isinstance(weight, (tuple, list)):
        if n_features != 1:
            raise ValueError(f"{name}: expected a number with {n_features} features, got {shown(weight)}")
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
    X: FloatArray, limits: Support | Box, weight: float | WeightFunctions
) -> tuple[FloatArray, FloatArray]:
    """Return the weight, ``(n,)``, and its gradient, ``(n, d)``, at points: of a height, or of functions."""
    if isinstance(weight, tuple):
        height, derivative = _function_terms("boundary_weight", weight, X[:, 0])
        return height, derivative[:, None]
    return box_terms(X, box_of(limits), weight)


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
