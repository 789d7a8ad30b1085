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
from .base import Score, boundary_of, check_weights, filled, values_of, weighted_part
from .support import (
    Box,
    Support,
    WeightFunctions,
    as_limits,
    as_weight,
    box_of,
    median_distance,
    require_vanishing,
    require_within,
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
    support : tuple of two floats or None, or a list of such pairs, optional
        Limits of the data: ``(low, high)`` with one feature, with several a list of one pair, or None, for
        each; None (or infinite) where there is no limit.  The loss is that of generalized score matching,
        ``sum_i w_i [h (1/2 ||s||^2 + tr J_s) + grad h's](x_i)``, with the weight ``h(x) = min(distance of x
        from the nearest limit, boundary_weight)``, zero at the limits (Hyvarinen 2007; Yu, Drton & Shojaie
        2019; Liu, Kanamori & Williams 2022); scores on the whole space are judged on the support alone.
        Samples on a limit (or closer to it than ``1e-12`` of the largest ``h``) have no weight and are left
        out, with a warning.  Give rounded data the limit of what was rounded: ``(-0.5, None)`` for counts.
    boundary_weight : float or pair of callables, optional
        Where ``h`` stops growing, in the data's units, infinite for nowhere; by default the (weighted) median
        of the distances of the samples inside from the nearest limit.  Where ``h`` bends, its gradient is the
        mean of both sides.  Or, with one feature, another weight, ``(h, h_prime)``: two functions that map
        ``(n,)`` points to ``(n,)`` numbers, the weight, which is at least zero and zero at finite ends, and
        its derivative; that this is its derivative is not checked.  Files do not keep functions.

    Raises
    ------
    TypeError
        If an argument is not numeric.
    ValueError
        If there are no samples, a shape is wrong, a value is not finite, or a weight is negative; or if data
        are outside the support, or it is not one of their number of features; or if the weight is negative,
        not finite, zero at all samples or not zero at an end.

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

    Durations and shares:

    >>> obj = cs.ScoreMatching([[0.5, 0.2], [1.0, 0.7], [3.0, 0.4]], support=[(0, None), (0, 1)])
    >>> obj.support, round(obj.boundary_weight, 12)
    (((0.0, inf), (0.0, 1.0)), 0.3)
    >>> obj.targets.round(6).tolist()
    [[-0.0, -5.0], [-0.0, 1.666667], [-0.0, -0.0]]
    """

    name: ClassVar[str] = "sm"
    has_trace: ClassVar[bool] = True

    X: FloatArray
    sample_weight: FloatArray | None = None
    support: Support | Box | None = None
    boundary_weight: float | WeightFunctions | None = None

    def __post_init__(self) -> None:
        X = as_data("X", self.X)
        object.__setattr__(self, "X", X)
        check_weights(self)
        self._check_support()

    def _check_support(self) -> None:
        support = as_limits("support", self.support, self.X.shape[1])
        object.__setattr__(self, "support", support)
        height = self.boundary_weight
        if support is None:
            if height is not None:
                raise ValueError(f"boundary_weight: expected None without a support, got {shown(height)}")
            return
        box = box_of(support)
        # Samples of weight zero are left out, wherever they are.
        require_within("X", self.X[self.weights > 0], box)
        if height is None:
            height = median_distance(self.X, self.weights, box)
        height = as_weight("boundary_weight", height, len(box))
        object.__setattr__(self, "boundary_weight", height)
        if isinstance(height, tuple):
            largest = float(self.boundary[0].max(initial=0.0, where=self.weights > 0))
            if not largest > 0:
                raise ValueError("boundary_weight: expected h to be above 0 at a sample, got 0 at all")
            require_vanishing("boundary_weight", height, box[0], largest)

    @property
    def weights(self) -> FloatArray:
        """Sample weights, ones where none were given, shape ``(n_samples,)``."""
        return filled(self.sample_weight, self.X)

    @property
    def boundary(self) -> tuple[FloatArray, FloatArray]:
        """The weight ``h`` at the samples, ``(n_samples,)``, and its gradient, ``(n_samples, n_features)``.

        Ones and zeros without support.
        """
        return boundary_of(self)

    def _stored(self) -> dict[str, Any]:
        if isinstance(self.boundary_weight, tuple):
            raise TypeError(
                "boundary_weight: expected a number in what a file is to keep, got functions; networks and "
                "densities have files of their own"
            )
        return {field.name: getattr(self, field.name) for field in fields(self)}

    @property
    def targets(self) -> FloatArray:
        """Zeros of the shape of `X`; with a support ``-grad h / h``, which completes the loss's square."""
        weight, gradient = self.boundary
        return np.divide(-gradient, weight[:, None], out=np.zeros(self.X.shape), where=weight[:, None] > 0)

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
            weight, gradient = part.boundary
            data_terms = weight * data_terms + np.sum(gradient * values, axis=1)
        return float(np.sum(part.weights * data_terms))
