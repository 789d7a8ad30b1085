"""From arguments to an exit code: dispatch, errors in one line, signals, readers that leave."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress

from .._support.process import ending_on_signals
from ..errors import ConvergenceError, NotNormalizableError, SolverError
from .output import BAD_INPUT, FAILED, INTERRUPTED, OK
from .parser import make_parser

__all__ = ["main", "run"]


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

    Raises
    ------
    SystemExit
        With code 0 after help and version, 2 after arguments that cannot be parsed, and 143 (129) if
        SIGTERM (SIGHUP) comes meanwhile.

    Examples
    --------
    >>> from convexscore.cli import main
    >>> main(["fit", "missing.csv", "--beta", "1"])
    2
    """
    return run(make_parser(), arguments)


def run(parser: argparse.ArgumentParser, arguments: Sequence[str] | None = None) -> int:
    """Run the function `command` of what `parser` makes of the arguments, as `main` does."""
    if sys.stdout is None or sys.stdout.closed:
        return _complain("standard output: expected an open stream, got a closed one", BAD_INPUT)
    try:
        with ending_on_signals():
            code = _run(parser, arguments)
    except SystemExit as stop:
        if failed := _finish():
            raise SystemExit(failed) from None
        raise stop
    return _finish() or code


def _run(parser: argparse.ArgumentParser, arguments: Sequence[str] | None) -> int:
    try:
        options = parser.parse_args(arguments)
        command: Callable[[argparse.Namespace], int] = options.command
        return command(options)
    except (SolverError, NotNormalizableError, ConvergenceError) as error:
        return _complain(error, FAILED)
    except BrokenPipeError:
        # The reader has seen enough (`| head`): leave quietly.
        return OK
    except (ValueError, TypeError, ImportError, OSError) as error:
        return _complain(error, BAD_INPUT)
    except MemoryError:
        return _complain("not enough memory", FAILED)
    except KeyboardInterrupt:
        return _complain("interrupted", INTERRUPTED)
    except Exception as error:
        if os.environ.get("CONVEXSCORE_TRACEBACK"):
            raise
        hint = "set CONVEXSCORE_TRACEBACK=1 to see where"
        return _complain(f"unexpected {type(error).__name__}: {error} ({hint})", FAILED)


def _finish() -> int:
    """Write what is left to standard output here, not at exit; return a code if that fails."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        _abandon_output()
    except OSError as error:
        _abandon_output()
        return _complain(f"standard output: {error}", BAD_INPUT)
    return OK


def _abandon_output() -> None:
    """Keep the exit from flushing once more."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _complain(error: object, code: int) -> int:
    # print(file=None) would be standard output.
    if sys.stderr is not None:
        with suppress(OSError, ValueError):
            print("convexscore:", " ".join(str(error).splitlines()), file=sys.stderr)
    return code
