"""Progress bars on request."""

from __future__ import annotations

from collections.abc import Iterable


def steps(total: int, progress: bool, description: str) -> Iterable[int]:
    """Return ``range(total)``, drawing a bar on standard error if `progress`.

    Raises
    ------
    ImportError
        If a bar is asked for and tqdm, the ``progress`` extra, is not installed.
    """
    if not progress:
        return range(total)
    try:
        from tqdm import tqdm
    except ImportError as error:
        raise ImportError(
            "progress=True needs tqdm; install it with: pip install 'convexscore[progress]'"
        ) from error
    bar: Iterable[int] = tqdm(range(total), desc=description, unit="step", leave=False)
    return bar
