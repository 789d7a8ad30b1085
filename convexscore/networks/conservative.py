"""Conservative networks: two-layer networks that are gradients, the second layer tied to the first.

    s(x) = sum_k  a_k u_k sigma(u_k'x + b_k)  +  S x + b2,      S symmetric,

is the gradient of the potential

    U(x) = sum_k  a_k phi(u_k'x + b_k)  +  x'S x / 2  +  b2'x,      phi(t) = t sigma(t) / 2,

so ``exp(U)`` is a density up to a constant.  Balanced, such a network is a two-layer network with
``W1_k = sqrt(|a_k|) u_k`` and ``W2_k = sign(a_k) W1_k``.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .._support.frozen import Frozen
from .._support.shorthands import Shown, paragraph
from .._support.validation import FloatArray, as_flags, as_float_array, as_numbers, as_real
from ..activations import Activation, activation_name, get_activation
from ..objectives import as_objective
from .files import load_model, save_model
from .two_layer import TwoLayerNetwork

if TYPE_CHECKING:
    import torch

    from ..objectives import Objective

__all__ = ["ConservativeNetwork"]

_ARRAYS = ("directions", "offsets", "coefficients", "b2", "S", "right_derivative", "origin")
# Entries of S on both sides of the diagonal differ by at most this share of the largest.
_SYMMETRIC = 1e-12


@dataclass(frozen=True, eq=False, repr=False)
class ConservativeNetwork(Frozen, Shown):
    """A two-layer ReLU or abs network that is the gradient of a potential.

    Parameters
    ----------
    directions : array of shape (n_neurons, n_features)
        First-layer weights ``u``, of any length; a longer one counts for more in the weight decay.
    offsets : array of shape (n_neurons,)
        First-layer biases ``b``.
    coefficients : array of shape (n_neurons,)
        The numbers ``a``: the second layer is ``a_k u_k``.
    b2 : array of shape (n_features,)
        Second-layer bias.
    S : array of shape (n_features, n_features), optional
        Symmetric skip connection; None means none, stored as zeros.
    activation : {"relu", "abs"} or Activation
        The activation ``sigma``; files can be written of those with a name only.
    right_derivative : bool array of shape (n_neurons,), optional
        Whether the right derivative of ``sigma`` counts where a pre-activation is exactly zero, as for
        `TwoLayerNetwork`; all True by default.
    origin : array of shape (n_features,), optional
        What is subtracted from the points first, zero by default.

    Raises
    ------
    ValueError
        If shapes do not fit, a number is not finite, `S` is not symmetric, or the activation is unknown.

    See Also
    --------
    solve : Trains networks; ``conservative=True`` makes these.
    TwoLayerNetwork : Networks of two free layers.
    ConservativeDensity : The density proportional to the exponential of the potential.

    Examples
    --------
    >>> import convexscore as cs
    >>> net = cs.ConservativeNetwork([[1.0, 0.0]], [0.5], [-2.0], [0.0, 1.0], [[-1.0, 0.0], [0.0, -1.0]])
    >>> net([[1.0, 0.0], [-1.0, 0.0]])
    array([[-4.,  1.],
           [ 1.,  1.]])
    >>> net.potential([[1.0, 0.0], [-1.0, 0.0]])
    array([-2.75, -0.5 ])
    """

    directions: FloatArray
    offsets: FloatArray
    coefficients: FloatArray
    b2: FloatArray
    S: FloatArray = None  # type: ignore[assignment]  # filled in by __post_init__
    activation: str | Activation = field(default="relu", kw_only=True)
    right_derivative: NDArray[np.bool_] = field(default=None, kw_only=True)  # type: ignore[arg-type]
    origin: FloatArray = field(default=None, kw_only=True)  # type: ignore[arg-type]

    def __post_init__(self) -> None:
        get_activation(self.activation)
        b2, offsets = as_float_array("b2", self.b2), as_float_array("offsets", self.offsets)
        if b2.ndim != 1 or b2.size == 0 or offsets.ndim != 1:
            raise ValueError(
                "offsets, b2: expected shapes (n_neurons,) and (n_features,), got "
                f"{offsets.shape}, {b2.shape}"
            )
        m, d = offsets.size, b2.size
        S = np.zeros((d, d)) if self.S is None else as_float_array("S", self.S)
        right = self.right_derivative
        right = np.ones(m, dtype=bool) if right is None else as_flags("right_derivative", right)
        arrays = {
            "directions": (as_float_array("directions", self.directions), (m, d)),
            "offsets": (offsets, (m,)),
            "coefficients": (as_float_array("coefficients", self.coefficients), (m,)),
            "b2": (b2, (d,)),
            "S": (S, (d, d)),
            "right_derivative": (right, (m,)),
            "origin": (np.zeros(d) if self.origin is None else as_float_array("origin", self.origin), (d,)),
        }
        for name, (array, shape) in arrays.items():
            if array.shape != shape:
                raise ValueError(f"{name}: expected shape {shape}, got {array.shape}")
            object.__setattr__(self, name, array)
        object.__setattr__(self, "S", _symmetric(S))
        self.freeze_arrays()

    def __repr__(self) -> str:
        skip = "with" if self.S.any() else "without"
        return paragraph(
            "ConservativeNetwork",
            f"gradient of a potential, {self.n_features} feature{'s' * (self.n_features != 1)}, "
            f"{self.n_neurons} {activation_name(self.activation)} neuron{'s' * (self.n_neurons != 1)}, "
            f"{skip} skip connection; weight decay {self.weight_decay():.6g}",
        )

    @property
    def n_neurons(self) -> int:
        """Number of neurons."""
        return int(self.offsets.size)

    @property
    def n_features(self) -> int:
        """Dimension ``d`` of the data."""
        return int(self.b2.size)

    @cached_property
    def network(self) -> TwoLayerNetwork:
        """The same function as a balanced `TwoLayerNetwork`, whose weight decay is the same too."""
        root = np.sqrt(np.abs(self.coefficients))
        W1 = root[:, None] * self.directions
        return TwoLayerNetwork(
            W1,
            root * self.offsets,
            (np.sign(self.coefficients)[:, None] * W1).T,
            self.b2,
            self.S,
            activation=self.activation,
            right_derivative=self.right_derivative,
            origin=self.origin,
        )

    def __call__(self, x: ArrayLike) -> FloatArray:
        """Evaluate the score at points of shape ``(n, n_features)``, or any shape for one feature."""
        points, shape = self._points(x)
        hidden = self._sigma.value(self._heights(points)) * self.coefficients
        return (hidden @ self.directions + points @ self.S + self.b2).reshape(shape)

    def potential(self, x: ArrayLike) -> FloatArray:
        """Return ``U``, the log-density up to a constant, whose gradient is the score.

        Parameters
        ----------
        x : array of shape (n, n_features), or of any shape for one feature
            Points.

        Returns
        -------
        ndarray of shape (n,), or of the shape of `x` for one feature
        """
        points, shape = self._points(x)
        heights = self._heights(points)
        bent = 0.5 * (heights * self._sigma.value(heights)) @ self.coefficients
        values = bent + np.einsum("ni,ni->n", points, 0.5 * (points @ self.S) + self.b2)
        return values.reshape(shape) if self.n_features == 1 else values

    def jacobian(self, x: ArrayLike) -> FloatArray:
        """Return the Jacobian ``d s_a / d x_b`` at each point, symmetric, shape ``(n, d, d)``."""
        points, _ = self._points(x)
        J = np.einsum("nm,ma,mb->nab", self._slopes(points), self.directions, self.directions) + self.S
        # Summed in another order, entries on both sides of the diagonal differ by rounding.
        return 0.5 * (J + np.swapaxes(J, 1, 2))

    def divergence(self, x: ArrayLike) -> FloatArray:
        """Return the trace of the Jacobian, the Laplacian of the potential, at each point, shape ``(n,)``."""
        points, _ = self._points(x)
        return self._slopes(points) @ self._lengths + np.trace(self.S)

    def weight_decay(self) -> float:
        """Return ``sum_k |a_k| ||u_k||^2``, which is ``1/2 (||W1||_F^2 + ||W2||_F^2)`` of `network`."""
        return float(np.abs(self.coefficients) @ self._lengths)

    def loss(self, objective: Objective, beta: float) -> float:
        """Return the training objective, ``objective.loss(self) + beta * weight_decay()``."""
        return as_objective(objective).loss(self) + as_real("beta", beta, minimum=0.0) * self.weight_decay()

    def to_torch(
        self, eta: float | None = None, *, dtype: torch.dtype | Literal["float32", "float64"] = "float64"
    ) -> torch.nn.Module:
        """Return a ``torch.nn.Module`` computing the score; see `TwoLayerNetwork.to_torch`."""
        return self.network.to_torch(eta, dtype=dtype)

    def export_onnx(
        self, path: str | os.PathLike[str], dtype: Literal["float32", "float64"] = "float64"
    ) -> None:
        """Write the score as an ONNX file; see `TwoLayerNetwork.export_onnx`."""
        self.network.export_onnx(path, dtype)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the network to an NPZ file (no pickle); the file appears whole or not at all."""
        save_model(
            path, "ConservativeNetwork", {name: getattr(self, name) for name in _ARRAYS}, self.activation
        )

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> ConservativeNetwork:
        """Read a network written by `save`; raises as `TwoLayerNetwork.load` does."""
        return load_model(path, cls, _ARRAYS)

    @property
    def _sigma(self) -> Activation:
        return get_activation(self.activation)

    @cached_property
    def _lengths(self) -> FloatArray:
        """Squared lengths of the directions."""
        return np.einsum("mi,mi->m", self.directions, self.directions)

    def _heights(self, points: FloatArray) -> FloatArray:
        return points @ self.directions.T + self.offsets

    def _slopes(self, points: FloatArray) -> FloatArray:
        return self._sigma.derivative(self._heights(points), self.right_derivative) * self.coefficients

    def _points(self, x: ArrayLike) -> tuple[FloatArray, tuple[int, ...]]:
        """Return points, checked, from the origin, and the shape of what came."""
        points = as_numbers("x", x)
        if self.n_features == 1:
            if points.ndim > 1 and points.shape[-1] != 1:
                raise ValueError(
                    f"x: expected shape (n,) or (n, 1) for a network of 1 feature, got {points.shape}"
                )
            return points.reshape(-1, 1) - self.origin, points.shape
        if points.ndim != 2 or points.shape[1] != self.n_features:
            raise ValueError(f"x: expected shape (n, {self.n_features}), got {points.shape}")
        return points - self.origin, points.shape


def _symmetric(S: FloatArray) -> FloatArray:
    """Return a matrix with both halves the same; what differs by more than rounding is refused."""
    off = float(np.abs(S - S.T).max())
    if off > _SYMMETRIC * np.abs(S).max():
        raise ValueError(f"S: expected a symmetric matrix, got entries that differ by {off:.3g}")
    return S if off == 0 else 0.5 * (S + S.T)
