"""The noise of the certificate: a multiplier bootstrap of the largest correlation of any kink.

Were a score ``s`` the true one, the correlation of a kink at ``t`` with the residual would be a sum of
independent terms of mean zero, one a sample: a Stein process over kink positions ``t``.  Giving each sample's
term a random factor of mean zero and variance one draws from its law (Chernozhukov, Chetverikov & Kato 2013).
The factors of equal samples add up: a distinct one of weight ``w`` gets a Gaussian factor of variance ``w``.
Bias and skip are free and absorb their part: every atom is regressed on the constant and on ``x`` first.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial

import numpy as np

from .._support.parallel import run_all
from .._support.validation import FloatArray
from ..objectives import Objective, boundary_of

__all__ = ["SteinProcess"]

# Replicates are drawn in groups of about this many numbers, which caches hold.
_GROUP = 1 << 15


class SteinProcess:
    """The correlations of all kinks with randomly multiplied terms of the samples.

    Scores are given at the distinct positions.

    Parameters
    ----------
    rows : ScoreMatching or DenoisingScoreMatching
        Distinct samples with one feature, sorted (`objectives.distinct_rows`).
    """

    def __init__(self, rows: Objective) -> None:
        self.x, self.label = rows.X[:, 0], rows.targets[:, 0]
        # The terms of data with limits are multiplied by a share; the factors' variances are the weights.
        self.share = boundary_of(rows)[0]
        self.frequency = rows.weights
        self.weight = self.frequency * self.share
        self.has_trace = rows.has_trace
        # Kinks are at distinct positions: the first sample of each group of equal ones.
        self.first = np.flatnonzero(np.concatenate([[True], np.diff(self.x) > 0]))
        self.end = np.append(self.first[1:], self.x.size)
        self.distinct = self.first.size == self.x.size
        self.steps = np.diff(self.x)[::-1].copy()
        total = self.weight.sum()
        offset = self.x - self.x[0]
        self.centred = offset - np.average(offset, weights=self.weight)
        variance = np.average(self.centred**2, weights=self.weight)
        # Regression of every atom (x - t)_+ on the constant and on x.
        self.on_constant = self._hinges(self.weight[None, ::-1])[0, ::-1] / total
        self.on_line = self._hinges((self.weight * self.centred)[None, ::-1])[0, ::-1] / (total * variance)

    def draws(self, replicates: int, rng: np.random.Generator) -> Iterator[FloatArray]:
        """Yield random factors, shape (some replicates, n_samples), from the last sample to the first."""
        group = max(1, _GROUP // self.x.size)
        deviation = np.sqrt(self.frequency) * self.share
        for start in range(0, replicates, group):
            draws = rng.standard_normal((min(group, replicates - start), self.x.size))
            draws *= deviation
            yield np.ascontiguousarray(draws[:, ::-1])

    def largest(
        self, score: FloatArray, replicates: int, rng: np.random.Generator, n_jobs: int | None = None
    ) -> FloatArray:
        """Return ``max_t |H(t)|`` of each replicate, bias and skip profiled out."""
        return self.largest_of(score, self.draws(replicates, rng), n_jobs)

    def largest_of(
        self, score: FloatArray, draws: Iterable[FloatArray], n_jobs: int | None = None
    ) -> FloatArray:
        """Return ``max_t |H(t)|`` of each replicate, from its `draws`, which workers may share."""
        residual = (np.repeat(score, self.end - self.first) - self.label)[::-1]
        return np.concatenate(list(run_all(partial(self._largest, residual), draws, n_jobs)))

    def _largest(self, score_residual: FloatArray, weights: FloatArray) -> FloatArray:
        residual = weights * score_residual
        constant = residual.sum(axis=1, keepdims=True)
        line = residual @ self.centred[::-1, None]
        smooth = self._hinges(residual)
        if self.has_trace:
            line = line + weights.sum(axis=1, keepdims=True)
        regressed = constant * self.on_constant[::-1]
        smooth -= regressed
        smooth -= np.multiply(line, self.on_line[::-1], out=regressed)
        if not self.has_trace:
            return _size(smooth)
        tail = np.cumsum(weights, axis=1, out=residual)
        # How many samples are at each kink or beyond, and then how many beyond it.
        inclusive = smooth + (tail if self.distinct else tail[:, self.x.size - 1 - self.first[::-1]])
        largest = _size(inclusive)
        if self.distinct:
            inclusive -= weights
        else:
            beyond = np.concatenate([np.zeros((len(tail), 1)), tail], axis=1)
            inclusive = smooth + beyond[:, self.x.size - self.end[::-1]]
        return np.maximum(largest, _size(inclusive))

    def _hinges(self, weights: FloatArray) -> FloatArray:
        """Return ``sum_i weights_i (x_i - t)_+`` at the distinct positions, for each row of weights.

        Both are from right to left.
        """
        steps = np.cumsum(weights[:, :-1], axis=1)
        steps *= self.steps
        smooth = np.zeros(weights.shape)
        np.cumsum(steps, axis=1, out=smooth[:, 1:])
        return smooth if self.distinct else smooth[:, self.x.size - 1 - self.first[::-1]]


def _size(rows: FloatArray) -> FloatArray:
    """Return the largest absolute value of each row."""
    return np.maximum(rows.max(axis=1), -rows.min(axis=1))
