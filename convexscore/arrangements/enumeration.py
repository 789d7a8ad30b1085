"""Enumerating the activation patterns of data, completely.

    D(u) = 1[X u >= 0]  for u in general position,

one pattern for each full-dimensional cell of the arrangement of the rows.  Cells come in pairs, ``u`` and
``-u``; those on the positive side of one hyperplane correspond one to one to sets of hyperplanes without
broken circuits (`broken_circuits`, `cells`), so none is missed and none comes twice.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import partial

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .._support.frozen import locked
from .._support.parallel import run_all
from .._support.progress import counted
from .._support.sizes import as_workers
from .._support.validation import FloatArray, as_count, as_flag
from ..errors import ConvergenceError
from .broken_circuits import sets_without_broken_circuits
from .cells import CellMaker, NotGenericError, as_objects, random_frame
from .counting import (
    BLOCK_SIZE,
    as_rows,
    has_more_than,
    integer_normals,
    pattern_count,
    reduced,
    require_at_most,
)
from .faces import flats
from .general_position import keep_without_broken_circuits, looks_general
from .patterns import Known, Patterns
from .reduction import Reduction, reduce_rows
from .subsets import all_sets

__all__ = ["enumerate_patterns", "iter_patterns"]

Signs = NDArray[np.bool_]

# How often fixed vectors that turn out not to be generic are drawn anew.
_FRAMES = 20


def enumerate_patterns(
    X: ArrayLike,
    bias: bool = False,
    *,
    closed: bool = False,
    max_patterns: int = 10_000_000,
    n_jobs: int | None = None,
    progress: bool = False,
) -> Patterns:
    """Return every activation pattern of the data, with a point inside each cell.

    Parameters
    ----------
    X : array of shape (n_samples, n_features)
        Data; zero, repeated and parallel rows and any rank are allowed.
    bias : bool
        Whether to add a column of ones.
    closed : bool
        Whether to return the literal set ``{1[X u >= 0] : u}``, which has patterns of lower-dimensional
        faces too: the identity and its negative as rows have 4 cells and 9 literal patterns.  Every
        flat is visited, one after the other, without workers or bar.
    max_patterns : int
        Bound on the number of cells.
    n_jobs : int, optional
        Workers of joblib, threads unless another backend is chosen there; -1 is one a core.  None is one, or
        what an enclosing `joblib.parallel_config` says.
    progress : bool
        Whether to show a bar (needs tqdm); its total is the number of cells in general position.

    Returns
    -------
    Patterns
        All of them, none twice; `Patterns.complete` is True.

    Raises
    ------
    ValueError
        If there are more than `max_patterns`; the message says how many.

    See Also
    --------
    iter_patterns : The same in blocks.
    count_patterns : Counts without listing.
    sample_patterns : Finds part of them by random directions.

    Notes
    -----
    Decided in exact arithmetic wherever floats are not certain: floats are dyadic rationals.

    Examples
    --------
    >>> import convexscore as cs
    >>> patterns = cs.enumerate_patterns([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
    >>> len(patterns), bool((patterns.margins > 0).all())
    (6, True)
    """
    rows = as_rows(X, bias)
    limit = as_count("max_patterns", max_patterns, minimum=1)
    n_jobs, progress = as_workers("n_jobs", n_jobs), as_flag("progress", progress)
    if has_more_than(rows, limit):
        least = f"2^{limit.bit_length()} or more"
        raise ValueError(f"max_patterns: expected at least the number of patterns, {least}, got {limit}")
    reduction = reduced(rows)
    require_at_most(reduction, limit)
    if as_flag("closed", closed):
        return _closed_patterns(rows, reduction)
    return _patterns(rows, reduction, _all_halves(reduction, n_jobs, progress), True)


def iter_patterns(
    X: ArrayLike,
    bias: bool = False,
    *,
    block_size: int = 20_000,
    n_jobs: int | None = None,
    progress: bool = False,
) -> Iterator[Patterns]:
    """Yield every activation pattern of the data in blocks, in memory that does not grow with their number.

    Parameters
    ----------
    X : array of shape (n_samples, n_features)
        Data; zero, repeated and parallel rows and any rank are allowed.
    bias : bool
        Whether to add a column of ones.
    block_size : int
        Patterns in a block, at most; many blocks have fewer.
    n_jobs : int, optional
        Workers of joblib, threads unless another backend is chosen there; -1 is one a core.  None is one, or
        what an enclosing `joblib.parallel_config` says.
    progress : bool
        Whether to show a bar (needs tqdm); its total is the number of cells in general position.

    Yields
    ------
    Patterns
        A block each, with `Patterns.complete` False; all blocks together are complete.

    See Also
    --------
    enumerate_patterns : All at once.
    count_patterns : Counts without listing.

    Examples
    --------
    >>> import convexscore as cs
    >>> blocks = cs.iter_patterns([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]], block_size=4)
    >>> sum(len(block) for block in blocks)
    6
    """
    rows = as_rows(X, bias)
    size = max(as_count("block_size", block_size, minimum=2) // 2, 1)
    workers, bar = as_workers("n_jobs", n_jobs), as_flag("progress", progress)
    return _streamed(rows, size, workers, bar)


def _streamed(rows: FloatArray, size: int, n_jobs: int | None, progress: bool) -> Iterator[Patterns]:
    reduction = reduced(rows)
    for seed in range(_FRAMES):
        begun = False
        try:
            for half in _counted(reduction, _halves(reduction, size, seed, n_jobs), progress):
                for start in range(0, len(half.signs), size):
                    begun = True
                    yield _patterns(rows, reduction, [half.part(start, start + size)], False)
            return
        except NotGenericError:
            # Another frame orders cells differently: once some are out, it is too late for it.
            if begun:
                break
    raise ConvergenceError("X: a random frame met a direction at a right angle; enumerate_patterns can retry")


@dataclass(frozen=True, eq=False)
class _Half:
    """Cells on the positive side of the first hyperplane, and the sets they come from."""

    signs: Signs
    members: NDArray[np.intp]
    maker: CellMaker | None

    def part(self, start: int, stop: int) -> _Half:
        return _Half(self.signs[start:stop], self.members[start:stop], self.maker)

    def points(self) -> FloatArray:
        if self.maker is None:
            return np.zeros((len(self.signs), 0))
        steps = range(0, len(self.signs), BLOCK_SIZE)
        parts = (self.part(start, start + BLOCK_SIZE) for start in steps)
        return np.concatenate([self.maker.points(part.members, part.signs) for part in parts])


@dataclass(frozen=True, eq=False)
class _Witnesses:
    """Points inside cells and their opposites, made when called."""

    halves: list[_Half]
    columns: NDArray[np.intp]
    n_columns: int

    def __call__(self) -> FloatArray:
        points = np.concatenate([half.points() for half in self.halves])
        points = np.concatenate([points, -points]) if points.shape[1] else points
        lifted = np.zeros((len(points), self.n_columns))
        lifted[:, self.columns] = points
        return locked(lifted)


def _counted(reduction: Reduction, halves: Iterator[_Half], progress: bool) -> Iterator[_Half]:
    most = pattern_count(len(reduction.normals), reduction.rank) if reduction.rank else 1
    return counted(halves, lambda half: 2 * len(half.signs), progress, most, "patterns")


def _all_halves(reduction: Reduction, n_jobs: int | None = None, progress: bool = False) -> list[_Half]:
    for seed in range(_FRAMES):
        halves = _halves(reduction, BLOCK_SIZE, seed, n_jobs)
        try:
            return list(_counted(reduction, halves, progress))
        except NotGenericError:
            continue
    raise ConvergenceError(f"X: {_FRAMES} random frames have all met a direction at a right angle")


def _halves(
    reduction: Reduction, block_size: int, seed: int = 0, n_jobs: int | None = None
) -> Iterator[_Half]:
    if reduction.rank == 0:
        yield _Half(np.ones((1, 0), dtype=bool), np.zeros((1, 0), dtype=np.intp), None)
        return
    rng = np.random.default_rng(seed)
    general = looks_general(reduction.normals, rng)
    frame = random_frame(reduction.normals[0], rng)
    makers = [CellMaker(reduction.normals, frame, size) for size in range(reduction.rank)]
    blocks = _sets(reduction, general, block_size)
    for signs, members in run_all(partial(_signs, reduction, makers, general), blocks, n_jobs):
        yield _Half(signs, members, makers[members.shape[1]])


def _signs(
    reduction: Reduction, makers: list[CellMaker], general: bool, members: NDArray[np.intp]
) -> tuple[Signs, NDArray[np.intp]]:
    """Return the cells of a block of sets, and the sets that have one."""
    maker = makers[members.shape[1]]
    if general:
        return _likely_cells(maker, reduction, members)
    return maker.exact_signs(members), members


def _patterns(rows: FloatArray, reduction: Reduction, halves: list[_Half], complete: bool) -> Patterns:
    """Return cells and their opposites as patterns of the rows."""
    signs = np.concatenate([half.signs for half in halves])
    if reduction.rank:
        signs = np.concatenate([signs, ~signs])
    total = len(signs) if complete else None
    witnesses = _Witnesses(halves, reduction.columns, rows.shape[1])
    return Patterns(locked(_on_rows(reduction, signs)), rows, complete, total, witnesses)


def _closed_patterns(rows: FloatArray, reduction: Reduction) -> Patterns:
    """Return the patterns of all faces: of the cells inside every flat."""
    signs, points = [], []
    for holding, basis in flats(reduction):
        heights = as_objects(reduction.normals) @ basis.T if reduction.normals else np.zeros((0, 0))
        inner = reduce_rows(heights[~holding].tolist(), len(basis))
        face = _patterns(np.zeros((inner.side.size, len(basis))), inner, _all_halves(inner), True)
        sides = np.ones((len(face), holding.size), dtype=bool)
        sides[:, ~holding] = face.signs
        held = np.concatenate([holding, [True]])[reduction.hyperplane]
        # A hyperplane that holds the face counts as active from either side.
        signs.append(_on_rows(reduction, sides) | held)
        largest = max((abs(int(entry)) for row in basis.tolist() for entry in row), default=1)
        scaled = [[float(Fraction(entry, largest)) for entry in row] for row in basis.tolist()]
        points.append(face.witnesses @ np.reshape(scaled, basis.shape))
    every = np.concatenate(signs)
    _, first = np.unique(np.packbits(every, axis=1), axis=0, return_index=True)
    witnesses = np.zeros((first.size, rows.shape[1]))
    witnesses[:, reduction.columns] = np.concatenate(points)[first]
    return Patterns(locked(every[first]), rows, True, first.size, Known(locked(witnesses)))


def _sets(reduction: Reduction, general: bool, block_size: int) -> Iterator[NDArray[np.intp]]:
    if not general:
        yield from sets_without_broken_circuits(integer_normals(reduction), block_size)
        return
    for size in range(reduction.rank):
        yield from all_sets(len(reduction.normals), size, block_size)


def _likely_cells(
    maker: CellMaker, reduction: Reduction, members: NDArray[np.intp]
) -> tuple[Signs, NDArray[np.intp]]:
    """Return the cells of those sets that have no broken circuit, most of them told by floats."""
    signs, sure = maker.likely_signs(members)
    if sure.all():
        return signs, members
    doubtful = np.flatnonzero(~sure)
    kept = doubtful[keep_without_broken_circuits(reduction.normals, members[doubtful])]
    signs[kept] = maker.exact_signs(members[kept])
    sure[kept] = True
    return signs[sure], members[sure]


def _on_rows(reduction: Reduction, signs: Signs) -> Signs:
    """Return the patterns of the rows from those of the hyperplanes."""
    cut = reduction.side != 0
    if (reduction.side > 0).all() and reduction.side.size == len(reduction.normals):
        return signs
    result = (
        np.take(signs, np.where(cut, reduction.hyperplane, 0), axis=1)
        if signs.shape[1]
        else np.ones((len(signs), cut.size), dtype=bool)
    )
    result ^= reduction.side < 0
    result |= ~cut
    return result
