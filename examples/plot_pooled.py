"""
Pooled scores on the galaxies
=============================

Who votes in a pool, and what held-out data say.

Run: ``python examples/plot_pooled.py [figure.png]``

82 velocities of galaxies in the Corona Borealis region, a classic of density estimation: groups of unequal
size that are far from each other, whose shares score matching does not see. Ten folds, held out in turn.
"""

import sys

import matplotlib.pyplot as plt
import numpy as np
from scipy.stats import gaussian_kde, norm

import convexscore as cs

velocities = cs.datasets.load_galaxies()["velocity_km_s"] / 1000


def pooled(x):
    return cs.PooledScore.fit(x, rng=0).logpdf


def kernels(x):
    return gaussian_kde(x, "silverman").logpdf


def gaussian(x):
    return norm(x.mean(), x.std()).logpdf


def held_out(fit, x, n_folds=10):
    """The mean log-likelihood of points that the fit has not seen."""
    fold = np.arange(x.size) % n_folds
    return np.concatenate([fit(x[fold != k])(x[fold == k]) for k in range(n_folds)]).mean()


def main(path="pooled.png"):
    grid = np.linspace(5, 40, 700)
    figure, ax = plt.subplots(figsize=(7, 4), layout="constrained")
    ax.hist(velocities, bins=35, range=(5, 40), density=True, color="0.88", label="82 galaxies")
    for name, fit, style in (
        ("pooled score", pooled, {"color": "#1f3b57", "lw": 2}),
        ("kernel density, Silverman", kernels, {"color": "#c8553d", "ls": "--"}),
        ("Gaussian", gaussian, {"color": "0.5", "ls": ":"}),
    ):
        gain = held_out(fit, velocities)
        print(f"{name:26} held-out log-likelihood a point {gain:.3f}")
        ax.plot(grid, np.exp(fit(velocities)(grid)), label=f"{name}: {gain:.2f} a held-out point", **style)
    print(cs.PooledScore.fit(velocities, rng=0))
    ax.plot(velocities, np.zeros_like(velocities), "|", color="0.3", clip_on=False)
    ax.set(xlabel="velocity (1000 km/s)", ylabel="density", xlim=(5, 40), ylim=(0, 0.36))
    ax.legend(frameon=False)
    figure.savefig(path, dpi=120)


if __name__ == "__main__":
    main(*sys.argv[1:])
