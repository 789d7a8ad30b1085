"""The command ``sample``: exact or by Langevin dynamics."""

from __future__ import annotations

import argparse
import importlib.util
import json
import sys

import numpy as np

from .._support.progress import stages
from .._support.seeds import generator
from .._support.tables import WRITTEN, write_columns
from .._support.validation import FloatArray, as_count, as_real
from ..networks.conservative import ConservativeNetwork
from ..networks.two_layer import TwoLayerNetwork
from ..objectives.support import Support
from ..samplers import langevin
from ..scores.density import ScoreDensity
from ..scores.planar_density import ConservativeDensity
from .data import check_seed
from .models import column_names, load_network, read_support
from .output import OK, check_outputs

__all__ = ["run_sample"]


def run_sample(options: argparse.Namespace) -> int:
    """Sample from a stored network."""
    if options.json and options.output in (None, "-"):
        raise ValueError("--output: expected a file together with --json, got standard output")
    check_outputs([options.model], {"--output": (options.output, WRITTEN)})
    check_seed(options)
    count = as_count("-n", options.n, minimum=1)
    network, support = load_network(options.model), read_support(options.model)
    with stages(1, options.progress, "sample") as begin:
        begin("density")
        density = _density(network, support)
    rng = generator(
        None if options.seed is None else as_count("--seed", options.seed), f"{type(density).__name__}.sample"
    )
    if options.method == "exact":
        values = density.sample(count, rng=rng)
    else:
        values = _langevin_samples(network, density, count, options, rng)
    write_columns(options.output, column_names(options.model, network.n_features), values)
    if options.json:
        summary = {
            "n": count,
            "method": options.method,
            "mean": values.mean(axis=0).tolist(),
            "variance": values.var(axis=0).tolist(),
            "files": [options.output],
        }
        print(json.dumps(summary, allow_nan=False))
    return OK


def _density(
    network: TwoLayerNetwork | ConservativeNetwork, support: Support | None
) -> ScoreDensity | ConservativeDensity:
    """Return the density of a model; only a score that has one has something to sample."""
    if isinstance(network, ConservativeNetwork):
        return ConservativeDensity(network)
    if network.n_features != 1:
        raise ValueError(
            f"model: expected 1 feature, or 2 trained with --conservative, got {network.n_features} "
            "of a score whose density is not known"
        )
    return ScoreDensity(network, support)


def _langevin_samples(
    network: TwoLayerNetwork | ConservativeNetwork,
    density: ScoreDensity | ConservativeDensity,
    count: int,
    options: argparse.Namespace,
    rng: np.random.Generator,
) -> FloatArray:
    # Start where the density is wide.
    if isinstance(network, TwoLayerNetwork):
        assert isinstance(density, ScoreDensity)
        support: Support | None = density.support()
        steepest = float(np.abs(network.piecewise.slopes).max())
        if np.isfinite(density.support()).any():
            # Between limits slopes may be zero, and steps are wrong by their size at the ends.
            steepest = 5 * max(steepest, 1 / density.variance())
        start = np.clip(density.mean() + density.std() * rng.standard_normal(count), *density.support())
    else:
        assert isinstance(density, ConservativeDensity)
        support = None
        start = rng.multivariate_normal(density.mean(), density.covariance(), count)
        steepest = float(np.abs(network.jacobian(start)).sum(axis=2).max())
    step_size = 0.1 / steepest if options.step_size is None else options.step_size
    as_real("--step-size", step_size, minimum=0.0, strict=True)
    has_bar = importlib.util.find_spec("tqdm") is not None and sys.stderr is not None and sys.stderr.isatty()
    return langevin(
        network,
        start,
        step_size,
        as_count("--steps", options.steps, minimum=1),
        rng,
        support=support,
        progress=options.progress or (has_bar and not options.quiet),
    )
