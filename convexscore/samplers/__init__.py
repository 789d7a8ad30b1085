"""Samplers: each takes any score callable and moves many chains at once."""

from .adjusted import mala
from .langevin import annealed_langevin, langevin
from .noise_levels import sigma_grid
from .reverse import reverse
from .sequential import sequential
from .underdamped import underdamped

__all__ = ["annealed_langevin", "langevin", "mala", "reverse", "sequential", "sigma_grid", "underdamped"]
