"""The activations ``sigma``: value and one-sided derivatives at zero.

Both are positively homogeneous of degree one, ``sigma(c t) = c sigma(t)`` for ``c >= 0``, which is
what turns weight decay into an l1 penalty (ZP section 3); both are piecewise linear with one kink,
at zero, so that a two-layer network in one dimension is a piecewise linear function.  Networks and gradient
training take any `Activation` of this form; which of them a convex program knows is said by its family.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ._support.validation import FloatArray, as_flags, as_numbers, as_real, shown

__all__ = ["ABS", "RELU", "Activation", "get_activation"]


@dataclass(frozen=True)
class Activation:
    """A piecewise linear activation ``sigma(t) = left_slope * min(t, 0) + max(t, 0)``.

    Parameters
    ----------
    name : str
        Its name: ``"relu"``, ``"abs"``, or that of another one.
    left_slope : float
        The derivative to the left of zero; to the right it is one.

    Examples
    --------
    >>> from convexscore.activations import ABS, RELU
    >>> RELU.value([-2.0, 3.0]), ABS.value([-2.0, 3.0])
    (array([0., 3.]), array([2., 3.]))
    >>> RELU.jump, ABS.jump
    (1.0, 2.0)
    """

    name: str
    left_slope: float

    def __post_init__(self) -> None:
        if not isinstance(self.name, str):
            raise TypeError(f"name: expected a string, got {shown(self.name)}")
        object.__setattr__(self, "left_slope", as_real("left_slope", self.left_slope))

    @property
    def jump(self) -> float:
        """How much the derivative jumps at zero: 1 for ReLU, 2 for abs."""
        return 1.0 - self.left_slope

    @property
    def label(self) -> str | Activation:
        """How networks keep it: its name where that is known, else the activation itself."""
        return self.name if _BY_NAME.get(self.name) == self else self

    def value(self, t: FloatArray) -> FloatArray:
        """Return ``sigma(t)``, elementwise."""
        t = as_numbers("t", t)
        return np.where(t > 0, t, self.left_slope * t + 0.0)

    def derivative(self, t: FloatArray, right: NDArray[np.bool_] | bool = True) -> FloatArray:
        """Return ``sigma'(t)``; where ``t == 0`` the right derivative if `right`, else the left one."""
        t, right = as_numbers("t", t), as_flags("right", right)
        if right.ndim > t.ndim or any(
            size not in (1, length) for size, length in zip(right.shape[::-1], t.shape[::-1], strict=False)
        ):
            raise ValueError(f"right: expected a shape that fits that of t, {t.shape}, got {right.shape}")
        on_the_right = (t > 0) | ((t == 0) & right)
        return np.where(on_the_right, 1.0, self.left_slope)


RELU = Activation("relu", 0.0)
ABS = Activation("abs", -1.0)
_BY_NAME = {activation.name: activation for activation in (RELU, ABS)}


def get_activation(activation: str | Activation) -> Activation:
    """Return an activation by its name (``"relu"`` or ``"abs"``), or the one given; any other is refused."""
    if isinstance(activation, Activation):
        return activation
    if not isinstance(activation, str) or activation not in _BY_NAME:
        listed = ", ".join(map(repr, _BY_NAME))
        raise ValueError(
            f"activation: expected one of {listed}, got {shown(activation)}; networks and gradient training "
            "take an `activations.Activation` of your own, see docs/own_parts.md"
        )
    return _BY_NAME[activation]


def activation_name(activation: str | Activation) -> str:
    """Return the name of an activation, as it is read: in the middle of a sentence."""
    name = get_activation(activation).name
    return "ReLU" if name == RELU.name else name
