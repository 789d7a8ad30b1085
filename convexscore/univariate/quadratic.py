"""The univariate programs as quadratic programs in matrices, ready for a conic solver.

    min  1/2 r' M r + (c + beta)' u + (beta - c)' v + n V [SM]
    s.t. A (u - v) + b2 1 + V x - r = l,   u >= 0, v >= 0

in the variables ``(u, v, b2, V, r)`` with ``y = u - v``.  For data with limits, which have labels beside the
trace, ``r`` is the score itself and the labels are in the linear term, ``-l' M r``: near the ends they are
large, and there the masses are small.  For the solvers of this package positions, labels
and masses are brought to unit scale first (score matching is equivariant: ``x -> x/c`` multiplies the
objective by ``c^2`` at the same ``beta``), so that tolerances mean the same for every unit of measurement.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from .._support.validation import FloatArray
from ..activations import get_activation
from .program import UnivariateProgram

__all__ = ["Dictionary", "QuadraticProgram", "assembled", "build_dictionary", "build_quadratic_program"]


@dataclass(frozen=True, eq=False)
class Dictionary:
    """The atoms of a program as columns.

    Parameters
    ----------
    values : ndarray of shape (n_positions, n_atoms)
        The matrix ``A``.
    trace : ndarray of shape (n_atoms,)
        The coefficients ``c``.
    where : ndarray of shape (n_atoms,)
        Index of each atom's position.
    side : ndarray of shape (n_atoms,)
        Sign of the first-layer weight.
    """

    values: FloatArray
    trace: FloatArray
    where: NDArray[np.intp]
    side: FloatArray


def build_dictionary(program: UnivariateProgram) -> Dictionary:
    """Write out every atom of `program` (four a position for ReLU, two for abs; half of them for DSM)."""
    sigma = get_activation(program.activation)
    sides = program.rules.sides
    ties = (True, False) if program.has_trace else (True,)
    t = program.position
    index = np.arange(t.size)
    values, traces, where, signs = [], [], [], []
    for side in sides:
        pre = side * (t[:, None] - t[None, :])
        for right in ties:
            values.append(sigma.value(pre))
            traces.append(side * (program.mass @ sigma.derivative(pre, right)) * program.has_trace)
            where.append(index)
            signs.append(np.full(t.size, side))
    return Dictionary(np.hstack(values), np.concatenate(traces), np.concatenate(where), np.concatenate(signs))


@dataclass(frozen=True, eq=False)
class QuadraticProgram:
    """``min 1/2 w'Pw + q'w`` subject to ``equality w = rhs`` and ``w[:n_nonnegative] >= 0``.

    Parameters
    ----------
    P : sparse matrix of shape (n_variables, n_variables)
        Diagonal.
    q : ndarray of shape (n_variables,)
        Linear term.
    equality : sparse matrix of shape (n_positions, n_variables)
        The definition of the residual, with a trace of the score.
    rhs : ndarray of shape (n_positions,)
        The labels, with a trace zeros.
    n_nonnegative : int
        The first variables, ``u`` and ``v``, are nonnegative.
    objective_unit : float
        The program's objective is this times the objective in matrices (plus `scatter` for DSM).
    dictionary : Dictionary
        The atoms, in scaled units.
    scaled : UnivariateProgram
        The program in scaled units.
    beta : float
        The weight decay in scaled units.
    """

    P: sp.csc_matrix
    q: FloatArray
    equality: sp.csc_matrix
    rhs: FloatArray
    n_nonnegative: int
    objective_unit: float
    dictionary: Dictionary
    scaled: UnivariateProgram
    beta: float

    def intervals(self) -> tuple[sp.csc_matrix, FloatArray, FloatArray]:
        """Return the constraints as ``lower <= matrix w <= upper``: the equalities, then the signs."""
        n_bounds = self.n_nonnegative
        bound = sp.eye(n_bounds, self.q.size, format="csc")
        return (
            sp.vstack([self.equality, bound], format="csc"),
            np.concatenate([self.rhs, np.zeros(n_bounds)]),
            np.concatenate([self.rhs, np.full(n_bounds, np.inf)]),
        )

    def coefficients(self, w: FloatArray) -> FloatArray:
        """Return ``y = u - v``."""
        half = self.n_nonnegative // 2
        return w[:half] - w[half : 2 * half]

    def jumps(self, w: FloatArray) -> FloatArray:
        """Return the slope jump at each position, shape ``(n_positions,)``, up to the scaling."""
        jump = get_activation(self.scaled.activation).jump * self.coefficients(w)
        n_positions = self.scaled.position.size
        return np.bincount(self.dictionary.where, weights=jump, minlength=n_positions).astype(float)

    def value(self, w: FloatArray) -> float:
        """Return the program's objective at `w`, recomputed, in original units."""
        y, scaled = self.coefficients(w), self.scaled
        offset = w[self.n_nonnegative]
        slope = w[self.n_nonnegative + 1] if scaled.skip else 0.0
        score = self.dictionary.values @ y + offset + slope * scaled.position
        square = score * (score - 2 * scaled.target) if scaled.has_trace else (score - scaled.target) ** 2
        loss = 0.5 * scaled.mass @ square + self.dictionary.trace @ y
        loss += scaled.trace_total * slope + self.beta * np.abs(y).sum()
        return float(loss) * self.objective_unit


def build_quadratic_program(program: UnivariateProgram, beta: float) -> QuadraticProgram:
    """Assemble the matrices.

    Parameters
    ----------
    program : UnivariateProgram
        The program.
    beta : float
        Weight decay, at least the boundedness bound.

    Returns
    -------
    QuadraticProgram
    """
    length, total = np.sqrt(program.variance), program.total
    label = 1.0
    if not program.has_trace:
        label = float(np.sqrt(np.average(program.target**2, weights=program.mass))) * length or 1.0
    scaled = UnivariateProgram(
        program.centred / length,
        program.mass / total,
        program.target * length / label,
        0.0,
        program.has_trace,
        program.activation,
        program.skip,
    )
    return assembled(scaled, beta / (label * total), total * (label / length) ** 2)


def assembled(program: UnivariateProgram, beta: float, objective_unit: float = 1.0) -> QuadraticProgram:
    """Assemble the matrices of a program in its own units.

    Parameters
    ----------
    program : UnivariateProgram
        The program.
    beta : float
        Weight decay.
    objective_unit : float
        What the objective is to be multiplied by in the end.
    """
    dictionary = build_dictionary(program)
    n, p = dictionary.values.shape
    free = [np.ones((n, 1))] + ([program.position[:, None]] if program.skip else [])
    atoms = sp.csc_matrix(dictionary.values)
    equality = sp.hstack([atoms, -atoms, sp.csc_matrix(np.hstack(free)), -sp.eye(n)], format="csc")
    linear = [dictionary.trace + beta, beta - dictionary.trace, np.zeros(1)]
    if program.skip:
        linear.append(np.array([program.trace_total]))
    n_linear = 2 * p + len(free)
    by_score = -program.mass * program.target if program.has_trace else np.zeros(n)
    quadratic = sp.diags(np.concatenate([np.zeros(n_linear), program.mass]), format="csc")
    return QuadraticProgram(
        quadratic,
        np.concatenate([*linear, by_score]),
        equality,
        np.zeros(n) if program.has_trace else program.target,
        2 * p,
        objective_unit,
        dictionary,
        program,
        beta,
    )
