"""How members vote: by the likelihood that their fits to parts of the data give to the rest.

A member's weight is in proportion to ``exp(L) / (size of its group)``, ``L`` its held-out log-likelihood
(aggregation by exponential weights: Yang 2000; Dalalyan & Tsybakov 2008).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .._support.validation import FloatArray
from .members import Candidate

__all__ = ["Election", "Noise", "vote"]

# Gains over the line, in nats, below which it is alone, and below which it is if no test speaks against it.
_GAIN, _GAIN_IF_STRAIGHT = 0.75, 2.0
# Smaller weights are none.
_LEAST_WEIGHT = 1e-4


@dataclass(frozen=True)
class Noise:
    """How strongly kinks correlate with residuals by chance.

    Parameters
    ----------
    level : float
        Median of the largest correlation about the score fitted at this very weight decay.
    straight : bool
        Whether the data do not speak against the line at a level of 0.9.
    """

    level: float
    straight: bool


@dataclass(frozen=True, eq=False)
class Election:
    """Members with a vote, in standard units.

    Parameters
    ----------
    candidates : list of Candidate
        Those with a weight.
    weights : ndarray of shape (n_candidates,)
        Their weights.
    log_likelihoods : ndarray of shape (n_candidates,)
        Held-out log-likelihoods.
    n_held_out : float
        How many points were held out in turn: all of them, or of very many a part.
    """

    candidates: list[Candidate]
    weights: FloatArray
    log_likelihoods: FloatArray
    n_held_out: float


def vote(kinds: list[str], likelihoods: FloatArray, noise: Noise) -> FloatArray:
    """Return the weights of members from their kinds and held-out log-likelihoods.

    The line is alone where nothing gains on it, and where a test does not speak against it and little does.
    """
    if "line" in kinds:
        gain = likelihoods.max() - likelihoods[kinds.index("line")]
        if gain < _GAIN or (noise.straight and gain < _GAIN_IF_STRAIGHT):
            return np.array([float(kind == "line") for kind in kinds])
    sizes = np.array([kinds.count(kind) for kind in kinds])
    weights = np.exp(likelihoods - likelihoods.max()) / sizes
    weights /= weights.sum()
    weights[weights < _LEAST_WEIGHT] = 0.0
    return weights / weights.sum()
