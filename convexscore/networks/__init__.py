"""Trained networks as score models, their files and their export."""

from .conservative import ConservativeNetwork
from .gated import GatedNetwork, ScoreNetwork
from .two_layer import TwoLayerNetwork

__all__ = ["ConservativeNetwork", "GatedNetwork", "ScoreNetwork", "TwoLayerNetwork"]
