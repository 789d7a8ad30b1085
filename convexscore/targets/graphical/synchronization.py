"""Z2 synchronization: spins seen through the noisy matrix of their products."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ..._support.validation import FloatArray, as_real
from .spin_glass import SpinGlass, as_inverse_temperature
from .spins import as_couplings

__all__ = ["Z2Synchronization"]


@dataclass(frozen=True, eq=False)
class Z2Synchronization(SpinGlass):
    """The posterior of ``s`` in ``{-1, 1}^d`` given ``A = (beta / d) s s' + W``, ``W`` of variance ``1 / d``.

    With the prior uniform it is ``exp(beta x'A x / 2) / Z``: a spin glass that has found its signal if
    ``beta > 1``.  It is the same for ``x`` and ``-x``.  Means are those of one of the two lobes, by message
    passing that starts at the top eigenvector ``v`` of ``A``, from ``beta sqrt(beta^2 - 1) sqrt(d) v``;
    `sample` localizes in that lobe and turns each sample over at random.  Up to ``beta = 1`` nothing can be
    found, and the start is zero.

    Parameters
    ----------
    observation : array of shape (d, d)
        Symmetric ``A``; its diagonal has no effect.
    strength : float
        ``beta``, positive.

    Raises
    ------
    TypeError
        If an argument, here or of a method, is not numeric.
    ValueError
        If the observation is not symmetric, a number is out of range or not finite, or a noise level is
        not positive; by `logpdf` and `log_normalizer`, with more than 20 spins.

    Warns
    -----
    ConvergenceWarning
        By methods, if message passing does not converge.

    See Also
    --------
    SherringtonKirkpatrick : Without a signal.
    overlap : What its means tend to.

    References
    ----------
    Montanari & Wu, "Posterior sampling from the spiked models via diffusion processes", 2023.

    Examples
    --------
    >>> import numpy as np
    >>> from convexscore.targets import Z2Synchronization
    >>> source = np.random.default_rng(0)
    >>> signal = np.sign(source.standard_normal(200))
    >>> noise = source.standard_normal((200, 200))
    >>> A = 2 / 200 * np.outer(signal, signal) + (noise + noise.T) / np.sqrt(400)
    >>> x = Z2Synchronization(A, 2.0).sample(20, rng=0)
    >>> bool(abs(np.abs(x @ signal).mean() / 200 - 0.92) < 0.06)
    True
    """

    observation: FloatArray
    strength: float

    denoiser = "amp"
    _matrix_name = "observation"

    def __post_init__(self) -> None:
        observation = as_couplings("observation", self.observation)
        as_real("strength", self.strength, minimum=0.0, strict=True)
        strength = as_inverse_temperature("strength", self.strength, observation)
        object.__setattr__(self, "observation", observation)
        object.__setattr__(self, "strength", strength)
        self.freeze_arrays()

    @property
    def _couplings(self) -> FloatArray:
        return self.observation

    @property
    def _beta(self) -> float:
        return self.strength

    @cached_property
    def _start(self) -> FloatArray | None:
        if self.strength <= 1:
            return None
        vector = np.linalg.eigh(self.observation)[1][:, -1]
        # Either sign would do; this one is the same on every machine.
        vector = vector * np.sign(vector[np.argmax(np.abs(vector))])
        size = self.strength * math.sqrt((self.strength - 1) * (self.strength + 1)) * math.sqrt(len(vector))
        return size * vector

    def _finished(self, x: FloatArray, source: np.random.Generator) -> FloatArray:
        return x * np.where(source.random((len(x), 1)) < 0.5, 1.0, -1.0)
