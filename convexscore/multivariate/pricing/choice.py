"""Which pricing a program gets: exact where there is one, else search, with a proof after it or not."""

from __future__ import annotations

from ..program import NeuronProgram
from .ascent import AscentPricer
from .base import Pricer
from .boxes import BoxPricer
from .line import LinePricer
from .planar import PlanarPricer

__all__ = ["pricer_of"]

# Points in the plane up to which circles are about as fast as boxes.
_CIRCLES = 700


def pricer_of(
    program: NeuronProgram,
    n_starts: int = 100,
    rng: int | None = 0,
    tied: bool = False,
    max_boxes: int = 0,
    n_jobs: int | None = None,
    progress: bool = False,
) -> Pricer:
    """Return exact pricing where there is one, else search, which ends with a proof if boxes are allowed.

    In the plane, where circles are exact but quadratic in the number of points, boxes are preferred for many
    points if they are allowed.

    Parameters
    ----------
    program : NeuronProgram
        The program.
    n_starts : int
        Directions of a search.
    rng : Generator or seed, optional
        Their source.
    tied : bool
        Whether outputs are along the directions.
    max_boxes : int
        Boxes that a proof may cut.
    n_jobs : int, optional
        Workers of joblib.
    progress : bool
        Whether to draw bars of boxes.
    """
    columns = program.rows.shape[1]
    if columns == 1:
        # On the line every output vector is along the direction.
        return LinePricer(program)
    many = program.bias and len(program.rows) > _CIRCLES
    if columns == 2 and not (many and max_boxes > 0):
        return PlanarPricer(program, tied, n_jobs)
    if max_boxes > 0:
        # Score matching needs another proof where the first does not end.
        reserve = 0.3 if program.has_trace and columns > 2 else 0.0
        return BoxPricer(
            program, max_boxes, n_starts, rng, tied, reserve=reserve, n_jobs=n_jobs, progress=progress
        )
    return AscentPricer(program, n_starts, rng=rng, tied=tied)
