"""The units that problems are solved in: ranges, labels and weights of size one, whatever the data's are.

With data divided by ``a``, labels by ``b`` and weights by ``w`` (``b = 1/a`` without labels) scores are
divided by ``b``, values by ``b^2 w`` and the weight decay by ``a b w``: the programs are the same.  All three
are powers of two, so nothing is rounded on the way in or out, and what is solved at one scale is solved at
every other, to the last bit.  Data far from zero are measured from one of their own, which rounds nothing
either, where the program does not depend on where they are.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import numpy as np

from ._support.frozen import Frozen
from ._support.validation import FloatArray
from .arrangements.patterns import Patterns
from .errors import SolverError, WeightDecayError
from .networks.conservative import ConservativeNetwork
from .networks.gated import GatedNetwork, ScoreNetwork
from .numerics.parts import parts
from .numerics.scaling import exponent_of, times_power
from .objectives import DenoisingScoreMatching, ExpectedDenoising, ScoreMatching
from .objectives.support import WeightFunctions, box_of, in_other_units
from .problem import Problem
from .results import BetaBounds, Certificate, Solution

__all__ = ["Units", "units_of"]

_Result = TypeVar("_Result")

# Ranges of the data for which squares of positions and of slopes neither overflow nor vanish.
_SMALLEST, _LARGEST = 1e-120, 1e120
# Positions further from zero than this many ranges keep too few digits of their differences.
_FURTHEST = 1e9
# Positions further from zero than this many ranges are measured from one of their own.
_FAR = 64.0
# Exponents of ranges that are near enough to one.
_NEAR_ONE = 16
# Data far smaller or larger than the ones beside them, for gates with biases, are not told from each other.
_SMALLEST_BESIDE_ONES, _LARGEST_BESIDE_ONES = 1e-6, 1e12
# Exponents of the units themselves, so that values and weight decays are floats.
_EXPONENT = 1000
# Weight decays beyond these powers of two are as good as infinite or zero to problems of size one.
_DECAY = 240


@dataclass(frozen=True, eq=False)
class Units(Frozen):
    """Powers of two that one problem's data are divided by, and what is subtracted from them.

    Parameters
    ----------
    length, label, weight : int
        Exponents of ``a``, ``b`` and ``w``.
    origin : ndarray of shape (n_features,)
        What is subtracted from the data first: zero, or the least coordinates of data that are far from
        zero, so that the differences are exact.
    squared : bool
        Whether the weights themselves are penalized, squared, by the weight decay (``penalty="ridge"``):
        it is then divided by ``a^2 w``.
    boundary : int
        Exponent of what the weight of the loss of data with limits is divided by; the masses of these are
        its products with the sample weights, and `weight` counts both.
    """

    length: int
    label: int
    weight: int
    origin: FloatArray
    squared: bool = False
    boundary: int = 0

    @property
    def value(self) -> int:
        """Exponent of the values."""
        return 2 * self.label + self.weight

    @property
    def correlation(self) -> int:
        """Exponent of the correlations of neurons with residuals."""
        return self.length + self.label + self.weight

    @property
    def decay(self) -> int:
        """Exponent of the weight decay."""
        return 2 * self.length + self.weight if self.squared else self.correlation

    def problem(self, problem: Problem) -> Problem:
        """Return a problem in these units."""
        patterns = problem.patterns
        if isinstance(patterns, Patterns) and (self.length or self.origin.any()):
            # Half spaces in these units have to be found again.
            patterns = patterns.signs
        unit = times_power(problem.tail_unit, self.length + self.label)
        return replace(
            problem, objective=self.objective(problem.objective), patterns=patterns, tail_unit=unit
        )

    def objective(self, objective: Any) -> Any:
        """Return an objective in these units; one made elsewhere as what it stands for."""
        X = objective.X - self.origin if self.origin.any() else objective.X
        X = _scaled(X, -self.length)
        support = getattr(objective, "support", None)
        given = objective.sample_weight
        weights = None if given is None else _scaled(given, self.boundary - self.weight)
        if support is not None:
            pairs = zip(box_of(support), self.origin.tolist(), strict=True)
            box = [tuple(times_power(end - at, -self.length) for end in pair) for pair, at in pairs]
            limits: Any = box[0] if len(box) == 1 else tuple(box)
            return ScoreMatching(X, weights, limits, self._boundary_weight(objective))
        if isinstance(objective, ExpectedDenoising):
            level = times_power(objective.noise_level, -self.length)
            return ExpectedDenoising(X, level, sample_weight=weights)
        targets = None if objective.has_trace else _scaled(objective.targets, -self.label)
        if type(objective) in (ScoreMatching, DenoisingScoreMatching):
            # Numbers that were checked are still finite.
            others = {} if targets is None else {"targets": targets}
            return objective.with_arrays(X=X, sample_weight=weights, **others)
        if targets is None:
            return ScoreMatching(X, weights)
        return DenoisingScoreMatching(X, targets, sample_weight=weights)

    def _boundary_weight(self, objective: ScoreMatching) -> float | WeightFunctions | None:
        """Return the height of a weight, or the functions that it is, in these units."""
        given = objective.boundary_weight
        if given is None or objective.support is None:
            return None
        if isinstance(given, tuple):
            (support,), origin = box_of(objective.support), float(self.origin[0])
            return in_other_units("boundary_weight", given, support, origin, self.length, self.boundary)
        return times_power(given, -self.length)

    def beta(self, beta: float) -> float:
        """Return a weight decay in these units."""
        if beta == 0:
            return 0.0
        return min(max(times_power(beta, -self.decay), 2.0**-_DECAY), 2.0**_DECAY)

    def beta_outside(self, beta: float) -> float:
        """Return a weight decay in the data's units."""
        return times_power(beta, self.decay)

    def network(self, network: ScoreNetwork) -> Any:
        """Return a network in these units."""
        if isinstance(network, GatedNetwork):
            return self._rescaled(network, -1, gates=_scaled(network.gates, self.length))
        if isinstance(network, ConservativeNetwork):
            return self._tied(network)
        if (network.origin != self.origin).any():
            network = network.recentred(self.origin)
        return self._rescaled(network, -1, origin=np.zeros_like(self.origin))

    def network_outside(self, network: ScoreNetwork) -> Any:
        """Return a network of these units in the data's."""
        if isinstance(network, GatedNetwork):
            gates = _scaled(network.gates, -self.length)
            return self._rescaled(network, 1, gates=gates)
        if isinstance(network, ConservativeNetwork):
            return self._tied_outside(network)
        return self._rescaled(network, 1, origin=self.origin)

    def _rescaled(self, network: Any, sign: int, **others: FloatArray) -> Any:
        """Multiply weights by powers of two, the change of slopes shared evenly by both layers."""
        half = sign * (self.length + self.label) // 2
        return replace(
            network,
            W1=_scaled(network.W1, half - sign * self.length),
            b1=_scaled(network.b1, half),
            W2=_scaled(network.W2, sign * self.label - half),
            b2=_scaled(network.b2, sign * self.label),
            V=_scaled(network.V, sign * (self.label - self.length)),
            **others,
        )

    def _tied(self, network: ConservativeNetwork) -> ConservativeNetwork:
        """Return a conservative network in these units, its directions as they are."""
        step, slope = self.origin - network.origin, self.label - self.length
        offsets = network.offsets + network.directions @ step
        return replace(
            network,
            offsets=_scaled(offsets, -self.length),
            coefficients=_scaled(network.coefficients, -slope),
            b2=_scaled(network.b2 + network.S @ step, -self.label),
            S=_scaled(network.S, -slope),
            origin=np.zeros_like(self.origin),
        )

    def _tied_outside(self, network: ConservativeNetwork) -> ConservativeNetwork:
        """Return a conservative network in the data's units, its directions as they are."""
        slope = self.label - self.length
        return replace(
            network,
            offsets=_scaled(network.offsets, self.length),
            coefficients=_scaled(network.coefficients, slope),
            b2=_scaled(network.b2, self.label),
            S=_scaled(network.S, slope),
            origin=self.origin,
        )

    def solution(self, solution: Solution, beta: float) -> Solution:
        """Return a solution of the problem in these units in the data's, for the weight decay asked for.

        Raises
        ------
        SolverError
            If its value is not finite.
        """
        found = solution.stats.solver_value
        if found is not None:
            found = times_power(found, self.value)
        if not math.isfinite(times_power(solution.value, self.value)):
            raise SolverError("the optimum's value is too large for a float; rescale data, labels or weights")
        tails, slope = solution.tails, self.label - self.length
        if tails is not None:
            tails = (times_power(tails[0], slope), times_power(tails[1], slope))
        return replace(
            solution,
            tails=tails,
            network=self.network_outside(solution.network),
            value=times_power(solution.value, self.value),
            certificate=self.certificate(solution.certificate),
            stats=replace(solution.stats, solver_value=found),
            beta=beta,
        )

    def certificate(self, certificate: Certificate) -> Certificate:
        """Return a certificate in these units in the data's."""
        values = ("primal", "dual", "gap", "lower_bound", "value_scale", "value_rounding")
        violations = ("max_violation", "violation_scale", "rounding")
        exponents = dict.fromkeys(values, self.value) | dict.fromkeys(violations, self.correlation)
        return Certificate(
            scope=certificate.scope,
            **{name: times_power(getattr(certificate, name), e) for name, e in exponents.items()},
        )

    def bounds(self, bounds: BetaBounds) -> BetaBounds:
        """Return thresholds of the problem in these units in the data's."""
        found = (bounds.minimum, bounds.linear, bounds.maximum)
        return BetaBounds(*map(self.beta_outside, found))

    def run(self, function: Callable[[], _Result], beta: float | None = None) -> _Result:
        """Call a function whose errors name weight decays in these units; let them name those of the data.

        `beta` is the one that was asked for.
        """
        try:
            with np.errstate(over="ignore", under="ignore", invalid="ignore"):
                # What is not finite is refused where it would be returned.
                return function()
        except np.linalg.LinAlgError as error:
            raise SolverError(f"the linear algebra of the program failed: {error}") from error
        except (WeightDecayError, SolverError) as error:
            asked = {} if beta is None or "beta" not in error.decays else {"beta": beta}
            raise error.scaled(self.decay, **asked) from error.__cause__


def units_of(problem: Problem, *, least_norm: bool = False, frequencies: bool = False) -> Units:
    """Return the units in which a problem is of size one.

    With gates the ones beside the data are penalized as the data are, so that their scale is part of the
    problem and only that of labels and weights is changed.  With `least_norm`, one of many solutions is
    chosen by its norm, in which scale counts: only data far from size one are divided by theirs.  Weights
    that are `frequencies`, as where the weight decay is chosen, stay what they are.

    Raises
    ------
    ValueError
        If the range of the data, or of labels or weights with it, is one that floats cannot serve, or the
        data are so far from zero that their differences are rounded.
    """
    objective = problem.objective
    length, origin = _length_and_origin(problem)
    if least_norm and problem.bias and abs(length) <= _NEAR_ONE:
        length = 0
    given = objective.sample_weight
    weight = 0 if given is None or frequencies else exponent_of(np.asarray(given)) - 1
    boundary = _boundary_exponent(objective, length)
    weight += boundary
    label = -length
    if not problem.is_expected and not objective.has_trace and np.any(objective.targets):
        label = exponent_of(np.asarray(objective.targets)) - 1
        # Both layers take half of the change of the slopes.
        label += (length + label) % 2
    units = Units(length, label, weight, origin, problem.penalty == "ridge", boundary)
    if max(abs(units.value), abs(units.decay), abs(units.label)) > _EXPONENT:
        raise ValueError(
            "objective: expected data, labels and weights whose values are floats, got a range of about "
            f"2^{length}, labels of about 2^{label} and weights of about 2^{weight}; rescale them"
        )
    return units


def _boundary_exponent(objective: Any, length: int) -> int:
    """Return the exponent of the weight of the loss of data with limits, zero without.

    Distances have that of the range, functions one of their own.

    Raises
    ------
    ValueError
        If distances from the limits have another size than the range of the data.
    """
    if getattr(objective, "support", None) is None:
        return 0
    if isinstance(objective.boundary_weight, tuple):
        return exponent_of(objective.boundary[0]) - 1
    largest = times_power(float(objective.boundary[0].max()), -length)
    first, last = objective.X.min(axis=0), objective.X.max(axis=0)
    for (low, high), least, most in zip(box_of(objective.support), first, last, strict=True):
        for distance in (float(least) - low, high - float(most)):
            if math.isfinite(distance) and times_power(distance, -length) > _FURTHEST:
                raise ValueError(
                    f"support: expected limits within {_FURTHEST:g} times the range of the data, None where "
                    f"there is none, got one {times_power(distance, -length):.3g} ranges away"
                )
    if not 1 / _FURTHEST <= largest <= _FURTHEST:
        raise ValueError(
            f"support: expected limits within {_FURTHEST:g} times the range of the data, and a "
            f"boundary_weight that is not below its inverse, got a largest weight of {largest:g} ranges"
        )
    return length


def _length_and_origin(problem: Problem) -> tuple[int, FloatArray]:
    """Return the exponent of the data's range, or of their size where zero counts; and where they are."""
    X = np.asarray(problem.objective.X)
    low, high = X.min(axis=0), X.max(axis=0)
    size = float(np.maximum(np.abs(low), np.abs(high)).max())
    # Halves first: the range of numbers next to the largest ones is none.
    half_range = float((0.5 * high - 0.5 * low).max())
    extent = 2 * half_range if half_range < 0.5 * _LARGEST else math.inf
    if problem.is_expected:
        extent = max(extent, problem.objective.noise_level)
    anywhere = problem.bias and not problem.gated and extent > 0
    reach = extent if anywhere else size
    if reach and not _SMALLEST < reach < _LARGEST:
        raise ValueError(
            f"X: expected a range between {_SMALLEST:g} and {_LARGEST:g}, got {reach:g}; rescale the data"
        )
    if anywhere and size > _FURTHEST * extent:
        raise ValueError(
            f"X: expected values within {_FURTHEST:g} times their range of zero, got a range of {extent:g} "
            f"at {size:g}, where floats keep too few digits of differences; subtract a constant"
        )
    if problem.gated and problem.bias and size and not _SMALLEST_BESIDE_ONES < size < _LARGEST_BESIDE_ONES:
        raise ValueError(
            f"X: expected values of size {_SMALLEST_BESIDE_ONES:g} to {_LARGEST_BESIDE_ONES:g} for gated "
            f"networks with bias, whose penalty ties the data to a column of ones, got {size:g}; rescale them"
        )
    origin = np.zeros(X.shape[1])
    if anywhere:
        far = np.minimum(np.abs(low), np.abs(high)) > _FAR * extent
        origin[far] = low[far]
    if not reach or (problem.gated and problem.bias):
        return 0, origin
    exponent = math.frexp(reach)[1] - 1
    # Numbers next to the smallest float would lose digits, and points next to each other might meet.
    if exponent > 0 and not _survives(X, -exponent):
        return 0, origin
    return exponent, origin


def _survives(array: FloatArray, exponent: int) -> bool:
    """Return whether an array times a power of two, times its inverse, is the array."""
    pieces = (array[part] for part in parts(len(array)))
    return all(bool((_scaled(_scaled(piece, exponent), -exponent) == piece).all()) for piece in pieces)


def _scaled(array: FloatArray, exponent: int) -> FloatArray:
    """Return an array times a power of two; itself if that is one."""
    if exponent == 0:
        return array
    with np.errstate(under="ignore"):
        return np.asarray(array) * 2.0**exponent if abs(exponent) < 1000 else np.ldexp(array, exponent)
