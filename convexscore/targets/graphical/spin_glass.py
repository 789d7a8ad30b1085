"""The Sherrington-Kirkpatrick model: message passing for its means, stochastic localization for its samples.

With couplings ``beta W``, entries of ``W`` of variance ``1 / d``, the means at fields ``y`` are the limits of

    m^{k+1} = tanh(beta W m^k + y - b_k m^{k-1}),    b_k = beta^2 (1 - |m^k|^2 / d),

and samples come from ``y_{k+1} = y_k + delta m(y_k) + sqrt(delta) xi``, which is the reverse diffusion by
the rule "ancestral" in ``y / sigma^2`` at noise levels ``(k delta)^(-1/2)``, its first step from no signal.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import entr

from ..._support.caller import warn_caller
from ..._support.seeds import generator
from ..._support.sizes import as_size
from ..._support.validation import FloatArray, as_choice, as_real, as_scale
from ...errors import ConvergenceWarning
from . import mean_field
from .ising import Ising
from .spins import LARGEST, SpinLaw, as_couplings, as_fields, as_rows, as_vector, check_enumerable
from .state_evolution import LARGEST_TEMPERATURE, overlap

__all__ = ["SherringtonKirkpatrick", "SpinGlass", "as_inverse_temperature"]

# Steps of message passing, and at most for rows whose last change has a larger root mean square.
_STEPS, _MOST_STEPS = 15, 100
_MOVING = 1e-3
_ADVICE = "posterior means by message passing go without it"


class SpinGlass(SpinLaw):
    """A law ``exp(beta x'W x / 2) / Z`` on signs, with couplings like those of a random matrix."""

    denoiser: str
    _matrix_name = "matrix"

    @property
    @abstractmethod
    def _couplings(self) -> FloatArray:
        """``W``, shape (d, d)."""

    @property
    @abstractmethod
    def _beta(self) -> float:
        """The inverse temperature."""

    @property
    def _start(self) -> FloatArray | None:
        """What is added to the fields of the zeroth iterate; None for an iterate of zero."""
        return None

    @property
    def n_features(self) -> int:
        """Number of spins ``d``."""
        return len(self._couplings)

    def amp(self, y: ArrayLike, n_steps: int = _STEPS) -> FloatArray:
        """Return the iterates of approximate message passing at fields `y`.

        Parameters
        ----------
        y : array of shape (n, d) or (d,)
            Fields: noisy spins divided by ``sigma^2``.
        n_steps : int
            Steps after the zeroth iterate.

        Returns
        -------
        ndarray of shape (n_steps + 1, n, d) or (n_steps + 1, d)
            ``m^0, m^1, ...``; without a signal ``m^0 = 0`` and ``m^1 = tanh(y)``.

        Examples
        --------
        >>> from convexscore.targets import SherringtonKirkpatrick
        >>> SherringtonKirkpatrick([[0.0, 0.5], [0.5, 0.0]], 0.4).amp([0.3, -0.1], 3).round(4)
        array([[ 0.    ,  0.    ],
               [ 0.2913, -0.0997],
               [ 0.273 , -0.0417],
               [ 0.2419, -0.0301]])
        """
        fields, shape = as_rows("y", y, self.n_features)
        count = as_size("n_steps", n_steps, each=max(1, fields.size))
        t = self._total("y", fields)
        return np.stack(list(self._iterates(t, count))).reshape(count + 1, *shape)

    def free_energy(self, m: ArrayLike, y: ArrayLike, q: float) -> float:
        """Return the free energy of Thouless, Anderson & Palmer at means `m`, fields `y` and overlap `q`.

        ::

            -(beta / 2) m'W m - y'm - sum_i h(m_i) - (d beta^2 / 4) (1 - q) (1 + q - 2 |m|^2 / d),

        ``h`` the entropy of a spin of mean ``m_i``.  It is stationary where
        ``m = tanh(beta W m + y - beta^2 (1 - q) m)``; "ngd" looks for such a point.

        Parameters
        ----------
        m : array of shape (d,)
            Means, from -1 to 1.
        y : array of shape (d,)
            Fields.
        q : float
            Overlap, from 0 to 1.

        Returns
        -------
        float

        Examples
        --------
        >>> from convexscore.targets import SherringtonKirkpatrick
        >>> glass = SherringtonKirkpatrick([[0.0, 0.5], [0.5, 0.0]], 0.4)
        >>> round(glass.free_energy([0.3, -0.1], [0.3, -0.1], 0.1), 6)
        -1.501585
        """
        d = self.n_features
        means, fields = as_vector("m", m, d), as_vector("y", y, d)
        if np.abs(means).max() > 1:
            raise ValueError(f"m: expected means from -1 to 1, got one of size {np.abs(means).max():g}")
        share = as_real("q", q, minimum=0.0, maximum=1.0)
        energy = 0.5 * self._beta * means @ self._couplings @ means + fields @ means
        entropy = float((entr((1 + means) / 2) + entr((1 - means) / 2)).sum())
        reaction = 0.25 * d * self._beta**2 * (1 - share) * (1 + share - 2 * (means @ means) / d)
        return float(-energy - entropy - reaction)

    def sample(
        self,
        n: int,
        rng: np.random.Generator | int | None = None,
        *,
        n_steps: int = 60,
        step_size: float = 0.1,
    ) -> FloatArray:
        """Draw samples by stochastic localization, with means by the denoiser.

        They are as good as the means and the number of steps: for large systems close to the law at
        ``beta < 1``.  At the last signal ``tau = n_steps * step_size`` each spin is rounded at random.

        Parameters
        ----------
        n : int
            How many.
        rng : Generator or seed, optional
            Source of randomness; the same seed gives the same samples.
        n_steps : int
            Steps.
        step_size : float
            Signal to noise ratio that each of them adds, positive.

        Returns
        -------
        ndarray of shape (n, d), of -1 and 1

        Warns
        -----
        ConvergenceWarning
            Once, if message passing does not converge at some steps.

        Examples
        --------
        >>> import numpy as np
        >>> from convexscore.targets import SherringtonKirkpatrick
        >>> noise = np.random.default_rng(0).standard_normal((100, 100))
        >>> W = (noise + noise.T) / np.sqrt(200)
        >>> x = SherringtonKirkpatrick(W, 0.5).sample(50, rng=0)
        >>> bool(abs(np.einsum("ni,ij,nj->n", x, W - np.diag(np.diag(W)), x).mean() / 200 - 0.25) < 0.05)
        True
        """
        d = self.n_features
        count, steps = as_size("n", n, each=d), as_size("n_steps", n_steps)
        delta = as_scale("step_size", step_size)
        source = generator(rng, f"{type(self).__name__}.sample")
        y, worst = np.zeros((count, d)), (0.0, 0.0)
        for step in range(steps + 1):
            m, change = self._estimate(self._total("step_size", y), step * delta)
            worst = max(worst, (float(change.max(initial=0.0)), step * delta))
            if step < steps:
                y += delta * m + math.sqrt(delta) * source.standard_normal((count, d))
        if worst[0] > _MOVING:
            self._warn(f"chains changed by up to {worst[0]:.2g}", worst[1])
        return self._finished(np.where(source.random((count, d)) < (1 + m) / 2, 1.0, -1.0), source)

    def _finished(self, x: FloatArray, source: np.random.Generator) -> FloatArray:
        """Return samples of the law from those of the localization, which may be of one lobe."""
        return x

    def _iterates(self, t: FloatArray, n_steps: int) -> Iterator[FloatArray]:
        old, m = self._first(t)
        yield m
        for _ in range(n_steps):
            old, m = m, self._next(t, old, m)
            yield m

    def _first(self, t: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return the iterates of number -1 and 0."""
        zero = np.zeros_like(t)
        return zero, zero if self._start is None else np.tanh(t + self._start)

    def _next(self, t: FloatArray, old: FloatArray, m: FloatArray) -> FloatArray:
        def reaction(m: FloatArray) -> FloatArray:
            return self._beta**2 * np.mean(1 - m**2, axis=1, keepdims=True)

        return mean_field.message_passing_step(
            lambda m: self._beta * (m @ self._couplings), reaction, t, old, m
        )

    def _message_passing(self, t: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return means, and the root mean square of each row's last change; some rows take more steps."""
        old, m = self._first(t)
        for _ in range(_STEPS):
            old, m = m, self._next(t, old, m)
        change = _root_mean_square(m - old)
        rows = np.flatnonzero(change > _MOVING)
        for _ in range(_MOST_STEPS - _STEPS):
            if not rows.size:
                break
            old[rows], m[rows] = m[rows], self._next(t[rows], old[rows], m[rows])
            change[rows] = _root_mean_square(m[rows] - old[rows])
            rows = rows[change[rows] > _MOVING]
        return m, change

    def _estimate(self, t: FloatArray, tau: float) -> tuple[FloatArray, FloatArray]:
        """Return means at fields of signal `tau`, and the root mean square of each row's last change."""
        still = np.zeros(len(t))
        if self.denoiser in ("exact", "naive"):
            return (self._exact if self.denoiser == "exact" else self._naive)._mean(t), still
        if self.denoiser == "ngd":
            return self._descended(t, overlap(self._beta, min(tau, LARGEST_TEMPERATURE))), still
        return self._message_passing(t)

    def _descended(self, t: FloatArray, q: float) -> FloatArray:
        """Return stationary points of the free energy at one overlap, by natural gradient descent."""
        reaction = self._beta**2 * (1 - q)
        G = self._beta * self._couplings - reaction * np.eye(self.n_features)
        least, largest = self._extremes
        extremes = (self._beta * least - reaction, self._beta * largest - reaction)
        mean_field.warn_if_not_convex(extremes[1])
        return mean_field.mirror(G, t, extremes)

    def _mean(self, t: FloatArray) -> FloatArray:
        if self.denoiser == "ngd":
            raise ValueError(
                "fields: expected points and their noise level for the denoiser 'ngd', as its overlap "
                "depends on that, got fields; use `denoise`"
            )
        return self._checked(t, None)

    def _denoised(self, y: FloatArray, level: float) -> FloatArray:
        return self._checked(self._total("y", as_fields(y, level)), 1 / level**2)

    def _checked(self, t: FloatArray, tau: float | None) -> FloatArray:
        m, change = self._estimate(t, math.nan if tau is None else tau)
        moving = int((change > _MOVING).sum())
        if moving:
            share = f"{moving} of {len(t)} rows ({moving / len(t):.1%}) changed by up to {change.max():.2g}"
            self._warn(share, tau)
        return m

    def _warn(self, what: str, tau: float | None) -> None:
        signal = "" if tau is None else f" and tau={tau:g}"
        warn_caller(
            f"AMP: {what} in the last of {_MOST_STEPS} steps at an inverse temperature of {self._beta:g}"
            f"{signal}; above 1 and at small signals means are not found by message passing",
            ConvergenceWarning,
        )

    def _log_sum(self, t: FloatArray) -> FloatArray:
        return self._exact._log_sum(t)

    @cached_property
    def _exact(self) -> Ising:
        check_enumerable(self._matrix_name, self.n_features, _ADVICE)
        return Ising(self._beta * self._couplings)

    @cached_property
    def _naive(self) -> Ising:
        return Ising(self._beta * self._couplings, denoiser="naive")

    @cached_property
    def _extremes(self) -> tuple[float, float]:
        """Least and largest eigenvalue of ``W``."""
        return mean_field.extremes_of(self._couplings)


@dataclass(frozen=True, eq=False)
class SherringtonKirkpatrick(SpinGlass):
    """The law ``exp(beta x'W x / 2) / Z`` on spins ``x`` in ``{-1, 1}^d``, ``W`` of variance ``1 / d``.

    Posterior means by message passing are right in the limit of many spins for ``beta < 1``, whatever the
    signal, and at large signals for any ``beta``; `score` is a noise-conditional score for any sampler, and
    `sample` localizes by itself.

    Parameters
    ----------
    matrix : array of shape (d, d)
        Symmetric ``W``; its diagonal has no effect.
    inverse_temperature : float
        ``beta``, at least 0.
    denoiser : {"amp", "exact", "naive", "ngd"}
        How posterior means are found: by 15 steps of message passing, or up to 100 for rows that still
        change; by a sum over all states, of at most 20 spins; by mean field; by natural gradient descent
        on `free_energy` at the limiting `overlap`, which makes means a smooth function of the fields.

    Raises
    ------
    TypeError
        If an argument, here or of a method, is not numeric.
    ValueError
        If the matrix is not symmetric, a number is out of range or not finite, a noise level is not
        positive, or a sum over all states is asked for of more than 20 spins.
    ConvergenceError
        By methods, if the iteration of "naive" or "ngd" does not end.

    Warns
    -----
    ConvergenceWarning
        By methods, if message passing does not converge, or a free energy is not convex.

    See Also
    --------
    Ising : Exact means, in few dimensions.
    Z2Synchronization : With a signal.
    overlap : What its means tend to.

    References
    ----------
    El Alaoui, Montanari & Sellke, "Sampling from the Sherrington-Kirkpatrick Gibbs measure via algorithmic
    stochastic localization", FOCS 2022.

    Examples
    --------
    >>> import numpy as np
    >>> from convexscore.targets import SherringtonKirkpatrick
    >>> W = np.sin(np.add.outer(np.arange(10), np.arange(10))) / np.sqrt(5)
    >>> y = np.cos(np.arange(10.0))
    >>> exact = SherringtonKirkpatrick(W, 0.4, denoiser="exact").denoise(y, 1.0)
    >>> amp = SherringtonKirkpatrick(W, 0.4).denoise(y, 1.0)
    >>> naive = SherringtonKirkpatrick(W, 0.4, denoiser="naive").denoise(y, 1.0)
    >>> bool(np.mean((amp - exact) ** 2) < 0.3 * np.mean((naive - exact) ** 2))
    True
    """

    matrix: FloatArray
    inverse_temperature: float
    denoiser: str = "amp"

    def __post_init__(self) -> None:
        matrix = as_couplings("matrix", self.matrix)
        denoiser = as_choice("denoiser", self.denoiser, ("amp", "exact", "naive", "ngd"))
        if denoiser == "exact":
            check_enumerable("matrix", len(matrix), _ADVICE)
        beta = as_inverse_temperature("inverse_temperature", self.inverse_temperature, matrix)
        values = {"matrix": matrix, "inverse_temperature": beta, "denoiser": denoiser}
        for name, value in values.items():
            object.__setattr__(self, name, value)
        self.freeze_arrays()

    @property
    def _couplings(self) -> FloatArray:
        return self.matrix

    @property
    def _beta(self) -> float:
        return self.inverse_temperature


def as_inverse_temperature(name: str, value: float, matrix: FloatArray) -> float:
    """Return an inverse temperature of at least 0, whose product with the couplings is not too large."""
    beta = as_real(name, value, minimum=0.0, maximum=LARGEST_TEMPERATURE)
    if beta * np.abs(matrix).max() > LARGEST:
        raise ValueError(f"{name}: expected couplings times it up to {LARGEST:g}, got {beta:g}")
    return beta


def _root_mean_square(values: FloatArray) -> FloatArray:
    return np.sqrt(np.mean(values**2, axis=1))
