"""Pricing in three and more dimensions with a proof: search for neurons, then branch and bound on boxes.

What a search misses the boxes find, and where they find nothing, nothing is missed.  In three dimensions they
are quick enough to lead the search; in more they have the last word only.  Their number is limited, so that
the result does not depend on the machine; a proof that does not end is a bound on all correlations.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..._support.validation import FloatArray
from ..program import NeuronProgram, Neurons
from .ascent import AscentPricer
from .base import Priced, Pricer, Reach, spread_out
from .box_search import BoxSearch, search_boxes
from .kinks import Kinks, KinkSum

__all__ = ["BoxPricer", "Proof"]

# Columns up to which boxes lead the search, and the random directions and steps that help them.
_LEADING, _STARTS, _STEPS = 3, 4, 12
# Excess over the threshold from which on neurons that a quick search finds are enough.
_ENOUGH = 1e-3
# Proofs kept: each speaks of residuals nearby too.
_PROOFS = 12
# How near to the largest correlation it must be for a certificate.
_PATIENCE = 1.5
# Distance between places that are made neurons, and their number.
_APART, _PLACES = 0.02, 40


@dataclass(frozen=True, eq=False)
class Proof:
    """A residual and a bound on its correlations.

    Parameters
    ----------
    residual : ndarray of shape (n_points, n_features)
        ``root_mass (S - L)``.
    bound : float
        No neuron's correlation is larger.
    seen : float
        One is this large.
    ended : bool
        Whether more boxes would not have changed the bound.
    """

    residual: FloatArray
    bound: float
    seen: float
    ended: bool


class BoxPricer(Pricer):
    """Search for neurons that is followed by a proof.

    Parameters
    ----------
    program : NeuronProgram
        A program of networks that are not gated, whose rows have two or more columns.
    max_boxes : int
        Number of boxes in all calls together.
    n_starts : int
        Random directions of a search in four and more dimensions.
    rng : Generator or seed, optional
        Source of the directions.
    tied : bool
        Whether output vectors are along the directions.
    """

    exact = False

    def __init__(
        self,
        program: NeuronProgram,
        max_boxes: int,
        n_starts: int = 100,
        rng: np.random.Generator | int | None = 0,
        tied: bool = False,
    ) -> None:
        self.program, self.max_boxes, self.tied = program, max_boxes, tied
        self.boxes = 0
        self.proofs: list[Proof] = []
        self._kinks = Kinks(program, tied)
        self._leads = program.rows.shape[1] <= _LEADING
        if self._leads:
            self._search = AscentPricer(program, _STARTS, _STEPS, rng=rng, tied=tied, edges=False)
        else:
            self._search = AscentPricer(program, n_starts, rng=rng, tied=tied)

    @property
    def spent(self) -> bool:
        """Whether no boxes are left."""
        return self.boxes >= self.max_boxes

    def price_some(self, residual: FloatArray, threshold: float, most: int = 50) -> Priced:
        """Return neurons that a search finds."""
        return self._search.price(residual, threshold, most)

    def price(self, residual: FloatArray, threshold: float, most: int = 50) -> Priced:
        """Return neurons above `threshold`; see `Pricer`; `proofs` then shows that none are missed."""
        quick = self._search.price(residual, threshold, most)
        enough = threshold * (1 + _ENOUGH) if self._leads else threshold
        if self.spent or (len(quick.neurons) and quick.largest > enough):
            return quick
        terms = self._kinks.sum_of(residual)
        found = self._proven(terms, residual, threshold, 2.0 if self._leads else 0.0)
        if found.values.size == 0:
            return quick
        return quick.joined(self._priced(terms, found, residual, threshold, most), most)

    def reach(self, residual: FloatArray, level: float) -> Reach:
        """Return the largest correlation, bounded from both sides; see `Pricer`."""
        near = [self._moved(proof, residual) for proof in self.proofs if proof.ended]
        proof = min(near, key=lambda one: one.bound, default=None)
        if (proof is None or proof.bound > level) and not self.spent:
            terms = self._kinks.sum_of(residual)
            self._proven(terms, residual, level, _PATIENCE)
            proof = self.proofs[-1]
        if proof is not None and proof.ended:
            return Reach(min(proof.seen, proof.bound), proof.bound, True)
        seen = self._search.price(residual, level * (1 - 1e-3), most=1).largest
        bound = min((self._moved(one, residual).bound for one in self.proofs), default=np.inf)
        return Reach(min(seen, bound), bound, False)

    def _moved(self, proof: Proof, residual: FloatArray) -> Proof:
        """Return what a proof says of another residual."""
        away = self._kinks.distance(residual, proof.residual)
        return Proof(residual, proof.bound + away, max(proof.seen - away, 0.0), proof.ended)

    def _proven(self, terms: KinkSum, residual: FloatArray, threshold: float, patience: float) -> BoxSearch:
        left = self.max_boxes - self.boxes
        found = search_boxes(terms, threshold, left, patience)
        self.boxes += found.boxes
        enough = threshold + patience * max(found.seen - threshold, 0.0)
        ended = found.complete or (patience > 0 and found.bound <= enough)
        self.proofs = [*self.proofs[1 - _PROOFS :], Proof(residual, found.bound, found.seen, ended)]
        return found

    def _priced(
        self, terms: KinkSum, found: BoxSearch, residual: FloatArray, threshold: float, most: int
    ) -> Priced:
        """Make neurons of the places that boxes found, and of what ascent from there finds."""
        d = terms.n_features
        places = found.places / np.linalg.norm(found.places[:, :d], axis=1, keepdims=True)
        chosen = spread_out(places, found.values, _APART, _PLACES)
        places = places[chosen]
        self._search.start_at(places[:, :d])
        neurons = self._through_points(places, residual)
        sizes = self._sizes(neurons, residual)
        above = np.flatnonzero(sizes > threshold)
        above = above[np.argsort(-sizes[above], kind="stable")][:most]
        here = Priced(float(sizes.max(initial=threshold)), neurons[above], sizes[above])
        return here.joined(self._search.price(residual, threshold, most), most)

    def _sizes(self, neurons: Neurons, residual: FloatArray) -> FloatArray:
        correlations = self.program.correlations(neurons, residual)
        if self.tied:
            return np.abs(np.sum(correlations * neurons.direction, axis=1))
        sizes: FloatArray = np.linalg.norm(correlations, axis=1)
        return sizes

    def _through_points(self, places: FloatArray, residual: FloatArray) -> Neurons:
        """Return neurons with the patterns of hyperplanes, shifted to the nearest point on the better side.

        Up to there their correlation is convex in the bias.
        """
        program = self.program
        rows, left = program.rows, int(program.sigma.left_slope)
        d = program.n_features
        u = places[:, :d]
        height = u @ rows.T + (places[:, d:] if program.bias else 0.0)
        active = height > 0
        slope = np.where(active, 1, left).astype(np.int8)
        nobody = np.full((len(u), 1), -1)
        both, known = [], []
        if program.bias:
            ahead, behind = np.where(active, height, np.inf), np.where(active, -np.inf, height)
            nearest = (ahead.argmin(axis=1), behind.argmax(axis=1))
            both = [Neurons(slope, u, pivot, nobody) for pivot in nearest]
            known = [active.any(axis=1), ~active.all(axis=1)]
        else:
            at_origin = ~rows.any(axis=1)
            for counted in (1, left):
                counting = slope.copy()
                counting[:, at_origin] = counted
                both.append(Neurons(counting, u, nobody[:, 0], nobody))
                known.append(np.full(len(u), True))
        sizes = [self._sizes(neurons, residual) for neurons in both]
        second: NDArray[np.bool_] = known[1] & (~known[0] | (sizes[1] > sizes[0]))
        return (both[0] + both[1])[np.arange(len(u)) + len(u) * second]
