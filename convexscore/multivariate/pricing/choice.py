"""Which pricing a program gets: exact where there is one, else search, with a proof after it or not."""

from __future__ import annotations

from ..program import NeuronProgram
from .ascent import AscentPricer
from .base import Pricer
from .boxes import BoxPricer
from .line import LinePricer
from .planar import PlanarPricer

__all__ = ["pricer_of"]


def pricer_of(
    program: NeuronProgram,
    n_starts: int = 100,
    rng: int | None = 0,
    tied: bool = False,
    max_boxes: int = 0,
) -> Pricer:
    """Return exact pricing where there is one, else search, which ends with a proof if boxes are allowed.

    `tied` outputs are along the directions.
    """
    columns = program.rows.shape[1]
    if columns == 1:
        # On the line every output vector is along the direction.
        return LinePricer(program)
    if columns == 2:
        return PlanarPricer(program, tied)
    if max_boxes > 0:
        # Score matching needs another proof where the first does not end.
        reserve = 0.3 if program.has_trace else 0.0
        return BoxPricer(program, max_boxes, n_starts, rng=rng, tied=tied, reserve=reserve)
    return AscentPricer(program, n_starts, rng=rng, tied=tied)
