"""What the doors return: networks, values, thresholds, and certificates recomputed from networks."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from ._support.caller import warn_caller
from ._support.records import save_object
from ._support.shorthands import Shown, limits_shown, paragraph, shorthand
from ._support.validation import FloatArray, as_real
from .errors import ConvergenceWarning

if TYPE_CHECKING:
    from .problem import Problem
    from .scores.density import ScoreDensity
    from .scores.planar_density import ConservativeDensity

#: Who a certificate speaks of, in words.
SCOPES = {
    "global": "networks of any width",
    "patterns": "networks with these patterns",
    "local": "any that a search found",
}

__all__ = ["SCOPES", "BetaBounds", "Certificate", "Solution", "SolveStats", "judged", "value_size"]


@dataclass(frozen=True, repr=False)
class Certificate(Shown):
    """Evidence of optimality, recomputed from the returned network.

    Parameters
    ----------
    primal : float
        The network's own training objective, weight decay included (for a refit the data term alone).
    dual : float
        A lower bound on the training objective of every network in `scope`: the dual value at the
        network's residual, moved until it is feasible up to the rounding error of evaluating the
        network; ``-inf`` in the rare case that nothing feasible is known.
    gap : float
        ``primal - dual``; rounding can make it slightly negative.
    max_violation : float
        Largest excess, over every position of a kink, of an atom's correlation over ``beta``, and
        the stationarity residuals of bias and skip; in the units of ``beta``.  For a refit: the
        largest residual of its own optimality conditions.
    scope : {"global", "patterns", "local"}
        ``"global"``: every network of any width; ``"patterns"``: networks with the given activation
        patterns; ``"local"``: found by search, `dual` holds if the search missed nothing, and `lower_bound`
        in any case.
    lower_bound : float
        A lower bound on the training objective of every network of any width that is proven whatever the
        scope: `dual` where that is global, else that of a proof that did not end, or of a relaxation, and
        ``-inf`` where none is known.
    value_scale : float
        The size of the problem's values, against which the gap is measured: ``|primal|``, which is also the
        default, or a tenth of the sizes of misfit, trace and weight decay of the network together, where
        these cancel in the value.
    violation_scale : float
        What violations are measured against: the weight decay, without one the size of correlations; by
        default 1.
    rounding : float
        Violations that rounding in the network's weights and outputs explains.
    value_rounding : float
        Gaps that it explains.

    See Also
    --------
    solve : Trains a network and certifies it.
    convexscore.plotting.plot_certificate : The certificate's picture.
    """

    primal: float
    dual: float
    gap: float
    max_violation: float
    scope: str
    lower_bound: float = None  # type: ignore[assignment]  # filled in by __post_init__
    value_scale: float = None  # type: ignore[assignment]
    violation_scale: float = 1.0
    rounding: float = 0.0
    value_rounding: float = 0.0

    def __post_init__(self) -> None:
        if self.lower_bound is None:
            object.__setattr__(self, "lower_bound", self.dual if self.scope == "global" else -math.inf)
        if self.value_scale is None:
            object.__setattr__(self, "value_scale", abs(self.primal))

    def __repr__(self) -> str:
        return paragraph(
            "Certificate",
            f"value {self.primal:.10g}, no less than {self.dual:.10g} for "
            f"{SCOPES.get(self.scope, self.scope)}; gap {self.gap:.2g}, "
            f"largest violation {self.max_violation:.2g}, scope {self.scope!r}, "
            f"proven lower bound {self.lower_bound:.10g}",
        )

    def meets(self, tol: float) -> bool:
        """Whether gap and violation are within `tol` of the problem's own scales.

        Parameters
        ----------
        tol : float
            Relative tolerance.

        Returns
        -------
        bool
            ``|gap| <= tol value_scale + value_rounding`` and ``max_violation <= tol violation_scale +
            rounding``.

        Examples
        --------
        >>> import convexscore as cs
        >>> certificate = cs.solve(cs.ScoreMatching([0.0, 1.0, 3.0]), 2.0).certificate
        >>> certificate.meets(1e-8)
        True
        """
        tol = as_real("tol", tol, minimum=0.0)
        allowed = tol * self.violation_scale + self.rounding
        close = abs(self.gap) <= tol * self.value_scale + self.value_rounding
        return bool(close and self.max_violation <= allowed)


@dataclass(frozen=True)
class BetaBounds:
    """Thresholds of the weight decay.

    Parameters
    ----------
    minimum : float
        The program has a finite optimum iff ``beta >= minimum`` (zero for DSM).
    linear : float
        For ``beta >= linear`` the optimal score is a line on the range of the data (``beta_2`` of ZP
        without skip, ``beta_1`` with skip); below it has kinks strictly inside, or is a line made at a tie
        heavier than ``beta`` (ReLU without skip).
    maximum : float
        ``beta_1``: for ``beta >= maximum`` the optimal score does not depend on ``beta`` any more: the
        line of the closed form with skip, a constant (zero for SM) without.

    See Also
    --------
    beta_bounds : Computes them.
    """

    minimum: float
    linear: float
    maximum: float


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

    See Also
    --------
    Solution : Has them as ``stats``.
    """

    solver: str
    iterations: int
    seconds: float
    n_atoms: int
    solver_value: float | None = None


@dataclass(frozen=True, eq=False, repr=False)
class Solution(Shown):
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
    theorem : str or None
        Number of the theorem of Zhang & Pilanci (arXiv 2402.01965) whose convex program was solved, such as
        ``"3.1"``; None where the program is none of theirs.
    tails : tuple of two floats or None
        Bounds of the score's slopes left and right of the data, if there are any; value and certificate hold
        within them.
    problem : Problem or None
        What was trained, and on what; None for a solution that was put together by hand.

    See Also
    --------
    solve : Makes solutions.
    ScoreDensity : The density of a score on the line.
    convexscore.plotting.plot_certificate : The picture of why it is optimal.

    Examples
    --------
    >>> import convexscore as cs
    >>> solution = cs.solve([0.0, 1.0, 3.0, 3.5], 1.5, skip=True)
    >>> solution.sample(3, rng=0).shape, solution.density().is_log_concave
    ((3,), True)
    >>> solution.objective.X.shape, solution.theorem
    ((4, 1), 'A.5')
    """

    network: Any  # which of the two depends on the arguments of `solve`
    value: float
    status: str
    certificate: Certificate
    stats: SolveStats
    beta: float
    shape: str | None = None
    theorem: str | None = None
    tails: tuple[float, float] | None = None
    problem: Problem | None = field(default=None)

    @property
    def objective(self) -> Any:
        """The data and the loss that it was trained on, without samples of weight zero; None if unknown."""
        return None if self.problem is None else self.problem.objective

    @property
    def _support(self) -> Any:
        return getattr(self.objective, "support", None)

    def density(self) -> ScoreDensity | ConservativeDensity:
        """Return the density of its score: one feature, or two with ``conservative=True``.

        It is that on the support of the objective, if this has one.  One on the line knows the solution, so
        that it can make `ScoreDensity.interval_bands`.

        Raises
        ------
        ValueError
            If the network is of another kind, whose density is not known in closed form.
        NotNormalizableError
            If the score has no density.
        """
        density = shorthand("density")
        found: ScoreDensity | ConservativeDensity = density(self.network, self._support, self)
        return found

    def sample(self, n: int, rng: np.random.Generator | int | None = None) -> FloatArray:
        """Return `n` independent samples of `density`, shape ``(n,)``, or ``(n, 2)`` with two features."""
        return self.density().sample(n, rng=rng)

    def __repr__(self) -> str:
        certificate, network = self.certificate, self.network
        features = f"{network.n_features} feature" + "s" * (network.n_features != 1)
        constraints = f" on {limits_shown(self._support)}" if self._support else ""
        constraints += f", {self.shape} scores" if self.shape else ""
        if self.tails:
            constraints += f", outer slopes at most {self.tails[0]:g} and {self.tails[1]:g}"
        return paragraph(
            "Solution",
            f"{self.status}, value {self.value:.10g} at weight decay {self.beta:g}{constraints}; "
            f"{type(network).__name__} of {features} with {_counted(network.n_neurons)}; certificate of "
            f"scope {certificate.scope!r}, gap {certificate.gap:.2g}, largest violation "
            f"{certificate.max_violation:.2g}; found by {self.stats.solver!r} in {self.stats.seconds:.3g} s"
            + (f"; Theorem {self.theorem}" if self.theorem else ""),
        )

    def __str__(self) -> str:
        certificate, network = self.certificate, self.network
        constraints = f", {self.shape} scores" if self.shape else ""
        if self.tails:
            constraints += f", outer slopes at most {self.tails[0]:g} and {self.tails[1]:g}"
        return "\n".join(
            [
                f"status       {self.status} ({self.stats.solver}, {self.stats.seconds:.3g} s)",
                f"value        {self.value:.10g}   (beta = {self.beta:g})",
                f"certificate  gap {certificate.gap:.2g}, violation {certificate.max_violation:.2g}, "
                f"scope {certificate.scope}{constraints}",
                *_within(self.value, certificate),
                *([f"support      {limits_shown(self._support)}"] if self._support else []),
                f"network      {network.n_neurons} {network.activation} neurons",
            ]
        )

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the solution to an NPZ file (no pickle); it appears whole or not at all.

        `load` opens it, network, certificate and all; `provenance` tells what it is without that.
        """
        facts = {
            "beta": self.beta,
            "value": self.value,
            "status": self.status,
            "certificate": self.certificate,
            "solver": self.stats.solver,
            "theorem": self.theorem,
            "shape": self.shape,
            "tails": self.tails,
            "activation": self.network.activation,
            "n_features": self.network.n_features,
            "n_neurons": self.network.n_neurons,
        }
        if self.problem is not None:
            facts |= {"objective": type(self.problem.objective).__name__, "skip": self.problem.skip}
            facts |= {"bias": self.problem.bias, "conservative": self.problem.conservative}
        save_object(path, self, **facts)


def _counted(n_neurons: int) -> str:
    return f"{n_neurons} neuron" + "s" * (n_neurons != 1)


def _within(value: float, certificate: Certificate) -> list[str]:
    """Return a line that says how near the best network a local solution is proven to be."""
    excess = value - certificate.lower_bound
    if certificate.scope != "local" or not math.isfinite(excess):
        return []
    size = abs(value)
    shown = f"{max(excess, 0.0):.2g}" if excess > size else f"{100 * max(excess, 0.0) / size:.2g} %"
    return [f"proven       within {shown} of the best network of any width"]


def value_size(primal: float, parts: float) -> float:
    """Return the scale of a value whose parts are together of size `parts`, and may cancel in it."""
    return max(abs(primal), 0.1 * parts)


def judged(certificate: Certificate, tol: float, status: str = "optimal") -> str:
    """Return `status` if a certificate meets `tol`, else warn and return ``"inaccurate"``.

    Warns
    -----
    ConvergenceWarning
        If the certificate misses `tol`.
    """
    if certificate.meets(tol):
        return status
    warn_caller(
        f"the certificate misses tol={tol:g}: gap {_share(certificate.gap, certificate.value_scale)} of the "
        "values' size, largest violation "
        f"{_share(certificate.max_violation, certificate.violation_scale)} of the correlations'",
        ConvergenceWarning,
    )
    return "inaccurate"


def _share(part: float, whole: float) -> str:
    return f"{part / whole:.3g}" if whole else f"{part:.3g}"
