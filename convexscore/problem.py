"""What is to be trained, described once and checked once."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ._support.validation import FloatArray, as_array, as_choice, as_flag, as_weights
from .activations import get_activation
from .arrangements.enumeration import enumerate_patterns
from .arrangements.patterns import Known, Patterns
from .objectives import ExpectedDenoising, as_objective, weighted_samples
from .objectives.support import Support

__all__ = ["PENALTIES", "SHAPES", "TAILS", "Problem"]

#: What may be penalized with gates, and the constraints on scores and on their tails.
PENALTIES, SHAPES, TAILS = ("nuclear", "ridge"), (None, "log-concave"), (None, "integrable")


@dataclass(frozen=True, eq=False)
class Problem:
    """A training problem but for its weight decay: the data and the kind of network.

    Parameters
    ----------
    objective : ScoreMatching, DenoisingScoreMatching, ExpectedDenoising or array
        The data and the loss; an array of data is score matching on it.
    activation : str
        Name of the activation.
    skip : bool
        Whether the network has a skip connection.
    bias : bool
        Whether it has biases.
    gated : bool
        Whether its gates are fixed to patterns.
    patterns : Patterns or bool array of shape (n_patterns, n_samples), optional
        These patterns.
    penalty : {"nuclear", "ridge"}
        What is penalized with gates.
    shape : {None, "log-concave"}
        Constraint on the scores.
    refit : bool
        Whether the selected kinks are fitted again without weight decay.
    tails : {None, "integrable"}
        Constraint on the scores' slopes beyond the data.
    tail_unit : float
        What a position times a label of one is in the data's units, if these are others (see `units`).
    conservative : bool
        Whether the second layer is tied to the first, so that the network is a gradient.
    weights : array of shape (n_patterns,), optional
        What the squared penalty of each pattern's matrix is divided by; zeros leave patterns out.

    Raises
    ------
    TypeError, ValueError
        If an argument is of the wrong kind, or two do not go together.

    Examples
    --------
    >>> import convexscore as cs
    >>> from convexscore.problem import Problem
    >>> Problem(cs.ScoreMatching([0.0, 1.0, 3.0]), skip=True).on_the_line
    True
    >>> Problem(cs.ScoreMatching([0.0, 1.0]), penalty="ridge")
    Traceback (most recent call last):
    ValueError: penalty: expected 'nuclear' unless gated=True, got 'ridge'
    """

    objective: Any  # as_objective says which
    activation: str = "relu"
    skip: bool = False
    bias: bool = True
    gated: bool = False
    patterns: Patterns | NDArray[np.bool_] | None = None
    penalty: str = "nuclear"
    shape: str | None = None
    refit: bool = False
    tails: str | None = None
    tail_unit: float = 1.0
    conservative: bool = False
    weights: FloatArray | None = None

    def __post_init__(self) -> None:
        if self.weights is not None:
            self._take_weights()
        if self.patterns is not None and not isinstance(self.patterns, Patterns):
            object.__setattr__(self, "patterns", as_array("patterns", self.patterns))
        given, objective = self.objective, as_objective(self.objective)
        object.__setattr__(self, "objective", objective)
        if objective is not given and self.patterns is not None:
            self._take_samples(weighted_samples(given))
        get_activation(self.activation)
        for name in ("skip", "bias", "gated", "refit", "conservative"):
            object.__setattr__(self, name, as_flag(name, getattr(self, name)))
        as_choice("penalty", self.penalty, PENALTIES)
        if self.shape is not None:
            as_choice("shape", self.shape, SHAPES[1:])
        if self.tails is not None:
            as_choice("tails", self.tails, TAILS[1:])
        self._check_together()

    def _take_weights(self) -> None:
        """Check the weights of patterns, and list the patterns that they are of."""
        if as_choice("penalty", self.penalty, PENALTIES) != "ridge":
            raise ValueError(f"weights: expected None unless penalty='ridge', got penalty={self.penalty!r}")
        patterns = self.patterns
        if patterns is None:
            # Of all samples that are given: a program's own are in another order, repetitions merged.
            X = getattr(self.objective, "X", None)
            X = as_objective(self.objective).X if X is None else X
            patterns = enumerate_patterns(X, bias=as_flag("bias", self.bias))
        elif not isinstance(patterns, Patterns):
            patterns = as_array("patterns", patterns)
        signs = np.asarray(patterns.signs if isinstance(patterns, Patterns) else patterns)
        if signs.ndim != 2 or not len(signs):
            raise ValueError(f"patterns: expected shape (n_patterns, n_samples), got {signs.shape}")
        object.__setattr__(self, "patterns", patterns)
        weights: Any = self.weights
        object.__setattr__(self, "weights", as_weights("weights", weights, len(signs), zeros=True))

    def _take_samples(self, kept: NDArray[np.bool_]) -> None:
        """Take patterns of some of the samples: what the others' signs told apart is one pattern."""
        patterns = self.patterns
        signs = patterns.signs if isinstance(patterns, Patterns) else np.asarray(patterns)
        if kept.all():
            return
        if signs.ndim != 2 or signs.shape[1] != kept.size or not len(signs):
            return
        _, first, which = np.unique(signs[:, kept], axis=0, return_index=True, return_inverse=True)
        order = np.argsort(first)
        first = first[order]
        if self.weights is not None:
            summed = np.bincount(which.reshape(-1), self.weights)[order]
            object.__setattr__(self, "weights", summed)
        taken: Any = signs[first][:, kept]
        if isinstance(patterns, Patterns):
            taken = replace(
                patterns,
                signs=taken,
                rows=patterns.rows[kept],
                complete=False,
                total=None,
                _find_witnesses=Known(patterns.witnesses[first]),
            )
        object.__setattr__(self, "patterns", taken)

    def _check_together(self) -> None:
        if self.penalty == "ridge" and not self.gated:
            raise ValueError("penalty: expected 'nuclear' unless gated=True, got 'ridge'")
        for name in ("shape", "tails"):
            if self.refit and getattr(self, name) is not None:
                raise ValueError(
                    f"refit: expected False with {name}={getattr(self, name)!r}, which a refit need not "
                    "keep, got True"
                )
        if self.conservative:
            self._check_conservative()
        if self.is_expected:
            self._check_expected()
        elif not self.on_the_line:
            for name in ("shape", "tails", "refit"):
                if getattr(self, name):
                    raise ValueError(
                        f"{name}: expected none but for data with one feature and a network with bias, "
                        "without gates and patterns"
                    )

    def _check_expected(self) -> None:
        if self.shape is not None or self.refit:
            raise ValueError(
                "objective: expected denoising takes neither shape nor refit, got "
                f"shape={self.shape!r}, refit={self.refit}"
            )
        if self.tails is not None:
            raise ValueError(f"tails: expected none for expected denoising, got {self.tails!r}")
        if self.on_patterns or not self.bias:
            raise ValueError("objective: expected denoising takes networks with bias, without patterns")

    def _check_conservative(self) -> None:
        excluded = {
            "gates": self.gated,
            "patterns": self.patterns is not None,
            "a shape": self.shape is not None,
            "refit": self.refit,
            "tails": self.tails is not None,
            "expected denoising": self.is_expected,
        }
        for name, given in excluded.items():
            if given:
                raise ValueError(
                    f"conservative: expected False with {name}, since conservative networks have weight "
                    "decay alone, on samples, and neurons of any pattern, got True"
                )

    @property
    def is_expected(self) -> bool:
        """Whether the noise is integrated out."""
        return isinstance(self.objective, ExpectedDenoising)

    @property
    def limits(self) -> Support:
        """The support of data on the line, infinite where there is no limit."""
        return getattr(self.objective, "support", None) or (-np.inf, np.inf)

    @property
    def n_features(self) -> int:
        """Dimension of the data."""
        return int(self.objective.X.shape[1])

    @property
    def on_patterns(self) -> bool:
        """Whether gates or patterns are given."""
        return self.gated or self.patterns is not None

    @property
    def on_the_line(self) -> bool:
        """Whether kinks at data points suffice: samples of one feature, biases, no patterns, no potential."""
        plain = not (self.is_expected or self.on_patterns or self.conservative)
        return plain and self.n_features == 1 and self.bias
