"""Scores that no weight decay has to be chosen for: many members, pooled by held-out likelihood."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from .._support.records import save_object
from .._support.seeds import generator
from .._support.sizes import as_workers
from .._support.validation import FloatArray, as_data, as_flag, as_weights, shown
from ..objectives import ScoreMatching
from ..objectives.conversion import as_objective
from ..objectives.support import Support, as_support
from ..problem import Problem
from ..units import units_of
from ..univariate.program import WHOLE_LINE
from . import line
from .distribution import AnyFrame, Distribution, pool_of
from .members import KINDS, PooledMember
from .planar import election as plane
from .planar.points import whitened
from .points import Points, skewed_left, standardized
from .voting import Election

__all__ = ["PooledScore"]

_FEWEST = 5


class PooledScore(Distribution):
    """A pool of certified networks, Gaussian mixtures and others, weighted by held-out likelihood.

    Made by `fit` from data of one or two features.  It is a score, ``pooled(x)``, and the density that the
    score is of, under SciPy's names for distributions (``ppf`` and ``rvs`` are other names of ``icdf`` and
    ``sample``); distribution functions and quantiles are there for one feature only::

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

    See Also
    --------
    PooledMember : One of the members, with its certificate.
    solve : One network, for a weight decay of your choice.

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

    Two features:

    >>> X = cs.targets.ring(n_modes=3, radius=4.0, scale=0.5).sample(100, rng=0)
    >>> pooled = cs.PooledScore.fit(X, rng=0)
    >>> pooled(X).shape, pooled.logpdf(X).shape, pooled.sample(3, rng=1).shape, pooled.mean().shape
    ((100, 2), (100,), (3, 2), (2,))
    """

    members: tuple[PooledMember, ...]
    weights: FloatArray

    def __init__(self, members: Sequence[PooledMember]) -> None:
        self.members = _as_members(members)
        weights = np.array([member.weight for member in self.members])
        self.weights = weights / weights.sum()
        self._frame = self.members[0]._frame
        laws = [law for member in self.members for law in member._pool.laws]
        self._pool = pool_of(self._frame, laws, self.weights)
        self.freeze_arrays()

    @classmethod
    def fit(
        cls,
        X: ArrayLike,
        members: Iterable[str] = KINDS,
        rng: np.random.Generator | int | None = None,
        sample_weight: ArrayLike | None = None,
        n_jobs: int | None = None,
        progress: bool = False,
        support: tuple[float | None, float | None] | None = None,
    ) -> PooledScore:
        """Fit members of several kinds and pool them by the likelihood that they give to held-out data.

        Parameters
        ----------
        X : array of shape (n_samples,), (n_samples, 1) or (n_samples, 2)
            Data, at least five points, not all equal and not all in line; their order does not matter.
        members : iterable of {"line", "network", "mixture", "transformed"}
            Kinds of members: the Gaussian; networks trained by score matching at many weight decays, on the
            data and on jittered data; Gaussian mixtures; the line and networks on power-transformed data.
            With two features the transformed one is Student's t.
        rng : Generator or seed, optional
            Source of the folds, the bootstrap that sets the scale of weight decays, and the starts of
            mixtures.
        sample_weight : array of shape (n_samples,), optional
            Weights, ones by default: how often each sample came.  Samples of weight zero are left out.
        n_jobs : int, optional
            Workers of joblib, threads unless another backend is chosen there; -1 is one a core, and None is
            one, or what an enclosing `joblib.parallel_config` says.  The result does not depend on it.  With
            two features each fits a fold; with one they share what is measured on all data and, beyond 4096
            distinct values, the networks, which otherwise are fitted together.
        progress : bool
            Show progress bars (needs tqdm).
        support : tuple of two floats or None, optional
            Limits of data with one feature, ``(low, high)``, None (or infinite) where there is none; the
            density is zero beyond them.  Samples on a limit are left out, with a warning; give rounded data
            the limit of what was rounded: ``(-0.5, None)`` for counts.

        Returns
        -------
        PooledScore

        Raises
        ------
        TypeError
            If an argument is not numeric or `rng` is no source of randomness.
        ValueError
            If there are fewer than five points or two distinct values, points that are all in line, more than
            two features, or numbers that are not finite; if a kind is unknown, or there is none; if data are
            outside the support, or have one and two features.

        Notes
        -----
        With the held-out log-likelihood ``L``, summed over five folds, a member's weight is in proportion to
        ``exp(L)`` over the number of members of its kind.  The line is alone where no member gains 0.75 nats
        on it, or 2 if a test at level 0.9 does not speak against it: Gaussian data keep the Gaussian.

        Data are standardized, and turned round if they are skewed to the left: fits of shifted, scaled and
        mirrored data are the same.  Beyond 20,000 distinct values two of the folds are held out and beyond
        200,000 one, jittered data have neighbours put together, and the bootstrap takes 20,000 of the points.

        In the plane data are whitened, and turned by their fourth moments: fits of data after any affine map
        are the same.  Networks are conservative ones over 864 neurons, normalized by quadrature; beyond 4096
        distinct points neighbours are put together.  The optimum over all neurons, with its certificate, is
        trained when a member's `solution` is asked for.

        Examples
        --------
        >>> import numpy as np, convexscore as cs
        >>> x = np.random.default_rng(0).standard_normal(200)
        >>> print(cs.PooledScore.fit(x, rng=0))
        pooled score of 1 member
          1.000  line

        Durations:

        >>> x = np.random.default_rng(1).exponential(size=200)
        >>> pooled = cs.PooledScore.fit(x, rng=2, support=(0, None))
        >>> pooled.support(), float(pooled.cdf(0.0)), float(pooled.pdf(-0.1))
        ((0.0, inf), 0.0, 0.0)
        """
        data, mass, limits = _as_points(X, sample_weight, support)
        kinds = _as_kinds(members)
        source = generator(rng, "PooledScore.fit")
        workers, bars = as_workers("n_jobs", n_jobs), as_flag("progress", progress)
        on_the_line = data.shape[1] == 1
        fitted = partial(_line, limits) if on_the_line else _plane
        election, frame = fitted(data, mass, kinds, source, workers, bars)
        # Densities in the units of the data.
        likelihoods = election.log_likelihoods - election.n_held_out * frame.log_scale
        order = np.argsort(-election.weights, kind="stable")
        return cls(
            [
                PooledMember.of(
                    election.candidates[k], float(election.weights[k]), float(likelihoods[k]), frame
                )
                for k in order
            ]
        )

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the pool, members and their programs included to an NPZ file (no pickle); `load` opens it."""
        save_object(path, self, members=[member.kind for member in self.members], weights=tuple(self.weights))

    def _stored(self) -> dict[str, Any]:
        return {"members": self.members}

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


def _line(
    limits: tuple[float, float],
    data: FloatArray,
    mass: FloatArray,
    kinds: tuple[str, ...],
    rng: np.random.Generator,
    n_jobs: int | None,
    progress: bool,
) -> tuple[Election, AnyFrame]:
    """Fit members to one column, and return them with the frame that they are in."""
    points, frame = standardized(Points.merged(data[:, 0], mass, limits))
    if not skewed_left(points):
        return line.elect(points, kinds, rng, n_jobs, progress), frame
    election = line.elect(points.mirrored(), kinds, rng, n_jobs, progress)
    return replace(election, candidates=[candidate.mirrored() for candidate in election.candidates]), frame


def _plane(
    data: FloatArray,
    mass: FloatArray,
    kinds: tuple[str, ...],
    rng: np.random.Generator,
    n_jobs: int | None,
    progress: bool,
) -> tuple[Election, AnyFrame]:
    """Fit members to two columns, and return them with the frame that they are in."""
    points, frame = whitened(data, mass)
    return plane.elect(points, kinds, rng, n_jobs, progress), frame


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


def _as_points(
    X: ArrayLike, sample_weight: ArrayLike | None, support: Any
) -> tuple[FloatArray, FloatArray, Support]:
    """Return distinct samples, sorted, without those on a limit, how often each came, and the limits."""
    data = as_data("X", X)
    n_samples, n_features = data.shape
    if n_features > 2:
        raise ValueError(
            f"X: expected one or two features, got {data.shape}; with more, `solve` trains one network "
            "(conservative=True gives it a potential)"
        )
    if n_features == 2 and support is not None:
        raise ValueError(f"support: expected None for 2 features, got {shown(support)}")
    limits = as_support("support", support)
    mass = np.ones(n_samples)
    if sample_weight is not None:
        mass = as_weights("sample_weight", sample_weight, n_samples, zeros=True)
        data, mass = data[mass > 0], mass[mass > 0]
    part = as_objective(ScoreMatching(data, mass, limits))
    data, mass = part.X, part.weights
    order = np.lexsort((mass, *data.T[::-1]))
    x, mass = data[order] + 0.0, mass[order]
    if len(x) and (x[0] == x[-1]).all():
        raise ValueError(f"X: expected at least two distinct values, got {len(x)} sample(s), all equal")
    total = float(mass.sum())
    if total < _FEWEST:
        name, what = ("X", "points") if sample_weight is None else ("sample_weight", "points in all")
        raise ValueError(f"{name}: expected at least {_FEWEST} {what}, got {total:g}")
    # Ranges that floats cannot serve are refused as everywhere.
    units_of(Problem(ScoreMatching(x, mass, limits), skip=True))
    starts = np.flatnonzero(np.concatenate([[True], (x[1:] != x[:-1]).any(axis=1)]))
    return x[starts], np.add.reduceat(mass, starts), limits or WHOLE_LINE
