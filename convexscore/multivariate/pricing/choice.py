"""Which pricing a program gets: exact where there is one, else search."""

from __future__ import annotations

from ..program import NeuronProgram
from .ascent import AscentPricer
from .base import Pricer
from .line import LinePricer
from .planar import PlanarPricer

__all__ = ["pricer_of"]


def pricer_of(program: NeuronProgram, n_starts: int = 100, rng: int | None = 0, tied: bool = False) -> Pricer:
    """Return exact pricing where there is one, else search; `tied` outputs are along the directions."""
    columns = program.rows.shape[1]
    if columns == 1:
        # On the line every output vector is along the direction.
        return LinePricer(program)
    if columns == 2:
        return PlanarPricer(program, tied)
    return AscentPricer(program, n_starts, rng=rng, tied=tied)
