"""Boxes of directions and biases, with the data points that are on both sides of their hyperplanes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ..._support.validation import FloatArray
from .kinks import KinkSum

__all__ = ["BoxSet"]


@dataclass(frozen=True, eq=False)
class BoxSet:
    """Boxes on faces of a cube of directions, in batches.

    Parameters
    ----------
    centre, radius : ndarray of shape (n_boxes, n_coordinates)
        Centres and half widths; on a face ``u_a = +-1`` the half width in ``u_a`` is zero.
    matrix : ndarray of shape (n_boxes, n_features, n_coordinates)
        The linear part of the function on the box: the kinks that are on one side all over it.
    starts : int ndarray of shape (n_boxes + 1,)
        Where the list of each box begins.
    members : int ndarray of shape (n_pairs,)
        The kinks that are not: lists of all boxes one after another.
    height, spread : ndarray of shape (n_pairs,)
        The height of each of these at the centre, and how far it may differ from that in the box.
    bound : ndarray of shape (n_boxes,)
        No correlation in the box is larger.
    axis : int ndarray of shape (n_boxes,)
        Across which axis the box is best cut.
    """

    centre: FloatArray
    radius: FloatArray
    matrix: FloatArray
    starts: NDArray[np.intp]
    members: NDArray[np.intp]
    height: FloatArray
    spread: FloatArray
    bound: FloatArray
    axis: NDArray[np.intp]

    def __len__(self) -> int:
        """Return the number of boxes."""
        return len(self.centre)

    @property
    def counts(self) -> NDArray[np.intp]:
        """Length of each list."""
        return np.diff(self.starts)

    @property
    def owner(self) -> NDArray[np.intp]:
        """The box of each entry of the lists."""
        return np.repeat(np.arange(len(self)), self.counts)

    def take(self, chosen: NDArray[np.bool_] | NDArray[np.intp]) -> BoxSet:
        """Return some of the boxes."""
        if chosen.dtype == bool:
            if chosen.all():
                return self
            chosen = np.flatnonzero(chosen)
        counts = self.counts[chosen]
        starts = np.concatenate([[0], np.cumsum(counts)])
        pairs = np.repeat(self.starts[chosen] - starts[:-1], counts) + np.arange(starts[-1])
        return BoxSet(
            self.centre[chosen],
            self.radius[chosen],
            self.matrix[chosen],
            starts,
            self.members[pairs],
            self.height[pairs],
            self.spread[pairs],
            self.bound[chosen],
            self.axis[chosen],
        )

    @classmethod
    def joined(cls, parts: Sequence[BoxSet]) -> BoxSet:
        """Return all boxes of several batches."""
        if len(parts) == 1:
            return parts[0]
        shifts = np.concatenate([[0], np.cumsum([part.members.size for part in parts])])
        starts = np.concatenate(
            [[0], *(part.starts[1:] + shift for part, shift in zip(parts, shifts[:-1], strict=True))]
        )
        names = ("centre", "radius", "matrix", "members", "height", "spread", "bound", "axis")
        fields = {name: np.concatenate([getattr(part, name) for part in parts]) for name in names}
        return cls(starts=starts, **fields)

    @classmethod
    def whole(cls, terms: KinkSum) -> BoxSet:
        """Return the faces of the cube, half of them where opposite directions are alike."""
        d, n_coordinates, n = terms.n_features, terms.normals.shape[1], len(terms.z)
        signs = (1.0,) if terms.is_even else (1.0, -1.0)
        count = d * len(signs)
        face = np.repeat(np.arange(d), len(signs))
        centre, radius = np.zeros((count, n_coordinates)), np.ones((count, n_coordinates))
        centre[np.arange(count), face] = np.tile(signs, d)
        radius[np.arange(count), face] = 0.0
        if terms.bias:
            radius[:, -1] = terms.reach
        empty = np.zeros(count * n)
        return cls(
            centre,
            radius,
            np.tile(terms.base, (count, 1, 1)),
            np.arange(count + 1) * n,
            np.tile(np.arange(n), count),
            empty,
            empty,
            np.full(count, np.inf),
            np.zeros(count, dtype=np.intp),
        ).decided(terms)

    def decided(self, terms: KinkSum) -> BoxSet:
        """Move kinks that are on one side all over a box from its list to its matrix.

        With bias, where boxes without a list are dropped, they must be strictly on one side; without, a box
        may touch a hyperplane, which its neighbours touch as well.
        """
        owner = self.owner
        normals = terms.normals[self.members]
        height = np.einsum("pk,pk->p", normals, self.centre[owner])
        spread = np.einsum("pk,pk->p", np.abs(normals), self.radius[owner])
        least = terms.rounding if terms.bias else -terms.rounding
        above, below = height - spread >= least, height + spread <= -least
        done = above | below
        left = ~done
        matrix = self.matrix
        if done.any():
            slope = np.where(above[done], 1.0, terms.left)
            matrix = matrix + self._moved(terms, slope, done)
        return replace(
            self,
            matrix=matrix,
            starts=_starts(owner[left], len(self)),
            members=self.members[left],
            height=height[left],
            spread=spread[left],
        )

    def _moved(self, terms: KinkSum, slope: FloatArray, chosen: NDArray[np.bool_]) -> FloatArray:
        """Return what chosen entries of the lists add to the matrices."""
        owner, members, d = self.owner[chosen], self.members[chosen], terms.n_features
        added = terms.summed(slope, members, _starts(owner, len(self)), terms.products)
        added = added.reshape(self.matrix.shape)
        if terms.has_trace:
            counted = np.bincount(owner, weights=slope * terms.trace[members], minlength=len(self))
            added[:, :, :d] += counted[:, None, None] * np.eye(d)
        return added

    def halves(self, terms: KinkSum) -> BoxSet:
        """Cut every box in two across its axis."""
        row = np.arange(len(self))
        radius = self.radius.copy()
        radius[row, self.axis] *= 0.5
        move = np.zeros_like(radius)
        move[row, self.axis] = radius[row, self.axis]
        parts = [replace(self, centre=self.centre + sign * move, radius=radius) for sign in (-1.0, 1.0)]
        return BoxSet.joined(parts).decided(terms)


def _starts(owner: NDArray[np.intp], count: int) -> NDArray[np.intp]:
    lengths = np.bincount(owner, minlength=count)
    return np.concatenate([[0], np.cumsum(lengths)]).astype(np.intp)
