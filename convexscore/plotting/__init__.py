"""Figures: each function draws on given axes (or the current ones) and returns them.

Matplotlib is imported when something is drawn.
"""

from .certificate import plot_certificate
from .density import plot_density
from .display import ScoreDisplay
from .field import plot_field
from .fit import plot_fit
from .path import plot_path
from .samples import plot_samples
from .score import plot_score
from .training import plot_training

__all__ = [
    "ScoreDisplay",
    "plot_certificate",
    "plot_density",
    "plot_field",
    "plot_fit",
    "plot_path",
    "plot_samples",
    "plot_score",
    "plot_training",
]
