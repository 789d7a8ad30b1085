"""Ising models with hidden spins, of which only the visible ones are seen through noise."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike

from ..._support.seeds import generator
from ..._support.sizes import as_size
from ..._support.validation import FloatArray, as_choice, as_float_array
from .ising import DENOISERS, Ising
from .spins import SpinLaw, as_couplings, check_enumerable, check_size
from .states import (
    choice,
    coins,
    energies_of,
    log_cosh,
    sign_blocks,
    signs_of,
    sum_over_products,
    sum_over_signs,
)

__all__ = ["LatentIsing", "RestrictedBoltzmannMachine"]

# Those of `Ising` but for "tap_k", whose overlap is not for hidden spins.
_DENOISERS = tuple(name for name in DENOISERS if name != "tap_k")
_ADVICE = "denoiser='naive', 'tap' or 'amp' has posterior means without it"


@dataclass(frozen=True, eq=False)
class LatentIsing(SpinLaw):
    """The law of ``x`` where ``(x, s)`` has ``exp(x'A x / 2 + x'B s + s'C s / 2) / Z`` on signs.

    All that its methods take and return is of the visible spins ``x``; the hidden ``s`` are summed out.

    Parameters
    ----------
    visible : array of shape (d, d)
        Symmetric ``A``; its diagonal has no effect.
    cross : array of shape (d, k)
        ``B``.
    hidden : array of shape (k, k)
        Symmetric ``C``; its diagonal has no effect.
    denoiser : {"exact", "naive", "tap", "amp"}
        How posterior means are found, as for `Ising` of all ``d + k`` spins.

    Raises
    ------
    TypeError
        If an argument, here or of a method, is not numeric.
    ValueError
        If couplings are not symmetric, shapes do not fit, a number is not finite, a noise level is not
        positive, or a sum over all states is asked for of more than 20 spins.
    ConvergenceError
        By methods, if the iteration of "naive" does not end.

    Warns
    -----
    ConvergenceWarning
        By methods, as for `Ising`.

    See Also
    --------
    Ising : All spins visible.
    RestrictedBoltzmannMachine : Without couplings inside a layer.

    Examples
    --------
    >>> from convexscore.targets import LatentIsing
    >>> law = LatentIsing([[0.0, 0.3], [0.3, 0.0]], [[1.0], [1.0]], [[0.0]])
    >>> law.posterior_mean([0.5, 0.0]).round(4)
    array([0.4621, 0.3445])
    >>> law.conditional([1.0]).posterior_mean([0.5, 0.0]).round(4)
    array([0.9385, 0.8538])
    """

    visible: FloatArray
    cross: FloatArray
    hidden: FloatArray
    denoiser: str = "exact"

    def __post_init__(self) -> None:
        visible, hidden = as_couplings("visible", self.visible), as_couplings("hidden", self.hidden)
        cross = _as_cross("cross", self.cross)
        if cross.shape != (len(visible), len(hidden)):
            raise ValueError(
                f"cross: expected shape ({len(visible)}, {len(hidden)}), (visible, hidden), got {cross.shape}"
            )
        denoiser = as_choice("denoiser", self.denoiser, _DENOISERS)
        if denoiser == "exact":
            check_enumerable("cross", sum(cross.shape), _ADVICE)
        values = {"visible": visible, "cross": cross, "hidden": hidden, "denoiser": denoiser}
        for name, value in values.items():
            object.__setattr__(self, name, value)
        self.freeze_arrays()

    @property
    def n_features(self) -> int:
        """Number of visible spins ``d``."""
        return len(self.cross)

    def conditional(self, theta: ArrayLike) -> Ising:
        """Return the law of the visible spins given the hidden ones: couplings ``A``, field ``B theta``.

        Parameters
        ----------
        theta : array of shape (k,)
            Hidden spins, -1 or 1.

        Returns
        -------
        Ising
            With the same denoiser.

        Examples
        --------
        >>> from convexscore.targets import LatentIsing
        >>> LatentIsing([[0.0, 0.3], [0.3, 0.0]], [[1.0], [2.0]], [[0.0]]).conditional([-1.0]).field
        array([-1., -2.])
        """
        spins = as_float_array("theta", theta)
        if spins.shape != self.cross.shape[1:] or not (np.abs(spins) == 1).all():
            raise ValueError(
                f"theta: expected {self.cross.shape[1]} spins of -1 or 1, got shape {spins.shape} and sizes "
                f"up to {np.abs(spins).max(initial=0.0):g}"
            )
        return Ising(self.visible, self.cross @ spins, self.denoiser)

    def sample(self, n: int, rng: np.random.Generator | int | None = None) -> FloatArray:
        """Draw independent samples of the visible spins, exactly.

        Parameters
        ----------
        n : int
            How many.
        rng : Generator or seed, optional
            Source of randomness; the same seed gives the same samples.

        Returns
        -------
        ndarray of shape (n, d), of -1 and 1

        Examples
        --------
        >>> from convexscore.targets import LatentIsing
        >>> LatentIsing([[0.0, 0.3], [0.3, 0.0]], [[1.0], [1.0]], [[0.0]]).sample(3, rng=0).shape
        (3, 2)
        """
        count = as_size("n", n, each=sum(self.cross.shape))
        source = generator(rng, "LatentIsing.sample")
        return np.ascontiguousarray(self._joint.sample(count, source)[:, : self.n_features])

    @cached_property
    def _joint(self) -> Ising:
        """The law of all spins."""
        return Ising(_joined(self.visible, self.cross, self.hidden), denoiser=self.denoiser)

    def _mean(self, t: FloatArray) -> FloatArray:
        return _visible_mean(self._joint, t)

    def _log_sum(self, t: FloatArray) -> FloatArray:
        return self._joint._log_sum(_with_hidden(t, self._joint))


@dataclass(frozen=True, eq=False)
class RestrictedBoltzmannMachine(SpinLaw):
    """The law of ``x`` where ``(x, s)`` has ``exp(x'B s) / Z`` on signs: no couplings within a layer.

    Given one layer the spins of the other are independent, so that the states of the smaller layer alone
    are summed: ``Z(h) = sum_x exp(h'x) prod_j 2 cosh((B'x)_j) = sum_s prod_i 2 cosh((B s)_i + h_i)``.

    Parameters
    ----------
    couplings : array of shape (d, k)
        ``B``, of visible with hidden spins.
    denoiser : {"exact", "naive", "tap", "amp"}
        How posterior means are found.  "exact" takes one layer of at most 20 spins; the others are those
        of `Ising` of all ``d + k`` spins.

    Raises
    ------
    TypeError
        If an argument, here or of a method, is not numeric.
    ValueError
        If a shape is wrong, a number is not finite, a noise level is not positive, or a sum over all states
        is asked for of two layers of more than 20 spins.
    ConvergenceError
        By methods, if the iteration of "naive" does not end.

    Warns
    -----
    ConvergenceWarning
        By methods, as for `Ising`.

    See Also
    --------
    LatentIsing : With couplings inside the layers.

    Examples
    --------
    >>> import numpy as np
    >>> from convexscore.targets import RestrictedBoltzmannMachine
    >>> law = RestrictedBoltzmannMachine(np.full((200, 2), 0.05))
    >>> law.posterior_mean(np.full(200, 0.1))[:2].round(4)
    array([0.1852, 0.1852])
    """

    couplings: FloatArray
    denoiser: str = "exact"

    def __post_init__(self) -> None:
        couplings = _as_cross("couplings", self.couplings)
        denoiser = as_choice("denoiser", self.denoiser, _DENOISERS)
        if denoiser == "exact":
            check_enumerable("couplings", min(couplings.shape), _ADVICE)
        object.__setattr__(self, "couplings", couplings)
        object.__setattr__(self, "denoiser", denoiser)
        self.freeze_arrays()

    @property
    def n_features(self) -> int:
        """Number of visible spins ``d``."""
        return len(self.couplings)

    def sample(self, n: int, rng: np.random.Generator | int | None = None) -> FloatArray:
        """Draw independent samples of the visible spins, exactly, the smaller layer first.

        Parameters
        ----------
        n : int
            How many.
        rng : Generator or seed, optional
            Source of randomness; the same seed gives the same samples.

        Returns
        -------
        ndarray of shape (n, d), of -1 and 1

        Examples
        --------
        >>> from convexscore.targets import RestrictedBoltzmannMachine
        >>> RestrictedBoltzmannMachine([[1.0], [1.0], [1.0]]).sample(4, rng=0).shape
        (4, 3)
        """
        count = as_size("n", n, each=self.n_features)
        source = generator(rng, "RestrictedBoltzmannMachine.sample")
        check_enumerable("couplings", min(self.couplings.shape), _ADVICE)
        if self._sums_visible:
            return signs_of(choice(self._visible_energies, count, source), self.n_features)
        hidden = signs_of(choice(_energies(self.couplings.T), count, source), self.couplings.shape[1])
        return coins(hidden @ self.couplings.T, source)

    @property
    def _sums_visible(self) -> bool:
        return self.couplings.shape[0] <= self.couplings.shape[1]

    @cached_property
    def _joint(self) -> Ising:
        """The law of all spins, for the variational denoisers."""
        d, k = self.couplings.shape
        matrix = _joined(np.zeros((d, d)), self.couplings, np.zeros((k, k)))
        return Ising(matrix, denoiser=self.denoiser)

    def _exact(self, t: FloatArray) -> tuple[FloatArray, FloatArray]:
        check_enumerable("couplings", min(self.couplings.shape), _ADVICE)
        if self._sums_visible:
            return sum_over_signs(self._visible_energies, t)
        return sum_over_products(self._products, t)

    @cached_property
    def _visible_energies(self) -> FloatArray:
        return _energies(self.couplings)

    def _products(self) -> Iterator[tuple[FloatArray, FloatArray]]:
        for place, s in sign_blocks(self.couplings.shape[1]):
            yield np.zeros(place.stop - place.start), s @ self.couplings.T

    def _mean(self, t: FloatArray) -> FloatArray:
        return self._exact(t)[0] if self.denoiser == "exact" else _visible_mean(self._joint, t)

    def _log_sum(self, t: FloatArray) -> FloatArray:
        return self._exact(t)[1]


def _as_cross(name: str, values: ArrayLike) -> FloatArray:
    couplings = as_float_array(name, values)
    if couplings.ndim != 2 or not couplings.size:
        raise ValueError(f"{name}: expected shape (visible, hidden), got {couplings.shape}")
    check_size(name, couplings)
    return couplings


def _joined(visible: FloatArray, cross: FloatArray, hidden: FloatArray) -> FloatArray:
    return np.block([[visible, cross], [cross.T, hidden]])


def _with_hidden(t: FloatArray, joint: Ising) -> FloatArray:
    """Return fields of the visible spins as fields of all, zero for the hidden ones."""
    return np.pad(t, ((0, 0), (0, joint.n_features - t.shape[1])))


def _visible_mean(joint: Ising, t: FloatArray) -> FloatArray:
    """Return the means of the visible spins by the law of all."""
    return joint._mean(_with_hidden(t, joint))[:, : t.shape[1]]


def _energies(couplings: FloatArray) -> FloatArray:
    """Return ``sum_j log 2 cosh((B'x)_j)`` of all states ``x`` of the rows' layer."""
    return energies_of(lambda x: log_cosh(x @ couplings).sum(axis=1), len(couplings))
