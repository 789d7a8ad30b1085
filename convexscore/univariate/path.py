"""The regularization path: the optimal score as a function of the weight decay.

Between breakpoints the kinks and their signs do not change, and the optimal score, its slopes and the
multiplier ``kappa`` are linear in ``beta``.  The exact path walks down from the largest threshold: at each
``beta`` it takes the derivative of the solution (one tridiagonal solve), finds the next lower ``beta`` at
which a kink vanishes, a position meets its bound or the multiplier changes its regime, and solves
there, warm-started.
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .._support.frozen import Frozen
from .._support.parallel import run_all
from .._support.progress import each, steps
from .._support.records import save_object
from .._support.shorthands import Shown, paragraph
from .._support.sizes import as_workers
from .._support.validation import FloatArray, as_count, as_flag, as_float_array, as_real, shown
from ..errors import ConvergenceError
from ..networks.two_layer import TwoLayerNetwork
from ..objectives import Objective, as_sampled_objective
from ..problem import Problem
from ..results import Solution, SolveStats
from ..units import Units, units_of
from .bounds import program_bounds, require_bounded
from .certificate import certified_solution
from .integrable import solve_integrable
from .moments import Blocks
from .path_events import Piece
from .path_walk import exact_pieces, moved
from .program import UnivariateProgram
from .reconstruction import reconstruct
from .solvers.active_set import solve_active_set
from .spline import Spline, SplineProblem
from .tails import Bounds, TailProblem

__all__ = ["Path", "beginning_of_path", "regularization_path", "spline_path"]

# Linear pieces of an exact path, at most.
_MOST_PIECES = 100_000


@dataclass(frozen=True, eq=False, repr=False)
class Path(Frozen, Shown):
    """Optimal scores for a range of weight decays.

    Parameters
    ----------
    objective : ScoreMatching or DenoisingScoreMatching
        The data.
    activation : {"relu", "abs"}
        Activation.
    skip : bool
        Whether the network has a skip connection.
    betas : ndarray of shape (n_betas,)
        Descending: the breakpoints of the exact path and its lower end, or the grid.
    n_kinks : ndarray of shape (n_betas,)
        Number of kinks strictly inside the data, just below each of `betas` (on a grid: at it).
    exact : bool
        Whether the path is the exact one; then any ``beta`` in its range has a solution at no cost.
    tails : {None, "integrable"}
        Constraint on the scores' slopes beyond the data.

    See Also
    --------
    regularization_path : Makes paths.
    beta_bounds : The weight decays at which a path begins.
    convexscore.plotting.plot_path : Its picture, which `plot` draws.
    """

    objective: Objective
    activation: str
    skip: bool
    betas: FloatArray
    n_kinks: NDArray[np.intp]
    exact: bool
    _program: UnivariateProgram = field(repr=False)
    _units: Units = field(repr=False)
    _pieces: list[Piece] = field(repr=False)
    _blocks: Blocks = field(repr=False)
    tails: str | None = None

    def solution(self, beta: float) -> Solution:
        """Return the certified solution at one weight decay.

        Parameters
        ----------
        beta : float
            For the exact path any number not below its lower end; for a grid one of its values.

        Raises
        ------
        ValueError
            If the path does not cover `beta`.

        Warns
        -----
        ConvergenceWarning
            If the certificate misses a relative tolerance of 1e-8; the status is then ``"inaccurate"``.
        """
        start = time.perf_counter()
        problem, spline, bounds = self._at(beta)
        stats = SolveStats("path", 0, time.perf_counter() - start, self._program.n_atoms)
        found = certified_solution(problem, spline, "optimal", stats, 1e-8, tails=bounds)
        asked = Problem(self.objective, self.activation, self.skip, tails=self.tails)
        return replace(self._units.solution(found, float(beta)), problem=asked)

    def network(self, beta: float) -> TwoLayerNetwork:
        """Return the network at one weight decay, without the cost of a certificate.

        Parameters
        ----------
        beta : float
            As for `solution`.

        Raises
        ------
        ValueError
            If the path does not cover `beta`.
        """
        found: TwoLayerNetwork = self._units.network_outside(reconstruct(*self._at(beta)[:2]))
        return found

    def _at(self, beta: float) -> tuple[SplineProblem, Spline, Bounds | None]:
        beta = as_real("beta", beta, minimum=0.0)
        covered = beta >= self.betas[-1] if self.exact else bool((self.betas == beta).any())
        if not covered:
            what = f"at least {self.betas[-1]:.10g}" if self.exact else f"one of {self.betas.tolist()}"
            raise ValueError(f"beta: expected {what}, the range of this path, got {beta:.10g}")
        problem = SplineProblem(self._program, self._units.beta(beta), self._blocks)
        if not self.exact:
            piece = self._pieces[int(np.searchsorted(-self.betas, -beta))]
            return piece.tailed or problem, piece.spline, piece.bounds
        return problem, self._spline(problem, beta), None

    def solutions(
        self, betas: ArrayLike | None = None, *, n_jobs: int | None = None, progress: bool = False
    ) -> list[Solution]:
        """Return the certified solutions at several weight decays.

        Parameters
        ----------
        betas : array of shape (n_betas,), optional
            Where, as for `solution`; by default all of `betas`.
        n_jobs : int, optional
            Workers of joblib, threads unless another backend is chosen there; -1 is one a core.  None is one,
            or what an enclosing `joblib.parallel_config` says.
        progress : bool
            Show a progress bar (needs tqdm).
        """
        workers, bar = as_workers("n_jobs", n_jobs), as_flag("progress", progress)
        chosen = self.betas if betas is None else as_float_array("betas", betas)
        if chosen.ndim > 1:
            raise ValueError(f"betas: expected a number or shape (n_betas,), got {chosen.shape}")
        asked = np.atleast_1d(chosen).tolist()
        return list(each(run_all(self.solution, asked, workers), bar, len(asked), "certificates"))

    def kink_spans(self) -> tuple[FloatArray, FloatArray, FloatArray, NDArray[np.int8]]:
        """Return every kink with a range of weight decays at which it is there.

        Returns
        -------
        position, upper, lower : ndarray of shape (n_spans,)
            Where the kink is, and between which weight decays; on a grid down to the next one.
        sign : int8 ndarray of shape (n_spans,)
            1 where the slope rises at the kink, -1 where it falls.

        Examples
        --------
        >>> import convexscore as cs
        >>> path = cs.regularization_path([0.0, 1.0, 3.0, 3.5], skip=True)
        >>> position, upper, lower, sign = path.kink_spans()
        >>> bool((upper > lower).all()), sorted(set(position.tolist()))
        (True, [1.0, 3.0])
        """
        outside = np.ldexp(self._program.position, self._units.length) + self._units.origin
        columns = list(zip(self.betas, self.betas[1:], self._pieces, strict=False))
        counts = [piece.kinks.size for _, _, piece in columns]
        none = np.zeros(0)
        return (
            np.concatenate([none, *(outside[piece.kinks] for _, _, piece in columns)]),
            np.repeat([upper for upper, _, _ in columns], counts),
            np.repeat([lower for _, lower, _ in columns], counts),
            np.concatenate([none, *(piece.signs for _, _, piece in columns)]).astype(np.int8),
        )

    def __repr__(self) -> str:
        kind = "exact" if self.exact else "on a grid"
        objective = "score matching" if self.objective.has_trace else "denoising score matching"
        skip = "with" if self.skip else "without"
        tails = f", tails {self.tails!r}" if self.tails else ""
        return paragraph(
            "Path",
            f"{kind}, {objective} of {len(self.objective.X)} samples, {self.activation} {skip} skip{tails}; "
            f"{self.betas.size} weight decays from {self.betas[0]:.6g} down to {self.betas[-1]:.6g}, "
            f"{self.n_kinks[0]} to {self.n_kinks[-1]} kinks inside the data, {self.n_kinks.max()} at most",
        )

    def _spline(self, problem: SplineProblem, beta: float) -> Spline:
        number = int(np.searchsorted(-self.betas, -beta))
        if number == 0:
            # At and above the largest threshold nothing depends on beta.
            return solve_active_set(problem).spline
        piece = self._pieces[number - 1]
        return moved(piece, problem.beta - self._units.beta(float(self.betas[number - 1])), problem)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write data and choices to an NPZ file (no pickle); `load` follows the path again."""
        save_object(path, self, activation=self.activation, skip=self.skip, betas=tuple(self.betas))

    def _stored(self) -> dict[str, Any]:
        given = {"beta_min": float(self.betas[-1])} if self.exact else {"betas": self.betas}
        names = ("objective", "activation", "skip", "tails")
        return {**{name: getattr(self, name) for name in names}, **given}


def regularization_path(
    objective: Objective | ArrayLike,
    activation: str = "relu",
    skip: bool = False,
    betas: ArrayLike | Sequence[float] | None = None,
    *,
    beta_min: float | None = None,
    max_pieces: int | None = None,
    tails: str | None = None,
    progress: bool = False,
    n_jobs: int | None = None,
) -> Path:
    """Follow the optimal score of a univariate program as the weight decay falls.

    Parameters
    ----------
    objective : ScoreMatching, DenoisingScoreMatching or array
        One-dimensional data; an array is score matching on it.
    activation : {"relu", "abs"}
        Activation.
    skip : bool
        Whether the network has a skip connection.
    betas : array of shape (n_betas,), optional
        Weight decays to solve at, in any order, each warm-started from the one above; by default the
        exact path is computed, every kink's entry and exit.
    beta_min : float, optional
        Where the exact path ends; by default the larger of a thousandth of ``beta_bounds.linear``
        and 1.05 times the boundedness bound, below which kinks come in by the hundreds.
    max_pieces : int, optional
        Bound on the number of linear pieces of the exact path, 100000 by default.
    tails : {None, "integrable"}
        ``"integrable"`` minimizes over networks whose slopes beyond the data leave a density, as in `solve`;
        it needs `betas`.
    progress : bool
        Show a progress bar (needs tqdm): of the weight decays, or of the exact path's pieces.
    n_jobs : int, optional
        Workers of joblib that fit the tails of ``tails="integrable"``, threads unless another backend is
        chosen there; -1 is one a core.  None is one, or what an enclosing `joblib.parallel_config` says.
        Weight decays start from one another, so that nothing else divides; see `Path.solutions`.

    Returns
    -------
    Path

    Raises
    ------
    UnboundedError
        If a weight decay is below the boundedness bound.
    ConvergenceError
        If the exact path has more than `max_pieces` pieces.
    ValueError
        If an argument is out of range.

    See Also
    --------
    Path : What is returned.
    solve : One weight decay.
    beta_bounds : Where the path begins and ends.
    convexscore.plotting.plot_path : Draws it.

    Examples
    --------
    >>> import convexscore as cs
    >>> objective = cs.ScoreMatching(cs.datasets.load_old_faithful()["eruptions"])
    >>> path = cs.regularization_path(objective, skip=True, beta_min=20)
    >>> int(path.n_kinks[0]), int(path.n_kinks[-1])
    (1, 7)
    >>> path.solution(20).value == cs.solve(objective, 20, skip=True).value
    True
    """
    bar, workers = as_flag("progress", progress), as_workers("n_jobs", n_jobs)
    problem = Problem(as_sampled_objective(objective), activation, as_flag("skip", skip), tails=tails)
    if betas is None:
        if tails is not None:
            raise ValueError(
                f"betas: expected weight decays with tails={tails!r}, whose path is a grid, got None"
            )
        limit = _MOST_PIECES if max_pieces is None else as_count("max_pieces", max_pieces, minimum=1)
        path, ended = beginning_of_path(problem, beta_min, limit, bar)
        if not ended:
            raise ConvergenceError(
                f"max_pieces: expected a path of at most {limit} pieces, got to beta={path.betas[-1]:.6g}"
            )
        return path
    for name, value in (("beta_min", beta_min), ("max_pieces", max_pieces)):
        if value is not None:
            raise ValueError(f"{name}: expected none beside betas, which end the path, got {shown(value)}")
    return _grid_path(problem, betas, bar, workers)


def beginning_of_path(
    problem: Problem, beta_min: float | None, max_pieces: int, progress: bool = False
) -> tuple[Path, bool]:
    """Follow the exact path for so many pieces at most, and say whether it ended before.

    Parameters
    ----------
    problem : Problem
        With one feature.
    beta_min : float or None
        Where the path ends, as for `regularization_path`.
    max_pieces : int
        The most pieces.
    progress : bool
        Whether there is a bar.
    """
    units = units_of(problem)
    program = UnivariateProgram.from_problem(units.problem(problem))
    blocks = Blocks(program)
    bounds = program_bounds(program)
    default = max(1e-3 * bounds.linear, 1.05 * bounds.minimum)
    end = default if beta_min is None else units.beta(as_real("beta_min", beta_min, minimum=0.0))
    units.run(partial(require_bounded, program, end, "beta_min"))
    inner, pieces = exact_pieces(blocks, max(bounds.maximum, end), end, max_pieces, progress)
    grid = np.array([units.beta_outside(float(beta)) for beta in inner])
    n_kinks = _numbers_of_kinks(program, pieces)
    n_kinks = np.append(n_kinks, n_kinks[-1:])
    known = problem.objective, problem.activation, problem.skip
    return Path(*known, grid, n_kinks, True, program, units, pieces, blocks), bool(inner[-1] <= end)


def _grid_path(problem: Problem, betas: ArrayLike, progress: bool, workers: int | None) -> Path:
    units = units_of(problem)
    inside = units.problem(problem)
    program = UnivariateProgram.from_problem(inside)
    blocks = Blocks(program)
    grid = np.unique(as_float_array("betas", betas))[::-1]
    if grid.size == 0 or grid[-1] < 0:
        raise ValueError(f"betas: expected numbers of at least 0, got {grid.tolist()}")
    inner = np.array([units.beta(float(beta)) for beta in grid])
    units.run(partial(require_bounded, program, float(inner[-1]), "betas"), float(grid[-1]))
    pieces = _grid_pieces(blocks, inner, progress)
    if problem.tails is not None:
        pairs = list(zip(inner.tolist(), pieces, strict=True))
        tailed = run_all(partial(_tailed, blocks, inside.tail_unit), pairs, workers)
        pieces = list(each(tailed, progress, len(pairs), "tails"))
    known = problem.objective, problem.activation, problem.skip
    n_kinks = _numbers_of_kinks(program, pieces)
    return Path(*known, grid, n_kinks, False, program, units, pieces, blocks, problem.tails)


def _numbers_of_kinks(program: UnivariateProgram, pieces: Sequence[Piece]) -> NDArray[np.intp]:
    """Return the number of kinks strictly inside the data, of every piece."""
    last = program.position.size - 1
    return np.array([np.sum((piece.kinks > 0) & (piece.kinks < last)) for piece in pieces], dtype=np.intp)


def spline_path(
    blocks: Blocks, betas: FloatArray, progress: bool = False
) -> list[tuple[SplineProblem, Spline]]:
    """Solve a program at each weight decay, best in descending order: each starts from the one before."""
    found: list[tuple[SplineProblem, Spline]] = []
    kinks, signs = np.zeros(0, dtype=np.intp), np.zeros(0)
    for number in steps(betas.size, progress, "weight decays"):
        problem = SplineProblem(blocks.program, float(betas[number]), blocks)
        spline = solve_active_set(problem, kinks, signs).spline
        kinks, signs = spline.kinks, problem.signs_of(spline)
        found.append((problem, spline))
    return found


def _grid_pieces(blocks: Blocks, grid: FloatArray, progress: bool) -> list[Piece]:
    found = spline_path(blocks, grid, progress)
    return [Piece(spline, problem.signs_of(spline), spline) for problem, spline in found]


def _tailed(blocks: Blocks, tail_unit: float, pair: tuple[float, Piece]) -> Piece:
    """Return the piece of a grid, at its weight decay, whose solution has a density."""
    beta, piece = pair
    found = solve_integrable(SplineProblem(blocks.program, float(beta), blocks), piece.spline, tail_unit)
    if not isinstance(found.problem, TailProblem):
        return replace(piece, bounds=found.bounds)
    signs = found.problem.signs_of(found.spline)
    return Piece(found.spline, signs, found.spline, bounds=found.bounds, tailed=found.problem)
