"""Figures: each function draws on given axes (or the current ones) and returns them."""

from .density import plot_density
from .fit import plot_fit
from .score import plot_score

__all__ = ["plot_density", "plot_fit", "plot_score"]
