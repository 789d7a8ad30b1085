"""Module paths of version 0.1, which go on working: one table, no file each."""

from __future__ import annotations

import importlib
import sys

__all__ = ["MOVED", "keep_old_paths"]

#: Old path: new path, below the package.
MOVED = {
    "certificate": "univariate.certificate",
    "cross_validation": "univariate.cross_validation",
    "density": "scores.density",
    "expected": "univariate.expected.train",
    "gated_network": "networks.gated",
    "grid": "samplers.grid",
    "network": "networks.two_layer",
    "neuron_certificate": "multivariate.certificate",
    "noise_conditional": "scores.noise_conditional",
    "path": "univariate.path",
    "piecewise": "numerics.piecewise",
    "pricing": "multivariate.pricing",
    "refit": "univariate.refit",
    "samplers.langevin": "samplers.overdamped",
    "samplers.reverse": "samplers.reverse_diffusion",
    "samplers.sequential": "samplers.localization",
    "samplers.underdamped": "samplers.kinetic",
    "solution": "results",
    "stein_process": "univariate.bootstrap",
    "unpenalized": "multivariate.unpenalized",
    "programs": "univariate",
    "programs.bounds": "univariate.bounds",
    "programs.neuron_statement": "multivariate.statement",
    "programs.neurons": "multivariate.program",
    "programs.statement": "univariate.statement",
    "programs.univariate": "univariate.program",
}


def keep_old_paths(package: str) -> None:
    """Let each old path name the module at its new one."""
    for old, new in MOVED.items():
        sys.modules.setdefault(f"{package}.{old}", importlib.import_module(f"{package}.{new}"))
