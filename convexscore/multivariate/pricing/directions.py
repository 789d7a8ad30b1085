"""The largest correlation of each direction of the plane, whatever the bias: a certificate's profile.

For a direction ``u`` the correlation vector is a function of one number, the position of the kink line along
``u``; it is linear between data, so its norm is largest at one of them.
"""

from __future__ import annotations

import numpy as np

from ..._support.validation import FloatArray
from ..program import NeuronProgram
from .line import correlations_on_line

__all__ = ["strongest_by_angle"]


def strongest_by_angle(
    program: NeuronProgram, residual: FloatArray, angles: FloatArray, tied: bool = False
) -> FloatArray:
    """Return the largest correlation of a neuron in each direction.

    Parameters
    ----------
    program : NeuronProgram
        A program whose rows have two columns.
    residual : ndarray of shape (n_points, 2)
        ``root_mass (S - L)``, with the conditions of the free part met.
    angles : ndarray of shape (n_angles,)
        Angles of the directions.
    tied : bool
        Whether output vectors are along the directions.

    Returns
    -------
    ndarray of shape (n_angles,)
        Points on one kink line count with either derivative, all alike.
    """
    z, left = program.root_mass * residual, float(program.sigma.left_slope)
    largest = np.zeros(angles.size)
    for k, angle in enumerate(angles):
        u = np.array([np.cos(angle), np.sin(angle)])
        height = program.rows @ u
        order = np.argsort(height)
        x, trace = height[order], program.trace_mass[order, None] * u
        origins = x if program.bias else np.zeros(1)
        for counted in (True, False):
            found = correlations_on_line(x, z[order], trace, origins, 1.0, counted, left)
            values = np.abs(found @ u) if tied else np.hypot(found[:, 0], found[:, 1])
            largest[k] = max(largest[k], float(values.max()))
    return largest
