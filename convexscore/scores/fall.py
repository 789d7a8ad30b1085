"""Whether the potential of a conservative planar network falls far out, so that it has a density."""

from __future__ import annotations

import numpy as np

from .._support.validation import FloatArray
from ..activations import get_activation
from ..errors import NotNormalizableError
from ..networks.conservative import ConservativeNetwork
from .regions import Region

__all__ = ["require_decay"]

# Quadratic and linear parts of the potential far out below these shares of their sums' sizes are zero.
_QUADRATIC, _LINEAR = 1e-12, 1e-10


def require_decay(network: ConservativeNetwork, region: Region | None = None) -> None:
    """Raise unless ``U`` falls along every ray that does not leave a region, by default the plane.

    Far out in the direction ``r`` the potential is ``t^2 q(r) / 2 + t l(r)``, with ``q`` a quadratic and
    ``l`` a linear form on each arc between directions of kinks; both are continuous.  It has to fall
    quadratically, or where it does not bend, linearly.

    Parameters
    ----------
    network : ConservativeNetwork
        With two features.
    region : Region, optional
        Seen from the network's origin.

    Raises
    ------
    NotNormalizableError
        If it does not fall; the message names a direction.
    """
    u, b, a = network.directions, network.offsets, network.coefficients
    left = get_activation(network.activation).left_slope
    along = np.arctan2(u[:, 1], u[:, 0])
    ends = np.concatenate([along + np.pi / 2, along - np.pi / 2, 0.1 + np.arange(4) * np.pi / 2])
    if region is not None:
        # Where its own directions begin and end.
        ends = np.append(ends, np.arange(4) * np.pi / 2)
    ends = np.unique(ends % (2 * np.pi))
    low, high = ends, np.append(ends[1:], ends[0] + 2 * np.pi)
    middle = _unit(0.5 * (low + high))
    if region is not None:
        kept = region.contains(middle)
        low, high, middle = low[kept], high[kept], middle[kept]
        if not kept.any():
            _require_decay_between(network, region)
            return
    slope = np.where(middle @ u.T > 0, 1.0, left) * a
    M = network.S + np.einsum("rk,ki,kj->rij", slope, u, u)
    g = network.b2 + (slope * b) @ u
    start = np.zeros(2) if region is None else region.vertices[0]
    if region is not None:
        # Rays along its ends start there.
        g = g + M @ start
    steep, flat = _sizes(network, start)

    def inside(angle: FloatArray) -> FloatArray:
        """Return an angle, up to whole turns, if it is on the arc, else an end of the arc."""
        return np.clip(angle + 2 * np.pi * np.ceil((low - angle) / (2 * np.pi)), low, high)

    # On an arc a quadratic form is largest at an end or where it is stationary, and so is a linear one.
    top = 0.5 * np.arctan2(M[:, 0, 1] + M[:, 1, 0], M[:, 0, 0] - M[:, 1, 1])
    angles = np.stack([low, high, inside(top), inside(top + np.pi), inside(np.arctan2(g[:, 1], g[:, 0]))])
    r = _unit(angles)
    bend, fall = np.einsum("ari,rij,arj->ar", r, M, r), np.einsum("ari,ri->ar", r, g)
    _require(r, bend, fall, steep, flat)


def _require_decay_between(network: ConservativeNetwork, region: Region) -> None:
    """Do the same between two faces: along each direction that is left, from points of both of them."""
    u, b, a = network.directions, network.offsets, network.coefficients
    left = get_activation(network.activation).left_slope
    for start in region.vertices:
        steep, flat = _sizes(network, start)
        along = region.rays @ u.T
        slope = np.where(along > 0, 1.0, left) * a
        bend = np.sum(region.rays @ network.S * region.rays, axis=1) + np.sum(slope * along**2, axis=1)
        fall = region.rays @ (network.b2 + network.S @ start) + (slope * along) @ (u @ start + b)
        _require(region.rays, bend, fall, steep, flat)


def _sizes(network: ConservativeNetwork, start: FloatArray) -> tuple[float, float]:
    """Return the quadratic and linear parts that are rounding, for rays from a point."""
    u, b, a = network.directions, network.offsets, network.coefficients
    length = np.hypot(u[:, 0], u[:, 1])
    bend = float(np.abs(network.S).sum() + np.abs(a) @ length**2)
    fall = float(np.abs(network.b2).sum() + np.abs(a * b) @ length) + bend * float(np.abs(start).max())
    return _QUADRATIC * bend, _LINEAR * fall


def _unit(angle: FloatArray) -> FloatArray:
    return np.stack([np.cos(angle), np.sin(angle)], axis=-1)


def _require(r: FloatArray, bend: FloatArray, fall: FloatArray, steep: float, flat: float) -> None:
    bad = (bend > steep) | ((bend >= -steep) & (fall >= -flat))
    if bad.any():
        worst = np.round(r[np.unravel_index(np.argmax(np.where(bad, bend, -np.inf)), bad.shape)], 12) + 0.0
        raise NotNormalizableError(
            "network: expected a potential that falls in every direction, got one that does not fall far out "
            f"in the direction ({worst[0]:.6g}, {worst[1]:.6g}): it has no density"
        )
