"""Figure 4: score matching, ReLU without skip, two separated Gaussians."""

from .adam_comparison import Setting
from .adam_comparison import draw as draw_comparison
from .common import main
from .laws import Gaussians


def draw(quick=False):
    """Return the figure and its numbers."""
    return draw_comparison(Setting(Gaussians((-3.0, 3.0)), "two Gaussians at -3 and 3", share=0.03), quick)


if __name__ == "__main__":
    main(__doc__, 4)
