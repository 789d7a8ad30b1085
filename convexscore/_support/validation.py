"""Checks of arguments, shared by every room.

Each error names the argument, what was expected, and what came.
"""

from __future__ import annotations

import math
from collections.abc import Collection
from numbers import Integral, Real
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

FloatArray = NDArray[np.float64]


def as_float_array(name: str, values: ArrayLike) -> FloatArray:
    """Return `values` as a finite float64 array, or raise naming `name`."""
    array = np.asarray(values)
    if array.dtype.kind not in "fiub":
        raise TypeError(f"{name}: expected real numbers, got an array of dtype {array.dtype}")
    array = array.astype(np.float64)
    check_finite(name, array)
    return array


def check_finite(name: str, array: FloatArray) -> None:
    """Raise a ValueError that counts the NaN and infinite entries of `array`, if there are any."""
    finite = np.isfinite(array)
    if not finite.all():
        first = int(np.flatnonzero(~finite.reshape(-1))[0])
        missing, infinite = int(np.isnan(array).sum()), int(np.isinf(array).sum())
        raise ValueError(
            f"{name}: expected finite numbers, got {missing} NaN and {infinite} infinite of "
            f"{array.size} (the first at flat index {first})"
        )


def as_data(name: str, values: ArrayLike) -> FloatArray:
    """Return `values` as a finite ``(n_samples, n_features)`` array; 1-D input becomes one column."""
    array = as_float_array(name, values)
    if array.ndim == 1:
        array = array[:, None]
    if array.ndim != 2:
        raise ValueError(f"{name}: expected shape (n_samples,) or (n_samples, n_features), got {array.shape}")
    if array.size == 0:
        raise ValueError(f"{name}: expected at least one sample and one feature, got {array.shape}")
    return array


def as_weights(name: str, values: ArrayLike, n_samples: int) -> FloatArray:
    """Return positive sample weights of shape ``(n_samples,)``."""
    array = as_float_array(name, values)
    if array.shape != (n_samples,):
        raise ValueError(f"{name}: expected shape ({n_samples},), got {array.shape}")
    if array.min() <= 0:
        raise ValueError(f"{name}: expected positive weights, got a minimum of {array.min():g}")
    return array


def as_real(name: str, value: Any, *, minimum: float = -math.inf, strict: bool = False) -> float:
    """Return `value` as a finite float that is at least (or, if `strict`, above) `minimum`."""
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (Real, np.ndarray)):
        raise TypeError(f"{name}: expected a number, got {value!r}")
    if isinstance(value, np.ndarray) and value.ndim:
        raise TypeError(f"{name}: expected a number, got an array of shape {value.shape}")
    number = float(value)
    if not math.isfinite(number):
        raise ValueError(f"{name}: expected a finite number, got {number}")
    if number < minimum or (strict and number == minimum):
        relation = "above" if strict else "at least"
        raise ValueError(f"{name}: expected a number {relation} {minimum:g}, got {number:g}")
    return number


def as_probability(name: str, value: Any) -> float:
    """Return `value` as a float strictly between 0 and 1."""
    number = as_real(name, value, minimum=0.0, strict=True)
    if number >= 1:
        raise ValueError(f"{name}: expected a number between 0 and 1, got {number:g}")
    return number


def as_count(name: str, value: Any, *, minimum: int = 0) -> int:
    """Return `value` as an int that is at least `minimum`."""
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, Integral):
        raise TypeError(f"{name}: expected an integer, got {value!r}")
    if value < minimum:
        raise ValueError(f"{name}: expected an integer of at least {minimum}, got {int(value)}")
    return int(value)


def as_flag(name: str, value: Any) -> bool:
    """Return `value` if it is True or False."""
    if not isinstance(value, (bool, np.bool_)):
        raise TypeError(f"{name}: expected True or False, got {value!r}")
    return bool(value)


def as_choice(name: str, value: Any, choices: Collection[str]) -> str:
    """Return `value` if it is one of `choices`."""
    if value not in choices:
        listed = ", ".join(repr(choice) for choice in choices)
        raise ValueError(f"{name}: expected one of {listed}, got {value!r}")
    return str(value)


def no_options(solver: str, options: dict[str, Any]) -> None:
    """Raise a TypeError that names the options, if there are any."""
    if options:
        raise TypeError(f"solver_options: solver {solver!r} does not know {', '.join(sorted(options))}")
