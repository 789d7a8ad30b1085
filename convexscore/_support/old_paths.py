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
    "neuron_noise": "multivariate.bootstrap",
    "neuron_selection": "multivariate.selection",
    "noise_conditional": "scores.noise_conditional",
    "path": "univariate.path",
    "piecewise": "numerics.piecewise",
    "pricing": "multivariate.pricing",
    "pricing.ascent": "multivariate.pricing.ascent",
    "pricing.base": "multivariate.pricing.base",
    "pricing.circle": "multivariate.pricing.circle",
    "pricing.gates": "multivariate.pricing.gates",
    "pricing.line": "multivariate.pricing.line",
    "pricing.planar": "multivariate.pricing.planar",
    "programs": "univariate",
    "programs.blocks": "univariate.moments",
    "programs.bounds": "univariate.bounds",
    "programs.cone_decomposition": "multivariate.cone_decomposition",
    "programs.displacement": "multivariate.reconstruction",
    "programs.expected": "univariate.expected.program",
    "programs.given_patterns": "multivariate.patterns",
    "programs.log_concave": "univariate.log_concave",
    "programs.neuron_statement": "multivariate.statement",
    "programs.neurons": "multivariate.program",
    "programs.quadratic": "univariate.quadratic",
    "programs.reconstruction": "univariate.reconstruction",
    "programs.refit": "univariate.refit",
    "programs.ridge": "multivariate.ridge",
    "programs.spline": "univariate.spline",
    "programs.statement": "univariate.statement",
    "programs.univariate": "univariate.program",
    "programs.unpenalized": "multivariate.unpenalized",
    "programs.warm_start": "multivariate.warm_start",
    "programs.whole_line": "univariate.expected.correlation_range",
    "refit": "univariate.refit",
    "samplers.langevin": "samplers.overdamped",
    "samplers.reverse": "samplers.reverse_diffusion",
    "samplers.sequential": "samplers.localization",
    "samplers.underdamped": "samplers.kinetic",
    "solution": "results",
    "solvers": "univariate.solvers",
    "solvers.active_set": "univariate.solvers.active_set",
    "solvers.base": "univariate.solvers.base",
    "solvers.clarabel": "univariate.solvers.clarabel",
    "solvers.column_generation": "multivariate.solvers.column_generation",
    "solvers.cvxpy": "univariate.solvers.cvxpy",
    "solvers.group_lasso": "multivariate.solvers.group_lasso",
    "solvers.log_concave": "univariate.solvers.log_concave_active_set",
    "solvers.nuclear_norm": "multivariate.solvers.nuclear_norm",
    "solvers.osqp": "univariate.solvers.osqp",
    "solvers.refinement": "multivariate.solvers.newton",
    "solvers.smallest_decay": "multivariate.bounds",
    "stein_process": "univariate.bootstrap",
    "unpenalized": "multivariate.unpenalized",
}


def keep_old_paths(package: str) -> None:
    """Let each old path name the module at its new one."""
    for old, new in MOVED.items():
        sys.modules.setdefault(f"{package}.{old}", importlib.import_module(f"{package}.{new}"))
