"""The variational denoiser of an Ising law as a residual network, weights written down (Mei & Wu 2023).

For ``x`` in ``{-1, 1}^d`` with law prop. to ``exp(x'A x / 2)`` and ``z = lam x + s xi``, the variational
estimate of ``E[x | z]`` is the fixed point ``m = tanh(G m + h)``, with ``h = lam z / s^2`` and ``G`` the
couplings ``A`` less a diagonal (zero: naive mean field).  Each layer is one step ``m <- f(G m + h)`` with
``f`` a piecewise linear ``tanh``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike

from ..._support.caller import warn_caller
from ..._support.frozen import Frozen
from ..._support.seeds import generator
from ..._support.sizes import as_size
from ..._support.validation import FloatArray, as_data, as_flag, as_float_array, as_real
from .interpolation import spread_knots, sup_error
from .layers import as_noisy, as_time, explicit_layer, run_layers, start_of
from .training import TrainedDenoiser, train_layers

__all__ = ["UnrolledDenoiser"]

# Couplings and knots beyond this have products that are no floats.
_LARGEST = 1e50
# Samples that training takes at least to say something, and parameters at most.
_FEW, _MOST_PARAMETERS = 200, 1_000_000
_KNOTS = 32


@dataclass(frozen=True, eq=False)
class UnrolledDenoiser(Frozen):
    """A residual network with explicit weights that denoises spins.

    ``denoiser(z, t)`` returns the estimate of ``E[x | z]`` at ``z = e^-t x + sqrt(1 - e^-2t) xi``.

    Parameters
    ----------
    couplings : array of shape (d, d)
        The symmetric matrix ``G``, with whatever diagonal is to be used.
    n_layers : int
        Steps, at least 1.
    n_knots : int, optional
        Knots of the piecewise linear ``tanh``, at least 2; 32 by default.
    knots : array of shape (n_knots,), optional
        These knots, increasing; by default spread on ``+-log(4 n_knots)`` for a small error.

    Raises
    ------
    TypeError, ValueError
        If an argument is of the wrong kind or out of range.

    See Also
    --------
    TrainedDenoiser : The network with learned weights.
    convexscore.targets.Ising : The law that it denoises.

    Examples
    --------
    >>> import numpy as np, convexscore as cs
    >>> denoiser = cs.baselines.UnrolledDenoiser([[0.0, 0.4], [0.4, 0.0]], n_layers=8, n_knots=64)
    >>> found = denoiser([[0.5, -0.2]], 0.5)
    >>> field = np.exp(-0.5) / (1 - np.exp(-1.0)) * np.array([0.5, -0.2])
    >>> bool(abs(np.tanh(found[0] @ denoiser.couplings + field) - found[0]).max() < 2e-3)
    True
    """

    couplings: FloatArray
    n_layers: int
    n_knots: int | None = None
    knots: FloatArray | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        couplings = as_data("couplings", self.couplings)
        d = couplings.shape[1]
        if couplings.shape != (d, d) or (couplings != couplings.T).any():
            raise ValueError(
                f"couplings: expected a symmetric matrix, got one of shape {couplings.shape} that is none"
            )
        if np.abs(couplings).max() > _LARGEST:
            raise ValueError(
                f"couplings: expected numbers up to {_LARGEST:g}, got {np.abs(couplings).max():g}"
            )
        knots = self._as_knots(d)
        n_hidden = d * len(knots) + 2 * d + 1
        n_layers = as_size("n_layers", self.n_layers, minimum=1, each=2 * n_hidden * (2 * d + 1))
        values = {"couplings": couplings, "n_layers": n_layers, "n_knots": len(knots), "knots": knots}
        for name, value in values.items():
            object.__setattr__(self, name, value)
        self.freeze_arrays()

    def _as_knots(self, d: int) -> FloatArray:
        if self.knots is None:
            n = _KNOTS if self.n_knots is None else self.n_knots
            return spread_knots(as_size("n_knots", n, minimum=2, each=2 * d * (2 * d + 1)))
        knots = as_float_array("knots", self.knots)
        if knots.ndim != 1 or len(knots) < 2 or not (np.diff(knots) > 0).all():
            raise ValueError(f"knots: expected a 1-D array of at least two increasing numbers, got {knots}")
        if np.abs(knots).max() > _LARGEST:
            raise ValueError(f"knots: expected numbers up to {_LARGEST:g}, got {np.abs(knots).max():g}")
        if self.n_knots is not None and as_size("n_knots", self.n_knots) != len(knots):
            raise ValueError(
                f"n_knots: expected {len(knots)}, the number of knots, or None, got {self.n_knots}"
            )
        return knots

    @property
    def layer(self) -> tuple[FloatArray, FloatArray]:
        """The matrices ``W1`` and ``W2`` that all layers share, new ones each time."""
        assert self.knots is not None
        return explicit_layer(self.couplings, self.knots)

    @property
    def interpolation_error(self) -> float:
        """The largest difference of the piecewise linear function from ``tanh``."""
        assert self.knots is not None
        return sup_error(self.knots)

    def __call__(self, z: ArrayLike, t: float) -> FloatArray:
        """Return the denoised points at rows ``(n, d)`` and a time above 0."""
        d = len(self.couplings)
        states = start_of(as_noisy("z", z, d), as_time(t))
        W1, W2 = self.layer
        for _ in range(self.n_layers):
            states = run_layers(W1[None], W2[None], states)
        return np.clip(states[:, :d], -1.0, 1.0)

    def error_bound(self, t: float) -> float:
        """Return a bound on the distance from the fixed point ``m = tanh(G m + h)``, for every ``z``.

        It is ``sqrt(d) (a^L + eps (1 - a^L) / (1 - a))`` with ``a = |G|_2`` and ``eps`` the interpolation's
        error.

        Parameters
        ----------
        t : float
            A time above 0; the bound is the same at all.

        Returns
        -------
        float

        Raises
        ------
        ValueError
            If the couplings have a spectral norm of one and more, where steps need not contract.

        Examples
        --------
        >>> import convexscore as cs
        >>> denoiser = cs.baselines.UnrolledDenoiser([[0.0, 0.5], [0.5, 0.0]], n_layers=10)
        >>> round(denoiser.error_bound(0.5), 4)
        0.0057
        """
        as_time(t)
        a = float(np.linalg.norm(self.couplings, 2))
        if a >= 1:
            raise ValueError(
                f"couplings: expected a spectral norm below 1 for a bound, got {a:g}, where steps need not "
                "contract; take weaker couplings"
            )
        left = a**self.n_layers
        return math.sqrt(len(self.couplings)) * (left + self.interpolation_error * (1 - left) / (1 - a))

    def fit(
        self,
        x: ArrayLike,
        z: ArrayLike,
        t: float,
        *,
        n_iterations: int = 20,
        held_out: float = 0.0,
        rng: np.random.Generator | int | None = None,
        progress: bool = False,
    ) -> TrainedDenoiser:
        """Train all matrices of all layers on ``mean |m - x|^2``, by L-BFGS from the explicit weights.

        Clean points are noisy labels of ``E[x | z]``: many iterations fit their noise.  Stop after few, or
        hold out a share of the data.  With couplings of zero it starts from what knows of no coupling.

        Parameters
        ----------
        x : array of shape (n, d)
            Clean points.
        z : array of shape (n, d)
            Their noisy points at time `t`.
        t : float
            The time.
        n_iterations : int
            Iterations, at most.
        held_out : float
            Share of the pairs that is held out, below 1; the weights of the least loss on them are kept.
        rng : Generator or seed, optional
            Source of the choice of the held-out pairs.
        progress : bool
            Show a progress bar (needs tqdm).

        Returns
        -------
        TrainedDenoiser

        Raises
        ------
        ValueError
            If there are more than a million parameters.

        Warns
        -----
        UserWarning
            If there are fewer than 200 pairs.
        """
        d, time = len(self.couplings), as_time(t)
        clean, noisy = as_noisy("x", x, d), as_noisy("z", z, d)
        if len(clean) != len(noisy):
            raise ValueError(f"z: expected shape {clean.shape}, as of x, got {noisy.shape}")
        if np.abs(clean).max() > _LARGEST:
            raise ValueError(f"x: expected numbers up to {_LARGEST:g}, got {np.abs(clean).max():g}")
        n_iterations = as_size("n_iterations", n_iterations, each=1)
        share = as_real("held_out", held_out, minimum=0.0)
        if share >= 1:
            raise ValueError(f"held_out: expected a share below 1, got {share:g}")
        W1, W2 = self.layer
        n_parameters = self.n_layers * (W1.size + W2.size)
        if n_parameters > _MOST_PARAMETERS:
            raise ValueError(
                f"n_layers: expected at most {_MOST_PARAMETERS} parameters to train, got {n_parameters}; "
                "take fewer layers or knots"
            )
        if len(clean) < _FEW:
            warn_caller(
                f"x: expected at least {_FEW} pairs, as few do not generalize, got {len(clean)}; draw more",
                UserWarning,
            )
        order = generator(rng, "UnrolledDenoiser.fit").permutation(len(clean))
        apart = round(share * len(clean))
        if share and not 0 < apart < len(clean):
            raise ValueError(f"held_out: expected a share that leaves pairs on both sides, got {share:g}")
        states = start_of(noisy, time)
        parts = [(states[rows], clean[rows]) for rows in (order[apart:], order[:apart])]
        outer, inner = (np.repeat(W[None], self.n_layers, axis=0) for W in (W1, W2))
        rest = parts[1] if apart else None
        return train_layers(outer, inner, parts[0], rest, time, n_iterations, as_flag("progress", progress))
