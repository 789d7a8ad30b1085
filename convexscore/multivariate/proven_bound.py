"""What an unfinished proof shows: a lower bound on the loss of every network of any width.

A residual whose correlations are all at most ``beta`` is dual feasible, and its dual value is such a bound.
A search that was cut short shows that they are at most some ``U > beta``.  For denoising, ``beta / U`` times
the residual is feasible then.  For score matching, whose dual constraints are not homogeneous, the residual
of a smaller weight decay is, one that is smaller by as much as the boxes that are left can prove.  Nor is it
lost what is known of other residuals: the largest correlation is convex, so that a residual with ``U > beta``
and one with ``u < beta`` have a feasible one between them.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import product

import numpy as np

from .._support.validation import FloatArray
from ..errors import SolverError, UnboundedError
from .pricing.boxes import BoxPricer, Proof
from .program import NeuronProgram

__all__ = ["proven_bound"]

# Share of the boxes left that another proof may be expected to take, and by how much more than it needs the
# weight decay is lowered.
_PLANNED, _MARGIN = 0.7, 1.1
# The weight decay is divided by at most this, and so many times lowered.
_MOST, _ATTEMPTS = 16.0, 6


def proven_bound(
    program: NeuronProgram,
    pricer: BoxPricer,
    beta: float,
    train: Callable[[float, float], FloatArray],
) -> float:
    """Return a lower bound on the loss of every network, ``-inf`` where none is proven.

    Parameters
    ----------
    program : NeuronProgram
        The program.
    pricer : BoxPricer
        A pricer that has looked at some residuals, and has held back some boxes.
    beta : float
        Weight decay.
    train : callable
        Returns the residual of the optimum that a search finds at a weight decay, to a relative tolerance.
    """
    if not program.has_trace:
        return max((_scaled_dual(program, proof, beta) for proof in pricer.proofs), default=-np.inf)
    pricer.release()
    share = _affordable(pricer, beta)
    lowest = np.inf
    for _ in range(_ATTEMPTS):
        if pricer.left <= 0:
            break
        try:
            residual = train(beta / (1 + _MARGIN * share), 0.1 * share)
        except (UnboundedError, SolverError):
            # Nearer to the weight decay, where it is bounded.
            lowest = share
            share *= 0.5
            continue
        residual = program.balanced(residual)[0]
        if pricer.reach(residual, beta).bound <= beta:
            break
        share = min(max(2 * share, _affordable(pricer, beta)), 0.5 * (share + lowest), _MOST)
    return _best_dual(program, pricer.proofs, beta)


def _best_dual(program: NeuronProgram, proofs: list[Proof], beta: float) -> float:
    """Return the largest dual value of what is proven to be feasible: residuals, and those between two."""
    inside = [proof for proof in proofs if proof.bound <= beta]
    outside = [proof for proof in proofs if beta < proof.bound < np.inf]
    best = max((_dual(program, proof.residual) for proof in inside), default=-np.inf)
    for low, high in product(inside, outside):
        share = (beta - low.bound) / (high.bound - low.bound)
        best = max(best, _dual(program, (1 - share) * low.residual + share * high.residual))
    return best


def _dual(program: NeuronProgram, residual: FloatArray) -> float:
    return program.dual_value(program.balanced(residual)[0])


def _scaled_dual(program: NeuronProgram, proof: Proof, beta: float) -> float:
    residual = program.balanced(proof.residual)[0]
    return program.dual_value(residual * min(1.0, beta / proof.bound))


def _affordable(pricer: BoxPricer, beta: float) -> float:
    """Return the smallest share above the weight decay that a proof may reach with the boxes left.

    Where all that has been proven took more, half as much again as the best of it.
    """
    left = _PLANNED * pricer.left
    steps = [(bound / beta - 1, boxes) for proof in pricer.proofs for bound, boxes in proof.history]
    reached = [share for share, boxes in steps if boxes <= left]
    known = [proof.bound / beta - 1 for proof in pricer.proofs if np.isfinite(proof.bound)]
    share = min(reached, default=1.5 * min(known, default=1.0))
    return min(max(share, 1e-9), _MOST)
