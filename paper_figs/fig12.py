"""Figure 12: denoising score matching, ReLU with skip."""

from .common import main
from .denoising_comparison import draw as draw_comparison


def draw(quick=False):
    """Return the figure and its numbers."""
    return draw_comparison("relu", True, quick)


if __name__ == "__main__":
    main(__doc__, 12)
