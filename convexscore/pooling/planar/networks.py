"""Conservative networks among the members: over a dictionary of neurons, and over all of them when asked.

The vote and the member are of the network over the dictionary.  Over all neurons the training loss is lower,
by up to a fifth, as kinks then find the data that they profit from; the divergence from truths, measured, is
about the same, at many times the cost.  So the optimum over all neurons, with its certificate, is trained
when it is asked for.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ..._support.validation import FloatArray
from ...errors import SolverError, UnboundedError
from ...multivariate.certificate import certify_network
from ...multivariate.conservative.program import ConservativeProgram
from ...multivariate.conservative.train import solve_conservative
from ...multivariate.pricing.choice import pricer_of
from ...networks.conservative import ConservativeNetwork
from ...objectives import ScoreMatching
from ...problem import Problem
from ...results import Solution, SolveStats, judged
from .dictionary import Dictionary
from .points import PlanarPoints

__all__ = ["PlanarFit", "network_of"]

# Tolerance of training over all neurons.
_TOLERANCE = 1e-2


@dataclass(frozen=True, eq=False)
class PlanarFit:
    """A member's program, its weight decay and its network over the dictionary.

    Parameters
    ----------
    points : PlanarPoints
        The data of the program.
    beta : float
        The weight decay.
    network : ConservativeNetwork
        The network, before its tails are made to fall.
    """

    points: PlanarPoints
    beta: float
    network: ConservativeNetwork

    @property
    def n_kinks(self) -> int:
        """Number of neurons."""
        return self.network.n_neurons

    def solution(self) -> Solution:
        """Return the optimum over all neurons, or the member's own network where that cannot be found.

        The certificate has exact pricing: what it says holds for conservative networks of any width.
        """
        objective = ScoreMatching(self.points.value, self.points.mass)
        problem = Problem(objective, skip=True, conservative=True)
        try:
            return replace(solve_conservative(problem, self.beta, tol=_TOLERANCE), problem=problem)
        except (SolverError, UnboundedError):
            return self._own(problem)

    def _own(self, problem: Problem) -> Solution:
        program = ConservativeProgram.from_problem(problem)
        pricer = pricer_of(program, tied=True)
        certificate = certify_network(program, pricer, self.network, self.beta, "global")
        stats = SolveStats("dictionary", 0, 0.0, self.network.n_neurons)
        status = judged(certificate, _TOLERANCE)
        return Solution(
            self.network, certificate.primal, status, certificate, stats, self.beta, problem=problem
        )


def network_of(dictionary: Dictionary, coefficients: FloatArray) -> ConservativeNetwork:
    """Return the network of coefficients of neurons and free fields."""
    n_neurons = len(dictionary.offsets)
    a, (p, q, r, s, t) = coefficients[:n_neurons], coefficients[n_neurons:]
    kept = np.flatnonzero(a)
    return ConservativeNetwork(
        dictionary.directions[kept],
        dictionary.offsets[kept],
        a[kept],
        np.array([p, q]),
        np.array([[r, t], [t, s]]),
    )
