"""What the page of two features has: points, and certified conservative networks at some weight decays."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from .._support.validation import FloatArray, as_float_array
from ..errors import ConvergenceError, NotNormalizableError, UnboundedError
from ..networks.conservative import ConservativeNetwork
from ..problem import Problem
from ..results import Solution
from ..selection import select_beta
from ..solve import solve
from .held_out import held_out_losses

__all__ = ["plane_payload"]

# Weight decays by default, as multiples of the automatic one.
_MULTIPLES = np.array([3.0, 2.0, 1.4, 1.0, 0.8])
# The most weight decays, and points that are drawn.
_MOST, _POINTS = 50, 2000


def plane_payload(
    problem: Problem, betas: ArrayLike | None, n_folds: int, rng: np.random.Generator | int | None
) -> dict[str, Any]:
    """Return what the page of a problem with two features has, as JSON has it."""
    objective = problem.objective
    auto: float | None = None
    if betas is None:
        auto = select_beta(objective, rng=0, activation=problem.activation, skip=problem.skip)
        wanted = auto * _MULTIPLES
    else:
        wanted = _as_betas(betas)
    solutions = _solutions(problem, wanted, every=betas is not None)
    solved = np.array([solution.beta for solution in solutions])
    means: list[float | None] = [None] * solved.size
    if n_folds:
        means = held_out_losses(problem, solved, n_folds, rng)
    step = -(-len(objective.X) // _POINTS)
    return {
        "kind": "plane",
        "activation": problem.activation,
        "skip": problem.skip,
        "samples": len(objective.X),
        "auto": auto,
        "window": _window(objective.X),
        "points": objective.X[::step].tolist(),
        "fits": [_listed(solution) for solution in solutions],
        "held_out": {"folds": n_folds, "betas": solved.tolist(), "mean": means},
    }


def _as_betas(betas: ArrayLike) -> FloatArray:
    found = np.unique(as_float_array("betas", betas))[::-1]
    if not 0 < found.size <= _MOST or found[-1] <= 0:
        raise ValueError(f"betas: expected 1 to {_MOST} numbers above 0, got {found.tolist()}")
    return found


def _solutions(problem: Problem, betas: FloatArray, every: bool) -> list[Solution]:
    """Return the solutions, from the largest weight decay down, or raise if one of `every` is unbounded."""
    found = []
    for beta in betas:
        try:
            found.append(
                solve(problem.objective, float(beta), problem.activation, problem.skip, conservative=True)
            )
        except UnboundedError:
            if every or not found:
                raise
            break
    return found


def _listed(solution: Solution) -> dict[str, Any]:
    network, certificate = solution.network, solution.certificate
    normalizer, reason = _normalizer(solution)
    assert isinstance(network, ConservativeNetwork)
    return {
        "beta": solution.beta,
        "value": solution.value,
        "status": solution.status,
        "dual": certificate.dual if math.isfinite(certificate.dual) else None,
        "gap": certificate.gap if math.isfinite(certificate.gap) else None,
        "violation": certificate.max_violation,
        "scope": certificate.scope,
        "directions": network.directions.tolist(),
        "offsets": network.offsets.tolist(),
        "coefficients": network.coefficients.tolist(),
        "b2": network.b2.tolist(),
        "S": network.S.tolist(),
        "origin": network.origin.tolist(),
        "log_normalizer": normalizer,
        "without_density": reason,
    }


def _normalizer(solution: Solution) -> tuple[float | None, str | None]:
    """Return the logarithm of the density's normalizer, or why there is none."""
    try:
        return float(solution.density().log_normalizer), None
    except (NotNormalizableError, ConvergenceError) as error:
        return None, " ".join(str(error).split())


def _window(X: FloatArray) -> list[list[float]]:
    from ..plotting.arguments import padded

    return [list(padded(column)) for column in X.T]
