"""The correlation of a neuron as a sum over the kink hyperplanes of the data, for branch and bound.

    f(p) = base p + sum_i z_i a(s_i) + sum_i g_i a'(s_i) u,       s_i = <x_i, p>,

``p = (u, b)`` and ``x_i`` a data point with a one appended, or without bias ``p = u``.  The correlation of
the neuron is ``|f(p)| / |u|``, with tied outputs ``|u'f(p)| / |u|^2``; neither depends on the length of
``p``.  At ``s_i = 0`` the derivative may take either of its two values.

Without bias, points on one line through the origin have one hyperplane: they are one unit vector ``e`` here,
since ``a(-s) = a(s) - (1 + left) s`` and ``a'(-s) = (1 + left) - a'(s)`` up to terms linear in ``p``, which
are in `base`.  Points at the origin have no side: their trace counts fully or not.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from ..._support.validation import FloatArray
from ..program import NeuronProgram

__all__ = ["KinkSum", "Kinks"]

# Heights below this, for data of size one, are rounding: such a point lies on the hyperplane.
_ON = 1e-14
# Unit vectors that differ by less are those of one line.
_SAME_LINE = 1e-14
# Sums that must vanish by the conditions of the free part do so up to this share of their terms.
_VANISHING = 1e-11


@dataclass(frozen=True, eq=False)
class KinkSum:
    """The function of one residual.

    Parameters
    ----------
    normals : ndarray of shape (n_kinks, n_coordinates)
        The vectors ``x_i``.
    z : ndarray of shape (n_kinks, n_features)
        What the kinks add.
    trace : ndarray of shape (n_kinks,)
        The numbers ``g_i``.
    base : ndarray of shape (n_features, n_coordinates)
        The linear part.
    at_origin : float
        Trace of the points without a side.
    left : float
        The slope ``a'`` below zero.
    bias, tied : bool
        Whether the last coordinate is a bias, and whether outputs are along directions.
    """

    normals: FloatArray
    z: FloatArray
    trace: FloatArray
    base: FloatArray
    at_origin: float
    left: float
    bias: bool
    tied: bool

    @property
    def jump(self) -> float:
        """The jump of the derivative."""
        return 1.0 - self.left

    @property
    def n_features(self) -> int:
        """Number of outputs, and of entries of a direction."""
        return int(self.z.shape[1])

    @cached_property
    def has_trace(self) -> bool:
        """Whether derivatives count at all."""
        return bool(self.trace.any()) or self.at_origin > 0

    @cached_property
    def reach(self) -> float:
        """Largest bias of a hyperplane through data, for directions whose largest entry is one."""
        entries = self.normals[:, : self.n_features]
        return max(float(np.abs(entries).sum(axis=1).max(initial=0.0)), 1e-300)

    @cached_property
    def rounding(self) -> float:
        """Heights that are rounding."""
        return _ON * self.reach

    @cached_property
    def sizes(self) -> FloatArray:
        """Absolute values of the normals."""
        return np.abs(self.normals)

    @cached_property
    def products(self) -> FloatArray:
        """The matrices ``z_i x_i'``, flattened."""
        return (self.z[:, :, None] * self.normals[:, None, :]).reshape(len(self.z), -1)

    @cached_property
    def squares(self) -> FloatArray:
        """Ones, ``z_i``, and the matrices ``z_i z_i'``, flattened, side by side."""
        outer = (self.z[:, :, None] * self.z[:, None, :]).reshape(len(self.z), -1)
        return np.hstack([np.ones((len(self.z), 1)), self.z, outer])

    @cached_property
    def is_even(self) -> bool:
        """Whether ``p`` and ``-p`` have one correlation, so that half of the directions are enough."""
        d, twice = self.n_features, 1 + self.left
        odd = twice * (self.z.T @ self.normals) + 2 * self.base
        odd[:, :d] += (twice * self.trace.sum() + twice * self.at_origin) * np.eye(d)
        if self.tied:
            odd[:, :d] += odd[:, :d].T.copy()
        size = float((np.abs(self.z).T @ self.sizes).max(initial=0.0)) + float(np.abs(self.trace).sum())
        return bool(np.abs(odd).max(initial=0.0) <= _VANISHING * (size + np.abs(self.base).max(initial=0.0)))

    def summed(
        self, weights: FloatArray, members: NDArray[np.intp], starts: NDArray[np.intp], what: FloatArray
    ) -> FloatArray:
        """Return ``sum_i weights_i what_i`` over each list, which begin at `starts`."""
        lists = csr_matrix((weights, members, starts), shape=(len(starts) - 1, len(self.z)))
        total: FloatArray = lists @ what
        return total


class Kinks:
    """What the functions of all residuals of a program share.

    Parameters
    ----------
    program : NeuronProgram
        A program of networks that are not gated.
    tied : bool
        Whether output vectors are along the directions.
    """

    def __init__(self, program: NeuronProgram, tied: bool = False) -> None:
        self.program, self.tied = program, tied
        rows, left = program.rows, float(program.sigma.left_slope)
        self._beside = rows.any(axis=1) | program.bias
        if program.bias:
            self._normals = np.hstack([rows, np.ones((len(rows), 1))])
            return
        rows = rows[self._beside]
        length = np.linalg.norm(rows, axis=1)
        units = rows / length[:, None]
        self._normals, self._line, side = _lines(units)
        self._share = side * length
        self._twice = 1 + left

    def sum_of(self, residual: FloatArray) -> KinkSum:
        """Return the function of a weighted residual that meets the conditions of the free part."""
        program = self.program
        z, trace = program.root_mass * residual, program.trace_mass
        at_origin = float(trace[~self._beside].sum())
        z, trace = z[self._beside], trace[self._beside]
        base = np.zeros((z.shape[1], self._normals.shape[1]))
        if not program.bias:
            z, trace, base = self._on_lines(z, trace)
        left = float(program.sigma.left_slope)
        return KinkSum(self._normals, z, trace, base, at_origin, left, program.bias, self.tied)

    def _on_lines(self, z: FloatArray, trace: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return the sums over the points of each line, and what is left of those on its other side."""
        count = len(self._normals)
        merged = np.zeros((count, z.shape[1]))
        np.add.at(merged, self._line, np.abs(self._share)[:, None] * z)
        signed = np.zeros(count)
        np.add.at(signed, self._line, np.sign(self._share) * trace)
        behind = self._share < 0
        base = self._twice * ((z[behind] * self._share[behind, None]).T @ self._normals[self._line[behind]])
        base += self._twice * trace[behind].sum() * np.eye(z.shape[1])
        return merged, signed, base

    def distance(self, residual: FloatArray, other: FloatArray) -> float:
        """Return a bound on the difference of any neuron's correlations with two residuals.

        Kinks that matter go through data points (without bias the origin): no point is farther from one than
        the data are wide.
        """
        length = np.linalg.norm(self.program.rows, axis=1)
        far = length + length.max(initial=0.0) if self.program.bias else length
        change = np.linalg.norm(self.program.root_mass * (residual - other), axis=1)
        return float(change @ far)


def _lines(units: FloatArray) -> tuple[FloatArray, NDArray[np.intp], FloatArray]:
    """Return one unit vector a line through the origin, the line of each vector, and its side of it."""
    # Any fixed direction that is not likely to be at right angles to differences of data.
    look = np.sqrt(np.arange(2.0, 2.0 + units.shape[1])) % 1.0 + 0.1
    side = np.where(units @ look < 0, -1.0, 1.0)
    turned = side[:, None] * units
    order = np.argsort(turned @ look, kind="stable")
    apart = np.abs(np.diff(turned[order], axis=0)).max(axis=1, initial=0.0) > _SAME_LINE
    line = np.empty(len(units), dtype=np.intp)
    line[order] = np.concatenate([[0], np.cumsum(apart)])[: len(units)]
    first = order[np.concatenate([[True], apart])[: len(units)]]
    return np.asarray(turned[first]), line.astype(np.intp), np.asarray(side, dtype=np.float64)
