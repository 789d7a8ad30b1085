"""``python -m convexscore``, and the script of that name."""

import sys

__all__ = ["run"]


def run() -> int:
    """Run the command line as a process; an interrupt ends it with code 130, during the imports too."""
    try:
        from ._support.process import open_streams
        from .cli import main

        open_streams()
        return main()
    except KeyboardInterrupt:
        print("convexscore: interrupted", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(run())
