"""Literal twins of what the univariate programs compute fast."""

import numpy as np


def literal_correlation(objective, network, activation, positions):
    """The largest |sum_i w_i (sigma(x_i - t) z_i + sigma'(x_i - t))| over sides, ties and positions."""
    x, w = objective.X[:, 0], objective.weights
    z = network(x) - objective.targets[:, 0]
    largest = 0.0
    for t in positions:
        for side in (1.0, -1.0):
            pre = side * (x - t)
            for tie in (0.0, 1.0):
                if activation == "relu":
                    value, slope = np.maximum(pre, 0), np.where(pre > 0, 1.0, np.where(pre == 0, tie, 0.0))
                else:
                    value = np.abs(pre)
                    slope = np.where(pre > 0, 1.0, np.where(pre == 0, 2 * tie - 1, -1.0))
                trace = side * slope * objective.has_trace
                largest = max(largest, abs(w @ (value * z + trace)))
    return largest
