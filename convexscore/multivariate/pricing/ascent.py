"""Pricing by search, in any dimension: ascent from many directions at once, within and across patterns.

For a fixed direction the best bias is found exactly, since the correlation is convex in it between data
points: sort the projections, take cumulative sums.  For a fixed pattern ``|| M'u ||`` is convex in ``u``,
so ``u <- M M'u`` raises it; the pattern follows.  Steps that would lower the correlation are shortened.
What is found is a local maximum: nothing here proves that there is no larger one.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..._support.validation import FloatArray
from ..program import NeuronProgram, Neurons
from .base import Priced, Pricer, spread_out
from .edges import EdgePricer

__all__ = ["AscentPricer"]

# Points nearer to a hyperplane, for their distance from the origin, are on it up to rounding.
_ON = 4e-16
# Dimensions up to which denoising looks at edges too.
_SMOOTH = 4


class AscentPricer(Pricer):
    """Multi-start local search for neurons.

    Parameters
    ----------
    program : NeuronProgram
        A program in any dimension.
    n_starts : int
        Random directions a call; the best directions of the last call start again too.
    n_steps : int
        Steps of ascent.
    rng : Generator or seed, optional
        Source of the directions.
    tied : bool
        Whether output vectors are along the directions: the correlation then is ``| u'M'u |``.
    edges : bool
        Whether hyperplanes through many points are looked at as well, where that helps.
    """

    exact = False

    def __init__(
        self,
        program: NeuronProgram,
        n_starts: int = 100,
        n_steps: int = 40,
        rng: np.random.Generator | int | None = None,
        tied: bool = False,
        edges: bool = True,
    ) -> None:
        self.program, self.n_starts, self.n_steps, self.tied = program, n_starts, n_steps, tied
        self._rng = np.random.default_rng(rng)
        self._known = np.zeros((0, program.rows.shape[1]))
        self._edges = self._edge_pricer() if edges else None

    def _edge_pricer(self) -> EdgePricer | None:
        """Ascent inside patterns misses neurons whose patterns differ on their own hyperplane only.

        They matter for score matching; for denoising, which does not jump there, they help in few dimensions.
        """
        columns = self.program.rows.shape[1]
        if columns < 3 or (columns > _SMOOTH and not self.program.has_trace):
            return None
        return EdgePricer(self.program, self._rng.spawn(1)[0], self.tied)

    def start_at(self, directions: FloatArray) -> None:
        """Let the next search begin at given directions too."""
        self._known = np.concatenate([directions, self._known])

    def price_some(self, residual: FloatArray, threshold: float, most: int = 50) -> Priced:
        """Return the same as `price`, which is quick."""
        return self.price(residual, threshold, most)

    def price(self, residual: FloatArray, threshold: float, most: int = 50) -> Priced:
        """Return neurons above `threshold`; see `Pricer`."""
        priced = self._ascend(residual, threshold, most)
        if self._edges is None:
            return priced
        return priced.joined(self._edges.price(residual, threshold, most), most)

    def _ascend(self, residual: FloatArray, threshold: float, most: int) -> Priced:
        program = self.program
        z = program.root_mass * residual
        u = np.concatenate([self._known, self.random_directions()])
        best = self._best_bias(u, z)
        step = np.ones(len(u))
        for _ in range(self.n_steps):
            target = _units(self._ascended(u, best, z))
            trial = _units(u + step[:, None] * (target - u))
            new = self._best_bias(trial, z)
            better = new.value > best.value
            u = np.where(better[:, None], trial, u)
            best = best.replaced(new, better)
            step = np.where(better, np.minimum(2 * step, 1.0), 0.4 * step)
            if (step < 1e-9).all():
                break
        heights = np.where(best.pivot >= 0, np.einsum("sr,sr->s", u, program.rows[best.pivot]), 0.0)
        places = np.column_stack([u, heights])
        chosen = spread_out(places, best.value, 1e-3, max(most, self.n_starts))
        self._known = u[chosen][: self.n_starts // 2]
        good = chosen[best.value[chosen] > threshold][:most]
        largest = max(float(best.value.max()), threshold)
        neurons = Neurons(
            self._slope(u[good], best.pivot[good], best.counted[good]),
            u[good],
            best.pivot[good],
            np.full((good.size, 1), -1),
        )
        return Priced(largest, neurons, best.value[good])

    def largest(self, directions: FloatArray, z: FloatArray, trace: FloatArray) -> float:
        """Return the largest correlation over given directions and all biases.

        Parameters
        ----------
        directions : ndarray of shape (n_directions, n_columns)
            Unit vectors.
        z : ndarray of shape (n_points, n_features)
            Residual times mass.
        trace : ndarray of shape (n_points,)
            What each point adds to the trace.
        """
        return float(self._best_bias(directions, z, trace).value.max())

    def random_directions(self) -> FloatArray:
        """Return directions: half uniform, half across pairs of data points."""
        rows = self.program.rows
        n, r = rows.shape
        half = self.n_starts // 2
        uniform = self._rng.standard_normal((self.n_starts - half, r))
        pairs = self._rng.integers(n, size=(2, half))
        across = rows[pairs[0]] - rows[pairs[1]] + 1e-3 * self._rng.standard_normal((half, r))
        return _units(np.concatenate([uniform, across]))

    def _best_bias(self, u: FloatArray, z: FloatArray, trace: FloatArray | None = None) -> _Kinks:
        """Return the best hyperplane at right angles to each direction (through the origin without bias)."""
        program = self.program
        trace = program.trace_mass if trace is None else trace
        left, d = program.sigma.left_slope, program.n_features
        p = program.rows @ u.T
        head = u[:, None, :d]
        if not program.bias:
            return self._no_bias(u, z, p, self._ahead(p.T).T, trace)
        order = np.argsort(-p, axis=0)
        heights = np.take_along_axis(p, order, axis=0).T[..., None]
        sorted_z, g = z[order.T], trace[order.T][..., None]
        # Sums over the points ahead of each one in turn.
        sums, moments = np.cumsum(sorted_z, axis=1), np.cumsum(sorted_z * heights, axis=1)
        ahead = moments - heights * sums
        every = moments[:, -1:] - heights * sums[:, -1:]
        counts, total = np.cumsum(g, axis=1), g.sum(axis=1, keepdims=True)
        best: _Kinks | None = None
        for counted in (True, False) if program.has_trace else (True,):
            count = counts if counted else counts - g
            vector = ahead + left * (every - ahead) + (count + left * (total - count)) * head
            value = self._size(vector, head)
            place = value.argmax(axis=1)
            row = np.arange(len(u))
            found = _Kinks(value[row, place], order.T[row, place], np.full(len(u), counted))
            best = found if best is None else best.replaced(found, found.value > best.value)
        assert best is not None
        return best

    def _ahead(self, height: FloatArray) -> NDArray[np.bool_]:
        """Return which points are ahead of hyperplanes through the origin, a row a hyperplane.

        Of those on one, which no shift moves off it, those that a small turn puts there.
        """
        rows = self.program.rows
        turn = rows @ (np.sqrt(np.arange(2.0, 2.0 + rows.shape[1])) % 1.0 + 0.1)
        on = np.abs(height) <= _ON * np.linalg.norm(rows, axis=1)
        return np.asarray(np.where(on, turn, height) > 0)

    def _no_bias(
        self, u: FloatArray, z: FloatArray, p: FloatArray, active: NDArray[np.bool_], trace: FloatArray
    ) -> _Kinks:
        program = self.program
        left, d = program.sigma.left_slope, program.n_features
        slope = np.where(active, 1.0, left)
        vector = (slope * p).T @ z
        at_origin = trace * ~program.rows.any(axis=1)
        count = slope.T @ (trace - at_origin)
        low, high = count + left * at_origin.sum(), count + at_origin.sum()
        head = u[:, :d]
        values = [self._size(vector + c[:, None] * head, head) for c in (high, low)]
        return _Kinks(np.maximum(*values), np.full(len(u), -1), values[0] >= values[1])

    def _size(self, vector: FloatArray, head: FloatArray) -> FloatArray:
        """Return the correlations of vectors ``M'u`` with output vectors of length one at their best."""
        size: FloatArray = np.linalg.norm(vector, axis=-1)
        return np.abs(np.sum(vector * head, axis=-1)) if self.tied else size

    def _slope(self, u: FloatArray, pivot: NDArray[np.intp], counted: NDArray[np.bool_]) -> NDArray[np.int8]:
        rows = self.program.rows
        height = u @ rows.T
        height -= np.where(pivot >= 0, height[np.arange(len(u)), pivot], 0.0)[:, None]
        active = height > 0
        row = np.flatnonzero(pivot >= 0)
        active[row, pivot[row]] = counted[row]
        if not self.program.bias:
            active = self._ahead(height)
            active[:, ~rows.any(axis=1)] = counted[:, None]
        return np.where(active, np.int8(1), np.int8(self.program.sigma.left_slope))

    def _ascended(self, u: FloatArray, best: _Kinks, z: FloatArray) -> FloatArray:
        """Return ``M M'u`` for each direction with the pattern of its hyperplane.

        With tied outputs the gradient of ``| u'M'u |`` takes its place.
        """
        program = self.program
        d, rows = program.n_features, program.rows
        slope = self._slope(u, best.pivot, best.counted).astype(float)
        origin = np.where(best.pivot[:, None] >= 0, rows[best.pivot], 0.0)
        count = slope @ program.trace_mass
        height = slope * (u @ rows.T - np.einsum("sr,sr->s", origin, u)[:, None])
        vector = height @ z + count[:, None] * u[:, :d]
        output = u * np.sign(np.sum(vector * u, axis=1))[:, None] if self.tied else vector
        pull = slope * (output @ z.T)
        up = pull @ rows - pull.sum(axis=1)[:, None] * origin
        up[:, :d] += count[:, None] * output
        return up + np.sign(np.sum(vector * u, axis=1))[:, None] * vector if self.tied else up


class _Kinks:
    """The best hyperplane of each direction: its value, its pivot, whether that counts as active."""

    def __init__(self, value: FloatArray, pivot: NDArray[np.intp], counted: NDArray[np.bool_]) -> None:
        self.value, self.pivot, self.counted = value, pivot, counted

    def replaced(self, other: _Kinks, where: NDArray[np.bool_]) -> _Kinks:
        return _Kinks(
            np.where(where, other.value, self.value),
            np.where(where, other.pivot, self.pivot),
            np.where(where, other.counted, self.counted),
        )


def _units(vectors: FloatArray) -> FloatArray:
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    units: FloatArray = vectors / np.where(length > 0, length, 1.0)
    return units
