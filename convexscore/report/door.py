"""The door `convexscore.report`: what it takes, and which page that makes."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from .._support.files import as_path, written_whole
from .._support.validation import as_array, as_count, as_text, shown
from ..objectives import Objective, as_sampled_objective, has_limits
from ..problem import Problem
from .line import line_payload
from .page import page_of
from .plane import plane_payload

__all__ = ["report"]


def report(
    objective: Objective | ArrayLike,
    path: str | os.PathLike[str],
    *,
    activation: str = "relu",
    skip: bool = False,
    beta_min: float | None = None,
    betas: ArrayLike | None = None,
    title: str | None = None,
    columns: str | Sequence[str] | None = None,
    n_folds: int | None = None,
    rng: np.random.Generator | int | None = 0,
) -> Path:
    """Write one HTML file that shows fits, certificates and held-out losses at every weight decay.

    The page needs no server and asks for nothing outside itself.

    * One feature: the exact regularization path, with a slider over the weight decay.  Between breakpoints
      the score is linear in it, so the page has the optimum at every weight decay, its exact density over
      a histogram of the data, the correlations of all neurons inside their band, value, gap and violations
      computed anew from the data, the held-out likelihood, and the numbers to copy.
    * Two features: a slider over certified conservative networks at a list of weight decays, with density,
      score, kink lines, certificate and held-out loss.

    Parameters
    ----------
    objective : ScoreMatching, DenoisingScoreMatching or array
        Data with one feature or two; an array is score matching on it.  With a support the page has the loss,
        certificate and density of data with limits.
    path : path-like
        Where to write; a file there is replaced once the new one is whole.
    activation : {"relu", "abs"}
        Activation.
    skip : bool
        Whether the network has a skip connection.
    beta_min : float, optional
        One feature: where the path ends, above 0 and below ``beta_bounds(...).maximum``.  By default a
        quarter of what `select_beta` chooses, but not below where `regularization_path` ends.
    betas : array of shape (n_betas,), optional
        Two features: the weight decays, 50 at most; by default five, from three times what
        `select_beta` chooses down to 0.8 times that, without those at which training is unbounded.
    title : str, optional
        Title of the page.
    columns : str or sequence of str, optional
        Name of the column, or names of both; ``x``, or ``x0`` and ``x1``, by default.
    n_folds : int, optional
        Folds of the cross-validation, at least 2, or 0 for none; 5 by default for one feature, 3 for two.
        With fewer than two distinct samples a fold there is none either.
    rng : Generator or seed, optional
        Assigns samples to folds; the default gives the same page for the same data.

    Returns
    -------
    pathlib.Path
        The file.

    Raises
    ------
    TypeError, ValueError
        If an argument is of the wrong kind, out of range or without effect, or there are more than two
        features.
    UnboundedError
        If a weight decay given is below the bound under which score matching has no minimum.

    See Also
    --------
    regularization_path : What the page for one feature follows.
    convexscore.plotting.plot_certificate : The certificate's picture.

    Notes
    -----
    Held-out losses are means per unit of weight over folds of distinct samples.  A fold's fits have weight
    decays smaller by the square root of its share, as in `select_beta`.  With one feature they are
    log-likelihoods of scores that have a density (``tails="integrable"``), with two the losses of the
    objective itself.  Noisy samples drawn from one clean sample may be in different folds.

    The exact path is cut after 400 pieces, or when it has 18000 kinks in all; from 1500 distinct values on,
    correlations are computed, exactly, at about a thousand of them and at all kinks.  The page says so.

    Examples
    --------
    >>> import tempfile, convexscore as cs
    >>> from pathlib import Path
    >>> eruptions = cs.datasets.load_old_faithful()["eruptions"]
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     page = cs.report(eruptions, Path(folder) / "report.html", skip=True, columns="eruptions")
    ...     page.name, "eruptions" in page.read_text(encoding="utf-8")
    ('report.html', True)
    """
    target = as_path("path", path)
    problem = Problem(as_sampled_objective(objective), activation, skip)
    n_features = problem.n_features
    if n_features > 2:
        raise ValueError(f"X: expected one feature or two, which have pictures, got {n_features}")
    if n_features == 2 and has_limits(problem.objective):
        raise ValueError(
            "objective: expected no support with two features, whose page knows no limits, got one"
        )
    names = _names(columns, n_features)
    heading = f"Scores of {' and '.join(names)}" if title is None else as_text("title", title)
    folds = (5, 3)[n_features - 1] if n_folds is None else as_count("n_folds", n_folds)
    if folds == 1:
        raise ValueError("n_folds: expected at least 2, or 0 for no cross-validation, got 1")
    if n_features == 1:
        if betas is not None:
            raise ValueError(
                "betas: expected none for one feature, whose page has every weight decay down to beta_min, "
                f"got {shown(betas)}"
            )
        payload = line_payload(problem, beta_min, folds, rng)
    else:
        if beta_min is not None:
            raise ValueError(
                "beta_min: expected none for two features, whose page has the weight decays `betas`, got "
                f"{shown(beta_min)}"
            )
        payload = plane_payload(problem, betas, folds, rng)
    # Objectives made elsewhere may have no name.
    kind = getattr(problem.objective, "name", "sm" if problem.objective.has_trace else "dsm")
    text = page_of(payload | {"objective": kind, "columns": names}, heading)
    with written_whole(target) as temporary:
        temporary.write_text(text, encoding="utf-8")
    return target


def _names(columns: str | Sequence[str] | None, n_features: int) -> list[str]:
    """Return the names of the columns, one a feature."""
    if columns is None:
        return ["x"] if n_features == 1 else [f"x{index}" for index in range(n_features)]
    given = [columns] if isinstance(columns, str) else columns
    if not isinstance(given, (list, tuple, np.ndarray)):
        raise TypeError(f"columns: expected a string or a sequence of strings, got {shown(columns)}")
    if as_array("columns", given).shape != (n_features,):
        raise ValueError(f"columns: expected {n_features} name(s), one a feature, got {shown(columns)}")
    return [as_text("columns", name) for name in given]
