"""The Curie-Weiss model, exact in any dimension: equal couplings are one Gaussian variable in disguise."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ..._support.seeds import generator
from ..._support.sizes import as_size
from ..._support.validation import FloatArray, as_real
from .spins import SpinLaw, as_vector
from .states import choice, coins, log_cosh, sum_over_products

__all__ = ["CurieWeiss"]

# Beyond this distance from the outermost mean Gaussians are below rounding.
_REACH = 9.0
_SPACING = 0.5
_NODES = 256
# Nodes of the largest integral that is tried.
_MOST_NODES = 10**6


@dataclass(frozen=True, eq=False)
class CurieWeiss(SpinLaw):
    """The law ``exp(strength / d * sum_{i<j} x_i x_j + b'x) / Z`` on ``d`` spins.

    This is `Ising` with all couplings ``strength / d``.  By ``exp(s^2 / 2) = E exp(s g)``, ``g`` normal::

        Z(b) prop. to  int exp(-u^2 / 2) prod_i 2 cosh(c u + b_i) du,    c = sqrt(strength / d),

    whose integrand is a sum of Gaussians of width one: the trapezoidal rule of spacing 1/2 integrates it
    with an error of ``2 exp(-8 pi^2)``.  So means, densities and samples are exact in any dimension.

    Parameters
    ----------
    d : int
        Number of spins.
    strength : float
        At least 0; above 1 the spins of many agree.
    field : array of shape (d,), optional
        The field ``b``; by default zero.

    Raises
    ------
    TypeError
        If an argument, here or of a method, is not numeric.
    ValueError
        If a number is out of range or not finite, or a shape is wrong.

    See Also
    --------
    Ising : Any couplings.
    SherringtonKirkpatrick : Random couplings.

    Examples
    --------
    >>> import numpy as np
    >>> from convexscore.targets import CurieWeiss, Ising
    >>> fields = np.cos(np.arange(8.0))
    >>> exact = CurieWeiss(8, 0.6).posterior_mean(fields)
    >>> bool(np.abs(exact - Ising(np.full((8, 8), 0.6 / 8)).posterior_mean(fields)).max() < 1e-14)
    True
    >>> CurieWeiss(1000, 1.5).sample(2, rng=0).shape
    (2, 1000)
    """

    d: int
    strength: float
    field: FloatArray | None = None

    def __post_init__(self) -> None:
        d = as_size("d", self.d, minimum=1, each=1)
        strength = as_real("strength", self.strength, minimum=0.0)
        if 4 * math.sqrt(strength) * math.sqrt(d) > _MOST_NODES:
            raise ValueError(
                f"strength: expected at most {(_MOST_NODES / 4) ** 2 / d:g} for {d} spins, got {strength:g}"
            )
        field = as_vector("field", self.field, d)
        for name, value in (("d", d), ("strength", strength), ("field", field)):
            object.__setattr__(self, name, value)
        self.freeze_arrays()

    @property
    def n_features(self) -> int:
        """Number of spins ``d``."""
        return self.d

    def sample(self, n: int, rng: np.random.Generator | int | None = None) -> FloatArray:
        """Draw independent samples, exactly: the Gaussian variable first, then independent spins.

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
        >>> from convexscore.targets import CurieWeiss
        >>> float(abs(CurieWeiss(500, 1.5).sample(200, rng=0).mean(axis=1)).mean().round(2))
        0.86
        """
        count = as_size("n", n, each=self.d)
        source = generator(rng, "CurieWeiss.sample")
        logs, tilts = [], []
        for weights, block in self._blocks():
            logs.append(weights + log_cosh(block[:, 0][:, None] + self._own_field).sum(axis=1))
            tilts.append(block[:, 0])
        chosen = choice(np.concatenate(logs), count, source)
        return coins(np.concatenate(tilts)[chosen, None] + self._own_field, source)

    @property
    def _own_field(self) -> FloatArray:
        assert self.field is not None
        return self.field

    def _blocks(self) -> Iterator[tuple[FloatArray, FloatArray]]:
        """Yield log-weights and tilts ``c u`` of the nodes."""
        c = math.sqrt(self.strength / self.d)
        count = 2 * math.ceil((_REACH + c * self.d) / _SPACING) + 1
        # Less the energy of the diagonal, which `Ising` leaves out too.
        constant = math.log(_SPACING) - 0.5 * math.log(2 * math.pi) - 0.5 * self.strength
        for start in range(0, count, _NODES):
            nodes = _SPACING * (np.arange(start, min(start + _NODES, count), dtype=float) - count // 2)
            yield constant - 0.5 * nodes**2, np.full((self.d, len(nodes)), c * nodes).T

    def _mean(self, t: FloatArray) -> FloatArray:
        return sum_over_products(self._blocks, t)[0]

    def _log_sum(self, t: FloatArray) -> FloatArray:
        return sum_over_products(self._blocks, t)[1]
