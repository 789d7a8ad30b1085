"""The best linear functions above sums of kinks on boxes.

On ``[l, h]``, ``l < 0 < h``, the function ``m (s)_+ + c 1[s > 0]`` is below ``max(c, 0) + sigma s`` for
every slope ``sigma`` from ``(m h + c - max(c, 0)) / h`` to ``max(c, 0) / -l`` if there are any, else below
the chord between its ends.  A sum of such functions ``g p + const`` is at most ``B`` times a measure such as
``|u|``, which is above a linear function, where

    g c + const + sum_k |g_k - B m_k| r_k - B m c <= 0

at the centre ``c``, for half widths ``r`` and the measure's gradient ``m``.  The smallest such ``B`` over all
slopes is a convex problem: some subgradient steps come close, and for a few kinks least squares and searches
along one slope after the other.  Every choice of slopes is a bound.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..._support.validation import FloatArray
from .box_set import BoxSet
from .kinks import KinkSum

__all__ = ["Majorant"]

# Subgradient steps, and steps towards the smallest multiple of the measure.
_STEPS, _INNER = 6, 4
# Up to this many kinks slopes are searched for one by one.
_FEW = 4
# A slope without limits.
_FREE = 1e9


@dataclass(frozen=True, eq=False)
class Majorant:
    """Sums of kinks on a batch of boxes.

    Parameters
    ----------
    terms : KinkSum
        The kinks.
    boxes : BoxSet
        The boxes.
    linear : ndarray of shape (n_boxes, n_coordinates)
        Gradients of the linear parts.
    constant : ndarray of shape (n_boxes,)
        Constants.
    slope, gain : ndarray of shape (n_pairs,)
        The numbers ``m`` and ``c`` of each kink, up to the jump of the derivative.
    low, high : ndarray of shape (n_pairs,)
        Its range.
    single : bool ndarray of shape (n_pairs,)
        Kinks that matter at ``s = 0`` only.
    measure : ndarray of shape (n_boxes, n_coordinates)
        Gradient of a linear function below the measure.
    measure_at_centre, least_measure : ndarray of shape (n_boxes,)
        The measure at the centre, where both agree, and a lower bound of it.
    signed : bool
        Whether ``B`` may be negative; then ``max(c, 0)`` is counted elsewhere.
    normals : ndarray of shape (n_pairs, n_coordinates)
        The kinks' normals.
    """

    terms: KinkSum
    boxes: BoxSet
    linear: FloatArray
    constant: FloatArray
    slope: FloatArray
    gain: FloatArray
    low: FloatArray
    high: FloatArray
    single: NDArray[np.bool_]
    measure: FloatArray
    measure_at_centre: FloatArray
    least_measure: FloatArray
    signed: bool
    normals: FloatArray

    def least(self, need: FloatArray, hopeful: NDArray[np.bool_]) -> tuple[FloatArray, FloatArray]:
        """Return bounds ``B`` and the gradients they come from.

        Parameters
        ----------
        need : ndarray of shape (n_boxes,)
            What bounds are wanted to be below.
        hopeful : bool ndarray of shape (n_boxes,)
            Boxes on which slopes are worth a search.
        """
        rights, lefts, fixed = self._ranges()
        first = np.where(fixed, lefts, np.where(self.boxes.height > 0, rights, lefts))
        kept = np.maximum(self.gain, 0.0)
        chord_constant = -lefts * self.low - (kept if self.signed else 0.0)
        constant = np.where(fixed, chord_constant, 0.0 if self.signed else kept)
        owner = self.boxes.owner
        total = self.constant + self.terms.jump * np.bincount(owner, constant, minlength=len(self.boxes))
        first = np.where(self.single, 0.0, first)
        best, gradient = self._bound(self.boxes, first, total)
        rows = np.flatnonzero(hopeful & (best > need) & (self.boxes.counts > 0))
        if rows.size == 0:
            return best, gradient
        part = self._part(rows)
        ranges = tuple(values[part.pairs] for values in (rights, lefts, first))
        mean, found, slopes = part.improved(need[rows], ranges, total[rows], gradient[rows])
        better = found < best[rows]
        best[rows] = np.minimum(best[rows], found)
        gradient[rows[better]] = slopes[better]
        few = np.flatnonzero((best[rows] > need[rows]) & (part.boxes.counts <= _FEW))
        if few.size:
            found, slopes = part.polished(few, need[rows], ranges, mean, total[rows])
            at = rows[few]
            better = found < best[at]
            best[at] = np.minimum(best[at], found)
            gradient[at[better]] = slopes[better]
        return best, gradient

    def _ranges(self) -> tuple[FloatArray, FloatArray, NDArray[np.bool_]]:
        """Return the smallest and the largest slopes, and where a chord leaves no choice."""
        kept = np.maximum(self.gain, 0.0)
        end = self.slope * self.high + self.gain
        lefts, rights = kept / -self.low, (end - kept) / self.high
        fixed = (lefts < rights) & ~self.single
        chord = end / (self.high - self.low)
        lefts = np.where(fixed, chord, np.where(self.single, _FREE, lefts))
        return np.where(fixed, chord, np.where(self.single, -_FREE, rights)), lefts, fixed

    def _part(self, rows: NDArray[np.intp]) -> _Part:
        counts = self.boxes.counts[rows]
        starts = np.concatenate([[0], np.cumsum(counts)])
        pairs = np.repeat(self.boxes.starts[rows] - starts[:-1], counts) + np.arange(starts[-1])
        return _Part(
            self.terms,
            self.boxes.take(rows),
            self.linear[rows],
            self.measure[rows],
            self.measure_at_centre[rows],
            self.least_measure[rows],
            self.signed,
            self.normals[pairs],
            self.single[pairs],
            pairs,
        )

    def _bound(
        self, boxes: BoxSet, slopes: FloatArray, constant: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        gradient = self.linear + self.terms.jump * self.terms.summed(
            slopes, boxes.members, boxes.starts, self.terms.normals
        )
        scale = (self.measure, self.measure_at_centre, self.least_measure)
        return _multiples(gradient, constant, boxes, scale, self.signed), gradient


def _multiples(
    gradient: FloatArray,
    constant: FloatArray,
    boxes: BoxSet,
    scale: tuple[FloatArray, FloatArray, FloatArray],
    signed: bool,
) -> FloatArray:
    """Return ``B`` near the smallest for which linear functions are at most ``B`` times the measure."""
    measure, at_centre, least = scale
    centre = np.sum(gradient * boxes.centre, axis=1) + constant
    # All steps go down by less than the function's largest slope allows, so that every number is a bound.
    steep = np.sum(np.abs(measure) * boxes.radius, axis=1) / at_centre
    found = np.maximum(centre + np.sum(np.abs(gradient) * boxes.radius, axis=1), 0.0) / least
    for _ in range(_INNER):
        moved = np.sum(np.abs(gradient - found[:, None] * measure) * boxes.radius, axis=1)
        lower = ((centre + moved) / at_centre + steep * found) / (1 + steep)
        found = np.minimum(found, lower if signed else np.maximum(lower, 0.0))
    return np.asarray(found)


_Ranges = tuple[FloatArray, ...]


@dataclass(frozen=True, eq=False)
class _Part:
    """The boxes on which slopes are searched for."""

    terms: KinkSum
    boxes: BoxSet
    linear: FloatArray
    measure: FloatArray
    measure_at_centre: FloatArray
    least_measure: FloatArray
    signed: bool
    normals: FloatArray
    single: NDArray[np.bool_]
    pairs: NDArray[np.intp]

    def improved(
        self, need: FloatArray, ranges: _Ranges, constant: FloatArray, gradient: FloatArray
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return mean slopes of some subgradient steps, their bounds, and gradients."""
        rights, lefts, first = ranges
        boxes, owner = self.boxes, self.boxes.owner
        wanted = need[:, None] * self.measure
        place, total = np.zeros_like(boxes.centre), first.copy()
        pull = (gradient - wanted) * boxes.radius
        for number in range(_STEPS):
            largest = np.maximum(np.abs(pull).max(axis=1, keepdims=True), 1e-300)
            place = np.clip(place + pull / largest * (0.5 / np.sqrt(1 + number)), -1.0, 1.0)
            moved = (place * boxes.radius)[owner]
            height = boxes.height + np.einsum("pk,pk->p", self.normals, moved)
            slopes = np.where(self.single, 0.0, np.where(height > 0, rights, lefts))
            total += slopes
            pull = (self._gradient(slopes) - wanted) * boxes.radius
        mean = total / (_STEPS + 1)
        # Where many kinks meet, their jumps leave only slopes near zero, however small the box.
        flat = np.where(self.single, 0.0, np.clip(0.0, rights, lefts))
        gradients = [self._gradient(slopes) for slopes in (mean, flat)]
        found = [self._multiples(gradient, constant) for gradient in gradients]
        flatter = found[1] < found[0]
        return mean, np.minimum(*found), np.where(flatter[:, None], gradients[1], gradients[0])

    def _gradient(self, slopes: FloatArray) -> FloatArray:
        boxes, terms = self.boxes, self.terms
        return self.linear + terms.jump * terms.summed(slopes, boxes.members, boxes.starts, terms.normals)

    def _multiples(self, gradient: FloatArray, constant: FloatArray) -> FloatArray:
        scale = (self.measure, self.measure_at_centre, self.least_measure)
        return _multiples(gradient, constant, self.boxes, scale, self.signed)

    def polished(
        self,
        chosen: NDArray[np.intp],
        need: FloatArray,
        ranges: _Ranges,
        mean: FloatArray,
        constant: FloatArray,
    ) -> tuple[FloatArray, FloatArray]:
        """Return bounds and gradients of some boxes with few kinks, whose slopes are nearly the best."""
        slot = np.arange(_FEW)
        real = slot < self.boxes.counts[chosen][:, None]
        pair = np.where(real, self.boxes.starts[chosen][:, None] + slot, 0)
        boxes = self.boxes.take(chosen)
        jump = self.terms.jump
        normals = jump * np.where(real[..., None], self.normals[pair], 0.0)
        height = jump * np.where(real, self.boxes.height[pair], 0.0)
        lowest, highest, start = (
            np.where(real, values[pair], 0.0) for values in (ranges[0], ranges[1], mean)
        )
        base = (self.linear[chosen] - need[chosen][:, None] * self.measure[chosen]) * boxes.radius
        slopes = _best_slopes(normals * boxes.radius[:, None, :], height, base, (lowest, highest), start)
        gradient = self.linear[chosen] + np.einsum("hm,hmk->hk", slopes, normals)
        scale = (self.measure[chosen], self.measure_at_centre[chosen], self.least_measure[chosen])
        return _multiples(gradient, constant[chosen], boxes, scale, self.signed), gradient


def _best_slopes(
    turns: FloatArray,
    height: FloatArray,
    base: FloatArray,
    ranges: tuple[FloatArray, FloatArray],
    start: FloatArray,
) -> FloatArray:
    """Minimize ``sum_j t_j height_j + |base + sum_j t_j turns_j|_1`` over ``t`` in their ranges, nearly."""
    lowest, highest = ranges

    def cost(t: FloatArray) -> FloatArray:
        moved = np.abs(base + np.einsum("hm,hmk->hk", t, turns)).sum(axis=1)
        return np.asarray(np.sum(t * height, axis=1) + moved)

    gram = np.einsum("hmk,hnk->hmn", turns, turns)
    size = np.trace(gram, axis1=1, axis2=2)[:, None, None]
    gram = gram + (1e-9 * size + 1e-300) * np.eye(gram.shape[1])
    pull = np.einsum("hmk,hk->hm", turns, base)
    squares = np.clip(np.linalg.solve(gram, -pull[..., None])[..., 0], lowest, highest)
    t = np.where((cost(squares) < cost(start))[:, None], squares, start)
    row = np.arange(len(t))
    for j in list(range(t.shape[1])) * 2:
        rest = base + np.einsum("hm,hmk->hk", t, turns) - t[:, j, None] * turns[:, j]
        with np.errstate(divide="ignore", invalid="ignore"):
            corners = -rest / turns[:, j]
        corners = np.where(np.isfinite(corners), corners, 0.0)
        ends = np.column_stack([corners, lowest[:, j], highest[:, j], t[:, j]])
        ends = np.clip(ends, lowest[:, j, None], highest[:, j, None])
        moved = np.abs(rest[:, None, :] + ends[:, :, None] * turns[:, None, j]).sum(axis=2)
        t[:, j] = ends[row, (height[:, j, None] * ends + moved).argmin(axis=1)]
    return t
