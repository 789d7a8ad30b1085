"""The neural tangent kernel as a sum over activation patterns.

    K = sum_i p_i D_i X X' D_i,      p_i = P(w has pattern D_i),  w ~ N(0, I)

So kernel ridge regression is the gated network with the penalty ``sum_i |v_i|^2 / (2 p_i)``, whose weights
the convex program learns (`reweighted_least_squares`).
"""

from __future__ import annotations

from functools import partial

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..._support.parallel import run_all
from ..._support.progress import each
from ..._support.seeds import generator
from ..._support.sizes import as_size, as_workers
from ..._support.validation import FloatArray, as_flag
from ...arrangements.enumeration import enumerate_patterns
from ...arrangements.patterns import Patterns
from ...arrangements.solid_angles import MOST_RANK, cell_shares, rank_of

__all__ = ["pattern_weights", "start_weights"]

# Signs of draws that are held at once.
_BLOCK = 2**22


def pattern_weights(
    X: ArrayLike,
    bias: bool = False,
    *,
    n_draws: int | None = None,
    rng: np.random.Generator | int | None = None,
    progress: bool = False,
    n_jobs: int | None = None,
) -> FloatArray:
    """Return the probability of each activation pattern under a normal direction.

    With these, ``sum_i p_i D_i X X' D_i`` is the kernel `ntk` of the rows, and
    ``solve(DenoisingScoreMatching(X, Y), beta, gated=True, penalty="ridge", weights=p)`` its ridge
    regression.

    Parameters
    ----------
    X : array of shape (n_samples, n_features)
        Data.
    bias : bool
        Whether to add a column of ones.
    n_draws : int, optional
        Directions to draw; by default none: the probabilities are solid angles, exact for rows of rank three
        and less.
    rng : Generator or seed, optional
        Source of the draws; None without them.
    progress : bool
        Show progress bars (needs tqdm).
    n_jobs : int, optional
        Workers of joblib that list patterns and look at draws, as for `enumerate_patterns`.

    Returns
    -------
    ndarray of shape (n_patterns,)
        In the order of ``enumerate_patterns(X, bias)``.

    Raises
    ------
    ValueError
        If the rank is above three and `n_draws` is not given.

    See Also
    --------
    reweighted_least_squares : Learns the weights.
    ntk : The kernel with these weights.
    convexscore.solve : Takes them as `weights`.

    Examples
    --------
    >>> import numpy as np, convexscore as cs
    >>> X = np.array([[1.0, 0.0], [1.0, 1.0], [-1.0, 2.0]])
    >>> signs, p = cs.enumerate_patterns(X).signs, cs.baselines.pattern_weights(X)
    >>> np.allclose(((p[:, None] * signs).T @ signs) * (X @ X.T), cs.baselines.ntk(X, X))
    True
    """
    bar, workers = as_flag("progress", progress), as_workers("n_jobs", n_jobs)
    patterns = enumerate_patterns(X, bias, n_jobs=workers, progress=bar)
    if n_draws is not None:
        n = as_size("n_draws", n_draws, minimum=1, each=patterns.rows.size)
        return _frequencies(patterns, n, generator(rng, "pattern_weights"), bar, workers)
    if rng is not None:
        raise ValueError("rng: expected None without n_draws, as nothing is drawn, got one")
    rank = rank_of(patterns)
    if rank > MOST_RANK:
        raise ValueError(
            f"n_draws: expected a number of directions to draw for rows of rank {rank}, whose solid angles "
            f"have no closed form above rank {MOST_RANK}, got None"
        )
    return cell_shares(patterns, rank)


def start_weights(patterns: Patterns) -> FloatArray:
    """Return the probabilities of patterns where they are exact, and equal weights beyond."""
    rank = rank_of(patterns)
    return cell_shares(patterns, rank) if rank <= MOST_RANK else np.full(len(patterns), 1 / len(patterns))


def _frequencies(
    patterns: Patterns, n: int, source: np.random.Generator, progress: bool, n_jobs: int | None
) -> FloatArray:
    """Return how often each pattern is that of a drawn direction."""
    number = {row.tobytes(): i for i, row in enumerate(patterns.packed)}
    counts = np.zeros(len(patterns))
    size = max(1, _BLOCK // len(patterns.rows))
    starts = range(0, n, size)
    drawn = (source.standard_normal((min(size, n - start), patterns.rows.shape[1])) for start in starts)
    found = run_all(partial(_distinct, patterns.rows), drawn, n_jobs)
    for packed, times in each(found, progress, len(starts), "directions"):
        # A direction on a boundary to rounding may have a pattern that no cell has.
        for row, count in zip(packed, times, strict=True):
            if row.tobytes() in number:
                counts[number[row.tobytes()]] += count
    return counts / n


def _distinct(rows: FloatArray, directions: FloatArray) -> tuple[NDArray[np.uint8], NDArray[np.intp]]:
    """Return the patterns of directions, each once, and how often each came."""
    signs = directions @ rows.T >= 0
    signs[:, ~rows.any(axis=1)] = True
    return np.unique(np.packbits(signs, axis=1), axis=0, return_counts=True)
