"""Exceptions and warnings raised by convexscore.

Bad arguments raise :class:`ValueError` or :class:`TypeError` with the argument's name, what was
expected and what came.  The classes below are for the failures that are the package's own.
"""

from __future__ import annotations

from math import inf, ldexp
from typing import Any, Self

__all__ = [
    "ConvergenceError",
    "ConvergenceWarning",
    "NotNormalizableError",
    "SolverError",
    "UnboundedError",
    "WeightDecayError",
]


class _DecayNamingError(Exception):
    """Errors whose messages name weight decays, which mean something in the units of the data only.

    Parameters
    ----------
    message : str
        With a field in braces for every weight decay, if there are any.
    **decays : float
        These.
    """

    def __init__(self, message: str, **decays: float) -> None:
        super().__init__(message.format(**decays) if decays else message)
        self.message, self.decays = message, decays

    def scaled(self, exponent: int, **others: float) -> Self:
        """Return the error with its weight decays, but for those given, times a power of two."""
        scaled = {name: _times_power(beta, exponent) for name, beta in self.decays.items()}
        return type(self)(self.message, **scaled | others)

    def __reduce__(self) -> tuple[Any, ...]:
        return _remade, (type(self), self.message, self.decays)


def _times_power(beta: float, exponent: int) -> float:
    try:
        return ldexp(beta, exponent)
    except OverflowError:
        return inf


def _remade(kind: type[_DecayNamingError], message: str, decays: dict[str, float]) -> _DecayNamingError:
    return kind(message, **decays)


class WeightDecayError(_DecayNamingError, ValueError):
    """The weight decay is out of a range that the message names."""


class UnboundedError(WeightDecayError):
    """The training objective has no minimum: the weight decay is below its boundedness bound.

    See Also
    --------
    beta_bounds : Gives the bound.
    """


class SolverError(_DecayNamingError, RuntimeError):
    """A solver stopped without a usable solution; the message carries its status.

    See Also
    --------
    UnboundedError : Where there is no solution to be found.
    """


class NotNormalizableError(ValueError):
    """The score is not the score of a probability density; the message says which tail fails.

    See Also
    --------
    ScoreDensity : Raises it.
    solve : Finds the best score that has a density, with ``tails="integrable"``.
    """


class ConvergenceError(RuntimeError):
    """An iteration that must converge, or must stay finite, did not.

    See Also
    --------
    ConvergenceWarning : Where there still is something to return.
    """


class ConvergenceWarning(UserWarning):
    """A returned solution's certificate misses the tolerance asked for.

    See Also
    --------
    Certificate : Has the gap and the violation that the warning is about.
    ConvergenceError : Where there is nothing to return.
    """
