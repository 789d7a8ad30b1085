"""The choice of the weight decay, for every program."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from .families import family_of
from .objectives import ExpectedDenoising, Objective
from .problem import Problem

__all__ = ["select_beta"]


def select_beta(
    objective: Objective | ExpectedDenoising | ArrayLike,
    method: str = "combined",
    rng: np.random.Generator | int | None = None,
    *,
    activation: str = "relu",
    skip: bool = False,
    bias: bool = True,
    confidence: float | None = None,
    share: float | None = None,
    n_replicates: int | None = None,
    n_iterations: int | None = None,
    n_folds: int | None = None,
    progress: bool = False,
    n_jobs: int | None = None,
) -> float:
    """Choose the weight decay from the data.

    Parameters
    ----------
    objective : ScoreMatching, DenoisingScoreMatching, ExpectedDenoising or array
        Data; an array is score matching on it.  Weights are frequencies: a sample of weight 3 counts as three
        equal ones, and their order does not matter.
    method : {"combined", "bootstrap", "cv"}
        ``"bootstrap"``: the test of straightness, then a share of the noise of the certificate.
        ``"cv"``: K-fold cross-validation from the linear regime down, the largest weight decay
        within one standard error of the best; no test of straightness.
        ``"combined"``: the test, then cross-validation among shares 0.25 to 1 of the noise (0.06 to 1 for
        expected denoising), the
        best of those whose score has a density; this is what ``solve(..., "auto")`` uses, with
        ``rng=0``.  With fewer than two distinct values a fold, or with several features, it is the same
        as ``"bootstrap"``, and ``"cv"`` takes one feature.
    rng : Generator or seed, optional
        Source of the noise and of the folds.
    activation : {"relu", "abs"}
        Activation.
    skip : bool
        Whether the network has a skip connection.  Without it the line itself is penalized too; the
        noise of the kinks, which decides here, is that of the network with skip.
    bias : bool
        Whether it has biases; without them it must have several features.
    confidence : float, optional
        Of the test of straightness, 0.9 by default: on Gaussian data, whose true score is linear, the
        solution with skip is linear with this probability, whatever their number and however they are
        rounded; for denoising up to the error of the bootstrap.  Between 0 and 1; larger values keep the
        line longer on rough data too.
    share : float, optional
        Where the line is rejected, the weight decay is this share of the median of the noise; 0.5 by
        default for one feature, 0.4 for several, 0.25 for expected denoising.
    n_replicates : int, optional
        Bootstrap replicates, O(n) each; by default 100 for one feature (25 beyond ten thousand distinct
        samples), 40 for several.  The test draws ten times as many for one feature, four times for several.
    n_iterations : int, optional
        How often the score is fitted and the noise about it drawn again after the line is rejected, 3 by
        default.
    n_folds : int, optional
        Folds of the cross-validation, 5 by default.
    progress : bool
        Show progress bars (needs tqdm).
    n_jobs : int, optional
        Workers of joblib, threads unless another backend is chosen there; -1 is one a core.  None is one, or
        what an enclosing `joblib.parallel_config` says.  They share the draws of the noise, with several
        features the pricing of neurons too, and the folds of expected denoising and of log-concave scores;
        other folds of one feature are fitted together.  The result does not depend on them.

    Returns
    -------
    float
        A weight decay of the summed loss, at least the boundedness bound.

    Raises
    ------
    ValueError
        If an argument is out of range, or there are fewer than two distinct values a fold for ``"cv"``.
    TypeError
        If an argument has no effect on the method, or `objective` is of another kind.
    UnboundedError
        If score matching with skip is unbounded at every weight decay: data in a hyperplane.

    Warns
    -----
    UserWarning
        If repeated values hold the weight decay above what it would be without them, because score matching
        is unbounded below; it names the most frequent value.  Denoising has no such bound.

    See Also
    --------
    solve : Takes ``beta="auto"``, which calls this.
    beta_bounds : Where the weight decay is too small, or so large that the score is a line.
    PooledScore : Chooses none, and lets many vote.

    Notes
    -----
    Only the test has a guarantee.  It compares the largest correlation of a kink about the line with those of
    Gaussian samples as large as the data and rounded as they are (the spacing of rounded values is found from
    them; values rounded to significant digits, not to decimal places, have none); for denoising, with a
    multiplier bootstrap.  ``benchmarks/straightness.py`` measures it.  Expected denoising has no noise of
    drawing, but its data are a sample: its line is compared with those of Gaussian samples with the noise
    integrated out too, and the certificate's noise is that of the samples' smooth terms.

    With several features the weight decay is one at which a rough fit has shown score matching bounded.

    Up to ten thousand samples folds are fitted as the data are.  Of more, kinks of their fits are at about a
    thousand of the samples: the choices differ by less than those of other folds, and are as good.

    The default share was chosen by the Fisher divergence on synthetic
    data (``benchmarks/quality.py`` shows where that does well and where it does not); scores with
    narrow features (the claw density) want less weight decay.

    Examples
    --------
    >>> import numpy as np, convexscore as cs
    >>> x = np.random.default_rng(0).standard_normal(500)
    >>> beta = cs.select_beta(x, rng=0, skip=True)
    >>> solution = cs.solve(x, "auto", skip=True)
    >>> solution.beta == beta, solution.network.n_neurons
    (True, 0)
    """
    problem = Problem(objective, activation, skip, bias)
    options = {
        "confidence": confidence,
        "share": share,
        "n_replicates": n_replicates,
        "n_iterations": n_iterations,
        "n_folds": n_folds,
    }
    given = {name: value for name, value in options.items() if value is not None}
    return family_of(problem).checked_select(problem, method, rng, given, progress=progress, n_jobs=n_jobs)
