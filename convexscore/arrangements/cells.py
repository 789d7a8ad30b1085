"""From a set without broken circuits to its cell: signs and a point inside.

Let ``c_1`` be the normal of hyperplane 0 and ``c_2, ..., c_r`` fixed vectors that complete it.  A set ``S``
of ``r - 1 - k`` hyperplanes stands for the cell on the positive side of hyperplane 0 that is reached as
follows.  Go far out along ``-d_{k+1}``, less far along ``-d_k``, ..., then one unit of ``d_1``, and from
there by smaller and smaller steps along ``g_j``, ``j`` in ``S`` ascending, where

    d_i  is orthogonal to S and to c_1, ..., c_{k+1} but c_i, and c_i d_i > 0;
    g_j  is orthogonal to S without j and to c_1, ..., c_{k+1}, and c_{k+2} g_j > 0.

For ``k = 0`` this is the cell above the vertex of ``S`` that is its lowest point in the direction ``c_2``;
cells without a lowest point are those of a slice infinitely far below, one dimension less, and so on.  The
sign of a hyperplane is that of the first of these directions that does not lie in it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from functools import cached_property, partial
from math import comb, isqrt, prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._support.validation import FloatArray
from .determinants import cross_products, cross_products_with
from .inner_points import are_inside, best_point, rounded, unit_rows
from .subsets import all_sets, place_of

__all__ = ["CellMaker", "NotGenericError", "as_objects", "random_frame"]

Row = tuple[int, ...]
Members = NDArray[np.intp]

# Bits of c_2, c_3, and all others: enough to be generic, and few enough for machine integers where most
# sets are.
_BITS = (28, 20, 30)

Vectors = NDArray[Any]


class NotGenericError(Exception):
    """One of the fixed vectors is orthogonal to a direction it must tell the side of."""


def random_frame(first: Row, rng: np.random.Generator) -> Vectors:
    """Return ``c_1, ..., c_r`` as Python integers: the first normal, completed at random."""
    rows = [list(first)]
    for i in range(len(first) - 1):
        reach = 1 << _BITS[min(i, len(_BITS) - 1)]
        rows.append(rng.integers(-reach, reach, len(first), endpoint=True).tolist())
    return as_objects(rows)


class CellMaker:
    """Cells of sets of one size.

    Parameters
    ----------
    normals : list of tuple of int
        Pairwise not parallel, of full rank.
    frame : ndarray of shape (rank, rank)
        The fixed vectors, as Python integers.
    size : int
        Number of members of the sets.
    """

    def __init__(self, normals: list[Row], frame: Vectors, size: int) -> None:
        self.size, self.slices = size, len(frame) - 1 - size
        exact = as_objects(normals)
        dtype = _exact_type(exact, frame, size)
        self.exact: tuple[Vectors, Vectors] = exact.astype(dtype), frame.astype(dtype)
        self.is_fast = dtype is not object
        self._integers = exact, frame

    @cached_property
    def units(self) -> tuple[FloatArray, FloatArray]:
        """Normals and fixed vectors of unit length."""
        normals, frame = self._integers
        return units_of(normals), units_of(frame)

    def exact_signs(self, members: Members) -> NDArray[np.bool_]:
        """Return the side of each hyperplane that each set's cell is on, shape ``(n_sets, n_hyperplanes)``.

        Raises
        ------
        NotGenericError
            If a frame vector is orthogonal to a direction it must orient.
        """
        normals, frame = self.exact
        turns = range(len(frame) if len(members) else 0)
        directions = [_direction(normals, frame, members, self.slices, turn) for turn in turns]
        positive = np.zeros((len(members), len(normals)), dtype=bool)
        for part in _cached(len(members)):
            open_ = np.ones_like(positive[part])
            for direction in directions:
                height = direction[part] @ normals.T
                positive[part] |= open_ & (height > 0)
                open_ &= height == 0
        return positive

    def likely_signs(self, members: Members) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Return signs by floats, and for which sets they are certain.

        Certain they can only be for sets whose span holds no further hyperplane.
        """
        normals, frame = self.units
        rounding = 4e-16 * len(frame) * 2.0 ** len(frame)
        far = _crosses(normals, members, frame[: self.slices])
        volume = far @ frame[self.slices]
        upwards = np.sign(volume) if self.slices == 0 else -np.sign(volume)
        own = np.empty(members.shape)
        for j in range(self.size):
            # a_j g_j = det(S - j, c, a_j) sign det(S - j, c, c_{k+2}): the first factor is the volume up to a
            # permutation, the second belongs to a set of one member less.
            others = members[:, [i for i in range(self.size) if i != j]]
            rest = self._smaller_sets[place_of(others, len(normals))]
            sign = np.sign(volume) * np.sign(rest) * (-1.0 if (self.size + self.slices - j) % 2 else 1.0)
            own[:, j] = sign * np.minimum(np.abs(volume), np.abs(rest))
        return self._told_by_floats(far * upwards[:, None], members, own, rounding)

    def _told_by_floats(
        self, far: FloatArray, members: Members, own: FloatArray, rounding: float
    ) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Return the signs of heights along `far`, and along `own` for the members; and which are certain."""
        normals = self.units[0]
        positive = np.empty((len(members), len(normals)), dtype=bool)
        sure = np.ones(len(members), dtype=bool)
        for part in _cached(len(members)):
            height = far[part] @ normals.T
            if self.slices:
                # The first hyperplane holds all directions far out.
                height[:, 0] = 1.0
            np.put_along_axis(height, members[part], own[part], axis=1)
            np.greater(height, 0, out=positive[part])
            np.abs(height, out=height)
            if height.min() <= rounding:
                sure[part] = height.min(axis=1) > rounding
        return positive, sure

    @cached_property
    def _smaller_sets(self) -> FloatArray:
        """``det(T, c_1, ..., c_{k+2})`` of all sets ``T`` of one member less, in the order of `place_of`."""
        normals, frame = self.units
        values = np.empty(comb(len(normals) - 1, self.size - 1))
        for part in all_sets(len(normals), self.size - 1, 20_000):
            crosses = cross_products(_with_fixed(normals[part], frame[: self.slices + 1]))
            values[place_of(part, len(normals))] = crosses @ frame[self.slices + 1]
        return values

    def points(self, members: Members, positive: NDArray[np.bool_]) -> FloatArray:
        """Return a unit vector inside each cell, as far as doubles can tell its sides apart."""
        normals, frame = self.exact if self.is_fast else self.units
        units, rounding = self.units[0], None if self.is_fast else 0.0
        point = np.zeros((len(members), len(frame)))
        for turn in range(len(frame)):
            turned = _direction(normals, frame, members, self.slices, turn, rounding)
            direction = unit_rows(turned.astype(float))
            for part in _cached(len(point)):
                steps = _safe_steps(point[part] @ units.T, direction[part] @ units.T)
                point[part] += steps[:, None] * direction[part]
        point = unit_rows(point)
        for k in np.flatnonzero(~are_inside(point, units, positive)):
            exact = partial(self._exact_point, members[[k]], positive[k])
            point[k] = best_point(self._integers[0], units, positive[k], members[k], point[k], exact)
        return point

    def _exact_point(self, members: Members, positive: NDArray[np.bool_]) -> FloatArray:
        """Return a point inside one cell, found in rational arithmetic and rounded at the end."""
        normals, frame = (part.astype(object) for part in self.exact)
        side = np.where(positive, 1, -1).astype(object)
        point = np.array([Fraction(0)] * len(frame), dtype=object)
        for turn in range(len(frame)):
            direction = _direction(normals, frame, members, self.slices, turn)[0]
            now, change = side * (normals @ point), side * (normals @ direction)
            rooms = [-a / (2 * b) for a, b in zip(now, change, strict=True) if b < 0 < a]
            point = point + min(rooms, default=Fraction(1)) * direction
        return rounded(point)


def _cached(size: int) -> Iterator[slice]:
    """Yield slices of a thousand rows, which stay in the cache through several passes."""
    return (slice(start, start + 1000) for start in range(0, size, 1000))


def _safe_steps(now: FloatArray, change: FloatArray) -> FloatArray:
    """Return half the way to the first hyperplane, at most 1; those that hold the point do not count."""
    rate = np.divide(change, now, out=np.zeros_like(now), where=np.abs(now) > 1e-12)
    return 1 / np.maximum(-2 * rate.min(axis=1), 1.0)


def _with_fixed(spanned: Vectors, fixed: Vectors) -> Vectors:
    """Append the same rows to each set of rows."""
    return np.concatenate([spanned, np.broadcast_to(fixed, (len(spanned), *fixed.shape))], axis=1)


def as_objects(rows: Sequence[Sequence[int]]) -> Vectors:
    """Return rows of Python integers as an array."""
    array = np.empty((len(rows), len(rows[0])), dtype=object)
    array[:] = [list(row) for row in rows]
    return array


def units_of(vectors: Vectors) -> FloatArray:
    """Return integer vectors scaled to unit length, however large they are."""
    rows = []
    for row in vectors.tolist():
        largest = max(map(abs, row))
        if largest < 2**1000:
            rows.append([float(entry) / float(largest) for entry in row])
        else:
            rows.append([float(Fraction(entry, largest)) for entry in row])
    return unit_rows(np.array(rows))


def _exact_type(normals: Vectors, frame: Vectors, size: int) -> type:
    """Return the fastest type in which directions, and their heights over hyperplanes, are exact.

    By Hadamard's inequality a determinant is at most the product of its rows' lengths; no sum on the way to
    it, nor any part of one, is larger than the number of its terms times that.
    """
    longest = max(_length(row) for row in normals.tolist())
    lengths = sorted(_length(row) for row in frame[: len(frame) - size].tolist())
    # The rows of a cross product and one normal more; of the fixed vectors one is left out.
    bound = len(frame) * longest ** (size + 1) * prod(lengths[1:] if size else lengths)
    return float if bound < 2**53 else np.int64 if bound < 2**62 else object


def _length(row: Sequence[int]) -> int:
    return isqrt(sum(entry * entry for entry in row)) + 1


def _direction(
    normals: Vectors,
    frame: Vectors,
    members: Members,
    slices: int,
    turn: int,
    rounding: float | None = None,
) -> Vectors:
    """Return the direction of this turn for each set: first all ``d``, the furthest first, then all ``g``.

    With `rounding`, factors are floats and an orientation below that size makes the direction zero.
    """
    fixed = frame[: slices + 1]
    if turn <= slices:
        left_out = slices - turn
        fixed = np.delete(fixed, left_out, axis=0)
        towards = frame[left_out] if left_out == 0 else -frame[left_out]
        direction = _crosses(normals, members, fixed)
    else:
        towards = frame[slices + 1]
        direction = _crosses(normals, members, fixed, turn - slices - 1)
    if rounding is None:
        flip = _orientation(direction, towards)
    else:
        height = direction @ towards
        flip = np.where(np.abs(height) > rounding, np.sign(height), 0.0)
    oriented: Vectors = direction * flip[:, None].astype(direction.dtype)
    return oriented


def _crosses(normals: Vectors, members: Members, fixed: Vectors, without: int | None = None) -> Vectors:
    """Return the cross products of sets, all or all but one member, and fixed vectors.

    Sets come in families that share all members but the first or all but the last.
    """
    if members.size == 0:
        return cross_products(_with_fixed(normals[members], fixed))
    column = members.shape[1] - 1
    starts, family = _family(members, column)
    if 2 * starts.size > len(members):
        column = 0
        starts, family = _family(members, column)
    others = [j for j in range(members.shape[1]) if j not in (column, without)]
    shared = _with_fixed(normals[members[starts][:, others]], fixed)
    if without == column:
        return cross_products(shared)[family]
    crosses = cross_products_with(shared, family, normals[members[:, column]])
    # The row of this column has moved past all that were after it.
    return -crosses if (shared.shape[1] - column) % 2 else crosses


def _family(members: Members, column: int) -> tuple[Members, Members]:
    """Return where runs of sets that differ in this column only start, and the run of each set."""
    new = np.zeros(len(members), dtype=bool)
    new[0] = True
    for j in range(members.shape[1]):
        if j != column:
            new[1:] |= members[1:, j] != members[:-1, j]
    return np.flatnonzero(new), np.cumsum(new) - 1


def _orientation(direction: Vectors, towards: Vectors) -> NDArray[np.int8]:
    """Return the exact sign of each product, also where it is too large for the type of its factors."""
    exact: type = object
    if direction.dtype != object:
        largest = int(np.abs(direction).max(initial=0)) * sum(abs(int(entry)) for entry in towards)
        exact = np.int64 if largest < 2**62 else object
    height: Vectors = direction.astype(exact) @ towards.astype(exact)
    if not (height != 0).all():
        raise NotGenericError
    return np.where(height > 0, 1, -1).astype(np.int8)
