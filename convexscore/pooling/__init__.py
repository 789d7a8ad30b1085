"""Pooled scores: many members, each with its certificate, weighted by held-out likelihood."""

from .members import PooledMember
from .pooled_score import PooledScore

__all__ = ["PooledMember", "PooledScore"]
