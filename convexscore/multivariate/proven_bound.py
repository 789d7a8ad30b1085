"""What an unfinished proof shows: a lower bound on the loss of every network of any width.

A residual whose correlations are all at most ``beta`` is dual feasible, and its dual value is such a bound.
A search that was cut short shows that they are at most some ``U > beta``.  For denoising, ``beta / U`` times
the residual is feasible then.  For score matching, whose dual constraints are not homogeneous, the residual
of a smaller weight decay is, one that is smaller by as much as the boxes that are left can prove.
"""

from __future__ import annotations

import numpy as np

from ..errors import SolverError, UnboundedError
from .pricing.boxes import BoxPricer, Proof
from .program import NeuronProgram
from .solvers.column_generation import generate_columns

__all__ = ["proven_bound"]

# Share of the boxes left that another proof may be expected to take, and by how much more than it needs the
# weight decay is lowered.
_PLANNED, _MARGIN = 0.7, 1.1
# The weight decay is lowered by this share at most, and so many times.
_MOST, _ATTEMPTS = 0.5, 3


def proven_bound(program: NeuronProgram, pricer: BoxPricer, beta: float, max_iterations: int = 200) -> float:
    """Return a lower bound on the loss of every network, ``-inf`` where none is proven.

    Parameters
    ----------
    program : NeuronProgram
        The program.
    pricer : BoxPricer
        A pricer that has looked at some residuals, and has held back some boxes.
    beta : float
        Weight decay.
    max_iterations : int
        Rounds of pricing, at most.
    """
    if not program.has_trace:
        return max((_scaled_dual(program, proof, beta) for proof in pricer.proofs), default=-np.inf)
    pricer.release()
    for _ in range(_ATTEMPTS):
        share = _affordable(pricer, beta)
        if share is None:
            break
        try:
            found = generate_columns(
                program,
                pricer.search,
                beta / (1 + _MARGIN * share),
                tol=0.1 * share,
                hair=1e-2 * share,
                max_iterations=max_iterations,
            )
        except (UnboundedError, SolverError):
            break
        residual = program.balanced(found.residual)[0]
        if pricer.reach(residual, beta).bound <= beta:
            return program.dual_value(residual)
    return -np.inf


def _scaled_dual(program: NeuronProgram, proof: Proof, beta: float) -> float:
    residual = program.balanced(proof.residual)[0]
    return program.dual_value(residual * min(1.0, beta / proof.bound))


def _affordable(pricer: BoxPricer, beta: float) -> float | None:
    """Return the smallest share above the weight decay that a proof may reach with the boxes left."""
    left = _PLANNED * pricer.left
    reached = [bound / beta - 1 for proof in pricer.proofs for bound, boxes in proof.history if boxes <= left]
    share = min(reached, default=np.inf)
    return max(share, 1e-9) if share <= _MOST else None
