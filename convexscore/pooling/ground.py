"""The lines that members are fitted on: that of the points, and of points with limits that of logarithms too.

A ground measures once, on all points, what serves for its parts as well: the noise of the certificate, how
many Gaussians, how wide the jitter.  Parts, the points without a fold, ask for networks and make candidates.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, cast

import numpy as np

from .._support.validation import FloatArray
from .laws import Law, MixtureLaw, NetworkLaw
from .logarithms import LogDistance, changed, log_distance
from .members import KINDS, Candidate
from .mixtures import choose_mixtures, refit_mixtures
from .networks import Fit, jittered, measured_noise
from .points import Points
from .transformation import Transformation, TransformedLaw, best_transformation
from .truncation import TruncatedLaw, mirrored_at_limits, straight_law
from .voting import Noise

__all__ = ["Ground", "Measured", "Part", "grounds_of"]

_SHARES = np.geomspace(1.4, 0.15, 11)
# Widths of jitter, in units of the spread of n points times n^(-1/5).
_JITTER = 0.45


@dataclass(frozen=True, eq=False)
class Ground:
    """Points, the kinds of members that are fitted to them, and the logarithms that led there, if any."""

    points: Points
    kinds: Collection[str]
    logarithm: LogDistance | None = None

    def tasks(self, sources: Sequence[np.random.Generator]) -> dict[str, Callable[[], Any]]:
        """Return what is to be found out about the points, with three sources of randomness."""
        points = self.points
        tasks: dict[str, Callable[[], Any]] = {"noise": partial(measured_noise, points, sources[0])}
        if "mixture" in self.kinds:
            # One Gaussian is the line, where that is a member and has no limits.
            fewest = 2 if "line" in self.kinds and not points.limited else 1
            tasks["mixtures"] = partial(choose_mixtures, _even(points), sources[1], fewest)
        if "transformed" in self.kinds:
            moved = changed(points, best_transformation(points))
            tasks["transformed"] = partial(measured_noise, moved, sources[2])
        return tasks

    def of(self, points: Points) -> Points:
        """Return points of the first ground on this one."""
        return points if self.logarithm is None else changed(points, self.logarithm)


def grounds_of(points: Points, kinds: Collection[str]) -> list[Ground]:
    """Return the ground of points, and if they have limits that of their logarithms, for "transformed"."""
    if not points.limited:
        return [Ground(points, kinds)]
    found = [Ground(points, [kind for kind in kinds if kind != "transformed"])]
    if "transformed" in kinds:
        logarithm = log_distance(points)
        found.append(Ground(changed(points, logarithm), KINDS, logarithm))
    return found


@dataclass(frozen=True, eq=False)
class Measured:
    """A ground and what was found out about its points."""

    ground: Ground
    noise: Noise
    mixtures: list[MixtureLaw]
    transformed_level: float

    @classmethod
    def of(cls, ground: Ground, found: dict[str, Any]) -> Measured:
        """Return a ground with what its tasks have found."""
        level = found["transformed"].level if "transformed" in found else 0.0
        return cls(ground, found["noise"], found.get("mixtures", []), level)

    @property
    def jitter(self) -> float:
        """The width of the jitter."""
        points = self.ground.points
        return _JITTER * points.spread * points.total**-0.2

    def parts(self, points: Points, training: FloatArray) -> list[Part]:
        """Return the parts of all points that other masses, one row a part, leave."""
        kept = [points.with_mass(row) for row in training]
        here = [self.ground.of(part) for part in kept]
        moved = [self._moved(mixture, points, training) for mixture in self.mixtures]
        return [
            Part(self, part, part.total / points.total, [laws[number] for laws in moved])
            for number, part in enumerate(here)
        ]

    def _moved(self, mixture: MixtureLaw, points: Points, training: FloatArray) -> list[MixtureLaw]:
        """Return a mixture moved to each of the parts."""
        rows = [_even(self.ground.of(replace(points, mass=row))) for row in training]
        return refit_mixtures(rows[0], np.stack([row.mass for row in rows]), mixture)

    def whole(self) -> Part:
        """Return all points as a part."""
        return Part(self, self.ground.points, 1.0, self.mixtures)


def _even(points: Points) -> Points:
    """Return the points as mixtures see them: with their images if there are limits."""
    return mirrored_at_limits(points) if points.limited else points


class Part:
    """Points that members are fitted to: their share of all, mixtures moved to them, a transformation."""

    def __init__(self, measured: Measured, points: Points, share: float, mixtures: list[MixtureLaw]) -> None:
        self.measured, self.points, self.share, self.mixtures = measured, points, share, mixtures
        self.kinds = measured.ground.kinds
        self.change = best_transformation(points) if "transformed" in self.kinds else None

    def requests(self) -> list[tuple[Points, FloatArray]]:
        """Return what networks are trained on, and at which weight decays."""
        found, root = [], np.sqrt(self.share)
        if "network" in self.kinds:
            betas = root * self.measured.noise.level * _SHARES
            found = [(self.points, betas), (jittered(self.points, self.measured.jitter), betas)]
        if self.change is not None:
            betas = root * self.measured.transformed_level * _SHARES[::2]
            found.append((changed(self.points, self.change), betas))
        return found

    def candidates(self, fitted: Iterator[list[Fit]]) -> list[Candidate]:
        """Return all members fitted to the part, from the next of the networks asked for."""
        points, members = self.points, []
        if "line" in self.kinds:
            members.append(Candidate("line", _line(points)))
        if "network" in self.kinds:
            members += _networks(next(fitted), 0.0)
            members += _networks(next(fitted), self.measured.jitter)
        if self.change is not None:
            members += _transformed(points, self.change, next(fitted))
        laws: list[Law] = list(self.mixtures)
        if points.limited:
            laws = [TruncatedLaw(law, points.limits) for law in self.mixtures]
        members += [Candidate("mixture", law) for law in laws]
        logarithm = self.measured.ground.logarithm
        return members if logarithm is None else [_back(member, logarithm, points) for member in members]


def _back(candidate: Candidate, logarithm: LogDistance, points: Points) -> Candidate:
    """Return a candidate for logarithms as one for what they are of."""
    law = cast("Law", candidate.law)
    low, high = logarithm.inverse(points.value[[0, -1]]).tolist()
    if isinstance(law, TransformedLaw):
        breakpoints = np.append(law.transformation.inverse(law.breakpoints), [law.low, law.high])
    else:
        breakpoints = law.piecewise.knots if isinstance(law, NetworkLaw) else np.zeros(0)
    logarithm = replace(logarithm, light=isinstance(law, MixtureLaw))
    return Candidate(
        "transformed",
        TransformedLaw(law, logarithm, low, high, np.sort(breakpoints)),
        candidate.fit,
        candidate.jitter * logarithm.scale,
        candidate.exponent,
        logarithm.name,
    )


def _line(points: Points) -> Law:
    return straight_law(points) if points.limited else MixtureLaw.gaussian(points.mean, points.variance)


def _networks(fits: list[Fit], jitter: float) -> list[Candidate]:
    laws = _laws(fits)
    return [Candidate("network", laws[fit.beta], fit, jitter) for fit in fits]


def _laws(fits: list[Fit]) -> dict[float, NetworkLaw]:
    """Return the law of each distinct weight decay."""
    return {fit.beta: fit.law for fit in {fit.beta: fit for fit in fits}.values()}


def _transformed(points: Points, change: Transformation, fits: list[Fit]) -> list[Candidate]:
    exponent = change.exponent
    ends = float(points.value[0]), float(points.value[-1])
    line = TransformedLaw(MixtureLaw.gaussian(0.0, 1.0), change, *ends, np.zeros(0))
    found = [Candidate("transformed", line, exponent=exponent)]
    laws = {
        beta: TransformedLaw(law, change, *ends, law.piecewise.knots) for beta, law in _laws(fits).items()
    }
    return found + [Candidate("transformed", laws[fit.beta], fit, exponent=exponent) for fit in fits]
