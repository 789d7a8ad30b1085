"""The noise of the certificate in any dimension: a multiplier bootstrap of the largest correlation.

As on the line (`univariate.bootstrap`): were a score the true one, the correlation of a neuron with its
residual would be a sum of independent terms of mean zero, one a sample.  Random signs of the terms draw from
its law; bias and skip, which are free, absorb their part.  The maximum is taken over many random directions,
each with its best bias, which is within a few per cent of that over all.
"""

from __future__ import annotations

import numpy as np

from .._support.validation import FloatArray
from ..objectives import Objective
from .pricing.ascent import AscentPricer
from .program import NeuronProgram

__all__ = ["NeuronNoise"]


class NeuronNoise:
    """The largest correlations of any neuron with randomly signed terms of the samples.

    The same signs and directions are used for every residual.

    Parameters
    ----------
    objective : ScoreMatching or DenoisingScoreMatching
        The data.
    program : NeuronProgram
        Its program, with skip: the noise of kinks.
    replicates : int
        Number of draws.
    rng : Generator
        Source of signs and directions.
    n_directions : int
        Directions.
    """

    def __init__(
        self,
        objective: Objective,
        program: NeuronProgram,
        replicates: int,
        rng: np.random.Generator,
        n_directions: int = 200,
    ) -> None:
        self.program = program
        _, which = np.unique(objective.X, axis=0, return_inverse=True)
        signs = rng.integers(0, 2, (replicates, len(objective.X))) * 2.0 - 1.0
        self.signed = np.array(
            [np.bincount(which.reshape(-1), weights=row * objective.weights) for row in signs]
        )
        self.search = AscentPricer(program, n_directions, rng=rng)
        self.directions = self.search.random_directions()

    def largest(self, residual: FloatArray) -> FloatArray:
        """Return the largest correlation of each draw about a weighted residual, shape ``(replicates,)``."""
        program = self.program
        plain = residual / program.root_mass
        free = program.free
        basis, change = program.free_basis
        found = []
        for mass in self.signed:
            z = mass[:, None] * plain
            trace = mass if program.has_trace else np.zeros_like(mass)
            pull = free.T @ z + (program.free_trace * (mass.sum() / max(program.mass.sum(), 1e-300)))
            # What bias and skip take up: their normal equations with this right-hand side.
            z = z - program.root_mass * (basis @ (change.T @ pull))
            found.append(self.search.largest(self.directions, z, trace))
        return np.array(found)
