"""Work on several items at once, by joblib's workers: threads, processes, machines of a cluster."""

from __future__ import annotations

import os
import platform
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

import numpy as np

from .caller import warn_caller
from .sizes import as_workers

__all__ = ["has_workers", "n_workers", "run_all"]

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


def n_workers(n_jobs: int | None) -> int:
    """Return how many workers there are; see `run_all`."""
    # Nothing can have configured joblib that has not been imported.
    if n_jobs == 1 or (n_jobs is None and "joblib" not in sys.modules):
        return 1
    from joblib import effective_n_jobs

    return int(effective_n_jobs(n_jobs))


def has_workers(n_jobs: int | None) -> bool:
    """Return whether there is more than one worker; see `run_all`."""
    return n_workers(n_jobs) > 1


def run_all(
    function: Callable[[_Item], _Result], items: Iterable[_Item], n_jobs: int | None = None
) -> Iterator[_Result]:
    """Yield ``function(item)`` for each item, in their order, whatever the number of workers.

    Parameters
    ----------
    function : callable
        What is done with each item.  It may run in another thread, process or machine: so it can be pickled,
        changes neither itself nor the item, and draws no random numbers that another item's draws precede.
        Only what it returns counts, and the warnings of the package.
    items : iterable
        The items, which are taken as workers become free.
    n_jobs : int, optional
        Workers, threads unless `joblib.parallel_config` names another backend; -1 is one a core.  None is
        one worker, or as many as an enclosing `joblib.parallel_config` says.

    Raises
    ------
    TypeError, ValueError
        If `n_jobs` is no number of workers.
    """
    workers = as_workers("n_jobs", n_jobs)
    if not has_workers(workers):
        return map(function, items)
    from joblib import Parallel, delayed

    tasks = map(delayed(_Task(function)), items)
    return _results(Parallel(workers, prefer="threads", return_as="generator")(tasks))


def _results(returned: Iterable[tuple[Any, tuple[tuple[str, type[Warning]], ...]]]) -> Iterator[Any]:
    """Yield what tasks have returned; give the warnings of those elsewhere here."""
    for result, caught in returned:
        for message, category in caught:
            warn_caller(message, category)
        yield result


def _here() -> tuple[str, int]:
    """Return what tells one process from another."""
    return platform.node(), os.getpid()


class _Task:
    """A function for workers, with what they would not know: NumPy's handling of errors, who waits.

    A task starts no workers of its own.
    """

    def __init__(self, function: Callable[[Any], Any]) -> None:
        self.function, self.errors, self.home = function, np.geterr(), _here()

    def __call__(self, item: Any) -> tuple[Any, tuple[tuple[str, type[Warning]], ...]]:
        """Return the function's value and, from another process, the warnings that would be lost there."""
        from joblib import parallel_config

        with np.errstate(**self.errors), parallel_config("sequential"):
            if _here() == self.home:
                return self.function(item), ()
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("ignore")
                warnings.simplefilter("always", UserWarning)
                result = self.function(item)
        return result, tuple((str(warning.message), warning.category) for warning in caught)
