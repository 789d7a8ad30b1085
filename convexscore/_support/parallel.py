"""Work on several items at once, by the workers that joblib has."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from .sizes import as_workers

__all__ = ["run_all"]

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


def run_all(
    function: Callable[[_Item], _Result], items: Iterable[_Item], n_jobs: int | None = None
) -> Iterator[_Result]:
    """Yield ``function(item)`` for each item, in their order, whatever the number of workers.

    Parameters
    ----------
    function : callable
        What is done with each item.  It may run in another thread or process, so nothing that it changes
        counts, only what it returns.
    items : iterable
        The items.
    n_jobs : int, optional
        Workers, threads unless `joblib.parallel_config` names another backend; -1 is one a core.  None is
        one worker, or as many as an enclosing `joblib.parallel_config` says.

    Raises
    ------
    TypeError, ValueError
        If `n_jobs` is no number of workers.
    """
    workers = None if n_jobs is None else as_workers("n_jobs", n_jobs)
    # Nothing can have configured joblib that has not been imported.
    if workers == 1 or (workers is None and "joblib" not in sys.modules):
        return map(function, items)
    from joblib import Parallel, delayed

    tasks = map(delayed(function), items)
    return iter(Parallel(workers, prefer="threads", return_as="generator")(tasks))
