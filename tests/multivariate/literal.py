"""The largest correlation by going over all cells and faces of the arrangement: for a few points."""

from itertools import combinations, product

import numpy as np

import convexscore as cs


def largest_correlation(program, residual, tied=False):
    """Return the largest ``|M'u|`` (tied: ``|u'M'u|``) over patterns and directions.

    On a cell the correlation is a norm, or a quadratic form, of a linear function of ``u``: it is largest at
    a top singular vector or an eigenvector, inside the cell or, with some points held, inside one of its
    faces.
    """
    rows, bias, d = program.rows, program.bias, program.n_features
    lifted = np.hstack([rows, np.ones((len(rows), 1))]) if bias else rows
    z = program.root_mass * residual
    best = 0.0
    for active, M in _cells(program, lifted, z):
        side = np.where(active, 1.0, -1.0)
        for held in _faces(lifted):
            # Columns span the hyperplanes through these points; without one the bias is not at its end.
            span = np.eye(lifted.shape[1]) if not held else _kernel(lifted[list(held)])
            _, size, right = np.linalg.svd(span[:d], full_matrices=False)
            if span.shape[1] == 0 or size.size < span.shape[1] or size[-1] < 1e-10:
                continue
            unit = span @ (right.T / size)
            for vector, value in _extremes(M @ unit, unit[:d], tied):
                if value <= best:
                    continue
                place = unit @ vector
                if any((side * (lifted @ (sign * place)) > -1e-9).all() for sign in (1.0, -1.0)):
                    best = value
    return best


def _cells(program, lifted, z):
    """Yield the patterns, points at the origin with either side, and the linear function on each."""
    beside = lifted.any(axis=1)
    patterns = np.asarray(cs.enumerate_patterns(program.rows, bias=program.bias).signs)
    for pattern, counted in product(patterns, (True,) if beside.all() else (True, False)):
        active = np.where(beside, pattern, counted)
        slope = np.where(active, 1.0, program.sigma.left_slope)
        M = (z * slope[:, None]).T @ lifted
        M[:, : program.n_features] += (slope @ program.trace_mass) * np.eye(program.n_features)
        yield active, M


def _faces(lifted):
    for size in range(lifted.shape[1]):
        yield from combinations(range(len(lifted)), size)


def _kernel(rows):
    _, size, right = np.linalg.svd(rows)
    return right[int(np.sum(size > 1e-10 * max(size.max(), 1e-300))) :].T


def _extremes(M, heads, tied):
    """Return the unit vectors where ``|M y|``, or ``|heads y . M y|``, is largest, and these values."""
    form = 0.5 * (heads.T @ M + M.T @ heads) if tied else M.T @ M
    values, vectors = np.linalg.eigh(form)
    if tied:
        return [(vectors[:, k], abs(values[k])) for k in (0, -1)]
    return [(vectors[:, -1], np.sqrt(max(values[-1], 0.0)))]
