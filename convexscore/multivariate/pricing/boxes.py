"""Pricing with a proof by boxes: search for neurons, then branch and bound on boxes.

What a search misses the boxes find, and where they find nothing, nothing is missed.  In three dimensions they
are quick enough to lead the search; in more they have the last word only.  Their number is limited, so that
the result does not depend on the machine; a proof that does not end is a bound on all correlations.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ..._support.progress import box_bar
from ..._support.validation import FloatArray
from ..program import NeuronProgram, Neurons
from .ascent import AscentPricer
from .base import Priced, Pricer, Reach, spread_out
from .box_search import BoxSearch, search_boxes
from .climb import climbed
from .kinks import Kinks

__all__ = ["BoxPricer", "Proof"]

# Columns up to which boxes lead the search, and the random directions and steps that help them.
_LEADING, _STARTS, _STEPS = 3, 4, 12
# Excess over the threshold from which on neurons that a quick search finds are enough.
_ENOUGH = 1e-3
# Proofs kept: each speaks of residuals nearby too, and of those that differ by this share as of its own.
_PROOFS, _SAME = 12, 1e-9
# Where correlations are above the threshold, the largest excess is known up to this factor.
_PATIENCE = 1.5
# Places that are made neurons after each level, and how far they are from those of the levels before.
_PLACES, _CLIMBED = 40, 0.02


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
    history : tuple of (float, int)
        Bounds that were proven on the way, with the numbers of boxes.
    """

    residual: FloatArray
    bound: float
    seen: float
    ended: bool
    history: tuple[tuple[float, int], ...] = ()


class BoxPricer(Pricer):
    """Search for neurons that is followed by a proof.

    Parameters
    ----------
    program : NeuronProgram
        A program of networks that are not gated, whose rows have two or more columns.
    max_boxes : int
        Number of boxes in all calls together; `left` is how many there still are.
    n_starts : int
        Random directions of a search in four and more dimensions.
    rng : Generator or seed, optional
        Source of the directions.
    tied : bool
        Whether output vectors are along the directions.
    reserve : float
        Share of the boxes that `price` leaves to later calls of `reach`.
    n_jobs : int, optional
        Workers of joblib that cut boxes.
    progress : bool
        Whether to draw bars of the boxes cut, with the bounds so far.
    """

    exact = False

    def __init__(
        self,
        program: NeuronProgram,
        max_boxes: int,
        n_starts: int = 100,
        rng: np.random.Generator | int | None = 0,
        tied: bool = False,
        reserve: float = 0.0,
        n_jobs: int | None = None,
        progress: bool = False,
    ) -> None:
        self.program, self.tied = program, tied
        self._n_jobs, self._progress = n_jobs, progress
        self._reserved = int(reserve * max_boxes)
        self.left = max_boxes - self._reserved
        self.proofs: list[Proof] = []
        self._kinks = Kinks(program, tied)
        self._leads = program.rows.shape[1] <= _LEADING
        self.search = AscentPricer(program, n_starts, rng=rng, tied=tied)
        self._light = AscentPricer(program, _STARTS, _STEPS, rng=rng, tied=tied, edges=False)

    @property
    def _quick(self) -> AscentPricer:
        """The search that goes with boxes: a light one where they lead."""
        return self._light if self._leads and self.left > 0 else self.search

    def release(self) -> None:
        """Make the boxes that were held back available."""
        self.left, self._reserved = self.left + self._reserved, 0

    def price_some(self, residual: FloatArray, threshold: float, most: int = 50) -> Priced:
        """Return neurons that a search finds."""
        return self._quick.price(residual, threshold, most)

    def price(self, residual: FloatArray, threshold: float, most: int = 50) -> Priced:
        """Return neurons above `threshold`; see `Pricer`; `proofs` then shows that none are missed."""
        quick = self._quick.price(residual, threshold, most)
        enough = threshold * (1 + _ENOUGH) if self._leads else threshold
        if self.left <= 0 or (len(quick.neurons) and quick.largest > enough):
            return quick
        known = np.zeros((0, residual.shape[1] + self.program.bias))
        best = quick

        def found_some(places: FloatArray, values: FloatArray) -> bool:
            nonlocal known, best
            away = np.abs(places[:, None, :] - known[None, :, :]).max(axis=2).min(axis=1, initial=np.inf)
            places = places[(away > _CLIMBED) | (values > threshold)][:_PLACES]
            known = np.concatenate([known, places])
            found = self._priced(places, residual, threshold, most)
            best = best.joined(found, most)
            return len(found.neurons) > 0

        # In few dimensions levels cost less than ascent from them, which for denoising seldom is needed.
        between = self.program.has_trace or not self._leads
        found = self._proven(residual, threshold, found_some if between else None)
        if not found.complete:
            found_some(found.places, found.values)
        return best

    def reach(self, residual: FloatArray, level: float) -> Reach:
        """Return the largest correlation, bounded from both sides; see `Pricer`."""
        proof = self._known(residual, level)
        if proof is None and self.left > 0:
            self._proven(residual, level)
            proof = self.proofs[-1]
        if proof is not None and proof.ended:
            return Reach(proof.seen, proof.bound, True)
        seen = self.search.price(residual, level * (1 - 1e-3), most=1).largest
        bound = min((self._moved(one, residual).bound for one in self.proofs), default=np.inf)
        return Reach(min(seen, bound), bound, False)

    def _known(self, residual: FloatArray, level: float) -> Proof | None:
        """Return a proof that says enough of a residual, as that of one nearby."""
        for proof in reversed(self.proofs):
            moved = self._moved(proof, residual)
            if moved.bound <= level or moved.bound - proof.bound <= _SAME * level:
                return moved
        return None

    def _moved(self, proof: Proof, residual: FloatArray) -> Proof:
        """Return what a proof says of another residual."""
        away = self._kinks.distance(residual, proof.residual)
        return replace(proof, residual=residual, bound=proof.bound + away, seen=max(proof.seen - away, 0.0))

    def _proven(
        self,
        residual: FloatArray,
        threshold: float,
        is_enough: Callable[[FloatArray, FloatArray], bool] | None = None,
    ) -> BoxSearch:
        terms = self._kinks.sum_of(residual)
        with box_bar(self._progress, self.left, threshold) as report:
            found = search_boxes(
                terms, threshold, self.left, _PATIENCE, is_enough, n_jobs=self._n_jobs, report=report
            )
        self.left -= found.boxes
        self.proofs = [*self.proofs[1 - _PROOFS :], self._proof(residual, found, threshold)]
        return found

    @staticmethod
    def _proof(residual: FloatArray, found: BoxSearch, threshold: float) -> Proof:
        ended = found.bound <= threshold + _PATIENCE * max(found.seen - threshold, 0.0)
        return Proof(residual, found.bound, found.seen, ended, found.history)

    def _priced(self, places: FloatArray, residual: FloatArray, threshold: float, most: int) -> Priced:
        """Return the neurons above `threshold` near some places, and those that a search from there finds."""
        neurons = self._through_points(places, residual)
        if self.program.has_trace:
            neurons = climbed(self.program, neurons, residual, self.tied)
        sizes = self.sizes(neurons, residual)
        above = np.flatnonzero(sizes > threshold)
        spots = np.column_stack([neurons.direction, neurons.pivot])
        above = above[spread_out(spots[above], sizes[above], 1e-9, most)]
        here = Priced(float(sizes[above].max(initial=threshold)), neurons[above], sizes[above])
        self._quick.start_at(neurons.direction)
        if self.program.has_trace:
            return here
        return here.joined(self._quick.price(residual, threshold, most), most)

    def sizes(self, neurons: Neurons, residual: FloatArray) -> FloatArray:
        """Return the correlations of neurons with a residual."""
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
        sizes = [self.sizes(neurons, residual) for neurons in both]
        second: NDArray[np.bool_] = known[1] & (~known[0] | (sizes[1] > sizes[0]))
        return (both[0] + both[1])[np.arange(len(u)) + len(u) * second]
