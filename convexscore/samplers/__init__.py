"""Samplers: each takes any score callable and moves many chains at once.

Two things make a score faster, where it has them: a method ``at_level(sigma)`` that returns the score at one
noise level (or None), as `NoiseConditionalScore` has; and an attribute ``piecewise``, a `PiecewiseLinear` of
the same values, as networks of one feature have.

A score may have limits, ``(low, high)`` or one such pair a feature, by a method ``support()`` as laws have
it: `langevin`, `mala` and `underdamped` keep to them, or to those that they are given; the others refuse such
a score.
"""

from .adjusted import mala
from .kinetic import underdamped
from .localization import joint, sequential
from .noise_levels import sigma_grid
from .overdamped import annealed_langevin, langevin
from .reverse_diffusion import reverse

__all__ = [
    "annealed_langevin",
    "joint",
    "langevin",
    "mala",
    "reverse",
    "sequential",
    "sigma_grid",
    "underdamped",
]
