"""The one front door: `solve`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ._support.validation import as_choice, as_flag, as_real, no_options
from .activations import get_activation
from .arrangements.patterns import Patterns
from .multivariate.gated import solve_gated
from .multivariate.ridge import solve_ridge_network
from .multivariate.train import solve_networks
from .multivariate.unpenalized import solve_without_decay
from .objectives import ExpectedDenoising, Objective
from .results import Solution
from .selection import select_beta
from .univariate.expected.train import solve_expected
from .univariate.train import UNIVARIATE_SOLVERS, solve_univariate

__all__ = ["NEURON_SOLVERS", "SOLVERS", "solve"]

#: Solvers of the programs over neurons and patterns.
NEURON_SOLVERS = ("column_generation", "semismooth_newton", "least_squares")
#: Names that `solve` accepts as `solver`.
SOLVERS = (*UNIVARIATE_SOLVERS, *NEURON_SOLVERS)


def solve(
    objective: Objective | ExpectedDenoising,
    beta: float | str,
    activation: str = "relu",
    skip: bool = False,
    *,
    bias: bool = True,
    gated: bool = False,
    patterns: Patterns | NDArray[np.bool_] | None = None,
    penalty: str = "nuclear",
    shape: str | None = None,
    refit: bool = False,
    solver: str = "auto",
    tol: float | None = None,
    verbose: bool = False,
    **solver_options: Any,
) -> Solution:
    """Train a two-layer network to a certified global optimum.

    Solves the convex program that is equivalent to training, writes its solution as a network, and certifies
    that network, everything recomputed from its weights.  Which program depends on the arguments:

    * one feature: ZP Theorems 3.1, A.4-A.6, 4.1, B.1-B.3; optimal among networks of any width, scope
      ``"global"``.
    * two features, weight decay: a group lasso over all neurons, each kink line priced exactly; the same.
    * three and more features, weight decay: the same program, neurons found by search; nothing is proven,
      scope ``"local"``.  Without bias and with few patterns the certificate's `lower_bound` is one that is.
    * `gated`: nuclear norms, one matrix a pattern; optimal among gated networks of any width with these
      patterns, scope ``"patterns"``.
    * ``beta=0``: least squares on patterns (ZP Theorems 3.2, A.9, 4.2, B.3) and cone decomposition; optimal
    on
      these patterns, and with all of them among networks of any width.

    The gated program on all patterns relaxes that of a network without bias: its value is a lower bound.

    Parameters
    ----------
    objective : ScoreMatching, DenoisingScoreMatching or ExpectedDenoising
        The data and the loss; any order, repetitions and weights allowed.  Expected denoising takes a
        number for `beta`, and neither `shape`, `refit` nor a choice of solver.
    beta : float or "auto"
        Weight decay of the summed loss, at least ``beta_bounds(...).minimum``; ``"auto"`` takes
        ``select_beta(objective, "combined", rng=0, ...)``, the same for the same data.
    activation : {"relu", "abs"}
        Activation.
    skip : bool
        Whether the network has a skip connection ``V x``.
    bias : bool
        Whether the network has biases, which are not penalized; those of gated networks are a column of ones
        of the data, penalized with the first layer, and their second layer has none.
    gated : bool
        Train a gated network: gates fixed to patterns, weights free.
    patterns : Patterns or bool array of shape (n_patterns, n_samples), optional
        Patterns for gated networks and for ``beta=0``; by default all patterns of the data.
    penalty : {"nuclear", "ridge"}
        For gated networks: ``"nuclear"`` is weight decay; ``"ridge"`` penalizes ``beta/2 ||W_j||_F^2`` of
        each pattern's matrix, which is kernel ridge regression.
    shape : {None, "log-concave"}
        ``"log-concave"`` minimizes over networks whose slope is nowhere positive, so that the density
        of the score is log-concave; the certificate then covers all of these.  One feature only.
    refit : bool
        Fit the selected kinks again without weight decay, keeping their signs: this removes the shrinkage,
        ``(1 - beta/n)`` in the linear regime.  The result is no training optimum; its status is
        ``"refit"``, its value its own data term, its certificate that of the refit.  One feature only.
    solver : str
        ``"auto"``, or one of `SOLVERS` that knows the program.  One feature: ``"closed_form"``,
        ``"active_set"`` (the default but where the closed form applies), ``"clarabel"``, ``"osqp"``,
        ``"cvxpy"`` (dense, up to a few hundred points, refined afterwards), ``"column_generation"``.  More
        features: ``"column_generation"``; gated networks ``"semismooth_newton"`` (the default) too;
        ``"least_squares"`` for ``beta=0``.
    tol : float, optional
        Relative tolerance on the certificate's gap and violation, and the conic solvers' tolerance; by
        default 1e-8 for one feature and 1e-6 for more.
    verbose : bool
        Let a conic solver print its progress.
    **solver_options
        ``max_iterations`` for ``"active_set"`` and ``"column_generation"``; for the latter also ``start``,
        a network to start from, ``n_starts`` of the search in three and more dimensions, and
        ``max_patterns`` up to which the gated lower bound is computed there.  Settings of Clarabel or OSQP;
        for ``"cvxpy"`` the name ``cvxpy_solver`` and whatever ``cvxpy.Problem.solve`` takes.

    Returns
    -------
    Solution
        Network, value, status, certificate, statistics.

    Raises
    ------
    UnboundedError
        If `beta` is below the bound under which score matching has no minimum.
    SolverError
        If a conic solver stops with a bad status.
    TypeError, ValueError
        If an argument is of the wrong kind or out of range, or a solver option is unknown.

    Warns
    -----
    ConvergenceWarning
        If the certificate misses `tol`; the status is then ``"inaccurate"``.

    Notes
    -----
    In two and more dimensions kink hyperplanes go through data, and score matching may count each data
    point on them with either slope, as a slightly moved hyperplane would (without biases: a slightly turned
    one). Networks come with hyperplanes moved off the data by 1e-13 of their scale.

    Examples
    --------
    >>> import convexscore as cs
    >>> eruptions = cs.datasets.load_old_faithful()["eruptions"]
    >>> solution = cs.solve(cs.ScoreMatching(eruptions), beta=20, skip=True)
    >>> solution.status, solution.network.n_neurons, solution.certificate.scope
    ('optimal', 7, 'global')
    >>> solution.network(2.0).shape
    ()

    In the plane:

    >>> import numpy as np
    >>> points = np.random.default_rng(0).standard_normal((50, 2))
    >>> cs.solve(cs.ScoreMatching(points), beta=10).certificate.scope
    'global'
    """
    request = _Request(skip, bias, gated, patterns, penalty, shape, refit, solver, tol, verbose)
    request.check(objective, activation)
    if isinstance(objective, ExpectedDenoising):
        return _expected(objective, beta, activation, skip, request.tolerance(1), solver_options)
    n_features = objective.X.shape[1]
    one = n_features == 1 and bias and not request.on_patterns and solver not in NEURON_SOLVERS
    if isinstance(beta, str):
        as_choice("beta", beta, ("auto",))
        if request.on_patterns:
            raise ValueError(f"beta: expected a number for programs on patterns, got {beta!r}")
        beta = select_beta(objective, "combined", rng=0, activation=activation, skip=skip, bias=bias)
    beta = as_real("beta", beta, minimum=0.0)
    tol = request.tolerance(1 if one else 2)
    if one:
        return solve_univariate(
            objective,
            beta,
            activation,
            skip,
            shape=shape,
            refit=refit,
            solver=solver,
            tol=tol,
            verbose=verbose,
            options=solver_options,
        )
    request.check_for_neurons(beta)
    if beta == 0 or penalty == "ridge":
        no_options("least_squares", solver_options)
        if beta == 0:
            return solve_without_decay(objective, activation, skip, bias, gated, patterns, tol=tol)
        return solve_ridge_network(objective, beta, activation, skip, bias, patterns, tol=tol)
    if gated:
        return solve_gated(
            objective, beta, activation, skip, bias, patterns, solver=solver, tol=tol, options=solver_options
        )
    return solve_networks(objective, beta, activation, skip, bias, tol=tol, options=solver_options)


@dataclass(frozen=True, eq=False)
class _Request:
    """The arguments of `solve` that choose a program, and what of them goes together."""

    skip: bool
    bias: bool
    gated: bool
    patterns: Patterns | NDArray[np.bool_] | None
    penalty: str
    shape: str | None
    refit: bool
    solver: str
    tol: float | None
    verbose: bool

    @property
    def on_patterns(self) -> bool:
        return self.gated or self.patterns is not None

    def tolerance(self, n_features: int) -> float:
        if self.tol is None:
            return 1e-8 if n_features == 1 else 1e-6
        return as_real("tol", self.tol, minimum=0.0, strict=True)

    def check(self, objective: Objective | ExpectedDenoising, activation: str) -> None:
        """Raise for arguments that are wrong whatever the program."""
        as_choice("solver", self.solver, SOLVERS)
        as_choice("penalty", self.penalty, ("nuclear", "ridge"))
        for name in ("skip", "bias", "gated", "refit", "verbose"):
            as_flag(name, getattr(self, name))
        if self.shape is not None:
            as_choice("shape", self.shape, ("log-concave",))
        if self.refit and self.shape is not None:
            raise ValueError(
                f"refit: expected False with shape={self.shape!r}, which a refit need not keep, got True"
            )
        if isinstance(objective, ExpectedDenoising):
            if self.shape is not None or self.refit or self.solver != "auto":
                raise ValueError(
                    "objective: expected denoising takes neither shape nor refit, and solver='auto' only, "
                    f"got shape={self.shape!r}, refit={self.refit}, solver={self.solver!r}"
                )
            if self.on_patterns or not self.bias:
                raise ValueError("objective: expected denoising takes networks with bias, without patterns")
        get_activation(activation)

    def check_for_neurons(self, beta: float) -> None:
        """Raise for arguments that programs over neurons or patterns do not take."""
        if self.shape is not None or self.refit:
            raise ValueError(
                f"{'shape' if self.shape else 'refit'}: expected none but for data with one feature and a "
                "network with bias, without gates and patterns"
            )
        if self.penalty == "ridge" and not (self.gated and beta > 0):
            raise ValueError("penalty: expected 'nuclear' unless gated=True and beta > 0, got 'ridge'")
        if self.patterns is not None and not self.gated and beta > 0:
            raise ValueError(
                "patterns: expected None for a network with weight decay that is not gated, whose neurons "
                "are not confined to given patterns"
            )
        known = ["auto"]
        if beta == 0:
            known += ["least_squares"]
        elif self.penalty == "nuclear":
            known += ["column_generation", "semismooth_newton"] if self.gated else ["column_generation"]
        if self.solver not in known:
            listed = ", ".join(repr(name) for name in known)
            raise ValueError(f"solver: expected one of {listed} for this program, got {self.solver!r}")


def _expected(
    objective: ExpectedDenoising,
    beta: float | str,
    activation: str,
    skip: bool,
    tol: float,
    options: dict[str, Any],
) -> Solution:
    if isinstance(beta, str):
        raise ValueError(f"beta: expected a number for expected denoising, got {beta!r}")
    no_options("refined_grid", options)
    beta = as_real("beta", beta, minimum=0.0)
    tol = as_real("tol", tol, minimum=0.0, strict=True)
    return solve_expected(objective, beta, activation, skip, tol)
