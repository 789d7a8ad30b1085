"""Samples of several shapes, and pools fitted to them once."""

from functools import cache

import numpy as np

import convexscore as cs

KINDS = ("line", "network", "mixture", "transformed")


def sample(name, n=60, seed=0):
    rng = np.random.default_rng(seed)
    return {
        "gaussian": lambda: rng.standard_normal(n),
        "groups": lambda: np.where(rng.random(n) < 0.3, -2.0, 1.0) + 0.5 * rng.standard_normal(n),
        "skewed": lambda: rng.standard_gamma(1.2, n),
        "left": lambda: -rng.standard_gamma(1.2, n),
        "tied": lambda: np.round(2 * rng.standard_t(4, n)) / 2,
        "heavy": lambda: rng.standard_t(2, n),
    }[name]()


@cache
def fitted(name, n=60, members=KINDS):
    return cs.PooledScore.fit(sample(name, n), members=members, rng=1)


SHAPES = ("gaussian", "groups", "skewed", "left", "tied", "heavy")
