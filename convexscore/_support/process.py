"""Signals and streams of a process that runs the command line."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any

__all__ = ["ending_on_signals", "open_streams", "quiet_interrupts"]

_INTERRUPTED = 130


@contextmanager
def ending_on_signals() -> Iterator[None]:
    """Let SIGTERM and SIGHUP raise SystemExit(128 + signal) inside, so that temporary files are deleted.

    Handlers that somebody else has set stay, and so does everything outside of the main thread.
    """
    before: dict[int, Any] = {}

    def stop(number: int, frame: FrameType | None) -> None:
        # Once is enough: a second one is not to stop the tidying up.
        for other in before:
            signal.signal(other, signal.SIG_IGN)
        raise SystemExit(128 + number)

    if threading.current_thread() is threading.main_thread():
        known = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
        if signal.getsignal(signal.SIGINT) is _end_now:
            # The imports are over: from here on there is something to tidy up.
            signal.signal(signal.SIGINT, signal.default_int_handler)
        before = {number: signal.SIG_DFL for number in known if signal.getsignal(number) is signal.SIG_DFL}
    try:
        for number in before:
            signal.signal(number, stop)
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def quiet_interrupts() -> None:
    """Where the process is the command line, let an interrupt end it with code 130 and no traceback.

    Most of a short command's time goes into imports, before the command can catch anything itself, and
    some of what is imported loses a KeyboardInterrupt; so it ends there at once.
    """
    if not _is_command():
        return
    otherwise = sys.excepthook

    def hook(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if not issubclass(kind, KeyboardInterrupt):
            return otherwise(kind, error, trace)
        return _end_now()

    sys.excepthook = hook
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _end_now)


def _end_now(*_: object) -> None:
    with suppress(OSError):
        os.write(2, b"convexscore: interrupted\n")
    os._exit(_INTERRUPTED)


def _is_command() -> bool:
    """Whether this is ``python -m convexscore``, whose package is being imported, or the installed script."""
    name = (getattr(sys, "argv", None) or [""])[0]
    if name == "-m":
        return any(word in ("convexscore", "-mconvexscore") for word in sys.orig_argv)
    return Path(name).stem == "convexscore"


def open_streams() -> None:
    """Put the null device in the place of closed streams, so that no file that is opened gets their number.

    Characters that the terminal's encoding lacks are written as escapes.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDONLY if number == 0 else os.O_WRONLY)
    reconfigure = getattr(sys.stdout, "reconfigure", None)
    if reconfigure is not None:
        reconfigure(errors="backslashreplace")
