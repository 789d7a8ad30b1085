"""What all pricing shares: its protocol and its result."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ..._support.validation import FloatArray
from ..program import Neurons

__all__ = ["Priced", "Pricer", "Reach", "spread_out"]

# How far below the level of interest correlations are looked at.
_BELOW = 1e-3


@dataclass(frozen=True, eq=False)
class Priced:
    """Neurons whose correlation with a residual is large.

    Parameters
    ----------
    largest : float
        The largest correlation ``|| M'u ||`` found; of all neurons if the pricer is exact, but for
        those below the threshold asked for.
    neurons : Neurons
        Some of the neurons above the threshold, the best first.
    values : ndarray of shape (n_neurons,)
        Their correlations.
    """

    largest: float
    neurons: Neurons
    values: FloatArray

    def joined(self, other: Priced, most: int) -> Priced:
        """Return the best of both."""
        values = np.concatenate([self.values, other.values])
        order = np.argsort(-values, kind="stable")[:most]
        neurons = (self.neurons + other.neurons)[order]
        return Priced(max(self.largest, other.largest), neurons, values[order])


@dataclass(frozen=True)
class Reach:
    """What is known of the largest correlation.

    Parameters
    ----------
    seen : float
        A neuron has this one, up to rounding and to what is far below the level asked for.
    bound : float
        None has a larger one; infinite where nothing is proven.
    ended : bool
        Whether `bound` is one that says how far the level is exceeded, rather than what a search that was cut
        short has shown.
    """

    seen: float
    bound: float
    ended: bool


class Pricer(Protocol):
    """Finds neurons that correlate with a residual."""

    @property
    def exact(self) -> bool:
        """Whether nothing above the threshold is missed."""

    def price(self, residual: FloatArray, threshold: float, most: int = 50) -> Priced:
        """Return neurons with a correlation above `threshold`, at most `most`.

        Parameters
        ----------
        residual : ndarray of shape (n_points, n_features)
            ``root_mass (S - L)``, with the conditions of the free part met.
        threshold : float
            Correlations below may be missed.
        most : int
            Number of neurons to return, at most.
        """

    def price_some(self, residual: FloatArray, threshold: float, most: int = 50) -> Priced:
        """Do the same with less effort, if that is possible: more may be missed."""

    def reach(self, residual: FloatArray, level: float) -> Reach:
        """Return the largest correlation, where it is near `level` or above."""
        largest = self.price(residual, level * (1 - _BELOW), most=1).largest
        return Reach(largest, largest if self.exact else np.inf, self.exact)


def spread_out(places: FloatArray, values: FloatArray, radius: float, most: int) -> NDArray[np.intp]:
    """Return indices of large values at places at least `radius` apart, the largest first.

    Parameters
    ----------
    places : ndarray of shape (n, n_coordinates)
        Where the values are.
    values : ndarray of shape (n,)
        The values.
    radius : float
        Distance within which a larger value stands for a smaller one.
    most : int
        Number of indices, at most.
    """
    order = np.argsort(-values)[: 200 * most]
    chosen: list[int] = []
    free = np.ones(order.size, dtype=bool)
    while len(chosen) < most and free.any():
        first = int(np.argmax(free))
        chosen.append(int(order[first]))
        free &= np.abs(places[order] - places[order[first]]).max(axis=1) > radius
    return np.array(chosen, dtype=np.intp)
