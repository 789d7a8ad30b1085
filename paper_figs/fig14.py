"""Figure 14: the exact regularization path."""

from .common import main
from .whole_path import draw

__all__ = ["draw"]

if __name__ == "__main__":
    main(__doc__, 14)
