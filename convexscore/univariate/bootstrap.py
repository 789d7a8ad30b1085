"""The noise of the certificate: a multiplier bootstrap of the largest correlation of any kink.

Were a score ``s`` the true one, the correlation of a kink at ``t`` with the residual would be a sum of
independent terms of mean zero, one a sample: a Stein process over kink positions ``t``.  Giving each sample's
term a random factor of mean zero and variance one draws from its law (Chernozhukov, Chetverikov & Kato 2013).
The factors of equal samples add up: a distinct one of weight ``w`` gets a Gaussian factor of variance ``w``.
Bias and skip are free and absorb their part: every atom is regressed on the constant and on ``x`` first.
"""

from __future__ import annotations

import numpy as np

from .._support.validation import FloatArray
from ..objectives import Objective

__all__ = ["SteinProcess"]

# Replicates are drawn in groups of about this many numbers.
_GROUP = 2_000_000


class SteinProcess:
    """The correlations of all kinks with randomly multiplied terms of the samples.

    Scores are given at the distinct positions.

    Parameters
    ----------
    rows : ScoreMatching or DenoisingScoreMatching
        Distinct samples with one feature, sorted (`objectives.distinct_rows`).
    """

    def __init__(self, rows: Objective) -> None:
        self.x, self.weight, self.label = rows.X[:, 0], rows.weights, rows.targets[:, 0]
        self.has_trace = rows.has_trace
        # Kinks are at distinct positions: the first sample of each group of equal ones.
        self.first = np.flatnonzero(np.concatenate([[True], np.diff(self.x) > 0]))
        self.end = np.append(self.first[1:], self.x.size)
        total = self.weight.sum()
        offset = self.x - self.x[0]
        self.centred = offset - np.average(offset, weights=self.weight)
        variance = np.average(self.centred**2, weights=self.weight)
        # Regression of every atom (x - t)_+ on the constant and on x.
        self.on_constant = self._hinges(self.weight[None])[0] / total
        self.on_line = self._hinges((self.weight * self.centred)[None])[0] / (total * variance)

    def largest(self, score: FloatArray, replicates: int, rng: np.random.Generator) -> FloatArray:
        """Return ``max_t |H(t)|`` of each replicate, bias and skip profiled out."""
        residual = np.repeat(score, self.end - self.first) - self.label
        group = max(1, _GROUP // self.x.size)
        results = []
        for start in range(0, replicates, group):
            count = min(group, replicates - start)
            draws = rng.standard_normal((count, self.x.size))
            results.append(self._largest(residual, draws * np.sqrt(self.weight)))
        return np.concatenate(results)

    def _largest(self, score_residual: FloatArray, weights: FloatArray) -> FloatArray:
        residual = weights * score_residual
        constant = residual.sum(axis=1, keepdims=True)
        line = residual @ self.centred[:, None]
        smooth = self._hinges(residual)
        if self.has_trace:
            line = line + weights.sum(axis=1, keepdims=True)
        smooth -= constant * self.on_constant + line * self.on_line
        if not self.has_trace:
            return np.abs(smooth).max(axis=1)
        tail = np.cumsum(weights[:, ::-1], axis=1)[:, ::-1]
        tail = np.concatenate([tail, np.zeros((len(tail), 1))], axis=1)
        inclusive, exclusive = smooth + tail[:, self.first], smooth + tail[:, self.end]
        return np.maximum(np.abs(inclusive).max(axis=1), np.abs(exclusive).max(axis=1))

    def _hinges(self, weights: FloatArray) -> FloatArray:
        """Return ``sum_i weights_i (x_i - t)_+`` at the distinct positions, for each row of weights."""
        tail = np.cumsum(weights[:, ::-1], axis=1)[:, -2::-1]
        steps = np.diff(self.x) * tail
        smooth = np.zeros(weights.shape)
        smooth[:, :-1] = np.cumsum(steps[:, ::-1], axis=1)[:, ::-1]
        return smooth[:, self.first]
