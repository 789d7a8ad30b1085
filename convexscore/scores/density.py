"""The exact probability density of a piecewise linear score on the line.

``log p`` is piecewise quadratic, and monotone between the kinks and zeros of the score, where every mass has
a closed form (`numerics.monotone_pieces`).
"""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from .._support.frozen import Frozen
from .._support.records import save_object
from .._support.seeds import generator
from .._support.shorthands import Shown, limits_shown, paragraph
from .._support.sizes import as_size
from .._support.validation import (
    FloatArray,
    as_callable,
    as_numbers,
    as_probabilities,
    as_returned,
    check_no_nan,
    shown,
)
from ..errors import NotNormalizableError
from ..networks.two_layer import TwoLayerNetwork
from ..numerics.monotone_pieces import MonotonePieces
from ..numerics.piecewise import PiecewiseLinear
from ..numerics.quantiles import central_interval
from ..numerics.scaling import times_power, unit_scale
from ..objectives.support import as_support
from .bands import Bands, bootstrap_bands, check_source

__all__ = ["ScoreDensity"]


class ScoreDensity(Frozen, Shown):
    """The density ``p`` with ``(log p)' = s`` for a one-dimensional network ``s``.

    Its methods have SciPy's names; ``ppf`` and ``rvs`` are other names of ``icdf`` and ``sample``.

    Parameters
    ----------
    network : TwoLayerNetwork or PiecewiseLinear
        The score, one feature.
    support : tuple of two floats or None, optional
        Limits outside which the density is zero, None (or infinite) where there is none; it is normalized
        between them, and nothing is asked of a tail that a finite end cuts off.
    solution : Solution, optional
        Where the score comes from, with its data: what `interval_bands` needs.  `Solution.density` hands it
        over; copies keep it, files do not.

    Attributes
    ----------
    log_normalizer : float
        Logarithm of the mass of ``exp(U)``, where ``U' = s`` and ``max U = 0``.
    breakpoints : ndarray of shape (n_breakpoints,)
        Kinks, and zeros of the score, ascending, and finite ends of the support.

    Raises
    ------
    ValueError
        If the network has more than one feature, or is not that of the solution.
    NotNormalizableError
        If a tail does not decay; the message says which.

    See Also
    --------
    ConservativeDensity : The density of a conservative network in the plane.
    PooledScore : Many scores, pooled, under the same names.
    Solution.density : The density of what `solve` returns.

    Examples
    --------
    >>> import convexscore as cs
    >>> line = cs.TwoLayerNetwork([[0.0]], [0.0], [[0.0]], [2.0], [[-1.0]])
    >>> p = cs.ScoreDensity(line)
    >>> round(p.mean(), 12), round(p.variance(), 12), p.is_log_concave
    (2.0, 1.0, True)
    >>> p.cdf([2.0, 3.0]).round(6)
    array([0.5     , 0.841345])

    On a half-line it is a Gaussian truncated there:

    >>> p = cs.ScoreDensity(line, support=(2.0, None))
    >>> p.support(), p.cdf([1.0, 2.0, 3.0]).round(6).tolist()
    ((2.0, inf), [0.0, 0.0, 0.682689])
    """

    def __init__(
        self,
        network: TwoLayerNetwork | PiecewiseLinear,
        support: tuple[float | None, float | None] | None = None,
        *,
        solution: Any = None,  # a Solution, whose file names this one
    ) -> None:
        score = network if isinstance(network, PiecewiseLinear) else _score_on_line(network)
        self._limits = as_support("support", support) or (-np.inf, np.inf)
        _require_tails(score, self._limits)
        if solution is not None:
            check_source(solution, network)
        self._score, self._solution = score, solution
        self._pieces = MonotonePieces.of(score, self._limits)
        self.log_normalizer = self._pieces.log_total
        self.breakpoints = self._pieces.points
        self.freeze_arrays()
        self._is_log_concave = bool((self._pieces.slopes <= 0).all())

    @property
    def is_log_concave(self) -> bool:
        """Whether every slope of the score is at most zero, on the support."""
        return self._is_log_concave

    def support(self) -> tuple[float, float]:
        """Return the ends of the support, as SciPy's distributions do; infinite without limits."""
        return self._limits

    def logpdf(self, x: ArrayLike) -> FloatArray:
        """Return ``log p(x)``, of the shape of `x`."""
        return self._pieces.exponent(as_numbers("x", x)) - self.log_normalizer

    def pdf(self, x: ArrayLike) -> FloatArray:
        """Return ``p(x)``, of the shape of `x`."""
        return np.exp(self.logpdf(x))

    def logcdf(self, x: ArrayLike) -> FloatArray:
        """Return ``log P(X <= x)``, accurate far in the left tail."""
        x = as_numbers("x", x)
        below = self._pieces.log_mass_below(x) - self.log_normalizer
        return np.where(x >= self._limits[1], 0.0, below)[()]

    def logsf(self, x: ArrayLike) -> FloatArray:
        """Return ``log P(X > x)``, accurate far in the right tail."""
        x = as_numbers("x", x)
        above = self._mirror.log_mass_below(-x) - self.log_normalizer
        return np.where(x <= self._limits[0], 0.0, above)[()]

    def cdf(self, x: ArrayLike) -> FloatArray:
        """Return ``P(X <= x)``, of the shape of `x`."""
        return np.minimum(np.exp(self.logcdf(x)), 1.0)

    def sf(self, x: ArrayLike) -> FloatArray:
        """Return ``P(X > x)``, of the shape of `x`."""
        return np.minimum(np.exp(self.logsf(x)), 1.0)

    def interval_bands(
        self,
        level: float = 0.9,
        n_replicates: int = 200,
        rng: np.random.Generator | int | None = None,
        *,
        points: ArrayLike | None = None,
        probabilities: ArrayLike | None = None,
        progress: bool = False,
        n_jobs: int | None = None,
    ) -> Bands:
        """Return pointwise and simultaneous bands of score, density and quantiles, by a bootstrap of the fit.

        Each replicate gives every sample a random weight of mean and variance one (or of its weight or number
        of repetitions: weights count as frequencies), divided by the mean of all, and is fitted to the end at
        the weight decay of the solution, one that was chosen by ``"auto"`` as well: it is not chosen
        anew.  Bands are about the fit and know of chance alone; `docs/bands.md` has measured
        where weight decay, which smooths, makes them miss the truth.

        Of data with limits the weight ``h`` is held too, its height `boundary_weight` with it: a replicate
        multiplies each sample's term by its random weight.

        Parameters
        ----------
        level : float
            Nominal coverage, between 0 and 1.
        n_replicates : int
            Replicates, at least ``level / (1 - level)``.
        rng : Generator, int or None
            Source of randomness.
        points : array of shape (n_points,), optional
            Where score and density are looked at; the simultaneous bands hold at these together.  By default
            101, evenly from the 1 % to the 99 % quantile.  Beyond limits the density and its bands are zero;
            the score there is that of the network.
        probabilities : array of shape (n_probabilities,), optional
            Of which quantiles; by default 5 % to 95 % by 5 %.
        progress : bool
            Show a progress bar (needs tqdm).
        n_jobs : int, optional
            Workers that replicates are divided among, on which results do not depend; None is one, or what
            `joblib.parallel_config` says.

        Returns
        -------
        Bands
            Replicates have densities as with ``tails="integrable"``; those of refits and of expected
            denoising, and of abs neurons without skip, may have none, and are then left out and counted.

        Raises
        ------
        ValueError
            If the density does not know its solution with its data; it is of score matching or expected
            denoising with one feature.  Or if an argument is out of range.
        NotNormalizableError
            If more than a tenth of the replicates have no density.

        Warns
        -----
        UserWarning
            If random weights make score matching unbounded at the solution's weight decay (of about 2.6 and
            less) in more than a tenth of the replicates, which then take their own bound.

        Examples
        --------
        >>> import convexscore as cs
        >>> eruptions = cs.datasets.load_old_faithful()["eruptions"]
        >>> density = cs.solve(eruptions, 20, skip=True).density()
        >>> bands = density.interval_bands(0.9, 100, rng=0, points=[2.0, 3.0, 4.5])
        >>> [ends.round(1).tolist() for ends in (bands.pdf.lower, bands.pdf.estimate, bands.pdf.upper)]
        [[0.3, 0.1, 0.4], [0.5, 0.1, 0.5], [0.9, 0.2, 0.7]]
        """
        if self._solution is None:
            raise ValueError(
                "density: expected one made by `Solution.density`, which knows its data, got that of a score "
                "alone"
            )
        return bootstrap_bands(
            self._solution, level, n_replicates, rng, points, probabilities, progress, n_jobs
        )

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the density to an NPZ file (no pickle); `load` opens it."""
        save_object(path, self, log_normalizer=self.log_normalizer)

    def _stored(self) -> dict[str, Any]:
        return {"network": self._score, "support": self._limits}

    def icdf(self, q: ArrayLike) -> FloatArray:
        """Return the quantiles at `q`.

        Parameters
        ----------
        q : array of any shape
            Probabilities in ``[0, 1]``.

        Returns
        -------
        ndarray of the shape of `q`
            The ends of the support at 0 and 1, ``-inf`` and ``inf`` without limits.

        Raises
        ------
        ValueError
            If a probability is outside ``[0, 1]`` or NaN.
        """
        q = as_probabilities("q", q)
        flat = q.reshape(-1)
        result = np.empty(flat.size)
        low = flat <= 0.5
        with np.errstate(divide="ignore"):
            result[low] = self._pieces.quantile(np.log(flat[low]))
            result[~low] = -self._mirror.quantile(np.log1p(-flat[~low]))
        return np.clip(result, *self._limits).reshape(q.shape)[()]

    ppf = icdf

    def interval(self, confidence: ArrayLike) -> tuple[FloatArray, FloatArray]:
        """Return the ends of the interval around the median that holds a share of the mass.

        Parameters
        ----------
        confidence : array of any shape
            Shares in ``[0, 1]``.

        Returns
        -------
        pair of ndarrays of the shape of `confidence`
            Below and above lie equal masses.
        """
        return central_interval(self.icdf, confidence)

    def sample(self, n: int, rng: np.random.Generator | int | None = None) -> FloatArray:
        """Return `n` exact, independent samples, shape ``(n,)``, by inversion."""
        count = as_size("n", n, each=1)
        # Zero has probability 2^-53 and quantile -inf; one is never drawn.
        uniforms = np.maximum(generator(rng, "ScoreDensity.sample").random(count), 2.0**-54)
        return self.icdf(uniforms)

    rvs = sample

    def expect(self, function: Callable[[FloatArray], FloatArray]) -> float:
        """Return ``E[function(X)]`` by Gauss-Legendre quadrature on the pieces.

        Exact to rounding for functions that are smooth between breakpoints on the scale of the
        density and grow slower than exponentially.

        Raises
        ------
        TypeError, ValueError
            If `function` is none of arrays, or returns another shape or NaN.
        """
        x, weight = self._quadrature
        values = as_returned("function", as_callable("function", function)(x), x.shape, "an array of shape")
        check_no_nan("function", values)
        return float(weight @ as_numbers("function", values))

    def mean(self) -> float:
        """Return ``E[X]``."""
        origin = self._pieces.points[int(np.argmax(self._pieces.heights))]
        return float(origin) + self.expect(lambda x: x - origin)

    def variance(self) -> float:
        """Return ``E[(X - E X)^2]``."""
        mean = self.mean()
        x, weight = self._quadrature
        gaps, exponent = unit_scale(x - mean)
        return times_power(float(weight @ gaps**2), 2 * exponent)

    def std(self) -> float:
        """Return the standard deviation."""
        return float(np.sqrt(self.variance()))

    def entropy(self) -> float:
        """Return the differential entropy ``-E[log p(X)]``, in nats."""
        return -self.expect(self.logpdf)

    def __repr__(self) -> str:
        shape = "log-concave" if self.is_log_concave else "not log-concave"
        n_pieces = self.breakpoints.size + 1 - np.count_nonzero(np.isfinite(self._limits))
        limits = "" if np.isinf(self._limits).all() else f"on {limits_shown(self._limits)}, "
        return paragraph(
            "ScoreDensity",
            f"{limits}mean {self.mean():.6g}, standard deviation {self.std():.6g}, "
            f"median {self.icdf(0.5):.6g}, {shape}; exact, in {n_pieces} pieces",
        )

    @cached_property
    def _mirror(self) -> MonotonePieces:
        return self._pieces.mirrored()

    @cached_property
    def _quadrature(self) -> tuple[FloatArray, FloatArray]:
        """Nodes and probability weights that integrate smooth functions against ``p``."""
        x, log_weight = self._pieces.quadrature()
        weight = np.exp(log_weight - self.log_normalizer)
        # Where there is no mass, functions need not be floats.
        return x[weight > 0], weight[weight > 0]


def _score_on_line(network: TwoLayerNetwork) -> PiecewiseLinear:
    if isinstance(network, TwoLayerNetwork) and network.n_features != 1:
        raise ValueError(f"network: expected 1 feature, got {network.n_features}")
    score = getattr(network, "piecewise", None)
    if not isinstance(score, PiecewiseLinear):
        raise TypeError(f"network: expected a TwoLayerNetwork or PiecewiseLinear, got {shown(network)}")
    return score


def _require_tails(score: PiecewiseLinear, limits: tuple[float, float]) -> None:
    for name in score.failing_ends(limits):
        end, sign = (0, "positive") if name == "left" else (-1, "negative")
        raise NotNormalizableError(
            f"score: its {name} tail has no finite mass: expected a negative slope there, or slope zero and "
            f"a {sign} value, got slope {score.slopes[end]:g} and value {score.values[end]:g} at the "
            "outermost kink; solve(..., tails='integrable') minimizes over scores that have a density"
        )
