"""As few neurons as the data can tell apart: more of them make the same score in several ways."""

from __future__ import annotations

import numpy as np

from ..._support.validation import FloatArray

__all__ = ["basic_coefficients"]

# Singular values below this share of the largest are zero.
_RANK = 1e-11


def basic_coefficients(
    columns: FloatArray, price: FloatArray, coefficients: FloatArray, beta: float
) -> FloatArray:
    """Return coefficients with the same fitted field, no larger objective, and no more of them than its rank.

    Along a vector that the columns map to zero the objective ``price'a + beta sum |a|`` is linear up to where
    the first coefficient vanishes; it is followed downwards, and once more without that neuron.

    Parameters
    ----------
    columns : ndarray of shape (n_rows, n_neurons)
        The neurons' fields.
    price : ndarray of shape (n_neurons,)
        What each coefficient adds to the objective beside the field's square and the weight decay.
    coefficients : ndarray of shape (n_neurons,)
        These, none zero.
    beta : float
        Weight decay.

    Returns
    -------
    ndarray of shape (n_neurons,)
        Zero for neurons that are not needed.
    """
    _, size, right = np.linalg.svd(columns, full_matrices=True)
    rank = int((size > _RANK * size.max(initial=0.0)).sum())
    null, found = right[rank:].T.copy(), coefficients.copy()
    while null.shape[1]:
        # The vector that is surest to move: its entries are the farthest from rounding.
        largest = int(np.argmax(np.abs(null).max(axis=0)))
        null[:, [0, largest]] = null[:, [largest, 0]]
        along = null[:, 0]
        if (price + beta * np.sign(found)) @ along > 0:
            along = -along
        with np.errstate(divide="ignore", invalid="ignore"):
            reach = np.where(along * found < 0, -found / along, np.inf)
        first = int(np.argmin(reach))
        if np.isinf(reach[first]):
            # All grow: downwards that never ends, so this is rounding of a level objective.
            along, reach = -along, found / along
            reach[reach <= 0] = np.inf
            first = int(np.argmin(reach))
        found += reach[first] * along
        found[first] = 0.0
        null = null[:, 1:] - np.outer(along, null[first, 1:] / along[first])
        null[first] = 0.0
    return found
