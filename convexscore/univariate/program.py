"""The eight univariate programs (ZP Theorems 3.1, A.4, A.5, A.6 and 4.1, B.1, B.2, B.3).

With data ``x_1 .. x_n`` on the line, training a two-layer network of any width is equivalent to

    min  1/2 ||A y + b2 1 + V x - l||^2  +  c'y  +  n V [SM]  +  beta ||y||_1

over ``y``, ``b2`` and, with skip, ``V``.  ``l = 0`` for score matching (SM) and ``c = 0`` for
denoising score matching (DSM).  One column of ``A`` for each data point ``t`` and atom:

    activation, side, tie       column              SM coefficient c
    ReLU, right, inclusive      (x - t)_+           #{x_i >= t}
    ReLU, right, exclusive      (x - t)_+           #{x_i >  t}
    ReLU, left,  inclusive      (t - x)_+          -#{x_i <= t}
    ReLU, left,  exclusive      (t - x)_+          -#{x_i <  t}
    abs,         tie +          |x - t|             #{x_i >= t} - #{x_i <  t}
    abs,         tie -          |x - t|             #{x_i >  t} - #{x_i <= t}

Some optimal network has all its kinks at data points, which is why these atoms suffice; the tie
choice is the one-sided derivative that a neuron takes at its own kink.

Repeated points are merged into one of their total weight, so the sums above run over distinct
positions with masses ``m``; norms, counts and ``n`` become weighted.

**Data with limits** (generalized score matching, `objectives.support`) have masses ``m = w h`` in place of
the weights ``w``, and labels ``l = -h'/h`` beside the trace: the loss ``w (h s^2 / 2 + h s' + h' s)`` is
``m ((s - l)^2 - l^2) / 2 + m s'``.  The constant is left out wherever it would be added, since near the ends
it is far larger than what it is added to.

**The dual picture** all fast code rests on.  With the residual ``z = s(x) - l``, ``sum m z = 0``, let

    H(t) = sum_i m_i (x_i - t)_+ z_i + c_right(t),        kappa = H(-inf) = sum m x z + [SM] n.

Right atoms correlate with the residual as ``H``, left atoms as ``H - kappa``, abs atoms as
``2 H - kappa``.  So the certificate "every atom's correlation is at most beta in absolute value" says
that ``H`` stays in a band around ``kappa / 2`` at every position, inclusive and exclusive:

    |H - kappa/2| <= beta - |kappa|/2   (ReLU),      |H - kappa/2| <= beta/2   (abs),

with ``kappa = 0`` forced by the skip connection and ``kappa`` free without it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from .._support.validation import FloatArray
from ..networks.two_layer import TwoLayerNetwork
from ..numerics.parts import parts
from ..numerics.sorting import sort_with_order
from ..objectives import Objective, weighted_part
from ..objectives.support import weight_terms
from ..problem import Problem
from .activation_rules import ActivationRules, rules_of

__all__ = ["THEOREMS", "WHOLE_LINE", "DataTerm", "UnivariateProgram"]

#: The support of data without limits.
WHOLE_LINE = (-math.inf, math.inf)

#: Theorem of ZP for each (objective, activation, skip).
THEOREMS = {
    ("sm", "relu", False): "3.1",
    ("sm", "abs", False): "A.4",
    ("sm", "relu", True): "A.5",
    ("sm", "abs", True): "A.6",
    ("dsm", "relu", False): "4.1",
    ("dsm", "abs", False): "B.1",
    ("dsm", "relu", True): "B.2",
    ("dsm", "abs", True): "B.3",
}


@dataclass(frozen=True, eq=False)
class DataTerm:
    """The data term of a network.

    Parameters
    ----------
    misfit : float
        ``1/2 sum_i w_i (s(x_i) - l_i)^2``.
    trace : float
        The weighted sum of slopes, and for data with limits what labels pull; zero for denoising.  The misfit
        is then that of the scores themselves.
    pull : float
        ``sum_i m_i (|l_i| + |z_i|)``, by which errors of the outputs move the value at most.
    residual : ndarray of shape (n_positions,)
        ``z = s - l`` at the positions.
    """

    misfit: float
    trace: float
    pull: float
    residual: FloatArray

    @property
    def value(self) -> float:
        """The value."""
        return self.misfit + self.trace

    @property
    def magnitude(self) -> float:
        """The size of the parts, which may cancel in the value."""
        return self.misfit + abs(self.trace)


@dataclass(frozen=True, eq=False)
class UnivariateProgram:
    """One of the eight programs, its data merged at distinct positions.

    Parameters
    ----------
    position : ndarray of shape (n_positions,)
        Distinct data values, ascending; at least two.
    mass : ndarray of shape (n_positions,)
        Total sample weight at each position.
    target : ndarray of shape (n_positions,)
        Weighted mean label at each position; zero for score matching on the whole line.
    scatter : float
        ``1/2 sum_i w_i (l_i - target)^2``, the part of the DSM objective that no score can reduce.
    has_trace : bool
        Whether the objective is score matching.
    activation : {"relu", "abs"}
        Activation.
    skip : bool
        Whether the network has a skip connection.
    frequency : ndarray of shape (n_positions,), optional
        Total sample weight where the masses are another; by default the masses.
    limits : tuple of two floats
        The data's support, infinite where there is no limit.
    """

    position: FloatArray
    mass: FloatArray
    target: FloatArray
    scatter: float
    has_trace: bool
    activation: str
    skip: bool
    frequency: FloatArray | None = None
    limits: tuple[float, float] = WHOLE_LINE

    @classmethod
    def from_objective(
        cls, objective: Objective, activation: str = "relu", skip: bool = False
    ) -> UnivariateProgram:
        """Merge repeated data points of a one-dimensional objective.

        Raises
        ------
        ValueError
            If the data have more than one feature or fewer than two distinct values.
        """
        rules_of(activation)
        objective = weighted_part(objective)
        n, d = objective.X.shape
        if d != 1:
            raise ValueError(f"objective: expected data with 1 feature, got {d}")
        weight = objective.sample_weight
        label = None if objective.has_trace else objective.targets[:, 0]
        position, mass, target, scatter = _merged(objective.X[:, 0], weight, label)
        if position.size < 2:
            raise ValueError(f"X: expected at least two distinct values, got {n} sample(s), all equal")
        program = cls(position, mass, target, scatter, objective.has_trace, activation, skip)
        support, given = getattr(objective, "support", None), getattr(objective, "boundary_weight", None)
        if support is None or given is None:
            return program
        share, gradient = weight_terms(position[:, None], support, given)
        derivative = gradient[:, 0]
        return replace(program, mass=mass * share, target=-derivative / share, frequency=mass, limits=support)

    @classmethod
    def from_problem(cls, problem: Problem) -> UnivariateProgram:
        """Return the program of a problem; see `from_objective`."""
        return cls.from_objective(problem.objective, problem.activation, problem.skip)

    @property
    def rules(self) -> ActivationRules:
        """What the programs know of the activation."""
        return rules_of(self.activation)

    @property
    def theorem(self) -> str | None:
        """Number of the theorem in ZP; None for data with limits, which it has not."""
        if self.limits != WHOLE_LINE:
            return None
        return THEOREMS["sm" if self.has_trace else "dsm", self.activation, self.skip]

    @cached_property
    def has_labels(self) -> bool:
        """Whether any target is not zero, or may be."""
        return not self.has_trace or bool(np.any(self.target))

    @property
    def frequencies(self) -> FloatArray:
        """Total sample weight at each position."""
        return self.mass if self.frequency is None else self.frequency

    def weighted_anew(self, frequency: FloatArray) -> UnivariateProgram:
        """Return the program of other sample weights at its positions; what multiplies them stays."""
        if self.frequency is None:
            return replace(self, mass=frequency)
        return replace(self, mass=frequency * (self.mass / self.frequency), frequency=frequency)

    def restricted(self, mass: FloatArray, frequency: FloatArray) -> UnivariateProgram:
        """Return the program of other masses, which zeros leave out; its scatter is that of no labels."""
        used = mass > 0
        return replace(
            self,
            position=self.position[used],
            mass=mass[used],
            target=self.target[used],
            scatter=0.0,
            frequency=None if self.frequency is None else frequency[used],
        )

    @cached_property
    def total(self) -> float:
        """Total mass, the ``n`` of the formulas."""
        return float(self.mass.sum())

    @cached_property
    def gaps(self) -> FloatArray:
        """Distances between adjacent positions, shape ``(n_positions - 1,)``."""
        return np.diff(self.position)

    @cached_property
    def centred(self) -> FloatArray:
        """Positions minus their weighted mean, computed from differences to spare digits."""
        return self.from_mean(slice(None))

    def from_mean(self, part: slice) -> FloatArray:
        """Return some of the `centred` positions."""
        return self.position[part] - self.position[0] - self._mean

    @cached_property
    def _mean(self) -> float:
        """The weighted mean of the positions' distances from the first one."""
        total = 0.0
        for part in parts(self.position.size):
            total += float(np.sum(self.mass[part] * (self.position[part] - self.position[0])))
        return total / self.total

    @cached_property
    def variance(self) -> float:
        """Weighted variance of the positions, normalized by the total mass."""
        total = 0.0
        for part in parts(self.position.size):
            total += float(np.sum(self.mass[part] * self.from_mean(part) ** 2))
        return total / self.total

    @cached_property
    def trace_counts(self) -> tuple[FloatArray, FloatArray]:
        """``#{x_i > t}`` and ``#{x_i >= t}`` at each position for SM, zeros for DSM."""
        if not self.has_trace:
            return _constant(0.0, self.mass.size), _constant(0.0, self.mass.size)
        # Sums shifted by one, not differences: the two must meet exactly.
        counts = np.zeros(self.mass.size + 1)
        np.cumsum(self.mass[::-1], out=counts[-2::-1])
        return counts[1:], counts[:-1]

    @cached_property
    def tie_mass(self) -> FloatArray:
        """The mass that a kink may count with either slope: `mass` for SM, zero for DSM."""
        return self.mass if self.has_trace else _constant(0.0, self.mass.size)

    @cached_property
    def heaviest_inside_tie(self) -> float:
        """The largest `tie_mass` strictly inside the data."""
        return float(self.tie_mass[1:-1].max(initial=0.0))

    @cached_property
    def zero_value(self) -> float:
        """The objective at the zero score."""
        return self.scatter + 0.5 * self.label_square

    @cached_property
    def label_square(self) -> float:
        """The weighted sum of squares of the targets; zero with a trace, where no value has it."""
        if self.has_trace:
            return 0.0
        return sum(float(np.sum(self.mass[part] * self.target[part] ** 2)) for part in parts(self.mass.size))

    @cached_property
    def label_correlation(self) -> float:
        """The size of the labels' correlations with atoms."""
        if self.has_trace and self.has_labels:
            return float(np.sum(np.abs(self.mass * self.target * self.centred)))
        return float(np.sqrt(self.total * self.variance * self.label_square))

    def dual_value(self, residual: FloatArray) -> float:
        """Return ``-1/2 ||z||^2 - l'z`` and the constants of the objective, for a residual ``z``."""
        total = 0.0
        for part in parts(residual.size):
            z, target = residual[part], self.target[part]
            # With a trace the constant -1/2 ||l||^2 completes the square of the scores.
            square = (z + target) ** 2 if self.has_trace else z * (z + 2 * target)
            total += float(np.sum(self.mass[part] * square))
        return self.scatter - 0.5 * total

    @property
    def n_atoms(self) -> int:
        """Number of columns of ``A``: sides and, for SM, tie choices at every position."""
        return int(self.position.size) * len(self.rules.sides) * (2 if self.has_trace else 1)

    @property
    def trace_total(self) -> float:
        """``n`` for SM, zero for DSM: the trace of a unit slope."""
        return self.total if self.has_trace else 0.0

    def atom_half_width(self, beta: float, kappa: float = 0.0) -> float:
        """Half the width of the band that ``H`` must stay in, see the module's head."""
        return self.rules.half_width(beta, kappa)

    def correlation(self, residual: FloatArray) -> tuple[FloatArray, FloatArray, float]:
        """Return ``H`` just right of each position, ``H`` at it (inclusive), and ``kappa``.

        Parameters
        ----------
        residual : ndarray of shape (n_positions,)
            ``z = s - l`` at each position.
        """
        smooth = self.smooth_correlation(residual)
        kappa = float(smooth[0] + self.trace_total)
        if not self.has_trace:
            return smooth, smooth, kappa
        exclusive, inclusive = self.trace_counts
        return smooth + exclusive, smooth + inclusive, kappa

    def correlation_range(self, residual: FloatArray) -> tuple[float, float, float]:
        """Return the least ``H`` just right of a position, the largest at one, and ``kappa``.

        What `correlation` would return, a part at a time: sums start anew in each, so that rounding errors
        grow with the square root of its length and the number of parts, not with that of all positions.
        """
        exclusive, inclusive = self.trace_counts
        low, high = np.inf, -np.inf
        tail = height = 0.0
        following = float(self.position[-1])
        for part in parts(residual.size, backwards=True):
            position = self.position[part][::-1]
            sums = np.cumsum((self.mass[part] * residual[part])[::-1])
            sums += tail
            steps = -np.diff(position, prepend=following)
            steps[0] *= tail
            steps[1:] *= sums[:-1]
            smooth = np.cumsum(steps, out=steps)
            smooth += height
            tail, height, following = float(sums[-1]), float(smooth[-1]), float(position[-1])
            low = min(low, float((smooth + exclusive[part][::-1]).min()))
            high = max(high, float((smooth + inclusive[part][::-1]).max()))
        return low, high, height + self.trace_total

    def data_term(self, network: TwoLayerNetwork) -> DataTerm:
        """Return the data term of a network at the merged data, and the size of its parts."""
        misfit = trace = pull = 0.0
        residuals = np.empty(self.position.size)
        for part in parts(self.position.size):
            position, mass, target = self.position[part], self.mass[part], self.target[part]
            score = network(position)
            residual = np.subtract(score, target, out=residuals[part])
            # NumPy's pairwise sums: a dot product of a million terms loses three more digits.
            pull += float(np.sum(mass * (np.abs(target) + np.abs(residual))))
            if self.has_trace:
                misfit += float(np.sum(mass * score**2))
                trace += float(np.sum(mass * (network.divergence(position) - target * score)))
            else:
                misfit += float(np.sum(mass * residual**2))
        return DataTerm(0.5 * misfit + self.scatter, trace, pull, residuals)

    def smooth_correlation(self, residual: FloatArray) -> FloatArray:
        """Return ``G(t) = sum_i m_i (x_i - t)_+ z_i`` at each position: ``H`` without the counts."""
        # From right to left, where G starts at zero.
        tail = np.cumsum((self.mass * residual)[::-1])
        smooth = np.zeros_like(tail)
        np.cumsum(self.gaps[::-1] * tail[:-1], out=smooth[1:])
        return smooth[::-1]


def _constant(value: float, size: int) -> FloatArray:
    """Return a read-only array of one value in each place, which takes no memory."""
    return np.broadcast_to(np.float64(value), size)


def _merged(
    x: FloatArray, weight: FloatArray | None, label: FloatArray | None
) -> tuple[FloatArray, FloatArray, FloatArray, float]:
    """Sort and merge repeated points: positions, masses, mean labels, and the scatter around these."""
    if weight is None and label is None:
        x = np.sort(x)
    else:
        x, order = sort_with_order(x)
        weight = None if weight is None else np.take(weight, order, mode="clip")
        label = None if label is None else np.take(label, order, mode="clip")
    rises = x[1:] > x[:-1]
    if rises.all():
        mass = _constant(1.0, x.size) if weight is None else weight
        return x, mass, _constant(0.0, x.size) if label is None else label, 0.0
    starts = np.flatnonzero(np.concatenate([[True], rises]))
    weight = np.ones(x.size) if weight is None else weight
    mass = np.add.reduceat(weight, starts)
    if label is None:
        return x[starts], mass, _constant(0.0, starts.size), 0.0
    target = np.add.reduceat(weight * label, starts) / mass
    spread = label - np.repeat(target, np.diff(np.append(starts, x.size)))
    return x[starts], mass, target, 0.5 * float(np.sum(weight * spread**2))
