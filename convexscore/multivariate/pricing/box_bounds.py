"""Upper bounds of a neuron's correlation on boxes of hyperplanes.

On a box ``f(p) = B p + jump sum_i (z_i (s_i)_+ + g_i 1[s_i > 0] u)``, the sum over the kinks that the box has
on both sides, ``l_i < s_i < h_i``.  Two bounds are put together:

* *Across* the unit vector ``w`` along the value at the centre: chords replace the kinks,
  ``(s)_+ = kappa s + rho - e`` with ``0 <= e <= rho = -l h / (h - l)``, and the part of ``sum rho_i z_i`` at
  right angles to ``w`` is bounded by Cauchy and Schwarz.
* *Along* ``w`` the function is ``w'B p`` and a sum of functions ``m (s)_+ + c 1[s > 0]`` of one variable
  each.  Any linear function above these is a bound; the best slopes make it one of second order at a
  maximum on concave kinks (`slopes`).

The square of the correlation is at most the sum of the squares of both.  For tied outputs the function is the
quadratic form ``+-u'f(p)``: linear at the centre, up to a remainder of second order.

With bias only the hyperplanes through data points matter, since between them the correlation is convex in the
bias: where one kink is left, only its own.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ..._support.validation import FloatArray
from .box_set import BoxSet
from .kinks import KinkSum
from .slopes import Majorant

__all__ = ["bounded_boxes", "values_at_centres"]

# Smallest divisor.
_LEAST = 1e-300
# Smallest ratio of the widths of a box that is cut across its narrowest side.
_FLATTEST = 1e-3
# Ranges of kinks are widened to have at least this share of their width on either side.
_SIDE = 1e-9


def bounded_boxes(terms: KinkSum, boxes: BoxSet, target: float) -> BoxSet:
    """Return the boxes with bounds, which are good where they may fall below `target`, and axes."""
    view = _View(terms, boxes)
    find = _tied_bounds if terms.tied else _plain_bounds
    bound, axis = find(view, target)
    found = replace(boxes, bound=np.minimum(bound, boxes.bound), axis=axis)
    few = 1 if terms.bias else 0
    at = np.flatnonzero((boxes.counts == few) & (found.bound > target))
    if at.size:
        sharper = found.bound.copy()
        sharper[at] = np.minimum(sharper[at], _spectral(terms, boxes.take(at)))
        found = replace(found, bound=sharper)
    return found


def values_at_centres(terms: KinkSum, boxes: BoxSet) -> FloatArray:
    """Return the correlations of the centres themselves; zero where it is not clear on which side points are.

    With bias a hyperplane through points may be shifted so that none of them is active.
    """
    owner, d = boxes.owner, terms.n_features
    u = boxes.centre[:, :d]
    positive = np.where(boxes.height > terms.rounding, boxes.height, 0.0)
    slope_sum = terms.left + 0.0
    f = np.einsum("bok,bk->bo", boxes.matrix, boxes.centre)
    heights = terms.jump * positive + slope_sum * boxes.height
    f += terms.summed(heights, boxes.members, boxes.starts, terms.z)
    unclear = np.zeros(len(boxes), dtype=bool)
    choices = [f]
    if terms.has_trace:
        slope = np.where(positive > 0, 1.0, terms.left)
        count = np.bincount(owner, weights=slope * terms.trace[boxes.members], minlength=len(boxes))
        f += count[:, None] * u
        choices = [f + slope * terms.at_origin * u for slope in {1.0, terms.left}]
        if not terms.bias:
            flat = np.abs(boxes.height) <= terms.rounding
            unclear = np.bincount(owner, weights=flat, minlength=len(boxes)) > 0
    length = np.linalg.norm(u, axis=1)
    if terms.tied:
        values = np.max([np.abs(np.sum(u * f, axis=1)) for f in choices], axis=0) / length**2
    else:
        values = np.max([np.linalg.norm(f, axis=1) for f in choices], axis=0) / length
    return np.where(unclear, 0.0, values)


class _View:
    """What all bounds of a batch of boxes share."""

    def __init__(self, terms: KinkSum, boxes: BoxSet) -> None:
        self.terms, self.boxes = terms, boxes
        d, count = terms.n_features, len(boxes)
        self.owner, members = boxes.owner, boxes.members
        side = np.maximum(_SIDE * boxes.spread, _LEAST)
        self.low = np.minimum(boxes.height - boxes.spread, -side)
        self.high = np.maximum(boxes.height + boxes.spread, side)
        self.width = self.high - self.low
        # Where one kink is left only its own hyperplane counts, on which its slope does not matter.
        single = boxes.counts == 1 if terms.bias else np.zeros(count, dtype=bool)
        self.single: NDArray[np.bool_] = single[self.owner]
        self.u = boxes.centre[:, :d]
        self.length = np.linalg.norm(self.u, axis=1)
        self.reach = boxes.radius[:, :d]
        self.normals, self.z = terms.normals[members], terms.z[members]
        self.trace = terms.trace[members] if terms.has_trace else np.zeros(members.size)
        self.matrix = boxes.matrix
        if terms.left:
            ones = np.full(members.size, terms.left)
            self.matrix = self.matrix + self.summed(ones, terms.products).reshape(self.matrix.shape)
            if terms.has_trace:
                self.matrix[:, :, :d] += (terms.left * self._counted(self.trace))[:, None, None] * np.eye(d)

    def _counted(self, trace: FloatArray) -> FloatArray:
        """Return the sums of traces, those without a side included."""
        sums = np.bincount(self.owner, weights=trace, minlength=len(self.boxes))
        return np.asarray(sums + self.terms.at_origin)

    @property
    def trace_sum(self) -> FloatArray:
        return self._counted(self.trace)

    @property
    def trace_size(self) -> FloatArray:
        return self._counted(np.abs(self.trace))

    def summed(self, weights: FloatArray, what: FloatArray) -> FloatArray:
        return self.terms.summed(weights, self.boxes.members, self.boxes.starts, what)

    def per_box(self, values: FloatArray) -> FloatArray:
        return np.asarray(np.bincount(self.owner, weights=values, minlength=len(self.boxes)), dtype=float)

    def padded(self, u: FloatArray) -> FloatArray:
        """Return vectors ``u`` with a zero for the bias."""
        full = np.zeros_like(self.boxes.centre)
        full[:, : u.shape[1]] = u
        return full


@dataclass(frozen=True, eq=False)
class _Chords:
    """The function with chords in the place of its kinks, and what it is seen from."""

    linear: FloatArray
    rho: FloatArray
    size: FloatArray
    ahead: FloatArray
    across: FloatArray
    turned: FloatArray


def _plain_bounds(view: _View, target: float) -> tuple[FloatArray, NDArray[np.intp]]:
    """Return bounds of ``|f| / |u|``, and where to cut."""
    terms, boxes = view.terms, view.boxes
    chords = _chords(view)
    w, turned = chords.ahead, chords.turned
    unit = view.u / view.length[:, None]
    rising = view.padded(unit)
    # |u| is at least one on the faces of the cube.
    least = np.maximum(view.length - np.sum(np.abs(rising) * boxes.radius, axis=1), 1.0)
    slope = np.einsum("pk,pk->p", view.z, w[view.owner])
    across = chords.across / least
    below = chords.size - np.sum(np.abs(np.einsum("bo,bok->bk", w, chords.linear)) * boxes.radius, axis=1)
    below = below - 0.5 * terms.jump * view.per_box(chords.rho * np.abs(slope))
    constant, gain = np.zeros(len(boxes)), np.zeros(slope.size)
    if terms.has_trace:
        middle, around = np.sum(w * view.u, axis=1), np.sum(np.abs(w) * view.reach, axis=1)
        below = below - 0.5 * terms.jump * view.trace_size * (np.abs(middle) + around)
        top, bottom = (middle + around)[view.owner], (middle - around)[view.owner]
        gain = np.maximum(view.trace * top, view.trace * bottom)
        constant = terms.jump * terms.at_origin * np.maximum(middle + around, 0.0)
    majorant = Majorant(
        terms,
        boxes,
        linear=np.einsum("bo,bok->bk", w, view.matrix),
        constant=constant,
        slope=slope,
        gain=gain,
        low=view.low,
        high=view.high,
        single=view.single,
        measure=rising,
        measure_at_centre=view.length,
        least_measure=least,
        signed=False,
        normals=view.normals,
    )
    need = np.sqrt(np.maximum(target**2 - across**2, 0.0))
    hopeful = (np.maximum(-below, 0.0) / least) ** 2 + across**2 < target**2
    along, gradient = majorant.least(need, hopeful)
    bound = np.hypot(np.maximum(along, np.maximum(-below, 0.0) / least), across)
    share = 0.25 * np.abs(slope)
    if terms.has_trace:
        share = share + np.abs(view.trace) / view.width * np.abs(middle)[view.owner]
    tilt = np.abs(gradient - np.minimum(along, target)[:, None] * rising)
    tilt = tilt + turned * (chords.across / max(target, _LEAST))[:, None]
    tilt = tilt + terms.jump * view.summed(share, terms.sizes)
    return bound, _widest(tilt * boxes.radius, boxes.radius)


def _chords(view: _View) -> _Chords:
    """Return the function with chords for kinks, the direction of its value, and the part across it."""
    terms, boxes = view.terms, view.boxes
    d, half = terms.n_features, 0.5 * terms.jump
    # On its own hyperplane a single kink is zero.
    kappa = np.where(view.single, 0.0, view.high / view.width)
    rho = np.where(view.single, 0.0, -view.low * view.high / view.width)
    linear = view.matrix + terms.jump * view.summed(kappa, terms.products).reshape(view.matrix.shape)
    sums = half * view.summed(rho, terms.squares)
    if terms.has_trace:
        linear[:, :, :d] += (half * view.trace_sum)[:, None, None] * np.eye(d)
    value = np.einsum("bok,bk->bo", linear, boxes.centre) + sums[:, 1 : 1 + d]
    size = np.linalg.norm(value, axis=1)
    w = value / np.maximum(size, _LEAST)[:, None]
    beside = np.eye(d) - w[:, :, None] * w[:, None, :]
    turned = np.sqrt(np.sum((beside @ linear) ** 2, axis=1))
    moment = beside @ sums[:, 1 + d :].reshape(-1, d, d) @ beside
    widest = np.maximum(np.linalg.eigvalsh(moment)[:, -1], 0.0)
    across = np.sum(turned * boxes.radius, axis=1) + np.sqrt(sums[:, 0] * widest)
    if terms.has_trace:
        off = np.linalg.norm(view.u - np.sum(w * view.u, axis=1)[:, None] * w, axis=1)
        off = off + np.sum(view.reach * np.sqrt(np.maximum(1 - w**2, 0.0)), axis=1)
        across = across + half * view.trace_size * off
    return _Chords(linear, rho, size, w, across, turned)


def _tied_bounds(view: _View, target: float) -> tuple[FloatArray, NDArray[np.intp]]:
    """Return bounds of ``|u'f| / |u|^2``, and where to cut."""
    terms, boxes = view.terms, view.boxes
    d = terms.n_features
    squared = view.length**2
    rising = view.padded(2 * view.u)
    rest = np.sum(view.reach**2, axis=1)
    least = np.maximum(squared - np.sum(np.abs(rising) * boxes.radius, axis=1), 1.0)
    form = np.zeros((len(boxes), boxes.centre.shape[1], boxes.centre.shape[1]))
    form[:, :d] += 0.5 * view.matrix
    form[:, :, :d] += 0.5 * np.swapaxes(view.matrix, 1, 2)
    gradient = 2 * np.einsum("bkl,bl->bk", form, boxes.centre)
    value = 0.5 * np.sum(gradient * boxes.centre, axis=1)
    remainder = np.einsum("bk,bkl,bl->b", boxes.radius, np.abs(form), boxes.radius)
    heads = np.einsum("pk,pk->p", view.z, view.u[view.owner])
    moved = np.einsum("pk,pk->p", np.abs(view.z), view.reach[view.owner]) * view.high
    remainder = remainder + terms.jump * view.per_box(np.where(view.single, 0.0, moved))
    bounds, cuts = [], []
    for sign in (1.0, -1.0):
        counted = view.per_box(np.maximum(sign * view.trace, 0.0)) + max(sign, 0.0) * terms.at_origin
        counted = terms.jump * counted
        majorant = Majorant(
            terms,
            boxes,
            linear=sign * gradient,
            constant=remainder - sign * value,
            slope=sign * heads,
            gain=sign * view.trace * least[view.owner],
            low=view.low,
            high=view.high,
            single=view.single,
            measure=rising,
            measure_at_centre=squared,
            least_measure=least,
            signed=True,
            normals=view.normals,
        )
        along, tilt = majorant.least(target - counted, np.ones(len(boxes), dtype=bool))
        # Where it is negative the curvature of |u|^2 counts against it.
        along = np.where(along < 0, along * (1 - rest / least), along)
        bounds.append(along + counted)
        cuts.append(np.abs(tilt - np.minimum(along, target)[:, None] * rising))
    share = terms.jump * view.summed(0.25 * np.abs(heads) + np.abs(view.trace) / view.width, terms.sizes)
    curved = np.einsum("bkl,bl->bk", np.abs(form), boxes.radius)
    larger = np.where((bounds[0] >= bounds[1])[:, None], *cuts) + share + curved
    return np.maximum(*bounds), _widest(larger * boxes.radius, boxes.radius)


def _widest(slack: FloatArray, radius: FloatArray) -> NDArray[np.intp]:
    """Return the axis that costs most, unless the box is narrow there: jumps cost the same however narrow."""
    width = radius / radius.max(axis=1, keepdims=True)
    most = slack.max(axis=1, keepdims=True)
    cost = np.where(width < _FLATTEST, 0.0, slack) + 1e-9 * np.where(most > 0, most, 1.0) * width
    return np.asarray(cost.argmax(axis=1), dtype=np.intp)


def _spectral(terms: KinkSum, boxes: BoxSet) -> FloatArray:
    """Bound boxes on which the function is linear, by its norm; with bias, on the hyperplane of one kink."""
    d = terms.n_features
    matrix = boxes.matrix[:, :, :d]
    jumping = np.full(len(boxes), terms.at_origin)
    if terms.bias:
        # There the bias is -<x, u>.
        own = terms.normals[boxes.members, :d]
        matrix = matrix - boxes.matrix[:, :, d:] * own[:, None, :]
        jumping = terms.trace[boxes.members]
    best = np.zeros(len(boxes))
    for slope in (1.0, terms.left) if terms.has_trace else (0.0,):
        whole = matrix + (slope * jumping)[:, None, None] * np.eye(d)
        if terms.tied:
            ends = np.linalg.eigvalsh(0.5 * (whole + np.swapaxes(whole, 1, 2)))
            best = np.maximum(best, np.abs(ends).max(axis=1))
        else:
            squares = np.linalg.eigvalsh(np.swapaxes(whole, 1, 2) @ whole)[:, -1]
            best = np.maximum(best, np.sqrt(np.maximum(squares, 0.0)))
    return best
