"""The command ``sample``: exact or by Langevin dynamics."""

from __future__ import annotations

import argparse
import importlib.util
import json
import sys

import numpy as np

from .._support.seeds import generator
from .._support.tables import WRITTEN, write_column
from .._support.validation import FloatArray, as_count, as_real
from ..networks.files import read_column_name
from ..networks.two_layer import TwoLayerNetwork
from ..samplers import langevin
from ..scores.density import ScoreDensity
from .data import check_seed
from .output import OK, check_outputs

__all__ = ["run_sample"]


def run_sample(options: argparse.Namespace) -> int:
    """Sample from a stored network."""
    if options.json and options.output in (None, "-"):
        raise ValueError("--output: expected a file together with --json, got standard output")
    check_outputs([options.model], {"--output": (options.output, WRITTEN)})
    check_seed(options)
    count = as_count("-n", options.n, minimum=1)
    network = TwoLayerNetwork.load(options.model)
    rng = generator(None if options.seed is None else as_count("--seed", options.seed), "ScoreDensity.sample")
    if options.method == "exact":
        values = ScoreDensity(network).sample(count, rng)
    else:
        values = _langevin_samples(network, count, options, rng)
    write_column(options.output, read_column_name(options.model) or "x", values)
    if options.json:
        summary = {
            "n": count,
            "method": options.method,
            "mean": float(values.mean()),
            "variance": float(values.var()),
            "files": [options.output],
        }
        print(json.dumps(summary, allow_nan=False))
    return OK


def _langevin_samples(
    network: TwoLayerNetwork, count: int, options: argparse.Namespace, rng: np.random.Generator
) -> FloatArray:
    # Only a score with a density has something to sample; start where that density is wide.
    density = ScoreDensity(network)
    steepest = float(np.abs(network.piecewise.slopes).max())
    step_size = 0.1 / steepest if options.step_size is None else options.step_size
    as_real("--step-size", step_size, minimum=0.0, strict=True)
    start = density.mean() + density.std() * rng.standard_normal(count)
    has_bar = importlib.util.find_spec("tqdm") is not None and sys.stderr is not None and sys.stderr.isatty()
    return langevin(
        network,
        start,
        step_size,
        as_count("--steps", options.steps, minimum=1),
        rng,
        progress=has_bar and not options.quiet,
    )
