"""The univariate programs with the noise of denoising integrated out: kinks anywhere on the line.

With the law ``q = sum_i w_i N(x_i, eps^2)`` of the noisy data, training on all draws of the noise is

    min_s  int q (s' + s^2 / 2)  +  weight decay  +  sum w / (2 eps^2).

Everything is as in `univariate.program`, with the smooth functions

    H(t) = int_t^inf (y - t) s q + P0(t),       kappa = int y s q + sum w,       P0(t) = int_t^inf q,

and kinks are where ``H`` touches the edge of its band.  That can be a single position, or a whole interval:
there the optimal score follows ``q'/q``, a curve, which finite networks approach but do not attain.  So kinks
are confined to a grid, on which the program is solved exactly (`Cells` has exact moments between its
positions, and the network is linear there), and the certificate for the whole line says where to refine it.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from ..._support.validation import FloatArray
from ...numerics.gaussian_moments import BlurredData
from ...numerics.piecewise import PiecewiseLinear
from ...objectives import ExpectedDenoising
from ...results import BetaBounds
from ..activation_rules import rules_of
from ..moments import Chunks
from ..program import UnivariateProgram
from ..spline import SplineProblem

__all__ = ["Cells", "ExpectedProgram", "expected_bounds", "grid_problem"]


class ExpectedProgram:
    """One of the four expected denoising programs.

    Parameters
    ----------
    objective : ExpectedDenoising
        Data and noise level.
    activation : {"relu", "abs"}
        Activation.
    skip : bool
        Whether the network has a skip connection.

    Raises
    ------
    ValueError
        If the noise is so small beside the range of the data that moments would cancel.
    """

    def __init__(self, objective: ExpectedDenoising, activation: str, skip: bool) -> None:
        self.rules = rules_of(activation)
        self.objective, self.activation, self.skip = objective, activation, skip
        self.data: BlurredData = objective.blurred
        span = float(self.data.x[-1] - self.data.x[0])
        if self.data.width < 1e-5 * span:
            raise ValueError(
                "noise_level: expected at least a hundred-thousandth of the range of X, got "
                f"{self.data.width / span:g} of it"
            )
        self.total, self.centre = self.data.total, self.data.mean
        self.variance = self.data.variance

    @property
    def ends(self) -> tuple[float, float]:
        """Two positions with no mass beyond them, up to rounding."""
        reach = 9.0 * self.data.width
        return float(self.data.x[0] - reach), float(self.data.x[-1] + reach)

    def scan(self, per_width: float) -> FloatArray:
        """Return positions that cover the line where there is mass, this many to a width of the noise."""
        low, high = self.ends
        count = (high - low) / self.data.width * per_width
        if count <= 20_000:
            return np.linspace(low, high, max(int(count), 2))
        # Far more widths than samples can fill: the neighbourhoods of some thousand samples.
        chosen = self.data.x[np.linspace(0, self.data.x.size - 1, 1000).astype(int)]
        steps = np.arange(-9.0, 9.0 + 1e-9, 1 / min(per_width, 8.0)) * self.data.width
        return np.unique(np.add.outer(np.unique(chosen), steps))

    def rounding(self, score: PiecewiseLinear) -> float:
        """Return the size of rounding errors of correlations with `score`."""
        values = float(np.abs(score(np.array(self.ends))).max() + np.abs(score.values).max())
        return 4 * np.finfo(float).eps * self.total * (1.0 + values * np.sqrt(self.variance))

    def balance(self, score: PiecewiseLinear) -> tuple[float, float]:
        """Return ``int q s`` and ``kappa = int (y - c) q s + sum w``."""
        moments = self.data.piece_moments(score.knots)
        anchor = np.concatenate([score.knots[:1], score.knots])
        values = np.concatenate([score.values[:1], score.values])
        constant = values * moments[0] + score.slopes * moments[1]
        lever = anchor - self.centre
        linear = values * moments[1] + score.slopes * moments[2] + lever * constant
        return float(constant.sum()), float(linear.sum() + self.total)


class Cells:
    """Moments of the noisy data's law over the cells of a grid: what `Blocks` is for samples.

    Cell ``i`` reaches from grid position ``i`` to the next one.  With ``u`` the distance from its start and
    labels ``l = q'/q`` the moments are ``int q``, ``int u q``, ``int u^2 q``, ``int q'``, ``int u q'``.

    Parameters
    ----------
    data : BlurredData
        The law.
    grid : ndarray of shape (n_positions,)
        Ascending; the law has no mass beyond its ends.
    """

    def __init__(self, data: BlurredData, grid: FloatArray) -> None:
        self.position = grid
        width = np.diff(grid)
        density = data.density(grid)[0]
        moments = np.zeros((5, grid.size))
        moments[:3, :-1] = data.interval_moments(grid[:-1], grid[1:])
        moments[3, :-1] = np.diff(density)
        moments[4, :-1] = width * density[1:] - moments[0, :-1]
        self.moments = moments
        self._chunks = Chunks(np.arange(grid.size), grid, moments)

    def chunks(self, knots: NDArray[np.intp]) -> Chunks:
        """Return all cells: grid positions are where knots can be."""
        return self._chunks

    def suspicious(
        self, chunks: Chunks, values: FloatArray, slopes: FloatArray, low: float, high: float
    ) -> tuple[NDArray[np.intp], FloatArray, FloatArray]:
        """Return all positions, and ``H`` there, twice: it is continuous."""
        _, height = chunks.correlation(values, slopes)
        return chunks.bounds, height, height

    def correlation(self, score: PiecewiseLinear) -> tuple[FloatArray, FloatArray]:
        """Return ``-H'`` and ``H`` at the positions, for a score linear on every cell."""
        slopes = score.slopes[np.searchsorted(score.knots, self.position, side="right")]
        return self._chunks.correlation(score(self.position), slopes)


def grid_problem(program: ExpectedProgram, beta: float, grid: FloatArray) -> SplineProblem:
    """Return the program with kinks confined to the inner positions of a grid: no other approximation."""
    cells = Cells(program.data, grid)
    # Masses and labels at positions are only asked for scales here: far out they need not be right.
    mass = np.maximum(cells.moments[0], 1e-12 * program.total)
    discrete = UnivariateProgram(
        grid, mass, cells.moments[3] / mass, 0.0, False, program.activation, program.skip
    )
    return SplineProblem(discrete, beta, cells)


# Distances from a sample, in widths of the noise, at which suprema are looked for.
_NEAR = np.array([-4.0, -2.0, -1.0, 0.0, 1.0, 2.0, 4.0])


def expected_bounds(program: ExpectedProgram) -> BetaBounds:
    """Return the weight-decay thresholds: bounded always, the line from the second on.

    As `univariate.bounds` with ``L(t) = -P0(t)`` and the smooth ``g(t) = int (y - t)_+ (y - c) q / (n v)``;
    suprema over the line are taken on a grid and refined.
    """
    total = program.total

    def shape(t: FloatArray) -> tuple[FloatArray, FloatArray]:
        mass, first, second = program.data.upper_moments(t)
        falling = (second + (t - program.centre) * first) / (total * program.variance)
        return mass, falling

    if program.skip:

        def straight(t: FloatArray) -> FloatArray:
            ahead, falling = shape(t)
            return np.abs(ahead - total * falling)

        threshold = _supremum(program, straight)
        threshold /= program.rules.width
        return BetaBounds(0.0, threshold, threshold)

    def sloped(t: FloatArray) -> FloatArray:
        ahead, falling = shape(t)
        with np.errstate(divide="ignore", invalid="ignore"):
            sides = total - np.stack([ahead / falling, (total - ahead) / (1 - falling)])
        # Far out both are ratios of rounding errors; their limits are negative.
        inside = (np.minimum(falling, 1 - falling) > 1e-6) & np.isfinite(sides)
        return np.where(inside, sides, 0.0).max(axis=0)

    return BetaBounds(0.0, min(_supremum(program, sloped), total), total)


def _supremum(program: ExpectedProgram, function: Callable[[FloatArray], FloatArray]) -> float:
    """Return the largest value over the line: the best of a grid, then of finer grids around it."""
    # Far from all others, a sample has its own extremes close by.
    near = np.add.outer(program.data.x[:: max(1, program.data.x.size // 5000)], program.data.width * _NEAR)
    t = np.union1d(program.scan(4.0), near)
    for _ in range(8):
        values = function(t)
        best = int(np.argmax(values))
        t = np.linspace(t[max(best - 1, 0)], t[min(best + 1, t.size - 1)], 41)
    return float(max(values.max(), 0.0))
