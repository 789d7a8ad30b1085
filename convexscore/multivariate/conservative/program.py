"""Training of conservative networks as a lasso over neurons, in any dimension.

    min   1/2 ||s - L||^2  +  sum_k c_k a_k  +  n tr S [SM]  +  beta sum_k |a_k|
    with  s(x) = sum_k a_k u_k sigma(u_k'x + b_k) + b2 + S x,      ||u_k|| = 1,   S symmetric

over any number of neurons ``(u, b)`` and their coefficients ``a``: the program of `multivariate.program` with
the output vector of every neuron along its direction, ``v = a u``, and with a symmetric skip connection.
The network is the gradient of a potential, and weight decay of its two layers is ``beta sum |a_k|``.

**Certificate.**  With ``Z = s - L`` the network is optimal among conservative networks of any width iff

    | H(u, b) | <= beta,    H(u, b) = sum_i sigma(u'x_i + b) u'z_i + [SM] sum_i sigma'(u'x_i + b) = u'M'u

for every unit vector ``u`` and every ``b`` (``M`` is that of `multivariate.program`), with ``Z'1 = 0`` with
bias and ``sym(X'Z) + [SM] n I = 0`` with skip.  The dual value is ``-1/2 ||Z||^2 - <L, Z>``.

On a pattern ``H`` is a quadratic form in ``u``, and between data it is linear in ``b``: pricing goes over the
hyperplanes through data as for other networks, with ``| u'M'u |`` in the place of ``|| M'u ||``.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import combinations_with_replacement

import numpy as np

from ..._support.validation import FloatArray
from ..program import NeuronProgram, Neurons

__all__ = ["ConservativeProgram", "tied_fields"]


@dataclass(frozen=True, eq=False)
class ConservativeProgram(NeuronProgram):
    """The data of the program; see `NeuronProgram`.  Output vectors are multiples of the directions.

    The free part is one field on the points a parameter, since ``S`` is symmetric, and not one column for all
    features alike.
    """

    @cached_property
    def _fields(self) -> FloatArray:
        """Matrices that make the free fields of `free`, shape ``(n_fields, n_free, n_features)``."""
        d, width = self.n_features, self.free.shape[1]
        constants, linear = range(d if self.bias else 0), range(width - d, width)
        fields = []
        for j in constants:
            fields.append(np.zeros((width, d)))
            fields[-1][0, j] = 1.0
        for i, j in combinations_with_replacement(range(d), 2) if self.skip else ():
            fields.append(np.zeros((width, d)))
            fields[-1][linear[i], j] += 0.5
            fields[-1][linear[j], i] += 0.5
        return np.array(fields).reshape(len(fields), width, d)

    @cached_property
    def _field_basis(self) -> tuple[FloatArray, FloatArray]:
        """Orthonormal fields as columns, and how they are made of the weighted free ones."""
        values = np.einsum("nf,kfd->ndk", self.root_mass * self.free, self._fields)
        left, size, right = np.linalg.svd(
            values.reshape(self.target.size, len(self._fields)), full_matrices=False
        )
        kept = size > 1e-12 * size.max(initial=0.0)
        return left[:, kept], right[kept].T / size[kept]

    @cached_property
    def _field_trace(self) -> FloatArray:
        """What each free field adds to the trace, shape ``(n_fields,)``."""
        return np.einsum("kfd,fd->k", self._fields, self.free_trace)

    def project(self, columns: FloatArray) -> FloatArray:
        """Return a weighted field, ``(n_points, n_features)``, minus its projection on the free ones."""
        return self.project_fields(columns.reshape(-1, 1)).reshape(columns.shape)

    def project_fields(self, fields: FloatArray) -> FloatArray:
        """Return weighted fields, flattened as columns, minus their projections on the free ones."""
        basis = self._field_basis[0]
        return fields - basis @ (basis.T @ fields)

    @cached_property
    def zero_residual(self) -> FloatArray:
        """``root_mass (s - L)`` of the best network without neurons, shape ``(n_points, n_features)``."""
        basis, change = self._field_basis
        pushed = basis @ (change.T @ self._field_trace)
        return self.project(-self.root_mass * self.target) - pushed.reshape(self.target.shape)

    def free_part(self, neurons: Neurons, outputs: FloatArray) -> FloatArray:
        """Return ``b2`` (with bias) above ``S`` (with skip) at their best, shape ``(n_free, n_features)``."""
        basis, change = self._field_basis
        missing = self.root_mass * self.target - self.features(neurons) @ outputs
        parts = basis.T @ missing.ravel() - change.T @ self._field_trace
        coefficients: FloatArray = np.einsum("k,kfd->fd", change @ parts, self._fields)
        return coefficients

    def balanced(self, residual: FloatArray) -> tuple[FloatArray, float]:
        """Make a weighted residual meet the conditions of the free part; return how far it was from that."""
        basis, change = self._field_basis
        off = basis.T @ residual.ravel() + change.T @ self._field_trace
        pull = self.free.T @ (self.root_mass * residual)
        imbalance = np.abs(np.einsum("kfd,fd->k", self._fields, pull) + self._field_trace)
        return residual - (basis @ off).reshape(residual.shape), float(imbalance.max(initial=0.0))

    def fields(self, neurons: Neurons) -> FloatArray:
        """Return the neurons' weighted fields ``phi u'``, flattened as columns."""
        return tied_fields(self.features(neurons), neurons.direction)

    def tied_correlations(self, neurons: Neurons, residual: FloatArray) -> FloatArray:
        """Return ``H``, the derivative by each neuron's coefficient, from a weighted residual."""
        return np.sum(self.correlations(neurons, residual) * neurons.direction, axis=1)


def tied_fields(features: FloatArray, directions: FloatArray) -> FloatArray:
    """Return the fields ``phi u'`` as columns, from features as columns and directions as rows."""
    n, n_neurons = features.shape
    return np.einsum("nk,kd->ndk", features, directions).reshape(n * directions.shape[1], n_neurons)
