"""What the page of one feature has: data, the pieces of the exact path, and losses beside them.

The page computes scores, densities and certificates from these numbers, so they are exact: the path's pieces
at both of their ends, and the data's moments between cuts, of which every kink is one.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._support.validation import as_real
from ..bounds import beta_bounds
from ..objectives import Objective
from ..problem import Problem
from ..results import BetaBounds
from ..selection import select_beta
from ..univariate.linear_pieces import LinearPiece, linear_pieces
from ..univariate.moments import moments_of_runs
from ..univariate.path import Path, beginning_of_path
from .held_out import held_out_likelihoods

__all__ = ["line_payload"]

Index = NDArray[np.intp]

# The most pieces of a path, and kinks in all of them: what a page of a megabyte holds.
_MOST_PIECES, _MOST_KINKS = 400, 18_000
# With more distinct values than these, cuts are at about so many of them besides the kinks.
_ALL, _CUTS = 1500, 1000
# Where the path ends by default: this share of the automatic weight decay.
_SHARE = 0.25
# Weight decays at which likelihoods are held out, fewer of more samples than these.
_TRIED, _TRIED_OF_MANY, _FEW = 24, 10, 20_000
# How far above the path's beginning the slider goes.
_ABOVE = 1.2


def line_payload(
    problem: Problem, beta_min: float | None, n_folds: int, rng: np.random.Generator | int | None
) -> dict[str, Any]:
    """Return what the page of a problem with one feature has, as JSON has it."""
    objective = problem.objective
    bounds = beta_bounds(objective, problem.activation, problem.skip)
    auto = select_beta(objective, rng=0, activation=problem.activation, skip=problem.skip)
    end = _default_end(bounds, auto) if beta_min is None else _as_end(beta_min, bounds)
    path, ended = beginning_of_path(problem, end, _MOST_PIECES)
    pieces = linear_pieces(path)
    kept = int(np.searchsorted(np.cumsum([piece.kinks.size for piece in pieces]), _MOST_KINKS, side="right"))
    ended &= kept >= len(pieces)
    pieces = pieces[: max(kept, 1)]
    lowest = pieces[-1].lower
    highest = max(_ABOVE * max(pieces[0].upper, lowest), 1.05 * auto)
    cuts = _cuts(path, pieces)
    return {
        "kind": "line",
        "activation": problem.activation,
        "skip": problem.skip,
        "samples": len(objective.X),
        "distinct": int(path._program.position.size),
        "range": [lowest, highest],
        "complete": ended,
        "support": _listed_ends(problem.limits),
        "bounds": [bounds.minimum, bounds.linear, bounds.maximum],
        "auto": auto,
        "data": _data(path, cuts, problem.limits),
        "histogram": _histogram(objective, float(path._units.origin[0])),
        "pieces": [_listed(piece, cuts) for piece in pieces],
        "held_out": _held_out(problem, auto, lowest, max(pieces[0].upper, auto), n_folds, rng),
    }


def _default_end(bounds: BetaBounds, auto: float) -> float:
    """Return a share of the automatic weight decay, but not below the end of paths by default."""
    wanted = max(_SHARE * min(auto, bounds.linear), 1e-3 * bounds.linear, 1.05 * bounds.minimum)
    # Ties can hold the automatic one at the boundedness bound.
    wanted = min(wanted, auto)
    # Denoising of two values is the same line at every weight decay, down to zero.
    return wanted or 1e-3 * (bounds.maximum or 1.0)


def _as_end(beta_min: Any, bounds: BetaBounds) -> float:
    end = as_real("beta_min", beta_min, minimum=0.0, strict=True)
    if end >= bounds.maximum:
        raise ValueError(
            f"beta_min: expected a number below {bounds.maximum:.10g}, where the path begins, got {end:.10g}"
        )
    return end


def _cuts(path: Path, pieces: list[LinearPiece]) -> Index:
    """Return indices of the positions that the page knows: all, or some of them and all kinks."""
    n = path._program.position.size
    if n <= _ALL:
        return np.arange(n)
    spread = np.linspace(0, n - 1, _CUTS).round().astype(np.intp)
    return np.unique(np.concatenate([spread, *(piece.kinks for piece in pieces)]))


def _data(path: Path, cuts: Index, limits: tuple[float, float]) -> dict[str, Any]:
    """Return positions from the origin, and moments of the data from each cut up to the next.

    Masses of data with limits are those of the program, and so are their labels.
    """
    program, units = path._program, path._units
    lengths = np.diff(cuts, append=program.position.size)
    moments = moments_of_runs(program, slice(None), cuts, lengths)
    levers = np.array([0, 1, 2, 0, 1]) * units.length
    moments = np.ldexp(moments, (levers + units.weight + np.array([0, 0, 0, 1, 1]) * units.label)[:, None])
    mass, first, second, label, label_first = moments
    whole = program.position.size == cuts.size
    return {
        "origin": float(units.origin[0]),
        "limits": _listed_ends((limits[0] - units.origin[0], limits[1] - units.origin[0])),
        "position": np.ldexp(program.position[cuts], units.length).tolist(),
        "mass": mass.tolist(),
        "tie": np.ldexp(program.tie_mass[cuts], units.weight).tolist(),
        # Without values between cuts these are zero, as labels are in score matching on the whole line.
        "first": None if whole else first.tolist(),
        "second": None if whole else second.tolist(),
        "label": label.tolist() if program.has_labels else None,
        "label_first": None if whole or not program.has_labels else label_first.tolist(),
        "zero_value": float(np.ldexp(program.zero_value, units.value)),
        "trace_total": float(np.ldexp(program.trace_total, units.weight)),
        "variance": float(np.ldexp(program.variance, 2 * units.length)),
    }


def _listed_ends(limits: tuple[float, float]) -> list[float | None]:
    """Return the ends of a support, None where it has none: JSON has no infinity."""
    return [float(end) if np.isfinite(end) else None for end in limits]


def _histogram(objective: Objective, origin: float) -> dict[str, Any]:
    from ..plotting.density import bin_edges

    x = objective.X[:, 0] - origin
    height, edges = np.histogram(x, bins=bin_edges(x), weights=objective.weights, density=True)
    return {"edges": edges.tolist(), "height": height.tolist()}


def _listed(piece: LinearPiece, cuts: Index) -> dict[str, Any]:
    return {
        "upper": piece.upper,
        "lower": piece.lower,
        "kinks": np.searchsorted(cuts, piece.kinks).tolist(),
        "values": piece.values.tolist(),
        "outer": piece.outer.tolist(),
        "multiplier": piece.multiplier.tolist(),
    }


def _held_out(
    problem: Problem,
    auto: float,
    lowest: float,
    highest: float,
    n_folds: int,
    rng: np.random.Generator | int | None,
) -> dict[str, Any]:
    tried = _TRIED if len(problem.objective.X) <= _FEW else _TRIED_OF_MANY
    betas = np.geomspace(highest, lowest, tried)
    betas[[0, -1]] = highest, lowest
    if lowest <= auto <= highest:
        betas = np.unique(np.append(betas, auto))[::-1]
    means: list[float | None] = [None] * betas.size
    if n_folds:
        means = held_out_likelihoods(problem, betas, n_folds, rng)
    return {"folds": n_folds, "betas": betas.tolist(), "mean": means}
