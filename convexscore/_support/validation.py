"""Checks of arguments, shared by every room.

Each error names the argument, what was expected, and what came.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Collection
from numbers import Integral, Real
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .frozen import locked

FloatArray = NDArray[np.float64]

# Between these, and for zero, squares are floats with room for factors.
_SMALLEST, _LARGEST = 1e-150, 1e150
# Lists of arrays are looked into this deep for masks: no argument has more axes.
_DEPTH = 3


def shown(value: Any) -> str:
    """Return the repr of a value for an error message, shortened; of what has none, its type."""
    try:
        text = repr(value)
    except Exception:  # numbers of many digits have none, and objects may do as they please
        return f"a value of type {type(value).__name__}"
    return text if len(text) <= 200 else f"{text[:197]}..."


def as_numbers(name: str, values: Any) -> FloatArray:
    """Return `values` as a float64 array, NaN and infinities allowed; itself if it is one."""
    if type(values) is np.ndarray and values.dtype == np.float64:
        return values
    array = as_array(name, values)
    if array.dtype.kind not in "fiub":
        raise TypeError(f"{name}: expected real numbers, got {_kind_of(array)}")
    with np.errstate(over="ignore"):
        return np.asarray(array, dtype=np.float64)


def as_returned(name: str, values: Any, shape: tuple[int, ...], expected: str) -> NDArray[Any]:
    """Return what the function `name` returned as an array of real numbers, in its own precision.

    `expected` says what it should be, up to the shape.  NaN and infinities are allowed.
    """
    array = values if type(values) is np.ndarray else as_array(name, values)
    if array.dtype.kind not in "fiub":
        raise TypeError(f"{name}: expected an array of real numbers of shape {shape}, got {_kind_of(array)}")
    if array.shape != shape:
        raise ValueError(f"{name}: expected {expected} {shape}, got {array.shape}")
    return array


def check_no_nan(name: str, array: NDArray[Any]) -> None:
    """Raise a ValueError if there is a NaN in what the function `name` returned."""
    missing = np.isnan(array)
    if missing.any():
        raise ValueError(
            f"{name}: expected numbers, got NaN at {int(missing.sum())} of {missing.size} points"
        )


def _kind_of(array: NDArray[Any]) -> str:
    return f"an array of dtype {array.dtype}" if array.ndim else shown(array[()])


def as_array(name: str, values: Any) -> NDArray[Any]:
    """Return `values` as an array of any type, without a mask, or raise naming `name`."""
    if _has_mask(values, _DEPTH):
        raise ValueError(f"{name}: expected numbers everywhere, got masked entries; leave them out first")
    try:
        return np.asarray(values)
    except Exception as error:  # whatever its conversion to an array raises
        raise ValueError(
            f"{name}: expected an array of numbers, got a {type(values).__name__} that is none ({error})"
        ) from error


def _has_mask(values: Any, depth: int) -> bool:
    if isinstance(values, np.ma.MaskedArray):
        return bool(np.ma.is_masked(values))
    if depth == 0 or not isinstance(values, (list, tuple)):
        return False
    # Long lists are of few types, mostly of numbers.
    nested = any(issubclass(kind, (list, tuple, np.ma.MaskedArray)) for kind in set(map(type, values)))
    return nested and any(_has_mask(value, depth - 1) for value in values)


def as_float_array(name: str, values: ArrayLike) -> FloatArray:
    """Return `values` as a finite float64 array of its own, or raise naming `name`."""
    array = np.array(as_numbers(name, values))
    check_finite(name, array)
    return array


def as_flags(name: str, values: ArrayLike) -> NDArray[np.bool_]:
    """Return `values` as a boolean array; zeros and ones will do."""
    array = as_array(name, values)
    if array.dtype.kind not in "biuf" or not ((array == 0) | (array == 1)).all():
        raise TypeError(f"{name}: expected True or False for each, got {shown(values)}")
    return array.astype(bool)


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
    """Return `values` as a finite ``(n_samples, n_features)`` array; 1-D input becomes one column.

    It is a copy, and read-only.
    """
    return as_columns(name, locked(as_float_array(name, values)))


def as_columns(name: str, array: FloatArray) -> FloatArray:
    """Return a finite array as `as_data` does, without a copy."""
    if array.ndim == 1:
        array = array[:, None]
    if array.ndim != 2:
        raise ValueError(f"{name}: expected shape (n_samples,) or (n_samples, n_features), got {array.shape}")
    if array.size == 0:
        raise ValueError(f"{name}: expected at least one sample and one feature, got {array.shape}")
    return array


def as_weights(name: str, values: ArrayLike, n_samples: int, *, zeros: bool = False) -> FloatArray:
    """Return positive weights of shape ``(n_samples,)``; with `zeros` some, but not all, may be zero."""
    array = as_float_array(name, values)
    if array.shape != (n_samples,):
        raise ValueError(f"{name}: expected shape ({n_samples},), got {array.shape}")
    if array.min() < 0 or (array.min() == 0 and not zeros):
        least = "weights of at least 0" if zeros else "positive weights"
        raise ValueError(f"{name}: expected {least}, got a minimum of {array.min():g}")
    if array.max() == 0:
        raise ValueError(f"{name}: expected at least one positive weight, got zeros only")
    return array


def as_real(
    name: str, value: Any, *, minimum: float = -math.inf, strict: bool = False, maximum: float = math.inf
) -> float:
    """Return `value` as a finite float from `minimum` (or, if `strict`, above it) to `maximum`."""
    number = _as_number(name, value)
    if not math.isfinite(number):
        raise ValueError(f"{name}: expected a finite number, got {number}")
    if number < minimum or (strict and number == minimum):
        relation = "above" if strict else "at least"
        raise ValueError(f"{name}: expected a number {relation} {minimum:g}, got {number:g}")
    if number > maximum:
        raise ValueError(f"{name}: expected a number of at most {maximum:g}, got {number:g}")
    return number


def _as_number(name: str, value: Any) -> float:
    if isinstance(value, np.ndarray):
        if value.ndim:
            raise TypeError(f"{name}: expected a number, got an array of shape {value.shape}")
        if np.ma.is_masked(value):
            raise ValueError(f"{name}: expected a number, got a masked one")
        value = value[()]
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, Real):
        raise TypeError(f"{name}: expected a number, got {shown(value)}")
    try:
        return float(value)
    except OverflowError:
        raise ValueError(f"{name}: expected a number that fits a float, got {shown(value)}") from None


def as_scale(name: str, value: Any, *, zero: bool = False) -> float:
    """Return a positive number (or zero, with `zero`) whose square is neither lost nor infinite."""
    if zero and as_real(name, value, minimum=0.0) == 0:
        return 0.0
    number = as_real(name, value, minimum=0.0, strict=True)
    if not _SMALLEST <= number <= _LARGEST:
        raise ValueError(
            f"{name}: expected a number between {_SMALLEST:g} and {_LARGEST:g}, whose square is a float, "
            f"got {number:g}"
        )
    return number


def as_probabilities(name: str, values: Any) -> FloatArray:
    """Return `values` as an array of any shape of numbers in ``[0, 1]``."""
    found = as_numbers(name, values)
    if not ((found >= 0) & (found <= 1)).all():
        raise ValueError(
            f"{name}: expected probabilities in [0, 1], got a range of {found.min()} to {found.max()}"
        )
    return found


def as_probability(name: str, value: Any) -> float:
    """Return `value` as a float strictly between 0 and 1."""
    number = as_real(name, value, minimum=0.0, strict=True)
    if number >= 1:
        raise ValueError(f"{name}: expected a number between 0 and 1, got {number:g}")
    return number


def as_count(name: str, value: Any, *, minimum: int = 0) -> int:
    """Return `value` as an int that is at least `minimum`, and a size that arrays may have."""
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, Integral):
        raise TypeError(f"{name}: expected an integer, got {shown(value)}")
    number = int(value)
    if number < minimum:
        raise ValueError(f"{name}: expected an integer of at least {minimum}, got {shown(number)}")
    if number > sys.maxsize:
        raise ValueError(f"{name}: expected an integer of at most {sys.maxsize}, got {shown(number)}")
    return number


def as_flag(name: str, value: Any) -> bool:
    """Return `value` if it is True or False."""
    if not isinstance(value, (bool, np.bool_)):
        raise TypeError(f"{name}: expected True or False, got {shown(value)}")
    return bool(value)


def as_choice(name: str, value: Any, choices: Collection[str]) -> str:
    """Return `value` if it is one of `choices`."""
    if not isinstance(value, str) or value not in choices:
        listed = ", ".join(repr(choice) for choice in choices)
        raise ValueError(f"{name}: expected one of {listed}, got {shown(value)}")
    return str(value)


def as_text(name: str, value: Any) -> str:
    """Return `value` if it is a string."""
    if not isinstance(value, str):
        raise TypeError(f"{name}: expected a string, got {shown(value)}")
    return str(value)


def as_callable(name: str, value: Any) -> Any:
    """Return `value` if it can be called."""
    if not callable(value):
        raise TypeError(f"{name}: expected a callable, got {shown(value)}")
    return value
