"""From arguments to an exit code: dispatch, errors in one line, interrupts, readers that leave."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence

from ..errors import ConvergenceError, NotNormalizableError, SolverError
from .output import BAD_INPUT, FAILED, INTERRUPTED, OK
from .parser import make_parser

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Parameters
    ----------
    arguments : sequence of str, optional
        Arguments; those of the process by default.

    Returns
    -------
    int
        Exit code.

    Examples
    --------
    >>> from convexscore.cli import main
    >>> main(["fit", "missing.csv", "--beta", "1"])
    2
    """
    options = make_parser().parse_args(arguments)
    command: Callable[[argparse.Namespace], int] = options.command
    try:
        code = command(options)
        # Here, so that a reader that has gone is noticed here and not at exit.
        sys.stdout.flush()
        return code
    except (SolverError, NotNormalizableError, ConvergenceError) as error:
        return _complain(error, FAILED)
    except (ValueError, TypeError, ImportError, OSError) as error:
        if isinstance(error, BrokenPipeError):
            # The reader has seen enough (`| head`): leave quietly, and keep the exit from flushing.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return OK
        return _complain(error, BAD_INPUT)
    except MemoryError:
        return _complain("not enough memory", FAILED)
    except KeyboardInterrupt:
        return _complain("interrupted", INTERRUPTED)


def _complain(error: object, code: int) -> int:
    print(f"convexscore: {error}", file=sys.stderr)
    return code
