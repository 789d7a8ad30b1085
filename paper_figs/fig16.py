"""Figure 16: the law of Langevin dynamics against the bound of Theorem 3.4."""

from .common import main
from .langevin_bound import draw

__all__ = ["draw"]

if __name__ == "__main__":
    main(__doc__, 16)
