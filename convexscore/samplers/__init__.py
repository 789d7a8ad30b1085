"""Samplers: each takes any score callable and moves many chains at once."""

from .langevin import annealed_langevin, langevin

__all__ = ["annealed_langevin", "langevin"]
