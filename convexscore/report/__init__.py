"""A page of HTML that shows what was trained: `convexscore.report`, and what it is made of."""

from .door import report

__all__ = ["report"]
