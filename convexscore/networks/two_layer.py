"""Two-layer networks as score models: evaluation, derivatives, loss, files, export.

    s(x) = W2 @ sigma(W1 @ x + b1) + V @ x + b2,

where data far from zero, compared with their range, are measured from an origin beside them: ``x - origin``
stands for ``x``.

In one dimension the network is a continuous piecewise linear function.  It is evaluated as one, by
a binary search over its sorted kinks, and its value at a data point that lies exactly on a kink is
governed by the kink convention below.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .._support.frozen import Frozen
from .._support.shorthands import Shown, paragraph
from .._support.validation import FloatArray, as_flags, as_float_array, as_numbers, as_real
from ..activations import Activation, activation_name, get_activation
from ..numerics.piecewise import PiecewiseLinear
from ..objectives import as_objective
from .files import load_model, save_model

if TYPE_CHECKING:
    import torch

    from ..objectives import ExpectedDenoising, Objective

__all__ = ["TwoLayerNetwork"]

# How far, at least, exports move kinks off the data: more than rounding can move them, and hardly seen.
_SHARE = 2.0**-46
_ARRAYS = ("W1", "b1", "W2", "b2", "V", "right_derivative")


@dataclass(frozen=True, eq=False, repr=False)
class TwoLayerNetwork(Frozen, Shown):
    """A two-layer ReLU or abs network ``s(x) = W2 @ sigma(W1 @ x + b1) + V @ x + b2``.

    Parameters
    ----------
    W1 : array of shape (n_neurons, n_features)
        First-layer weights.
    b1 : array of shape (n_neurons,)
        First-layer biases.
    W2 : array of shape (n_features, n_neurons)
        Second-layer weights.
    b2 : array of shape (n_features,)
        Second-layer bias.
    V : array of shape (n_features, n_features), optional
        Skip connection; None means none, stored as zeros.
    activation : {"relu", "abs"} or Activation
        The activation ``sigma``; files can be written of those with a name only.
    right_derivative : bool array of shape (n_neurons,), optional
        The kink convention: whether a neuron whose pre-activation is exactly zero counts with the
        right derivative of ``sigma`` at zero (1) or with the left one (0 for ReLU, -1 for abs).
        All True by default.  It matters for score matching, whose optimal networks have their kinks
        at data points; `shifted` gives an ordinary network with the same loss.
    origin : array of shape (n_features,), optional
        What is subtracted from the points first, zero by default: ``s(x) = W2 @ sigma(W1 @ (x - origin) +
        b1) + V @ (x - origin) + b2``.  `solve` sets it where the data are many of their ranges away
        from zero, where biases would have to cancel ``W1 @ x`` and digits would be lost;
        `recentred` writes the same function with another one.

    Raises
    ------
    ValueError
        If shapes do not fit, a number is not finite, or the activation is unknown.

    See Also
    --------
    solve : Trains networks.
    ConservativeNetwork : Networks that are gradients.
    ScoreDensity : The density of a score on the line.

    Examples
    --------
    >>> import convexscore as cs
    >>> net = cs.TwoLayerNetwork([[1.0]], [-1.0], [[-2.0]], [0.5], [[-1.0]], activation="relu")
    >>> net([0.0, 1.0, 2.0])
    array([ 0.5, -0.5, -3.5])
    >>> net.divergence([0.0, 2.0])
    array([-1., -3.])
    """

    W1: FloatArray
    b1: FloatArray
    W2: FloatArray
    b2: FloatArray
    V: FloatArray = None  # type: ignore[assignment]  # filled in by __post_init__
    activation: str | Activation = field(default="relu", kw_only=True)
    right_derivative: NDArray[np.bool_] = field(default=None, kw_only=True)  # type: ignore[arg-type]
    origin: FloatArray = field(default=None, kw_only=True)  # type: ignore[arg-type]

    def __post_init__(self) -> None:
        get_activation(self.activation)
        b2 = as_float_array("b2", self.b2)
        b1 = as_float_array("b1", self.b1)
        if b2.ndim != 1 or b2.size == 0 or b1.ndim != 1:
            raise ValueError(
                f"b1, b2: expected shapes (n_neurons,) and (n_features,), got {b1.shape}, {b2.shape}"
            )
        m, d = b1.size, b2.size
        V = np.zeros((d, d)) if self.V is None else as_float_array("V", self.V)
        right = self.right_derivative
        right = np.ones(m, dtype=bool) if right is None else as_flags("right_derivative", right)
        arrays = {
            "W1": (as_float_array("W1", self.W1), (m, d)),
            "b1": (b1, (m,)),
            "W2": (as_float_array("W2", self.W2), (d, m)),
            "b2": (b2, (d,)),
            "V": (V, (d, d)),
            "right_derivative": (right, (m,)),
            "origin": (np.zeros(d) if self.origin is None else as_float_array("origin", self.origin), (d,)),
        }
        for name, (array, shape) in arrays.items():
            if array.shape != shape:
                raise ValueError(f"{name}: expected shape {shape}, got {array.shape}")
            object.__setattr__(self, name, array)
        self.freeze_arrays()

    def __repr__(self) -> str:
        with np.errstate(all="ignore"):
            kinks = f", {self.kinks.size} kinks" if self.n_features == 1 else ""
        skip = "with" if self.V.any() else "without"
        return paragraph(
            "TwoLayerNetwork",
            f"{self.n_features} feature{'s' * (self.n_features != 1)}, {self.n_neurons} "
            f"{activation_name(self.activation)} neuron{'s' * (self.n_neurons != 1)}{kinks}, {skip} skip "
            f"connection; half the sum of squared weights {self.weight_decay():.6g}",
        )

    @property
    def n_neurons(self) -> int:
        """Number of neurons ``m``."""
        return int(self.b1.size)

    @property
    def n_features(self) -> int:
        """Dimension ``d`` of the data."""
        return int(self.b2.size)

    @property
    def kinks(self) -> FloatArray:
        """Distinct kink positions of a 1-D network, ascending, shape ``(n_kinks,)``."""
        _, knots, jumps, _ = self._kink_table
        return (knots[jumps != 0] if self.n_neurons else knots[:0]) + self.origin

    def __call__(self, x: ArrayLike) -> FloatArray:
        """Evaluate the score.

        Parameters
        ----------
        x : array of shape (n, n_features), or for one feature a number or an array of shape (n,)
            Points.

        Returns
        -------
        ndarray of the shape of `x`
        """
        x = self._points(x)
        if self.n_features == 1:
            return self.centred_piecewise(x)
        hidden = self._sigma.value(x @ self.W1.T + self.b1)
        return hidden @ self.W2.T + x @ self.V.T + self.b2

    def jacobian(self, x: ArrayLike) -> FloatArray:
        """Return the Jacobian ``J[i, a, b] = d s_a / d x_b`` at each point, shape ``(n, d, d)``."""
        x = self._points(x)
        if self.n_features == 1:
            return self._slope(x).reshape(-1, 1, 1)
        gates = self._sigma.derivative(x @ self.W1.T + self.b1, self.right_derivative)
        return np.einsum("am,nm,mb->nab", self.W2, gates, self.W1) + self.V

    def divergence(self, x: ArrayLike) -> FloatArray:
        """Return the trace of the Jacobian at each point, shape ``(n,)``."""
        x = self._points(x)
        if self.n_features == 1:
            return self._slope(x).reshape(-1)
        gates = self._sigma.derivative(x @ self.W1.T + self.b1, self.right_derivative)
        return gates @ np.einsum("am,ma->m", self.W2, self.W1) + np.trace(self.V)

    def weight_decay(self) -> float:
        """Return ``1/2 (||W1||_F^2 + ||W2||_F^2)``; biases and skip are not penalized."""
        return 0.5 * float(np.vdot(self.W1, self.W1) + np.vdot(self.W2, self.W2))

    def loss(self, objective: Objective | ExpectedDenoising, beta: float) -> float:
        """Return the non-convex training objective, weight decay included.

        Parameters
        ----------
        objective : ScoreMatching, DenoisingScoreMatching or ExpectedDenoising
            The data term, a sum over samples.
        beta : float
            Weight decay of the summed loss, at least 0.

        Returns
        -------
        float
            ``objective.loss(self) + beta/2 (||W1||_F^2 + ||W2||_F^2)``.
        """
        decay, value = as_real("beta", beta, minimum=0.0), as_objective(objective).loss(self)
        # Weights whose squares are no floats have an infinite decay, of which zero is nothing.
        return value + decay * self.weight_decay() if decay else value

    def shifted(self, eta: float | None = None) -> TwoLayerNetwork:
        """Return an ordinary network whose kinks are moved off the data, by `eta`.

        Each kink moves to the side that turns its stored convention into the plain derivative of
        the activation, so that the score matching loss on data at the kinks changes by ``O(eta)``.

        Parameters
        ----------
        eta : float, optional
            Distance to move each hyperplane; by default ``1e-9 * max(1, |b1| / ||w1||)`` a neuron.
        """
        return self._shifted(eta, 1e-9)

    def _shifted(self, eta: float | None, share: float) -> TwoLayerNetwork:
        norms = np.linalg.norm(self.W1, axis=1)
        if eta is None:
            position = np.abs(self.b1) / np.where(norms > 0, norms, 1.0)
            distance = share * np.maximum(1.0, position)
        else:
            distance = np.full(self.n_neurons, as_real("eta", eta, minimum=0.0, strict=True))
        b1 = self.b1 + np.where(self.right_derivative, 1.0, -1.0) * norms * distance
        return replace(self, b1=b1, right_derivative=np.ones(self.n_neurons, dtype=bool))

    def recentred(self, origin: ArrayLike | None = None) -> TwoLayerNetwork:
        """Return the same function with another origin, up to rounding errors of the biases.

        Parameters
        ----------
        origin : array of shape (n_features,), optional
            The new origin; zero by default, which gives a network of weights and biases alone.

        Examples
        --------
        >>> import convexscore as cs
        >>> net = cs.TwoLayerNetwork([[2.0]], [0.0], [[1.0]], [0.0], origin=[5.0])
        >>> float(net(6.0)), net.recentred().b1
        (2.0, array([-10.]))
        """
        new = np.zeros(self.n_features) if origin is None else as_float_array("origin", origin)
        if new.shape != self.origin.shape:
            raise ValueError(f"origin: expected shape ({self.n_features},), got {new.shape}")
        step = new - self.origin
        return replace(self, b1=self.b1 + self.W1 @ step, b2=self.b2 + self.V @ step, origin=new)

    def to_torch(
        self, eta: float | None = None, *, dtype: torch.dtype | Literal["float32", "float64"] = "float64"
    ) -> torch.nn.Module:
        """Return a ``torch.nn.Module`` computing ``s`` on ``(n, d)`` tensors, which ``torch.save`` takes.

        Needs the ``torch`` extra.  The export has no kink convention, so its kinks are moved off
        the data first (see `shifted`).

        Parameters
        ----------
        eta : float, optional
            Distance to move each hyperplane; by default as little as rounding of the type does not undo:
            about 1e-14 of its distance from zero, or of one, in float64.
        dtype : torch.dtype, "float32" or "float64"
            Type of the weights, a floating point type.

        Returns
        -------
        torch.nn.Module

        Raises
        ------
        ImportError
            Without PyTorch.
        ValueError
            If the type is none of floating point numbers, or a weight is too large for it.
        """
        from .torch import float_type, to_module

        found = float_type(dtype)
        return to_module(self._shifted(eta, max(_SHARE, 8 * found.resolution)), found)

    def export_onnx(
        self, path: str | os.PathLike[str], dtype: Literal["float32", "float64"] = "float64"
    ) -> None:
        """Write the score as an ONNX file, a function of ``x`` of shape ``(n, d)``; kinks as by `to_torch`.

        Raises
        ------
        ImportError
            Without the package onnx.
        ValueError
            If the type is neither, or a weight is too large for it.
        """
        from .onnx import write_onnx

        write_onnx(path, self._shifted(None, _share(dtype)), dtype)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the network to an NPZ file (no pickle); the file appears whole or not at all."""
        names = (*_ARRAYS, "origin") if self.origin.any() else _ARRAYS
        save_model(path, "TwoLayerNetwork", {name: getattr(self, name) for name in names}, self.activation)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> TwoLayerNetwork:
        """Read a network written by `save`.

        Raises
        ------
        FileNotFoundError
            If there is no such file.
        ValueError
            If the file is damaged, is not a model file, or was written in a newer format.
        """
        return load_model(path, cls, _ARRAYS, later=("origin",))

    @cached_property
    def piecewise(self) -> PiecewiseLinear:
        """The network as a piecewise linear function; only in one dimension.

        Outer slopes below the rounding error of the sum they come from are zero: the two outer
        slopes of an abs network without skip cancel exactly only in exact arithmetic, and the sign
        of the remainder would decide whether the density exists.
        """
        found = self.centred_piecewise
        if not self.origin.any():
            return found
        far = float(found(-self.origin)[0])
        return PiecewiseLinear(found.knots + self.origin, found.values, found.slopes, far)

    @cached_property
    def centred_piecewise(self) -> PiecewiseLinear:
        """The network as a piecewise linear function of the distance from the origin."""
        _, knots, jumps, right_jumps = self._kink_table
        left_jumps = jumps - right_jumps
        skip, offset = self._line
        # Sums over many kinks may cancel: extended precision, where the platform has it, is free here.
        rising = np.concatenate([[0.0], np.cumsum(right_jumps, dtype=np.longdouble)])
        falling = np.concatenate([np.cumsum(left_jumps[::-1], dtype=np.longdouble)[::-1], [0.0]])
        exact = skip + rising - falling
        slopes = exact.astype(np.float64)
        rounding = 4 * np.finfo(float).eps * (np.abs(jumps).sum() + abs(skip))
        slopes[np.abs(slopes) <= rounding * np.sqrt(1 + jumps.size)] = 0.0
        # The skip term is anchored at one knot, so that data far from zero share one rounding error; and at
        # the one nearest to zero, because others may be so far away that the rounding error there is large.
        inner = int(np.argmin(np.abs(knots)))
        # Kinks of neurons that training has all but switched off may be as far away as numbers go.
        with np.errstate(over="ignore", invalid="ignore"):
            gaps = np.minimum(np.diff(knots.astype(np.longdouble)), np.finfo(np.longdouble).max)
            from_left = np.concatenate([[0.0], np.cumsum(rising[1:-1] * gaps)])
            from_right = np.concatenate([np.cumsum((falling[1:-1] * gaps)[::-1])[::-1], [0.0]])
            line = (offset + skip * knots[inner]) + skip * _running_sum(gaps, inner)
            # Slopes that are rounding errors are not to add up over long pieces either.
            removed = _running_sum(np.where(slopes == 0, -exact, 0.0)[1:-1] * gaps, inner)
            values = (line + from_left + from_right + removed).astype(np.float64)
        hidden = self.W2[0] * self._sigma.value(self.b1)
        at_zero = float(self.b2[0] + np.sum(hidden, dtype=np.longdouble))
        return PiecewiseLinear(knots, values, slopes, at_zero)

    @property
    def _sigma(self) -> Activation:
        return get_activation(self.activation)

    @cached_property
    def _positions(self) -> FloatArray:
        """The kink of each neuron; not finite for neurons without one among the floating point numbers."""
        with np.errstate(all="ignore"):
            return -self.b1 / self.W1[:, 0]

    @cached_property
    def _line(self) -> tuple[float, float]:
        """Slope and intercept of the skip connection together with the neurons without a kink."""
        flat = ~np.isfinite(self._positions)
        w, b, v = self.W1[flat, 0], self.b1[flat], self.W2[0, flat]
        slope = self.V[0, 0] + v @ (self._sigma.derivative(b) * w)
        return float(slope), float(self.b2[0] + v @ self._sigma.value(b))

    @cached_property
    def _kink_table(self) -> tuple[NDArray[np.intp], FloatArray, FloatArray, FloatArray]:
        """Return (neuron -> knot, knots, slope jump at each, the part of it from functions zero on the left).

        A neuron is ``a (x - t)_+ + b (t - x)_+``; the third array sums ``a + b`` and the fourth ``a``.
        """
        if self.n_features != 1:
            raise ValueError(f"network: expected 1 feature, as kinks on a line have, got {self.n_features}")
        live = np.isfinite(self._positions)
        weight, sigma = self.W1[live, 0], self._sigma
        if not live.any():
            return np.zeros(0, dtype=np.intp), np.zeros(1), np.zeros(1), np.zeros(1)
        knots, which = np.unique(self._positions[live], return_inverse=True)
        slope = self.W2[0, live] * np.abs(weight)
        right = slope * np.where(weight > 0, 1.0, -sigma.left_slope)
        jumps, right_jumps = np.zeros(knots.size), np.zeros(knots.size)
        np.add.at(jumps, which, slope * sigma.jump)
        np.add.at(right_jumps, which, right)
        return which, knots, jumps, right_jumps

    @cached_property
    def _slope_at_knots(self) -> FloatArray:
        """The derivative at each knot under the kink convention."""
        which, _, _, _ = self._kink_table
        at_knots = self.centred_piecewise.slopes[:-1].copy()
        live = np.isfinite(self._positions)
        # The right derivative of sigma is the right derivative in x only where the weight is positive.
        counts_right = (self.W1[live, 0] > 0) == self.right_derivative[live]
        jump = self._sigma.jump * self.W2[0, live] * np.abs(self.W1[live, 0])
        np.add.at(at_knots, which[counts_right], jump[counts_right])
        return at_knots

    def _slope(self, x: FloatArray) -> FloatArray:
        return self.centred_piecewise.derivative(x, self._slope_at_knots)

    def _points(self, x: ArrayLike) -> FloatArray:
        """Return points, checked, from the origin."""
        points = as_numbers("x", x)
        if self.n_features == 1 and points.ndim > 1 and points.shape[-1] != 1:
            raise ValueError(
                f"x: expected shape (n,) or (n, 1) for a network of 1 feature, got {points.shape}"
            )
        if self.n_features > 1 and (points.ndim != 2 or points.shape[1] != self.n_features):
            raise ValueError(f"x: expected shape (n, {self.n_features}), got {points.shape}")
        if not self.origin.any():
            return points
        # Numbers and arrays of any shape have one feature: they keep it.
        return points - (self.origin if self.n_features > 1 else self.origin[0])


def _share(dtype: str) -> float:
    """Return how far kinks move in an export of a type, as a share of their distance."""
    return max(_SHARE, 8 * float(np.finfo(np.float32).eps) if dtype == "float32" else 0.0)


def _running_sum(steps: NDArray[np.longdouble], start: int) -> NDArray[np.longdouble]:
    """Return sums of `steps` from position `start` to each position: zero there, backwards before it."""
    before, after = np.cumsum(steps[:start][::-1])[::-1], np.cumsum(steps[start:])
    return np.concatenate([-before, [0.0], after])
