"""Numbers in sentences against numbers in JSON."""

import re

NUMBER = re.compile(r"(?<![\w.])-?\d+(?:\.\d+)?(?:e[+-]?\d+)?(?![\w.]*\w)")


def numbers_in(value):
    """Yield every number of a JSON value, those in its sentences included."""
    if isinstance(value, dict):
        for key, entry in value.items():
            yield from numbers_in(key)
            yield from numbers_in(entry)
    elif isinstance(value, list):
        for entry in value:
            yield from numbers_in(entry)
    elif isinstance(value, str):
        yield from map(float, NUMBER.findall(value))
    elif value is not None and not isinstance(value, bool):
        yield float(value)


def is_quoted(word, numbers):
    """Whether a number on the page is one of these to the digits that it has."""
    digits = len(word.partition(".")[2].partition("e")[0])
    kind = "e" if "e" in word else "f"
    return any(
        float(f"{number:.{digits}{kind}}") == float(word) or number == float(word) for number in numbers
    )
