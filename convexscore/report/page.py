"""From numbers to a page: one template, into which style, scripts and numbers are written."""

from __future__ import annotations

import json
from html import escape
from importlib import resources
from typing import Any

__all__ = ["page_of"]

_SCRIPTS = {
    "line": ("numbers.js", "drawing.js", "path.js", "density.js", "certificate.js", "line.js"),
    "plane": ("numbers.js", "drawing.js", "field.js", "plane.js"),
}


def page_of(payload: dict[str, Any], title: str) -> str:
    """Return the page of a payload, which says what `kind` it is.

    Raises
    ------
    ValueError
        If a number is NaN or infinite, which JSON does not have.
    """
    parts = {
        "TITLE": escape(_printable(title)),
        "HEADING": escape(_printable(title)),
        "STYLE": _asset("style.css"),
        "MAIN": _asset(f"{payload['kind']}.html"),
        "NUMBERS": _as_json(payload),
        "SCRIPTS": "\n".join(_asset(name) for name in _SCRIPTS[payload["kind"]]),
    }
    page = _asset("template.html")
    pieces = []
    # One pass from left to right: what is written in is not looked into.
    while "{{" in page:
        before, _, rest = page.partition("{{")
        name, _, page = rest.partition("}}")
        pieces += [before, parts[name]]
    return "".join([*pieces, page])


def _asset(name: str) -> str:
    return resources.files(__package__).joinpath("assets", name).read_text(encoding="utf-8")


def _as_json(payload: dict[str, Any]) -> str:
    """Return JSON that is harmless inside a script element, whatever its strings are."""
    text = json.dumps(payload, allow_nan=False, separators=(",", ":"))
    for letter in "<>&":
        text = text.replace(letter, f"\\u{ord(letter):04x}")
    return text


def _printable(words: str) -> str:
    """Return words without characters that no page may have."""
    return "".join(letter if letter.isprintable() else " " for letter in words)
