"""Ising models: any couplings and fields, exact or variational denoisers, exact and Glauber's samples."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ..._support.seeds import generator
from ..._support.sizes import as_size
from ..._support.validation import FloatArray, as_choice, as_real
from . import mean_field
from .spins import SpinLaw, as_couplings, as_vector, check_enumerable
from .states import choice, coins, energies_of, signs_of, sum_over_signs

__all__ = ["Ising"]

DENOISERS = ("exact", "naive", "tap_k", "tap", "amp")
_ADVICE = (
    "denoiser='naive', 'tap' or 'amp' has posterior means without it, and `glauber` samples (of many "
    "equal couplings `CurieWeiss` is exact)"
)


@dataclass(frozen=True, eq=False)
class Ising(SpinLaw):
    """The law ``exp(x'A x / 2 + b'x) / Z`` on ``{-1, 1}^d``, and what Gaussian noise makes of it.

    ``ising.score`` is a noise-conditional score for any sampler; reverse diffusions of spins take the rule
    ``"ancestral"``, which is exact in the denoiser.

    Parameters
    ----------
    couplings : array of shape (d, d)
        Symmetric ``A``; its diagonal has no effect.
    field : array of shape (d,), optional
        The field ``b``; by default zero.
    denoiser : {"exact", "naive", "tap_k", "tap", "amp"}
        How posterior means are found.  "exact" sums over all states, of at most 20 spins.  "naive" is mean
        field, whose error falls like ``1 / d^2`` for many weak couplings of one sign and does not fall for
        those of random signs; "tap" has Onsager's correction, which such couplings need; "amp" is 50 steps
        of message passing to the same fixed point; "tap_k" has the correction at one `overlap` for all.
    overlap : float, optional
        For "tap_k" the mean square ``q`` of the means, from 0 to 1; by default found from the batch, so that
        a row's mean depends on the others.

    Raises
    ------
    TypeError
        If an argument, here or of a method, is not numeric.
    ValueError
        If the couplings are not symmetric, a shape is wrong, a number is not finite, a noise level is not
        positive, or a sum over all states is asked for of more than 20 spins.
    ConvergenceError
        By methods, if the iteration of "naive" or "tap_k" does not end.

    Warns
    -----
    ConvergenceWarning
        By methods, if the free energy of a variational denoiser is not convex, or if rows of "tap" or "amp"
        do not converge; the message has their share.

    See Also
    --------
    CurieWeiss : Equal couplings, exact in any dimension.
    LatentIsing : Some spins hidden.
    SherringtonKirkpatrick : Random couplings.

    Notes
    -----
    A variational denoiser's score is not the score of any density near `logpdf`, which stays exact.

    References
    ----------
    Mei & Wu, "Deep networks as denoising algorithms: sample-efficient learning of diffusion models in
    high-dimensional graphical models", 2023.

    Examples
    --------
    >>> import numpy as np, convexscore as cs
    >>> couplings = np.array([[0.0, 0.4, -0.3], [0.4, 0.0, 0.2], [-0.3, 0.2, 0.0]])
    >>> ising = cs.targets.Ising(couplings)
    >>> ising.posterior_mean([0.5, -0.2, 0.1]).round(6)
    array([ 0.390609, -0.035692, -0.024029])
    >>> cs.targets.Ising(couplings, denoiser="tap").posterior_mean([0.5, -0.2, 0.1]).round(6)
    array([ 0.37474 , -0.045804, -0.019315])
    >>> sigmas = cs.samplers.sigma_grid(20.0, 0.3, 40)
    >>> y = cs.samplers.reverse(ising.score, sigmas, n=4000, d=3, rng=0, rule="ancestral", denoise=True)
    >>> bool(abs((np.sign(y[:, 0]) == np.sign(y[:, 1])).mean() - 0.66) < 0.04)
    True
    """

    couplings: FloatArray
    field: FloatArray | None = None
    denoiser: str = "exact"
    overlap: float | None = None

    def __post_init__(self) -> None:
        couplings = as_couplings("couplings", self.couplings)
        denoiser = as_choice("denoiser", self.denoiser, DENOISERS)
        if denoiser == "exact":
            check_enumerable("couplings", len(couplings), _ADVICE)
        overlap = self.overlap
        if overlap is not None:
            overlap = as_real("overlap", overlap, minimum=0.0, maximum=1.0)
            if denoiser != "tap_k":
                raise ValueError(f"overlap: expected None for the denoiser {denoiser!r}, got {overlap:g}")
        field = as_vector("field", self.field, len(couplings))
        values = {"couplings": couplings, "field": field, "denoiser": denoiser, "overlap": overlap}
        for name, value in values.items():
            object.__setattr__(self, name, value)
        self.freeze_arrays()

    @property
    def n_features(self) -> int:
        """Number of spins ``d``."""
        return len(self.couplings)

    def sample(self, n: int, rng: np.random.Generator | int | None = None) -> FloatArray:
        """Draw independent samples, exactly, by a choice among all states.

        Parameters
        ----------
        n : int
            How many.
        rng : Generator or seed, optional
            Source of randomness; the same seed gives the same samples.

        Returns
        -------
        ndarray of shape (n, d), of -1 and 1

        Raises
        ------
        ValueError
            If there are more than 20 spins.

        Examples
        --------
        >>> import numpy as np
        >>> from convexscore.targets import Ising
        >>> x = Ising([[0.0, 1.0], [1.0, 0.0]]).sample(4000, rng=0)
        >>> bool(abs(x.prod(axis=1).mean() - np.tanh(1.0)) < 0.05)
        True
        """
        count = as_size("n", n, each=self.n_features)
        source = generator(rng, "Ising.sample")
        logs = self._energies + energies_of(lambda x: x @ self._own_field, self.n_features)
        return signs_of(choice(logs, count, source), self.n_features)

    def glauber(
        self, n_samples: int, n_sweeps: int, rng: np.random.Generator | int | None = None
    ) -> FloatArray:
        """Run Glauber's dynamics: chains from fair coins, each spin drawn anew given the others in turn.

        Parameters
        ----------
        n_samples : int
            Number of chains, independent of each other.
        n_sweeps : int
            Sweeps over all spins.  How many are enough is not known to the method: at strong couplings chains
            keep to one lobe for times exponential in ``d``.
        rng : Generator or seed, optional
            Source of randomness; the same seed gives the same samples.

        Returns
        -------
        ndarray of shape (n_samples, d), of -1 and 1

        Examples
        --------
        >>> import numpy as np
        >>> from convexscore.targets import Ising
        >>> x = Ising([[0.0, 1.0], [1.0, 0.0]]).glauber(4000, 20, rng=0)
        >>> bool(abs(x.prod(axis=1).mean() - np.tanh(1.0)) < 0.05)
        True
        """
        d = self.n_features
        count, sweeps = as_size("n_samples", n_samples, each=d), as_size("n_sweeps", n_sweeps)
        source = generator(rng, "Ising.glauber")
        x = coins(np.zeros((count, d)), source)
        for _ in range(sweeps):
            for i in range(d):
                x[:, i] = coins(x @ self.couplings[i] + self._own_field[i], source)
        return x

    @property
    def _own_field(self) -> FloatArray:
        assert self.field is not None
        return self.field

    def _mean(self, t: FloatArray) -> FloatArray:
        if self.denoiser == "exact":
            return sum_over_signs(self._energies, t)[0]
        if self.denoiser == "naive":
            mean_field.warn_if_not_convex(self._extremes[1])
            return mean_field.mirror(self.couplings, t, self._extremes)
        if self.denoiser == "tap_k":
            return self._corrected(t)
        mean_field.warn_if_not_convex(self._corrected_extreme)
        return (mean_field.tap if self.denoiser == "tap" else mean_field.amp)(self.couplings, t)

    def _corrected(self, t: FloatArray) -> FloatArray:
        q = mean_field.iterated_overlap(self.couplings, t) if self.overlap is None else self.overlap
        G = self.couplings - np.diag(mean_field.correction(self.couplings) * (1 - q))
        extremes = mean_field.extremes_of(G)
        mean_field.warn_if_not_convex(extremes[1])
        return mean_field.mirror(G, t, extremes)

    def _log_sum(self, t: FloatArray) -> FloatArray:
        return sum_over_signs(self._energies, t)[1]

    @cached_property
    def _energies(self) -> FloatArray:
        """``x'A x / 2`` of all states, shape (2^d,)."""
        check_enumerable("couplings", self.n_features, _ADVICE)
        return energies_of(lambda x: 0.5 * ((x @ self.couplings) * x).sum(axis=1), self.n_features)

    @cached_property
    def _extremes(self) -> tuple[float, float]:
        return mean_field.extremes_of(self.couplings)

    @cached_property
    def _corrected_extreme(self) -> float:
        """Largest eigenvalue of the couplings with Onsager's correction where it is largest, at ``m = 0``."""
        G = self.couplings - np.diag(mean_field.correction(self.couplings))
        return mean_field.extremes_of(G)[1]
