"""Curie-Weiss models of very many spins: sums over sites as sums over a few nodes, and exact laws of sums.

A draw of noisy spins has the fields ``h_i = tau x_i + sqrt(tau) g_i``.  All that posterior means need of them
are sums of smooth functions over the sites, and an interpolation in ``g`` at Chebyshev's nodes turns these
into weighted sums over the nodes: exact for polynomials, and as good as rounding for the functions here.
"""

import numpy as np
from numpy.polynomial.chebyshev import chebvander
from scipy.special import gammaln

# Relative size of what interpolation and quadrature may leave out.
_SMALL = 1e-14
# Reach of a standard normal variable about the outermost mean, in an integral of spacing one, which misses
# a Gaussian of width one by 2 exp(-2 pi^2).
_REACH = 9


def magnetization_law(d, strength, field=0.0):
    """Return the sums of `d` spins, from ``-d`` to ``d``, and their probabilities."""
    plus = np.arange(d + 1)
    sums = 2.0 * plus - d
    logs = gammaln(d + 1) - gammaln(plus + 1) - gammaln(d - plus + 1)
    logs = logs + strength / (2 * d) * sums**2 + field * sums
    law = np.exp(logs - logs.max())
    return sums, law / law.sum()


def n_nodes(reach):
    """Return how many nodes interpolate ``log cosh`` on an interval of this half-width to rounding."""
    # The nearest singularity is i pi / 2; errors fall like the powers of the ellipse through it.
    ratio = np.pi / 2 / reach
    return int(np.ceil(-np.log(_SMALL) / np.log(ratio + np.hypot(1, ratio))))


def nodes_of(g, count):
    """Return nodes and weights, ``sum_i f(g_i) = sum_q w_q f(z_q)`` for polynomials of low degree."""
    if len(g) <= count:
        empty = np.zeros(count - len(g))
        return np.append(g, empty), np.append(np.ones(len(g)), empty)
    reach = np.abs(g).max()
    angles = np.pi * (np.arange(count) + 0.5) / count
    moments = chebvander(g / reach, count - 1).sum(0)
    moments[0] /= 2
    return reach * np.cos(angles), 2 / count * np.cos(np.outer(angles, np.arange(count))) @ moments


def draw_nodes(d, strength, n, largest_tau, rng):
    """Return spins, noise and weights of the nodes of `n` draws, each of shape (n, q)."""
    sums, law = magnetization_law(d, strength)
    plus = ((rng.choice(sums, n, p=law) + d) / 2).astype(int)
    count = n_nodes(np.sqrt(largest_tau) * (1 + np.sqrt(2 * np.log(max(d, 2)))))
    rows = []
    for up in plus:
        # Spins that are exchangeable need no order.
        halves = [nodes_of(g, min(count, d)) for g in np.split(rng.standard_normal(d), [up])]
        spins = np.repeat([1.0, -1.0], min(count, d))
        rows.append((spins, *np.concatenate(halves, axis=1)))
    return tuple(np.stack(column) for column in zip(*rows, strict=True))


def exact_means(strength, d, fields, weights=1.0):
    """Return the posterior means of one spin at each node, shape (n, q), from fields of that shape."""
    c = np.sqrt(strength / d)
    most = int(np.ceil(_REACH + c * d))
    shifts = c * np.arange(-most, most + 1.0)
    logs = np.empty((len(fields), len(shifts)))
    for place, shift in enumerate(shifts):
        size = np.abs(fields + shift)
        logs[:, place] = (weights * (size + np.log1p(np.exp(-2 * size)))).sum(1) - 0.5 * (shift / c) ** 2
    law = np.exp(logs - logs.max(1, keepdims=True))
    law /= law.sum(1, keepdims=True)
    mean = np.zeros_like(fields)
    for place in np.flatnonzero(law.max(0) > _SMALL / len(shifts)):
        mean += law[:, [place]] * np.tanh(fields + shifts[place])
    return mean
