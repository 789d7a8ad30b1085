"""Denoising score matching: regression on the scores of the noise that was added."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike

from .._support.frozen import Frozen, locked
from .._support.seeds import generator
from .._support.sizes import as_size
from .._support.validation import FloatArray, as_columns, as_data, as_float_array, as_scale
from .base import Score, check_weights, filled, values_of, weighted_part
from .expected import ExpectedDenoising

__all__ = ["DenoisingScoreMatching"]


@dataclass(frozen=True, eq=False)
class DenoisingScoreMatching(Frozen):
    """The denoising objective ``sum_i w_i 1/2 ||s(x_i) - l_i||^2`` (ZP equations 8 and 9).

    Parameters
    ----------
    X : array of shape (n_samples,) or (n_samples, n_features)
        Noisy points ``x_i + eps * delta_i``.
    targets : array of the shape of `X`
        Labels ``l_i = -delta_i / eps``, the scores of the noising kernel (Vincent 2011).
    sample_weight : array of shape (n_samples,), optional
        Weights, ones by default; samples of weight zero are left out, and not all may be.

    Raises
    ------
    TypeError
        If an argument is not numeric.
    ValueError
        If there are no samples, a shape is wrong, a value is not finite, or a weight is negative.

    See Also
    --------
    ScoreMatching : The loss without noise.
    ExpectedDenoising : The same with the noise integrated out.
    NoiseConditionalScore : One network a noise level.
    solve : Trains networks.

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
        given = locked(as_float_array("X", self.X))
        shape, X = given.shape, as_columns("X", given)
        targets = locked(as_float_array("targets", self.targets))
        if targets.shape != shape:
            raise ValueError(f"targets: expected the shape of X, {shape}, got {targets.shape}")
        object.__setattr__(self, "X", X)
        object.__setattr__(self, "targets", targets.reshape(X.shape))
        check_weights(self)

    @property
    def weights(self) -> FloatArray:
        """Sample weights, ones where none were given, shape ``(n_samples,)``."""
        return filled(self.sample_weight, self.X)

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
        level = as_scale("noise_level", noise_level)
        draws = as_size("n_draws", n_draws, minimum=1, each=clean.size)
        repeated = np.tile(clean, (draws, 1))
        delta = generator(rng, "DenoisingScoreMatching.from_clean").standard_normal(repeated.shape)
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
            Weights, ones by default; samples of weight zero are left out, and not all may be.

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
        part = weighted_part(self)
        squares = np.sum((values_of(score, part.X) - part.targets) ** 2, axis=1)
        return float(0.5 * np.sum(part.weights * squares))
