"""What the figures are of: scores and data, checked."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from .._support.validation import FloatArray, as_data, shown
from ..networks.two_layer import TwoLayerNetwork

__all__ = ["as_network", "as_points", "padded"]

# Axes are scaled by differences and products of their ends.
_LARGEST = 1e150


def as_network(network: Any) -> TwoLayerNetwork:
    """Return a network of one feature, or raise."""
    if not isinstance(network, TwoLayerNetwork):
        raise TypeError(f"network: expected a TwoLayerNetwork, got {shown(network)}")
    if network.n_features != 1:
        raise ValueError(f"network: expected 1 feature, got {network.n_features}")
    return network


def as_points(data: ArrayLike | None) -> FloatArray | None:
    """Return data of one feature as shape ``(n,)``; None for none."""
    if data is None:
        return None
    points = as_data("data", data)
    if points.shape[1] != 1:
        raise ValueError(f"data: expected 1 feature, got {points.shape[1]}")
    if np.abs(points).max() > _LARGEST:
        raise ValueError(f"data: expected numbers up to {_LARGEST:g}, got one of {np.abs(points).max():g}")
    return points[:, 0]


def padded(points: FloatArray) -> tuple[float, float]:
    """Return a range with a margin on both sides of points."""
    low, high = float(points.min()), float(points.max())
    margin = 0.12 * (high - low) or max(0.12 * abs(low), 1.0)
    return low - margin, high + margin
