"""Noise-conditional scores: one certified denoising network a noise level.

A noise-conditional score ``score(y, sigma)`` is the score of data plus noise of standard deviation ``sigma``.
Between two fitted levels the *denoiser* ``m = y + sigma^2 score`` (Tweedie) is interpolated linearly in
``log sigma``: it varies slowly with the noise, where the score itself scales like ``1 / sigma^2``.

`NoiseConditionalScore.fit` chooses the levels too (`scores.levels`).  With one feature the noise can be
integrated out; with several it is drawn, at chosen levels balanced for each sample (`scores.draws`).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from numbers import Real
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from .._support.frozen import Frozen
from .._support.records import save_object
from .._support.shorthands import Shown, paragraph
from .._support.sizes import as_size, as_workers
from .._support.validation import (
    FloatArray,
    as_callable,
    as_choice,
    as_data,
    as_flag,
    as_float_array,
    as_real,
    shown,
)
from ..results import Solution
from .decays import KIND, chosen_decays
from .draws import level_objectives
from .level_solutions import problem_of_level, solved_levels
from .levels import noise_levels

if TYPE_CHECKING:
    import torch

__all__ = ["NoiseConditionalScore"]

# A sigma this close to a level, or to the end of the range, counts as it.
_CLOSE = 1e-6

# Steps between chosen levels, of one feature and of several, where a level costs more.
_RATIO, _RATIO_OF_MANY = 1.4, 1.6
# Noise draws a sample, and frames of them at chosen levels.
_DRAWS, _FRAMES = 10, 2
# Levels from one whose weight decay is chosen to the next; it varies slowly with the noise.
_STRIDE = 3
# Tolerances there: what they leave is far below the noise of the data, and far smaller networks do.
_TOL, _TOL_OF_MANY = 1e-4, 1e-3

# What they are where the noise can be integrated out.
_PLAIN = dict(zip(KIND, (True, False, None, "nuclear", None, False, None, False), strict=True))


@dataclass(frozen=True, eq=False, repr=False)
class NoiseConditionalScore(Frozen, Shown):
    """A table of networks, one a noise level, that is called as ``score(y, sigma)``.

    Parameters
    ----------
    sigmas : array of shape (n_levels,)
        Noise levels, positive and strictly decreasing.
    networks : sequence of callables
        A score for each, mapping arrays of the shape of `y` to arrays of that shape.
    solutions : tuple of Solution
        How they were trained, if by `fit`.
    data_mean : array of shape (n_features,), optional
        Mean of the clean data; with `data_covariance` it says where reverse diffusion starts.
    data_covariance : array of shape (n_features, n_features), optional
        Their covariance.

    Raises
    ------
    ValueError
        If the levels are not positive and strictly decreasing, or there is not one network each.

    See Also
    --------
    samplers.reverse : Generates data.
    DenoisingScoreMatching : The objective at one level.

    Examples
    --------
    >>> import numpy as np, convexscore as cs
    >>> X = np.random.default_rng(0).standard_normal(100)
    >>> score = cs.NoiseConditionalScore.fit(X, [2.0, 1.0, 0.5], beta="auto", n_draws=5, rng=0)
    >>> score(np.array([0.5, 1.0]), 0.7).shape, score.solutions[0].certificate.scope
    ((2,), 'global')

    Everything chosen, and new data from it:

    >>> score = cs.NoiseConditionalScore.fit(X, "auto", "auto")
    >>> generated = cs.samplers.reverse(score, score.sigmas, 500, rng=0)
    >>> generated.shape, bool(abs(generated.std() / X.std() - 1) < 0.15)
    ((500,), True)
    """

    sigmas: FloatArray
    networks: Sequence[Any]
    solutions: tuple[Solution, ...] = ()
    data_mean: FloatArray | None = None
    data_covariance: FloatArray | None = None

    def __post_init__(self) -> None:
        levels = _levels(self.sigmas)
        if isinstance(self.networks, str) or not isinstance(self.networks, Sequence):
            raise TypeError(f"networks: expected a sequence of callables, got {shown(self.networks)}")
        if len(self.networks) != levels.size:
            raise ValueError(f"networks: expected {levels.size}, one a noise level, got {len(self.networks)}")
        for network in self.networks:
            as_callable("networks", network)
        object.__setattr__(self, "sigmas", levels)
        object.__setattr__(self, "networks", tuple(self.networks))
        self._check_moments()
        self.freeze_arrays()

    @classmethod
    def fit(
        cls,
        X: ArrayLike,
        sigmas: ArrayLike | str = "auto",
        beta: float | ArrayLike | str = "auto",
        *,
        n_draws: float | None = None,
        activation: str = "relu",
        skip: bool = True,
        rng: np.random.Generator | int | None = None,
        progress: bool = False,
        n_jobs: int | None = None,
        **solve_options: Any,
    ) -> NoiseConditionalScore:
        """Train one denoising network a level, from the largest noise down.

        Parameters
        ----------
        X : array of shape (n_samples,) or (n_samples, n_features)
            Clean data.
        sigmas : array of shape (n_levels,) or "auto"
            Noise levels, positive and strictly decreasing, in the units of `X`.  ``"auto"`` goes down from
            three times the largest standard deviation in any direction to a tenth of the width of the
            narrowest bumps, in steps of at most 1.4 (several features: 1.6).  That width ``s`` is
            ``sqrt(d int f^2 / (2 int |grad f|^2))`` for a kernel estimate ``f`` of the density less the
            kernel's own: as far as pairs of different samples show it, and at least a two-hundredth of the
            deviation.  No level is below half the spacing of data that are rounded, or 2e-5 of the range.
        beta : float, array of shape (n_levels,) or "auto"
            Weight decay of the summed loss over ``n_draws * n_samples`` noisy points (``n_samples`` of them
            without draws): one for all levels, one a level, or chosen: by `select_beta` for expected
            denoising, else from the noise about the linear score, in which the draws of a sample count as
            one for ``sigmas="auto"``.  It is chosen at each of the levels given, and for ``sigmas="auto"``
            at every third of them, with geometric interpolation between.
        n_draws : int, inf or None
            Noise draws a sample; ``inf`` integrates the noise out, for networks with one feature and bias.
            By default that is done for ``sigmas="auto"`` where it can be, and otherwise 10 are drawn, or with
            ``sigmas="auto"`` two frames of ``2 n_features``: there the draws of a sample are in frames of
            orthogonal directions and their opposites, each draw by itself Gaussian.  Every level uses the
            same draws, scaled, so that its network is close to that of the level before, from which the
            solver starts.
        activation, skip
            The network, as for `solve`.
        rng : Generator or seed, optional
            Source of the noise, if any is drawn.
        progress : bool
            Show progress bars (needs tqdm).
        n_jobs : int, optional
            Workers of joblib, threads unless another backend is chosen there; -1 is one a core.  None is one,
            or what an enclosing `joblib.parallel_config` says.  They share the levels, where these do not
            start from one another: the choice of weight decays always, networks with one feature, and gated
            ones.  Of several features they price neurons of one level after the other.  The result does not
            depend on them.
        **solve_options
            Further arguments of `solve`; with ``sigmas="auto"`` `tol` is 1e-4 by default, 1e-3 for several
            features.

        Returns
        -------
        NoiseConditionalScore

        Raises
        ------
        ValueError
            If an argument is out of range.
        """
        data = as_data("X", X)
        chosen = isinstance(sigmas, str)
        options, features = dict(solve_options), data.shape[1]
        if chosen:
            options.setdefault("tol", _TOL if features == 1 else _TOL_OF_MANY)
        drawn = _n_draws(n_draws, chosen, features, options)
        if isinstance(sigmas, str):
            as_choice("sigmas", sigmas, ("auto",))
            levels = noise_levels(data, _RATIO if features == 1 else _RATIO_OF_MANY)
        else:
            levels = _levels(sigmas)
        at_level, copies = level_objectives(data, drawn, chosen, rng)
        bar, workers = as_flag("progress", progress), as_workers("n_jobs", n_jobs)
        problem_at = partial(problem_of_level, at_level, activation, skip, options)
        if isinstance(beta, str):
            as_choice("beta", beta, ("auto",))
            betas = chosen_decays(problem_at, levels, _STRIDE if chosen else 1, copies, bar, workers)
        else:
            betas = _betas(beta, levels.size)
        pairs = list(zip(levels.tolist(), betas, strict=True))
        solutions = solved_levels(at_level, pairs, activation, skip, options, bar, workers)
        networks = [solution.network for solution in solutions]
        return cls(levels, networks, tuple(solutions), *_moments(data))

    def to_torch(self, *, dtype: torch.dtype | Literal["float32", "float64"] = "float64") -> torch.nn.Module:
        """Return a ``torch.nn.Module`` that is called as ``module(y, sigma)`` on ``(n, d)`` tensors.

        Raises
        ------
        ImportError
            Without PyTorch.
        TypeError
            If a network is none that has ``to_torch``.
        """
        from ..networks.torch import to_levels_module

        for network in self.networks:
            if not hasattr(network, "to_torch"):
                raise TypeError(f"self: expected networks that have to_torch, got {shown(network)}")
        return to_levels_module(self.sigmas, [network.to_torch(dtype=dtype) for network in self.networks])

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the table, networks and how they were trained to an NPZ file (no pickle); `load` opens it."""
        save_object(
            path, self, sigmas=tuple(self.sigmas), betas=tuple(found.beta for found in self.solutions)
        )

    def _check_moments(self) -> None:
        if self.data_mean is None or self.data_covariance is None:
            if self.data_mean is not self.data_covariance:
                raise ValueError("data_covariance: expected one with data_mean, and none without it")
            return
        mean = as_float_array("data_mean", self.data_mean)
        covariance = as_float_array("data_covariance", self.data_covariance)
        if mean.ndim != 1 or mean.size == 0:
            raise ValueError(f"data_mean: expected shape (n_features,), got {mean.shape}")
        if covariance.shape != (mean.size, mean.size):
            raise ValueError(
                f"data_covariance: expected shape {(mean.size, mean.size)}, as data_mean, got "
                f"{covariance.shape}"
            )
        object.__setattr__(self, "data_mean", mean)
        object.__setattr__(self, "data_covariance", covariance)

    def __repr__(self) -> str:
        levels = len(self.networks)
        trained = "networks that were given"
        if self.solutions:
            statuses = [solution.status for solution in self.solutions]
            neurons = [solution.network.n_neurons for solution in self.solutions]
            trained = f"networks of {min(neurons)} to {max(neurons)} neurons, status " + ", ".join(
                f"{statuses.count(name)} {name}" for name in dict.fromkeys(statuses)
            )
        return paragraph(
            "NoiseConditionalScore",
            f"{levels} noise level{'s' * (levels != 1)} from {self.sigmas[0]:.6g} down to "
            f"{self.sigmas[-1]:.6g}; {trained}; called as score(y, sigma)",
        )

    def __call__(self, y: ArrayLike, sigma: float) -> FloatArray:
        """Return the score at noise level `sigma`.

        Parameters
        ----------
        y : array of shape (n,) or (n, n_features)
            Points.
        sigma : float
            Noise level within the range of the fitted ones.

        Returns
        -------
        ndarray of the shape of `y`

        Raises
        ------
        ValueError
            If `sigma` is outside the range of the fitted levels.
        """
        return np.asarray(self.at_level(sigma)(y))

    def at_level(self, sigma: float) -> Callable[[ArrayLike], FloatArray]:
        """Return the score at noise level `sigma`, a function of the points alone.

        Parameters
        ----------
        sigma : float
            Noise level within the range of the fitted ones.

        Returns
        -------
        callable
            The fitted network itself where `sigma` is its level, to a relative 1e-6; otherwise a mixture of
            the networks of the two levels around it.  Both pickle if the networks do.

        Raises
        ------
        ValueError
            If `sigma` is outside the range of the fitted levels.

        Examples
        --------
        >>> import convexscore as cs
        >>> lines = [cs.TwoLayerNetwork([[0.0]], [0.0], [[0.0]], [0.0], [[v]]) for v in (-0.2, -0.5)]
        >>> score = cs.NoiseConditionalScore([2.0, 1.0], lines)
        >>> score.at_level(1.0) is lines[1]
        True
        >>> score.at_level(1.5)([3.0]) == score([3.0], 1.5)
        array([ True])
        """
        sigma = as_real("sigma", sigma, minimum=0.0, strict=True)
        nearest = int(np.argmin(np.abs(np.log(self.sigmas / sigma))))
        if abs(sigma / self.sigmas[nearest] - 1) <= _CLOSE:
            return self.networks[nearest]
        high, low = float(self.sigmas[0]), float(self.sigmas[-1])
        if not low < sigma < high:
            raise ValueError(f"sigma: expected a noise level between {low:g} and {high:g}, got {sigma:g}")
        k = int(np.searchsorted(-self.sigmas, -sigma))
        above, below = float(self.sigmas[k - 1]), float(self.sigmas[k])
        share = np.log(sigma / below) / np.log(above / below)
        weights = share * above**2, (1 - share) * below**2
        return _Mixture(self.networks[k - 1 : k + 1], weights, sigma)


@dataclass(frozen=True, eq=False)
class _Mixture:
    """The score between two levels, ``(w1 network1 + w2 network2) / sigma^2``."""

    networks: Sequence[Any]
    weights: tuple[float, float]
    sigma: float

    def __call__(self, y: ArrayLike) -> FloatArray:
        above, below = (
            weight * np.asarray(network(y))
            for weight, network in zip(self.weights, self.networks, strict=True)
        )
        return np.asarray((above + below) / self.sigma**2)

    def slopes(self) -> FloatArray:
        """Return the slope on every piece, for networks of one feature: its kinks are those of both."""
        knots = np.unique(np.concatenate([network.piecewise.knots for network in self.networks]))
        inside = np.concatenate([knots[:1] - 1, 0.5 * (knots[1:] + knots[:-1]), knots[-1:] + 1])
        pairs = zip(self.weights, self.networks, strict=True)
        return np.asarray(
            sum(weight * network.divergence(inside) for weight, network in pairs) / self.sigma**2
        )


def _levels(sigmas: ArrayLike) -> FloatArray:
    levels = as_float_array("sigmas", sigmas)
    if levels.ndim != 1 or levels.size == 0 or levels.min() <= 0 or (np.diff(levels) >= 0).any():
        raise ValueError(
            f"sigmas: expected positive, strictly decreasing noise levels, got {levels.tolist()}"
        )
    return levels


def _n_draws(n_draws: float | None, chosen: bool, features: int, options: dict[str, Any]) -> int | None:
    """Return the number of draws, None if the noise is to be integrated out."""
    if n_draws is None:
        if chosen and features == 1 and _is_plain(options):
            return None
        return _FRAMES * 2 * features if chosen else _DRAWS
    if isinstance(n_draws, float) and n_draws == np.inf:
        if features > 1:
            raise ValueError(
                f"n_draws: expected a number for data with several features, got inf and {features} features"
            )
        return None
    return as_size("n_draws", n_draws, minimum=1, each=features)


def _is_plain(options: dict[str, Any]) -> bool:
    """Return whether expected denoising knows all of what is asked for."""
    given = [(options[name], usual) for name, usual in _PLAIN.items() if name in options]
    solver = options.get("solver", "auto")
    return (
        isinstance(solver, str)
        and solver in ("auto", "refined_grid")
        and all(
            value is usual or (isinstance(value, (bool, np.bool_, str)) and value == usual)
            for value, usual in given
        )
    )


def _moments(data: FloatArray) -> tuple[FloatArray, FloatArray] | tuple[None, None]:
    """Return mean and covariance of data, None where they are no floats."""
    origin = data[0]
    with np.errstate(over="ignore", invalid="ignore"):
        mean = origin + (data - origin).mean(axis=0)
        centred = data - mean
        covariance = centred.T @ centred / len(data)
    return (mean, covariance) if np.isfinite(covariance).all() and np.isfinite(mean).all() else (None, None)


def _betas(beta: float | ArrayLike, n_levels: int) -> list[Any]:
    if isinstance(beta, Real):
        return [beta] * n_levels
    values = as_float_array("beta", beta)
    if values.ndim == 0:
        return [beta] * n_levels
    if values.shape != (n_levels,):
        raise ValueError(f"beta: expected a number, or one a level, shape ({n_levels},), got {values.shape}")
    return values.tolist()
