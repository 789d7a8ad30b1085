"""The kernel of very wide networks, its descent in closed form, and its tie to the convex programs."""

from .cells import pattern_weights
from .descent import KernelDescent
from .network import NTKNetwork, train_ntk_network
from .regression import DenoisingRegression
from .reweighted import ReweightedLeastSquares, reweighted_least_squares
from .tangent import ntk

__all__ = [
    "DenoisingRegression",
    "KernelDescent",
    "NTKNetwork",
    "ReweightedLeastSquares",
    "ntk",
    "pattern_weights",
    "reweighted_least_squares",
    "train_ntk_network",
]
