"""Training objectives: data in, what a program needs out, and the loss of any score.

    score matching (ZP eq. 2):            sum_i w_i [ tr J_s(x_i) + 1/2 ||s(x_i)||^2 ]
    denoising score matching (ZP eq. 8):  sum_i w_i   1/2 ||s(x_i) - l_i||^2

Sums over samples, not means.  The weight decay is added by the network (`TwoLayerNetwork.loss`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar, Protocol

import numpy as np
from numpy.typing import ArrayLike

from ._gaussian_moments import BlurredData
from ._validation import FloatArray, as_count, as_data, as_float_array, as_real, as_weights
from .piecewise import PiecewiseLinear

__all__ = ["DenoisingScoreMatching", "ExpectedDenoising", "Objective", "ScoreMatching"]

Score = Callable[[FloatArray], FloatArray]


class Objective(Protocol):
    """What a program needs of an objective: samples, weights, targets, and whether a trace is added."""

    name: ClassVar[str]
    has_trace: ClassVar[bool]

    @property
    def X(self) -> FloatArray:
        """Points where the score is asked for, shape ``(n_samples, n_features)``."""

    @property
    def sample_weight(self) -> FloatArray | None:
        """The weights as given; None means ones."""

    @property
    def weights(self) -> FloatArray:
        """Positive weights, shape ``(n_samples,)``."""

    @property
    def targets(self) -> FloatArray:
        """Labels ``l``, zero for score matching, shape ``(n_samples, n_features)``."""

    def loss(self, score: Score) -> float:
        """Return the objective's value at `score`."""


def _frozen(array: FloatArray) -> FloatArray:
    array = array.copy()
    array.setflags(write=False)
    return array


def _freeze_weights(objective: Any, n_samples: int) -> None:
    """Validate the weights of a frozen dataclass that is being made, if it has any."""
    if objective.sample_weight is not None:
        weights = as_weights("sample_weight", objective.sample_weight, n_samples)
        object.__setattr__(objective, "sample_weight", _frozen(weights))


def _filled(weights: FloatArray | None, X: FloatArray) -> FloatArray:
    return np.ones(len(X)) if weights is None else weights


def _values(score: Score, X: FloatArray) -> FloatArray:
    values = np.asarray(score(X), dtype=np.float64)
    if values.shape != X.shape:
        raise ValueError(f"score: expected an array of the shape of x, {X.shape}, got {values.shape}")
    return values


@dataclass(frozen=True, eq=False)
class ScoreMatching:
    """The score matching objective ``sum_i w_i [tr J_s(x_i) + 1/2 ||s(x_i)||^2]`` (ZP eq. 2).

    Parameters
    ----------
    X : array of shape (n_samples,) or (n_samples, n_features)
        Data; order and repetitions do not matter.
    sample_weight : array of shape (n_samples,), optional
        Positive weights; ones by default.  An integer weight equals that many repetitions.

    Raises
    ------
    TypeError
        If an argument is not numeric.
    ValueError
        If there are no samples, a shape is wrong, a value is not finite, or a weight is not positive.

    Examples
    --------
    >>> import numpy as np, convexscore as cs
    >>> obj = cs.ScoreMatching([0.0, 1.0, 3.0])
    >>> obj.loss(lambda x: -x, divergence=lambda x: -np.ones(len(x)))
    2.0
    """

    name: ClassVar[str] = "sm"
    has_trace: ClassVar[bool] = True

    X: FloatArray
    sample_weight: FloatArray | None = None

    def __post_init__(self) -> None:
        X = as_data("X", self.X)
        object.__setattr__(self, "X", _frozen(X))
        _freeze_weights(self, len(X))

    @property
    def weights(self) -> FloatArray:
        """Sample weights, ones where none were given, shape ``(n_samples,)``."""
        return _filled(self.sample_weight, self.X)

    @property
    def targets(self) -> FloatArray:
        """Zeros of the shape of `X`."""
        return np.zeros_like(self.X)

    def loss(self, score: Score, divergence: Callable[[FloatArray], FloatArray] | None = None) -> float:
        """Return the objective at `score`.

        Parameters
        ----------
        score : callable
            Maps ``(n, d)`` points to ``(n, d)`` scores.
        divergence : callable, optional
            Maps ``(n, d)`` points to the ``(n,)`` traces of the Jacobian; by default the method
            ``score.divergence``.

        Returns
        -------
        float

        Raises
        ------
        TypeError
            If no divergence is given and `score` has none.
        """
        trace: Any = getattr(score, "divergence", None) if divergence is None else divergence
        if trace is None:
            raise TypeError(
                "divergence: expected a callable, because this score has no method `divergence`; got None"
            )
        values = _values(score, self.X)
        traces = np.asarray(trace(self.X), dtype=np.float64)
        return float(np.sum(self.weights * (traces + 0.5 * np.sum(values**2, axis=1))))


@dataclass(frozen=True, eq=False)
class DenoisingScoreMatching:
    """The denoising objective ``sum_i w_i 1/2 ||s(x_i) - l_i||^2`` (ZP eq. 8-9).

    Parameters
    ----------
    X : array of shape (n_samples,) or (n_samples, n_features)
        Noisy points ``x_i + eps * delta_i``.
    targets : array of the shape of `X`
        Labels ``l_i = -delta_i / eps``, the scores of the noising kernel (Vincent 2011).
    sample_weight : array of shape (n_samples,), optional
        Positive weights; ones by default.

    Raises
    ------
    TypeError
        If an argument is not numeric.
    ValueError
        If there are no samples, a shape is wrong, a value is not finite, or a weight is not positive.

    Examples
    --------
    >>> import convexscore as cs
    >>> obj = cs.DenoisingScoreMatching([0.0, 2.0], [1.0, -1.0])
    >>> obj.loss(lambda x: 1 - x)
    0.0
    """

    name: ClassVar[str] = "dsm"
    has_trace: ClassVar[bool] = False

    X: FloatArray
    targets: FloatArray = field()
    sample_weight: FloatArray | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        shape = np.shape(self.X)
        X = as_data("X", self.X)
        targets = as_float_array("targets", self.targets)
        if targets.shape != shape:
            raise ValueError(f"targets: expected the shape of X, {shape}, got {targets.shape}")
        object.__setattr__(self, "X", _frozen(X))
        object.__setattr__(self, "targets", _frozen(targets.reshape(X.shape)))
        _freeze_weights(self, len(X))

    @property
    def weights(self) -> FloatArray:
        """Sample weights, ones where none were given, shape ``(n_samples,)``."""
        return _filled(self.sample_weight, self.X)

    @classmethod
    def from_clean(
        cls,
        X: ArrayLike,
        noise_level: float,
        n_draws: int = 1,
        rng: np.random.Generator | int | None = None,
    ) -> DenoisingScoreMatching:
        """Add Gaussian noise to clean data.

        Parameters
        ----------
        X : array of shape (n_samples,) or (n_samples, n_features)
            Clean data.
        noise_level : float
            Standard deviation ``eps`` of the noise, positive, in the units of `X`.
        n_draws : int
            Independent noise draws for each sample.  The objective is a sum, so the weight decay
            that balances it grows with ``n_draws * n_samples``.
        rng : Generator or seed, optional
            Source of the noise.

        Returns
        -------
        DenoisingScoreMatching
            With ``n_draws * n_samples`` noisy points.

        Examples
        --------
        >>> import convexscore as cs
        >>> obj = cs.DenoisingScoreMatching.from_clean([0.0, 1.0], 0.5, n_draws=3, rng=0)
        >>> obj.X.shape
        (6, 1)
        """
        clean = as_data("X", X)
        level = as_real("noise_level", noise_level, minimum=0.0, strict=True)
        draws = as_count("n_draws", n_draws, minimum=1)
        repeated = np.tile(clean, (draws, 1))
        delta = np.random.default_rng(rng).standard_normal(repeated.shape)
        return cls(repeated + level * delta, -delta / level)

    @staticmethod
    def expected(
        X: ArrayLike, noise_level: float, sample_weight: ArrayLike | None = None
    ) -> ExpectedDenoising:
        """Return the objective with the noise integrated out: no draws, hence no noise of drawing.

        Parameters
        ----------
        X : array of shape (n_samples,)
            Clean data, one feature.
        noise_level : float
            Standard deviation ``eps`` of the noise, positive, in the units of `X`.
        sample_weight : array of shape (n_samples,), optional
            Positive weights; ones by default.

        Returns
        -------
        ExpectedDenoising
            The limit of ``from_clean(X, noise_level, n_draws)`` divided by ``n_draws``.

        Examples
        --------
        >>> import convexscore as cs
        >>> obj = cs.DenoisingScoreMatching.expected([0.0, 1.0, 3.0], 0.5)
        >>> cs.solve(obj, beta=0.5, skip=True).certificate.scope
        'global'
        """
        return ExpectedDenoising(X, noise_level, sample_weight=sample_weight)  # type: ignore[arg-type]

    def loss(self, score: Score) -> float:
        """Return the objective at `score`, a callable from ``(n, d)`` points to ``(n, d)`` scores."""
        squares = np.sum((_values(score, self.X) - self.targets) ** 2, axis=1)
        return float(0.5 * np.sum(self.weights * squares))


@dataclass(frozen=True, eq=False)
class ExpectedDenoising:
    """The denoising objective in expectation, ``sum_i w_i E 1/2 |s(x_i + eps xi) + xi / eps|^2``.

    Up to a constant this is score matching of the smooth density ``sum_i w_i N(x_i, eps^2)``.  Optimal kinks
    are anywhere on the line, not only at data.

    Parameters
    ----------
    X : array of shape (n_samples,) or (n_samples, 1)
        Clean data with one feature.
    noise_level : float
        Standard deviation ``eps`` of the noise, positive, in the units of `X`.
    sample_weight : array of shape (n_samples,), optional
        Positive weights; ones by default.

    Raises
    ------
    TypeError
        If an argument is not numeric.
    ValueError
        If there are no samples, there is more than one feature, or a number is out of range.

    Examples
    --------
    >>> import convexscore as cs
    >>> obj = cs.DenoisingScoreMatching.expected([0.0, 2.0], noise_level=1.0)
    >>> zero = cs.TwoLayerNetwork([[1.0]], [0.0], [[0.0]], [0.0])
    >>> obj.loss(zero)
    1.0
    """

    name: ClassVar[str] = "expected_dsm"

    X: FloatArray
    noise_level: float
    sample_weight: FloatArray | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        X = as_data("X", self.X)
        if X.shape[1] != 1:
            raise ValueError(f"X: expected data with 1 feature, got {X.shape[1]}")
        level = as_real("noise_level", self.noise_level, minimum=0.0, strict=True)
        object.__setattr__(self, "X", _frozen(X))
        object.__setattr__(self, "noise_level", level)
        _freeze_weights(self, len(X))

    @property
    def weights(self) -> FloatArray:
        """Sample weights, ones where none were given, shape ``(n_samples,)``."""
        return _filled(self.sample_weight, self.X)

    @property
    def constant(self) -> float:
        """The objective of the zero score, ``sum w / (2 eps^2)``."""
        return float(self.weights.sum()) / (2 * self.noise_level**2)

    @cached_property
    def blurred(self) -> BlurredData:
        """The law of the noisy data."""
        return BlurredData.from_samples(self.X[:, 0], self.weights, self.noise_level)

    def loss(self, score: Any) -> float:
        """Return the objective at a piecewise linear score, in closed form.

        Parameters
        ----------
        score : TwoLayerNetwork or PiecewiseLinear
            A score with one feature.

        Returns
        -------
        float

        Raises
        ------
        TypeError
            If `score` is not piecewise linear.
        """
        score = getattr(score, "piecewise", score)
        if not isinstance(score, PiecewiseLinear):
            raise TypeError(f"score: expected a network or a piecewise linear function, got {score!r}")
        return self.constant + self.blurred.score_matching_loss(score)
