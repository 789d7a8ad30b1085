"""Progress bars on request."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

Part = TypeVar("Part")


def steps(total: int, progress: bool, description: str) -> Iterable[int]:
    """Return ``range(total)``, drawing a bar on standard error if `progress`.

    Raises
    ------
    ImportError
        If a bar is asked for and tqdm is not installed.
    """
    if not progress:
        return range(total)
    bar: Iterable[int] = _tqdm()(range(total), desc=description, unit="step", leave=False)
    return bar


def counted(
    parts: Iterable[Part], size: Callable[[Part], int], progress: bool, total: int, description: str
) -> Iterator[Part]:
    """Yield the parts, drawing a bar of the sum of their sizes if `progress`.

    Raises
    ------
    ImportError
        As for `steps`.
    """
    if not progress:
        yield from parts
        return
    with _tqdm()(total=total, desc=description, unit_scale=True, leave=False) as bar:
        for part in parts:
            yield part
            bar.update(size(part))


def each(parts: Iterable[Part], progress: bool, total: int, description: str) -> Iterator[Part]:
    """Yield the parts, drawing a bar of their number if `progress`.

    Raises
    ------
    ImportError
        As for `steps`.
    """
    if not progress:
        yield from parts
        return
    with _tqdm()(total=total, desc=description, unit="part", leave=False) as bar:
        for part in parts:
            yield part
            bar.update()


@contextmanager
def ticking(total: int | None, progress: bool, description: str) -> Iterator[Callable[[], object]]:
    """Give a function to be called at every step of somebody else's loop, which draws a bar if `progress`.

    Without a total it tells the number of steps alone.

    Raises
    ------
    ImportError
        As for `steps`.
    """
    if not progress:
        yield lambda: None
        return
    with _tqdm()(total=total, desc=description, unit="step", leave=False) as bar:
        yield bar.update


@contextmanager
def stages(total: int, progress: bool, description: str) -> Iterator[Callable[[str], None]]:
    """Give a function that is told which stage begins; it draws how many are behind if `progress`.

    Parameters
    ----------
    total : int
        Stages, at most.
    progress : bool
        Whether there is a bar.
    description : str
        What they are stages of.

    Raises
    ------
    ImportError
        As for `steps`.
    """
    if not progress:
        yield lambda stage: None
        return
    with _tqdm()(total=total, desc=description, unit="stage", leave=False) as bar:
        begun = False

        def begin(stage: str) -> None:
            nonlocal begun
            bar.update(int(begun))
            begun = True
            bar.set_postfix_str(stage)

        yield begin


@contextmanager
def box_bar(progress: bool, most: int, level: float) -> Iterator[Callable[[int, float], None] | None]:
    """Give a function that draws how many boxes have been cut and the bound so far; None if not `progress`.

    Parameters
    ----------
    progress : bool
        Whether there is a bar.
    most : int
        Boxes that may be cut.
    level : float
        What the bound is shown as a multiple of.

    Raises
    ------
    ImportError
        As for `steps`.
    """
    if not progress:
        yield None
        return
    with _tqdm()(total=most, desc="boxes", unit="box", unit_scale=True, leave=False) as bar:

        def report(boxes: int, bound: float) -> None:
            bar.set_postfix_str(f"bound {bound / level:.6g} of the level", refresh=False)
            bar.update(boxes - bar.n)

        yield report


def _tqdm() -> Any:
    try:
        import tqdm  # noqa: F401  # the bars of notebooks alone may be in memory where it is missing
        from tqdm.auto import tqdm as bar
    except ImportError as error:
        raise ImportError("progress=True needs tqdm; install it with: pip install tqdm") from error
    return bar
