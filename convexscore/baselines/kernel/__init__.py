"""The kernel of very wide networks, its descent in closed form, and its tie to the convex programs."""

from .descent import KernelDescent
from .network import NTKNetwork, train_ntk_network
from .regression import DenoisingRegression
from .tangent import ntk

__all__ = ["DenoisingRegression", "KernelDescent", "NTKNetwork", "ntk", "train_ntk_network"]
