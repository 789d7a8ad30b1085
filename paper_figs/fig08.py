"""Figure 8: score matching, abs without skip, standard Gaussian data."""

from .adam_comparison import Setting
from .adam_comparison import draw as draw_comparison
from .common import main
from .laws import Gaussians


def draw(quick=False, own=None):
    """Return the figure and its numbers, of `own` data in place of the source's."""
    return draw_comparison(
        Setting(Gaussians(), "standard Gaussian", "abs", share=0.3, apart=True), quick, own
    )


if __name__ == "__main__":
    main(__doc__, 8)
