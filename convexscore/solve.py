"""The one front door: `solve`."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ._support.validation import as_choice, as_flag, as_float_array, as_real
from .arrangements.patterns import Patterns
from .errors import NotNormalizableError
from .families import SOLVERS, family_of
from .objectives import ExpectedDenoising, Objective
from .problem import Problem
from .results import Solution
from .univariate.masses import warn_of_masses

__all__ = ["SOLVERS", "solve"]

# Weight decays tried for a density, each with half the distance to the boundedness bound.
_HALVINGS = 8


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
    weights: ArrayLike | None = None,
    shape: str | None = None,
    refit: bool = False,
    tails: str | None = None,
    conservative: bool = False,
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
    * three and more features, weight decay: the same program; branch and bound over all hyperplanes proves
      the scope ``"global"`` where it ends with ``max_boxes`` boxes, by default up to six features.  Where it
      does not, the scope is ``"local"``, and the certificate's `lower_bound` is what has been proven.
    * `conservative`: a lasso over all neurons whose output vector is along their direction, so that the score
      is the gradient of a potential; optimal among such networks of any width, scopes as without.
    * `gated`: nuclear norms, one matrix a pattern; optimal among gated networks of any width with these
      patterns, scope ``"patterns"``.
    * ``beta=0``: least squares on patterns (ZP Theorems 3.2, 4.2) and cone decomposition; optimal on these
      patterns, and with all of them among networks of any width.

    The gated program on all patterns relaxes that of a network without bias: its value is a lower bound.

    Parameters
    ----------
    objective : ScoreMatching, DenoisingScoreMatching, ExpectedDenoising or array
        The data and the loss; any order, repetitions and weights allowed.  An array is score matching on it.
        Expected denoising takes none of `shape`, `refit` and `tails`.
    beta : float or "auto"
        Weight decay of the summed loss, at least ``beta_bounds(...).minimum``; ``"auto"`` takes
        ``select_beta(objective, rng=0, ...)`` with the same arguments, the same for the same data.  With one
        feature its score always has a density: where the optimum has none, ``"auto"`` solves again with
        ``tails="integrable"``, and `Solution.tails` says so; for abs neurons without skip it then takes a
        smaller weight decay if that is needed (refits are left as they are).  With
        ``shape="log-concave"`` it takes the weight decay of the best held-out likelihood.
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
    weights : array of shape (n_patterns,), optional
        For the penalty ``"ridge"``, one weight ``p_j`` a pattern, at least 0: the penalty is
        ``beta/2 ||W_j||_F^2 / p_j`` and the kernel ``sum_j p_j D_j X X' D_j``.  With
        ``baselines.pattern_weights(X, bias=True)`` it is the neural tangent kernel.  In the order of
        `patterns`, or of ``enumerate_patterns(X, bias)`` without; ones by default.
    shape : {None, "log-concave"}
        ``"log-concave"`` minimizes over networks whose slope is nowhere positive, so that the density
        of the score is log-concave; the certificate then covers all of these.  One feature only.
    refit : bool
        Fit the selected kinks again without weight decay, keeping their signs: this removes the shrinkage,
        ``(1 - beta/n)`` in the linear regime.  The result is no training optimum; its status is
        ``"refit"``, its value its own data term, its certificate that of the refit.  One feature only.
    tails : {None, "integrable"}
        ``"integrable"`` minimizes over networks whose slopes left and right of the data are at most the two
        numbers `Solution.tails`, so that the score has a density; the certificate then covers all of these.
        A bound is zero, or minus one over the variance of the data at an end where the optimum for zero does
        not point inward.  An optimum that obeys by itself is returned unchanged.  One feature only, by
        ``"active_set"``; absolute values without skip have opposite outer slopes and may have no density.
    conservative : bool
        Tie the second layer to the first: the score ``sum_k a_k u_k sigma(u_k'x + b_k) + S x + b2`` with
        symmetric ``S`` (zero without `skip`) is the gradient of the potential of a `ConservativeNetwork`, the
        log-density up to a constant.  Takes a positive number for `beta`, and neither gates, patterns,
        shape, refit nor ``start``.  With one feature every network is a gradient, and the values are
        those of ``conservative=False``.
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
        Show progress: bars (need tqdm), or what a conic solver prints.
    **solver_options
        ``max_iterations`` for ``"active_set"`` and ``"column_generation"``; for the latter, but with gates,
        in three and more dimensions also ``n_starts`` of the search and ``max_boxes``, the number of boxes
        that branch and bound may cut (None: a million for three features, two for four, fewer up to six,
        and none beyond); ``n_jobs``, the number of joblib's workers that price neurons, also in the plane
        with bias (None: one, or what `joblib.parallel_config` says), on which results do not depend; and
        for networks that are not conservative ``start``, a network to start from, and
        ``max_patterns`` up to which, without bias in three and more dimensions, the gated lower bound is
        computed where nothing better is proven.  Settings of
        Clarabel or OSQP; for ``"cvxpy"`` the name ``cvxpy_solver`` and whatever ``cvxpy.Problem.solve``
        takes.  ``beta="auto"`` takes ``n_jobs`` for every problem: see `select_beta`.  An option without
        effect is refused.

    Returns
    -------
    Solution
        Network, value, status, certificate, statistics, and the number of the theorem that was solved.

    Raises
    ------
    UnboundedError
        If `beta` is below the bound under which score matching has no minimum.
    NotNormalizableError
        With ``tails="integrable"`` or ``"auto"``, if no optimum of the kind has a density.
    SolverError
        If a conic solver stops with a bad status.
    TypeError, ValueError
        If an argument is of the wrong kind, out of range, or without effect on the problem.

    Warns
    -----
    ConvergenceWarning
        If the certificate misses `tol`; the status is then ``"inaccurate"``.
    UserWarning
        If repeated values decide on the automatic weight decay (see `select_beta`); or, with one feature and
        no `shape`, if the density of its score and the data disagree on masses by more than chance: score
        matching does not see how mass is shared between separated groups.

    See Also
    --------
    select_beta : What chooses the weight decay for ``beta="auto"``.
    beta_bounds : The least weight decay, and where the score is a line.
    regularization_path : All weight decays at once, with one feature.
    certify : The certificate of a network trained elsewhere.
    univariate_program : The program's matrices, for another solver.
    PooledScore : A density with nothing to choose.
    NoiseConditionalScore : One network a noise level.

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

    A score whose slope is positive beyond the data has no density; the best that has one:

    >>> import numpy as np
    >>> x = np.random.default_rng(1).lognormal(size=300)
    >>> cs.solve(x, 30.0, skip=True).network.piecewise.failing_tails
    ('right',)
    >>> solution = cs.solve(x, 30.0, skip=True, tails="integrable")
    >>> solution.tails, solution.status, solution.network.piecewise.failing_tails
    ((0.0, 0.0), 'optimal', ())
    """
    problem = Problem(
        objective,
        activation,
        skip,
        bias,
        gated,
        patterns,
        penalty,
        shape,
        refit,
        tails=tails,
        conservative=conservative,
        weights=None if weights is None else as_float_array("weights", weights),
    )
    if isinstance(beta, str):
        as_choice("beta", beta, ("auto",))
        return _solve_automatically(problem, solver, tol, verbose, solver_options)
    beta = as_real("beta", beta, minimum=0.0)
    family = family_of(problem, beta, solver)
    return family.checked_solve(problem, beta, solver, tol, verbose, solver_options)


def _solve_automatically(
    problem: Problem, solver: str, tol: float | None, verbose: bool, options: dict[str, Any]
) -> Solution:
    """Choose the weight decay and solve, with one feature for a score that has a density."""
    chooser = family_of(problem)
    n_jobs = options.get("n_jobs")
    beta = chooser.checked_select(
        problem, "combined", 0, {}, progress=as_flag("verbose", verbose), n_jobs=n_jobs
    )
    family = family_of(problem, beta, solver)
    known = family.row(solver).option_names(problem)
    if known is None or "n_jobs" not in known:
        # It had its effect on the choice.
        options = {name: value for name, value in options.items() if name != "n_jobs"}
    solution = family.checked_solve(problem, beta, solver, tol, verbose, options)
    if _lacks_density(problem, solution):
        solution = _with_density(problem, beta, tol, verbose, options)
    if problem.on_the_line and problem.objective.has_trace and not (problem.refit or problem.shape):
        warn_of_masses(solution.network, problem.objective)
    return solution


def _with_density(
    problem: Problem, beta: float, tol: float | None, verbose: bool, options: dict[str, Any]
) -> Solution:
    """Solve for tails that leave a density, with a smaller weight decay if that is needed."""
    constrained = replace(problem, tails="integrable")
    family = family_of(constrained, beta)
    options = {name: options[name] for name in options if family.takes(name, constrained, "auto")}
    lowest = family.checked_bounds(constrained).minimum
    for smaller in lowest + (beta - lowest) * 0.5 ** np.arange(_HALVINGS):
        try:
            return family.checked_solve(constrained, float(smaller), "auto", tol, verbose, options)
        except NotNormalizableError as error:
            refusal = error
    raise refusal


def _lacks_density(problem: Problem, solution: Solution) -> bool:
    """Whether a score has no density though one of its kind might."""
    if not problem.on_the_line or problem.tails is not None or problem.refit:
        return False
    return bool(solution.network.piecewise.failing_ends(problem.limits))
