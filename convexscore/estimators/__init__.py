"""Estimators with scikit-learn's conventions, imported when they are asked for."""

from .score_estimator import ConvexScoreEstimator

__all__ = ["ConvexScoreEstimator"]
