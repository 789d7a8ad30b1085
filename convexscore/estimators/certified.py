"""A certified network on whitened data, as a score of the data themselves.

With ``z = W (x - c)`` and a network ``s`` of the coordinates ``z``, the chain rule gives the score
``W' s(W (x - c))`` of the data, the trace of its Jacobian ``tr(J_s W W')`` and the log-density
``log p(z) + log |det W|``.  The score is again a network, with the weights ``W1 W``, ``W' W2``, ``W' V W``.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._support.caller import warn_caller
from .._support.frozen import Frozen
from .._support.seeds import generator
from .._support.validation import FloatArray, as_real, as_scale
from ..errors import ConvergenceError, NotNormalizableError
from ..networks.conservative import ConservativeNetwork
from ..networks.two_layer import TwoLayerNetwork
from ..numerics.whitening import AffineFrame, whitening
from ..objectives import (
    DenoisingScoreMatching,
    ExpectedDenoising,
    ScoreMatching,
    as_objective,
    distinct_rows,
)
from ..objectives.support import Support, weight_terms
from ..problem import Problem
from ..results import Solution
from ..scores.decays import chosen_decays, level_problem
from ..scores.density import ScoreDensity
from ..scores.draws import balanced_normals
from ..scores.planar_density import ConservativeDensity
from ..selection import select_beta
from ..solve import solve
from ..units import units_of

__all__ = ["CertifiedScore", "NetworkSettings", "fit_certified"]

# Deviations below this share of the largest are rounding.
_FLAT = 1e-10
# Boxes of the proof of optimality in three and more dimensions: seconds.
_BOXES = 20_000
# Frames of noise draws a sample where the noise is not integrated out.
_FRAMES = 2
# The noise level is this share of the deviation times n^(-1/(d + 4)), half of Scott's bandwidth.
_SHARE = 0.5


@dataclass(frozen=True)
class NetworkSettings:
    """What kind of network is trained, on what: the estimator's arguments of these names."""

    objective: str
    activation: str
    skip: bool
    beta: float | str
    shape: str | None
    tails: str | None
    conservative: bool
    whiten: bool
    noise_level: float | None
    support: Support | None = None


@dataclass(frozen=True, eq=False)
class CertifiedScore(Frozen):
    """A score of the data that is a network in other coordinates.

    Parameters
    ----------
    frame : AffineFrame
        What leads to these coordinates.
    solution : Solution
        The network there, with its certificate.
    noise_level : float or None
        The noise of the law that the score is of, in these coordinates; None for the data's own law.
    support : tuple of two floats or None
        Limits of the law, in the units of the data.
    """

    frame: AffineFrame
    solution: Solution
    noise_level: float | None = None
    support: Support | None = None

    @cached_property
    def density(self) -> ScoreDensity | ConservativeDensity | None:
        """The density in the network's coordinates, None where the score has none."""
        network = self.solution.network
        try:
            if self.frame.n_features == 1:
                return ScoreDensity(network, getattr(self.solution.objective, "support", None))
            if self.frame.n_features == 2 and isinstance(network, ConservativeNetwork):
                return ConservativeDensity(network)
        except (NotNormalizableError, ConvergenceError):
            pass
        return None

    @property
    def has_density(self) -> bool:
        """Whether there are log-densities and samples."""
        return self.density is not None

    @cached_property
    def network(self) -> TwoLayerNetwork | ConservativeNetwork:
        """The same score as a network of the data."""
        found, W = self.solution.network, self.frame.matrix
        moved: dict[str, Any] = {"b2": W.T @ found.b2, "origin": self.frame.outward(found.origin)}
        if isinstance(found, ConservativeNetwork):
            return replace(found, directions=found.directions @ W, S=W.T @ found.S @ W, **moved)
        return replace(found, W1=found.W1 @ W, W2=W.T @ found.W2, V=W.T @ found.V @ W, **moved)

    def __call__(self, X: FloatArray) -> FloatArray:
        """Return the score at points of shape ``(n, n_features)``."""
        return self.frame.pulled_back(self.solution.network(self.frame.inward(X)))

    def logpdf(self, X: FloatArray) -> FloatArray:
        """Return the log-density at points, shape ``(n,)``."""
        density: Any = self.density
        logs = density.logpdf(self.frame.inward(X)).reshape(len(X)) - self.frame.log_scale
        # In the network's coordinates rounding may have moved points across a limit.
        return np.where(self._inside(X), logs, -np.inf)

    def losses(self, X: FloatArray) -> FloatArray:
        """Return the score matching loss of each point, shape ``(n,)``.

        It is ``tr J(x) + 1/2 |s(x)|^2``; with a support ``h s' + 1/2 h s^2 + h' s``, infinite outside.
        """
        W, z = self.frame.matrix, self.frame.inward(X)
        score, jacobian = self(X), self.solution.network.jacobian(z)
        losses = np.einsum("nab,ab->n", jacobian, W @ W.T) + 0.5 * np.sum(score**2, axis=1)
        if self.support is None:
            return losses
        objective = self.solution.objective
        weight, gradient = weight_terms(z, objective.support, objective.boundary_weight)
        width, side = abs(float(W[0, 0])), np.sign(W[0, 0])
        losses = weight / width * losses + side * gradient[:, 0] * score[:, 0]
        return np.where(self._inside(X), losses, np.inf)

    def sample(self, n: int, rng: np.random.Generator | int | None = None) -> FloatArray:
        """Return independent samples, shape ``(n, n_features)``."""
        density: Any = self.density
        samples = self.frame.outward(density.sample(n, rng=rng).reshape(n, self.frame.n_features))
        return samples if self.support is None else np.clip(samples, *self.support)

    def _inside(self, X: FloatArray) -> NDArray[np.bool_]:
        """Return which points are within the support, shape ``(n,)``."""
        low, high = (-np.inf, np.inf) if self.support is None else self.support
        return np.all((low <= X) & (high >= X), axis=1)


def fit_certified(
    X: FloatArray,
    sample_weight: FloatArray | None,
    settings: NetworkSettings,
    rng: np.random.Generator | int | None,
    progress: bool = False,
    n_jobs: int | None = None,
) -> CertifiedScore:
    """Train one network and return its score.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        Data.
    sample_weight : ndarray of shape (n_samples,) or None
        How often each sample came.
    settings : NetworkSettings
        What to train.
    rng : Generator or seed
        Source of the noise of denoising, where that is drawn.
    progress : bool
        Show progress bars (needs tqdm).
    n_jobs : int, optional
        Workers of joblib.
    """
    work = _Work(progress, n_jobs)
    # Samples on an end of the support are left out here, with a warning.
    rows = distinct_rows(as_objective(ScoreMatching(X, sample_weight, settings.support)))
    frame, points = _framed(rows, settings.whiten)
    if settings.objective == "sm":
        return CertifiedScore(frame, _matched(points, settings, work), support=settings.support)
    level = _level(points, settings.noise_level)
    return CertifiedScore(frame, _denoised(points, level, settings, rng, work), level)


def _framed(rows: ScoreMatching | DenoisingScoreMatching, whiten: bool) -> tuple[AffineFrame, ScoreMatching]:
    """Return coordinates and the rows in them, in an order that is theirs."""
    X, mass, support = rows.X, rows.weights, getattr(rows, "support", None)
    if not whiten:
        return AffineFrame.identity(X.shape[1]), ScoreMatching(X, mass, support)
    # Ranges that floats cannot serve are refused as everywhere.
    units_of(Problem(ScoreMatching(X, mass, support)))
    frame = _spanned(X, mass)
    z = frame.inward(X)
    order = np.lexsort(z.T[::-1])
    return frame, ScoreMatching(z[order], mass[order], None if support is None else _moved(support, frame))


def _moved(support: Support, frame: AffineFrame) -> Support:
    """Return limits in coordinates of one feature, which may run the other way."""
    side = float(np.sign(frame.matrix[0, 0]))
    ends = [
        float(frame.inward(np.array([[end]]))[0, 0]) if np.isfinite(end) else side * end for end in support
    ]
    return min(ends), max(ends)


def _spanned(X: FloatArray, mass: FloatArray) -> AffineFrame:
    """Return standard coordinates of the plane that the rows span, of fewer than `n_features` if need be."""
    centred = X - X[0]
    _, size, axes = np.linalg.svd(centred / np.maximum(np.abs(centred).max(axis=0), 1e-300))
    rank = int(np.sum(size > _FLAT * size[0])) if size.size and size[0] > 0 else 0
    if rank == 0:
        raise ValueError("X: expected at least two distinct samples, got one")
    if rank == X.shape[1]:
        return whitening(X, mass)[1]
    warn_caller(
        f"X: {len(X)} distinct samples of {X.shape[1]} features span {rank} dimensions only; the score is "
        "that along these",
        UserWarning,
    )
    # An orthonormal basis of the span; the columns' own scales are in it.
    Q, _ = np.linalg.qr((axes[:rank] * np.abs(centred).max(axis=0)).T)
    inner = whitening(centred @ Q, mass)[1]
    return AffineFrame(X[0], Q @ (inner.origin + inner.shift), inner.matrix @ Q.T, Q @ inner.inverse)


def _matched(points: ScoreMatching, settings: NetworkSettings, work: _Work) -> Solution:
    """Return the solution of score matching."""
    on_the_line = points.X.shape[1] == 1
    kind: dict[str, Any] = {"activation": settings.activation, "skip": settings.skip}
    beta = settings.beta
    if not on_the_line:
        if settings.conservative and beta == "auto":
            # Of all networks: conservative ones are some of them, with the same penalty, so that they are
            # bounded where those are.
            beta = select_beta(points, rng=0, progress=work.progress, n_jobs=work.n_jobs, **kind)
        kind |= work.options(points, beta)
        return solve(points, beta, conservative=settings.conservative, **kind)
    # A weight decay that `solve` chooses comes with a density by itself.  Every score on the line is a
    # gradient, so that `conservative` asks for nothing there.
    tails = None if beta == "auto" else settings.tails
    kind |= work.options(points, beta)
    return solve(points, beta, shape=settings.shape, tails=tails, **kind)


def _level(points: ScoreMatching, level: float | None) -> float:
    """Return the noise level, of the data's deviation and number if none is given."""
    if level is not None:
        return as_scale("noise_level", level)
    weights, n_features = points.weights, points.X.shape[1]
    total = float(weights.sum())
    centred = points.X - weights @ points.X / total
    deviation = float(np.sqrt(weights @ np.mean(centred**2, axis=1) / total))
    if deviation == 0:
        raise ValueError("X: expected at least two distinct samples, got one, which shows no noise level")
    return _SHARE * deviation * total ** (-1 / (n_features + 4))


def _denoised(
    points: ScoreMatching,
    level: float,
    settings: NetworkSettings,
    rng: np.random.Generator | int | None,
    work: _Work,
) -> Solution:
    """Return the solution of denoising, the noise integrated out on the line and drawn elsewhere."""
    (n, d), beta = points.X.shape, settings.beta
    kind: dict[str, Any] = {"activation": settings.activation, "skip": settings.skip}
    if d == 1:
        objective = ExpectedDenoising(points.X, level, sample_weight=points.weights)
        return solve(objective, beta, **kind, **work.options(points, beta))
    draws = _FRAMES * 2 * d
    delta = balanced_normals(n, d, draws, generator(rng, "ConvexScoreEstimator.fit")).reshape(-1, d)
    noisy = DenoisingScoreMatching(
        np.tile(points.X, (draws, 1)) + level * delta,
        -delta / level,
        sample_weight=np.tile(points.weights, draws),
    )
    if isinstance(beta, str):
        problem = level_problem(noisy, settings.activation, settings.skip, {})
        levels = np.array([level])
        beta = chosen_decays(lambda _: problem, levels, 1, draws, work.progress, work.n_jobs)[0]
    kind |= work.options(points, beta)
    return solve(noisy, as_real("beta", beta), conservative=settings.conservative, **kind)


@dataclass(frozen=True)
class _Work:
    """Whether there are bars, and how many workers."""

    progress: bool
    n_jobs: int | None

    def options(self, points: ScoreMatching, beta: float | str) -> dict[str, Any]:
        """Return the options of `solve` for its work, the bound of the proof where it has one."""
        several = points.X.shape[1] > 1
        found: dict[str, Any] = {"verbose": self.progress}
        # Without weight decay nothing is priced.
        if beta == "auto" or (several and beta != 0):
            found["n_jobs"] = self.n_jobs
        return {**found, "max_boxes": _BOXES} if points.X.shape[1] > 2 else found
