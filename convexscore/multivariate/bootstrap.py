"""The noise of the certificate in any dimension: a multiplier bootstrap of the largest correlation.

As on the line (`univariate.bootstrap`): were a score the true one, the correlation of a neuron with its
residual would be a sum of independent terms of mean zero, one a sample.  Random factors of the terms draw
from its law, for a distinct sample of weight ``w`` Gaussian ones of variance ``w``; bias and skip, which are
free, absorb their part.  The maximum is taken over many random directions, each with its best bias, which is
within a few per cent of that over all.
"""

from __future__ import annotations

from functools import partial

import numpy as np
from numpy.typing import NDArray

from .._support.parallel import run_all
from .._support.progress import each
from .._support.validation import FloatArray
from ..objectives import Objective
from .pricing.ascent import AscentPricer
from .program import NeuronProgram

__all__ = ["NeuronNoise"]


class NeuronNoise:
    """The largest correlations of any neuron with randomly multiplied terms of the samples.

    The same factors and directions are used for every residual.

    Parameters
    ----------
    rows : ScoreMatching or DenoisingScoreMatching
        Distinct samples, sorted (`objectives.distinct_rows`).
    program : NeuronProgram
        Its program, with skip: the noise of kinks.
    replicates : int
        Number of draws.
    rng : Generator
        Source of factors and directions.
    n_directions : int
        Directions.
    groups : int ndarray of shape (n_rows,), optional
        Samples that share a term, as the noisy copies of one clean sample do, have one factor.
    progress : bool
        Show progress bars (needs tqdm).
    n_jobs : int, optional
        Workers among which draws are divided, see `run_all`.
    """

    def __init__(
        self,
        rows: Objective,
        program: NeuronProgram,
        replicates: int,
        rng: np.random.Generator,
        n_directions: int = 200,
        groups: NDArray[np.intp] | None = None,
        progress: bool = False,
        n_jobs: int | None = None,
    ) -> None:
        self.program, self._progress, self._n_jobs = program, progress, n_jobs
        which = np.unique(rows.X, axis=0, return_inverse=True)[1].reshape(-1)
        count = len(rows.X) if groups is None else int(groups.max()) + 1
        factors = rng.standard_normal((replicates, count))
        factors = factors * np.sqrt(rows.weights) if groups is None else factors[:, groups] * rows.weights
        n_points = len(program.points)
        # The terms of data with limits are multiplied by a share; the factors' variances are the weights.
        share = program.mass / program.frequency
        self.factors = np.array(
            [share * np.bincount(which, weights=row, minlength=n_points) for row in factors]
        )
        # Labels of one point differ from their mean, whatever the score.
        spread = program.scale * rows.targets - program.target[which]
        self.scatter = [
            np.stack([np.bincount(which, weights=row * column) for column in spread.T], axis=1)
            if spread.any() and not program.has_trace
            else np.zeros_like(program.points)
            for row in factors
        ]
        self.search = AscentPricer(program, n_directions, rng=rng)
        self.directions = self.search.random_directions()

    def largest(self, residual: FloatArray) -> FloatArray:
        """Return the largest correlation of each draw about a weighted residual, shape ``(replicates,)``."""
        search = partial(_largest, self.search, self.directions, residual / self.program.root_mass)
        draws = zip(self.factors, self.scatter, strict=True)
        found = run_all(search, draws, self._n_jobs)
        return np.array(list(each(found, self._progress, len(self.factors), "draws of noise")))

    def largest_of_data(self, residual: FloatArray) -> float:
        """Return the largest correlation of a weighted residual itself, over the same directions."""
        z = self.program.root_mass * residual
        return self.search.largest(self.directions, z, self.program.trace_mass)


def _largest(
    search: AscentPricer, directions: FloatArray, plain: FloatArray, draw: tuple[FloatArray, FloatArray]
) -> float:
    """Return the largest correlation of one draw: its mass at each point, and the scatter of labels."""
    program, (mass, scatter) = search.program, draw
    basis, change = program.free_basis
    z = mass[:, None] * plain - scatter
    trace = mass if program.has_trace else np.zeros_like(mass)
    pull = program.free.T @ z + (program.free_trace * (mass.sum() / max(program.mass.sum(), 1e-300)))
    # What bias and skip take up: their normal equations with this right-hand side.
    z = z - program.root_mass * (basis @ (change.T @ pull))
    return search.largest(directions, z, trace)
