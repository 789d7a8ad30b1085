"""The members of the plane, and how they vote.

In standard coordinates ``z``, with the certificate's noise ``b`` over a dictionary of neurons (`noise`),
members are

    line          the Gaussian with the mean and covariance of the data
    network       conservative networks at weight decays 1.2 b to 0.12 b, on jittered data at half of these
    mixture       Gaussians, K - 1, K and K + 1 of them, K by BIC, with two priors on covariances
    transformed   Student's t

They vote as on the line (`voting`).
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from ..._support.parallel import run_all
from ..._support.progress import each, stages
from ..._support.validation import FloatArray
from ...errors import ConvergenceError, NotNormalizableError
from ...networks.conservative import ConservativeNetwork
from ..members import Candidate
from ..points import held_out_masses
from ..voting import Election, vote
from .dictionary import Dictionary, Moments
from .lasso import lasso_path
from .laws import PlanarMixtureLaw, PlanarNetworkLaw
from .mixtures import choose_mixtures, refit_mixtures
from .networks import PlanarFit, network_of
from .noise import measured_noise
from .points import PlanarPoints
from .student import StudentLaw
from .tails import confined, grid_log_normalizer

__all__ = ["elect"]

_SHARES = np.geomspace(1.2, 0.12, 9)
# Widths of jitter, in units of n^(-1/6), and the weight decays of jittered data as shares of the others.
_JITTER, _JITTERED_SHARE = 0.15, 0.5
_FOLDS = 5
# Points that priors of mixtures count for.
_PRIORS = (4.0, 0.5)
# Of more points, cells of neighbours are put together.
_MOST_POINTS = 4096


@dataclass(frozen=True, eq=False)
class _Setting:
    """What is found once on all data and serves for its parts too."""

    kinds: Collection[str]
    level: float
    dictionary: Dictionary


@dataclass(frozen=True, eq=False)
class _Part:
    """Points, the jittered ones, and the moments of both: of all data, or of those of a fold."""

    points: PlanarPoints
    jittered: PlanarPoints
    moments: Moments
    jittered_moments: Moments

    @classmethod
    def of(cls, points: PlanarPoints, jittered: PlanarPoints, dictionary: Dictionary) -> _Part:
        return cls(points, jittered, dictionary.moments(points), dictionary.moments(jittered))


def elect(
    points: PlanarPoints,
    kinds: Collection[str],
    rng: np.random.Generator,
    n_jobs: int | None = None,
    progress: bool = False,
) -> Election:
    """Fit all members of some kinds and let them vote.

    Parameters
    ----------
    points : PlanarPoints
        In standard coordinates, at least five points, not in line.
    kinds : collection of str
        Of `members.KINDS`.
    rng : Generator
        Draws the bootstrap, the starts of mixtures, and the folds.
    n_jobs : int, optional
        Workers for the folds.
    progress : bool
        Show progress bars (needs tqdm).
    """
    with stages(5, progress, "pool") as begin:
        return _elected(points, kinds, rng, n_jobs, progress, begin)


def _elected(
    points: PlanarPoints,
    kinds: Collection[str],
    rng: np.random.Generator,
    n_jobs: int | None,
    progress: bool,
    begin: Callable[[str], None],
) -> Election:
    sources = rng.spawn(3)
    points = points.coarse(_MOST_POINTS)
    dictionary = Dictionary.of(points)
    begin("noise")
    noise = measured_noise(points, dictionary, sources[0])
    fewest = 2 if "line" in kinds else 1
    begin("mixtures")
    mixtures = [
        (law, prior)
        for prior in (_PRIORS if "mixture" in kinds else ())
        for law in choose_mixtures(points, sources[1], fewest, prior)
    ]
    setting = _Setting(kinds, noise.level, dictionary)
    width = _JITTER * points.total ** (-1 / 6)
    whole = _Part.of(points, points.jittered(width), dictionary)
    begin("networks")
    candidates = _candidates(whole, 1.0, setting, [law for law, _ in mixtures], width)
    begin("folds")
    likelihoods, seen = _held_out(whole, setting, mixtures, width, sources[2], n_jobs, progress)
    weights = vote([candidate.kind for candidate in candidates], likelihoods, noise)
    begin("densities")
    return _finished(Election(candidates, weights, likelihoods, seen))


def _held_out(
    whole: _Part,
    setting: _Setting,
    mixtures: list[tuple[PlanarMixtureLaw, float]],
    width: float,
    rng: np.random.Generator,
    n_jobs: int | None,
    progress: bool,
) -> tuple[FloatArray, float]:
    """Return the log-likelihood that each member gives to points that its fits do not see; their number."""
    points = whole.points
    masses = held_out_masses(points.mass, _FOLDS, rng)
    training = np.maximum(points.mass - masses, 0.0)
    # What is left of a mass after the subtraction of all of it is rounding.
    training[training < 1e-9 * points.mass] = 0.0
    usable = [
        points.with_mass(kept).spans_plane and out.sum() > 0
        for kept, out in zip(training, masses, strict=True)
    ]
    training, masses = training[usable], masses[usable]
    moved = [refit_mixtures(points, training, law, prior) for law, prior in mixtures]
    folds = [
        (kept, out, [laws[number] for laws in moved])
        for number, (kept, out) in enumerate(zip(training, masses, strict=True))
    ]
    total: FloatArray | float = 0.0
    fitted = run_all(partial(_fold, whole, setting, width), folds, n_jobs)
    for likelihoods in each(fitted, progress, len(folds), "folds"):
        total = total + likelihoods
    return np.asarray(total), float(sum(out.sum() for out in masses))


def _fold(
    whole: _Part,
    setting: _Setting,
    width: float,
    fold: tuple[FloatArray, FloatArray, list[PlanarMixtureLaw]],
) -> FloatArray:
    """Return the log-likelihood that each member gives to the points of one fold."""
    kept, out, mixtures = fold
    part = _training_part(whole, kept, out, setting.dictionary)
    fits = _candidates(part, part.points.total / whole.points.total, setting, mixtures, width)
    held = whole.points.with_mass(out)
    return np.array([held.mass @ candidate.law.logpdf(held.value) for candidate in fits])


def _training_part(whole: _Part, kept: FloatArray, out: FloatArray, dictionary: Dictionary) -> _Part:
    """Return what is left without the points held out, whose moments are subtracted."""
    n_moves = len(whole.jittered.mass) // len(kept)
    jittered_out = whole.jittered.with_mass(np.repeat(out, n_moves) / n_moves)
    held = _Part.of(whole.points.with_mass(out), jittered_out, dictionary)
    return _Part(
        whole.points.with_mass(kept),
        whole.jittered.with_mass(np.repeat(kept, n_moves) / n_moves),
        whole.moments - held.moments,
        whole.jittered_moments - held.jittered_moments,
    )


def _candidates(
    part: _Part, share: float, setting: _Setting, mixtures: list[PlanarMixtureLaw], width: float
) -> list[Candidate]:
    """Return all members fitted to points that are this share of the data."""
    found = []
    if "line" in setting.kinds:
        gaussian = PlanarMixtureLaw.gaussian(part.points.mean, part.points.covariance)
        found.append(Candidate("line", gaussian))
    if "network" in setting.kinds:
        betas = np.sqrt(share) * setting.level * _SHARES
        found += _networks(setting.dictionary, part.points, part.moments, betas, 0.0)
        betas = _JITTERED_SHARE * betas
        found += _networks(setting.dictionary, part.jittered, part.jittered_moments, betas, width)
    if "transformed" in setting.kinds:
        found.append(Candidate("transformed", StudentLaw.fitted(part.points)))
    return found + [Candidate("mixture", law) for law in mixtures]


def _networks(
    dictionary: Dictionary, points: PlanarPoints, moments: Moments, betas: FloatArray, jitter: float
) -> list[Candidate]:
    found: list[Candidate] = []
    for beta, coefficients in lasso_path(moments, betas):
        if found and found[-1].fit is not None and found[-1].fit.beta == beta:
            found.append(found[-1])
            continue
        network = network_of(dictionary, coefficients)
        law = _law(network, points)
        found.append(Candidate("network", law, PlanarFit(points, beta, network), jitter))
    return found


def _law(network: ConservativeNetwork, points: PlanarPoints) -> PlanarNetworkLaw:
    tame = confined(network, points)
    return PlanarNetworkLaw(tame, grid_log_normalizer(tame, points))


def _finished(election: Election) -> Election:
    """Return those with a vote, networks normalized to many digits.

    Where several weight decays stand for the last one that is bounded, theirs is one member.
    """
    finished: list[Candidate] = []
    weights: list[float] = []
    likelihoods: list[float] = []
    last: Candidate | None = None
    for k in np.flatnonzero(election.weights):
        candidate, weight = election.candidates[k], float(election.weights[k])
        if candidate is last:
            weights[-1] += weight
            continue
        done = _normalized(candidate)
        if done is not None:
            last = candidate
            finished.append(done)
            weights.append(weight)
            likelihoods.append(float(election.log_likelihoods[k]))
    if not finished:
        raise ConvergenceError("no member has a density whose quadrature ends: choose other members")
    shares = np.array(weights)
    return Election(finished, shares / shares.sum(), np.array(likelihoods), election.n_held_out)


def _normalized(candidate: Candidate) -> Candidate | None:
    """Return a candidate with its density, None for a network whose quadrature does not end."""
    law = candidate.law
    if not isinstance(law, PlanarNetworkLaw):
        return candidate
    law = PlanarNetworkLaw(law.network)
    try:
        law.density  # noqa: B018  # computed here, not at the first question
    except (ConvergenceError, NotNormalizableError):
        return None
    return replace(candidate, law=law)
