"""Figure 15: planar ReLU networks, the certified optimum against Adam."""

from .common import main
from .planar import draw

__all__ = ["draw"]

if __name__ == "__main__":
    main(__doc__, 15)
