"""Residual layers ``u <- u + W1 relu(W2 u)`` on states ``u = (m, h, 1)``, many points at once.

The field is ``h = lam z / s^2``, with ``lam = e^-t`` and ``s^2 = 1 - e^-2t``; ``m`` starts at zero.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from ..._support.validation import FloatArray, as_data, as_real
from .interpolation import coefficients

__all__ = ["as_noisy", "as_time", "explicit_layer", "loss_and_gradients", "run_layers", "start_of"]

# Fields beyond this have products that are no floats.
_LARGEST = 1e100
# Times from which the data are lost, or the noise is, to rounding.
_LEAST_TIME, _MOST_TIME = 1e-12, 300.0


def explicit_layer(couplings: FloatArray, knots: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return ``W1`` and ``W2`` of the layer ``m <- f(G m + h)``.

    Hidden neurons are, in turn: ``G m + h - b_j`` for each knot, ``m`` and ``-m``, which delete the old
    ``m``, and 1, which adds the offset of ``f``.
    """
    d, n = len(couplings), len(knots)
    eye, zeros = np.eye(d), np.zeros((d, d))
    inner = [np.hstack([couplings, eye, np.full((d, 1), -b)]) for b in knots]
    inner += [np.hstack([sign * eye, zeros, np.zeros((d, 1))]) for sign in (1.0, -1.0)]
    inner.append(np.append(np.zeros(2 * d), 1.0)[None])
    outer = np.zeros((2 * d + 1, d * n + 2 * d + 1))
    outer[:d] = np.hstack(
        [*(c * eye for c in coefficients(knots)), -eye, eye, np.full((d, 1), np.tanh(knots[0]))]
    )
    return outer, np.vstack(inner)


def as_time(t: float) -> float:
    """Return a time at which there are both data and noise."""
    return as_real("t", t, minimum=_LEAST_TIME, maximum=_MOST_TIME)


def as_noisy(name: str, values: ArrayLike, d: int) -> FloatArray:
    """Return rows of `d` numbers."""
    points = as_data(name, values)
    if points.shape[1] != d:
        raise ValueError(f"{name}: expected shape (n, {d}), got {points.shape}")
    return points


def start_of(z: FloatArray, t: float) -> FloatArray:
    """Return the states ``(0, h, 1)`` of noisy points."""
    fields = math.exp(-t) / -math.expm1(-2 * t) * z
    if np.abs(fields).max() > _LARGEST:
        raise ValueError(
            f"z: expected fields e^-t z / (1 - e^-2t) up to {_LARGEST:g}, got one of {np.abs(fields).max():g}"
        )
    return np.hstack([np.zeros_like(z), fields, np.ones((len(z), 1))])


def run_layers(outer: FloatArray, inner: FloatArray, states: FloatArray) -> FloatArray:
    """Return the states after all layers, of shapes ``(n_layers, ., .)``."""
    for W1, W2 in zip(outer, inner, strict=True):
        states = states + np.maximum(states @ W2.T, 0.0) @ W1.T
    return states


def loss_and_gradients(
    outer: FloatArray, inner: FloatArray, states: FloatArray, x: FloatArray
) -> tuple[float, FloatArray, FloatArray]:
    """Return ``mean |m_L - x|^2`` and its gradients, by backpropagation."""
    n, d = x.shape
    before = []
    for W1, W2 in zip(outer, inner, strict=True):
        hidden = states @ W2.T
        before.append((states, hidden))
        states = states + np.maximum(hidden, 0.0) @ W1.T
    residual = states[:, :d] - x
    back = np.zeros_like(states)
    back[:, :d] = 2.0 / n * residual
    by_outer, by_inner = np.empty_like(outer), np.empty_like(inner)
    for k in reversed(range(len(outer))):
        states, hidden = before[k]
        by_outer[k] = back.T @ np.maximum(hidden, 0.0)
        through = (back @ outer[k]) * (hidden > 0)
        by_inner[k] = through.T @ states
        back = back + through @ inner[k]
    return float(np.vdot(residual, residual)) / n, by_outer, by_inner
