"""The one front door: `solve`."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ._support.validation import as_choice, as_real
from .arrangements.patterns import Patterns
from .families import SOLVERS, family_of
from .objectives import ExpectedDenoising, Objective
from .problem import Problem
from .results import Solution

__all__ = ["SOLVERS", "solve"]


def solve(
    objective: Objective | ExpectedDenoising | ArrayLike,
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
    * ``beta=0``: least squares on patterns (ZP Theorems 3.2, 4.2) and cone decomposition; optimal on these
      patterns, and with all of them among networks of any width.

    The gated program on all patterns relaxes that of a network without bias: its value is a lower bound.

    Parameters
    ----------
    objective : ScoreMatching, DenoisingScoreMatching, ExpectedDenoising or array
        The data and the loss; any order, repetitions and weights allowed.  An array is score matching on it.
        Expected denoising takes neither `shape` nor `refit`.
    beta : float or "auto"
        Weight decay of the summed loss, at least ``beta_bounds(...).minimum``; ``"auto"`` takes
        ``select_beta(objective, rng=0, ...)`` with the same arguments, the same for the same data.
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
        features: ``"column_generation"``; gated networks ``"semismooth_newton"`` (the default) too, or
        ``"kernel"`` with the penalty ``"ridge"``; ``"least_squares"`` for ``beta=0``; ``"refined_grid"`` for
        expected denoising.
    tol : float, optional
        Relative tolerance on the certificate's gap and violation, and the conic solvers' tolerance; by
        default 1e-8 for one feature and 1e-6 for more.
    verbose : bool
        Show progress: a bar (needs tqdm), or what a conic solver prints.
    **solver_options
        ``max_iterations`` for ``"active_set"`` and ``"column_generation"``; for the latter, but with gates,
        also ``start``, a network to start from, in three and more dimensions ``n_starts`` of the search, and
        there without bias ``max_patterns`` up to which the gated lower bound is computed.  Settings of
        Clarabel or OSQP; for ``"cvxpy"`` the name ``cvxpy_solver`` and whatever ``cvxpy.Problem.solve``
        takes.  An option without effect is refused.

    Returns
    -------
    Solution
        Network, value, status, certificate, statistics, and the number of the theorem that was solved.

    Raises
    ------
    UnboundedError
        If `beta` is below the bound under which score matching has no minimum.
    SolverError
        If a conic solver stops with a bad status.
    TypeError, ValueError
        If an argument is of the wrong kind, out of range, or without effect on the problem.

    Warns
    -----
    ConvergenceWarning
        If the certificate misses `tol`; the status is then ``"inaccurate"``.
    UserWarning
        If repeated values decide on the automatic weight decay; see `select_beta`.

    Notes
    -----
    Problems are solved in units of their own (powers of two, so that no digit changes): ranges of the data
    from 1e-120 to 1e120 and places up to 1e9 ranges from zero are all the same.  Networks of data far from
    zero have an `origin`.  The columns of data with several features share one unit, because weight decay
    treats all directions alike: a column in other units, or whitened data, is another problem with another
    optimum (and another ``"auto"``).  So divide columns without a common unit by their deviations first.
    Gated networks with bias penalize a column of ones beside the data; there scale and place matter too.

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
    problem = Problem(objective, activation, skip, bias, gated, patterns, penalty, shape, refit)
    if isinstance(beta, str):
        as_choice("beta", beta, ("auto",))
        beta = family_of(problem).checked_select(problem, "combined", 0, {})
    beta = as_real("beta", beta, minimum=0.0)
    family = family_of(problem, beta, solver)
    return family.checked_solve(problem, beta, solver, tol, verbose, solver_options)
