"""Scores that no weight decay has to be chosen for: many members, pooled by held-out likelihood."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from .._support.seeds import generator
from .._support.validation import FloatArray, as_data, as_weights, shown
from ..objectives import ScoreMatching
from ..problem import Problem
from ..units import units_of
from .distribution import Distribution
from .line import elect
from .members import KINDS, PooledMember
from .points import Frame, Points, skewed_left, standardized
from .pool import Pool

__all__ = ["PooledScore"]

_FEWEST = 5


class PooledScore(Distribution):
    """A pool of certified networks, Gaussian mixtures and others, weighted by held-out likelihood.

    Made by `fit`.  It is a score, ``pooled(x)``, and the exact density that the score is of, under SciPy's
    names for distributions (``ppf`` and ``rvs`` are other names of ``icdf`` and ``sample``):

        p = sum_k w_k p_k,    score = sum_k w_k p_k s_k / p,    cdf = sum_k w_k cdf_k.

    Parameters
    ----------
    members : sequence of PooledMember
        Members that belong to one fit; their weights are divided by their sum.

    Attributes
    ----------
    members : tuple of PooledMember
        Who votes, heaviest first.
    weights : ndarray of shape (n_members,)
        Their weights, of sum one.

    Examples
    --------
    >>> import convexscore as cs
    >>> pooled = cs.PooledScore.fit(cs.datasets.load_galaxies()["velocity_km_s"], rng=0)
    >>> bool(abs(pooled.weights.sum() - 1) < 1e-12), {member.kind for member in pooled.members} != {"line"}
    (True, True)
    >>> bool(abs(pooled.cdf(pooled.icdf(0.25)) - 0.25) < 1e-12)
    True
    >>> pooled.sample(3, rng=1).shape, pooled(20000.0).shape
    ((3,), ())
    """

    members: tuple[PooledMember, ...]
    weights: FloatArray

    def __init__(self, members: Sequence[PooledMember]) -> None:
        self.members = _as_members(members)
        weights = np.array([member.weight for member in self.members])
        self.weights = weights / weights.sum()
        self._frame: Frame = self.members[0]._frame
        self._pool = Pool(tuple(law for member in self.members for law in member._pool.laws), self.weights)
        self.freeze_arrays()

    @classmethod
    def fit(
        cls,
        X: ArrayLike,
        members: Iterable[str] = KINDS,
        rng: np.random.Generator | int | None = None,
        sample_weight: ArrayLike | None = None,
    ) -> PooledScore:
        """Fit members of several kinds and pool them by the likelihood that they give to held-out data.

        Parameters
        ----------
        X : array of shape (n_samples,) or (n_samples, 1)
            Data, at least five points and two distinct values; their order does not matter.
        members : iterable of {"line", "network", "mixture", "transformed"}
            Kinds of members: the Gaussian; networks trained by score matching at many weight decays, on the
            data and on jittered data; Gaussian mixtures; the line and networks on power-transformed data.
        rng : Generator or seed, optional
            Source of the folds, the bootstrap that sets the scale of weight decays, and the starts of
            mixtures.
        sample_weight : array of shape (n_samples,), optional
            Weights, ones by default: how often each sample came.  Samples of weight zero are left out.

        Returns
        -------
        PooledScore

        Raises
        ------
        TypeError
            If an argument is not numeric or `rng` is no source of randomness.
        ValueError
            If there are fewer than five points or two distinct values, more than one feature, or numbers that
            are not finite; if a kind is unknown, or there is none.

        Notes
        -----
        With the held-out log-likelihood ``L``, summed over five folds, a member's weight is in proportion to
        ``exp(L)`` over the number of members of its kind.  The line is alone where no member gains 0.75 nats
        on it, or 2 if a test at level 0.9 does not speak against it: Gaussian data keep the Gaussian.

        Data are standardized, and turned round if they are skewed to the left: fits of shifted, scaled and
        mirrored data are the same.  Beyond 20,000 distinct values two of the folds are held out and beyond
        200,000 one, jittered data have neighbours put together, and the bootstrap takes 20,000 of the points.

        Examples
        --------
        >>> import numpy as np, convexscore as cs
        >>> x = np.random.default_rng(0).standard_normal(200)
        >>> print(cs.PooledScore.fit(x, rng=0))
        pooled score of 1 member
          1.000  line
        """
        kinds = _as_kinds(members)
        data = _as_points(X, sample_weight)
        source = generator(rng, "PooledScore.fit")
        points, frame = standardized(data)
        turned = skewed_left(points)
        election = elect(points.mirrored() if turned else points, kinds, source)
        candidates = [c.mirrored() if turned else c for c in election.candidates]
        # Densities in the units of the data.
        likelihoods = election.log_likelihoods - election.n_held_out * np.log(frame.scale)
        order = np.argsort(-election.weights, kind="stable")
        return cls(
            [
                PooledMember.of(candidates[k], float(election.weights[k]), float(likelihoods[k]), frame)
                for k in order
            ]
        )

    def __repr__(self) -> str:
        kinds = ", ".join(
            f"{kind} {sum(member.weight for member in self.members if member.kind == kind):.2f}"
            for kind in KINDS
            if any(member.kind == kind for member in self.members)
        )
        return f"<PooledScore: {kinds}>"

    def __str__(self) -> str:
        count = len(self.members)
        head = f"pooled score of {count} member{'s' if count > 1 else ''}"
        shown_members = [f"  {member}" for member in self.members[:8]]
        rest = float(self.weights[8:].sum())
        if rest:
            shown_members.append(f"  {rest:.3f}  {count - 8} more")
        return "\n".join([head, *shown_members])


def _as_members(members: Any) -> tuple[PooledMember, ...]:
    given = tuple(members) if isinstance(members, Sequence) else ()
    if not given or not all(isinstance(member, PooledMember) for member in given):
        raise TypeError(f"members: expected a sequence of PooledMember, at least one, got {shown(members)}")
    if len({member._frame for member in given}) > 1:
        raise ValueError("members: expected members of one fit, got those of several")
    return given


def _as_kinds(members: Any) -> tuple[str, ...]:
    expected = f"expected some of {', '.join(map(repr, KINDS))}"
    if isinstance(members, str):
        raise ValueError(f"members: {expected} in a sequence, got the string {shown(members)}")
    try:
        given = list(members)
    except Exception:  # whatever a strange sequence raises
        raise TypeError(f"members: {expected}, got {shown(members)}") from None
    unknown = [kind for kind in given if not isinstance(kind, str) or kind not in KINDS]
    if unknown or not given:
        raise ValueError(f"members: {expected}, got {shown(unknown[0]) if unknown else 'none'}")
    return tuple(kind for kind in KINDS if kind in given)


def _as_points(X: ArrayLike, sample_weight: ArrayLike | None) -> Points:
    """Return distinct values, ascending, and how often each came."""
    data = as_data("X", X)
    n_samples, n_features = data.shape
    if n_features > 1:
        raise ValueError(
            f"X: expected one feature, shape ({n_samples},) or ({n_samples}, 1), got {data.shape}; pooled "
            "scores are for the line"
        )
    x, mass = data[:, 0], np.ones(n_samples)
    if sample_weight is not None:
        mass = as_weights("sample_weight", sample_weight, n_samples, zeros=True)
        x, mass = x[mass > 0], mass[mass > 0]
        order = np.lexsort((mass, x))
        x, mass = x[order], mass[order]
    else:
        x = np.sort(x)
    if x.size and x[0] == x[-1]:
        raise ValueError(f"X: expected at least two distinct values, got {x.size} sample(s), all equal")
    total = float(mass.sum())
    if total < _FEWEST:
        name, what = ("X", "points") if sample_weight is None else ("sample_weight", "points in all")
        raise ValueError(f"{name}: expected at least {_FEWEST} {what}, got {total:g}")
    # Ranges that floats cannot serve are refused as everywhere.
    units_of(Problem(ScoreMatching(x, mass), skip=True))
    return Points.merged(x, mass)
