"""What the conic solvers share: their result, and the kinks to read off it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ..._support.validation import FloatArray
from ...objectives import Objective
from ..spline import SplineProblem

__all__ = ["ConicResult", "ConicSolver", "significant_kinks"]


@dataclass(frozen=True, eq=False)
class ConicResult:
    """What a conic solver found.

    Parameters
    ----------
    jumps : ndarray of shape (n_positions,)
        Slope jump at each position, in any one unit.
    iterations : int
        The solver's iterations.
    value : float
        The program's objective recomputed at the solver's point, the DSM scatter included.
    """

    jumps: FloatArray
    iterations: int
    value: float


class ConicSolver(Protocol):
    """A solver of the whole program; raises `SolverError` when its status is bad."""

    def __call__(
        self,
        problem: SplineProblem,
        objective: Objective,
        *,
        tol: float,
        verbose: bool,
        options: dict[str, Any],
    ) -> ConicResult:
        """Solve `problem`, stated on the data of `objective`."""


def significant_kinks(jumps: FloatArray) -> tuple[NDArray[np.intp], FloatArray]:
    """Return interior positions whose jumps stand out of a solver's noise, and their signs."""
    size = np.abs(jumps)
    kinks = np.flatnonzero(size[1:-1] > 1e-6 * size.max()) + 1
    return kinks, np.sign(jumps[kinks])
