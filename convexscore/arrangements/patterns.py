"""Activation patterns as data: signs, witnesses, cones."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .._support.frozen import Frozen, frozen
from .._support.records import save_object
from .._support.shorthands import Shown, paragraph
from .._support.validation import FloatArray, as_float_array, as_real, shown

__all__ = ["Cone", "Known", "Patterns", "scaled_rows"]


@dataclass(frozen=True, eq=False, repr=False)
class Patterns(Frozen, Shown):
    """Activation patterns, each with a point strictly inside its cell.

    Parameters
    ----------
    signs : bool ndarray of shape (n_patterns, n_samples)
        Whether ``x_i u >= 0`` in each cell; True for zero rows.
    rows : ndarray of shape (n_samples, n_columns)
        The data, with bias their column of ones.
    complete : bool
        Whether these are all patterns of the data.
    total : int or None
        The number of all patterns, where known.

    See Also
    --------
    enumerate_patterns : All patterns of data.
    sample_patterns : Those that random directions find.
    count_patterns : Their number, without a list.
    """

    signs: NDArray[np.bool_]
    rows: FloatArray
    complete: bool
    total: int | None
    _find_witnesses: Callable[[], FloatArray] = field(repr=False)

    def __len__(self) -> int:
        """Return the number of patterns."""
        return len(self.signs)

    def __repr__(self) -> str:
        if self.complete:
            share = "complete"
        elif self.total is None:
            share = "of an unknown number"
        else:
            share = f"of {self.total} ({100 * len(self) / self.total:.3g} %)"
        return paragraph(
            "Patterns",
            f"{len(self)} activation pattern{'s' * (len(self) != 1)} of {self.signs.shape[1]} samples in "
            f"{self.rows.shape[1]} columns, {share}; a witness inside the cell of each",
        )

    @property
    def fraction(self) -> float | None:
        """Which part of all patterns these are; None where their number is not known."""
        return None if self.total is None else len(self) / self.total

    @cached_property
    def witnesses(self) -> FloatArray:
        """A unit vector ``u`` inside each cell, bias last, shape ``(n_patterns, n_columns)``.

        Made when asked for.  For patterns of faces (``closed=True``) it is inside the face.
        """
        return frozen(self._find_witnesses())

    @cached_property
    def margins(self) -> FloatArray:
        """Distance of each witness to the nearest hyperplane, shape ``(n_patterns,)``.

        Positive inside, up to rounding of 1e-16; not so only for a cell too thin to find a vector of doubles
        inside, or for a face.
        """
        cut = self.rows.any(axis=1)
        units = scaled_rows(self.rows)[cut]
        units = units / np.linalg.norm(units, axis=1, keepdims=True)
        side = np.where(self.signs[:, cut], 1.0, -1.0)
        heights: FloatArray = side * (self.witnesses @ units.T)
        return frozen(heights.min(axis=1, initial=np.inf))

    @property
    def plus_minus(self) -> NDArray[np.int8]:
        """The patterns as 1 and -1, for abs networks."""
        return np.where(self.signs, np.int8(1), np.int8(-1))

    @property
    def packed(self) -> NDArray[np.uint8]:
        """The patterns packed to bits, eight samples a byte, as `numpy.packbits` does."""
        return np.packbits(self.signs, axis=1)

    def cone(self, j: int) -> Cone:
        """Return the closed cone of pattern `j`."""
        if isinstance(j, bool) or not isinstance(j, Integral) or not -len(self) <= j < len(self):
            raise ValueError(f"j: expected the number of one of {len(self)} patterns, got {shown(j)}")
        return Cone(np.where(self.signs[j], 1.0, -1.0)[:, None] * self.rows)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the patterns, with a witness each to an NPZ file (no pickle); `load` opens it."""
        save_object(path, self, n_patterns=len(self), complete=self.complete, total=self.total)

    def _stored(self) -> dict[str, Any]:
        names = ("signs", "rows", "complete", "total")
        return {**{name: getattr(self, name) for name in names}, "_find_witnesses": Known(self.witnesses)}


@dataclass(frozen=True, eq=False)
class Cone(Frozen):
    """The cone ``{u : normals u >= 0}``.

    Parameters
    ----------
    normals : ndarray of shape (n_samples, n_features)
        Inward normals.

    See Also
    --------
    Patterns.cone : The cone of a pattern.
    """

    normals: FloatArray

    def contains(self, u: ArrayLike, tol: float = 0.0) -> NDArray[np.bool_]:
        """Whether vectors of shape ``(n_features,)`` or ``(n, n_features)`` are in the cone, up to `tol`."""
        points = as_float_array("u", u)
        if points.ndim not in (1, 2) or points.shape[-1] != self.normals.shape[1]:
            d = self.normals.shape[1]
            raise ValueError(f"u: expected shape ({d},) or (n, {d}), got {points.shape}")
        return np.asarray((points @ self.normals.T >= -as_real("tol", tol)).all(axis=-1))


@dataclass(frozen=True, eq=False)
class Known(Frozen):
    """Witnesses that are there already; a class, so that patterns can be pickled."""

    witnesses: FloatArray

    def __call__(self) -> FloatArray:
        """Return them."""
        return self.witnesses


def scaled_rows(rows: FloatArray) -> FloatArray:
    """Return rows scaled by powers of two to a largest entry of about one, which changes no sign."""
    largest = np.abs(rows).max(axis=1, initial=0.0)
    scaled: FloatArray = np.ldexp(rows, -np.frexp(largest)[1][:, None])
    return scaled
