"""The members of one dimension, and how they vote.

A score trained by score matching depends on its weight decay, which held-out losses choose badly, and it does
not see how mass is shared between separated groups.  The likelihood sees both, and the densities of scores on
the line are exact.  So none is chosen: all vote with the likelihood that their fits to parts of the data give
to the rest (`voting`).

In standard units ``z``, with the certificate's noise ``b`` (`networks.measured_noise`), members are

    line          the Gaussian with the mean and variance of the data
    network       score matching at weight decays 1.4 b to 0.15 b, on the data and on jittered data
    mixture       Gaussians, K - 1, K and K + 1 of them, K by BIC
    transformed   the line, and networks, on power-transformed data

Between limits (`Points.limits`) the line is the truncated Gaussian of the largest likelihood, networks are
trained by generalized score matching, jitter and mixtures are reflected, and the transformed are all members,
fitted to logarithms of the distances from the limits.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

import numpy as np

from .._support.parallel import run_all
from .._support.progress import each, stages
from .._support.validation import FloatArray
from .ground import Measured, Part, grounds_of
from .members import Candidate
from .networks import fitted_networks
from .points import Points, held_out_masses
from .voting import Election, vote

__all__ = ["elect"]

_FOLDS = 5
# Beyond so many distinct values not all folds are fitted, but two, and then one: each has enough held out.
_MANY, _VERY_MANY = 20_000, 200_000


def elect(
    points: Points,
    kinds: Collection[str],
    rng: np.random.Generator,
    n_jobs: int | None = None,
    progress: bool = False,
) -> Election:
    """Fit all members of some kinds and let them vote.

    Parameters
    ----------
    points : Points
        In standard units, at least five points and two values.
    kinds : collection of str
        Of `members.KINDS`.
    rng : Generator
        Draws the bootstrap, the starts of mixtures, and the folds.
    n_jobs : int, optional
        Workers for what is measured and chosen on all points, and for networks of many values.
    progress : bool
        Show progress bars (needs tqdm).
    """
    with stages(4, progress, "pool") as begin:
        return _elected(points, kinds, rng, n_jobs, progress, begin)


def _elected(
    points: Points,
    kinds: Collection[str],
    rng: np.random.Generator,
    n_jobs: int | None,
    progress: bool,
    begin: Callable[[str], None],
) -> Election:
    begin("noise and mixtures")
    grounds = grounds_of(points, kinds)
    of_noise, of_mixtures, for_folds, of_transformed = rng.spawn(4)
    sources = [[of_noise, of_mixtures, of_transformed], *(rng.spawn(3) for _ in grounds[1:])]
    tasks = [ground.tasks(source) for ground, source in zip(grounds, sources, strict=True)]
    every = [task for found in tasks for task in found.values()]
    results = each(run_all(_called, every, n_jobs), progress, len(every), "on all points")
    measured = [
        Measured.of(ground, {name: next(results) for name in found})
        for ground, found in zip(grounds, tasks, strict=True)
    ]
    begin("folds")
    training, held_out = _folds(points, for_folds)
    parts = [[ground.whole(), *ground.parts(points, training)] for ground in measured]
    begin("networks")
    candidates, *others = _candidates(parts, progress, n_jobs)
    begin("votes")
    likelihoods = np.zeros(len(candidates))
    for fits, held in zip(others, held_out, strict=True):
        likelihoods += [held.mass @ candidate.law.logpdf(held.value) for candidate in fits]
    n_held_out = sum(held.total for held in held_out)
    weights = vote([candidate.kind for candidate in candidates], likelihoods, measured[0].noise)
    chosen = np.flatnonzero(weights)
    return Election([candidates[k] for k in chosen], weights[chosen], likelihoods[chosen], n_held_out)


def _called(task: Callable[[], Any]) -> Any:
    return task()


def _folds(points: Points, rng: np.random.Generator) -> tuple[FloatArray, list[Points]]:
    """Return the masses without each fold, one row each, and the folds.

    Of very many points, of which a part is not fitted, the likelihood is that of the parts held out: scaled
    up to all points it would say more than is known.
    """
    masses = held_out_masses(points.mass, _FOLDS, rng)
    distinct = points.value.size
    masses = masses[: _FOLDS if distinct <= _MANY else 2 if distinct <= _VERY_MANY else 1]
    training = np.maximum(points.mass - masses, 0.0)
    # What is left of a mass after the subtraction of all of it is rounding.
    training[training < 1e-9 * points.mass] = 0.0
    usable = ((training > 0).sum(axis=1) > 1) & (masses.sum(axis=1) > 0)
    return training[usable], [points.with_mass(out) for out in masses[usable]]


def _candidates(parts: list[list[Part]], progress: bool, n_jobs: int | None) -> list[list[Candidate]]:
    """Return all members fitted to all points, and to each part, on all grounds; given are those of each."""
    requests = [request for ground in parts for part in ground for request in part.requests()]
    fitted = iter(fitted_networks(requests, progress, n_jobs))
    found = [[part.candidates(fitted) for part in ground] for ground in parts]
    return [[member for members in same for member in members] for same in zip(*found, strict=True)]
