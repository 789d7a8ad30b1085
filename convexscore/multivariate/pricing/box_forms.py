"""Boxes with few kinks: on each of their patterns the squared correlation is a quotient of quadratic forms.

It is at most ``T^2`` where ``u'(A'A - T^2)u <= 0`` (tied: at most ``T`` where ``u'(+-A - T)u <= 0``) on the
part of the box on which the pattern is that one.  The form is bounded by its value and gradient at the
centre, to which multiples of the kinks' heights may be added, as none is negative there, and by the
largest eigenvalue of what is of second order.  That closes whole boxes along ridges, where the correlation is
as large as at its maximum, and beside maxima that the pattern would have outside.
"""

from __future__ import annotations

from itertools import product

import numpy as np
from numpy.typing import NDArray

from ..._support.validation import FloatArray
from .box_set import BoxSet
from .kinks import KinkSum

__all__ = ["are_below"]

# Kinks of a box on the hyperplanes that matter, beside those that these go through.
_MOST = 2


def are_below(terms: KinkSum, boxes: BoxSet, level: float) -> NDArray[np.bool_]:
    """Return which boxes are shown to have no correlation above a level; those with many kinks are not."""
    found = np.zeros(len(boxes), dtype=bool)
    for others in range(_MOST + 1):
        count = others + terms.bias
        at = np.flatnonzero(boxes.counts == count)
        if at.size:
            found[at] = _few_below(terms, boxes.take(at), count, level)
    return found


def _few_below(terms: KinkSum, boxes: BoxSet, count: int, level: float) -> NDArray[np.bool_]:
    """Do the same for boxes with equally many kinks."""
    members = boxes.members.reshape(len(boxes), count)
    left = np.arange(len(boxes))
    slopes = (1.0, terms.left)
    for pivot in range(count) if terms.bias else (None,):
        others = [j for j in range(count) if j != pivot]
        for chosen in product((True, False), repeat=len(others)):
            for own in slopes if terms.has_trace else (0.0,):
                some = members[left]
                matrix, walls = _pattern(terms, boxes.matrix[left], some, pivot, others, chosen, own)
                below = _is_below(terms, matrix, walls, boxes, left, level)
                left = left[below]
                if left.size == 0:
                    return np.zeros(len(boxes), dtype=bool)
    result = np.zeros(len(boxes), dtype=bool)
    result[left] = True
    return result


def _pattern(
    terms: KinkSum,
    matrix: FloatArray,
    members: NDArray[np.intp],
    pivot: int | None,
    others: list[int],
    chosen: tuple[bool, ...],
    own: float,
) -> tuple[FloatArray, FloatArray]:
    """Return the function ``A u`` of a pattern, and the normals of the kinks, towards its side of them."""
    d = terms.n_features
    eye = np.eye(d)
    A = matrix[:, :, :d].copy()
    origin = np.zeros((len(members), d))
    jumping = np.full(len(members), terms.at_origin)
    if pivot is not None:
        # On its hyperplane the bias is -<x, u>.
        origin = terms.normals[members[:, pivot], :d]
        A -= matrix[:, :, d:] * origin[:, None, :]
        jumping = terms.trace[members[:, pivot]]
    A += (own * jumping)[:, None, None] * eye
    walls = np.zeros((len(members), len(others), d))
    for place, (j, active) in enumerate(zip(others, chosen, strict=True)):
        towards = terms.normals[members[:, j], :d] - origin
        slope = 1.0 if active else terms.left
        A += slope * terms.z[members[:, j], :, None] * towards[:, None, :]
        A += (slope * terms.trace[members[:, j]])[:, None, None] * eye
        walls[:, place] = towards if active else -towards
    return A, walls


def _is_below(
    terms: KinkSum,
    A: FloatArray,
    walls: FloatArray,
    boxes: BoxSet,
    which: NDArray[np.intp],
    level: float,
) -> NDArray[np.bool_]:
    d = terms.n_features
    centre, radius = boxes.centre[which, :d], boxes.radius[which, :d]
    eye = np.eye(d)
    if not terms.tied:
        return _is_negative(np.swapaxes(A, 1, 2) @ A - level**2 * eye, walls, centre, radius)
    form = 0.5 * (A + np.swapaxes(A, 1, 2))
    above, below = (_is_negative(sign * form - level * eye, walls, centre, radius) for sign in (1.0, -1.0))
    return above & below


def _is_negative(
    form: FloatArray, walls: FloatArray, centre: FloatArray, radius: FloatArray
) -> NDArray[np.bool_]:
    """Return where ``u'form u <= 0`` is shown for all ``u`` of a box on the positive sides of the walls."""
    gradient = 2 * np.einsum("bkl,bl->bk", form, centre)
    value = 0.5 * np.sum(gradient * centre, axis=1)
    for _ in range(2 if walls.shape[1] > 1 else 1):
        for j in range(walls.shape[1]):
            value, gradient = _pushed(value, gradient, walls[:, j], centre, radius)
    first = value + np.sum(np.abs(gradient) * radius, axis=1)
    shown = first <= 0
    at = np.flatnonzero(shown)
    if at.size:
        scaled = form[at] * radius[at, :, None] * radius[at, None, :]
        # Coordinates are at most one in units of the half widths; one of them is fixed.
        second = np.maximum(np.linalg.eigvalsh(scaled)[:, -1], 0.0) * (radius.shape[1] - 1)
        shown[at] = first[at] + second <= 0
    return shown


def _pushed(
    value: FloatArray, gradient: FloatArray, wall: FloatArray, centre: FloatArray, radius: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Add the multiple of a wall's height, which is not negative, that lowers the largest value most."""
    with np.errstate(divide="ignore", invalid="ignore"):
        multiples = -gradient / wall
    multiples = np.where(np.isfinite(multiples) & (multiples > 0), multiples, 0.0)
    multiples = np.column_stack([multiples, np.zeros(len(wall))])
    height = np.sum(wall * centre, axis=1)
    moved = np.abs(gradient[:, None, :] + multiples[:, :, None] * wall[:, None, :])
    largest = height[:, None] * multiples + np.sum(moved * radius[:, None, :], axis=2)
    best = multiples[np.arange(len(wall)), largest.argmin(axis=1)]
    return value + best * height, gradient + best[:, None] * wall
