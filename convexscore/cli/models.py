"""Models that ``fit`` has written: their networks, and the names of the columns that these are of."""

from __future__ import annotations

from .._support.archives import Archive, DamagedFileError
from ..networks.conservative import ConservativeNetwork
from ..networks.files import read_column_names, read_header, read_support
from ..networks.two_layer import TwoLayerNetwork

__all__ = ["column_names", "load_network", "read_support"]


def load_network(path: str) -> TwoLayerNetwork | ConservativeNetwork:
    """Return the network of a model file."""
    if _is_conservative(path):
        return ConservativeNetwork.load(path)
    return TwoLayerNetwork.load(path)


def _is_conservative(path: str) -> bool:
    """Whether a file says that it has a conservative network; any other is left to `TwoLayerNetwork.load`."""
    with open(path, "rb") as stream:
        try:
            kind = read_header(Archive(stream)).get("kind")
        except (DamagedFileError, LookupError, TypeError, ValueError):
            return False
    return bool(kind == "convexscore.ConservativeNetwork")


def column_names(path: str, count: int) -> list[str]:
    """Return the names of the columns of a model, numbered ones where it has none."""
    unnamed = ["x"] if count == 1 else [f"x{index}" for index in range(count)]
    return read_column_names(path, count) or unnamed
