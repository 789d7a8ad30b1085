"""Trained networks as score models, their files and their export."""

from .gated import GatedNetwork, ScoreNetwork
from .two_layer import TwoLayerNetwork

__all__ = ["GatedNetwork", "ScoreNetwork", "TwoLayerNetwork"]
