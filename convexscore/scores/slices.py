"""The potential of a conservative planar network along vertical lines, and integrals of its exponential.

On the line ``x = (t, y)``, with ``t`` fixed, the potential is piecewise quadratic in ``y``, with knots where
the line meets kinks.  Cut there and where its derivative is zero, each piece is monotone, and the integral of
its exponential has a closed form (`numerics.integrals`).  Many lines are done at once.  Where a region has
limits the line is cut at these, and what is beyond has no length.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from .._support.validation import FloatArray
from ..activations import get_activation
from ..networks.conservative import ConservativeNetwork
from ..numerics.integrals import log_decreasing_integral
from .regions import Region

__all__ = ["Slices"]

# Lines times knots times neurons looked at at once.
_BLOCK = 2_000_000
# Kinks as flat as this share of their direction's length do not bend the potential along a line.
_FLAT = 1e-12
# Curvatures below this share of all neurons' are zero.
_STRAIGHT = 1e-12
# A piece's exponential is followed until it has fallen by this exponent.
_DEEP = 80.0


@dataclass(frozen=True, eq=False)
class _Pieces:
    """Monotone pieces of the potential on some lines, shape ``(n_lines, n_pieces)`` each.

    From `top`, in the direction `way`, the exponent at distance ``v`` is ``height - fall v + curvature v^2 /
    2`` up to the distance `length`.
    """

    top: FloatArray
    way: FloatArray
    height: FloatArray
    fall: FloatArray
    curvature: FloatArray
    length: FloatArray

    def log_masses(self) -> FloatArray:
        """Return the logarithm of the integral of each piece."""
        return self.height + log_decreasing_integral(self.fall, self.curvature, self.length)


class Slices:
    """A conservative network of two features on lines of constant first coordinate.

    Coordinates are those from the network's origin.

    Parameters
    ----------
    network : ConservativeNetwork
        With two features.
    region : Region, optional
        Outside of which nothing is integrated; by default the plane.
    """

    def __init__(self, network: ConservativeNetwork, region: Region | None = None) -> None:
        self.region = region
        self.S, self.b2, self.left = network.S, network.b2, get_activation(network.activation).left_slope
        self.u, self.b, self.a = network.directions, network.offsets, network.coefficients
        length = np.hypot(self.u[:, 0], self.u[:, 1])
        self.bends = np.abs(self.u[:, 1]) > _FLAT * length
        self.size = float(np.abs(self.S).max() + np.abs(self.a) @ length**2)

    def log_marginal(self, t: FloatArray) -> FloatArray:
        """Return ``log int exp U(t, y) dy`` for each ``t``, of shape ``(n_lines,)``."""
        parts = []
        for block in self._blocks(t):
            logs = self._pieces(block).log_masses()
            top = logs.max(axis=1)
            # Lines that touch a region have no mass.
            base = np.where(np.isfinite(top), top, 0.0)
            with np.errstate(divide="ignore"):
                parts.append(base + np.log(np.exp(logs - base[:, None]).sum(axis=1)))
        return np.concatenate(parts)

    def sample(self, t: FloatArray, rng: np.random.Generator) -> FloatArray:
        """Draw one ``y`` from the law proportional to ``exp U(t, y)`` for each ``t``."""
        parts = []
        for block in self._blocks(t):
            pieces = self._pieces(block)
            logs = pieces.log_masses()
            shares = np.cumsum(np.exp(logs - logs.max(axis=1, keepdims=True)), axis=1)
            draws = rng.random((2, len(block)))
            row = np.arange(len(block))
            chosen = np.sum(shares < draws[0, :, None] * shares[:, -1:], axis=1)
            piece = _Pieces(*(array[row, chosen] for array in vars(pieces).values()))
            parts.append(piece.top + piece.way * _quantile(piece, 1 - draws[1]))
        return np.concatenate(parts)

    def _blocks(self, t: FloatArray) -> Iterator[FloatArray]:
        n = max(self.bends.sum() + 1, 1) * max(len(self.a), 1)
        size = max(_BLOCK // n, 1)
        return (t[start : start + size] for start in range(0, len(t), size))

    def _pieces(self, t: FloatArray) -> _Pieces:
        """Cut lines at their knots, and between them where the derivative is zero."""
        p, q = self.u[self.bends, 0], self.u[self.bends, 1]
        # One more knot, so that there is one at all.
        knots = np.column_stack([-(p * t[:, None] + self.b[self.bends]) / q, np.zeros(len(t))])
        lowest, highest = (np.full(len(t), end) for end in (-np.inf, np.inf))
        if self.region is not None:
            lowest, highest = self.region.on_lines(t)
            ends = np.column_stack([lowest, highest])
            knots = np.clip(knots, ends[:, :1], ends[:, 1:])
            knots = np.column_stack([knots, np.where(np.isfinite(ends), ends, knots[:, :1])])
        knots.sort(axis=1)
        height, slope = self._at(t, knots)
        length = np.diff(knots, axis=1)
        inner = np.diff(slope, axis=1) / np.where(length > 0, length, np.inf)
        below, above = (np.full((len(t), 1), curvature) for curvature in self._outer())
        far = [np.where(np.isfinite(end), 0.0, np.inf)[:, None] for end in (lowest, highest)]
        # The piece below all knots is seen from the first, downwards; the others from their lower ends.
        way = np.ones((len(t), knots.shape[1] + 1))
        way[:, 0] = -1.0
        start, height, slope = (np.column_stack([part[:, :1], part]) for part in (knots, height, slope))
        curvature = np.hstack([below, inner, above])
        return _monotone(start, way, height, way * slope, curvature, np.hstack([far[0], length, far[1]]))

    def _at(self, t: FloatArray, y: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return the potential and its derivative by ``y`` at points of lines, ``(n_lines, n_points)``."""
        x = t[:, None]
        potential = 0.5 * self.S[0, 0] * x**2 + self.S[0, 1] * x * y + 0.5 * self.S[1, 1] * y**2
        potential += self.b2[0] * x + self.b2[1] * y
        slope = self.b2[1] + self.S[0, 1] * x + self.S[1, 1] * y
        h = self.u[:, 0] * t[:, None, None] + self.u[:, 1] * y[:, :, None] + self.b
        value = np.maximum(h, 0.0) + self.left * np.minimum(h, 0.0)
        slope = slope + value @ (self.a * self.u[:, 1])
        return potential + 0.5 * (h * value) @ self.a, slope

    def _outer(self) -> tuple[float, float]:
        """Return the second derivatives below all knots and above them."""
        q, a = self.u[self.bends, 1], self.a[self.bends]
        curvatures = []
        for way in (-1.0, 1.0):
            active = np.where(way * q > 0, 1.0, self.left)
            curvature = float(self.S[1, 1] + (active * q**2) @ a)
            curvatures.append(curvature if abs(curvature) > _STRAIGHT * self.size else 0.0)
        return curvatures[0], curvatures[1]


def _monotone(
    start: FloatArray,
    way: FloatArray,
    height: FloatArray,
    slope: FloatArray,
    curvature: FloatArray,
    length: FloatArray,
) -> _Pieces:
    """Cut pieces where their derivative is zero, seen from their starts; the second parts may be empty."""
    with np.errstate(divide="ignore", invalid="ignore"):
        turn = np.where(slope * curvature < 0, -slope / curvature, np.inf)
    turns = turn < length
    first = np.where(turns, turn, length)
    rest = np.where(turns, length - np.where(turns, turn, 0.0), 0.0)
    # A part that rises has its top at its end, which is never infinitely far.
    # One that begins in the valley rises.
    rises, peaks = (slope > 0) | ((slope == 0) & (curvature > 0)), turns & (curvature < 0)
    end = np.where(np.isfinite(first) & (rises | peaks), first, 0.0)
    end_height = height + end * (slope + 0.5 * curvature * end)
    end_fall = np.where(turns, 0.0, np.maximum(slope + curvature * end, 0.0))
    valleys = turns & (curvature > 0)
    whole = np.where(valleys, length, 0.0)
    far_height = height + whole * (slope + 0.5 * curvature * whole)
    parts = (
        _Pieces(
            start + way * end,
            np.where(rises, -way, way),
            end_height,
            np.where(rises, end_fall, np.maximum(-slope, 0.0)),
            curvature,
            first,
        ),
        _Pieces(
            np.where(peaks, start + way * end, start + way * whole),
            np.where(peaks, way, -way),
            np.where(peaks, end_height, far_height),
            np.where(valleys, slope + curvature * whole, 0.0),
            curvature,
            rest,
        ),
    )
    return _Pieces(*(np.hstack([getattr(part, name) for part in parts]) for name in vars(parts[0])))


def _quantile(piece: _Pieces, share: FloatArray) -> FloatArray:
    """Return the distance from the top within which a share of each piece's mass lies."""
    with np.errstate(divide="ignore"):
        # Level pieces are not infinite.
        deep = 2 * _DEEP / (piece.fall + np.sqrt(piece.fall**2 + 2 * _DEEP * np.abs(piece.curvature)))
    high = np.where(np.isfinite(piece.length), piece.length, deep)
    target = np.log(share) + log_decreasing_integral(piece.fall, piece.curvature, piece.length)
    low = np.zeros_like(high)
    for _ in range(60):
        middle = 0.5 * (low + high)
        below = log_decreasing_integral(piece.fall, piece.curvature, middle) < target
        low, high = np.where(below, middle, low), np.where(below, high, middle)
    return 0.5 * (low + high)
