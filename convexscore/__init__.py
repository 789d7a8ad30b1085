"""Certified global training of two-layer score networks by convex optimization.

The public names; each is documented where it is defined.
"""

import importlib
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from ._support.process import quiet_interrupts

# First of all: the other imports take most of a short command's time.
quiet_interrupts()

from . import baselines, datasets, diagnostics, samplers, targets, theory
from ._support.old_paths import MOVED, keep_old_paths
from .arrangements.counting import count_patterns, pattern_count
from .arrangements.enumeration import enumerate_patterns, iter_patterns
from .arrangements.patterns import Cone, Patterns
from .arrangements.sampling import sample_patterns
from .baselines import train_adam
from .bounds import beta_bounds
from .certification import certify
from .errors import (
    ConvergenceError,
    ConvergenceWarning,
    NotNormalizableError,
    SolverError,
    UnboundedError,
)
from .networks.conservative import ConservativeNetwork
from .networks.gated import GatedNetwork
from .networks.two_layer import TwoLayerNetwork
from .objectives import DenoisingScoreMatching, ExpectedDenoising, ScoreMatching
from .pooling import PooledMember, PooledScore
from .report import report
from .results import BetaBounds, Certificate, Solution, SolveStats
from .saving import load, provenance
from .scores.bands import Band, Bands
from .scores.changes_of_variables import (
    denoise_many,
    from_denoiser,
    posterior_covariance,
    to_denoiser,
    ve,
    vp,
)
from .scores.density import ScoreDensity
from .scores.modes import ModeTest, mode_test
from .scores.noise_conditional import NoiseConditionalScore
from .scores.planar_density import ConservativeDensity
from .selection import select_beta
from .solve import solve
from .univariate.matrices import UnivariateMatrices, univariate_program
from .univariate.path import Path, regularization_path

if TYPE_CHECKING:
    from .estimators import ConvexScoreEstimator

__version__ = "0.2.0"

__all__ = [
    "Band",
    "Bands",
    "BetaBounds",
    "Certificate",
    "Cone",
    "ConservativeDensity",
    "ConservativeNetwork",
    "ConvergenceError",
    "ConvergenceWarning",
    "DenoisingScoreMatching",
    "ExpectedDenoising",
    "GatedNetwork",
    "ModeTest",
    "NoiseConditionalScore",
    "NotNormalizableError",
    "Path",
    "Patterns",
    "PooledMember",
    "PooledScore",
    "ScoreDensity",
    "ScoreMatching",
    "Solution",
    "SolveStats",
    "SolverError",
    "TwoLayerNetwork",
    "UnboundedError",
    "UnivariateMatrices",
    "baselines",
    "beta_bounds",
    "certify",
    "count_patterns",
    "datasets",
    "denoise_many",
    "diagnostics",
    "enumerate_patterns",
    "from_denoiser",
    "iter_patterns",
    "load",
    "mode_test",
    "pattern_count",
    "posterior_covariance",
    "provenance",
    "regularization_path",
    "report",
    "sample_patterns",
    "samplers",
    "select_beta",
    "solve",
    "targets",
    "theory",
    "to_denoiser",
    "train_adam",
    "univariate_program",
    "ve",
    "vp",
]

keep_old_paths(__name__)

# Imported when asked for: they take matplotlib and scikit-learn.
_LAZY = {"plotting": "plotting", "estimators": "estimators", "ConvexScoreEstimator": "estimators"}

if find_spec("sklearn") is not None:
    # Only where `from convexscore import *` can import it.
    __all__ += ["ConvexScoreEstimator"]


def __getattr__(name: str) -> Any:
    path = MOVED.get(name, _LAZY.get(name))
    if path is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = importlib.import_module(f"{__name__}.{path}")
    return getattr(module, name) if name == "ConvexScoreEstimator" else module


def __dir__() -> list[str]:
    return sorted({*globals(), *_LAZY})
