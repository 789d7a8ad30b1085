"""Baselines: training without convexity, by Adam, and where its course is known in closed form."""

from .adam import train_adam
from .kernel import (
    DenoisingRegression,
    KernelDescent,
    NTKNetwork,
    ReweightedLeastSquares,
    ntk,
    pattern_weights,
    reweighted_least_squares,
    train_ntk_network,
)
from .mixtures import fit_mixture, mixture_objective
from .result import AdamResult
from .tuning import tune_adam
from .unrolled import TrainedDenoiser, UnrolledDenoiser

__all__ = [
    "AdamResult",
    "DenoisingRegression",
    "KernelDescent",
    "NTKNetwork",
    "ReweightedLeastSquares",
    "TrainedDenoiser",
    "UnrolledDenoiser",
    "fit_mixture",
    "mixture_objective",
    "ntk",
    "pattern_weights",
    "reweighted_least_squares",
    "train_adam",
    "train_ntk_network",
    "tune_adam",
]
