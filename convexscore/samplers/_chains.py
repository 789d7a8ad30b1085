"""What every sampler shares: chains, checks of scores, the loop over steps, blocks of chains in parallel.

A sampler is a `Setup`: given chains and a generator it returns the function that moves those chains, in
place, by one numbered step.  `run` owns the loop: progress, stored states, parallel blocks.  Workers may be
processes, to which a setup is sent with all it refers to: the score, but never all chains.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, Protocol, TypeGuard, runtime_checkable

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from .._support.parallel import run_all
from .._support.progress import counted, steps
from .._support.seeds import generator
from .._support.shorthands import limits_shown
from .._support.sizes import as_size, as_workers
from .._support.validation import (
    FloatArray,
    as_array,
    as_callable,
    as_flag,
    as_float_array,
    as_returned,
    check_finite,
    shown,
)
from ..errors import ConvergenceError
from ..objectives.support import Box, Support, as_limits, box_of, require_within, support_of
from ._line import as_piecewise, evaluate

Score = Callable[[FloatArray], FloatArray]
NoisyScore = Callable[[FloatArray, float], FloatArray]
# Moves chains by a step; what it may return is counted: how many of them moved, say.
Advance = Callable[[int], int | None]
Setup = Callable[[FloatArray, np.random.Generator], Advance]

# Chains farther out than this have diverged; overflow would follow, with a less helpful message.  In single
# precision already squares of larger numbers overflow.
_DIVERGED = {np.dtype(np.float64): 1e100, np.dtype(np.float32): 1e18}
# Noise levels between these have squares that keep their digits.
_SMALLEST, _LARGEST = 1e-150, 1e150
# Chains that share a generator when `n_jobs` is given: part of what a seed means, so it is fixed.
_BLOCK = 4096
# Chains of a piecewise linear score that are moved at a time: a few such arrays fit the second-level cache.
_CACHED = 8192


@runtime_checkable
class Leveled(Protocol):
    """A noise-conditional score with a method that fixes the noise level.

    ``at_level(sigma)`` returns a function of the points alone, with the values of ``score(y, sigma)`` but
    perhaps faster, like a fitted network; or None where the score has nothing better than itself.
    """

    def at_level(self, sigma: float) -> Score | None:
        """Return the score at noise level `sigma`, or None."""


def starting_points(x0: ArrayLike, dtype: DTypeLike | None = None) -> FloatArray:
    """Return a fresh array of chains, shape (n_chains,) or (n_chains, n_features), float32 or float64."""
    given = as_array("x0", x0)
    chosen = as_float_type(given.dtype if dtype is None and given.dtype == np.float32 else dtype)
    with np.errstate(over="ignore"):
        x = as_float_array("x0", given).astype(chosen, order="C", copy=True)
    check_finite("x0", x)
    if x.ndim not in (1, 2):
        raise ValueError(f"x0: expected shape (n_chains,) or (n_chains, n_features), got {x.shape}")
    return x


def as_float_type(dtype: DTypeLike | None) -> np.dtype[Any]:
    """Return `dtype` as float32 or float64, which is the default."""
    try:
        chosen = np.dtype(np.float64 if dtype is None else dtype)
    except Exception as error:  # whatever its conversion to a dtype raises
        raise TypeError(f"dtype: expected float32 or float64, got {shown(dtype)}") from error
    if chosen not in _DIVERGED:
        raise ValueError(f"dtype: expected float32 or float64, got {chosen}")
    return chosen


def chain_shape(n: int, d: int | None) -> tuple[int, ...]:
    """Return the shape of `n` chains of `d` features, or of plain numbers if `d` is None."""
    features = 1 if d is None else as_size("d", d, minimum=1, each=1)
    count = as_size("n", n, each=features)
    return (count,) if d is None else (count, features)


def as_levels(sigmas: ArrayLike, *, zero_last: bool = False) -> FloatArray:
    """Return strictly decreasing noise levels, positive but, if `zero_last`, for the last."""
    levels = as_float_array("sigmas", sigmas)
    check_squares("sigmas", levels)
    if levels.ndim == 1 and levels.size and (np.diff(levels) < 0).all():
        least, enough = float(levels[-1]), not zero_last or levels.size > 1
        if least > 0 or (zero_last and least == 0 and enough):
            return levels
    raise ValueError(
        f"sigmas: expected positive, strictly decreasing noise levels"
        f"{' (zero may end them)' if zero_last else ''}, got {levels.tolist()}"
    )


def check_squares(name: str, levels: ArrayLike) -> None:
    """Raise a ValueError where the square of a noise level, but for zero, is no float with all its digits."""
    sizes = np.abs(levels)
    wrong = (sizes > _LARGEST) | ((sizes < _SMALLEST) & (sizes > 0))
    if wrong.any():
        raise ValueError(
            f"{name}: expected noise levels from {_SMALLEST:g} to {_LARGEST:g}, got {sizes[wrong].max():g}"
        )


def as_score(score: Any) -> Any:
    """Return `score`, which is to be called, or asked for its form at a noise level."""
    return score if _is_leveled(score) else as_callable("score", score)


def chain_limits(x: FloatArray, score: Any, support: Any) -> Box | None:
    """Return the limits of chains, a pair a feature: those that are given, else those that the score knows.

    Raises
    ------
    TypeError, ValueError
        If they are no limits of so many features, or a chain is outside.
    """
    n_features = 1 if x.ndim == 1 else x.shape[1]
    known = support_of(score, n_features) if support is None else as_limits("support", support, n_features)
    if known is None:
        return None
    box = box_of(known)
    require_within("x0", _as_columns(x).T, box)
    return box


def as_score_without_limits(score: Any) -> Any:
    """Return `score` as `as_score` does, or raise if it knows limits, which no chain would keep to."""
    limits = support_of(score)
    if limits is not None:
        raise ValueError(
            f"score: expected one without limits, got that of a law on {limits_shown(limits)}; "
            "`langevin`, `mala` and `underdamped` keep to them, and a law's own method `sample` is exact"
        )
    return as_score(score)


def at_level(score: NoisyScore, sigma: float) -> Score:
    """Return the score at a noise level: what the score itself offers, if it is `Leveled`."""
    fixed = score.at_level(sigma) if _is_leveled(score) else None
    return (lambda y: score(y, sigma)) if fixed is None else as_callable("score", fixed)


def _is_leveled(score: Any) -> TypeGuard[Leveled]:
    return isinstance(score, Leveled) and callable(score.at_level)


def scores_at(score: Score, x: FloatArray, where: str) -> FloatArray:
    """Return the score at `x`, or raise if it has another shape or a NaN."""
    values = as_returned("score", score(x), x.shape, "an array of the shape of x,")
    if np.isnan(values).any():
        raise ConvergenceError(f"score: returned NaN at {where}")
    return values


def denoise_last(score: NoisyScore, x: FloatArray, sigma: float) -> None:
    """Move chains, in place, by ``sigma^2 score(x, sigma)`` (Tweedie)."""
    where = "the final denoising"
    values = scores_at(at_level(score, sigma), x, where)
    with np.errstate(over="ignore", invalid="ignore"):
        x += sigma**2 * values
    check_bounded(x, where, "sigmas: expected a lower last level, or a score that points inwards")


def check_bounded(x: FloatArray, where: str, advice: str) -> None:
    """Raise a ConvergenceError if a chain is far out or NaN; `advice` names the argument to change."""
    if x.size and not (x.max() < _DIVERGED[x.dtype] and x.min() > -_DIVERGED[x.dtype]):
        name, _, change = advice.partition(": ")
        raise ConvergenceError(f"{name}: chains diverged at {where}; {change}")


class Move:
    """The move ``x <- x + c s(x) + b z`` of chains `x`, in place; `z` is not drawn where ``b = 0``."""

    def __init__(self, x: FloatArray, rng: np.random.Generator) -> None:
        self.x, self.rng, self.noise = x, rng, np.empty_like(x)

    def __call__(self, score: Score, c: float, b: float, where: str, advice: str) -> None:
        """Move the chains once."""
        x, noise = self.x, self.noise
        function = as_piecewise(score)
        if function is not None:
            # The score of a chain depends on that chain alone: runs of chains move one after another, which
            # draws the same noise as moving all of them at once.
            x, noise = x.reshape(-1), noise.reshape(-1)
            for start in range(0, x.size, _CACHED):
                part = slice(start, start + _CACHED)
                self._move(x[part], noise[part], evaluate(function, x[part]), c, b)
                check_bounded(x[part], where, advice)
        else:
            self._move(x, noise, scores_at(score, x, where), c, b)
            check_bounded(x, where, advice)

    def _move(self, x: FloatArray, noise: FloatArray, values: FloatArray, c: float, b: float) -> None:
        with np.errstate(over="ignore", invalid="ignore"):
            # What is too large is refused as divergence.
            x += c * values
        if b > 0:
            draw(self.rng, noise)
            with np.errstate(over="ignore", invalid="ignore"):
                noise *= b
                x += noise


def reflect(x: FloatArray, limits: Support | Box, velocity: FloatArray | None = None) -> None:
    """Reflect chains at limits of each feature, in place, as often as it takes, and velocities with them."""
    velocities = None if velocity is None else _as_columns(velocity)
    for j, (low, high) in enumerate(box_of(limits)):
        if np.isfinite(low) or np.isfinite(high):
            _reflect(_as_columns(x)[j], low, high, None if velocities is None else velocities[j])


def _as_columns(x: FloatArray) -> FloatArray:
    """Return a view of chains with features first."""
    return x[None] if x.ndim == 1 else x.T


def _reflect(x: FloatArray, low: float, high: float, velocity: FloatArray | None) -> None:
    """Reflect numbers at one or two ends."""
    if np.isfinite(low) and np.isfinite(high):
        x -= low
        np.mod(x, 2 * (high - low), out=x)
        turned = x > high - low
        np.minimum(x, 2 * (high - low) - x, out=x)
        x += low
    elif np.isfinite(low):
        turned = x < low
        np.maximum(x, 2 * low - x, out=x)
    else:
        turned = x > high
        np.minimum(x, 2 * high - x, out=x)
    # Rounding may have carried some past a limit.
    np.clip(x, low, high, out=x)
    if velocity is not None:
        np.negative(velocity, out=velocity, where=turned)


def draw(rng: np.random.Generator, out: FloatArray) -> None:
    """Fill `out` with standard normal noise of its own precision."""
    rng.standard_normal(out=out, dtype=out.dtype.type)


def run(
    setup: Setup,
    x: FloatArray,
    count: int,
    rng: np.random.Generator | int | None,
    *,
    description: str,
    progress: bool,
    kept: range = range(0),
    n_jobs: int | None = None,
) -> tuple[FloatArray, FloatArray]:
    """Move chains through `count` steps; return them, and their states after the steps `kept` (-1: before).

    `x` is overwritten: it is where the chains that are returned lie.  With `n_jobs` they are cut into blocks
    of fixed size, each with a generator spawned for it, so that the result does not depend on the number of
    workers.  A block is moved as a copy and handed back: workers may be threads, the default, or processes.
    """
    options: dict[str, Any] = {"description": description, "progress": progress, "kept": kept}
    return run_counted(setup, x, count, rng, **options, n_jobs=n_jobs)[:2]


def run_counted(
    setup: Setup,
    x: FloatArray,
    count: int,
    rng: np.random.Generator | int | None,
    *,
    description: str,
    progress: bool,
    kept: range = range(0),
    n_jobs: int | None = None,
) -> tuple[FloatArray, FloatArray, int]:
    """Do the same as `run`, and return the sum of what the steps return too."""
    own, bar = generator(rng, description), as_flag("progress", progress)
    if n_jobs is None:
        return x, *_loop(setup, x, kept, own, steps(count, bar, description))
    workers = as_workers("n_jobs", n_jobs)
    blocks = [slice(start, start + _BLOCK) for start in range(0, len(x), _BLOCK)]
    parts = ((x[block], its) for block, its in zip(blocks, own.spawn(len(blocks)), strict=True))
    moved = run_all(partial(_block, setup, kept, range(count)), parts, workers)
    done = zip(blocks, moved, strict=True)
    states, total = _room(kept, x), 0
    for block, (chains, own_states, number) in counted(
        done, lambda part: len(x[part[0]]), bar, len(x), description
    ):
        # As they come: so memory holds few blocks twice.
        x[block], states[:, block] = chains, own_states
        total += number
    return x, states, total


def _block(
    setup: Setup, kept: range, numbers: range, part: tuple[FloatArray, np.random.Generator]
) -> tuple[FloatArray, FloatArray, int]:
    """Move a copy of the chains, which a process may be unable to write to; return it and its states."""
    x, rng = part
    own = np.array(x, order="C")
    return own, *_loop(setup, own, kept, rng, numbers)


def _loop(
    setup: Setup, x: FloatArray, kept: range, rng: np.random.Generator, numbers: Iterable[int]
) -> tuple[FloatArray, int]:
    """Move chains, in place; return their states after the steps `kept`, and what the steps add up to."""
    states, total = _room(kept, x), 0
    advance = setup(x, rng)
    if -1 in kept:
        states[0] = x
    for number in numbers:
        total += advance(number) or 0
        if number in kept:
            states[kept.index(number)] = x
    return states, total


def _room(kept: range, x: FloatArray) -> FloatArray:
    """Return an array for the states that are kept."""
    return np.empty((as_size("states", len(kept), each=x.size), *x.shape), dtype=x.dtype)
