"""What `solve` returns: a network, its value, and a certificate recomputed from that network."""

from __future__ import annotations

from dataclasses import dataclass

from .certificate import Certificate
from .network import TwoLayerNetwork

__all__ = ["Solution", "SolveStats"]


@dataclass(frozen=True)
class SolveStats:
    """How a solution was found.

    Parameters
    ----------
    solver : str
        Name of the solver that ran.
    iterations : int
        Its own iterations (passes over all positions for ``"active_set"``).
    seconds : float
        Wall-clock time of the whole call.
    n_atoms : int
        Number of atoms (kink positions, sides and tie choices) the program chose from.
    solver_value : float or None
        For conic solvers, the objective recomputed at the solver's own point, before the exact
        refinement; None for the others.
    """

    solver: str
    iterations: int
    seconds: float
    n_atoms: int
    solver_value: float | None = None


@dataclass(frozen=True, eq=False)
class Solution:
    """A trained network with its value and certificate.

    Parameters
    ----------
    network : TwoLayerNetwork
        The trained score model.
    value : float
        Its training objective, weight decay included; equal to ``certificate.primal``.
    status : {"optimal", "closed_form", "inaccurate"}
        ``"inaccurate"`` means that the certificate misses the tolerance asked for (a
        `ConvergenceWarning` was issued).
    certificate : Certificate
        Evidence of optimality.
    stats : SolveStats
        How it was found.
    beta : float
        The weight decay used.
    """

    network: TwoLayerNetwork
    value: float
    status: str
    certificate: Certificate
    stats: SolveStats
    beta: float

    def __str__(self) -> str:
        certificate, network = self.certificate, self.network
        return "\n".join(
            [
                f"status       {self.status} ({self.stats.solver}, {self.stats.seconds:.3g} s)",
                f"value        {self.value:.10g}   (beta = {self.beta:g})",
                f"certificate  gap {certificate.gap:.2g}, violation {certificate.max_violation:.2g}, "
                f"scope {certificate.scope}",
                f"network      {network.n_neurons} {network.activation} neurons",
            ]
        )
