"""Grids of noise levels for annealing and reverse diffusion."""

from __future__ import annotations

import math

import numpy as np

from .._support.sizes import as_size
from .._support.validation import FloatArray, as_choice, as_real

__all__ = ["sigma_grid"]


def sigma_grid(sigma_max: float, sigma_min: float, n_levels: int, kind: str = "log") -> FloatArray:
    """Return strictly decreasing noise levels from `sigma_max` to `sigma_min`.

    ============  ==============================================================================
    kind          equally spaced in
    ============  ==============================================================================
    log           ``log sigma``: steps of OU time shrink in proportion near the data
    linear        ``sigma``
    ou-uniform    the time ``t = log(1 + sigma^2) / 2`` of the Ornstein-Uhlenbeck process
    ============  ==============================================================================

    Parameters
    ----------
    sigma_max : float
        First level, in the units of the data; large against them, so that noise is all there is.
    sigma_min : float
        Last level, below `sigma_max`; positive for "log", at least 0 for the others.
    n_levels : int
        Number of levels, at least 2.
    kind : {"log", "linear", "ou-uniform"}
        Spacing.

    Returns
    -------
    ndarray of shape (n_levels,)

    Raises
    ------
    ValueError
        If an argument is out of range.

    See Also
    --------
    reverse : Takes such levels.
    annealed_langevin : Takes such levels.

    Examples
    --------
    >>> from convexscore.samplers import sigma_grid
    >>> sigma_grid(8.0, 1.0, 4)
    array([8., 4., 2., 1.])
    >>> sigma_grid(3.0, 0.0, 4, kind="linear")
    array([3., 2., 1., 0.])
    """
    kind = as_choice("kind", kind, ("log", "linear", "ou-uniform"))
    least = as_real("sigma_min", sigma_min, minimum=0.0, strict=kind == "log")
    most = as_real("sigma_max", sigma_max)
    if most <= least:
        raise ValueError(f"sigma_max: expected a number above sigma_min, {least:g}, got {most:g}")
    count = as_size("n_levels", n_levels, minimum=2, each=1)
    if kind == "log":
        # The ends of what floats hold may be rounded beyond it; they are set below.
        with np.errstate(over="ignore"):
            levels = np.geomspace(most, least, count)
    elif kind == "linear":
        levels = np.linspace(most, least, count)
    else:
        times = np.linspace(_time(most), _time(least), count)
        levels = np.exp(times) * np.sqrt(-np.expm1(-2 * times))
    # The ends as given, not as the logarithm rounds them: a table of networks is looked up at them.
    levels[0], levels[-1] = most, least
    if not (np.diff(levels) < 0).all():
        raise ValueError(
            f"n_levels: expected fewer levels than floats from {most:g} to {least:g}, got {count}"
        )
    return levels


def _time(sigma: float) -> float:
    """Return ``log(1 + sigma^2) / 2``."""
    if sigma > 1:
        return math.log(sigma) + 0.5 * math.log1p((1 / sigma) ** 2)
    return 0.5 * math.log1p(sigma**2)
