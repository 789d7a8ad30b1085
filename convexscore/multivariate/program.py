"""Training with weight decay as a group lasso over neurons, in any dimension.

    min   1/2 ||S - L||^2  +  sum_k c_k u_k'v_k  +  n tr V [SM]  +  beta sum_k ||v_k||
    with  S = sum_k phi_k v_k' + 1 b2' + X V',      phi_k = sigma(X u_k + b_k),   ||u_k|| = 1

over any number of neurons (or *atoms*) ``(u, b)`` and their output vectors ``v``.  ``c_k``, the sum of
``sigma'`` over the data, belongs to score matching (SM) only.  ``b2`` exists with bias, ``V`` with skip;
neither is penalized.  Norms and sums carry the sample weights.

A neuron is linear on its activation pattern: with ``D`` the derivatives of ``sigma`` at the data and ``o`` a
point of its kink hyperplane, ``phi = D (X - 1 o') u``.  So it is kept as (pattern, origin, direction), and
the derivative counted for data *on* the hyperplane is part of the pattern: that is the kink convention.
Gated networks are the same program with the patterns fixed beforehand, rows ``(x, 1)`` and free directions.

**Data with limits** (generalized score matching, `objectives.support`) have masses ``m = w h`` in place of
the weights ``w``, and labels ``L = -grad h / h`` beside the trace: the loss ``w (h ||s||^2 / 2 + h tr J +
grad h's)`` is ``m (||s - L||^2 - ||L||^2) / 2 + m tr J``.  The constant is left out wherever it would be
added, since near the limits it is far larger than what it is added to: the dual value is then ``-1/2 ||Z +
L||^2``.

**Certificate.**  With ``Z = S - L`` the network is optimal among all of any width iff, for every neuron,

    || M'u || <= beta,    M = (X - 1 o')' D Z + [SM] tr(D) I,

with equality at its own neurons (and ``v`` along ``-M'u``), ``Z'1 = 0`` with bias and ``X'Z + [SM] n I = 0``
with skip.  The dual value is ``-1/2 ||Z||^2 - <L, Z>``.

**Units.**  Data are centred (with bias) and divided by their scale ``a``, targets multiplied by it.  Then
scores are multiplied by ``a``, values by ``a^2``, and ``beta`` stays what it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np
from numpy.typing import NDArray

from .._support.validation import FloatArray
from ..activations import Activation, get_activation
from ..errors import UnboundedError
from ..networks.gated import ScoreNetwork
from ..numerics.rounding import rounding_of_sums
from ..objectives import Objective, boundary_at, weighted_part
from ..problem import Problem

__all__ = ["NeuronProgram", "Neurons", "merged_rows"]


@dataclass(frozen=True, eq=False)
class Neurons:
    """Neurons as atoms of the program: patterns, hyperplanes, directions.

    Parameters
    ----------
    slope : int8 ndarray of shape (n_neurons, n_points)
        The derivative of the activation at each point, ties decided.
    direction : ndarray of shape (n_neurons, n_columns)
        Unit vectors ``u``.
    pivot : int ndarray of shape (n_neurons,)
        A data point on the kink hyperplane, its origin; -1 where the origin is zero.
    held : int ndarray of shape (n_neurons, n_held)
        Further data points on the hyperplane, which a small change of `direction` must keep there;
        padded with -1.
    """

    slope: NDArray[np.int8]
    direction: FloatArray
    pivot: NDArray[np.intp]
    held: NDArray[np.intp]

    def __len__(self) -> int:
        """Return the number of neurons."""
        return len(self.pivot)

    def __getitem__(self, chosen: NDArray[np.intp] | NDArray[np.bool_] | slice) -> Neurons:
        """Return some of the neurons."""
        return Neurons(self.slope[chosen], self.direction[chosen], self.pivot[chosen], self.held[chosen])

    def __add__(self, other: Neurons) -> Neurons:
        """Return both sets of neurons."""
        width = max(self.held.shape[1], other.held.shape[1])
        held = [
            np.pad(part.held, ((0, 0), (0, width - part.held.shape[1])), constant_values=-1)
            for part in (self, other)
        ]
        return Neurons(
            np.concatenate([self.slope, other.slope]),
            np.concatenate([self.direction, other.direction]),
            np.concatenate([self.pivot, other.pivot]),
            np.concatenate(held),
        )

    @classmethod
    def none(cls, n_points: int, n_columns: int) -> Neurons:
        """Return an empty set."""
        return cls(
            np.zeros((0, n_points), dtype=np.int8),
            np.zeros((0, n_columns)),
            np.zeros(0, dtype=np.intp),
            np.zeros((0, 0), dtype=np.intp),
        )

    @classmethod
    def from_matrices(
        cls, slope: NDArray[np.int8], W: FloatArray, share: float = 1e-12
    ) -> tuple[Neurons, FloatArray]:
        """Return the neurons, with output vectors, that singular values make of one matrix a pattern.

        Parameters
        ----------
        slope : int8 ndarray of shape (n_patterns, n_points)
            The patterns.
        W : ndarray of shape (n_patterns, n_columns, n_features)
            Their matrices ``sum u v'``.
        share : float
            Singular values below this share of the largest are left out.
        """
        left, size, right = np.linalg.svd(W, full_matrices=False)
        pattern, rank = np.nonzero(size > share * size.max(initial=0.0))
        nobody = np.full(pattern.size, -1)
        neurons = cls(slope[pattern], left[pattern, :, rank], nobody, nobody[:, None][:, :0])
        return neurons, size[pattern, rank, None] * right[pattern, rank]

    def origins(self, rows: FloatArray) -> FloatArray:
        """Return a point of each hyperplane, shape ``(n_neurons, n_columns)``."""
        return np.where(self.pivot[:, None] >= 0, rows[self.pivot], 0.0)

    def features(self, rows: FloatArray) -> FloatArray:
        """Return ``phi``, the neurons' outputs at the points, shape ``(n_points, n_neurons)``."""
        offset = np.einsum("kr,kr->k", self.origins(rows), self.direction)
        height = rows @ self.direction.T
        height -= offset
        height *= self.slope.T
        return height


@dataclass(frozen=True, eq=False)
class NeuronProgram:
    """The data of the program, merged, centred and scaled.

    Parameters
    ----------
    points : ndarray of shape (n_points, n_features)
        Distinct data points, as they came.
    rows : ndarray of shape (n_points, n_columns)
        What the neurons see: points centred and scaled, for gated networks as they are, with bias a column
        of ones added.
    mass : ndarray of shape (n_points,)
        Total sample weight at each point.
    target : ndarray of shape (n_points, n_features)
        Weighted mean label at each point; zero for score matching without limits.
    scatter : float
        The part of the objective that no score can reduce (labels of merged points).
    has_trace : bool
        Whether the objective is score matching.
    activation : {"relu", "abs"}
        Activation.
    skip, bias : bool
        Whether ``V``, and whether ``b`` and ``b2`` exist.
    free : ndarray of shape (n_points, n_free)
        Columns of the unpenalized part: ones with bias, the data with skip.
    free_trace : ndarray of shape (n_free, n_features)
        What they add to the objective, ``n I`` in the rows of the skip for SM, else zero.
    centre : ndarray of shape (n_features,)
        What was subtracted from the data.
    scale : float
        What they were divided by.
    gated : bool
        Whether directions are free of their patterns.
    frequency : ndarray of shape (n_points,)
        Total sample weight at each point; the mass but for data with limits.
    """

    points: FloatArray
    rows: FloatArray
    mass: FloatArray
    target: FloatArray
    scatter: float
    has_trace: bool
    activation: str
    skip: bool
    bias: bool
    free: FloatArray
    free_trace: FloatArray
    centre: FloatArray
    scale: float
    gated: bool
    frequency: FloatArray

    @classmethod
    def from_objective(
        cls, objective: Objective, activation: str, skip: bool, bias: bool, *, gated: bool = False
    ) -> Self:
        """Merge repeated points, centre and scale.

        With `gated` the bias is a column of ones of the rows, penalized like the others; there is no
        ``b2``, and the data are not centred or scaled, which would change the penalty.

        Raises
        ------
        UnboundedError
            If score matching with skip has no minimum because the data lie in a hyperplane.
        """
        get_activation(activation)
        points, frequency, target, scatter = merged_rows(objective)
        mass = frequency * boundary_at(objective, points)[0]
        n, d = points.shape
        centre, scale = np.zeros(d), 1.0
        if not gated:
            centre = np.average(points, axis=0, weights=mass) if bias else centre
            scale = float(np.sqrt(np.average(((points - centre) ** 2).sum(axis=1), weights=mass) / d)) or 1.0
        scaled = (points - centre) / scale
        ones = np.ones((n, 1))
        free = np.hstack(([ones] if bias and not gated else []) + ([scaled] if skip else []) + [ones[:, :0]])
        free_trace = np.zeros((free.shape[1], d))
        if skip and objective.has_trace:
            free_trace[-d:] = mass.sum() * np.eye(d)
        program = cls(
            points,
            np.hstack([scaled, ones]) if gated and bias else scaled,
            mass,
            scale * target,
            scatter,
            objective.has_trace,
            activation,
            skip,
            bias,
            free,
            free_trace,
            centre,
            scale,
            gated,
            frequency,
        )
        if skip and objective.has_trace and len(program.free_basis[0].T) < free.shape[1]:
            raise UnboundedError(
                "X: expected data that span the whole space for score matching with a skip connection, "
                "which is unbounded otherwise, got data in a hyperplane"
            )
        return program

    @classmethod
    def from_problem(cls, problem: Problem, *, gated: bool = False) -> Self:
        """Return the program of a problem; see `from_objective`."""
        return cls.from_objective(
            problem.objective, problem.activation, problem.skip, problem.bias, gated=gated
        )

    @property
    def sigma(self) -> Activation:
        """The activation."""
        return get_activation(self.activation)

    @property
    def n_features(self) -> int:
        """Dimension of the data and of the scores."""
        return int(self.target.shape[1])

    @cached_property
    def trace_mass(self) -> FloatArray:
        """What each point adds to the trace of a unit slope: `mass` for SM, zero for DSM."""
        return self.mass if self.has_trace else np.zeros_like(self.mass)

    @cached_property
    def root_mass(self) -> FloatArray:
        """Square roots of the masses as a column: residuals and features below are multiplied by it."""
        return np.sqrt(self.mass)[:, None]

    @cached_property
    def has_labels(self) -> bool:
        """Whether any target is not zero, or may be."""
        return not self.has_trace or bool(np.any(self.target))

    @cached_property
    def label_correlation(self) -> float:
        """The size of the labels' correlations with neurons; zero for SM on the whole space."""
        if self.has_trace:
            # Labels near limits are as large as their masses are small.
            sizes = np.linalg.norm(self.rows, axis=1) * np.linalg.norm(self.target, axis=1)
            return float(self.mass @ sizes)
        reach = float(np.linalg.norm(self.root_mass * self.rows))
        return reach * float(np.linalg.norm(self.root_mass * self.target))

    @cached_property
    def rounding(self) -> float:
        """How far rounding in residuals moves correlations; zero for SM, whose residuals are the scores."""
        return rounding_of_sums(len(self.mass)) * self.label_correlation

    @cached_property
    def free_basis(self) -> tuple[FloatArray, FloatArray]:
        """Orthonormal basis ``Q`` of the weighted free columns, and ``A`` with ``Q = root_mass free A``."""
        left, size, right = np.linalg.svd(self.root_mass * self.free, full_matrices=False)
        kept = size > 1e-12 * size.max(initial=0.0)
        return left[:, kept], right[kept].T / size[kept]

    @cached_property
    def zero_residual(self) -> FloatArray:
        """``root_mass (S - L)`` of the best network without neurons, shape ``(n_points, n_features)``."""
        basis, change = self.free_basis
        labels = self.root_mass * self.target
        return self.project(-labels) - basis @ (change.T @ self.free_trace)

    def project(self, columns: FloatArray) -> FloatArray:
        """Return weighted columns minus their projection on the free ones."""
        basis = self.free_basis[0]
        return columns - basis @ (basis.T @ columns)

    def features(self, neurons: Neurons) -> FloatArray:
        """Return the weighted features ``root_mass phi``, shape ``(n_points, n_neurons)``."""
        return self.root_mass * neurons.features(self.rows)

    def trace_counts(self, neurons: Neurons) -> FloatArray:
        """Return ``c``, the sum of ``sigma'`` over the data (zero for DSM), shape ``(n_neurons,)``."""
        return neurons.slope @ self.trace_mass

    def traces(self, neurons: Neurons) -> FloatArray:
        """Return ``c u``, shape ``(n_neurons, n_features)``."""
        return self.trace_counts(neurons)[:, None] * neurons.direction[:, : self.n_features]

    def residual(self, neurons: Neurons, outputs: FloatArray) -> FloatArray:
        """Return ``root_mass (S - L)`` with the best free part, shape ``(n_points, n_features)``."""
        return self.zero_residual + self.project(self.features(neurons) @ outputs)

    def correlations(self, neurons: Neurons, residual: FloatArray) -> FloatArray:
        """Return ``M'u``, the derivative by each neuron's output vector, from a weighted residual."""
        return self.features(neurons).T @ residual + self.traces(neurons)

    def free_part(self, neurons: Neurons, outputs: FloatArray) -> FloatArray:
        """Return the best coefficients of the free columns, shape ``(n_free, n_features)``."""
        basis, change = self.free_basis
        fitted = self.root_mass * self.target - self.features(neurons) @ outputs
        return change @ (basis.T @ fitted - change.T @ self.free_trace)

    def _data_terms(self, network: ScoreNetwork) -> tuple[float, float]:
        """Return a network's squares, and the trace with what labels pull beside it, in the data's units."""
        scores, labels = network(self.points), self.target / self.scale
        if not self.has_trace:
            return 0.5 * float(np.sum(self.mass[:, None] * (scores - labels) ** 2)), 0.0
        pulled = network.divergence(self.points) - np.sum(labels * scores, axis=1)
        return 0.5 * float(np.sum(self.mass[:, None] * scores**2)), float(np.sum(self.mass * pulled))

    def loss(self, network: ScoreNetwork) -> float:
        """Return the data term of a network at the merged points, in the units of the data."""
        return self.scatter + sum(self._data_terms(network))

    def magnitude(self, network: ScoreNetwork) -> float:
        """Return the size of the data term's parts, which may cancel in its value, in units of the data."""
        return self.scatter + sum(map(abs, self._data_terms(network)))

    def value(self, neurons: Neurons, outputs: FloatArray, beta: float) -> float:
        """Return the objective of some neurons, the free part at its best, in the units of the data."""
        free = self.free_part(neurons, outputs)
        smooth = np.sum(self.traces(neurons) * outputs) + np.sum(self.free_trace * free)
        if self.has_trace and self.has_labels:
            scores = self.features(neurons) @ outputs + self.root_mass * (self.free @ free)
            smooth += np.sum(scores * (0.5 * scores - self.root_mass * self.target))
        else:
            smooth += 0.5 * np.sum(self.residual(neurons, outputs) ** 2)
        decay = beta * np.linalg.norm(outputs, axis=1).sum()
        return self.scatter + float(smooth + decay) / self.scale**2

    def balanced(self, residual: FloatArray) -> tuple[FloatArray, float]:
        """Make a weighted residual meet the conditions of the free part; return how far it was from that."""
        basis, change = self.free_basis
        off = basis.T @ residual + change.T @ self.free_trace
        imbalance = np.abs(self.free.T @ (self.root_mass * residual) + self.free_trace)
        return residual - basis @ off, float(imbalance.max(initial=0.0))

    def dual_value(self, residual: FloatArray) -> float:
        """Return ``-1/2 ||Z||^2 - <L, Z>`` of a weighted residual, in the units of the data.

        With a trace the constant ``-1/2 ||L||^2``, which is left out of all values, completes the square.
        """
        labels = self.root_mass * self.target
        if self.has_trace:
            inner = 0.5 * np.sum((residual + labels) ** 2)
        else:
            inner = np.sum(residual * (0.5 * residual + labels))
        return self.scatter - float(inner) / self.scale**2


def merged_rows(objective: Objective) -> tuple[FloatArray, FloatArray, FloatArray, float]:
    """Merge repeated rows: points, masses, mean labels, and the scatter of labels around these."""
    objective = weighted_part(objective)
    points, which = np.unique(objective.X, axis=0, return_inverse=True)
    which = which.reshape(-1)
    weights, labels = objective.weights, objective.targets
    mass = np.bincount(which, weights=weights).astype(np.float64)
    if not objective.has_trace:
        sums = np.stack([np.bincount(which, weights=weights * column) for column in labels.T], axis=1)
        target = sums / mass[:, None]
        scatter = 0.5 * float(np.sum(weights[:, None] * (labels - target[which]) ** 2))
        return points, mass, target, scatter
    weight, gradient = boundary_at(objective, points)
    return points, mass, 0.0 - gradient / weight[:, None], 0.0
