"""Baselines: the non-convex training that the convex programs replace, done well."""

from .adam import train_adam
from .result import AdamResult
from .tuning import tune_adam

__all__ = ["AdamResult", "train_adam", "tune_adam"]
