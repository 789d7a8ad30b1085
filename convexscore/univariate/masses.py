"""Whether a score's density shares its mass as the data do, which score matching does not see.

The loss has the same value whichever shares two groups have that are far from each other, so the global
optimum of the loss may put most of the mass where few data are.  The distribution function tells.
"""

from __future__ import annotations

import numpy as np

from .._support.caller import warn_caller
from ..networks.two_layer import TwoLayerNetwork
from ..numerics.monotone_pieces import MonotonePieces
from ..objectives import Objective, distinct_rows

__all__ = ["are_beyond_chance", "mass_discrepancy", "warn_of_masses"]

# Kolmogorov's distance that one in a thousand samples exceeds, times the root of their size.
_BEYOND_CHANCE = 1.95
# Smaller distances are no matter, however many data show them.
_SMALL = 0.05


def mass_discrepancy(network: TwoLayerNetwork, objective: Objective) -> tuple[float, float, float, float]:
    """Return where a score's distribution function is furthest from the data's, and by how much.

    Parameters
    ----------
    network : TwoLayerNetwork
        A score that has a density.
    objective : Objective
        Samples with one feature.

    Returns
    -------
    distance, position, mass, share : float
        Kolmogorov's distance, but for the steps of the data's own function (equal values make high ones); a
        data point, the density's mass up to it and the share of the data up to it.
    """
    rows = distinct_rows(objective)
    x, weights = rows.X[:, 0], rows.weights
    support = getattr(objective, "support", None) or (-np.inf, np.inf)
    pieces = MonotonePieces.of(network.piecewise, support)
    mass = np.exp(pieces.log_mass_below(x) - pieces.log_total)
    share = np.cumsum(weights) / weights.sum()
    before = np.concatenate([[0.0], share[:-1]])
    beyond = np.maximum(mass - share, before - mass)
    worst = int(np.argmax(beyond))
    # The side from which the function is missed.
    reached = share[worst] if mass[worst] > share[worst] else before[worst]
    return max(float(beyond[worst]), 0.0), float(x[worst]), float(mass[worst]), float(reached)


def are_beyond_chance(distance: float, objective: Objective) -> bool:
    """Whether a distance of `mass_discrepancy` is above 0.05, and above one in a thousand samples' own."""
    return bool(distance > max(_SMALL, _BEYOND_CHANCE / np.sqrt(objective.weights.sum())))


def warn_of_masses(network: TwoLayerNetwork, objective: Objective) -> None:
    """Warn if a score's density disagrees with the data's masses beyond chance.

    Warns
    -----
    UserWarning
        If Kolmogorov's distance is above 0.05, and above what one in a thousand samples of the density shows.
    """
    distance, position, mass, share = mass_discrepancy(network, objective)
    if not are_beyond_chance(distance, objective):
        return
    warn_caller(
        f"X: the score's own density has {100 * mass:.0f} % of its mass below {position:.4g}, and the data "
        f"have {100 * share:.0f} %: score matching does not see how mass is shared between separated groups, "
        "likelihood does (`PooledScore`)",
        UserWarning,
    )
