"""What `solve` returns: a network, its value, and a certificate recomputed from that network."""

from __future__ import annotations

import time
import warnings
from dataclasses import dataclass, replace
from typing import Any

from .certificate import Certificate, certify, meets_tolerance
from .errors import ConvergenceWarning
from .programs.reconstruction import reconstruct
from .programs.spline import Spline, SplineProblem

__all__ = ["Solution", "SolveStats", "certified_solution", "no_options", "warn_of_missed_tolerance"]


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
    network : TwoLayerNetwork or GatedNetwork
        The trained score model.
    value : float
        Its training objective, weight decay included, but for a refit; equal to ``certificate.primal``.
    status : {"optimal", "closed_form", "inaccurate", "refit"}
        ``"inaccurate"`` means that the certificate misses the tolerance asked for (a
        `ConvergenceWarning` was issued).  ``"refit"`` is no training optimum: the value is the data
        term alone, and the certificate covers networks with the same kinks and signs.
    certificate : Certificate
        Evidence of optimality.
    stats : SolveStats
        How it was found.
    beta : float
        The weight decay used; for a refit, the one that selected the kinks.
    shape : {None, "log-concave"}
        The constraint on the scores, within which value and certificate hold.
    """

    network: Any  # which of the two depends on the arguments of `solve`
    value: float
    status: str
    certificate: Certificate
    stats: SolveStats
    beta: float
    shape: str | None = None

    def __str__(self) -> str:
        certificate, network = self.certificate, self.network
        return "\n".join(
            [
                f"status       {self.status} ({self.stats.solver}, {self.stats.seconds:.3g} s)",
                f"value        {self.value:.10g}   (beta = {self.beta:g})",
                f"certificate  gap {certificate.gap:.2g}, violation {certificate.max_violation:.2g}, "
                f"scope {certificate.scope}" + (f", {self.shape} scores" if self.shape else ""),
                f"network      {network.n_neurons} {network.activation} neurons",
            ]
        )


def certified_solution(
    problem: SplineProblem,
    spline: Spline,
    status: str,
    stats: SolveStats,
    tol: float,
    shape: str | None = None,
) -> Solution:
    """Write a spline as a network and certify that network.

    Parameters
    ----------
    problem : SplineProblem
        The program and its weight decay.
    spline : Spline
        What a solver found.
    status : str
        The status if the certificate meets `tol`.
    stats : SolveStats
        How it was found; the time of reconstruction and certificate is added.
    tol : float
        Relative tolerance on the certificate's gap and violation.
    shape : {None, "log-concave"}
        Constraint on the scores.

    Returns
    -------
    Solution

    Warns
    -----
    ConvergenceWarning
        If the certificate misses `tol`; the status is then ``"inaccurate"``.
    """
    start = time.perf_counter()
    network = reconstruct(problem, spline)
    certificate = certify(problem.program, network, problem.beta, shape)
    if not meets_tolerance(certificate, problem.program, network, problem.beta, tol):
        status = "inaccurate"
        warn_of_missed_tolerance(certificate, tol, stacklevel=5)
    stats = replace(stats, seconds=stats.seconds + time.perf_counter() - start)
    return Solution(network, certificate.primal, status, certificate, stats, problem.beta, shape)


def warn_of_missed_tolerance(certificate: Certificate, tol: float, stacklevel: int = 5) -> None:
    """Issue the ConvergenceWarning of a certificate that misses `tol`."""
    warnings.warn(
        f"the certificate misses tol={tol:g}: gap {certificate.gap:.3g}, largest violation "
        f"{certificate.max_violation:.3g} at value {certificate.primal:.6g}",
        ConvergenceWarning,
        stacklevel=stacklevel,
    )


def no_options(solver: str, options: dict[str, Any]) -> None:
    """Raise a TypeError that names the options, if there are any."""
    if options:
        raise TypeError(f"solver_options: solver {solver!r} does not know {', '.join(sorted(options))}")
