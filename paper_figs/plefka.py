"""Plefka's expansion of the free energy of spins at given means, to the fourth order, and its fixed points.

For the law ``exp(sum_{i<j} A_ij x_i x_j + h'x) / Z`` on signs let ``-G(m)`` be the largest entropy plus
``E sum_{i<j} A_ij x_i x_j`` of laws of means ``m``: then ``log Z = max_m h'm - G(m)``.  In powers of the
couplings (Plefka 1982; Georges & Yedidia 1991), with ``v = 1 - m^2`` and ``u = m v``,

    -G = S(m) + F_1 + F_2 + F_3 + F_4 + ...,     S the entropy of independent spins,
    F_1 = sum_pairs A_ij m_i m_j
    F_2 = 1/2 sum_pairs A_ij^2 v_i v_j
    F_3 = 2/3 sum_pairs A_ij^3 u_i u_j + sum_triangles A_ij A_jk A_ki v_i v_j v_k
    F_4 = - 1/12 sum_pairs A_ij^4 v_i v_j (1 + 3 m_i^2 + 3 m_j^2 - 15 m_i^2 m_j^2)
          + 2 sum_(triangles, one side doubled) A_ij^2 A_jk A_ki u_i u_j v_k
          + sum_(cycles of four) A_ij A_jk A_kl A_li v_i v_j v_k v_l.

On a tree ``-G`` is a sum over its edges, so that no other graphs of up to four edges come in.  The term of
an edge is that of two spins.  A cycle has the product of its couplings and variances to first order in each;
with one side doubled, ``A_ij`` times a correlation ``A_ij v_i v_j`` that the rest of the triangle shifts.
The sum to order ``k`` is stationary where

    m = tanh(h + d(F_1 + .. + F_k) / dm):

order 1 is mean field, order 2 the equation of Thouless, Anderson & Palmer.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.special import entr

ORDERS = (1, 2, 3, 4)


@dataclass(frozen=True)
class Couplings:
    """Symmetric couplings ``A`` of shape (..., d, d), diagonal zero, for means of shape (..., n, d)."""

    A: np.ndarray

    @cached_property
    def _paths(self):
        """``A_ik A_kj`` as a matrix (..., d, d^2) from ``k`` to pairs."""
        A = self.A
        return (A[..., :, :, None] * A[..., :, None, :]).reshape(*A.shape[:-1], -1)

    def _two_steps(self, v):
        """Return ``W = A diag(v) A``, shape (..., n, d, d)."""
        return (v @ self._paths).reshape(*v.shape, v.shape[-1])

    def interaction(self, m, order):
        """Return ``F_1 + .. + F_order``, shape (..., n)."""
        A, v, u = self.A, 1 - m**2, m * (1 - m**2)
        total = 0.5 * _form(m, A, m)
        if order >= 2:
            total = total + 0.25 * _form(v, A**2, v)
        if order >= 3:
            W = self._two_steps(v)
            total = total + _form(u, A**3, u) / 3 + _paired(v, W * A[..., None, :, :], v) / 6
        if order >= 4:
            s, D = v**2, A**4
            edges = -8 * _form(v, D, v) + 24 * _form(s, D, v) - 15 * _form(s, D, s)
            doubled = _paired(u, W * (A**2)[..., None, :, :], u)
            closed = _paired(v, W**2, v) - 2 * (s * (v @ A**2) ** 2).sum(-1) + _form(s, D, s)
            total = total - edges / 24 + doubled + closed / 8
        return total

    def gradient(self, m, order):
        """Return the gradient of `interaction` in the means."""
        A, v = self.A, 1 - m**2
        if order == 1:
            return m @ A
        by_v, by_u = 0.5 * v @ A**2, 0.0
        if order >= 3:
            u, W = m * v, self._two_steps(v)
            by_u = u @ A**3 * (2 / 3)
            by_v = by_v + 0.5 * _along(W * A[..., None, :, :], v)
        if order >= 4:
            s, B, D = v**2, A**2, A**4
            by_v = by_v + (16 * v @ D - 24 * (2 * v * (v @ D) + s @ D) + 60 * v * (s @ D)) / 24
            side = B[..., None, :, :] * W
            by_u = by_u + 2 * _along(side, u)
            # diag(A (B o uu') A): the doubled side opposite to each spin.
            opposite = (u[..., :, None] * u[..., None, :] * B[..., None, :, :]).reshape(*u.shape[:-1], -1)
            by_v = by_v + opposite @ np.swapaxes(self._paths, -1, -2)
            first = v @ B
            by_v = by_v + 0.5 * _along(W**2, v) - 0.5 * (v * first**2 + (s * first) @ B) + 0.5 * v * (s @ D)
        return m @ A - 2 * m * by_v + (1 - 3 * m**2) * by_u


@dataclass(frozen=True)
class EqualCouplings:
    """All couplings of ``d`` spins equal to `a`: sums over graphs are polynomials of a few power sums.

    With `weights` of shape (n, q) the means (n, q) stand for many spins each, as nodes of a quadrature do.
    """

    a: float
    weights: np.ndarray | float = 1.0

    def _sum(self, values):
        return (self.weights * values).sum(-1, keepdims=True)

    def interaction(self, m, order):
        """Return ``F_1 + .. + F_order``, shape (n,)."""
        a, v, u, total = self.a, 1 - m**2, m * (1 - m**2), self._sum
        p = [total(v**k) for k in range(5)]
        e2 = (p[1] ** 2 - p[2]) / 2
        e3 = (p[1] ** 3 - 3 * p[1] * p[2] + 2 * p[3]) / 6
        e4 = (p[1] ** 4 - 6 * p[1] ** 2 * p[2] + 3 * p[2] ** 2 + 8 * p[1] * p[3] - 6 * p[4]) / 24
        pairs_of_u = (total(u) ** 2 - total(u**2)) / 2
        edges = -8 * e2 + 12 * (p[1] * p[2] - p[3]) - 15 * (p[2] ** 2 - p[4]) / 2
        doubled = pairs_of_u * p[1] - (total(u) * total(u * v) - total(u**2 * v))
        terms = (
            a * (total(m) ** 2 - total(m**2)) / 2,
            a**2 * e2 / 2,
            a**3 * (2 * pairs_of_u / 3 + e3),
            a**4 * (-edges / 12 + 2 * doubled + 3 * e4),
        )
        return sum(terms[:order])[..., 0]

    def gradient(self, m, order):
        """Return the derivative of `interaction` by the mean of one spin of each node, shape (n, q)."""
        a, total = self.a, self._sum
        first = a * (total(m) - m)
        if order == 1:
            return first
        v = 1 - m**2
        p1 = total(v)
        by_v, by_u = a**2 * (p1 - v) / 2, 0.0
        if order >= 3:
            u, p2 = m * v, total(v**2)
            u1 = total(u)
            e2 = (p1**2 - p2) / 2
            pairs = e2 - v * (p1 - v)
            by_u = a**3 * 2 * (u1 - u) / 3
            by_v = by_v + a**3 * pairs
        if order >= 4:
            p3, u2 = total(v**3), total(u**2)
            others = p2 - v**2
            edges = -8 * (p1 - v) + 12 * (2 * v * (p1 - v) + others) - 30 * v * others
            triples = (p1**3 - 3 * p1 * p2 + 2 * p3) / 6 - v * pairs
            by_u = by_u + 2 * a**4 * ((u1 - u) * (p1 - v) - (total(u * v) - u * v))
            by_v = by_v + a**4 * (-edges / 12 + (u1**2 - u2) - 2 * u * (u1 - u) + 3 * triples)
        return first - 2 * m * by_v + (1 - 3 * m**2) * by_u


def entropy(m):
    """Return the entropy of independent spins of means `m`, summed over the last axis."""
    return (entr((1 + m) / 2) + entr((1 - m) / 2)).sum(-1)


def log_normalizer(model, h, m, order):
    """Return ``h'm - G(m)`` to an order: at its fixed point an estimate of ``log Z``."""
    return (h * m).sum(-1) + entropy(m) + model.interaction(m, order)


def fixed_point(model, h, order, step=0.5, tolerance=1e-11, most=500):
    """Return ``m = tanh(h + gradient(m))`` from ``m = tanh(h)`` on, and the last change of each row."""
    w = np.zeros_like(h)
    for _ in range(most):
        change = model.gradient(np.tanh(h + w), order) - w
        w = w + step * change
        if np.abs(change).max() <= tolerance:
            break
    return np.tanh(h + w), np.abs(change).max(axis=-1)


def score_of(model, order, step=0.5, tolerance=1e-6, most=100):
    """Return the noise-conditional score whose posterior means are fixed points of `order`."""

    def score(y, sigma):
        mean, _ = fixed_point(model, y / sigma**2, order, step, tolerance, most)
        return (mean - y) / sigma**2

    return score


def _form(left, matrix, right):
    return (left @ matrix * right).sum(-1)


def _along(matrices, values):
    """Return the products of (..., n, d, d) with (..., n, d)."""
    return (matrices * values[..., None, :]).sum(-1)


def _paired(left, matrices, right):
    return (left * _along(matrices, right)).sum(-1)
