"""Sampled patterns, for data with more patterns than can be listed."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from .._support.frozen import locked
from .._support.seeds import generator
from .._support.validation import as_count
from .counting import as_rows, known_count
from .patterns import Known, Patterns, scaled_rows

__all__ = ["sample_patterns"]

_BLOCK_SIZE = 10_000


def sample_patterns(
    X: ArrayLike, n_samples: int, bias: bool = False, rng: np.random.Generator | int | None = None
) -> Patterns:
    """Return the distinct patterns of random directions.

    Parameters
    ----------
    X : array of shape (n_rows, n_features)
        Data.
    n_samples : int
        Number of standard Gaussian directions.
    bias : bool
        Whether to add a column of ones.
    rng : Generator or seed, optional
        Source of the directions.

    Returns
    -------
    Patterns
        Each with the direction that found it.  ``patterns.fraction`` says which part of all patterns was
        found, where these are few enough to be counted; cells of small solid angle are missed.

    See Also
    --------
    enumerate_patterns : All patterns.
    count_patterns : How many there are.

    Examples
    --------
    >>> import convexscore as cs
    >>> patterns = cs.sample_patterns([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]], 100, rng=0)
    >>> len(patterns), patterns.fraction
    (6, 1.0)
    """
    rows = as_rows(X, bias)
    draws = as_count("n_samples", n_samples, minimum=1)
    source = generator(rng, "sample_patterns")
    scaled = scaled_rows(rows)
    found = np.zeros((0, -(-len(rows) // 8)), dtype=np.uint8)
    witnesses = np.zeros((0, rows.shape[1]))
    for start in range(0, draws, _BLOCK_SIZE):
        directions = source.standard_normal((min(_BLOCK_SIZE, draws - start), rows.shape[1]))
        directions /= np.linalg.norm(directions, axis=1, keepdims=True)
        packed = np.packbits(directions @ scaled.T >= 0, axis=1)
        found, first = np.unique(np.concatenate([found, packed]), axis=0, return_index=True)
        witnesses = np.concatenate([witnesses, directions])[first]
    signs = np.unpackbits(found, axis=1, count=len(rows)).astype(bool)
    total = known_count(rows)
    return Patterns(locked(signs), rows, len(signs) == total, total, Known(locked(witnesses)))
