"""Figure 1: score and log-density in the large-weight-decay regime, relu network without skip."""

from .common import main
from .linear_regime import draw as draw_regime


def draw(quick=False, own=None):
    """Return the figure and its numbers, of `own` data in place of ours; it is quick anyway."""
    return draw_regime("relu", quick, own)


if __name__ == "__main__":
    main(__doc__, 1)
