"""Boxes around hyperplanes through the origin that hold more points than the dimension: cell by cell.

Without bias such a hyperplane cannot be shifted, and not every choice of sides of the points on it is a
neuron's.  The bounds of `box_bounds` count them all; for score matching, which jumps there, they stay above
the largest correlation however small a box is.  The choices that are neurons' are the cells of the points'
own arrangement, few of them: on each the correlation is bounded as in `box_forms`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import nnls

from ..._support.validation import FloatArray
from ...arrangements.enumeration import enumerate_patterns
from .box_set import BoxSet
from .kinks import KinkSum

__all__ = ["cells_are_below", "places_in_cells"]

# Half widths from which on boxes are looked at: cuts do better on larger ones.
_NARROW = 0.02
# Points on a hyperplane, and cells, at most.
_POINTS, _CELLS = 60, 2000
# How far from the common directions, in units of the heights there, a cell is looked at.
_ASIDE = 1e-8
# Heights of kinks that go through a direction, up to rounding.
_TOUCH = 1e-13
# Singular values below this share of the largest are rounding.
_FLAT = 1e-12


def cells_are_below(terms: KinkSum, boxes: BoxSet, level: float) -> NDArray[np.bool_]:
    """Return which boxes are shown to have no correlation above a level, cell by cell.

    Only boxes of networks without bias are looked at that have, in score matching, more kinks than the
    dimension of the space that these span.
    """
    found = np.zeros(len(boxes), dtype=bool)
    for box, corner in _corners(terms, boxes):
        found[box] = corner.is_below(terms, level)
    return found


def places_in_cells(terms: KinkSum, boxes: BoxSet, level: float) -> tuple[FloatArray, FloatArray]:
    """Return directions next to those that kinks share, in cells where the correlation is above a level.

    Returns
    -------
    places : ndarray of shape (n_places, n_features)
        Directions.
    values : ndarray of shape (n_places,)
        The correlations at their limits.
    """
    places, values = [np.zeros((0, boxes.centre.shape[1]))], [np.zeros(0)]
    for _, corner in _corners(terms, boxes):
        some = corner.places_above(terms, level)
        places.append(some[0])
        values.append(some[1])
    return np.concatenate(places), np.concatenate(values)


def _corners(terms: KinkSum, boxes: BoxSet) -> Iterator[tuple[int, _Corner]]:
    """Yield the narrow boxes whose kinks share directions, with the cells there."""
    if terms.bias or not terms.has_trace:
        return
    counts = boxes.counts
    narrow = (counts > 2) & (counts <= _POINTS) & (boxes.radius.max(axis=1) <= _NARROW)
    shared: dict[bytes, FloatArray | None] = {}
    known: dict[bytes, _Cells | None] = {}
    for box in np.flatnonzero(narrow).tolist():
        members = boxes.members[boxes.starts[box] : boxes.starts[box + 1]]
        key = members.tobytes()
        if key not in shared:
            shared[key] = _common(terms.normals[members])
        common = shared[key]
        if common is not None:
            corner = _Corner.of(terms, boxes, box, common, known)
            if corner is not None:
                yield box, corner


def _common(normals: FloatArray) -> FloatArray | None:
    """Return a basis of the directions that hyperplanes share, None if these are in general position."""
    _, size, right = np.linalg.svd(normals)
    rank = int(np.sum(size > _FLAT * size[0]))
    return None if rank == len(right) or rank == len(normals) else right[rank:]


@dataclass(frozen=True, eq=False)
class _Cells:
    """The cells of some hyperplanes through the origin, with a vector in each, at least one from all."""

    signs: NDArray[np.bool_]
    inside: FloatArray

    @classmethod
    def of(cls, normals: FloatArray) -> _Cells | None:
        """Return the cells, None if there are too many."""
        _, size, right = np.linalg.svd(normals)
        basis = right[: int(np.sum(size > _FLAT * size[0]))]
        try:
            cells = enumerate_patterns(normals @ basis.T, max_patterns=_CELLS)
        except ValueError:
            return None
        inside = cells.witnesses @ basis
        least = np.abs(inside @ normals.T).min(axis=1, keepdims=True)
        return cls(cells.signs, np.divide(inside, least, out=np.zeros_like(inside), where=least > 0))


@dataclass(frozen=True, eq=False)
class _Corner:
    """The cells of a box that meet in a direction which its kinks share.

    Parameters
    ----------
    unit : ndarray of shape (n_features,)
        The direction.
    matrices : ndarray of shape (n_cells, n_features, n_features)
        The function on each cell.
    walls : ndarray of shape (n_cells, n_kinks, n_features)
        The normals of the kinks that go through the direction, towards the cell.
    inside : ndarray of shape (n_cells, n_features)
        Where each cell is, seen from the direction.
    radius : ndarray of shape (n_features,)
        How far from it the box reaches.
    """

    unit: FloatArray
    matrices: FloatArray
    walls: FloatArray
    inside: FloatArray
    radius: FloatArray

    @classmethod
    def of(
        cls, terms: KinkSum, boxes: BoxSet, box: int, common: FloatArray, known: dict[bytes, _Cells | None]
    ) -> _Corner | None:
        """Return the corner, None if the box is not near it, or if there are too many cells."""
        members = boxes.members[boxes.starts[box] : boxes.starts[box + 1]]
        centre, radius = boxes.centre[box], boxes.radius[box]
        unit = common.T @ (common @ centre)
        away = np.abs(unit - centre)
        if (away > 3 * radius.max()).any():
            return None
        # Kinks that touch the box there are on one side of it, which leaves some of the cells.
        touching = np.abs(terms.normals @ unit) <= _TOUCH
        touching[members] = False
        kinks = np.concatenate([members, np.flatnonzero(touching)])
        key = kinks.tobytes()
        if key not in known:
            known[key] = _Cells.of(terms.normals[kinks])
        cells = known[key]
        if cells is None:
            return None
        ahead = terms.normals[kinks[members.size :]] @ centre > 0
        signs = cells.signs
        some = (signs[:, members.size :] == ahead).all(axis=1)
        side = np.where(signs[some], 1.0, -1.0)
        slope = np.where(signs[some][:, : members.size], 1.0, terms.left)
        matrices = boxes.matrix[box] + np.einsum(
            "cm,mi,mj->cij", slope, terms.z[members], terms.normals[members]
        )
        matrices += (slope @ terms.trace[members])[:, None, None] * np.eye(len(unit))
        return cls(unit, matrices, side[:, :, None] * terms.normals[kinks], cells.inside[some], radius + away)

    def _slopes_at_origin(self, terms: KinkSum) -> set[float]:
        return {1.0, terms.left} if terms.at_origin > 0 else {0.0}

    def is_below(self, terms: KinkSum, level: float) -> bool:
        """Whether no cell has a correlation above a level in the box."""
        for own in self._slopes_at_origin(terms):
            shift = own * terms.at_origin * np.eye(len(self.unit))
            for matrix, walls in zip(self.matrices, self.walls, strict=True):
                forms = _forms(matrix + shift, level, terms.tied)
                if not all(_is_negative(form, walls, self.unit, self.radius) for form in forms):
                    return False
        return True

    def places_above(self, terms: KinkSum, level: float) -> tuple[FloatArray, FloatArray]:
        """Return directions in cells whose correlations at the common direction are above a level."""
        unit = self.unit / np.linalg.norm(self.unit)
        best = np.zeros(len(self.matrices))
        for own in self._slopes_at_origin(terms):
            pull = self.matrices @ unit + own * terms.at_origin * unit
            value = np.abs(pull @ unit) if terms.tied else np.linalg.norm(pull, axis=1)
            best = np.maximum(best, value)
        above = np.flatnonzero(best > level)
        return unit + _ASIDE * self.inside[above], best[above]


def _forms(matrix: FloatArray, level: float, tied: bool) -> list[FloatArray]:
    """Return the forms that are positive where the correlation is above a level."""
    eye = np.eye(len(matrix))
    if not tied:
        return [matrix.T @ matrix - level**2 * eye]
    form = 0.5 * (matrix + matrix.T)
    return [form - level * eye, -form - level * eye]


def _is_negative(form: FloatArray, walls: FloatArray, origin: FloatArray, radius: FloatArray) -> bool:
    """Return whether ``u'form u <= 0`` is shown for ``u`` near `origin` on the positive sides of the walls.

    Multiples of the walls' heights, which are zero at `origin` and not negative elsewhere, make up for the
    gradient as far as they can.
    """
    gradient = 2 * form @ origin
    scaled = walls * radius
    push = nnls(scaled.T, -gradient * radius, maxiter=100 * len(walls))[0]
    left = float(np.abs(gradient * radius + scaled.T @ push).sum())
    second = float(np.linalg.eigvalsh(form * np.outer(radius, radius))[-1])
    return bool(0.5 * gradient @ origin + left + max(second, 0.0) * len(radius) <= 0)
