"""Figure 6: convex scores of one Gaussian and of separated clusters."""

from .common import main
from .kinks import draw

__all__ = ["draw"]

if __name__ == "__main__":
    main(__doc__, 6)
