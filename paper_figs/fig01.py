"""Figure 1: score and log-density in the large-weight-decay regime, relu network without skip."""

from .common import main
from .linear_regime import draw as draw_regime


def draw(quick=False):
    """Return the figure and its numbers; it is quick anyway."""
    return draw_regime("relu", quick)


if __name__ == "__main__":
    main(__doc__, 1)
