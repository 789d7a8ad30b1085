"""Exact pricing of gated networks: the spectral norm of ``M = X'D Z + [SM] tr(D) I`` for every pattern."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..._support.validation import FloatArray
from ..program import NeuronProgram, Neurons
from .base import Priced, Pricer

__all__ = ["GatePricer"]

# Patterns times points converted to floats at once.
_BLOCK = 4_000_000


class GatePricer(Pricer):
    """Exact pricing of gated networks over given patterns.

    Parameters
    ----------
    program : NeuronProgram
        A gated program.
    slope : int8 ndarray of shape (n_patterns, n_points)
        The patterns, as derivatives of the activation.
    """

    exact = True

    def __init__(self, program: NeuronProgram, slope: NDArray[np.int8]) -> None:
        self.program, self.slope = program, slope
        self._floats = slope.astype(np.float64) if slope.size <= 2 * _BLOCK else None
        self._counts = self._times(program.trace_mass[:, None])[:, 0]

    def price_some(self, residual: FloatArray, threshold: float, most: int = 50) -> Priced:
        """Return the same as `price`, which is quick."""
        return self.price(residual, threshold, most)

    def price(self, residual: FloatArray, threshold: float, most: int = 50) -> Priced:
        """Return neurons above `threshold`, one or more a pattern; see `Pricer`."""
        M = self.matrices(residual)
        size, directions = _singular(M)
        largest = float(size[:, 0].max())
        best = np.argsort(-size[:, 0])[:most]
        pattern = np.repeat(best, size.shape[1])
        sizes, vectors = size[best].ravel(), directions[best].reshape(-1, M.shape[1])
        kept = sizes > threshold
        pattern = pattern[kept]
        nobody = np.full(pattern.size, -1)
        neurons = Neurons(self.slope[pattern], vectors[kept], nobody, nobody[:, None][:, :0])
        return Priced(max(largest, threshold), neurons, sizes[kept])

    def spectral_norms(self, residual: FloatArray) -> FloatArray:
        """Return ``|| M ||`` of every pattern, shape ``(n_patterns,)``."""
        return _singular_values(self.matrices(residual))[:, 0]

    def matrices(self, residual: FloatArray) -> FloatArray:
        """Return ``M`` of every pattern, shape ``(n_patterns, n_columns, n_features)``."""
        program = self.program
        n, r = program.rows.shape
        d = program.n_features
        products = program.rows[:, :, None] * (program.root_mass * residual)[:, None, :]
        M = self._times(products.reshape(n, r * d)).reshape(-1, r, d)
        diagonal = np.arange(d)
        M[:, diagonal, diagonal] += self._counts[:, None]
        return M

    def _times(self, columns: FloatArray) -> FloatArray:
        """Return ``slope @ columns``."""
        if self._floats is not None:
            return self._floats @ columns
        size = max(1, _BLOCK // self.slope.shape[1])
        parts = range(0, len(self.slope), size)
        return np.concatenate([self.slope[start : start + size].astype(float) @ columns for start in parts])


def _singular_values(M: FloatArray) -> FloatArray:
    """Return the singular values of many small matrices, largest first."""
    square = np.swapaxes(M, 1, 2) @ M
    if square.shape[1] == 2:
        half, cross = 0.5 * (square[:, 0, 0] - square[:, 1, 1]), square[:, 0, 1]
        mean, radius = 0.5 * (square[:, 0, 0] + square[:, 1, 1]), np.hypot(half, cross)
        values = np.stack([mean + radius, mean - radius], axis=1)
    else:
        values = np.asarray(np.linalg.eigvalsh(square)[:, ::-1], dtype=np.float64)
    sizes: FloatArray = np.sqrt(np.maximum(values, 0.0))
    return sizes


def _singular(M: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return singular values, largest first, and left singular vectors of many small matrices."""
    square = np.swapaxes(M, 1, 2) @ M
    d = square.shape[1]
    if d == 2:
        # In closed form: the eigenvectors of a symmetric 2 x 2 matrix by its angle.
        half, cross = 0.5 * (square[:, 0, 0] - square[:, 1, 1]), square[:, 0, 1]
        mean, radius = 0.5 * (square[:, 0, 0] + square[:, 1, 1]), np.hypot(half, cross)
        at = 0.5 * np.arctan2(cross, half)
        right = np.stack([np.stack([np.cos(at), np.sin(at)]), np.stack([-np.sin(at), np.cos(at)])])
        right = np.moveaxis(right, -1, 0)
        size = np.sqrt(np.maximum(np.stack([mean + radius, mean - radius], axis=1), 0.0))
    else:
        values, vectors = np.linalg.eigh(square)
        size = np.sqrt(np.maximum(values[:, ::-1], 0.0))
        right = np.swapaxes(vectors, 1, 2)[:, ::-1]
    left = np.einsum("pij,pkj->pki", M, right)
    length = np.linalg.norm(left, axis=2, keepdims=True)
    return size, left / np.where(length > 0, length, 1.0)
