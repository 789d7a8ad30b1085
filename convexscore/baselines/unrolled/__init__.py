"""Residual networks that unroll a variational denoiser: explicit weights, an error bound, training."""

from .denoiser import UnrolledDenoiser
from .training import TrainedDenoiser

__all__ = ["TrainedDenoiser", "UnrolledDenoiser"]
