"""Denoising score matching with the noise integrated out, in one dimension."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, ClassVar

import numpy as np

from .._support.frozen import Frozen
from .._support.validation import FloatArray, as_data, as_scale, shown
from ..numerics.gaussian_moments import BlurredData
from ..numerics.piecewise import PiecewiseLinear
from .base import check_weights, filled, weighted_part

__all__ = ["ExpectedDenoising"]


@dataclass(frozen=True, eq=False)
class ExpectedDenoising(Frozen):
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
        Weights, ones by default; samples of weight zero are left out, and not all may be.

    Raises
    ------
    TypeError
        If an argument is not numeric.
    ValueError
        If there are no samples, there is more than one feature, or a number is out of range.

    See Also
    --------
    DenoisingScoreMatching : The same with drawn noise, for any number of features.
    solve : Trains networks.

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
        level = as_scale("noise_level", self.noise_level)
        object.__setattr__(self, "X", X)
        object.__setattr__(self, "noise_level", level)
        check_weights(self)

    @property
    def weights(self) -> FloatArray:
        """Sample weights, ones where none were given, shape ``(n_samples,)``."""
        return filled(self.sample_weight, self.X)

    @property
    def constant(self) -> float:
        """The objective of the zero score, ``sum w / (2 eps^2)``."""
        return float(self.weights.sum()) / (2 * self.noise_level**2)

    @cached_property
    def blurred(self) -> BlurredData:
        """The law of the noisy data."""
        part = weighted_part(self)
        return BlurredData.from_samples(part.X[:, 0], part.weights, self.noise_level)

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
        origin = getattr(score, "origin", None)
        if isinstance(origin, np.ndarray) and origin.any():
            return replace(self, X=self.X - origin).loss(getattr(score, "centred_piecewise", score))
        score = getattr(score, "piecewise", score)
        if not isinstance(score, PiecewiseLinear):
            raise TypeError(f"score: expected a network or a piecewise linear function, got {shown(score)}")
        return self.constant + self.blurred.score_matching_loss(score)
