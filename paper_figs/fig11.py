"""Figure 11: denoising score matching, abs without skip."""

from .common import main
from .denoising_comparison import draw as draw_comparison


def draw(quick=False):
    """Return the figure and its numbers."""
    return draw_comparison("abs", False, quick)


if __name__ == "__main__":
    main(__doc__, 11)
