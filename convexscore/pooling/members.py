"""The members of a pool: each a law of its own that keeps its vote and its certificate."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Protocol, cast

import numpy as np

from ..results import Certificate, Solution
from .distribution import AnyFrame, AnyPool, Distribution, pool_of
from .laws import Law
from .planar.laws import PlanarLaw

__all__ = ["KINDS", "Candidate", "Fit", "PooledMember"]

#: The groups that members are of, and the choices of `PooledScore.fit`.
KINDS = ("line", "network", "mixture", "transformed")


class Fit(Protocol):
    """The program of a network and what solves it."""

    @property
    def beta(self) -> float:
        """The weight decay."""

    @property
    def n_kinks(self) -> int:
        """Number of kinks on the line, of neurons in the plane."""

    def solution(self) -> Solution:
        """Return network and certificate, in the units of the program."""


@dataclass(frozen=True, eq=False)
class Candidate:
    """A law in standard units that may become a member, with what is shown of it.

    Parameters
    ----------
    kind : str
        Its group.
    law : Law
        The law.
    fit : Fit, optional
        The program, for networks.
    jitter : float
        How far each point was spread before the network was trained; 0 for not at all.
    exponent : float, optional
        Of the transformation, if there is one.
    logarithm : {"log", "logit"}, optional
        Of the distances from limits, where the law was fitted to it; the jitter is in its units.
    """

    kind: str
    law: Law | PlanarLaw
    fit: Fit | None = None
    jitter: float = 0.0
    exponent: float | None = None
    logarithm: str | None = None

    def mirrored(self) -> Candidate:
        """Return the candidate for the data turned round, on the line."""
        law = cast("Law", self.law)
        exponent = None if self.exponent is None else 2 - self.exponent
        return replace(self, law=law.mirrored(), exponent=exponent)


@dataclass(frozen=True, eq=False, repr=False)
class PooledMember(Distribution):
    """One member of a `PooledScore`: a law with a score, a density and a vote.

    Members have all the methods of the pool: they can be called for their score, and have ``pdf``, ``cdf``,
    ``icdf``, ``sample`` and the others.

    Parameters
    ----------
    kind : {"line", "network", "mixture", "transformed"}
        Its group.  ``"transformed"`` are lines and networks for power-transformed data; with two features
        Student's t; between limits all members for logarithms of the distances from these.
    weight : float
        Its share of the pool.
    log_likelihood : float
        Of the data by fits without them (`PooledScore.fit` says how), in nats and the units of the data.
    beta : float or None
        Weight decay of a network.
    jitter : float
        Standard deviation by which each point was spread before a network was trained; 0 for not at all.  In
        the units of the data, with two features in standard deviations of the data, and for logarithms in
        units of these.
    exponent : float or None
        Exponent of the power transformation, for those of that kind.
    n_components : int or None
        Number of Gaussians of a mixture; between limits of one for the data and their mirror images.
    logarithm : {"log", "logit"} or None
        What the member was fitted to, if to logarithms of distances from limits: ``log(x - low)``,
        ``-log(high - x)``, or between two limits ``log((x - low) / (high - x))``.

    See Also
    --------
    PooledScore : The pool.

    Examples
    --------
    >>> import convexscore as cs
    >>> pooled = cs.PooledScore.fit(cs.datasets.load_galaxies()["velocity_km_s"], members=("network",), rng=0)
    >>> member = max(pooled.members, key=lambda member: member.weight)
    >>> member.kind, member.certificate.meets(1e-8), member.certificate.scope
    ('network', True, 'global')
    """

    kind: str
    weight: float
    log_likelihood: float
    beta: float | None
    jitter: float
    exponent: float | None
    n_components: int | None
    _pool: AnyPool = field(repr=False)
    _frame: AnyFrame = field(repr=False)
    _fit: Fit | None = field(repr=False)
    logarithm: str | None = None

    @classmethod
    def of(cls, candidate: Candidate, weight: float, log_likelihood: float, frame: AnyFrame) -> PooledMember:
        """Return the member that a candidate becomes."""
        law, fit = candidate.law, candidate.fit
        return cls(
            candidate.kind,
            weight,
            log_likelihood,
            None if fit is None else fit.beta,
            candidate.jitter if candidate.logarithm else frame.width(candidate.jitter),
            candidate.exponent,
            len(law.weights) if candidate.kind == "mixture" and hasattr(law, "weights") else None,
            pool_of(frame, (law,), np.ones(1)),
            frame,
            fit,
            candidate.logarithm,
        )

    @property
    def n_kinks(self) -> int | None:
        """Number of kinks of a network; None for other members."""
        return None if self._fit is None else self._fit.n_kinks

    @cached_property
    def solution(self) -> Solution | None:
        """The optimum that a network comes from, certified when asked for; None for other members.

        It is that of the member's own program: the data in standard units (mean zero, variance one, turned
        round if they are skewed to the left), jittered or transformed as the member says.  The member differs
        from it beyond the outermost data only, where its tails were made to decay.

        With two features the member is the optimum over a dictionary of neurons, and this is the one over all
        of them, trained to a tolerance of 1e-2: its loss is lower, its divergence from truths about the same.
        """
        return None if self._fit is None else self._fit.solution()

    @property
    def certificate(self) -> Certificate | None:
        """The certificate of `solution`; None where there is none."""
        return None if self.solution is None else self.solution.certificate

    def __repr__(self) -> str:
        return f"<PooledMember: {self}>"

    def __str__(self) -> str:
        parts = [self.kind]
        if self.n_components is not None:
            parts[0] += f" of {self.n_components}"
        if self.logarithm is not None:
            parts.append(self.logarithm)
        if self.exponent is not None:
            parts.append(f"exponent {self.exponent:.3g}")
        if self.beta is not None:
            parts.append(f"beta {self.beta:.3g}, {self.n_kinks} kinks")
        if self.jitter:
            parts.append(f"jitter {self.jitter:.3g}")
        return f"{self.weight:.3f}  " + ", ".join(parts)
