"""What programs ask of an objective, and what objectives share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, is_dataclass, replace
from typing import Any, ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from .._support.validation import FloatArray, as_callable, as_numbers, as_returned, as_weights, check_no_nan
from .support import has_no_weight, weight_terms

__all__ = [
    "Objective",
    "Score",
    "boundary_at",
    "boundary_of",
    "check_weights",
    "chosen_samples",
    "filled",
    "has_limits",
    "values_of",
    "weighted_part",
    "weighted_samples",
]

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
        """Weights of at least 0, shape ``(n_samples,)``."""

    @property
    def targets(self) -> FloatArray:
        """Labels ``l``, zero for score matching, shape ``(n_samples, n_features)``."""

    def loss(self, score: Score) -> float:
        """Return the objective's value at `score`."""


def check_weights(objective: Any) -> None:
    """Check the weights of an objective that is being made, if it has any, and freeze its arrays."""
    if objective.sample_weight is not None:
        weights = as_weights("sample_weight", objective.sample_weight, len(objective.X), zeros=True)
        object.__setattr__(objective, "sample_weight", weights)
    objective.freeze_arrays()


def weighted_part(objective: Any) -> Any:
    """Return an objective without its samples of weight zero; itself if there are none.

    Samples on an end of the data's support have weight zero.
    """
    kept = weighted_samples(objective)
    if kept.all() or not is_dataclass(objective):
        return objective
    if not kept.any():
        raise ValueError("X: expected values inside the support, got all of them on an end of it")
    return chosen_samples(objective, kept)


def weighted_samples(objective: Any) -> NDArray[np.bool_]:
    """Return which samples of an objective have a weight; an array of data has none that has not."""
    weights, limited = getattr(objective, "sample_weight", None), has_limits(objective)
    kept = np.asarray(True if weights is None else np.asarray(weights) > 0)
    return kept & ~has_no_weight(boundary_of(objective)[0]) if limited else kept


def has_limits(objective: Any) -> bool:
    """Return whether the data of an objective have a support."""
    return getattr(objective, "support", None) is not None


def boundary_of(objective: Any) -> tuple[FloatArray, FloatArray]:
    """Return the weight of the loss at each sample, and its gradient: one and zero without limits."""
    return boundary_at(objective, objective.X)


def boundary_at(objective: Any, points: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the weight of an objective's loss at points, ``(n,)``, and its gradient, ``(n, d)``."""
    if has_limits(objective):
        return weight_terms(points, objective.support, objective.boundary_weight)
    return np.ones(len(points)), np.zeros(points.shape)


def chosen_samples(objective: Any, chosen: NDArray[np.bool_]) -> Any:
    """Return an objective, a dataclass, with some of its samples only."""
    names = {field.name for field in fields(objective)} & {"X", "targets", "sample_weight"}
    arrays = {name: getattr(objective, name) for name in names}
    return replace(objective, **{name: array[chosen] for name, array in arrays.items() if array is not None})


def filled(weights: FloatArray | None, X: FloatArray) -> FloatArray:
    """Return the weights, ones where none were given."""
    return np.ones(len(X)) if weights is None else weights


def values_of(score: Score, X: FloatArray) -> FloatArray:
    """Return the score at `X`, or raise if it has another shape or a NaN."""
    values = as_callable("score", score)(X)
    numbers = as_numbers("score", as_returned("score", values, X.shape, "an array of the shape of x,"))
    check_no_nan("score", numbers)
    return numbers
