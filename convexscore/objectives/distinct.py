"""Samples as distinct rows with frequencies."""

from __future__ import annotations

import numpy as np

from .base import Objective, weighted_part
from .denoising import DenoisingScoreMatching
from .score_matching import ScoreMatching

__all__ = ["distinct_rows"]


def distinct_rows(objective: Objective) -> ScoreMatching | DenoisingScoreMatching:
    """Return the same objective on its distinct samples, sorted, each with its total weight.

    What is drawn for each of these does not depend on the order of samples, nor on whether one of weight 3
    was given once or three times.  Samples of a regression are distinct where points or labels are.

    Parameters
    ----------
    objective : Objective
        Samples, weights and targets.

    Returns
    -------
    ScoreMatching or DenoisingScoreMatching

    Examples
    --------
    >>> import convexscore as cs
    >>> from convexscore.objectives import distinct_rows
    >>> rows = distinct_rows(cs.ScoreMatching([3.0, 0.0, 3.0, 1.0]))
    >>> rows.X[:, 0].tolist(), rows.weights.tolist()
    ([0.0, 1.0, 3.0], [1.0, 1.0, 2.0])
    """
    part = weighted_part(objective)
    # Zeros of either sign are one value.
    columns = [*(part.X + 0.0).T, *([] if part.has_trace else (part.targets + 0.0).T)]
    weights = np.asarray(part.weights, dtype=np.float64)
    # The weights too, so that sums over equal rows are in one order.
    order = np.lexsort((weights, *columns[::-1]))
    rows = np.stack(columns, axis=1)[order]
    starts = np.flatnonzero(np.concatenate([[True], (rows[1:] != rows[:-1]).any(axis=1)]))
    mass = np.add.reduceat(weights[order], starts)
    X, targets = np.split(rows[starts], [part.X.shape[1]], axis=1)
    if part.has_trace:
        limits = getattr(part, "support", None), getattr(part, "boundary_weight", None)
        return ScoreMatching(X, mass, *limits)
    return DenoisingScoreMatching(X, targets, sample_weight=mass)
