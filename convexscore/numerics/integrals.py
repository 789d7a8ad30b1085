"""The integral of the exponential of a monotone quadratic, in log space."""

from __future__ import annotations

import numpy as np
from scipy.special import dawsn, erfcx, roots_legendre

from .._support.validation import FloatArray

__all__ = ["log_decreasing_integral", "unit_quadrature"]

# Below this drop of the exponent the closed forms lose digits by cancellation; quadrature does not.
_SHORT = 1.5


def unit_quadrature(n_nodes: int = 20) -> tuple[FloatArray, FloatArray]:
    """Return Gauss-Legendre nodes and weights on ``[0, 1]``."""
    nodes, weights = roots_legendre(n_nodes)
    return (nodes + 1) / 2, weights / 2


_NODES, _WEIGHTS = unit_quadrature()


@np.errstate(over="ignore", invalid="ignore", divide="ignore")
def log_decreasing_integral(fall: FloatArray, curvature: FloatArray, length: FloatArray) -> FloatArray:
    """Return ``log int_0^length exp(-fall t + curvature t^2 / 2) dt``, elementwise.

    The exponent must not increase on ``[0, length]``.  A Gaussian piece (``curvature < 0``) is a
    difference of scaled complementary error functions, an exponential one (``= 0``) an ``expm1``, an
    inverted Gaussian one (``> 0``) a difference of Dawson functions.

    Parameters
    ----------
    fall : ndarray
        Minus the exponent's derivative at 0, nonnegative.
    curvature : ndarray
        Its second derivative.
    length : ndarray
        Nonnegative; ``inf`` is allowed where the integral is finite.

    Returns
    -------
    ndarray
    """
    fall, curvature, length = np.broadcast_arrays(fall, curvature, length)
    result = np.empty(fall.shape)
    # Zero times infinity is a NaN that compares false: an infinite piece is not short.
    size = fall * length + np.abs(curvature) * length * length
    short = size <= _SHORT
    if short.any():
        p, k, width = fall[short], curvature[short], length[short]
        t = width[..., None] * _NODES
        inner = np.exp(-p[..., None] * t + 0.5 * k[..., None] * t * t) @ _WEIGHTS
        result[short] = np.log(width) + np.log(inner)
    for branch, rule in (
        (~short & (curvature < 0), _gaussian),
        (~short & (curvature == 0), _exponential),
        (~short & (curvature > 0), _inverted),
    ):
        if branch.any():
            p, k, width = fall[branch], curvature[branch], length[branch]
            mass = rule(p, k, width)
            # Where the closed form has lost all digits the piece is, to rounding, an exponential one.
            mass = np.where((mass > 0) & (mass < np.inf), mass, _exponential(p, k, width))
            result[branch] = np.log(mass)
    return result


def _gaussian(p: FloatArray, k: FloatArray, length: FloatArray) -> FloatArray:
    root = np.sqrt(2.0) * np.sqrt(-k)
    finite = np.where(np.isfinite(length), length, 0.0)
    drop = np.where(np.isfinite(length), finite * (p - 0.5 * k * finite), np.inf)
    far = np.exp(-drop) * erfcx((p - k * finite) / root)
    return np.sqrt(np.pi) / root * (erfcx(p / root) - far)


def _exponential(p: FloatArray, k: FloatArray, length: FloatArray) -> FloatArray:
    return -np.expm1(-p * length) / p


def _inverted(p: FloatArray, k: FloatArray, length: FloatArray) -> FloatArray:
    root = np.sqrt(2.0) * np.sqrt(k)
    drop = length * (p - 0.5 * k * length)
    # Rounding may push the end of the piece just past its minimum.
    far = np.maximum(p - k * length, 0.0)
    return 2 / root * (dawsn(p / root) - np.exp(-drop) * dawsn(far / root))
