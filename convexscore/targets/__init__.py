"""Targets whose scores are known by other means: what a learned score and a sampler are measured against."""

from .gaussian_mixture import GaussianMixture
from .planar import Banana, moons, ring

__all__ = ["Banana", "GaussianMixture", "moons", "ring"]
