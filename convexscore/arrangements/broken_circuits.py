"""Cells and sets of hyperplanes without broken circuits: the one-to-one map that enumeration rests on.

A set ``S`` of hyperplanes ``s_1 < ... < s_m`` has no broken circuit iff every ``s_i`` is the least member of
the flat spanned by ``s_i, ..., s_m``.  Whitney's theorem: a central arrangement has as many cells as such
sets, and as many of them lie on the positive side of hyperplane 0 as there are such sets that avoid 0.  For
hyperplanes in general position all sets of less than ``r`` members qualify: ``sum_{k < r} C(n - 1, k)`` sets.

The sets grow from their largest member down.  If ``S`` qualifies, ``{s} + S`` with ``s < min S`` does iff no
``e < s`` is parallel to ``s`` modulo the span of ``S``.  So an integer matrix of the quotient map by its span
is kept with ``S``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import comb
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._support.progress import counted

__all__ = ["SetBlock", "count_sets_without_broken_circuits", "sets_without_broken_circuits"]

Integers = NDArray[Any]  # int64, or Python integers where these could overflow


@dataclass(frozen=True, eq=False)
class SetBlock:
    """Sets of one size.

    Parameters
    ----------
    members : int ndarray of shape (n_sets, size)
        Ascending in each row.
    quotient : integer ndarray of shape (n_sets, rank - size, rank)
        Rows of a map whose kernel is the span of the set.
    """

    members: NDArray[np.intp]
    quotient: Integers


def sets_without_broken_circuits(normals: Integers, block_size: int) -> Iterator[NDArray[np.intp]]:
    """Yield all sets that avoid 0, in blocks of one size.

    Parameters
    ----------
    normals : integer ndarray of shape (n_hyperplanes, rank)
        Pairwise not parallel, of full rank.
    block_size : int
        How many sets are extended at a time.
    """
    for block in _blocks(normals, block_size, normals.shape[1] - 1):
        yield block.members


def _blocks(normals: Integers, block_size: int, largest: int) -> Iterator[SetBlock]:
    """Yield sets of up to `largest` members, depth first: few blocks of each size are held at a time."""
    rank = normals.shape[1]
    identity = np.zeros((1, rank, rank), dtype=normals.dtype)
    identity[0, np.arange(rank), np.arange(rank)] = 1
    root = SetBlock(np.zeros((1, 0), dtype=np.intp), identity)
    stack = [root]
    while stack:
        block = stack.pop()
        if len(block.members) > block_size:
            parts = [slice(start, start + block_size) for start in range(0, len(block.members), block_size)]
            stack += [SetBlock(block.members[part], block.quotient[part]) for part in parts]
            continue
        yield block
        if block.members.shape[1] < largest:
            stack.append(_extended(block, normals))


def _extended(block: SetBlock, normals: Integers) -> SetBlock:
    """Return all sets with one more, smaller, member."""
    directions, first = _candidates(block, normals)
    parent, member = np.nonzero(first)
    members = np.concatenate([member[:, None], block.members[parent]], axis=1)
    chosen = directions[parent, :, member]
    return SetBlock(members, _next_quotient(block.quotient[parent], chosen))


def _candidates(block: SetBlock, normals: Integers) -> tuple[Integers, NDArray[np.bool_]]:
    """Return the normals modulo each set's span, and which of them extend the set."""
    quotient, normals = _roomy(block.quotient, normals)
    directions = _primitive(_compact(quotient @ normals.T))
    n = len(normals)
    limit = block.members[:, 0] if block.members.shape[1] else np.full(1, n)
    below = np.arange(n) < limit[:, None]
    first = _first_of_its_kind(directions, below) & below
    first[:, 0] = False
    return directions, first


def _roomy(left: Integers, right: Integers) -> tuple[Integers, Integers]:
    """Return both as Python integers if sums of their products could overflow."""
    reach = int(np.abs(left).max(initial=0)) * int(np.abs(right).max(initial=0)) * 2 * max(right.shape[-1], 2)
    return (left, right) if reach < 2**62 else (left.astype(object), right.astype(object))


def _compact(values: Integers) -> Integers:
    """Return Python integers as machine integers where these are large enough."""
    if values.dtype == object and int(np.abs(values).max(initial=0)) < 2**62:
        return values.astype(np.int64)
    return values


def _primitive(directions: Integers) -> Integers:
    """Divide vectors along axis 1 by their greatest common divisor, and make their first entry positive."""
    divisor = np.gcd.reduce(directions, axis=1)
    leading = np.zeros_like(divisor)
    for entry in np.moveaxis(directions, 1, 0)[::-1]:
        leading = np.where(entry != 0, entry, leading)
    divisor = np.where(divisor == 0, 1, divisor) * np.where(leading < 0, -1, 1)
    return directions // divisor[:, None]


def _first_of_its_kind(directions: Integers, counted: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Whether no earlier counted vector of the same row of sets is equal; shape ``(n_sets, n_vectors)``."""
    keys = _keys(directions)
    n_sets, n = keys.shape
    # What is not counted is unlike everything else.
    unlike = keys.max(initial=0) + 1 + np.arange(n)
    keys = np.where(counted, keys, unlike)
    order = np.argsort(keys, axis=1, kind="stable")
    ordered = np.take_along_axis(keys, order, axis=1)
    repeated = np.zeros((n_sets, n), dtype=bool)
    repeated[:, 1:] = ordered[:, 1:] == ordered[:, :-1]
    first = np.empty_like(repeated)
    np.put_along_axis(first, order, ~repeated, axis=1)
    return first


def _keys(directions: Integers) -> NDArray[np.int64]:
    """Return numbers of vectors: equal ones, and only these, have equal numbers."""
    reach = int(np.abs(directions).max(initial=0))
    base = 2 * reach + 1
    if directions.dtype != object and base ** directions.shape[1] < 2**62:
        powers = base ** np.arange(directions.shape[1], dtype=np.int64)
        return np.einsum("pkn,k->pn", directions + reach, powers)
    flat = np.moveaxis(directions, 1, 2).reshape(-1, directions.shape[1])
    numbers: dict[tuple[int, ...], int] = {}
    keys = [numbers.setdefault(tuple(vector), len(numbers)) for vector in flat.tolist()]
    return np.array(keys, dtype=np.int64).reshape(directions.shape[0], directions.shape[2])


def _next_quotient(quotient: Integers, direction: Integers) -> Integers:
    """Return the quotient map that also sends the vectors with these images to zero."""
    n_sets, size, rank = quotient.shape
    pivot = np.argmax(direction != 0, axis=1)
    rows = np.arange(n_sets)
    quotient, direction = _roomy(quotient, direction)
    pivot_row, pivot_entry = quotient[rows, pivot], direction[rows, pivot]
    combined = pivot_entry[:, None, None] * quotient - direction[:, :, None] * pivot_row[:, None, :]
    keep = np.arange(size) != pivot[:, None]
    remaining = combined[keep].reshape(n_sets * (size - 1), rank)
    divisor = np.gcd.reduce(remaining, axis=1)
    reduced = _compact(remaining // np.where(divisor == 0, 1, divisor)[:, None])
    return reduced.reshape(n_sets, size - 1, rank)


def count_sets_without_broken_circuits(normals: Integers, block_size: int, progress: bool = False) -> int:
    """Return how many sets avoid 0, without making those of the largest size."""
    rank = normals.shape[1]
    if rank == 1:
        return 1
    total = 0
    n, largest = len(normals) - 1, rank - 2
    most = sum(comb(n, size) for size in range(largest + 1))
    blocks = counted(
        _blocks(normals, block_size, largest), lambda block: len(block.members), progress, most, "sets"
    )
    for block in blocks:
        total += len(block.members)
        if block.members.shape[1] == largest:
            total += int(np.count_nonzero(_candidates(block, normals)[1]))
    return total
