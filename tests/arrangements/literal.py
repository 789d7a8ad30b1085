"""Patterns by linear programs, exact witnesses, and arrangements whose cells are known."""

import itertools
from fractions import Fraction

import numpy as np
from hypothesis import strategies as st
from scipy.optimize import linprog

import convexscore as cs

# Twins


def solution_of(rows, signs):
    """Return a vector with these signs (-1, 0, 1) over the first rows, at height 1 or more; else None."""
    signs = np.array(signs)
    cut = signs != 0
    program = linprog(
        np.zeros(rows.shape[1]),
        A_ub=-signs[cut, None] * rows[: signs.size][cut] if cut.any() else None,
        b_ub=-np.ones(cut.sum()) if cut.any() else None,
        A_eq=None if cut.all() else rows[: signs.size][~cut],
        b_eq=None if cut.all() else np.zeros((~cut).sum()),
        bounds=(None, None),
        method="highs-ds",
    )
    return program.x if program.status == 0 else None


def sign_vectors(rows, choices):
    """Return all sign vectors of these signs that some vector has over the rows, grown row by row."""
    grown = {(): np.zeros(rows.shape[1])}
    for row in rows:
        longer = {}
        for signs, point in grown.items():
            height = row @ point
            for choice in choices:
                # The point of the parent serves one child, and spares its program.
                serves = choice * height > 0.5
                found = point if serves else solution_of(rows, (*signs, choice))
                if found is not None:
                    longer[(*signs, choice)] = found
        grown = longer
    return list(grown)


def with_ones(X, bias):
    """The rows whose signs the patterns are."""
    return np.column_stack([X, np.ones(len(X))]) if bias else np.asarray(X, dtype=float)


def cells_by_programs(X, bias):
    """Return the set of patterns of full-dimensional cells."""
    rows = with_ones(X, bias)
    cut = rows.any(axis=1)
    patterns = set()
    for signs in sign_vectors(rows[cut], (-1, 1)):
        pattern = np.ones(len(rows), dtype=bool)
        pattern[cut] = np.array(signs) > 0
        patterns.add(tuple(pattern.tolist()))
    return patterns


def literal_by_programs(X, bias):
    """Return the set of patterns of all faces."""
    vectors = sign_vectors(with_ones(X, bias), (-1, 0, 1))
    return {tuple(sign >= 0 for sign in signs) for signs in vectors}


# What patterns are compared by


def as_set(signs):
    """Return rows of signs as a set, after checking that none comes twice."""
    rows = {tuple(row) for row in signs.tolist()}
    assert len(rows) == len(signs)
    return rows


def pattern_set(X, bias=False, **options):
    return as_set(cs.enumerate_patterns(X, bias, **options).signs)


def exact_heights(rows, points):
    """Return the heights of points over rows as rationals."""
    rows, points = (
        [[Fraction(entry) for entry in row] for row in array.tolist()] for array in (rows, points)
    )
    return [[sum(a * b for a, b in zip(row, u, strict=True)) for row in rows] for u in points]


def exactly_inside(patterns):
    """Whether each witness is strictly on its side of every row that is not zero, without rounding."""
    rows = patterns.rows[patterns.rows.any(axis=1)]
    sides = patterns.signs[:, patterns.rows.any(axis=1)].tolist()
    heights = exact_heights(rows, patterns.witnesses)
    return np.array(
        [
            all(height != 0 and (height > 0) == side for height, side in zip(*pair, strict=True))
            for pair in zip(heights, sides, strict=True)
        ]
    )


def check_witnesses(patterns):
    rows, inside = patterns.rows, patterns.witnesses
    assert inside.shape == (len(patterns), rows.shape[1])
    assert (patterns.margins > 0).all()
    np.testing.assert_array_equal(inside @ rows.T >= 0, patterns.signs)
    assert exactly_inside(patterns).all()
    if rows.any():
        np.testing.assert_allclose(np.linalg.norm(inside, axis=1), 1.0, rtol=1e-12)


@st.composite
def matrices(draw, largest=7, widest=4):
    """Draw small integer matrices; most are degenerate on purpose."""
    n, d = draw(st.integers(1, largest)), draw(st.integers(1, widest))
    rng = np.random.default_rng(draw(st.integers(0, 10**6)))
    X = rng.integers(-2, 3, (n, d))
    kind = draw(st.sampled_from(["plain", "repeated", "opposite", "collinear", "holes", "flat", "zero"]))
    others = rng.integers(0, n, n)
    chosen = rng.random(n) < 0.5
    if kind == "repeated":
        X[chosen] = X[others][chosen]
    elif kind == "opposite":
        X[chosen] = -X[others][chosen]
    elif kind == "collinear":
        X = rng.integers(-2, 3, n)[:, None] * X[0] + X[-1]
    elif kind == "holes":
        X[chosen] = 0
    elif kind == "flat":
        # Rank at most two.
        X = rng.integers(-2, 3, (n, 2)) @ rng.integers(-1, 2, (2, d))
    elif kind == "zero":
        X[:] = 0
    return X.astype(float)


def cube(n):
    return np.array(list(itertools.product([-1.0, 1.0], repeat=n)))


def resonance(n):
    return np.array(list(itertools.product([0.0, 1.0], repeat=n)))[1:]


def braid(n):
    return np.array([np.eye(n)[i] - np.eye(n)[j] for i, j in itertools.combinations(range(n), 2)])


def type_b(n):
    pairs = list(itertools.combinations(np.eye(n), 2))
    return np.array([*np.eye(n), *(a - b for a, b in pairs), *(a + b for a, b in pairs)])


def grid(p):
    return np.array(list(itertools.product(range(p), repeat=2)), dtype=float)
