"""Tails and normalizers of conservative networks in the plane."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ..._support.validation import FloatArray
from ...networks.conservative import ConservativeNetwork
from .points import PlanarPoints

__all__ = ["confined", "grid_log_normalizer"]

# Directions of added kinks, and those looked at.
_SIDES, _AROUND = 16, 64
# Curvatures are lowered by a hair more than to zero.
_HAIR, _LEAST = 1.001, 1e-3
# Steps of the grid: at most, and as shares of the narrowest bump's width; nodes of an axis at most.
_STEP, _SHARE, _MOST_NODES = 0.1, 1.0, 800
# Where even steps end, beyond the data, by how much each one is wider from there on, and where all end.
_MARGIN, _GROWTH, _REACH = 0.5, 1.15, 30.0


def confined(network: ConservativeNetwork, points: PlanarPoints) -> ConservativeNetwork:
    """Return the network with kinks beyond all points that make its potential fall in every direction.

    Where the score would rise far out, a kink at the outermost point bends it to a constant; where it points
    outward at that point, to a slope of minus one or less.
    """
    r = _around(_AROUND)
    heights = points.value @ r.T
    outermost = points.value[heights.argmax(axis=0)]
    outward = np.sum(network(outermost) * r, axis=1)
    along = r @ network.directions.T
    bend = np.einsum("ri,ij,rj->r", r, network.S, r) + np.maximum(along, 0.0) ** 2 @ network.coefficients
    need = np.where(bend > 0, _HAIR * bend + _LEAST, 0.0) + np.where(outward >= 0, 1.0, 0.0)
    sides = slice(None, None, _AROUND // _SIDES)
    nearness = r[sides] @ r.T
    near = nearness >= np.cos(np.pi / _SIDES) - 1e-9
    added = np.max(np.where(near, need / np.where(near, nearness, 1.0) ** 2, 0.0), axis=1)
    used = added > 0
    return replace(
        network,
        directions=np.vstack([network.directions, r[sides][used]]),
        offsets=np.append(network.offsets, -heights[:, sides].max(axis=0)[used]),
        coefficients=np.append(network.coefficients, -added[used]),
        right_derivative=np.append(network.right_derivative, np.zeros(int(used.sum()), dtype=bool)),
    )


def grid_log_normalizer(network: ConservativeNetwork, points: PlanarPoints) -> float:
    """Return the log of the integral of ``exp U`` by the trapezoidal rule.

    For smooth bumps wider than a step the rule is exact to many digits; kinks, and the coarser steps beyond
    the data, leave about four.
    """
    narrow = 1 / np.sqrt(max(float(-np.linalg.eigvalsh(network.jacobian(points.value))[:, 0].min()), 1e-300))
    nodes, weights = zip(
        *(_axis(column, min(_STEP, _SHARE * narrow)) for column in points.value.T), strict=True
    )
    x = np.stack(np.meshgrid(*nodes, indexing="ij"), axis=-1).reshape(-1, 2)
    potential = network.potential(x).reshape(len(nodes[0]), len(nodes[1]))
    top = potential.max()
    return float(top + np.log(weights[0] @ np.exp(potential - top) @ weights[1]))


def _around(count: int) -> FloatArray:
    angles = 2 * np.pi * np.arange(count) / count
    return np.stack([np.cos(angles), np.sin(angles)], axis=1)


def _axis(column: FloatArray, step: float) -> tuple[FloatArray, FloatArray]:
    """Return nodes, evenly over the data and ever wider beyond, and the trapezoidal rule's weights."""
    low, high = column.min() - _MARGIN, column.max() + _MARGIN
    count = min(int(np.ceil((high - low) / step)), _MOST_NODES)
    step = (high - low) / count
    beyond = np.cumsum(step * _GROWTH ** np.arange(1, 200))
    beyond = beyond[: int(np.searchsorted(beyond, _REACH)) + 1]
    nodes = np.concatenate([low - beyond[::-1], np.linspace(low, high, count + 1), high + beyond])
    gaps = np.diff(nodes)
    weights = np.zeros(len(nodes))
    weights[1:] += gaps / 2
    weights[:-1] += gaps / 2
    return nodes, weights
