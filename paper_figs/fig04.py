"""Figure 4: score matching, ReLU without skip, two separated Gaussians."""

from .adam_comparison import Setting
from .adam_comparison import draw as draw_comparison
from .common import main
from .laws import Gaussians


def draw(quick=False, own=None):
    """Return the figure and its numbers, of `own` data in place of the source's."""
    return draw_comparison(
        Setting(Gaussians((-3.0, 3.0)), "Gaussians at -3 and 3", share=0.03, follows=True), quick, own
    )


if __name__ == "__main__":
    main(__doc__, 4)
