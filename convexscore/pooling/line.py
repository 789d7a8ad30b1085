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
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from .._support.parallel import run_all
from .._support.progress import each, stages
from .._support.validation import FloatArray
from .laws import MixtureLaw, NetworkLaw
from .members import Candidate
from .mixtures import choose_mixtures, refit_mixtures
from .networks import Fit, fitted_networks, jittered, measured_noise
from .points import Points, held_out_masses
from .transformation import Transformation, TransformedLaw, best_transformation
from .voting import Election, vote

__all__ = ["elect"]

_SHARES = np.geomspace(1.4, 0.15, 11)
# Widths of jitter, in units of the spread of n points times n^(-1/5).
_JITTER = 0.45
_FOLDS = 5
# Beyond so many distinct values not all folds are fitted, but two, and then one: each has enough held out.
_MANY, _VERY_MANY = 20_000, 200_000


@dataclass(frozen=True, eq=False)
class _Setting:
    """What is found once on all data and serves for its parts too."""

    kinds: Collection[str]
    level: float
    jitter: float
    transformed_level: float


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
    sources = rng.spawn(4)
    # One Gaussian is the line, where that is a member.
    fewest = 2 if "line" in kinds else 1
    change = best_transformation(points) if "transformed" in kinds else None
    tasks: dict[str, Callable[[], Any]] = {"noise": partial(measured_noise, points, sources[0])}
    if "mixture" in kinds:
        tasks["mixtures"] = partial(choose_mixtures, points, sources[1], fewest)
    if change is not None:
        tasks["level"] = partial(measured_noise, _transformed(points, change), sources[3])
    begin("noise and mixtures")
    called = each(run_all(_called, tasks.values(), n_jobs), progress, len(tasks), "on all points")
    done = dict(zip(tasks, called, strict=True))
    noise, mixtures = done["noise"], done.get("mixtures", [])
    level = done["level"].level if change is not None else 0.0
    masses = held_out_masses(points.mass, _FOLDS, sources[2])
    setting = _Setting(kinds, noise.level, _JITTER * points.spread * points.total**-0.2, level)
    whole = _Part(points, 1.0, mixtures, change)
    begin("folds")
    parts, held_out = _parts(points, masses, setting, mixtures)
    begin("networks")
    candidates, *others = _candidates([whole, *parts], setting, progress, n_jobs)
    begin("votes")
    likelihoods = np.zeros(len(candidates))
    for fits, held in zip(others, held_out, strict=True):
        likelihoods += [held.mass @ candidate.law.logpdf(held.value) for candidate in fits]
    n_held_out = sum(held.total for held in held_out)
    weights = vote([candidate.kind for candidate in candidates], likelihoods, noise)
    chosen = np.flatnonzero(weights)
    return Election([candidates[k] for k in chosen], weights[chosen], likelihoods[chosen], n_held_out)


def _called(task: Callable[[], Any]) -> Any:
    return task()


@dataclass(frozen=True, eq=False)
class _Part:
    """Points that members are fitted to: their share of all, mixtures moved to them, a transformation."""

    points: Points
    share: float
    mixtures: list[MixtureLaw]
    change: Transformation | None

    def requests(self, setting: _Setting) -> list[tuple[Points, FloatArray]]:
        """Return what networks are trained on, and at which weight decays."""
        found = []
        root = np.sqrt(self.share)
        if "network" in setting.kinds:
            betas = root * setting.level * _SHARES
            found = [(self.points, betas), (jittered(self.points, setting.jitter), betas)]
        if self.change is not None:
            betas = root * setting.transformed_level * _SHARES[::2]
            found.append((_transformed(self.points, self.change), betas))
        return found


def _parts(
    points: Points, masses: FloatArray, setting: _Setting, mixtures: list[MixtureLaw]
) -> tuple[list[_Part], list[Points]]:
    """Return the points without each fold, and the folds.

    Of very many points, of which a part is not fitted, the likelihood is that of the parts held out: scaled
    up to all points it would say more than is known.
    """
    distinct = points.value.size
    folds = _FOLDS if distinct <= _MANY else 2 if distinct <= _VERY_MANY else 1
    masses = masses[:folds]
    training = np.maximum(points.mass - masses, 0.0)
    # What is left of a mass after the subtraction of all of it is rounding.
    training[training < 1e-9 * points.mass] = 0.0
    usable = ((training > 0).sum(axis=1) > 1) & (masses.sum(axis=1) > 0)
    training, masses = training[usable], masses[usable]
    moved = [refit_mixtures(points, training, mixture) for mixture in mixtures]
    parts = []
    for number, kept in enumerate(training):
        part = points.with_mass(kept)
        change = best_transformation(part) if "transformed" in setting.kinds else None
        parts.append(_Part(part, part.total / points.total, [laws[number] for laws in moved], change))
    return parts, [points.with_mass(out) for out in masses]


def _candidates(
    parts: list[_Part], setting: _Setting, progress: bool, n_jobs: int | None
) -> list[list[Candidate]]:
    """Return all members fitted to each part."""
    requests = [request for part in parts for request in part.requests(setting)]
    fitted = iter(fitted_networks(requests, progress, n_jobs))
    found = []
    for part in parts:
        members = []
        if "line" in setting.kinds:
            members.append(Candidate("line", MixtureLaw.gaussian(part.points.mean, part.points.variance)))
        if "network" in setting.kinds:
            members += _networks(next(fitted), 0.0)
            members += _networks(next(fitted), setting.jitter)
        if part.change is not None:
            members += _transformed_members(part.points, part.change, next(fitted))
        found.append(members + [Candidate("mixture", law) for law in part.mixtures])
    return found


def _networks(fits: list[Fit], jitter: float) -> list[Candidate]:
    laws = _laws(fits)
    return [Candidate("network", laws[fit.beta], fit, jitter) for fit in fits]


def _laws(fits: list[Fit]) -> dict[float, NetworkLaw]:
    """Return the law of each distinct weight decay."""
    return {fit.beta: fit.law for fit in {fit.beta: fit for fit in fits}.values()}


def _transformed(points: Points, change: Transformation) -> Points:
    return Points.merged(change(points.value), points.mass)


def _transformed_members(points: Points, change: Transformation, fits: list[Fit]) -> list[Candidate]:
    exponent = change.exponent
    ends = float(points.value[0]), float(points.value[-1])
    line = TransformedLaw(MixtureLaw.gaussian(0.0, 1.0), change, *ends, np.zeros(0))
    found = [Candidate("transformed", line, exponent=exponent)]
    laws = {
        beta: TransformedLaw(law, change, *ends, law.piecewise.knots) for beta, law in _laws(fits).items()
    }
    return found + [Candidate("transformed", laws[fit.beta], fit, exponent=exponent) for fit in fits]
