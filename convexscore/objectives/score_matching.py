"""Score matching: the trace of the Jacobian stands in for the unknown score of the data."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from .._support.frozen import Frozen
from .._support.validation import FloatArray, as_callable, as_data, as_numbers, as_returned, check_no_nan
from .base import Score, check_weights, filled, values_of, weighted_part

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

    Raises
    ------
    TypeError
        If an argument is not numeric.
    ValueError
        If there are no samples, a shape is wrong, a value is not finite, or a weight is negative.

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
    """

    name: ClassVar[str] = "sm"
    has_trace: ClassVar[bool] = True

    X: FloatArray
    sample_weight: FloatArray | None = None

    def __post_init__(self) -> None:
        X = as_data("X", self.X)
        object.__setattr__(self, "X", X)
        check_weights(self)

    @property
    def weights(self) -> FloatArray:
        """Sample weights, ones where none were given, shape ``(n_samples,)``."""
        return filled(self.sample_weight, self.X)

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
        return float(np.sum(part.weights * (traces + 0.5 * np.sum(values**2, axis=1))))
