"""State evolution of message passing: the overlap that spins and their mean settle at."""

from __future__ import annotations

import math

import numpy as np

from ..._support.caller import warn_caller
from ..._support.validation import as_real
from ...errors import ConvergenceWarning

__all__ = ["LARGEST_TEMPERATURE", "overlap"]

#: Inverse temperatures up to this have squares with room for sums.
LARGEST_TEMPERATURE = 1e50
# The trapezoidal rule for the normal law: its tails beyond ten are below rounding, and at large signals a
# Gauss-Hermite rule of as many digits is hard to come by.
_NODES = np.linspace(-10.0, 10.0, 2001)
_WEIGHTS = np.exp(-0.5 * _NODES**2) * (_NODES[1] - _NODES[0]) / math.sqrt(2 * math.pi)
_MOST_STEPS, _TOLERANCE = 2000, 1e-13
_NODES.setflags(write=False)
_WEIGHTS.setflags(write=False)


def overlap(inverse_temperature: float, tau: float) -> float:
    """Return the overlap ``q*`` of the Sherrington-Kirkpatrick model under a field of strength `tau`.

    It is the largest solution of ``q = E tanh^2(g + sqrt(g) N)``, ``g = beta^2 q + tau``, ``N`` normal: in
    large systems the mean square of the posterior means, and their mean product with the spins, for fields
    ``tau x + sqrt(tau) xi`` (noise level ``sigma = tau^(-1/2)``).  With ``tau = 0`` it is the overlap of
    `Z2Synchronization` with its signal.

    Parameters
    ----------
    inverse_temperature : float
        ``beta``, at least 0.
    tau : float
        Signal to noise ratio ``1 / sigma^2``, at least 0.

    Returns
    -------
    float
        From 0 to 1; zero without a field up to ``beta = 1``.

    Raises
    ------
    TypeError, ValueError
        If an argument is not a number, or out of range.

    Warns
    -----
    ConvergenceWarning
        If 2000 steps from ``q = 1`` do not settle, as at ``beta = 1`` without a field.

    See Also
    --------
    SherringtonKirkpatrick : The system in many dimensions.
    Z2Synchronization : The same with a signal.

    References
    ----------
    El Alaoui, Montanari & Sellke, "Sampling from the Sherrington-Kirkpatrick Gibbs measure via algorithmic
    stochastic localization", FOCS 2022.

    Examples
    --------
    >>> from convexscore.targets import overlap
    >>> round(overlap(0.5, 1.0), 8), overlap(0.9, 0.0), round(overlap(2.0, 0.0), 8)
    (0.59463856, 0.0, 0.91651101)
    """
    beta = as_real("inverse_temperature", inverse_temperature, minimum=0.0, maximum=LARGEST_TEMPERATURE)
    signal = as_real("tau", tau, minimum=0.0, maximum=LARGEST_TEMPERATURE)
    if signal == 0 and beta < 1:
        # E tanh^2 is at most g, and so the map less than q.
        return 0.0
    q = 1.0
    for _ in range(_MOST_STEPS):
        before, g = q, beta**2 * q + signal
        q = min(1.0, float(_WEIGHTS @ np.tanh(g + math.sqrt(g) * _NODES) ** 2))
        if abs(q - before) <= _TOLERANCE:
            return q
    warn_caller(
        f"overlap: did not settle in {_MOST_STEPS} steps at an inverse temperature of {beta:g} and "
        f"tau={signal:g}; the last is {q:.4g}, above the limit and still falling by {before - q:.1e}",
        ConvergenceWarning,
    )
    return q
