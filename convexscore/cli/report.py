"""What ``fit`` says of its solution: data, certificate, density, and the files that were written."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..errors import ConvergenceError, NotNormalizableError
from ..networks.conservative import ConservativeNetwork
from ..objectives import ExpectedDenoising, Objective
from ..results import SCOPES, BetaBounds, Solution
from ..scores.density import ScoreDensity
from ..univariate.masses import are_beyond_chance, mass_discrepancy

__all__ = ["report"]

# What of a certificate is printed as JSON.
_CERTIFICATE = ("primal", "dual", "gap", "max_violation", "scope", "lower_bound")


def report(
    solution: Solution,
    objective: Objective | ExpectedDenoising,
    bounds: BetaBounds,
    columns: Sequence[str],
    files: Sequence[str],
    *,
    n_missing: int | None,
    as_json: bool,
) -> None:
    """Print what was found, as lines for readers or one line of JSON.

    `n_missing` is the number of rows that were left out, None where none may be.
    """
    facts = _density_facts(solution, objective)
    if as_json:
        result = _as_dictionary(solution, objective, bounds, facts) | {"files": list(files)}
        if n_missing is not None:
            result["n_missing"] = n_missing
        print(json.dumps(result, allow_nan=False))
        return
    print(f"data         {len(objective.X)} samples, {_count_distinct(objective)} distinct values")
    left_out = f", {n_missing} rows without a number left out" if n_missing else ""
    print(f"{'column' if len(columns) == 1 else 'columns':13}{', '.join(columns)}{left_out}")
    print(solution)
    print(f"optimum      {_proven(solution)}")
    linear = "a line" if len(columns) == 1 else "linear"
    print(f"beta bounds  bounded from {bounds.minimum:g}, {linear} from {bounds.linear:g}")
    if len(columns) == 1:
        kinks = ", ".join(f"{kink:.6g}" for kink in solution.network.kinks)
        print(f"kinks        {kinks or 'none'}")
    print(f"density      {_density_line(facts)}")
    for name in files:
        print(f"wrote        {name}")


def _as_dictionary(
    solution: Solution,
    objective: Objective | ExpectedDenoising,
    bounds: BetaBounds,
    facts: dict[str, Any],
) -> dict[str, Any]:
    network, certificate = solution.network, solution.certificate
    # In several dimensions kinks are hyperplanes, which are in the model.
    kinks = {"kinks": network.kinks.tolist()} if network.n_features == 1 else {}
    support = getattr(objective, "support", None)
    return {
        "value": solution.value,
        "status": solution.status,
        "beta": solution.beta,
        "certificate": {name: _finite(getattr(certificate, name)) for name in _CERTIFICATE},
        "beta_bounds": vars(bounds),
        "solver": solution.stats.solver,
        "seconds": solution.stats.seconds,
        "n_samples": len(objective.X),
        "n_distinct": _count_distinct(objective),
        "n_neurons": network.n_neurons,
        "support": support and [_finite(end) for end in support],
        "density": facts,
    } | kinks


def _finite(entry: float | str) -> float | str | None:
    """Return None for infinite numbers, which JSON does not have."""
    return None if entry in (np.inf, -np.inf) else entry


def _count_distinct(objective: Objective | ExpectedDenoising) -> int:
    return len(np.unique(objective.X, axis=0))


def _proven(solution: Solution) -> str:
    """Return in words what the certificate covers."""
    if solution.status == "inaccurate":
        return "not certified: the certificate misses the tolerance"
    if solution.status == "refit":
        return "of the data term, among networks with these kinks and signs"
    kind = SCOPES[solution.certificate.scope]
    if isinstance(solution.network, ConservativeNetwork):
        kind = kind.replace("networks", "conservative networks")
    constraints = f", {solution.shape} scores" if solution.shape else ""
    if solution.tails:
        constraints += f", outer slopes at most {solution.tails[0]:g} and {solution.tails[1]:g}"
    return f"among {kind}{constraints}"


def _density_facts(solution: Solution, objective: Objective | ExpectedDenoising) -> dict[str, Any]:
    """Return mean and deviation of the score's density and how far its masses are from the data's.

    Without a density: why there is none.
    """
    network = solution.network
    if network.n_features > 2 or (network.n_features == 2 and not isinstance(network, ConservativeNetwork)):
        return {"none": "known for one column, and for two with --conservative"}
    try:
        density = solution.density()
        if not isinstance(density, ScoreDensity):
            deviations = np.sqrt(np.diag(density.covariance()))
            return {"mean": density.mean().tolist(), "deviation": deviations.tolist(), "error": density.error}
        facts: dict[str, Any] = {"mean": density.mean(), "deviation": density.std()}
    except (NotNormalizableError, ConvergenceError) as error:
        return {"none": " ".join(str(error).split())}
    # Where the noise is integrated out there are no samples of what the density is of.
    if isinstance(objective, ExpectedDenoising):
        return facts
    distance, position, mass, share = mass_discrepancy(solution.network, objective)
    return facts | {
        "mass_difference": distance,
        "position": position,
        "mass_below": mass,
        "share_below": share,
        "beyond_chance": are_beyond_chance(distance, objective),
    }


def _density_line(facts: dict[str, Any]) -> str:
    if "none" in facts:
        return f"none: {facts['none']}"
    if "error" in facts:
        mean, deviation = (", ".join(f"{entry:.6g}" for entry in facts[key]) for key in ("mean", "deviation"))
        return f"mean {mean}, deviations {deviation}; normalized by quadrature, error {facts['error']:.1g}"
    words = f"mean {facts['mean']:.6g}, deviation {facts['deviation']:.6g}"
    if "beyond_chance" not in facts:
        return words
    if facts["beyond_chance"]:
        return (
            f"{words}; its masses are not the data's: {100 * facts['mass_below']:.0f} % below "
            f"{facts['position']:.4g}, where {100 * facts['share_below']:.0f} % of the data are"
        )
    return f"{words}; its masses are the data's within {100 * facts['mass_difference']:.2g} %"
