"""What the doors accept as an objective."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from .._support.caller import warn_caller
from .._support.validation import shown
from .base import Objective, has_limits, weighted_part
from .denoising import DenoisingScoreMatching
from .expected import ExpectedDenoising
from .score_matching import ScoreMatching

__all__ = ["as_objective", "as_sampled_objective"]


def as_objective(objective: Objective | ExpectedDenoising | ArrayLike) -> Any:
    """Return an objective, without samples of weight zero; an array of data is score matching on it.

    Raises
    ------
    TypeError, ValueError
        If it is neither an objective nor an array of data.
    """
    if isinstance(objective, type):
        raise TypeError(f"objective: expected an objective or an array of data, got {shown(objective)}")
    if isinstance(objective, (ScoreMatching, DenoisingScoreMatching, ExpectedDenoising)):
        part = weighted_part(objective)
        _warn_of_limits(objective, part)
        return part
    if hasattr(objective, "has_trace") and hasattr(objective, "targets"):
        # One made elsewhere: samples, weights, targets and whether there is a trace are all it takes.
        for name in ("X", "weights", "targets"):
            if not isinstance(getattr(objective, name, None), np.ndarray):
                raise TypeError(f"objective: expected one whose {name} is an array, got {shown(objective)}")
        if objective.has_trace and np.any(objective.targets):
            raise ValueError(
                "objective: expected one with has_trace whose targets are zero (ScoreMatching with a support "
                f"takes data with limits), got {shown(objective)}"
            )
        return weighted_part(objective)
    if objective is None or isinstance(objective, str) or callable(objective):
        raise TypeError(
            "objective: expected ScoreMatching, DenoisingScoreMatching, ExpectedDenoising or an array of "
            f"data, got {shown(objective)}"
        )
    return ScoreMatching(objective)  # type: ignore[arg-type]  # converted there


def as_sampled_objective(objective: Objective | ArrayLike) -> Objective:
    """Return an objective on samples, or raise for expected denoising, whose kinks are anywhere."""
    found = as_objective(objective)
    if isinstance(found, ExpectedDenoising):
        raise TypeError(
            "objective: expected ScoreMatching or DenoisingScoreMatching, got ExpectedDenoising, "
            "whose kinks are not confined to data; `solve` and `beta_bounds` take it"
        )
    sampled: Objective = found
    return sampled


def _warn_of_limits(objective: Any, part: Any) -> None:
    """Warn of samples of positive weight that are left out because they are on an end of the support."""
    if part is objective or not has_limits(objective):
        return
    lost = int(np.count_nonzero(objective.weights)) - len(part.X)
    if lost and isinstance(objective.boundary_weight, tuple):
        warn_caller(
            f"X: {lost} of {len(objective.X)} samples are where boundary_weight is zero, and left out",
            UserWarning,
        )
    elif lost:
        warn_caller(
            f"X: {lost} of {len(objective.X)} samples are on an end of the support, where the weight of the "
            "loss is zero, and left out; if the data are rounded, give the limit of what was rounded",
            UserWarning,
        )
