"""The univariate programs as matrices for a solver of one's own."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np
import scipy.sparse as sp
from numpy.typing import ArrayLike, NDArray

from .._support.frozen import Frozen
from .._support.validation import FloatArray, as_float_array, as_real
from ..networks.two_layer import TwoLayerNetwork
from ..numerics.scaling import times_power
from ..objectives import Objective, as_sampled_objective
from ..problem import Problem
from ..results import Certificate, Solution, SolveStats, judged
from ..units import Units, units_of
from .activation_rules import rules_of
from .bounds import require_bounded
from .certificate import certify
from .program import UnivariateProgram
from .quadratic import assembled
from .reconstruction import Atoms, network_of_atoms

__all__ = ["UnivariateMatrices", "univariate_program"]

# Entries of the matrix of atoms, which is dense: 200 MB.
_ENTRIES = 25_000_000
# Coefficients below this share of the largest are a solver's noise, where the certificate allows it.
_NOISE = 1e-6


@dataclass(frozen=True, eq=False)
class UnivariateMatrices(Frozen):
    """A training problem as a quadratic program, in the units of the data.

    ::

        min  1/2 x'P x + q'x      subject to      l <= A x <= u

    The variables are ``x = (u, v, b, V, r)``: the positive and the negative parts of the atoms' coefficients
    ``y``, the score's constant, with skip its slope (both measured from the mean of the data), and the
    residuals at the distinct data.  The rows of ``A`` define the residuals, and keep ``u`` and ``v`` from
    being negative.

    Parameters
    ----------
    P : sparse matrix of shape (n_variables, n_variables)
        Diagonal, positive semidefinite.
    q : ndarray of shape (n_variables,)
        Linear term.
    A : sparse matrix of shape (n_constraints, n_variables)
        Constraints.
    l, u : ndarray of shape (n_constraints,)
        Their bounds, equal for equations, infinite where there is none.
    constant : float
        What is to be added for the training objective: ``1/2 x'P x + q'x + constant``, which is at least
        the loss of the network of `x` for any `x` within the constraints, and equal to it at an optimum.
    beta : float
        The weight decay.

    See Also
    --------
    univariate_program : Makes them.
    """

    P: sp.csc_matrix
    q: FloatArray
    A: sp.csc_matrix
    l: FloatArray  # noqa: E741  # the name that solvers give it
    u: FloatArray
    constant: float
    beta: float
    _problem: Problem = field(repr=False)
    _where: NDArray[np.intp] = field(repr=False)
    _side: FloatArray = field(repr=False)

    def solution(self, x: ArrayLike, tol: float = 1e-6) -> Solution:
        """Return the network of a solver's answer, and its certificate.

        Nothing but ``u - v``, ``b`` and ``V`` is read from `x`, and nothing in it is believed: value, gap and
        violation are those of the network, recomputed from its weights as `solve` does.  Coefficients below
        a millionth of the largest are left out if the network meets the tolerance without them.

        Parameters
        ----------
        x : array of shape (n_variables,)
            Any point, feasible or not.
        tol : float
            Relative tolerance on gap and violation, by which the status is decided.

        Returns
        -------
        Solution
            Its `stats` have the solver ``"given"`` and, as `solver_value`, the objective at `x`.

        Raises
        ------
        ValueError
            If `x` has another shape, or numbers too large for a network.

        Warns
        -----
        ConvergenceWarning
            If the certificate misses `tol`; the status is then ``"inaccurate"``.

        Examples
        --------
        >>> import numpy as np, convexscore as cs
        >>> program = cs.univariate_program([0.0, 1.0, 3.0], beta=4.0)
        >>> solution = program.solution(np.zeros(program.q.size))
        >>> solution.status, solution.value
        ('optimal', 0.0)
        """
        tol = as_real("tol", tol, minimum=0.0, strict=True, maximum=1.0)
        x = as_float_array("x", x)
        if x.shape != self.q.shape:
            raise ValueError(f"x: expected shape {self.q.shape}, got {x.shape}")
        start = time.perf_counter()
        with np.errstate(over="ignore", invalid="ignore"):
            value = 0.5 * float(x @ (self.P @ x)) + float(self.q @ x) + self.constant
        units = units_of(self._problem)
        program = UnivariateProgram.from_problem(units.problem(self._problem))
        with np.errstate(all="ignore"):
            found, certificate = self._best(x, units, program, tol)
        seconds = time.perf_counter() - start
        inside = times_power(value, -units.value) if np.isfinite(value) else value
        stats = SolveStats("given", 0, seconds, program.n_atoms, inside)
        status = judged(certificate, tol)
        solution = Solution(
            found, certificate.primal, status, certificate, stats, self.beta, theorem=program.theorem
        )
        return units.solution(solution, self.beta)

    def _best(
        self, x: FloatArray, units: Units, program: UnivariateProgram, tol: float
    ) -> tuple[TwoLayerNetwork, Certificate]:
        """Return the network without a solver's noise if it meets the tolerance, else that of all of `x`."""
        n_atoms, n_positions = self._where.size, program.position.size
        coefficient = x[:n_atoms] - x[n_atoms : 2 * n_atoms]
        slope = float(x[2 * n_atoms + 1]) if program.skip else 0.0
        # The first row defines the residual at the first of the data: score minus label.
        row = self.A[[0], : self.q.size - n_positions]
        first = float((row @ x[: self.q.size - n_positions])[0])
        exponent = units.length - units.label
        coefficient, slope = np.ldexp(coefficient, exponent), times_power(slope, exponent)
        first = times_power(first, -units.label)

        def written(kept: NDArray[np.bool_], slope: float, first: float) -> TwoLayerNetwork:
            where = self._where[kept]
            atoms = Atoms(program.position[where], coefficient[kept], self._side[kept])
            return network_of_atoms(program, atoms, slope, first)

        size = np.abs(coefficient)
        try:
            whole = written(size > 0, slope, first)
            certificate = certify(program, whole, units.beta(self.beta))
            if not np.isfinite(certificate.primal):
                raise ValueError
            few = size > _NOISE * size.max(initial=0.0)
            # The line nearest to what is left out takes its place.
            lost = whole(program.position) - written(few, slope, first)(program.position)
            mean = float(program.mass @ lost) / program.total
            tilt = float((program.mass * program.centred) @ lost) / (program.total * program.variance)
            tilt = tilt if program.skip else 0.0
            fewer = written(few, slope + tilt, first + mean + tilt * float(program.centred[0]))
        except ValueError:
            raise ValueError("x: expected numbers that make a network, got some that are too large") from None
        shorter = certify(program, fewer, units.beta(self.beta))
        return (fewer, shorter) if shorter.meets(tol) else (whole, certificate)


def univariate_program(
    objective: Objective | ArrayLike, beta: float, activation: str = "relu", skip: bool = False
) -> UnivariateMatrices:
    """Return the convex program that is equivalent to training on one feature, for a solver of one's own.

    Parameters
    ----------
    objective : ScoreMatching, DenoisingScoreMatching or array
        One-dimensional data; an array is score matching on it.
    beta : float
        Weight decay of the summed loss, at least ``beta_bounds(...).minimum``.
    activation : {"relu", "abs"}
        Activation.
    skip : bool
        Whether the network has a skip connection.

    Returns
    -------
    UnivariateMatrices
        ``P, q, A, l, u`` and `constant`, and the method `solution`, which makes a certified `Solution` of
        what the solver returns.

    Raises
    ------
    UnboundedError
        If `beta` is below the bound under which score matching has no minimum.
    TypeError, ValueError
        If an argument is of the wrong kind or out of range, the data have several features, or so many
        distinct values that the matrix, of as many columns a value, would not fit in memory.

    See Also
    --------
    UnivariateMatrices : What is returned.
    solve : Solves and certifies.
    certify : The certificate of a network trained elsewhere.

    Examples
    --------
    >>> import convexscore as cs, cvxpy as cp
    >>> data = [0.0, 1.0, 3.0, 3.5]
    >>> program = cs.univariate_program(data, beta=2.0)
    >>> x = cp.Variable(program.q.size)
    >>> cost = 0.5 * cp.quad_form(x, program.P) + program.q @ x
    >>> bounds = [program.A @ x >= program.l, (program.A @ x)[:4] <= program.u[:4]]
    >>> value = cp.Problem(cp.Minimize(cost), bounds).solve(solver="CLARABEL") + program.constant
    >>> solution = program.solution(x.value)
    >>> solution.status, bool(abs(value - cs.solve(data, beta=2.0).value) < 1e-6)
    ('optimal', True)
    """
    problem = Problem(as_sampled_objective(objective), activation, skip)
    beta = as_real("beta", beta, minimum=0.0)
    if problem.n_features != 1:
        raise ValueError(
            f"objective: expected data with 1 feature, got {problem.n_features}; `solve` trains networks "
            "with several, by column generation"
        )
    rules_of(problem.activation)
    units = units_of(problem)
    inside = UnivariateProgram.from_problem(units.problem(problem))
    units.run(partial(require_bounded, inside, units.beta(beta)), beta)
    n = inside.position.size
    if n * inside.n_atoms > _ENTRIES:
        most = int(np.sqrt(_ENTRIES * n / inside.n_atoms))
        raise ValueError(
            f"objective: expected at most {most} distinct values, since the matrix is dense, got {n}; "
            "`solve` has solvers without it"
        )
    program = UnivariateProgram.from_problem(problem)
    centred = replace(program, position=program.centred)
    quadratic = assembled(centred, beta)
    matrix, lower, upper = quadratic.intervals()
    return UnivariateMatrices(
        quadratic.P,
        quadratic.q,
        matrix,
        lower,
        upper,
        program.scatter,
        beta,
        problem,
        quadratic.dictionary.where,
        quadratic.dictionary.side,
    )
