"""The density of what was trained, whichever kind it is."""

from __future__ import annotations

from typing import Any

from .._support.validation import shown
from ..networks.conservative import ConservativeNetwork
from ..networks.two_layer import TwoLayerNetwork
from ..objectives.support import Box, Support
from ..results import Solution
from .density import ScoreDensity
from .planar_density import ConservativeDensity

__all__ = ["density_of"]


def density_of(
    network: Any, support: Support | Box | None = None, solution: Solution | None = None
) -> ScoreDensity | ConservativeDensity:
    """Return the density of a network.

    Parameters
    ----------
    network : TwoLayerNetwork or ConservativeNetwork
        One feature, or two of a conservative network.
    support : tuple of two floats, or of two such pairs, optional
        Limits of data with one feature, or with two.
    solution : Solution, optional
        Where it comes from; a density on the line keeps it, for its bands.

    Raises
    ------
    ValueError
        If the network is of another kind.
    NotNormalizableError
        If the score has no density.

    Examples
    --------
    >>> import convexscore as cs
    >>> from convexscore.scores.densities import density_of
    >>> solution = cs.solve([[0.0, 1.0], [2.0, 0.5], [-1.0, -1.0]], 4.0, skip=True, conservative=True)
    >>> density_of(solution.network).sample(2, rng=0).shape
    (2, 2)
    """
    if isinstance(network, ConservativeNetwork):
        if network.n_features == 1:
            return _on_line(network.network, support, solution)
        if network.n_features == 2:
            return ConservativeDensity(network, support)
    if isinstance(network, TwoLayerNetwork) and network.n_features == 1:
        return _on_line(network, support, solution)
    raise ValueError(
        "network: expected one feature, or two with conservative=True, whose density is known, got "
        f"{shown(network)}; `samplers.langevin` draws from any score"
    )


def _on_line(network: Any, support: Any, solution: Solution | None) -> ScoreDensity:
    return ScoreDensity(network, support, solution=solution)
