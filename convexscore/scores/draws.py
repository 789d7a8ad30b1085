"""Draws of noise that cancel as far as they can: orthogonal frames with antithetic pairs.

The labels of denoising are the draws themselves, ``-xi / sigma``, and most of a small level's error is
theirs.  So the draws of one sample are ``+r_j q`` and ``-r_j q`` for the columns ``q`` of a random rotation:
each one is Gaussian, their sum is zero, and their second moment is nearly that of the law, so that scores
that are linear about a sample see little noise of the labels.  Radii come from equal parts of their
law, first within the draws of a sample, then over all samples, and are scaled to the right mean square.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
from scipy.special import gammaincinv

from .._support.seeds import generator
from .._support.sizes import as_size
from .._support.validation import FloatArray
from ..objectives import DenoisingScoreMatching, ExpectedDenoising

__all__ = ["balanced_normals", "level_objectives"]


def balanced_normals(n: int, d: int, n_draws: int, rng: np.random.Generator) -> FloatArray:
    """Return standard normal draws, balanced for each sample.

    Parameters
    ----------
    n : int
        Number of samples.
    d : int
        Number of features.
    n_draws : int
        Draws of each sample; whole frames are multiples of ``2 d``.
    rng : Generator
        Source of rotations and radii.

    Returns
    -------
    ndarray of shape (n_draws, n, d)

    Examples
    --------
    >>> import numpy as np
    >>> from convexscore.scores.draws import balanced_normals
    >>> xi = balanced_normals(50, 2, 4, np.random.default_rng(0))
    >>> bool(np.abs(xi.sum(axis=0)).max() < 1e-12), round(float((xi**2).mean()), 9)
    (True, 1.0)
    """
    frames = -(-n_draws // (2 * d))
    turns, upper = np.linalg.qr(rng.standard_normal((n, frames, d, d)))
    # Signs that make the rotations uniform (Mezzadri 2007).
    turns = turns * np.sign(np.diagonal(upper, axis1=-2, axis2=-1))[..., None, :]
    part = np.stack([rng.permutation(n) for _ in range(frames)], axis=1)
    place = (part + rng.uniform(size=(n, frames))) / n
    # In any order, so that every draw by itself has the whole law.
    stratum = rng.permuted(np.tile(np.arange(frames), (n, 1)), axis=1)
    square = 2 * gammaincinv(0.5 * d, (stratum + place) / frames)
    radius = np.sqrt(square * (d / square.mean()))
    arms = radius[..., None, None] * np.swapaxes(turns, -2, -1)
    # Pairs next to each other, so that an even number of draws keeps them whole.
    both = np.stack([arms, -arms], axis=3).reshape(n, 2 * d * frames, d)
    return np.ascontiguousarray(np.swapaxes(both[:, :n_draws], 0, 1))


def level_objectives(
    data: FloatArray, drawn: int | None, balanced: bool, rng: np.random.Generator | int | None
) -> tuple[Callable[[float], DenoisingScoreMatching | ExpectedDenoising], int | None]:
    """Return what makes the objective of a level, and how many samples in it are copies of one.

    None for a noise that is integrated out; plain draws count as samples of their own.
    """
    if drawn is None:
        return partial(DenoisingScoreMatching.expected, data), None
    as_size("n_draws", drawn, minimum=1, each=data.size)
    source, repeated = generator(rng, "NoiseConditionalScore.fit"), np.tile(data, (drawn, 1))
    if balanced:
        n, d = data.shape
        delta = balanced_normals(n, d, drawn, source).reshape(repeated.shape)
    else:
        delta = source.standard_normal(repeated.shape)
    return partial(_noisy, repeated, delta), drawn if balanced else 1


def _noisy(repeated: FloatArray, delta: FloatArray, sigma: float) -> DenoisingScoreMatching:
    """Return the objective at one level."""
    return DenoisingScoreMatching(repeated + sigma * delta, -delta / sigma)
