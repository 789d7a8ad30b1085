"""Score matching: the trace of the Jacobian stands in for the unknown score of the data."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any, ClassVar

import numpy as np

from .._support.frozen import Frozen
from .._support.validation import (
    FloatArray,
    as_callable,
    as_data,
    as_numbers,
    as_returned,
    check_no_nan,
    shown,
)
from .base import Score, check_weights, filled, values_of, weighted_part
from .support import (
    WeightFunctions,
    as_support,
    as_weight,
    median_distance,
    require_vanishing,
    require_within,
    weight_terms,
)

__all__ = ["ScoreMatching"]


@dataclass(frozen=True, eq=False)
class ScoreMatching(Frozen):
    """The score matching objective ``sum_i w_i [tr J_s(x_i) + 1/2 ||s(x_i)||^2]`` (ZP equation 2).

    Parameters
    ----------
    X : array of shape (n_samples,) or (n_samples, n_features)
        Data; order and repetitions do not matter.
    sample_weight : array of shape (n_samples,), optional
        Weights, ones by default.  An integer weight equals that many repetitions; samples of weight zero are
        left out, and not all may be.
    support : tuple of two floats or None, optional
        Limits of data with one feature, ``(low, high)``, None (or infinite) where there is none.  The loss is
        then that of generalized score matching, ``sum_i w_i [1/2 h s^2 + h s' + h' s](x_i)``, with the weight
        ``h(x) = min(x - low, high - x, boundary_weight)``, zero at the ends (Hyvarinen 2007; Yu, Drton &
        Shojaie 2019); scores on the whole line are judged on the support alone.  Samples on an end (or closer
        to it than ``1e-12`` of the largest ``h``) have no weight and are left out, with a warning.  Give
        rounded data the limit of what was rounded: ``(-0.5, None)`` for counts.
    boundary_weight : float or pair of callables, optional
        Where ``h`` stops growing, in the data's units, infinite for nowhere; by default the (weighted) median
        of the distances of the samples inside from the nearer end.  Where ``h`` bends, ``h'`` is the mean of
        both sides.  Or another weight, ``(h, h_prime)``: two functions that map ``(n,)`` points to ``(n,)``
        numbers, the weight, which is at least zero and zero at finite ends, and its derivative; that this is
        its derivative is not checked.  Files do not keep functions.

    Raises
    ------
    TypeError
        If an argument is not numeric.
    ValueError
        If there are no samples, a shape is wrong, a value is not finite, or a weight is negative; or if data
        are outside the support, or have limits and several features; or if the weight is negative, not
        finite, zero at all samples or not zero at an end.

    See Also
    --------
    DenoisingScoreMatching : The loss with noisy inputs and labels.
    solve : Trains networks.

    Examples
    --------
    >>> import numpy as np, convexscore as cs
    >>> obj = cs.ScoreMatching([0.0, 1.0, 3.0])
    >>> obj.loss(lambda x: -x, divergence=lambda x: -np.ones(len(x)))
    2.0

    Durations, which have a limit:

    >>> obj = cs.ScoreMatching([0.5, 1.0, 3.0], support=(0.0, None))
    >>> obj.support, obj.boundary_weight
    ((0.0, inf), 1.0)
    >>> obj.loss(lambda x: -np.ones_like(x), divergence=lambda x: np.zeros(len(x)))
    -0.25

    With another weight, ``h(x) = x^2``:

    >>> square = np.square, lambda x: 2 * x
    >>> obj = cs.ScoreMatching([0.5, 1.0, 3.0], support=(0.0, None), boundary_weight=square)
    >>> obj.loss(lambda x: -np.ones_like(x), divergence=lambda x: np.zeros(len(x)))
    -3.875
    """

    name: ClassVar[str] = "sm"
    has_trace: ClassVar[bool] = True

    X: FloatArray
    sample_weight: FloatArray | None = None
    support: tuple[float, float] | None = None
    boundary_weight: float | WeightFunctions | None = None

    def __post_init__(self) -> None:
        X = as_data("X", self.X)
        object.__setattr__(self, "X", X)
        check_weights(self)
        self._check_support()

    def _check_support(self) -> None:
        support = as_support("support", self.support)
        object.__setattr__(self, "support", support)
        height = self.boundary_weight
        if support is None:
            if height is not None:
                raise ValueError(f"boundary_weight: expected None without a support, got {shown(height)}")
            return
        require_within(self.X, support)
        if height is None:
            height = median_distance(self.X[:, 0], self.weights, support)
        height = as_weight("boundary_weight", height)
        object.__setattr__(self, "boundary_weight", height)
        if isinstance(height, tuple):
            largest = float(self.boundary[0].max(initial=0.0, where=self.weights > 0))
            if not largest > 0:
                raise ValueError("boundary_weight: expected h to be above 0 at a sample, got 0 at all")
            require_vanishing("boundary_weight", height, support, largest)

    @property
    def weights(self) -> FloatArray:
        """Sample weights, ones where none were given, shape ``(n_samples,)``."""
        return filled(self.sample_weight, self.X)

    @property
    def boundary(self) -> tuple[FloatArray, FloatArray]:
        """The weight ``h`` and its derivative at the samples, ``(n_samples,)``; 1 and 0 without support."""
        if self.support is None or self.boundary_weight is None:
            return np.ones(len(self.X)), np.zeros(len(self.X))
        return weight_terms(self.X[:, 0], self.support, self.boundary_weight)

    def _stored(self) -> dict[str, Any]:
        if isinstance(self.boundary_weight, tuple):
            raise TypeError(
                "boundary_weight: expected a number in what a file is to keep, got functions; networks and "
                "densities have files of their own"
            )
        return {field.name: getattr(self, field.name) for field in fields(self)}

    @property
    def targets(self) -> FloatArray:
        """Zeros of the shape of `X`; with a support ``-h'/h``, which completes the square in the loss."""
        if self.support is None:
            return np.zeros_like(self.X)
        weight, derivative = self.boundary
        return np.divide(-derivative, weight, out=np.zeros(weight.size), where=weight > 0)[:, None]

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
        ValueError
            If a function returns another shape or NaN.
        """
        trace: Any = getattr(score, "divergence", None) if divergence is None else divergence
        if trace is None:
            raise TypeError(
                "divergence: expected a callable, because this score has no method `divergence`; got None"
            )
        part = weighted_part(self)
        values = values_of(score, part.X)
        traces = as_callable("divergence", trace)(part.X)
        traces = as_numbers("divergence", as_returned("divergence", traces, (len(part.X),), "shape"))
        check_no_nan("divergence", traces)
        data_terms = traces + 0.5 * np.sum(values**2, axis=1)
        if part.support is not None:
            weight, derivative = part.boundary
            data_terms = weight * data_terms + derivative * values[:, 0]
        return float(np.sum(part.weights * data_terms))
