"""From options and a column of data to an objective."""

from __future__ import annotations

import argparse

from .._support.validation import FloatArray
from ..objectives import DenoisingScoreMatching, ExpectedDenoising, Objective, ScoreMatching

__all__ = ["make_expected", "make_objective"]


def make_objective(options: argparse.Namespace, values: FloatArray) -> Objective:
    """Return the objective of the options, its noise drawn if there is any."""
    if options.objective == "sm":
        if options.noise_level is not None:
            raise ValueError("--noise-level: expected only with --objective dsm, got it with sm")
        return ScoreMatching(values)
    level = _noise_level(options)
    return DenoisingScoreMatching.from_clean(values, level, options.n_draws, options.seed)


def make_expected(options: argparse.Namespace, values: FloatArray) -> ExpectedDenoising:
    """Return the denoising objective whose noise is integrated out."""
    if options.objective != "dsm":
        raise ValueError(f"--expected: expected only with --objective dsm, got it with {options.objective}")
    if options.n_draws != 1 or options.seed is not None:
        raise ValueError("--expected: expected neither --n-draws nor --seed, for there are no draws")
    return DenoisingScoreMatching.expected(values, _noise_level(options))


def _noise_level(options: argparse.Namespace) -> float:
    if options.noise_level is None:
        raise ValueError("--noise-level: expected a positive number with --objective dsm, got none")
    return float(options.noise_level)
