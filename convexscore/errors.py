"""Exceptions and warnings raised by convexscore.

Bad arguments raise :class:`ValueError` or :class:`TypeError` with the argument's name, what was
expected and what came.  The classes below are for the failures that are the package's own.
"""

from __future__ import annotations

__all__ = [
    "ConvergenceError",
    "ConvergenceWarning",
    "NotNormalizableError",
    "SolverError",
    "UnboundedError",
]


class UnboundedError(ValueError):
    """The training objective has no minimum: the weight decay is below its boundedness bound."""


class SolverError(RuntimeError):
    """A solver stopped without a usable solution; the message carries its status."""


class NotNormalizableError(ValueError):
    """The score is not the score of a probability density; the message says which tail fails."""


class ConvergenceError(RuntimeError):
    """An iteration that must converge, or must stay finite, did not."""


class ConvergenceWarning(UserWarning):
    """A returned solution's certificate misses the tolerance asked for."""
