"""Which pricing a program gets: exact where there is one, else search."""

from __future__ import annotations

from ..program import NeuronProgram
from .ascent import AscentPricer
from .base import Pricer
from .line import LinePricer
from .planar import PlanarPricer

__all__ = ["pricer_of"]


def pricer_of(program: NeuronProgram, n_starts: int = 100, rng: int | None = 0) -> Pricer:
    """Return exact pricing where there is one, else search."""
    columns = program.rows.shape[1]
    if columns == 1:
        return LinePricer(program)
    if columns == 2:
        return PlanarPricer(program)
    return AscentPricer(program, n_starts, rng=rng)
