"""Choosing the weight decay: a test of straightness, then a share of the certificate's noise.

Were the fitted score the true one, the correlation ``H(t)`` of every possible kink (`programs.univariate`)
would be a sum of independent terms of mean zero, a Stein process over kink positions.  The multiplier
bootstrap draws from its law by giving each sample's term a random sign; bias and skip, which are free,
absorb their part of it.  A weight decay at a quantile of ``max_t |H(t)|`` lets a kink in only where the data
ask for it more strongly than that noise would (Chernozhukov, Chetverikov & Kato 2013 for the bootstrap of
maxima; Belloni & Chernozhukov 2011 for its use as a penalty level).

One quantile cannot serve both ends: high ones smooth everything, low ones put kinks into Gaussian data.
So there are two steps.  The line is kept if the data do not speak against it at a high quantile.
Otherwise the weight decay is a share of the median of the noise about the fitted score.
"""

from __future__ import annotations

import numpy as np

from ._validation import FloatArray, as_choice, as_count, as_flag, as_real
from .activations import get_activation
from .objectives import Objective
from .programs.blocks import Blocks
from .programs.bounds import boundedness_bound, line_solution, program_bounds
from .programs.spline import SplineProblem
from .programs.univariate import UnivariateProgram
from .solvers.active_set import solve_active_set

__all__ = ["select_beta"]

# Replicates are drawn in groups of about this many numbers.
_GROUP = 2_000_000


def select_beta(
    objective: Objective,
    method: str = "bootstrap",
    rng: np.random.Generator | int | None = None,
    *,
    activation: str = "relu",
    skip: bool = True,
    confidence: float = 0.9,
    share: float = 0.5,
    n_replicates: int = 100,
    n_iterations: int = 3,
) -> float:
    """Choose the weight decay of a univariate program from the data.

    Parameters
    ----------
    objective : ScoreMatching or DenoisingScoreMatching
        One-dimensional data.
    method : {"bootstrap"}
        The multiplier bootstrap of the largest correlation of any kink.
    rng : Generator or seed, optional
        Source of the random signs.
    activation : {"relu", "abs"}
        Activation.
    skip : bool
        Whether the network has a skip connection.  Without it the line itself is penalized too; the
        noise of the kinks, which decides here, is that of the network with skip.
    confidence : float
        Of the test of straightness: on data whose true score is a line, the solution with skip is a
        line with this probability, up to the error of the bootstrap.  Between 0 and 1; larger values
        keep the line longer on rough data too.
    share : float
        Where the line is rejected, the weight decay is this share of the median of the noise.
    n_replicates : int
        Bootstrap replicates, O(n) each.
    n_iterations : int
        How often the score is fitted and the noise about it drawn again after the line is rejected.

    Returns
    -------
    float
        A weight decay of the summed loss, at least the boundedness bound.

    Raises
    ------
    ValueError
        If an argument is out of range or the data are not one-dimensional.

    Notes
    -----
    Only the test has a guarantee.  The default share was chosen by the Fisher divergence on synthetic
    data (``benchmarks/quality.py`` shows where that does well and where it does not); scores with
    narrow features (the claw density) want less weight decay.

    Examples
    --------
    >>> import numpy as np, convexscore as cs
    >>> x = np.random.default_rng(0).standard_normal(500)
    >>> beta = cs.select_beta(cs.ScoreMatching(x), rng=0)
    >>> cs.solve(cs.ScoreMatching(x), beta, skip=True).network.n_neurons
    0
    """
    as_choice("method", method, ("bootstrap",))
    skip = as_flag("skip", skip)
    confidence = as_real("confidence", confidence, minimum=0.0, strict=True)
    if confidence >= 1:
        raise ValueError(f"confidence: expected a number between 0 and 1, got {confidence:g}")
    share = as_real("share", share, minimum=0.0, strict=True)
    replicates = as_count("n_replicates", n_replicates, minimum=1)
    rounds = as_count("n_iterations", n_iterations, minimum=1)
    program = UnivariateProgram.from_objective(objective, activation, skip)
    lowest = boundedness_bound(program) * (1 + 1e-6)
    jump = get_activation(activation).jump
    process = _SteinProcess(objective)
    seed = np.random.default_rng(rng).integers(2**63)

    def noise(score: FloatArray) -> FloatArray:
        # The same signs every time: the iteration then converges instead of jittering.
        return jump * process.largest(score, replicates, np.random.default_rng(seed))

    with_skip = UnivariateProgram.from_objective(objective, activation, True)
    slope, mean = line_solution(with_skip, 0.0)
    drawn = noise(mean + slope * program.centred)
    straight = float(np.quantile(drawn, confidence))
    if program_bounds(with_skip).linear <= straight:
        return max(straight, lowest)
    blocks = Blocks(program)
    beta = max(float(np.median(drawn)), lowest)
    for _ in range(rounds - 1):
        problem = SplineProblem(program, beta, blocks)
        fitted = problem.at_positions(solve_active_set(problem).spline)
        beta = max(float(np.median(noise(fitted))), lowest)
    return max(share * beta, lowest)


class _SteinProcess:
    """The correlations of all kinks with randomly signed terms of the samples.

    Scores are given at the distinct positions.
    """

    def __init__(self, objective: Objective) -> None:
        order = np.argsort(objective.X[:, 0], kind="stable")
        self.x = objective.X[order, 0]
        self.weight = objective.weights[order]
        self.label = objective.targets[order, 0]
        self.has_trace = objective.has_trace
        # Kinks are at distinct positions: the first sample of each group of equal ones.
        self.first = np.flatnonzero(np.concatenate([[True], np.diff(self.x) > 0]))
        self.end = np.append(self.first[1:], self.x.size)
        total = self.weight.sum()
        self.centred = self.x - np.average(self.x, weights=self.weight)
        variance = np.average(self.centred**2, weights=self.weight)
        # Regression of every atom (x - t)_+ on the constant and on x.
        self.on_constant = self._hinges(self.weight[None])[0] / total
        self.on_line = self._hinges((self.weight * self.centred)[None])[0] / (total * variance)

    def largest(self, score: FloatArray, replicates: int, rng: np.random.Generator) -> FloatArray:
        """Return ``max_t |H(t)|`` of each replicate, bias and skip profiled out."""
        group = max(1, _GROUP // self.x.size)
        results = []
        for start in range(0, replicates, group):
            count = min(group, replicates - start)
            signs = rng.integers(0, 2, (count, self.x.size)) * 2.0 - 1.0
            results.append(self._largest(score, signs * self.weight))
        return np.concatenate(results)

    def _largest(self, score: FloatArray, weights: FloatArray) -> FloatArray:
        residual = weights * (np.repeat(score, self.end - self.first) - self.label)
        constant = residual.sum(axis=1, keepdims=True)
        line = residual @ self.centred[:, None]
        smooth = self._hinges(residual)
        if self.has_trace:
            line = line + weights.sum(axis=1, keepdims=True)
        smooth -= constant * self.on_constant + line * self.on_line
        if not self.has_trace:
            return np.abs(smooth).max(axis=1)
        tail = np.cumsum(weights[:, ::-1], axis=1)[:, ::-1]
        tail = np.concatenate([tail, np.zeros((len(tail), 1))], axis=1)
        inclusive, exclusive = smooth + tail[:, self.first], smooth + tail[:, self.end]
        return np.maximum(np.abs(inclusive).max(axis=1), np.abs(exclusive).max(axis=1))

    def _hinges(self, weights: FloatArray) -> FloatArray:
        """Return ``sum_i weights_i (x_i - t)_+`` at the distinct positions, for each row of weights."""
        tail = np.cumsum(weights[:, ::-1], axis=1)[:, -2::-1]
        steps = np.diff(self.x) * tail
        smooth = np.zeros(weights.shape)
        smooth[:, :-1] = np.cumsum(steps[:, ::-1], axis=1)[:, ::-1]
        return smooth[:, self.first]
