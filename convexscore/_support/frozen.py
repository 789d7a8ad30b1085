"""Objects whose arrays nobody can write to, copies and pickles of them included."""

from __future__ import annotations

from copy import copy
from functools import cached_property
from typing import Any, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

__all__ = ["Frozen", "frozen", "locked"]

_Entry = TypeVar("_Entry", bound=np.generic)


def frozen(array: NDArray[_Entry]) -> NDArray[_Entry]:
    """Return the array itself if neither it nor what it is a view of can be written to, else such a copy."""
    owner: Any = array
    while isinstance(owner, np.ndarray) and not owner.flags.writeable:
        owner = owner.base
    if not isinstance(owner, np.ndarray):
        return array
    return locked(np.array(array))


def locked(array: NDArray[_Entry]) -> NDArray[_Entry]:
    """Return a new array, which nobody else has yet, made read-only without a copy."""
    array.setflags(write=False)
    return array


class Frozen:
    """A base class of results: its arrays are read-only, and what is cached is made anew in copies.

    Copying and unpickling make arrays that could be written to, while properties cached before would still
    speak of the old numbers.  So the state that is copied or pickled has no cached properties, and the arrays
    of a state that comes back are frozen.  Dataclasses freeze their arrays when they are made, others by
    calling `freeze_arrays`.
    """

    def __post_init__(self) -> None:
        self.freeze_arrays()

    def freeze_arrays(self) -> None:
        """Replace arrays that can be written to by copies that cannot."""
        for name, value in vars(self).items():
            if isinstance(value, np.ndarray):
                # Frozen dataclasses refuse the assignment of attributes, also to themselves.
                object.__setattr__(self, name, frozen(value))

    def with_arrays(self, **arrays: NDArray[Any] | None) -> Self:
        """Return a copy with some arrays replaced, neither checked nor copied: nobody else has them.

        What was true of the old arrays must be true of the new ones.
        """
        other = copy(self)
        for name, array in arrays.items():
            object.__setattr__(other, name, None if array is None else locked(array))
        return other

    def __getstate__(self) -> dict[str, Any]:
        cached = {
            name
            for kind in type(self).__mro__
            for name, member in vars(kind).items()
            if isinstance(member, cached_property)
        }
        return {name: value for name, value in vars(self).items() if name not in cached}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self.freeze_arrays()
