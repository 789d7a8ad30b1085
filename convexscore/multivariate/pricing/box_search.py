"""Branch and bound on boxes of hyperplanes: a proof that no correlation exceeds a level, or those that do.

Boxes whose bound is below the level are put aside, the others cut in two.  Levels fall to the threshold one
after the other; each that is finished is a proof of its own, so that a search that ends early has shown
something.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from ..._support.parallel import run_all
from ..._support.validation import FloatArray
from .base import spread_out
from .box_bounds import bounded_boxes, values_at_centres
from .box_cells import cells_are_below, places_in_cells
from .box_forms import are_below
from .box_set import BoxSet
from .kinks import KinkSum

__all__ = ["LEVELS", "BoxSearch", "search_boxes"]

#: Levels above the threshold, as shares of it.
LEVELS = (9.0, 4.0, 2.0, 1.0, 0.5, 0.3, 0.2, 0.1, 0.05, 0.03, 0.02, 0.01, 5e-3, 2e-3, 1e-3, 3e-4, 1e-4, 1e-5)
# Pairs of a box and a kink looked at together, and the pairs that the work on a box itself is worth.
_BATCH, _BOX = 60_000, 20
# Batches that are cut before the next ones are chosen, whoever cuts them: so that the boxes are the same for
# any number of workers.
_ROUND = 8
# Half widths below this are not cut any more: rounding.
_SMALLEST = 1e-13
# Places are kept from this share of the threshold on, the best of those that are so far apart.
_NEAR, _APART, _KEPT = 0.98, 0.02, 100


@dataclass(frozen=True, eq=False)
class BoxSearch:
    """What a search has shown.

    Parameters
    ----------
    bound : float
        No correlation is larger.
    complete : bool
        Whether that is the threshold.
    seen : float
        The largest correlation of a hyperplane looked at.
    places : ndarray of shape (n_places, n_coordinates)
        Hyperplanes with large correlations, some below the threshold too, the largest first.
    values : ndarray of shape (n_places,)
        Their correlations.
    boxes : int
        Number of boxes that were cut.
    history : tuple of (float, int)
        Bounds that were proven on the way, with the numbers of boxes.
    """

    bound: float
    complete: bool
    seen: float
    places: FloatArray
    values: FloatArray
    boxes: int
    history: tuple[tuple[float, int], ...]


def search_boxes(
    terms: KinkSum,
    threshold: float,
    max_boxes: int,
    patience: float = 2.0,
    is_enough: Callable[[FloatArray, FloatArray], bool] | None = None,
    *,
    n_jobs: int | None = None,
    report: Callable[[int, float], None] | None = None,
) -> BoxSearch:
    """Prove that no correlation is above `threshold`, or find some that are.

    Parameters
    ----------
    terms : KinkSum
        The function.
    threshold : float
        The level in question, positive.
    max_boxes : int
        Number of boxes to cut, at most.
    patience : float
        Where some place is above the threshold, the search ends when no other is by more than so many times
        as much, a number above one.
    is_enough : callable, optional
        Called with places and values after each level; the search ends where it returns True.
    n_jobs : int, optional
        Workers of joblib, see `run_all`; the boxes do not depend on their number.
    report : callable, optional
        Called with the number of boxes so far and the bound after every round.
    """
    return _Search(terms, threshold, max_boxes, n_jobs, report).run(patience, is_enough)


class _Search:
    """The boxes that are left, and the best places."""

    def __init__(
        self,
        terms: KinkSum,
        threshold: float,
        max_boxes: int,
        n_jobs: int | None,
        report: Callable[[int, float], None] | None,
    ) -> None:
        self.terms, self.threshold, self.max_boxes = terms, threshold, max_boxes
        self.n_jobs, self.report = n_jobs, report
        self.open: list[BoxSet] = []
        # Below the present level, and too small to be cut.
        self.aside: list[BoxSet] = []
        self.stuck = 0.0
        self.boxes, self.seen = 0, 0.0
        self.history: list[tuple[float, int]] = []
        self.places, self.values = np.zeros((0, terms.normals.shape[1])), np.zeros(0)

    def run(self, patience: float, is_enough: Callable[[FloatArray, FloatArray], bool] | None) -> BoxSearch:
        first = BoxSet.whole(self.terms)
        self._note(first.centre, values_at_centres(self.terms, first))
        self._add(bounded_boxes(self.terms, first, self.threshold))
        bound = np.inf
        for level in [*(self.threshold * (1 + share) for share in LEVELS), self.threshold]:
            self._reopen(level)
            while self.open:
                if self.boxes >= self.max_boxes:
                    return self._result(min(bound, self._worst()))
                self._cut(max(level, self._enough(patience)))
            bound = min(bound, self._worst())
            self.history.append((max(bound, self.seen), self.boxes))
            if self.seen > self.threshold and level <= self._enough(patience):
                break
            if level > self.threshold and is_enough is not None and is_enough(*self._best()):
                break
        return self._result(bound)

    def _enough(self, patience: float) -> float:
        """Return the level at which a search that has found some places ends."""
        return self.threshold + patience * max(self.seen - self.threshold, 0.0)

    def _result(self, bound: float) -> BoxSearch:
        bound = max(bound, self.seen)
        return BoxSearch(
            bound, bound <= self.threshold, self.seen, *self._best(), self.boxes, tuple(self.history)
        )

    def _best(self) -> tuple[FloatArray, FloatArray]:
        """Return the best places that are apart, as directions of length one with their biases."""
        chosen = spread_out(self.places, self.values, _APART, _KEPT)
        return self.places[chosen], self.values[chosen]

    def _worst(self) -> float:
        """Return the largest bound of what is left; everything else is below the threshold."""
        left = [float(part.bound.max()) for part in self.open + self.aside if len(part)]
        return max([self.threshold, self.stuck, *left])

    def _add(self, boxes: BoxSet) -> None:
        boxes = boxes.take(boxes.bound > self.threshold)
        if len(boxes):
            self.open.append(boxes)

    def _reopen(self, level: float) -> None:
        """Take back what was put aside and is above a new level."""
        again, self.aside = self.aside, []
        for part in again:
            self._part(part, level, self.open)

    def _part(self, boxes: BoxSet, level: float, above: list[BoxSet]) -> None:
        high = boxes.bound > level
        for chosen, where in ((high, above), (~high, self.aside)):
            if chosen.any():
                where.append(boxes.take(chosen))

    def _batch(self, level: float, left: int) -> BoxSet | None:
        """Return some boxes above a level, those added last first, at most as many as are left."""
        parts: list[BoxSet] = []
        size = 0
        while self.open and size < _BATCH:
            self._part(self.open.pop(), level, parts)
            size = sum(part.members.size + _BOX * len(part) for part in parts)
        if not parts:
            return None
        boxes = BoxSet.joined(parts)
        work = boxes.starts + _BOX * np.arange(len(boxes) + 1)
        cut = min(max(int(np.searchsorted(work, _BATCH)), 1), left)
        if cut < len(boxes):
            self.open.append(boxes.take(np.arange(cut, len(boxes))))
            boxes = boxes.take(np.arange(cut))
        return boxes

    def _cut(self, level: float) -> None:
        """Cut a round of batches."""
        batches: list[BoxSet] = []
        left = self.max_boxes - self.boxes
        while len(batches) < _ROUND and left > 0:
            boxes = self._batch(level, left)
            if boxes is None:
                break
            left -= len(boxes)
            small = np.take_along_axis(boxes.radius, boxes.axis[:, None], axis=1)[:, 0] < _SMALLEST
            if small.any():
                self.stuck = max(self.stuck, float(boxes.bound[small].max()))
                boxes = boxes.take(~small)
            self.boxes += len(boxes)
            batches.append(boxes)
        halve = partial(_halves, self.terms, self.threshold, level)
        for halves, values, beside in run_all(halve, batches, self.n_jobs):
            self._note(halves.centre, values)
            self._note(*beside)
            self._add(halves)
        if self.report is not None:
            self.report(self.boxes, max(self._worst(), self.seen))

    def _note(self, places: FloatArray, values: FloatArray) -> None:
        """Keep the best places."""
        self.seen = max(self.seen, float(values.max(initial=0.0)))
        good = np.flatnonzero(values > _NEAR * self.threshold)
        if good.size > _KEPT:
            good = good[np.argpartition(-values[good], _KEPT)[:_KEPT]]
        if good.size:
            length = np.linalg.norm(places[good, : self.terms.n_features], axis=1, keepdims=True)
            self.places = np.concatenate([self.places, places[good] / length])
            self.values = np.concatenate([self.values, values[good]])
            if self.values.size > 50 * _KEPT:
                self.places, self.values = self._best()


def _halves(
    terms: KinkSum, threshold: float, level: float, boxes: BoxSet
) -> tuple[BoxSet, FloatArray, tuple[FloatArray, FloatArray]]:
    """Cut boxes in two; return the halves with bounds, the correlations of their centres, and of cells."""
    halves = boxes.halves(terms)
    if terms.bias:
        # No hyperplane through a point: some other box has a larger value.
        halves = halves.take(halves.counts > 0)
    if len(halves) == 0:
        return halves, np.zeros(0), (halves.centre, np.zeros(0))
    values = values_at_centres(terms, halves)
    bounded = bounded_boxes(terms, halves, level)
    # To the threshold at once where that can be shown.
    for goal in (threshold, level) if level > threshold else (level,):
        bounded = _lowered(terms, bounded, goal)
    left = bounded.take(bounded.bound > threshold)
    return bounded, values, places_in_cells(terms, left, threshold)


def _lowered(terms: KinkSum, boxes: BoxSet, goal: float) -> BoxSet:
    """Lower the bounds of boxes with few patterns to a goal where that can be shown."""
    for show in (are_below, cells_are_below):
        at = np.flatnonzero(boxes.bound > goal)
        if at.size:
            bound = boxes.bound.copy()
            bound[at[show(terms, boxes.take(at), goal)]] = goal
            boxes = replace(boxes, bound=bound)
    return boxes
