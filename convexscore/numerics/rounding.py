"""How far rounding moves sums."""

from __future__ import annotations

import numpy as np

__all__ = ["rounding_of_sums"]


def rounding_of_sums(n_terms: int) -> float:
    """Return the relative rounding error of sums of products: those of n terms collect sqrt(n) of them."""
    return float((4 + np.sqrt(n_terms) / 4) * np.finfo(float).eps)
