"""Means over independent trials, with their standard errors."""

import numpy as np


def mean_and_error(values):
    """Return the mean and its standard error, which is NaN of one value."""
    values = np.asarray(values, dtype=float)
    error = values.std(ddof=1) / np.sqrt(values.size) if values.size > 1 else np.nan
    return float(values.mean()), float(error)
