"""Figure 5: denoising score matching, ReLU without skip."""

from .common import main
from .denoising_comparison import draw as draw_comparison


def draw(quick=False, own=None):
    """Return the figure and its numbers, of `own` data in place of the source's."""
    return draw_comparison("relu", False, quick, own)


if __name__ == "__main__":
    main(__doc__, 5)
