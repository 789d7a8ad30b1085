"""The correlation of every atom with a network's residual, along the line: a certificate's profile."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .._support.validation import FloatArray
from ..networks.two_layer import TwoLayerNetwork
from .program import UnivariateProgram
from .tails import Bounds, tail_multipliers

__all__ = ["Correlations", "correlations_along", "live_neurons"]

# Kinks this close to a data point, as a share of the range, are at it.
_AT = 1e-9
# How far beyond the data the profile is drawn, as a share of their range.
_MARGIN = 0.06


@dataclass(frozen=True, eq=False)
class Correlations:
    """Correlations of atoms with a residual, as functions of the position of their kink.

    Parameters
    ----------
    position : ndarray of shape (n,)
        Where they are given.
    atoms : dict of str to ndarray of shape (n,)
        The correlation of each kind of atom.
    kinks : ndarray of shape (n_neurons,)
        The kinks of the network's neurons.
    at_kinks : ndarray of shape (n_neurons,)
        The correlations of these neurons' own atoms.
    """

    position: FloatArray
    atoms: dict[str, FloatArray]
    kinks: FloatArray
    at_kinks: FloatArray


def correlations_along(
    program: UnivariateProgram, network: TwoLayerNetwork, beta: float, tails: Bounds | None = None
) -> Correlations:
    """Return the correlations with a network's residual, and those of its own neurons.

    Parameters
    ----------
    program : UnivariateProgram
        The program.
    network : TwoLayerNetwork
        A network for it.
    beta : float
        Weight decay; only needed with `tails`.
    tails : tuple of two floats, optional
        Bounds of the outer slopes, whose multipliers move the band (see `tails`).

    Returns
    -------
    Correlations
        Each data point is there twice: at the first of two equal positions the correlation counts the point
        as right of its kink, at the second not.  Between positions correlations are linear.
    """
    residual = program.data_term(network).residual
    residual = residual - float(np.sum(program.mass * residual)) / program.total
    exclusive, inclusive, kappa = program.correlation(residual)
    if tails is not None:
        first, last = tail_multipliers(program, beta, tails, (exclusive, inclusive, kappa))
        exclusive, inclusive, kappa = exclusive + last, inclusive + last, kappa + first + last
    t = program.position
    margin = _MARGIN * (t[-1] - t[0])
    position = np.concatenate([[t[0] - margin], np.repeat(t, 2), [t[-1] + margin]])
    pairs = np.column_stack([inclusive, exclusive]).ravel()
    height = np.concatenate([pairs[:1], pairs, pairs[-1:]])
    kinks, weight, right = live_neurons(network)
    above = np.clip(np.searchsorted(t, kinks), 1, t.size - 1)
    nearest = np.where(kinks - t[above - 1] < t[above] - kinks, above - 1, above)
    at_point = np.where((weight > 0) == right, inclusive[nearest], exclusive[nearest])
    close = np.abs(t[nearest] - kinks) <= _AT * (t[-1] - t[0])
    own = np.where(close, at_point, np.interp(kinks, position, height))
    if program.rules.even:
        return Correlations(position, {"abs": 2 * height - kappa}, kinks, 2 * own - kappa)
    atoms = {"right": height, "left": height - kappa}
    return Correlations(position, atoms, kinks, np.where(weight > 0, own, own - kappa))


def live_neurons(network: TwoLayerNetwork) -> tuple[FloatArray, FloatArray, NDArray[np.bool_]]:
    """Return kinks, first weights and conventions of the neurons that have a kink and do something."""
    weight = network.W1[:, 0]
    with np.errstate(all="ignore"):
        kinks = network.origin[0] - network.b1 / weight
    live = np.isfinite(kinks) & (network.W2[0] != 0)
    return kinks[live], weight[live], network.right_derivative[live]
