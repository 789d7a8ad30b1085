"""Figure 9: score matching, ReLU with skip, standard Gaussian data."""

from .adam_comparison import Setting
from .adam_comparison import draw as draw_comparison
from .common import main
from .laws import Gaussians


def draw(quick=False):
    """Return the figure and its numbers."""
    return draw_comparison(Setting(Gaussians(), "standard Gaussian", skip=True, share=0.6), quick)


if __name__ == "__main__":
    main(__doc__, 9)
