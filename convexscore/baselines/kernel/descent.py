"""Gradient descent on kernel least squares, in closed form at every iteration.

With ``K = U diag(l) U'`` the iterates from zero of gradient descent with step ``eta`` are

    f_k(x) = k(x, X) U diag(g_k(l)) U' Y,      g_k(l) = (1 - (1 - eta l)^k) / l,

the network that trains its first layer only, infinitely wide.  Ridge regression has ``g(l) = 1 / (l + p)``.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ..._support.frozen import Frozen
from ..._support.validation import FloatArray, as_array, as_count, as_data, as_float_array, as_real, shown
from .tangent import kernel_between, kernel_of, ntk

__all__ = ["KernelDescent", "as_labels", "as_step_size"]

# Labels beyond this have predictions that are no floats.
_LARGEST = 1e100
# Eigenvalues below minus this share of the largest are no rounding.
_NEGATIVE = 1e-8
# Steps among which the best on held-out data is chosen: all small ones, then these many a factor of ten.
_STEPS_A_DECADE = 60
# The rule of a noise level looks no further.
_MOST_STEPS = 2**60


@dataclass(frozen=True, eq=False)
class KernelDescent(Frozen):
    """Kernel least squares by gradient descent from zero, every iteration in closed form.

    What is minimized is ``1/2 sum_j |f(x_j) - y_j|^2``.  One symmetric eigendecomposition, ``O(n^3)``, is all
    the work.  No constant column is added to the data.

    Parameters
    ----------
    X : array of shape (n_samples, n_columns)
        Inputs, at most 4000; 1-D arrays are one column.
    Y : array of shape (n_samples,) or (n_samples, n_outputs)
        Labels.
    kernel : callable
        ``kernel(U, V)`` returns the matrix of a positive semidefinite kernel; by default `ntk`.

    Raises
    ------
    TypeError, ValueError
        If an argument is of the wrong kind, there are too many samples, a sample has the kernel 0 with
        itself, or the kernel is not symmetric and positive semidefinite.

    See Also
    --------
    DenoisingRegression : The data.
    ntk : The kernel.
    train_ntk_network : The network that it is the limit of.

    Examples
    --------
    >>> import numpy as np, convexscore as cs
    >>> x = np.array([-1.5, -0.4, 0.2, 0.9, 2.0])
    >>> X = np.column_stack([x, np.ones(5)])
    >>> descent = cs.baselines.KernelDescent(X, [0.5, -1.0, 0.3, 1.2, -0.4])
    >>> descent.predict(X, 10).round(6)
    array([ 0.228218, -0.230645,  0.167329,  0.496974, -0.059506])
    >>> descent.predict(X, 10**9).round(6)
    array([ 0.5, -1. ,  0.3,  1.2, -0.4])
    """

    X: FloatArray
    Y: FloatArray
    # Not a default, which would be a method of the class.
    kernel: Callable[[FloatArray, FloatArray], FloatArray] = field(default_factory=lambda: ntk)
    _eigenvalues: FloatArray = field(init=False, repr=False)
    _eigenvectors: FloatArray = field(init=False, repr=False)

    def __post_init__(self) -> None:
        X = as_data("X", self.X)
        Y = as_labels(self.Y, len(X))
        values, vectors = np.linalg.eigh(kernel_of(self.kernel, X))
        if values[0] < -_NEGATIVE * values[-1]:
            raise ValueError(
                f"kernel: expected a positive semidefinite function, got an eigenvalue of {values[0]:g} "
                f"beside one of {values[-1]:g}"
            )
        arrays = {"X": X, "Y": Y, "_eigenvalues": np.maximum(values, 0.0), "_eigenvectors": vectors}
        for name, array in arrays.items():
            object.__setattr__(self, name, array)
        self.freeze_arrays()

    @property
    def eigenvalues(self) -> FloatArray:
        """Eigenvalues of the kernel matrix, increasing, shape ``(n_samples,)``."""
        return self._eigenvalues

    def predict(
        self, X_new: ArrayLike, n_steps: int | ArrayLike, step_size: float | None = None
    ) -> FloatArray:
        """Return the function after some steps at new points.

        Parameters
        ----------
        X_new : array of shape (n, n_columns)
            Where.
        n_steps : int or int array of shape (n_times,)
            After how many steps, at least 0.
        step_size : float, optional
            Below ``2 / eigenvalues[-1]``, beyond which descent diverges; by default half of that.

        Returns
        -------
        ndarray of shape (n,) or (n, n_outputs), as the labels are; with several times they come first

        Raises
        ------
        TypeError, ValueError
            If an argument is of the wrong kind or out of range.

        Examples
        --------
        >>> import convexscore as cs
        >>> descent = cs.baselines.KernelDescent([[2.0, 1.0], [-1.0, 1.0]], [1.0, 3.0])
        >>> descent.predict([[0.0, 1.0]], [0, 1, 100]).round(6).ravel()
        array([0.      , 0.573575, 1.383445])
        """
        steps = _as_steps(n_steps)
        eta = as_step_size(step_size, self.eigenvalues)
        gains = np.array([self._gain(k, eta) for k in steps.reshape(-1)]).reshape(steps.size, -1)
        found = self._filtered(X_new, gains)
        return found if steps.ndim else found[0]

    def ridge(self, X_new: ArrayLike, penalty: float) -> FloatArray:
        """Return kernel ridge regression at new points.

        It minimizes ``1/2 sum_j |f(x_j) - y_j|^2 + penalty/2 |f|^2`` in the norm of the kernel's space.

        Parameters
        ----------
        X_new : array of shape (n, n_columns)
            Where.
        penalty : float
            Above 0.

        Returns
        -------
        ndarray of shape (n,) or (n, n_outputs), as the labels are

        Examples
        --------
        >>> import convexscore as cs
        >>> cs.baselines.KernelDescent([[1.0]], [3.0]).ridge([[2.0]], 0.5)
        array([3.])
        """
        penalty = as_real("penalty", penalty, minimum=0.0, strict=True)
        least = self.eigenvalues[-1] * np.finfo(float).eps * len(self.X)
        return self._filtered(X_new, 1.0 / np.maximum(self.eigenvalues + penalty, least)[None])[0]

    def stopping_rule(self, noise_level: float) -> int:
        """Return when to stop, given the deviation of the labels' noise (Raskutti, Wainwright & Yu 2014).

        With the eigenvalues ``l`` of ``K / n``, ``eta_k = k / max(l)`` and ``R(e)^2 = sum(min(l, e^2)) / n``
        it is one less than the first ``k`` with ``R(eta_k^-1/2) > 1 / (2 e noise_level eta_k)``, for the
        default step; often too early, and 0 where a single step is too many.

        Parameters
        ----------
        noise_level : float
            Standard deviation of the labels given the inputs, above 0.

        Returns
        -------
        int
            Steps of the default size.

        Raises
        ------
        ValueError
            If the noise is so small that the rule allows more than 2^60 steps.

        Examples
        --------
        >>> import convexscore as cs
        >>> descent = cs.baselines.KernelDescent([[2.0, 1.0], [-1.0, 1.0]], [1.0, 3.0])
        >>> [descent.stopping_rule(level) for level in (1.0, 0.01)]
        [0, 427]
        """
        level = as_real("noise_level", noise_level, minimum=0.0, strict=True)
        shares = self.eigenvalues / self.eigenvalues[-1]
        scale = self.eigenvalues[-1] / len(self.X)

        def is_late(k: int) -> bool:
            # R(eta_k^-1/2) eta_k, which grows with k: eta_k = k / scale, and l = scale * shares.
            complexity = math.sqrt(np.minimum(shares * k, 1.0).sum() * k / (scale * len(self.X)))
            return complexity > 1.0 / (2.0 * math.e * level)

        late = 1
        while not is_late(late):
            late *= 2
            if late > _MOST_STEPS:
                raise ValueError(
                    f"noise_level: expected a level that stops descent within 2^60 steps, got {level:g}"
                )
        early = late // 2
        while late - early > 1:
            middle = (early + late) // 2
            early, late = (early, middle) if is_late(middle) else (middle, late)
        return late - 1

    def hold_out(
        self, X_new: ArrayLike, Y_new: ArrayLike, step_size: float | None = None, max_steps: int = 10**6
    ) -> int:
        """Return when to stop, given labelled points that were not trained on: the default rule.

        Parameters
        ----------
        X_new : array of shape (n, n_columns)
            Points.
        Y_new : array of shape (n,) or (n, n_outputs)
            Their labels.
        step_size : float, optional
            See `predict`.
        max_steps : int
            Steps that are looked at, at least 1: all small numbers, then 60 a factor of ten.

        Returns
        -------
        int
            The number of least squared error, the smallest of several.

        Examples
        --------
        >>> import convexscore as cs
        >>> descent = cs.baselines.KernelDescent([[2.0, 1.0], [-1.0, 1.0]], [1.0, 3.0])
        >>> descent.hold_out([[1.0, 1.0]], [0.8])
        4
        """
        most = as_count("max_steps", max_steps, minimum=1)
        points = as_data("X_new", X_new)
        labels = as_labels(Y_new, len(points), "Y_new", self.Y.shape[1:])
        eta = as_step_size(step_size, self.eigenvalues)
        number = math.ceil(_STEPS_A_DECADE * math.log10(most)) + 2
        steps = np.unique(np.append(0.0, np.round(np.geomspace(1, most, number))))
        spread, loads = self._parts(points)
        errors = [self._error(spread, loads, self._gain(k, eta), labels) for k in steps]
        return int(steps[int(np.argmin(errors))])

    def _error(self, spread: FloatArray, loads: FloatArray, gain: FloatArray, labels: FloatArray) -> float:
        return float(np.sum((spread @ (gain[:, None] * loads) - labels.reshape(len(labels), -1)) ** 2))

    def _gain(self, k: float, eta: float) -> FloatArray:
        """Return ``(1 - (1 - eta l)^k) / l``, all digits kept where ``eta l`` is small."""
        values = self.eigenvalues
        small = np.minimum(eta * values, 0.5)
        left = np.expm1(k * np.log1p(-small))
        rest = eta * values
        with np.errstate(under="ignore"):
            left = np.where(rest > 0.5, (1.0 - rest) ** k - 1.0, left)
        gain = np.where(values > 0, -left / np.where(values > 0, values, 1.0), eta * k)
        # Where an eigenvalue is zero to rounding, so is the function that its gain would blow up.
        eps = np.finfo(float).eps
        is_zero = values <= values[-1] * eps * len(values)
        return np.where(is_zero, np.minimum(gain, 1.0 / (np.sqrt(eps) * values[-1])), gain)

    def _parts(self, X_new: ArrayLike) -> tuple[FloatArray, FloatArray]:
        """Return ``k(x, X) U`` and ``U' Y``."""
        points = as_data("X_new", X_new)
        if points.shape[1] != self.X.shape[1]:
            raise ValueError(f"X_new: expected {self.X.shape[1]} columns, got {points.shape[1]}")
        with np.errstate(over="ignore"):
            between = kernel_between(self.kernel, points, self.X)
        return between @ self._eigenvectors, self._eigenvectors.T @ self.Y.reshape(len(self.X), -1)

    def _filtered(self, X_new: ArrayLike, gains: FloatArray) -> FloatArray:
        """Return ``k(x, X) U diag(g) U' Y`` for each of some gains."""
        with np.errstate(over="ignore", invalid="ignore"):
            spread, loads = self._parts(X_new)
            found = np.stack([spread @ (gain[:, None] * loads) for gain in gains])
        if not np.isfinite(found).all():
            raise ValueError(
                "X_new: expected points where the prediction is a float, got some where it is none"
            )
        return found.reshape(len(gains), len(spread), *self.Y.shape[1:])


def as_labels(
    values: ArrayLike, n_samples: int, name: str = "Y", outputs: tuple[int, ...] | None = None
) -> FloatArray:
    """Return labels of shape ``(n_samples,)`` or ``(n_samples, n_outputs)``."""
    labels = as_float_array(name, values)
    expected = f"({n_samples},) or ({n_samples}, n_outputs)"
    if outputs is not None:
        expected = str((n_samples, *outputs))
    wrong = labels.ndim not in (1, 2) or len(labels) != n_samples or labels.size == 0
    if wrong or (outputs is not None and labels.shape[1:] != outputs):
        raise ValueError(f"{name}: expected shape {expected}, got {labels.shape}")
    if np.abs(labels).max() > _LARGEST:
        raise ValueError(f"{name}: expected labels up to {_LARGEST:g}, got one of {np.abs(labels).max():g}")
    return labels


def as_step_size(step_size: Any, eigenvalues: FloatArray) -> float:
    """Return a step below ``2 / max(eigenvalues)``, by default half of that."""
    largest = float(eigenvalues[-1])
    if step_size is None:
        return 1.0 / largest
    step = as_real("step_size", step_size, minimum=0.0, strict=True)
    if step * largest >= 2.0 * (1.0 - 1e-12):
        raise ValueError(
            f"step_size: expected a number below 2 / lambda_max = {2.0 / largest:g}, beyond which gradient "
            f"descent diverges, got {step:g}; None takes half of that"
        )
    return step


def _as_steps(n_steps: Any) -> FloatArray:
    """Return one number of steps or several, as floats."""
    if np.ndim(as_array("n_steps", n_steps)) == 0:
        return np.array(float(as_count("n_steps", n_steps)))
    steps = as_array("n_steps", n_steps)
    if steps.dtype.kind not in "iu" or steps.ndim != 1 or steps.size == 0 or steps.min() < 0:
        raise ValueError(
            f"n_steps: expected an integer of at least 0, or a 1-D array of such, got {shown(n_steps)}"
        )
    return steps.astype(float)
