"""Targets whose scores are known by other means: what a learned score and a sampler are measured against."""

from .gaussian_mixture import GaussianMixture
from .graphical.curie_weiss import CurieWeiss
from .graphical.ising import Ising
from .graphical.latent import LatentIsing, RestrictedBoltzmannMachine
from .graphical.sparse_coding import SparseCoding
from .graphical.spin_glass import SherringtonKirkpatrick
from .graphical.state_evolution import overlap
from .graphical.synchronization import Z2Synchronization
from .planar import Banana, moons, ring

__all__ = [
    "Banana",
    "CurieWeiss",
    "GaussianMixture",
    "Ising",
    "LatentIsing",
    "RestrictedBoltzmannMachine",
    "SherringtonKirkpatrick",
    "SparseCoding",
    "Z2Synchronization",
    "moons",
    "overlap",
    "ring",
]
