"""Warnings that point at the line of the user's that brought them about."""

from __future__ import annotations

import sys
import warnings
from pathlib import Path

__all__ = ["warn_caller"]

_PACKAGE = str(Path(__file__).parents[1])
_NAME = __name__.partition(".")[0] + "."


def warn_caller(message: str, category: type[Warning]) -> None:
    """Issue a warning at the innermost line outside the package."""
    level, frame = 1, sys._getframe()
    # What makes a dataclass is in no file, but has the names of its module.
    while frame.f_back is not None and (
        frame.f_code.co_filename.startswith(_PACKAGE) or frame.f_globals.get("__name__", "").startswith(_NAME)
    ):
        frame, level = frame.f_back, level + 1
    warnings.warn(message, category, stacklevel=level)
