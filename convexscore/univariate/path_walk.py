"""Walking down the exact path from breakpoint to breakpoint: the steps behind `path.regularization_path`."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from .._support.progress import ticking
from .._support.validation import FloatArray
from .moments import Blocks
from .path_events import STEP, Piece, first_event, is_past_its_breakpoint
from .solvers.active_set import solve_active_set
from .spline import Spline, SplineProblem

__all__ = ["exact_pieces", "moved"]

# How often a piece is looked at from ten times further below its breakpoint.
_FURTHER = 4


def exact_pieces(
    blocks: Blocks, top: float, end: float, max_pieces: int, progress: bool
) -> tuple[FloatArray, list[Piece]]:
    """Return the breakpoints from `top` down to `end`, and the pieces between them.

    Parameters
    ----------
    blocks : Blocks
        The program, and the moments of its data.
    top, end : float
        Weight decays; at `top` there are no kinks.
    max_pieces : int
        The most pieces; with these the last breakpoint may be above `end`.
    progress : bool
        Whether there is a bar.
    """
    # How many there will be nobody knows.
    with ticking(None, progress, "pieces of the path") as tick:
        return _followed(blocks, top, end, max_pieces, tick)


def _followed(
    blocks: Blocks, top: float, end: float, max_pieces: int, tick: Callable[[], object]
) -> tuple[FloatArray, list[Piece]]:
    betas = [top]
    pieces: list[Piece] = []
    kinks, signs, program = np.zeros(0, dtype=np.intp), np.zeros(0), blocks.program
    while betas[-1] > end and len(pieces) < max_pieces:
        problem, piece = _piece_below(blocks, betas[-1], end, kinks, signs)
        beta, kinks, signs = problem.beta, piece.spline.kinks, piece.signs
        step = first_event(problem, piece, beta - end)
        lower = beta - step
        # Events this close to the end are rounding errors of those at the end itself.
        lower = lower if lower - end > 1e-12 * top else end
        upper = SplineProblem(program, betas[-1], blocks)
        pieces.append(Piece(moved(piece, betas[-1] - beta, upper), signs, piece.rate, piece.pinned))
        betas.append(lower)
        tick()
    return np.array(betas), pieces


def _piece_below(
    blocks: Blocks, upper: float, end: float, kinks: NDArray[np.intp], signs: FloatArray
) -> tuple[SplineProblem, Piece]:
    """Return the piece that begins at a breakpoint, as seen from just below, and the problem there."""
    for step in STEP * 10.0 ** np.arange(_FURTHER):
        beta = max(upper * (1 - step), 0.5 * (upper + end))
        problem = SplineProblem(blocks.program, float(beta), blocks)
        spline = solve_active_set(problem, kinks, signs).spline
        found = problem.signs_of(spline)
        piece = Piece(spline, found, problem.derivative(spline, found), _pinned(problem, spline.kappa))
        if is_past_its_breakpoint(problem, piece):
            break
    return problem, piece


def _pinned(problem: SplineProblem, kappa: float) -> int | None:
    edges = (*problem.kappa_range, *([0.0] if problem.omega else []))
    return edges.index(kappa) if kappa in edges else None


def moved(piece: Piece, change: float, problem: SplineProblem) -> Spline:
    """Return the solution when ``beta`` has changed by `change` within the piece, for the problem there."""
    values = piece.spline.values + change * piece.rate.values
    kappa = piece.spline.kappa + change * piece.rate.kappa
    low, high = problem.kappa_range
    # A multiplier at zero or an end of its range must be there exactly: the reconstruction asks.
    if piece.pinned is not None:
        return Spline(piece.spline.kinks, values, (low, high, 0.0)[piece.pinned])
    for edge in (low, high, 0.0) if problem.omega else (low, high):
        if abs(kappa - edge) <= 1e-9 * max(high - low, 0.0):
            kappa = edge
    return Spline(piece.spline.kinks, values, float(kappa))
