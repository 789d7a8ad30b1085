"""Arguments that say what they expect, and options that are given once."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Sequence
from typing import Any

__all__ = ["Parser", "figure_names", "number", "number_or_auto", "whole"]

# float() and int() know more: 1_0, and digits of other scripts.
_NUMBER = re.compile(r"[+-]?(([0-9]+\.?[0-9]*|\.[0-9]+)(e[+-]?[0-9]+)?|inf|infinity|nan)", re.IGNORECASE)
_WHOLE = re.compile(r"[+-]?[0-9]{1,30}")
# The option whose value is a pair of numbers.
_PAIR = "--support"
_NAME = re.compile(r"[a-z][a-z0-9_]*")


class _Once(argparse.Action):
    """Store an option's value; refuse a second one, which would take the place of the first silently."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: str | Sequence[Any] | None,
        option_string: str | None = None,
    ) -> None:
        given = vars(namespace).setdefault("given", set())
        if self.dest in given:
            raise argparse.ArgumentError(self, f"expected once, got it again with {values!r}")
        given.add(self.dest)
        setattr(namespace, self.dest, values)


class Parser(argparse.ArgumentParser):
    """A parser, and with it the parsers of its commands, whose options may be given once.

    A value such as ``-1,1`` may stand apart from ``--support``.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        for name in (None, "store"):
            self.register("action", name, _Once)

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Do the same as ``argparse``, which by itself takes pairs of numbers with a sign for options."""
        return super().parse_known_args(_with_pairs(sys.argv[1:] if args is None else args), namespace)


def _with_pairs(words: Sequence[str]) -> list[str]:
    """Return arguments in which ``--support -1,1``, or a beginning of that name, is ``--support=-1,1``."""
    joined: list[str] = []
    for word in words:
        last = joined[-1] if joined and "--" not in joined else ""
        if last.startswith(_PAIR[:4]) and _PAIR.startswith(last) and word.startswith("-") and "," in word:
            joined[-1] = f"{last}={word}"
        else:
            joined.append(word)
    return joined


def number(text: str) -> float:
    """Parse a number."""
    if not _NUMBER.fullmatch(text):
        raise argparse.ArgumentTypeError(f"expected a number, got {text!r}")
    return float(text)


def number_or_auto(text: str) -> float | str:
    """Parse the argument of --beta."""
    if text == "auto":
        return text
    if not _NUMBER.fullmatch(text):
        raise argparse.ArgumentTypeError(f"expected a number or auto, got {text!r}")
    return float(text)


def whole(text: str) -> int:
    """Parse a whole number."""
    if not _WHOLE.fullmatch(text):
        raise argparse.ArgumentTypeError(f"expected a whole number, got {text!r}")
    return int(text)


def figure_names(text: str) -> list[int | str]:
    """Parse the argument of --only: numbers of figures, and names of experiments."""
    words = [word.strip() for word in text.split(",")]
    if not all(_WHOLE.fullmatch(word) or _NAME.fullmatch(word) for word in words):
        raise argparse.ArgumentTypeError(f"expected whole numbers such as 3,5, or names, got {text!r}")
    return [int(word) if _WHOLE.fullmatch(word) else word for word in words]
