"""The command ``completion``: a script by which a shell completes commands, options, choices and files."""

from __future__ import annotations

import argparse
from collections.abc import Iterator

from .output import OK

__all__ = ["SHELLS", "run_completion"]

#: Shells that there are scripts for.
SHELLS = ("bash", "zsh", "fish", "tcsh")

# Arguments that are files, and those that are directories, by their commands where these differ.
_FILES = ("data", "model", "output", "plot")
_DIRECTORIES = ("out", "demo output")


def run_completion(options: argparse.Namespace) -> int:
    """Print the script of a shell."""
    try:
        import shtab
    except ImportError as error:
        raise ImportError("completion needs shtab; install it with: pip install shtab") from error
    for name, action in _arguments(options.parser):
        if name in _DIRECTORIES or action.dest in _DIRECTORIES:
            action.complete = shtab.DIRECTORY  # type: ignore[attr-defined]
        elif action.dest in _FILES:
            action.complete = shtab.FILE  # type: ignore[attr-defined]
    print(shtab.complete(options.parser, shell=options.shell))
    return OK


def _arguments(parser: argparse.ArgumentParser) -> Iterator[tuple[str, argparse.Action]]:
    """Yield the arguments of all commands, each with its name after that of its command."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for command, inner in action.choices.items():
                yield from ((f"{command} {argument.dest}", argument) for argument in inner._actions)
