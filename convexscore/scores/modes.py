"""A test of the number of modes, in the manner of Silverman (1981), with certified scores for kernels.

The smaller the weight decay of a score, the more modes has its density.  The smallest weight decay at and
above which there are at most ``k`` is large if the data have more, because only much smoothing hides one.
How large it would be by chance is told by samples of the density there, the one of ``k`` modes that is
nearest to having another.

Silverman's test rescales its samples to the variance of the data; the weight decay of score matching has no
unit, so nothing has to be rescaled here.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .._support.frozen import Frozen
from .._support.parallel import run_all
from .._support.progress import counted
from .._support.seeds import generator
from .._support.sizes import as_size, as_workers
from .._support.validation import FloatArray, as_data, as_flag, as_weights
from ..errors import ConvergenceWarning, NotNormalizableError, SolverError
from ..numerics.lattice import lattice_spacing
from ..objectives import ScoreMatching, weighted_part
from ..problem import Problem
from ..results import Solution
from ..solve import solve
from ..units import units_of
from ..univariate.modes import critical_decay, integrable_scores, least_decay, modes_of
from ..univariate.program import UnivariateProgram
from .density import ScoreDensity

__all__ = ["ModeTest", "mode_test"]

# Replicates that are drawn and solved at once, of about so many samples in all.
_GROUP, _MOST_DRAWN = 25, 1 << 18
# Samples that replicates can have.
_MOST_SAMPLES = 1 << 24


@dataclass(frozen=True, eq=False)
class ModeTest(Frozen):
    """The outcome of a test of the number of modes.

    Parameters
    ----------
    n_modes : int
        How many modes the hypothesis allows.
    pvalue : float
        ``(1 + #) / (1 + n_replicates)``, where ``#`` counts the replicates that have more than `n_modes`
        modes at the critical weight decay.
    critical_beta : float
        The critical weight decay of the data.
    density : ScoreDensity
        The certified density there, with at most `n_modes` modes.
    modes : ndarray of shape (n_found,)
        Its modes, ascending.
    replicate_modes : ndarray of shape (n_replicates,)
        How many modes each replicate has at the critical weight decay.
    n_raised : int
        Replicates, of rounded data, that are unbounded at the critical weight decay: their own is larger, so
        they count.

    See Also
    --------
    mode_test : Makes it.
    """

    n_modes: int
    pvalue: float
    critical_beta: float
    density: ScoreDensity
    modes: FloatArray
    replicate_modes: NDArray[np.intp]
    n_raised: int


def mode_test(
    x: ArrayLike,
    n_modes: int = 1,
    n_replicates: int = 200,
    rng: np.random.Generator | int | None = None,
    *,
    sample_weight: ArrayLike | None = None,
    n_jobs: int | None = None,
    progress: bool = False,
) -> ModeTest:
    """Test whether data on the line have at most so many modes.

    Silverman's bootstrap test (Silverman 1981), with the density of the certified score (ReLU, skip,
    ``tails="integrable"``) for the kernel estimate and its weight decay for the bandwidth.  The critical
    weight decay is the smallest at and above which that density has at most `n_modes` modes, a mode being
    where the score falls through zero.  Replicates are as many samples of the density there as the data have;
    data on a lattice, as rounded ones are, have replicates on it.  A small p-value says that the data have
    more modes.  `docs/modes.md` has measured level and power: it keeps its level where the density has peaks,
    with light and with heavy tails, but a density that is flat on a long stretch is rejected too often.

    Parameters
    ----------
    x : array of shape (n_samples,)
        Data; order does not matter.
    n_modes : int
        How many modes the hypothesis allows, at least 1.
    n_replicates : int
        Replicates, at least 1.
    rng : Generator, int or None
        Source of randomness.
    sample_weight : array of shape (n_samples,), optional
        Frequencies: an integer equals that many repetitions.  Their sum, rounded, is the number of samples in
        a replicate.
    n_jobs : int, optional
        Workers that replicates are divided among, on which results do not depend; None is one, or what
        `joblib.parallel_config` says.
    progress : bool
        Show a progress bar (needs tqdm).

    Returns
    -------
    ModeTest
        The p-value is one where no weight decay gives more modes than are allowed.

    Raises
    ------
    TypeError, ValueError
        If there are fewer than two distinct values, or an argument is of the wrong kind or out of range.
    SolverError
        If points are so far out, or so close together, that there is no certified fit.

    See Also
    --------
    ScoreDensity.interval_bands : How sure the density is.
    convexscore.diagnostics.mode_fractions : Samples against known modes.

    Examples
    --------
    >>> import convexscore as cs
    >>> eruptions = cs.datasets.load_old_faithful()["eruptions"]
    >>> one, two = (cs.mode_test(eruptions, k, 100, rng=0) for k in (1, 2))
    >>> one.pvalue < 0.05 < two.pvalue, one.modes.round(1).tolist(), two.modes.round(1).tolist()
    (True, [4.2], [1.9, 4.5])
    """
    allowed = as_size("n_modes", n_modes, minimum=1)
    n_replicates = as_size("n_replicates", n_replicates, minimum=1, each=1)
    progress, n_jobs = as_flag("progress", progress), as_workers("n_jobs", n_jobs)
    objective = _samples(x, sample_weight)
    source = generator(rng, "mode_test")
    problem = Problem(objective, "relu", skip=True, tails="integrable")
    try:
        units = units_of(problem, frequencies=True)
    except ValueError as error:
        # Problems call their data X.
        raise ValueError(str(error).replace("X:", "x:", 1)) from None
    program = UnivariateProgram.from_problem(units.problem(problem))
    beta = critical_decay(program, allowed)
    null = _Null(program, beta)
    found = run_all(null.counts, null.uniforms(n_replicates, source), n_jobs)
    parts = list(counted(found, lambda part: part.shape[1], progress, n_replicates, "replicates"))
    numbers, raised = np.concatenate(parts, axis=1)
    exceeding = int(np.sum((numbers > allowed) | (raised > 0)))
    # Without a weight decay that has more modes nothing speaks for them.
    share = (1 + exceeding) / (1 + n_replicates) if beta > least_decay(program) else 1.0
    solution = _solved(objective, units.beta_outside(beta))
    return ModeTest(
        allowed,
        share,
        solution.beta,
        ScoreDensity(solution.network, solution=solution),
        modes_of(solution.network.piecewise),
        numbers,
        int(raised.sum()),
    )


def _solved(objective: ScoreMatching, beta: float) -> Solution:
    """Return the fit at the critical weight decay, or raise where the data are of too many sizes for one."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            solution = solve(objective, beta, skip=True, tails="integrable")
        if solution.status != "inaccurate":
            return solution
        why = f"gap {solution.certificate.gap:.2g}"
    except NotNormalizableError as error:
        why = str(error)
    raise SolverError(
        "mode_test: no certified fit at the critical weight decay; expected x without points so far out, or "
        f"so close together, that floats cannot tell the others apart ({why})"
    )


def _samples(x: ArrayLike, sample_weight: ArrayLike | None) -> ScoreMatching:
    """Return the data, those of weight zero left out."""
    data = as_data("x", x)
    if data.shape[1] != 1:
        raise ValueError(f"x: expected 1 feature, got {data.shape[1]}")
    given = sample_weight
    weights = None if given is None else as_weights("sample_weight", given, len(data), zeros=True)
    objective: ScoreMatching = weighted_part(ScoreMatching(data, weights))
    if objective.X.min() == objective.X.max():
        raise ValueError(f"x: expected at least two distinct values, got {len(objective.X)}, all equal")
    total = float(objective.weights.sum())
    if not 1.5 <= total <= _MOST_SAMPLES:
        name = "x" if objective.sample_weight is None else "sample_weight"
        raise ValueError(f"{name}: expected 2 to {_MOST_SAMPLES} samples, by frequencies, got {total:g}")
    return objective


@dataclass(frozen=True, eq=False)
class _Null:
    """The law at the critical weight decay, and what is done with its samples.

    Parameters
    ----------
    program : UnivariateProgram
        The data, of size one.
    beta : float
        The critical weight decay.
    """

    program: UnivariateProgram
    beta: float

    @cached_property
    def density(self) -> ScoreDensity:
        """The density there."""
        (score,) = integrable_scores([self.program], np.array([self.beta]))
        return ScoreDensity(score)

    @cached_property
    def spacing(self) -> float:
        """The spacing of the lattice that the data are on, zero if there is none."""
        return lattice_spacing(self.program.position)

    @cached_property
    def leans_left(self) -> bool:
        """Whether draws are mirrored: mirrored data have mirrored replicates."""
        return float(np.sum(self.program.mass * self.program.centred**3)) < 0

    def uniforms(self, n_replicates: int, rng: np.random.Generator) -> Iterator[FloatArray]:
        """Yield probabilities of samples, shape (some replicates, n_samples)."""
        n = round(self.program.total)
        group = max(1, min(_GROUP, _MOST_DRAWN // n))
        for start in range(0, n_replicates, group):
            drawn = rng.random((min(group, n_replicates - start), n))
            # Zero has probability 2^-53, and an infinite quantile.
            yield np.maximum(drawn, 2.0**-54)

    def counts(self, uniforms: FloatArray) -> NDArray[np.intp]:
        """Return how many modes each replicate has, and which have a larger weight decay, as two rows."""
        numbers = np.zeros((2, len(uniforms)), dtype=np.intp)
        drawn = [self._program(row) for row in self._samples(uniforms)]
        # All on one place of the lattice: no weight decay bounds that.
        numbers[1] = [program is None for program in drawn]
        programs = [program for program in drawn if program is not None]
        if programs:
            least = np.array([least_decay(program) for program in programs])
            scores = integrable_scores(programs, np.maximum(least, self.beta))
            some = np.flatnonzero(numbers[1] == 0)
            numbers[0, some] = [modes_of(score).size for score in scores]
            numbers[1, some] = least >= self.beta
        return numbers

    def _samples(self, uniforms: FloatArray) -> FloatArray:
        """Return the samples of some replicates, of the shape of `uniforms`."""
        x = self.density.icdf(1 - uniforms if self.leans_left else uniforms)
        if not self.spacing:
            return x
        origin = self.program.position[0]
        return origin + self.spacing * np.rint((x - origin) / self.spacing)

    def _program(self, x: FloatArray) -> UnivariateProgram | None:
        """Return the program of one replicate; None if it has but one value."""
        if x.min() == x.max():
            return None
        weight = np.full(x.size, self.program.total / x.size)
        return UnivariateProgram.from_objective(ScoreMatching(x, weight), "relu", True)
