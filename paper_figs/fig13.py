"""Figure 13: denoising score matching, abs with skip."""

from .common import main
from .denoising_comparison import draw as draw_comparison


def draw(quick=False):
    """Return the figure and its numbers."""
    return draw_comparison("abs", True, quick)


if __name__ == "__main__":
    main(__doc__, 13)
