"""Counting activation patterns, exactly and without listing them."""

from __future__ import annotations

from functools import partial
from math import comb

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .._support.frozen import locked
from .._support.parallel import run_all
from .._support.progress import each
from .._support.sizes import as_workers
from .._support.validation import FloatArray, as_count, as_data, as_flag
from .broken_circuits import count_sets_without_broken_circuits
from .cells import CellMaker, as_objects, random_frame
from .general_position import are_general, looks_general
from .reduction import Reduction, has_rank, reduce_rows
from .subsets import all_sets

__all__ = [
    "BLOCK_SIZE",
    "as_rows",
    "count_patterns",
    "has_more_than",
    "integer_normals",
    "known_count",
    "pattern_count",
    "reduced",
    "require_at_most",
]

# Sets looked at together.
BLOCK_SIZE = 8_000
# Up to this many patterns are counted where their number is only of interest.
_COUNTED = 2_000_000
# Matrices with fewer rows or columns are reduced in a moment.
_MANY = 100


def pattern_count(n: int, rank: int) -> int:
    """Return the number of patterns of `n` rows in general position, ``2 sum_{k < rank} C(n - 1, k)``.

    Parameters
    ----------
    n : int
        Number of rows.
    rank : int
        Their rank, at most `n`.

    Returns
    -------
    int
        An upper bound for rows in any position (Cover 1965).

    Raises
    ------
    ValueError
        If `rank` is larger than `n`.

    See Also
    --------
    count_patterns : The number for any rows.

    Examples
    --------
    >>> import convexscore as cs
    >>> cs.pattern_count(100, 4)
    323600
    """
    n, rank = as_count("n", n, minimum=1), as_count("rank", rank, minimum=1)
    if rank > n:
        raise ValueError(f"rank: expected at most n = {n}, got {rank}")
    return 2 * sum(comb(n - 1, k) for k in range(rank))


def count_patterns(
    X: ArrayLike, bias: bool = False, *, n_jobs: int | None = None, progress: bool = False
) -> int:
    """Return the number of activation patterns of the data, exactly, without listing them.

    Parameters
    ----------
    X : array of shape (n_samples, n_features)
        Data; zero, repeated and parallel rows and any rank are allowed.
    bias : bool
        Whether to add a column of ones.
    n_jobs : int, optional
        Workers of joblib, threads unless another backend is chosen there; -1 is one a core.  None is one, or
        what an enclosing `joblib.parallel_config` says.  They share data in general position; other counts
        are made one set after the other.
    progress : bool
        Whether to show a bar (needs tqdm).

    Returns
    -------
    int
        Counted in integer arithmetic by Whitney's theorem: twice the sets without broken circuits that
        avoid one hyperplane.

    See Also
    --------
    enumerate_patterns : Lists them.
    pattern_count : The number for rows in general position.

    Examples
    --------
    >>> import convexscore as cs
    >>> cs.count_patterns([[x, y] for x in range(3) for y in range(3)], bias=True)
    58
    """
    workers, bar = as_workers("n_jobs", n_jobs), as_flag("progress", progress)
    return _count(reduced(as_rows(X, bias)), workers, bar)


def as_rows(X: ArrayLike, bias: bool) -> FloatArray:
    """Return validated data, with a column of ones if `bias`."""
    rows = as_data("X", X)
    if not as_flag("bias", bias):
        return locked(rows)
    return locked(np.concatenate([rows, np.ones((len(rows), 1))], axis=1))


def reduced(rows: FloatArray) -> Reduction:
    """Reduce the rows of a matrix."""
    return reduce_rows(rows.tolist(), rows.shape[1])


def _count(reduction: Reduction, n_jobs: int | None = None, progress: bool = False) -> int:
    if reduction.rank == 0:
        return 1
    if reduction.rank <= 2:
        # Two cells on the line; in the plane each line through zero cuts two.
        return 2 if reduction.rank == 1 else 2 * len(reduction.normals)
    rng = np.random.default_rng(0)
    if looks_general(reduction.normals, rng) and _is_general(reduction, rng, n_jobs, progress):
        return pattern_count(len(reduction.normals), reduction.rank)
    return 2 * count_sets_without_broken_circuits(integer_normals(reduction), BLOCK_SIZE, progress)


def _is_general(reduction: Reduction, rng: np.random.Generator, n_jobs: int | None, progress: bool) -> bool:
    """Whether no maximal determinant is zero: told by floats, and exactly where these are not certain."""
    size = reduction.rank - 1
    maker = CellMaker(reduction.normals, random_frame(reduction.normals[0], rng), size)
    sets = all_sets(len(reduction.normals), size, BLOCK_SIZE)
    found = run_all(partial(_are_general, reduction, maker), sets, n_jobs)
    total = -(-comb(len(reduction.normals) - 1, size) // BLOCK_SIZE)
    return all(each(found, progress, total, "sets of hyperplanes"))


def _are_general(reduction: Reduction, maker: CellMaker, members: NDArray[np.intp]) -> bool:
    _, sure = maker.likely_signs(members)
    return bool(sure.all()) or are_general(reduction.normals, members[~sure])


def has_more_than(rows: FloatArray, number: int) -> bool:
    """Whether the rows are so many, and so independent, that they surely have more patterns than that.

    It is asked first where the exact reduction of the rows takes longer than a moment.
    """
    least = number.bit_length()
    # Hyperplanes of full rank cut out all signs of some of them, as many as the rank.
    return min(rows.shape) >= max(_MANY, least) and has_rank(rows, least)


def known_count(rows: FloatArray) -> int | None:
    """Return the number of patterns if it is small enough to be counted quickly, else None."""
    if has_more_than(rows, _COUNTED):
        return None
    reduction = reduced(rows)
    if reduction.rank and pattern_count(len(reduction.normals), reduction.rank) > _COUNTED:
        return None
    return _count(reduction)


def require_at_most(reduction: Reduction, limit: int) -> None:
    """Raise if there are more patterns than that; they are counted only if the generic number is larger."""
    if reduction.rank == 0:
        return
    most = pattern_count(len(reduction.normals), reduction.rank)
    if most <= limit:
        return
    # Counting takes a while, too: beyond this the bound must do.
    if most > 50_000_000 and most > 10 * limit:
        raise ValueError(f"max_patterns: expected at least the number of patterns, up to {most}, got {limit}")
    number = _count(reduction)
    if number > limit:
        raise ValueError(f"max_patterns: expected at least the number of patterns, {number}, got {limit}")


def integer_normals(reduction: Reduction) -> NDArray[np.int64] | NDArray[np.object_]:
    """Return the normals as machine integers where these have room to spare, else as Python integers."""
    normals = as_objects(reduction.normals)
    largest = max(max(map(abs, normal)) for normal in reduction.normals)
    return normals.astype(np.int64) if largest < 2**31 else normals
