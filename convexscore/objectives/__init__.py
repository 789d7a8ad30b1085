"""Training objectives: data in, what a program needs out, and the loss of any score.

    score matching (ZP eq. 2):            sum_i w_i [ tr J_s(x_i) + 1/2 ||s(x_i)||^2 ]
    denoising score matching (ZP eq. 8):  sum_i w_i   1/2 ||s(x_i) - l_i||^2
    data with limits:                     sum_i w_i [ h (1/2 ||s||^2 + tr J_s) + grad h's ](x_i),
                                          h zero at the limits

Sums over samples, not means.  The weight decay is added by the network (`TwoLayerNetwork.loss`).
"""

from .base import (
    Objective,
    boundary_at,
    boundary_of,
    chosen_samples,
    has_limits,
    weighted_part,
    weighted_samples,
)
from .conversion import as_objective, as_sampled_objective
from .denoising import DenoisingScoreMatching
from .distinct import distinct_rows
from .expected import ExpectedDenoising
from .score_matching import ScoreMatching

__all__ = [
    "DenoisingScoreMatching",
    "ExpectedDenoising",
    "Objective",
    "ScoreMatching",
    "as_objective",
    "as_sampled_objective",
    "boundary_at",
    "boundary_of",
    "chosen_samples",
    "distinct_rows",
    "has_limits",
    "weighted_part",
    "weighted_samples",
]
