"""Gated networks: two-layer networks whose gates are fixed and whose weights are free.

    s(x) = sum_k  w2_k  gate_k(x) (w1_k'x + b1_k)  +  V x + b2,      gate_k(x) = 1[g_k'x + h_k >= 0]

(``+-1`` instead of ``1 / 0`` for abs).  A ReLU network is the gated network with gates ``(w1, b1)``; here the
gates are directions inside chosen activation patterns, so that training is convex with every width.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import ArrayLike

from .._support.frozen import Frozen
from .._support.shorthands import Shown, paragraph
from .._support.validation import FloatArray, as_float_array, as_numbers, as_real
from ..activations import Activation, activation_name, get_activation
from ..objectives import as_objective
from .conservative import ConservativeNetwork
from .files import load_model, save_model
from .two_layer import TwoLayerNetwork

if TYPE_CHECKING:
    import torch

    from ..objectives import Objective

__all__ = ["GatedNetwork", "ScoreNetwork"]

_ARRAYS = ("W1", "b1", "W2", "b2", "V", "gates", "gate_offsets")


@dataclass(frozen=True, eq=False, repr=False)
class GatedNetwork(Frozen, Shown):
    """A gated ReLU or abs network.

    Parameters
    ----------
    W1 : array of shape (n_neurons, n_features)
        First-layer weights.
    b1 : array of shape (n_neurons,)
        First-layer biases, penalized with the weights.
    W2 : array of shape (n_features, n_neurons)
        Second-layer weights.
    b2 : array of shape (n_features,)
        Second-layer bias.
    V : array of shape (n_features, n_features)
        Skip connection, zeros for none.
    gates : array of shape (n_neurons, n_features)
        Directions ``g`` of the gates.
    gate_offsets : array of shape (n_neurons,)
        Offsets ``h`` of the gates.
    activation : {"relu", "abs"}
        Whether gates are 1 and 0, or 1 and -1.

    Raises
    ------
    ValueError
        If shapes do not fit, a number is not finite, or the activation is unknown.

    See Also
    --------
    solve : Trains networks; ``gated=True`` makes these.
    TwoLayerNetwork : Networks whose gates are their weights.

    Examples
    --------
    >>> import numpy as np, convexscore as cs
    >>> net = cs.GatedNetwork([[-1.0]], [0.0], [[1.0]], [0.0], [[0.0]], gates=[[1.0]], gate_offsets=[0.0])
    >>> net([[2.0], [-2.0]]).ravel()
    array([-2.,  0.])
    """

    W1: FloatArray
    b1: FloatArray
    W2: FloatArray
    b2: FloatArray
    V: FloatArray
    gates: FloatArray = field(kw_only=True)
    gate_offsets: FloatArray = field(kw_only=True)
    activation: str | Activation = field(default="relu", kw_only=True)

    def __post_init__(self) -> None:
        get_activation(self.activation)
        arrays = {name: as_float_array(name, getattr(self, name)) for name in _ARRAYS}
        m, d = arrays["b1"].size, arrays["b2"].size
        shapes = [(m, d), (m,), (d, m), (d,), (d, d), (m, d), (m,)]
        for (name, array), shape in zip(arrays.items(), shapes, strict=True):
            if array.shape != shape:
                raise ValueError(f"{name}: expected shape {shape}, got {array.shape}")
            object.__setattr__(self, name, array)
        self.freeze_arrays()

    def __repr__(self) -> str:
        skip = "with" if self.V.any() else "without"
        return paragraph(
            "GatedNetwork",
            f"{self.n_features} feature{'s' * (self.n_features != 1)}, {self.n_neurons} "
            f"{activation_name(self.activation)} neuron{'s' * (self.n_neurons != 1)} with fixed gates, "
            f"{skip} skip connection; half the sum of squared weights {self.weight_decay():.6g}",
        )

    @property
    def n_neurons(self) -> int:
        """Number of neurons."""
        return int(self.b1.size)

    @property
    def n_features(self) -> int:
        """Dimension of the data."""
        return int(self.b2.size)

    def __call__(self, x: ArrayLike) -> FloatArray:
        """Evaluate the score at points of shape ``(n, n_features)``, or any shape for one feature."""
        points, shape = self._points(x)
        hidden = self._open(points) * (points @ self.W1.T + self.b1)
        return (hidden @ self.W2.T + points @ self.V.T + self.b2).reshape(shape)

    def jacobian(self, x: ArrayLike) -> FloatArray:
        """Return the Jacobian ``d s_a / d x_b`` at each point, gates constant, shape ``(n, d, d)``."""
        points, _ = self._points(x)
        return np.einsum("am,nm,mb->nab", self.W2, self._open(points), self.W1) + self.V

    def divergence(self, x: ArrayLike) -> FloatArray:
        """Return the trace of the Jacobian at each point, shape ``(n,)``."""
        points, _ = self._points(x)
        return self._open(points) @ np.einsum("am,ma->m", self.W2, self.W1) + np.trace(self.V)

    def weight_decay(self) -> float:
        """Return ``1/2 (||W1||^2 + ||b1||^2 + ||W2||^2)``."""
        squares = [np.vdot(array, array) for array in (self.W1, self.b1, self.W2)]
        return 0.5 * float(sum(squares))

    def loss(self, objective: Objective, beta: float) -> float:
        """Return the training objective, ``objective.loss(self) + beta * weight_decay()``."""
        decay, value = as_real("beta", beta, minimum=0.0), as_objective(objective).loss(self)
        # Weights whose squares are no floats have an infinite decay, of which zero is nothing.
        return value + decay * self.weight_decay() if decay else value

    def to_torch(self, *, dtype: torch.dtype | Literal["float32", "float64"] = "float64") -> torch.nn.Module:
        """Return a ``torch.nn.Module`` computing ``s`` on ``(n, d)`` tensors, gates included.

        Raises
        ------
        ImportError
            Without PyTorch.
        ValueError
            If the type is none of floating point numbers, or a weight is too large for it.
        """
        from .torch import float_type, to_gated_module

        return to_gated_module(self, float_type(dtype))

    def export_onnx(
        self, path: str | os.PathLike[str], dtype: Literal["float32", "float64"] = "float64"
    ) -> None:
        """Write the score as an ONNX file; see `TwoLayerNetwork.export_onnx`."""
        from .onnx import write_onnx

        write_onnx(path, self, dtype)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the network to an NPZ file (no pickle); the file appears whole or not at all."""
        save_model(path, "GatedNetwork", {name: getattr(self, name) for name in _ARRAYS}, self.activation)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> GatedNetwork:
        """Read a network written by `save`; raises as `TwoLayerNetwork.load` does."""
        return load_model(path, cls, _ARRAYS)

    @property
    def _sigma(self) -> Activation:
        return get_activation(self.activation)

    def _open(self, points: FloatArray) -> FloatArray:
        return self._sigma.derivative(points @ self.gates.T + self.gate_offsets)

    def _points(self, x: ArrayLike) -> tuple[FloatArray, tuple[int, ...]]:
        points = as_numbers("x", x)
        if self.n_features == 1:
            return points.reshape(-1, 1), points.shape
        if points.ndim != 2 or points.shape[1] != self.n_features:
            raise ValueError(f"x: expected shape (n, {self.n_features}), got {points.shape}")
        return points, points.shape


#: What `solve` may return as a network.
ScoreNetwork = TwoLayerNetwork | GatedNetwork | ConservativeNetwork
