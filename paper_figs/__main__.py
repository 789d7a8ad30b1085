"""Draw all figures, or those asked for: ``python -m paper_figs --only 3,5 --out DIR``."""

from .common import main

if __name__ == "__main__":
    main(__doc__)
