"""What programs ask of an objective, and what objectives share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, Protocol

import numpy as np

from .._support.validation import FloatArray, as_weights

__all__ = ["Objective", "Score", "filled", "freeze_weights", "frozen", "values_of"]

Score = Callable[[FloatArray], FloatArray]


class Objective(Protocol):
    """What a program needs of an objective: samples, weights, targets, and whether a trace is added."""

    name: ClassVar[str]
    has_trace: ClassVar[bool]

    @property
    def X(self) -> FloatArray:
        """Points where the score is asked for, shape ``(n_samples, n_features)``."""

    @property
    def sample_weight(self) -> FloatArray | None:
        """The weights as given; None means ones."""

    @property
    def weights(self) -> FloatArray:
        """Positive weights, shape ``(n_samples,)``."""

    @property
    def targets(self) -> FloatArray:
        """Labels ``l``, zero for score matching, shape ``(n_samples, n_features)``."""

    def loss(self, score: Score) -> float:
        """Return the objective's value at `score`."""


def frozen(array: FloatArray) -> FloatArray:
    """Return a copy that nobody can write to."""
    array = array.copy()
    array.setflags(write=False)
    return array


def freeze_weights(objective: Any, n_samples: int) -> None:
    """Validate the weights of a frozen dataclass that is being made, if it has any."""
    if objective.sample_weight is not None:
        weights = as_weights("sample_weight", objective.sample_weight, n_samples)
        object.__setattr__(objective, "sample_weight", frozen(weights))


def filled(weights: FloatArray | None, X: FloatArray) -> FloatArray:
    """Return the weights, ones where none were given."""
    return np.ones(len(X)) if weights is None else weights


def values_of(score: Score, X: FloatArray) -> FloatArray:
    """Return the score at `X`, or raise if it has another shape."""
    values = np.asarray(score(X), dtype=np.float64)
    if values.shape != X.shape:
        raise ValueError(f"score: expected an array of the shape of x, {X.shape}, got {values.shape}")
    return values
