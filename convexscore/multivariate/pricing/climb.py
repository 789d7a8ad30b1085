"""From a neuron to the best one near it: up inside its pattern, then to the patterns that meet there.

Inside a pattern the correlation is a convex function of the direction, so that the direction of the cone that
agrees most with its gradient raises it.  It ends inside, or with points on the hyperplane.  Score matching
may count those with either slope; the correlation is convex in their number, so all or none are tried.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..._support.validation import FloatArray
from ..program import NeuronProgram, Neurons

__all__ = ["climbed"]

# Steps inside a pattern, and patterns, at most.
_STEPS, _PATTERNS = 60, 6
# Points this near to a hyperplane, for data of size one, are on it.
_ON = 1e-11


def climbed(program: NeuronProgram, neurons: Neurons, residual: FloatArray, tied: bool = False) -> Neurons:
    """Return neurons whose correlations are not smaller, nearly the largest of their cells.

    Parameters
    ----------
    program : NeuronProgram
        The program.
    neurons : Neurons
        Where to start.
    residual : ndarray of shape (n_points, n_features)
        ``root_mass (S - L)``.
    tied : bool
        Whether output vectors are along the directions.
    """
    z = program.root_mass * residual
    places = [_Place(program, neurons, k, z, tied) for k in range(len(neurons))]
    width = program.rows.shape[1]
    held = np.full((len(neurons), width), -1)
    for k, place in enumerate(places):
        place.climb()
        on = place.on_plane()
        others = on[on != place.pivot][:width]
        held[k, : others.size] = others
    slope = np.array([place.slope for place in places], dtype=np.int8).reshape(neurons.slope.shape)
    direction = np.array([place.u for place in places]).reshape(neurons.direction.shape)
    return Neurons(slope, direction, neurons.pivot, held)


class _Place:
    """One neuron on its way."""

    def __init__(self, program: NeuronProgram, neurons: Neurons, k: int, z: FloatArray, tied: bool) -> None:
        self.program, self.z, self.tied = program, z, tied
        self.u, self.slope = neurons.direction[k].copy(), neurons.slope[k].copy()
        self.pivot = int(neurons.pivot[k])
        origin = program.rows[self.pivot] if self.pivot >= 0 else 0.0
        self.points = program.rows - origin
        self.beside = self.points.any(axis=1)

    def climb(self) -> None:
        """Go up until nothing near is higher."""
        value = self._up()
        if not self.program.has_trace:
            return
        for _ in range(_PATTERNS):
            kept = self.u, self.slope
            on = self.on_plane()
            choices = []
            for slope in (1, int(self.program.sigma.left_slope)):
                counting = kept[1].copy()
                counting[on] = slope
                choices.append((self._value(counting), counting))
            best, counting = max(choices, key=lambda choice: choice[0])
            if best <= value * (1 + 1e-12) or not self._is_met(counting, on):
                return
            self.slope = counting
            value = self._up()

    def on_plane(self) -> NDArray[np.intp]:
        """Return the points on the hyperplane."""
        near = np.abs(self.points @ self.u) <= _ON
        return np.flatnonzero(near & (self.beside | (np.arange(near.size) == self.pivot)))

    def _is_met(self, slope: NDArray[np.int8], on: NDArray[np.intp]) -> bool:
        """Whether some hyperplane near has points on these sides: any one, where it can be shifted."""
        if self.program.bias:
            return True
        normal = np.linalg.lstsq(self.points[on], np.where(slope[on] == 1, 1.0, -1.0), rcond=1e-10)[0]
        return bool((np.where(slope[on] == 1, 1.0, -1.0) * (self.points[on] @ normal) > 0.5).all())

    def _form(self, slope: NDArray[np.int8]) -> FloatArray:
        """Return the symmetric matrix of the squared correlation, tied: of the correlation, made convex."""
        count = float(slope @ self.program.trace_mass)
        M = (self.points * slope[:, None]).T @ self.z + count * np.eye(len(self.u))
        if not self.tied:
            return np.asarray(M @ M.T)
        form = 0.5 * (M + M.T)
        form = form * (1.0 if self.u @ form @ self.u >= 0 else -1.0)
        return np.asarray(form + max(0.0, -float(np.linalg.eigvalsh(form)[0])) * np.eye(len(form)))

    def _value(self, slope: NDArray[np.int8]) -> float:
        pull = (self.points @ self.u * slope) @ self.z + (slope @ self.program.trace_mass) * self.u
        return float(abs(pull @ self.u) if self.tied else np.linalg.norm(pull))

    def _up(self) -> float:
        """Turn to the best direction of the pattern's cone that steps of ascent reach; return its value."""
        form, side = self._form(self.slope), np.where(self.slope == 1, 1.0, -1.0)
        walls = (side[:, None] * self.points)[self.beside]
        height = float(self.u @ form @ self.u)
        for _ in range(_STEPS):
            new = _nearest_in_cone(form @ self.u, walls)
            length = np.linalg.norm(new)
            if length == 0:
                break
            new /= length
            higher = float(new @ form @ new)
            if higher <= height * (1 + 1e-15):
                break
            self.u, height = new, higher
        return self._value(self.slope)


def _nearest_in_cone(target: FloatArray, walls: FloatArray) -> FloatArray:
    """Return the point of the cone ``walls @ u >= 0`` that is nearest to `target`."""
    from scipy.optimize import nnls

    size = float(np.linalg.norm(target))
    if size == 0 or (walls @ target >= 0).all():
        return target
    scaled = target / size
    # The walls that push, found one after another among those on the wrong side.
    near = np.flatnonzero(walls @ scaled < 0)
    for _ in range(20):
        push = nnls(walls[near].T, -scaled, maxiter=100 * len(near))[0]
        found = scaled + walls[near].T @ push
        missed = np.flatnonzero(walls @ found < -1e-13)
        fresh = np.setdiff1d(missed, near)
        if fresh.size == 0:
            break
        near = np.concatenate([near, fresh])
    return np.asarray(size * found)
