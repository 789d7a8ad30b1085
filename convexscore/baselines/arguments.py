"""Checks of arguments that training and tuning share."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .._support.sizes import as_size
from .._support.validation import FloatArray, as_float_array, shown
from ..activations import Activation
from ..networks.two_layer import TwoLayerNetwork
from ..objectives import DenoisingScoreMatching, ScoreMatching, as_objective

__all__ = ["as_rates", "as_trained_objective", "check_initial", "kink_convention"]


def as_trained_objective(objective: Any) -> ScoreMatching | DenoisingScoreMatching:
    """Return an objective that Adam trains on; an array of data is score matching on it."""
    found = as_objective(objective)
    if not isinstance(found, (ScoreMatching, DenoisingScoreMatching)):
        raise TypeError(
            "objective: expected ScoreMatching, DenoisingScoreMatching or an array of data, got "
            f"{type(found).__name__}"
        )
    return found


def kink_convention(n_neurons: int, initial: TwoLayerNetwork | None) -> NDArray[np.bool_]:
    """Return each neuron's kink convention: that of `initial`, or the right derivative for all."""
    if initial is None:
        return np.ones(as_size("n_neurons", n_neurons, minimum=1, each=1), dtype=bool)
    if not isinstance(initial, TwoLayerNetwork):
        raise TypeError(f"initial: expected a TwoLayerNetwork, got {shown(initial)}")
    return initial.right_derivative


def check_initial(
    initial: TwoLayerNetwork, n_features: int, activation: str | Activation, skip: bool, bias: bool
) -> None:
    """Raise a ValueError unless training can start from `initial`."""
    if initial.n_features != n_features:
        raise ValueError(f"initial: expected {n_features} feature(s), got {initial.n_features}")
    if initial.activation != activation:
        raise ValueError(f"initial: expected activation {activation!r}, got {initial.activation!r}")
    if not skip and initial.V.any():
        raise ValueError(f"initial: expected V = 0 without skip, got V = {initial.V.tolist()}")
    if not bias and (initial.b1.any() or initial.b2.any() or initial.origin.any()):
        raise ValueError("initial: expected b1 = 0 and b2 = 0 without bias, got a network with biases")


def as_rates(name: str, values: ArrayLike) -> FloatArray:
    """Return one positive learning rate or several as an array of shape ``(n_rates,)``."""
    rates = as_float_array(name, values)
    if rates.ndim > 1 or rates.size == 0 or rates.min() <= 0:
        raise ValueError(f"{name}: expected positive numbers, one or a 1-D array, got {rates.tolist()}")
    return rates.reshape(-1)
