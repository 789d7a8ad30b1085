"""Scores of trained networks: densities, levels of noise, and other variables for the same score."""

from .bands import Band, Bands
from .changes_of_variables import denoise_many, from_denoiser, posterior_covariance, to_denoiser, ve, vp
from .density import ScoreDensity
from .noise_conditional import NoiseConditionalScore
from .planar_density import ConservativeDensity

__all__ = [
    "Band",
    "Bands",
    "ConservativeDensity",
    "NoiseConditionalScore",
    "ScoreDensity",
    "denoise_many",
    "from_denoiser",
    "posterior_covariance",
    "to_denoiser",
    "ve",
    "vp",
]
