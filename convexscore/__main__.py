"""``python -m convexscore``."""

from .cli import main

raise SystemExit(main())
